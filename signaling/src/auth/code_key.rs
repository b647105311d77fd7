//! The codes of invitations: made again whenever one is printed or sent, so that they are kept nowhere.

use std::fmt;

use ring::hmac;

use super::keyfile::SigningKey;
use super::link_code::LinkCode;
use crate::ids::{BookingId, SiteCode};

/// From which the codes of all invitations follow. Without it the database does not tell them.
#[derive(Clone)]
pub struct CodeKey(hmac::Key);

impl CodeKey {
    /// The one that follows from the server's own key.
    #[must_use]
    pub(super) fn of(own: &SigningKey) -> Self {
        let own = hmac::Key::new(hmac::HMAC_SHA256, own.pkcs8());
        let derived = hmac::sign(&own, b"codes of invitations, version 1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// The code of the link to a booking that a site was given as its first, second, … one.
    #[must_use]
    pub fn code(&self, booking: &BookingId, site: &SiteCode, generation: u32) -> LinkCode {
        // No id has a line feed.
        let of = format!("{booking}\n{site}\n{generation}");
        let tag = hmac::sign(&self.0, of.as_bytes());
        let mut code = [0; 10];
        for (byte, from) in code.iter_mut().zip(tag.as_ref()) {
            *byte = *from;
        }
        LinkCode::new(code)
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_always_the_same_and_another_for_each_booking_site_link_and_key() {
        let code = |seed: u8, booking: &str, site: &str, generation| {
            let key = CodeKey::of(&SigningKey::from_seed(&[seed; 32]));
            let (booking, site) = (booking.parse().unwrap(), site.parse().unwrap());
            key.code(&booking, &site, generation).reveal()
        };
        let one = code(1, "b", "00004", 1);
        assert_eq!(code(1, "b", "00004", 1), one);
        for other in [
            code(2, "b", "00004", 1),
            code(1, "c", "00004", 1),
            code(1, "b", "00008", 1),
            code(1, "b", "00004", 2),
        ] {
            assert_ne!(other, one);
        }
    }
}
