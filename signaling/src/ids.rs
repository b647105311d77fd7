//! Identifiers of the people plane. Each is its own type, so that two can never be swapped.
//!
//! Nothing here draws random numbers: an id is built from the time and the randomness it is given.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

/// A text that is not the identifier it should be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{value:?} is not a {what}: {rule}")]
pub struct IdError {
    what: &'static str,
    rule: &'static str,
    value: String,
}

impl IdError {
    /// Most characters of a wrong value that an error repeats.
    const SHOWN: usize = 64;

    fn new(what: &'static str, rule: &'static str, value: &str) -> Self {
        Self {
            what,
            rule,
            value: value.chars().take(Self::SHOWN).collect(),
        }
    }
}

/// Reads a string without keeping it, and parses it.
fn parse<'de, D: Deserializer<'de>, T: FromStr<Err = IdError>>(from: D) -> Result<T, D::Error> {
    Cow::<'de, str>::deserialize(from)?
        .parse()
        .map_err(serde::de::Error::custom)
}

/// An identifier made of a ULID: 26 characters of Crockford's base 32, sortable by creation time.
macro_rules! ulid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, utoipa::ToSchema)]
        #[schema(
            value_type = String,
            pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$",
            min_length = 26,
            max_length = 26,
            example = "01JD8Y6Q0B9FJ3V2K7T5C4X1HE"
        )]
        pub struct $name(Ulid);

        impl $name {
            /// From Unix time in milliseconds (48 bits) and 80 random bits.
            pub const fn new(unix_ms: u64, random: u128) -> Self {
                Self(Ulid::from_parts(unix_ms, random))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                // One id has one text: no small letters, no bits beyond 128.
                Ulid::from_string(text)
                    .ok()
                    .filter(|id| id.to_string() == text)
                    .map(Self)
                    .ok_or_else(|| IdError::new($what, "it has 26 characters of base 32", text))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                parse(from)
            }
        }
    };
}

ulid_id! {
    /// One device that joined a conference for a site.
    ParticipantId, "participant id"
}

ulid_id! {
    /// One authenticated WebSocket of a participant; it survives a lost connection.
    SessionId, "session id"
}

ulid_id! {
    /// A person who may log in.
    AccountId, "account id"
}

ulid_id! {
    /// That somebody is logged in.
    LoginId, "login id"
}

ulid_id! {
    /// A change that somebody asked for.
    ActId, "act id"
}

ulid_id! {
    /// A program that is told what happens.
    WebhookId, "webhook id"
}

ulid_id! {
    /// One mail that is, or was, to be sent.
    MailId, "mail id"
}

/// A short text of letters, digits, `-`, `_` and `.`, chosen by people or generated.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:tt, $example:literal) => {
        $(#[$doc])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd, utoipa::ToSchema)]
        #[schema(
            value_type = String,
            pattern = r"^\.{0,63}[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$",
            min_length = 1,
            max_length = $max,
            example = $example
        )]
        pub struct $name(Arc<str>);

        impl $name {
            /// Most characters.
            pub const MAX_LEN: usize = $max;

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_token(text, Self::MAX_LEN) {
                    Ok(Self(text.into()))
                } else {
                    let rule = concat!(
                        "it has 1 to ", $max, " letters (A-Z, a-z), digits, '-', '_' or '.', \
                        and not dots alone"
                    );
                    Err(IdError::new($what, rule, text))
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                parse(from)
            }
        }
    };
}

/// Characters that need no quoting in a URL, a file name or a log, and not dots alone, which are
/// steps in a path.
fn is_token(text: &str, max: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=max).contains(&text.len())
        && text.bytes().all(allowed)
        && text.bytes().any(|byte| byte != b'.')
}

text_id! {
    /// A conference. Chosen by whoever creates it, or generated.
    ConferenceId, "conference id", 64, "01JD8XZ3N7"
}

text_id! {
    /// A conference that is planned, or a series of them. Generated.
    BookingId, "booking id", 32, "01JD8XZ3N7AB"
}
text_id! {
    /// The official code of a site.
    SiteCode, "site code", 16, "00004"
}

text_id! {
    /// The `jti` of a token: what is remembered when the token is taken back.
    TokenId, "token id", 64, "01JD8Y6Q0B9FJ3V2K7T5C4X1HE"
}

text_id! {
    /// The `kid` of a token: which key signed it.
    KeyId, "key id", 64, "ministry-portal"
}

impl ConferenceId {
    /// A generated id: the first ten characters of a ULID are its time, so two conferences
    /// created within one millisecond would share them; two random characters follow.
    pub fn generate(unix_ms: u64, random: u16) -> Self {
        let ulid = Ulid::from_parts(unix_ms, u128::from(random) << 64).to_string();
        Self(ulid.chars().take(12).collect::<String>().into())
    }
}

impl BookingId {
    /// A generated id, as that of a conference.
    pub fn generate(unix_ms: u64, random: u16) -> Self {
        Self(ConferenceId::generate(unix_ms, random).0)
    }
}

impl TokenId {
    /// What stands where a token's id does for somebody who has logged in.
    pub fn of_login(login: LoginId) -> Self {
        Self(login.to_string().into())
    }

    /// A generated id.
    pub fn generate(unix_ms: u64, random: u128) -> Self {
        Self(Ulid::from_parts(unix_ms, random).to_string().into())
    }
}

/// The id that a client gave a request; its answer carries the same.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct RequestId(u64);

impl RequestId {
    /// Largest integer that JavaScript holds exactly.
    pub const MAX: u64 = (1 << 53) - 1;

    /// `None` outside 1 to 2^53−1.
    pub fn new(id: u64) -> Option<Self> {
        (1..=Self::MAX).contains(&id).then_some(Self(id))
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::new(u64::deserialize(from)?)
            .ok_or_else(|| serde::de::Error::custom("a request id is an integer from 1 to 2^53-1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ulid_id_reads_what_it_writes() {
        let id = ParticipantId::new(1_732_241_700_000, 7);
        assert_eq!(id.to_string().parse::<ParticipantId>().unwrap(), id);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<ParticipantId>(&json).unwrap(), id);
    }

    #[test]
    fn ids_look_alike_wherever_they_are_shown() {
        let id = ParticipantId::new(1_732_241_700_000, 7);
        assert_eq!(format!("{id:?}"), id.to_string());
        let code: SiteCode = "00004".parse().unwrap();
        assert_eq!(format!("{code:?}"), "00004");
    }

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        assert!(SessionId::new(1, u128::MAX >> 48) < SessionId::new(2, 0));
    }

    #[test]
    fn a_wrong_id_is_named_with_its_rule() {
        let error = "a/b".parse::<ConferenceId>().unwrap_err().to_string();
        assert_eq!(
            error,
            "\"a/b\" is not a conference id: it has 1 to 64 letters (A-Z, a-z), digits, '-', '_' or '.', and not dots alone"
        );
    }

    #[test]
    fn an_error_repeats_only_the_beginning_of_a_long_value() {
        let error = "!"
            .repeat(10_000)
            .parse::<SiteCode>()
            .unwrap_err()
            .to_string();
        assert!(error.len() < 200, "{error}");
    }

    #[test]
    fn text_ids_refuse_what_would_need_quoting() {
        for bad in [
            "",
            ".",
            "..",
            " ",
            "a b",
            "../x",
            "é",
            "a\n",
            "12345678901234567",
        ] {
            assert!(bad.parse::<SiteCode>().is_err(), "{bad:?}");
        }
        for good in ["VN", "00004", "a.b-c_d", "1234567890123456"] {
            assert!(good.parse::<SiteCode>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn request_ids_stay_within_what_javascript_holds() {
        assert!(serde_json::from_str::<RequestId>("0").is_err());
        assert!(serde_json::from_str::<RequestId>("-1").is_err());
        assert!(serde_json::from_str::<RequestId>("1.5").is_err());
        assert!(serde_json::from_str::<RequestId>("9007199254740992").is_err());
        assert_eq!(
            serde_json::from_str::<RequestId>("9007199254740991")
                .unwrap()
                .get(),
            RequestId::MAX
        );
    }

    #[test]
    fn generated_conference_ids_of_one_millisecond_differ() {
        assert_ne!(
            ConferenceId::generate(5, 0),
            ConferenceId::generate(5, u16::MAX)
        );
    }
}
