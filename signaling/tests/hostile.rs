//! Whatever bytes arrive where strangers may write, they are read or refused, and never a panic.

use std::sync::LazyLock;

use jiff::Timestamp;
use proptest::prelude::*;
use signaling::auth::Keys;
use signaling::auth::keyfile::SigningKey;
use signaling::protocol::{ClientMessage, ServerMessage};
use signaling::sites::read_csv;

static KEYS: LazyLock<Keys> =
    LazyLock::new(|| Keys::new(&SigningKey::from_seed(&[1; 32]), &[]).expect("one key is enough"));

/// JSON of any shape, with the words of the protocol more often than chance would have them.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let word = prop::sample::select(vec![
        "type",
        "id",
        "join",
        "offer",
        "sources",
        "participant",
        "mute",
        "ping",
        "protocol",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,20}".prop_map(serde_json::Value::String),
        word.clone().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|fields| {
                fields
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn messages(text in ".{0,200}", value in json()) {
        for text in [text, value.to_string()] {
            let client = serde_json::from_str::<ClientMessage>(&text);
            if let Ok(message) = client {
                let written = serde_json::to_string(&message).unwrap();
                prop_assert_eq!(serde_json::from_str::<ClientMessage>(&written).unwrap(), message);
            }
            drop(ServerMessage::decode(&text));
        }
    }

    #[test]
    fn tokens(parts in prop::collection::vec("[A-Za-z0-9_=-]{0,60}", 0..5), text in ".{0,100}") {
        for token in [parts.join("."), text] {
            prop_assert!(KEYS.verify(&token, Timestamp::UNIX_EPOCH).is_err());
        }
    }

    #[test]
    fn a_good_token_with_one_byte_changed(at in 0usize..400, to in "[A-Za-z0-9_.-]") {
        let id = signaling::ids::TokenId::generate(0, 0);
        let new = signaling::auth::NewToken {
            subject: Some("s".to_owned()),
            conference: Some("weekly".parse().unwrap()),
            site: None,
            role: signaling::auth::Role::Hall,
            name: None,
            valid_for: jiff::SignedDuration::from_hours(1),
            narrowing: signaling::auth::Narrowing::default(),
        };
        let good = KEYS.issue(new, id, Timestamp::UNIX_EPOCH).unwrap().token;
        prop_assume!(at < good.len());
        let mut changed = good.clone();
        changed.replace_range(at..=at, &to);
        let verified = KEYS.verify(&changed, Timestamp::UNIX_EPOCH);
        prop_assert_eq!(verified.is_ok(), changed == good);
    }

    #[test]
    fn lists_of_sites(rows in prop::collection::vec("[a-z0-9,\"\r\n ]{0,40}", 0..20), bytes: Vec<u8>) {
        let text = format!("code,name,level,parent_code\n{}", rows.join("\n"));
        for list in [text.as_bytes(), &bytes] {
            if let Ok(sites) = read_csv(list) {
                prop_assert!(!sites.is_empty());
            }
        }
    }
}
