//! Clients that change their address, lose their network for a while, or restart ICE.

use std::time::Duration;

use sfu::command::{Command, Event, PeerPolicy};
use sfu::id::{Feed, PublicationId};
use sfu::kind::MediaKind;
use sfu::path::TcpId;
use tests::world::{
    Browser, CONFERENCE, Client, ClientId, Habits, Light, Link, Wants, Wishes, World,
};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A hall that speaks and one client that watches.
fn conference(seed: u64, client: impl Client + 'static) -> (World, ClientId, ClientId) {
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
    let site = world.join(client, audience, Link::CLEAN);
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
    world.run_for(secs(6));
    (world, hall, site)
}

fn heard(world: &mut World, id: ClientId) -> usize {
    world
        .client::<Light>(id)
        .slot(MediaKind::Audio, 0)
        .arrived
        .len()
}

/// How long a client that has just moved hears nothing.
fn outage(world: &mut World, id: ClientId) -> Duration {
    let (before, moved) = (heard(world, id), world.now);
    let again = world.run_until(secs(20), |world| heard(world, id) > before + 5);
    assert!(again, "it is never heard again");
    world.now - moved
}

#[test]
fn a_chromium_that_roams_is_followed_with_its_next_nominated_check() {
    let (mut world, _, site) = conference(50, Light::new(Wishes::watch()));
    world.roam(site);
    let outage = outage(&mut world, site);
    assert!(outage < secs(3), "{outage:?}");
    assert_eq!(
        world.known().0,
        3,
        "the hall's path, the new one, the old one for a while"
    );
}

#[test]
fn a_viewer_whose_way_was_broken_goes_on_with_a_keyframe() {
    let (mut world, hall, site) = conference(58, Light::new(Wishes::watch()));
    let asked = world.client::<Light>(hall).plis();
    world.restart_ice(site);
    world.run_for(secs(3));
    assert_eq!(
        world.client::<Light>(hall).plis(),
        asked,
        "nothing was lost"
    );
    world.roam(site);
    outage(&mut world, site);
    world.run_for(secs(1));
    // The server asks at once, and the viewer again when it has given up what it misses.
    let plis = world.client::<Light>(hall).plis() - asked;
    assert!((1..=2).contains(&plis), "{plis}");
}

#[test]
fn something_comes_every_second_though_nobody_is_on_air() {
    let (mut world, hall, site) = conference(59, Light::new(Wishes::watch()));
    let now = world.now;
    world.client::<Light>(hall).pause(now);
    world.run_for(secs(5));
    for _ in 0..60 {
        let before = world.client::<Light>(site).compounds();
        world.run_for(secs(1));
        assert!(world.client::<Light>(site).compounds() > before);
    }
}

#[test]
fn something_comes_soon_after_the_last_of_the_media() {
    for phase in 0..14 {
        let (mut world, hall, site) = conference(59, Light::new(Wishes::watch()));
        world.run_for(Duration::from_millis(50 * phase));
        let now = world.now;
        world.client::<Light>(hall).pause(now);
        world.run_for(Duration::from_millis(50));
        let before = world.client::<Light>(site).compounds();
        let came = |world: &mut World| world.client::<Light>(site).compounds() > before;
        assert!(world.run_until(secs(2), came), "it does not");
        let sounds = &world
            .client::<Light>(site)
            .slot(MediaKind::Audio, 0)
            .arrived;
        let last = sounds.last().expect("it was heard").at;
        let silence = world.now - last;
        assert!(silence <= Duration::from_millis(720), "{silence:?}");
    }
}

#[test]
fn a_firefox_that_roams_is_followed_without_nomination() {
    let wishes = Wishes {
        habits: Habits::Firefox,
        ..Wishes::watch()
    };
    let (mut world, _, site) = conference(51, Light::new(wishes));
    world.roam(site);
    let outage = outage(&mut world, site);
    assert!(outage < secs(9), "{outage:?}");
}

#[test]
fn a_publisher_that_roams_is_heard_again() {
    let (mut world, hall, site) = conference(52, Light::new(Wishes::watch()));
    world.roam(hall);
    let outage = outage(&mut world, site);
    assert!(outage < secs(3), "{outage:?}");
}

#[test]
fn ten_seconds_without_network_end_in_the_same_peer() {
    let (mut world, _, site) = conference(53, Light::new(Wishes::watch()));
    let peer = world.peer(site);
    world.set_link(site, Link::DEAD);
    world.run_for(secs(12));
    world.set_link(site, Link::CLEAN);
    let outage = outage(&mut world, site);
    assert!(
        outage < secs(1),
        "nothing has to be set up again: {outage:?}"
    );
    world.run_for(secs(5));
    assert_eq!(world.count(Event::PeerSilent { peer }), 1);
    assert_eq!(world.count(Event::PeerBack { peer }), 1);
    assert_eq!(world.count(Event::PeerConnected { peer }), 1);
}

#[test]
fn an_ice_restart_keeps_the_keys_and_the_media() {
    let (mut world, _, site) = conference(54, Light::new(Wishes::watch()));
    let ufrags = world.known().1;
    world.restart_ice(site);
    world.roam(site);
    let outage = outage(&mut world, site);
    assert!(outage < secs(1), "its first check moves it: {outage:?}");
    assert_eq!(world.known().1, ufrags, "the old credentials are gone");
    let peer = world.peer(site);
    assert_eq!(
        world.count(Event::PeerConnected { peer }),
        1,
        "no second handshake"
    );
}

#[test]
fn a_full_peer_connection_restarts_ice() {
    let browser = Browser::new(Wants::Watch { audio: 1, video: 1 });
    let (mut world, _, site) = conference(55, browser);
    assert!(world.client::<Browser>(site).is_connected());
    world.restart_ice(site);
    world.run_for(secs(3));
    let before = world.client::<Browser>(site).heard(MediaKind::Audio).len();
    world.run_for(secs(5));
    let after = world.client::<Browser>(site).heard(MediaKind::Audio).len();
    assert!(after > before + 200, "{before} {after}");
    assert_eq!(world.known().1, 2, "one ufrag each");
}

#[test]
fn a_client_whose_udp_dies_goes_on_over_tcp_and_comes_back() {
    let (mut world, _, site) = conference(56, Light::new(Wishes::watch()));
    world.use_tcp(site, TcpId(1));
    let over = outage(&mut world, site);
    assert!(over < secs(6), "UDP must be silent first: {over:?}");
    world.run_for(secs(3));
    world.break_tcp(site);
    let back = outage(&mut world, site);
    assert!(back < secs(3), "{back:?}");
    let peer = world.peer(site);
    assert_eq!(world.count(Event::PeerConnected { peer }), 1);
}

#[test]
fn a_client_joins_over_tcp_alone() {
    let mut world = World::new(1, 57);
    let site = world.join(
        Light::new(Wishes::watch()),
        PeerPolicy::default(),
        Link::CLEAN,
    );
    world.use_tcp(site, TcpId(7));
    world.run_for(secs(2));
    assert!(world.is_connected(site));
    world.break_tcp(site);
    assert_eq!(world.known().0, 0, "its path is gone with the connection");
}
