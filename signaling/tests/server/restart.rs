//! The real binary, killed without warning in the midst of work.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use signaling::testing;

use crate::client::{Client, Heard};

/// A server process; killed when it goes out of scope.
struct Process {
    child: Child,
    address: SocketAddr,
    operator: String,
    site: String,
}

impl Process {
    /// Runs the demo and reads its links.
    fn start(data_dir: &Path) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_dinh")), data_dir)
    }

    /// The same as a child of whatever `command` begins with.
    fn run(mut command: Command, data_dir: &Path) -> Self {
        testing::configure(&mut command, data_dir);
        let mut child = command
            .args(["serve", "--demo"])
            .env("DINH_LOG__FILTER", "error")
            .env("DINH_LOG__ACCESS", "false")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut link = |name: &str| {
            let line = lines.next().expect("the server ended").unwrap();
            let (_, url) = line
                .split_once("http://")
                .unwrap_or_else(|| panic!("{name}: {line}"));
            let (base, code) = url.split_once("#code=").unwrap();
            let address = base.split('/').next().unwrap().to_owned();
            let token = exchange(&address, code.split_whitespace().next().unwrap());
            (address, token)
        };
        let (address, operator) = link("operator");
        let _hall = link("hall");
        let (_, site) = link("site");
        Self {
            child,
            address: address.parse().unwrap(),
            operator,
            site,
        }
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What a page does with the code of its link.
fn exchange(address: &str, code: &str) -> String {
    let body = json!({ "code": code }).to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /api/v1/links/exchange HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
    body["token"].as_str().unwrap().to_owned()
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks for the floor and takes it back, on and on, each time when the former is announced;
/// remembers every version that was. When its budget is used up it waits for the end.
async fn work(mut client: Client, announced: tokio::sync::mpsc::Sender<u64>) {
    for id in 1_u64.. {
        let kind = if id % 2 == 1 {
            "requestFloor"
        } else {
            "withdrawFloor"
        };
        if !client
            .try_send(&json!({"type": kind, "id": id}).to_string())
            .await
        {
            return;
        }
        let (mut is_answered, mut is_announced) = (false, false);
        while !(is_answered && is_announced) {
            match client.hear().await {
                Heard::Message(message) if message["id"] == id => {
                    if message["code"] == "rate_limited" {
                        continue;
                    }
                    assert_eq!(message["type"], "ok");
                    is_answered = true;
                }
                Heard::Message(message)
                    if message["type"] == "floor" && message["waiting"] == id % 2 =>
                {
                    is_announced = true;
                    let version = message["version"].as_u64().unwrap();
                    if announced.send(version).await.is_err() {
                        return;
                    }
                }
                Heard::Message(_) => {}
                Heard::Closed(_) | Heard::End => return,
            }
        }
    }
}

async fn events(operator: &mut Client, server: &Process) -> Vec<Value> {
    // The conference goes on: its operator comes in again.
    operator.join(&server.operator).await;
    let mut all: Vec<Value> = Vec::new();
    loop {
        let path = format!("/api/v1/conferences/demo/events?after={}", all.len());
        let url = format!("http://{}{path}", server.address);
        let reply = tokio::task::spawn_blocking({
            let token = server.operator.clone();
            move || get(&url, &token)
        });
        let page: Vec<Value> = serde_json::from_str(&reply.await.unwrap()).unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// A plain HTTP/1.0 request: the answer ends with the connection.
fn get(url: &str, token: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "GET /{path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{head}");
    body.to_owned()
}

#[tokio::test]
async fn nothing_announced_is_lost_when_the_server_is_killed() {
    /// So many announcements are enough to be in the midst of work.
    const ENOUGH: usize = 3;
    let dir = tempfile::tempdir().unwrap();
    let mut server = Process::start(dir.path());
    let mut site = Client::connect(server.address).await;
    site.join(&server.site).await;
    let welcome = site.welcome.clone();
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1_024);
    let working = tokio::spawn(work(site, sender));
    let mut announced = Vec::new();
    while announced.len() < ENOUGH {
        announced.push(receiver.recv().await.expect("the site works"));
    }
    server.kill();
    while let Some(version) = receiver.recv().await {
        announced.push(version);
    }
    working.await.unwrap();

    let server = Process::start(dir.path());
    let mut back = Client::connect(server.address).await;
    back.resume(&welcome).await;
    assert_eq!(back.welcome["resumed"], true);
    assert_eq!(back.welcome["participant"], welcome["participant"]);

    let mut operator = Client::connect(server.address).await;
    let events = events(&mut operator, &server).await;
    for version in announced.into_iter().filter(|version| *version > 0) {
        let event = &events[usize::try_from(version).unwrap() - 1];
        assert_eq!(event["seq"], version);
        let kind = event["event"]["kind"].as_str().unwrap();
        assert!(
            kind.starts_with("floor"),
            "what was announced as {version} is {kind}"
        );
    }
    for pair in events.windows(2) {
        assert_eq!(pair[1]["prev"], pair[0]["hash"], "the chain is whole");
    }
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["event"]["kind"].clone())
        .collect();
    assert!(kinds.contains(&json!("interrupted")) && kinds.contains(&json!("regained")));
    let interrupted = events
        .iter()
        .find(|event| event["event"]["kind"] == "interrupted");
    let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let interrupted = interrupted.unwrap();
    assert!(
        time(&interrupted["event"]["upUntil"]) < time(&interrupted["at"]),
        "{interrupted}"
    );
}

#[tokio::test]
async fn a_terminated_server_tells_its_sessions_and_ends_well() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Process::start(dir.path());
    let mut site = Client::connect(server.address).await;
    site.join(&server.site).await;
    let killed = Command::new("kill")
        .args(["-TERM", &server.child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    let (_, closing, code) = site.end().await;
    assert_eq!((&closing["reason"], code), (&json!("restarting"), 1012));
    assert!(server.child.wait().unwrap().success());
}

#[tokio::test]
async fn a_terminal_that_closes_takes_nobody_out() {
    let directory = tempfile::tempdir().unwrap();
    let process = Process::start(directory.path());
    let mut site = Client::connect(process.address).await;
    site.join(&process.site).await;
    let pid = rustix::process::Pid::from_child(&process.child);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    for _ in 0..3 {
        site.send(&json!({"type": "ping"})).await;
        site.wait_for("pong").await;
    }
}

#[test]
fn the_limit_of_descriptors_is_raised_as_far_as_it_may_be() {
    let directory = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    let limited = r#"ulimit -S -n 256 && ulimit -H -n 1024 && exec "$0" "$@""#;
    shell.args(["-c", limited, env!("CARGO_BIN_EXE_dinh")]);
    let process = Process::run(shell, directory.path());
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.child.id())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let words: Vec<_> = line.unwrap().split_whitespace().collect();
    assert_eq!(words[3..5], ["1024", "1024"]);
}

#[test]
fn without_descriptors_left_it_still_says_how_it_is_and_goes_on_when_there_are_some() {
    let directory = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        r#"ulimit -n 80 && exec "$0" "$@""#,
        env!("CARGO_BIN_EXE_dinh"),
    ]);
    let process = Process::run(shell, directory.path());
    let crowd: Vec<_> = (0..200)
        .map(|_| TcpStream::connect(process.address).unwrap())
        .collect();
    let asks = || {
        let mut stream = TcpStream::connect(process.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(asks().starts_with("HTTP/1.0 200"), "in the crowd");
    drop(crowd);
    assert!(asks().starts_with("HTTP/1.0 200"), "after it");
}

/// The port of the media plane: that of the UDP socket.
fn media_port(process: &Process) -> u16 {
    let id = i32::try_from(process.child.id()).unwrap();
    let process = procfs::process::Process::new(id).unwrap();
    let inodes: Vec<_> = process
        .fd()
        .unwrap()
        .filter_map(|descriptor| match descriptor.unwrap().target {
            procfs::process::FDTarget::Socket(inode) => Some(inode),
            _ => None,
        })
        .collect();
    let sockets = process.udp().unwrap();
    let media = sockets.iter().find(|entry| inodes.contains(&entry.inode));
    media.unwrap().local_address.port()
}

#[test]
fn without_descriptors_for_media_it_says_so_in_few_lines_and_is_asked_as_ever() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let mut shell = Command::new("sh");
    shell
        .args([
            "-c",
            r#"ulimit -n 80 && exec env DINH_LOG__FILTER=info "$0" "$@""#,
            env!("CARGO_BIN_EXE_dinh"),
        ])
        .stderr(std::fs::File::create(&log).unwrap());
    let process = Process::run(shell, &directory.path().join("data"));
    let media = SocketAddr::from(([127, 0, 0, 1], media_port(&process)));
    let before = std::fs::read_to_string(&log).unwrap().lines().count();
    let crowd: Vec<_> = (0..300)
        .map(|_| TcpStream::connect(media).unwrap())
        .collect();
    // For longer than it takes the media thread to meet the limit again and again.
    for _ in 0..10 {
        let mut stream = TcpStream::connect(process.address).unwrap();
        let longest = Some(Duration::from_secs(20));
        stream.set_read_timeout(longest).unwrap();
        stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(crowd);
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.lines().count() < before + 10, "{said}");
}
