//! The real binary on a data directory of its own, killed and started again on the same ports.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signaling::testing;

/// Longer than a start takes on a busy machine.
const START: Duration = Duration::from_secs(60);

/// Longer than the server thinks about any request.
const ANSWER: Duration = Duration::from_secs(40);

pub(crate) struct Process {
    child: Child,
    data: PathBuf,
    log: PathBuf,
    pub(crate) http: SocketAddr,
    admin: SocketAddr,
    token: String,
}

/// What came of a request, as far as whoever asked can know.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done(Value),
    Refused(String),
    Unknown,
}

impl Process {
    pub(crate) fn start(directory: &std::path::Path) -> Self {
        let (http, admin) = (free(), free());
        let (data, log) = (directory.join("data"), directory.join("log"));
        let child = spawn(&data, &log, http, admin);
        let mut process = Self {
            child,
            data,
            log,
            http,
            admin,
            token: String::new(),
        };
        process.await_health();
        process.token = process.make_token(&["--role", "admin"]);
        process
    }

    /// Another `dinh`, beside the running one.
    pub(crate) fn make_token(&self, role: &[&str]) -> String {
        let made = command(&self.data, self.http, self.admin)
            .args(["token", "create", "--ttl", "12h"])
            .args(role)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(made.status.success(), "{told}");
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its data are.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// `kill -9`, and a new start.
    pub(crate) fn kill_and_start(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = spawn(&self.data, &self.log, self.http, self.admin);
        self.await_health();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn await_health(&mut self) {
        let begun = Instant::now();
        while !matches!(self.get("/healthz"), Some((200, _))) {
            assert!(self.is_running(), "it does not start: {}", self.log());
            assert!(
                begun.elapsed() < START,
                "it does not answer: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn get(&self, path: &str) -> Option<(u16, String)> {
        self.send("GET", path, "")
    }

    /// Asks over REST.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Outcome {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let Some((status, text)) = self.send(method, &format!("/api/v1{path}"), &body) else {
            return Outcome::Unknown;
        };
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        match (status, value["code"].as_str()) {
            (200..300, _) => Outcome::Done(value),
            (_, Some("outcome_unknown")) => Outcome::Unknown,
            (_, Some(code)) => Outcome::Refused(code.to_owned()),
            // The server's own limit for a request.
            (_, None) => Outcome::Unknown,
        }
    }

    /// An HTTP/1.0 request: the answer ends with the connection.
    fn send(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.http).ok()?;
        stream.set_read_timeout(Some(ANSWER)).ok()?;
        let (token, length) = (&self.token, body.len());
        let kind = if body.starts_with('{') {
            "application/json"
        } else {
            "text/csv"
        };
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    pub(crate) fn import(&self, list: &str) {
        let answer = self.send("POST", "/api/v1/sites/import", list);
        assert!(matches!(answer, Some((200, _))), "{answer:?}");
    }

    /// The whole log of a conference.
    pub(crate) fn events(&self, conference: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all.len();
            let path = format!("/conferences/{conference}/events?after={after}");
            let page = match self.ask("GET", &path, &json!(null)) {
                Outcome::Done(page) => page,
                other => panic!("the log cannot be read: {other:?}"),
            };
            let page = page.as_array().unwrap();
            if page.is_empty() {
                return all;
            }
            all.extend(page.iter().cloned());
        }
    }

    /// The bookings that were published, as the journal has it.
    pub(crate) fn published(&self) -> Vec<String> {
        let (mut published, mut after) = (Vec::new(), 0);
        loop {
            let page = match self.ask("GET", &format!("/events?after={after}"), &json!(null)) {
                Outcome::Done(page) => page,
                other => panic!("the journal cannot be read: {other:?}"),
            };
            let page = page.as_array().unwrap();
            let Some(last) = page.last() else {
                return published;
            };
            after = last["number"].as_u64().unwrap();
            let events = page.iter().map(|entry| &entry["event"]);
            let events = events.filter(|event| event["kind"] == "bookingPublished");
            published.extend(events.map(|event| event["booking"].as_str().unwrap().to_owned()));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn command(data: &std::path::Path, http: SocketAddr, admin: SocketAddr) -> Command {
    let mut command = testing::command(env!("CARGO_BIN_EXE_dinh"), data);
    command
        .env("DINH_HTTP__LISTEN", http.to_string())
        .env("DINH_ADMIN__LISTEN", admin.to_string())
        .env("DINH_SESSIONS__RESUME_SECONDS", "3")
        .stdin(Stdio::null());
    command
}

fn spawn(
    data: &std::path::Path,
    log: &std::path::Path,
    http: SocketAddr,
    admin: SocketAddr,
) -> Child {
    let log = File::options().create(true).append(true).open(log).unwrap();
    command(data, http, admin)
        .arg("serve")
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}
