//! Devices: each place has a few seats. The first device may speak, further ones stand by, and none
//! of them ever keeps another place out.

use std::collections::BTreeMap;

use super::Participant;
use crate::auth::{Grant, Role, Verb};
use crate::conference::state::State;
use crate::ids::{ParticipantId, SiteCode};

/// What makes two tokens speak for the same place: site and role or, without a site, subject and
/// role.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::conference) enum Identity {
    Site(SiteCode, Role),
    Subject(String, Role),
}

impl Identity {
    pub(in crate::conference) fn new(site: Option<&SiteCode>, subject: &str, role: Role) -> Self {
        site.map_or_else(
            || Self::Subject(subject.to_owned(), role),
            |site| Self::Site(site.clone(), role),
        )
    }

    pub(in crate::conference) fn of(grant: &Grant) -> Self {
        Self::new(grant.site(), grant.subject(), grant.role())
    }
}

/// The devices of every place, each in the order of its seats.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::conference) struct Seats(BTreeMap<Identity, Vec<ParticipantId>>);

impl Seats {
    pub(in crate::conference) fn of(&self, identity: &Identity) -> &[ParticipantId] {
        self.0.get(identity).map_or(&[], Vec::as_slice)
    }

    pub(in crate::conference) fn push(&mut self, identity: Identity, id: ParticipantId) {
        self.0.entry(identity).or_default().push(id);
    }

    pub(in crate::conference) fn remove(&mut self, identity: &Identity, id: ParticipantId) {
        if let Some(seats) = self.0.get_mut(identity) {
            seats.retain(|seated| *seated != id);
            if seats.is_empty() {
                self.0.remove(identity);
            }
        }
    }

    /// From now on this device is the first.
    pub(in crate::conference) fn promote(&mut self, identity: &Identity, id: ParticipantId) {
        if let Some(seats) = self.0.get_mut(identity)
            && let Some(position) = seats.iter().position(|seated| *seated == id)
            && let Some(ahead) = seats.get_mut(..=position)
        {
            ahead.rotate_right(1);
        }
    }
}

/// Where a device sits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Seat {
    /// From 1.
    pub(crate) device: u32,
    /// Another device of the same site is the one that may speak.
    pub(crate) stands_by: bool,
}

impl State {
    /// The devices of the place that a token speaks for, in the order of their seats.
    pub fn devices_of(&self, grant: &Grant) -> impl Iterator<Item = (ParticipantId, &Participant)> {
        self.people
            .seats(&Identity::of(grant))
            .iter()
            .filter_map(|id| Some((*id, self.people.get(*id)?)))
    }

    /// Every device of the place whose device this is, itself among them.
    pub fn devices_beside(&self, id: ParticipantId) -> &[ParticipantId] {
        self.people
            .get(id)
            .map_or(&[], |person| self.people.seats(&person.identity()))
    }

    /// Where a device sits. Only who must ask for the floor stands by: a hall speaks by right, also
    /// from an encoder beside its page.
    pub(crate) fn seat(&self, id: ParticipantId) -> Option<Seat> {
        let person = self.people.get(id)?;
        let seats = self.people.seats(&person.identity());
        let position = seats.iter().position(|seated| *seated == id)?;
        let device = u32::try_from(position)
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        Some(Seat {
            device,
            stands_by: device > 1 && person.rights().may(Verb::RequestFloor),
        })
    }

    pub(in crate::conference) fn stands_by(&self, id: ParticipantId) -> bool {
        self.seat(id).is_some_and(|seat| seat.stands_by)
    }

    /// Whether all media of a participant is refused: it is cut off, or stands by.
    pub fn is_silenced(&self, id: ParticipantId) -> bool {
        self.people
            .get(id)
            .is_some_and(|person| person.muting.is_cut())
            || self.stands_by(id)
    }

    /// Who must go so that one more device has a seat: not whoever speaks for the place, if that
    /// can be helped; of the others the one of which nothing arrives any more, else the oldest.
    pub(in crate::conference) fn in_the_way(&self, identity: &Identity) -> Vec<ParticipantId> {
        let seats = self.people.seats(identity);
        let most = self.settings.devices_per_site.max(1);
        let excess = (seats.len() + 1).saturating_sub(most);
        // Of a site the first device may speak; of a hall any may, and the one shown does.
        let speaks = if seats.iter().any(|id| self.stands_by(*id)) {
            seats.first()
        } else {
            let shown = seats.iter().find(|id| self.scene().shows(**id));
            shown.or_else(|| seats.first())
        };
        let mut others = seats.to_vec();
        others.retain(|id| most == 1 || Some(id) != speaks);
        others.sort_by_key(|id| !self.people.get(*id).is_some_and(Participant::is_silent));
        others.truncate(excess);
        others
    }
}
