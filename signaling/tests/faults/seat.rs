//! A site that wants to be in: it joins, and joins again whenever it is thrown out.

use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// How often it looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// What is known of one site.
#[derive(Debug, Default)]
pub(crate) struct Situation {
    /// As whom it is in at this moment.
    pub(crate) present: Option<String>,
    /// Numbers of the last events that it was told of, with what they were about.
    pub(crate) told: Vec<(u64, &'static str)>,
    /// Whether it should be in.
    wanted: bool,
    is_over: bool,
}

pub(crate) struct Seat {
    situation: Arc<Mutex<Situation>>,
    thread: Option<JoinHandle<()>>,
}

impl Seat {
    pub(crate) fn new(server: SocketAddr, token: String) -> Self {
        let situation = Arc::new(Mutex::new(Situation {
            wanted: true,
            ..Situation::default()
        }));
        let thread = std::thread::spawn({
            let situation = Arc::clone(&situation);
            move || live(server, &token, &situation)
        });
        Self {
            situation,
            thread: Some(thread),
        }
    }

    pub(crate) fn look(&self) -> MutexGuard<'_, Situation> {
        lock(&self.situation)
    }

    /// From now on it should be in, or its machine is off.
    pub(crate) fn want(&self, wanted: bool) {
        self.look().wanted = wanted;
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.look().wanted
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.look().is_over = true;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock(situation: &Mutex<Situation>) -> MutexGuard<'_, Situation> {
    situation.lock().unwrap_or_else(PoisonError::into_inner)
}

fn live(server: SocketAddr, token: &str, situation: &Mutex<Situation>) {
    while !lock(situation).is_over {
        if lock(situation).wanted {
            attend(server, token, situation);
            lock(situation).present = None;
        }
        std::thread::sleep(LOOK);
    }
}

/// One connection, until it ends or is no longer wanted. Then it breaks off without a word.
fn attend(server: SocketAddr, token: &str, situation: &Mutex<Situation>) -> Option<()> {
    let stream = TcpStream::connect(server).ok()?;
    stream.set_read_timeout(Some(LOOK)).ok()?;
    let (mut socket, _) = tungstenite::client(format!("ws://{server}/ws"), stream).ok()?;
    let join = json!({"type": "join", "protocol": 1, "token": token});
    socket.send(Message::text(join.to_string())).ok()?;
    while is_wanted(situation) {
        if let Some(message) = next(&mut socket)? {
            hear(situation, &message);
        }
    }
    None
}

fn is_wanted(situation: &Mutex<Situation>) -> bool {
    let situation = lock(situation);
    situation.wanted && !situation.is_over
}

/// Nothing when the connection has ended, and no message when none has come.
fn next(socket: &mut WebSocket<TcpStream>) -> Option<Option<Value>> {
    match socket.read() {
        Ok(Message::Text(text)) => Some(serde_json::from_str(&text).ok()),
        Ok(Message::Close(_)) => None,
        Ok(_) => Some(None),
        Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
            let _ = socket.flush();
            Some(None)
        }
        Err(_) => None,
    }
}

fn hear(situation: &Mutex<Situation>, message: &Value) {
    let mut situation = lock(situation);
    match message["type"].as_str() {
        Some("welcome") => situation.present = message["participant"].as_str().map(str::to_owned),
        Some("floor") => {
            let version = message["version"].as_u64().unwrap_or(0);
            situation.told.push((version, "floor"));
        }
        Some(_) | None => {}
    }
}
