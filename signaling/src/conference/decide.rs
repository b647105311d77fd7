//! The door of the state machine: who may ask, and which subject answers.

use jiff::Timestamp;

use crate::conference::command::{Actor, Command, Who};
use crate::conference::event::{By, Event};
use crate::conference::mute::Muting;
use crate::conference::participants::Participant;
use crate::conference::phase::Phase;
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
            Command::Create { .. } => {}
            Command::Interrupt { .. } | Command::NoteClock { .. } | Command::Tick => {
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
    decide_by_subject(state, now, actor, by, command)
}

/// The subject of a command answers it, to somebody who may ask.
fn decide_by_subject(
    state: &State,
    now: Timestamp,
    actor: &Actor,
    by: By,
    command: Command,
) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Create {
            title,
            starts_at,
            roster,
        } => state.decide_create(by, title, starts_at, roster),
        Command::Amend { title, starts_at } => state.decide_amend(by, title, starts_at),
        Command::Delete => state.decide_delete(by),
        Command::SetRoster { roster } => state.decide_roster(by, roster),
        Command::Start => state.decide_start(by),
        Command::End => Ok(state.decide_end(by)),
        Command::Join(join) => state.decide_join(&join),
        Command::Resume { session, secret } => state.decide_resume(session, secret),
        Command::Lost { participant } => state.decide_lost(participant),
        Command::Leave => Ok(state.decide_leave(actor.whose()?, &by)),
        Command::Remove { participant } => state.decide_remove(&by, participant),
        Command::Readmit { participant } => state.decide_readmit(by, participant),
        Command::Expel { participant } => state.decide_expel(participant),
        Command::Supersede { participant } => state.decide_supersede(participant),
        Command::Interrupt { up_until } => Ok(state.decide_interrupt(now, up_until)),
        Command::NoteClock { set_by } => Ok(state.decide_clock(set_by)),
        Command::Tick => Ok(state.decide_tick(now)),
        Command::Publish { source, active } => state.decide_publish(actor.whose()?, source, active),
        Command::Unpublish { participant } => state.decide_unpublish(participant),
        Command::NoteMedia {
            participant,
            source,
            arriving,
        } => state.decide_arrival(participant, source, arriving),
        Command::NoteLine {
            participant,
            sound_only,
        } => state.decide_line(participant, sound_only),
        Command::Mute { participant, muted } => {
            state.decide_mute(&by, participant, Muting::new(muted, false))
        }
        Command::MuteSound { participant } => state.decide_mute(&by, participant, Muting::Sound),
        Command::RequestFloor => state.decide_request(by, actor.whose()?),
        Command::WithdrawFloor => state.decide_withdraw(by, actor.whose()?),
        Command::YieldFloor => state.decide_yield(&by, actor.whose()?),
        Command::SpeakHere => state.decide_speak_here(&by, actor.whose()?),
        Command::GrantFloor { participant } => state.decide_grant(now, by, participant),
        Command::PassFloor {
            participant,
            instead,
        } => state.decide_pass(now, by, participant, instead),
        Command::RevokeFloor { participant } => state.decide_revoke(now, by, participant),
        Command::SetStage { place, participant } => state.decide_stage(by, place, participant),
    }
}

impl State {
    /// A participant that is present or lost.
    pub(super) fn person(&self, id: ParticipantId) -> Result<&Participant, Refusal> {
        self.people.get(id).ok_or_else(|| Refusal::unknown(id))
    }

    pub(super) fn require_running(&self) -> Result<(), Refusal> {
        match self.phase {
            Phase::Running => Ok(()),
            Phase::Scheduled => Err(Refusal::new(
                ErrorCode::ConferenceNotRunning,
                "the conference has not begun",
            )),
            Phase::Ended => Err(self.ended()),
        }
    }

    pub(super) fn require_not_ended(&self) -> Result<(), Refusal> {
        if self.phase == Phase::Ended {
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
