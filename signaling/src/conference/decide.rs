//! The door of the state machine: who may ask, and which subject answers.

use jiff::Timestamp;

use crate::auth::{Grant, Role, Verb};
use crate::conference::command::{Actor, Command};
use crate::conference::event::{Bearer, By, Event};
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
    match command {
        Command::Create {
            title,
            starts_at,
            roster,
        } => {
            return state.decide_create(actor, title, starts_at, roster);
        }
        Command::Interrupt { .. } | Command::NoteClock { .. } | Command::Tick if state.seq == 0 => {
            return Ok(Vec::new());
        }
        _ if state.seq == 0 => {
            return Err(Refusal::new(
                ErrorCode::ConferenceUnknown,
                "there is no such conference",
            ));
        }
        _ => {}
    }
    if let Actor::Bearer(grant) = actor
        && !grant.is_for(&state.id)
    {
        return Err(Refusal::not_permitted(
            "the token is for another conference",
        ));
    }
    decide_by_subject(state, now, actor, command)
}

/// The subject of a command answers it, in a conference that exists.
fn decide_by_subject(
    state: &State,
    now: Timestamp,
    actor: &Actor,
    command: Command,
) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Create { .. } => Ok(Vec::new()),
        Command::Amend { title, starts_at } => state.decide_amend(actor, title, starts_at),
        Command::Delete => state.decide_delete(actor),
        Command::SetRoster { roster } => state.decide_roster(actor, roster),
        Command::Start => state.decide_start(actor),
        Command::End => state.decide_end(actor),
        Command::Join(join) => state.decide_join(&join),
        Command::Resume { session, secret } => state.decide_resume(session, secret),
        Command::Lost { participant } => state.decide_lost(actor, participant),
        Command::Leave { participant } => state.decide_leave(actor, participant),
        Command::Remove { participant } => state.decide_remove(actor, participant),
        Command::Readmit { participant } => state.decide_readmit(actor, participant),
        Command::Expel { participant } => state.decide_expel(actor, participant),
        Command::Supersede { participant } => state.decide_supersede(actor, participant),
        Command::Interrupt { up_until } => state.decide_interrupt(now, actor, up_until),
        Command::NoteClock { set_by } => state.decide_clock(actor, set_by),
        Command::Tick => state.decide_tick(now, actor),
        Command::Publish {
            participant,
            source,
            active,
        } => state.decide_publish(actor, participant, source, active),
        Command::Unpublish { participant } => state.decide_unpublish(actor, participant),
        Command::NoteMedia {
            participant,
            source,
            arriving,
        } => state.decide_arrival(actor, participant, source, arriving),
        Command::NoteLine {
            participant,
            sound_only,
        } => state.decide_line(actor, participant, sound_only),
        Command::Mute { participant, muted } => {
            state.decide_mute(actor, participant, Muting::new(muted, false))
        }
        Command::MuteSound { participant } => state.decide_mute(actor, participant, Muting::Sound),
        Command::RequestFloor { participant } => state.decide_request(actor, participant),
        Command::WithdrawFloor { participant } => state.decide_withdraw(actor, participant),
        Command::YieldFloor { participant } => state.decide_yield(actor, participant),
        Command::SpeakHere { participant } => state.decide_speak_here(actor, participant),
        Command::GrantFloor { participant } => state.decide_grant(now, actor, participant),
        Command::PassFloor {
            participant,
            instead,
        } => state.decide_pass(now, actor, participant, instead),
        Command::RevokeFloor { participant } => state.decide_revoke(now, actor, participant),
        Command::SetStage { place, participant } => state.decide_stage(actor, place, participant),
    }
}

impl State {
    /// The role of the actor, with which it is judged. `None` for the system, which may all.
    fn role_of(&self, actor: &Actor) -> Result<Option<Role>, Refusal> {
        match actor {
            Actor::System => Ok(None),
            Actor::Bearer(grant) => Ok(Some(grant.role())),
            Actor::Participant(id) => self.person(*id).map(|person| Some(person.role)),
        }
    }

    /// Passes whoever may do `verb`, and says who that is for the log.
    pub(super) fn permit(
        &self,
        actor: &Actor,
        verb: Verb,
        refusal: &'static str,
    ) -> Result<By, Refusal> {
        match self.role_of(actor)? {
            Some(role) if !role.may(verb) => Err(Refusal::not_permitted(refusal)),
            _ => Ok(by(actor)),
        }
    }

    /// Passes the server itself only.
    pub(super) fn permit_system(actor: &Actor) -> Result<(), Refusal> {
        match actor {
            Actor::System => Ok(()),
            Actor::Participant(_) | Actor::Bearer(_) => {
                Err(Refusal::not_permitted("only the server itself may do this"))
            }
        }
    }

    /// Passes the participant itself, and whoever may moderate and acts on its behalf with a
    /// token; says who that is for the log.
    pub(super) fn permit_for(
        &self,
        actor: &Actor,
        participant: ParticipantId,
    ) -> Result<(&Participant, By), Refusal> {
        let by = match actor {
            Actor::Participant(id) if *id == participant => By::Participant(*id),
            Actor::Participant(_) => {
                return Err(Refusal::not_permitted(
                    "a participant may do this for itself only",
                ));
            }
            Actor::Bearer(grant) if grant.may_moderate() => bearer(grant, Some(participant)),
            Actor::Bearer(_) => {
                return Err(Refusal::not_permitted(
                    "only an operator or a chair may do this on behalf of a participant",
                ));
            }
            Actor::System => By::System,
        };
        Ok((self.person(participant)?, by))
    }

    /// Passes the participant itself and the system.
    pub(super) fn permit_self(
        &self,
        actor: &Actor,
        participant: ParticipantId,
    ) -> Result<&Participant, Refusal> {
        match actor {
            Actor::System => self.person(participant),
            Actor::Participant(id) if *id == participant => self.person(participant),
            Actor::Participant(_) | Actor::Bearer(_) => Err(Refusal::not_permitted(
                "a participant may do this for itself only",
            )),
        }
    }

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

/// How the log names an actor.
pub(super) fn by(actor: &Actor) -> By {
    match actor {
        Actor::Participant(id) => By::Participant(*id),
        Actor::Bearer(grant) => bearer(grant, None),
        Actor::System => By::System,
    }
}

fn bearer(grant: &Grant, on_behalf_of: Option<ParticipantId>) -> By {
    By::Bearer(Bearer {
        subject: grant.subject().to_owned(),
        token: grant.token().clone(),
        on_behalf_of,
    })
}
