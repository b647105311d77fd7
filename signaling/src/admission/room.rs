//! Whether the server as a whole has room for one more.
//!
//! Peers are counted; packets are foreseen: each further viewer gets what the others get now, also
//! those who have joined and do not receive yet.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use sfu::stats::Stats;
use tokio::time::Instant;

use crate::config::Media;
use crate::refusal::{ErrorCode, Refusal};

/// The server's limits, and how near it is to them.
#[derive(Debug)]
pub(super) struct Room {
    max_peers: AtomicU32,
    /// 0: not limited.
    max_packets_per_second: AtomicU32,
    forwarding: Mutex<Forwarding>,
}

/// What is forwarded, from reading to reading.
#[derive(Clone, Copy, Debug, Default)]
struct Forwarding {
    last: Option<(Instant, u64)>,
    /// Packets a second that one connected peer gets.
    per_peer: u64,
}

impl Room {
    /// With the limits of the configuration.
    #[must_use]
    pub(super) fn new(config: &Media) -> Self {
        Self {
            max_peers: config.max_peers.into(),
            max_packets_per_second: config.max_packets_per_second.into(),
            forwarding: Mutex::default(),
        }
    }

    /// From now on with the limits of this configuration.
    pub(super) fn set_limits(&self, config: &Media) {
        self.max_peers.store(config.max_peers, Ordering::Relaxed);
        self.max_packets_per_second
            .store(config.max_packets_per_second, Ordering::Relaxed);
    }

    /// Whether [`observe`](Self::observe) is of use.
    #[must_use]
    pub(super) fn limits_packets(&self) -> bool {
        self.max_packets_per_second.load(Ordering::Relaxed) > 0
    }

    /// Notes how much has been forwarded until `now`.
    pub(super) fn observe(&self, now: Instant, stats: &Stats) {
        let mut forwarding = self
            .forwarding
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((then, before)) = forwarding.last {
            let millis = now.saturating_duration_since(then).as_millis();
            let packets = u128::from(stats.media_out.saturating_sub(before));
            let rate = packets * 1_000 / millis.max(1);
            let per_peer = rate / u128::from(stats.connected_peers.max(1));
            forwarding.per_peer = u64::try_from(per_peer).unwrap_or(u64::MAX);
        }
        forwarding.last = Some((now, stats.media_out));
    }

    /// Why there is no room for one more beside so many peers; `None` if there is.
    #[must_use]
    pub(super) fn refusal(&self, peers: u32) -> Option<Refusal> {
        let max_peers = self.max_peers.load(Ordering::Relaxed);
        if peers >= max_peers {
            return Some(full(format!(
                "the server's limit of {max_peers} connections is reached"
            )));
        }
        let per_peer = self
            .forwarding
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .per_peer;
        let expected = per_peer.saturating_mul(u64::from(peers) + 1);
        let most = self.max_packets_per_second.load(Ordering::Relaxed);
        (most > 0 && expected > u64::from(most)).then(|| {
            let message = format!(
                "one more would be {expected} packets a second, and the server's limit is {most}"
            );
            Refusal::new(ErrorCode::Overloaded, message)
        })
    }
}

/// The refusal of a server that takes nobody more.
pub(super) fn full(message: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(ErrorCode::ServerFull, message)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn room(max_peers: u32, max_packets_per_second: u32) -> Room {
        Room::new(&Media {
            max_peers,
            max_packets_per_second,
            ..Media::default()
        })
    }

    fn code(room: &Room, peers: u32) -> Option<ErrorCode> {
        room.refusal(peers).map(|refusal| refusal.code)
    }

    /// As after two seconds in which each of `peers` got 30 packets a second.
    fn observe(room: &Room, peers: u64) {
        let start = Instant::now();
        let stats = |media_out| Stats {
            media_out,
            connected_peers: peers,
            ..Stats::default()
        };
        room.observe(start, &stats(1_000));
        room.observe(start + Duration::from_secs(2), &stats(1_000 + peers * 60));
    }

    #[test]
    fn peers_are_limited() {
        let room = room(2, 0);
        assert_eq!(
            [0, 1, 2, 3].map(|peers| code(&room, peers)),
            [
                None,
                None,
                Some(ErrorCode::ServerFull),
                Some(ErrorCode::ServerFull)
            ]
        );
    }

    #[test]
    fn whoever_would_exceed_the_packets_is_refused_before_it_does() {
        let room = room(1_000, 3_000);
        assert_eq!(code(&room, 500), None, "nothing flows yet");
        observe(&room, 50);
        assert_eq!(code(&room, 50), None);
        // Many have joined and do not receive yet.
        assert_eq!(code(&room, 99), None);
        assert_eq!(code(&room, 100), Some(ErrorCode::Overloaded));
    }

    #[test]
    fn packets_are_not_limited_unless_the_operator_says_so() {
        let room = room(1_000, 0);
        observe(&room, 900);
        assert_eq!(code(&room, 900), None);
    }
}
