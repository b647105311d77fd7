//! What a client sends, by subject. Strict: an unknown type or field is refused.
//!
//! Variants without fields are written `Leave {}`: serde ignores `deny_unknown_fields` on unit
//! variants.

mod floor;
mod opening;
mod page;
mod peer;
mod people;
mod sources;
mod stage;

use std::fmt;

use serde::{Deserialize, Deserializer};

pub use floor::FloorMessage;
pub use opening::OpeningMessage;
pub use page::PageMessage;
pub use peer::PeerMessage;
pub use people::PeopleMessage;
pub use sources::SourcesMessage;
pub use stage::StageMessage;

use crate::flat::by_subject;
use crate::ids::RequestId;

by_subject! {
    /// A message from a client.
    #[derive(Clone, Eq, PartialEq)]
    pub enum ClientMessage by "type" {
        /// How somebody comes in.
        Opening(OpeningMessage),
        /// The peer connection.
        Peer(PeerMessage),
        /// The page itself.
        Page(PageMessage),
        /// A participant's media.
        Sources(SourcesMessage),
        /// The floor.
        Floor(FloorMessage),
        /// The stage.
        Stage(StageMessage),
        /// Who is here.
        People(PeopleMessage),
    }
}

impl ClientMessage {
    /// The request id, for messages that are answered with one.
    pub const fn id(&self) -> Option<RequestId> {
        match self {
            Self::Opening(message) => message.id(),
            Self::Peer(message) => message.id(),
            Self::Page(message) => message.id(),
            Self::Sources(message) => message.id(),
            Self::Floor(message) => message.id(),
            Self::Stage(message) => message.id(),
            Self::People(message) => message.id(),
        }
    }
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

/// Shows type and id only: tokens, secrets and SDP do not belong in logs.
fn show(f: &mut fmt::Formatter<'_>, kind: &str, id: Option<RequestId>) -> fmt::Result {
    f.write_str(kind)?;
    id.map_or(Ok(()), |id| write!(f, "#{}", id.get()))
}

impl fmt::Debug for ClientMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.kind(), self.id())
    }
}

/// The subjects' messages are shown alike.
macro_rules! shown {
    ($($message:ty),*) => {
        $(impl fmt::Debug for $message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                show(f, self.into(), self.id())
            }
        })*
    };
}

shown!(
    OpeningMessage,
    PeerMessage,
    PageMessage,
    SourcesMessage,
    FloorMessage,
    StageMessage,
    PeopleMessage
);
