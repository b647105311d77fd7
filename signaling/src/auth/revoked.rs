//! Tokens that were taken back, at hand for everybody who must know.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use super::keys::CLOCK_LEEWAY;
use crate::ids::TokenId;

/// The tokens that were taken back and would otherwise still be good. Cheap to clone; all clones are
/// the same.
///
/// Each stays until its own time is over, and no token is good for longer than
/// [`MAX_VALIDITY`](super::keys::MAX_VALIDITY).
#[derive(Clone, Debug, Default)]
pub struct Revoked(Arc<RwLock<BTreeMap<TokenId, Timestamp>>>);

impl Revoked {
    /// Whether this one was taken back.
    pub fn contains(&self, token: &TokenId) -> bool {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(token)
    }

    /// From now on these are taken back, until each would have ceased to be valid; whether any of
    /// them was not before.
    pub fn extend(&self, tokens: impl IntoIterator<Item = (TokenId, Timestamp)>) -> bool {
        let mut revoked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = revoked.len();
        revoked.extend(tokens);
        revoked.len() > before
    }

    /// Forgets those that are refused for their age by now.
    pub fn forget_expired(&self, now: Timestamp) {
        let mut revoked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        revoked.retain(|_, expires_at| now.duration_since(*expires_at) < CLOCK_LEEWAY);
    }
}
