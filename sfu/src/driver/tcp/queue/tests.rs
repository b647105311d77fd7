//! What waits for a connection on the virtual clock: whose turn it is, and what is left out.

use super::*;
use crate::testing::epoch;

const FRAME: Envelope = Envelope::Frame;

/// A datagram of `length` bytes that looks like RTP.
fn packet(ssrc: u32, timestamp: u32, length: usize) -> Vec<u8> {
    let mut packet = vec![0x80, 96, 0, 0];
    packet.extend(timestamp.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.resize(length, 7);
    packet
}

fn after(milliseconds: u64) -> Instant {
    epoch() + Duration::from_millis(milliseconds)
}

/// Frames that come out of the queue's stream of bytes.
#[derive(Default)]
struct Wire(Vec<u8>);

impl Wire {
    /// Takes up to `room` bytes of what is next. Returns how many.
    fn take(&mut self, now: Instant, queue: &mut Queue, room: usize) -> usize {
        let mut taken = 0;
        while taken < room {
            let next = queue.next(now);
            let part = next.len().min(room - taken);
            if part == 0 {
                break;
            }
            self.0.extend_from_slice(&next[..part]);
            queue.wrote(part);
            taken += part;
        }
        taken
    }

    /// The datagrams that are whole by now.
    fn whole(&mut self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(length) = self.0.first_chunk().copied().map(u16::from_be_bytes) {
            let end = 2 + usize::from(length);
            if self.0.len() < end {
                break;
            }
            all.push(self.0[2..end].to_vec());
            self.0.drain(..end);
        }
        all
    }
}

fn all_of(queue: &mut Queue, now: Instant) -> Vec<Vec<u8>> {
    let mut wire = Wire::default();
    wire.take(now, queue, usize::MAX);
    assert!(queue.is_empty());
    wire.whole()
}

use SegmentKind::{Control, Keyframe, Picture, Repair, Sound};

#[test]
fn sound_goes_in_front_of_what_was_not_begun() {
    let (mut queue, now) = (Queue::new(), epoch());
    for at in 0..3 {
        queue
            .push(now, Picture, FRAME, &packet(1, at, 1_000))
            .unwrap();
    }
    let mut wire = Wire::default();
    wire.take(now, &mut queue, 500);
    queue.push(now, Sound, FRAME, &packet(2, 9, 100)).unwrap();
    queue.push(now, Control, FRAME, &packet(3, 9, 50)).unwrap();
    wire.take(now, &mut queue, usize::MAX);
    let lengths: Vec<_> = wire.whole().iter().map(Vec::len).collect();
    assert_eq!(lengths, [1_000, 50, 100, 1_000, 1_000]);
}

#[test]
fn sound_is_left_out_when_it_is_late() {
    let mut queue = Queue::new();
    for at in [0, 200, 400] {
        queue
            .push(after(at), Sound, FRAME, &packet(2, 0, 100))
            .unwrap();
    }
    assert_eq!(all_of(&mut queue, after(450)).len(), 2);
    assert_eq!((queue.take_too_late(), queue.take_too_late()), (1, 0));
}

#[test]
fn pictures_are_left_out_up_to_the_next_keyframe() {
    let mut queue = Queue::new();
    queue
        .push(epoch(), Keyframe, FRAME, &packet(1, 0, 900))
        .unwrap();
    assert_eq!(all_of(&mut queue, epoch()).len(), 1);
    for at in 1..=3 {
        let picture = packet(1, at, 1_000);
        queue.push(epoch(), Picture, FRAME, &picture).unwrap();
    }
    queue
        .push(epoch(), Picture, FRAME, &packet(5, 1, 800))
        .unwrap();
    assert!(!queue.is_broken());
    let late = after(450);
    queue
        .push(late, Picture, FRAME, &packet(7, 1, 700))
        .unwrap();
    let refused = queue.push(late, Picture, FRAME, &packet(1, 4, 1_000));
    assert_eq!(refused, Err(DropReason::PictureBroken));
    assert_eq!(queue.take_too_late(), 4);
    let lengths: Vec<_> = all_of(&mut queue, late).iter().map(Vec::len).collect();
    assert_eq!(lengths, [700], "what was not late");

    queue
        .push(late, Keyframe, FRAME, &packet(1, 5, 600))
        .unwrap();
    queue
        .push(late, Picture, FRAME, &packet(1, 5, 500))
        .unwrap();
    queue
        .push(late, Picture, FRAME, &packet(1, 6, 400))
        .unwrap();
    let refused = queue.push(late, Picture, FRAME, &packet(5, 6, 800));
    assert_eq!(refused, Err(DropReason::PictureBroken), "its own keyframe");
    let lengths: Vec<_> = all_of(&mut queue, late).iter().map(Vec::len).collect();
    assert_eq!(lengths, [600, 500, 400]);
}

#[test]
fn a_keyframe_that_waits_behind_late_pictures_is_kept() {
    let mut queue = Queue::new();
    queue
        .push(epoch(), Picture, FRAME, &packet(1, 1, 1_000))
        .unwrap();
    queue
        .push(after(200), Keyframe, FRAME, &packet(1, 2, 900))
        .unwrap();
    queue
        .push(after(200), Picture, FRAME, &packet(1, 3, 800))
        .unwrap();
    let lengths: Vec<_> = all_of(&mut queue, after(450))
        .iter()
        .map(Vec::len)
        .collect();
    assert_eq!(lengths, [900, 800]);
    assert!(!queue.is_broken());
}

#[test]
fn a_picture_that_was_begun_is_whole_unless_it_takes_for_ever() {
    let push = |queue: &mut Queue| {
        for _ in 0..3 {
            queue
                .push(epoch(), Picture, FRAME, &packet(1, 1, 1_000))
                .unwrap();
        }
    };
    let mut queue = Queue::new();
    push(&mut queue);
    Wire::default().take(epoch(), &mut queue, 1_100);
    let mut wire = Wire::default();
    assert_eq!(
        wire.take(after(1_500), &mut queue, usize::MAX),
        3 * 1_002 - 1_100
    );

    push(&mut queue);
    Wire::default().take(epoch(), &mut queue, 1_100);
    let rest = wire.take(after(2_500), &mut queue, usize::MAX);
    assert_eq!(rest, 2 * 1_002 - 1_100, "a frame is never cut off");
    assert!(queue.is_broken());
}

#[test]
fn a_keyframe_is_asked_for_once_a_second_when_it_could_leave() {
    let mut queue = Queue::new();
    queue
        .push(epoch(), Picture, FRAME, &packet(1, 1, 1_000))
        .unwrap();
    queue
        .push(after(350), Picture, FRAME, &packet(2, 1, 1_000))
        .unwrap();
    assert_eq!(queue.poll_keyframe(after(350)), None);
    let _ = queue.next(after(450));
    assert!(queue.is_broken());
    assert_eq!(queue.poll_keyframe(after(450)), None, "another waits");
    all_of(&mut queue, after(450));
    let asked: Vec<_> = (450..2_500)
        .filter(|at| queue.poll_keyframe(after(*at)).is_some())
        .collect();
    assert_eq!(asked, [450, 1_450, 2_450]);
    queue
        .push(after(2_500), Keyframe, FRAME, &packet(1, 9, 100))
        .unwrap();
    all_of(&mut queue, after(2_500));
    assert_eq!(queue.poll_keyframe(after(9_000)), None);
}

#[test]
fn a_picture_without_room_breaks_its_stream_and_leaves_sound_its_own() {
    let mut queue = Queue::new();
    let now = epoch();
    queue
        .push(now, Keyframe, FRAME, &packet(1, 1, 1_200))
        .unwrap();
    let refused = (0..1_000)
        .map(|_| queue.push(now, Picture, FRAME, &packet(1, 1, 1_200)))
        .find_map(Result::err);
    assert_eq!(refused, Some(DropReason::SendQueueFull));
    assert!(queue.is_broken());
    queue.push(now, Sound, FRAME, &packet(2, 1, 100)).unwrap();
    assert_eq!(
        all_of(&mut queue, now).len(),
        1,
        "half a picture is of no use"
    );
    queue.push(now, Repair, FRAME, &packet(4, 1, 100)).unwrap();
    let refused = queue.push(now, Repair, FRAME, &packet(4, 1, 100));
    assert_eq!(refused, Err(DropReason::TooLate), "something waits");
}

#[test]
fn what_is_kept_for_a_connection_that_takes_nothing_is_bounded() {
    let mut queue = Queue::new();
    for at in 0..20_000_u32 {
        let now = after(u64::from(at));
        let _ = queue.push(now, Control, FRAME, &packet(9, at, 90));
        let _ = queue.push(now, Sound, FRAME, &packet(2, at, 100));
        let _ = queue.push(now, Keyframe, FRAME, &packet(at % 1_000, at, 1_200));
    }
    let held = [&queue.control, &queue.sound, &queue.pictures].map(Lane::memory);
    assert!(held.iter().sum::<usize>() < 1_024 * 1_024, "{held:?} bytes");
    assert!(queue.streams.len() <= MAX_STREAMS);
    all_of(&mut queue, after(100_000));
    let held = [&queue.control, &queue.sound, &queue.pictures].map(Lane::memory);
    assert!(held.iter().sum::<usize>() < 64 * 1_024, "{held:?} bytes");
}

/// What came over a line of `rate` bits per second in 30 s: 25 pictures a second with `bits` per
/// second, a keyframe of 20 KB at first and when asked for, and sound every 60 ms.
struct Came {
    /// Longest wait of sound and of pictures, until their last byte.
    sound: Duration,
    picture: Duration,
    sounds: usize,
    pictures: usize,
}

fn over_a_line(rate: usize, bits: usize) -> Came {
    let (mut queue, mut wire) = (Queue::new(), Wire::default());
    let (mut sent, mut came) = (Vec::new(), Vec::new());
    let mut wants_keyframe = true;
    for tick in 0..30_000_u32 {
        let now = after(tick.into());
        if tick % 40 == 0 {
            let length = if wants_keyframe {
                20_000
            } else {
                bits / 8 / 25
            };
            let kind = if wants_keyframe { Keyframe } else { Picture };
            wants_keyframe = false;
            let pieces = length.div_ceil(1_000);
            for piece in 0..pieces {
                let kind = if piece == 0 { kind } else { Picture };
                let _ = queue.push(now, kind, FRAME, &packet(1, tick, length / pieces));
            }
            sent.push((tick, pieces, kind == Keyframe));
        }
        if tick % 60 == 0 {
            queue
                .push(now, Sound, FRAME, &packet(2, tick, 300))
                .unwrap();
        }
        wire.take(now, &mut queue, rate / 8 / 1_000);
        came.extend(wire.whole().into_iter().map(|frame| (tick, frame)));
        wants_keyframe |= queue.poll_keyframe(now).is_some();
    }
    judge(&sent, &came)
}

fn judge(sent: &[(u32, usize, bool)], came: &[(u32, Vec<u8>)]) -> Came {
    let word = |frame: &[u8], at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().unwrap());
    let wait = |tick: u32, frame: &[u8]| Duration::from_millis((tick - word(frame, 4)).into());
    let of = |ssrc| came.iter().filter(move |(_, frame)| word(frame, 8) == ssrc);
    let longest = |ssrc| of(ssrc).map(|(tick, frame)| wait(*tick, frame)).max();
    let mut pictures = 0;
    let mut is_decodable = false;
    for (at, pieces, is_keyframe) in sent {
        let whole = of(1).filter(|(_, frame)| word(frame, 4) == *at).count() == *pieces;
        is_decodable = whole && (is_decodable || *is_keyframe);
        pictures += usize::from(is_decodable);
    }
    let some = of(1)
        .map(|(_, frame)| word(frame, 4))
        .collect::<std::collections::BTreeSet<_>>();
    assert!(
        some.len() <= pictures + 15,
        "{} begun, {pictures} of use",
        some.len()
    );
    Came {
        sound: longest(2).unwrap(),
        picture: longest(1).unwrap(),
        sounds: of(2).count(),
        pictures,
    }
}

#[test]
fn a_narrow_line_is_poor_and_not_late() {
    let came = over_a_line(400_000, 900_000);
    assert_eq!(came.sounds, 500, "no sound is left out");
    assert!(came.sound <= Duration::from_millis(60), "{:?}", came.sound);
    assert!(came.picture <= Duration::from_secs(2), "{:?}", came.picture);
    assert!((25..375).contains(&came.pictures), "{}", came.pictures);
}

#[test]
fn a_line_that_can_catch_up_loses_nothing_behind_a_keyframe() {
    let came = over_a_line(1_100_000, 900_000);
    assert_eq!((came.sounds, came.pictures), (500, 750));
    assert!(
        came.picture <= Duration::from_millis(400),
        "{:?}",
        came.picture
    );
}
