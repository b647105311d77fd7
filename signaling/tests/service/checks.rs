//! A check says what is amiss at the server itself: what a page has measured is nothing here.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::network::Network;
use crate::process::Service;

/// A server that was started in some way of its own; it ends with this.
struct Started(Child);

impl Started {
    /// By a shell that does `first`, with the data directory as `$2`.
    fn new(service: &Service, shell: &[&str], first: &str) -> Self {
        let [program, words @ ..] = shell else {
            panic!("which shell?");
        };
        let script = format!("{first}; exec \"$0\" --config \"$1\" serve");
        let mut command = Command::new(program);
        command
            .args(words)
            .args(["-c", &script, env!("CARGO_BIN_EXE_dinh")]);
        command
            .arg(service.path("dinh.toml"))
            .arg(service.path("data"));
        let log = File::create(service.path("log")).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        let started = Self(child.unwrap());
        service.await_log("started");
        started
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(server: SocketAddr, method: &str, path: &str, body: &str) -> Value {
    let mut stream = TcpStream::connect(server).unwrap();
    let head = format!(
        "{method} /api/v1/checks{path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
}

/// What is said to a page whose line is good.
fn told(service: &Service) -> Value {
    let begun = ask(service.http(), "POST", "", "");
    let path = format!("/{}/result", begun["id"].as_str().unwrap());
    ask(service.http(), "PUT", &path, "{\"udp\": true}")
}

#[test]
fn a_server_with_far_too_few_descriptors_says_so_to_whoever_checks() {
    let service = Service::new();
    let _started = Started::new(&service, &["sh"], "ulimit -n 1024");
    let told = told(&service);
    assert_eq!(
        [&told["cause"], &told["code"]],
        ["descriptorsFew", "F1"],
        "{told:#}"
    );
    assert_eq!(told["call"], "operator");
}

#[test]
fn a_server_whose_disk_is_full_says_so_to_whoever_checks() {
    if !Network::is_possible() {
        return;
    }
    let service = Service::new();
    std::fs::create_dir(service.path("data")).unwrap();
    let mount = "mount -t tmpfs -o size=16m,mode=700 none \"$2\"";
    let started = Started::new(&service, &["unshare", "--mount", "sh"], mount);
    assert_eq!(told(&service)["cause"], "allGood");
    let process = format!("--target={}", started.0.id());
    let full = format!("of={}", service.path("data/full").display());
    let mut filling = Command::new("nsenter");
    filling.args([&process, "--mount", "dd", "if=/dev/zero", "bs=4k", &full]);
    filling.stderr(Stdio::null()).status().unwrap();
    let told = told(&service);
    assert_eq!(
        [&told["cause"], &told["code"]],
        ["diskFull", "H1"],
        "{told:#}"
    );
}
