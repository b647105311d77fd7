//! The floor: one holder, a queue, and who may move them.

mod apply;
mod command;
mod decide;
mod event;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use command::FloorCommand;
pub use event::{FloorEvent, ReleaseReason};

use crate::conference::time::ConferenceTime;
use crate::ids::ParticipantId;

/// Whoever loses the floor to a moderator sooner than this after it was given waits first in the
/// queue again.
///
/// Higher: a short answer that was cut off asks again by itself. Lower: a slip of the hand that is
/// noticed late costs a site its turn.
const SECOND_THOUGHTS: SignedDuration = SignedDuration::from_secs(10);

/// How a turn, or the wait for one, ended that somebody else ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LastTurn {
    /// A moderator took the floor back.
    Revoked,
    /// A moderator gave the floor to somebody else.
    PassedOn,
    /// Another device of the same site was given the floor.
    Moved,
    /// A program did so on its behalf.
    Withdrawn,
}

/// Who has the floor and who asks for it.
///
/// A lost holder keeps it, and a lost one keeps its place in the queue, for as long as they may
/// come back.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Floor {
    holder: Option<Held>,
    /// By the sequence number of the request: first come, first served. Whoever was put back to the
    /// head has a number below all others.
    queue: BTreeMap<i64, (ParticipantId, Timestamp)>,
    waiting: BTreeMap<ParticipantId, i64>,
    /// When it last went from one to another, or its queue changed.
    version: u64,
    /// When its holder was first seen or heard.
    began: u64,
}

/// Somebody has the floor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    pub(crate) participant: ParticipantId,
    pub(crate) since: Timestamp,
    /// The same moment in the conference's own time.
    given: ConferenceTime,
    /// When it had asked for it, if it had.
    asked: Option<Timestamp>,
    /// When the first of its picture or sound arrived; until then it is only invited.
    pub(crate) began: Option<Timestamp>,
}

impl Floor {
    pub(crate) fn holder(&self) -> Option<ParticipantId> {
        self.holder.map(|held| held.participant)
    }

    /// Who has it, with everything that is known of that.
    pub(crate) const fn held(&self) -> Option<Held> {
        self.holder
    }

    pub(crate) fn is_waiting(&self, id: ParticipantId) -> bool {
        self.waiting.contains_key(&id)
    }

    pub(crate) fn queue(&self) -> impl Iterator<Item = ParticipantId> {
        self.queue.values().map(|(id, _)| *id)
    }

    /// Who waits and since when, first come first.
    pub(crate) fn waiting(&self) -> impl ExactSizeIterator<Item = (ParticipantId, Timestamp)> {
        self.queue.values().copied()
    }

    /// Place in the queue, from 1.
    pub(crate) fn position(&self, id: ParticipantId) -> Option<u32> {
        let seq = self.waiting.get(&id)?;
        u32::try_from(self.queue.range(..=seq).count()).ok()
    }

    /// When it last changed.
    pub(in crate::conference) const fn version(&self) -> u64 {
        self.version
    }

    /// When its holder was first seen or heard.
    pub(in crate::conference) const fn began(&self) -> u64 {
        self.began
    }

    /// What is told of it is another thing since this event.
    pub(in crate::conference) const fn touch(&mut self, seq: u64) {
        self.version = seq;
    }

    /// Nobody has it and nobody waits.
    pub(in crate::conference) fn clear(&mut self, seq: u64) {
        *self = Self {
            version: seq,
            began: self.began,
            ..Self::default()
        };
    }

    fn push(&mut self, number: i64, id: ParticipantId, at: Timestamp) {
        self.queue.insert(number, (id, at));
        self.waiting.insert(id, number);
    }

    fn push_first(&mut self, id: ParticipantId, at: Timestamp) {
        let first = self.queue.keys().next().copied().unwrap_or_default();
        self.push(first.saturating_sub(1), id, at);
    }

    /// Since when it has waited.
    fn forget(&mut self, id: ParticipantId) -> Option<Timestamp> {
        let number = self.waiting.remove(&id)?;
        self.queue.remove(&number).map(|(_, since)| since)
    }

    /// Whether whoever has it now had asked for it, and has had it for moments only.
    fn has_just_begun(&self, now: ConferenceTime) -> bool {
        self.holder
            .is_some_and(|held| held.asked.is_some() && now.since(held.given) < SECOND_THOUGHTS)
    }
}
