//! Who is connected at this moment, and how everybody is told.

use std::collections::HashMap;

use crate::auth::{Rights, Role, Verb};
use crate::ids::ParticipantId;
use crate::outbox::{Ending, Frame, Outbox};
use crate::protocol::CloseReason;

/// One participant's current connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) outbox: Outbox,
    kind: LinkKind,
    rights: Rights,
}

/// What a connection is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LinkKind {
    /// A WebSocket that has not been welcomed yet: it gets everything at once when it is.
    Entering,
    /// A WebSocket.
    Session,
    /// A WHIP or WHEP resource, which is told nothing.
    Resource,
}

/// Who is to be told, by what they can use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Class {
    /// Operators and chairs: they are told everything.
    Moderators,
    /// Halls: few, and they show who waits.
    Halls,
    /// Everybody else: thousands.
    Attendees,
}

impl Class {
    /// Where somebody belongs who may do that.
    pub(super) fn of(rights: Rights) -> Self {
        if rights.may(Verb::ReadConference) {
            Self::Moderators
        } else if matches!(rights.role, Role::Hall) {
            Self::Halls
        } else {
            Self::Attendees
        }
    }
}

/// The current connection of each participant that has one.
#[derive(Debug, Default)]
pub(super) struct Links(HashMap<ParticipantId, Link>);

impl Links {
    /// Gives a participant its connection; the former one is told why it is none any more.
    pub(super) fn insert(
        &mut self,
        participant: ParticipantId,
        rights: Rights,
        outbox: Outbox,
        kind: LinkKind,
        instead: CloseReason,
    ) {
        let link = Link {
            outbox,
            kind,
            rights,
        };
        if let Some(former) = self.0.insert(participant, link) {
            former.outbox.end(Ending::because(instead));
        }
    }

    /// What kind of connection a participant has, if any.
    pub(super) fn kind(&self, participant: ParticipantId) -> Option<LinkKind> {
        self.0.get(&participant).map(|link| link.kind)
    }

    /// Asks a connection for a sign of life.
    pub(super) fn probe(&self, participant: ParticipantId) {
        if let Some(link) = self.0.get(&participant) {
            link.outbox.probe();
        }
    }

    /// From now on this connection is told what everybody is told.
    pub(super) fn welcomed(&mut self, participant: ParticipantId) {
        if let Some(link) = self.0.get_mut(&participant)
            && link.kind == LinkKind::Entering
        {
            link.kind = LinkKind::Session;
        }
    }

    /// Whether this is the current connection of the participant.
    pub(super) fn is_current(&self, participant: ParticipantId, outbox: &Outbox) -> bool {
        self.0
            .get(&participant)
            .is_some_and(|link| link.outbox.is_same(outbox))
    }

    /// Whether the participant is here as a WHIP or WHEP resource.
    pub(super) fn is_resource(&self, participant: ParticipantId) -> bool {
        self.kind(participant) == Some(LinkKind::Resource)
    }

    /// Whether the participant has a connection.
    pub(super) fn has_link(&self, participant: ParticipantId) -> bool {
        self.0.contains_key(&participant)
    }

    /// Whoever is told things, and as what.
    pub(super) fn welcomed_ones(&self) -> impl Iterator<Item = (ParticipantId, Rights)> {
        self.0
            .iter()
            .filter(|(_, link)| link.kind == LinkKind::Session)
            .map(|(participant, link)| (*participant, link.rights))
    }

    /// Forgets a connection that has ended.
    pub(super) fn remove(&mut self, participant: ParticipantId) {
        self.0.remove(&participant);
    }

    /// Ends the connection of a participant and forgets it.
    pub(super) fn end(&mut self, participant: ParticipantId, ending: Ending) {
        if let Some(link) = self.0.remove(&participant) {
            link.outbox.end(ending);
        }
    }

    /// Ends every connection, each in its own way, and forgets it.
    pub(super) fn end_all(&mut self, mut ending: impl FnMut(Role) -> Ending) {
        for (_, link) in self.0.drain() {
            link.outbox.end(ending(link.rights.role));
        }
    }

    /// Ends the connections of whoever is not in the conference.
    pub(super) fn retain(&mut self, is_here: impl Fn(ParticipantId) -> bool, ending: Ending) {
        self.0.retain(|participant, link| {
            let keep = is_here(*participant);
            if !keep {
                link.outbox.end(ending);
            }
            keep
        });
    }

    /// Tells one participant.
    pub(super) fn tell(&self, participant: ParticipantId, frame: Frame) {
        if let Some(link) = self
            .0
            .get(&participant)
            .filter(|link| link.kind == LinkKind::Session)
        {
            link.outbox.push(frame);
        }
    }

    /// Tells all of one class. The frame is shared, not copied.
    pub(super) fn tell_all(&self, class: Class, frame: &Frame) {
        for link in self.0.values() {
            if link.kind == LinkKind::Session && Class::of(link.rights) == class {
                link.outbox.push(frame.clone());
            }
        }
    }

    /// Whether anybody of this class would hear it.
    pub(super) fn has(&self, class: Class) -> bool {
        self.0
            .values()
            .any(|link| link.kind == LinkKind::Session && Class::of(link.rights) == class)
    }

    /// How many are connected.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
