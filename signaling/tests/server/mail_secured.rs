//! Mail by TLS, and with a password.

use std::net::SocketAddr;

use serde_json::{Value, json};
use signaling::config::{Config, MailTls, Secret};

use crate::authority::Authority;
use crate::mail::{in_trouble, reached, to, try_with};
use crate::mail_sink::{MailSink, Manners};
use crate::world::World;

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// `dinh` and `right`, as `AUTH PLAIN` says them (RFC 4616).
const RIGHT: &str = "AGRpbmgAcmlnaHQ=";

impl Authority {
    fn manners(&self, name: &str, tls: MailTls) -> Manners {
        Manners {
            tls: Some(self.acceptor(name)),
            at_once: tls == MailTls::Implicit,
            password: None,
        }
    }

    /// Sends there, by its name.
    fn to(&self, sink: &MailSink, tls: MailTls) -> impl Fn(&mut Config) + use<> {
        let (address, file) = (sink.address, self.file.clone());
        move |config| {
            to(address)(config);
            "localhost".clone_into(&mut config.mail.host);
            config.mail.tls = tls;
            config.mail.authority.clone_from(&file);
        }
    }
}

fn with_password(sink: &MailSink, password: &'static str) -> impl Fn(&mut Config) + use<> {
    let address = sink.address;
    move |config| {
        to(address)(config);
        "dinh".clone_into(&mut config.mail.user);
        config.mail.password = Secret::new(password);
    }
}

/// What stands in the way of a mail, which waits meanwhile.
async fn kept_back(world: &World, sink: &MailSink, mail: &Value) -> String {
    let summary = in_trouble(world).await;
    assert_eq!(sink.came().len(), 0, "nothing is sent");
    let counts = ["sent", "refused", "givenUp"].map(|state| summary[state].as_u64());
    assert_eq!(counts, [Some(0); 3], "{summary}");
    let mails = world.get("/api/v1/mail", &world.admin()).await.json();
    assert_eq!(
        (&mails[0]["id"], &mails[0]["attempts"]),
        (&mail["id"], &json!(0)),
        "it is not its fault: {mails}"
    );
    summary["trouble"]["said"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn mail_goes_by_tls_to_whom_an_own_authority_knows() {
    let authority = Authority::new();
    for tls in [MailTls::Implicit, MailTls::Starttls] {
        let sink = MailSink::with(ANY, authority.manners("localhost", tls)).await;
        let world = World::with(authority.to(&sink, tls)).await;
        let mail = try_with(&world, "xa@example.vn").await;
        reached(&world, &mail["id"], "sent").await;
        let came = sink.wait_for(1).await;
        assert!(came[0].is_secure, "{tls:?}");
    }
}

#[tokio::test]
async fn no_mail_goes_to_whom_nobody_knows_or_who_has_another_name() {
    let authority = Authority::new();
    let stranger = Authority::new();
    for tls in [MailTls::Implicit, MailTls::Starttls] {
        for (manners, why) in [
            (
                authority.manners("mail.example.vn", tls),
                "not valid for name",
            ),
            (
                stranger.manners("localhost", tls),
                "invalid peer certificate",
            ),
        ] {
            let sink = MailSink::with(ANY, manners).await;
            let world = World::with(authority.to(&sink, tls)).await;
            let mail = try_with(&world, "xa@example.vn").await;
            let said = kept_back(&world, &sink, &mail).await;
            assert!(
                said.starts_with("tls: ") && said.contains(why),
                "{tls:?}: {said}"
            );
        }
    }
}

#[tokio::test]
async fn no_mail_goes_in_the_clear_where_tls_is_wanted() {
    let authority = Authority::new();
    let sink = MailSink::start().await;
    let world = World::with(authority.to(&sink, MailTls::Starttls)).await;
    let mail = try_with(&world, "xa@example.vn").await;
    let said = kept_back(&world, &sink, &mail).await;
    assert!(
        said.starts_with("tls: ") && said.contains("STARTTLS"),
        "{said}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_told_from_other_trouble_and_what_waits_leaves_with_the_right_one() {
    let manners = Manners {
        password: Some(RIGHT),
        ..Manners::default()
    };
    let sink = MailSink::with(ANY, manners).await;
    let world = World::with(with_password(&sink, "wrong")).await;
    let mail = try_with(&world, "xa@example.vn").await;
    let said = kept_back(&world, &sink, &mail).await;
    assert!(
        said.starts_with("password: ") && said.contains("535"),
        "{said}"
    );
    assert!(!said.contains("wrong\""), "{said}");
    let stopped = world.stop().await;
    let world = stopped.start_with(with_password(&sink, "right")).await;
    reached(&world, &mail["id"], "sent").await;
    assert_eq!(sink.wait_for(1).await.len(), 1);
    let summary = world.get("/api/v1/mail/summary", &world.admin()).await;
    assert_eq!(summary.json()["trouble"], Value::Null);
}

#[tokio::test]
async fn who_asks_for_a_password_that_nobody_has_given_gets_no_mail() {
    let manners = Manners {
        password: Some(RIGHT),
        ..Manners::default()
    };
    let sink = MailSink::with(ANY, manners).await;
    let world = World::with(to(sink.address)).await;
    let mail = try_with(&world, "xa@example.vn").await;
    let said = kept_back(&world, &sink, &mail).await;
    assert!(
        said.starts_with("sender: ") && said.contains("530"),
        "{said}"
    );
}
