//! One run from its first socket to its report.

mod board;
mod chapters;
mod director;
mod faults;
mod floor;
mod hostile;
mod media;
mod operator;
mod plan;
mod relay;
mod site;
mod tally;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sfu::peer::dtls::{Identity, IdentityError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clip::{Clip, ClipError};
use crate::endpoint::{Habits, Shared};
use crate::fleet::{Fleet, Totals};
use crate::process::Reading;
use crate::report::Report;
use crate::scenario::{Scenario, Target};
use crate::timeline::{Recorder, Sources};
use board::Board;
pub use board::Progress;
use chapters::{Chapter, Chapters, Phase};
use operator::Operator;
use plan::Plan;
use site::{Member, Part};
use tally::{Measured, Watched, Window};

/// After the publisher has stopped, the last losses have this long to be repaired.
const DRAIN: Duration = Duration::from_millis(1_500);
/// How long goodbyes may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The clip cannot be used.
    #[error(transparent)]
    Clip(#[from] ClipError),
    /// No layer of the clip is left.
    #[error("the clip has none of the layers {0}")]
    NoLayers(String),
    /// No certificate.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No sockets.
    #[error("cannot open media sockets: {0}")]
    Sockets(#[from] std::io::Error),
    /// The publisher could not come on air, so there is nothing to watch.
    #[error("the publisher could not join: {0}")]
    Publisher(String),
    /// Nobody can hand the floor over or tell what the server knows.
    #[error("the operator could not join: {0}")]
    Operator(String),
}

/// Runs a scenario. Needs a Tokio runtime with time and I/O.
///
/// # Errors
/// When nothing could be measured at all; sites that fail are in the report.
pub async fn run(scenario: Scenario) -> Result<Report, RunError> {
    let (progress, _) = watch::channel(Progress::default());
    run_with_progress(scenario, progress).await
}

/// Runs a scenario and tells meanwhile how far it is.
///
/// # Errors
/// When nothing could be measured at all; sites that fail are in the report.
pub async fn run_with_progress(
    scenario: Scenario,
    progress: watch::Sender<Progress>,
) -> Result<Report, RunError> {
    let started = jiff::Timestamp::now().to_string();
    let shared = Arc::new(shared(&scenario)?);
    let (fleet, events) = Fleet::start(Arc::clone(&shared), &scenario.fleet)?;
    let fleet = Arc::new(fleet);
    let seen = progress.subscribe();
    let board = Arc::new(Board::new(scenario.sites, progress));
    let idle = scenario.server_pid.and_then(Reading::of);
    let leave = CancellationToken::new();
    let collector = tokio::spawn(tally::collect(events, Arc::clone(&board)));
    let scenario = Arc::new(scenario);
    let part = Part {
        scenario: Arc::clone(&scenario),
        plan: Arc::new(Plan::new(&scenario)),
        shared: Arc::clone(&shared),
        fleet: Arc::clone(&fleet),
        board: Arc::clone(&board),
        leave: leave.clone(),
    };

    let mut members = JoinSet::new();
    let operator = prepare(&part, &mut members).await?;
    let joining = Instant::now();
    let sources = Sources {
        live: fleet.live(),
        progress: seen,
        server_pid: scenario.server_pid,
    };
    let recorder = Recorder::start(sources, joining);
    let_all_in(&part, &mut members, joining).await;
    let all_joined = board
        .last_joined()
        .map(|at| at.saturating_duration_since(joining));
    let watched = watch_together(&part, operator.as_ref(), joining).await;
    for publisher in board.publishers() {
        fleet.publish(publisher, false).await;
    }
    tokio::time::sleep(DRAIN).await;
    let truth = match &operator {
        Some(operator) => Some(operator.truth(&part).await),
        None => None,
    };
    leave.cancel();
    let outcomes = farewell(&mut members).await;
    let receive_buffer = fleet.receive_buffer();
    let plan = Arc::clone(&part.plan);
    drop(part);
    let totals = stop(fleet).await;
    let observations = collector.await.unwrap_or_default();
    let measured = Measured {
        started,
        all_joined,
        watched,
        truth,
        told: board.all_told(),
        put_off: board.times_put_off(),
        idle,
        outcomes,
        observations,
        totals,
        receive_buffer,
        epoch: shared.epoch,
        timeline: recorder.finish().await,
    };
    Ok(tally::report(&scenario, &plan, &measured))
}

/// Puts the publisher on air and the operator at its desk, as far as the scenario has them.
async fn prepare(
    part: &Part,
    members: &mut JoinSet<site::Outcome>,
) -> Result<Option<Operator>, RunError> {
    if part.scenario.publishes() {
        members.spawn(site::attend(part.clone(), Member::Publisher));
        let on_air = part.board.publisher_on_air().await;
        on_air.map_err(RunError::Publisher)?;
    }
    if !part.scenario.operator {
        return Ok(None);
    }
    let operator = Operator::join(part, members).await;
    Ok(Some(operator.map_err(RunError::Operator)?))
}

/// Lets the sites come, and waits until each has joined or failed.
async fn let_all_in(part: &Part, members: &mut JoinSet<site::Outcome>, from: Instant) {
    let Part {
        scenario, board, ..
    } = part;
    if matches!(&scenario.target, Target::Web { whep: None, .. }) {
        return;
    }
    spawn_sites(members, part, from);
    let timeout = scenario.join_timeout + scenario.ramp.start_of(scenario.sites);
    board.all_settled(timeout).await;
}

/// Lets all watch for as long as the scenario says, and what is to happen meanwhile happen.
async fn watch_together(part: &Part, operator: Option<&Operator>, joining: Instant) -> Watched {
    let Part {
        scenario,
        fleet,
        board,
        ..
    } = part;
    tokio::time::sleep(scenario.settle).await;
    let mut chapters = vec![Chapter::new(Phase::Joining, joining)];
    let begin = fleet.cut().await;
    chapters.push(Chapter::new(Phase::Watching, begin));
    let first = Window::open(scenario, fleet);
    board.watching(scenario.duration);
    board.begins(begin);
    let (handed, storms, (restarts, restarted), attacked, ()) = tokio::join!(
        director::hand_over(part, operator, begin),
        director::storms(part, begin),
        director::restarts(part, begin),
        hostile::attack(part, begin),
        tokio::time::sleep(scenario.duration),
    );
    chapters.extend(storms);
    chapters.extend(restarts);
    let (attack, chapter) = attacked.unzip();
    chapters.extend(chapter);
    chapters.push(Chapter::new(Phase::Leaving, fleet.cut().await));
    let last = Window::open(scenario, fleet);
    board.done();
    Watched {
        chapters: Chapters(chapters),
        begin: first,
        end: last,
        handed,
        restarted,
        attack,
    }
}

fn shared(scenario: &Scenario) -> Result<Shared, RunError> {
    let media = &scenario.media;
    let clip = match (media.synthetic, &media.clip) {
        (Some(video), _) => Clip::synthetic(media.audio_frame, video)?,
        (None, Some(directory)) => {
            Clip::load(directory, media.audio_frame)?.with_layers(&media.layers)
        }
        (None, None) => Clip::builtin(media.audio_frame)?.with_layers(&media.layers),
    };
    if clip.layers.is_empty() {
        return Err(RunError::NoLayers(media.layers.join(",")));
    }
    let identity = Identity::generate()?;
    Ok(Shared {
        epoch: Instant::now(),
        epoch_unix: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
        dtls: identity.client(Habits::Plain.profiles())?,
        identity,
        clip: Arc::new(clip),
    })
}

/// Lets the sites come as the ramp says.
fn spawn_sites(members: &mut JoinSet<site::Outcome>, part: &Part, from: Instant) {
    for number in 0..part.scenario.sites {
        let part = part.clone();
        let start = from + part.scenario.ramp.start_of(number);
        members.spawn(async move {
            tokio::time::sleep_until(start.into()).await;
            site::attend(part, Member::Site(number)).await
        });
    }
}

/// Waits until all have said goodbye, or long enough.
async fn farewell(members: &mut JoinSet<site::Outcome>) -> Vec<site::Outcome> {
    let mut outcomes = Vec::new();
    let all = async {
        while let Some(outcome) = members.join_next().await {
            outcomes.extend(outcome.ok());
        }
    };
    // Whoever is stuck is left behind: its outcome is missing, which counts as a failure.
    let _ = tokio::time::timeout(GOODBYE, all).await;
    members.abort_all();
    while members.join_next().await.is_some() {}
    outcomes
}

/// Ends the media thread; every member has given its handle back by now.
async fn stop(fleet: Arc<Fleet>) -> Totals {
    match Arc::try_unwrap(fleet) {
        Ok(fleet) => tokio::task::spawn_blocking(|| fleet.stop())
            .await
            .unwrap_or_default(),
        Err(_) => Totals::default(),
    }
}
