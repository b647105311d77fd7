//! How somebody comes in, or back: the first message of a WebSocket.

use serde::{Deserialize, Serialize};

use crate::ids::{RequestId, SessionId};

/// Coming in.
#[derive(
    Clone, Deserialize, Eq, PartialEq, Serialize, strum::IntoStaticStr, strum::VariantNames,
)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
#[strum(serialize_all = "camelCase")]
pub enum OpeningMessage {
    /// Join with a token.
    Join {
        /// Must be [`VERSION`](crate::protocol::VERSION).
        protocol: u32,
        /// A JWT.
        token: String,
    },
    /// Come back as the same participant.
    Resume {
        /// Must be [`VERSION`](crate::protocol::VERSION).
        protocol: u32,
        /// From `welcome`.
        session: SessionId,
        /// From `welcome`.
        secret: String,
    },
}

impl OpeningMessage {
    /// None: it is answered by `welcome`.
    pub const fn id(&self) -> Option<RequestId> {
        match self {
            Self::Join { .. } | Self::Resume { .. } => None,
        }
    }
}
