//! One member of a run: a site, or whoever publishes.

use std::sync::Arc;
use std::time::Instant;

use sfu::command::HostCandidate;
use signaling::auth::Role;
use tokio_util::sync::CancellationToken;

use super::board::{Board, PUBLISHER};
use crate::endpoint::{Decrypt, Endpoint, EndpointConfig, Sends, Shared};
use crate::fleet::{EndpointId, Fleet};
use crate::scenario::{Decryption, Scenario, Target, Transport, WebEndpoint};
use crate::sdp::Answer;
use crate::web::{self, Resource};
use crate::websocket::{Session, SessionError};

/// What every member needs.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) scenario: Arc<Scenario>,
    pub(super) shared: Arc<Shared>,
    pub(super) fleet: Arc<Fleet>,
    pub(super) board: Arc<Board>,
    /// Cancelled when all shall leave.
    pub(super) leave: CancellationToken,
}

/// Who a member is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Member {
    Publisher,
    Site(u32),
}

/// When the steps of a join up to the answer were done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    pub(super) start: Instant,
    pub(super) tcp: Option<Instant>,
    pub(super) tls: Option<Instant>,
    pub(super) open: Option<Instant>,
    pub(super) welcome: Option<Instant>,
    pub(super) answer: Instant,
}

/// What came of a member.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) id: EndpointId,
    pub(super) steps: Option<Steps>,
    /// Why it is out, if not because all left.
    pub(super) failure: Option<String>,
}

/// What holds a member's place at the server.
enum Place {
    WebSocket(Box<Session>),
    Resource(Resource),
}

/// Joins, stays until all leave, leaves.
pub(super) async fn attend(part: Part, member: Member) -> Outcome {
    let id = member.id();
    let start = Instant::now();
    let timeout = part.scenario.join_timeout;
    let joining = tokio::time::timeout(timeout, join(&part, member, start));
    let joined = tokio::select! {
        joined = joining => joined.unwrap_or_else(|_| Err("joining took too long".to_owned())),
        () = part.leave.cancelled() => Err("still joining at the end".to_owned()),
    };
    let (place, steps) = match joined {
        Ok(joined) => joined,
        Err(reason) => {
            part.board.failed(id, &reason);
            return Outcome {
                id,
                steps: None,
                failure: Some(reason),
            };
        }
    };
    let failure = match place {
        Place::WebSocket(session) => stay(&part, id, *session).await,
        Place::Resource(resource) => {
            part.leave.cancelled().await;
            part.fleet.remove(id).await;
            resource.delete().await;
            None
        }
    };
    if let Some(reason) = &failure {
        part.board.failed(id, reason);
    }
    Outcome {
        id,
        steps: Some(steps),
        failure,
    }
}

impl Member {
    pub(super) const fn id(self) -> EndpointId {
        match self {
            Self::Publisher => PUBLISHER,
            Self::Site(number) => EndpointId::first(number),
        }
    }

    fn endpoint(self, part: &Part) -> EndpointConfig {
        let conference = matches!(part.scenario.target, Target::Conference { .. });
        let (sends, slots) = match (self, conference) {
            (Self::Publisher, true) => (Sends::Hall, 3),
            (Self::Publisher, false) => (Sends::Encoder, 0),
            (Self::Site(_), true) => (Sends::Site, 3),
            (Self::Site(_), false) => (Sends::Nothing, 1),
        };
        let decrypt = match (self, part.scenario.decrypt) {
            (Self::Site(number), Decryption::Sample(every)) if number % every.max(1) != 0 => {
                Decrypt::Start
            }
            _ => Decrypt::All,
        };
        EndpointConfig {
            seed: part.scenario.seed ^ (u64::from(self.id().member) << 20),
            sender: 1,
            sends,
            audio_slots: slots,
            video_slots: slots,
            decrypt,
        }
    }
}

/// Signaling, then the endpoint goes to the fleet.
async fn join(part: &Part, member: Member, start: Instant) -> Result<(Place, Steps), String> {
    let config = member.endpoint(part);
    let mut endpoint = Endpoint::new(start, Arc::clone(&part.shared), config);
    let offer = endpoint.offer();
    let (sdp, place, steps) = match &part.scenario.target {
        Target::Conference { .. } => {
            let sources = endpoint.sources();
            join_conference(part, member, start, offer, &sources).await?
        }
        Target::Web { whip, whep } => {
            let wanted = if member == Member::Publisher {
                whip
            } else {
                whep
            };
            let wanted = wanted.as_ref().ok_or("there is no URL for it")?;
            join_web(wanted, start, offer).await?
        }
    };
    let answer = Answer::parse(&sdp).map_err(|error| error.to_string())?;
    endpoint
        .handle_answer(Instant::now(), &answer)
        .map_err(|error| error.to_string())?;
    let remote = candidate(part, &answer)?;
    if member == Member::Publisher {
        endpoint.set_publishing(Instant::now(), true);
    }
    part.board.answered();
    part.fleet
        .add(member.id(), Box::new(endpoint), remote)
        .await;
    Ok((place, steps))
}

fn candidate(part: &Part, answer: &Answer) -> Result<HostCandidate, String> {
    let tcp = part.scenario.transport == Transport::Tcp;
    let name = if tcp { "ICE-TCP" } else { "UDP" };
    Endpoint::choose_candidate(answer, tcp)
        .ok_or_else(|| format!("the answer has no {name} candidate"))
}

async fn join_conference(
    part: &Part,
    member: Member,
    start: Instant,
    offer: String,
    sources: &[(String, &'static str)],
) -> Result<(String, Place, Steps), String> {
    let Target::Conference {
        server,
        conference,
        tokens,
        roster,
        ..
    } = &part.scenario.target
    else {
        return Err("there is no conference".to_owned());
    };
    let (role, site, number) = match member {
        Member::Publisher => (Role::Hall, None, 0),
        Member::Site(number) => {
            let site = roster.get(number as usize % roster.len().max(1));
            (Role::Site, site.map(String::as_str), number)
        }
    };
    let told = |error: SessionError| error.to_string();
    let token = tokens.token(conference, role, site, number).await;
    let token = token.map_err(|error| error.to_string())?;
    // Making the token is not part of joining.
    let start = if member == Member::Publisher {
        start
    } else {
        Instant::now()
    };
    let (mut session, steps) = Session::join(server, token).await.map_err(told)?;
    let sdp = session.offer(offer, sources).await.map_err(told)?;
    let answer = Instant::now();
    if member == Member::Publisher {
        for (number, source) in ["microphone", "camera"].into_iter().enumerate() {
            session
                .publish(number as u64 + 2, source)
                .await
                .map_err(told)?;
        }
    }
    let steps = Steps {
        start,
        tcp: Some(steps.tcp),
        tls: steps.tls,
        open: Some(steps.open),
        welcome: Some(steps.welcome),
        answer,
    };
    Ok((sdp, Place::WebSocket(Box::new(session)), steps))
}

async fn join_web(
    wanted: &WebEndpoint,
    start: Instant,
    offer: String,
) -> Result<(String, Place, Steps), String> {
    let client = reqwest::Client::new();
    let (sdp, resource) = web::post(&client, wanted, offer)
        .await
        .map_err(|error| error.to_string())?;
    let steps = Steps {
        start,
        tcp: None,
        tls: None,
        open: None,
        welcome: None,
        answer: Instant::now(),
    };
    Ok((sdp, Place::Resource(resource), steps))
}

/// Reads what the server says until all leave. The reason when the session ended before.
async fn stay(part: &Part, id: EndpointId, mut session: Session) -> Option<String> {
    let ended = tokio::select! {
        () = part.leave.cancelled() => None,
        error = until_the_end(&mut session) => Some(error.to_string()),
    };
    part.fleet.remove(id).await;
    if ended.is_none() {
        session.leave().await;
    }
    ended
}

async fn until_the_end(session: &mut Session) -> SessionError {
    loop {
        if let Err(error) = session.next().await {
            return error;
        }
    }
}
