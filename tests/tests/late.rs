//! Who comes late to a picture sees it at once, whatever the encoder does when it is asked for a
//! keyframe, and soon sees the present.

use std::time::{Duration, Instant};

use sfu::command::{Command, Event, PeerPolicy};
use sfu::id::{Feed, PublicationId};
use sfu::kind::{Codec, MediaKind};
use tests::world::{Arrived, CONFERENCE, ClientId, Encoder, Light, Link, Watched, Wishes, World};

const VIDEO: MediaKind = MediaKind::Video;

/// A second of pictures has so many.
const PER_SECOND: u32 = 25;

/// What an encoder ignores requests with: a keyframe every 10 s, and so many packets of 1,000 bytes.
const fn stubborn(codec: Codec, key: u8, delta: u8) -> Encoder {
    Encoder {
        codec,
        group: 10 * PER_SECOND,
        answers: false,
        packets: [key, delta],
    }
}

const MEGABITS_2: (u8, u8) = (60, 10);
const MEGABITS_8: (u8, u8) = (200, 40);

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A hall on the stage with such an encoder, on the air for some seconds.
fn on_air(world: &mut World, encoder: Encoder) -> ClientId {
    let wishes = Wishes {
        encoder,
        ..Wishes::publish(10)
    };
    let speaker = PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        ..PeerPolicy::default()
    };
    let hall = world.join(Light::new(wishes), speaker, Link::CLEAN);
    world.command(&Command::Show {
        conference: CONFERENCE,
        stage: 0,
        publication: Some(PublicationId {
            peer: world.peer(hall),
            mline: 1,
        }),
    });
    world.run_for(Duration::from_secs(3));
    hall
}

/// One more viewer, and when it was connected.
fn watch(world: &mut World) -> (ClientId, Instant) {
    let audience = PeerPolicy {
        video_slots: vec![Some(Feed::Stage(0))],
        ..PeerPolicy::default()
    };
    let viewer = world.join(Light::new(Wishes::watch()), audience, Link::CLEAN);
    let connected = world.run_until(Duration::from_secs(3), |world| {
        world.is_connected(viewer) && world.client::<Light>(viewer).is_connected()
    });
    assert!(connected, "the viewer connects");
    (viewer, world.now)
}

fn picture(world: &mut World, id: ClientId) -> &Watched {
    world.client::<Light>(id).slot(VIDEO, 0)
}

/// Each packet of its picture came, and once.
fn assert_whole(world: &mut World, id: ClientId) {
    let viewer = world.client::<Light>(id);
    let gaps = viewer.slot(VIDEO, 0).gaps();
    assert_eq!((gaps, viewer.repeated(VIDEO, 0)), (0, 0));
}

/// Whether the first picture is complete, and can be decoded by itself.
fn has_first_picture(slot: &Watched) -> bool {
    let packets = slot.in_order();
    let Some(last) = packets.iter().position(|packet| packet.marker) else {
        return false;
    };
    let mut first = packets.iter().take(last + 1);
    let is_whole = first
        .clone()
        .is_sorted_by(|one, next| next.sequence == one.sequence + 1);
    is_whole && first.next().is_some_and(|packet| packet.mark.keyframe)
}

fn join_a_hundred_times(encoder: Encoder, seed: u64) {
    let mut world = World::new(1, seed);
    on_air(&mut world, encoder);
    let mut random = seed;
    for _ in 0..100 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        world.run_for(millis(random >> 54));
        let (viewer, connected) = watch(&mut world);
        world.run_until(millis(500), |world| {
            has_first_picture(picture(world, viewer))
        });
        let took = world.now - connected;
        let slot = picture(&mut world, viewer);
        assert!(
            has_first_picture(slot),
            "no whole keyframe after {took:?}, {} packets, the first {:?}",
            slot.arrived.len(),
            slot.arrived.first()
        );
        let now = world.now;
        world.client::<Light>(viewer).close(now);
    }
}

#[test]
fn a_hundred_late_viewers_see_vp8_of_2_megabits_at_once() {
    let (key, delta) = MEGABITS_2;
    join_a_hundred_times(stubborn(Codec::Vp8, key, delta), 101);
}

#[test]
fn a_hundred_late_viewers_see_vp8_of_8_megabits_at_once() {
    let (key, delta) = MEGABITS_8;
    join_a_hundred_times(stubborn(Codec::Vp8, key, delta), 102);
}

#[test]
fn a_hundred_late_viewers_see_h264_of_2_megabits_at_once() {
    let (key, delta) = MEGABITS_2;
    join_a_hundred_times(stubborn(Codec::H264, key, delta), 103);
}

#[test]
fn a_hundred_late_viewers_see_h264_of_8_megabits_at_once() {
    let (key, delta) = MEGABITS_8;
    join_a_hundred_times(stubborn(Codec::H264, key, delta), 104);
}

/// Packets of the most crowded half second.
fn most_in_half_a_second(packets: &[Arrived]) -> usize {
    let after = |from: &Arrived| {
        let until = from.at + millis(500);
        let from = from.at;
        packets
            .iter()
            .filter(|packet| (from..until).contains(&packet.at))
            .count()
    };
    packets.iter().step_by(10).map(after).max().unwrap_or(0)
}

#[test]
fn a_late_viewer_comes_to_the_present_without_a_break_and_at_a_measured_pace() {
    let (key, delta) = MEGABITS_2;
    let encoder = stubborn(Codec::Vp8, key, delta);
    let mut world = World::new(1, 105);
    on_air(&mut world, encoder);
    let (early, _) = watch(&mut world);
    // The next group, and 4 s into it.
    world.run_for(Duration::from_secs(11));
    let (late, connected) = watch(&mut world);
    world.run_for(millis(300));
    let newest = |world: &mut World, id| {
        let arrived = &picture(world, id).arrived;
        let newest = arrived.iter().max_by_key(|packet| packet.mark.sent);
        newest.expect("it sees").mark
    };
    let ahead = newest(&mut world, early);
    let behind = newest(&mut world, late).pictures_before(&ahead);
    assert!(
        behind > 2 * i64::from(PER_SECOND),
        "{behind} pictures behind at first"
    );
    let there = world.run_until(Duration::from_secs(8), |world| {
        let ahead = newest(world, early);
        newest(world, late).pictures_before(&ahead) <= 1
    });
    assert!(there, "it does not come to the present");
    let took = world.now - connected;
    assert!(took > Duration::from_secs(2), "a flood: {took:?}");
    world.run_for(Duration::from_secs(12));
    assert_whole(&mut world, late);
    let slot = picture(&mut world, late);
    let packets = slot.in_order();
    assert!(packets[0].mark.keyframe);
    let (mut last, started) = (packets[0], packets[0]);
    for packet in &packets {
        let pictures = last.mark.pictures_before(&packet.mark);
        assert!(
            (0..=1).contains(&pictures),
            "a picture is missing: {last:?} {packet:?}"
        );
        let ahead = packet.timestamp.wrapping_sub(started.timestamp);
        let ahead = Duration::from_micros(u64::from(ahead) * 1_000 / 90);
        let drift = ahead.abs_diff(packet.at - started.at);
        assert!(drift < millis(150), "not on time by {drift:?}: {packet:?}");
        last = *packet;
    }
    let most = most_in_half_a_second(&packets);
    let usual = usize::from(delta) * PER_SECOND as usize / 2;
    let allowed = 2 * usual + usize::from(key) + usize::from(delta);
    assert!(
        most <= allowed,
        "{most} packets in half a second, {usual} as a rule"
    );
    assert_eq!(world.stats().caught_up, 2);
}

#[test]
fn a_keyframe_on_the_way_is_the_shorter_one() {
    let mut world = World::new(1, 106);
    on_air(&mut world, stubborn(Codec::Vp8, 60, 10));
    watch(&mut world);
    // 8 s of the past are to be made up for, and the next keyframe comes in 2 s.
    world.run_for(Duration::from_secs(5));
    let (late, _) = watch(&mut world);
    world.run_for(Duration::from_secs(4));
    assert_whole(&mut world, late);
    let slot = picture(&mut world, late);
    let packets = slot.in_order();
    let jump = packets
        .windows(2)
        .find(|pair| pair[0].mark.pictures_before(&pair[1].mark) > 1)
        .expect("it jumps");
    assert!(jump[1].mark.keyframe, "{jump:?}");
    let time = jump[1].timestamp.wrapping_sub(jump[0].timestamp);
    assert!((1..45_000).contains(&time), "time goes on: {jump:?}");
}

#[test]
fn a_storm_of_late_viewers_sees_at_least_the_keyframe() {
    let (key, delta) = (30, 4);
    let encoder = stubborn(Codec::Vp8, key, delta);
    let mut world = World::new(1, 107);
    on_air(&mut world, encoder);
    world.run_for(Duration::from_secs(2));
    let audience = PeerPolicy {
        video_slots: vec![Some(Feed::Stage(0))],
        ..PeerPolicy::default()
    };
    let viewers: Vec<_> = (0..100)
        .map(|_| world.join(Light::new(Wishes::watch()), audience.clone(), Link::CLEAN))
        .collect();
    world.run_for(Duration::from_secs(2));
    for viewer in &viewers {
        let slot = picture(&mut world, *viewer);
        assert!(has_first_picture(slot));
    }
    let moving = |world: &mut World, id: ClientId| {
        let slot = picture(world, id);
        let first = slot.arrived.first().expect("it sees").mark;
        let mut arrived = slot.arrived.iter();
        arrived.any(|packet| first.pictures_before(&packet.mark) > 0)
    };
    let count = viewers.iter().filter(|id| moving(&mut world, **id)).count();
    assert_eq!(count, 64, "the others wait for the next keyframe");
    world.run_for(Duration::from_secs(10));
    for viewer in &viewers {
        assert!(moving(&mut world, *viewer));
        assert_eq!(picture(&mut world, *viewer).gaps(), 0);
    }
}

#[test]
fn a_late_viewer_on_another_shard_sees_at_once_too() {
    let (key, delta) = MEGABITS_2;
    let encoder = stubborn(Codec::H264, key, delta);
    let mut world = World::new(2, 108);
    on_air(&mut world, encoder);
    world.run_for(Duration::from_secs(3));
    for _ in 0..4 {
        let (viewer, _) = watch(&mut world);
        world.run_for(millis(500));
        let slot = picture(&mut world, viewer);
        assert!(has_first_picture(slot), "{:?}", slot.arrived.first());
    }
}

#[test]
fn a_stage_that_turns_to_an_encoder_that_ignores_requests_shows_it_at_once() {
    let encoder = stubborn(Codec::Vp8, 60, 10);
    let mut world = World::new(1, 112);
    let hall = on_air(&mut world, encoder);
    let sites: Vec<_> = (0..3).map(|_| watch(&mut world).0).collect();
    world.client::<Light>(sites[0]).ask_for_keyframe(0);
    world.run_for(Duration::from_secs(5));
    let show = |world: &mut World, id: ClientId| {
        let publication = PublicationId {
            peer: world.peer(id),
            mline: 1,
        };
        world.command(&Command::Show {
            conference: CONFERENCE,
            stage: 0,
            publication: Some(publication),
        });
    };
    let commune = Light::new(Wishes::publish(20));
    let speaker = PeerPolicy {
        may_send_video: true,
        ..PeerPolicy::default()
    };
    let commune = world.join(commune, speaker, Link::CLEAN);
    world.run_for(Duration::from_secs(1));
    show(&mut world, commune);
    // Some seconds into a group of the hall's.
    world.run_for(Duration::from_secs(5));
    show(&mut world, hall);
    world.run_for(millis(500));
    for site in sites {
        assert_whole(&mut world, site);
        let sources = picture(&mut world, site).sources();
        assert_eq!(sources, [10, 20, 10]);
    }
}

#[test]
fn an_encoder_that_ignores_requests_is_reported_once() {
    let mut world = World::new(1, 109);
    let hall = on_air(&mut world, stubborn(Codec::Vp8, 60, 10));
    let (viewer, _) = watch(&mut world);
    for _ in 0..3 {
        world.run_for(Duration::from_secs(2));
        world.client::<Light>(viewer).ask_for_keyframe(0);
    }
    world.run_for(Duration::from_secs(8));
    let publication = PublicationId {
        peer: world.peer(hall),
        mline: 1,
    };
    let ignored = |ignored| Event::KeyframeRequestsIgnored {
        publication,
        ignored,
    };
    assert_eq!(world.count(ignored(true)), 1);
    assert_eq!(world.count(ignored(false)), 0);
    assert_eq!(world.stats().ignoring_publications, 1);
    let asked = world.client::<Light>(hall).plis();
    assert!((4..20).contains(&asked), "asked {asked} times");
}

#[test]
fn a_still_picture_is_asked_for_a_keyframe_after_any_pause() {
    let encoder = Encoder {
        packets: [120, 2],
        ..Encoder::BROWSER
    };
    for pause in [3, 30] {
        let mut world = World::new(1, 110);
        let hall = on_air(&mut world, encoder);
        let (early, _) = watch(&mut world);
        world.run_for(Duration::from_secs(1));
        // Nothing can be started from: the keyframe has left the ring.
        world.client::<Light>(early).ask_for_keyframe(0);
        world.run_for(Duration::from_secs(25));
        let now = world.now;
        world.client::<Light>(hall).pause(now);
        world.run_for(Duration::from_secs(pause));
        let asked = world.client::<Light>(hall).plis();
        let (late, _) = watch(&mut world);
        world.client::<Light>(late).ask_for_keyframe(0);
        world.run_for(Duration::from_secs(10));
        let plis = world.client::<Light>(hall).plis() - asked;
        assert!((1..=6).contains(&plis), "{plis} requests after {pause} s");
    }
}

#[test]
fn what_a_viewer_without_retransmissions_misses_comes_again_as_it_was() {
    let mut world = World::new(1, 111);
    on_air(&mut world, stubborn(Codec::H264, 20, 3));
    let (viewer, _) = watch(&mut world);
    world.run_for(Duration::from_secs(4));
    world.set_link(viewer, Link::lossy_down(0.05));
    world.run_for(Duration::from_secs(8));
    world.set_link(viewer, Link::CLEAN);
    world.run_for(Duration::from_secs(2));
    assert!(world.stats().rtx_out > 20, "{}", world.stats().rtx_out);
    let slot = picture(&mut world, viewer);
    assert_eq!(slot.gaps(), 0);
    assert!(slot.arrived.iter().all(|packet| !packet.repaired));
}
