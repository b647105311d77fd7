//! Full peer connections of webrtc-rs publish and watch, as WHIP encoders and WHEP players do.

use std::time::Duration;

use sfu::command::{Command, MediaKind, PeerPolicy};
use sfu::id::{Feed, PublicationId};
use tests::world::{Browser, CONFERENCE, ClientId, Link, Wants, World};

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

fn publications(world: &World, id: ClientId) -> [PublicationId; 2] {
    let peer = world.peer(id);
    [0, 1].map(|mline| PublicationId { peer, mline })
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
    let [sound, picture] = publications(&world, hall);
    world.command(&Command::Show {
        conference: CONFERENCE,
        stage: 0,
        publication: Some(picture),
    });
    world.command(&Command::SetSpeakers {
        conference: CONFERENCE,
        publications: vec![sound],
    });
    let connected = world.run_until(Duration::from_secs(10), |world| {
        world.is_connected(hall) && world.is_connected(site)
    });
    assert!(connected, "{:?}", world.events());
    world.run_for(Duration::from_secs(10));
    let site = world.client::<Browser>(site);
    let (audio, video) = (site.heard(MediaKind::Audio), site.heard(MediaKind::Video));
    assert!(audio.len() > 450, "{}", audio.len());
    assert!(video.len() > 450, "{}", video.len());
}
