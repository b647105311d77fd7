//! Why a connection was closed.

use serde::{Deserialize, Serialize};

use crate::conference::LeaveReason;

/// Why the server closes a connection on purpose, as in `closing` and in the close frame.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    PartialEq,
    Serialize,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CloseReason {
    /// Not understood.
    BadMessage,
    /// A frame over the limit.
    TooLarge,
    /// The same session is open elsewhere.
    Replaced,
    /// Another device with the same link has taken the place.
    TakenOver,
    /// The token is malformed, forged or not for this server.
    TokenInvalid,
    /// The token's time is over.
    TokenExpired,
    /// The token was taken back.
    TokenRevoked,
    /// The site is not invited any more.
    NotInvited,
    /// The token's time has not come, or the server's clock is behind.
    TokenNotYetValid,
    /// Nothing to resume: join with the token.
    SessionUnknown,
    /// Too many messages.
    RateLimited,
    /// It does not read what is sent to it.
    TooSlow,
    /// The conference is over.
    ConferenceEnded,
    /// The conference is booked, and its door is not open.
    ConferenceNotOpen,
    /// Sent away by an operator or a chair.
    Removed,
    /// The conference's limit of participants is reached.
    ConferenceFull,
    /// The server's limit of connections is reached.
    ServerFull,
    /// The server has too much to do at this moment.
    Overloaded,
    /// Our fault.
    Internal,
    /// The server stops or restarts.
    Restarting,
}

impl CloseReason {
    /// All of them.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Why the connection of somebody is closed who is gone; `None` if nobody closes it: it went by
    /// itself.
    pub const fn of(reason: LeaveReason) -> Option<Self> {
        match reason {
            LeaveReason::Left | LeaveReason::TimedOut => None,
            LeaveReason::Removed => Some(Self::Removed),
            LeaveReason::TakenOver => Some(Self::TakenOver),
            LeaveReason::TokenRevoked => Some(Self::TokenRevoked),
            LeaveReason::TokenExpired => Some(Self::TokenExpired),
            LeaveReason::NotInvited => Some(Self::NotInvited),
        }
    }
}
