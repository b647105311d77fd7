//! One WebSocket: reads messages within limits, hands them to the conference, writes what comes
//! back. Knows no rule of the conference.
//!
//! ```text
//! opening ──join/resume──▶ conversation ──▶ closing
//! ```

mod closing;
mod limit;
mod offer;
mod opening;
mod quality;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocket;
use axum::extract::{State, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};
use tracing::debug;

use crate::access::{AccessLog, Arrived};
use crate::admission::Visit;
use crate::app::App;
use crate::auth::Rights;
use crate::conference::{Command, FloorCommand, PeopleCommand, SourcesCommand, StageCommand};
use crate::conference_task::{AskError, ConferenceHandle};
use crate::ids::{ParticipantId, RequestId};
use crate::listener::{ClientAddress, ReachedAs};
use crate::metrics::NOT_UNDERSTOOD;
use crate::outbox::{Ending, Outbox, OutboxReader, outbox};
use crate::protocol::endings::RETRY_SECONDS;
use crate::protocol::line::Heard;
use crate::protocol::{
    ClientMessage, CloseReason, Condition, MAX_FRAME_BYTES, PageMessage, PeerMessage,
    PeopleMessage, ServerMessage,
};
use crate::refusal::ErrorCode;
use crate::rest::{ApiError, ErrorBody};
use limit::{Limit, Verdict};
use offer::Judging;
use quality::Qualities;
use socket::{Received, Socket};

/// Becomes a WebSocket, which speaks the protocol of PROTOCOL.md.
///
/// The token comes in the first message, not in this request.
///
/// # Errors
/// When there is none, or the server stops.
#[utoipa::path(
    get,
    path = "/ws",
    tag = "media",
    security(()),
    responses(
        (status = SWITCHING_PROTOCOLS, description = "From here on it is a WebSocket."),
        (status = BAD_REQUEST, body = ErrorBody, description = "It does not ask for a WebSocket."),
        (status = UPGRADE_REQUIRED, body = ErrorBody, description = "It does not ask for a WebSocket."),
        (status = SERVICE_UNAVAILABLE, body = ErrorBody, description = "There is no room, or the server stops."),
    )
)]
pub async fn upgrade(
    State(app): State<App>,
    client: ClientAddress,
    reached: ReachedAs,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    app.check_not_draining()?;
    let stranger = app.admission.stranger(client.origin())?;
    let response = socket::configure(upgrade)
        .on_upgrade(move |socket| async move {
            let session = serve(socket, app.clone(), (client, reached), stranger);
            app.tasks.track_future(session).await;
        })
        .into_response();
    Ok(response)
}

/// Serves one WebSocket to its end.
async fn serve(
    socket: WebSocket,
    app: App,
    (client, reached): (ClientAddress, ReachedAs),
    stranger: Visit,
) {
    app.metrics.socket_opened();
    let mut socket = Socket::new(socket);
    let (outbox, mut reader) = outbox(app.config().sessions.outbox_messages);
    // Boxed: it is large, short, and would otherwise be part of every session for its whole life.
    let stranger = Arc::new(stranger);
    let opening = Box::pin(opening::open(
        &mut socket,
        &app,
        &outbox,
        client,
        &reached,
        &stranger,
    ));
    let opened = tokio::select! {
        opened = opening => opened,
        () = stranger.sent_away() => {
            // Without a word: there are more of its kind than there is time to speak to.
            app.metrics.connection_cut("stranger");
            Err(opening::Failure::Vanished)
        }
        () = app.draining.cancelled() => Err(opening::Failure::Refused(None, app.restarting())),
    };
    drop(stranger);
    match opened {
        Ok(opened) => {
            let (conference, participant) = (opened.conference.id().clone(), opened.participant);
            Box::pin(converse(socket, &app, outbox, reader, opened)).await;
            AccessLog::disconnected(Arrived {
                client,
                conference: &conference,
                participant,
            });
        }
        Err(opening::Failure::Refused(message, ending)) => {
            if let Some(message) = message {
                if let ServerMessage::Error { code, message, .. } = &*message {
                    app.metrics.error(*code);
                    app.access.refused(client, "to come in", *code, message);
                }
                outbox.send(&message);
            }
            closing::close(socket, &mut reader, ending, &app.metrics).await;
        }
        Err(opening::Failure::Closed) => closing::answer(socket).await,
        Err(opening::Failure::Vanished) => {}
    }
    app.metrics.socket_gone();
}

/// Talks until either side ends it, and tells the conference.
async fn converse(
    socket: Socket,
    app: &App,
    outbox: Outbox,
    reader: OutboxReader,
    opened: opening::Opened,
) {
    let opening::Opened {
        conference,
        participant,
        rights,
        seat,
    } = opened;
    let session = Session {
        limit: Limit::new(&app.config().sessions),
        signs: Limit::new(&app.config().sessions),
        silence: Duration::from_secs(app.config().sessions.silence_seconds),
        heard_at: Instant::now(),
        app: app.clone(),
        conference: conference.clone(),
        participant,
        rights,
        outbox: outbox.clone(),
        is_asked: false,
        has_offered: false,
        judging: None,
        qualities: Qualities::default(),
    };
    session.run(socket, reader).await;
    drop(seat);
    if let Some(telemetry) = &app.telemetry {
        telemetry.gone(participant);
    }
    conference.gone(participant, outbox).await;
    debug!(conference = %conference.id(), %participant, "session ended");
}

/// One authenticated WebSocket.
struct Session {
    app: App,
    conference: ConferenceHandle,
    participant: ParticipantId,
    rights: Rights,
    outbox: Outbox,
    /// Of messages.
    limit: Limit,
    /// Of WebSocket pings and pongs, apart: they take nothing from what somebody may say.
    signs: Limit,
    silence: Duration,
    heard_at: Instant,
    /// Somebody wants to know whether it is still there.
    is_asked: bool,
    /// It has, or had, a peer: another one replaces it and needs no room of its own.
    has_offered: bool,
    /// The description that is being judged, if there is one.
    judging: Option<Judging>,
    qualities: Qualities,
}

impl Session {
    async fn run(mut self, mut socket: Socket, mut reader: OutboxReader) {
        let mut ping = pings(Duration::from_secs(self.app.config().sessions.ping_seconds));
        let (end, probes) = (reader.end(), reader.probes());
        let ending = loop {
            // Every arm is cancel safe.
            tokio::select! {
                biased;
                ending = end.wait() => break ending,
                Some(frame) = reader.next() => {
                    let writing = socket.write(frame, &mut reader, &end);
                    match timeout(self.silence, writing).await {
                        Ok(true) => {}
                        Ok(false) => return,
                        Err(_) => self.outbox.end(Ending::because(CloseReason::TooSlow)),
                    }
                }
                verdict = offer::verdict(&mut self.judging), if self.judging.is_some() => {
                    self.judging = None;
                    self.judged(verdict);
                }
                received = socket.receive(), if self.judging.is_none() => match received {
                    Received::Text(text) => {
                        self.note_alive();
                        self.handle(&text);
                    }
                    Received::Alive => {
                        self.note_alive();
                        // Its answer is written by itself: there is nothing to refuse but the line.
                        if self.signs.check() == Verdict::Hopeless {
                            break Ending::because(CloseReason::RateLimited);
                        }
                    }
                    Received::Binary => {
                        self.refuse(None, ErrorCode::BadMessage, "messages are text frames");
                        break Ending::because(CloseReason::BadMessage);
                    }
                    Received::Close => return closing::answer(socket).await,
                    Received::End => return,
                },
                () = probes.notified() => {
                    self.is_asked = true;
                    if !socket.ping(&end).await {
                        return;
                    }
                }
                now = ping.tick() => {
                    if now.saturating_duration_since(self.heard_at) >= self.silence
                        || !socket.ping(&end).await
                    {
                        return;
                    }
                }
            }
        };
        closing::close(socket, &mut reader, ending, &self.app.metrics).await;
    }

    /// Something was heard.
    fn note_alive(&mut self) {
        self.heard_at = Instant::now();
        if std::mem::take(&mut self.is_asked) {
            self.conference.alive(self.participant, self.outbox.clone());
        }
    }

    /// One frame. Answers go through the outbox, as everything else does.
    fn handle(&mut self, text: &str) {
        if text.len() > MAX_FRAME_BYTES {
            let message = format!("a frame has at most {MAX_FRAME_BYTES} bytes");
            self.refuse(None, ErrorCode::TooLarge, &message);
            self.outbox.end(Ending::because(CloseReason::TooLarge));
            return;
        }
        match self.limit.check() {
            Verdict::Passes => {}
            Verdict::Refused {
                retry_after_seconds,
            } => {
                self.app.metrics.error(ErrorCode::RateLimited);
                self.outbox.send(&ServerMessage::Error {
                    id: request_id(text),
                    code: ErrorCode::RateLimited,
                    message: "too many messages".to_owned(),
                    retry_after_seconds: Some(retry_after_seconds),
                });
                return;
            }
            Verdict::Hopeless => {
                self.outbox.end(Ending::because(CloseReason::RateLimited));
                return;
            }
        }
        match serde_json::from_str::<ClientMessage>(text) {
            Ok(message) => {
                self.app.metrics.message(message.kind());
                self.carry_out(message);
            }
            Err(error) => {
                self.app.metrics.message(NOT_UNDERSTOOD);
                self.refuse(request_id(text), ErrorCode::BadMessage, &brief(&error));
            }
        }
    }

    /// Carries out one message: its subject knows what it asks.
    fn carry_out(&mut self, message: ClientMessage) {
        let id = message.id();
        match message {
            ClientMessage::Opening(_) => {
                self.refuse(None, ErrorCode::BadMessage, "this session is already open");
            }
            ClientMessage::Peer(message) => self.on_peer(message),
            ClientMessage::Page(message) => self.on_page(message),
            ClientMessage::Sources(message) => self.request(id, SourcesCommand::from(message)),
            ClientMessage::Floor(message) => self.request(id, FloorCommand::from(message)),
            ClientMessage::Stage(message) => self.request(id, StageCommand::from(message)),
            ClientMessage::People(message) => {
                let leaves = matches!(message, PeopleMessage::Leave {});
                self.request(id, PeopleCommand::from(message));
                if leaves {
                    self.outbox.end(Ending::Goodbye);
                }
            }
        }
    }

    fn on_peer(&mut self, message: PeerMessage) {
        let participant = self.participant;
        match message {
            PeerMessage::Offer { id, sdp, sources } => self.offer(id, sdp, sources),
            PeerMessage::RestartIce { id, sdp } => self.restart_ice(id, sdp),
            PeerMessage::Watch {
                id,
                mid,
                participant: target,
            } => {
                let asked = self
                    .conference
                    .watch(participant, mid, target, &self.outbox, id);
                self.asked(Some(id), asked);
            }
            PeerMessage::Limit { id, layers } => {
                let asked = self.conference.limit(participant, layers, &self.outbox, id);
                self.asked(Some(id), asked);
            }
        }
    }

    fn on_page(&mut self, message: PageMessage) {
        match message {
            PageMessage::Condition {
                id,
                microphone,
                camera,
                media_blocked,
            } => {
                let condition = Condition {
                    microphone,
                    camera,
                    media_blocked,
                };
                let noted =
                    self.conference
                        .note_condition(self.participant, condition, &self.outbox, id);
                self.asked(Some(id), noted);
            }
            PageMessage::Quality(heard) => self.note_quality(heard),
            PageMessage::Ping {} => self.outbox.send(&ServerMessage::Pong {}),
        }
    }

    /// What a page says of itself is not answered: the next will do if this one is lost.
    fn note_quality(&mut self, heard: Heard) {
        let conference = &self.conference;
        if self.qualities.is_news(Instant::now(), heard)
            && conference
                .quality(self.participant, heard, &self.outbox)
                .is_err()
        {
            self.qualities.retry();
        }
    }

    fn request(&self, id: Option<RequestId>, command: impl Into<Command>) {
        let asked = self
            .conference
            .request(self.participant, command.into(), &self.outbox, id);
        self.asked(id, asked);
    }

    /// Says so if the conference takes nothing.
    fn asked(&self, id: Option<RequestId>, asked: Result<(), AskError>) {
        let Err(error) = asked else { return };
        self.app.metrics.error(ErrorCode::Overloaded);
        self.outbox.send(&ServerMessage::Error {
            id,
            code: ErrorCode::Overloaded,
            message: error.to_string(),
            retry_after_seconds: Some(RETRY_SECONDS),
        });
    }

    fn refuse(&self, id: Option<RequestId>, code: ErrorCode, message: &str) {
        self.app.metrics.error(code);
        let message = message.to_owned();
        self.outbox.send(&ServerMessage::Error {
            id,
            code,
            message,
            retry_after_seconds: None,
        });
    }
}

/// The first comes after one period: the opening has just shown that the client is there.
fn pings(period: Duration) -> Interval {
    let mut ping = interval(period);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    ping
}

/// Most characters of a reader's complaint that are sent back: it repeats what it did not know.
const MAX_COMPLAINT_CHARS: usize = 300;

/// What was wrong with a message, at a bounded length.
fn brief(error: &serde_json::Error) -> String {
    error
        .to_string()
        .chars()
        .take(MAX_COMPLAINT_CHARS)
        .collect()
}

/// The id of a request that is not carried out or not understood, so that its sender learns which.
fn request_id(text: &str) -> Option<RequestId> {
    #[derive(serde::Deserialize)]
    struct Id {
        id: RequestId,
    }
    serde_json::from_str::<Id>(text).ok().map(|found| found.id)
}
