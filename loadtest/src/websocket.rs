//! One session of the WebSocket protocol, as far as a simulated site speaks it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use reqwest::Url;
use signaling::ids::{ParticipantId, RequestId, SessionId};
use signaling::protocol::endings::{self, ComeBack};
use signaling::protocol::server::Welcome;
use signaling::protocol::{
    ClientMessage, FloorMessage, OpeningMessage, PeerMessage, PeopleMessage, ServerMessage, Source,
    SourcesMessage, VERSION,
};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tokio_util::either::Either;

use crate::ledger::Ledger;
use crate::tls::{Tls, TlsError};

/// Read buffer of each session: small, since there are thousands and they say little.
const READ_BUFFER: usize = 4 * 1_024;

/// What a session runs over: TCP, or TLS over it.
type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// An open session.
#[derive(Debug)]
pub struct Session {
    socket: WebSocketStream<Stream>,
    ledger: Ledger,
    next_id: u64,
}

/// With what a session begins.
#[derive(Clone, Debug)]
pub enum Opening {
    /// A token: somebody comes in.
    Join(String),
    /// Session and secret of a former `welcome`: a page was reloaded, or a line broke.
    Resume(SessionId, String),
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
    #[error("{0:?} is not http://host:port or https://host:port")]
    Url(String),
    /// No TCP connection.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// No TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
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
        /// Seconds after which it may be tried again.
        retry_after: Option<u32>,
    },
    /// The server closed it.
    #[error("the server closed the session: {reason}")]
    Closed {
        /// Its reason.
        reason: String,
        /// Seconds after which it may be opened again.
        retry_after: Option<u32>,
    },
    /// The server said something that is not in the protocol.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
}

impl From<WsError> for SessionError {
    fn from(error: WsError) -> Self {
        Self::WebSocket(Box::new(error))
    }
}

/// What a page does about a session that came to nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// It gives up.
    Over,
    /// It forgets its session and joins with its token.
    Join,
    /// It tries again after so many seconds, or after a while of its own choice.
    Wait(Option<u32>),
}

impl SessionError {
    /// Judges as the web client does, by the server's own table of endings.
    pub fn next(&self) -> Next {
        match self {
            Self::Refused {
                code, retry_after, ..
            } => after_ending(code, *retry_after),
            Self::Closed {
                reason,
                retry_after,
            } => after_ending(reason, *retry_after),
            Self::Connect(_) | Self::WebSocket(_) => Next::Wait(None),
            // Who cannot prove who it is will not prove it the next time.
            Self::Tls(TlsError::Handshake(error)) if error.kind() != ErrorKind::InvalidData => {
                Next::Wait(None)
            }
            Self::Url(_) | Self::Protocol(_) | Self::Tls(_) => Next::Over,
        }
    }
}

impl Session {
    /// Connects, and joins or resumes.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn open(
        server: &str,
        opening: Opening,
        tls: &Tls,
    ) -> Result<(Self, Box<Welcome>, Steps), SessionError> {
        let address = Address::parse(server)?;
        let stream = TcpStream::connect((address.name.as_str(), address.port)).await?;
        stream.set_nodelay(true)?;
        let tcp = Instant::now();
        let (stream, secured) = if address.secure {
            let stream = tls.connect(&address.name, stream).await?;
            (Either::Right(Box::new(stream)), Some(Instant::now()))
        } else {
            (Either::Left(stream), None)
        };
        let request = address.url.into_client_request()?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        let open = Instant::now();
        let mut session = Self {
            socket,
            ledger: Ledger::default(),
            next_id: 0,
        };
        let protocol = VERSION;
        session
            .send(match opening {
                Opening::Join(token) => OpeningMessage::Join { protocol, token },
                Opening::Resume(session, secret) => OpeningMessage::Resume {
                    protocol,
                    session,
                    secret,
                },
            })
            .await?;
        let welcome = loop {
            match session.next().await? {
                ServerMessage::Welcome(welcome) => break welcome,
                ServerMessage::Error {
                    code,
                    message,
                    retry_after_seconds,
                    ..
                } => return Err(refused(code, message, retry_after_seconds)),
                _ => {}
            }
        };
        let steps = Steps {
            tcp,
            tls: secured,
            open,
            welcome: Instant::now(),
        };
        Ok((session, welcome, steps))
    }

    /// What it was told so far.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
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
        let id = self.request_id()?;
        self.send(PeerMessage::Offer { id, sdp, sources }).await?;
        loop {
            match self.next().await? {
                ServerMessage::Answer { id: to, sdp, .. } if to == id => return Ok(sdp),
                ServerMessage::Error {
                    code,
                    message,
                    retry_after_seconds,
                    ..
                } => return Err(refused(code, message, retry_after_seconds)),
                _ => {}
            }
        }
    }

    /// Tells that a source begins or ceases to carry something, without waiting for the answer.
    ///
    /// # Errors
    /// When the session has ended.
    pub async fn publish(&mut self, source: Source, active: bool) -> Result<(), SessionError> {
        let id = self.request_id()?;
        self.send(SourcesMessage::Publish { id, source, active })
            .await
    }

    /// Gives a participant the floor; the request's number, under which the answer will come.
    ///
    /// # Errors
    /// When the session has ended.
    pub async fn grant_floor(
        &mut self,
        participant: ParticipantId,
    ) -> Result<RequestId, SessionError> {
        let id = self.request_id()?;
        self.send(FloorMessage::GrantFloor {
            id,
            participant,
            instead: None,
        })
        .await?;
        Ok(id)
    }

    /// Asks for the floor or takes that back, without waiting for the answer.
    ///
    /// # Errors
    /// When the session has ended.
    pub async fn want_floor(&mut self, wanted: bool) -> Result<(), SessionError> {
        let id = self.request_id()?;
        self.send(if wanted {
            FloorMessage::RequestFloor { id }
        } else {
            FloorMessage::WithdrawFloor { id }
        })
        .await
    }

    /// Sends an offer without waiting for the answer.
    ///
    /// # Errors
    /// When the session has ended.
    pub async fn offer_unanswered(&mut self, sdp: String) -> Result<(), SessionError> {
        let id = self.request_id()?;
        let sources = BTreeMap::new();
        self.send(PeerMessage::Offer { id, sdp, sources }).await
    }

    /// Sends a ping of the WebSocket's own (RFC 6455 §5.5.2).
    ///
    /// # Errors
    /// When the session has ended.
    pub async fn ping(&mut self) -> Result<(), SessionError> {
        Ok(self.socket.send(Message::Ping(vec![0; 64].into())).await?)
    }

    /// The next message; pings are answered on the way.
    ///
    /// # Errors
    /// When the session ends.
    pub async fn next(&mut self) -> Result<ServerMessage, SessionError> {
        loop {
            let frame = self.socket.next().await;
            let message = frame.ok_or_else(|| closed("without a word", None))??;
            match message {
                Message::Text(text) => match ServerMessage::decode(&text) {
                    Ok(Some(ServerMessage::Closing {
                        reason,
                        retry_after_seconds,
                    })) => return Err(closed(reason.as_str(), retry_after_seconds)),
                    Ok(Some(message)) => {
                        self.ledger.take(&message);
                        return Ok(message);
                    }
                    Ok(None) => {}
                    Err(error) => return Err(SessionError::Protocol(error.to_string())),
                },
                Message::Close(frame) => {
                    let reason = frame.as_ref().map_or("", |frame| frame.reason.as_str());
                    return Err(closed(reason, None));
                }
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Leaves for good.
    pub async fn leave(mut self) {
        // The server may be gone already; then there is nobody to say goodbye to.
        if self.send(PeopleMessage::Leave {}).await.is_ok() {
            let _ = self.socket.close(None).await;
        }
    }

    fn request_id(&mut self) -> Result<RequestId, SessionError> {
        self.next_id += 1;
        let id = RequestId::new(self.next_id);
        id.ok_or_else(|| SessionError::Protocol("no such request id".to_owned()))
    }

    async fn send(&mut self, message: impl Into<ClientMessage>) -> Result<(), SessionError> {
        let text = serde_json::to_string(&message.into())
            .map_err(|error| SessionError::Protocol(error.to_string()))?;
        Ok(self.socket.send(Message::text(text)).await?)
    }
}

/// What the table says of an ending; what is not in it is a broken line.
fn after_ending(reason: &str, retry_after: Option<u32>) -> Next {
    match endings::come_back(reason) {
        Some(ComeBack::Never) => Next::Over,
        Some(ComeBack::Join) => Next::Join,
        Some(ComeBack::After(seconds)) => Next::Wait(retry_after.or(Some(seconds))),
        None => Next::Wait(retry_after),
    }
}

fn closed(reason: &str, retry_after: Option<u32>) -> SessionError {
    SessionError::Closed {
        reason: reason.to_owned(),
        retry_after,
    }
}

fn refused(
    code: impl std::fmt::Display,
    message: String,
    retry_after: Option<u32>,
) -> SessionError {
    SessionError::Refused {
        code: code.to_string(),
        message,
        retry_after,
    }
}

/// The name of a source on the wire.
const fn name(source: Source) -> &'static str {
    match source {
        Source::Microphone => "microphone",
        Source::Camera => "camera",
        Source::Screen => "screen",
    }
}

/// Where a server's WebSocket is.
#[derive(Debug, Eq, PartialEq)]
struct Address {
    /// Name or address to connect to, and to be in the certificate.
    name: String,
    port: u16,
    secure: bool,
    /// URL of the WebSocket.
    url: String,
}

impl Address {
    fn parse(server: &str) -> Result<Self, SessionError> {
        let bad = || SessionError::Url(server.to_owned());
        let url = Url::parse(server).map_err(|_| bad())?;
        let (secure, scheme) = match url.scheme() {
            "http" | "ws" => (false, "ws"),
            "https" | "wss" => (true, "wss"),
            _ => return Err(bad()),
        };
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(bad());
        }
        let host = url.host_str().ok_or_else(bad)?;
        let port = url.port_or_known_default().ok_or_else(bad)?;
        Ok(Self {
            // An IPv6 address stands in brackets in a URL, and only there.
            name: host.trim_matches(['[', ']']).to_owned(),
            port,
            secure,
            url: format!("{scheme}://{host}:{port}/ws"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gives_up_joins_anew_or_waits_by_the_reason() {
        let refused = |code: &str, seconds| refused(code, String::new(), seconds).next();
        assert_eq!(refused("overloaded", Some(3)), Next::Wait(Some(3)));
        assert_eq!(refused("session_unknown", None), Next::Join);
        assert_eq!(refused("token_invalid", None), Next::Over);
        assert_eq!(refused("server_full", None), Next::Over);
        assert_eq!(refused("conference_full", None), Next::Over);
        let closed = |reason: &str| closed(reason, None).next();
        assert_eq!(closed("restarting"), Next::Wait(Some(3)));
        assert_eq!(closed("removed"), Next::Over);
        assert_eq!(closed("without a word"), Next::Wait(None));
    }

    #[test]
    fn the_websocket_is_found_beside_the_server() {
        for (server, name, port, url) in [
            (
                "http://127.0.0.1:7900/",
                "127.0.0.1",
                7900,
                "ws://127.0.0.1:7900/ws",
            ),
            (
                "http://dinh.example",
                "dinh.example",
                80,
                "ws://dinh.example:80/ws",
            ),
            (
                "https://dinh.example",
                "dinh.example",
                443,
                "wss://dinh.example:443/ws",
            ),
            ("wss://[::1]:8443", "::1", 8443, "wss://[::1]:8443/ws"),
        ] {
            let address = Address::parse(server).unwrap();
            assert_eq!((address.name.as_str(), address.port), (name, port));
            assert_eq!(
                (address.url.as_str(), address.secure),
                (url, url.starts_with("wss"))
            );
        }
        for bad in ["127.0.0.1:7900", "ftp://x", "http://", "http://a/b"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
