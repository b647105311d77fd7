//! The door of the state machine: who may ask, and which subject answers.

use jiff::Timestamp;

use crate::conference::actor::{Actor, Who};
use crate::conference::command::Command;
use crate::conference::event::Event;
use crate::conference::people::{Participant, PeopleCommand};
use crate::conference::phase::{Phase, PhaseCommand};
use crate::conference::state::State;
use crate::ids::ParticipantId;
use crate::refusal::{ErrorCode, Refusal};

/// What will have happened if `command` is carried out at `now`. Changes nothing.
///
/// An empty list is success too: things already are as they should be.
///
/// # Errors
/// When the actor may not do it, or it makes no sense in this state.
pub fn decide(
    state: &State,
    now: Timestamp,
    actor: &Actor,
    command: Command,
) -> Result<Vec<Event>, Refusal> {
    if state.seq == 0 {
        match command {
            Command::Phase(PhaseCommand::Create { .. }) => {}
            // What the server says to all conferences is nothing to one that is not there.
            Command::Clock(_) | Command::People(PeopleCommand::Interrupt { .. }) => {
                return Ok(Vec::new());
            }
            _ => {
                return Err(Refusal::new(
                    ErrorCode::ConferenceUnknown,
                    "there is no such conference",
                ));
            }
        }
    }
    if let Who::Bearer(grant) = actor.who()
        && !grant.is_for(&state.id)
    {
        return Err(Refusal::not_permitted(
            "the token is for another conference",
        ));
    }
    let by = state.permit(actor, command.needs())?;
    match command {
        Command::Phase(command) => state.decide_phase(by, command),
        Command::Roster(command) => state.decide_roster(by, command),
        Command::People(command) => state.decide_people(now, actor, by, command),
        Command::Sources(command) => state.decide_sources(actor, &by, command),
        Command::Floor(command) => state.decide_floor(now, actor, by, command),
        Command::Stage(command) => state.decide_stage(by, command),
        Command::Clock(command) => Ok(state.decide_clock(now, command)),
    }
}

impl State {
    /// A participant that is present or lost.
    pub(in crate::conference) fn person(&self, id: ParticipantId) -> Result<&Participant, Refusal> {
        self.people.get(id).ok_or_else(|| Refusal::unknown(id))
    }

    pub(in crate::conference) fn require_running(&self) -> Result<(), Refusal> {
        match self.phase() {
            Phase::Running => Ok(()),
            Phase::Scheduled => Err(Refusal::new(
                ErrorCode::ConferenceNotRunning,
                "the conference has not begun",
            )),
            Phase::Ended => Err(self.ended()),
        }
    }

    pub(in crate::conference) fn require_not_ended(&self) -> Result<(), Refusal> {
        if self.phase() == Phase::Ended {
            Err(self.ended())
        } else {
            Ok(())
        }
    }

    fn ended(&self) -> Refusal {
        Refusal::new(
            ErrorCode::ConferenceNotRunning,
            format!("the conference {} has ended", self.id),
        )
    }
}
