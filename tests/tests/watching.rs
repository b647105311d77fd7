//! What is published is seen and heard: complete, in order, also after a switch and under loss.

use std::time::Duration;

use sfu::command::{Command, Event, PeerPolicy};
use sfu::drop_reason::DropReason;
use sfu::id::{Feed, PublicationId, ShardId};
use sfu::kind::MediaKind;
use sfu::priority::Priority;
use tests::world::{
    Arrived, CONFERENCE, ClientId, Impairment, Light, Link, Watched, Wishes, World, media,
};

const AUDIO: MediaKind = MediaKind::Audio;
const VIDEO: MediaKind = MediaKind::Video;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn speaker() -> PeerPolicy {
    PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        ..PeerPolicy::default()
    }
}

fn audience() -> PeerPolicy {
    PeerPolicy {
        video_slots: vec![Some(Feed::Stage(0))],
        ..PeerPolicy::default()
    }
}

fn publish(world: &mut World, wishes: Wishes, link: Link) -> ClientId {
    world.join(Light::new(wishes), speaker(), link)
}

fn watch(world: &mut World, link: Link) -> ClientId {
    world.join(Light::new(Wishes::watch()), audience(), link)
}

fn publication(world: &World, id: ClientId, mline: u8) -> PublicationId {
    PublicationId {
        peer: world.peer(id),
        mline,
    }
}

/// Gives the floor: picture on the stage, sound in everybody's ears.
fn give_floor(world: &mut World, id: ClientId) {
    let (sound, picture) = (publication(world, id, 0), publication(world, id, 1));
    world.command(&Command::Show {
        conference: CONFERENCE,
        stage: 0,
        publication: Some(picture),
    });
    world.command(&Command::SetSpeakers {
        conference: CONFERENCE,
        publications: vec![sound],
        main: None,
        floor: None,
    });
}

fn slot(world: &mut World, id: ClientId, kind: MediaKind) -> &Watched {
    world.client::<Light>(id).slot(kind, 0)
}

/// Numbers without a hole, time that never runs back, pictures that count on.
fn assert_continuous(slot: &Watched) {
    assert_eq!(slot.gaps(), 0, "no hole in the numbers");
    let packets = slot.in_order();
    for pair in packets.windows(2) {
        let [one, next] = pair else { continue };
        let step = next.timestamp.wrapping_sub(one.timestamp);
        assert!(step < 90_000 * 5, "RTP time goes on: {one:?} {next:?}");
        if slot.kind == VIDEO {
            let pictures = next.mark.picture.wrapping_sub(one.mark.picture) & 0x7fff;
            assert!(
                pictures <= 1 || step > 0,
                "one picture has one time: {one:?} {next:?}"
            );
            assert!(pictures < 500, "picture ids go on: {one:?} {next:?}");
        }
    }
}

/// The first packet of every source is the first of a keyframe.
fn assert_starts_with_keyframes(packets: &[Arrived]) {
    let mut shown = None;
    for packet in packets {
        if shown != Some(packet.mark.source) {
            shown = Some(packet.mark.source);
            assert!(packet.mark.keyframe, "{packet:?}");
        }
    }
}

#[test]
fn sound_and_picture_arrive_complete() {
    let mut world = World::new(1, 30);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    let site = watch(&mut world, Link::CLEAN);
    give_floor(&mut world, hall);
    world.run_for(secs(20));
    for (kind, per_second) in [(AUDIO, 50), (VIDEO, 50)] {
        let slot = slot(&mut world, site, kind);
        assert_continuous(slot);
        assert_eq!(slot.sources(), [10]);
        assert!(
            slot.arrived.len() > per_second * 19,
            "{kind:?} {}",
            slot.arrived.len()
        );
    }
    let packets = slot(&mut world, site, VIDEO).in_order();
    assert_starts_with_keyframes(&packets);
    let repeated = [AUDIO, VIDEO].map(|kind| world.client::<Light>(site).repeated(kind, 0));
    assert_eq!(repeated, [0, 0]);
    let publications = [0, 1].map(|mline| publication(&world, hall, mline));
    for publication in publications {
        assert_eq!(world.count(Event::PublicationStarted { publication }), 1);
    }
}

#[test]
fn a_late_viewer_sees_a_picture_soon() {
    let mut world = World::new(1, 31);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    give_floor(&mut world, hall);
    world.run_for(secs(10));
    let late = watch(&mut world, Link::CLEAN);
    let joined = world.elapsed();
    let seen = world.run_until(secs(2), |world| {
        !slot(world, late, VIDEO).arrived.is_empty()
    });
    let took = world.elapsed() - joined;
    assert!(seen && took < Duration::from_millis(700), "{took:?}");
    assert_starts_with_keyframes(&slot(&mut world, late, VIDEO).in_order());
}

#[test]
fn a_late_viewer_begins_with_the_keyframe_that_is_held_and_asks_for_none() {
    let mut world = World::new(1, 46);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    give_floor(&mut world, hall);
    let first = watch(&mut world, Link::CLEAN);
    world.run_until(secs(2), |world| {
        !slot(world, first, VIDEO).arrived.is_empty()
    });
    let asked = world.client::<Light>(hall).plis();
    // Half a second after the keyframe its pictures are still few.
    world.run_for(Duration::from_millis(500));
    let late = watch(&mut world, Link::CLEAN);
    let joined = world.elapsed();
    let seen = world.run_until(secs(2), |world| {
        !slot(world, late, VIDEO).arrived.is_empty()
    });
    let took = world.elapsed() - joined;
    assert!(seen && took < Duration::from_millis(200), "{took:?}");
    world.run_for(secs(2));
    let slot = slot(&mut world, late, VIDEO);
    assert_continuous(slot);
    let packets = slot.in_order();
    assert_starts_with_keyframes(&packets);
    let first = packets[0];
    let behind = |packet: &Arrived| packet.mark.picture.wrapping_sub(first.mark.picture) & 0x7fff;
    let eighth = packets.iter().find(|packet| behind(packet) == 8);
    let ticks = eighth.map(|packet| packet.timestamp.wrapping_sub(first.timestamp));
    assert!(
        ticks.is_some_and(|ticks| ticks < 90_000 / 10),
        "eight pictures in {ticks:?} ticks"
    );
    assert_eq!(
        world.client::<Light>(hall).plis(),
        asked,
        "nobody asked the hall"
    );
    assert_eq!(world.stats().caught_up, 1);
}

#[test]
fn a_shard_that_cannot_keep_up_leaves_pictures_out_and_lets_every_sound_through() {
    let mut world = World::new(1, 47);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    give_floor(&mut world, hall);
    let sites: Vec<_> = (0..40).map(|_| watch(&mut world, Link::CLEAN)).collect();
    world.run_for(secs(3));
    assert_eq!(world.stats().shed_frames, [0; 4], "all is well");
    world.set_packet_cost(Duration::from_micros(350));
    world.run_for(secs(10));
    let main = Priority::Main as usize;
    let shed = world.stats().shed_frames;
    assert!(
        shed[main] > 20 && shed[Priority::Audio as usize] == 0,
        "{shed:?}"
    );
    assert_eq!(world.stats().overloaded_conferences, 1);
    let overload = |shed| Event::Overload {
        conference: CONFERENCE,
        shard: ShardId(0),
        shed,
    };
    assert!(world.count(overload(Some(Priority::Main))) >= 1);
    world.set_packet_cost(Duration::ZERO);
    world.run_for(secs(40));
    assert_eq!(world.stats().overloaded_conferences, 0);
    assert!(world.count(overload(None)) >= 1);
    let before = world.stats().shed_frames;
    for site in sites {
        assert_continuous(slot(&mut world, site, AUDIO));
        let picture = slot(&mut world, site, VIDEO);
        assert_continuous(picture);
        assert_starts_with_keyframes(&picture.in_order());
    }
    world.run_for(secs(2));
    assert_eq!(world.stats().shed_frames, before, "nothing is left out now");
}

#[test]
fn pictures_that_arrive_in_pieces_reach_a_large_audience_whole() {
    let mut world = World::new(1, 48);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    give_floor(&mut world, hall);
    let sites: Vec<_> = (0..40).map(|_| watch(&mut world, Link::CLEAN)).collect();
    world.run_for(secs(3));
    let up = Impairment {
        jitter: Duration::from_millis(4),
        ..Impairment::lossy(0.05)
    };
    let rough = Link { up, ..Link::CLEAN };
    world.set_link(hall, rough);
    world.run_for(secs(10));
    world.set_link(hall, Link::CLEAN);
    world.run_for(secs(1));
    for site in sites {
        assert_continuous(slot(&mut world, site, VIDEO));
    }
}

#[test]
fn a_switch_continues_the_stream_and_begins_with_a_keyframe() {
    let mut world = World::new(1, 32);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    let commune = publish(&mut world, Wishes::publish(20), Link::CLEAN);
    let site = watch(&mut world, Link::CLEAN);
    for turn in 0..6 {
        give_floor(&mut world, if turn % 2 == 0 { hall } else { commune });
        world.run_for(secs(4));
    }
    for kind in [AUDIO, VIDEO] {
        let slot = slot(&mut world, site, kind);
        assert_continuous(slot);
        assert_eq!(slot.sources(), [10, 20, 10, 20, 10, 20], "{kind:?}");
    }
    assert_starts_with_keyframes(&slot(&mut world, site, VIDEO).in_order());
}

#[test]
fn a_new_speaker_is_seen_within_half_a_second() {
    let mut world = World::new(1, 33);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    let commune = publish(&mut world, Wishes::publish(20), Link::CLEAN);
    let site = watch(&mut world, Link::CLEAN);
    give_floor(&mut world, hall);
    world.run_for(secs(5));
    give_floor(&mut world, commune);
    let given = world.now;
    world.run_for(secs(2));
    let slot = slot(&mut world, site, VIDEO);
    let first = slot
        .arrived
        .iter()
        .find(|packet| packet.mark.source == 20)
        .expect("shown");
    assert!(
        first.at - given < Duration::from_millis(500),
        "{:?}",
        first.at - given
    );
}

#[test]
fn what_the_downlink_loses_is_repaired() {
    let mut world = World::new(1, 34);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    let site = watch(&mut world, Link::lossy_down(0.08));
    give_floor(&mut world, hall);
    world.run_for(secs(20));
    world.set_link(site, Link::CLEAN);
    world.run_for(secs(2));
    let slot = slot(&mut world, site, VIDEO);
    assert_continuous(slot);
    let repaired = slot.arrived.iter().filter(|packet| packet.repaired).count();
    assert!(repaired > 50, "{repaired}");
    assert!(world.stats().rtx_out >= repaired as u64);
}

#[test]
fn without_repair_the_same_loss_leaves_holes() {
    let mut world = World::new(1, 34);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    let wishes = Wishes {
        without_repairs: true,
        ..Wishes::watch()
    };
    let site = world.join(Light::new(wishes), audience(), Link::lossy_down(0.08));
    give_floor(&mut world, hall);
    world.run_for(secs(20));
    assert!(
        slot(&mut world, site, VIDEO).gaps() > 50,
        "the test of repair tests something"
    );
}

#[test]
fn what_the_uplink_loses_is_asked_for_again() {
    let mut world = World::new(1, 35);
    let hall = publish(&mut world, Wishes::publish(10), Link::lossy_up(0.08));
    let site = watch(&mut world, Link::CLEAN);
    give_floor(&mut world, hall);
    world.run_for(secs(20));
    world.set_link(hall, Link::CLEAN);
    world.run_for(secs(2));
    assert!(world.client::<Light>(hall).repaired() > 50);
    let sound = slot(&mut world, site, AUDIO);
    let (lost, all) = (sound.gaps(), sound.arrived.len());
    assert!(lost < 5 && all > 1_000, "{lost} beside {all} sounds");
    let slot = slot(&mut world, site, VIDEO);
    assert_continuous(slot);
    let sent: Vec<Duration> = slot
        .in_order()
        .iter()
        .map(|packet| packet.mark.sent)
        .collect();
    let missing = sent
        .windows(2)
        .filter(|pair| pair[1] >= pair[0] + 2 * media::PICTURE)
        .count();
    assert!(missing < 5, "{missing} pictures were never repaired");
}

#[test]
fn on_a_rough_line_every_packet_arrives_once() {
    let mut world = World::new(1, 36);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    let site = watch(&mut world, Link::CLEAN);
    give_floor(&mut world, hall);
    world.run_for(secs(2));
    for client in [hall, site] {
        world.set_link(client, Link::rough());
    }
    world.run_for(secs(30));
    for client in [hall, site] {
        world.set_link(client, Link::CLEAN);
    }
    world.run_for(secs(2));
    let slot = slot(&mut world, site, VIDEO);
    assert_continuous(slot);
    assert!(slot.arrived.len() > 1_300, "{}", slot.arrived.len());
    assert_eq!(world.stats().drops.of(DropReason::SealFailed), 0);
}

#[test]
fn the_keyframe_requests_of_many_reach_the_publisher_as_few() {
    let mut world = World::new(1, 37);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    let sites: Vec<_> = (0..30).map(|_| watch(&mut world, Link::CLEAN)).collect();
    give_floor(&mut world, hall);
    world.run_for(secs(3));
    let before = world.client::<Light>(hall).plis();
    for _ in 0..90 {
        for site in &sites {
            world.client::<Light>(*site).ask_for_keyframe(0);
        }
        world.run_for(Duration::from_millis(100));
    }
    let asked = world.client::<Light>(hall).plis() - before;
    assert!(
        (2..=4).contains(&asked),
        "{asked} of 2,700 requests in nine seconds"
    );
}

#[test]
fn of_three_layers_the_best_is_shown_and_the_next_when_it_stops() {
    let mut world = World::new(1, 38);
    let wishes = Wishes {
        rids: &["l", "m", "h"],
        ..Wishes::publish(10)
    };
    let hall = publish(&mut world, wishes, Link::CLEAN);
    let site = watch(&mut world, Link::CLEAN);
    give_floor(&mut world, hall);
    world.run_for(secs(8));
    let packets = slot(&mut world, site, VIDEO).in_order();
    assert_starts_with_keyframes(&packets);
    let shown = packets.last().map(|packet| packet.mark.source);
    assert_eq!(shown, Some(12), "the highest layer");
    let refused = world.stats().drops.of(DropReason::UnknownSsrc);
    assert_eq!(refused, 0, "no layer is refused its first packets");

    world.client::<Light>(hall).set_layers(2);
    let stopped = world.now;
    world.run_for(secs(6));
    let slot = slot(&mut world, site, VIDEO);
    assert_continuous(slot);
    assert_starts_with_keyframes(&slot.in_order());
    let below = slot
        .arrived
        .iter()
        .find(|packet| packet.at > stopped && packet.mark.source == 11);
    let below = below.expect("the layer below is shown").at - stopped;
    assert!(below < secs(3), "{below:?}");
    assert_eq!(slot.sources().last(), Some(&11));
}

#[test]
fn a_muted_publication_reaches_nobody_whatever_its_sender_does() {
    let mut world = World::new(1, 39);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    let site = watch(&mut world, Link::CLEAN);
    give_floor(&mut world, hall);
    world.run_for(secs(4));
    let sound = publication(&world, hall, 0);
    world.command(&Command::Block {
        publication: sound,
        blocked: true,
    });
    world.run_for(Duration::from_millis(100));
    let before = slot(&mut world, site, AUDIO).arrived.len();
    world.run_for(secs(3));
    assert_eq!(slot(&mut world, site, AUDIO).arrived.len(), before);
    world.command(&Command::Block {
        publication: sound,
        blocked: false,
    });
    world.run_for(secs(3));
    let slot = slot(&mut world, site, AUDIO);
    assert!(slot.arrived.len() > before + 100);
    assert_continuous(slot);
}

#[test]
fn a_conference_spans_shards_and_each_packet_crosses_once() {
    let mut world = World::new(3, 40);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    let sites: Vec<_> = (0..11).map(|_| watch(&mut world, Link::CLEAN)).collect();
    give_floor(&mut world, hall);
    world.run_for(secs(10));
    for site in sites {
        for kind in [AUDIO, VIDEO] {
            let slot = slot(&mut world, site, kind);
            assert_continuous(slot);
            assert!(slot.arrived.len() > 400, "{kind:?} {}", slot.arrived.len());
        }
    }
    let hall = world.client::<Light>(hall);
    let sent = hall.sent(AUDIO) + hall.sent(VIDEO);
    let linked = world.stats().linked;
    assert!(
        linked <= 2 * sent,
        "{linked} for {sent} packets and two other shards"
    );
}

#[test]
fn reports_keep_sound_and_picture_of_one_publisher_together() {
    let mut world = World::new(1, 41);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    let site = watch(&mut world, Link::CLEAN);
    give_floor(&mut world, hall);
    world.run_for(secs(10));
    let site = world.client::<Light>(site);
    // Each packet says when it was made: by the reports, when it is played.
    let behind = |kind: MediaKind, rate: f64| {
        let slot = site.slot(kind, 0);
        let (ntp, rtp) = site.report(slot.ssrc).expect("a report for each");
        let packet = slot.arrived.last().expect("it played");
        let ticks = f64::from(packet.timestamp.wrapping_sub(rtp).cast_signed());
        let played = ntp as f64 / 4_294_967_296.0 + ticks / rate;
        played - packet.mark.sent.as_secs_f64()
    };
    let skew = behind(AUDIO, 48_000.0) - behind(VIDEO, 90_000.0);
    assert!(skew.abs() < 0.045, "{skew} s between lips and sound");
}

#[test]
fn a_publisher_is_told_how_its_media_arrives() {
    let mut world = World::new(1, 42);
    let hall = publish(&mut world, Wishes::publish(10), Link::CLEAN);
    world.run_for(secs(10));
    let told = world.client::<Light>(hall).told();
    assert!(told.transport > 50, "{told:?} in ten seconds");
    assert!((3..=40).contains(&told.reports), "{told:?}");
}

#[test]
fn of_three_speakers_the_loudest_is_heard_by_who_has_one_slot() {
    let mut world = World::new(2, 43);
    let speakers =
        [10, 20, 30].map(|source| publish(&mut world, Wishes::publish(source), Link::CLEAN));
    let one = watch(&mut world, Link::CLEAN);
    let wishes = Wishes {
        audio: 3,
        ..Wishes::watch()
    };
    let all = world.join(Light::new(wishes), audience(), Link::CLEAN);
    let publications = speakers.map(|id| publication(&world, id, 0)).to_vec();
    world.command(&Command::SetSpeakers {
        conference: CONFERENCE,
        publications,
        main: None,
        floor: None,
    });
    world.run_for(secs(2));
    for (loudest, source) in [(0, 10), (2, 30), (1, 20)] {
        for (number, id) in speakers.iter().enumerate() {
            world
                .client::<Light>(*id)
                .set_level(if number == loudest { 15 } else { 70 });
        }
        world.run_for(secs(4));
        let heard = slot(&mut world, one, AUDIO);
        assert_continuous(heard);
        assert_eq!(
            heard.in_order().last().map(|packet| packet.mark.source),
            Some(source)
        );
    }
    for (number, source) in [10, 20, 30].into_iter().enumerate() {
        let slot = world.client::<Light>(all).slot(AUDIO, number);
        assert_continuous(slot);
        assert_eq!(slot.sources(), [source], "each speaker has a slot");
    }
}
