//! How people came and went.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::auth::{Role, SecretHash, Verb, Verbs, Withdrawn};
use crate::conference::event::By;
use crate::ids::{ParticipantId, SessionId, SiteCode, TokenId};

/// Somebody came or went.
#[derive(
    Clone,
    Debug,
    Deserialize,
    Eq,
    PartialEq,
    Serialize,
    strum::IntoStaticStr,
    strum::VariantNames,
    utoipa::ToSchema,
)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[strum(serialize_all = "camelCase")]
pub enum PeopleEvent {
    /// Somebody came in.
    Joined {
        /// Who.
        participant: ParticipantId,
        /// Its session.
        session: SessionId,
        /// Hash of the session's secret.
        #[schema(ignore)]
        secret: SecretHash,
        /// The token's subject.
        subject: String,
        /// The token's role.
        role: Role,
        /// The token's site.
        site: Option<SiteCode>,
        /// What people call it.
        name: String,
        /// The token's id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<TokenId>,
        /// When the token ceases to be valid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(rename = "expiresAt", value_type = Option<String>, format = DateTime)]
        expires_at: Option<Timestamp>,
        /// Its media is refused from the start: it was muted when it was last here.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        muted: bool,
        /// Only its sound is; its picture is not.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[schema(rename = "soundOnly")]
        sound_only: bool,
        /// The verbs that the token is for, if it names any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Vec<Verb>>)]
        scope: Option<Verbs>,
    },
    /// Its connection broke.
    Lost {
        /// Who.
        participant: ParticipantId,
    },
    /// It came back with its session.
    Regained {
        /// Who.
        participant: ParticipantId,
    },
    /// It gave no sign of life, and another device of its place goes on as this participant.
    TakenOver {
        /// Who.
        participant: ParticipantId,
        /// The new session.
        session: SessionId,
        /// Hash of the new session's secret.
        #[schema(ignore)]
        secret: SecretHash,
        /// The subject of the new device's token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<String>,
        /// The id of the new device's token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<TokenId>,
        /// When that token ceases to be valid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(rename = "expiresAt", value_type = Option<String>, format = DateTime)]
        expires_at: Option<Timestamp>,
        /// The verbs that that token is for, if it names any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Vec<Verb>>)]
        scope: Option<Verbs>,
    },
    /// It is gone.
    Left {
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: LeaveReason,
        /// Who caused it.
        by: By,
    },
    /// It is being sent away, and may not come in again with the same site or subject and role.
    Barred {
        /// Who.
        participant: ParticipantId,
        /// Who said so.
        by: By,
    },
    /// Who was sent away may come in again.
    Readmitted {
        /// Who; as in `barred`.
        participant: ParticipantId,
        /// Who said so.
        by: By,
    },
    /// The server was down: whoever was present has lost its connection, and the time to come
    /// back counts from here for everybody.
    Interrupted {
        /// Until when the server is known to have been up: nobody was present after it. The first
        /// servers did not say; then it is the time of the event before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(rename = "upUntil", value_type = Option<String>, format = DateTime)]
        up_until: Option<Timestamp>,
    },
}

impl PeopleEvent {
    /// Who came in by it, or came back.
    pub(crate) const fn entered(&self) -> Option<ParticipantId> {
        match self {
            Self::Joined { participant, .. }
            | Self::Regained { participant }
            | Self::TakenOver { participant, .. } => Some(*participant),
            Self::Lost { .. }
            | Self::Left { .. }
            | Self::Barred { .. }
            | Self::Readmitted { .. }
            | Self::Interrupted { .. } => None,
        }
    }

    /// Whether somebody had to go by it for another device of the same place.
    pub(crate) const fn makes_room(&self) -> bool {
        match self {
            Self::TakenOver { .. } => true,
            Self::Left { reason, .. } => matches!(reason, LeaveReason::TakenOver),
            Self::Joined { .. }
            | Self::Lost { .. }
            | Self::Regained { .. }
            | Self::Barred { .. }
            | Self::Readmitted { .. }
            | Self::Interrupted { .. } => false,
        }
    }
}

/// Why a participant is gone.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum LeaveReason {
    /// It said goodbye.
    Left,
    /// It was lost and did not come back in time.
    TimedOut,
    /// A moderator sent it away.
    Removed,
    /// A further device of its place came, and there was no other seat.
    TakenOver,
    /// Its token was taken back.
    TokenRevoked,
    /// Its token's time was over.
    TokenExpired,
    /// Its site is not invited any more.
    NotInvited,
}

impl From<Withdrawn> for LeaveReason {
    fn from(why: Withdrawn) -> Self {
        match why {
            Withdrawn::TakenBack => Self::TokenRevoked,
            Withdrawn::NotInvited => Self::NotInvited,
        }
    }
}
