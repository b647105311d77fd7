//! The WHIP and WHEP resources that exist at this moment.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use serde::Deserialize;
use sfu::id::PeerId;

use crate::auth::Grant;
use crate::conference::{Actor, Command, Refusal};
use crate::conference_task::ConferenceHandle;
use crate::ids::{ConferenceId, ParticipantId};
use crate::protocol::ErrorCode;
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
}

impl Resource {
    /// The participant leaves.
    pub(super) async fn leave(&self, participant: ParticipantId) -> Result<(), Refusal> {
        let actor = Actor::Participant(participant);
        self.conference
            .change(actor, Command::Leave { participant })
            .await
    }

    /// Whether the bearer is the one with whose token it was made, if perhaps with a newer token.
    fn belongs_to(&self, grant: &Grant) -> bool {
        let own = &self.grant;
        (own.subject(), own.site(), own.role()) == (grant.subject(), grant.site(), grant.role())
            && grant.is_for(self.conference.id())
    }
}

/// All of them. Their number is bounded by that of participants.
#[derive(Debug, Default)]
pub struct Resources(Mutex<HashMap<ResourceId, (Resource, String)>>);

impl Resources {
    /// Remembers a resource with its first `ETag`.
    pub(super) fn insert(&self, resource: Resource, etag: String) -> ResourceId {
        let id = ResourceId(crate::app::new_secret().reveal());
        self.map().insert(id.clone(), (resource, etag));
        id
    }

    /// The resource and its `ETag`.
    pub(super) fn find(
        &self,
        grant: &Grant,
        conference: &ConferenceId,
        id: &ResourceId,
    ) -> Result<(Resource, String), ApiError> {
        let found = self.map().get(id).cloned();
        let (resource, etag) = found
            .filter(|(resource, _)| resource.conference.id() == conference)
            .ok_or_else(|| {
                let message = "there is no such session: it has ended";
                ApiError::new(StatusCode::NOT_FOUND, ErrorCode::SessionUnknown, message)
            })?;
        if !resource.belongs_to(grant) {
            return Err(ApiError::not_permitted(
                "the session belongs to somebody else",
            ));
        }
        Ok((resource, etag))
    }

    /// Another ICE session has begun.
    pub(super) fn set_etag(&self, id: &ResourceId, etag: String) {
        if let Some((_, current)) = self.map().get_mut(id) {
            *current = etag;
        }
    }

    /// Forgets it.
    pub(super) fn remove(&self, id: &ResourceId) {
        self.map().remove(id);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map().is_empty()
    }

    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<ResourceId, (Resource, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
