//! What a client sends. Strict: an unknown type or field is refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::condition::Capture;
use super::line::Heard;
use crate::conference::{Place, Source};
use crate::ids::{ParticipantId, RequestId, SessionId};

/// A message from a client.
///
/// Variants without fields are written `Leave {}`: serde ignores `deny_unknown_fields` on unit
/// variants.
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
pub enum ClientMessage {
    /// Join with a token. First message of a WebSocket.
    Join {
        /// Must be [`VERSION`](super::VERSION).
        protocol: u32,
        /// A JWT.
        token: String,
    },
    /// Come back as the same participant. First message of a WebSocket.
    Resume {
        /// Must be [`VERSION`](super::VERSION).
        protocol: u32,
        /// From `welcome`.
        session: SessionId,
        /// From `welcome`.
        secret: String,
    },
    /// The one offer of a peer connection.
    Offer {
        /// Request id.
        id: RequestId,
        /// The SDP.
        sdp: String,
        /// What each sending MID is.
        sources: BTreeMap<String, Source>,
    },
    /// New ICE credentials for the same peer connection.
    RestartIce {
        /// Request id.
        id: RequestId,
        /// The offer, which differs from the first in its ICE credentials only.
        sdp: String,
    },
    /// Point a video slot at one participant's camera.
    Watch {
        /// Request id.
        id: RequestId,
        /// MID of the slot.
        mid: String,
        /// Whom to show; `null` empties the slot.
        #[serde(deserialize_with = "required")]
        participant: Option<ParticipantId>,
    },
    /// What the receiver's machine can do with.
    Limit {
        /// Request id.
        id: RequestId,
        /// By MID of a video slot, how many layers at most, the lowest first; none: no picture.
        /// Slots that are not named have no limit.
        layers: BTreeMap<String, u8>,
    },
    /// A source begins or ceases to carry something.
    Publish {
        /// Request id.
        id: RequestId,
        /// Which source.
        source: Source,
        /// Begins if true.
        active: bool,
    },
    /// How it stands with the sender's own devices and line; see
    /// [`Condition`](super::Condition).
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
    /// Ask for the floor.
    RequestFloor {
        /// Request id.
        id: RequestId,
    },
    /// Take the request back.
    WithdrawFloor {
        /// Request id.
        id: RequestId,
    },
    /// Give the floor back.
    YieldFloor {
        /// Request id.
        id: RequestId,
    },
    /// This device speaks for its site from now on, instead of the one that does.
    SpeakHere {
        /// Request id.
        id: RequestId,
    },
    /// Give the floor to somebody.
    GrantFloor {
        /// Request id.
        id: RequestId,
        /// To whom.
        participant: ParticipantId,
        /// Who has it as far as the sender knows, `null` for nobody: refused if somebody else has.
        /// Left out: whoever has it.
        #[serde(
            default,
            deserialize_with = "given",
            skip_serializing_if = "Option::is_none"
        )]
        instead: Option<Option<ParticipantId>>,
    },
    /// Take the floor from its holder.
    RevokeFloor {
        /// Request id.
        id: RequestId,
        /// From whom; refused if it is somebody else's by now.
        participant: ParticipantId,
    },
    /// Put somebody on a place of the stage.
    SetStage {
        /// Request id.
        id: RequestId,
        /// Which place.
        place: Place,
        /// Whom; `null` returns the place to its rule.
        #[serde(deserialize_with = "required")]
        participant: Option<ParticipantId>,
    },
    /// Refuse or accept again the media of a participant.
    Mute {
        /// Request id.
        id: RequestId,
        /// Whose.
        participant: ParticipantId,
        /// Refuse if true.
        muted: bool,
        /// Only its sound; left out: its picture too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        sound_only: bool,
    },
    /// Send a participant away.
    Remove {
        /// Request id.
        id: RequestId,
        /// Whom.
        participant: ParticipantId,
    },
    /// Let somebody in again who was sent away.
    Readmit {
        /// Request id.
        id: RequestId,
        /// Whom.
        participant: ParticipantId,
    },
    /// What the page has seen and heard in the last seconds. Not answered.
    Quality(Heard),
    /// Asks for a `pong`.
    Ping {},
    /// Leaves the conference for good.
    Leave {},
}

/// `null` must be written: a forgotten field is a mistake, not a wish to empty something.
fn required<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(from)
}

/// A `null` that is written is another thing than nothing.
fn given<'de, D, T>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(from).map(Some)
}

impl ClientMessage {
    /// The request id, for messages that are answered with one.
    pub const fn id(&self) -> Option<RequestId> {
        match self {
            Self::Join { .. }
            | Self::Resume { .. }
            | Self::Quality(_)
            | Self::Ping {}
            | Self::Leave {} => None,
            Self::Offer { id, .. }
            | Self::RestartIce { id, .. }
            | Self::Watch { id, .. }
            | Self::Limit { id, .. }
            | Self::Publish { id, .. }
            | Self::Condition { id, .. }
            | Self::RequestFloor { id }
            | Self::WithdrawFloor { id }
            | Self::YieldFloor { id }
            | Self::SpeakHere { id }
            | Self::GrantFloor { id, .. }
            | Self::RevokeFloor { id, .. }
            | Self::SetStage { id, .. }
            | Self::Mute { id, .. }
            | Self::Remove { id, .. }
            | Self::Readmit { id, .. } => Some(*id),
        }
    }

    /// Every `type` on the wire.
    pub const KINDS: &[&str] = <Self as strum::VariantNames>::VARIANTS;

    /// The `type` on the wire.
    pub fn kind(&self) -> &'static str {
        self.into()
    }
}

/// Shows type and id only: tokens, secrets and SDP do not belong in logs.
impl std::fmt::Debug for ClientMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.kind())?;
        self.id().map_or(Ok(()), |id| write!(f, "#{}", id.get()))
    }
}
