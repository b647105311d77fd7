//! What the people plane reads: messages, the log, lists, tokens, settings.

use std::sync::LazyLock;

use jiff::Timestamp;
use signaling::auth::Keys;
use signaling::auth::keyfile::SigningKey;
use signaling::conference::Event;
use signaling::protocol::{ClientMessage, ServerMessage};
use signaling::sites::read_csv;

use super::Target;

/// Frames of a WebSocket, in both directions.
pub(super) const MESSAGE: Target = Target {
    name: "message",
    seeds: messages,
    run: message,
    short: 50_000,
};

/// Events as they are stored.
pub(super) const EVENT: Target = Target {
    name: "event",
    seeds: events,
    run: event,
    short: 50_000,
};

/// Lists of sites.
pub(super) const SITES: Target = Target {
    name: "sites",
    seeds: lists,
    run: sites,
    short: 20_000,
};

/// Bearer tokens.
pub(super) const TOKEN: Target = Target {
    name: "token",
    seeds: tokens,
    run: token,
    short: 5_000,
};

/// The configuration file.
pub(super) const SETTINGS: Target = Target {
    name: "settings",
    seeds: settings_files,
    run: settings,
    short: 2_000,
};

/// What WHIP and WHEP read beside offers: a query, `If-Match`, and a part of a session description,
/// a line each and the rest.
pub(super) const WHIP: Target = Target {
    name: "whip",
    seeds: whip_requests,
    run: whip,
    short: 50_000,
};

/// The JSON examples of the protocol's page: each block is one message.
fn messages() -> Vec<Vec<u8>> {
    let page = include_str!("../../../signaling/PROTOCOL.md");
    let blocks = page.split("```json").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    blocks.map(|block| block.trim().into()).collect()
}

fn message(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(message) = serde_json::from_str::<ClientMessage>(text) {
        let written = serde_json::to_string(&message).expect("what was read can be written");
        let again = serde_json::from_str::<ClientMessage>(&written);
        assert!(again.ok() == Some(message), "and read again: {written}");
    }
    let _ = ServerMessage::decode(text);
}

fn events() -> Vec<Vec<u8>> {
    let golden = include_str!("../../../signaling/tests/golden/events.json");
    let golden: serde_json::Value = serde_json::from_str(golden).expect("the golden file is JSON");
    let events = golden.as_array().into_iter().flatten();
    events.map(|event| event.to_string().into_bytes()).collect()
}

fn event(input: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<Event>(input) {
        let written = serde_json::to_string(&event).expect("what was read can be written");
        let again = serde_json::from_str::<Event>(&written);
        assert_eq!(again.ok(), Some(event), "the log is read as it was written");
    }
}

fn lists() -> Vec<Vec<u8>> {
    let tree = "code,name,level,parent_code\nVN,Trung ương,central,\n01,Hà Nội,province,VN\n\
                00004,Phường Ba Đình,commune,01\n";
    let quoted =
        "\u{feff}code,name,level,parent_code\r\n\"1\",\"a \"\"b\"\", c\",province,\"\"\r\n";
    vec![tree.into(), quoted.into()]
}

fn sites(input: &[u8]) {
    if let Ok(sites) = read_csv(input) {
        assert!(
            sites.len() <= input.len() / 2,
            "every site stands in the list"
        );
    }
}

static KEYS: LazyLock<Keys> =
    LazyLock::new(|| Keys::new(&SigningKey::from_seed(&[1; 32]), &[]).expect("one key is enough"));

fn tokens() -> Vec<Vec<u8>> {
    let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.";
    let eddsa = "eyJhbGciOiJFZERTQSIsImtpZCI6IngifQ.eyJzdWIiOiJ4IiwiYXVkIjoiZGluaCJ9.AAAA";
    vec![none.into(), eddsa.into()]
}

fn token(input: &[u8]) {
    if let Ok(token) = std::str::from_utf8(input) {
        let verified = KEYS.verify(token, Timestamp::UNIX_EPOCH);
        assert!(verified.is_err(), "nobody has signed it");
    }
}

fn settings_files() -> Vec<Vec<u8>> {
    vec![include_bytes!("../../../signaling/dinh.toml.sample").to_vec()]
}

fn settings(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(config) = toml::from_str::<signaling::config::Config>(text) {
        let _ = config.validate();
    }
}

fn whip_requests() -> Vec<Vec<u8>> {
    let trickle = "feed=programme\nW/\"a\", \"b\"\na=ice-ufrag:ab\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
                   a=candidate:1 x\r\n";
    let restart = "feed=main&other=1\n\"*\"\na=ice-ufrag:ab\r\na=ice-pwd:cd\r\na=mid:0\r\n";
    vec![trickle.into(), restart.into()]
}

fn whip(input: &[u8]) {
    let mut parts = input.splitn(3, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    signaling::testing::read_whip(part(), part(), part());
}
