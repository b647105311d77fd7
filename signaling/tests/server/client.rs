//! A WebSocket client that fails loudly instead of waiting for ever.

use std::collections::VecDeque;
use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Longer than anything here should ever take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection, in the clear or inside TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(crate) struct Client {
    socket: WebSocketStream<Box<dyn Stream>>,
    pub(crate) welcome: Value,
    next_id: u64,
    backlog: VecDeque<Value>,
}

/// What came from the server.
#[derive(Debug)]
pub(crate) enum Heard {
    Message(Value),
    Closed(u16),
    End,
}

impl Client {
    pub(crate) async fn connect(server: SocketAddr) -> Self {
        Self::over(TcpStream::connect(server).await.unwrap(), server).await
    }

    /// With so small a window that little fits into the kernel.
    pub(crate) async fn connect_narrow(server: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2_048).unwrap();
        Self::over(socket.connect(server).await.unwrap(), server).await
    }

    pub(crate) async fn over(stream: impl Stream + 'static, server: impl Display) -> Self {
        let stream: Box<dyn Stream> = Box::new(stream);
        let (socket, _) = client_async(format!("ws://{server}/ws"), stream)
            .await
            .unwrap();
        Self {
            socket,
            welcome: Value::Null,
            next_id: 1,
            backlog: VecDeque::new(),
        }
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// As [`send_text`](Self::send_text), when the server may have closed already.
    pub(crate) async fn try_send(&mut self, text: &str) -> bool {
        self.socket.send(Message::text(text)).await.is_ok()
    }

    /// A WebSocket ping; false when the server has gone.
    pub(crate) async fn try_ping(&mut self) -> bool {
        self.socket.send(Message::Ping("x".into())).await.is_ok()
    }

    pub(crate) async fn join(&mut self, token: &str) {
        self.send(&json!({"type": "join", "protocol": 1, "token": token}))
            .await;
        self.welcome = self.wait_for("welcome").await;
    }

    /// Comes back as another client was.
    pub(crate) async fn resume(&mut self, welcome: &Value) {
        self.send_resume(welcome).await;
        self.welcome = self.wait_for("welcome").await;
    }

    pub(crate) async fn send_resume(&mut self, welcome: &Value) {
        self.send(&json!({
            "type": "resume",
            "protocol": 1,
            "session": welcome["session"],
            "secret": welcome["secret"],
        }))
        .await;
    }

    pub(crate) fn participant(&self) -> &str {
        self.welcome["participant"].as_str().unwrap()
    }

    /// What the server says next, pings apart.
    pub(crate) async fn hear(&mut self) -> Heard {
        match self.backlog.pop_front() {
            Some(message) => Heard::Message(message),
            None => self.read().await,
        }
    }

    /// What was heard while an answer was awaited.
    pub(crate) fn already_heard(&mut self) -> Option<Value> {
        self.backlog.pop_front()
    }

    async fn read(&mut self) -> Heard {
        let reading = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Heard::Message(serde_json::from_str(&text).unwrap());
                    }
                    Some(Ok(Message::Close(Some(frame)))) => {
                        return Heard::Closed(frame.code.into());
                    }
                    Some(Ok(Message::Close(None)) | Err(_)) | None => return Heard::End,
                    Some(Ok(_)) => {}
                }
            }
        };
        timeout(PATIENCE, reading)
            .await
            .expect("the server is silent")
    }

    pub(crate) async fn next(&mut self) -> Value {
        match self.hear().await {
            Heard::Message(message) => message,
            other => panic!("a message was expected, not {other:?}"),
        }
    }

    /// The next message of a type; others are passed over.
    pub(crate) async fn wait_for(&mut self, kind: &str) -> Value {
        self.wait_until(kind, |_| true).await
    }

    /// The next message of a type that fits; others are passed over.
    pub(crate) async fn wait_until(&mut self, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == kind && fits(&message) {
                return message;
            }
        }
    }

    /// Waits until the operator is told that a participant is so.
    pub(crate) async fn wait_for_participant(
        &mut self,
        id: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Value {
        loop {
            let message = self.wait_for("participants").await;
            let changes = message["changes"].as_array().unwrap().clone();
            let found = changes.into_iter().find(|entry| entry["participant"] == id);
            if let Some(entry) = found.filter(|entry| fits(entry)) {
                return entry;
            }
        }
    }

    /// Sends a request and waits for its answer; what comes before it is heard later.
    pub(crate) async fn ask(&mut self, mut request: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        request["id"] = id.into();
        self.send(&request).await;
        loop {
            match self.read().await {
                Heard::Message(message) if message["id"] == id => return message,
                Heard::Message(message) => self.backlog.push_back(message),
                other => panic!("an answer to {request} was expected, not {other:?}"),
            }
        }
    }

    pub(crate) async fn ask_ok(&mut self, request: Value) {
        let answer = self.ask(request.clone()).await;
        assert_eq!(answer["type"], "ok", "{request} was answered {answer}");
    }

    /// Closes with a code; with which the server answers, `None` if it just ends the connection.
    pub(crate) async fn close(mut self, code: u16) -> Option<u16> {
        let frame = CloseFrame {
            code: code.into(),
            reason: "bye".into(),
        };
        self.socket.close(Some(frame)).await.unwrap();
        loop {
            match self.read().await {
                Heard::Message(_) => {}
                Heard::Closed(code) => return Some(code),
                Heard::End => return None,
            }
        }
    }

    /// Waits for the end: the last error, what `closing` said, and the close code.
    pub(crate) async fn end(&mut self) -> (Value, Value, u16) {
        let (mut error, mut closing) = (Value::Null, Value::Null);
        loop {
            match self.hear().await {
                Heard::Message(message) if message["type"] == "error" => error = message,
                Heard::Message(message) if message["type"] == "closing" => closing = message,
                Heard::Message(_) => {}
                Heard::Closed(code) => return (error, closing, code),
                Heard::End => panic!("cut off after {error} {closing}"),
            }
        }
    }
}
