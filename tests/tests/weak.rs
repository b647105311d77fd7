//! Receivers on weak lines: what the server sends them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use loadtest::line::{Burst, Impairment};
use sfu::command::{Command, PeerPolicy};
use sfu::id::{Feed, PublicationId};
use sfu::kind::MediaKind;
use tests::world::{Arrived, CONFERENCE, ClientId, Encoder, Light, Link, Wishes, World};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A hall on air and one site that watches behind `link`.
fn conference(seed: u64, encoder: Encoder, link: Link) -> (World, ClientId, PublicationId) {
    let (world, [_, site], picture) = conference_of(seed, &[], encoder, link);
    (world, site, picture)
}

/// The same with a picture in layers; the hall and the site.
fn conference_of(
    seed: u64,
    rids: &'static [&'static str],
    encoder: Encoder,
    link: Link,
) -> (World, [ClientId; 2], PublicationId) {
    let mut world = World::new(1, seed);
    let speaker = PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        ..PeerPolicy::default()
    };
    let wishes = Wishes {
        encoder,
        rids,
        ..Wishes::publish(10)
    };
    let hall = world.join(Light::new(wishes), speaker, Link::CLEAN);
    let audience = PeerPolicy {
        video_slots: vec![Some(Feed::Stage(0))],
        ..PeerPolicy::default()
    };
    let [sound, picture] = [0, 1].map(|mline| PublicationId {
        peer: world.peer(hall),
        mline,
    });
    show(&mut world, Some(picture));
    world.command(&Command::SetSpeakers {
        conference: CONFERENCE,
        publications: vec![sound],
        main: None,
        floor: None,
    });
    let site = world.join(Light::new(Wishes::watch()), audience, link);
    (world, [hall, site], picture)
}

fn show(world: &mut World, publication: Option<PublicationId>) {
    world.command(&Command::Show {
        conference: CONFERENCE,
        stage: 0,
        publication,
    });
}

#[test]
fn a_line_narrower_than_the_picture_carries_all_the_sound_and_is_not_flooded() {
    let down = Impairment {
        kbps: Some(300),
        queue: Impairment::bytes(300, Duration::from_millis(500)),
        delay: Duration::from_millis(20),
        ..Impairment::default()
    };
    let narrow = Link {
        down,
        ..Link::CLEAN
    };
    let (mut world, site, _) = conference(5, Encoder::BROWSER, narrow);
    world.run_for(secs(10));
    let (counts, sound) = (world.line(site).counts(), heard(&mut world, site));
    world.run_for(secs(20));
    let (later, all) = (world.line(site).counts(), heard(&mut world, site));
    let (lost, passed) = (
        later.overflowed - counts.overflowed,
        later.passed - counts.passed,
    );
    assert!(lost * 100 <= passed * 3, "{lost} beside {passed}");
    assert!(
        all - sound >= 980,
        "{} of 1,000 frames of sound",
        all - sound
    );
}

fn heard(world: &mut World, site: ClientId) -> usize {
    let site = world.client::<Light>(site);
    site.slot(MediaKind::Audio, 0).arrived.len()
}

/// What estimating the lines of a country costs: datagrams that are opened, and sharing out. A figure
/// that grows here is 3,400 times as much there.
#[test]
fn a_line_that_is_well_costs_few_reports_and_little_sharing_out() {
    let (mut world, site, _) = conference(7, Encoder::BROWSER, Link::CLEAN);
    world.run_for(secs(10));
    let early = world.stats();
    assert!(early.arrival_reports <= 60, "{}", early.arrival_reports);
    assert!(early.numbered_out <= 160, "{}", early.numbered_out);
    world.run_for(secs(30));
    let before = world.stats();
    world.run_for(secs(60));
    let after = world.stats();
    let reports = after.arrival_reports - before.arrival_reports;
    let numbered = after.numbered_out - before.numbered_out;
    let shares = after.shares - before.shares;
    assert!(reports <= 66 && numbered <= 66, "{reports} {numbered}");
    assert!(shares <= 120, "shared out {shares} times");
    assert!(heard(&mut world, site) > 1_900);
    assert_eq!(after.rung_changes, before.rung_changes);
}

#[test]
fn a_picture_that_begins_late_does_not_overflow_a_weak_line() {
    let narrow = |kbps| Link {
        down: Impairment {
            delay: Duration::from_millis(20),
            ..Impairment::narrow(kbps, Duration::from_millis(300))
        },
        ..Link::CLEAN
    };
    let encoder = Encoder {
        group: 25,
        ..Encoder::BROWSER
    };
    let (mut world, site, picture) = conference(7, encoder, narrow(800));
    world.run_for(secs(5));
    // It shows that it does not carry everything, and is as it was again.
    world.set_link(site, narrow(100));
    world.run_for(secs(3));
    world.set_link(site, narrow(800));
    world.run_for(secs(20));
    let before = world.line(site).counts().overflowed;
    for _ in 0..10 {
        for publication in [None, Some(picture)] {
            show(&mut world, publication);
            world.run_for(Duration::from_millis(1_230));
        }
    }
    let overflowed = world.line(site).counts().overflowed - before;
    assert!(overflowed <= 10, "{overflowed} packets found no room");
    let now = world.now;
    let site = world.client::<Light>(site);
    let last = site.slot(MediaKind::Video, 0).arrived.last().copied();
    assert!(last.is_some_and(|last| last.at + secs(1) > now));
}

/// The share of the time, in steps of a fifth of a second, in which pictures of the highest layer
/// came, since `from`.
fn share_at_best(world: &mut World, site: ClientId, from: Instant) -> f64 {
    let step = Duration::from_millis(200);
    let steps = (world.now - from).as_millis() / step.as_millis();
    let arrived = &world
        .client::<Light>(site)
        .slot(MediaKind::Video, 0)
        .arrived;
    let best = arrived
        .iter()
        .filter(|it| it.at >= from && it.mark.source == 10);
    let shown: BTreeSet<_> = best
        .map(|it| (it.at - from).as_millis() / step.as_millis())
        .collect();
    shown.len() as f64 / steps as f64
}

#[test]
fn packets_that_overtake_each_other_on_a_wide_line_do_not_cost_the_picture() {
    let way = Impairment {
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(120),
        reorders: true,
        ..Impairment::default()
    };
    let encoder = Encoder {
        packets: [6, 1],
        ..Encoder::BROWSER
    };
    for seed in 0..8 {
        let (mut world, [_, site], _) = conference_of(seed, &["0", "1", "2"], encoder, Link::CLEAN);
        world.run_for(secs(10));
        let (from, before) = (world.now, world.stats());
        world.set_link(site, Link::both(way));
        world.run_for(secs(30));
        let after = world.stats();
        let [nacked, again, media] = [
            after.nacked - before.nacked,
            after.rtx_out - before.rtx_out,
            after.media_out - before.media_out,
        ];
        let is_spared = nacked > 1_000 && again * 20 < media;
        assert!(is_spared, "{again} of {nacked} asked for beside {media}");
        let share = share_at_best(&mut world, site, from);
        assert!(
            share > 0.9,
            "{share} of the time at the highest layer, seed {seed}"
        );
    }
}

/// What ten sites got in half a minute: of the eight on good lines packets of pictures, keyframes and
/// sounds of each, and how often the hall was asked for a keyframe. The two others are behind `link`.
fn beside(link: Link) -> (Vec<[usize; 3]>, u64) {
    let encoder = Encoder {
        group: 50,
        ..Encoder::BROWSER
    };
    let (mut world, [hall, other], _) = conference_of(3, &["0", "1", "2"], encoder, Link::CLEAN);
    let policy = PeerPolicy {
        video_slots: vec![Some(Feed::Stage(0))],
        ..PeerPolicy::default()
    };
    let join = |world: &mut World, link| world.join(Light::new(Wishes::watch()), &policy, link);
    let mut sites = vec![other];
    sites.extend((0..7).map(|_| join(&mut world, Link::CLEAN)));
    for _ in 0..2 {
        let weak = join(&mut world, Link::CLEAN);
        world.run_for(secs(2));
        world.set_link(weak, link);
    }
    world.run_for(secs(10));
    let count = |world: &mut World| {
        let of_site = |site: &ClientId| {
            let site = world.client::<Light>(*site);
            let pictures = &site.slot(MediaKind::Video, 0).arrived;
            let keyframes = pictures.iter().filter(|it| it.mark.keyframe).count();
            let sounds = site.slot(MediaKind::Audio, 0).arrived.len();
            [pictures.len(), keyframes, sounds]
        };
        sites.iter().map(of_site).collect::<Vec<_>>()
    };
    let (before, asked) = (count(&mut world), world.client::<Light>(hall).plis());
    world.run_for(secs(30));
    let after = count(&mut world).into_iter().zip(before);
    let got = after.map(
        |([pictures, keyframes, sounds], [earlier, first, before])| {
            [pictures - earlier, keyframes - first, sounds - before]
        },
    );
    (got.collect(), world.client::<Light>(hall).plis() - asked)
}

#[test]
fn a_fifth_of_the_sites_on_weak_lines_costs_the_others_nothing() {
    let narrow = |kbps, loss| Link {
        down: Impairment {
            delay: Duration::from_millis(40),
            loss: Burst::new(loss, 4.0).expect("possible"),
            ..Impairment::narrow(kbps, Duration::from_millis(500))
        },
        ..Link::CLEAN
    };
    let (alone, asked_alone) = beside(Link::CLEAN);
    for link in [narrow(400, 0.0), narrow(250, 0.1)] {
        let (got, asked) = beside(link);
        for (site, (got, alone)) in got.iter().zip(&alone).enumerate() {
            for (got, alone) in got.iter().zip(alone) {
                let change = got.abs_diff(*alone) as f64 / (*alone as f64).max(1.0);
                assert!(change <= 0.03, "site {site}: {got} instead of {alone}");
            }
        }
        assert!(asked <= asked_alone + 5, "{asked} keyframes asked for");
    }
}

#[test]
fn however_many_lose_the_picture_the_others_get_a_keyframe_every_three_seconds_at_most() {
    let encoder = Encoder {
        group: 10_000,
        ..Encoder::BROWSER
    };
    let (mut world, [_, good], _) = conference_of(9, &["0"], encoder, Link::CLEAN);
    let policy = PeerPolicy {
        video_slots: vec![Some(Feed::Stage(0))],
        ..PeerPolicy::default()
    };
    let lossy = Link {
        down: Impairment {
            delay: Duration::from_millis(40),
            loss: Burst::new(0.3, 8.0).expect("possible"),
            ..Impairment::CLEAN
        },
        ..Link::CLEAN
    };
    for link in [Link::CLEAN; 10].into_iter().chain([lossy; 8]) {
        let site = world.join(Light::new(Wishes::watch()), &policy, Link::CLEAN);
        world.run_for(secs(1));
        world.set_link(site, link);
    }
    world.run_for(secs(10));
    let keyframes = |world: &mut World| {
        let pictures = &world
            .client::<Light>(good)
            .slot(MediaKind::Video, 0)
            .arrived;
        pictures.iter().filter(|it| it.mark.keyframe).count()
    };
    let before = keyframes(&mut world);
    world.run_for(secs(60));
    let came = keyframes(&mut world) - before;
    assert!((5..=21).contains(&came), "{came} keyframes in a minute");
}

/// What a minute costs in which the lines of four of twenty sites become narrow and wide again four times:
/// how many keyframes a site on a good line got, how often the hall was asked for one, and for how long
/// at most one of the four then saw nothing new.
fn swinging(group: u32) -> (usize, u64, Duration) {
    let encoder = Encoder {
        group,
        ..Encoder::BROWSER
    };
    let narrow = |kbps| Link {
        down: Impairment {
            delay: Duration::from_millis(30),
            ..Impairment::narrow(kbps, Duration::from_millis(300))
        },
        ..Link::CLEAN
    };
    let (mut world, [hall, good], _) = conference_of(4, &["0", "1", "2"], encoder, Link::CLEAN);
    let policy = PeerPolicy {
        video_slots: vec![Some(Feed::Stage(0))],
        ..PeerPolicy::default()
    };
    let mut join = |link| world.join(Light::new(Wishes::watch()), &policy, link);
    for _ in 0..15 {
        join(Link::CLEAN);
    }
    let weak: Vec<_> = (0..4).map(|_| join(narrow(2_000))).collect();
    world.run_for(secs(20));
    let pictures = |world: &mut World, site| {
        let slot = world.client::<Light>(site).slot(MediaKind::Video, 0);
        slot.arrived.clone()
    };
    let from = world.now;
    let asked = world.client::<Light>(hall).plis();
    for _ in 0..4 {
        for (kbps, seconds) in [(120, 5), (2_000, 10)] {
            for site in &weak {
                world.set_link(*site, narrow(kbps));
            }
            world.run_for(secs(seconds));
        }
    }
    let asked = world.client::<Light>(hall).plis() - asked;
    let all = pictures(&mut world, good);
    let keyframes = all.iter().filter(|it| it.at >= from && it.mark.keyframe);
    let came = keyframes.count();
    let longest = weak.iter().flat_map(|site| {
        let times: Vec<_> = pictures(&mut world, *site).iter().map(|it| it.at).collect();
        let gaps: Vec<_> = times
            .iter()
            .zip(times.iter().skip(1))
            .map(|(at, next)| *next - *at)
            .collect();
        gaps
    });
    let longest = longest.max().unwrap_or_default();
    (came, asked, longest)
}

#[test]
fn lines_that_change_cost_a_large_conference_no_keyframe_but_those_that_come_anyway() {
    let (came, asked, longest) = swinging(50);
    assert_eq!((came / 30, asked), (1, 0), "{came} keyframes in a minute");
    // Five seconds of a line that carries none, and as long until more is tried.
    assert!(longest <= secs(11), "{longest:?} without a picture");
    let (came, asked, longest) = swinging(0);
    assert!(came <= 21 && asked <= 60, "{came} keyframes, {asked} asked");
    assert!(longest <= secs(12), "{longest:?} without a picture");
}

/// So long browsers hold pictures back where some come late.
const HELD_BACK: Duration = Duration::from_millis(400);

/// When each picture is shown: with the last packet of all since its keyframe, after it was held back,
/// unless a later keyframe is there before.
fn shown(pictures: &[Arrived]) -> Vec<Instant> {
    let (mut shown, mut ready, mut next) = (Vec::new(), None, 0);
    for packet in pictures {
        ready = match ready.filter(|_| packet.sequence == next) {
            _ if packet.mark.keyframe => Some(packet.at),
            Some(before) => Some(packet.at.max(before)),
            None => None,
        };
        next = packet.sequence + 1;
        let in_time = sfu::testing::epoch() + packet.mark.sent + HELD_BACK;
        shown.extend(ready.filter(|_| packet.marker).map(|at| at.max(in_time)));
    }
    let mut first = None;
    shown.reverse();
    shown.retain(|at| {
        let is_of_use = first.is_none_or(|first| *at <= first);
        first = first.min(Some(*at)).or(Some(*at));
        is_of_use
    });
    shown.reverse();
    shown
}

/// Which share of half a minute the picture stood for longer than a quarter of a second, and how many
/// bytes were sent for each of media, behind a line like this from a while after the join on.
fn frozen(seed: u64, way: Impairment) -> [f64; 2] {
    let encoder = Encoder {
        group: 50,
        packets: [15, 4],
        ..Encoder::BROWSER
    };
    let (mut world, [_, site], _) = conference_of(seed, &["0"], encoder, Link::CLEAN);
    world.run_for(secs(5));
    world.set_link(site, Link::both(way));
    world.run_for(secs(5));
    let (from, offered, before) = (world.now, world.offered(site), world.stats());
    world.run_for(secs(30));
    let until = world.now;
    let media = world.stats().bytes_out - before.bytes_out;
    let offered = (world.offered(site) - offered) as f64 / media as f64;
    let site = world.client::<Light>(site);
    let pictures = site.slot(MediaKind::Video, 0).in_order();
    let times = shown(&pictures).into_iter();
    let times: Vec<_> = times.filter(|at| (from..until).contains(at)).collect();
    let ends = times.iter().skip(1).chain([&until]);
    let stood = times.iter().zip(ends).map(|(at, next)| *next - *at);
    let frozen: Duration = stood.filter(|it| *it > Duration::from_millis(250)).sum();
    [frozen.as_secs_f64() / 30.0, offered]
}

#[test]
fn a_picture_seldom_stands_where_reports_and_requests_are_lost_as_well() {
    let bursts = Burst::new(0.2, 8.0).expect("possible");
    for (loss, most) in [(Burst::alone(0.2), 0.05), (bursts, 0.08)] {
        let seeds = 0..6;
        let way = Impairment {
            loss,
            ..Impairment::default()
        };
        let all: Vec<_> = seeds.map(|seed| frozen(seed, way)).collect();
        let mean = all.iter().map(|[share, _]| share).sum::<f64>() / all.len() as f64;
        assert!(mean < most, "{all:?}");
        assert!(all.iter().all(|[_, offered]| *offered <= 1.35), "{all:?}");
    }
}

/// What fills a queue is not made longer by what it has cost: requests that tell of a flood are not answered.
#[test]
fn what_a_flood_has_cost_is_not_sent_again_into_it() {
    let line = |kbps| Link {
        down: Impairment {
            delay: Duration::from_millis(30),
            ..Impairment::narrow(kbps, Duration::from_millis(300))
        },
        ..Link::CLEAN
    };
    for seed in 0..12 {
        let encoder = Encoder::BROWSER;
        let (mut world, [_, site], _) = conference_of(seed, &["0", "1", "2"], encoder, line(2_000));
        world.run_for(secs(12) + Duration::from_millis(170 * seed));
        let before = world.stats();
        world.set_link(site, line(120));
        world.run_for(Duration::from_millis(1_500));
        let stats = world.stats();
        let asked = stats.nacked - before.nacked;
        let sent = stats.rtx_out - before.rtx_out;
        assert!(asked > 50 && sent <= 7, "{sent} of {asked}, {seed}");
    }
}
