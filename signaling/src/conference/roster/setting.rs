//! Expecting other sites.

use std::collections::BTreeSet;

use super::{Roster, RosterCommand, RosterEvent};
use crate::auth::Role;
use crate::conference::event::{By, Event};
use crate::conference::people::LeaveReason;
use crate::conference::state::State;
use crate::ids::SiteCode;
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
        self.require_not_ended()?;
        match command {
            RosterCommand::Set { roster } => Ok(self.expect(roster, by)),
            RosterCommand::Follow { added, removed } => {
                let mut events = self.send_home(&removed, &by);
                let roster = self.expected.roster.changed(added, &removed);
                events.extend(self.expect(roster, by));
                Ok(events)
            }
        }
    }

    fn expect(&self, roster: Roster, by: By) -> Vec<Event> {
        if roster == self.expected.roster {
            return Vec::new();
        }
        vec![Event::Roster(RosterEvent::RosterSet { roster, by })]
    }

    /// Whoever speaks for a site that is invited no more goes, with all that it had. A hall from which
    /// the conference is held stays: that is not for a list to end.
    fn send_home(&self, removed: &BTreeSet<SiteCode>, by: &By) -> Vec<Event> {
        let is_removed = |site: &SiteCode| removed.contains(site);
        let leaving = self.people.iter().filter(|(_, person)| {
            person.role == Role::Site && person.site.as_ref().is_some_and(is_removed)
        });
        leaving
            .flat_map(|(id, _)| self.departure(id, LeaveReason::NotInvited, by))
            .collect()
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
