//! The people in a conference, with every index and count that is kept about them.
//!
//! One owner for the map and its indexes: each method that changes one changes the others.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::auth::{Role, SecretHash};
use crate::conference::arrival::Arrival;
use crate::conference::floor::LastTurn;
use crate::conference::mute::Muting;
use crate::conference::presence::Presence;
use crate::conference::roster::Roster;
use crate::conference::seats::{Identity, Seats};
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
    /// What it may do.
    pub role: Role,
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
    /// Connected.
    pub const fn is_present(&self) -> bool {
        self.lost_since.is_none()
    }

    /// Sends something from this source, as far as it says.
    pub fn is_active(&self, source: Source) -> bool {
        self.sources.contains_key(&source)
    }

    pub(super) fn identity(&self) -> Identity {
        Identity::new(self.site.as_ref(), &self.subject, self.role)
    }
}

/// Everybody, and the indexes that make each question cheap for thousands.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Participants {
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
}

impl Participants {
    pub(super) fn get(&self, id: ParticipantId) -> Option<&Participant> {
        self.all.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ParticipantId, &Participant)> {
        self.all.iter().map(|(id, participant)| (*id, participant))
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn by_session(&self, session: SessionId) -> Option<ParticipantId> {
        self.sessions.get(&session).copied()
    }

    /// The devices of a place in the order of their seats.
    pub(super) fn seats(&self, identity: &Identity) -> &[ParticipantId] {
        self.seats.of(identity)
    }

    /// With the time at which their token ceases to be valid, the first to expire first.
    pub(super) fn expiring(&self) -> impl Iterator<Item = (Timestamp, ParticipantId)> {
        self.expiring.iter().copied()
    }

    /// Lost ones with the time since when, the longest lost first.
    pub(super) fn lost(&self) -> impl Iterator<Item = (ConferenceTime, ParticipantId)> {
        self.lost.iter().copied()
    }

    /// Halls and chairs in order of arrival.
    pub(super) fn prominent(&self) -> impl Iterator<Item = (ParticipantId, &Participant)> {
        self.prominent
            .iter()
            .filter_map(|(_, id)| Some((*id, self.all.get(id)?)))
    }

    pub(super) const fn presence(&self) -> &Presence {
        &self.presence
    }

    pub(super) fn insert(&mut self, id: ParticipantId, participant: Participant) {
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

    pub(super) fn remove(&mut self, id: ParticipantId) {
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

    pub(super) fn set_lost(&mut self, id: ParticipantId, at: ConferenceTime) {
        self.set_present(id);
        let Some(participant) = self.all.get_mut(&id) else {
            return;
        };
        participant.lost_since = Some(at);
        self.lost.insert((at, id));
        self.presence.lost(participant.site.as_ref());
    }

    pub(super) fn set_present(&mut self, id: ParticipantId) {
        let Some(participant) = self.all.get_mut(&id) else {
            return;
        };
        let Some(since) = participant.lost_since.take() else {
            return;
        };
        self.lost.remove(&(since, id));
        self.presence.regained(participant.site.as_ref());
    }

    pub(super) fn set_session(&mut self, id: ParticipantId, session: SessionId, hash: SecretHash) {
        let Some(participant) = self.all.get_mut(&id) else {
            return;
        };
        self.sessions.remove(&participant.session);
        self.sessions.insert(session, id);
        participant.session = session;
        participant.secret = hash;
    }

    pub(super) fn set_token(
        &mut self,
        id: ParticipantId,
        token: Option<TokenId>,
        expires_at: Option<Timestamp>,
    ) {
        let Some(participant) = self.all.get_mut(&id) else {
            return;
        };
        participant.token = token;
        if let Some(before) = std::mem::replace(&mut participant.expires_at, expires_at) {
            self.expiring.remove(&(before, id));
        }
        self.expiring
            .extend(expires_at.map(|expires_at| (expires_at, id)));
    }

    /// From now on it is the first device of its place.
    pub(super) fn promote(&mut self, id: ParticipantId) {
        if let Some(participant) = self.all.get(&id) {
            self.seats.promote(&participant.identity(), id);
        }
    }

    pub(super) fn set_last_turn(&mut self, id: ParticipantId, last_turn: Option<LastTurn>) {
        if let Some(participant) = self.all.get_mut(&id) {
            participant.last_turn = last_turn;
        }
    }

    pub(super) fn set_muting(&mut self, id: ParticipantId, muting: Muting) {
        if let Some(participant) = self.all.get_mut(&id) {
            participant.muting = muting;
        }
    }

    pub(super) fn set_source(&mut self, id: ParticipantId, source: Source, since: Option<u64>) {
        let Some(participant) = self.all.get_mut(&id) else {
            return;
        };
        match since {
            Some(seq) => participant.sources.insert(source, seq),
            None => participant.sources.remove(&source),
        };
        participant.arrivals.remove(&source);
    }

    pub(super) fn set_arrival(&mut self, id: ParticipantId, source: Source, since: Option<u64>) {
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
    pub(super) fn set_sound_only(&mut self, id: ParticipantId, sound_only: bool) {
        if let Some(participant) = self.all.get_mut(&id) {
            participant.sound_only = sound_only;
        }
    }

    /// Nothing arrives from anybody any more, and nobody knows what will.
    pub(super) fn forget_arrivals(&mut self) {
        for participant in self.all.values_mut() {
            participant.arrivals.clear();
        }
    }

    /// Counts everybody anew for another roster.
    pub(super) fn set_roster(&mut self, roster: &Roster) {
        let mut presence = Presence::new(roster);
        for participant in self.all.values() {
            presence.arrived(participant.site.as_ref());
            if !participant.is_present() {
                presence.lost(participant.site.as_ref());
            }
        }
        self.presence = presence;
    }

    pub(super) fn clear(&mut self, roster: &Roster) {
        *self = Self {
            presence: Presence::new(roster),
            ..Self::default()
        };
    }
}
