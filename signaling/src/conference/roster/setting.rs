//! Expecting other sites.

use super::{Roster, RosterCommand, RosterEvent};
use crate::conference::event::{By, Event};
use crate::conference::state::State;
use crate::refusal::Refusal;

/// Who is expected.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::conference) struct Expected {
    pub(in crate::conference) roster: Roster,
    /// When it last changed.
    version: u64,
}

impl Expected {
    pub(in crate::conference) const fn version(&self) -> u64 {
        self.version
    }
}

impl State {
    pub(in crate::conference) fn decide_roster(
        &self,
        by: By,
        command: RosterCommand,
    ) -> Result<Vec<Event>, Refusal> {
        let RosterCommand::Set { roster } = command;
        self.require_not_ended()?;
        if roster == self.expected.roster {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Roster(RosterEvent::RosterSet { roster, by })])
    }

    pub(in crate::conference) fn apply_roster(&mut self, event: &RosterEvent) {
        let RosterEvent::RosterSet { roster, .. } = event;
        self.expected.roster = roster.clone();
        self.expected.version = self.seq;
        self.people.set_roster(roster, self.seq);
        // Both name the provinces of those whom they show.
        self.floor.touch(self.seq);
        self.stage.touch(self.seq);
    }
}
