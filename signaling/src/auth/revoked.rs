//! Tokens that were taken back, at hand for everybody who must know.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use super::keys::CLOCK_LEEWAY;
use crate::ids::TokenId;

/// Why a token was taken back.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Withdrawn {
    /// Somebody has said so.
    #[default]
    TakenBack,
    /// Its site is not invited any more.
    NotInvited,
}

/// A token that was taken back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RevokedToken {
    /// Which.
    pub id: TokenId,
    /// When it would have ceased to be valid.
    pub expires_at: Timestamp,
    /// Why it was.
    pub why: Withdrawn,
}

/// The tokens that were taken back and would otherwise still be good. Cheap to clone; all clones are
/// the same.
///
/// Each stays until its own time is over, and no token is good for longer than
/// [`MAX_VALIDITY`](super::keys::MAX_VALIDITY).
#[derive(Clone, Debug, Default)]
pub struct Revoked(Arc<RwLock<BTreeMap<TokenId, (Timestamp, Withdrawn)>>>);

impl Revoked {
    /// Why this one was taken back, if it was.
    pub fn why(&self, token: &TokenId) -> Option<Withdrawn> {
        let revoked = self.0.read().unwrap_or_else(PoisonError::into_inner);
        revoked.get(token).map(|(_, why)| *why)
    }

    /// From now on these are taken back, until each would have ceased to be valid; whether any of
    /// them was not before. What was said first of a token holds.
    pub fn extend(&self, tokens: impl IntoIterator<Item = RevokedToken>) -> bool {
        let mut revoked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = revoked.len();
        for token in tokens {
            let known = revoked.entry(token.id);
            known.or_insert((token.expires_at, token.why));
        }
        revoked.len() > before
    }

    /// Forgets those that are refused for their age by now.
    pub fn forget_expired(&self, now: Timestamp) {
        let mut revoked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        revoked.retain(|_, (expires_at, _)| now.duration_since(*expires_at) < CLOCK_LEEWAY);
    }
}
