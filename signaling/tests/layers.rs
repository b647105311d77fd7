//! What the pure parts must not know is not in their text.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below a path, or the file itself.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).expect("the source is there");
    entries
        .flat_map(|entry| files(&entry.expect("the source can be listed").path()))
        .collect()
}

/// The lines of code in which one of `words` occurs.
fn uses(part: &str, words: &[&str]) -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(part);
    let files = files(&source);
    assert!(!files.is_empty(), "{part} has no files");
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("the source is text");
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code.filter(|line| words.iter().any(|word| line.contains(word))) {
            found.push(format!("{}: {line}", file.display()));
        }
    }
    found
}

const IO: [&str; 8] = [
    "tokio",
    "axum",
    "sqlx",
    "sfu::",
    "std::fs",
    "std::net",
    "std::thread",
    "reqwest",
];
const CLOCK_AND_CHANCE: [&str; 4] = [
    "Timestamp::now",
    "SystemTime::now",
    "rand::",
    "SystemRandom",
];

#[test]
fn the_conference_and_the_protocol_know_no_sockets_tasks_or_media() {
    for part in [
        "conference",
        "conference.rs",
        "protocol",
        "protocol.rs",
        "ids.rs",
        "sites",
        "booking",
        "booking.rs",
        "letters",
        "letters.rs",
        "sheets",
        "sheets.rs",
    ] {
        assert_eq!(uses(part, &IO), [""; 0]);
    }
}

#[test]
fn the_log_its_hashes_and_its_summaries_know_no_database() {
    for part in [
        "chain.rs",
        "log.rs",
        "projection",
        "projection.rs",
        "rows.rs",
    ] {
        assert_eq!(uses(&format!("store/{part}"), &IO), [""; 0]);
    }
}

#[test]
fn the_conference_the_protocol_and_tokens_read_no_clock_and_draw_no_lots() {
    for part in [
        "conference",
        "protocol",
        "ids.rs",
        "sites",
        "booking",
        "letters",
        "sheets",
        "sheets.rs",
        "auth/keys.rs",
        "auth/secret.rs",
    ] {
        assert_eq!(uses(part, &CLOCK_AND_CHANCE), [""; 0]);
    }
    for part in ["store", "store.rs"] {
        assert_eq!(uses(part, &CLOCK_AND_CHANCE), [""; 0]);
    }
}

/// Stored events outlive every version of the protocol, whose words are the conference's. Its
/// stories are told by what people are told, and know both.
#[test]
fn the_conference_knows_nothing_of_the_protocol() {
    let is_story = |line: &String| line.contains("conference/tests");
    for part in ["conference", "refusal.rs"] {
        let mut known = uses(part, &["protocol::"]);
        known.retain(|line| !is_story(line));
        assert_eq!(known, [""; 0]);
    }
}

#[test]
fn the_search_finds_what_it_looks_for() {
    assert_ne!(uses("store.rs", &IO), [""; 0]);
    assert_ne!(uses("auth/keyfile.rs", &CLOCK_AND_CHANCE), [""; 0]);
}
