//! The real binary on a data directory of its own, killed and started again on the same ports.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
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
    /// What it is told besides.
    environment: Vec<(&'static str, String)>,
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
    pub(crate) fn start(
        directory: &std::path::Path,
        environment: Vec<(&'static str, String)>,
    ) -> Self {
        let (http, admin) = (testing::free_address(), testing::free_address());
        let (data, log) = (directory.join("data"), directory.join("log"));
        let child = spawn(command(&data, http, admin).envs(environment.clone()), &log);
        let mut process = Self {
            child,
            data,
            log,
            environment,
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
        let mut command = command(&self.data, self.http, self.admin);
        self.child = spawn(command.envs(self.environment.clone()), &self.log);
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

    /// What was told to programs.
    pub(crate) fn journal(&self) -> Vec<Value> {
        let entries = self.list("/events", |last| last["number"].to_string());
        let events = entries.into_iter().map(|mut entry| entry["event"].take());
        events.collect()
    }

    /// All mails.
    pub(crate) fn mails(&self) -> Vec<Value> {
        self.list("/mail", |last| last["id"].as_str().unwrap().to_owned())
    }

    /// A whole list, page by page. `key` is what the next page comes after.
    fn list(&self, path: &str, key: impl Fn(&Value) -> String) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all.last().map(|last| format!("?after={}", key(last)));
            let path = format!("{path}{}", after.unwrap_or_default());
            let page = match self.ask("GET", &path, &json!(null)) {
                Outcome::Done(Value::Array(page)) => page,
                other => panic!("{path} cannot be read: {other:?}"),
            };
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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

fn spawn(command: &mut Command, log: &std::path::Path) -> Child {
    let log = File::options().create(true).append(true).open(log).unwrap();
    command
        .arg("serve")
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}
