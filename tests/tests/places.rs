//! Places come back: of those who say good-bye, who vanish, who never connect, and of a conference
//! that has ended. Nothing else stays behind either.

use std::time::Duration;

use sfu::command::{CloseReason, Command, CommandError, Event, PeerPolicy};
use sfu::id::{Feed, PublicationId};
use tests::world::{CONFERENCE, ClientId, Impairment, Light, Link, Wishes, World};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Two shards, and three places.
fn three_places(seed: u64) -> World {
    World::with_places(2, seed, 3)
}

fn try_watch(world: &mut World, link: Link) -> Result<ClientId, CommandError> {
    let policy = PeerPolicy {
        video_slots: vec![Some(Feed::Stage(0))],
        ..PeerPolicy::default()
    };
    world.try_join(Light::new(Wishes::watch()), &policy, link)
}

fn watch(world: &mut World) -> ClientId {
    try_watch(world, Link::CLEAN).expect("there is a place")
}

fn is_full(world: &mut World) -> bool {
    matches!(try_watch(world, Link::CLEAN), Err(CommandError::Full))
}

fn end(world: &mut World) {
    world.command(&Command::EndConference {
        conference: CONFERENCE,
    });
}

/// Nothing of anybody is kept.
fn assert_empty(world: &World) {
    assert_eq!(world.peers(), 0, "places");
    let stats = world.stats();
    assert_eq!((stats.peers, stats.publications), (0, 0));
    assert_eq!(world.known(), (0, 0), "paths and ufrags");
    assert_eq!(world.conferences(), 0, "conferences");
    assert_eq!(stats.inconsistent, 0);
}

#[test]
fn whoever_says_good_bye_gives_its_place_to_the_next() {
    let mut world = three_places(90);
    for _ in 0..8 {
        let viewer = watch(&mut world);
        world.run_for(secs(1));
        assert!(world.is_connected(viewer));
        let now = world.now;
        world.client::<Light>(viewer).close(now);
        world.run_for(secs(1));
    }
    assert_empty(&world);
}

#[test]
fn conference_after_conference_finds_the_same_number_of_places() {
    let mut world = three_places(91);
    for _ in 0..4 {
        for _ in 0..3 {
            watch(&mut world);
        }
        assert!(is_full(&mut world));
        world.run_for(secs(1));
        end(&mut world);
        assert_eq!(world.peers(), 0, "at once");
        world.run_for(secs(1));
        assert_empty(&world);
    }
}

#[test]
fn viewers_that_never_connect_hold_their_places_for_half_a_minute() {
    let mut world = three_places(92);
    let deaf = Impairment::lossy(1.0);
    let link = Link {
        up: deaf,
        down: deaf,
    };
    let viewers: Vec<_> = (0..3)
        .map(|_| try_watch(&mut world, link).expect("there is a place"))
        .collect();
    world.run_for(secs(20));
    assert!(is_full(&mut world));
    world.run_for(secs(11));
    for viewer in viewers {
        let peer = world.peer(viewer);
        let reason = CloseReason::HandshakeFailed;
        assert_eq!(world.count(Event::PeerClosed { peer, reason }), 1);
    }
    assert_empty(&world);
}

#[test]
fn whoever_vanishes_is_missed_after_consent_is_gone() {
    let mut world = three_places(93);
    let viewer = watch(&mut world);
    world.run_for(secs(2));
    world.client::<Light>(viewer).vanish();
    world.run_for(secs(31));
    assert_empty(&world);
}

/// While its last packets are on their way to its receivers: on a slow machine they take long.
#[test]
fn a_conference_that_ends_in_the_middle_of_a_picture_leaves_nothing_behind() {
    let mut world = World::new(2, 94);
    let speaker = PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        ..PeerPolicy::default()
    };
    for round in 0..20 {
        let hall = world.join(Light::new(Wishes::publish(1)), &speaker, Link::CLEAN);
        for _ in 0..6 {
            watch(&mut world);
        }
        let publication = |mline| PublicationId {
            peer: world.peer(hall),
            mline,
        };
        let show = Command::Show {
            conference: CONFERENCE,
            stage: 0,
            publication: Some(publication(1)),
        };
        world.command(&show);
        world.set_packet_cost(Duration::from_millis(1));
        world.run_for(secs(3) + Duration::from_millis(7 * round));
        assert!(world.stats().media_out > 0);
        end(&mut world);
        world.run_for(secs(2));
        assert_empty(&world);
    }
}

#[test]
fn to_show_nothing_in_a_conference_without_anybody_makes_no_conference() {
    let mut world = World::new(2, 95);
    world.command(&Command::Show {
        conference: CONFERENCE,
        stage: 0,
        publication: None,
    });
    world.command(&Command::SetSpeakers {
        conference: CONFERENCE,
        publications: Vec::new(),
        main: None,
        floor: None,
    });
    assert_empty(&world);
    let publication = PublicationId {
        peer: former_peer(&mut world),
        mline: 0,
    };
    for publications in [vec![publication], Vec::new()] {
        world.command(&Command::SetSpeakers {
            conference: CONFERENCE,
            publications,
            main: None,
            floor: None,
        });
    }
    assert_empty(&world);
}

/// The id of a peer that was there.
fn former_peer(world: &mut World) -> sfu::id::PeerId {
    let viewer = watch(world);
    let peer = world.peer(viewer);
    world.command(&Command::RemovePeer { peer });
    peer
}
