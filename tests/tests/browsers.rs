//! Full peer connections of webrtc-rs publish and watch, as WHIP encoders and WHEP players do.
#![expect(
    clippy::indexing_slicing,
    reason = "what is out of place in a test is a mistake in the test"
)]

use std::time::Duration;

use sfu::command::{Command, PeerPolicy};
use sfu::id::{Feed, PublicationId};
use sfu::kind::{Codec, MediaKind};
use tests::world::{Browser, CONFERENCE, ClientId, Heard, Light, Link, Wants, Wishes, World};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn encoder() -> PeerPolicy {
    PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        ..PeerPolicy::default()
    }
}

fn player() -> PeerPolicy {
    PeerPolicy {
        video_slots: vec![Some(Feed::Stage(0))],
        ..PeerPolicy::default()
    }
}

fn give_floor(world: &mut World, id: ClientId) {
    let [sound, picture] = [0, 1].map(|mline| PublicationId {
        peer: world.peer(id),
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
}

/// No number missing, none twice, RTP time never backwards.
fn assert_continuous(heard: &[Heard]) {
    for pair in heard.windows(2) {
        assert_eq!(pair[1].ssrc, pair[0].ssrc, "one slot, one SSRC");
        assert_eq!(
            pair[1].sequence,
            pair[0].sequence.wrapping_add(1),
            "{pair:?}"
        );
        assert!(
            pair[1].timestamp.wrapping_sub(pair[0].timestamp) < 450_000,
            "{pair:?}"
        );
    }
}

#[test]
fn a_player_sees_and_hears_what_an_encoder_publishes() {
    let mut world = World::new(1, 1);
    let hall = world.join(
        Browser::new(Wants::Publish { source: 1 }),
        encoder(),
        Link::CLEAN,
    );
    let site = world.join(
        Browser::new(Wants::Watch { audio: 1, video: 1 }),
        player(),
        Link::CLEAN,
    );
    give_floor(&mut world, hall);
    world.run_for(secs(12));
    assert!(world.client::<Browser>(hall).is_connected());
    assert!(world.client::<Browser>(site).is_connected());
    for kind in [MediaKind::Audio, MediaKind::Video] {
        let heard = world.client::<Browser>(site).heard(kind);
        assert!(heard.len() > 500, "{kind:?} {}", heard.len());
        assert_continuous(&heard);
        let sent = world.client::<Browser>(hall).sent(kind);
        assert!(heard.len() as u64 <= sent);
    }
    let first = world.client::<Browser>(site).heard(MediaKind::Video)[0];
    assert!(first.mark.keyframe);
}

#[test]
fn an_encoder_is_negotiated_to_codecs_that_are_forwarded() {
    let mut world = World::new(1, 2);
    let hall = world.join(
        Browser::new(Wants::Publish { source: 1 }),
        encoder(),
        Link::CLEAN,
    );
    let codecs: Vec<_> = world
        .spec(hall)
        .publications
        .iter()
        .map(|publication| publication.codec.codec)
        .collect();
    assert_eq!(codecs, [Codec::Opus, Codec::Vp8]);
    let extensions = world.spec(hall).extensions;
    assert!(
        extensions.mid.is_some()
            || world
                .spec(hall)
                .publications
                .iter()
                .all(|it| !it.ssrcs.is_empty())
    );
}

#[test]
fn a_player_follows_from_one_speaker_to_the_next() {
    let mut world = World::new(2, 3);
    let hall = world.join(
        Browser::new(Wants::Publish { source: 1 }),
        encoder(),
        Link::CLEAN,
    );
    let commune = world.join(Light::new(Wishes::publish(20)), encoder(), Link::CLEAN);
    let site = world.join(
        Browser::new(Wants::Watch { audio: 1, video: 1 }),
        player(),
        Link::CLEAN,
    );
    for speaker in [hall, commune, hall] {
        give_floor(&mut world, speaker);
        world.run_for(secs(5));
    }
    for kind in [MediaKind::Audio, MediaKind::Video] {
        let heard = world.client::<Browser>(site).heard(kind);
        assert_continuous(&heard);
        let mut sources: Vec<u8> = heard.iter().map(|heard| heard.mark.source).collect();
        sources.dedup();
        assert_eq!(sources, [1, 20, 1], "{kind:?}");
    }
}

#[test]
fn a_player_on_a_lossy_line_gets_its_picture_repaired() {
    let mut world = World::new(1, 4);
    let hall = world.join(
        Browser::new(Wants::Publish { source: 1 }),
        encoder(),
        Link::CLEAN,
    );
    let site = world.join(
        Browser::new(Wants::Watch { audio: 1, video: 1 }),
        player(),
        Link::lossy_down(0.05),
    );
    give_floor(&mut world, hall);
    world.run_for(secs(15));
    world.set_link(site, Link::CLEAN);
    world.run_for(secs(2));
    let mut numbers: Vec<u16> = world
        .client::<Browser>(site)
        .heard(MediaKind::Video)
        .iter()
        .map(|heard| heard.sequence)
        .collect();
    let first = numbers[0];
    numbers.sort_by_key(|number| number.wrapping_sub(first));
    let missing: u32 = numbers
        .windows(2)
        .map(|pair| u32::from(pair[1].wrapping_sub(pair[0])).saturating_sub(1))
        .sum();
    assert!(world.stats().rtx_out > 20, "{}", world.stats().rtx_out);
    assert!(missing <= 2, "{missing} packets were never repaired");
}
