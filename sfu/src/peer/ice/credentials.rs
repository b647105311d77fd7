//! ICE credentials that name the shard their peer lives on.

use rand::{Rng, RngExt};

use crate::command::IceCredentials;
use crate::id::ShardId;

/// Random characters in a ufrag after the shard number: 60 bits, so that a stranger cannot guess
/// one, while the whole stays short enough to repeat in every connectivity check.
const UFRAG_RANDOM: usize = 10;

/// Characters in a password: 192 bits (RFC 8445 §5.3 asks for at least 128).
const PWD_LENGTH: usize = 32;

/// The `ice-char` alphabet (RFC 8839 §5.4): 64 characters, 6 bits each.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A fresh pair for a peer on `shard`.
///
/// The ufrag is the shard number as two hex digits and ten random characters. The generator must
/// be cryptographic: the password is what keeps a stranger's connectivity checks out.
pub fn make_credentials<R: Rng + ?Sized>(shard: ShardId, rng: &mut R) -> IceCredentials {
    let mut ufrag = format!("{:02x}", shard.0);
    push_random(&mut ufrag, UFRAG_RANDOM, rng);
    let mut pwd = String::with_capacity(PWD_LENGTH);
    push_random(&mut pwd, PWD_LENGTH, rng);
    IceCredentials { ufrag, pwd }
}

/// The shard named by one of our ufrags; `None` if it cannot be one of ours.
pub fn shard_of(ufrag: &str) -> Option<ShardId> {
    if ufrag.len() != 2 + UFRAG_RANDOM {
        return None;
    }
    let digits = ufrag.get(..2)?;
    // `from_str_radix` alone would also take "+f".
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(digits, 16).ok().map(ShardId)
}

fn push_random<R: Rng + ?Sized>(text: &mut String, count: usize, rng: &mut R) {
    for _ in 0..count {
        let index = rng.random_range(0..ALPHABET.len());
        text.push(ALPHABET.get(index).copied().map_or('A', char::from));
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn the_ufrag_names_the_shard() {
        let mut rng = StdRng::seed_from_u64(1);
        for shard in [0, 1, 9, 10, 63, 255] {
            let made = make_credentials(ShardId(shard), &mut rng);
            assert_eq!(
                shard_of(&made.ufrag),
                Some(ShardId(shard)),
                "{}",
                made.ufrag
            );
            assert_eq!((made.ufrag.len(), made.pwd.len()), (12, 32));
        }
    }

    #[test]
    fn two_peers_never_share_credentials() {
        let mut rng = StdRng::seed_from_u64(2);
        let first = make_credentials(ShardId(0), &mut rng);
        let second = make_credentials(ShardId(0), &mut rng);
        assert_ne!(first.ufrag, second.ufrag);
        assert_ne!(first.pwd, second.pwd);
    }

    #[test]
    fn a_foreign_ufrag_names_no_shard() {
        for foreign in [
            "",
            "0",
            "zz0123456789",
            "+f0123456789",
            "00012345678",
            "é0123456789x",
        ] {
            assert_eq!(shard_of(foreign), None, "{foreign}");
        }
    }
}
