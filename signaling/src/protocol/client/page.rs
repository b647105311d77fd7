//! What a page says of itself.

use serde::{Deserialize, Serialize};

use super::required;
use crate::ids::RequestId;
use crate::protocol::condition::Capture;
use crate::protocol::line::Heard;

/// About the page.
#[derive(
    Clone, Copy, Deserialize, Eq, PartialEq, Serialize, strum::IntoStaticStr, strum::VariantNames,
)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
#[strum(serialize_all = "camelCase")]
pub enum PageMessage {
    /// How it stands with the sender's own devices and line; see
    /// [`Condition`](crate::protocol::Condition).
    Condition {
        /// Request id.
        id: RequestId,
        /// `null` while nobody is to hear it.
        #[serde(deserialize_with = "required")]
        microphone: Option<Capture>,
        /// `null` while nobody is to see it.
        #[serde(deserialize_with = "required")]
        camera: Option<Capture>,
        /// Media does not come through.
        media_blocked: bool,
    },
    /// What the page has seen and heard in the last seconds. Not answered.
    Quality(Heard),
    /// Asks for a `pong`.
    Ping {},
}

impl PageMessage {
    /// The request id, for those that are answered with one.
    pub const fn id(&self) -> Option<RequestId> {
        match self {
            Self::Condition { id, .. } => Some(*id),
            Self::Quality(_) | Self::Ping {} => None,
        }
    }
}
