//! Datagrams that come to the port which all shards share, and are read by a shard whose they are not.
//!
//! Which shard reads a datagram there the system decides. A check names the shard of its peer and is
//! passed on; when that shard has found it authentic it says so, and from then on everything on that
//! path is passed on to it.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::id::ShardId;
use crate::path::Path;
use crate::peer::ice;

/// Paths of other shards that are known; what comes on further ones goes no further, and their clients
/// come by another way.
const MAX_HOMES: usize = 16_384;

/// How long a path is known of which nobody has said anew whose it is. A browser sends a check every
/// five seconds at least.
const KNOWN: Duration = Duration::from_secs(60);

/// What one shard gives to another.
#[derive(Debug)]
pub(super) enum Stray {
    /// A datagram that is for the other.
    Datagram {
        /// Who has read it.
        reader: ShardId,
        /// On which path it came.
        path: Path,
        /// The datagram.
        contents: Box<[u8]>,
    },
    /// What comes on this path is for this shard.
    Home {
        /// Which path.
        path: Path,
        /// Whose it is.
        home: ShardId,
    },
}

/// Whose the paths are that are not of this shard.
#[derive(Debug, Default)]
pub(super) struct Homes {
    known: FxHashMap<Path, Home>,
    looked: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Home {
    shard: ShardId,
    said: Instant,
}

impl Homes {
    /// The shard that a datagram is for, as far as that can be known here. `is_ours` says whether a peer
    /// of this shard is on the path.
    pub(super) fn home_of(
        &self,
        path: Path,
        datagram: &[u8],
        is_ours: impl FnOnce() -> bool,
    ) -> Option<ShardId> {
        if let Some(named) = named_by(datagram) {
            return Some(named);
        }
        if is_ours() {
            return None;
        }
        self.known.get(&path).map(|home| home.shard)
    }

    /// Remembers whose a path is, if there is room.
    pub(super) fn note(&mut self, now: Instant, path: Path, shard: ShardId) {
        let looked = *self.looked.get_or_insert(now);
        if now.saturating_duration_since(looked) >= KNOWN || self.known.len() >= MAX_HOMES {
            self.looked = Some(now);
            self.known
                .retain(|_, home| now.saturating_duration_since(home.said) < KNOWN);
        }
        if self.known.len() < MAX_HOMES || self.known.contains_key(&path) {
            self.known.insert(path, Home { shard, said: now });
        }
    }
}

/// The shard that a check names; `None` of anything else.
pub(super) fn named_by(datagram: &[u8]) -> Option<ShardId> {
    ice::peek_ufrag(datagram).and_then(ice::shard_of)
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use super::*;
    use crate::command::{IceCredentials, PeerPolicy};
    use crate::config::Config;
    use crate::drop_reason::DropReason;
    use crate::id::ConferenceId;
    use crate::media::Media as _;
    use crate::peer::ice::client::{Answer, Check, Role, check_answer};
    use crate::testing::{self, epoch};
    use crate::{Sfu, driver};

    const OFFER: &str = include_str!("../../tests/golden/chromium-watch-offer.sdp");

    const MEDIA: &[u8] = &[0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];

    fn path(port: u16) -> Path {
        Path::Udp {
            remote: ([198, 51, 100, 7], port).into(),
            local: None,
            is_shared: true,
        }
    }

    fn home_of(homes: &Homes, port: u16) -> Option<u8> {
        let home = homes.home_of(path(port), MEDIA, || false);
        home.map(|home| home.0)
    }

    #[test]
    fn what_comes_on_a_path_goes_where_its_peer_is_said_to_be() {
        let mut homes = Homes::default();
        assert_eq!(home_of(&homes, 1), None);
        homes.note(epoch(), path(1), ShardId(3));
        assert_eq!(home_of(&homes, 1), Some(3));
        assert_eq!(homes.home_of(path(1), MEDIA, || true), None, "it is here");
        homes.note(epoch(), path(1), ShardId(2));
        assert_eq!(home_of(&homes, 1), Some(2));
    }

    #[test]
    fn a_path_is_forgotten_unless_it_is_said_anew_whose_it_is() {
        let mut homes = Homes::default();
        homes.note(epoch(), path(1), ShardId(1));
        homes.note(epoch(), path(2), ShardId(1));
        homes.note(epoch() + KNOWN / 2, path(2), ShardId(1));
        homes.note(epoch() + KNOWN, path(3), ShardId(1));
        let known = [1, 2, 3].map(|port| home_of(&homes, port));
        assert_eq!(known, [None, Some(1), Some(1)]);
    }

    #[test]
    fn no_more_paths_are_known_than_there_is_room_for() {
        let mut homes = Homes::default();
        let ports = 1..=u16::try_from(MAX_HOMES + 1).unwrap();
        for port in ports {
            homes.note(epoch(), path(port), ShardId(1));
        }
        assert_eq!(homes.known.len(), MAX_HOMES);
        homes.note(epoch(), path(1), ShardId(2));
        assert_eq!(home_of(&homes, 1), Some(2), "one that is known is kept");
    }

    /// A client's check at the shared port, and what it is answered.
    fn check(client: &UdpSocket, server: &IceCredentials, transaction: [u8; 12]) -> Option<Answer> {
        let check = Check {
            server,
            ufrag: "their",
            role: Role::Controlling,
            tie_breaker: 1,
            priority: 1,
            use_candidate: true,
            transaction,
        };
        let (mut message, mut read) = (Vec::new(), [0; 2_048]);
        check.encode(&mut message).unwrap();
        let give_up = driver::now() + Duration::from_secs(20);
        while driver::now() < give_up {
            // As clients do: the first may come before the thread knows its peer.
            client.send(&message).unwrap();
            // Among the answers are questions of ours, whether the path receives.
            while let Ok(length) = client.recv(&mut read) {
                if let Ok(answer) = check_answer(&read[..length], &transaction, server) {
                    return Some(answer);
                }
            }
        }
        None
    }

    #[test]
    fn whichever_thread_reads_the_shared_port_a_peer_is_reached_there() {
        let shared = SocketAddr::from(([127, 0, 0, 1], testing::free_port()));
        let config = Config {
            shards: Some(2),
            shared_udp_port: Some(shared.port()),
            ..testing::config()
        };
        let (sfu, _events) = Sfu::start(&config).unwrap();
        let mut clients = Vec::new();
        for _ in 0..16 {
            let policy = PeerPolicy::default();
            let joined = sfu.join(ConferenceId(1), OFFER, &policy).unwrap();
            let told = format!(" 127.0.0.1 {} typ host", shared.port());
            assert!(joined.answer.contains(&told), "{}", joined.answer);
            let client = UdpSocket::bind("127.0.0.1:0").unwrap();
            client.connect(shared).unwrap();
            client
                .set_read_timeout(Some(Duration::from_millis(200)))
                .unwrap();
            let own = client.local_addr().unwrap();
            for transaction in [[7; 12], [8; 12]] {
                let answer = check(&client, &joined.ice, transaction);
                assert_eq!(answer, Some(Answer::Success(Some(own))));
            }
            clients.push(client);
        }
        for client in &clients {
            client.send(MEDIA).unwrap();
        }
        let drops = |reason| sfu.stats().drops.of(reason);
        let give_up = driver::now() + Duration::from_secs(20);
        while drops(DropReason::NotConnected) < 16 && driver::now() < give_up {
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(
            drops(DropReason::NotConnected),
            16,
            "they came to their peers"
        );
        assert_eq!(drops(DropReason::UnknownPath), 0);
        sfu.shutdown();
    }
}
