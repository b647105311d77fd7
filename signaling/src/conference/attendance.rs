//! Who was here from when until when: a fold over the log, for whoever asks after the end as well
//! as during it. Downtime and steps of the clock count for nobody.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::auth::Role;
use crate::conference::clock::Clock;
use crate::conference::event::{Event, Record};
use crate::conference::people::PeopleEvent;
use crate::conference::phase::PhaseEvent;
use crate::conference::roster::{Roster, RosterEvent};
use crate::conference::time::ConferenceTime;
use crate::ids::{ParticipantId, SiteCode};

/// How a stay ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum StayEnd {
    /// The connection broke.
    Lost,
    /// It left, or was sent away.
    Left,
    /// The server was down.
    Interrupted,
    /// The conference ended.
    Ended,
}

/// A time during which a participant was present.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stay {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Until when; `null` while it lasts.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// How it ended; `null` while it lasts.
    pub ended_by: Option<StayEnd>,
    #[serde(skip)]
    span: (ConferenceTime, ConferenceTime),
}

/// One participant.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantAttendance {
    /// Who.
    pub participant: ParticipantId,
    /// What it was allowed.
    pub role: Role,
    /// For which site.
    pub site: Option<SiteCode>,
    /// What people call it.
    pub name: String,
    /// Whom its token was made for.
    pub subject: String,
    /// How long it was present in all, in seconds.
    pub seconds: u64,
    /// When it was present, in order.
    pub stays: Vec<Stay>,
}

/// One site: whoever was here for it, each moment counted once.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SiteAttendance {
    /// Its code.
    pub site: SiteCode,
    /// Its name, or its code if it was not expected.
    pub name: String,
    /// Whether it was expected.
    pub expected: bool,
    /// How long somebody was present, in seconds; 0 if nobody came.
    pub seconds: u64,
}

/// Who was here.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attendance {
    /// Sequence number of the last event that is counted.
    pub version: u64,
    /// Every expected site, and those that came besides, by code.
    pub sites: Vec<SiteAttendance>,
    /// Everybody who ever came in, in that order.
    pub participants: Vec<ParticipantAttendance>,
}

impl Attendance {
    /// The same of some sites alone, and of whoever came for them.
    #[must_use]
    pub fn of(mut self, codes: &BTreeSet<SiteCode>) -> Self {
        self.sites.retain(|site| codes.contains(&site.site));
        self.participants
            .retain(|one| one.site.as_ref().is_some_and(|code| codes.contains(code)));
        self
    }
}

/// Gathers it, one record after the other.
#[derive(Clone, Debug)]
pub struct Register {
    seq: u64,
    at: Timestamp,
    clock: Clock,
    roster: Roster,
    order: Vec<ParticipantId>,
    people: BTreeMap<ParticipantId, ParticipantAttendance>,
}

impl Default for Register {
    fn default() -> Self {
        Self {
            seq: 0,
            at: Timestamp::MIN,
            clock: Clock::default(),
            roster: Roster::default(),
            order: Vec::new(),
            people: BTreeMap::new(),
        }
    }
}

impl Register {
    /// Takes the next record of the log.
    pub fn take(&mut self, record: &Record) {
        let Record { seq, at, event } = record;
        let before = self.at;
        (self.seq, self.at) = (*seq, *at);
        match event {
            Event::Roster(RosterEvent::RosterSet { roster, .. }) => self.roster = roster.clone(),
            Event::Clock(event) => self.clock.apply(event),
            Event::People(event) => self.take_people(before, event),
            Event::Phase(event) => match event {
                PhaseEvent::Ended { .. } | PhaseEvent::Deleted { .. } => {
                    self.end_all(*at, StayEnd::Ended);
                }
                PhaseEvent::Created { .. }
                | PhaseEvent::Amended { .. }
                | PhaseEvent::Started { .. } => {}
            },
            Event::Sources(_) | Event::Floor(_) | Event::Stage(_) => {}
        }
    }

    /// Somebody came or went; the event before was at `before`.
    fn take_people(&mut self, before: Timestamp, event: &PeopleEvent) {
        match event {
            PeopleEvent::Joined {
                participant,
                subject,
                role,
                site,
                name,
                ..
            } => {
                let person = ParticipantAttendance {
                    participant: *participant,
                    role: *role,
                    site: site.clone(),
                    name: name.clone(),
                    subject: subject.clone(),
                    seconds: 0,
                    stays: Vec::new(),
                };
                self.order.push(*participant);
                self.people.insert(*participant, person);
                self.begin(*participant);
            }
            PeopleEvent::Regained { participant } | PeopleEvent::TakenOver { participant, .. } => {
                self.begin(*participant);
            }
            PeopleEvent::Lost { participant } => self.end(*participant, self.at, StayEnd::Lost),
            PeopleEvent::Left { participant, .. } => {
                self.end(*participant, self.at, StayEnd::Left);
            }
            PeopleEvent::Interrupted { up_until } => {
                let until = up_until.unwrap_or(before).min(self.at);
                self.end_all(until, StayEnd::Interrupted);
            }
            PeopleEvent::Barred { .. } | PeopleEvent::Readmitted { .. } => {}
        }
    }

    /// What it has come to by `now`.
    #[must_use]
    pub fn read(mut self, now: Timestamp) -> Attendance {
        let now = now.max(self.at);
        let last = self.clock.time_of(now);
        for person in self.people.values_mut() {
            if let Some(stay) = person.stays.last_mut().filter(|stay| stay.until.is_none()) {
                stay.span.1 = last;
            }
            person.seconds = union(person.stays.iter().map(|stay| stay.span).collect());
        }
        let participants: Vec<_> = self
            .order
            .iter()
            .filter_map(|id| self.people.remove(id))
            .collect();
        Attendance {
            version: self.seq,
            sites: sites(&self.roster, &participants),
            participants,
        }
    }

    fn begin(&mut self, participant: ParticipantId) {
        let (from, time) = (self.at, self.clock.time_of(self.at));
        let Some(person) = self.people.get_mut(&participant) else {
            return;
        };
        if person.stays.last().is_some_and(|stay| stay.until.is_none()) {
            return;
        }
        person.stays.push(Stay {
            from,
            until: None,
            ended_by: None,
            span: (time, time),
        });
    }

    fn end(&mut self, participant: ParticipantId, at: Timestamp, by: StayEnd) {
        let time = self.clock.time_of(at);
        if let Some(person) = self.people.get_mut(&participant) {
            close(person, at, time, by);
        }
    }

    fn end_all(&mut self, at: Timestamp, by: StayEnd) {
        let time = self.clock.time_of(at);
        for person in self.people.values_mut() {
            close(person, at, time, by);
        }
    }
}

/// Ends a stay that lasts; never before it began.
fn close(person: &mut ParticipantAttendance, at: Timestamp, time: ConferenceTime, by: StayEnd) {
    let Some(stay) = person.stays.last_mut().filter(|stay| stay.until.is_none()) else {
        return;
    };
    stay.span.1 = time.max(stay.span.0);
    stay.until = Some(if time < stay.span.0 { stay.from } else { at });
    stay.ended_by = Some(by);
}

/// Seconds that are in at least one of the spans.
fn union(mut spans: Vec<(ConferenceTime, ConferenceTime)>) -> u64 {
    spans.sort_unstable();
    let mut total = SignedDuration::ZERO;
    let mut counted: Option<ConferenceTime> = None;
    for (from, until) in spans {
        let from = counted.map_or(from, |counted| counted.max(from));
        if until > from {
            total = total.saturating_add(until.since(from));
        }
        counted = Some(from.max(until));
    }
    u64::try_from(total.as_secs()).unwrap_or_default()
}

fn sites(roster: &Roster, participants: &[ParticipantAttendance]) -> Vec<SiteAttendance> {
    let mut spans: BTreeMap<&SiteCode, Vec<_>> = BTreeMap::new();
    for (code, _) in roster.sites() {
        spans.entry(code).or_default();
    }
    for person in participants {
        if let Some(code) = &person.site {
            let stays = person.stays.iter().map(|stay| stay.span);
            spans.entry(code).or_default().extend(stays);
        }
    }
    let attendance = |(code, spans): (&SiteCode, Vec<_>)| {
        let expected = roster.site(code);
        SiteAttendance {
            site: code.clone(),
            name: expected.map_or_else(|| code.to_string(), |site| site.name.clone()),
            expected: expected.is_some(),
            seconds: union(spans),
        }
    };
    spans.into_iter().map(attendance).collect()
}
