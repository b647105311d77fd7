//! One member of a run: a site with all its comings and goings, or whoever publishes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use sfu::command::HostCandidate;
use signaling::auth::Role;
use signaling::ids::SessionId;
use signaling::protocol::Source;
use signaling::protocol::server::{IceServer, Standing};
use tokio_util::sync::CancellationToken;

use super::board::{Board, PUBLISHER};
use super::plan::{Cause, Outing, Plan};
use super::relay;
use crate::endpoint::{Decrypt, Endpoint, EndpointConfig, Sends, Shared};
use crate::fleet::{EndpointId, Fleet, Impaired, Newcomer};
use crate::ledger::Ledger;
use crate::line::Line;
use crate::scenario::{Decryption, Scenario, Target, Transport, WebEndpoint};
use crate::sdp::Answer;
use crate::tls::Tls;
use crate::web::{self, Resource};
use crate::websocket::{Next, Opening, Session, SessionError};

/// Longest time between two attempts of a page to come in, as the web client has it.
const LONGEST_WAIT: f64 = 10.0;

/// What every member needs.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) scenario: Arc<Scenario>,
    pub(super) plan: Arc<Plan>,
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

/// One time that a member was there, or tried to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub(super) id: EndpointId,
    /// Why it had been away, and since when. Not known of the first visit.
    pub(super) after: Option<(Cause, Instant)>,
    /// `None`: it did not come in.
    pub(super) steps: Option<Steps>,
    /// The server knew it again.
    pub(super) resumed: bool,
}

/// What came of a member.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) id: EndpointId,
    pub(super) visits: Vec<Visit>,
    /// Why it is out, if not because all left.
    pub(super) failure: Option<String>,
    /// What it was told last, if it was there at the end over a WebSocket.
    pub(super) ledger: Option<Ledger>,
}

/// What holds a member's place at the server.
enum Place {
    WebSocket(Box<Session>),
    Resource(Resource),
}

/// A member that has come in.
struct Joined {
    place: Place,
    steps: Steps,
    credentials: Option<(SessionId, String)>,
    resumed: bool,
    /// What it was told of other ways.
    ice_servers: Vec<IceServer>,
}

/// Why a member did not come in.
enum Refused {
    Session(SessionError),
    Other(String),
}

/// How a stay ended.
enum End {
    AllLeave(Option<Ledger>),
    Outing(Outing, Ledger),
    /// The server went, as it was to.
    Lost(Lost, Ledger),
    Failed(String),
}

/// A session that a restart of the server has ended.
#[derive(Clone, Copy, Debug)]
struct Lost {
    /// Which, and when that began.
    restart: (usize, Instant),
    /// After how many seconds the server wants to be asked again, if it has said so.
    seconds: Option<u32>,
}

impl From<SessionError> for Refused {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Self::Other(reason)
    }
}

impl Outcome {
    /// Of somebody who sends and receives no media.
    pub(super) const fn new(id: EndpointId, failure: Option<String>) -> Self {
        Self {
            id,
            visits: Vec::new(),
            failure,
            ledger: None,
        }
    }
}

/// Joins, stays until all leave, leaves; goes and comes back between as the plan says.
pub(super) async fn attend(part: Part, member: Member) -> Outcome {
    let mut outcome = Outcome::new(member.id(), None);
    let mut outings = member.outings(&part).into_iter();
    let mut former = Ledger::default();
    let mut back = Back::default();
    loop {
        let visit = match come(&part, member, &mut outcome, std::mem::take(&mut back)).await {
            Ok(joined) => joined,
            Err(reason) => return fail(&part, outcome, reason),
        };
        let id = outcome.id;
        back.credentials = visit.credentials;
        let end = match visit.place {
            Place::WebSocket(session) => stay(&part, member, id, *session, outings.next()).await,
            Place::Resource(resource) => {
                part.leave.cancelled().await;
                part.fleet.remove(id).await;
                resource.delete().await;
                End::AllLeave(None)
            }
        };
        match end {
            End::AllLeave(ledger) => {
                outcome.ledger = ledger.map(|mut ledger| {
                    ledger.add_former(&former);
                    ledger
                });
                return outcome;
            }
            End::Failed(reason) => return fail(&part, outcome, reason),
            End::Outing(outing, ledger) => {
                former.add_former(&ledger);
                if outing.cause == Cause::Churn {
                    back.credentials = None;
                }
                go(&part, &mut outcome, (outing.cause, Instant::now()));
                tokio::select! {
                    () = tokio::time::sleep(outing.away) => {}
                    () = part.leave.cancelled() => return outcome,
                }
            }
            End::Lost(lost, ledger) => {
                former.add_former(&ledger);
                let (number, at) = lost.restart;
                go(&part, &mut outcome, (Cause::Restart(number), at));
                back.failures = 1;
                let random = rng(&part, outcome.id).random_range(0.0..1.0);
                tokio::select! {
                    () = tokio::time::sleep(wait(1, lost.seconds, random)) => {}
                    () = part.leave.cancelled() => return outcome,
                }
            }
        }
    }
}

/// With what a member comes back.
#[derive(Clone, Debug, Default)]
struct Back {
    /// Its session.
    credentials: Option<(SessionId, String)>,
    /// How often it has lost its connection in a row.
    failures: i32,
}

/// A member is away from now on, and will come back on another connection.
fn go(part: &Part, outcome: &mut Outcome, after: (Cause, Instant)) {
    outcome.id.life += 1;
    outcome.visits.push(Visit {
        id: outcome.id,
        after: Some(after),
        steps: None,
        resumed: false,
    });
    let (cause, _) = after;
    if cause != Cause::Churn {
        part.board.returning(outcome.id, cause);
    }
}

fn fail(part: &Part, mut outcome: Outcome, reason: String) -> Outcome {
    part.board.failed(outcome.id, &reason);
    outcome.failure = Some(reason);
    outcome
}

/// Comes in, within the time a join may take.
async fn come(
    part: &Part,
    member: Member,
    outcome: &mut Outcome,
    back: Back,
) -> Result<Joined, String> {
    let id = outcome.id;
    if outcome.visits.is_empty() {
        outcome.visits.push(Visit {
            id,
            after: None,
            steps: None,
            resumed: false,
        });
    }
    let timeout = part.scenario.join_timeout;
    let joining = tokio::time::timeout(timeout, knock(part, member, id, back));
    let joined = tokio::select! {
        joined = joining => joined.unwrap_or_else(|_| Err("joining took too long".to_owned())),
        () = part.leave.cancelled() => Err("still joining at the end".to_owned()),
    }?;
    if let Some(visit) = outcome.visits.last_mut() {
        visit.steps = Some(joined.steps);
        visit.resumed = joined.resumed;
    }
    Ok(joined)
}

impl Member {
    pub(super) const fn id(self) -> EndpointId {
        match self {
            Self::Publisher => PUBLISHER,
            Self::Site(number) => EndpointId::first(number),
        }
    }

    /// Number in the marks of what it publishes. Those above 65,534 sites share theirs.
    pub(super) const fn sender(self) -> u16 {
        match self {
            Self::Publisher => 1,
            Self::Site(number) => (number % 65_534) as u16 + 2,
        }
    }

    fn outings(self, part: &Part) -> Vec<Outing> {
        match self {
            Self::Publisher => Vec::new(),
            Self::Site(number) => part
                .plan
                .site(number)
                .map(|site| site.outings.clone())
                .unwrap_or_default(),
        }
    }

    fn endpoint(self, part: &Part, id: EndpointId) -> EndpointConfig {
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
            seed: seed(part, id),
            sender: self.sender(),
            sends,
            audio_slots: slots,
            video_slots: slots,
            decrypt,
            without_feedback: !part.scenario.feedback,
            ..EndpointConfig::default()
        }
    }
}

/// Seed of everything random about one connection.
fn seed(part: &Part, id: EndpointId) -> u64 {
    part.scenario.seed ^ (u64::from(id.member) << 20) ^ (u64::from(id.life) << 52)
}

/// Tries to come in as a page does: again after a while where the server asks for it.
async fn knock(
    part: &Part,
    member: Member,
    id: EndpointId,
    Back {
        mut credentials,
        failures: mut attempt,
    }: Back,
) -> Result<Joined, String> {
    let start = Instant::now();
    let mut rng = rng(part, id);
    loop {
        let error = match join(part, member, (id, start), credentials.clone()).await {
            Ok(joined) => return Ok(joined),
            Err(Refused::Other(reason)) => return Err(reason),
            Err(Refused::Session(error)) => error,
        };
        match error.next() {
            // Whoever publishes must be there before anything begins.
            Next::Wait(_) if id == PUBLISHER => return Err(error.to_string()),
            Next::Over => return Err(error.to_string()),
            Next::Join if credentials.is_none() => return Err(error.to_string()),
            Next::Join => credentials = None,
            Next::Wait(seconds) => {
                attempt += 1;
                part.board.put_off();
                let random = rng.random_range(0.0..1.0);
                tokio::time::sleep(wait(attempt, seconds, random)).await;
            }
        }
    }
}

/// What one connection draws while it comes in.
fn rng(part: &Part, id: EndpointId) -> SmallRng {
    SmallRng::seed_from_u64(!seed(part, id))
}

/// How long a page waits before its next attempt, from 1; `random` is 0 to 1. As in the web client.
pub(super) fn wait(attempt: i32, seconds: Option<u32>, random: f64) -> Duration {
    Duration::from_secs_f64(match seconds {
        Some(seconds) => f64::from(seconds) * (1.0 + random / 2.0),
        None => (0.5 * 2_f64.powi(attempt - 1)).min(LONGEST_WAIT) * (0.5 + random / 2.0),
    })
}

/// Signaling, then the endpoint goes to the fleet.
async fn join(
    part: &Part,
    member: Member,
    (id, start): (EndpointId, Instant),
    credentials: Option<(SessionId, String)>,
) -> Result<Joined, Refused> {
    let config = member.endpoint(part, id);
    let mut endpoint = Endpoint::new(Instant::now(), Arc::clone(&part.shared), config);
    let offer = endpoint.offer();
    let (sdp, joined) = match &part.scenario.target {
        Target::Conference { .. } => {
            let opening = opening(part, member, credentials).await?;
            // Making the first token is not part of joining.
            let start = if id.life == 0 { Instant::now() } else { start };
            let sources = endpoint.sources();
            join_conference(part, member, start, opening, (offer, &sources)).await?
        }
        Target::Web { whip, whep } => {
            let wanted = if member == Member::Publisher {
                whip
            } else {
                whep
            };
            let wanted = wanted.as_ref();
            let wanted = wanted.ok_or_else(|| "there is no URL for it".to_owned())?;
            join_web(&part.scenario.tls, wanted, start, offer).await?
        }
    };
    let answer = Answer::parse(&sdp).map_err(|error| error.to_string())?;
    let remote = candidate(part, &answer)?;
    let relay = match part.scenario.transport {
        Transport::Udp | Transport::Tcp => None,
        Transport::Turn => Some(relay::way(&joined.ice_servers, &part.scenario.tls).await?),
    };
    endpoint
        .handle_answer(Instant::now(), &answer, remote.address)
        .map_err(|error| error.to_string())?;
    if member == Member::Publisher {
        endpoint.set_publishing(Instant::now(), true);
    }
    part.board.answered(id);
    part.fleet
        .add(Newcomer {
            id,
            endpoint,
            remote,
            relay,
            line: line(part, member, id),
        })
        .await;
    Ok(joined)
}

/// The line that the plan gives a site. Each of its connections finds it fresh.
fn line(part: &Part, member: Member, id: EndpointId) -> Option<Impaired> {
    let Member::Site(number) = member else {
        return None;
    };
    let kind = part.plan.site(number)?.line?;
    let profile = part.scenario.lines.get(kind)?;
    Some(Impaired {
        kind,
        line: Line::new(profile.link, seed(part, id)),
    })
}

fn candidate(part: &Part, answer: &Answer) -> Result<HostCandidate, String> {
    let tcp = part.scenario.transport == Transport::Tcp;
    let name = if tcp { "ICE-TCP" } else { "UDP" };
    Endpoint::choose_candidate(answer, tcp)
        .ok_or_else(|| format!("the answer has no {name} candidate"))
}

/// With what a member comes: its session if it has one, as a reloaded page; else a token.
async fn opening(
    part: &Part,
    member: Member,
    credentials: Option<(SessionId, String)>,
) -> Result<Opening, String> {
    if let Some((session, secret)) = credentials {
        return Ok(Opening::Resume(session, secret));
    }
    let Target::Conference {
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
    let token = tokens.token(conference, role, site, number).await;
    token.map(Opening::Join).map_err(|error| error.to_string())
}

async fn join_conference(
    part: &Part,
    member: Member,
    start: Instant,
    opening: Opening,
    (offer, sources): (String, &[(String, &'static str)]),
) -> Result<(String, Joined), Refused> {
    let Target::Conference { server, .. } = &part.scenario.target else {
        return Err("there is no conference".to_owned().into());
    };
    let (mut session, welcome, steps) = Session::open(server, opening, &part.scenario.tls).await?;
    part.board.welcomed(member.id().member, welcome.participant);
    let sdp = session.offer(offer, sources).await?;
    let answer = Instant::now();
    if member == Member::Publisher {
        for source in [Source::Microphone, Source::Camera] {
            session.publish(source, true).await?;
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
    let joined = Joined {
        place: Place::WebSocket(Box::new(session)),
        steps,
        credentials: Some((welcome.session, welcome.secret)),
        resumed: welcome.resumed,
        ice_servers: welcome.ice_servers,
    };
    Ok((sdp, joined))
}

async fn join_web(
    tls: &Tls,
    wanted: &WebEndpoint,
    start: Instant,
    offer: String,
) -> Result<(String, Joined), String> {
    let client = tls.client().map_err(|error| error.to_string())?;
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
    let joined = Joined {
        place: Place::Resource(resource),
        steps,
        credentials: None,
        resumed: false,
        ice_servers: Vec::new(),
    };
    Ok((sdp, joined))
}

/// Does as its page does on what the server says, until all leave or it goes out.
async fn stay(
    part: &Part,
    member: Member,
    id: EndpointId,
    mut session: Session,
    outing: Option<Outing>,
) -> End {
    let due = async {
        match outing {
            Some(outing) => {
                let begin = part.board.beginning().await;
                tokio::time::sleep_until((begin + outing.at).into()).await;
                outing
            }
            None => std::future::pending().await,
        }
    };
    tokio::pin!(due);
    let mut speaks = false;
    loop {
        // What came with the answer counts as well.
        if let Member::Site(number) = member
            && let Err(error) = tend(part, (number, id), &mut session, &mut speaks).await
        {
            return broken_off(part, id, &error, *session.ledger()).await;
        }
        tokio::select! {
            // First, so that nobody takes in what the leaving of the others changes.
            biased;
            () = part.leave.cancelled() => {
                part.fleet.remove(id).await;
                let ledger = *session.ledger();
                session.leave().await;
                return End::AllLeave(Some(ledger));
            }
            outing = &mut due => {
                let ledger = *session.ledger();
                if outing.cause == Cause::Churn {
                    part.fleet.remove(id).await;
                    session.leave().await;
                } else {
                    // A reloaded page closes nothing: WebSocket and media are just gone.
                    part.fleet.drop_silently(id).await;
                    drop(session);
                }
                return End::Outing(outing, ledger);
            }
            message = session.next() => if let Err(error) = message {
                return broken_off(part, id, &error, *session.ledger()).await;
            }
        }
    }
}

/// The session ended by itself: while the server is restarted its page comes back, as from a reload.
async fn broken_off(part: &Part, id: EndpointId, error: &SessionError, ledger: Ledger) -> End {
    if let (Some(restart), Next::Wait(seconds)) = (part.board.restart(), error.next()) {
        part.fleet.drop_silently(id).await;
        return End::Lost(Lost { restart, seconds }, ledger);
    }
    part.fleet.remove(id).await;
    End::Failed(error.to_string())
}

/// Goes on air or off it, as the floor and the stage say: on the senders that were negotiated at
/// the join, so that nothing is negotiated again.
async fn tend(
    part: &Part,
    (number, id): (u32, EndpointId),
    session: &mut Session,
    speaks: &mut bool,
) -> Result<(), SessionError> {
    let own = session.ledger().own();
    let may = own.is_some_and(|own| !own.muted && (own.floor == Standing::Holding || own.on_stage));
    if may == *speaks {
        return Ok(());
    }
    *speaks = may;
    if may {
        part.board.told(number, Instant::now());
    }
    part.fleet.publish(id, may).await;
    for source in [Source::Microphone, Source::Camera] {
        session.publish(source, may).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_waits_longer_each_time_and_no_less_than_it_is_told() {
        let half = |attempt| wait(attempt, None, 1.0).as_secs_f64();
        assert_eq!([half(1), half(2), half(3), half(9)], [0.5, 1.0, 2.0, 10.0]);
        assert_eq!(wait(1, None, 0.0), Duration::from_millis(250));
        assert_eq!(wait(1, Some(4), 0.0), Duration::from_secs(4));
        assert_eq!(wait(1, Some(4), 1.0), Duration::from_secs(6));
    }

    #[test]
    fn no_site_has_the_number_of_the_publisher() {
        let senders = (0..70_000).map(|number| Member::Site(number).sender());
        assert!(senders.min() > Some(Member::Publisher.sender()));
    }
}
