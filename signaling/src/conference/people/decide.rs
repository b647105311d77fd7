//! Who answers what is asked about people.

use jiff::Timestamp;

use super::PeopleCommand;
use crate::conference::actor::Actor;
use crate::conference::event::{By, Event};
use crate::conference::state::State;
use crate::refusal::Refusal;

impl State {
    pub(in crate::conference) fn decide_people(
        &self,
        now: Timestamp,
        actor: &Actor,
        by: By,
        command: PeopleCommand,
    ) -> Result<Vec<Event>, Refusal> {
        match command {
            PeopleCommand::Join(join) => self.decide_join(&join),
            PeopleCommand::Resume { session, secret } => self.decide_resume(session, secret),
            PeopleCommand::Lost { participant } => self.decide_lost(participant),
            PeopleCommand::Leave => Ok(self.decide_leave(actor.whose()?, &by)),
            PeopleCommand::Remove { participant } => self.decide_remove(&by, participant),
            PeopleCommand::Readmit { participant } => self.decide_readmit(by, participant),
            PeopleCommand::Expel { participant, why } => self.decide_expel(participant, why),
            PeopleCommand::Supersede { participant } => self.decide_supersede(participant),
            PeopleCommand::Interrupt { up_until } => Ok(self.decide_interrupt(now, up_until)),
        }
    }
}
