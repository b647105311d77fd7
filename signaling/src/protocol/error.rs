//! Why something was refused, and why a connection was closed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A stable code; the message beside it is for people and may change.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not JSON, unknown type or field, a value out of range.
    BadMessage,
    /// The frame is over the limit.
    TooLarge,
    /// Too many messages.
    RateLimited,
    /// The first message must be `join` or `resume`.
    JoinFirst,
    /// The server does not speak this version.
    UnsupportedProtocol,
    /// The token is malformed, forged or not for this server.
    TokenInvalid,
    /// The token's time is over.
    TokenExpired,
    /// The token was taken back.
    TokenRevoked,
    /// Nothing to resume.
    SessionUnknown,
    /// No such conference.
    ConferenceUnknown,
    /// It has not begun or has ended.
    ConferenceNotRunning,
    /// There is already a conference with this id.
    ConferenceExists,
    /// The conference's limit of participants is reached.
    ConferenceFull,
    /// The server's limit of connections is reached.
    ServerFull,
    /// The role may not do this.
    NotPermitted,
    /// No such participant is present.
    ParticipantUnknown,
    /// The SDP cannot be answered.
    BadOffer,
    /// This needs an `offer` first.
    NoMedia,
    /// Nothing to withdraw.
    FloorNotRequested,
    /// Nobody, or somebody else, holds the floor.
    FloorNotHeld,
    /// Already waiting for the floor or holding it.
    FloorAlreadyRequested,
    /// Try again later.
    Overloaded,
    /// Our fault.
    Internal,
}

impl ErrorCode {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::BadMessage,
        Self::TooLarge,
        Self::RateLimited,
        Self::JoinFirst,
        Self::UnsupportedProtocol,
        Self::TokenInvalid,
        Self::TokenExpired,
        Self::TokenRevoked,
        Self::SessionUnknown,
        Self::ConferenceUnknown,
        Self::ConferenceNotRunning,
        Self::ConferenceExists,
        Self::ConferenceFull,
        Self::ServerFull,
        Self::NotPermitted,
        Self::ParticipantUnknown,
        Self::BadOffer,
        Self::NoMedia,
        Self::FloorNotRequested,
        Self::FloorNotHeld,
        Self::FloorAlreadyRequested,
        Self::Overloaded,
        Self::Internal,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadMessage => "bad_message",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::JoinFirst => "join_first",
            Self::UnsupportedProtocol => "unsupported_protocol",
            Self::TokenInvalid => "token_invalid",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "token_revoked",
            Self::SessionUnknown => "session_unknown",
            Self::ConferenceUnknown => "conference_unknown",
            Self::ConferenceNotRunning => "conference_not_running",
            Self::ConferenceExists => "conference_exists",
            Self::ConferenceFull => "conference_full",
            Self::ServerFull => "server_full",
            Self::NotPermitted => "not_permitted",
            Self::ParticipantUnknown => "participant_unknown",
            Self::BadOffer => "bad_offer",
            Self::NoMedia => "no_media",
            Self::FloorNotRequested => "floor_not_requested",
            Self::FloorNotHeld => "floor_not_held",
            Self::FloorAlreadyRequested => "floor_already_requested",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why the server closes a connection on purpose, as in `closing` and in the close frame.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// Not understood.
    BadMessage,
    /// A frame over the limit.
    TooLarge,
    /// The same session is open elsewhere.
    Replaced,
    /// The token is malformed, forged or not for this server.
    TokenInvalid,
    /// The token's time is over.
    TokenExpired,
    /// The token was taken back.
    TokenRevoked,
    /// Nothing to resume: join with the token.
    SessionUnknown,
    /// Too many messages.
    RateLimited,
    /// It does not read what is sent to it.
    TooSlow,
    /// The conference is over.
    ConferenceEnded,
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
    pub const ALL: [Self; 16] = [
        Self::BadMessage,
        Self::TooLarge,
        Self::Replaced,
        Self::TokenInvalid,
        Self::TokenExpired,
        Self::TokenRevoked,
        Self::SessionUnknown,
        Self::RateLimited,
        Self::TooSlow,
        Self::ConferenceEnded,
        Self::Removed,
        Self::ConferenceFull,
        Self::ServerFull,
        Self::Overloaded,
        Self::Internal,
        Self::Restarting,
    ];

    /// The WebSocket close code (RFC 6455 §7.4).
    pub const fn code(self) -> u16 {
        match self {
            Self::BadMessage | Self::TooLarge => 4000,
            Self::Replaced => 4001,
            Self::TokenInvalid | Self::TokenExpired | Self::TokenRevoked => 4003,
            Self::SessionUnknown => 4004,
            Self::RateLimited | Self::TooSlow => 4008,
            Self::ConferenceEnded => 4009,
            Self::Removed => 4010,
            Self::ConferenceFull => 4011,
            Self::ServerFull => 4012,
            Self::Overloaded => 4013,
            Self::Internal => 1011,
            Self::Restarting => 1012,
        }
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadMessage => "bad_message",
            Self::TooLarge => "too_large",
            Self::Replaced => "replaced",
            Self::TokenInvalid => "token_invalid",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "token_revoked",
            Self::SessionUnknown => "session_unknown",
            Self::RateLimited => "rate_limited",
            Self::TooSlow => "too_slow",
            Self::ConferenceEnded => "conference_ended",
            Self::Removed => "removed",
            Self::ConferenceFull => "conference_full",
            Self::ServerFull => "server_full",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal",
            Self::Restarting => "restarting",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
