//! Identifiers and secrets that did not exist before: the clock and chance are asked here.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;

use crate::accounts::{Account, Details, LoginName};
use crate::auth::SessionSecret;
use crate::check::CheckCode;
use crate::ids::{
    AccountId, ActId, BookingId, ConferenceId, LoginId, MailId, ParticipantId, SessionId, TokenId,
    WebhookId,
};

fn unix_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}

/// Where this process counts its participants from.
static FIRST_PARTICIPANT: LazyLock<(u64, u128)> = LazyLock::new(|| {
    let random: u64 = rand::random();
    (unix_ms(), u128::from(random >> 16) << 32)
});

/// How many participants this process has named.
static PARTICIPANTS: AtomicU32 = AtomicU32::new(0);

/// A fresh participant id: a random beginning that the participants of this process share, and a
/// number. They are no secrets, and a list of thousands that begin alike is short.
#[must_use]
pub fn participant() -> ParticipantId {
    let (started_ms, random) = *FIRST_PARTICIPANT;
    let number = PARTICIPANTS.fetch_add(1, Ordering::Relaxed);
    ParticipantId::new(started_ms, random | u128::from(number))
}

/// A fresh session id.
#[must_use]
pub fn session() -> SessionId {
    SessionId::new(unix_ms(), rand::random())
}

/// A fresh id of a mail.
#[must_use]
pub fn mail() -> MailId {
    MailId::new(unix_ms(), rand::random())
}

/// A fresh id of a webhook.
#[must_use]
pub fn webhook() -> WebhookId {
    WebhookId::new(unix_ms(), rand::random())
}

/// A fresh session secret.
#[must_use]
pub fn secret() -> SessionSecret {
    SessionSecret::new(rand::random())
}

/// A fresh code of a check.
#[must_use]
pub fn check_code() -> CheckCode {
    CheckCode::new(rand::random())
}

/// A fresh token id.
#[must_use]
pub fn token_id() -> TokenId {
    TokenId::generate(unix_ms(), rand::random())
}

/// A fresh booking id.
#[must_use]
pub fn booking_id() -> BookingId {
    BookingId::generate(unix_ms(), rand::random())
}

/// A fresh id of a login.
#[must_use]
pub fn login_id() -> LoginId {
    LoginId::new(unix_ms(), rand::random())
}

/// A fresh id of an act of that moment.
#[must_use]
pub fn act(at: Timestamp) -> ActId {
    let unix_ms = u64::try_from(at.as_millisecond()).unwrap_or_default();
    ActId::new(unix_ms, rand::random())
}

/// An account that did not exist before.
#[must_use]
pub fn account(login: LoginName, details: Details, created_at: Timestamp) -> Account {
    let Details {
        name,
        email,
        role,
        province,
        is_disabled,
    } = details;
    Account {
        id: AccountId::new(unix_ms(), rand::random()),
        login,
        name,
        email,
        role,
        province,
        is_disabled,
        provider: None,
        created_at,
        last_login_at: None,
    }
}

/// A fresh conference id.
#[must_use]
pub fn conference_id() -> ConferenceId {
    ConferenceId::generate(unix_ms(), rand::random())
}
