//! Coming in, and coming back.

use crate::auth::{Grant, SecretHash};
use crate::conference::command::{Join, Refusal};
use crate::conference::event::Event;
use crate::conference::participants::Identity;
use crate::conference::state::State;
use crate::ids::SessionId;
use crate::protocol::ErrorCode;

impl State {
    pub(super) fn decide_join(&self, join: Join) -> Result<Vec<Event>, Refusal> {
        let Join {
            grant,
            participant,
            session,
            secret,
            no_room,
        } = join;
        if !grant.may_join() {
            return Err(Refusal::role(grant.role(), "join a conference"));
        }
        if !grant.is_for(&self.id) {
            return Err(Refusal::not_permitted(
                "the token is for another conference",
            ));
        }
        self.require_not_ended()?;
        let identity = Identity::new(grant.site(), grant.subject(), grant.role());
        if let Some(participant) = self.people.lost_as(&identity) {
            return Ok(vec![Event::TakenOver {
                participant,
                session,
                secret,
            }]);
        }
        // Whoever runs the conference comes in even when it is full.
        let limits_count = !grant.role().is_indispensable();
        if let Some(refusal) = no_room.filter(|_| limits_count) {
            return Err(refusal);
        }
        if limits_count && self.people.len() >= self.settings.max_participants {
            return Err(Refusal::new(
                ErrorCode::ConferenceFull,
                format!(
                    "the limit of {} participants is reached",
                    self.settings.max_participants
                ),
            ));
        }
        let name = self.name_for(&grant);
        Ok(vec![Event::Joined {
            participant,
            session,
            secret,
            subject: grant.subject().to_owned(),
            role: grant.role(),
            site: grant.site().cloned(),
            name,
        }])
    }

    /// The token's name, else the site's, else whom the token was made for.
    fn name_for(&self, grant: &Grant) -> String {
        let site = || {
            grant
                .site()
                .and_then(|code| self.roster.site(code))
                .map(|site| &*site.name)
        };
        grant
            .name()
            .or_else(site)
            .unwrap_or_else(|| grant.subject())
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
        Ok(vec![Event::Regained { participant }])
    }
}
