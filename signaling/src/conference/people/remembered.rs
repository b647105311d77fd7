//! What is remembered of those who are not here: whom a moderator has muted or sent away, and whose
//! place another device has taken.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::seats::Identity;
use super::{Participant, PeopleEvent};
use crate::auth::{Role, SecretHash};
use crate::conference::event::{By, Event};
use crate::conference::sources::Muting;
use crate::conference::state::State;
use crate::ids::{ParticipantId, SessionId, SiteCode};
use crate::refusal::{ErrorCode, Refusal};

/// Most sessions that are told that another device has taken their place; the oldest is forgotten,
/// and is told that it has nothing to resume. Higher: a machine that wakes up late still learns
/// why. Lower: less memory.
const MAX_FORMER: usize = 1_024;

/// Somebody who was sent away.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Barred {
    /// As whom it was here last.
    pub participant: ParticipantId,
    /// What it was.
    pub role: Role,
    /// The site it spoke for.
    pub site: Option<SiteCode>,
    /// What people called it.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
}

/// What outlives a participant.
///
/// Only moderators add to the muted and the barred, one place for each thing that they do.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::conference) struct Remembered {
    muted: BTreeMap<Identity, Muting>,
    barred: BTreeMap<Identity, Barred>,
    former: BTreeMap<SessionId, SecretHash>,
    former_order: VecDeque<SessionId>,
}

impl Remembered {
    pub(in crate::conference) fn muting(&self, identity: &Identity) -> Muting {
        self.muted.get(identity).copied().unwrap_or_default()
    }

    pub(in crate::conference) fn set_muting(&mut self, identity: Identity, muting: Muting) {
        if muting.is_muted() {
            self.muted.insert(identity, muting);
        } else {
            self.muted.remove(&identity);
        }
    }

    pub(in crate::conference) fn is_barred(&self, identity: &Identity) -> bool {
        self.barred.contains_key(identity)
    }

    pub(in crate::conference) fn barred(&self) -> impl ExactSizeIterator<Item = &Barred> {
        self.barred.values()
    }

    pub(super) fn bar(&mut self, id: ParticipantId, person: &Participant, since: Timestamp) {
        let barred = Barred {
            participant: id,
            role: person.role,
            site: person.site.clone(),
            name: person.name.clone(),
            since,
        };
        self.barred.insert(person.identity(), barred);
    }

    pub(super) fn readmit(&mut self, id: ParticipantId) {
        self.barred.retain(|_, barred| barred.participant != id);
    }

    /// Whether this session ended because another device took its place.
    pub(in crate::conference) fn was_taken_over(
        &self,
        session: SessionId,
        secret: SecretHash,
    ) -> bool {
        self.former.get(&session) == Some(&secret)
    }

    pub(in crate::conference) fn knows_session(&self, session: SessionId) -> bool {
        self.former.contains_key(&session)
    }

    /// The session of this participant has lost its place to another device.
    pub(in crate::conference) fn taken_over(&mut self, person: &Participant) {
        if self.former.insert(person.session, person.secret).is_none() {
            self.former_order.push_back(person.session);
        }
        if self.former_order.len() > MAX_FORMER
            && let Some(oldest) = self.former_order.pop_front()
        {
            self.former.remove(&oldest);
        }
    }
}

impl State {
    /// A moderator lets somebody in again who was sent away.
    pub(super) fn decide_readmit(
        &self,
        by: By,
        participant: ParticipantId,
    ) -> Result<Vec<Event>, Refusal> {
        if !self
            .barred()
            .any(|barred| barred.participant == participant)
        {
            return Err(Refusal::new(
                ErrorCode::ParticipantUnknown,
                format!("no participant {participant} was sent away from this conference"),
            ));
        }
        Ok(vec![Event::People(PeopleEvent::Readmitted {
            participant,
            by,
        })])
    }

    /// Those who were sent away and may not come in.
    pub fn barred(&self) -> impl ExactSizeIterator<Item = &Barred> {
        self.people.remembered().barred()
    }
}
