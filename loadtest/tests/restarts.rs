//! The real server, killed, upgraded and reloaded while sites watch. It is built by `cargo test --workspace`,
//! or before by `cargo build -p signaling --bin dinh`.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be made fails the test"
)]

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use loadtest::Report;
use loadtest::manager::{Manager, Service, pid_file};
use loadtest::report::Fault;
use loadtest::scenario::{Decryption, Ramp, Restart, Scenario, Target};
use loadtest::token::{LocalKey, TokenSource};
use rcgen::{CertificateParams, KeyPair};
use signaling::sites::{Level, read_csv};
use signaling::{demo, testing};

const SECRET: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b";
const MS: Duration = Duration::from_millis(1);

/// Longer than a start or a stop takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everybody hears again within three seconds on a machine that has nothing else to do; a busy one gets
/// more. Whoever is told to come back late, or has to ask for a connection again and again, takes longer.
const HEARD_AGAIN: f64 = 9.0;

/// A server with a conference, kept running.
struct Kept {
    manager: Manager,
    directory: tempfile::TempDir,
    http: SocketAddr,
}

impl Kept {
    fn start(keeps_sockets: bool) -> Self {
        let dinh = Path::new(env!("CARGO_BIN_EXE_dinh-loadtest")).with_file_name("dinh");
        assert!(dinh.exists(), "build {} first", dinh.display());
        let directory = tempfile::tempdir().unwrap();
        let http = testing::free_address();
        put_certificate(directory.path());
        let path = |name: &str| directory.path().join(name).display().to_string();
        let variables = [
            ("DATA_DIR", path("data")),
            ("HTTP__LISTEN", http.to_string()),
            ("ADMIN__LISTEN", testing::free_address().to_string()),
            ("MEDIA__BIND", "127.0.0.1".to_owned()),
            ("MEDIA__PORT", "0".to_owned()),
            ("TLS__CERTIFICATE", path("certificate.pem")),
            ("TLS__KEY", path("key.pem")),
            ("AUTH__API_KEYS__LOADTEST", SECRET.to_owned()),
            ("LOG__FILTER", "warn".to_owned()),
            ("LOG__ACCESS", "false".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (format!("DINH_{name}"), value));
        write_restarter(directory.path(), &dinh, &variables);
        let manager = Manager::start(Service {
            command: vec![
                dinh.display().to_string(),
                "serve".to_owned(),
                "--demo".to_owned(),
            ],
            variables: variables.to_vec(),
            directory: directory.path().to_owned(),
            keeps_sockets,
        });
        let manager = manager.unwrap();
        assert!(manager.is_ready(1, PATIENCE), "the server does not start");
        Self {
            manager,
            directory,
            http,
        }
    }

    fn scenario(&self, sites: u32, hows: &[&str]) -> Scenario {
        let key = LocalKey::parse(&format!("loadtest:{SECRET}")).unwrap();
        let known = read_csv(demo::SITES.as_bytes()).unwrap();
        let roster = known.iter().filter(|site| site.level != Level::Central);
        let target = Target::Conference {
            server: format!("https://{}", self.http),
            conference: "demo".to_owned(),
            tokens: TokenSource::ApiKey(Arc::new(key)),
            hall: true,
            roster: roster.map(|site| site.code.to_string()).collect(),
        };
        // Each waits until the one before has been got over.
        let restarts = (0_u32..).zip(hows).map(|(number, how)| Restart {
            at: 500 * MS + 3_000 * MS * number,
            how: (*how).to_owned(),
        });
        let restarts: Vec<_> = restarts.collect();
        let duration = restarts.last().unwrap().at + 12_000 * MS;
        let mut scenario = Scenario::new(target, sites, duration);
        scenario.ramp = Ramp::AtOnce;
        scenario.operator = true;
        scenario.decrypt = Decryption::Sample(10);
        scenario.tls = loadtest::tls::Tls::new(&loadtest::tls::Trust::Anybody).unwrap();
        scenario.restarts = restarts;
        scenario.restart_with = Some(self.directory.path().join("restart"));
        scenario.thresholds.max_heard_again = Some(HEARD_AGAIN);
        scenario.thresholds.max_differing = Some(0);
        scenario
    }
}

fn put_certificate(directory: &Path) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(directory.join("certificate.pem"), certificate.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), key.serialize_pem()).unwrap();
}

/// The program that restarts the server, as the scenario wants it.
fn write_restarter(directory: &Path, dinh: &Path, variables: &[(String, String)]) -> PathBuf {
    let variables = variables
        .iter()
        .map(|(name, value)| format!("{name}='{value}'"));
    let variables = variables.collect::<Vec<_>>().join(" ");
    let (pid, dinh) = (pid_file(directory), dinh.display());
    let script = format!(
        "#!/bin/bash\nset -eu\ncase $1 in\n\
         kill) kill -KILL $(cat {pid}) ;;\n\
         upgrade) kill -TERM $(cat {pid}) ;;\n\
         reload) {variables} {dinh} reload ;;\n\
         esac\n",
        pid = pid.display()
    );
    let path = directory.join("restart");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

/// What came of each restart, when all thresholds were kept.
fn restarts(report: &Report) -> Vec<&Fault> {
    assert!(report.is_good(), "{}", report.summary());
    let all: Vec<_> = report.restarts().collect();
    assert!(all.iter().all(|fault| fault.failure.is_none()), "{all:#?}");
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_gone_and_all_hear_again_when_the_server_is_killed_upgraded_and_reloaded() {
    let kept = Kept::start(true);
    let scenario = kept.scenario(30, &["kill", "upgrade", "reload"]);
    let report = loadtest::run(scenario).await.unwrap();
    let restarts = restarts(&report);
    let went: Vec<_> = restarts
        .iter()
        .map(|fault| (fault.sites, fault.resumed))
        .collect();
    assert_eq!(went, [(31, 31), (31, 31), (0, 0)], "{}", report.summary());
    let others = restarts[2].others.as_ref().unwrap();
    assert_eq!(others.sites, 30, "whose connections lived on");
    assert_eq!(
        report.events.as_ref().unwrap().roster,
        Some(32),
        "with hall and operator"
    );
    assert_eq!(kept.manager.endings(), [-9, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_come_back_also_where_nobody_keeps_the_sockets_of_the_server() {
    let kept = Kept::start(false);
    let scenario = kept.scenario(20, &["upgrade", "kill"]);
    let report = loadtest::run(scenario).await.unwrap();
    let went: Vec<_> = restarts(&report)
        .iter()
        .map(|fault| (fault.sites, fault.resumed))
        .collect();
    assert_eq!(went, [(21, 21), (21, 21)], "{}", report.summary());
    assert_eq!(kept.manager.endings(), [0, -9]);
}
