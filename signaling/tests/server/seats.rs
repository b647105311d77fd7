//! Devices of one place over real sockets: who is asked for a sign of life, and who has to go.

use std::time::Duration;

use serde_json::json;
use signaling::auth::Role;

use crate::client::Heard;
use crate::world::{CONFERENCE, World, path};

#[tokio::test]
async fn a_second_machine_takes_over_from_one_that_gives_no_sign_of_life() {
    let world = World::new().await;
    let token = world.token(Role::Site, Some("00004"));
    let mut dead = world.connect().await;
    dead.join(&token).await;
    let grant = json!({ "participant": dead.participant() });
    let operator = world.token(Role::Operator, None);
    let granted = world.post(&path("/floor/grant"), &operator, &grant).await;
    assert_eq!(granted.status, 200, "{}", granted.text);
    // Nobody reads from the first socket any more: its pings are not answered.
    let mut alive = world.connect().await;
    alive.join(&token).await;
    assert_eq!(alive.welcome["participant"], dead.welcome["participant"]);
    assert_eq!(alive.welcome["resumed"], false);
    assert_eq!(alive.welcome["tookOver"], true);
    let floor = world.get(&path("/floor"), &operator).await.json();
    assert_eq!(floor["holder"], json!(null), "the floor is nobody's");
    let (_, closing, code) = dead.end().await;
    assert_eq!((&closing["reason"], code), (&json!("taken_over"), 4002));
    let mut back = world.connect().await;
    back.send_resume(&dead.welcome).await;
    let (error, _, code) = back.end().await;
    assert_eq!((&error["code"], code), (&json!("taken_over"), 4002));
}

#[tokio::test]
async fn a_second_device_of_a_site_whose_first_is_there_stands_by() {
    let world = World::new().await;
    let token = world.token(Role::Site, Some("00004"));
    let mut first = world.connect().await;
    first.join(&token).await;
    let reading = tokio::spawn(async move {
        while let Heard::Message(message) = first.hear().await {
            if message["type"] == "self" && message["onStage"] == true {
                break;
            }
        }
        first
    });
    let mut second = world.connect().await;
    second.join(&token).await;
    let own = second.wait_for("self").await;
    assert_eq!(
        (&own["device"], &own["standsBy"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(second.welcome["tookOver"], false);
    let refused = second.ask(json!({ "type": "requestFloor" })).await;
    assert_eq!(refused["code"], "stand_by");
    let operator = world.token(Role::Operator, None);
    let list = world.get(&path("/participants"), &operator).await.json();
    let devices: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["device"].clone())
        .collect();
    assert_eq!(devices, [json!(1), json!(2)]);
    assert!(list[0]["token"].is_string(), "{list}");
    reading.abort();
}

#[tokio::test]
async fn who_joins_while_another_is_lost_for_a_moment_waits_and_has_nothing_of_it() {
    let world = World::new().await;
    let token = world.token(Role::Site, Some("00004"));
    let mut speaker = world.connect().await;
    speaker.join(&token).await;
    let welcome = speaker.welcome.clone();
    let operator = world.token(Role::Operator, None);
    let grant = json!({ "participant": speaker.participant() });
    let granted = world.post(&path("/floor/grant"), &operator, &grant).await;
    assert_eq!(granted.status, 200, "{}", granted.text);
    drop(speaker);
    let mut other = world.connect().await;
    let join = json!({ "type": "join", "protocol": 1, "token": token });
    other.send(&join).await;
    let mut back = world.connect().await;
    back.resume(&welcome).await;
    assert_eq!(back.welcome["participant"], welcome["participant"]);
    assert_eq!(back.welcome["resumed"], true);
    let own = back.wait_for("self").await;
    assert_eq!(own["floor"], "holding");
    // The join may be looked at only now: then the one that came back is asked whether it is there.
    let reading = tokio::spawn(async move { while let Heard::Message(_) = back.hear().await {} });
    let newcomer = other.wait_for("welcome").await;
    assert_ne!(newcomer["participant"], welcome["participant"]);
    assert_eq!(newcomer["resumed"], false);
    let own = other.wait_for("self").await;
    assert_eq!(
        (&own["floor"], &own["standsBy"]),
        (&json!("none"), &json!(true))
    );
    reading.abort();
}

#[tokio::test]
async fn a_link_that_joins_again_and_again_has_to_wait() {
    let world = World::new().await;
    let token = world.token(Role::Observer, None);
    let address = format!("/whep/{CONFERENCE}");
    let mut statuses = Vec::new();
    for _ in 0..11 {
        let offer = "receive video 0";
        let answer = world
            .post_text(&address, &token, "application/sdp", offer)
            .await;
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    assert_eq!(statuses.first(), Some(&201), "{statuses:?}");
}

#[tokio::test]
async fn who_was_sent_away_stays_out_until_somebody_lets_it_in_again() {
    let world = World::new().await;
    let token = world.token(Role::Site, Some("00004"));
    let mut site = world.connect().await;
    site.join(&token).await;
    let mut operator = world.join(Role::Operator, None).await;
    let participant = site.participant().to_owned();
    operator
        .ask_ok(json!({ "type": "remove", "participant": participant }))
        .await;
    let (_, closing, code) = site.end().await;
    assert_eq!((&closing["reason"], code), (&json!("removed"), 4010));
    let told = operator
        .wait_until("barred", |told| told["count"] == 1)
        .await;
    assert_eq!(told["latest"][0]["participant"], participant.as_str());
    let mut again = world.connect().await;
    let join = json!({ "type": "join", "protocol": 1, "token": token });
    again.send(&join).await;
    let (error, _, code) = again.end().await;
    assert_eq!((&error["code"], code), (&json!("removed"), 4010));
    let admin = world.admin();
    let barred = world.get(&path("/barred"), &admin).await.json();
    assert_eq!(barred[0]["site"], "00004");
    let readmit = path(&format!("/participants/{participant}/readmit"));
    let done = world.post(&readmit, &admin, &json!(null)).await;
    assert_eq!(done.status, 204, "{}", done.text);
    let mut welcome = world.connect().await;
    welcome.join(&token).await;
}

/// Longer than it may take until what was revoked has to go.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_revoked_link_ends_its_session_and_its_resource() {
    let world = World::new().await;
    let admin = world.admin();
    let mut made = Vec::new();
    for body in [
        json!({ "role": "site", "conference": CONFERENCE, "site": "00004", "ttlSeconds": 600 }),
        json!({ "role": "observer", "conference": CONFERENCE, "ttlSeconds": 600 }),
    ] {
        let reply = world.post("/api/v1/tokens", &admin, &body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        made.push(reply.json());
    }
    let token = |index: usize| made[index]["token"].as_str().unwrap();
    let mut site = world.connect().await;
    site.join(token(0)).await;
    let address = format!("/whep/{CONFERENCE}");
    let offer = "receive video 0";
    let player = world
        .post_text(&address, token(1), "application/sdp", offer)
        .await;
    assert_eq!(player.status, 201, "{}", player.text);
    let id = |index: usize| made[index]["id"].as_str().unwrap();
    let gone = world
        .call(
            axum::http::Method::DELETE,
            &format!("/api/v1/tokens/{}", id(0)),
            &[crate::world::bearer(&admin)],
            String::new(),
        )
        .await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    // The other one as `dinh token revoke` beside a running server does it.
    let store = world.server.app().store.clone();
    let now = jiff::Timestamp::now();
    let known = id(1).parse().unwrap();
    store.revoke_token(&known, now).await.unwrap();
    let (_, closing, code) = site.end().await;
    assert_eq!((&closing["reason"], code), (&json!("token_revoked"), 4003));
    let mut back = world.connect().await;
    back.send_resume(&site.welcome).await;
    let (error, _, _) = back.end().await;
    assert_eq!(error["code"], "session_unknown");
    let resources = &world.server.app().resources;
    let ended = tokio::time::timeout(SOON, async {
        while !resources.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    ended.await.expect("the resource has ended");
    let left = world.kinds().await;
    assert_eq!(left.iter().filter(|kind| *kind == "left").count(), 2);
}

#[tokio::test]
async fn tokens_for_many_sites_are_made_at_once_and_listed() {
    let world = World::new().await;
    let admin = world.admin();
    let many = path("/tokens");
    let body = json!({ "role": "site", "ttlSeconds": 600 });
    let made = world.post(&many, &admin, &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.header("cache-control"), "no-store");
    let made = made.json();
    let tokens = made["tokens"].as_array().unwrap();
    let sites: Vec<_> = tokens.iter().map(|token| &token["site"]).collect();
    assert_eq!(sites, ["00004", "00008", "01", "VN"]);
    let link = tokens[0]["link"].as_str().unwrap();
    let token = tokens[0]["token"].as_str().unwrap();
    assert!(
        link.contains("/site#code=") && !link.contains(token),
        "{link}"
    );
    let mut site = world.connect().await;
    site.join(token).await;
    let some = json!({ "role": "site", "ttlSeconds": 600, "sites": ["00004", "nowhere"] });
    let refused = world.post(&many, &admin, &some).await;
    assert_eq!(refused.status, 404);
    assert!(refused.text.contains("nowhere"), "{}", refused.text);
    let listed = format!("/api/v1/tokens?conference={CONFERENCE}&limit=3");
    let list = world.get(&listed, &admin).await;
    assert_eq!(list.status, 200, "{}", list.text);
    assert!(!list.text.contains(token), "a token is written down");
    let list = list.json();
    assert_eq!(list.as_array().unwrap().len(), 3);
    let after = list[2]["id"].as_str().unwrap();
    let rest = world.get(&format!("{listed}&after={after}"), &admin).await;
    assert_eq!(rest.json().as_array().unwrap().len(), 1);
}
