//! What one session was told of the conference, to be compared with what the server knows.
//!
//! Every state message is a whole value, so a session that missed none holds the server's values
//! at the end. What not everybody is told is left out of the comparison, and so are versions, some of
//! which count it.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use serde::Serialize;
use signaling::protocol::ServerMessage;
use signaling::protocol::server::{Claim, Floor, Own, Stage};

/// The messages that everybody gets, by type.
const KINDS: [&str; 4] = ["conference", "stage", "floor", "presence"];

/// The last state that one session was told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ledger {
    known: [Option<Known>; KINDS.len()],
    own: Option<Own>,
    messages: u64,
    out_of_order: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    version: u64,
    /// Of everything but the version.
    hash: u64,
}

impl Ledger {
    /// Takes a message; all but state are passed over.
    pub fn take(&mut self, message: &ServerMessage) {
        let (kind, version, hash) = match message {
            ServerMessage::Conference {
                version,
                conference,
            } => (0, *version, hash(conference)),
            ServerMessage::Stage(stage) => {
                let content = Stage {
                    version: 0,
                    ..stage.clone()
                };
                (1, stage.version, hash(&content))
            }
            ServerMessage::Floor(floor) => {
                // Who waits, and since when the holder is seen, is told to few; how many wait to all.
                let floor = floor.clone();
                let content = Floor {
                    version: 0,
                    queue: Vec::new(),
                    holder: floor.holder.map(|holder| Claim {
                        began: None,
                        ..holder
                    }),
                    ..floor
                };
                (2, floor.version, hash(&content))
            }
            ServerMessage::Presence { version, counts } => (3, *version, hash(counts)),
            ServerMessage::Own(own) => {
                self.messages += 1;
                self.own = Some(*own);
                return;
            }
            _ => return,
        };
        self.messages += 1;
        let Some(known) = self.known.get_mut(kind) else {
            return;
        };
        if known.is_some_and(|known| known.version > version) {
            // An older value would replace a newer one in a page as well.
            self.out_of_order += 1;
        }
        *known = Some(Known { version, hash });
    }

    /// Where the session itself stands.
    pub const fn own(&self) -> Option<Own> {
        self.own
    }

    /// State messages taken.
    pub const fn messages(&self) -> u64 {
        self.messages
    }

    /// Of them older than what was known.
    pub const fn out_of_order(&self) -> u64 {
        self.out_of_order
    }

    /// Counts what a former session of the same site was told, too.
    pub const fn add_former(&mut self, former: &Self) {
        self.messages += former.messages;
        self.out_of_order += former.out_of_order;
    }

    /// Types of which the last value is not the other's.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let pairs = self.known.iter().zip(&other.known).zip(KINDS);
        let hash = |known: &Option<Known>| known.map(|known| known.hash);
        pairs
            .filter(|((ours, theirs), _)| hash(ours) != hash(theirs))
            .map(|(_, kind)| kind)
            .collect()
    }

    /// All last values in one number.
    pub fn checksum(&self) -> u64 {
        let mut hasher = FxHasher::default();
        for known in &self.known {
            known.map(|known| known.hash).hash(&mut hasher);
        }
        hasher.finish()
    }
}

fn hash(value: &impl Serialize) -> u64 {
    let mut hasher = FxHasher::default();
    // Messages came as JSON, so they can be written as JSON.
    serde_json::to_string(value)
        .unwrap_or_default()
        .hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(version: u64, present: u32) -> ServerMessage {
        let text = format!(
            r#"{{"type":"presence","version":{version},"expected":3356,"present":{present},"lost":0}}"#
        );
        ServerMessage::decode(&text).unwrap().unwrap()
    }

    fn told(messages: &[ServerMessage]) -> Ledger {
        let mut ledger = Ledger::default();
        for message in messages {
            ledger.take(message);
        }
        ledger
    }

    #[test]
    fn whoever_was_told_the_same_last_knows_the_same() {
        let one = told(&[presence(1, 10), presence(5, 12)]);
        let other = told(&[presence(6, 12)]);
        assert_eq!(one.differences(&other), [""; 0]);
        assert_eq!(one.checksum(), other.checksum());
        assert_eq!((one.messages(), one.out_of_order()), (2, 0));
    }

    #[test]
    fn a_missed_message_is_a_difference_named_by_its_type() {
        let site = told(&[presence(1, 10)]);
        let server = told(&[presence(5, 12)]);
        assert_eq!(site.differences(&server), ["presence"]);
        assert_ne!(site.checksum(), server.checksum());
    }

    #[test]
    fn who_waits_for_the_floor_is_no_difference_and_how_many_wait_is() {
        let floor = |waiting: u32, queue: &str| {
            let text = format!(
                r#"{{"type":"floor","version":7,"holder":null,"waiting":{waiting},"queue":[{queue}]}}"#
            );
            told(&[ServerMessage::decode(&text).unwrap().unwrap()])
        };
        let claim = r#"{"participant":"00000000000000000000000001","site":"00004","name":"Ba","since":"2026-11-22T02:00:00Z"}"#;
        let (site, operator) = (floor(1, ""), floor(1, claim));
        assert_eq!(site.differences(&operator), [""; 0]);
        assert_eq!(site.differences(&floor(2, "")), ["floor"]);
    }

    #[test]
    fn an_older_value_after_a_newer_one_is_out_of_order() {
        let site = told(&[presence(5, 12), presence(1, 10)]);
        assert_eq!(site.out_of_order(), 1);
        assert_eq!(site.differences(&told(&[presence(5, 12)])), ["presence"]);
    }
}
