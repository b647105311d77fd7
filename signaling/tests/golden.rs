//! The examples in PROTOCOL.md are the protocol: each is read and written back unchanged.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value;
use signaling::auth::{Role, Verb};
use signaling::protocol::{ClientMessage, ErrorCode, ServerMessage, endings};

const PROTOCOL: &str = include_str!("../PROTOCOL.md");

/// One fenced block: ```` ```json client join ````.
struct Example {
    side: &'static str,
    kind: &'static str,
    text: &'static str,
}

fn examples() -> Vec<Example> {
    PROTOCOL
        .split("```json ")
        .skip(1)
        .map(|block| {
            let (label, rest) = block.split_once('\n').expect("a label ends its line");
            let (text, _) = rest.split_once("\n```").expect("a block is closed");
            let (side, kind) = label
                .split_once(' ')
                .expect("a label has a side and a type");
            Example { side, kind, text }
        })
        .collect()
}

fn of(side: &'static str) -> impl Iterator<Item = Example> {
    examples()
        .into_iter()
        .filter(move |example| example.side == side)
}

/// Every variant of a message by its `type`, from the error that an unknown one causes.
fn kinds<T: DeserializeOwned>() -> BTreeSet<String> {
    let Err(error) = serde_json::from_str::<T>(r#"{"type":"?"}"#) else {
        panic!("there is no message `?`");
    };
    let error = error.to_string();
    let (_, list) = error
        .split_once("expected one of ")
        .expect("serde lists the variants");
    let is_word = |word: &&str| !word.is_empty() && word.chars().all(char::is_alphanumeric);
    list.split('`').filter(is_word).map(Into::into).collect()
}

#[test]
fn client_examples_are_read_and_written_back_unchanged() {
    for example in of("client") {
        let message: ClientMessage = serde_json::from_str(example.text)
            .unwrap_or_else(|error| panic!("{}: {error}", example.kind));
        let written = serde_json::to_value(&message).unwrap();
        assert_eq!(
            written,
            serde_json::from_str::<Value>(example.text).unwrap()
        );
        assert_eq!(message.kind(), example.kind);
    }
}

#[test]
fn server_examples_are_read_and_written_back_unchanged() {
    for example in of("server") {
        let message = ServerMessage::decode(example.text)
            .unwrap_or_else(|error| panic!("{}: {error}", example.kind))
            .unwrap_or_else(|| panic!("{} is not known", example.kind));
        let written = serde_json::to_value(&message).unwrap();
        assert_eq!(
            written,
            serde_json::from_str::<Value>(example.text).unwrap()
        );
        assert_eq!(written["type"], example.kind);
    }
}

#[test]
fn every_message_has_an_example() {
    let shown = |side| {
        of(side)
            .map(|example| example.kind.to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert!(
        kinds::<ClientMessage>().len() > 10,
        "{:?}",
        kinds::<ClientMessage>()
    );
    assert_eq!(shown("client"), kinds::<ClientMessage>());
    assert_eq!(shown("server"), kinds::<ServerMessage>());
    assert_eq!(
        kinds::<ServerMessage>(),
        ServerMessage::KINDS
            .iter()
            .map(|&kind| kind.into())
            .collect()
    );
}

#[test]
fn an_unknown_field_is_refused_in_every_client_message() {
    for example in of("client") {
        let mut message: Value = serde_json::from_str(example.text).unwrap();
        message["surprise"] = Value::Bool(true);
        let read = serde_json::from_value::<ClientMessage>(message);
        assert!(read.is_err(), "{} accepts an unknown field", example.kind);
    }
}

/// Fields that older programs do not write: without them a message means what it always did.
const MAY_BE_LEFT_OUT: [(&str, &str); 2] = [("grantFloor", "instead"), ("mute", "soundOnly")];

#[test]
fn a_missing_field_is_refused_in_every_client_message() {
    for example in of("client") {
        let message: Value = serde_json::from_str(example.text).unwrap();
        for field in message.as_object().unwrap().keys() {
            if MAY_BE_LEFT_OUT.contains(&(example.kind, field)) {
                continue;
            }
            let mut less = message.clone();
            less.as_object_mut().unwrap().remove(field);
            let read = serde_json::from_value::<ClientMessage>(less);
            assert!(read.is_err(), "{} does without {field}", example.kind);
        }
    }
}

#[test]
fn a_client_ignores_what_a_newer_server_adds() {
    for example in of("server") {
        let mut message: Value = serde_json::from_str(example.text).unwrap();
        message["surprise"] = Value::Bool(true);
        let read = ServerMessage::decode(&message.to_string());
        assert!(matches!(read, Ok(Some(_))), "{}: {read:?}", example.kind);
    }
    assert_eq!(
        ServerMessage::decode(r#"{"type":"surprise","x":1}"#).unwrap(),
        None
    );
    assert!(ServerMessage::decode(r#"{"type":"ok"}"#).is_err());
    assert!(ServerMessage::decode("nonsense").is_err());
}

#[test]
fn every_error_code_is_in_the_table() {
    for &code in ErrorCode::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        assert!(PROTOCOL.contains(&format!("`{code}`")), "{code}");
    }
}

#[test]
fn what_every_ending_means_is_what_was_agreed() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/endings.json");
    let current = serde_json::to_string_pretty(&endings::table()).unwrap() + "\n";
    let agreed = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        agreed == current,
        "what an ending means has changed; if that is meant, {file} becomes\n{current}"
    );
}

#[test]
fn what_every_ending_means_stands_in_the_document() {
    for row in endings::table() {
        let begins = format!("| {} | `{}` |", row.close_code, row.reason);
        let line = PROTOCOL
            .lines()
            .find(|line| line.starts_with(&begins))
            .unwrap_or_else(|| panic!("there is no row {begins}"));
        let come_back = match row.seconds {
            _ if row.come_back == "never" => "no".to_owned(),
            None => "at once, with the token".to_owned(),
            Some(seconds) => format!("after `retryAfterSeconds` ({seconds} if it was not heard)"),
        };
        assert!(
            line.ends_with(&format!("| {come_back} |")),
            "not {come_back:?}: {line}"
        );
    }
}

#[test]
fn every_refusal_of_a_join_says_when_to_come_back_as_its_closing_does() {
    for code in ErrorCode::ALL {
        let closing = code.closes_with();
        if let Some(by_code) = endings::come_back(code.as_str()) {
            assert_eq!(by_code, closing.come_back(), "{code}");
        }
    }
}

#[test]
fn a_logged_message_shows_neither_token_nor_secret_nor_sdp() {
    for example in of("client") {
        let message: ClientMessage = serde_json::from_str(example.text).unwrap();
        let logged = format!("{message:?}");
        for hidden in ["eyJ", "mEwZ0Qx3m0yQ2w8hG6bq9w", "v=0"] {
            assert!(!logged.contains(hidden), "{logged}");
        }
    }
}

#[test]
fn the_table_of_rights_is_the_one_in_force() {
    for verb in Verb::ALL {
        let begins = format!("| {} |", verb.name());
        let row = PROTOCOL
            .lines()
            .find(|line| line.starts_with(&begins))
            .unwrap_or_else(|| panic!("{begins} has no row"));
        let cells: Vec<_> = row
            .split('|')
            .skip(2)
            .take(Role::ALL.len())
            .map(str::trim)
            .collect();
        let reach = Role::ALL.map(|role| role.reach(*verb).map_or("", Into::into));
        assert_eq!(cells, reach, "{verb:?}");
        let named = row.split('|').nth(Role::ALL.len() + 2).map(str::trim);
        let name = format!("`{}`", verb.as_str());
        assert_eq!(named, Some(&*name), "how scopes name {verb:?}");
    }
}
