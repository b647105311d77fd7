//! Joins that wait until it is known whether the devices of their place are still there.
//!
//! A machine that has died leaves a participant behind that looks present for as long as a slow
//! line may be silent. So whoever comes in with the same link has it asked for a sign of life, and
//! takes its place when none comes. Likewise whoever has just lost its line gets a moment to come
//! back with its session.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::ConferenceTask;
use super::links::LinkKind;
use super::request::Entry;
use crate::auth::Role;
use crate::conference::{Command, PeopleCommand};
use crate::ids::ParticipantId;
use crate::protocol::server::MediaState;

/// How long a device may take to show that it is there. Higher: a clerk whose machine has died
/// waits longer for the next one. Lower: a bad line loses its place to a second device.
const PATIENCE: Duration = Duration::from_secs(3);

/// Most joins that wait at once; further ones are told to come again. Higher: more memory when many
/// come twice. Lower: some of them wait for the next attempt.
const MAX_WAITING: usize = 1_024;

/// A join and those who have not shown that they are there.
#[derive(Debug)]
struct Doubtful {
    entry: Entry,
    asked: Vec<ParticipantId>,
    until: Instant,
}

/// All joins that wait.
#[derive(Debug, Default)]
pub(super) struct Doubts(Vec<Doubtful>);

/// What is known of the devices of a newcomer's place.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Look {
    /// All are there.
    Alive,
    /// This one is not, and has had its time.
    Gone(ParticipantId),
    /// These may be gone, and have been asked.
    Asked(Vec<ParticipantId>),
}

impl Doubts {
    /// Lets a join wait; gives it back if there is no room.
    pub(super) fn wait(
        &mut self,
        now: Instant,
        entry: Entry,
        asked: Vec<ParticipantId>,
    ) -> Result<(), Box<Entry>> {
        if self.0.len() >= MAX_WAITING {
            return Err(Box::new(entry));
        }
        self.0.push(Doubtful {
            entry,
            asked,
            until: now + PATIENCE,
        });
        Ok(())
    }

    /// This one is there: the joins that waited for nobody else.
    pub(super) fn alive(&mut self, participant: ParticipantId) -> Vec<Entry> {
        for doubtful in &mut self.0 {
            doubtful.asked.retain(|asked| *asked != participant);
        }
        let answered = self.0.extract_if(.., |doubtful| doubtful.asked.is_empty());
        answered.map(|doubtful| doubtful.entry).collect()
    }

    /// The joins whose time of waiting is over, each with the first that gave no sign of life.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<(Entry, Option<ParticipantId>)> {
        let overdue = self.0.extract_if(.., |doubtful| doubtful.until <= now);
        overdue
            .map(|doubtful| (doubtful.entry, doubtful.asked.first().copied()))
            .collect()
    }

    /// All that wait: they can no longer be let in.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = Entry> {
        self.0.drain(..).map(|doubtful| doubtful.entry)
    }

    /// When [`overdue`](Self::overdue) has something next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.iter().map(|doubtful| doubtful.until).min()
    }
}

impl ConferenceTask {
    /// Looks at the devices of a newcomer's place, and asks those of whom nothing is known.
    pub(super) fn look(&self, now: Timestamp, command: &Command) -> Look {
        let Command::People(PeopleCommand::Join(join)) = command else {
            return Look::Alive;
        };
        let grant = &join.grant;
        let patience = SignedDuration::try_from(PATIENCE).unwrap_or(SignedDuration::MAX);
        let (mut asked, now) = (Vec::new(), self.state.time_of(now));
        // A hall's devices stand side by side, and the stage goes by whose media arrives: nobody
        // has to wait until it is known whether the one before is still there.
        let stands_beside = grant.role() == Role::Hall;
        for (id, person) in self.state.devices_of(grant) {
            match (person.lost_since, self.links.kind(id)) {
                (Some(since), _) if now.since(since) >= patience => {
                    return Look::Gone(id);
                }
                (Some(_), _) | (None, None) => asked.push(id),
                (None, Some(LinkKind::Session)) if stands_beside => {}
                (None, Some(LinkKind::Session)) => {
                    self.links.probe(id);
                    asked.push(id);
                }
                // A resource is nothing but its peer, and has no socket to be asked.
                (None, Some(LinkKind::Resource)) => {
                    if self.peers.media_state(&self.state, id) == MediaState::Silent {
                        return Look::Gone(id);
                    }
                }
                (None, Some(LinkKind::Entering)) => {}
            }
        }
        if asked.is_empty() {
            Look::Alive
        } else {
            Look::Asked(asked)
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::conference::ClockCommand;
    use crate::conference_task::Arrival;
    use crate::outbox::outbox;

    fn entry() -> Entry {
        Entry {
            command: Command::Clock(ClockCommand::Tick),
            arrival: Arrival::Resource {
                outbox: outbox(1).0,
            },
            answer: oneshot::channel().0,
        }
    }

    fn person(number: u128) -> ParticipantId {
        ParticipantId::new(1, number)
    }

    #[test]
    fn a_join_goes_on_as_soon_as_all_have_answered() {
        let (mut doubts, now) = (Doubts::default(), Instant::now());
        let asked = vec![person(1), person(2)];
        assert!(doubts.wait(now, entry(), asked).is_ok());
        assert_eq!(doubts.alive(person(1)).len(), 0);
        assert_eq!(doubts.alive(person(3)).len(), 0);
        assert_eq!(doubts.alive(person(2)).len(), 1);
        assert_eq!(doubts.due(), None);
    }

    #[test]
    fn who_has_not_answered_in_time_is_named() {
        let (mut doubts, now) = (Doubts::default(), Instant::now());
        let asked = vec![person(1), person(2)];
        assert!(doubts.wait(now, entry(), asked).is_ok());
        doubts.alive(person(1));
        assert_eq!(doubts.due(), Some(now + PATIENCE));
        assert!(doubts.overdue(now).is_empty());
        let overdue = doubts.overdue(now + PATIENCE);
        assert_eq!(overdue.len(), 1);
        assert_eq!(overdue[0].1, Some(person(2)));
    }

    #[test]
    fn beyond_the_limit_nobody_waits() {
        let (mut doubts, now) = (Doubts::default(), Instant::now());
        for _ in 0..MAX_WAITING {
            assert!(doubts.wait(now, entry(), vec![person(1)]).is_ok());
        }
        assert!(doubts.wait(now, entry(), vec![person(1)]).is_err());
        assert_eq!(doubts.alive(person(1)).len(), MAX_WAITING);
    }
}
