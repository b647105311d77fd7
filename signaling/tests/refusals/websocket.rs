//! Frames that are too large, too many, not text, not JSON, or not what was asked for.

use serde_json::{Value, json};
use signaling::auth::{Role, Verb};
use signaling::protocol::{ErrorCode, MAX_FRAME_BYTES, ServerMessage};
use tokio_tungstenite::tungstenite::Message;

use crate::house::{CONFERENCE, Heard, House, Socket};

#[tokio::test]
async fn whoever_does_not_begin_with_join_or_resume_is_sent_away() {
    let house = House::open().await;
    for first in [
        r#"{"type":"ping"}"#,
        r#"{"type":"requestFloor","id":1}"#,
        r#"{"type":"leave"}"#,
    ] {
        let mut socket = house.socket().await;
        socket.text(first).await;
        assert_eq!(socket.error().await, "join_first", "{first}");
        assert_eq!(socket.close().await.0, 4000, "{first}");
    }
}

#[tokio::test]
async fn a_first_message_that_makes_no_sense_is_refused() {
    let house = House::open().await;
    for first in [
        "",
        "hello",
        "[]",
        "{}",
        r#"{"type":"join"}"#,
        r#"{"type":"join","protocol":1,"token":7}"#,
        r#"{"type":"join","protocol":1,"token":"x","admin":true}"#,
        r#"{"type":"resume","protocol":1,"session":"x","secret":"y"}"#,
        r#"{"type":"welcome"}"#,
    ] {
        let mut socket = house.socket().await;
        socket.text(first).await;
        assert_eq!(socket.error().await, "bad_message", "{first}");
        assert_eq!(
            socket.close().await,
            (4000, "bad_message".to_owned()),
            "{first}"
        );
    }
}

#[tokio::test]
async fn another_protocol_is_named() {
    let house = House::open().await;
    let token = house.token(Role::Site);
    let mut socket = house.socket().await;
    socket
        .text(json!({"type": "join", "protocol": 2, "token": token}).to_string())
        .await;
    assert_eq!(socket.error().await, "unsupported_protocol");
}

#[tokio::test]
async fn silence_is_not_a_first_message() {
    let house = House::with(|config| config.sessions.handshake_timeout_seconds = 1).await;
    let mut socket = house.socket().await;
    assert_eq!(socket.error().await, "join_first");
    assert_eq!(socket.close().await.0, 4000);
}

#[tokio::test]
async fn a_session_nobody_has_is_unknown_and_so_is_a_wrong_secret() {
    let house = House::open().await;
    let mut socket = house.socket().await;
    socket.join(&house.token(Role::Site)).await;
    let Heard::Message(ServerMessage::Welcome(welcome)) = socket.next().await else {
        panic!("a good token is welcome");
    };
    let session = welcome.session.to_string();
    let nobody = "01JD8Y6Q0B3W5RZ1TQK8V4M2NC";
    let wrong = "AAAAAAAAAAAAAAAAAAAAAA";
    for (session, secret) in [
        (nobody, welcome.secret.as_str()),
        (&*session, wrong),
        (&*session, ""),
        (&*session, "not base 64 of the right length"),
    ] {
        let mut stranger = house.socket().await;
        let resume = json!(
            {"type": "resume", "protocol": 1, "session": session, "secret": secret}
        );
        stranger.text(resume.to_string()).await;
        assert_eq!(stranger.error().await, "session_unknown");
        assert_eq!(stranger.close().await, (4004, "session_unknown".to_owned()));
    }
    // The session's own connection has not noticed anything.
    socket.text(r#"{"type":"ping"}"#).await;
    loop {
        match socket.next().await {
            Heard::Message(ServerMessage::Pong {}) => break,
            Heard::Message(_) => {}
            end => panic!("{end:?}"),
        }
    }
}

#[tokio::test]
async fn a_frame_over_the_limit_ends_the_session() {
    let house = House::open().await;
    let mut socket = house.joined(Role::Site).await;
    let sdp = "x".repeat(MAX_FRAME_BYTES);
    socket
        .text(json!({"type": "restartIce", "id": 1, "sdp": sdp}).to_string())
        .await;
    assert_eq!(socket.error().await, "too_large");
    assert_eq!(socket.close().await, (4000, "too_large".to_owned()));
}

#[tokio::test]
async fn a_monstrous_frame_is_not_held_in_memory() {
    let house = House::open().await;
    let mut socket = house.socket().await;
    socket.text("x".repeat(8 * 1024 * 1024)).await;
    let mut ended = false;
    for _ in 0..4 {
        ended |= !matches!(
            socket.next().await,
            Heard::Message(ServerMessage::Welcome(_))
        );
    }
    assert!(ended);
    // The server goes on.
    house.joined(Role::Site).await;
}

#[tokio::test]
async fn a_binary_frame_ends_the_session() {
    let house = House::open().await;
    let mut socket = house.joined(Role::Site).await;
    socket.say(Message::binary(vec![0, 1, 2])).await;
    assert_eq!(socket.error().await, "bad_message");
    assert_eq!(socket.close().await.0, 4000);
}

#[tokio::test]
async fn a_message_that_makes_no_sense_is_refused_and_the_session_goes_on() {
    let house = House::open().await;
    let mut socket = house.joined(Role::Site).await;
    for nonsense in [
        "x",
        r#"{"type":"surprise","id":1}"#,
        r#"{"type":"requestFloor"}"#,
        r#"{"type":"requestFloor","id":0}"#,
        r#"{"type":"requestFloor","id":9007199254740992}"#,
        r#"{"type":"requestFloor","id":1,"for":"me"}"#,
        r#"{"type":"leave","why":"?"}"#,
        r#"{"type":"join","protocol":1,"token":"again"}"#,
    ] {
        socket.text(nonsense).await;
        assert_eq!(socket.error().await, "bad_message", "{nonsense}");
    }
    socket.text(r#"{"type":"requestFloor","id":1}"#).await;
    loop {
        match socket.next().await {
            Heard::Message(ServerMessage::Ok { id }) => break assert_eq!(id.get(), 1),
            Heard::Message(_) => {}
            end => panic!("{end:?}"),
        }
    }
}

#[tokio::test]
async fn an_error_names_the_request_it_answers() {
    let house = House::open().await;
    let mut socket = house.joined(Role::Site).await;
    for (request, id) in [
        (
            r#"{"type":"mute","id":7,"participant":"01JD8Y6Q0B9FJ3V2K7T5C4X1HE","muted":true}"#,
            7,
        ),
        (r#"{"type":"surprise","id":8}"#, 8),
    ] {
        socket.text(request).await;
        let answered = loop {
            match socket.next().await {
                Heard::Message(ServerMessage::Error { id, .. }) => break id,
                Heard::Message(_) => {}
                end => panic!("{end:?}"),
            }
        };
        assert_eq!(answered.map(|id| id.get()), Some(id));
    }
}

/// What is asked over a session, and the right that it needs.
pub(crate) fn requests() -> [(Verb, Value); 9] {
    let somebody = "01JD8Y6Q0B9FJ3V2K7T5C4X1HE";
    [
        (
            Verb::GrantFloor,
            json!({"type": "grantFloor", "id": 1, "participant": somebody}),
        ),
        (
            Verb::RevokeFloor,
            json!({"type": "revokeFloor", "id": 2, "participant": somebody}),
        ),
        (
            Verb::Mute,
            json!({"type": "mute", "id": 3, "participant": somebody, "muted": true}),
        ),
        (
            Verb::Remove,
            json!({"type": "remove", "id": 4, "participant": somebody}),
        ),
        (
            Verb::Readmit,
            json!({"type": "readmit", "id": 5, "participant": somebody}),
        ),
        (
            Verb::SetStage,
            json!({"type": "setStage", "id": 6, "place": "main", "participant": null}),
        ),
        (
            Verb::Watch,
            json!({"type": "watch", "id": 7, "mid": "9", "participant": null}),
        ),
        (Verb::RequestFloor, json!({"type": "requestFloor", "id": 8})),
        (
            Verb::Publish,
            json!({"type": "publish", "id": 9, "source": "camera", "active": true}),
        ),
    ]
}

/// Whether the next request to be answered was not refused for want of a right.
pub(crate) async fn is_permitted(socket: &mut Socket) -> bool {
    loop {
        match socket.next().await {
            Heard::Message(ServerMessage::Ok { .. }) => return true,
            Heard::Message(ServerMessage::Error { code, .. }) => {
                return code != ErrorCode::NotPermitted;
            }
            Heard::Message(_) => {}
            end => panic!("{end:?}"),
        }
    }
}

#[tokio::test]
async fn over_a_session_every_role_may_do_exactly_what_the_table_says() {
    let house = House::open().await;
    let requests = requests();
    for role in Role::ALL.into_iter().filter(|role| role.may(Verb::Join)) {
        let mut socket = house.joined(role).await;
        for (verb, request) in &requests {
            let before = house.log().await;
            socket.text(request.to_string()).await;
            let is_permitted = is_permitted(&mut socket).await;
            assert_eq!(is_permitted, role.may(*verb), "{role}: {request}");
            if !is_permitted {
                assert_eq!(house.log().await, before, "{role}: {request}");
            }
        }
    }
}

#[tokio::test]
async fn a_flood_is_refused_and_then_cut_off() {
    let house = House::open().await;
    let mut socket = house.joined(Role::Site).await;
    for _ in 0..200 {
        socket.text(r#"{"type":"ping"}"#).await;
    }
    assert_eq!(socket.error().await, "rate_limited");
    let (code, reason) = socket.close().await;
    assert_eq!((code, &*reason), (4008, "rate_limited"));
}

#[tokio::test]
async fn who_is_refused_leaves_nothing_behind() {
    let house = House::open().await;
    let before = house.log().await;
    for first in [
        "x",
        r#"{"type":"ping"}"#,
        r#"{"type":"join","protocol":1,"token":"x"}"#,
    ] {
        let mut socket = house.socket().await;
        socket.text(first).await;
        socket.close().await;
    }
    let conference = house
        .server
        .app()
        .directory
        .find(&crate::house::id_of(CONFERENCE))
        .await;
    let conference = conference.expect("the conference is there");
    assert_eq!(conference.participants().await.expect("it answers"), []);
    assert_eq!(house.log().await, before);
    assert_eq!(house.server.app().metrics.participants(), 0);
}
