//! When padding is sent behind a picture to learn whether a line carries more.

use crate::line::Micros;

/// Microseconds, few.
type Pause = i32;

/// Pauses between two probes: at first, at least, at most, and at least after a cut.
const FIRST: Pause = 500_000;
const SHORTEST: Pause = 500_000;
const LONGEST: Pause = 4_000_000;
const AFTER_CUT: Pause = 1_500_000;

/// No probe so soon after a cut: the queue must be empty first.
const REST: Micros = 1_000_000;

/// A probe that has had no answer for so long is sent once more: the report was lost.
///
/// Higher: on a line whose reports are lost more is known later. Lower: an answer that is late costs a probe.
const UNANSWERED: Pause = 1_200_000;

/// How long a probe may take on the line by what is known of it, and the bytes of one packet.
const LENGTH: f64 = 0.06;

/// Bytes of padding in one packet, the most there can be, and of the packet on the line.
pub const PADDING: u8 = 255;
const PACKET: u32 = 319;

/// Packets of one probe.
const LEAST: u32 = 6;
const MOST: u32 = 32;

/// When the last probe left, and how long to wait for the next.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    sent: Option<Micros>,
    awaited: Option<Micros>,
    pause: Pause,
    /// The one whose answer is awaited is the second of its kind.
    is_second: bool,
}

impl Probe {
    /// None was sent.
    pub const fn new() -> Self {
        Self {
            sent: None,
            awaited: None,
            pause: FIRST,
            is_second: false,
        }
    }

    /// When the probe left whose answer is awaited.
    pub const fn awaited(&self) -> Option<Micros> {
        self.awaited
    }

    /// The estimate was cut.
    pub fn on_cut(&mut self) {
        self.pause = (self.pause * 8 / 5).clamp(AFTER_CUT, LONGEST);
    }

    /// A probe was answered: whether it led higher.
    pub fn on_answer(&mut self, higher: bool) {
        self.awaited = None;
        self.is_second = false;
        self.pause = if higher {
            (self.pause * 7 / 10).max(SHORTEST)
        } else {
            (self.pause * 13 / 10).min(LONGEST)
        };
    }

    /// How many packets to send now, of a line that carries `rate` and whose last cut was so long
    /// ago.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped"
    )]
    pub fn due(&mut self, now: Micros, rate: f64, since_cut: Micros) -> Option<u32> {
        let waited = self.sent.map_or(Micros::MAX, |sent| now - sent);
        let is_unanswered = self.awaited.is_some() && !self.is_second;
        let pause = if is_unanswered {
            self.pause.min(UNANSWERED)
        } else {
            self.pause
        };
        if since_cut < REST || waited < pause.into() {
            return None;
        }
        self.is_second = is_unanswered;
        (self.sent, self.awaited) = (Some(now), Some(now));
        let packets = (LENGTH * rate / 8.0 / f64::from(PACKET)).round() as u32;
        Some(packets.clamp(LEAST, MOST))
    }
}

impl Default for Probe {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Micros = 1_000;

    #[test]
    fn probes_that_lead_nowhere_become_rare_and_those_that_do_frequent() {
        let mut probe = Probe::new();
        let mut sent = Vec::new();
        for at in 0..60_000 {
            if probe.due(at * MS, 300e3, Micros::MAX).is_some() {
                sent.push(at);
                probe.on_answer(at < 5_000);
            }
        }
        assert!(sent.windows(2).all(|pair| pair[1] - pair[0] >= 500));
        let last: Vec<_> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(last.last(), Some(&4_000));
    }

    #[test]
    fn a_probe_without_an_answer_is_sent_once_more() {
        let mut probe = Probe::new();
        for _ in 0..9 {
            probe.on_answer(false);
        }
        let sent: Vec<_> = (0..9_000)
            .filter(|at| probe.due(at * MS, 300e3, Micros::MAX).is_some())
            .collect();
        assert_eq!(sent, [0, 1_200, 5_200, 6_400]);
    }

    #[test]
    fn nothing_is_probed_right_after_a_cut() {
        let mut probe = Probe::new();
        assert_eq!(probe.due(0, 300e3, 900 * MS), None);
        probe.on_cut();
        assert!(probe.due(MS, 300e3, 1_001 * MS).is_some());
        assert_eq!(probe.due(1_100 * MS, 300e3, Micros::MAX), None);
    }
}
