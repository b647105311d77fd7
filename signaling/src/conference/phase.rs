//! The conference as a whole: what it is called, and whether it runs.

mod command;
mod decide;
mod event;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use command::PhaseCommand;
pub use event::PhaseEvent;

use crate::conference::effect::{Effect, MediaIntent};
use crate::conference::state::State;

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

/// When what happened to a conference as a whole.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Times {
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// When it should begin.
    pub starts_at: Option<Timestamp>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// How it stands with the conference as a whole.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::conference) struct PhaseState {
    title: String,
    phase: Phase,
    times: Times,
    is_deleted: bool,
    /// When this last changed.
    version: u64,
}

impl PhaseState {
    pub(in crate::conference) fn title(&self) -> &str {
        &self.title
    }

    pub(in crate::conference) const fn phase(&self) -> Phase {
        self.phase
    }

    pub(in crate::conference) const fn times(&self) -> &Times {
        &self.times
    }

    pub(in crate::conference) const fn is_deleted(&self) -> bool {
        self.is_deleted
    }

    pub(in crate::conference) const fn version(&self) -> u64 {
        self.version
    }
}

impl State {
    pub(in crate::conference) fn apply_phase(&mut self, event: &PhaseEvent) {
        let at = Some(self.at);
        let whole = &mut self.phase;
        whole.version = self.seq;
        match event {
            PhaseEvent::Created {
                title, starts_at, ..
            } => {
                title.clone_into(&mut whole.title);
                whole.times.starts_at = *starts_at;
                whole.times.created_at = at;
            }
            PhaseEvent::Amended {
                title, starts_at, ..
            } => {
                title.clone_into(&mut whole.title);
                whole.times.starts_at = *starts_at;
            }
            PhaseEvent::Started { .. } => {
                whole.phase = Phase::Running;
                whole.times.started_at = at;
            }
            PhaseEvent::Ended { .. } => self.end(),
            // It is over as one that has ended is, and besides nobody finds it any more.
            PhaseEvent::Deleted { .. } => {
                whole.is_deleted = true;
                self.end();
            }
        }
    }

    /// Nobody is here any more, and nothing is shown.
    fn end(&mut self) {
        self.phase.phase = Phase::Ended;
        self.phase.times.ended_at = Some(self.at);
        self.people.clear(&self.expected.roster);
        self.floor.clear(self.seq);
        self.stage.clear();
    }
}

impl PhaseEvent {
    /// What follows from it by itself.
    pub(in crate::conference) fn follow(&self, effects: &mut Vec<Effect>) {
        match self {
            Self::Ended { .. } | Self::Deleted { .. } => {
                effects.extend([Effect::Media(MediaIntent::End), Effect::CloseAll]);
            }
            Self::Created { .. } | Self::Amended { .. } | Self::Started { .. } => {}
        }
    }
}
