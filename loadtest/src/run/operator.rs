//! The operator of a run: hands the floor over and keeps the roster as its page would.

use std::collections::BTreeMap;
use std::time::Duration;

use signaling::auth::Role;
use signaling::ids::{ParticipantId, RequestId, SessionId};
use signaling::protocol::ServerMessage;
use signaling::protocol::crowd::Crowd;
use signaling::protocol::server::{Liveness, ParticipantEntry, Welcome};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::site::{Outcome, Part, wait};
use crate::fleet::EndpointId;
use crate::ledger::Ledger;
use crate::scenario::Target;
use crate::websocket::{Next, Opening, Session, SessionError};

/// Orders waiting for the operator; whoever gives one waits for room.
const ORDERS: usize = 16;
/// How long the server may take to carry out an order or tell what it knows.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longer than the server gathers news for operators.
const NEWS: Duration = Duration::from_millis(700);
/// Endpoint number of the operator, which has no endpoint.
const OPERATOR: EndpointId = EndpointId::first(u32::MAX - 1);

/// Participants by id.
pub(super) type Roster = BTreeMap<ParticipantId, ParticipantEntry>;

/// What the operator is asked to do.
#[derive(Debug)]
enum Order {
    Grant {
        participant: ParticipantId,
        reply: oneshot::Sender<Result<(), String>>,
    },
    Roster(oneshot::Sender<Roster>),
}

/// The asking end.
#[derive(Clone, Debug)]
pub(super) struct Operator(mpsc::Sender<Order>);

/// What the server knows, as far as somebody can be told.
#[derive(Debug)]
pub(super) struct Truth {
    pub(super) ledger: Ledger,
    /// By REST.
    pub(super) roster: Roster,
    /// The same, gathered by the run's operator from what it was told.
    pub(super) told: Roster,
}

impl Operator {
    /// Joins, and stays until all leave.
    pub(super) async fn join(part: &Part, members: &mut JoinSet<Outcome>) -> Result<Self, String> {
        let (session, welcome, _) = open(part, 0).await?;
        let credentials = (welcome.session, welcome.secret);
        let (orders, inbox) = mpsc::channel(ORDERS);
        let part = part.clone();
        members.spawn(async move { attend(&part, session, credentials, inbox).await });
        Ok(Self(orders))
    }

    /// Gives a participant the floor; returns when the server has consented.
    pub(super) async fn grant(&self, participant: ParticipantId) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Grant { participant, reply }, answer)
            .await?
    }

    /// Asks the server what it knows, over a session of its own and over REST.
    pub(super) async fn truth(&self, part: &Part) -> Result<Truth, String> {
        let (mut session, _, token) = open(part, 1).await?;
        let all = async {
            loop {
                let told = session.next().await.map_err(|error| error.to_string())?;
                if matches!(told, ServerMessage::Participants { full: true, .. }) {
                    return Ok(());
                }
            }
        };
        let told: Result<(), String> = tokio::time::timeout(PATIENCE, all)
            .await
            .map_err(|_| "the server did not tell what it knows".to_owned())?;
        told?;
        let ledger = *session.ledger();
        session.leave().await;
        // That this one came and went is news, too.
        tokio::time::sleep(NEWS).await;
        let roster = rest_roster(part, &token).await?;
        let (reply, answer) = oneshot::channel();
        let told = self.order(Order::Roster(reply), answer).await?;
        Ok(Truth {
            ledger,
            roster,
            told,
        })
    }

    async fn order<T>(&self, order: Order, answer: oneshot::Receiver<T>) -> Result<T, String> {
        let gone = || "the operator is gone".to_owned();
        self.0.send(order).await.map_err(|_| gone())?;
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        let answer = answer.map_err(|_| "the server did not answer the operator".to_owned())?;
        answer.map_err(|_| gone())
    }
}

/// A session as an operator, how it was welcomed, and its token.
async fn open(part: &Part, number: u32) -> Result<(Session, Box<Welcome>, String), String> {
    let Target::Conference {
        server,
        conference,
        tokens,
        ..
    } = &part.scenario.target
    else {
        return Err("there is no conference".to_owned());
    };
    let token = tokens.token(conference, Role::Operator, None, number).await;
    let token = token.map_err(|error| error.to_string())?;
    let opened = Session::open(server, Opening::Join(token.clone()), &part.scenario.tls).await;
    let (session, welcome, _) = opened.map_err(|error| error.to_string())?;
    Ok((session, welcome, token))
}

/// Comes back as a page does after a restart of the server: as the one that it was.
async fn resume(
    part: &Part,
    mut error: SessionError,
    credentials: &mut (SessionId, String),
) -> Result<Session, String> {
    let Target::Conference { server, .. } = &part.scenario.target else {
        return Err("there is no conference".to_owned());
    };
    let mut attempt = 0;
    loop {
        let Next::Wait(seconds) = error.next() else {
            return Err(error.to_string());
        };
        attempt += 1;
        tokio::time::sleep(wait(attempt, seconds, 0.5)).await;
        let (session, secret) = credentials.clone();
        let opening = Opening::Resume(session, secret);
        match Session::open(server, opening, &part.scenario.tls).await {
            Ok((session, welcome, _)) => {
                *credentials = (welcome.session, welcome.secret);
                return Ok(session);
            }
            Err(again) => error = again,
        }
    }
}

async fn rest_roster(part: &Part, token: &str) -> Result<Roster, String> {
    let Target::Conference {
        server, conference, ..
    } = &part.scenario.target
    else {
        return Ok(Roster::new());
    };
    let server = server.trim_end_matches('/');
    let url = format!("{server}/api/v1/conferences/{conference}/participants");
    let ask = async {
        let answer = part
            .scenario
            .tls
            .client()?
            .get(url)
            .bearer_auth(token)
            .send();
        answer.await?.error_for_status()?.json().await
    };
    let entries: Result<Vec<ParticipantEntry>, reqwest::Error> = ask.await;
    let entries = entries.map_err(|error| format!("the server's roster: {error}"))?;
    Ok(entries
        .into_iter()
        .map(|entry| (entry.participant, entry))
        .collect())
}

/// Listens and carries out orders until all leave.
async fn attend(
    part: &Part,
    mut session: Session,
    mut credentials: (SessionId, String),
    mut inbox: mpsc::Receiver<Order>,
) -> Outcome {
    let mut roster = Roster::new();
    let mut asked: BTreeMap<RequestId, oneshot::Sender<Result<(), String>>> = BTreeMap::new();
    let failure = loop {
        let done: Result<(), SessionError> = tokio::select! {
            () = part.leave.cancelled() => break None,
            message = session.next() => message.map(|message| {
                hear(message, &mut roster, &mut asked);
            }),
            Some(order) = inbox.recv() => match order {
                Order::Grant { participant, reply } => {
                    let id = session.grant_floor(participant).await;
                    id.map(|id| { asked.insert(id, reply); })
                }
                Order::Roster(reply) => {
                    // Whoever asked may have lost patience.
                    let _ = reply.send(roster.clone());
                    Ok(())
                }
            },
        };
        let Err(error) = done else { continue };
        if part.board.restart().is_none() {
            break Some(error.to_string());
        }
        // What was asked of the server that is gone is not answered any more.
        asked.clear();
        let back = tokio::select! {
            back = resume(part, error, &mut credentials) => back,
            () = part.leave.cancelled() => Err("still coming back at the end".to_owned()),
        };
        match back {
            Ok(again) => session = again,
            Err(reason) => break Some(reason),
        }
    };
    if failure.is_none() {
        session.leave().await;
    }
    Outcome::new(OPERATOR, failure)
}

fn hear(
    message: ServerMessage,
    roster: &mut Roster,
    asked: &mut BTreeMap<RequestId, oneshot::Sender<Result<(), String>>>,
) {
    match message {
        ServerMessage::Participants {
            full,
            changes,
            crowds,
            ..
        } => {
            if full {
                roster.clear();
            }
            let crowds = crowds.iter().flat_map(Crowd::members);
            for entry in changes.into_iter().chain(crowds) {
                if entry.state == Liveness::Left {
                    roster.remove(&entry.participant);
                } else {
                    roster.insert(entry.participant, entry);
                }
            }
        }
        ServerMessage::Ok { id } => answer(asked.remove(&id), Ok(())),
        ServerMessage::Error {
            id: Some(id),
            message,
            ..
        } => answer(asked.remove(&id), Err(message)),
        _ => {}
    }
}

fn answer(asked: Option<oneshot::Sender<Result<(), String>>>, result: Result<(), String>) {
    if let Some(reply) = asked {
        // Whoever asked may have lost patience.
        let _ = reply.send(result);
    }
}
