//! By how much the wall clock was set, and what is due because time has passed.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::conference::event::Event;
use crate::conference::phase::Phase;
use crate::conference::rights::Needs;
use crate::conference::state::State;
use crate::conference::time::ConferenceTime;

/// Asked because of time. From the system.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClockCommand {
    /// The wall clock was set.
    NoteStep {
        /// Forward if positive.
        set_by: SignedDuration,
    },
    /// Time has passed: see [`State::next_deadline`].
    Tick,
}

impl ClockCommand {
    /// What it needs to be carried out.
    pub(super) const fn needs(&self) -> Needs {
        match self {
            Self::NoteStep { .. } | Self::Tick => Needs::Server,
        }
    }

    /// Whether a participant may do it only so often.
    pub(super) const fn is_budgeted(&self) -> bool {
        match self {
            Self::NoteStep { .. } | Self::Tick => false,
        }
    }
}

/// The clock was set.
#[derive(
    Clone,
    Debug,
    Deserialize,
    Eq,
    PartialEq,
    Serialize,
    strum::IntoStaticStr,
    strum::VariantNames,
    utoipa::ToSchema,
)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[strum(serialize_all = "camelCase")]
pub enum ClockEvent {
    /// The wall clock was set. Times after this one are by the clock as it is now; how long
    /// something took is reckoned without the step.
    ClockSet {
        /// Forward if positive, back if negative.
        #[schema(rename = "byMilliseconds")]
        by_milliseconds: i64,
    },
}

/// By how much the wall clock was set since the beginning of the log, all in all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Clock(SignedDuration);

impl Clock {
    /// The conference's own time at a moment of the wall clock as it is set now.
    pub(super) fn time_of(self, wall: Timestamp) -> ConferenceTime {
        ConferenceTime::new(wall, self.0)
    }

    pub(super) fn apply(&mut self, event: &ClockEvent) {
        let ClockEvent::ClockSet { by_milliseconds } = event;
        let set_by = SignedDuration::from_millis(*by_milliseconds);
        self.0 = self.0.saturating_add(set_by);
    }
}

impl State {
    pub(super) fn decide_clock(&self, now: Timestamp, command: ClockCommand) -> Vec<Event> {
        match command {
            ClockCommand::NoteStep { set_by } => self.decide_step(set_by),
            ClockCommand::Tick => self.depart_overdue(now),
        }
    }

    /// That a conference was over before the clock was set is all that matters.
    fn decide_step(&self, set_by: SignedDuration) -> Vec<Event> {
        if self.phase() == Phase::Ended {
            return Vec::new();
        }
        let by_milliseconds = i64::try_from(set_by.as_millis()).unwrap_or_default();
        vec![ClockEvent::ClockSet { by_milliseconds }.into()]
    }
}
