//! What has changed and is still to be told, gathered so that a value that changes often is told
//! seldom, and serialised once for everybody who gets it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::links::{Class, Links};
use super::pace::Pace;
use super::peers::Peers;
use crate::conference::State;
use crate::ids::ParticipantId;
use crate::outbox::{Frame, encode};
use crate::protocol::ServerMessage;
use crate::protocol::server::ParticipantEntry;

/// Counts for those who only watch. Higher: less traffic while thousands join (3,400 messages
/// each time). Lower: a smoother counter.
const PRESENCE_FOR_ATTENDEES: Duration = Duration::from_secs(1);

/// Whatever operators and chairs are told about many participants. The contract says at most four
/// a second.
const FOR_MODERATORS: Duration = Duration::from_millis(250);

/// The floor and the stage, for everybody. Higher: a speaker is announced later when much happens.
/// Lower: a thousand requests for the floor at once become more messages to everybody.
const FOR_EVERYBODY: Duration = Duration::from_millis(100);

/// What is still to be told.
#[derive(Debug)]
pub(super) struct News {
    conference: Pace,
    floor: Pace,
    stage: Pace,
    attendees_presence: Pace,
    moderators_presence: Pace,
    waiting: Pace,
    participants: Pace,
    changed: BTreeSet<ParticipantId>,
    left: BTreeMap<ParticipantId, ParticipantEntry>,
}

impl Default for News {
    fn default() -> Self {
        Self {
            conference: Pace::at_most_every(FOR_EVERYBODY),
            floor: Pace::at_most_every(FOR_EVERYBODY),
            stage: Pace::at_most_every(FOR_EVERYBODY),
            attendees_presence: Pace::at_most_every(PRESENCE_FOR_ATTENDEES),
            moderators_presence: Pace::at_most_every(FOR_MODERATORS),
            waiting: Pace::at_most_every(FOR_MODERATORS),
            participants: Pace::at_most_every(FOR_MODERATORS),
            changed: BTreeSet::new(),
            left: BTreeMap::new(),
        }
    }
}

impl News {
    /// The conference's title or phase has changed.
    pub(super) fn conference(&mut self, now: Instant) {
        self.conference.mark(now);
    }

    /// The floor has changed.
    pub(super) fn floor(&mut self, now: Instant) {
        self.floor.mark(now);
    }

    /// The stage has changed.
    pub(super) fn stage(&mut self, now: Instant) {
        self.stage.mark(now);
    }

    /// The counts have changed.
    pub(super) fn presence(&mut self, now: Instant) {
        self.attendees_presence.mark(now);
        self.moderators_presence.mark(now);
    }

    /// The positions of those who wait for the floor have changed.
    pub(super) fn waiting(&mut self, now: Instant) {
        self.waiting.mark(now);
    }

    /// A participant has changed.
    pub(super) fn changed(&mut self, participant: ParticipantId, now: Instant) {
        self.left.remove(&participant);
        self.changed.insert(participant);
        self.participants.mark(now);
    }

    /// A participant is gone.
    pub(super) fn left(&mut self, entry: ParticipantEntry, now: Instant) {
        self.changed.remove(&entry.participant);
        self.left.insert(entry.participant, entry);
        self.participants.mark(now);
    }

    /// When something is to be told next.
    pub(super) fn due(&self) -> Option<Instant> {
        [
            &self.conference,
            &self.floor,
            &self.stage,
            &self.attendees_presence,
            &self.moderators_presence,
            &self.waiting,
            &self.participants,
        ]
        .into_iter()
        .filter_map(Pace::due)
        .min()
    }

    /// Tells what is due.
    pub(super) fn tell(&mut self, now: Instant, state: &State, links: &Links, peers: &Peers) {
        let everybody = |frame: Frame| {
            links.tell_all(Class::Attendees, &frame);
            links.tell_all(Class::Moderators, &frame);
        };
        if self.conference.take(now) {
            everybody(encode(&state.conference_message()));
        }
        if self.stage.take(now) {
            everybody(encode(&state.stage_message()));
        }
        if self.floor.take(now) {
            everybody(encode(&state.floor_message()));
        }
        if self.attendees_presence.take(now) {
            links.tell_all(Class::Attendees, &encode(&state.presence_message()));
        }
        if self.moderators_presence.take(now) && links.has(Class::Moderators) {
            links.tell_all(Class::Moderators, &encode(&state.presence_message()));
            links.tell_all(Class::Moderators, &encode(&state.provinces_message()));
        }
        if self.waiting.take(now) {
            tell_positions(state, links);
        }
        if self.participants.take(now) {
            self.tell_participants(state, links, peers);
        }
    }

    fn tell_participants(&mut self, state: &State, links: &Links, peers: &Peers) {
        let changed = std::mem::take(&mut self.changed);
        let left = std::mem::take(&mut self.left);
        if !links.has(Class::Moderators) {
            return;
        }
        let changes = changed
            .into_iter()
            .filter_map(|id| state.participant_entry(id, peers.media_state(id)))
            .chain(left.into_values())
            .collect();
        let message = state.participants_message(false, changes);
        links.tell_all(Class::Moderators, &encode(&message));
    }
}

/// Tells everybody in the queue where it stands: one walk, not one per position.
fn tell_positions(state: &State, links: &Links) {
    for (id, message) in state.waiting_messages() {
        links.tell(id, encode(&message));
    }
}

/// Everything that a role may see, for somebody who has just come in.
pub(super) fn all(state: &State, role: crate::auth::Role, peers: &Peers) -> Vec<ServerMessage> {
    let mut messages = vec![
        state.conference_message(),
        state.stage_message(),
        state.floor_message(),
        state.presence_message(),
    ];
    if Class::of(role) == Class::Moderators {
        let changes = state
            .participants()
            .filter_map(|(id, _)| state.participant_entry(id, peers.media_state(id)))
            .collect();
        messages.push(state.provinces_message());
        messages.push(state.participants_message(true, changes));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Role;
    use crate::conference::Settings;
    use crate::conference_task::links::LinkKind;
    use crate::outbox::{OutboxReader, outbox};

    /// Sites and one operator, all welcomed.
    fn audience(sites: u128) -> (Links, Vec<OutboxReader>) {
        let mut links = Links::default();
        let mut readers = Vec::new();
        for number in 0..=sites {
            let role = if number == 0 {
                Role::Operator
            } else {
                Role::Site
            };
            let (outbox, reader) = outbox(16);
            let id = ParticipantId::new(1, number);
            links.insert(id, role, outbox, LinkKind::Session);
            readers.push(reader);
        }
        (links, readers)
    }

    #[test]
    fn a_value_is_serialised_once_for_all_sites() {
        let (links, mut readers) = audience(100);
        let state = State::new("giao-ban".parse().unwrap(), Settings::default());
        let (mut news, now) = (News::default(), Instant::now());
        news.presence(now);
        news.stage(now);
        news.floor(now);
        news.conference(now);
        news.tell(now, &state, &links, &Peers::default());
        let mut told: Vec<Vec<Frame>> = readers
            .iter_mut()
            .skip(1)
            .map(|reader| std::iter::from_fn(|| reader.try_next()).collect())
            .collect();
        let first = told.pop().unwrap();
        assert_eq!(first.len(), 4);
        for other in told {
            let is_shared = first
                .iter()
                .zip(&other)
                .all(|(one, other)| one.as_ptr() == other.as_ptr());
            assert!(
                is_shared && other.len() == 4,
                "each site got a copy of its own"
            );
        }
    }
}
