//! What a receiver is sent again (RFC 4585 §6.2.1): how much, how often, and what waits to leave.
//!
//! Whoever asks is believed to have lost what it names, so asking must be cheap for the others:
//! repairs are a share of what the receiver is sent, and one that was just sent is on its way.

mod numbers;

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use crate::budget::Budget;
use crate::drop_reason::DropReason;
use crate::id::Ssrc;
use crate::kind::MediaKind;
use crate::line::estimate::Verdict;
use crate::line::feedback::Fate;
use crate::peer::repairs::numbers::Numbers;
use crate::slot::Slot;

/// Share of the media bytes sent to a receiver that may be sent again, in percent.
///
/// Higher: a line that loses more is repaired in full. Lower: less is pushed into a line that is
/// too narrow for the media alone, and it is empty again sooner.
const SHARE: u64 = 29;

/// The same while a queue stands in the way: what is asked for again has no room there either.
const SHARE_WHILE_FULL: u64 = 10;

/// Bytes that may be sent again at once, beyond that share.
///
/// Higher: longer bursts of loss are repaired. Lower: less of a burst on a weak line.
const BURST: u32 = 20 * 1_024;

/// What was not needed is saved up, as much as is sent in this time, for where much is lost without a
/// queue: bursts follow each other closely by chance, and each hole that is not filled stops the picture
/// until the next keyframe.
///
/// Higher: worse moments are outlived. Lower: less of a burst on a line that has a queue after all.
const SAVED: Duration = Duration::from_millis(1500);

/// How often one packet is sent again; who still misses it needs a keyframe.
///
/// Higher: pictures go on where many repairs are lost as well. Lower: less for who never gets it.
const MAX_TIMES: u8 = 8;

/// Shortest time between two repairs of one packet, for lines shorter than that: a little less than the
/// 100 ms after which browsers ask again.
///
/// Lower: a repair that was lost itself comes sooner. Higher: less is sent twice to a line whose
/// queue has just grown.
const MIN_WAIT: Duration = Duration::from_millis(80);

/// Longest time between two repairs of one packet, whatever round trip a receiver claims.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// Of the budget, what is left for pictures that were not sent again yet: not everybody notices that a
/// repair has come. Where it is known that much is lost nothing is: the picture stands until what is
/// asked for again has come, whatever comes after it.
const KEPT_FOR_NEW: u32 = 8 * 1_024;

/// Of the budget, what is left for sound when pictures have taken theirs, in bytes: all of a second.
const KEPT_FOR_SOUND: u32 = 4 * 1_024;

/// How long after sound has come to us it is sent again. It arrives as late as that, and a page holds
/// sound back for at most so long; whatever the way is, which the first one had before it as well.
///
/// Higher: of use to who waits longer. Lower: fewer bytes for sound that is over.
pub const SOUND_WAITS: Duration = Duration::from_millis(400);

/// Repairs that may wait for one receiver.
const MAX_DUE: usize = 64;

/// How far behind the newest packet of its slot one may be that is sent again: a second of the
/// highest layer. What is older is too late to be shown.
pub const MAX_BEHIND: u64 = 256;

/// Repairs remembered per receiver, by number: of a slot, all that can be asked for.
const REMEMBERED: usize = MAX_BEHIND as usize;

/// Slots of one peer of which it is known what was asked for last: all but those of a large wall.
const MAX_SLOTS: usize = 16;

/// Of two packets of a slot that were asked for, those between tell of the same moment if they are no
/// more than this: a fifth of a second of the highest layer.
const TELLS_OF_NOW: usize = 24;

/// How far apart the numbers of two slots lie, so that they seldom take each other's place.
const SLOT_STEP: usize = 67;

/// How badly a packet is needed again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// Sound: it is heard when it is missing.
    Sound,
    /// Sound that later packets carry as well: where there is plenty.
    CarriedSound,
    /// Part of a picture.
    Picture,
}

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

/// A packet of a picture that a report shows to be missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Open {
    /// Which.
    pub what: Asked,
    /// It was sent again before.
    pub is_known: bool,
}

/// When a packet was last sent again, in milliseconds since [`Repairs::born`], and how often.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    at: u32,
    sequence: u16,
    /// The transport-wide number that it had the last time.
    number: u16,
    slot: u8,
    /// 0: no packet was.
    times: u8,
    /// One of its repairs was reported to have come.
    came: bool,
}

impl Sent {
    fn is(self, what: Asked) -> bool {
        self.times > 0 && (self.slot, self.sequence) == (what.slot, what.sequence)
    }

    /// Whether it need not leave again, or has often enough.
    const fn is_done(self) -> bool {
        self.came || self.times >= MAX_TIMES
    }
}

/// Payload bytes sent to one receiver since the beginning; both wrap.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Octets {
    /// Of sound and pictures.
    pub media: u32,
    /// Of what came before that sound carries.
    pub redundant: u32,
}

/// The repairs of one receiver.
#[derive(Debug)]
pub struct Repairs {
    budget: Budget,
    /// What was left over of it.
    saved: Budget,
    /// The line loses much, as reports of arrivals say.
    is_lossy: bool,
    /// Payload bytes sent so far for which the share was credited.
    credited: Octets,
    born: Instant,
    sent: [Sent; REMEMBERED],
    numbers: Numbers,
    due: ArrayVec<Asked, MAX_DUE>,
    /// The newest number asked for of each slot, the latest slot last; one more slot takes the place
    /// of the first.
    newest: ArrayVec<Asked, MAX_SLOTS>,
}

impl Repairs {
    /// Nothing repaired yet, of a receiver that has been sent `octets` so far.
    pub fn new(now: Instant, octets: Octets) -> Self {
        let mut saved = Budget::empty(u32::MAX);
        saved.earn(share_of(octets.media, SHARE));
        Self {
            budget: Budget::full(BURST),
            saved,
            is_lossy: false,
            credited: octets,
            born: now,
            sent: [Sent::default(); REMEMBERED],
            numbers: Numbers::new(),
            due: ArrayVec::new(),
            newest: ArrayVec::new(),
        }
    }

    /// Of a packet that is newer than all asked for before, how many left since the newest of those, as
    /// far as they tell of now; `None` for an older one: browsers go on asking for what they do not
    /// get, which tells nothing new of the line.
    pub fn since_news(&mut self, slot: u8, sequence: u16) -> Option<usize> {
        let asked = Asked { slot, sequence };
        if let Some(newest) = self.newest.iter_mut().find(|it| it.slot == slot) {
            let ahead = sequence.wrapping_sub(newest.sequence).cast_signed();
            if ahead <= 0 {
                return None;
            }
            *newest = asked;
            let since = usize::from(ahead.unsigned_abs());
            return Some(if since > TELLS_OF_NOW { 1 } else { since });
        }
        if self.newest.is_full() {
            self.newest.pop_at(0);
        }
        self.newest.push(asked);
        Some(1)
    }

    /// Credits the share of what has been sent by now, which left on a line that is as `verdict` says,
    /// where `rate` bits per second are sent. What sound carries beside is taken out of it, a quarter at
    /// most: that is repaired before it is asked for, but pictures must be repaired too.
    pub fn credit(&mut self, octets: Octets, verdict: Verdict, rate: u32) {
        let share = match verdict {
            Verdict::Clear | Verdict::Lossy => SHARE,
            Verdict::Filling | Verdict::Flooded => SHARE_WHILE_FULL,
        };
        self.is_lossy = verdict == Verdict::Lossy;
        let media = octets.media.wrapping_sub(self.credited.media);
        let share = share_of(media, share);
        let carried = octets.redundant.wrapping_sub(self.credited.redundant);
        let left_over = self.budget.earn(share - carried.min(share / 4));
        let most = u128::from(rate) * SAVED.as_millis() / 8_000;
        self.saved.set_most(u32::try_from(most).unwrap_or(u32::MAX));
        self.saved.earn(left_over);
        self.credited = octets;
    }

    /// Notes that a packet leaves, or leaves again, with a transport-wide number.
    #[inline]
    pub fn note_left(&mut self, number: u16, ssrc: Ssrc, sequence: u16) {
        self.numbers.note(number, ssrc, sequence);
    }

    /// Notes that a packet left again, with this transport-wide number.
    pub fn note_left_again(&mut self, what: Asked, number: u16) {
        if let Some(sent) = self.known_mut(what) {
            sent.number = number;
        }
    }

    /// Takes in what a report says of a transport-wide number. Returns the packet if it is missing: it
    /// was lost, or its repair was, and has not left since.
    pub fn told(&mut self, slots: &[Slot], number: u16, fate: Fate) -> Option<Open> {
        let left = self.numbers.find(number)?;
        let is_of = |slot: &Slot| left.ssrc == slot.ssrc || left.ssrc == slot.rtx_ssrc;
        let index = slots.iter().position(is_of)?;
        let slot = slots.get(index)?;
        let is_repair = left.ssrc == slot.rtx_ssrc;
        let what = Asked {
            slot: u8::try_from(index).ok()?,
            sequence: left.sequence,
        };
        let Some(sent) = self.known(what) else {
            let is_open = fate == Fate::Lost && !is_repair && slot.kind == MediaKind::Video;
            return is_open.then_some(Open {
                what,
                is_known: false,
            });
        };
        if !is_repair {
            return None;
        }
        if fate == Fate::Came {
            self.note_came(what);
            return None;
        }
        (!sent.came && sent.number == number).then_some(Open {
            what,
            is_known: true,
        })
    }

    fn note_came(&mut self, what: Asked) {
        if let Some(sent) = self.known_mut(what) {
            sent.came = true;
        }
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
            Some(sent) if sent.is_done() || self.since(now, sent.at) < wait => {
                Err(DropReason::AskedAgain)
            }
            _ => Ok(()),
        }
    }

    /// Notes that a packet of `length` bytes is to leave again, if the budget allows it.
    ///
    /// # Errors
    /// When the budget is empty or too many wait.
    pub fn push(
        &mut self,
        now: Instant,
        what: Asked,
        need: Need,
        length: u32,
    ) -> Result<(), DropReason> {
        let before = self.known(what);
        // Of carried sound by the time that it would come, what carries it has come.
        if before.is_some_and(|sent| sent.is_done() || need == Need::CarriedSound) {
            return Err(DropReason::AskedAgain);
        }
        let kept = match need {
            Need::Sound => 0,
            Need::CarriedSound => KEPT_FOR_NEW + KEPT_FOR_SOUND,
            Need::Picture if before.is_some() && !self.is_lossy => KEPT_FOR_NEW + KEPT_FOR_SOUND,
            Need::Picture => KEPT_FOR_SOUND,
        };
        if self.due.is_full() || !self.spend(length, kept) {
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
                ..Sent::default()
            };
        }
        self.due.push(what);
        Ok(())
    }

    /// Has a packet leave again that nobody has asked for, outside the budget. Left out where too many
    /// wait.
    pub fn repeat(&mut self, what: Asked) {
        let _ = self.due.try_push(what);
    }

    /// Whether something waits to leave.
    pub fn is_waiting(&self) -> bool {
        !self.due.is_empty()
    }

    /// Takes what waits to leave.
    pub fn take_due(&mut self) -> ArrayVec<Asked, MAX_DUE> {
        std::mem::take(&mut self.due)
    }

    /// Takes so much out of the budget where `kept` is left besides, or else out of what was saved.
    fn spend(&mut self, length: u32, kept: u32) -> bool {
        let is_there = self.budget.has(length + kept) && self.budget.spend(length);
        is_there || self.is_lossy && self.saved.spend(length)
    }

    fn known(&self, what: Asked) -> Option<Sent> {
        let known = self.sent.get(what.place()).copied();
        known.filter(|sent| sent.is(what))
    }

    fn known_mut(&mut self, what: Asked) -> Option<&mut Sent> {
        let known = self.sent.get_mut(what.place());
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

/// So many percent.
fn share_of(bytes: u32, percent: u64) -> u32 {
    u32::try_from(u64::from(bytes) * percent / 100).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{SlotSpec, Token};
    use crate::testing::epoch;

    const fn asked(sequence: u16) -> Asked {
        Asked { slot: 1, sequence }
    }

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn ask(repairs: &mut Repairs, now: Instant, sequence: u16) -> Result<(), DropReason> {
        repairs.check(now, asked(sequence), Some(millis(250)))?;
        repairs.push(now, asked(sequence), Need::Picture, 1_000)
    }

    #[test]
    fn a_packet_is_repeated_once_a_round_trip_and_eight_times_in_all() {
        let now = epoch();
        let mut repairs = Repairs::new(now, Octets::default());
        let mut times = Vec::new();
        for at in 0..3_000 {
            if ask(&mut repairs, now + millis(at), 7).is_ok() {
                times.push(at);
            }
        }
        assert_eq!(times, [0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750]);
        assert_eq!(repairs.take_due().len(), 8);
    }

    #[test]
    fn only_what_is_newer_than_all_before_is_news() {
        let mut repairs = Repairs::new(epoch(), Octets::default());
        let mut asked = |slot, sequence| repairs.since_news(slot, sequence);
        let first = [65_534, 65_535, 2, 40].map(|sequence| asked(1, sequence));
        assert_eq!(first, [Some(1), Some(1), Some(3), Some(1)]);
        let again = [65_534, 40, 39].map(|sequence| asked(1, sequence));
        assert_eq!(again, [None; 3]);
        assert!(asked(2, 1).is_some() && asked(1, 41).is_some());
        for slot in 3..200 {
            assert!(asked(slot, 7).is_some() && asked(slot, 7).is_none());
        }
    }

    #[test]
    fn a_receiver_cannot_claim_a_shorter_or_an_endless_round_trip() {
        let now = epoch();
        let mut repairs = Repairs::new(now, Octets::default());
        ask(&mut repairs, now, 7).expect("the first time");
        let again =
            |repairs: &Repairs, at, claimed| repairs.check(now + millis(at), asked(7), claimed);
        assert!(again(&repairs, 79, Some(Duration::ZERO)).is_err());
        assert!(again(&repairs, 80, Some(Duration::ZERO)).is_ok());
        assert!(again(&repairs, 1_000, Some(Duration::MAX)).is_ok());
    }

    #[test]
    fn repairs_are_a_share_of_what_is_sent_less_what_sound_carries() {
        for (carried, share) in [(0, 29), (50, 24)] {
            repair_for_long(carried, share);
        }
    }

    /// Asks for two packets with each that is sent, with so much carried beside it.
    fn repair_for_long(carried: u32, percent: u32) {
        let now = epoch();
        let mut octets = Octets {
            media: u32::MAX - 10,
            redundant: u32::MAX - 10,
        };
        let mut repairs = Repairs::new(now, octets);
        let (mut repaired, mut refused) = (0, 0);
        for number in 0..50_000_u32 {
            let at = now + millis(u64::from(number));
            octets.media = octets.media.wrapping_add(1_000);
            octets.redundant = octets.redundant.wrapping_add(carried);
            repairs.credit(octets, Verdict::Clear, 0);
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
        assert_eq!(
            repaired,
            50_000 * percent / 100 + 16,
            "of 50,000 packets sent"
        );
        assert_eq!(refused, 100_000 - repaired);
    }

    #[test]
    fn who_asks_again_leaves_enough_for_what_it_asks_the_first_time() {
        let now = epoch();
        let mut repairs = Repairs::new(now, Octets::default());
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
    fn where_much_is_lost_what_is_asked_for_again_is_sent_as_well() {
        let now = epoch();
        let mut repairs = Repairs::new(now, Octets::default());
        repairs.credit(Octets::default(), Verdict::Lossy, 0);
        let mut sent = 0;
        for round in 0..8 {
            for number in 0..4 {
                sent += usize::from(ask(&mut repairs, now + millis(250 * round), number).is_ok());
            }
        }
        assert_eq!(sent, 16, "all but what is left for sound");
    }

    #[test]
    fn pictures_leave_enough_for_sound() {
        let now = epoch();
        let mut repairs = Repairs::new(now, Octets::default());
        let mut push = |number, kind| repairs.push(now, asked(number), kind, 1_000);
        let pictures = (0..60).filter(|number| push(*number, Need::Picture).is_ok());
        assert_eq!(pictures.count(), 16);
        let sounds = (60..90).filter(|number| push(*number, Need::Sound).is_ok());
        assert_eq!(sounds.count(), 4);
    }

    #[test]
    fn sound_that_later_packets_carry_leaves_again_once() {
        let now = epoch();
        let mut repairs = Repairs::new(now, Octets::default());
        let mut push = |need| repairs.push(now, asked(7), need, 100);
        assert_eq!(push(Need::CarriedSound), Ok(()));
        assert_eq!(push(Need::CarriedSound), Err(DropReason::AskedAgain));
        assert_eq!(push(Need::Sound), Ok(()));
    }

    fn slots() -> [Slot; 2] {
        [(MediaKind::Audio, 1), (MediaKind::Video, 5)].map(|(kind, ssrc)| {
            let spec = SlotSpec {
                mline: 0,
                mid: Token::new(),
                kind,
                codecs: Vec::new(),
                ssrc: Ssrc(ssrc),
                rtx_ssrc: Ssrc(ssrc + 1),
                feed: None,
            };
            Slot::new(&spec, 7)
        })
    }

    #[test]
    fn what_is_reported_lost_is_missing_until_a_repair_has_come() {
        let (now, slots) = (epoch(), slots());
        let mut repairs = Repairs::new(now, Octets::default());
        repairs.note_left(65_535, Ssrc(5), 7);
        let mut open = repairs.told(&slots, 65_535, Fate::Lost);
        for number in 0..3 {
            let what = asked(7);
            let is_known = number > 0;
            assert_eq!(open, Some(Open { what, is_known }));
            repairs.push(now, what, Need::Picture, 1_000).expect("room");
            repairs.note_left(number, Ssrc(6), 7);
            repairs.note_left_again(what, number);
            assert_eq!(repairs.told(&slots, 65_535, Fate::Lost), None, "old news");
            let fate = [Fate::Lost, Fate::Lost, Fate::Came][usize::from(number)];
            open = repairs.told(&slots, number, fate);
        }
        assert_eq!(open, None);
        assert!(ask(&mut repairs, now + MAX_WAIT, 7).is_err(), "it has come");
    }

    #[test]
    fn sound_and_what_left_long_ago_is_not_missing_by_a_report() {
        let (now, slots) = (epoch(), slots());
        let mut repairs = Repairs::new(now, Octets::default());
        repairs.note_left(9, Ssrc(1), 7);
        repairs.note_left(10, Ssrc(5), 7);
        repairs.note_left(10 + 256, Ssrc(5), 8);
        for number in [8, 9, 10] {
            assert_eq!(repairs.told(&slots, number, Fate::Lost), None);
        }
    }

    #[test]
    fn what_was_not_needed_is_there_where_much_is_lost() {
        let now = epoch();
        let sent = Octets {
            media: 1_000_000,
            redundant: 0,
        };
        let repaired = |verdict| {
            let mut repairs = Repairs::new(now, sent);
            repairs.credit(sent, verdict, 400_000);
            let mut pushed = |number| {
                let is_pushed = repairs.push(now, asked(number), Need::Picture, 1_000);
                repairs.take_due();
                is_pushed.is_ok()
            };
            (0..200).filter(|number| pushed(*number)).count()
        };
        assert_eq!(repaired(Verdict::Clear), 16);
        assert_eq!(
            repaired(Verdict::Lossy),
            16 + 75,
            "a second and a half of 400 kbit/s"
        );
    }

    #[test]
    fn no_more_wait_than_there_are_places() {
        let now = epoch();
        let mut repairs = Repairs::new(now, Octets::default());
        for number in 0..200 {
            let _ = repairs.push(now, asked(number), Need::Sound, 1);
        }
        assert_eq!(repairs.take_due().len(), MAX_DUE);
        assert!(repairs.take_due().is_empty());
    }
}
