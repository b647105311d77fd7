//! `dinh doctor` in set-ups that are broken: it names the culprit.

use std::net::TcpListener;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;
use signaling::testing;

use crate::process::{Service, printed};

/// What came of it, and the findings as `step verdict advice`.
fn examine(service: &Service, arguments: &[&str]) -> (bool, Vec<String>) {
    let mut all = vec!["doctor", "--json"];
    all.extend(arguments);
    let output = service.command(&all).output().unwrap();
    let said = printed(&output);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let lines = report["findings"].as_array().unwrap().iter();
    let lines = lines.map(|finding| {
        ["step", "verdict", "advice"]
            .map(|key| text(finding, key))
            .join(" ")
    });
    (output.status.success(), lines.collect())
}

fn has(lines: &[String], start: &str, part: &str) {
    let found = lines
        .iter()
        .any(|line| line.starts_with(start) && line.contains(part));
    assert!(found, "no {start}…{part} in {lines:#?}");
}

/// A server with a certificate for `localhost` that is good until then.
fn secured(until: i32) -> Service {
    let service = Service::new();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let [chain, private] = ["chain.pem", "key.pem"].map(|name| service.path(name));
    std::fs::write(&chain, certificate.pem()).unwrap();
    std::fs::write(&private, key.serialize_pem()).unwrap();
    service.configure(&format!(
        "[tls]\ncertificate = \"{}\"\nkey = \"{}\"",
        chain.display(),
        private.display()
    ));
    service
}

fn started(mut service: Service) -> Service {
    service.start(&[]);
    service.await_log("started");
    service
}

#[test]
fn a_port_that_somebody_else_has_is_named_with_its_setting() {
    let service = Service::new();
    let (_, before) = examine(&service, &[]);
    has(&before, "port good", "");
    let _other = TcpListener::bind(service.http()).unwrap();
    let (works, findings) = examine(&service, &[]);
    assert!(!works);
    has(&findings, "port bad", "choose another `http.listen`");
    assert!(!service.path("data").exists(), "looking has made data");
}

#[test]
fn an_address_that_nobody_reaches_is_named() {
    let service = Service::new();
    service.configure("[conferences]\norganiser = \"113\"\n");
    let variables = [("DINH_MEDIA__ADVERTISE", "[\"127.0.0.1\"]")];
    let output = service
        .command(&["doctor"])
        .envs(variables)
        .output()
        .unwrap();
    let said = printed(&output);
    assert!(!output.status.success());
    assert!(
        said.contains("take 127.0.0.1 out of media.advertise"),
        "{said}"
    );
}

#[test]
fn a_disk_that_cannot_be_written_to_is_named() {
    let service = Service::new();
    let variables = [("DINH_DATA_DIR", "/proc/dinh")];
    let output = service
        .command(&["doctor"])
        .envs(variables)
        .output()
        .unwrap();
    let said = printed(&output);
    assert!(said.contains("BAD  disk"), "{said}");
    assert!(!output.status.success());
}

#[test]
fn the_way_to_a_server_is_gone_step_by_step() {
    let service = started(Service::new());
    let url = format!("http://{}", service.http());
    let (works, findings) = examine(&service, &["--against", &url]);
    for step in ["name", "tcp", "ready", "clock", "websocket"] {
        has(&findings, &format!("{step} good"), "");
    }
    for step in [
        "media-udp",
        "media-tcp",
        "media-turn",
        "loss",
        "packet-size",
    ] {
        has(&findings, &format!("{step} good"), "");
    }
    assert!(works, "{findings:#?}");
    let nowhere = testing::free_address();
    let (works, findings) = examine(&service, &["--against", &format!("http://{nowhere}")]);
    assert!(!works);
    has(&findings, "tcp bad", "no server there");
    let (_, findings) = examine(&service, &["--against", "https://no-such-name.invalid"]);
    has(&findings, "name bad", "resolver");
    let (_, findings) = examine(
        &service,
        &["--against", &format!("https://{}", service.http())],
    );
    has(&findings, "tls bad", "does not speak TLS");
}

#[test]
fn a_certificate_that_nobody_trusts_is_told_from_one_that_has_ended() {
    let service = started(secured(2090));
    let url = format!("https://localhost:{}", service.http().port());
    let (_, findings) = examine(&service, &["--against", &url]);
    has(&findings, "tls bad", "nobody here trusts");
    let ca = service.path("chain.pem").display().to_string();
    let (_, findings) = examine(&service, &["--against", &url, "--ca", &ca]);
    has(&findings, "tls good", "");
    has(&findings, "websocket good", "");
    let ended = started(secured(2021));
    let (works, findings) = examine(&ended, &[]);
    assert!(!works);
    has(&findings, "certificate bad", "put a new one");
    let url = format!("https://localhost:{}", ended.http().port());
    let ca = ended.path("chain.pem").display().to_string();
    let (_, findings) = examine(&ended, &["--against", &url, "--ca", &ca]);
    has(&findings, "tls bad", "has ended");
    for arguments in [&[][..], &["--against", &url, "--ca", &ca]] {
        let output = ended
            .command(&[&["doctor", "--json"], arguments].concat())
            .output()
            .unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            [&said["cause"], &said["code"]],
            ["certificateExpired", "T1"],
            "{said:#}"
        );
    }
}
