//! What comes of making, correcting, starting and ending a conference.

use jiff::Timestamp;

use super::{MAX_TITLE_CHARS, Phase, PhaseCommand, PhaseEvent};
use crate::conference::event::{By, Event};
use crate::conference::roster::{Roster, RosterEvent};
use crate::conference::state::State;
use crate::refusal::{ErrorCode, Refusal};
use crate::text::{self, NO_CONTROLS};

impl State {
    pub(in crate::conference) fn decide_phase(
        &self,
        by: By,
        command: PhaseCommand,
    ) -> Result<Vec<Event>, Refusal> {
        match command {
            PhaseCommand::Create {
                title,
                starts_at,
                roster,
            } => self.decide_create(by, title, starts_at, roster),
            PhaseCommand::Amend { title, starts_at } => self.decide_amend(by, title, starts_at),
            PhaseCommand::Delete => self.decide_delete(by),
            PhaseCommand::Start => self.decide_start(by),
            PhaseCommand::End => Ok(self.decide_end(by)),
        }
    }

    fn decide_create(
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
            Event::Phase(PhaseEvent::Created {
                title,
                starts_at,
                by: by.clone(),
            }),
            Event::Roster(RosterEvent::RosterSet { roster, by }),
        ])
    }

    fn decide_amend(
        &self,
        by: By,
        title: Option<String>,
        starts_at: Option<Option<Timestamp>>,
    ) -> Result<Vec<Event>, Refusal> {
        self.require_not_ended()?;
        let title = title.unwrap_or_else(|| self.phase.title.clone());
        check_title(&title)?;
        let starts_at = starts_at.unwrap_or(self.phase.times.starts_at);
        if starts_at != self.phase.times.starts_at && self.phase() != Phase::Scheduled {
            return Err(self.begun("when it should begin cannot be corrected any more"));
        }
        if (&title, starts_at) == (&self.phase.title, self.phase.times.starts_at) {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Phase(PhaseEvent::Amended {
            title,
            starts_at,
            by,
        })])
    }

    fn decide_delete(&self, by: By) -> Result<Vec<Event>, Refusal> {
        if self.phase() != Phase::Scheduled {
            return Err(self.begun("end it instead, for what has happened is kept"));
        }
        Ok(vec![Event::Phase(PhaseEvent::Deleted { by })])
    }

    fn begun(&self, then: &'static str) -> Refusal {
        Refusal::new(
            ErrorCode::ConferenceBegun,
            format!("the conference {} has begun: {then}", self.id),
        )
    }

    fn decide_start(&self, by: By) -> Result<Vec<Event>, Refusal> {
        self.require_not_ended()?;
        if self.phase() == Phase::Running {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Phase(PhaseEvent::Started { by })])
    }

    fn decide_end(&self, by: By) -> Vec<Event> {
        if self.phase() == Phase::Ended {
            return Vec::new();
        }
        vec![Event::Phase(PhaseEvent::Ended { by })]
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
