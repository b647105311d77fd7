//! The WHIP and WHEP resources that exist at this moment.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use serde::Deserialize;
use sfu::id::PeerId;

use crate::auth::Grant;
use crate::conference::{Actor, PeopleCommand};
use crate::conference_task::ConferenceHandle;
use crate::fresh;
use crate::ids::{ConferenceId, ParticipantId};
use crate::refusal::{ErrorCode, Refusal};
use crate::rest::ApiError;

/// The last part of a resource's URL: 128 random bits, so that it cannot be guessed.
#[derive(Clone, Deserialize, Eq, Hash, PartialEq)]
#[serde(transparent)]
pub struct ResourceId(String);

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResourceId(…)")
    }
}

/// One participant that came by HTTP.
#[derive(Clone, Debug)]
pub struct Resource {
    /// With which it came.
    pub grant: Grant,
    /// Where it is.
    pub conference: ConferenceHandle,
    /// Who it is.
    pub participant: ParticipantId,
    /// Its peer.
    pub peer: PeerId,
    /// Where we can be reached, as lines of SDP.
    pub candidates: String,
    /// The ufrags of the client's ICE session.
    pub ufrags: Vec<String>,
}

impl Resource {
    /// The participant leaves.
    pub(super) async fn leave(&self, participant: ParticipantId) -> Result<(), Refusal> {
        let actor = Actor::participant(participant);
        self.conference.change(actor, PeopleCommand::Leave).await
    }
}

/// Whether the bearer is the one with whose token something was made, if perhaps with a newer token.
fn is_the_same(own: &Grant, conference: &ConferenceId, grant: &Grant) -> bool {
    (own.subject(), own.site(), own.role()) == (grant.subject(), grant.site(), grant.role())
        && grant.is_for(conference)
}

/// Resources that have ended and are still known, so that ending them once more is no mistake. Of
/// more the oldest is forgotten: ending that is answered as if it had never been.
const MAX_ENDED: usize = 1_024;

/// One that has ended.
#[derive(Debug)]
struct Ended {
    id: ResourceId,
    grant: Grant,
    conference: ConferenceId,
}

/// All of them. The number of those that live is bounded by that of participants.
#[derive(Debug, Default)]
pub struct Resources(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    live: HashMap<ResourceId, (Resource, String)>,
    /// The one that ended first comes first.
    ended: VecDeque<Ended>,
}

impl Resources {
    /// Remembers a resource with its first `ETag`.
    pub(super) fn insert(&self, resource: Resource, etag: String) -> ResourceId {
        let id = ResourceId(fresh::secret().reveal());
        self.known().live.insert(id.clone(), (resource, etag));
        id
    }

    /// The resource and its `ETag`.
    pub(super) fn find(
        &self,
        grant: &Grant,
        conference: &ConferenceId,
        id: &ResourceId,
    ) -> Result<(Resource, String), ApiError> {
        let found = self.known().live.get(id).cloned();
        let (resource, etag) = found
            .filter(|(resource, _)| resource.conference.id() == conference)
            .ok_or_else(unknown)?;
        check_owner(&resource.grant, conference, grant)?;
        Ok((resource, etag))
    }

    /// The resource, or nothing if it has ended already.
    pub(super) fn find_to_end(
        &self,
        grant: &Grant,
        conference: &ConferenceId,
        id: &ResourceId,
    ) -> Result<Option<Resource>, ApiError> {
        let known = self.known();
        let is_it = |one: &&Ended| one.id == *id && one.conference == *conference;
        if let Some(ended) = known.ended.iter().find(is_it) {
            return check_owner(&ended.grant, conference, grant).map(|()| None);
        }
        drop(known);
        self.find(grant, conference, id)
            .map(|(resource, _)| Some(resource))
    }

    /// Another ICE session has begun, whose client has this ufrag.
    pub(super) fn renew(&self, id: &ResourceId, etag: String, ufrag: String) {
        if let Some((resource, current)) = self.known().live.get_mut(id) {
            *current = etag;
            resource.ufrags = vec![ufrag];
        }
    }

    /// It has ended.
    pub(super) fn remove(&self, id: &ResourceId) {
        let mut known = self.known();
        let Some((resource, _)) = known.live.remove(id) else {
            return;
        };
        if known.ended.len() >= MAX_ENDED {
            known.ended.pop_front();
        }
        known.ended.push_back(Ended {
            id: id.clone(),
            conference: resource.conference.id().clone(),
            grant: resource.grant,
        });
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known().live.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known().live.is_empty()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown() -> ApiError {
    let message = "there is no such session: it has ended";
    ApiError::new(StatusCode::NOT_FOUND, ErrorCode::SessionUnknown, message)
}

fn check_owner(own: &Grant, conference: &ConferenceId, grant: &Grant) -> Result<(), ApiError> {
    if is_the_same(own, conference, grant) {
        Ok(())
    } else {
        Err(ApiError::not_permitted(
            "the session belongs to somebody else",
        ))
    }
}
