//! The access log: who came in and who was refused, from where and why, and what was decided.
//!
//! Lines of the target [`TARGET`], written however little else is logged. They name participants,
//! sites, roles and the ids of tokens, never a token or a secret. What strangers can cause without
//! end is counted instead of written (see `refusals`).

mod refusals;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;
use tracing::info;

use crate::auth::{Grant, Issued, NewToken};
use crate::conference::{
    By, Event, FloorEvent, Muting, PeopleEvent, PhaseEvent, Record, RosterEvent, SourcesEvent,
};
use crate::ids::{ConferenceId, ParticipantId, TokenId};
use crate::listener::ClientAddress;
use crate::refusal::ErrorCode;
use refusals::{Refusals, Sum};

/// The target of its lines, for filters and for whatever collects them.
pub const TARGET: &str = "dinh::access";

/// Writes the access log.
#[derive(Debug, Default)]
pub struct AccessLog {
    refusals: Mutex<Refusals>,
}

/// How somebody came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived<'a> {
    pub(crate) client: ClientAddress,
    pub(crate) conference: &'a ConferenceId,
    pub(crate) participant: ParticipantId,
}

impl AccessLog {
    /// Somebody came in with a token, by this way.
    pub(crate) fn joined(arrived: Arrived<'_>, grant: &Grant, way: &str) {
        info!(
            target: TARGET,
            client = %arrived.client,
            conference = %arrived.conference,
            participant = %arrived.participant,
            role = %grant.role(),
            site = %or_dash(grant.site()),
            subject = ?grant.subject(),
            token = %grant.token(),
            way,
            "joined"
        );
    }

    /// Somebody came back with the secret of its session.
    pub(crate) fn resumed(arrived: Arrived<'_>) {
        info!(
            target: TARGET,
            client = %arrived.client,
            conference = %arrived.conference,
            participant = %arrived.participant,
            "resumed"
        );
    }

    /// Somebody has logged in, in this way.
    pub(crate) fn logged_in(client: ClientAddress, grant: &Grant, way: &str) {
        info!(
            target: TARGET,
            %client,
            subject = ?grant.subject(),
            name = ?grant.name().unwrap_or_default(),
            role = %grant.role(),
            login = %grant.token(),
            way,
            "logged in"
        );
    }

    /// A connection of somebody who was in has ended.
    pub(crate) fn disconnected(arrived: Arrived<'_>) {
        info!(
            target: TARGET,
            client = %arrived.client,
            conference = %arrived.conference,
            participant = %arrived.participant,
            "disconnected"
        );
    }

    /// Somebody was refused what it asked for.
    pub(crate) fn refused(&self, client: ClientAddress, asked: &str, code: ErrorCode, why: &str) {
        let verdict = self.refusals().note(Instant::now(), client.origin());
        Self::write_sums(verdict.sums);
        if verdict.is_written {
            let code = code.as_str();
            info!(target: TARGET, %client, asked = ?asked, code, why = ?why, "refused");
        }
    }

    /// Writes what was only counted, if it is time.
    pub(crate) fn sum_up(&self) {
        let sums = self.refusals().sum_up(Instant::now());
        Self::write_sums(sums);
    }

    fn refusals(&self) -> std::sync::MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_sums(sums: Vec<Sum>) {
        for Sum { origin, unwritten } in sums {
            let client = origin.map_or_else(|| "others".to_owned(), |origin| origin.to_string());
            info!(target: TARGET, client, unwritten, "refused, and not written each");
        }
    }

    /// Changed settings were put in force, or not, because somebody wanted it in this way.
    pub(crate) fn reloaded(way: &str, outcome: &str) {
        info!(target: TARGET, way, outcome = ?outcome, "reload");
    }

    /// A token was made.
    pub(crate) fn token_made(client: ClientAddress, by: &Grant, issued: &Issued, made: &NewToken) {
        info!(
            target: TARGET,
            %client,
            by = ?by.subject(),
            by_token = %by.token(),
            token = %issued.id,
            role = %made.role,
            conference = %or_dash(made.conference.as_ref()),
            site = %or_dash(made.site.as_ref()),
            subject = ?issued.subject,
            expires_at = %issued.expires_at,
            "token made"
        );
    }

    /// A link was opened, and its token given to a browser.
    pub(crate) fn link_opened(client: ClientAddress, token: &TokenId) {
        info!(target: TARGET, %client, %token, "link opened");
    }

    /// A token was taken back.
    pub(crate) fn token_revoked(client: ClientAddress, by: &Grant, token: &TokenId) {
        let (by, by_token) = (by.subject(), by.token());
        info!(target: TARGET, %client, by = ?by, %by_token, %token, "token revoked");
    }

    /// Something else was changed by the bearer of a token.
    pub(crate) fn changed(client: ClientAddress, by: &Grant, what: &str) {
        let (by, by_token) = (by.subject(), by.token());
        info!(target: TARGET, %client, by = ?by, %by_token, what, "changed");
    }

    /// The server has begun, or has ended.
    pub(crate) fn server(what: &str) {
        info!(target: TARGET, version = env!("CARGO_PKG_VERSION"), "server {what}");
    }

    /// Events of a conference were stored.
    pub(crate) fn happened(conference: &ConferenceId, records: &[Record]) {
        for record in records {
            let Some((what, whom, by)) = worth_a_line(&record.event) else {
                continue;
            };
            let (whom, by) = (or_dash(whom), Author(by));
            info!(target: TARGET, %conference, participant = %whom, %by, "{what}");
        }
    }
}

/// What an event is called in the log, whom it concerns and who caused it.
type Line<'a> = (&'static str, Option<ParticipantId>, Option<&'a By>);

/// The line of an event; `None` for what is no decision, or has a line of its own.
fn worth_a_line(event: &Event) -> Option<Line<'_>> {
    match event {
        Event::Phase(event) => Some(about_all(event)),
        Event::Roster(RosterEvent::RosterSet { by, .. }) => Some(("roster set", None, Some(by))),
        Event::People(event) => about_people(event),
        Event::Sources(event) => about_sources(event),
        Event::Floor(event) => about_the_floor(event),
        Event::Stage(_) | Event::Clock(_) => None,
    }
}

const fn about_all(event: &PhaseEvent) -> Line<'_> {
    match event {
        PhaseEvent::Created { by, .. } => ("conference created", None, Some(by)),
        PhaseEvent::Amended { by, .. } => ("conference corrected", None, Some(by)),
        PhaseEvent::Deleted { by } => ("conference deleted", None, Some(by)),
        PhaseEvent::Started { by } => ("conference started", None, Some(by)),
        PhaseEvent::Ended { by } => ("conference ended", None, Some(by)),
    }
}

fn about_people(event: &PeopleEvent) -> Option<Line<'_>> {
    let (what, whom, by) = match event {
        PeopleEvent::Left {
            participant, by, ..
        } => ("left", participant, by),
        PeopleEvent::Barred { participant, by } => ("sent away", participant, by),
        PeopleEvent::Readmitted { participant, by } => ("readmitted", participant, by),
        PeopleEvent::Joined { .. }
        | PeopleEvent::Lost { .. }
        | PeopleEvent::Regained { .. }
        | PeopleEvent::TakenOver { .. }
        | PeopleEvent::Interrupted { .. } => return None,
    };
    Some((what, Some(*whom), Some(by)))
}

fn about_sources(event: &SourcesEvent) -> Option<Line<'_>> {
    match event {
        SourcesEvent::MuteChanged {
            participant,
            muted,
            sound_only,
            by,
        } => {
            let what = match Muting::new(*muted, *sound_only) {
                Muting::None => "unmuted",
                Muting::Sound => "sound muted",
                Muting::Everything => "muted",
            };
            Some((what, Some(*participant), Some(by)))
        }
        SourcesEvent::SourceChanged { .. }
        | SourcesEvent::MediaChanged { .. }
        | SourcesEvent::LineChanged { .. } => None,
    }
}

fn about_the_floor(event: &FloorEvent) -> Option<Line<'_>> {
    match event {
        FloorEvent::FloorGranted { participant, by } => {
            Some(("floor given", Some(*participant), Some(by)))
        }
        FloorEvent::FloorReleased {
            participant, by, ..
        } => Some(("floor released", Some(*participant), Some(by))),
        FloorEvent::FloorRequested { .. } | FloorEvent::FloorWithdrawn { .. } => None,
    }
}

struct Author<'a>(Option<&'a By>);

impl fmt::Display for Author<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(By::Participant(participant)) => write!(f, "{participant}"),
            Some(By::Subject(subject)) => write!(f, "{subject:?}"),
            Some(By::Bearer(bearer)) => write!(f, "{:?} with {}", bearer.subject, bearer.token),
            Some(By::System) | None => f.write_str("server"),
        }
    }
}

fn or_dash(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
