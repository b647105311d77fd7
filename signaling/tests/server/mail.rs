//! Mail, from a request to an SMTP server.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use signaling::auth::Role;
use signaling::config::{Config, MailTls};
use tokio::time::{sleep, timeout};

use crate::mail_sink::MailSink;
use crate::world::World;

pub(crate) fn to(address: SocketAddr) -> impl Fn(&mut Config) {
    move |config| {
        config.mail.host = address.ip().to_string();
        config.mail.port = address.port();
        config.mail.tls = MailTls::None;
        config.mail.from = "Văn phòng <hop@example.vn>".to_owned();
        config.mail.per_minute = 60_000;
    }
}

pub(crate) async fn try_with(world: &World, address: &str) -> Value {
    let body = json!({ "to": address });
    let asked = world
        .post("/api/v1/mail/trial", &world.admin(), &body)
        .await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.text);
    asked.json()
}

/// Waits until a mail has this state.
pub(crate) async fn reached(world: &World, id: &Value, state: &str) -> Value {
    let looking = async {
        loop {
            let list = world.get("/api/v1/mail", &world.admin()).await.json();
            let mail = list.as_array().unwrap().iter();
            let mail = mail.clone().find(|mail| mail["id"] == *id).unwrap().clone();
            if mail["state"] == state && (state != "waiting" || mail["attempts"] != 0) {
                return mail;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let found = timeout(Duration::from_secs(60), looking).await;
    found.unwrap_or_else(|_| panic!("the mail {id} is not {state}"))
}

/// Waits until no mail leaves, and says how it stands then.
pub(crate) async fn in_trouble(world: &World) -> Value {
    let trouble = async {
        loop {
            let summary = world
                .get("/api/v1/mail/summary", &world.admin())
                .await
                .json();
            if summary["trouble"]["said"].is_string() {
                return summary;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(60), trouble).await.unwrap()
}

#[tokio::test]
async fn a_mail_is_sent_and_an_address_that_is_refused_is_told_from_one_that_waits() {
    let sink = MailSink::start().await;
    let world = World::with(to(sink.address)).await;
    let good = try_with(&world, "xa@example.vn").await;
    let refused = try_with(&world, "refused@example.vn").await;
    let later = try_with(&world, "later@example.vn").await;
    reached(&world, &good["id"], "sent").await;
    let refused = reached(&world, &refused["id"], "refused").await;
    let said = refused["said"].as_str().unwrap();
    assert!(said.contains("recipient") && said.contains("550"), "{said}");
    let waits = reached(&world, &later["id"], "waiting").await;
    assert_eq!(waits["attempts"], 1);
    assert!(waits["dueAt"].is_string(), "{waits}");
    let path = format!("/api/v1/mail/{}/again", later["id"].as_str().unwrap());
    let again = world.post(&path, &world.admin(), &Value::Null).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text);
    reached(&world, &later["id"], "sent").await;
    let once_more = world.post(&path, &world.admin(), &Value::Null).await;
    assert_eq!(
        once_more.json()["code"],
        "wrong_state",
        "{}",
        once_more.text
    );
    let came = sink.came();
    let data = &came
        .iter()
        .find(|mail| mail.to.contains("<xa@"))
        .unwrap()
        .data;
    assert!(data.contains("Subject: =?utf-8?"), "{data}");
    let summary = world
        .get("/api/v1/mail/summary", &world.admin())
        .await
        .json();
    assert_eq!(
        (&summary["sent"], &summary["refused"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(summary["trouble"], Value::Null);
}

#[tokio::test]
async fn what_waits_outlives_a_restart_and_leaves_when_the_mail_server_is_back() {
    let gone = MailSink::start().await;
    let address = gone.address;
    drop(gone);
    let world = World::with(to(address)).await;
    let mails = [
        try_with(&world, "a@example.vn").await,
        try_with(&world, "b@example.vn").await,
    ];
    let summary = in_trouble(&world).await;
    assert_eq!(
        (&summary["sent"], &summary["refused"]),
        (&json!(0), &json!(0))
    );
    let stopped = world.stop().await;
    let world = stopped.start_with(to(address)).await;
    let sink = MailSink::at(address).await;
    for mail in &mails {
        let sent = reached(&world, &mail["id"], "sent").await;
        assert_eq!(sent["attempts"], 1, "it was not its fault: {sent}");
    }
    let mut came: Vec<_> = sink
        .wait_for(2)
        .await
        .into_iter()
        .map(|mail| mail.to)
        .collect();
    came.sort_unstable();
    assert_eq!(came, ["RCPT TO:<a@example.vn>", "RCPT TO:<b@example.vn>"]);
}

#[tokio::test]
async fn nothing_is_promised_that_cannot_be_sent() {
    let world = World::new().await;
    let ask = async |token: &str, to: &str| {
        let body = json!({ "to": to });
        world.post("/api/v1/mail/trial", token, &body).await
    };
    let admin = world.admin();
    let off = ask(&admin, "xa@example.vn").await;
    assert_eq!(off.status, StatusCode::CONFLICT, "{}", off.text);
    for wrong in [
        "",
        "xa",
        "a@example.vn\r\nBcc: b@example.vn",
        "a@example.vn, b@example.vn",
    ] {
        let refused = ask(&admin, wrong).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong:?}");
    }
    let operator = world.token(Role::Operator, None);
    assert_eq!(
        ask(&operator, "xa@example.vn").await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn no_more_mails_leave_in_a_minute_than_the_mail_server_is_to_take() {
    const MAILS: usize = 6;
    let sink = MailSink::start().await;
    let world = World::with(|config| {
        to(sink.address)(config);
        config.mail.per_minute = 240;
    })
    .await;
    // Before the first can leave: however late a busy machine looks, the last leaves so much after this.
    let begun = tokio::time::Instant::now();
    for number in 0..MAILS {
        try_with(&world, &format!("xa{number}@example.vn")).await;
    }
    sink.wait_for(MAILS).await;
    let took = begun.elapsed();
    let apart = Duration::from_millis(250) * u32::try_from(MAILS - 1).unwrap();
    assert!(took >= apart, "{took:?} for {MAILS}");
}
