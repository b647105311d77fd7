//! Encoders: nothing but their media says that they are there.
//!
//! One that was started again is the one of before as soon as its media arrives, and the one of
//! before is told that it has ended. Of whoever says that it sends and of whom nothing comes,
//! operators are told so.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::info;

use super::ConferenceTask;
use super::batch::Batch;
use crate::conference::{Actor, PeopleCommand};
use crate::ids::ParticipantId;

/// How long media may take to arrive from whoever is connected and says that it sends.
///
/// Higher: operators learn later that an encoder sends nothing. Lower: one whose camera is slow to
/// begin is called silent for a moment.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// Of whom media is awaited, until when: everybody once.
#[derive(Debug, Default)]
pub(super) struct Awaited(BTreeMap<ParticipantId, Instant>);

impl Awaited {
    /// Media of this participant has so long from now on, unless it is awaited already.
    fn expect(&mut self, now: Instant, participant: ParticipantId) {
        self.0.entry(participant).or_insert(now + PATIENCE);
    }

    /// Those whose time is over.
    fn overdue(&mut self, now: Instant) -> Vec<ParticipantId> {
        let overdue = self.0.extract_if(.., |_, until| *until <= now);
        overdue.map(|(participant, _)| participant).collect()
    }

    /// When [`overdue`](Self::overdue) has something next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.values().min().copied()
    }
}

impl ConferenceTask {
    /// Awaits media of those of whom something has changed, and says of whom none has come.
    pub(super) fn await_media(&mut self, batch: &mut Batch, now: Timestamp) {
        let at = Instant::now();
        for participant in batch.changed() {
            if !self.peers.owing(&self.state, participant).is_empty() {
                self.awaited.expect(at, participant);
            }
        }
        for participant in self.awaited.overdue(at) {
            for publication in self.peers.owing(&self.state, participant) {
                self.arrival(batch, now, publication, false);
            }
        }
    }

    /// Whether the media of a participant is refused. That of an encoder which may have been started
    /// again is not, although it stands by until then: by its media it shows that it is the one.
    pub(super) fn is_refused(&self, participant: ParticipantId) -> bool {
        let person = self.state.participant(participant);
        let is_cut = person.is_some_and(|person| person.muting.is_cut());
        let stands_by = self.state.is_silenced(participant);
        is_cut || (stands_by && self.former_selves(participant).is_empty())
    }

    /// Media of an encoder has begun: those that it was before have ended.
    pub(super) fn supersede(
        &mut self,
        batch: &mut Batch,
        now: Timestamp,
        participant: ParticipantId,
    ) {
        for former in self.former_selves(participant) {
            info!(conference = %self.id(), %participant, %former, "an encoder was started again");
            let command = PeopleCommand::Supersede {
                participant: former,
            };
            self.carry_out(batch, now, &Actor::SYSTEM, command);
        }
    }

    /// Encoders of the same place that came before this one with the same token. A page is none, and
    /// neither is a player.
    fn former_selves(&self, participant: ParticipantId) -> Vec<ParticipantId> {
        let person = self.state.participant(participant);
        let Some(person) = person.filter(|_| self.links.is_resource(participant)) else {
            return Vec::new();
        };
        let is_former = |id: &ParticipantId| {
            let is_encoder = self.links.is_resource(*id) && self.peers.publishes(*id);
            is_encoder
                && self.state.participant(*id).is_some_and(|other| {
                    other.joined_seq < person.joined_seq
                        && other.token.is_some()
                        && other.token == person.token
                })
        };
        let devices = self.state.devices_beside(participant).iter().copied();
        devices.filter(is_former).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_is_awaited_once_from_the_first_time_on() {
        let (mut awaited, now) = (Awaited::default(), Instant::now());
        let [one, other] = [1, 2].map(|number| ParticipantId::new(1, number));
        awaited.expect(now, one);
        awaited.expect(now + PATIENCE / 2, one);
        awaited.expect(now + PATIENCE / 2, other);
        assert_eq!(awaited.due(), Some(now + PATIENCE));
        assert_eq!(awaited.overdue(now + PATIENCE / 2), []);
        assert_eq!(awaited.overdue(now + PATIENCE), [one]);
        assert_eq!(awaited.overdue(now + 2 * PATIENCE), [other]);
        assert_eq!(awaited.due(), None);
    }
}
