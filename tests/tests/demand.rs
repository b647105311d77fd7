//! A picture is sent while somebody looks at it, and as much of it as they look at.

use std::time::Duration;

use sfu::command::{Command, Event, PeerPolicy};
use sfu::id::{Feed, PublicationId, SlotId};
use sfu::kind::MediaKind;
use tests::world::{CONFERENCE, ClientId, Light, Link, Wishes, World};

const VIDEO: MediaKind = MediaKind::Video;
const RIDS: &[&str] = &["l", "m", "h"];

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A camera with three layers; `slots` of its own show the stage.
fn publish(world: &mut World, slots: usize) -> (ClientId, PublicationId) {
    let wishes = Wishes {
        rids: RIDS,
        video: slots,
        ..Wishes::publish(10)
    };
    let policy = PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        video_slots: vec![Some(Feed::Stage(0)); slots],
        ..PeerPolicy::default()
    };
    let id = world.join(Light::new(wishes), policy, Link::CLEAN);
    let publication = PublicationId {
        peer: world.peer(id),
        mline: 1,
    };
    (id, publication)
}

fn watch(world: &mut World, feed: Feed) -> ClientId {
    let policy = PeerPolicy {
        video_slots: vec![Some(feed)],
        ..PeerPolicy::default()
    };
    world.join(Light::new(Wishes::watch()), policy, Link::CLEAN)
}

fn slot(world: &World, id: ClientId) -> SlotId {
    SlotId {
        peer: world.peer(id),
        mline: 1,
    }
}

fn leave(world: &mut World, id: ClientId) {
    let peer = world.peer(id);
    world.command(&Command::RemovePeer { peer });
}

fn show(world: &mut World, publication: Option<PublicationId>) {
    world.command(&Command::Show {
        conference: CONFERENCE,
        stage: 0,
        publication,
    });
}

/// What the sender was told, one after the other.
fn told(world: &World, of: PublicationId) -> Vec<u8> {
    let told = |event: &Event| match event {
        Event::LayersWanted {
            publication,
            layers,
        } if *publication == of => Some(*layers),
        _ => None,
    };
    let events = world.events().iter();
    events.filter_map(|(_, event)| told(event)).collect()
}

fn seen(world: &mut World, id: ClientId) -> usize {
    world.client::<Light>(id).slot(VIDEO, 0).arrived.len()
}

#[test]
fn a_picture_is_wanted_from_the_first_viewer_to_the_last_wherever_they_are() {
    for shards in [1, 2, 4] {
        let mut world = World::new(shards, 500);
        let (_, camera) = publish(&mut world, 0);
        show(&mut world, Some(camera));
        world.run_for(secs(6));
        assert_eq!(told(&world, camera), [0], "nobody is there");
        let viewers: Vec<_> = (0..5).map(|_| watch(&mut world, Feed::Stage(0))).collect();
        world.run_for(secs(1));
        assert_eq!(told(&world, camera), [0, 3], "{shards}");
        for viewer in viewers {
            world.run_for(secs(6));
            assert_eq!(told(&world, camera), [0, 3], "one is left");
            leave(&mut world, viewer);
        }
        world.run_for(secs(3));
        assert_eq!(told(&world, camera), [0, 3], "not at once");
        world.run_for(secs(3));
        assert_eq!(told(&world, camera), [0, 3, 0], "{shards}");
    }
}

#[test]
fn no_more_layers_are_wanted_than_some_slot_shows() {
    let mut world = World::new(2, 501);
    let (_, camera) = publish(&mut world, 0);
    show(&mut world, Some(camera));
    let small = watch(&mut world, Feed::Publication(camera));
    world.run_for(secs(8));
    assert_eq!(told(&world, camera), [1], "an operator's small picture");
    let old = watch(&mut world, Feed::Stage(0));
    let old_slot = slot(&world, old);
    world.command(&Command::Limit {
        slot: old_slot,
        layers: 2,
    });
    world.run_for(secs(8));
    assert_eq!(told(&world, camera).last(), Some(&2), "an old machine");
    let before = seen(&mut world, old);
    world.run_for(secs(1));
    assert!(
        seen(&mut world, old) > before,
        "it sees what it can do with"
    );
    world.command(&Command::Limit {
        slot: old_slot,
        layers: 3,
    });
    world.run_for(secs(1));
    assert_eq!(told(&world, camera).last(), Some(&3));
    leave(&mut world, old);
    leave(&mut world, small);
    world.run_for(secs(6));
    assert_eq!(told(&world, camera).last(), Some(&0));
}

#[test]
fn whoever_sends_a_picture_does_not_look_at_it() {
    let mut world = World::new(1, 502);
    let (_, camera) = publish(&mut world, 1);
    show(&mut world, Some(camera));
    world.run_for(secs(8));
    assert_eq!(told(&world, camera).last(), Some(&0), "it is alone");
    watch(&mut world, Feed::Stage(0));
    world.run_for(secs(1));
    assert_eq!(told(&world, camera).last(), Some(&3));
}

#[test]
fn one_that_stops_because_nobody_looks_is_not_silent_and_is_back_within_a_second() {
    for shards in [1, 2] {
        let mut world = World::new(shards, 503);
        let (site, camera) = publish(&mut world, 0);
        let stopped = Event::PublicationStopped {
            publication: camera,
        };
        world.run_for(secs(6));
        world.client::<Light>(site).set_layers(0);
        world.run_for(secs(60));
        assert_eq!((told(&world, camera), world.count(stopped)), (vec![0], 0));
        let viewer = watch(&mut world, Feed::Publication(camera));
        assert!(world.run_until(secs(2), |world| told(world, camera).len() == 2));
        let asked = world.elapsed();
        assert_eq!(seen(&mut world, viewer), 0, "nothing of a minute ago");
        // The way to the page, and an encoder that starts.
        world.run_for(Duration::from_millis(200));
        world.client::<Light>(site).set_layers(3);
        assert!(world.run_until(secs(2), |world| seen(world, viewer) > 0));
        let took = world.elapsed() - asked;
        assert!(took < secs(1), "{took:?}");
        let first = world.client::<Light>(viewer).slot(VIDEO, 0).in_order()[0].mark;
        assert!(first.keyframe, "{first:?}");
        world.run_for(secs(5));
        assert_eq!(world.count(stopped), 0);
    }
}

#[test]
fn one_of_which_nothing_comes_although_somebody_looks_has_stopped() {
    let mut world = World::new(1, 504);
    let (site, camera) = publish(&mut world, 0);
    let stopped = Event::PublicationStopped {
        publication: camera,
    };
    world.run_for(secs(6));
    world.client::<Light>(site).set_layers(0);
    world.run_for(secs(20));
    watch(&mut world, Feed::Publication(camera));
    world.run_for(secs(2));
    assert_eq!(world.count(stopped), 0, "it may need a moment");
    world.run_for(secs(3));
    assert_eq!(world.count(stopped), 1);
}

#[test]
fn one_that_goes_on_although_nobody_looks_and_dies_has_stopped() {
    let mut world = World::new(1, 505);
    let (site, camera) = publish(&mut world, 0);
    world.run_for(secs(12));
    assert_eq!(told(&world, camera), [0]);
    world.client::<Light>(site).set_layers(0);
    world.run_for(secs(6));
    let stopped = Event::PublicationStopped {
        publication: camera,
    };
    assert_eq!(world.count(stopped), 1);
}
