//! A bad line that packets of this machine's own network stack go over.
//!
//! ```text
//! server's network ── near ──▶ down: the line model of the load test ──▶ far ── client's network
//!                     near ◀── up ◀─────────────────────────────────── far
//! ```
//!
//! Here is what it does and counts, without devices and without a clock; the program `line-device`
//! is the rest.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use loadtest::line::{Counts, Direction, Line, Link};
use loadtest::scenario::file::ImpairmentSection;
use serde::{Deserialize, Serialize};

/// Waits are counted in steps of this many milliseconds.
const STEP: u32 = 10;

/// Bytes of an IPv4 header without options, and of a UDP header behind it.
const IP: usize = 20;
const UDP: usize = 8;

/// What both directions are to be like, as it is written in scenario files; what is not given is
/// that of a line that does nothing.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Command {
    /// From the server.
    pub down: ImpairmentSection,
    /// To the server.
    pub up: ImpairmentSection,
}

impl Command {
    /// Reads a line of JSON.
    ///
    /// # Errors
    /// When it is none, has an unknown key, or a value is out of range.
    pub fn parse(text: &str) -> Result<Link, String> {
        let command: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let down = command.down.impairment("down");
        let up = command.up.impairment("up");
        Ok(Link {
            down: down.map_err(|error| error.to_string())?,
            up: up.map_err(|error| error.to_string())?,
        })
    }
}

/// What one direction was offered and carried since the beginning.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// Packets that came, and their bytes with IP headers.
    pub offered: u64,
    /// See `offered`.
    pub offered_bytes: u64,
    /// Packets that went out at the other end.
    pub carried: u64,
    /// See `carried`.
    pub carried_bytes: u64,
    /// Packets lost on the way.
    pub lost: u64,
    /// Packets that found the queue full.
    pub overflowed: u64,
    /// Bytes offered as RTP over UDP, with IP headers, by payload type.
    pub rtp: BTreeMap<u8, u64>,
    /// Packets carried by the milliseconds, rounded down to tens, that they waited before the narrow
    /// place and by jitter: what they took beyond the delay.
    pub waits: BTreeMap<u32, u64>,
}

/// What is told now and then.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Milliseconds since the beginning.
    pub at: u128,
    /// From the server.
    pub down: Tally,
    /// To the server.
    pub up: Tally,
    /// The most, since the last report, that a packet went out after its time, in milliseconds.
    pub behind: f64,
}

/// Where a packet comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The server's side.
    Near,
    /// The client's side.
    Far,
}

/// The line and what it has counted.
#[derive(Debug)]
pub struct Device {
    born: Instant,
    line: Line<Instant>,
    link: Link,
    down: Tally,
    up: Tally,
    behind: Duration,
}

impl Device {
    /// A line that does nothing yet.
    pub fn new(now: Instant, seed: u64) -> Self {
        Self {
            born: now,
            line: Line::new(Link::default(), seed).of_packets(),
            link: Link::default(),
            down: Tally::default(),
            up: Tally::default(),
            behind: Duration::ZERO,
        }
    }

    /// Becomes another from now on.
    pub fn set(&mut self, now: Instant, link: Link) {
        self.link = link;
        self.line.set(now, link);
    }

    /// A packet has come in at `end`. What is not IPv4 is not carried: hosts chat by themselves.
    pub fn push(&mut self, now: Instant, end: End, packet: &[u8]) {
        if packet.first().is_none_or(|first| first >> 4 != 4) {
            return;
        }
        let (direction, tally) = match end {
            End::Near => (&mut self.line.down, &mut self.down),
            End::Far => (&mut self.line.up, &mut self.up),
        };
        tally.offered += 1;
        tally.offered_bytes += packet.len() as u64;
        if let Some(kind) = payload_type(packet) {
            *tally.rtp.entry(kind).or_default() += packet.len() as u64;
        }
        direction.push(now, packet, now);
    }

    /// Hands over each packet that is to go out now, with the end at which it does.
    pub fn serve(&mut self, now: Instant, mut out: impl FnMut(End, &[u8])) {
        let Self { line, link, .. } = self;
        let ways = [
            (&mut line.down, link.down.delay, &mut self.down, End::Far),
            (&mut line.up, link.up.delay, &mut self.up, End::Near),
        ];
        for (direction, delay, tally, end) in ways {
            while let Some((due, packet, came)) = direction.pop(now) {
                out(end, &packet);
                self.behind = self.behind.max(now - due);
                tally.carried += 1;
                tally.carried_bytes += packet.len() as u64;
                let waited = due.saturating_duration_since(came).saturating_sub(delay);
                let step = waited.as_millis() as u32 / STEP * STEP;
                *tally.waits.entry(step).or_default() += 1;
                direction.reuse(packet);
            }
        }
    }

    /// When a packet may be to go out, if no other comes.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.line.poll_timeout()
    }

    /// What was counted so far.
    pub fn report(&mut self, now: Instant) -> Report {
        let tally = |tally: &Tally, direction: &Direction<Instant>| {
            let Counts {
                lost, overflowed, ..
            } = direction.counts();
            Tally {
                lost,
                overflowed,
                ..tally.clone()
            }
        };
        let behind = std::mem::take(&mut self.behind);
        Report {
            at: (now - self.born).as_millis(),
            down: tally(&self.down, &self.line.down),
            up: tally(&self.up, &self.line.up),
            behind: behind.as_secs_f64() * 1e3,
        }
    }
}

/// The payload type of an RTP packet over UDP and IPv4.
fn payload_type(packet: &[u8]) -> Option<u8> {
    let length = usize::from(packet.first()? & 0xf) * 4;
    let is_udp = *packet.get(IP - 11)? == 17;
    let [first, second] = *packet.get(length + UDP..)?.first_chunk()?;
    // RFC 7983 and RFC 5761: 128 to 191 is RTP or RTCP, of which 192 to 223 is RTCP.
    let is_rtp = (128..192).contains(&first) && !(192..224).contains(&second);
    (is_udp && is_rtp).then_some(second & 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// An IPv4 packet of this protocol and length with `payload` behind 8 bytes of header.
    fn packet(protocol: u8, length: usize, payload: [u8; 2]) -> Vec<u8> {
        let mut packet = vec![0; length];
        packet[0] = 0x45;
        packet[9] = protocol;
        packet[28..30].copy_from_slice(&payload);
        packet
    }

    #[test]
    fn what_is_offered_carried_and_dropped_is_counted_with_how_long_it_waited() {
        let start = Instant::now();
        let mut device = Device::new(start, 1);
        let link = r#"{"down": {"kbps": 80, "queue": "200ms", "delay": "30ms"}}"#;
        device.set(start, Command::parse(link).unwrap());
        // 100 ms each, so that the third finds the queue full.
        for _ in 0..3 {
            device.push(start, End::Near, &packet(17, 1_000, [128, 96 | 128]));
        }
        device.push(start, End::Far, &packet(17, 100, [128, 200]));
        device.push(start, End::Far, &[0x60; 40]);
        let mut out = Vec::new();
        for ms in 0..300 {
            device.serve(start + MS * ms, |end, packet| {
                out.push((ms, end, packet.len()));
            });
        }
        assert_eq!(
            out,
            [
                (0, End::Near, 100),
                (130, End::Far, 1_000),
                (230, End::Far, 1_000)
            ]
        );
        let report = device.report(start + MS * 300);
        assert_eq!((report.down.offered, report.down.offered_bytes), (3, 3_000));
        assert_eq!((report.down.carried, report.down.overflowed), (2, 1));
        assert_eq!(report.down.rtp, BTreeMap::from([(96, 3_000)]));
        assert_eq!(report.down.waits, BTreeMap::from([(100, 1), (200, 1)]));
        assert_eq!(report.up.offered, 1, "IPv6 is not carried");
        assert!(report.up.rtp.is_empty(), "RTCP is no RTP");
    }

    #[test]
    fn a_command_that_cannot_be_is_refused_with_its_reason() {
        let wrong = Command::parse(r#"{"down": {"loss_percent": 120}}"#);
        assert!(wrong.unwrap_err().contains("down.loss_percent"));
        assert!(
            Command::parse(r#"{"left": {}}"#)
                .unwrap_err()
                .contains("left")
        );
    }

    #[test]
    fn only_rtp_over_udp_has_a_payload_type() {
        assert_eq!(payload_type(&packet(17, 60, [144, 111])), Some(111));
        assert_eq!(payload_type(&packet(6, 60, [144, 111])), None);
        assert_eq!(payload_type(&packet(17, 60, [22, 254])), None);
        assert_eq!(payload_type(&[0x45; 20]), None);
        assert_eq!(payload_type(&[]), None);
    }
}
