//! How something is refused: a stable code for programs and a sentence for people, the same behind
//! every door.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ids::ParticipantId;

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
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
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
    /// The site of the token is not invited any more.
    NotInvited,
    /// The token's time has not come, or the server's clock is behind.
    TokenNotYetValid,
    /// Login or password, or a code that is good once, is wrong.
    LoginWrong,
    /// Somebody is logged in no more.
    LoginEnded,
    /// Another account has this login.
    LoginTaken,
    /// The password could be guessed.
    PasswordWeak,
    /// Nobody could manage accounts any more.
    LastAdministrator,
    /// Nothing to resume.
    SessionUnknown,
    /// Another device with the same link has taken the place.
    TakenOver,
    /// Sent away by an operator or a chair, and not readmitted.
    Removed,
    /// No such conference.
    ConferenceUnknown,
    /// It has not begun or has ended.
    ConferenceNotRunning,
    /// There is already a conference with this id.
    ConferenceExists,
    /// It has begun: this is for one that has not.
    ConferenceBegun,
    /// It is booked, and its door is not open.
    ConferenceNotOpen,
    /// It was booked, and is cancelled.
    ConferenceCancelled,
    /// Somebody has changed the booking meanwhile.
    BookingStale,
    /// How it stands with the booking does not allow it.
    BookingClosed,
    /// A site below it, or a conference that has not ended, needs it.
    SiteInUse,
    /// What would be done is no longer what a preview has shown.
    PreviewStale,
    /// The conference's limit of participants is reached.
    ConferenceFull,
    /// The server's limit of connections is reached.
    ServerFull,
    /// The role may not do this.
    NotPermitted,
    /// No such participant is present.
    ParticipantUnknown,
    /// Another device of the same site is the one that speaks.
    StandBy,
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
    /// There is nothing at this address, or no such thing.
    NotFound,
    /// There is something at this address, but not for this method.
    MethodNotAllowed,
    /// The body is not of the type that is read here.
    UnsupportedMediaType,
    /// It took too long; it may have happened.
    TimedOut,
    /// As many conferences run as the server may have.
    TooManyConferences,
    /// There are as many of them as there may be.
    LimitReached,
    /// It does not stand so that this could be done.
    WrongState,
    /// Try again later.
    Overloaded,
    /// Our fault.
    Internal,
    /// Our fault, and it may have happened nevertheless.
    OutcomeUnknown,
    /// The conference's record is not as it was written: nothing is added to it.
    RecordDamaged,
}

impl ErrorCode {
    /// All of them.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why something is not done: a stable code and a sentence for people.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For programs.
    pub code: ErrorCode,
    /// For people: lower case, no full stop.
    pub message: Cow<'static, str>,
    /// When it may be asked again, in seconds, where that does not follow from the code.
    pub retry_after_seconds: Option<u32>,
}

impl Refusal {
    /// A refusal with its sentence.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after_seconds: None,
        }
    }

    /// The same, to be asked again in so many seconds.
    #[must_use]
    pub fn come_back_in(self, seconds: u32) -> Self {
        Self {
            retry_after_seconds: Some(seconds),
            ..self
        }
    }

    /// Whoever asks may not do this.
    pub(crate) fn not_permitted(message: &'static str) -> Self {
        Self::new(ErrorCode::NotPermitted, message)
    }

    /// No such participant.
    pub(crate) fn unknown(participant: ParticipantId) -> Self {
        Self::new(
            ErrorCode::ParticipantUnknown,
            format!("no participant {participant} is present in this conference"),
        )
    }
}
