//! One session of the WebSocket protocol, as far as a simulated site speaks it.

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use signaling::ids::RequestId;
use signaling::protocol::{ClientMessage, ServerMessage, Source, VERSION};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Read buffer of each session: small, since there are thousands and they say little.
const READ_BUFFER: usize = 4 * 1_024;

/// An open session.
#[derive(Debug)]
pub struct Session {
    socket: WebSocketStream<TcpStream>,
}

/// When each step of a join was done.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// The TCP connection stands.
    pub tcp: Instant,
    /// The TLS handshake is done, where there is one.
    pub tls: Option<Instant>,
    /// The WebSocket is open.
    pub open: Instant,
    /// `welcome` came.
    pub welcome: Instant,
}

/// Why a session came to nothing, or ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The URL is of no use.
    #[error("{0:?} is not http://host:port")]
    Url(String),
    /// No TCP connection.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// The WebSocket broke.
    #[error("the WebSocket failed: {0}")]
    WebSocket(Box<WsError>),
    /// The server said no.
    #[error("the server refused: {code}: {message}")]
    Refused {
        /// Its error code.
        code: String,
        /// Its reason.
        message: String,
    },
    /// The server closed it.
    #[error("the server closed the session: {0}")]
    Closed(String),
    /// The server said something that is not in the protocol.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
}

impl From<WsError> for SessionError {
    fn from(error: WsError) -> Self {
        Self::WebSocket(Box::new(error))
    }
}

impl Session {
    /// Connects and joins with a token.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn join(server: &str, token: String) -> Result<(Self, Steps), SessionError> {
        let (host, url) = addresses(server)?;
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        let tcp = Instant::now();
        let request = url.into_client_request()?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        let open = Instant::now();
        let mut session = Self { socket };
        let join = ClientMessage::Join {
            protocol: VERSION,
            token,
        };
        session.send(&join).await?;
        loop {
            match session.next().await? {
                ServerMessage::Welcome(_) => break,
                ServerMessage::Error { code, message, .. } => {
                    return Err(refused(code, message));
                }
                _ => {}
            }
        }
        let steps = Steps {
            tcp,
            tls: None,
            open,
            welcome: Instant::now(),
        };
        Ok((session, steps))
    }

    /// Sends the offer and waits for the answer.
    ///
    /// # Errors
    /// When the server refuses the offer or the session ends.
    pub async fn offer(
        &mut self,
        sdp: String,
        sources: &[(String, &str)],
    ) -> Result<String, SessionError> {
        let sources: BTreeMap<String, Source> = sources
            .iter()
            .filter_map(|(mid, source)| {
                let source = Source::ALL
                    .into_iter()
                    .find(|known| name(*known) == *source)?;
                Some((mid.clone(), source))
            })
            .collect();
        let id = request_id(1)?;
        self.send(&ClientMessage::Offer { id, sdp, sources })
            .await?;
        loop {
            match self.next().await? {
                ServerMessage::Answer { id: to, sdp, .. } if to == id => return Ok(sdp),
                ServerMessage::Error { code, message, .. } => return Err(refused(code, message)),
                _ => {}
            }
        }
    }

    /// Tells that a source begins to carry something, without waiting for the answer.
    ///
    /// # Errors
    /// When the session has ended.
    pub async fn publish(&mut self, number: u64, source: &str) -> Result<(), SessionError> {
        let found = Source::ALL.into_iter().find(|known| name(*known) == source);
        if let Some(source) = found {
            let id = request_id(number)?;
            let active = true;
            self.send(&ClientMessage::Publish { id, source, active })
                .await?;
        }
        Ok(())
    }

    /// The next message; pings are answered on the way.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn next(&mut self) -> Result<ServerMessage, SessionError> {
        loop {
            let frame = self.socket.next().await;
            let message =
                frame.ok_or_else(|| SessionError::Closed("without a word".to_owned()))??;
            match message {
                Message::Text(text) => match ServerMessage::decode(&text) {
                    Ok(Some(ServerMessage::Closing { reason, .. })) => {
                        return Err(SessionError::Closed(reason.to_string()));
                    }
                    Ok(Some(message)) => return Ok(message),
                    Ok(None) => {}
                    Err(error) => return Err(SessionError::Protocol(error.to_string())),
                },
                Message::Close(frame) => {
                    let reason = frame.map_or_else(String::new, |frame| frame.reason.to_string());
                    return Err(SessionError::Closed(reason));
                }
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Leaves for good.
    pub async fn leave(mut self) {
        // The server may be gone already; then there is nobody to say goodbye to.
        if self.send(&ClientMessage::Leave {}).await.is_ok() {
            let _ = self.socket.close(None).await;
        }
    }

    async fn send(&mut self, message: &ClientMessage) -> Result<(), SessionError> {
        let text = serde_json::to_string(message)
            .map_err(|error| SessionError::Protocol(error.to_string()))?;
        Ok(self.socket.send(Message::text(text)).await?)
    }
}

fn refused(code: impl std::fmt::Display, message: String) -> SessionError {
    SessionError::Refused {
        code: code.to_string(),
        message,
    }
}

fn request_id(number: u64) -> Result<RequestId, SessionError> {
    RequestId::new(number).ok_or_else(|| SessionError::Protocol("no such request id".to_owned()))
}

/// The name of a source on the wire.
const fn name(source: Source) -> &'static str {
    match source {
        Source::Microphone => "microphone",
        Source::Camera => "camera",
        Source::Screen => "screen",
    }
}

/// `host:port` to connect to and the URL of the WebSocket.
fn addresses(server: &str) -> Result<(String, String), SessionError> {
    let bad = || SessionError::Url(server.to_owned());
    let rest = server
        .trim_end_matches('/')
        .strip_prefix("http://")
        .ok_or_else(bad)?;
    if rest.is_empty() || rest.contains('/') {
        return Err(bad());
    }
    let host = if rest
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
    {
        rest.to_owned()
    } else {
        format!("{rest}:80")
    };
    Ok((host, format!("ws://{rest}/ws")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_websocket_is_found_beside_the_server() {
        let (host, url) = addresses("http://127.0.0.1:7900/").unwrap();
        assert_eq!(
            (host.as_str(), url.as_str()),
            ("127.0.0.1:7900", "ws://127.0.0.1:7900/ws")
        );
        assert_eq!(
            addresses("http://dinh.example").unwrap().0,
            "dinh.example:80"
        );
        for bad in ["127.0.0.1:7900", "ftp://x", "http://", "http://a/b"] {
            assert!(addresses(bad).is_err(), "{bad}");
        }
    }
}
