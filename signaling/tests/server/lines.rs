//! What is told of a participant's line: to itself, to the moderators, to Prometheus.

use serde_json::{Value, json};
use sfu::command::Event;
use sfu::id::PeerId;
use sfu::line::announced::Said;
use sfu::rung::Rung;
use signaling::auth::Role;
use signaling::metrics::Format;

use crate::client::Client;
use crate::world::{World, path};

/// A site whose peer connection, the first of all, is up.
async fn connected_site(world: &World) -> Client {
    let mut site = world.join(Role::Site, Some("00004")).await;
    site.wait_for("self").await;
    let offer = json!({"type": "offer", "sdp": "receive audio 0,receive video 1", "sources": {}});
    assert_eq!(site.ask(offer).await["type"], "answer");
    let peer = PeerId(1);
    world.media.happen(Event::PeerConnected { peer }).await;
    site
}

/// The media plane says of that site's line.
async fn say(world: &World, rung: Rung, loss: u8) {
    let line = Said {
        rung,
        loss,
        ..Said::default()
    };
    let peer = PeerId(1);
    world.media.happen(Event::LineChanged { peer, line }).await;
}

/// Waits until the site is told so in the moderators' list.
async fn wait_for_line(operator: &mut Client, rung: &str, score: u8) {
    let is_it = |entry: &Value| {
        entry["site"] == "00004" && entry["rung"] == rung && entry["score"] == score
    };
    let has_it = |message: &Value| message["changes"].as_array().unwrap().iter().any(is_it);
    operator.wait_until("participants", has_it).await;
}

#[tokio::test]
async fn a_site_and_the_moderators_are_told_how_its_line_is() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let mut site = connected_site(&world).await;
    wait_for_line(&mut operator, "high", 100).await;
    say(&world, Rung::Sound, 5).await;
    assert_eq!(site.wait_for("line").await["rung"], "sound");
    wait_for_line(&mut operator, "sound", 50).await;
    let people = world.get(&path("/participants"), &world.admin()).await;
    let people = people.json();
    let listed = people.as_array().unwrap().iter();
    let mut of_site = listed.filter(|it| it["site"] == "00004");
    assert_eq!(of_site.next().unwrap()["rung"], "sound");
    let metrics = world.server.app().metrics.text(Format::Plain);
    for expected in [
        "dinh_participants_by_rung{rung=\"sound\"} 1",
        "dinh_participants_by_rung{rung=\"high\"} 0",
        "dinh_participants_by_score{score=\"50\"} 1",
    ] {
        assert!(metrics.contains(expected), "{expected} in\n{metrics}");
    }
    say(&world, Rung::Middle, 0).await;
    assert_eq!(site.wait_for("line").await["rung"], "middle");
    wait_for_line(&mut operator, "middle", 100).await;
}

#[tokio::test]
async fn what_a_page_says_of_itself_changes_its_own_score_within_what_the_server_knows() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let mut site = connected_site(&world).await;
    let quality = |concealed: u32, frozen: u32| json!({"type": "quality", "concealedPermille": concealed, "frozenPermille": frozen, "delayMilliseconds": 100});
    site.send(&quality(1_001, 0)).await;
    assert_eq!(site.wait_for("error").await["code"], "bad_message");
    site.send(&quality(50, 100)).await;
    wait_for_line(&mut operator, "high", 60).await;
    // One that comes too soon is not looked at.
    site.send(&quality(1_000, 1_000)).await;
    say(&world, Rung::Stills, 0).await;
    wait_for_line(&mut operator, "stills", 50).await;
}

#[tokio::test]
async fn a_site_that_comes_back_is_told_how_its_line_is() {
    let world = World::new().await;
    let mut site = connected_site(&world).await;
    say(&world, Rung::Stills, 0).await;
    site.wait_for("line").await;
    let mut again = world.connect().await;
    again.resume(&site.welcome).await;
    assert_eq!(again.wait_for("line").await["rung"], "stills");
    // Of a new peer connection nothing is known.
    let offer = json!({"type": "offer", "sdp": "receive audio 0,receive video 1", "sources": {}});
    assert_eq!(again.ask(offer).await["type"], "answer");
    assert_eq!(again.wait_for("line").await["rung"], "high");
}
