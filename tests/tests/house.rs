//! The invariants of ARCHITECTURE.md that a reader of `use` lines can check.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file below `directory` with this extension, as its path from the root and its text.
fn sources(directory: &str, extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(directory)];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("the source is there");
            waiting.extend(entries.map(|entry| entry.expect("the source can be listed").path()));
        } else if path.extension().is_some_and(|found| found == extension) {
            let name = path.strip_prefix(root()).expect("it is below the root");
            let text = fs::read_to_string(&path).expect("the source is text");
            found.push((name.display().to_string(), text));
        }
    }
    assert!(!found.is_empty(), "no .{extension} files below {directory}");
    found
}

/// The lines of code that contain one of `words`, comments apart, in files that `may_not`.
fn offenders(
    files: &[(String, String)],
    may_not: impl Fn(&str) -> bool,
    words: &[&str],
) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in files.iter().filter(|(name, _)| may_not(name)) {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    found
}

fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.contains("/tests/")
}

#[test]
fn the_reader_of_lines_finds_what_it_looks_for() {
    let files = [
        (
            "a.rs".to_owned(),
            "use axum::Router;\n// tokio::spawn\n".to_owned(),
        ),
        ("b.rs".to_owned(), "use axum::Json;\n".to_owned()),
    ];
    let found = offenders(&files, |name| name == "a.rs", &["axum::", "tokio::"]);
    assert_eq!(found, ["a.rs:1: use axum::Router;"]);
}

#[test]
fn every_rust_file_says_first_what_it_is_about() {
    let silent: Vec<_> = ["sfu", "signaling", "loadtest", "tests"]
        .iter()
        .flat_map(|member| sources(member, "rs"))
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(silent, [""; 0]);
}

#[test]
fn only_peers_sdp_and_turn_name_webrtc_crates() {
    let allowed = ["sfu/src/peer", "sfu/src/sdp", "sfu/src/turn"];
    let may_not = |name: &str| !allowed.iter().any(|start| name.starts_with(start));
    let found = offenders(&sources("sfu/src", "rs"), may_not, &["rtc_", "sansio::"]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn only_sdp_reads_session_descriptions() {
    let may_not = |name: &str| !name.starts_with("sfu/src/sdp");
    let found = offenders(&sources("sfu/src", "rs"), may_not, &["rtc_sdp::"]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn only_the_driver_touches_sockets_threads_and_the_clock() {
    let words = [
        "mio::",
        "socket2::",
        "quinn_udp::",
        "std::net::UdpSocket",
        "std::net::Tcp",
        "UdpSocket::",
        "std::thread",
        "thread::spawn",
        "thread::Builder",
        "Instant::now",
        "SystemTime::now",
    ];
    // `testing.rs` reads the clock once, for a fixed point that tests count from.
    let may_not = |name: &str| {
        !name.starts_with("sfu/src/driver") && name != "sfu/src/testing.rs" && !is_test(name)
    };
    let found = offenders(&sources("sfu/src", "rs"), may_not, &words);
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_media_plane_knows_nothing_of_people() {
    let words = ["signaling::", "axum::", "serde::", "sqlx::"];
    let found = offenders(&sources("sfu/src", "rs"), |_| true, &words);
    assert_eq!(found, [""; 0]);
}

#[test]
fn signaling_knows_no_ssrc() {
    let found = offenders(&sources("signaling/src", "rs"), |_| true, &["Ssrc", "ssrc"]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn one_file_of_the_web_client_names_the_peer_connection_and_two_those_of_the_check() {
    const MAY: [&str; 3] = [
        "web-client/src/peer.ts",
        "web-client/src/linecheck/way.ts",
        "web-client/src/linecheck/probe.ts",
    ];
    let may_not = |name: &str| !MAY.contains(&name);
    let words = ["RTCPeerConnection("];
    let found = [
        sources("web-client/src", "ts"),
        sources("web-client/src", "svelte"),
    ]
    .iter()
    .flat_map(|files| offenders(files, may_not, &words))
    .collect::<Vec<_>>();
    assert_eq!(found, [""; 0]);
}

#[test]
fn one_file_of_the_pages_opens_a_websocket() {
    let may_not = |name: &str| name != "web-client/src/socket.ts";
    let found = [
        sources("web-client/src", "ts"),
        sources("web-client/src", "svelte"),
    ]
    .iter()
    .flat_map(|files| offenders(files, may_not, &["new WebSocket("]))
    .collect::<Vec<_>>();
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_simulated_site_touches_neither_sockets_nor_the_clock() {
    let words = [
        "Instant::now",
        "SystemTime::now",
        "mio::",
        "quinn_udp::",
        "std::net::UdpSocket",
    ];
    let is_endpoint = |name: &str| name.starts_with("loadtest/src/endpoint") && !is_test(name);
    let found = offenders(&sources("loadtest/src", "rs"), is_endpoint, &words);
    assert_eq!(found, [""; 0]);
}

#[test]
fn nothing_is_left_to_do_in_a_comment() {
    let marks = ["TO".to_owned() + "DO", "FIX".to_owned() + "ME"];
    let mut found = Vec::new();
    for member in ["sfu", "signaling", "loadtest", "tests"] {
        for (name, text) in sources(member, "rs") {
            if marks.iter().any(|mark| text.contains(mark)) {
                found.push(name);
            }
        }
    }
    assert_eq!(found, [""; 0]);
}
