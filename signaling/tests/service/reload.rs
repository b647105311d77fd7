//! Settings that change while the real server runs: by signal, by command, and not at all.

use std::os::unix::fs::PermissionsExt as _;

use crate::process::{Service, printed};

fn start() -> Service {
    let mut service = Service::new();
    service.configure("[log]\nfilter = \"warn\"");
    service.start(&[]);
    service.await_log("started");
    service
}

/// Exit code and all that was printed.
fn reload(service: &Service) -> (bool, String) {
    let output = service.command(&["reload"]).output().unwrap();
    (output.status.success(), printed(&output))
}

#[test]
fn a_command_puts_in_force_what_it_can_and_names_what_needs_a_restart() {
    let service = start();
    let socket = std::fs::metadata(service.path("data/dinh.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    assert!(!service.log().contains("reload"), "{}", service.log());
    service.configure(
        "[log]\nfilter = \"info\"\n[sessions]\nresume_seconds = 31\n[auth]\nenforce_expiry = true",
    );
    let (done, said) = reload(&service);
    assert!(done, "{said}");
    assert!(said.contains("in force now: log.filter"), "{said}");
    for key in ["sessions.resume_seconds", "auth.enforce_expiry"] {
        let sentence = format!("`{key}` has changed and needs a restart");
        assert!(said.contains(&sentence), "{said}");
    }
    service.await_log("way=\"dinh reload\"");
}

#[test]
fn a_wrong_configuration_fails_the_command_and_the_server_goes_on() {
    let service = start();
    service.configure("[log]\nfilter = \"warn\"\n[sessions]\nping_seconds = 999");
    let (done, said) = reload(&service);
    assert!(
        !done && said.contains("`sessions.ping_seconds` is 999"),
        "{said}"
    );
    service.configure("[log]\nfilter = \"warn\"");
    let (done, said) = reload(&service);
    assert!(done && said.contains("nothing has changed"), "{said}");
}

#[test]
fn a_signal_reloads_and_the_access_log_says_what_came_of_it() {
    let service = start();
    service.configure("[log]\nfilter = \"warn\"\n[conferences]\norganiser = \"113\"");
    service.signal("HUP");
    service.await_log("in force now: conferences.organiser");
    service.configure("[conferences]\norganiser = 5");
    service.signal("HUP");
    service.await_log("nothing was changed: `conferences.organiser`");
}

#[test]
fn where_no_server_runs_there_is_nothing_to_reload() {
    let mut service = start();
    service.signal("TERM");
    assert!(service.wait().success());
    assert!(!service.path("data/dinh.sock").exists());
    let (done, said) = reload(&service);
    assert!(!done && said.contains("no server runs on"), "{said}");
}
