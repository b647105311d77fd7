//! The texts of letters, as an office edits them.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, bearer};

const ONE: &str = "/api/v1/letters/invitation/vi";

/// The Vietnamese invitation, as it is listed.
async fn listed(world: &World) -> Value {
    let list = world.get("/api/v1/letters", &world.admin()).await.json();
    let letters = list.as_array().unwrap();
    assert_eq!(letters.len(), 6, "three kinds in two languages: {list}");
    let is_it = |letter: &&Value| letter["kind"] == "invitation" && letter["language"] == "vi";
    letters.iter().find(is_it).unwrap().clone()
}

async fn write(world: &World, version: u32, body: &str) -> (StatusCode, Value) {
    let text = json!({"version": version, "subject": "Mời {{ site }}", "body": body});
    let reply = world
        .send_json(Method::PUT, ONE, &world.admin(), &text)
        .await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn a_letter_is_edited_not_over_somebody_elses_edit_and_taken_back() {
    let world = World::new().await;
    let usual = listed(&world).await;
    assert_eq!(usual["isEdited"], false);
    assert_eq!(usual["version"], 0);
    let site = json!({"name": "site", "example": "Phường Ba Đình"});
    assert_eq!(usual["placeholders"][0], site);

    let (status, mine) = write(&world, 0, "Kính gửi {{ site }}\r\n{{ link }}").await;
    assert_eq!(status, StatusCode::OK, "{mine}");
    assert_eq!(mine["body"], "Kính gửi {{ site }}\n{{ link }}");
    assert_eq!(mine["isEdited"], true);
    assert_eq!(listed(&world).await, mine);

    let (status, refused) = write(&world, 0, "{{ link }}").await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (StatusCode::CONFLICT, Some("wrong_state"))
    );
    assert_eq!(listed(&world).await, mine);

    let reset = async |version: u32| {
        let path = format!("{ONE}?version={version}");
        let headers = [bearer(&world.admin())];
        world
            .call(Method::DELETE, &path, &headers, String::new())
            .await
    };
    assert_eq!(reset(0).await.status, StatusCode::CONFLICT);
    let back = reset(1).await;
    assert_eq!(back.status, StatusCode::OK, "{}", back.text);
    let back = back.json();
    assert_eq!(back["body"], usual["body"]);
    assert_eq!(
        (&back["isEdited"], &back["version"]),
        (&json!(false), &json!(2))
    );
    let (status, late) = write(&world, 1, "{{ link }}").await;
    assert_eq!(
        status,
        StatusCode::CONFLICT,
        "who has not seen that: {late}"
    );
}

#[tokio::test]
async fn a_text_that_cannot_be_written_is_refused_with_its_line_and_shown_in_a_preview() {
    let world = World::new().await;
    let (status, refused) = write(&world, 0, "a\n{{ sitte }}\n{{ link }}").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        refused["message"],
        "body, line 2: there is no such placeholder"
    );
    assert_eq!(listed(&world).await["isEdited"], false);

    let preview = async |body: &str| {
        let text = json!({"subject": "Mời {{ site }}", "body": body});
        let path = format!("{ONE}/preview");
        let reply = world.post(&path, &world.admin(), &text).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        reply.json()
    };
    let good = preview("{{ link }}").await;
    assert_eq!(good["subject"], "Mời Phường Ba Đình");
    assert_eq!(
        good["text"],
        "https://hop.example.vn/m/7KQM-2FJX-9VTP-3HWS\r\n"
    );
    assert_eq!(good["problem"], Value::Null);
    let wrong = preview("a\n{{ sitte }}\n{{ link }}").await;
    assert_eq!(wrong["text"], Value::Null);
    let problem =
        json!({"part": "body", "line": 2, "reason": "unknownPlaceholder", "found": "sitte"});
    assert_eq!(wrong["problem"], problem);
    let without = preview("a").await;
    assert_eq!(
        without["text"], "a\r\n",
        "what is there is shown beside what is missing"
    );
    assert_eq!(without["problem"]["reason"], "linkMissing");
    assert_eq!(listed(&world).await["version"], 0, "nothing is kept");
    let acts = world.get("/api/v1/acts", &world.admin()).await.json();
    let routes = acts.as_array().unwrap().iter().map(|act| &act["route"]);
    let routes: Vec<_> = routes
        .filter(|route| route.as_str().unwrap().contains("letters"))
        .collect();
    assert_eq!(
        routes,
        ["/api/v1/letters/{kind}/{language}"],
        "looking changes nothing"
    );
}

#[tokio::test]
async fn there_are_letters_of_these_kinds_and_languages_alone() {
    let world = World::new().await;
    let text = json!({"subject": "a", "body": "{{ link }}"});
    for path in [
        "/api/v1/letters/x/vi/preview",
        "/api/v1/letters/change/fr/preview",
    ] {
        let reply = world.post(path, &world.admin(), &text).await;
        assert!(reply.status.is_client_error(), "{path}: {}", reply.text);
    }
}
