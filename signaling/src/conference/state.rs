//! What a conference is at this moment: the sum of its events. Each subject owns its part.

use jiff::{SignedDuration, Timestamp};

use crate::auth::{CLOCK_LEEWAY, SecretHash};
use crate::conference::clock::{Clock, ClockEvent};
use crate::conference::event::{Event, Record};
use crate::conference::floor::Floor;
use crate::conference::people::presence::Counts;
use crate::conference::people::{Participant, People};
use crate::conference::phase::{Phase, PhaseState, Times};
use crate::conference::roster::{Expected, Roster};
use crate::conference::stage::{Scene, Stage};
use crate::conference::time::ConferenceTime;
use crate::ids::{ConferenceId, ParticipantId, SessionId, SiteCode};
use crate::refusal::{ErrorCode, Refusal};

/// What the operator of the server decided; not part of the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// How long a lost participant may come back as itself.
    pub resume_window: SignedDuration,
    /// Most participants. Operators, chairs and halls come in beyond it.
    pub max_participants: usize,
    /// Most devices of one place: a site in one role or, without a site, a subject.
    pub devices_per_site: usize,
    /// Whether the end of a token's time ends the stay of whoever came with it.
    pub enforce_expiry: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            resume_window: SignedDuration::from_secs(30),
            max_participants: 5_000,
            devices_per_site: 2,
            enforce_expiry: false,
        }
    }
}

/// When each value that clients are told last changed, as sequence numbers of events.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Versions {
    /// Its title and whether it runs.
    pub conference: u64,
    /// The counts.
    pub presence: u64,
    /// Who has the floor and who asks for it.
    pub floor: u64,
    /// When its holder was first seen or heard.
    pub began: u64,
    /// What everybody sees and hears.
    pub stage: u64,
    /// Who is expected.
    pub roster: u64,
    /// Who was sent away.
    pub barred: u64,
}

/// The state of one conference. Changed by [`State::apply`] only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct State {
    pub(super) id: ConferenceId,
    pub(super) settings: Settings,
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) clock: Clock,
    pub(super) phase: PhaseState,
    pub(super) expected: Expected,
    pub(super) people: People,
    pub(super) floor: Floor,
    pub(super) stage: Stage,
}

impl State {
    /// A conference of which nothing has happened yet.
    pub fn new(id: ConferenceId, settings: Settings) -> Self {
        Self {
            id,
            settings,
            seq: 0,
            at: Timestamp::MIN,
            clock: Clock::default(),
            phase: PhaseState::default(),
            expected: Expected::default(),
            people: People::default(),
            floor: Floor::default(),
            stage: Stage::default(),
        }
    }

    /// The conference that these records tell of.
    pub fn replay<'a>(
        id: ConferenceId,
        settings: Settings,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Self {
        let mut state = Self::new(id, settings);
        for record in records {
            state.apply(record);
        }
        state
    }

    /// Gives decided events their place in the log. Time does not run backwards in it, unless the
    /// clock was set back and an event says so.
    pub fn stamp(&self, now: Timestamp, events: Vec<Event>) -> Vec<Record> {
        let mut at = now.max(self.at);
        let stamped = |(seq, event)| {
            if matches!(event, Event::Clock(ClockEvent::ClockSet { .. })) {
                at = now;
            }
            Record { seq, at, event }
        };
        (self.seq + 1..).zip(events).map(stamped).collect()
    }

    /// The conference's own time at a moment of the wall clock as it is set now.
    pub fn time_of(&self, wall: Timestamp) -> ConferenceTime {
        self.clock.time_of(wall)
    }

    /// The conference's own time at its last event.
    pub fn time(&self) -> ConferenceTime {
        self.time_of(self.at)
    }

    /// Lets one event have happened: its subject knows what that means.
    pub fn apply(&mut self, record: &Record) {
        let Record { seq, at, event } = record;
        self.seq = *seq;
        self.at = *at;
        let presence = self.people.presence().total();
        match event {
            Event::Phase(event) => self.apply_phase(event),
            Event::Roster(event) => self.apply_roster(event),
            Event::People(event) => self.apply_people(event),
            Event::Sources(event) => self.apply_sources(event),
            Event::Floor(event) => self.apply_floor(event),
            Event::Stage(event) => self.stage.apply(event),
            Event::Clock(event) => self.clock.apply(event),
        }
        if presence != self.people.presence().total() {
            self.people.note_presence(*seq);
        }
        self.settle_scene();
    }

    /// Sequence number of the last event; 0 before the first.
    pub const fn version(&self) -> u64 {
        self.seq
    }

    /// Its id.
    pub const fn id(&self) -> &ConferenceId {
        &self.id
    }

    /// What people call it.
    pub fn title(&self) -> &str {
        self.phase.title()
    }

    /// Whether it runs.
    pub const fn phase(&self) -> Phase {
        self.phase.phase()
    }

    /// When what happened to it.
    pub const fn times(&self) -> &Times {
        self.phase.times()
    }

    /// When each value that clients are told last changed.
    pub const fn versions(&self) -> Versions {
        let people = self.people.versions();
        Versions {
            conference: self.phase.version(),
            presence: people.presence,
            floor: self.floor.version(),
            began: self.floor.began(),
            stage: self.stage.version(),
            roster: self.expected.version(),
            barred: people.barred,
        }
    }

    /// Whether it was taken back before it began: nothing but its log is kept.
    pub const fn is_deleted(&self) -> bool {
        self.phase.is_deleted()
    }

    /// From now on it is decided by these.
    pub const fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// The server's settings for it.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The sites that should be here.
    pub const fn roster(&self) -> &Roster {
        &self.expected.roster
    }

    /// A participant that is present or lost.
    pub fn participant(&self, id: ParticipantId) -> Option<&Participant> {
        self.people.get(id)
    }

    /// Everybody who is present or lost.
    pub fn participants(&self) -> impl Iterator<Item = (ParticipantId, &Participant)> {
        self.people.iter()
    }

    /// How many participants are present or lost.
    pub fn participant_count(&self) -> usize {
        self.people.len()
    }

    /// Whose session this is.
    pub fn participant_of(&self, session: SessionId) -> Option<ParticipantId> {
        self.people.by_session(session)
    }

    /// Whether anything is known of this session: it belongs to somebody, or did until another
    /// device took its place.
    pub fn knows_session(&self, session: SessionId) -> bool {
        self.people.by_session(session).is_some() || self.people.remembered().knows_session(session)
    }

    /// Whose session this is, if the secret is the right one.
    ///
    /// # Errors
    /// The same for a wrong secret as for an unknown session: nobody learns which exist. Another
    /// one when a device of the same place goes on instead of this session.
    pub fn resumable(
        &self,
        session: SessionId,
        secret: SecretHash,
    ) -> Result<ParticipantId, Refusal> {
        if self.people.remembered().was_taken_over(session, secret) {
            return Err(Refusal::new(
                ErrorCode::TakenOver,
                "another device with the same link has taken this place",
            ));
        }
        self.people
            .by_session(session)
            .filter(|id| {
                self.people
                    .get(*id)
                    .is_some_and(|person| person.secret == secret)
            })
            .ok_or_else(|| {
                Refusal::new(
                    ErrorCode::SessionUnknown,
                    "there is nothing to resume: join again",
                )
            })
    }

    /// Expected, present and lost sites.
    pub const fn counts(&self) -> Counts {
        self.people.presence().total()
    }

    /// The same by province.
    pub fn provinces(&self) -> impl Iterator<Item = (&SiteCode, Counts)> {
        self.people.presence().provinces()
    }

    /// Expected sites without anybody present: whom to phone.
    pub fn absent_sites(&self) -> impl Iterator<Item = &SiteCode> {
        self.people.presence().absent()
    }

    /// The province of the site that somebody speaks for.
    pub fn province_of(&self, person: &Participant) -> Option<&SiteCode> {
        let site = self.expected.roster.site(person.site.as_ref()?)?;
        site.province.as_ref()
    }

    /// What tells sites of one name apart; nothing for a province itself and for the centre.
    pub fn province_name_of(&self, person: &Participant) -> Option<&str> {
        let code = self.province_of(person)?;
        if person.site.as_ref() == Some(code) {
            return None;
        }
        self.expected.roster.province_name(code)
    }

    /// The floor and its queue.
    pub(crate) const fn floor(&self) -> &Floor {
        &self.floor
    }

    /// Who has the floor.
    pub fn floor_holder(&self) -> Option<ParticipantId> {
        self.floor.holder()
    }

    /// Who asks for the floor, first come first.
    pub fn floor_queue(&self) -> impl Iterator<Item = ParticipantId> {
        self.floor.queue()
    }

    /// What the stage shows and who is heard.
    pub const fn scene(&self) -> &Scene {
        self.stage.scene()
    }

    /// When [`ClockCommand::Tick`](crate::conference::ClockCommand::Tick) is due: the next lost
    /// participant will have been lost for too long, or the next token that is held to its time
    /// will expire.
    pub fn next_deadline(&self) -> Option<ConferenceTime> {
        let lost = || self.people.lost();
        let is_waiting = |(_, id): &(ConferenceTime, ParticipantId)| self.floor.is_waiting(*id);
        // Of those who wait and of the others the longest lost: each kind is waited for as long.
        let lost = [
            lost().find(is_waiting),
            lost().find(|lost| !is_waiting(lost)),
        ]
        .into_iter()
        .flatten()
        .map(|(since, id)| since.after(self.window_of(id)));
        let expiry = self
            .people
            .expiring()
            .next()
            .filter(|_| self.settings.enforce_expiry)
            .map(|(expires_at, _)| self.time_of(expires_at).after(CLOCK_LEEWAY));
        lost.chain(expiry).min()
    }
}
