//! `dinh doctor` names the right culprit in set-ups that are broken, with the real binary at both ends of
//! a network that is made for it.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;

use crate::network::{Network, SERVER};
use crate::process::{PATIENCE, Service, printed};

const DINH: &str = env!("CARGO_BIN_EXE_dinh");

/// A server behind a router, and somebody at the other side of it.
struct SetUp {
    network: Network,
    service: Service,
    child: Child,
}

impl SetUp {
    /// With these lines more in the configuration.
    fn new(more: &str) -> Self {
        let network = Network::new();
        let service = Service::new();
        let mut params = CertificateParams::new([SERVER.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2090, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let [chain, private] = ["chain.pem", "key.pem"].map(|name| service.path(name));
        std::fs::write(&chain, certificate.pem()).unwrap();
        std::fs::write(&private, key.serialize_pem()).unwrap();
        let config = service.path("network.toml");
        let text = format!(
            "data_dir = \"{}\"\nhttp.listen = \"0.0.0.0:7900\"\nadmin.listen = \"127.0.0.1:7909\"\n\
             media.port = 7910\nmedia.shards = 1\ntls.certificate = \"{}\"\ntls.key = \"{}\"\n{more}",
            service.path("data").display(),
            chain.display(),
            private.display(),
        );
        std::fs::write(&config, text).unwrap();
        let log = File::create(service.path("log")).unwrap();
        let mut command = network.at_server(DINH);
        command.arg("--config").arg(&config).arg("serve");
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        service.await_log("started");
        Self {
            network,
            service,
            child,
        }
    }

    /// What is found from the other side.
    fn found(&self) -> Report {
        let url = format!("https://{SERVER}:7900");
        let mut command = self.network.at_client(DINH);
        command.args(["doctor", "--json", "--against", &url, "--ca"]);
        command.arg(self.service.path("chain.pem"));
        Report::of(&mut command)
    }
}

impl Drop for SetUp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `dinh doctor --json` says.
struct Report(Value);

impl Report {
    fn of(command: &mut Command) -> Self {
        let start = Instant::now();
        let output = command.output().unwrap();
        assert!(start.elapsed() < PATIENCE);
        let said = printed(&output);
        let report = serde_json::from_slice(&output.stdout);
        Self(report.unwrap_or_else(|_| panic!("{said}")))
    }

    fn names(&self, cause: &str) {
        let named = self.0["cause"].as_str().unwrap_or("nothing");
        assert_eq!(named, cause, "{:#}", self.0["findings"]);
    }

    fn finding(&self, step: &str) -> &Value {
        let findings = self.0["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["step"] == step);
        found.unwrap_or_else(|| panic!("no {step} in {findings:#?}"))
    }
}

/// What is found where the router does this.
fn found_where(rules: &[&str]) -> Option<Report> {
    if !Network::is_possible() {
        return None;
    }
    let set_up = SetUp::new("");
    set_up.network.rule(rules);
    Some(set_up.found())
}

#[test]
fn where_everything_passes_nothing_is_named_and_every_means_was_tried() {
    let Some(report) = found_where(&[]) else {
        return;
    };
    report.names("nothing");
    for step in [
        "media-udp",
        "media-tcp",
        "media-turn",
        "round-trip",
        "loss",
        "rate",
        "packet-size",
    ] {
        assert_eq!(report.finding(step)["verdict"], "good", "{:#}", report.0);
    }
}

#[test]
fn blocked_udp_is_named() {
    if let Some(report) = found_where(&["meta l4proto udp drop"]) {
        report.names("udpBlocked");
        for step in ["media-tcp", "round-trip", "rate"] {
            assert_eq!(report.finding(step)["verdict"], "good", "{:#}", report.0);
        }
        assert_eq!(report.finding("loss")["verdict"], "skipped");
    }
}

#[test]
fn where_only_tls_passes_the_line_is_measured_inside_it() {
    let tls_alone = [
        "meta l4proto udp drop",
        "tcp dport 7910 reject with tcp reset",
        "@ih,48,32 0x2112a442 drop",
    ];
    if let Some(report) = found_where(&tls_alone) {
        report.names("udpBlocked");
        assert_eq!(report.finding("media-tcp")["verdict"], "warning");
        for step in ["media-turn", "round-trip", "rate"] {
            assert_eq!(report.finding(step)["verdict"], "good", "{:#}", report.0);
        }
    }
}

#[test]
fn a_narrow_line_is_named_also_where_udp_is_blocked() {
    let narrow = |from| {
        format!(
            "iifname {from} tcp sport != 7900 tcp dport != 7900 limit rate over 25 kbytes/second burst 15 kbytes drop"
        )
    };
    let [up, down] = ["c", "s"].map(narrow);
    if let Some(report) = found_where(&["meta l4proto udp drop", &up, &down]) {
        // What is cut off by force comes by TCP in fits and starts.
        let named = report.0["cause"].as_str().unwrap();
        assert!(
            ["rateLow", "rateVeryLow"].contains(&named),
            "{:#}",
            report.0
        );
        assert_eq!(report.finding("media-tcp")["verdict"], "good");
    }
}

#[test]
fn blocked_tcp_is_named_also_where_the_pages_come_through() {
    // The media port, and what is framed as ICE-TCP at the port of the pages.
    let media = [
        "tcp dport 7910 reject with tcp reset",
        "@ih,48,32 0x2112a442 drop",
    ];
    if let Some(report) = found_where(&media) {
        report.names("tcpBlocked");
        assert_eq!(report.finding("media-udp")["verdict"], "good");
    }
    if let Some(report) = found_where(&["meta l4proto tcp drop"]) {
        report.names("portBlocked");
    }
}

#[test]
fn where_no_media_passes_it_is_not_one_means_that_is_named() {
    if !Network::is_possible() {
        return;
    }
    let set_up = SetUp::new("media.turn = false\n");
    set_up.network.rule(&[
        "meta l4proto udp drop",
        "tcp dport 7910 drop",
        "@ih,48,32 0x2112a442 drop",
    ]);
    set_up.found().names("mediaBlocked");
}

#[test]
fn an_address_that_leads_nowhere_is_named() {
    if !Network::is_possible() {
        return;
    }
    let set_up = SetUp::new("media.advertise = [\"203.0.113.9\"]\n");
    let report = set_up.found();
    report.names("advertiseWrong");
    let advice = report.finding("addresses")["advice"].as_str().unwrap();
    assert!(advice.contains(SERVER), "{advice}");
}

#[test]
fn a_tunnel_that_shortens_packets_is_named() {
    if !Network::is_possible() {
        return;
    }
    let set_up = SetUp::new("");
    set_up.network.shorten(1_280);
    let report = set_up.found();
    report.names("smallPackets");
    assert_eq!(report.finding("media-udp")["verdict"], "good");
}

#[test]
fn a_line_that_loses_a_fifth_is_named() {
    // Every fifth, and not each with a chance: of the few that are counted a chance loses too few now and then.
    let lossy = |from| format!("iifname {from} meta l4proto udp numgen inc mod 5 0 drop");
    let [up, down] = ["c", "s"].map(lossy);
    if let Some(report) = found_where(&[&up, &down]) {
        report.names("lossHigh");
    }
}

#[test]
fn a_line_of_200_kbit_is_named() {
    let narrow = |from| {
        format!(
            "iifname {from} meta l4proto udp limit rate over 25 kbytes/second burst 6 kbytes drop"
        )
    };
    let [up, down] = ["c", "s"].map(narrow);
    if let Some(report) = found_where(&[&up, &down]) {
        report.names("rateLow");
    }
}

/// A clock that is another one, where libfaketime is installed.
#[test]
fn a_wrong_clock_is_named_and_not_the_certificate_that_it_takes_for_a_bad_one() {
    let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
    if !Path::new(library).exists() || !Network::is_possible() {
        eprintln!("not tried: libfaketime is not installed");
        return;
    }
    let set_up = SetUp::new("");
    for shift in ["+7h", "+100y"] {
        let url = format!("https://{SERVER}:7900");
        let mut command = set_up.network.at_client("env");
        command.args([
            &format!("LD_PRELOAD={library}"),
            &format!("FAKETIME={shift}"),
            "DONT_FAKE_MONOTONIC=1",
            DINH,
        ]);
        command.args(["doctor", "--json", "--against", &url, "--ca"]);
        command.arg(set_up.service.path("chain.pem"));
        Report::of(&mut command).names("clockWrong");
    }
}

#[test]
fn a_full_disk_is_named() {
    if !Network::is_possible() {
        return;
    }
    let service = Service::new();
    let data = service.path("data");
    std::fs::create_dir(&data).unwrap();
    let script = "mount -t tmpfs -o size=256k none \"$1\" || exit 1; dd if=/dev/zero of=\"$1/full\" bs=4k 2>/dev/null; exec \"$2\" --config \"$3\" doctor --json";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]);
    command.arg(&data).arg(DINH).arg(service.path("dinh.toml"));
    Report::of(&mut command).names("diskFull");
}

#[test]
fn too_few_file_descriptors_are_named() {
    let service = Service::new();
    let script = "ulimit -n 1024; exec \"$0\" --config \"$1\" doctor --json";
    let mut command = Command::new("sh");
    command.args(["-c", script, DINH]);
    command.arg(service.path("dinh.toml"));
    Report::of(&mut command).names("descriptorsFew");
}

#[test]
fn a_resolver_that_is_dead_is_named_within_seconds() {
    if !Network::is_possible() {
        return;
    }
    let network = Network::new();
    // The resolver of this machine is not reached from there.
    let mut command = network.at_client(DINH);
    command.args(["doctor", "--json", "--against", "https://hop.example.vn"]);
    let start = Instant::now();
    Report::of(&mut command).names("nameUnknown");
    assert!(start.elapsed() < Duration::from_secs(30));
}
