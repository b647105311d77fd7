//! How each line is, as its participant and the moderators are told, and when that is an event.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use sfu::id::PeerId;
use sfu::line::announced::Said;
use tokio::time::Instant;
use tracing::debug;

use super::ConferenceTask;
use super::batch::Batch;
use crate::conference::{Actor, SourcesCommand};
use crate::ids::ParticipantId;
use crate::outbox::{Outbox, encode};
use crate::protocol::ServerMessage;
use crate::protocol::line::{Heard, Rung};
use crate::score::{self, Known};

/// How long somebody must have been without any picture before that is written down, and how long
/// with one before it is over.
///
/// Lower: short troubles are in the record as well. Higher: the record tells later, and less.
const FALLEN: Duration = Duration::from_secs(10);
const RECOVERED: Duration = Duration::from_secs(30);

/// One participant's line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    known: Known,
    heard: Option<Heard>,
    /// As it is told.
    score: u8,
}

impl Line {
    /// One that carries all.
    pub(super) fn new() -> Self {
        Self {
            known: Known::default(),
            heard: None,
            score: score::BEST,
        }
    }

    /// What is left of the picture.
    pub(super) const fn rung(&self) -> Rung {
        self.known.rung
    }

    /// From 0 to 100, in steps.
    pub(super) const fn score(&self) -> u8 {
        self.score
    }

    fn note_said(&mut self, said: &Said) {
        self.known = Known {
            rung: rung_of(said),
            loss: said.loss,
            round_trip: said.round_trip,
        };
        self.judge();
    }

    fn note_heard(&mut self, heard: Heard) {
        self.heard = Some(heard);
        self.judge();
    }

    fn judge(&mut self) {
        self.score = score::told(self.score, score::score(self.known, self.heard));
    }
}

/// Participants of whom the record says something else than is: at most one entry for each.
#[derive(Debug, Default)]
pub(super) struct Unrecorded(BTreeMap<ParticipantId, Waiting>);

/// What the record is to say, once it has lasted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Waiting {
    sound_only: bool,
    due: Instant,
}

impl Waiting {
    fn new(now: Instant, sound_only: bool) -> Self {
        let lasting = if sound_only { FALLEN } else { RECOVERED };
        Self {
            sound_only,
            due: now + lasting,
        }
    }
}

impl Unrecorded {
    /// Notes what the record should say of somebody; nothing if it does.
    fn note(&mut self, now: Instant, participant: ParticipantId, sound_only: Option<bool>) {
        let known = self.0.get(&participant).map(|waiting| waiting.sound_only);
        if known == sound_only {
            return;
        }
        match sound_only {
            Some(sound_only) => self.0.insert(participant, Waiting::new(now, sound_only)),
            None => self.0.remove(&participant),
        };
    }

    /// Who is to be looked at now. They stay until the record is right: what could not be stored is
    /// tried again.
    fn overdue(&mut self, now: Instant) -> Vec<ParticipantId> {
        let due = self.0.iter_mut().filter(|(_, waiting)| waiting.due <= now);
        due.map(|(id, waiting)| {
            *waiting = Waiting::new(now, waiting.sound_only);
            *id
        })
        .collect()
    }

    /// When somebody is to be looked at.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.values().map(|waiting| waiting.due).min()
    }

    /// The conference has ended.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl ConferenceTask {
    /// The media plane says how the line to a peer is.
    pub(super) fn line_changed(&mut self, peer: PeerId, said: &Said) {
        if let Some(participant) = self.peers.owner(peer) {
            debug!(conference = %self.id(), %participant, ?said, "line");
            self.change_line(participant, |line| line.note_said(said));
        }
    }

    /// A page says what it hears and sees. Of a connection that was replaced nobody wants to know.
    pub(super) fn quality(&mut self, participant: ParticipantId, outbox: &Outbox, heard: Heard) {
        if self.links.is_current(participant, outbox) {
            self.change_line(participant, |line| line.note_heard(heard));
        }
    }

    fn change_line(&mut self, participant: ParticipantId, change: impl FnOnce(&mut Line)) {
        let Some((before, after)) = self.peers.change_line(participant, change) else {
            return;
        };
        if before.rung() != after.rung() {
            let message = self.line_message(participant);
            self.links.tell(participant, encode(&message));
            self.look_at_line(participant);
        }
        if (before.rung(), before.score()) != (after.rung(), after.score()) {
            self.news.line_changed(participant, Instant::now());
        }
    }

    /// Somebody has another peer connection, of whose line nothing is known.
    pub(super) fn renew_line(&mut self, participant: ParticipantId, before: Rung) {
        if before != Rung::default() {
            let message = self.line_message(participant);
            self.links.tell(participant, encode(&message));
        }
        self.look_at_line(participant);
    }

    pub(super) fn line_message(&self, participant: ParticipantId) -> ServerMessage {
        ServerMessage::Line {
            version: self.state.version(),
            rung: self.peers.rung(participant),
        }
    }

    /// What the record should say of somebody, if it says something else. Of one without a peer
    /// nothing is known.
    fn unrecorded(&self, participant: ParticipantId) -> Option<bool> {
        let person = self.state.participant(participant)?;
        self.peers.get(participant)?;
        let is_sound_only = self.peers.rung(participant).is_sound_only();
        (person.sound_only != is_sound_only).then_some(is_sound_only)
    }

    fn look_at_line(&mut self, participant: ParticipantId) {
        let sound_only = self.unrecorded(participant);
        self.unrecorded
            .note(Instant::now(), participant, sound_only);
    }

    /// Writes down who has been without a picture for long, and who has had one again.
    pub(super) fn record_lines(&mut self, batch: &mut Batch, now: Timestamp) {
        for participant in self.unrecorded.overdue(Instant::now()) {
            match self.unrecorded(participant) {
                Some(sound_only) => {
                    let command = SourcesCommand::NoteLine {
                        participant,
                        sound_only,
                    };
                    self.carry_out(batch, now, &Actor::SYSTEM, command);
                }
                None => self.unrecorded.note(Instant::now(), participant, None),
            }
        }
    }
}

/// What the media plane said of a line, in the words of the protocol.
fn rung_of(said: &Said) -> Rung {
    match said.rung {
        sfu::rung::Rung::High => Rung::High,
        sfu::rung::Rung::Middle => Rung::Middle,
        sfu::rung::Rung::Low => Rung::Low,
        sfu::rung::Rung::LowThin => Rung::LowThin,
        sfu::rung::Rung::Stills => Rung::Stills,
        sfu::rung::Rung::Sound if said.redundant => Rung::SoundRedundant,
        sfu::rung::Rung::Sound => Rung::Sound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_lasted_is_overdue_and_it_stays_until_the_record_is_right() {
        let (mut unrecorded, start) = (Unrecorded::default(), Instant::now());
        let [one, other] = [1, 2].map(|number| ParticipantId::new(1, number));
        unrecorded.note(start, one, Some(true));
        unrecorded.note(start + FALLEN / 2, one, Some(true));
        unrecorded.note(start, other, Some(true));
        unrecorded.note(start + FALLEN / 2, other, None);
        assert_eq!(unrecorded.due(), Some(start + FALLEN));
        assert_eq!(unrecorded.overdue(start + FALLEN / 2), []);
        assert_eq!(unrecorded.overdue(start + FALLEN), [one]);
        assert_eq!(unrecorded.due(), Some(start + FALLEN * 2));
        unrecorded.note(start + FALLEN, one, Some(false));
        assert_eq!(unrecorded.due(), Some(start + FALLEN + RECOVERED));
    }
}
