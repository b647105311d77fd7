//! The systemd unit, as systemd reads it where it is at hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::printed;

/// systemd's own measure of what a service could do if it were taken over: 10 is everything.
const MOST_EXPOSED: f64 = 2.0;

fn packaging(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../packaging")
        .join(name)
}

fn analyze(arguments: &[&str], unit: &Path) -> Option<String> {
    let mut command = Command::new("systemd-analyze");
    let output = command.args(arguments).arg(unit).output().ok()?;
    let text = printed(&output);
    assert!(output.status.success(), "{text}");
    Some(text)
}

#[test]
fn systemd_takes_every_line_of_the_unit() {
    let unit = std::fs::read_to_string(packaging("systemd/dinh.service")).unwrap();
    let unit = unit.replace("/usr/bin/dinh", env!("CARGO_BIN_EXE_dinh"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dinh.service");
    std::fs::write(&path, unit).unwrap();
    let said = analyze(&["verify", "--man=no"], &path).unwrap_or_default();
    let of_ours: Vec<_> = said
        .lines()
        .filter(|line| line.contains("dinh.service"))
        .collect();
    assert_eq!(of_ours, [""; 0]);
}

#[test]
fn the_unit_leaves_little_to_whoever_takes_the_server_over() {
    let arguments = ["security", "--offline=true", "--no-pager"];
    let Some(report) = analyze(&arguments, &packaging("systemd/dinh.service")) else {
        return;
    };
    let last = report
        .lines()
        .find(|line| line.contains("Overall exposure level"));
    let level = last.and_then(|line| line.split(": ").nth(1)?.split(' ').next()?.parse().ok());
    let level: f64 = level.unwrap_or_else(|| panic!("no level in {report}"));
    assert!(level <= MOST_EXPOSED, "{report}");
}

#[test]
fn a_configuration_that_cannot_be_used_is_not_tried_again() {
    let unit = std::fs::read_to_string(packaging("systemd/dinh.service")).unwrap();
    assert!(unit.contains("RestartPreventExitStatus=78"), "{unit}");
    let output = Command::new(env!("CARGO_BIN_EXE_dinh"))
        .args(["--config", "/nowhere/dinh.toml", "serve"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78), "{}", printed(&output));
}
