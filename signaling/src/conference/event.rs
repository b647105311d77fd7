//! What has happened in a conference: the only thing that is stored of it.
//!
//! The JSON of these types is kept for years: a field may be added with a default, never changed.
//! It is flat: `kind` says which event it is, and that says which subject it belongs to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::conference::clock::ClockEvent;
use crate::conference::floor::FloorEvent;
use crate::conference::people::PeopleEvent;
use crate::conference::phase::PhaseEvent;
use crate::conference::roster::RosterEvent;
use crate::conference::sources::SourcesEvent;
use crate::conference::stage::StageEvent;
use crate::flat::by_subject;
use crate::ids::{ParticipantId, TokenId};

/// An event with its place in the log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// From 1, without gaps.
    pub seq: u64,
    /// When, by the wall clock; before the record that precedes it only if this one says that the
    /// clock was set back.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// Who caused an event.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum By {
    /// A participant, over its session. Its `joined` says whom it was let in as.
    Participant(ParticipantId),
    /// The bearer of a token, over REST.
    Bearer(Bearer),
    /// The bearer of a token over REST, as the first servers wrote it: by the token's subject
    /// alone, and never for what was done on a participant's behalf.
    Subject(String),
    /// The server.
    System,
}

/// A program, or a person with one, that acts with a token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bearer {
    /// The token's subject, or `account:` and the id of the account of somebody who had logged in.
    pub subject: String,
    /// The name of a person who had logged in: accounts come and go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The token's id, with which it can be revoked, or that of the login.
    pub token: TokenId,
    /// For whom it did what is otherwise this participant's own to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<ParticipantId>,
}

by_subject! {
    /// Something that has happened, by subject.
    #[derive(Clone, Debug, Eq, PartialEq, utoipa::ToSchema)]
    pub enum Event by "kind" {
        /// The conference as a whole.
        Phase(PhaseEvent),
        /// Who is expected.
        Roster(RosterEvent),
        /// Who is here.
        People(PeopleEvent),
        /// A participant's media.
        Sources(SourcesEvent),
        /// The floor.
        Floor(FloorEvent),
        /// The stage.
        Stage(StageEvent),
        /// Time.
        Clock(ClockEvent),
    }
}
