//! What has changed and is still to be told, gathered so that a value that changes often is told
//! seldom, and serialised once for everybody who gets it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::bucket::Bucket;
use super::links::{Class, Links};
use super::pace::Pace;
use super::peers::Peers;
use crate::conference::State;
use crate::ids::ParticipantId;
use crate::outbox::encode;
use crate::protocol::ServerMessage;
use crate::protocol::server::ParticipantEntry;

/// Counts for attendees. Higher: less traffic while thousands join (3,400 messages each time).
/// Lower: a smoother counter.
const PRESENCE_FOR_ATTENDEES: Duration = Duration::from_secs(1);

/// How often those who wait for the floor are told that they have moved up. Higher: they learn it
/// later. Lower: whoever is first and takes its request back costs all the others more.
const POSITIONS: Duration = Duration::from_secs(1);

/// Whatever operators and chairs are told about many participants. The contract says at most four
/// a second.
const FOR_MODERATORS: Duration = Duration::from_millis(250);

/// How well participants hear and see. Lower: more to read where thousands of lines come and go.
const LINES: Duration = Duration::from_secs(1);

/// The conference, the stage and the floor. Higher: a speaker is announced later when much happens.
/// Lower: a thousand requests for the floor at once become more messages.
const FOR_EVERYBODY: Duration = Duration::from_millis(100);

/// What everything that attendees are told together may cost each of them in the long run, in
/// bytes a second: with what concerns itself, less than 2 kbit/s whatever anybody does. Higher: one
/// who does its worst costs thousands more. Lower: in a meeting that is as busy, the stage is
/// announced later.
const ATTENDEES_BYTES_PER_SECOND: u32 = 150;

/// What attendees may be told at once beyond that, in bytes: the stage and the floor go from one to
/// the next some four times without anybody waiting.
const ATTENDEES_BURST_BYTES: u32 = 2_048;

/// What is still to be told.
#[derive(Debug)]
pub(super) struct News {
    /// For operators, chairs and halls: few, and they act on it.
    near: Values,
    /// For attendees.
    far: Values,
    /// What attendees may still be told.
    allowance: Bucket,
    roster: Pace,
    waiting: Pace,
    /// Positions in the floor's queue as they were told.
    positions: HashMap<ParticipantId, u32>,
    barred: Pace,
    participants: Pace,
    lines: Pace,
    /// Participants of whom the line alone has changed.
    restless: BTreeSet<ParticipantId>,
    changed: BTreeSet<ParticipantId>,
    left: BTreeMap<ParticipantId, ParticipantEntry>,
}

/// Values that everybody is told.
#[derive(Debug)]
struct Values {
    conference: Pace,
    stage: Pace,
    floor: Pace,
    presence: Pace,
}

impl Values {
    const fn new(presence: Duration) -> Self {
        Self {
            conference: Pace::at_most_every(FOR_EVERYBODY),
            stage: Pace::at_most_every(FOR_EVERYBODY),
            floor: Pace::at_most_every(FOR_EVERYBODY),
            presence: Pace::at_most_every(presence),
        }
    }

    fn due(&self) -> Option<Instant> {
        [&self.conference, &self.stage, &self.floor, &self.presence]
            .into_iter()
            .filter_map(|pace| pace.due())
            .min()
    }
}

impl Default for News {
    fn default() -> Self {
        Self {
            near: Values::new(FOR_MODERATORS),
            far: Values::new(PRESENCE_FOR_ATTENDEES),
            allowance: Bucket::new(price(ATTENDEES_BURST_BYTES as usize)),
            roster: Pace::at_most_every(FOR_MODERATORS),
            waiting: Pace::at_most_every(POSITIONS),
            positions: HashMap::new(),
            barred: Pace::at_most_every(FOR_MODERATORS),
            participants: Pace::at_most_every(FOR_MODERATORS),
            lines: Pace::at_most_every(LINES),
            restless: BTreeSet::new(),
            changed: BTreeSet::new(),
            left: BTreeMap::new(),
        }
    }
}

/// Makes the message that tells a value.
type Message = fn(&State) -> ServerMessage;

/// The time in which attendees may be told so much.
fn price(bytes: usize) -> Duration {
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    Duration::from_secs(1) * bytes / ATTENDEES_BYTES_PER_SECOND
}

impl News {
    /// The conference's title or phase has changed.
    pub(super) fn conference(&mut self, now: Instant) {
        self.near.conference.mark(now);
        self.far.conference.mark(now);
    }

    /// The floor has changed.
    pub(super) fn floor(&mut self, now: Instant) {
        self.near.floor.mark(now);
        self.far.floor.mark(now);
    }

    /// Whoever has the floor is seen or heard: that the stage shows it is what attendees need.
    pub(super) fn floor_began(&mut self, now: Instant) {
        self.near.floor.mark(now);
    }

    /// The stage has changed.
    pub(super) fn stage(&mut self, now: Instant) {
        self.near.stage.mark(now);
        self.far.stage.mark(now);
    }

    /// The counts have changed.
    pub(super) fn presence(&mut self, now: Instant) {
        self.near.presence.mark(now);
        self.far.presence.mark(now);
    }

    /// Other sites are expected.
    pub(super) fn roster(&mut self, now: Instant) {
        self.roster.mark(now);
    }

    /// The positions of those who wait for the floor have changed.
    pub(super) fn waiting(&mut self, now: Instant) {
        self.waiting.mark(now);
    }

    /// Others than before have been sent away.
    pub(super) fn barred(&mut self, now: Instant) {
        self.barred.mark(now);
    }

    /// A participant has changed.
    pub(super) fn changed(&mut self, participant: ParticipantId, now: Instant) {
        self.left.remove(&participant);
        self.changed.insert(participant);
        self.participants.mark(now);
    }

    /// The line to a participant has become better or worse.
    pub(super) fn line_changed(&mut self, participant: ParticipantId, now: Instant) {
        self.restless.insert(participant);
        self.lines.mark(now);
    }

    /// A participant is gone.
    pub(super) fn left(&mut self, entry: ParticipantEntry, now: Instant) {
        self.changed.remove(&entry.participant);
        self.left.insert(entry.participant, entry);
        self.participants.mark(now);
    }

    /// When something is to be told next.
    pub(super) fn due(&self) -> Option<Instant> {
        let allowed = self.allowance.ready_at(Duration::ZERO);
        let far = self
            .far
            .due()
            .max(allowed.filter(|_| self.far.due().is_some()));
        [
            self.near.due(),
            far,
            self.roster.due(),
            self.waiting.due(),
            self.barred.due(),
            self.participants.due(),
            self.lines.due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Tells what is due.
    pub(super) fn tell(&mut self, now: Instant, state: &State, links: &Links, peers: &Peers) {
        self.tell_near(now, state, links);
        self.tell_far(now, state, links);
        if self.roster.take(now) {
            links.tell_all(Class::Moderators, &encode(&state.roster_message()));
        }
        if self.waiting.take(now) {
            self.tell_positions(state, links);
        }
        if self.barred.take(now) && links.has(Class::Moderators) {
            links.tell_all(Class::Moderators, &encode(&state.barred_message()));
        }
        if self.lines.take(now) {
            self.changed.append(&mut self.restless);
            self.participants.mark(now);
        }
        if self.participants.take(now) {
            self.tell_participants(state, links, peers);
        }
    }

    fn tell_near(&mut self, now: Instant, state: &State, links: &Links) {
        let tell = |message: ServerMessage| {
            let frame = encode(&message);
            links.tell_all(Class::Halls, &frame);
            links.tell_all(Class::Moderators, &frame);
        };
        if self.near.conference.take(now) {
            tell(state.conference_message());
        }
        if self.near.stage.take(now) {
            tell(state.stage_message());
        }
        if self.near.floor.take(now) {
            tell(state.floor_message());
        }
        if self.near.presence.take(now) {
            tell(state.presence_message());
            if links.has(Class::Moderators) {
                links.tell_all(Class::Moderators, &encode(&state.provinces_message()));
            }
        }
    }

    /// The most important first: what is not allowed now waits, and is told as it is then.
    fn tell_far(&mut self, now: Instant, state: &State, links: &Links) {
        let Self { far, allowance, .. } = self;
        let values: [(&mut Pace, Message); 4] = [
            (&mut far.conference, State::conference_message),
            (&mut far.stage, State::stage_message),
            (&mut far.floor, State::short_floor_message),
            (&mut far.presence, State::presence_message),
        ];
        for (pace, message) in values {
            let allowed = allowance
                .ready_at(Duration::ZERO)
                .is_none_or(|ready| ready <= now);
            if allowed && pace.take(now) {
                let frame = encode(&message(state));
                allowance.take(now, price(frame.len()));
                links.tell_all(Class::Attendees, &frame);
            }
        }
    }

    /// Tells whoever has moved in the queue where it stands now: one walk, not one per position.
    fn tell_positions(&mut self, state: &State, links: &Links) {
        let positions: HashMap<_, _> = state.positions().collect();
        for (id, position) in &positions {
            if self.positions.get(id) != Some(position)
                && let Some(message) = state.waiting_message(*id, *position)
            {
                links.tell(*id, encode(&message));
            }
        }
        self.positions = positions;
    }

    fn tell_participants(&mut self, state: &State, links: &Links, peers: &Peers) {
        let changed = std::mem::take(&mut self.changed);
        let left = std::mem::take(&mut self.left);
        if !links.has(Class::Moderators) {
            return;
        }
        let changes = changed
            .into_iter()
            .filter_map(|id| peers.entry(state, id))
            .chain(left.into_values())
            .collect();
        let message = state.participants_message(false, changes);
        links.tell_all(Class::Moderators, &encode(&message));
    }
}

/// Everything that a class may see, for somebody who has just come in.
pub(super) fn all(state: &State, class: Class, peers: &Peers) -> Vec<ServerMessage> {
    let floor = match class {
        Class::Moderators | Class::Halls => state.floor_message(),
        Class::Attendees => state.short_floor_message(),
    };
    let mut messages = vec![
        state.conference_message(),
        state.stage_message(),
        floor,
        state.presence_message(),
    ];
    if class == Class::Moderators {
        let changes = state
            .participants()
            .filter_map(|(id, _)| peers.entry(state, id))
            .collect();
        messages.push(state.roster_message());
        messages.push(state.provinces_message());
        messages.push(state.barred_message());
        messages.push(state.participants_message(true, changes));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Role;
    use crate::conference::{Event, FloorEvent, PeopleEvent, Settings, advance};
    use crate::conference_task::links::LinkKind;
    use crate::outbox::{Frame, OutboxReader, outbox};
    use crate::protocol::CloseReason;

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
            let rights = role.into();
            links.insert(id, rights, outbox, LinkKind::Session, CloseReason::Replaced);
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

    /// What a site is told within a minute in which everything changes ten times a second.
    fn told_in_a_minute(mark: impl Fn(&mut News, Instant)) -> Vec<(u32, usize)> {
        let (links, mut readers) = audience(1);
        let state = State::new("giao-ban".parse().unwrap(), Settings::default());
        let (mut news, start) = (News::default(), Instant::now());
        let mut told = Vec::new();
        for tenth in 0..600 {
            let now = start + Duration::from_millis(100) * tenth;
            mark(&mut news, now);
            news.tell(now, &state, &links, &Peers::default());
            while let Some(frame) = readers[1].try_next() {
                told.push((tenth, frame.len()));
            }
            while readers[0].try_next().is_some() {}
        }
        told
    }

    #[test]
    fn whatever_changes_costs_a_site_less_than_2_kbit_a_second() {
        let told = told_in_a_minute(|news, now| {
            news.conference(now);
            news.stage(now);
            news.floor(now);
            news.presence(now);
        });
        let bytes: usize = told
            .iter()
            .filter(|(tenth, _)| *tenth >= 30)
            .map(|(_, bytes)| bytes)
            .sum();
        assert!(bytes * 8 < 57 * 2_000, "{bytes} bytes in 57 s");
        let longest = told.windows(2).map(|pair| pair[1].0 - pair[0].0).max();
        assert!(longest < Some(50), "nothing is told for {longest:?} tenths");
    }

    #[test]
    fn only_those_who_have_moved_in_the_queue_are_told() {
        let (links, mut readers) = audience(4);
        let mut state = queue(4);
        let mut news = News::default();
        let mut told = |state: &State| {
            news.tell_positions(state, &links);
            readers
                .iter_mut()
                .map(|reader| std::iter::from_fn(|| reader.try_next()).count())
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&state), [0, 1, 1, 1, 1]);
        assert_eq!(told(&state), [0, 0, 0, 0, 0]);
        let participant = ParticipantId::new(1, 2);
        let withdrawn = Event::Floor(FloorEvent::FloorWithdrawn {
            participant,
            by: None,
        });
        let records = state.stamp(jiff::Timestamp::UNIX_EPOCH, vec![withdrawn]);
        advance(&mut state, &records);
        assert_eq!(told(&state), [0, 0, 0, 1, 1]);
    }

    /// So many sites that wait for the floor in the order of their numbers.
    fn queue(sites: u128) -> State {
        let mut state = State::new("giao-ban".parse().unwrap(), Settings::default());
        for number in 1..=sites {
            let participant = ParticipantId::new(1, number);
            let joined = Event::People(PeopleEvent::Joined {
                participant,
                session: crate::ids::SessionId::new(1, number),
                secret: crate::auth::SessionSecret::new(number.to_be_bytes()).hash(),
                subject: number.to_string(),
                role: Role::Site,
                scope: None,
                site: None,
                name: number.to_string(),
                token: None,
                expires_at: None,
                muted: false,
                sound_only: false,
            });
            let requested = Event::Floor(FloorEvent::FloorRequested {
                participant,
                by: None,
            });
            let records = state.stamp(jiff::Timestamp::UNIX_EPOCH, vec![joined, requested]);
            advance(&mut state, &records);
        }
        state
    }
}
