//! The Debian package, of the binary that is being tested.

use std::path::Path;
use std::process::Command;

use crate::process::printed;

#[test]
fn the_package_installs_without_starting_anything_and_goes_without_taking_the_record() {
    let has_dpkg = Command::new("dpkg-shlibdeps").arg("--version").output();
    if has_dpkg.is_err() {
        return;
    }
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/debian");
    let directory = tempfile::tempdir().unwrap();
    let built = Command::new(scripts.join("build"))
        .arg(env!("CARGO_BIN_EXE_dinh"))
        .arg(directory.path())
        .env("QUICK", "1")
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", printed(&built));
    let package = String::from_utf8(built.stdout).unwrap();
    let checked = Command::new(scripts.join("check"))
        .arg(package.trim())
        .env("QUICK", "1")
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", printed(&checked));
}
