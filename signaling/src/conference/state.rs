//! What a conference is at this moment: the sum of its events.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::auth::{CLOCK_LEEWAY, SecretHash};
use crate::conference::event::{Event, Record};
use crate::conference::floor::Floor;
use crate::conference::mute::Muting;
use crate::conference::participants::{Participant, Participants};
use crate::conference::phase::Phase;
use crate::conference::presence::Counts;
use crate::conference::remembered::Remembered;
use crate::conference::roster::Roster;
use crate::conference::stage::{Overrides, Scene};
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

/// The state of one conference. Changed by [`State::apply`] only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct State {
    pub(super) id: ConferenceId,
    pub(super) settings: Settings,
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    /// By how much the wall clock was set since the beginning of the log, all in all.
    pub(super) shift: SignedDuration,
    pub(super) title: String,
    pub(super) phase: Phase,
    pub(super) times: Times,
    pub(super) is_deleted: bool,
    pub(super) roster: Roster,
    pub(super) people: Participants,
    pub(super) remembered: Remembered,
    pub(super) floor: Floor,
    pub(super) overrides: Overrides,
    pub(super) scene: Scene,
    pub(super) versions: Versions,
}

impl State {
    /// A conference of which nothing has happened yet.
    pub fn new(id: ConferenceId, settings: Settings) -> Self {
        Self {
            id,
            settings,
            seq: 0,
            at: Timestamp::MIN,
            shift: SignedDuration::ZERO,
            title: String::new(),
            phase: Phase::Scheduled,
            times: Times::default(),
            is_deleted: false,
            roster: Roster::default(),
            people: Participants::default(),
            remembered: Remembered::default(),
            floor: Floor::default(),
            overrides: Overrides::default(),
            scene: Scene::default(),
            versions: Versions::default(),
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
            if matches!(event, Event::ClockSet { .. }) {
                at = now;
            }
            Record { seq, at, event }
        };
        (self.seq + 1..).zip(events).map(stamped).collect()
    }

    /// The conference's own time at a moment of the wall clock as it is set now.
    pub fn time_of(&self, wall: Timestamp) -> ConferenceTime {
        ConferenceTime::new(wall, self.shift)
    }

    /// The conference's own time at its last event.
    pub fn time(&self) -> ConferenceTime {
        self.time_of(self.at)
    }

    /// Lets one event have happened.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each kind of event, and none for the rest"
    )]
    pub fn apply(&mut self, record: &Record) {
        let Record { seq, at, event } = record;
        self.seq = *seq;
        self.at = *at;
        if let Event::ClockSet { by_milliseconds } = event {
            let set_by = SignedDuration::from_millis(*by_milliseconds);
            self.shift = self.shift.saturating_add(set_by);
        }
        let time = self.time();
        let presence = self.people.presence().total();
        match event {
            Event::Created {
                title, starts_at, ..
            } => self.apply_created(*at, title, *starts_at),
            Event::Amended {
                title, starts_at, ..
            } => self.apply_amended(title, *starts_at),
            Event::Deleted { .. } => self.apply_deleted(*at),
            Event::RosterSet { roster, .. } => self.apply_roster(roster),
            Event::Started { .. } => self.apply_started(*at),
            Event::Ended { .. } => self.apply_ended(*at),
            Event::Joined {
                participant,
                session,
                secret,
                subject,
                role,
                site,
                name,
                token,
                expires_at,
                muted,
                sound_only,
            } => {
                let muting = Muting::new(*muted, *sound_only);
                let person = Participant {
                    joined_seq: *seq,
                    joined_at: *at,
                    session: *session,
                    secret: *secret,
                    subject: subject.clone(),
                    token: token.clone(),
                    expires_at: *expires_at,
                    role: *role,
                    site: site.clone(),
                    name: name.clone(),
                    lost_since: None,
                    muting,
                    sources: BTreeMap::new(),
                    arrivals: BTreeMap::new(),
                    sound_only: false,
                    last_turn: None,
                };
                // Before it was remembered who is muted, whoever came again was not.
                self.remembered.set_muting(person.identity(), muting);
                self.people.insert(*participant, person);
            }
            Event::Lost { participant } => self.people.set_lost(*participant, time),
            Event::Regained { participant } => self.people.set_present(*participant),
            Event::TakenOver {
                participant,
                session,
                secret,
                subject: _,
                token,
                expires_at,
            } => {
                if let Some(person) = self.people.get(*participant) {
                    self.remembered.taken_over(person);
                }
                self.people.set_present(*participant);
                self.people.set_session(*participant, *session, *secret);
                self.people
                    .set_token(*participant, token.clone(), *expires_at);
            }
            Event::Left {
                participant,
                reason,
                ..
            } => self.apply_left(*participant, *reason),
            Event::Barred { participant, .. } => self.apply_barred(*at, *participant),
            Event::Readmitted { participant, .. } => self.apply_readmitted(*participant),
            Event::SourceChanged {
                participant,
                source,
                active,
            } => {
                self.people
                    .set_source(*participant, *source, active.then_some(*seq));
            }
            Event::MediaChanged {
                participant,
                source,
                arriving,
            } => {
                self.people
                    .set_arrival(*participant, *source, arriving.then_some(*seq));
                self.note_beginning(*at, *participant);
            }
            Event::LineChanged {
                participant,
                sound_only,
            } => self.people.set_sound_only(*participant, *sound_only),
            Event::MuteChanged {
                participant,
                muted,
                sound_only,
                ..
            } => self.apply_mute(*participant, Muting::new(*muted, *sound_only)),
            Event::FloorRequested { participant, .. } => {
                self.apply_floor_requested(*at, *participant);
            }
            Event::FloorWithdrawn { participant, by } => {
                self.apply_floor_withdrawn(*participant, by.as_ref());
            }
            Event::FloorGranted { participant, .. } => self.apply_floor_granted(*at, *participant),
            Event::FloorReleased {
                participant,
                reason,
                requeued,
                by,
            } => self.apply_floor_released(*participant, *reason, *requeued, by),
            Event::StageSet {
                place,
                participant,
                picture_only,
                ..
            } => self.overrides.set(*place, *participant, *picture_only),
            Event::Interrupted { .. } => self.apply_interrupted(time),
            // It has moved the time above, before anything else.
            Event::ClockSet { .. } => {}
        }
        if presence != self.people.presence().total() {
            self.versions.presence = *seq;
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
        &self.title
    }

    /// Whether it runs.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// When what happened to it.
    pub const fn times(&self) -> &Times {
        &self.times
    }

    /// When each value that clients are told last changed.
    pub const fn versions(&self) -> &Versions {
        &self.versions
    }

    /// Whether it was taken back before it began: nothing but its log is kept.
    pub const fn is_deleted(&self) -> bool {
        self.is_deleted
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
        &self.roster
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
        self.people.by_session(session).is_some() || self.remembered.knows_session(session)
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
        if self.remembered.was_taken_over(session, secret) {
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
        let site = self.roster.site(person.site.as_ref()?)?;
        site.province.as_ref()
    }

    /// What tells sites of one name apart; nothing for a province itself and for the centre.
    pub fn province_name_of(&self, person: &Participant) -> Option<&str> {
        let code = self.province_of(person)?;
        if person.site.as_ref() == Some(code) {
            return None;
        }
        self.roster.province_name(code)
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
        &self.scene
    }

    /// When [`Command::Tick`](crate::conference::Command::Tick) is due: the next lost participant
    /// will have been lost for too long, or the next token that is held to its time will expire.
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
