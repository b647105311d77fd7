//! REST: what each answer is, and who gets it.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use signaling::auth::Role;

use crate::world::{CONFERENCE, World, bearer, path};

#[test]
fn the_description_is_the_one_that_was_agreed() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/openapi.json");
    let current = signaling::rest::description().to_pretty_json().unwrap() + "\n";
    let agreed = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        agreed == current,
        "the REST interface has changed; if that is meant: `dinh openapi > {file}`, and for the \
         pages `npm --prefix web-client run schema`"
    );
}

#[tokio::test]
async fn the_description_is_served_and_names_every_operation_once() {
    let world = World::new().await;
    let reply = world
        .call(Method::GET, "/api/openapi.json", &[], String::new())
        .await;
    let paths = reply.json()["paths"].as_object().unwrap().clone();
    let mut ids: Vec<_> = paths
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        ids.contains(&"postConferencesConferenceFloorGrant".to_owned()),
        "{ids:?}"
    );
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn every_answer_is_described_and_every_kind_of_event_has_a_schema() {
    let api = serde_json::to_value(signaling::rest::description()).unwrap();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let told = response["description"].as_str().unwrap_or_default();
                let place = response["$ref"].as_str().unwrap_or_default();
                let shared = api.pointer(place.trim_start_matches('#'));
                assert!(
                    !told.is_empty() || (!place.is_empty() && shared.is_some()),
                    "{method} {path}: {status}"
                );
            }
        }
    }
    let schemas = &api["components"]["schemas"];
    let event = &schemas["Event"];
    assert_eq!(event["discriminator"]["propertyName"], "kind");
    let golden = include_str!("../golden/events.json");
    let golden: Vec<Value> = serde_json::from_str(golden).unwrap();
    for stored in golden {
        let kind = stored["event"]["kind"]
            .as_str()
            .or_else(|| stored["kind"].as_str());
        let kind = kind.unwrap_or_else(|| panic!("{stored} has no kind"));
        let place = event["discriminator"]["mapping"][kind].as_str();
        let place = place.unwrap_or_else(|| panic!("{kind} has no schema"));
        assert!(api.pointer(&place[1..]).is_some(), "{kind}");
    }
}

/// Where a description refers to, in all its parts.
fn references<'a>(part: &'a Value, found: &mut Vec<&'a str>) {
    match part {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|part| references(part, found));
        }
        Value::Array(parts) => parts.iter().for_each(|part| references(part, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_of_the_description_leads_somewhere() {
    let api = serde_json::to_value(signaling::rest::description()).unwrap();
    let mut found = Vec::new();
    references(&api, &mut found);
    let is_lost = |place: &&str| api.pointer(place.trim_start_matches('#')).is_none();
    let lost: Vec<_> = found.into_iter().filter(is_lost).collect();
    assert_eq!(lost, [""; 0]);
}

#[tokio::test]
async fn every_refusal_has_a_body_with_a_code_of_its_own() {
    let world = World::new().await;
    let admin = world.admin();
    for (method, address, status, code) in [
        (Method::GET, "/nowhere/at/all", 404, "not_found"),
        (Method::GET, "/api/v1/sites/09999", 404, "not_found"),
        (Method::DELETE, "/api/v1/sites", 405, "method_not_allowed"),
        (Method::POST, "/ws", 405, "method_not_allowed"),
        (Method::GET, "/ws", 400, "bad_message"),
        (
            Method::POST,
            "/api/v1/conferences",
            415,
            "unsupported_media_type",
        ),
    ] {
        let reply = world
            .call(method, address, &[bearer(&admin)], String::new())
            .await;
        assert_eq!(reply.status.as_u16(), status, "{address}");
        assert_eq!(reply.json()["code"], code, "{address}");
    }
}

#[tokio::test]
async fn lists_are_told_page_by_page_and_packed_for_whoever_reads_that() {
    let world = World::new().await;
    let admin = world.admin();
    let mut address = "/api/v1/sites?limit=3".to_owned();
    let mut codes = Vec::new();
    loop {
        let reply = world.get(&address, &admin).await;
        let page = reply.json().as_array().unwrap().clone();
        assert!((1..=3).contains(&page.len()));
        codes.extend(
            page.iter()
                .map(|site| site["code"].as_str().unwrap().to_owned()),
        );
        let Some(link) = reply.headers.get("link") else {
            break;
        };
        let (next, _) = link.to_str().unwrap().split_once('>').unwrap();
        next.trim_start_matches('<').clone_into(&mut address);
    }
    let all = world.get("/api/v1/sites", &admin).await;
    let all: Vec<_> = all
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|site| site["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(codes, all);
    for unknown in [
        "/api/v1/conferences?limit=0",
        "/api/v1/conferences?page=1",
        "/api/v1/sites?limit=x",
    ] {
        assert_eq!(
            world.get(unknown, &admin).await.status,
            StatusCode::BAD_REQUEST,
            "{unknown}"
        );
    }
    let accept = ("accept-encoding", "gzip".to_owned());
    let reply = world
        .call(Method::GET, "/api/openapi.json", &[accept], String::new())
        .await;
    assert_eq!(reply.header("content-encoding"), "gzip");
}

#[tokio::test]
async fn who_goes_astray_reads_a_page_and_a_program_a_sentence() {
    let world = World::new().await;
    let ask = async |path: &str, accept: &str| {
        let accept = ("accept", accept.to_owned());
        let reply = world
            .call(Method::GET, path, &[accept], String::new())
            .await;
        (reply.status, reply.header("content-type").to_owned())
    };
    let is_built = ask("/", "text/html").await.0 == StatusCode::OK;
    for path in ["/nonsense", "/nonsense/further"] {
        let (status, kind) = ask(path, "text/html,*/*").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(kind.starts_with("text/html"), is_built, "{path}: {kind}");
    }
    let (status, kind) = ask("/api/v1/nonsense", "text/html").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(kind, "application/json");
}

#[tokio::test]
async fn everybody_may_know_whom_to_call() {
    let world = World::new().await;
    let reply = world
        .call(Method::GET, "/contact.json", &[], String::new())
        .await;
    assert_eq!(reply.json(), json!({ "organiser": null }));
}

#[tokio::test]
async fn without_a_good_token_nothing_is_told() {
    let world = World::new().await;
    let reply = world.call(Method::GET, &path(""), &[], String::new()).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.header("www-authenticate"), "Bearer");
    assert_eq!(reply.json()["code"], "token_invalid");
    let reply = world.get(&path(""), "no.such.token").await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn each_role_reaches_what_is_its_own() {
    let world = World::new().await;
    let (admin, operator) = (world.admin(), world.token(Role::Operator, None));
    let site = world.token(Role::Site, Some("00004"));
    let foreign = world.token_for(Role::Operator, None, Some("other"), 600);
    let body = json!({"title": "x"});
    for (token, read, create) in [
        (&admin, StatusCode::OK, StatusCode::CREATED),
        (&operator, StatusCode::OK, StatusCode::FORBIDDEN),
        (&site, StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
        (&foreign, StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
    ] {
        assert_eq!(world.get(&path(""), token).await.status, read);
        assert_eq!(world.get(&path("/events"), token).await.status, read);
        assert_eq!(
            world.post("/api/v1/conferences", token, &body).await.status,
            create
        );
    }
}

#[tokio::test]
async fn a_conference_is_made_started_and_ended() {
    let world = World::new().await;
    let admin = world.admin();
    let body = json!({"id": "tap-huan", "title": "Tập huấn", "sites": ["00004", "01"]});
    let created = world.post("/api/v1/conferences", &admin, &body).await;
    assert_eq!(created.status, StatusCode::CREATED);
    assert_eq!(created.header("location"), "/api/v1/conferences/tap-huan");
    let snapshot = created.json();
    assert_eq!(
        (&snapshot["state"], &snapshot["presence"]["expected"]),
        (&json!("scheduled"), &json!(2))
    );
    let again = world.post("/api/v1/conferences", &admin, &body).await;
    assert_eq!(
        (again.status, &again.json()["code"]),
        (StatusCode::CONFLICT, &json!("conference_exists"))
    );
    let started = world
        .post("/api/v1/conferences/tap-huan/start", &admin, &Value::Null)
        .await;
    assert_eq!(started.json()["state"], "running");
    let ended = world
        .post("/api/v1/conferences/tap-huan/end", &admin, &Value::Null)
        .await;
    assert_eq!(ended.json()["state"], "ended");
    let late = world
        .post("/api/v1/conferences/tap-huan/start", &admin, &Value::Null)
        .await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let list = world.get("/api/v1/conferences", &admin).await.json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    let own = world
        .get("/api/v1/conferences", &world.token(Role::Operator, None))
        .await
        .json();
    assert_eq!(
        own.as_array().unwrap().len(),
        1,
        "an operator sees its own only"
    );
}

#[tokio::test]
async fn ending_a_conference_sends_everybody_away() {
    let world = World::new().await;
    let mut site = world.join(Role::Site, Some("00004")).await;
    world
        .post(&path("/end"), &world.admin(), &Value::Null)
        .await;
    let (_, closing, code) = site.end().await;
    assert_eq!(
        (&closing["reason"], code),
        (&json!("conference_ended"), 4009)
    );
    let mut late = world.connect().await;
    late.send(
        &json!({"type": "join", "protocol": 1, "token": world.token(Role::Site, Some("00004"))}),
    )
    .await;
    let (error, _, code) = late.end().await;
    assert_eq!(
        (&error["code"], code),
        (&json!("conference_not_running"), 4009)
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_reason() {
    let world = World::new().await;
    let admin = world.admin();
    for (body, word) in [
        (json!({"title": ""}), "title"),
        (json!({"title": "x", "room": 1}), "room"),
        (json!({"title": "x", "sites": ["99999"]}), "99999"),
        (json!({"title": "x", "id": "a/b"}), "a/b"),
    ] {
        let reply = world.post("/api/v1/conferences", &admin, &body).await;
        assert!(reply.status.is_client_error(), "{body}");
        assert!(
            reply.json()["message"].as_str().unwrap().contains(word),
            "{}",
            reply.text
        );
    }
    let missing = world.get("/api/v1/conferences/nowhere", &admin).await;
    assert_eq!(
        (missing.status, &missing.json()["code"]),
        (StatusCode::NOT_FOUND, &json!("conference_unknown"))
    );
    let nothing = world.get("/api/v2/x", &admin).await;
    assert_eq!(
        (nothing.status, &nothing.json()["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );
    // A list of all schools is read; these are not known.
    let schools: Vec<_> = (0..100_000).map(|n| format!("school-{n:07}")).collect();
    let many = json!({"title": "x", "sites": schools});
    let reply = world.post("/api/v1/conferences", &admin, &many).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND, "{}", reply.text);
    let large = json!({"title": "x".repeat(6_000_000)});
    let reply = world.post("/api/v1/conferences", &admin, &large).await;
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large"))
    );
    let bad = world.get(&path("/events?before=3"), &admin).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
    let bad = world.get(&path("/events?limit=0"), &admin).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn sites_are_imported_whole_or_not_at_all() {
    let world = World::new().await;
    let admin = world.admin();
    let wrong = "code,name,level,parent_code\n00012,Phường X,commune,77\n";
    let reply = world
        .post_text("/api/v1/sites/import", &admin, "text/csv", wrong)
        .await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(
        reply.json()["message"].as_str().unwrap().contains("line 2"),
        "{}",
        reply.text
    );
    let right = "code,name,level,parent_code\n00012,Phường X,commune,01\n";
    let reply = world
        .post_text("/api/v1/sites/import", &admin, "text/csv", right)
        .await;
    assert_eq!(
        reply.json(),
        json!({
            "added": 1, "changed": 0, "unchanged": 0, "hidden": 0, "removed": 0, "warnings": []
        })
    );
    let found = world
        .get("/api/v1/sites?search=ba%20dinh", &admin)
        .await
        .json();
    assert_eq!(found[0]["code"], "00004");
    let one = world.get("/api/v1/sites/00012", &admin).await.json();
    assert_eq!(one["parentCode"], "01");
    assert_eq!(
        world.get("/api/v1/sites/00099", &admin).await.status,
        StatusCode::NOT_FOUND
    );
    let site = world.token(Role::Site, Some("00004"));
    assert_eq!(
        world.get("/api/v1/sites", &site).await.status,
        StatusCode::FORBIDDEN
    );
    let reply = world
        .post_text("/api/v1/sites/import", &site, "text/csv", right)
        .await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_refused_everywhere() {
    let world = World::new().await;
    let admin = world.admin();
    let body = json!({
        "conference": CONFERENCE, "role": "operator", "ttlSeconds": 60, "subject": "ca trực"
    });
    let created = world.post("/api/v1/tokens", &admin, &body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let created = created.json();
    let token = created["token"].as_str().unwrap();
    assert_eq!(world.get(&path(""), token).await.status, StatusCode::OK);
    let id = created["id"].as_str().unwrap();
    let address = format!("/api/v1/tokens/{id}");
    let operator = bearer(&world.token(Role::Operator, None));
    let refused = world
        .call(Method::DELETE, &address, &[operator], String::new())
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let revoked = world
        .call(Method::DELETE, &address, &[bearer(&admin)], String::new())
        .await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    let refused = world.get(&path(""), token).await;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (StatusCode::UNAUTHORIZED, &json!("token_revoked"))
    );
    let mut client = world.connect().await;
    client
        .send(&json!({"type": "join", "protocol": 1, "token": token}))
        .await;
    let (error, closing, code) = client.end().await;
    assert_eq!((&error["code"], code), (&json!("token_revoked"), 4003));
    assert_eq!(closing["reason"], "token_revoked");
}

#[tokio::test]
async fn a_token_must_make_sense() {
    let world = World::new().await;
    for body in [
        json!({"conference": CONFERENCE, "role": "site", "ttlSeconds": 60}),
        json!({"conference": CONFERENCE, "role": "admin", "ttlSeconds": 60}),
        json!({"role": "operator", "ttlSeconds": 60}),
        json!({"conference": CONFERENCE, "role": "operator", "ttlSeconds": 0}),
    ] {
        let reply = world.post("/api/v1/tokens", &world.admin(), &body).await;
        assert_eq!(
            reply.status,
            StatusCode::BAD_REQUEST,
            "{body}: {}",
            reply.text
        );
    }
}

#[tokio::test]
async fn the_verbs_of_the_floor_work_by_telephone() {
    let world = World::new().await;
    let operator = world.token(Role::Operator, None);
    let site = world.join(Role::Site, Some("00004")).await;
    let id = site.participant().to_owned();
    let somebody = json!({"participant": id});

    let asked = world
        .post(&path("/floor/requests"), &operator, &somebody)
        .await;
    assert_eq!(
        asked.json()["queue"][0]["participant"],
        id.as_str(),
        "{}",
        asked.text
    );
    let again = world
        .post(&path("/floor/requests"), &operator, &somebody)
        .await;
    assert_eq!(
        (again.status, &again.json()["code"]),
        (StatusCode::CONFLICT, &json!("floor_already_requested"))
    );
    let granted = world
        .post(&path("/floor/grant"), &operator, &somebody)
        .await;
    assert_eq!(granted.json()["holder"]["participant"], id.as_str());
    let stage = world.get(&path("/stage"), &operator).await.json();
    assert_eq!(stage["second"], Value::Null, "nothing of it arrives");
    let yielded = world
        .post(&path("/floor/yield"), &operator, &somebody)
        .await;
    assert_eq!(yielded.json()["holder"], Value::Null);
    let revoked = world
        .post(&path("/floor/revoke"), &operator, &somebody)
        .await;
    assert_eq!(
        (revoked.status, &revoked.json()["code"]),
        (StatusCode::CONFLICT, &json!("floor_not_held"))
    );
}

#[tokio::test]
async fn the_stage_muting_and_sending_away_work_by_telephone() {
    let world = World::new().await;
    let operator = world.token(Role::Operator, None);
    let mut site = world.join(Role::Site, Some("00004")).await;
    let id = site.participant().to_owned();
    let place = json!({"place": "main", "participant": id});
    let stage = world
        .send_json(Method::PUT, &path("/stage"), &operator, &place)
        .await;
    assert_eq!(stage.json()["main"]["participant"], id.as_str());

    let mute = path(&format!("/participants/{id}/mute"));
    assert_eq!(
        world.post(&mute, &operator, &Value::Null).await.status,
        StatusCode::NO_CONTENT
    );
    site.wait_until("self", |own| own["muted"] == true).await;
    let list = world.get(&path("/participants"), &operator).await.json();
    assert_eq!(
        (list.as_array().unwrap().len(), &list[0]["muted"]),
        (1, &json!(true))
    );
    let unmute = path(&format!("/participants/{id}/unmute"));
    assert_eq!(
        world.post(&unmute, &operator, &Value::Null).await.status,
        StatusCode::NO_CONTENT
    );

    let own = world.token(Role::Site, Some("00004"));
    assert_eq!(
        world.post(&mute, &own, &Value::Null).await.status,
        StatusCode::FORBIDDEN
    );
    let address = path(&format!("/participants/{id}"));
    let removed = world
        .call(
            Method::DELETE,
            &address,
            &[bearer(&operator)],
            String::new(),
        )
        .await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(site.end().await.2, 4010);
    let gone = world
        .call(
            Method::DELETE,
            &address,
            &[bearer(&operator)],
            String::new(),
        )
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_log_is_read_piece_by_piece_and_is_a_chain() {
    let world = World::new().await;
    let site = world.join(Role::Site, Some("00004")).await;
    let admin = world.admin();
    let all = world.get(&path("/events"), &admin).await.json();
    let all = all.as_array().unwrap();
    assert_eq!(
        world.kinds().await,
        ["created", "rosterSet", "started", "joined"]
    );
    for pair in all.windows(2) {
        assert_eq!(pair[1]["prev"], pair[0]["hash"]);
    }
    let rest = world
        .get(&path("/events?after=2&limit=1"), &admin)
        .await
        .json();
    assert_eq!(rest, json!([all[2]]));
    drop(site);
}
