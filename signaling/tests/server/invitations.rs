//! Invitations: sent, opened, replied to, issued anew, and exchanged for a way in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use signaling::auth::Role;
use signaling::clock::Clock;
use signaling::config::{Config, MailTls};
use tokio::time::{sleep, timeout};

use crate::mail_sink::MailSink;
use crate::world::{Reply, World, bearer};

const BOOKINGS: &str = "/api/v1/bookings";

const SITES: &str = "code,name,level,parent_code,contact_email\nVN,Trung ương,central,,\n\
    01,Thành phố Hà Nội,province,VN,hn@example.vn\n\
    00004,Phường Ba Đình,commune,01,ba-dinh@example.vn\n00008,Phường Ngọc Hà,commune,01,\n";

/// How long tokens are good here, in seconds.
const LONG: i64 = 40 * 24 * 3_600;

struct Office {
    world: World,
    sink: MailSink,
    ahead: Arc<AtomicI64>,
}

fn to(address: SocketAddr) -> impl Fn(&mut Config) {
    move |config| {
        config.mail.host = address.ip().to_string();
        config.mail.port = address.port();
        config.mail.tls = MailTls::None;
        config.mail.from = "Văn phòng <hop@example.vn>".to_owned();
        config.mail.per_minute = 60_000;
    }
}

impl Office {
    /// A server that sends mail, and whose clock can be set forward by seconds.
    async fn open() -> Self {
        let sink = MailSink::start().await;
        let ahead = Arc::new(AtomicI64::new(0));
        let clock = Clock::with_wall({
            let ahead = Arc::clone(&ahead);
            move || Timestamp::now() + SignedDuration::from_secs(ahead.load(Ordering::Relaxed))
        });
        let world = World::by_clock(to(sink.address), clock).await;
        let office = Self { world, sink, ahead };
        let import = "/api/v1/sites/import";
        let admin = office.admin();
        let imported = office.world.post_text(import, &admin, "text/csv", SITES);
        let imported = imported.await;
        assert_eq!(imported.status, StatusCode::OK, "{}", imported.text);
        office
    }

    fn admin(&self) -> String {
        self.world.token_for(Role::Admin, None, None, LONG)
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.world.post(path, &self.admin(), body).await
    }

    async fn get(&self, path: &str) -> Value {
        let shown = self.world.get(path, &self.admin()).await;
        assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
        shown.json()
    }

    /// A booking so many minutes ahead for all below Hanoi, published.
    async fn publish(&self, minutes: i64) -> Value {
        let at = Timestamp::now() + SignedDuration::from_mins(minutes);
        let at = TimeZone::UTC.to_datetime(at).round(jiff::Unit::Second);
        let plan = json!({
            "title": "Giao ban tuần", "startsAtLocal": at.unwrap().to_string(), "zone": "UTC",
            "durationMinutes": 60, "audience": {"parents": ["01"]}, "hall": "VN",
            "chair": {"name": "Ông Bình"}, "opensMinutesBefore": 60, "doors": {"sites": 10},
            "agenda": [{"title": "Phòng chống bão", "minutes": 20, "speaker": "00004"}],
        });
        let made = self.post(BOOKINGS, &plan).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        self.step(&made.json(), "publish").await
    }

    async fn step(&self, booking: &Value, step: &str) -> Value {
        let path = format!("{}/{step}", of(booking));
        let version = json!({"version": booking["version"]});
        let done = self.post(&path, &version).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
        done.json()
    }

    async fn cancel(&self, booking: &Value) {
        let cancel = json!({"version": booking["version"], "reason": "Bão số 9"});
        let path = format!("{}/cancel", of(booking));
        let cancelled = self.post(&path, &cancel).await;
        assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.text);
    }

    async fn revise(&self, booking: &Value, mut change: Value) -> Value {
        change["version"] = booking["version"].clone();
        let admin = self.admin();
        let json = ("content-type", "application/json".to_owned());
        let headers = [bearer(&admin), json];
        let path = of(booking);
        let changed = self
            .world
            .call(Method::PATCH, &path, &headers, change.to_string());
        let changed = changed.await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
        changed.json()
    }

    async fn send(&self, booking: &Value, whom: &Value) -> Value {
        let path = format!("{}/invitations/send", of(booking));
        let sent = self.post(&path, whom).await;
        assert_eq!(sent.status, StatusCode::ACCEPTED, "{}", sent.text);
        sent.json()
    }

    /// The code of the link that a site is sent, of which the one before is dead.
    async fn code(&self, booking: &Value, site: &str) -> String {
        let path = format!("{}/invitations/{site}/reissue", of(booking));
        let reissued = self.post(&path, &Value::Null).await;
        assert_eq!(reissued.status, StatusCode::OK, "{}", reissued.text);
        let url = reissued.json()["url"].as_str().unwrap().to_owned();
        let (base, code) = url.split_once("/m/").unwrap();
        assert!(base.starts_with("http://"), "{url}");
        code.to_owned()
    }

    /// As somebody without a token does.
    async fn ask(&self, method: Method, code: &str, rest: &str, body: &Value) -> Reply {
        let path = format!("/api/v1/invitation/{code}{rest}");
        let kind = ("content-type", "application/json".to_owned());
        self.world
            .call(method, &path, &[kind], body.to_string())
            .await
    }

    async fn shown(&self, code: &str) -> Value {
        let shown = self.ask(Method::GET, code, "", &Value::Null).await;
        assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
        shown.json()
    }

    async fn exchange(&self, code: &str, cookie: &str) -> (Reply, String) {
        let kind = ("content-type", "application/json".to_owned());
        let headers = [kind, ("cookie", cookie.to_owned())];
        let body = json!({ "code": code }).to_string();
        let path = "/api/v1/links/exchange";
        let reply = self.world.call(Method::POST, path, &headers, body).await;
        let set = reply.headers.get("set-cookie");
        let set = set.map_or("", |set| set.to_str().unwrap());
        let cookie = set.split(';').next().unwrap().to_owned();
        (reply, cookie)
    }

    /// Waits until the invitation of a site stands so.
    async fn reached(&self, booking: &Value, site: &str, state: &str) {
        let path = format!("{}/invitations", of(booking));
        let looking = async {
            loop {
                let list = self.get(&path).await;
                let row = list.as_array().unwrap().iter();
                let row = row.clone().find(|row| row["site"] == site).unwrap();
                if row["state"] == state {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        let reached = timeout(Duration::from_secs(60), looking).await;
        assert!(reached.is_ok(), "{site} is not {state}");
    }

    /// The kinds of what is told to programs, but for what conferences do.
    async fn kinds(&self) -> Vec<String> {
        let events = self.get("/api/v1/events").await;
        let events = events.as_array().unwrap().iter();
        let own = events.filter(|event| event["conference"].is_null());
        own.map(|event| event["event"]["kind"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn of(booking: &Value) -> String {
    format!("{BOOKINGS}/{}", booking["id"].as_str().unwrap())
}

#[tokio::test]
async fn those_who_are_invited_are_sent_a_mail_once_and_listed_with_what_came_of_it() {
    let office = Office::open().await;
    let booking = office.publish(120).await;
    let whom = json!({"states": ["notSent"]});
    let sent = office.send(&booking, &whom).await;
    assert_eq!(sent, json!({"queued": 2, "withoutAddress": 1}));
    let again = office.send(&booking, &json!({"sites": ["00004"]})).await;
    assert_eq!(again["queued"], 0, "somebody has clicked twice");
    office.reached(&booking, "00004", "sent").await;
    office.reached(&booking, "01", "sent").await;
    let came = office.sink.wait_for(2).await;
    let mut to: Vec<_> = came.iter().map(|mail| mail.to.clone()).collect();
    to.sort_unstable();
    assert_eq!(
        to,
        ["RCPT TO:<ba-dinh@example.vn>", "RCPT TO:<hn@example.vn>"]
    );
    let summary = format!("{}/invitations/summary", of(&booking));
    let summary = office.get(&summary).await;
    assert_eq!(
        (
            &summary["sites"],
            &summary["states"]["sent"],
            &summary["states"]["notSent"]
        ),
        (&json!(3), &json!(2), &json!(1))
    );
    let list = format!("{}/invitations?province=01&limit=1", of(&booking));
    let page = office.world.get(&list, &office.admin()).await;
    assert!(page.header("link").contains("after=00004"), "{page:?}");
    let first = &page.json()[0];
    assert_eq!(
        (&first["name"], &first["province"], &first["channel"]),
        (&json!("Phường Ba Đình"), &json!("01"), &json!("mail"))
    );
    assert_eq!(
        office.kinds().await,
        ["bookingPublished", "invitationsSent"]
    );
}

#[tokio::test]
async fn each_site_has_its_link_before_anybody_has_looked_at_the_invitations() {
    let office = Office::open().await;
    let booking = office.publish(120).await;
    let is_good = async |site: &str| {
        let (id, site) = (booking["id"].as_str().unwrap(), site.parse().unwrap());
        let codes = office.world.server.app().keys.invitation_codes();
        let code = codes.code(&id.parse().unwrap(), &site, 1).reveal();
        let shown = office.ask(Method::GET, &code, "", &Value::Null).await;
        shown.status == StatusCode::OK
    };
    let soon = async |site: &str| {
        while !is_good(site).await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let published = timeout(Duration::from_secs(60), soon("00004")).await;
    assert!(published.is_ok());
    assert!(!is_good("VN").await, "it is not invited");
    let change = json!({"audience": {"all": true}});
    office.revise(&booking, change).await;
    let invited = timeout(Duration::from_secs(60), soon("VN")).await;
    assert!(invited.is_ok());
}

#[tokio::test]
async fn nothing_is_sent_for_a_draft_to_strangers_or_to_whom_nobody_has_named() {
    let office = Office::open().await;
    let booking = office.publish(120).await;
    let path = format!("{}/invitations/send", of(&booking));
    let stranger = office.post(&path, &json!({"sites": ["00004", "VN"]})).await;
    assert_eq!(stranger.status, StatusCode::NOT_FOUND, "{}", stranger.text);
    assert!(stranger.text.contains("VN"), "{}", stranger.text);
    for wrong in [
        json!({}),
        json!({"mustBeToldAgain": false}),
        json!({"sites": []}),
        json!({"states": []}),
        json!({"sites": ["00004"], "mustBeToldAgain": true}),
    ] {
        let refused = office.post(&path, &wrong).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let copy = format!("{}/copy", of(&booking));
    let draft = office.post(&copy, &json!({})).await.json();
    let path = format!("{}/invitations/send", of(&draft));
    let refused = office.post(&path, &json!({"states": ["notSent"]})).await;
    assert_eq!(refused.json()["code"], "booking_closed", "{}", refused.text);
    let path = format!("{}/invitations", of(&draft));
    assert_eq!(office.get(&path).await, json!([]));
    let without_mail = World::new().await;
    let path = format!("{BOOKINGS}/none/invitations/send");
    let admin = without_mail.admin();
    let whom = json!({"states": ["notSent"]});
    let unknown = without_mail.post(&path, &admin, &whom).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{}", unknown.text);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn a_site_reads_what_it_is_invited_to_replies_and_comes_in_by_the_same_code() {
    let office = Office::open().await;
    let booking = office.publish(120).await;
    let code = office.code(&booking, "00004").await;
    let shown = office.shown(&code).await;
    assert_eq!(
        (
            &shown["state"],
            &shown["title"],
            &shown["hall"],
            &shown["chair"]
        ),
        (
            &json!("planned"),
            &json!("Giao ban tuần"),
            &json!("Trung ương"),
            &json!("Ông Bình")
        )
    );
    assert_eq!(
        shown["site"],
        json!({"code": "00004", "name": "Phường Ba Đình"})
    );
    assert_eq!(shown["agenda"][0]["speaker"], "Phường Ba Đình");
    let starts: Timestamp = shown["startsAt"].as_str().unwrap().parse().unwrap();
    let opens: Timestamp = shown["opensAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(starts.duration_since(opens), SignedDuration::from_mins(10));
    assert_eq!(shown["checksIn"].as_array().unwrap().len(), 2);
    office.reached(&booking, "00004", "opened").await;

    let wrong = json!({"is": "excused"});
    let refused = office.ask(Method::PUT, &code, "/reply", &wrong).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
    let sends = json!({"is": "sends", "who": "Phó Chủ tịch", "count": 3});
    let kept = office.ask(Method::PUT, &code, "/reply", &sends).await;
    assert_eq!(kept.status, StatusCode::OK, "{}", kept.text);
    assert_eq!(office.shown(&code).await["reply"]["who"], "Phó Chủ tịch");
    let summary = format!("{}/invitations/summary", of(&booking));
    assert_eq!(office.get(&summary).await["replies"]["sends"], 1);
    let kinds = office.kinds().await;
    let wanted = [
        "bookingPublished",
        "invitationReissued",
        "invitationReplied",
    ];
    assert_eq!(kinds, wanted);

    let calendar = office.ask(Method::GET, &code, "/calendar.ics", &Value::Null);
    let calendar = calendar.await;
    assert!(calendar.header("content-type").starts_with("text/calendar"));
    for line in [
        "METHOD:PUBLISH",
        "SUMMARY:Giao ban tuần",
        "LOCATION:Trung ương",
    ] {
        assert!(calendar.text.contains(line), "{}", calendar.text);
    }

    let (early, cookie) = office.exchange(&code, "").await;
    assert_eq!(early.status, StatusCode::OK, "{}", early.text);
    let token = early.json()["token"].as_str().unwrap().to_owned();
    let mut client = office.world.connect().await;
    client
        .send(&json!({"type": "join", "protocol": 1, "token": token}))
        .await;
    let (error, _, _) = client.end().await;
    assert_eq!(error["code"], "conference_not_open", "as with any link");
    let (again, _) = office.exchange(&code, &cookie).await;
    assert_eq!(again.json()["token"], *token, "the same seat");
    let (second, _) = office.exchange(&code, "").await;
    assert_eq!(second.status, StatusCode::OK);
    let (third, _) = office.exchange(&code, "").await;
    assert_eq!(third.json()["code"], "not_permitted", "{}", third.text);

    let open = format!(
        "{}/occurrences/{}/open",
        of(&booking),
        &booking["startsAtLocal"].as_str().unwrap()[..10]
    );
    let opened = office.post(&open, &Value::Null).await;
    assert_eq!(opened.status, StatusCode::OK, "{}", opened.text);
    let start = format!(
        "/api/v1/conferences/{}/start",
        booking["id"].as_str().unwrap()
    );
    office.post(&start, &Value::Null).await;
    assert_eq!(office.shown(&code).await["state"], "open");
    let mut site = office.world.connect().await;
    site.join(&token).await;
    assert_eq!(site.welcome["role"], "site");
    // Another link: whoever is in by the one before has to go.
    let new = office.code(&booking, "00004").await;
    let (_, closing, _) = site.end().await;
    assert_eq!(closing["reason"], "token_revoked", "{closing}");
    assert_eq!(
        office.exchange(&code, &cookie).await.0.json()["code"],
        "token_invalid"
    );
    assert_eq!(office.exchange(&new, "").await.0.status, StatusCode::OK);
}

#[tokio::test]
async fn every_code_that_is_nobodys_has_the_same_answer() {
    let office = Office::open().await;
    let booking = office.publish(120).await;
    let dead = office.code(&booking, "00004").await;
    office.code(&booking, "00004").await;
    let mut answers = Vec::new();
    for code in [dead.as_str(), "0000-0000-0000-0000", "x", "%C4%91", "..."] {
        for (method, rest) in [
            (Method::GET, ""),
            (Method::GET, "/calendar.ics"),
            (Method::PUT, "/reply"),
        ] {
            let coming = json!({"is": "coming"});
            let answer = office.ask(method, code, rest, &coming).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{code} {rest}");
            answers.push(answer.text);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn whoever_is_invited_no_more_is_told_so_and_does_not_come_in() {
    let office = Office::open().await;
    let booking = office.publish(120).await;
    let code = office.code(&booking, "00008").await;
    let (in_time, cookie) = office.exchange(&code, "").await;
    assert_eq!(in_time.status, StatusCode::OK, "{}", in_time.text);
    let change = json!({"audience": {"codes": ["00004"]}});
    office.revise(&booking, change).await;
    let refused = office.ask(Method::GET, &code, "", &Value::Null).await;
    assert!(
        refused.text.contains("not invited any more"),
        "{}",
        refused.text
    );
    let (refused, _) = office.exchange(&code, &cookie).await;
    assert_eq!(refused.json()["code"], "not_invited", "{}", refused.text);
    // With the token that it had, too, by whatever door.
    let token = in_time.json()["token"].as_str().unwrap().to_owned();
    for path in ["/api/v1/invitation", "/api/v1/conferences"] {
        let refused = office.world.get(path, &token).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refused.json()["code"], "not_invited", "{}", refused.text);
    }
    let mut client = office.world.connect().await;
    client
        .send(&json!({"type": "join", "protocol": 1, "token": token}))
        .await;
    let (error, closing, code) = client.end().await;
    assert_eq!(error["code"], "not_invited");
    let told = error["message"].as_str().unwrap();
    assert!(told.contains("not invited any more"), "{told}");
    assert_eq!((&closing["reason"], code), (&json!("not_invited"), 4016));
    let kinds = office.kinds().await;
    assert!(
        kinds.contains(&"invitationsWithdrawn".to_owned()),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn what_is_cancelled_says_so_and_what_is_over_takes_no_reply() {
    let office = Office::open().await;
    let booking = office.publish(120).await;
    let over = office.publish(30).await;
    let (code, late) = (
        office.code(&booking, "00004").await,
        office.code(&over, "00004").await,
    );
    office.cancel(&booking).await;
    let shown = office.shown(&code).await;
    assert_eq!(
        (&shown["state"], &shown["reason"]),
        (&json!("cancelled"), &json!("Bão số 9"))
    );
    // An hour and a half after its end.
    office.ahead.store(180 * 60, Ordering::Relaxed);
    assert_eq!(office.shown(&late).await["state"], "over");
    for code in [&code, &late] {
        let coming = json!({"is": "coming"});
        let refused = office.ask(Method::PUT, code, "/reply", &coming).await;
        assert_eq!(refused.json()["code"], "booking_closed", "{}", refused.text);
    }
    office.ahead.store(48 * 3_600, Ordering::Relaxed);
    let (expired, _) = office.exchange(&late, "").await;
    assert_eq!(expired.json()["code"], "token_expired", "{}", expired.text);
}

#[tokio::test]
async fn whoever_holds_a_code_is_told_whom_to_call() {
    let office = Office::open().await;
    let with_phone = SITES.replace('\n', ",\n");
    let with_phone = with_phone.replace("contact_email,", "contact_email,contact_phone");
    let with_phone = with_phone.replace("hn@example.vn,", "hn@example.vn,024 1234");
    let admin = office.admin();
    let path = "/api/v1/sites/import?confirm=true";
    let imported = office
        .world
        .post_text(path, &admin, "text/csv", &with_phone);
    let imported = imported.await;
    assert_eq!(imported.status, StatusCode::OK, "{}", imported.text);
    let booking = office.publish(120).await;
    let code = office.code(&booking, "00004").await;
    let contacts = office.world.get("/contact.json", &code).await.json();
    assert_eq!(contacts["above"]["phone"], "024 1234", "{contacts}");
}

/// The subjects of what an address was sent, decoded, and the methods of the calendars in it.
fn told(office: &Office, address: &str) -> Vec<&'static str> {
    let came = office.sink.came().into_iter();
    let own = came.filter(|mail| mail.to.contains(address));
    own.map(|mail| {
        let methods = ["REQUEST", "CANCEL"];
        let has = |method: &&str| mail.data.contains(&format!("method={method}"));
        methods.into_iter().find(has).unwrap_or("none")
    })
    .collect()
}

#[tokio::test]
async fn a_change_is_told_to_those_who_were_told_and_so_is_that_it_is_cancelled() {
    let office = Office::open().await;
    let booking = office.publish(120).await;
    office.send(&booking, &json!({"sites": ["00004"]})).await;
    office.reached(&booking, "00004", "sent").await;
    let code = office.code(&booking, "00004").await;
    assert_eq!(office.shown(&code).await["mustBeToldAgain"], false);
    let changed = office.revise(&booking, json!({"title": "Giao ban tháng"}));
    let changed = changed.await;
    assert_eq!(office.shown(&code).await["mustBeToldAgain"], true);
    let summary = format!("{}/invitations/summary", of(&booking));
    assert_eq!(office.get(&summary).await["mustBeToldAgain"], 1);
    let again = json!({"mustBeToldAgain": true});
    let sent = office.send(&changed, &again).await;
    assert_eq!(sent, json!({"queued": 1, "withoutAddress": 0}));
    office.reached(&booking, "00004", "sent").await;
    assert_eq!(office.get(&summary).await["mustBeToldAgain"], 0);
    office.cancel(&changed).await;
    office.sink.wait_for(3).await;
    office.reached(&booking, "00004", "sent").await;
    assert_eq!(told(&office, "<ba-dinh@"), ["REQUEST", "REQUEST", "CANCEL"]);
    assert_eq!(told(&office, "<hn@"), [""; 0], "it was never told");
    let mails = office.get("/api/v1/mail").await;
    let abouts = mails.as_array().unwrap().iter();
    let id = booking["id"].as_str().unwrap();
    for (mail, number) in abouts.zip(0..) {
        let about = mail["about"].as_str().unwrap();
        assert!(
            about.starts_with(&format!("invitation:{id}:00004:")),
            "{about}"
        );
        assert!(about.ends_with(&format!(":{number}")), "{about}");
    }
}

#[tokio::test]
async fn what_was_cancelled_while_no_mail_was_sent_is_told_when_the_server_starts_again() {
    let office = Office::open().await;
    let booking = office.publish(120).await;
    office.send(&booking, &json!({"sites": ["00004"]})).await;
    office.reached(&booking, "00004", "sent").await;
    let Office { world, sink, .. } = office;
    let world = world.stop().await.start().await;
    let cancel = json!({"version": booking["version"]});
    let path = format!("{}/cancel", of(&booking));
    let cancelled = world.post(&path, &world.admin(), &cancel).await;
    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.text);
    let world = world.stop().await.start_with(to(sink.address)).await;
    let came = sink.wait_for(2).await;
    assert!(came[1].data.contains("method=CANCEL"), "{:?}", came[1]);
    world.stop().await;
}
