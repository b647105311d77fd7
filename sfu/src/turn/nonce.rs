//! What a client must put into its requests so that old ones are worth nothing. It says by itself
//! until when it is good, so that nothing has to be kept of those that were given out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};

/// How long one is good, in seconds. Higher: what was overheard is worth something for longer. Lower:
/// clients are refused, and ask again, more often.
const LIFE: u32 = 3_600;

/// Bytes of its signature: 64 bits, which nobody guesses over a connection that is closed after a few
/// refusals.
const SIGNATURE: usize = 8;

/// What they are signed with.
#[derive(Debug)]
pub struct Nonces(hmac::Key);

impl Nonces {
    /// Of so many random bytes.
    pub fn new(random: &[u8; digest::SHA256_OUTPUT_LEN]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, random))
    }

    /// One from now on: 16 characters. Time is in seconds since the process began.
    pub fn make(&self, now: u32) -> String {
        let until = now.saturating_add(LIFE).to_be_bytes();
        let signature = hmac::sign(&self.0, &until);
        let (signature, _) = signature.as_ref().split_at(SIGNATURE);
        STANDARD.encode([&until, signature].concat())
    }

    /// Whether it is one of ours and still good.
    pub fn is_good(&self, now: u32, nonce: &str) -> bool {
        let Ok(bytes) = STANDARD.decode(nonce) else {
            return false;
        };
        let Some((until, signature)) = bytes.split_first_chunk::<4>() else {
            return false;
        };
        let right = hmac::sign(&self.0, until);
        // It is no secret of anybody, and differs for each second: how long the comparison takes tells
        // nothing that lasts.
        right.as_ref().get(..SIGNATURE) == Some(signature) && now < u32::from_be_bytes(*until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_good_for_a_while_and_only_where_it_was_made() {
        let nonces = Nonces::new(&[7; 32]);
        let nonce = nonces.make(100);
        assert_eq!(nonce.len(), 16);
        assert!(nonces.is_good(100, &nonce));
        assert!(nonces.is_good(100 + LIFE - 1, &nonce));
        assert!(!nonces.is_good(100 + LIFE, &nonce));
        assert!(!Nonces::new(&[8; 32]).is_good(100, &nonce));
        for foreign in ["", "AAAA", "no base64", &nonce[..12]] {
            assert!(!nonces.is_good(100, foreign), "{foreign}");
        }
    }
}
