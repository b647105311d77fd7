//! The floor, the stage and what the media plane is told, over WebSockets.

use serde_json::{Value, json};
use sfu::command::{CloseReason, Event};
use sfu::id::{Feed, PeerId, PublicationId, SlotId};
use signaling::auth::Role;

use crate::client::Client;
use crate::fake_media::Order;
use crate::world::World;

/// Microphone, camera, screen; three audio and three video slots.
const OFFER: &str = "send audio 0,send video 1,send video 2,receive audio 3,receive video 4,\
    receive video 5,receive video 6";

const fn publication(peer: u64, mline: u8) -> PublicationId {
    PublicationId {
        peer: PeerId(peer),
        mline,
    }
}

async fn offer(client: &mut Client) -> Value {
    let sources = json!({"0": "microphone", "1": "camera", "2": "screen"});
    let answer = client
        .ask(json!({"type": "offer", "sdp": OFFER, "sources": sources}))
        .await;
    assert_eq!(answer["type"], "answer", "{answer}");
    answer
}

/// Waits until everything sent so far has been carried out.
async fn settle(client: &mut Client) {
    let error = client.ask(json!({"type": "withdrawFloor"})).await;
    assert_eq!(error["type"], "error");
}

#[tokio::test]
async fn an_answer_says_what_each_mid_is() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    let answer = offer(&mut site).await;
    assert_eq!(
        answer["publications"],
        json!([
            {"mid": "0", "source": "microphone"},
            {"mid": "1", "source": "camera"},
            {"mid": "2", "source": "screen"}
        ])
    );
    assert_eq!(
        answer["slots"],
        json!([
            {"mid": "3", "kind": "audio", "feed": "audio"},
            {"mid": "4", "kind": "video", "feed": "stage.main"},
            {"mid": "5", "kind": "video", "feed": "stage.second"},
            {"mid": "6", "kind": "video", "feed": "stage.screen"}
        ])
    );
}

#[tokio::test]
async fn an_offer_that_makes_no_sense_is_refused_with_its_reason() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    for (sdp, sources, code) in [
        ("v=0", json!({}), "bad_offer"),
        ("send audio 0", json!({}), "bad_offer"),
        ("send audio 0", json!({"0": "camera"}), "bad_offer"),
        (
            "send video 0,send video 1",
            json!({"0": "camera", "1": "camera"}),
            "bad_offer",
        ),
    ] {
        let error = site
            .ask(json!({"type": "offer", "sdp": sdp, "sources": sources}))
            .await;
        assert_eq!(error["code"], code, "{sdp}: {error}");
    }
    let error = site.ask(json!({"type": "restartIce", "sdp": "v=0"})).await;
    assert_eq!(error["code"], "no_media");
    assert!(
        world.media.has(&Order::Leave(PeerId(2))),
        "no peer is left behind"
    );
}

#[tokio::test]
async fn an_observer_sends_nothing() {
    let world = World::new().await;
    let mut observer = world.join(Role::Observer, None).await;
    let answer = offer(&mut observer).await;
    assert_eq!(answer["publications"], json!([]));
}

#[tokio::test]
async fn the_floor_goes_from_a_request_to_the_stage_and_back() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let mut hall = world.join(Role::Hall, Some("VN")).await;
    offer(&mut hall).await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    offer(&mut site).await;
    let id = site.participant().to_owned();

    site.ask_ok(json!({"type": "requestFloor"})).await;
    let floor = operator
        .wait_until("floor", |floor| floor["waiting"] == 1)
        .await;
    assert_eq!(floor["queue"][0]["participant"], id.as_str());
    let own = site
        .wait_until("self", |own| own["floor"] == "waiting")
        .await;
    assert_eq!(own["position"], 1);

    operator
        .ask_ok(json!({"type": "grantFloor", "participant": id}))
        .await;
    site.ask_ok(json!({"type": "publish", "source": "camera", "active": true}))
        .await;
    let publication_started = Event::PublicationStarted {
        publication: publication(2, 1),
    };
    world.media.happen(publication_started).await;
    let stage = hall
        .wait_until("stage", |stage| stage["second"] != Value::Null)
        .await;
    assert_eq!(stage["second"]["name"], "Phường Ba Đình");
    assert_eq!(stage["main"]["site"], "VN");
    site.wait_until("self", |own| {
        own["floor"] == "holding" && own["onStage"] == true
    })
    .await;
    assert!(
        world.media.has(&Order::Show(0, Some(publication(1, 1)))),
        "main shows the hall"
    );
    assert!(
        world.media.has(&Order::Show(1, Some(publication(2, 1)))),
        "second shows the site"
    );
    let speakers = vec![publication(1, 0), publication(2, 0)];
    assert!(
        world.media.has(&Order::Speakers(speakers)),
        "both are heard"
    );

    site.ask_ok(json!({"type": "yieldFloor"})).await;
    operator
        .wait_until("stage", |stage| stage["second"] == Value::Null)
        .await;
    assert_eq!(
        world.media.orders().last(),
        Some(&Order::Speakers(vec![publication(1, 0)]))
    );
    assert!(world.media.has(&Order::Show(1, None)));
}

#[tokio::test]
async fn only_operators_and_chairs_may_do_what_is_theirs() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    let id = site.participant().to_owned();
    for request in [
        json!({"type": "grantFloor", "participant": id}),
        json!({"type": "revokeFloor", "participant": id}),
        json!({"type": "mute", "participant": id, "muted": true}),
        json!({"type": "setStage", "place": "main", "participant": id}),
        json!({"type": "remove", "participant": id}),
        json!({"type": "watch", "mid": "6", "participant": id}),
    ] {
        assert_eq!(
            site.ask(request.clone()).await["code"],
            "not_permitted",
            "{request}"
        );
    }
}

#[tokio::test]
async fn a_muted_participant_is_blocked_and_stays_so_with_a_new_peer() {
    let world = World::new().await;
    let mut chair = world.join(Role::Chair, None).await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    offer(&mut site).await;
    let id = site.participant().to_owned();
    chair
        .ask_ok(json!({"type": "mute", "participant": id, "muted": true}))
        .await;
    site.wait_until("self", |own| own["muted"] == true).await;
    assert!(world.media.has(&Order::Block(publication(1, 0), true)));
    offer(&mut site).await;
    assert!(
        world.media.has(&Order::Block(publication(2, 1), true)),
        "muted from the start"
    );
    assert!(
        world.media.has(&Order::Leave(PeerId(1))),
        "the former peer is closed"
    );
    chair
        .ask_ok(json!({"type": "mute", "participant": id, "muted": false}))
        .await;
    assert!(world.media.has(&Order::Block(publication(2, 2), false)));
}

#[tokio::test]
async fn a_reloaded_hall_is_shown_again_through_its_new_peer() {
    let world = World::new().await;
    let mut hall = world.join(Role::Hall, Some("VN")).await;
    offer(&mut hall).await;
    assert!(world.media.has(&Order::Show(0, Some(publication(1, 1)))));
    offer(&mut hall).await;
    assert!(world.media.has(&Order::Show(0, Some(publication(2, 1)))));
    assert!(world.media.has(&Order::Speakers(vec![publication(2, 0)])));
}

#[tokio::test]
async fn a_peer_that_dies_is_told_and_the_page_may_offer_again() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let mut hall = world.join(Role::Hall, Some("VN")).await;
    offer(&mut hall).await;
    let id = hall.participant().to_owned();
    hall.ask_ok(json!({"type": "publish", "source": "camera", "active": true}))
        .await;
    let peer = PeerId(1);
    world.media.happen(Event::PeerConnected { peer }).await;
    let entry = operator
        .wait_for_participant(&id, |entry| entry["media"] == "connected")
        .await;
    assert_eq!(entry["sources"], json!(["camera"]));
    world.media.happen(Event::PeerSilent { peer }).await;
    operator
        .wait_for_participant(&id, |entry| entry["media"] == "silent")
        .await;
    let reason = CloseReason::ConsentExpired;
    world.media.happen(Event::PeerClosed { peer, reason }).await;
    let entry = operator
        .wait_for_participant(&id, |entry| entry["media"] == "none")
        .await;
    assert_eq!(
        (&entry["sources"], &entry["state"]),
        (&json!([]), &json!("present"))
    );
    offer(&mut hall).await;
    assert!(world.media.has(&Order::Show(0, Some(publication(2, 1)))));
}

#[tokio::test]
async fn an_operator_watches_whom_it_likes_through_a_reload_of_theirs() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    let id = site.participant().to_owned();
    let watch = json!({"type": "watch", "mid": "7", "participant": id});
    assert_eq!(operator.ask(watch.clone()).await["code"], "no_media");
    let slots = "receive video 4,receive video 5,receive video 6,receive video 7";
    let answer = operator
        .ask(json!({"type": "offer", "sdp": slots, "sources": {}}))
        .await;
    assert_eq!(
        answer["slots"][3],
        json!({"mid": "7", "kind": "video", "feed": null})
    );
    let slot = SlotId {
        peer: PeerId(1),
        mline: 3,
    };

    operator.ask_ok(watch).await;
    assert!(
        world.media.has(&Order::Watch(slot, None)),
        "it has no camera yet"
    );
    for peer in [2, 3] {
        offer(&mut site).await;
        let feed = Some(Feed::Publication(publication(peer, 1)));
        assert!(world.media.has(&Order::Watch(slot, feed)));
    }
    let on_stage = json!({"type": "watch", "mid": "4", "participant": id});
    assert_eq!(operator.ask(on_stage).await["code"], "bad_message");
    let nobody = json!({"type": "watch", "mid": "7", "participant": "01JD8Y6Q0B9FJ3V2K7T5C4X1HE"});
    assert_eq!(operator.ask(nobody).await["code"], "participant_unknown");
}

#[tokio::test]
async fn whoever_is_sent_away_loses_its_peer() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    offer(&mut site).await;
    let id = site.participant().to_owned();
    operator
        .ask_ok(json!({"type": "remove", "participant": id}))
        .await;
    let (_, closing, code) = site.end().await;
    assert_eq!((&closing["reason"], code), (&json!("removed"), 4010));
    settle(&mut operator).await;
    assert!(world.media.has(&Order::Leave(PeerId(1))));
}

#[tokio::test]
async fn ice_restarts_keep_the_peer() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    offer(&mut site).await;
    let answer = site.ask(json!({"type": "restartIce", "sdp": "same"})).await;
    assert_eq!(
        (&answer["type"], &answer["sdp"]),
        (&json!("answer"), &json!("restarted 1"))
    );
    let error = site
        .ask(json!({"type": "restartIce", "sdp": "other"}))
        .await;
    assert_eq!(error["code"], "bad_offer");
}
