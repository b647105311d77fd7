//! The people in a conference, with every index and count that is kept about them, and what is
//! remembered of those who are gone.
//!
//! One owner for the map and its indexes: each method that changes one changes the others.

pub(super) mod apply;
mod command;
mod decide;
mod event;
mod join;
mod leave;
pub(super) mod presence;
pub(super) mod remembered;
pub(super) mod seats;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub use command::{Join, PeopleCommand};
pub use event::{LeaveReason, PeopleEvent};

use presence::Presence;
use remembered::Remembered;
use seats::{Identity, Seats};

use crate::auth::{Rights, Role, SecretHash, Verbs};
use crate::conference::floor::LastTurn;
use crate::conference::roster::Roster;
use crate::conference::sources::{Arrival, Muting};
use crate::conference::time::ConferenceTime;
use crate::conference::words::Source;
use crate::ids::{ParticipantId, SessionId, SiteCode, TokenId};

/// Somebody in the conference: present, or lost and awaited.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Participant {
    /// Sequence number of the event with which it came in: the order of arrival.
    pub joined_seq: u64,
    /// When it came in.
    pub joined_at: Timestamp,
    /// Its current session.
    pub session: SessionId,
    /// Hash of that session's secret.
    pub secret: SecretHash,
    /// The token's subject.
    pub subject: String,
    /// The token with which it came, if that was written down.
    pub token: Option<TokenId>,
    /// When that token ceases to be valid.
    pub expires_at: Option<Timestamp>,
    /// What it is, and with that what it may do.
    pub role: Role,
    /// The verbs that its token is for; all that are its role's if it names none.
    pub scope: Option<Verbs>,
    /// The site it speaks for.
    pub site: Option<SiteCode>,
    /// What people call it.
    pub name: String,
    /// Since when its connection is broken.
    pub lost_since: Option<ConferenceTime>,
    /// What of its media is refused.
    pub muting: Muting,
    /// Sources that carry something, each with the sequence number of the event that said so.
    pub sources: BTreeMap<Source, u64>,
    /// Whether what such a source carries arrives, as far as the stage must know.
    pub arrivals: BTreeMap<Source, Arrival>,
    /// The line to it carries no picture, as the record says.
    pub sound_only: bool,
    /// How its last turn, or its wait for one, ended, if somebody else ended it.
    pub last_turn: Option<LastTurn>,
}

impl Participant {
    /// What it may do.
    pub const fn rights(&self) -> Rights {
        Rights {
            role: self.role,
            scope: self.scope,
        }
    }

    /// Connected.
    pub const fn is_present(&self) -> bool {
        self.lost_since.is_none()
    }

    /// Sends something from this source, as far as it says.
    pub fn is_active(&self, source: Source) -> bool {
        self.sources.contains_key(&source)
    }

    pub(in crate::conference) fn identity(&self) -> Identity {
        Identity::new(self.site.as_ref(), &self.subject, self.role)
    }
}

/// Everybody, and the indexes that make each question cheap for thousands.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::conference) struct People {
    all: BTreeMap<ParticipantId, Participant>,
    sessions: BTreeMap<SessionId, ParticipantId>,
    /// The devices of each place.
    seats: Seats,
    /// By the time at which their token ceases to be valid.
    expiring: BTreeSet<(Timestamp, ParticipantId)>,
    /// Lost ones, the longest lost first.
    lost: BTreeSet<(ConferenceTime, ParticipantId)>,
    /// Halls and chairs by arrival: who may be on stage by rule.
    prominent: BTreeSet<(u64, ParticipantId)>,
    presence: Presence,
    remembered: Remembered,
    versions: PeopleVersions,
}

/// When what is told of people last changed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::conference) struct PeopleVersions {
    /// The counts.
    pub(in crate::conference) presence: u64,
    /// Who was sent away.
    pub(in crate::conference) barred: u64,
}

impl People {
    pub(in crate::conference) fn get(&self, id: ParticipantId) -> Option<&Participant> {
        self.all.get(&id)
    }

    pub(in crate::conference) fn iter(
        &self,
    ) -> impl Iterator<Item = (ParticipantId, &Participant)> {
        self.all.iter().map(|(id, participant)| (*id, participant))
    }

    pub(in crate::conference) fn len(&self) -> usize {
        self.all.len()
    }

    pub(in crate::conference) fn by_session(&self, session: SessionId) -> Option<ParticipantId> {
        self.sessions.get(&session).copied()
    }

    /// The devices of a place in the order of their seats.
    pub(in crate::conference) fn seats(&self, identity: &Identity) -> &[ParticipantId] {
        self.seats.of(identity)
    }

    /// With the time at which their token ceases to be valid, the first to expire first.
    pub(in crate::conference) fn expiring(
        &self,
    ) -> impl Iterator<Item = (Timestamp, ParticipantId)> {
        self.expiring.iter().copied()
    }

    /// Lost ones with the time since when, the longest lost first.
    pub(in crate::conference) fn lost(
        &self,
    ) -> impl Iterator<Item = (ConferenceTime, ParticipantId)> {
        self.lost.iter().copied()
    }

    /// Halls and chairs in order of arrival.
    pub(in crate::conference) fn prominent(
        &self,
    ) -> impl Iterator<Item = (ParticipantId, &Participant)> {
        self.prominent
            .iter()
            .filter_map(|(_, id)| Some((*id, self.all.get(id)?)))
    }

    pub(in crate::conference) const fn presence(&self) -> &Presence {
        &self.presence
    }

    pub(in crate::conference) const fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// The session of this participant loses its place to another device.
    fn remember_taken_over(&mut self, id: ParticipantId) {
        if let Some(person) = self.all.get(&id) {
            self.remembered.taken_over(person);
        }
    }

    pub(in crate::conference) const fn versions(&self) -> PeopleVersions {
        self.versions
    }

    /// The counts are others since this event.
    pub(in crate::conference) const fn note_presence(&mut self, seq: u64) {
        self.versions.presence = seq;
    }

    pub(in crate::conference) fn insert(&mut self, id: ParticipantId, participant: Participant) {
        self.sessions.insert(participant.session, id);
        if matches!(participant.role, Role::Hall | Role::Chair) {
            self.prominent.insert((participant.joined_seq, id));
        }
        self.presence.arrived(participant.site.as_ref());
        self.seats.push(participant.identity(), id);
        self.expiring
            .extend(participant.expires_at.map(|expires_at| (expires_at, id)));
        self.all.insert(id, participant);
    }

    pub(in crate::conference) fn remove(&mut self, id: ParticipantId) {
        self.set_present(id);
        let Some(participant) = self.all.remove(&id) else {
            return;
        };
        self.sessions.remove(&participant.session);
        self.prominent.remove(&(participant.joined_seq, id));
        self.seats.remove(&participant.identity(), id);
        if let Some(expires_at) = participant.expires_at {
            self.expiring.remove(&(expires_at, id));
        }
        self.presence.gone(participant.site.as_ref());
    }

    pub(in crate::conference) fn set_lost(&mut self, id: ParticipantId, at: ConferenceTime) {
        self.set_present(id);
        let Some(participant) = self.all.get_mut(&id) else {
            return;
        };
        participant.lost_since = Some(at);
        self.lost.insert((at, id));
        self.presence.lost(participant.site.as_ref());
    }

    pub(in crate::conference) fn set_present(&mut self, id: ParticipantId) {
        let Some(participant) = self.all.get_mut(&id) else {
            return;
        };
        let Some(since) = participant.lost_since.take() else {
            return;
        };
        self.lost.remove(&(since, id));
        self.presence.regained(participant.site.as_ref());
    }

    pub(in crate::conference) fn set_session(
        &mut self,
        id: ParticipantId,
        session: SessionId,
        hash: SecretHash,
    ) {
        let Some(participant) = self.all.get_mut(&id) else {
            return;
        };
        self.sessions.remove(&participant.session);
        self.sessions.insert(session, id);
        participant.session = session;
        participant.secret = hash;
    }

    pub(in crate::conference) fn set_token(
        &mut self,
        id: ParticipantId,
        token: Option<TokenId>,
        expires_at: Option<Timestamp>,
        scope: Option<Verbs>,
    ) {
        let Some(participant) = self.all.get_mut(&id) else {
            return;
        };
        participant.token = token;
        participant.scope = scope;
        if let Some(before) = std::mem::replace(&mut participant.expires_at, expires_at) {
            self.expiring.remove(&(before, id));
        }
        self.expiring
            .extend(expires_at.map(|expires_at| (expires_at, id)));
    }

    /// From now on it is the first device of its place.
    pub(in crate::conference) fn promote(&mut self, id: ParticipantId) {
        if let Some(participant) = self.all.get(&id) {
            self.seats.promote(&participant.identity(), id);
        }
    }

    pub(in crate::conference) fn set_last_turn(
        &mut self,
        id: ParticipantId,
        last_turn: Option<LastTurn>,
    ) {
        if let Some(participant) = self.all.get_mut(&id) {
            participant.last_turn = last_turn;
        }
    }

    /// Also when it comes again.
    pub(in crate::conference) fn set_muting(&mut self, id: ParticipantId, muting: Muting) {
        if let Some(participant) = self.all.get_mut(&id) {
            participant.muting = muting;
            self.remembered.set_muting(participant.identity(), muting);
        }
    }

    pub(in crate::conference) fn set_source(
        &mut self,
        id: ParticipantId,
        source: Source,
        since: Option<u64>,
    ) {
        let Some(participant) = self.all.get_mut(&id) else {
            return;
        };
        match since {
            Some(seq) => participant.sources.insert(source, seq),
            None => participant.sources.remove(&source),
        };
        participant.arrivals.remove(&source);
    }

    pub(in crate::conference) fn set_arrival(
        &mut self,
        id: ParticipantId,
        source: Source,
        since: Option<u64>,
    ) {
        let Some(participant) = self.all.get_mut(&id) else {
            return;
        };
        let had_ceased = participant.arrivals.get(&source) == Some(&Arrival::Ceased);
        let arrival = match since {
            None => Arrival::Ceased,
            Some(_) if had_ceased => Arrival::Again,
            Some(seq) => Arrival::Since(seq),
        };
        participant.arrivals.insert(source, arrival);
    }

    /// The line to somebody carries no picture, or one again.
    pub(in crate::conference) fn set_sound_only(&mut self, id: ParticipantId, sound_only: bool) {
        if let Some(participant) = self.all.get_mut(&id) {
            participant.sound_only = sound_only;
        }
    }

    /// Nothing arrives from anybody any more, and nobody knows what will.
    pub(in crate::conference) fn forget_arrivals(&mut self) {
        for participant in self.all.values_mut() {
            participant.arrivals.clear();
        }
    }

    /// Counts everybody anew for another roster.
    pub(in crate::conference) fn set_roster(&mut self, roster: &Roster, seq: u64) {
        let mut presence = Presence::new(roster);
        for participant in self.all.values() {
            presence.arrived(participant.site.as_ref());
            if !participant.is_present() {
                presence.lost(participant.site.as_ref());
            }
        }
        self.presence = presence;
        self.versions.presence = seq;
    }

    /// Everybody is gone; what is remembered is kept.
    pub(in crate::conference) fn clear(&mut self, roster: &Roster) {
        *self = Self {
            presence: Presence::new(roster),
            remembered: std::mem::take(&mut self.remembered),
            versions: self.versions,
            ..Self::default()
        };
    }
}
