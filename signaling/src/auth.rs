//! Who may do what: tokens, the grants that verification makes of them, and the role table.
//!
//! No HTTP in here: extracting a token from a request is the caller's matter.

pub mod code_key;
pub mod grant;
pub mod keyfile;
pub mod keys;
pub mod limits;
pub mod link_code;
pub mod login;
pub mod narrowing;
pub mod revoked;
pub mod rights;
pub mod role;
pub mod secret;
pub mod strength;
pub mod verbs;

pub use code_key::CodeKey;
pub use grant::Grant;
pub use keyfile::{KeyFileError, SigningKey};
pub use keys::{ApiKey, CLOCK_LEEWAY, Issued, KeyError, Keys, MAX_VALIDITY, NewToken, TokenError};
pub use limits::{Conferences, KeyLimits};
pub use link_code::{CodeError, CodeHash, LinkCode};
pub use login::LoginEnded;
pub use narrowing::{Narrowing, Rights};
pub use revoked::{Revoked, RevokedToken, Withdrawn};
pub use rights::{Scope, Verb};
pub use role::Role;
pub use secret::{SecretHash, SessionSecret};
pub use verbs::Verbs;
