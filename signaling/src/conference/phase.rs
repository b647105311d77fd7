//! Making, starting and ending a conference, and whom it expects.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::conference::event::{By, Event};
use crate::conference::floor::Floor;
use crate::conference::roster::Roster;
use crate::conference::stage::Overrides;
use crate::conference::state::State;
use crate::refusal::{ErrorCode, Refusal};
use crate::text::{self, NO_CONTROLS};

/// Whether a conference runs.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Not yet. One may join, but the floor is closed.
    #[default]
    Scheduled,
    /// It runs.
    Running,
    /// It is over.
    Ended,
}

/// Most characters of a title.
pub const MAX_TITLE_CHARS: usize = 200;

impl State {
    pub(super) fn decide_create(
        &self,
        by: By,
        title: String,
        starts_at: Option<Timestamp>,
        roster: Roster,
    ) -> Result<Vec<Event>, Refusal> {
        if self.seq > 0 {
            return Err(Refusal::new(
                ErrorCode::ConferenceExists,
                format!("there is already a conference {}", self.id),
            ));
        }
        check_title(&title)?;
        Ok(vec![
            Event::Created {
                title,
                starts_at,
                by: by.clone(),
            },
            Event::RosterSet { roster, by },
        ])
    }

    pub(super) fn decide_amend(
        &self,
        by: By,
        title: Option<String>,
        starts_at: Option<Option<Timestamp>>,
    ) -> Result<Vec<Event>, Refusal> {
        self.require_not_ended()?;
        let title = title.unwrap_or_else(|| self.title.clone());
        check_title(&title)?;
        let starts_at = starts_at.unwrap_or(self.times.starts_at);
        if starts_at != self.times.starts_at && self.phase != Phase::Scheduled {
            return Err(self.begun("when it should begin cannot be corrected any more"));
        }
        if (&title, starts_at) == (&self.title, self.times.starts_at) {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Amended {
            title,
            starts_at,
            by,
        }])
    }

    pub(super) fn decide_delete(&self, by: By) -> Result<Vec<Event>, Refusal> {
        if self.phase != Phase::Scheduled {
            return Err(self.begun("end it instead, for what has happened is kept"));
        }
        Ok(vec![Event::Deleted { by }])
    }

    fn begun(&self, then: &'static str) -> Refusal {
        Refusal::new(
            ErrorCode::ConferenceBegun,
            format!("the conference {} has begun: {then}", self.id),
        )
    }

    pub(super) fn decide_roster(&self, by: By, roster: Roster) -> Result<Vec<Event>, Refusal> {
        self.require_not_ended()?;
        if roster == self.roster {
            return Ok(Vec::new());
        }
        Ok(vec![Event::RosterSet { roster, by }])
    }

    pub(super) fn decide_start(&self, by: By) -> Result<Vec<Event>, Refusal> {
        self.require_not_ended()?;
        if self.phase == Phase::Running {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Started { by }])
    }

    pub(super) fn decide_end(&self, by: By) -> Vec<Event> {
        if self.phase == Phase::Ended {
            return Vec::new();
        }
        vec![Event::Ended { by }]
    }

    pub(super) fn apply_created(
        &mut self,
        at: Timestamp,
        title: &str,
        starts_at: Option<Timestamp>,
    ) {
        title.clone_into(&mut self.title);
        self.times.starts_at = starts_at;
        self.times.created_at = Some(at);
        self.versions.conference = self.seq;
    }

    pub(super) fn apply_amended(&mut self, title: &str, starts_at: Option<Timestamp>) {
        title.clone_into(&mut self.title);
        self.times.starts_at = starts_at;
        self.versions.conference = self.seq;
    }

    /// It is over as one that has ended is, and besides nobody finds it any more.
    pub(super) fn apply_deleted(&mut self, at: Timestamp) {
        self.apply_ended(at);
        self.is_deleted = true;
    }

    pub(super) fn apply_roster(&mut self, roster: &Roster) {
        self.roster = roster.clone();
        self.people.set_roster(roster);
        self.versions.presence = self.seq;
        self.versions.roster = self.seq;
        // Both name the provinces of those whom they show.
        self.versions.floor = self.seq;
        self.versions.stage = self.seq;
    }

    pub(super) fn apply_started(&mut self, at: Timestamp) {
        self.phase = Phase::Running;
        self.times.started_at = Some(at);
        self.versions.conference = self.seq;
    }

    pub(super) fn apply_ended(&mut self, at: Timestamp) {
        self.phase = Phase::Ended;
        self.times.ended_at = Some(at);
        self.people.clear(&self.roster);
        self.floor = Floor::default();
        self.overrides = Overrides::default();
        self.versions.floor = self.seq;
        self.versions.conference = self.seq;
    }
}

fn check_title(title: &str) -> Result<(), Refusal> {
    let length = title.chars().count();
    if title.trim().is_empty() || length > MAX_TITLE_CHARS || title.contains(text::misleads) {
        return Err(Refusal::new(
            ErrorCode::BadMessage,
            format!("a title has 1 to {MAX_TITLE_CHARS} characters on one line, {NO_CONTROLS}"),
        ));
    }
    Ok(())
}
