//! How much of a picture is looked at, told to whoever sends it; and how much a machine can do with.

use serde_json::{Value, json};
use sfu::command::Event;
use sfu::id::{Feed, PeerId, PublicationId, SlotId};
use signaling::auth::Role;

use crate::client::Client;
use crate::fake_media::Order;
use crate::world::{World, path};

const OFFER: &str =
    "send audio 0,send video 1,receive video 4,receive video 5,receive video 6,receive video 7";

async fn offer(client: &mut Client) {
    let sources = json!({"0": "microphone", "1": "camera"});
    let request = json!({"type": "offer", "sdp": OFFER, "sources": sources});
    assert_eq!(client.ask(request).await["type"], "answer");
}

async fn look(world: &World, peer: u64, layers: u8) {
    let peer = PeerId(peer);
    let publication = PublicationId { peer, mline: 1 };
    let event = Event::LayersWanted {
        publication,
        layers,
    };
    world.media.happen(event).await;
}

#[tokio::test]
async fn a_page_hears_how_much_of_its_picture_is_looked_at_and_again_when_it_comes_back() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    offer(&mut site).await;
    for layers in [1, 3, 0] {
        look(&world, 1, layers).await;
        assert_eq!(
            site.wait_for("wanted").await["layers"],
            json!({"camera": layers})
        );
    }
    let welcome = site.welcome.clone();
    drop(site);
    look(&world, 1, 2).await;
    let mut back = world.connect().await;
    back.resume(&welcome).await;
    let told = |message: &Value| message["layers"] == json!({"camera": 2});
    back.wait_until("wanted", told).await;
    offer(&mut back).await;
    look(&world, 1, 3).await;
    look(&world, 2, 1).await;
    let told = back.wait_for("wanted").await;
    assert_eq!(
        told["layers"],
        json!({"camera": 1}),
        "what is said of the former connection concerns nobody"
    );
}

#[tokio::test]
async fn an_old_machine_is_shown_what_it_can_do_with() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    let limit = |layers: Value| json!({"type": "limit", "layers": layers});
    assert_eq!(operator.ask(limit(json!({}))).await["code"], "no_media");
    let slots = "receive video 4,receive video 5,receive video 6,receive video 7";
    operator
        .ask(json!({"type": "offer", "sdp": slots, "sources": {}}))
        .await;
    offer(&mut site).await;
    let slot = |mline| SlotId {
        peer: PeerId(1),
        mline,
    };
    let orders = |world: &World| {
        let orders = world.media.orders();
        let of_slots = |order: &Order| matches!(order, Order::Watch(..) | Order::Limit(..));
        orders.into_iter().filter(of_slots).collect::<Vec<_>>()
    };
    operator
        .ask_ok(limit(json!({"4": 2, "5": 0, "7": 0})))
        .await;
    assert_eq!(
        orders(&world),
        [
            Order::Limit(slot(0), 2),
            Order::Watch(slot(1), None),
            Order::Watch(slot(3), None)
        ]
    );
    let id = site.participant().to_owned();
    operator
        .ask_ok(json!({"type": "watch", "mid": "7", "participant": id}))
        .await;
    assert_eq!(orders(&world).pop(), Some(Order::Watch(slot(3), None)));
    let before = orders(&world).len();
    operator.ask_ok(limit(json!({"4": 2, "6": 9}))).await;
    let camera = Feed::Publication(PublicationId {
        peer: PeerId(2),
        mline: 1,
    });
    assert_eq!(
        orders(&world)[before..],
        [
            Order::Limit(slot(1), 3),
            Order::Watch(slot(1), Some(Feed::Stage(1))),
            Order::Limit(slot(3), 3),
            Order::Watch(slot(3), Some(camera)),
        ]
    );
    let refused = operator.ask(limit(json!({"99": 1}))).await;
    assert_eq!(refused["code"], "bad_message");
}

#[tokio::test]
async fn a_page_is_called_silent_for_a_picture_that_does_not_come_only_while_somebody_looks_at_it()
{
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    offer(&mut site).await;
    let peer = PeerId(1);
    world.media.happen(Event::PeerConnected { peer }).await;
    site.ask_ok(json!({"type": "requestFloor"})).await;
    site.ask_ok(json!({"type": "publish", "source": "camera", "active": true}))
        .await;
    let publication = PublicationId { peer, mline: 1 };
    for event in [
        Event::PublicationStarted { publication },
        Event::PublicationStopped { publication },
    ] {
        world.media.happen(event).await;
    }
    for (layers, state) in [(0, "connected"), (1, "silent"), (0, "connected")] {
        look(&world, 1, layers).await;
        site.wait_until("wanted", |told| told["layers"]["camera"] == layers)
            .await;
        let people = world.get(&path("/participants"), &world.admin()).await;
        assert_eq!(people.json()[0]["media"], state, "{layers} layers");
    }
}
