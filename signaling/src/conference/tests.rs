//! The rules of a conference, told as stories: who does what, and what everybody is told.

mod arrivals;
mod attendance;
mod effects;
mod floor;
mod follow;
mod join;
mod leave;
mod phase;
mod presence;
mod random;
mod remembered;
mod rights;
mod seats;
mod stage;
mod time;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::auth::{Grant, Role, SecretHash, SessionSecret};
use crate::conference::Source;
use crate::ids::{ConferenceId, ParticipantId, SessionId, SiteCode};
use crate::protocol::server::{Own, ServerMessage, Standing};
use crate::refusal::{ErrorCode, Refusal};
use crate::sites::{Level, Site};

/// A conference on a clock of its own, with everything that has happened in it.
struct Meeting {
    state: State,
    log: Vec<Record>,
    now: Timestamp,
    next_id: u64,
}

fn site(code: &str, level: Level, parent: Option<&str>) -> Site {
    let parent = parent.map(|parent| parent.parse().unwrap());
    Site::new(code.parse().unwrap(), format!("Site {code}"), level, parent)
}

/// The centre, two provinces, three communes in the first and one in the second.
fn country() -> Vec<Site> {
    vec![
        site("VN", Level::Central, None),
        site("01", Level::Province, Some("VN")),
        site("02", Level::Province, Some("VN")),
        site("101", Level::Commune, Some("01")),
        site("102", Level::Commune, Some("01")),
        site("103", Level::Commune, Some("01")),
        site("201", Level::Commune, Some("02")),
    ]
}

fn code(text: &str) -> SiteCode {
    text.parse().unwrap()
}

fn hash(number: u64) -> SecretHash {
    SessionSecret::new(u128::from(number).to_be_bytes()).hash()
}

impl Meeting {
    /// Created, not started.
    fn scheduled() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let id: ConferenceId = "weekly".parse().unwrap();
        let now = "2026-11-22T02:00:00Z".parse().unwrap();
        let mut meeting = Self {
            state: State::new(id, settings),
            log: Vec::new(),
            now,
            next_id: 0,
        };
        let roster = Roster::all(&country());
        let title = "Weekly".to_owned();
        meeting
            .system(PhaseCommand::Create {
                title,
                starts_at: None,
                roster,
            })
            .unwrap();
        meeting
    }

    /// Created and started.
    fn running() -> Self {
        let mut meeting = Self::scheduled();
        meeting.system(PhaseCommand::Start).unwrap();
        meeting
    }

    fn run(&mut self, actor: &Actor, command: impl Into<Command>) -> Result<Vec<Effect>, Refusal> {
        let events = decide(&self.state, self.now, actor, command.into())?;
        let records = self.state.stamp(self.now, events);
        let effects = advance(&mut self.state, &records);
        self.log.extend(records);
        Ok(effects)
    }

    fn system(&mut self, command: impl Into<Command>) -> Result<Vec<Effect>, Refusal> {
        self.run(&Actor::SYSTEM, command)
    }

    fn by(
        &mut self,
        who: ParticipantId,
        command: impl Into<Command>,
    ) -> Result<Vec<Effect>, Refusal> {
        self.run(&Actor::participant(who), command)
    }

    /// The wall clock is set, which is noticed at once.
    fn set_clock(&mut self, seconds: i64) -> Result<Vec<Effect>, Refusal> {
        let set_by = SignedDuration::from_secs(seconds);
        self.now += set_by;
        self.system(ClockCommand::NoteStep { set_by })
    }

    fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    fn grant(&self, role: Role, site: Option<&str>) -> Grant {
        let subject = format!("{role} of {site:?}");
        Grant::for_tests(role, Some(self.state.id()), &subject, site)
    }

    fn joining(&mut self, grant: Grant) -> Join {
        self.next_id += 1;
        Join {
            grant,
            participant: ParticipantId::new(1, u128::from(self.next_id)),
            session: SessionId::new(1, u128::from(self.next_id)),
            secret: hash(self.next_id),
            no_room: None,
            over: None,
        }
    }

    /// Comes in and says who it is now.
    fn try_join(&mut self, grant: Grant) -> Result<ParticipantId, Refusal> {
        let join = self.joining(grant);
        let session = join.session;
        self.system(PeopleCommand::Join(Box::new(join)))?;
        Ok(self
            .state
            .participant_of(session)
            .expect("whoever joined has a session"))
    }

    fn join(&mut self, role: Role, site: Option<&str>) -> ParticipantId {
        let grant = self.grant(role, site);
        self.try_join(grant).unwrap()
    }

    /// Comes in where a device gave no sign of life.
    fn take_over(&mut self, silent: ParticipantId) -> ParticipantId {
        let person = self.state.participant(silent).unwrap();
        let grant = Grant::for_tests(
            person.role,
            Some(self.state.id()),
            &person.subject.clone(),
            person.site.clone().as_ref().map(SiteCode::as_str),
        );
        let join = Join {
            over: Some(silent),
            ..self.joining(grant)
        };
        let session = join.session;
        self.system(PeopleCommand::Join(Box::new(join))).unwrap();
        self.state.participant_of(session).unwrap()
    }

    fn lose(&mut self, participant: ParticipantId) {
        self.system(PeopleCommand::Lost { participant }).unwrap();
    }

    fn publish(&mut self, participant: ParticipantId, source: Source) {
        self.by(
            participant,
            SourcesCommand::Publish {
                source,
                active: true,
            },
        )
        .unwrap();
    }

    fn own(&self, who: ParticipantId) -> Own {
        match self.state.self_message(who) {
            Some(ServerMessage::Own(own)) => own,
            other => panic!("{who} is told {other:?}"),
        }
    }

    fn standing(&self, who: ParticipantId) -> Standing {
        self.own(who).floor
    }

    fn last_event(&self) -> &Event {
        &self.log.last().expect("something has happened").event
    }
}

/// The code with which a command was refused.
fn code_of<T: std::fmt::Debug>(result: Result<T, Refusal>) -> ErrorCode {
    result.unwrap_err().code
}
