//! What is heard on lossy lines: sound that carries what came before it, and sound that is asked for
//! again.

use std::time::Duration;

use loadtest::line::{Burst, Impairment};
use loadtest::receive::playout::Played;
use sfu::command::{Command, PeerPolicy};
use sfu::id::{Feed, PublicationId};
use sfu::kind::MediaKind;
use tests::world::{CONFERENCE, ClientId, Encoder, Habits, Light, Link, Wishes, World};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Time after the join that is not judged: losses are noticed, and sound is made redundant.
const SETTLED: Duration = secs(3);

/// Bytes that two packets of sound take in a third, at most.
const CARRIED: u64 = 2 * (84 + 4);

/// A hall on air with a picture of 1 Mbit/s, and one site that watches behind `link`.
fn conference(seed: u64, wishes: Wishes, link: Link) -> (World, ClientId) {
    let mut world = World::new(1, seed);
    let speaker = PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        ..PeerPolicy::default()
    };
    let wide = Wishes {
        encoder: Encoder {
            packets: [15, 5],
            ..Encoder::BROWSER
        },
        ..Wishes::publish(10)
    };
    let hall = world.join(Light::new(wide), speaker, Link::CLEAN);
    let audience = PeerPolicy {
        video_slots: vec![Some(Feed::Stage(0))],
        ..PeerPolicy::default()
    };
    let [sound, picture] = [0, 1].map(|mline| PublicationId {
        peer: world.peer(hall),
        mline,
    });
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
    let site = world.join(Light::new(wishes), audience, link);
    (world, site)
}

/// Both directions delay by `delay` and lose this.
fn lossy(loss: Burst, delay: Duration) -> Link {
    let way = Impairment {
        loss,
        delay,
        ..Impairment::default()
    };
    Link { down: way, up: way }
}

/// What was heard in 30 s.
struct Heard {
    played: Played,
    /// Bytes that the server sent meanwhile, and of these, bytes of packets of media.
    offered: u64,
    media: u64,
    /// Packets of sound with what came before them.
    carrying: u64,
}

/// What is heard behind such a line by one who asks for what it misses, or does not.
fn listen(seed: u64, habits: Habits, link: Link, asks: bool) -> Heard {
    let wishes = Wishes {
        habits,
        without_repairs: !asks,
        ..Wishes::watch()
    };
    let (mut world, site) = conference(seed, wishes, link);
    assert!(world.run_until(secs(20), |world| {
        world.client::<Light>(site).is_connected()
    }));
    world.run_for(SETTLED);
    let before = world.client::<Light>(site).played();
    let (offered, stats) = (world.offered(site), world.stats());
    world.run_for(secs(30));
    let carrying = world.stats().redundant_out - stats.redundant_out;
    Heard {
        played: world.client::<Light>(site).played().since(&before),
        offered: world.offered(site) - offered,
        media: world.stats().bytes_out - stats.bytes_out - carrying * CARRIED,
        carrying,
    }
}

#[test]
fn sound_is_whole_on_lossy_lines_and_costs_little() {
    let bursts = Burst::new(0.2, 8.0).expect("possible");
    let cases = [
        ("10 % lost", Burst::alone(0.1), 0.01),
        ("20 % lost", Burst::alone(0.2), 0.03),
        ("20 % lost in bursts", bursts, 0.05),
    ];
    for (name, loss, most) in cases {
        for asks in [false, true] {
            let mut all = Played::default();
            for seed in 0..5 {
                let link = lossy(loss, ms(15));
                let heard = listen(seed, Habits::Chromium, link, asks);
                let carrying = heard.carrying;
                assert!(carrying > 1_000, "{name}, {seed}: {carrying}");
                all.add(&heard.played);
                let share = heard.offered as f64 / heard.media as f64;
                assert!(share <= 1.35, "{name}, {seed}: {share} of what is media");
            }
            let concealed = all.share_concealed();
            assert!(concealed < most, "{name}, asks: {asks}: {all:?}");
            assert!(asks || all.recovered > 500, "{name}: {all:?}");
        }
    }
}

#[test]
fn who_takes_no_redundancy_gets_plain_sound_and_on_lossy_lines_more_than_once() {
    let bursts = Burst::new(0.1, 4.0).expect("possible");
    let cases = [
        ("10 % lost", Burst::alone(0.1), 0.01),
        ("20 % lost", Burst::alone(0.2), 0.03),
        ("10 % lost in bursts", bursts, 0.03),
    ];
    for (name, loss, most) in cases {
        let mut all = Played::default();
        for seed in 0..5 {
            let heard = listen(seed, Habits::Firefox, lossy(loss, ms(15)), true);
            assert_eq!((heard.carrying, heard.played.recovered), (0, 0));
            assert!(heard.played.heard > 1_000);
            let share = heard.offered as f64 / heard.media as f64;
            assert!(share <= 1.35, "{name}, {seed}: {share} of what is media");
            all.add(&heard.played);
        }
        let concealed = all.share_concealed();
        assert!(concealed < most, "{name}: {concealed}");
    }
}

#[test]
fn sound_on_a_line_that_loses_nothing_is_plain() {
    let link = lossy(Burst::alone(0.0), ms(15));
    for habits in [Habits::Chromium, Habits::Firefox] {
        let heard = listen(1, habits, link, true);
        assert_eq!((heard.carrying, heard.played.concealed), (0, 0));
        let share = heard.offered as f64 / heard.media as f64;
        assert!(share < 1.02, "{share}: nothing is sent twice");
    }
}

#[test]
fn sound_is_plain_again_some_time_after_the_losses() {
    let link = lossy(Burst::alone(0.2), ms(15));
    let (mut world, site) = conference(2, Wishes::watch(), link);
    world.run_for(secs(10));
    let lossy = world.stats().redundant_out;
    assert!(lossy > 100, "{lossy}");
    world.set_link(site, Link::CLEAN);
    world.run_for(secs(40));
    let later = world.stats().redundant_out;
    world.run_for(secs(10));
    assert_eq!(world.stats().redundant_out, later);
}

#[test]
fn sound_that_is_asked_for_again_comes_only_where_it_comes_in_time() {
    for (delay, is_near) in [(10, true), (300, false)] {
        let link = lossy(Burst::alone(0.1), ms(delay));
        let (mut world, site) = conference(4, Wishes::watch(), link);
        assert!(world.run_until(secs(30), |world| {
            world.client::<Light>(site).is_connected()
        }));
        world.run_for(secs(20));
        let slot = world.client::<Light>(site).slot(MediaKind::Audio, 0);
        // Of the sound itself so much has come in the end.
        let share = slot.gaps() as f64 / slot.arrived.len() as f64;
        if is_near {
            assert!(share < 0.03, "{delay}: {share}");
        } else {
            assert!((0.05..0.2).contains(&share), "{delay}: {share}");
        }
    }
}

#[test]
fn a_client_connects_over_a_long_way() {
    for delay in [100, 250, 400] {
        let link = lossy(Burst::alone(0.0), ms(delay));
        let (mut world, site) = conference(5, Wishes::watch(), link);
        world.run_for(secs(10));
        assert!(world.client::<Light>(site).is_connected(), "{delay} ms");
        assert!(world.is_connected(site), "{delay} ms");
        let arrived = world
            .client::<Light>(site)
            .slot(MediaKind::Audio, 0)
            .arrived
            .len();
        assert!(arrived > 100, "{delay} ms: {arrived}");
    }
}
