//! The first message of a WebSocket: who is there, and to which conference it belongs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::socket::{Received, Socket};
use crate::access::{AccessLog, Arrived};
use crate::admission::{Admitted, Seat, Visit};
use crate::app::App;
use crate::auth::{Grant, Rights, SessionSecret, TokenError};
use crate::conference::{self, PeopleCommand};
use crate::conference_task::{Admission, Arrival, ConferenceHandle};
use crate::fresh;
use crate::ice_servers;
use crate::ids::{ParticipantId, RequestId, SessionId};
use crate::listener::{ClientAddress, ReachedAs};
use crate::outbox::{Ending, Outbox};
use crate::protocol::server::IceServer;
use crate::protocol::{ClientMessage, MAX_FRAME_BYTES, OpeningMessage, ServerMessage, VERSION};
use crate::refusal::{ErrorCode, Refusal};
use crate::telemetry::{Step, Trace};

/// Most pings and pongs that may come before the first message. Higher: a stranger costs more.
/// Lower: a library that greets with some is sent away.
const SIGNS_BEFORE_A_MESSAGE: usize = 16;

/// Somebody is in.
pub(super) struct Opened {
    pub(super) conference: ConferenceHandle,
    pub(super) participant: ParticipantId,
    pub(super) rights: Rights,
    pub(super) seat: Seat,
}

/// Nobody is.
pub(super) enum Failure {
    /// It is told why.
    Refused(Option<Box<ServerMessage>>, Ending),
    /// It has closed by itself.
    Closed,
    /// It is not there any more.
    Vanished,
}

impl Failure {
    fn new(code: ErrorCode, message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Refusal::new(code, message).into()
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Refusal::new(error.code(), error.to_string()).into()
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let (message, ending) = final_refusal(None, &refusal);
        Self::Refused(Some(Box::new(message)), ending)
    }
}

/// A refusal after which the connection ends: both say the same time to come back.
pub(super) fn final_refusal(id: Option<RequestId>, refusal: &Refusal) -> (ServerMessage, Ending) {
    let reason = refusal.code.closes_with();
    let ending = match refusal.retry_after_seconds {
        Some(_) => Ending::Closing {
            reason,
            retry_after_seconds: refusal.retry_after_seconds,
        },
        None => Ending::because(reason),
    };
    let message = ServerMessage::Error {
        id,
        code: refusal.code,
        message: refusal.message.to_string(),
        retry_after_seconds: ending.retry_after_seconds(),
    };
    (message, ending)
}

/// Waits for the first message and follows it.
pub(super) async fn open(
    socket: &mut Socket,
    app: &App,
    outbox: &Outbox,
    client: ClientAddress,
    reached: &ReachedAs,
    stranger: &Arc<Visit>,
) -> Result<Opened, Failure> {
    let limit = Duration::from_secs(app.config().sessions.handshake_timeout_seconds);
    let first = timeout(limit, first_message(socket)).await.map_err(|_| {
        let message = format!("no `join` or `resume` within {} s", limit.as_secs());
        Failure::new(ErrorCode::JoinFirst, message)
    })??;
    app.metrics.message(first.kind());
    let started = Instant::now();
    let wall = || app.clock.now().wall;
    let mut trace = Trace::begin(app.telemetry.as_deref(), started, wall, first.kind());
    let opened = enter(app, outbox, (client, reached), stranger, first, &mut trace).await;
    let opened = traced(trace, opened)?;
    app.metrics.joined(started.elapsed());
    Ok(opened)
}

/// Follows the first message.
async fn enter(
    app: &App,
    outbox: &Outbox,
    (client, reached): (ClientAddress, &ReachedAs),
    stranger: &Arc<Visit>,
    first: ClientMessage,
    trace: &mut Trace<'_>,
) -> Result<Opened, Failure> {
    app.admission.may_try(Instant::now(), client.origin())?;
    // It has said something worth an answer: those who say nothing make room before it does.
    let _busy = stranger.busy();
    match first {
        ClientMessage::Opening(OpeningMessage::Join { protocol, token }) => {
            check_protocol(protocol)?;
            join(app, outbox, (client, reached), &token, trace).await
        }
        ClientMessage::Opening(OpeningMessage::Resume {
            protocol,
            session,
            secret,
        }) => {
            check_protocol(protocol)?;
            resume(app, outbox, (client, reached), (session, secret), trace).await
        }
        other => {
            let message = format!(
                "the first message must be `join` or `resume`, not `{}`",
                other.kind()
            );
            Err(Failure::new(ErrorCode::JoinFirst, message))
        }
    }
}

/// Tells what came of an opening.
fn traced(mut trace: Trace<'_>, opened: Result<Opened, Failure>) -> Result<Opened, Failure> {
    match &opened {
        Ok(opened) => {
            trace.ends(Step::Admission);
            let conference = opened.conference.id().clone();
            trace.entered(conference, opened.participant, opened.rights.role);
        }
        Err(Failure::Refused(Some(message), _)) => {
            if let ServerMessage::Error { code, .. } = &**message {
                trace.refused(*code);
            }
        }
        Err(Failure::Refused(None, _) | Failure::Closed | Failure::Vanished) => {}
    }
    opened
}

async fn first_message(socket: &mut Socket) -> Result<ClientMessage, Failure> {
    for _ in 0..SIGNS_BEFORE_A_MESSAGE {
        match socket.receive().await {
            Received::Alive => {}
            Received::Close => return Err(Failure::Closed),
            Received::End => return Err(Failure::Vanished),
            Received::Binary => {
                return Err(Failure::new(
                    ErrorCode::BadMessage,
                    "messages are text frames",
                ));
            }
            Received::Text(text) if text.len() > MAX_FRAME_BYTES => {
                let message = format!("a frame has at most {MAX_FRAME_BYTES} bytes");
                return Err(Failure::new(ErrorCode::TooLarge, message));
            }
            Received::Text(text) => {
                return serde_json::from_str(&text)
                    .map_err(|error| Failure::new(ErrorCode::BadMessage, super::brief(&error)));
            }
        }
    }
    let message = "pings and pongs are no `join` or `resume`";
    Err(Failure::new(ErrorCode::RateLimited, message))
}

fn check_protocol(protocol: u32) -> Result<(), Failure> {
    if protocol == VERSION {
        return Ok(());
    }
    let message = format!("this server speaks protocol {VERSION}, not {protocol}");
    Err(Failure::new(ErrorCode::UnsupportedProtocol, message))
}

async fn join(
    app: &App,
    outbox: &Outbox,
    (client, reached): (ClientAddress, &ReachedAs),
    token: &str,
    trace: &mut Trace<'_>,
) -> Result<Opened, Failure> {
    let grant = app.verify(token)?;
    trace.ends(Step::Token);
    let Some(id) = grant.conference() else {
        return Err(Failure::new(
            ErrorCode::NotPermitted,
            "the token is for no conference",
        ));
    };
    app.admission.may_use(Instant::now(), grant.token())?;
    let conference = app.directory.admit(id, &grant).await?;
    let peers = app.media.media().peers();
    let Admitted { seat, no_room } = app
        .admission
        .admit(grant.role(), peers)
        .inspect_err(|refusal| app.note_refused(&conference, refusal))?;
    let secret = fresh::secret();
    let participant = fresh::participant();
    let join = conference::Join {
        grant: grant.clone(),
        participant,
        session: fresh::session(),
        secret: secret.hash(),
        no_room,
        over: None,
    };
    let arrival = Arrival::Session {
        outbox: outbox.clone(),
        secret: secret.reveal(),
        address: client.0,
        ice_servers: servers(app, reached, &participant.to_string(), Some(&grant)),
    };
    let entered = conference
        .enter(PeopleCommand::Join(Box::new(join)), arrival)
        .await;
    let admission = entered.inspect_err(|refusal| app.note_refused(&conference, refusal))?;
    let arrived = Arrived {
        client,
        conference: conference.id(),
        participant: admission.participant,
    };
    AccessLog::joined(arrived, &grant, "websocket");
    Ok(opened(conference, &admission, seat))
}

async fn resume(
    app: &App,
    outbox: &Outbox,
    (client, reached): (ClientAddress, &ReachedAs),
    (session, secret): (SessionId, String),
    trace: &mut Trace<'_>,
) -> Result<Opened, Failure> {
    let unknown = || {
        Failure::new(
            ErrorCode::SessionUnknown,
            "there is nothing to resume: join again",
        )
    };
    let parsed: SessionSecret = secret.parse().map_err(|_| unknown())?;
    let conference = app
        .directory
        .find_session(session)
        .await
        .ok_or_else(unknown)?;
    trace.ends(Step::Token);
    let seat = app.admission.readmit()?;
    let command = PeopleCommand::Resume {
        session,
        secret: parsed.hash(),
    };
    let arrival = Arrival::Session {
        outbox: outbox.clone(),
        secret,
        address: client.0,
        ice_servers: servers(app, reached, &session.to_string(), None),
    };
    let admission = conference.enter(command, arrival).await?;
    AccessLog::resumed(Arrived {
        client,
        conference: conference.id(),
        participant: admission.participant,
    });
    Ok(opened(conference, &admission, seat))
}

/// The ICE servers that somebody is told.
fn servers(app: &App, reached: &ReachedAs, id: &str, grant: Option<&Grant>) -> Vec<IceServer> {
    let servers = ice_servers::of(app, reached, id, grant);
    servers.into_iter().map(IceServer::from).collect()
}

const fn opened(conference: ConferenceHandle, admission: &Admission, seat: Seat) -> Opened {
    Opened {
        conference,
        participant: admission.participant,
        rights: admission.rights,
        seat,
    }
}
