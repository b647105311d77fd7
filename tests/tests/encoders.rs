//! Encoders as they are in the field: without retransmissions of their own, deaf to keyframe
//! requests, with layers named and ordered as nobody expects.

use std::time::Duration;

use sfu::command::{Command, PeerPolicy};
use sfu::id::{Feed, PublicationId};
use sfu::kind::{Codec, MediaKind};
use tests::world::{CONFERENCE, ClientId, Encoder, Impairment, Light, Link, Wishes, World};

/// H.264 High, a keyframe each 2 s whatever is asked, and the same packet again when one is lost.
const OBS: Wishes = Wishes {
    rids: &["0", "1", "2"],
    encoder: Encoder {
        codec: Codec::H264,
        group: 50,
        answers: false,
        packets: [6, 2],
    },
    ..Wishes::publish(10)
};

/// The encoder on air behind `link`, and who watches it behind each of `lines`.
fn on_air(seed: u64, link: Link, lines: &[Link]) -> (World, ClientId, Vec<ClientId>) {
    let mut world = World::new(1, seed);
    let speaker = PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        ..PeerPolicy::default()
    };
    let hall = world.join(Light::new(OBS), speaker, link);
    world.command(&Command::Show {
        conference: CONFERENCE,
        stage: 0,
        publication: Some(PublicationId {
            peer: world.peer(hall),
            mline: 1,
        }),
    });
    let viewers = lines.iter().map(|line| {
        let audience = PeerPolicy {
            video_slots: vec![Some(Feed::Stage(0))],
            ..PeerPolicy::default()
        };
        world.join(Light::new(Wishes::watch()), audience, *line)
    });
    let viewers = viewers.collect();
    (world, hall, viewers)
}

#[test]
fn a_lossy_line_of_an_encoder_without_retransmissions_is_repaired_and_its_largest_layer_is_seen() {
    let up = Impairment::lossy(0.03);
    let (mut world, hall, viewers) = on_air(90, Link { up, ..Link::CLEAN }, &[Link::CLEAN]);
    let viewer = viewers[0];
    world.run_for(Duration::from_secs(120));
    let repaired = world.client::<Light>(hall).repaired();
    let slot = world.client::<Light>(viewer).slot(MediaKind::Video, 0);
    let shown = slot.in_order();
    let last = shown.last().expect("something is seen");
    assert_eq!(
        last.mark.source, 10,
        "the largest layer, which is named first"
    );
    let (lost, arrived) = (slot.gaps(), shown.len() as u64);
    assert!(arrived > 20_000, "{arrived} packets");
    assert!(
        repaired > arrived / 100,
        "{repaired} came again of {arrived}"
    );
    assert!(lost * 2_000 < arrived, "{lost} of {arrived} packets lost");
}

#[test]
fn each_viewer_of_an_encoder_that_answers_nothing_sees_the_largest_layer_that_its_line_carries() {
    let narrow = Link {
        down: Impairment {
            delay: Duration::from_millis(20),
            ..Impairment::narrow(900, Duration::from_millis(300))
        },
        ..Link::CLEAN
    };
    let (mut world, _, viewers) = on_air(91, Link::CLEAN, &[Link::CLEAN, narrow]);
    world.run_for(Duration::from_secs(60));
    let mut seen = |viewer: ClientId| {
        let slot = world.client::<Light>(viewer).slot(MediaKind::Video, 0);
        let shown = slot.in_order();
        let tail = &shown[shown.len().saturating_sub(200)..];
        let sources: Vec<_> = tail.iter().map(|packet| packet.mark.source).collect();
        (sources, slot.gaps())
    };
    let ((wide, _), (narrow, lost)) = (seen(viewers[0]), seen(viewers[1]));
    assert!(wide.iter().all(|source| *source == 10), "{wide:?}");
    assert!(narrow.iter().all(|source| *source > 10), "{narrow:?}");
    assert!(lost < 200, "{lost} packets lost");
}
