//! The image, without an engine to build it: what it is built from is there, and what it runs with fits the
//! server.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::printed;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// What stands behind this instruction, line for line.
fn instructions<'a>(dockerfile: &'a str, name: &str) -> Vec<&'a str> {
    let lines = dockerfile.lines().map(str::trim);
    lines
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .collect()
}

#[test]
fn everything_that_the_image_is_built_from_is_there_and_reaches_the_builder() {
    let ignored = read(".dockerignore");
    let dockerfile = read("packaging/container/Dockerfile");
    let copies = instructions(&dockerfile, "COPY");
    let from_here: Vec<_> = copies
        .iter()
        .filter(|copy| !copy.starts_with("--from"))
        .collect();
    assert!(from_here.len() > 5, "{from_here:?}");
    for copy in from_here {
        let mut words: Vec<_> = copy.split_whitespace().collect();
        words.pop();
        for source in words {
            let place = root().join(source);
            let there = place.exists() || place.join("docs.txt").exists();
            assert!(there, "{source} is not there");
            let first = source
                .trim_end_matches('/')
                .split('/')
                .next()
                .unwrap_or_default();
            let passes = ignored.lines().any(|line| {
                line.strip_prefix('!')
                    .is_some_and(|kept| kept == source || kept == first)
            });
            assert!(passes, ".dockerignore keeps {source} away");
        }
    }
}

#[test]
fn the_image_runs_without_rights_and_with_settings_that_are_some() {
    let dockerfile = read("packaging/container/Dockerfile");
    let last = dockerfile.rsplit("\nFROM ").next().unwrap_or_default();
    let user = instructions(last, "USER");
    assert!(
        matches!(user[..], [user] if !user.starts_with('0') && user != "root"),
        "{user:?}"
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_dinh"));
    let variables = instructions(last, "ENV")
        .into_iter()
        .filter_map(|line| line.split_once('='));
    let output = command
        .envs(variables)
        .args(["config", "check"])
        .output()
        .unwrap();
    let said = printed(&output);
    assert!(output.status.success(), "{said}");
    let volume = instructions(last, "VOLUME").concat();
    assert!(said.contains(&format!("data_dir = \"{volume}\"")), "{said}");
    let exposed: Vec<_> = instructions(last, "EXPOSE")
        .concat()
        .split(' ')
        .map(str::to_owned)
        .collect();
    for (key, port) in [
        ("listen = \"[::]:7900\"", "7900/tcp"),
        ("port = 7910", "7910/udp"),
    ] {
        assert!(said.contains(key), "{said}");
        assert!(exposed.iter().any(|one| one == port), "{exposed:?}");
    }
}

#[test]
fn compose_sets_what_the_server_knows() {
    let compose = read("packaging/container/compose.yaml");
    let lines = compose.lines().map(str::trim);
    let settings = lines
        .filter(|line| line.starts_with("DINH_"))
        .filter_map(|line| line.split_once(": "));
    let settings: Vec<_> = settings
        .map(|(name, value)| (name, value.trim_matches(['"', '\''])))
        .collect();
    assert!(settings.len() > 2, "{settings:?}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dinh"));
    let output = command
        .envs(settings)
        .args(["config", "check"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", printed(&output));
}
