//! Coming in, and coming back.
//!
//! A join is not a resume: only who has the session and its secret goes on with the floor. Whoever
//! comes with nothing but the link gets a seat of its own, or the place of a device that has shown
//! no sign of life, without what that device was allowed to say to everybody.

use super::seats::Identity;
use super::{Join, LeaveReason, PeopleEvent};
use crate::auth::{Grant, Role, SecretHash, Verb};
use crate::conference::event::{By, Event};
use crate::conference::floor::ReleaseReason;
use crate::conference::sources::{Muting, SourcesEvent};
use crate::conference::state::State;
use crate::ids::{ParticipantId, SessionId};
use crate::refusal::{ErrorCode, Refusal};

impl State {
    pub(super) fn decide_join(&self, join: &Join) -> Result<Vec<Event>, Refusal> {
        let grant = &join.grant;
        grant.permit(Verb::Join)?;
        if !grant.is_for(&self.id) {
            return Err(Refusal::not_permitted(
                "the token is for another conference",
            ));
        }
        self.require_not_ended()?;
        let identity = Identity::of(grant);
        if self.people.remembered().is_barred(&identity) {
            return Err(Refusal::new(
                ErrorCode::Removed,
                "an operator has sent this participant away: it comes in again when it is readmitted",
            ));
        }
        let seats = self.people.seats(&identity);
        if let Some(silent) = join.over.filter(|silent| seats.contains(silent)) {
            return Ok(self.take_over(silent, join));
        }
        let in_the_way = self.in_the_way(&identity);
        if in_the_way.is_empty() {
            self.require_room(grant.role(), join.no_room.as_ref())?;
        }
        let mut events: Vec<_> = in_the_way
            .into_iter()
            .flat_map(|device| self.departure(device, LeaveReason::TakenOver, &By::System))
            .collect();
        let muting = self.people.remembered().muting(&identity);
        events.push(Event::People(PeopleEvent::Joined {
            participant: join.participant,
            session: join.session,
            secret: join.secret,
            subject: grant.subject().to_owned(),
            role: grant.role(),
            site: grant.site().cloned(),
            name: self.name_for(grant),
            token: Some(grant.token().clone()),
            expires_at: Some(grant.expires_at()),
            muted: muting.is_muted(),
            sound_only: muting == Muting::Sound,
            scope: grant.rights().scope,
        }));
        Ok(events)
    }

    /// Whoever runs the conference comes in even when it is full.
    fn require_room(&self, role: Role, no_room: Option<&Refusal>) -> Result<(), Refusal> {
        if role.is_indispensable() {
            return Ok(());
        }
        if let Some(refusal) = no_room {
            return Err(refusal.clone());
        }
        let most = self.settings.max_participants;
        if self.people.len() >= most {
            return Err(Refusal::new(
                ErrorCode::ConferenceFull,
                format!("the limit of {most} participants is reached"),
            ));
        }
        Ok(())
    }

    /// The newcomer goes on in the place of a device that gave no sign of life: it keeps the turn
    /// in the queue, but is neither seen nor heard by everybody before somebody says so.
    fn take_over(&self, participant: ParticipantId, join: &Join) -> Vec<Event> {
        let mut events = self.stepping_down(participant, ReleaseReason::TakenOver, &By::System);
        let sources = self.people.get(participant).map(|person| &person.sources);
        events.extend(
            sources
                .into_iter()
                .flat_map(|sources| sources.keys())
                .map(|source| {
                    Event::Sources(SourcesEvent::SourceChanged {
                        participant,
                        source: *source,
                        active: false,
                    })
                }),
        );
        events.push(Event::People(PeopleEvent::TakenOver {
            participant,
            session: join.session,
            secret: join.secret,
            subject: Some(join.grant.subject().to_owned()),
            token: Some(join.grant.token().clone()),
            expires_at: Some(join.grant.expires_at()),
            scope: join.grant.rights().scope,
        }));
        events
    }

    /// The token's name, else the site's, else whom the token was made for; of a token that was
    /// made for nobody in particular, its role.
    fn name_for(&self, grant: &Grant) -> String {
        let site = || {
            grant
                .site()
                .and_then(|code| self.roster().site(code))
                .map(|site| &*site.name)
        };
        let subject = || {
            if grant.is_for_nobody_in_particular() {
                grant.role().as_str()
            } else {
                grant.subject()
            }
        };
        grant
            .name()
            .or_else(site)
            .unwrap_or_else(subject)
            .to_owned()
    }

    pub(super) fn decide_resume(
        &self,
        session: SessionId,
        secret: SecretHash,
    ) -> Result<Vec<Event>, Refusal> {
        let participant = self.resumable(session, secret)?;
        if self.person(participant)?.is_present() {
            return Ok(Vec::new());
        }
        Ok(vec![Event::People(PeopleEvent::Regained { participant })])
    }
}
