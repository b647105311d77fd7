//! A conference that is open while its booking invites others: the list of sites follows, whoever was added
//! comes in, and whoever was left out goes.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::world::{Reply, World, bearer};

const SITES: &str = "code,name,level,parent_code\nVN,Trung ương,central,\n\
    01,Thành phố Hà Nội,province,VN\n00004,Phường Ba Đình,commune,01\n\
    00008,Phường Ngọc Hà,commune,01\n00012,Phường Giảng Võ,commune,01\n";

/// A booking whose conference is open.
struct Open {
    world: World,
    booking: Value,
}

impl Open {
    /// Inviting these sites; it runs if that is said.
    async fn inviting(sites: &[&str], runs: bool) -> Self {
        let world = World::new().await;
        let import = "/api/v1/sites/import";
        let admin = world.admin();
        let imported = world.post_text(import, &admin, "text/csv", SITES).await;
        assert_eq!(imported.status, StatusCode::OK, "{}", imported.text);
        let at = Timestamp::now() + SignedDuration::from_mins(5);
        let at = TimeZone::UTC.to_datetime(at).round(jiff::Unit::Second);
        let plan = json!({
            "title": "Giao ban", "startsAtLocal": at.unwrap().to_string(), "zone": "UTC",
            "durationMinutes": 60, "audience": {"codes": sites}, "opensMinutesBefore": 60,
        });
        let made = world.post("/api/v1/bookings", &admin, &plan).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let version = json!({"version": 1});
        let publish = format!("/api/v1/bookings/{id}/publish");
        let published = world.post(&publish, &admin, &version).await;
        assert_eq!(published.status, StatusCode::OK, "{}", published.text);
        let open = Self {
            world,
            booking: published.json(),
        };
        open.reaches(|roster| roster.len() == sites.len()).await;
        if runs {
            let started = open.post("/start", &Value::Null).await;
            assert_eq!(started.status, StatusCode::OK, "{}", started.text);
        }
        open
    }

    fn id(&self) -> &str {
        self.booking["id"].as_str().unwrap()
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/conferences/{}{rest}", self.id())
    }

    async fn post(&self, rest: &str, body: &Value) -> Reply {
        let admin = self.world.admin();
        self.world.post(&self.path(rest), &admin, body).await
    }

    /// The codes of the sites that are expected.
    async fn roster(&self) -> Vec<String> {
        let admin = self.world.admin();
        let shown = self.world.get(&self.path("/roster"), &admin).await.json();
        let sites = shown["sites"].as_array().into_iter().flatten();
        sites
            .map(|site| site["code"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn reaches(&self, wanted: impl Fn(&[String]) -> bool) {
        let looking = async {
            while !wanted(&self.roster().await) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let reached = timeout(Duration::from_secs(60), looking).await;
        assert!(reached.is_ok(), "{:?}", self.roster().await);
    }

    async fn invite(&mut self, sites: &[&str]) {
        let change = json!({"version": self.booking["version"], "audience": {"codes": sites}});
        let admin = self.world.admin();
        let json = ("content-type", "application/json".to_owned());
        let headers = [bearer(&admin), json];
        let path = format!("/api/v1/bookings/{}", self.id());
        let changed = self
            .world
            .call(Method::PATCH, &path, &headers, change.to_string());
        let changed = changed.await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
        self.booking = changed.json();
    }

    /// The token for which the link of a site is exchanged.
    async fn token(&self, site: &str) -> String {
        let path = format!("/api/v1/bookings/{}/invitations/{site}/reissue", self.id());
        let admin = self.world.admin();
        let reissued = self.world.post(&path, &admin, &Value::Null).await.json();
        let url = reissued["url"].as_str().unwrap();
        let (_, code) = url.split_once("/m/").unwrap();
        let exchanged = self
            .world
            .post("/api/v1/links/exchange", &admin, &json!({ "code": code }))
            .await;
        assert_eq!(exchanged.status, StatusCode::OK, "{}", exchanged.text);
        exchanged.json()["token"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn the_list_of_a_running_conference_follows_its_booking_and_whoever_is_left_out_goes() {
    let mut open = Open::inviting(&["00004", "00008"], true).await;
    let (staying, leaving) = (open.token("00004").await, open.token("00008").await);
    let mut stays = open.world.connect().await;
    stays.join(&staying).await;
    let mut leaves = open.world.connect().await;
    leaves.join(&leaving).await;
    let participant = leaves.welcome["participant"].clone();
    let floor = json!({ "participant": participant });
    let given = open.post("/floor/grant", &floor).await;
    assert_eq!(given.status, StatusCode::OK, "{}", given.text);

    open.invite(&["00004", "00012"]).await;
    let (_, closing, code) = leaves.end().await;
    assert_eq!((&closing["reason"], code), (&json!("not_invited"), 4016));
    open.reaches(|roster| roster == ["00004", "00012"]).await;
    let admin = open.world.admin();
    let floor = open.world.get(&open.path("/floor"), &admin).await.json();
    assert_eq!(floor["holder"], Value::Null, "{floor}");
    let present = open.world.get(&open.path("/participants"), &admin).await;
    assert_eq!(present.json().as_array().unwrap().len(), 1);

    // It comes in again with nothing; whoever was added does.
    let mut again = open.world.connect().await;
    again
        .send(&json!({"type": "join", "protocol": 1, "token": leaving}))
        .await;
    assert_eq!(again.end().await.0["code"], "not_invited");
    let added = open.token("00012").await;
    let mut comes = open.world.connect().await;
    comes.join(&added).await;
    assert_eq!(comes.welcome["site"]["code"], "00012");

    let events = open.world.get("/api/v1/events", &admin).await.json();
    let events = events.as_array().unwrap().clone();
    let of = |kind: &str| {
        let found = events.iter().rev();
        found
            .map(|entry| entry["event"].clone())
            .find(|event| event["kind"] == kind)
            .unwrap_or_else(|| panic!("no {kind}"))
    };
    assert_eq!(of("invitationsWithdrawn")["sites"], json!(["00008"]));
    assert_eq!(of("left")["reason"], "notInvited");
    assert_eq!(of("floorReleased")["participant"], participant);
    assert_eq!(of("rosterSet")["by"], "system");
}

#[tokio::test]
async fn whom_an_operator_has_added_by_hand_stays_when_the_booking_changes() {
    let mut open = Open::inviting(&["00004", "00008"], false).await;
    let admin = open.world.admin();
    let by_hand = json!({"sites": ["00004", "00008", "VN"]});
    let json = ("content-type", "application/json".to_owned());
    let headers = [bearer(&admin), json];
    let path = open.path("/roster");
    let set = open
        .world
        .call(Method::PUT, &path, &headers, by_hand.to_string());
    assert_eq!(set.await.status, StatusCode::OK);
    open.invite(&["00004", "00012"]).await;
    open.reaches(|roster| roster == ["00004", "00012", "VN"])
        .await;
}

#[tokio::test]
async fn what_changed_while_the_server_was_down_is_followed_when_it_is_up() {
    let mut open = Open::inviting(&["00004"], true).await;
    open.invite(&["00004", "00008"]).await;
    let Open { world, booking } = open;
    let world = world.stop().await.start().await;
    let open = Open { world, booking };
    open.reaches(|roster| roster == ["00004", "00008"]).await;
}
