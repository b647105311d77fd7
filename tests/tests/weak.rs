//! Receivers on weak lines: what the server sends them.

use std::time::Duration;

use loadtest::line::Impairment;
use sfu::command::{Command, PeerPolicy};
use sfu::id::{Feed, PublicationId};
use sfu::kind::MediaKind;
use tests::world::{CONFERENCE, ClientId, Light, Link, Wishes, World};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A hall on air and one site that watches behind `link`.
fn conference(seed: u64, link: Link) -> (World, ClientId) {
    let mut world = World::new(1, seed);
    let speaker = PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        ..PeerPolicy::default()
    };
    let hall = world.join(Light::new(Wishes::publish(10)), speaker, Link::CLEAN);
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
    let site = world.join(Light::new(Wishes::watch()), audience, link);
    (world, site)
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
    let (mut world, site) = conference(5, narrow);
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
