//! Joining over networks that lose packets, and leaving again.

use std::time::Duration;

use sfu::command::{CloseReason, Event, PeerPolicy};
use tests::world::{Browser, Habits, Impairment, Light, Link, Wants, Wishes, World};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn rough(loss: f64) -> Link {
    let way = Impairment {
        jitter: Duration::from_millis(30),
        ..Impairment::lossy(loss)
    };
    Link { up: way, down: way }
}

/// The promise to people on bad lines. 200 joins, each with its own luck.
#[test]
fn two_hundred_joins_at_twenty_percent_loss_each_way_all_complete() {
    let mut world = World::new(2, 20);
    let habits = [Habits::Chromium, Habits::Firefox, Habits::Old];
    let clients: Vec<_> = (0..200)
        .map(|number| {
            let wishes = Wishes {
                habits: habits[number % 3],
                ..Wishes::watch()
            };
            world.join(Light::new(wishes), PeerPolicy::default(), rough(0.2))
        })
        .collect();
    let all = world.run_until(secs(30), |world| {
        clients
            .iter()
            .all(|id| world.client::<Light>(*id).is_connected())
    });
    let connected = clients.iter().filter(|id| world.is_connected(**id)).count();
    assert!(
        all && connected == 200,
        "{connected} of 200 after {:?}",
        world.elapsed()
    );
    assert!(
        world.elapsed() < secs(15),
        "the last took {:?}",
        world.elapsed()
    );
}

/// Who waits for the server to begin the handshake, also where half of it is lost.
#[test]
fn a_publisher_that_is_called_connects_and_is_heard() {
    for (loss, patience) in [(0.0, secs(1)), (0.2, secs(15))] {
        let mut world = World::new(2, 23);
        let wishes = Wishes {
            habits: Habits::Called,
            ..Wishes::publish(1)
        };
        let hall = world.join(Light::new(wishes), speaker(), rough(loss));
        assert!(
            world.run_until(patience, |world| world.is_connected(hall)),
            "with a loss of {loss}"
        );
        world.run_for(secs(2));
        assert!(world.stats().media_in > 50, "{}", world.stats().media_in);
    }
}

/// The same with the handshake of webrtc-rs as it is, whose retransmission is weaker than ours.
#[test]
fn full_peer_connections_join_at_twenty_percent_loss_too() {
    let mut world = World::new(1, 21);
    let clients: Vec<_> = (0..40)
        .map(|_| {
            let browser = Browser::new(Wants::Watch { audio: 1, video: 1 });
            world.join(browser, PeerPolicy::default(), rough(0.2))
        })
        .collect();
    world.run_until(secs(30), |world| {
        clients.iter().all(|id| world.is_connected(*id))
    });
    let connected = clients.iter().filter(|id| world.is_connected(**id)).count();
    assert_eq!(connected, 40, "after {:?}", world.elapsed());
}

#[test]
fn a_client_that_closes_is_gone_at_once_and_leaves_nothing() {
    let mut world = World::new(1, 22);
    let light = world.join(Light::new(Wishes::publish(1)), speaker(), Link::CLEAN);
    let browser = Browser::new(Wants::Watch { audio: 1, video: 1 });
    let browser = world.join(browser, PeerPolicy::default(), Link::CLEAN);
    world.run_for(secs(3));
    assert_eq!(world.stats().connected_peers, 2);
    let now = world.now;
    world.client::<Light>(light).close(now);
    world.client::<Browser>(browser).close();
    world.run_for(secs(1));
    for id in [light, browser] {
        let closed = Event::PeerClosed {
            peer: world.peer(id),
            reason: CloseReason::ClosedByPeer,
        };
        assert_eq!(world.count(closed), 1);
    }
    let stats = world.stats();
    assert_eq!(
        (stats.peers, stats.publications, world.known()),
        (0, 0, (0, 0))
    );
}

#[test]
fn a_client_that_vanishes_is_reported_silent_and_expires() {
    let mut world = World::new(1, 23);
    let id = world.join(
        Light::new(Wishes::watch()),
        PeerPolicy::default(),
        Link::CLEAN,
    );
    world.run_for(secs(3));
    assert!(world.is_connected(id));
    world.client::<Light>(id).vanish();
    let peer = world.peer(id);
    world.run_for(secs(15));
    assert_eq!(world.count(Event::PeerSilent { peer }), 1);
    assert_eq!(world.stats().peers, 1, "it may come back");
    world.run_for(secs(20));
    let expired = Event::PeerClosed {
        peer,
        reason: CloseReason::ConsentExpired,
    };
    assert_eq!(world.count(expired), 1);
    assert_eq!((world.stats().peers, world.known()), (0, (0, 0)));
}

#[test]
fn a_client_that_never_comes_is_forgotten() {
    let mut world = World::new(1, 24);
    let id = world.join(
        Light::new(Wishes::watch()),
        PeerPolicy::default(),
        Link::DEAD,
    );
    world.run_for(secs(40));
    assert_eq!((world.stats().peers, world.known()), (0, (0, 0)));
    let peer = world.peer(id);
    let reasons: Vec<_> = world
        .events()
        .iter()
        .filter_map(|(_, event)| match event {
            Event::PeerClosed {
                peer: closed,
                reason,
            } if *closed == peer => Some(*reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
}

fn speaker() -> PeerPolicy {
    PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        ..PeerPolicy::default()
    }
}
