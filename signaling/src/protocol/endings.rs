//! What every ending means: the one table from which sessions are closed, and against which the
//! page, the load test and `PROTOCOL.md` are tested.

use serde::Serialize;

use super::closing::CloseReason;
use crate::refusal::ErrorCode;

/// What a client does by itself after an ending.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ComeBack {
    /// Nothing: a person may try again, or ask somebody.
    Never,
    /// It forgets its session and joins with its token, at once.
    Join,
    /// It comes back after `retryAfterSeconds`; after so many if it was not told.
    After(u32),
}

/// A page's sentence about an ending, by the last part of its key.
type Sentence = Option<&'static str>;

/// When a client that was too fast or too slow may come back, in seconds. Higher: it is away longer
/// than its mistake deserves. Lower: it does the same again at once.
const SLOW_RETRY_SECONDS: u32 = 5;

/// When to come back with a token whose time has not come, in seconds: a clock that is wrong may be
/// set at any moment. Higher: whoever is early waits longer than it must. Lower: it asks more often.
const NOT_YET_RETRY_SECONDS: u32 = 15;

/// When to come back to a door that is not open, in seconds, if nothing was heard of when it is.
const NOT_OPEN_RETRY_SECONDS: u32 = 60;

/// When to try again what failed for want of room or through our fault, in seconds. Higher: a crowd
/// spreads out more. Lower: it is served sooner once there is room.
pub const RETRY_SECONDS: u32 = 3;

impl CloseReason {
    /// The WebSocket close code (RFC 6455 §7.4).
    pub const fn code(self) -> u16 {
        self.meaning().0
    }

    /// What a client does after it.
    pub const fn come_back(self) -> ComeBack {
        self.meaning().1
    }

    /// Close code, what to do, and what a page says meanwhile.
    const fn meaning(self) -> (u16, ComeBack, Sentence) {
        use ComeBack::{After, Join, Never};
        match self {
            Self::BadMessage | Self::TooLarge => (4000, Never, Some("outdated")),
            Self::Replaced => (4001, Never, Some("replaced")),
            Self::TakenOver => (4002, Never, Some("taken_over")),
            Self::TokenInvalid => (4003, Never, Some("token_invalid")),
            Self::TokenExpired => (4003, Never, Some("token_expired")),
            Self::TokenRevoked => (4003, Never, Some("token_revoked")),
            Self::NotInvited => (4016, Never, Some("not_invited")),
            Self::TokenNotYetValid => (
                4014,
                After(NOT_YET_RETRY_SECONDS),
                Some("token_not_yet_valid"),
            ),
            Self::SessionUnknown => (4004, Join, None),
            Self::RateLimited | Self::TooSlow => {
                (4008, After(SLOW_RETRY_SECONDS), Some("overloaded"))
            }
            Self::ConferenceEnded => (4009, Never, Some("conference_ended")),
            Self::ConferenceNotOpen => (
                4015,
                After(NOT_OPEN_RETRY_SECONDS),
                Some("conference_not_open"),
            ),
            Self::Removed => (4010, Never, Some("removed")),
            Self::ConferenceFull => (4011, Never, Some("conference_full")),
            Self::ServerFull => (4012, Never, Some("server_full")),
            Self::Overloaded => (4013, After(RETRY_SECONDS), Some("overloaded")),
            Self::Internal => (1011, After(RETRY_SECONDS), Some("overloaded")),
            Self::Restarting => (1012, After(RETRY_SECONDS), Some("restarting")),
        }
    }
}

impl ErrorCode {
    /// How a connection ends on which nobody came in for this reason, or whose request cannot be
    /// forgiven.
    pub const fn closes_with(self) -> CloseReason {
        match self {
            Self::TooLarge => CloseReason::TooLarge,
            Self::RateLimited => CloseReason::RateLimited,
            Self::TokenInvalid | Self::NotPermitted => CloseReason::TokenInvalid,
            Self::TokenExpired => CloseReason::TokenExpired,
            Self::TokenRevoked => CloseReason::TokenRevoked,
            Self::NotInvited => CloseReason::NotInvited,
            Self::TokenNotYetValid => CloseReason::TokenNotYetValid,
            Self::SessionUnknown => CloseReason::SessionUnknown,
            Self::TakenOver => CloseReason::TakenOver,
            Self::Removed => CloseReason::Removed,
            Self::ConferenceUnknown
            | Self::ConferenceNotRunning
            | Self::ConferenceCancelled
            | Self::RecordDamaged => CloseReason::ConferenceEnded,
            Self::ConferenceNotOpen => CloseReason::ConferenceNotOpen,
            Self::ConferenceFull => CloseReason::ConferenceFull,
            Self::ServerFull => CloseReason::ServerFull,
            Self::Overloaded => CloseReason::Overloaded,
            Self::Internal | Self::OutcomeUnknown => CloseReason::Internal,
            Self::BadMessage
            | Self::JoinFirst
            | Self::UnsupportedProtocol
            | Self::ConferenceExists
            | Self::ConferenceBegun
            | Self::BookingStale
            | Self::BookingClosed
            | Self::SiteInUse
            | Self::PreviewStale
            | Self::LoginWrong
            | Self::LoginEnded
            | Self::LoginTaken
            | Self::PasswordWeak
            | Self::LastAdministrator
            | Self::LimitReached
            | Self::WrongState
            | Self::ParticipantUnknown
            | Self::StandBy
            | Self::BadOffer
            | Self::NoMedia
            | Self::FloorNotRequested
            | Self::FloorNotHeld
            | Self::FloorAlreadyRequested
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::UnsupportedMediaType
            | Self::TimedOut
            | Self::TooManyConferences => CloseReason::BadMessage,
        }
    }
}

/// Codes of `error` that refuse a join and say more than the `closing` that follows; with the
/// sentence of a page that knows better, too.
const REFUSALS: [(ErrorCode, Sentence); 6] = [
    (ErrorCode::JoinFirst, None),
    (ErrorCode::UnsupportedProtocol, None),
    (ErrorCode::NotPermitted, Some("not_permitted")),
    (ErrorCode::ConferenceUnknown, Some("conference_unknown")),
    (ErrorCode::ConferenceNotRunning, None),
    (ErrorCode::ConferenceCancelled, Some("conference_cancelled")),
];

/// One row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// As in `closing`, or in the `error` that refused a join.
    pub reason: &'static str,
    /// The WebSocket close code.
    pub close_code: u16,
    /// `never`, `join` or `after`.
    pub come_back: &'static str,
    /// For `after`, when `retryAfterSeconds` was not heard.
    pub seconds: Option<u32>,
    /// What a page says: the last part of a key under `over`, or under `waiting` for `after`.
    pub sentence: Sentence,
}

impl Row {
    fn new(reason: &'static str, closing: CloseReason, sentence: Sentence) -> Self {
        let (close_code, come_back, usual) = closing.meaning();
        let (come_back, seconds) = match come_back {
            ComeBack::Never => ("never", None),
            ComeBack::Join => ("join", None),
            ComeBack::After(seconds) => ("after", Some(seconds)),
        };
        Self {
            reason,
            close_code,
            come_back,
            seconds,
            sentence: sentence.or(usual),
        }
    }
}

/// Every ending: those of `closing`, then the refusals of a join that are more precise.
#[must_use]
pub fn table() -> Vec<Row> {
    let closings = CloseReason::ALL
        .iter()
        .map(|reason| Row::new(reason.as_str(), *reason, None));
    let refusals = REFUSALS
        .iter()
        .map(|(code, sentence)| Row::new(code.as_str(), code.closes_with(), *sentence));
    closings.chain(refusals).collect()
}

/// What a client does after an ending of this name, whether it stood in `closing` or in the `error`
/// that refused a join. `None` for a name that is not in the table.
#[must_use]
pub fn come_back(reason: &str) -> Option<ComeBack> {
    let closing = CloseReason::ALL
        .iter()
        .find(|known| known.as_str() == reason);
    let refusal = || {
        REFUSALS
            .iter()
            .find(|(code, _)| code.as_str() == reason)
            .map(|(code, _)| code.closes_with())
    };
    Some(closing.copied().or_else(refusal)?.come_back())
}
