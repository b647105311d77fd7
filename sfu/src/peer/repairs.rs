//! What a receiver is sent again (RFC 4585 §6.2.1): how much, how often, and what waits to leave.
//!
//! Whoever asks is believed to have lost what it names, so asking must be cheap for the others:
//! repairs are a share of what the receiver is sent, and one that was just sent is on its way.

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use crate::budget::Budget;
use crate::drop_reason::DropReason;
use crate::line::estimate::Verdict;

/// Share of the media bytes sent to a receiver that may be sent again, in percent.
///
/// Higher: a line that loses more is repaired in full. Lower: less is pushed into a line that is
/// too narrow for the media alone, and it is empty again sooner.
const SHARE: u64 = 35;

/// The same while a queue stands in the way: what is asked for again has no room there either.
const SHARE_WHILE_FULL: u64 = 10;

/// Bytes that may be sent again at once, beyond that share.
///
/// Higher: longer bursts of loss are repaired. Lower: less of a burst on a weak line.
const BURST: u32 = 16 * 1_024;

/// How often one packet is sent again; who still misses it needs a keyframe.
const MAX_TIMES: u8 = 4;

/// Shortest time between two repairs of one packet, for lines shorter than that.
///
/// Lower: a repair that was lost itself comes sooner. Higher: less is sent twice to a line whose
/// queue has just grown.
const MIN_WAIT: Duration = Duration::from_millis(100);

/// Longest time between two repairs of one packet, whatever round trip a receiver claims.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// Repairs that may wait for one receiver.
const MAX_DUE: usize = 64;

/// How far behind the newest packet of its slot one may be that is sent again: a second of the
/// highest layer. What is older is too late to be shown.
pub const MAX_BEHIND: u64 = 256;

/// Repairs remembered per receiver, by number: of a slot, all that can be asked for.
const REMEMBERED: usize = MAX_BEHIND as usize;

/// How far apart the numbers of two slots lie, so that they seldom take each other's place.
const SLOT_STEP: usize = 67;

/// One packet of one slot, by the number it left with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Asked {
    /// Index of the slot in its peer.
    pub slot: u8,
    /// Sequence number on the slot's media SSRC.
    pub sequence: u16,
}

impl Asked {
    fn place(self) -> usize {
        (usize::from(self.sequence) + usize::from(self.slot) * SLOT_STEP) % REMEMBERED
    }
}

/// When a packet was last sent again, in milliseconds since [`Repairs::born`], and how often.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    at: u32,
    sequence: u16,
    slot: u8,
    /// 0: no packet was.
    times: u8,
}

impl Sent {
    fn is(self, what: Asked) -> bool {
        self.times > 0 && (self.slot, self.sequence) == (what.slot, what.sequence)
    }
}

/// The repairs of one receiver.
#[derive(Debug)]
pub struct Repairs {
    budget: Budget,
    /// Payload bytes sent so far for which the share was credited.
    credited: u32,
    born: Instant,
    sent: [Sent; REMEMBERED],
    due: ArrayVec<Asked, MAX_DUE>,
}

impl Repairs {
    /// Nothing repaired yet, of a receiver that has been sent `octets` so far.
    pub fn new(now: Instant, octets: u32) -> Self {
        Self {
            budget: Budget::full(BURST),
            credited: octets,
            born: now,
            sent: [Sent::default(); REMEMBERED],
            due: ArrayVec::new(),
        }
    }

    /// Credits the share of what has been sent by now. `octets` counts from the beginning and wraps.
    /// What was sent since the last time left on a line that is as `verdict` says.
    pub fn credit(&mut self, octets: u32, verdict: Verdict) {
        let share = match verdict {
            Verdict::Clear | Verdict::Lossy => SHARE,
            Verdict::Filling | Verdict::Flooded => SHARE_WHILE_FULL,
        };
        let share = u64::from(octets.wrapping_sub(self.credited)) * share / 100;
        self.budget.earn(u32::try_from(share).unwrap_or(u32::MAX));
        self.credited = octets;
    }

    /// Whether this packet was sent again less than a round trip ago, or often enough.
    ///
    /// # Errors
    /// Then the wish is refused.
    pub fn check(
        &self,
        now: Instant,
        what: Asked,
        round_trip: Option<Duration>,
    ) -> Result<(), DropReason> {
        let wait = round_trip.unwrap_or(MIN_WAIT).clamp(MIN_WAIT, MAX_WAIT);
        match self.known(what) {
            Some(sent) if sent.times >= MAX_TIMES || self.since(now, sent.at) < wait => {
                Err(DropReason::AskedAgain)
            }
            _ => Ok(()),
        }
    }

    /// Notes that a packet of `length` bytes is to leave again, if the budget allows it.
    ///
    /// # Errors
    /// When the budget is empty or too many wait.
    pub fn push(&mut self, now: Instant, what: Asked, length: u32) -> Result<(), DropReason> {
        let before = self.known(what);
        // Of what is left, half is for packets that were not sent again yet: not everybody notices
        // that a repair has come.
        let kept = if before.is_some() { BURST / 2 } else { 0 };
        if self.due.is_full() || !self.budget.has(length + kept) || !self.budget.spend(length) {
            return Err(DropReason::RepairBudget);
        }
        let at = self.millis(now);
        let times = before.map_or(0, |sent| sent.times).saturating_add(1);
        if let Some(place) = self.sent.get_mut(what.place()) {
            *place = Sent {
                at,
                sequence: what.sequence,
                slot: what.slot,
                times,
            };
        }
        self.due.push(what);
        Ok(())
    }

    /// Whether something waits to leave.
    pub fn is_waiting(&self) -> bool {
        !self.due.is_empty()
    }

    /// Takes what waits to leave.
    pub fn take_due(&mut self) -> ArrayVec<Asked, MAX_DUE> {
        std::mem::take(&mut self.due)
    }

    fn known(&self, what: Asked) -> Option<Sent> {
        let known = self.sent.get(what.place()).copied();
        known.filter(|sent| sent.is(what))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "differences of less than 49 days matter"
    )]
    fn millis(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.born).as_millis() as u32
    }

    fn since(&self, now: Instant, at: u32) -> Duration {
        Duration::from_millis(self.millis(now).wrapping_sub(at).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const fn asked(sequence: u16) -> Asked {
        Asked { slot: 1, sequence }
    }

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn ask(repairs: &mut Repairs, now: Instant, sequence: u16) -> Result<(), DropReason> {
        repairs.check(now, asked(sequence), Some(millis(250)))?;
        repairs.push(now, asked(sequence), 1_000)
    }

    #[test]
    fn a_packet_is_repeated_once_a_round_trip_and_four_times_in_all() {
        let now = epoch();
        let mut repairs = Repairs::new(now, 0);
        let mut times = Vec::new();
        for at in 0..3_000 {
            if ask(&mut repairs, now + millis(at), 7).is_ok() {
                times.push(at);
            }
        }
        assert_eq!(times, [0, 250, 500, 750]);
        assert_eq!(repairs.take_due().len(), 4);
    }

    #[test]
    fn a_receiver_cannot_claim_a_shorter_or_an_endless_round_trip() {
        let now = epoch();
        let mut repairs = Repairs::new(now, 0);
        ask(&mut repairs, now, 7).expect("the first time");
        let again =
            |repairs: &Repairs, at, claimed| repairs.check(now + millis(at), asked(7), claimed);
        assert!(again(&repairs, 99, Some(Duration::ZERO)).is_err());
        assert!(again(&repairs, 100, Some(Duration::ZERO)).is_ok());
        assert!(again(&repairs, 1_000, Some(Duration::MAX)).is_ok());
    }

    #[test]
    fn repairs_are_a_share_of_what_is_sent() {
        let now = epoch();
        let mut repairs = Repairs::new(now, u32::MAX - 10);
        let (mut octets, mut repaired, mut refused) = (u32::MAX - 10, 0, 0);
        for number in 0..50_000_u32 {
            let at = now + millis(u64::from(number));
            octets = octets.wrapping_add(1_000);
            repairs.credit(octets, Verdict::Clear);
            for offset in [0, 20_000] {
                match ask(&mut repairs, at, (number as u16).wrapping_add(offset)) {
                    Ok(()) => repaired += 1,
                    Err(reason) => {
                        assert_eq!(reason, DropReason::RepairBudget);
                        refused += 1;
                    }
                }
            }
            repairs.take_due();
        }
        assert_eq!(repaired, 50_000 * 35 / 100 + 16, "of 50,000 packets sent");
        assert_eq!(refused, 100_000 - repaired);
    }

    #[test]
    fn who_asks_again_leaves_enough_for_what_it_asks_the_first_time() {
        let now = epoch();
        let mut repairs = Repairs::new(now, 0);
        for round in 0..4 {
            for number in 0..4 {
                let _ = ask(&mut repairs, now + millis(250 * round), number);
            }
        }
        let later = now + millis(1_000);
        for number in 10..18 {
            ask(&mut repairs, later, number).expect("asked the first time");
        }
        assert!(ask(&mut repairs, later, 18).is_err());
    }

    #[test]
    fn no_more_wait_than_there_are_places() {
        let now = epoch();
        let mut repairs = Repairs::new(now, 0);
        for number in 0..200 {
            let _ = repairs.push(now, asked(number), 1);
        }
        assert_eq!(repairs.take_due().len(), MAX_DUE);
        assert!(repairs.take_due().is_empty());
    }
}
