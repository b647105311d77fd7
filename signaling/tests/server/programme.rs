//! What players without a WebSocket see: what they chose, else who speaks; and which encoder is the
//! hall.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use sfu::command::Event;
use sfu::id::{Feed, PeerId, PublicationId, SlotId};
use signaling::auth::Role;

use crate::fake_media::Order;
use crate::world::{CONFERENCE, World, path};

const SDP: &str = "application/sdp";
const PROGRAMME: u8 = 3;

/// Publishes sound and picture. Returns where the server keeps it.
async fn publish(world: &World, token: &str) -> String {
    let (at, offer) = (format!("/whip/{CONFERENCE}"), "send audio 0,send video 1");
    let reply = world.post_text(&at, token, SDP, offer).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
    reply.header("location").to_owned()
}

async fn connect(world: &World, peer: u64) {
    let peer = PeerId(peer);
    world.media.happen(Event::PeerConnected { peer }).await;
}

fn publication(peer: u64, mline: u8) -> PublicationId {
    let peer = PeerId(peer);
    PublicationId { peer, mline }
}

/// Media of both publications of a peer begins, or stops.
async fn media(world: &World, peer: u64, arrives: bool) {
    for mline in 0..2 {
        let publication = publication(peer, mline);
        let event = if arrives {
            Event::PublicationStarted { publication }
        } else {
            Event::PublicationStopped { publication }
        };
        world.media.happen(event).await;
    }
}

/// The list of participants, once `is_there` holds of it.
async fn people(world: &World, is_there: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    for _ in 0..500 {
        let reply = world.get(&path("/participants"), &world.admin()).await;
        let people = reply.json().as_array().unwrap().clone();
        if is_there(&people) {
            return people;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("not within 5 s");
}

/// What the stage's places were last told to show.
fn shown(world: &World, place: u8) -> Option<PublicationId> {
    let orders = world.media.orders();
    let last = orders.iter().rev().find_map(|order| match order {
        Order::Show(number, what) if *number == place => Some(*what),
        _ => None,
    });
    last.flatten()
}

#[tokio::test]
async fn of_two_encoders_of_the_hall_with_links_of_their_own_the_one_that_began_last_is_shown() {
    let world = World::new().await;
    publish(&world, &world.token(Role::Hall, Some("VN"))).await;
    media(&world, 1, true).await;
    publish(&world, &world.token(Role::Hall, Some("VN"))).await;
    assert_eq!(shown(&world, 0), Some(publication(1, 1)));
    connect(&world, 1).await;
    connect(&world, 2).await;
    media(&world, 2, true).await;
    let connected = |people: &[Value]| people.iter().all(|it| it["media"] == "connected");
    people(&world, connected).await;
    assert_eq!(shown(&world, 0), Some(publication(2, 1)));
    assert!(world.media.has(&Order::Speakers(vec![publication(2, 0)])));
    media(&world, 1, false).await;
    let silent = |people: &[Value]| people.iter().any(|it| it["media"] == "silent");
    let people = people(&world, silent).await;
    let states: Vec<_> = people.iter().map(|it| &it["media"]).collect();
    assert_eq!(states, [&json!("silent"), &json!("connected")]);
    assert_eq!(shown(&world, 0), Some(publication(2, 1)));
}

/// The first is started again with the same token, at once; its first packet ends what it was before.
async fn restart(role: Role, site: &str) -> World {
    let world = World::new().await;
    let token = world.token(role, Some(site));
    let former = publish(&world, &token).await;
    connect(&world, 1).await;
    media(&world, 1, true).await;
    publish(&world, &token).await;
    connect(&world, 2).await;
    assert_eq!(people(&world, |people| people.len() == 2).await.len(), 2);
    assert!(
        !world.media.has(&Order::Leave(PeerId(1))),
        "it may never send"
    );
    let refused = Order::Block(publication(2, 1), true);
    assert!(!world.media.has(&refused), "its packets are waited for");
    media(&world, 2, true).await;
    let people = people(&world, |people| people.len() == 1).await;
    assert_eq!(people[0]["device"], 1);
    assert!(
        world.media.has(&Order::Leave(PeerId(1))),
        "its connection ends"
    );
    let events = world.get(&path("/events"), &world.admin()).await.json();
    let events = events.as_array().unwrap().iter();
    let left: Vec<_> = events
        .map(|event| &event["event"])
        .filter(|event| event["kind"] == "left")
        .map(|event| event["reason"].clone())
        .collect();
    assert_eq!(left, ["takenOver"]);
    let headers = [
        crate::world::bearer(&token),
        ("content-type", "application/trickle-ice-sdpfrag".to_owned()),
    ];
    let body = "a=ice-ufrag:ab\r\n".to_owned();
    let gone = world.call(Method::PATCH, &former, &headers, body).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND, "its resource has ended");
    world
}

#[tokio::test]
async fn an_encoder_that_was_started_again_is_the_hall_with_its_first_packet_and_ends_the_former() {
    let world = restart(Role::Hall, "VN").await;
    assert_eq!(shown(&world, 0), Some(publication(2, 1)));
    assert!(world.media.has(&Order::Speakers(vec![publication(2, 0)])));
}

#[tokio::test]
async fn an_encoder_that_was_started_again_at_once_is_its_site_with_its_first_packet() {
    let world = restart(Role::Site, "00004").await;
    let site = people(&world, |_| true).await.remove(0);
    let grant = json!({"participant": site["participant"]});
    let granted = world
        .post(&path("/floor/grant"), &world.admin(), &grant)
        .await;
    assert_eq!(granted.status, StatusCode::OK, "{}", granted.text);
    assert_eq!(shown(&world, 1), Some(publication(2, 1)));
}

#[tokio::test]
async fn whoever_is_connected_and_sends_nothing_is_silent_within_three_seconds() {
    let world = World::new().await;
    publish(&world, &world.token(Role::Site, Some("00004"))).await;
    connect(&world, 1).await;
    let connected = std::time::Instant::now();
    people(&world, |people| people[0]["media"] == "connected").await;
    people(&world, |people| people[0]["media"] == "silent").await;
    let took = connected.elapsed();
    assert!(took > std::time::Duration::from_secs(2), "{took:?}");
    media(&world, 1, true).await;
    people(&world, |people| people[0]["media"] == "connected").await;
}

#[tokio::test]
async fn an_encoder_that_ignores_keyframe_requests_is_named() {
    let world = World::new().await;
    publish(&world, &world.token(Role::Hall, Some("VN"))).await;
    for ignored in [true, false] {
        let publication = publication(1, 1);
        let event = Event::KeyframeRequestsIgnored {
            publication,
            ignored,
        };
        world.media.happen(event).await;
        let is_named = |people: &[Value]| people[0]["ignoresKeyframeRequests"] == json!(true);
        people(&world, |people| is_named(people) == ignored).await;
    }
}

#[tokio::test]
async fn what_is_silent_while_its_floor_lasts_leaves_the_stage_until_it_is_heard_again() {
    let world = World::new().await;
    publish(&world, &world.token(Role::Hall, Some("VN"))).await;
    publish(&world, &world.token(Role::Site, Some("00004"))).await;
    for peer in [1, 2] {
        media(&world, peer, true).await;
    }
    let site = people(&world, |people| people.len() == 2).await.remove(1);
    let grant = json!({"participant": site["participant"]});
    world
        .post(&path("/floor/grant"), &world.admin(), &grant)
        .await;
    let both = (Some(publication(1, 1)), Some(publication(2, 1)));
    let stage = || (shown(&world, 0), shown(&world, 1));
    assert_eq!((stage(), shown(&world, PROGRAMME)), (both, both.1));
    let silent = |wanted: bool| {
        move |people: &[Value]| people.iter().any(|it| it["media"] == "silent") == wanted
    };
    world
        .media
        .happen(Event::PeerConnected { peer: PeerId(2) })
        .await;
    media(&world, 2, false).await;
    people(&world, silent(true)).await;
    assert_eq!(
        (stage(), shown(&world, PROGRAMME)),
        ((both.0, None), both.0)
    );
    media(&world, 2, true).await;
    people(&world, silent(false)).await;
    assert_eq!((stage(), shown(&world, PROGRAMME)), (both, both.1));
}

#[tokio::test]
async fn a_player_with_one_picture_follows_the_programme_unless_it_chose() {
    let world = World::new().await;
    let token = world.token(Role::Observer, None);
    let one = "receive audio 0,receive video 1";
    for (peer, query, offer, follows) in [
        (1, "", one, true),
        (2, "?feed=main", one, false),
        (3, "", "receive video 0,receive video 1", false),
        (4, "", "receive audio 0", false),
    ] {
        let address = format!("/whep/{CONFERENCE}{query}");
        let reply = world.post_text(&address, &token, SDP, offer).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
        let slot = SlotId {
            peer: PeerId(peer),
            mline: 1,
        };
        let order = Order::Watch(slot, Some(Feed::Stage(PROGRAMME)));
        assert_eq!(world.media.has(&order), follows, "{query} {offer}");
    }
}

#[tokio::test]
async fn a_feed_that_there_is_not_is_refused_with_those_that_there_are() {
    let world = World::new().await;
    let token = world.token(Role::Observer, None);
    let address = format!("/whep/{CONFERENCE}?feed=third");
    let reply = world
        .post_text(&address, &token, SDP, "receive video 0")
        .await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let sentence = reply.json()["message"].as_str().unwrap().to_owned();
    for word in ["third", "main", "second", "screen", "programme"] {
        assert!(sentence.contains(word), "{sentence}");
    }
    assert_eq!(world.arrivals().await, 0);
}

#[tokio::test]
async fn who_cannot_decode_the_hall_is_told_named_and_counted() {
    let world = World::new().await;
    let hall = world.token(Role::Hall, Some("VN"));
    let mut site = world.join(Role::Site, Some("00004")).await;
    let offer = json!({"type": "offer", "sdp": "receive audio 0,receive vp8 1", "sources": {}});
    site.ask(offer).await;
    let player = world.token(Role::Observer, None);
    let address = format!("/whep/{CONFERENCE}");
    for offer in ["receive vp8 0", "receive h264 0", "receive audio 0"] {
        let reply = world.post_text(&address, &player, SDP, offer).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
    }
    let named = |people: &[Value]| {
        let blind = people
            .iter()
            .filter(|it| it["undecodable"] == json!(["main"]));
        blind.count()
    };
    people(&world, |people| named(people) == 0 && people.len() >= 3).await;
    let at = format!("/whip/{CONFERENCE}");
    let reply = world.post_text(&at, &hall, SDP, "send h264 0").await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
    assert_eq!(
        site.wait_for("undecodable").await["places"],
        json!(["main"])
    );
    people(&world, |people| named(people) == 2).await;
    let location = reply.header("location");
    let headers = [crate::world::bearer(&hall)];
    world
        .call(Method::DELETE, location, &headers, String::new())
        .await;
    assert_eq!(site.wait_for("undecodable").await["places"], json!([]));
}
