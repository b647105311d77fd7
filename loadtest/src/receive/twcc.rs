//! Feedback about transport-wide sequence numbers (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).

use std::time::{Duration, Instant};

/// Time between two feedback packets: libwebrtc's default.
pub const INTERVAL: Duration = Duration::from_millis(100);
/// Most packets in one feedback; older ones are left out when more have come.
const MAX_PACKETS: usize = 512;
/// A longer gap between two feedbacks is not told of: nothing was sent that nobody knows of.
const LONGEST_GAP: u64 = 2_048;
/// Deltas count in units of 250 µs.
const TICK_MICROS: u64 = 250;
/// The reference time counts in units of 64 ms.
const REFERENCE_MICROS: u64 = 64_000;

/// The numbers that have arrived since the last feedback.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    /// Extended number and arrival in microseconds since the start of the run.
    packets: Vec<(u64, u64)>,
    highest: Option<u64>,
    /// The number after the last that was told of: what was lost since is told of as well.
    next: Option<u64>,
    feedback_count: u8,
    due: Option<Instant>,
}

impl Arrivals {
    /// A packet with this number arrived at `arrival`, counted from any fixed instant.
    pub fn on_packet(&mut self, now: Instant, arrival: Duration, number: u16) {
        let highest = self.highest.unwrap_or_else(|| u64::from(number) + 0x1_0000);
        let step = number.wrapping_sub(highest as u16) as i16;
        let extended = highest.saturating_add_signed(i64::from(step));
        self.highest = Some(highest.max(extended));
        if self.packets.len() < MAX_PACKETS {
            let micros = u64::try_from(arrival.as_micros()).unwrap_or(u64::MAX);
            self.packets.push((extended, micros));
        }
        self.due.get_or_insert(now + INTERVAL);
    }

    /// When the next feedback is due.
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Appends the feedback that is due as an RTCP packet. `false`: none is.
    pub fn poll(&mut self, now: Instant, sender_ssrc: u32, ssrc: u32, out: &mut Vec<u8>) -> bool {
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        self.due = None;
        self.packets.sort_unstable();
        self.packets.dedup_by_key(|(number, _)| *number);
        let first = self.packets.first().map_or(0, |(number, _)| *number);
        let is_near = |next: &u64| (*next..next + LONGEST_GAP).contains(&first);
        let base = self.next.filter(is_near).unwrap_or(first);
        let ssrcs = [sender_ssrc, ssrc];
        let written = write(&self.packets, base, self.feedback_count, ssrcs, out);
        let last = self.packets.last().map(|(number, _)| number + 1);
        self.next = self.next.max(last);
        self.feedback_count = self.feedback_count.wrapping_add(1);
        self.packets.clear();
        written
    }
}

/// Writes feedback about `packets`, which are in order and differ, from the number `base` on.
/// `false`: there are none.
fn write(packets: &[(u64, u64)], base: u64, count: u8, ssrcs: [u32; 2], out: &mut Vec<u8>) -> bool {
    let (Some(&(_, first_micros)), Some(&(last, _))) = (packets.first(), packets.last()) else {
        return false;
    };
    let reference = first_micros / REFERENCE_MICROS;
    let mut symbols = Vec::with_capacity(packets.len());
    let mut deltas = Vec::with_capacity(packets.len());
    let mut clock = reference * REFERENCE_MICROS / TICK_MICROS;
    let mut next = base;
    for &(number, micros) in packets {
        // A delta that does not fit ends the feedback; the rest would need a new reference time.
        let ticks = micros / TICK_MICROS;
        let Ok(delta) = i16::try_from(ticks as i64 - clock as i64) else {
            break;
        };
        let missing = usize::try_from(number - next)
            .unwrap_or(0)
            .min(MAX_PACKETS * 8);
        symbols.resize(symbols.len() + missing, 0_u16);
        match u8::try_from(delta) {
            Ok(small) => {
                symbols.push(1);
                deltas.push(small);
            }
            Err(_) => {
                symbols.push(2);
                deltas.extend(delta.to_be_bytes());
            }
        }
        clock = ticks;
        next = number + 1;
    }
    debug_assert!(
        next <= last + 1,
        "symbols go no further than the last packet"
    );

    let start = out.len();
    out.extend([0x8f, 205, 0, 0]);
    out.extend(ssrcs.iter().flat_map(|ssrc| ssrc.to_be_bytes()));
    out.extend((base as u16).to_be_bytes());
    out.extend((symbols.len() as u16).to_be_bytes());
    out.extend(&(reference as u32).to_be_bytes()[1..]);
    out.push(count);
    // Two-bit status vectors of seven symbols: never the shortest and always right.
    for seven in symbols.chunks(7) {
        let bits = seven
            .iter()
            .enumerate()
            .fold(0xc000_u16, |bits, (n, symbol)| {
                bits | symbol << (12 - 2 * n)
            });
        out.extend(bits.to_be_bytes());
    }
    out.extend(&deltas);
    out.resize(start + (out.len() - start).next_multiple_of(4), 0);
    let words = ((out.len() - start) / 4 - 1) as u16;
    if let Some(length) = out.get_mut(start + 2..start + 4) {
        length.copy_from_slice(&words.to_be_bytes());
    }
    true
}

#[cfg(test)]
mod tests {
    use rtc_rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
    use rtc_shared::marshal::Unmarshal as _;

    use super::*;

    fn feedback(arrivals: &mut Arrivals, now: Instant) -> TransportLayerCc {
        let mut bytes = Vec::new();
        assert!(arrivals.poll(now, 1, 77, &mut bytes));
        TransportLayerCc::unmarshal(&mut bytes.as_slice()).unwrap()
    }

    #[test]
    fn what_arrived_and_when_is_told_across_the_wrap_with_gaps() {
        let start = Instant::now();
        let mut arrivals = Arrivals::default();
        let came = [(65_534_u16, 1_000), (65_535, 1_010), (2, 1_009), (3, 1_200)];
        for (number, ms) in came {
            arrivals.on_packet(start, Duration::from_millis(ms), number);
        }
        assert!(!arrivals.poll(start, 1, 77, &mut Vec::new()), "not due yet");
        let packet = feedback(&mut arrivals, start + INTERVAL);
        assert_eq!((packet.sender_ssrc, packet.media_ssrc), (1, 77));
        assert_eq!(
            (packet.base_sequence_number, packet.packet_status_count),
            (65_534, 6)
        );
        assert_eq!(packet.reference_time, 15, "960 ms");
        let deltas: Vec<i64> = packet.recv_deltas.iter().map(|delta| delta.delta).collect();
        assert_eq!(deltas, [40_000, 10_000, -1_000, 191_000]);
        assert_eq!(arrivals.poll_timeout(), None);
    }

    #[test]
    fn what_was_lost_between_two_feedbacks_is_told_of() {
        let start = Instant::now();
        let mut arrivals = Arrivals::default();
        for (round, number, base, count) in [(0, 10, 10, 1), (1, 14, 11, 4), (2, 9_000, 9_000, 1)] {
            let now = start + INTERVAL * 2 * round;
            arrivals.on_packet(now, Duration::from_secs(5), number);
            let packet = feedback(&mut arrivals, now + INTERVAL);
            let told = (packet.base_sequence_number, packet.packet_status_count);
            assert_eq!(told, (base, count));
        }
    }

    #[test]
    fn the_feedback_count_goes_up_and_a_late_packet_is_told_in_the_next_one() {
        let start = Instant::now();
        let mut arrivals = Arrivals::default();
        for (round, number) in [10_u16, 9].into_iter().enumerate() {
            let now = start + INTERVAL * 2 * round as u32;
            arrivals.on_packet(now, Duration::from_secs(5), number);
            let packet = feedback(&mut arrivals, now + INTERVAL);
            assert_eq!(usize::from(packet.fb_pkt_count), round);
            assert_eq!(packet.base_sequence_number, number);
        }
    }
}
