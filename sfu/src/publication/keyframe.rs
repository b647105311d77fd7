//! Limits keyframe requests (RFC 4585 §6.3.1, PLI) towards one layer of a publisher.

use std::time::{Duration, Instant};

/// Shortest gap between two PLIs for one layer.
///
/// Higher: fewer keyframes, so less of the publisher's bitrate is spent on them.
/// Lower: a new receiver sees a picture sooner.
pub const MIN_PLI_INTERVAL: Duration = Duration::from_millis(500);

/// Whether somebody waits for a keyframe, and when we last asked for one.
#[derive(Debug, Default)]
pub struct KeyframeRequest {
    wanted: bool,
    last_sent: Option<Instant>,
}

impl KeyframeRequest {
    /// Somebody cannot go on without a keyframe.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// A keyframe has come; whoever still needs one says so again.
    pub fn satisfied(&mut self) {
        self.wanted = false;
    }

    /// Whether a PLI is to leave at `now`; if so, records it as sent. The wish stays until
    /// [`satisfied`](Self::satisfied), so a lost PLI is repeated.
    pub fn try_send(&mut self, now: Instant) -> bool {
        let ready = self.wanted
            && self
                .last_sent
                .is_none_or(|last| now.saturating_duration_since(last) >= MIN_PLI_INTERVAL);
        if ready {
            self.last_sent = Some(now);
        }
        ready
    }

    /// Whether somebody waits.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn a_thousand_wishes_are_one_request() {
        let mut request = KeyframeRequest::default();
        let start = epoch();
        assert!(!request.try_send(start), "nobody asked");
        for _ in 0..1_000 {
            request.want();
        }
        assert!(request.try_send(start));
        assert!(!request.try_send(start + MIN_PLI_INTERVAL / 2));
        assert!(
            request.try_send(start + MIN_PLI_INTERVAL),
            "unanswered: asked again"
        );
        request.satisfied();
        assert!(!request.try_send(start + 3 * MIN_PLI_INTERVAL));
    }
}
