//! Coming in, coming back, and the limits of a WebSocket.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use signaling::auth::Role;

use crate::client::Client;
use crate::world::{CONFERENCE, World};

#[tokio::test]
async fn whoever_joins_is_welcomed_and_told_the_state() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    assert_eq!(site.welcome["role"], "site");
    assert_eq!(
        site.welcome["site"],
        json!({"code": "00004", "name": "Phường Ba Đình"})
    );
    assert_eq!(site.welcome["conference"]["id"], CONFERENCE);
    assert_eq!(site.welcome["resumed"], false);
    let mut told = Vec::new();
    while told.len() < 5 {
        told.push(site.next().await["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(told, ["conference", "stage", "floor", "presence", "self"]);
}

#[tokio::test]
async fn an_operator_is_told_everybody_and_then_who_changes() {
    let world = World::new().await;
    let site = world.join(Role::Site, Some("00004")).await;
    let mut operator = world.join(Role::Operator, None).await;
    let full = operator.wait_for("participants").await;
    assert_eq!(full["full"], true);
    assert_eq!(full["changes"].as_array().unwrap().len(), 2);
    let other = world.join(Role::Site, Some("00008")).await;
    let entry = operator
        .wait_for_participant(other.participant(), |_| true)
        .await;
    assert_eq!(
        (&entry["state"], &entry["province"]),
        (&json!("present"), &json!("01"))
    );
    drop(site);
}

#[tokio::test]
async fn the_counts_reach_everybody() {
    let world = World::new().await;
    let mut first = world.join(Role::Site, Some("00004")).await;
    let _second = world.join(Role::Site, Some("00008")).await;
    let presence = first
        .wait_until("presence", |presence| presence["present"] == 2)
        .await;
    assert_eq!(presence["expected"], 4);
}

/// What the server says to a first message.
async fn refused(world: &World, first: &str) -> (Value, Value, u16) {
    let mut client = world.connect().await;
    client.send_text(first).await;
    client.end().await
}

#[tokio::test]
async fn the_first_message_must_be_join_or_resume() {
    let world = World::new().await;
    let (error, closing, code) = refused(&world, r#"{"type":"ping"}"#).await;
    assert_eq!((&error["code"], code), (&json!("join_first"), 4000));
    assert_eq!(closing["retryAfterSeconds"], Value::Null);
    let (error, _, code) = refused(&world, "hello").await;
    assert_eq!((&error["code"], code), (&json!("bad_message"), 4000));
    let (error, _, code) = refused(&world, r#"{"type":"join","protocol":2,"token":""}"#).await;
    assert_eq!(
        (&error["code"], code),
        (&json!("unsupported_protocol"), 4000)
    );
}

#[tokio::test]
async fn whoever_says_nothing_is_sent_away() {
    let world = World::with(|config| config.sessions.handshake_timeout_seconds = 1).await;
    let mut client = world.connect().await;
    let (error, _, code) = client.end().await;
    assert_eq!((&error["code"], code), (&json!("join_first"), 4000));
}

#[tokio::test]
async fn a_token_that_is_not_good_is_refused() {
    let world = World::new().await;
    let join = |token: &str| json!({"type": "join", "protocol": 1, "token": token}).to_string();
    let good = world.token(Role::Site, Some("00004"));
    let forged = format!("{}AAAA", &good[..good.len() - 4]);
    let elsewhere = world.token_for(Role::Observer, None, Some("nowhere"), 600);
    for (token, expected, close) in [
        ("", "token_invalid", 4003),
        (forged.as_str(), "token_invalid", 4003),
        (&world.admin(), "not_permitted", 4003),
        (&elsewhere, "conference_unknown", 4009),
    ] {
        let (error, closing, code) = refused(&world, &join(token)).await;
        assert_eq!((&error["code"], code), (&json!(expected), close));
        assert_eq!(closing["retryAfterSeconds"], Value::Null);
    }
    assert_eq!(world.arrivals().await, 0);
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name_and_the_session_goes_on() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    let error = site
        .ask(json!({"type": "requestFloor", "urgent": true}))
        .await;
    assert_eq!(error["code"], "bad_message");
    assert!(
        error["message"].as_str().unwrap().contains("urgent"),
        "{error}"
    );
    site.send_text("{").await;
    let error = site.wait_for("error").await;
    assert_eq!(
        (&error["code"], &error["id"]),
        (&json!("bad_message"), &Value::Null)
    );
    site.ask_ok(json!({"type": "requestFloor"})).await;
}

#[tokio::test]
async fn what_is_repeated_of_a_strange_message_is_short() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    site.send(&json!({"type": "x".repeat(60_000)})).await;
    let error = site.wait_for("error").await;
    assert!(error["message"].as_str().unwrap().len() < 1_000);
}

#[tokio::test]
async fn too_large_a_frame_ends_the_connection() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    site.send(&json!({"type": "ping", "x": "y".repeat(66_000)}))
        .await;
    let (error, closing, code) = site.end().await;
    assert_eq!((&error["code"], code), (&json!("too_large"), 4000));
    assert_eq!(closing["reason"], "too_large");
}

#[tokio::test]
async fn too_many_messages_are_refused_and_a_flood_ends_the_connection() {
    let world = World::with(|config| {
        config.sessions.messages_per_second = 1;
        config.sessions.message_burst = 4;
    })
    .await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    for _ in 0..8 {
        if !site.try_send(r#"{"type":"ping"}"#).await {
            break;
        }
    }
    let (error, closing, code) = site.end().await;
    assert_eq!(error["code"], "rate_limited");
    assert!(error["retryAfterSeconds"].as_u64().unwrap() >= 1, "{error}");
    assert_eq!((&closing["reason"], code), (&json!("rate_limited"), 4008));
    assert!(
        closing["retryAfterSeconds"].as_u64().unwrap() >= 1,
        "{closing}"
    );
}

#[tokio::test]
async fn each_of_many_requests_at_once_is_answered_by_its_own_id() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    let sent: Vec<u64> = (1_000..1_060).collect();
    for id in &sent {
        site.send(&json!({"type": "requestFloor", "id": id})).await;
    }
    let mut answered = BTreeMap::new();
    while answered.len() < sent.len() {
        let message = site.next().await;
        assert_ne!(
            (&message["type"], &message["id"]),
            (&json!("error"), &json!(null))
        );
        if let Some(id) = message["id"].as_u64() {
            answered.insert(id, message["code"].clone());
        }
    }
    assert_eq!(answered.keys().copied().collect::<Vec<_>>(), sent);
    assert_eq!(answered[&1_059], "rate_limited");
}

#[tokio::test]
async fn a_site_changes_the_conference_five_times_at_once_and_is_then_slowed_down() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    let mut refused = None;
    for number in 0..8 {
        let kind = ["requestFloor", "withdrawFloor"][number % 2];
        let answer = site.ask(json!({"type": kind})).await;
        if answer["type"] == "error" {
            refused = Some((number, answer));
            break;
        }
    }
    let (number, answer) = refused.expect("its budget is used up");
    // On a slow machine something flows in meanwhile.
    assert!(number >= 5, "{number}: {answer}");
    assert_eq!(answer["code"], "rate_limited");
    assert_eq!(answer["retryAfterSeconds"], 1);
    // What changes nothing is free, and the line stays.
    site.ask_ok(json!({"type": "publish", "source": "camera", "active": false}))
        .await;
}

#[tokio::test]
async fn a_resumed_session_has_no_fresh_budget() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    for kind in [
        "requestFloor",
        "withdrawFloor",
        "requestFloor",
        "withdrawFloor",
    ] {
        site.ask_ok(json!({"type": kind})).await;
    }
    let welcome = site.welcome.clone();
    drop(site);
    let mut changes = 4;
    let mut back = world.connect().await;
    back.resume(&welcome).await;
    loop {
        let kind = ["requestFloor", "withdrawFloor"][changes % 2];
        let answer = back.ask(json!({"type": kind})).await;
        if answer["code"] == "rate_limited" {
            break;
        }
        changes += 1;
        assert!(changes < 9, "{changes} changes in a moment");
    }
}

#[tokio::test]
async fn pings_without_end_end_the_session() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    while site.try_ping().await {}
    let mut operator = world.join(Role::Operator, None).await;
    let id = site.participant().to_owned();
    operator
        .wait_for_participant(&id, |entry| entry["state"] == "lost")
        .await;
}

#[tokio::test]
async fn pings_without_a_join_end_the_connection() {
    let world = World::new().await;
    let mut stranger = world.connect().await;
    while stranger.try_ping().await {}
}

#[tokio::test]
async fn who_waits_is_told_to_those_who_can_use_it() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let mut hall = world.join(Role::Hall, Some("VN")).await;
    let mut other = world.join(Role::Site, Some("00008")).await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    site.ask_ok(json!({"type": "requestFloor"})).await;
    for (client, shown) in [(&mut operator, 1), (&mut hall, 1), (&mut other, 0)] {
        let floor = client
            .wait_until("floor", |floor| floor["waiting"] == 1)
            .await;
        assert_eq!(floor["queue"].as_array().map(Vec::len), Some(shown));
    }
    site.wait_until("self", |own| own["position"] == 1).await;
}

#[tokio::test]
async fn a_lost_participant_comes_back_as_itself() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let site = world.join(Role::Site, Some("00004")).await;
    let welcome = site.welcome.clone();
    drop(site);
    let id = welcome["participant"].as_str().unwrap();
    operator
        .wait_for_participant(id, |entry| entry["state"] == "lost")
        .await;
    let mut back = world.connect().await;
    back.resume(&welcome).await;
    assert_eq!(back.welcome["resumed"], true);
    assert_eq!(back.welcome["participant"], welcome["participant"]);
    assert_eq!(back.welcome["secret"], welcome["secret"]);
    operator
        .wait_for_participant(id, |entry| entry["state"] == "present")
        .await;
    assert_eq!(world.arrivals().await, 2);
}

#[tokio::test]
async fn a_lost_participant_is_gone_when_its_time_is_over() {
    let world = World::with(|config| config.sessions.resume_seconds = 1).await;
    let mut operator = world.join(Role::Operator, None).await;
    let site = world.join(Role::Site, Some("00004")).await;
    let welcome = site.welcome.clone();
    drop(site);
    let id = welcome["participant"].as_str().unwrap();
    operator
        .wait_for_participant(id, |entry| entry["state"] == "left")
        .await;
    let mut back = world.connect().await;
    back.send_resume(&welcome).await;
    let (error, closing, code) = back.end().await;
    assert_eq!((&error["code"], code), (&json!("session_unknown"), 4004));
    assert_eq!(closing["retryAfterSeconds"], 0);
}

#[tokio::test]
async fn a_session_that_opens_again_replaces_itself() {
    let world = World::new().await;
    let mut first = world.join(Role::Site, Some("00004")).await;
    let mut second = world.connect().await;
    second.resume(&first.welcome).await;
    assert_eq!(second.participant(), first.participant());
    let (_, closing, code) = first.end().await;
    assert_eq!((&closing["reason"], code), (&json!("replaced"), 4001));
    drop(first);
    second.ask_ok(json!({"type": "requestFloor"})).await;
    assert!(
        !world.kinds().await.contains(&"lost".to_owned()),
        "the end of the first means nothing"
    );
}

#[tokio::test]
async fn a_wrong_secret_resumes_nothing() {
    let world = World::new().await;
    let site = world.join(Role::Site, Some("00004")).await;
    let mut welcome = site.welcome.clone();
    welcome["secret"] = "AAAAAAAAAAAAAAAAAAAAAA".into();
    let mut thief = world.connect().await;
    thief.send_resume(&welcome).await;
    let (error, _, code) = thief.end().await;
    assert_eq!((&error["code"], code), (&json!("session_unknown"), 4004));
}

#[tokio::test]
async fn whoever_leaves_is_gone_at_once() {
    let world = World::new().await;
    let mut operator = world.join(Role::Operator, None).await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    site.send(&json!({"type": "leave"})).await;
    let (_, closing, code) = site.end().await;
    assert_eq!((closing, code), (Value::Null, 1000));
    let id = site.participant().to_owned();
    operator
        .wait_for_participant(&id, |entry| entry["state"] == "left")
        .await;
}

#[tokio::test]
async fn whoever_reads_nothing_is_cut_off_and_counts_as_lost() {
    let world = World::with(|config| {
        config.sessions.ping_seconds = 1;
        config.sessions.silence_seconds = 2;
        config.sessions.messages_per_second = 1_000;
        config.sessions.message_burst = 1_000_000;
    })
    .await;
    let mut operator = world.join(Role::Operator, None).await;
    let mut slow = Client::connect_narrow(world.server.http()).await;
    slow.join(&world.token(Role::Site, Some("00004"))).await;
    let id = slow.participant().to_owned();
    // It writes for ever and reads no answer.
    let writing = tokio::spawn(async move { while slow.try_send(r#"{"type":"ping"}"#).await {} });
    operator
        .wait_for_participant(&id, |entry| entry["state"] == "lost")
        .await;
    writing.await.unwrap();
}

#[tokio::test]
async fn a_server_that_stops_tells_everybody_when_to_come_back() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    let mut stranger = world.connect().await;
    world.server.stop().await;
    for client in [&mut site, &mut stranger] {
        let (_, closing, code) = client.end().await;
        assert_eq!((&closing["reason"], code), (&json!("restarting"), 1012));
        // So few need no time to be spread over.
        assert_eq!(closing["retryAfterSeconds"], 0, "{closing}");
    }
}

#[tokio::test]
async fn an_offer_is_answered_while_events_of_others_are_being_stored() {
    let world = World::new().await;
    let mut first = world.join(Role::Site, Some("00004")).await;
    let mut second = world.join(Role::Site, Some("00008")).await;
    let occupied = world.occupy_database().await;
    second.send(&json!({"type": "requestFloor", "id": 1})).await;
    let offer = json!({"type": "offer", "sdp": "receive audio 0", "sources": {}});
    assert_eq!(first.ask(offer.clone()).await["type"], "answer");
    // One who waits for the store itself gets the answer all the same.
    second
        .send(&json!({"type": "offer", "id": 2, "sdp": "receive audio 0", "sources": {}}))
        .await;
    let answers = |message: &Value| message["id"] == 1 || message["id"] == 2;
    let mut told = Vec::new();
    while !told.iter().any(answers) {
        told.push(second.next().await);
    }
    assert_eq!(
        told.last().unwrap()["id"],
        2,
        "the floor is not given before it is stored"
    );
    drop(occupied);
    assert_eq!(second.wait_for("ok").await["id"], 1);
}

#[tokio::test]
async fn while_an_offer_is_judged_nobody_else_waits() {
    let world = World::new().await;
    let mut hostile = world.join(Role::Site, Some("00004")).await;
    hostile
        .send(&json!({"type": "offer", "id": 1, "sdp": "hard", "sources": {}}))
        .await;
    let mut other = world.join(Role::Site, Some("00008")).await;
    let answer = other
        .ask(json!({"type": "offer", "sdp": "receive video 0", "sources": {}}))
        .await;
    assert_eq!(answer["type"], "answer");
    let token = world.token(Role::Observer, None);
    let address = format!("/whep/{CONFERENCE}");
    let offer = "receive video 0";
    let watched = world
        .post_text(&address, &token, "application/sdp", offer)
        .await;
    assert_eq!(watched.status, 201, "{}", watched.text);
    world.media.judge();
    let refused = hostile.wait_for("error").await;
    assert_eq!(
        (&refused["id"], &refused["code"]),
        (&json!(1), &json!("bad_offer"))
    );
}

#[tokio::test]
async fn a_close_is_answered_before_and_after_the_join() {
    let world = World::new().await;
    let stranger = world.connect().await;
    assert_eq!(stranger.close(1000).await, Some(1000));
    let site = world.join(Role::Site, Some("00004")).await;
    assert_eq!(site.close(4000).await, Some(4000));
}
