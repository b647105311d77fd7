//! What is told of who is here, and of who was sent away.

use std::cmp::Reverse;

use crate::conference::{Barred, Departed, Participant, State};
use crate::ids::{ParticipantId, SiteCode};
use crate::protocol::server::{
    BarredEntry, Liveness, MediaState, ParticipantEntry, ProvinceEntry, Standing,
};
use crate::protocol::{Condition, ServerMessage, crowd};

impl State {
    /// The message `presence`.
    pub fn presence_message(&self) -> ServerMessage {
        ServerMessage::Presence {
            version: self.versions().presence,
            counts: self.counts(),
        }
    }

    /// The message `provinces`.
    pub fn provinces_message(&self) -> ServerMessage {
        let version = self.versions().presence;
        ServerMessage::Provinces {
            version,
            provinces: self.province_entries(),
        }
    }

    pub(super) fn province_entries(&self) -> Vec<ProvinceEntry> {
        let name = |code: &SiteCode| {
            self.roster()
                .province_name(code)
                .unwrap_or_default()
                .to_owned()
        };
        self.provinces()
            .map(|(code, counts)| ProvinceEntry {
                code: code.clone(),
                name: name(code),
                counts,
            })
            .collect()
    }

    /// A participant as moderators see it; `None` when it is gone.
    pub fn participant_entry(
        &self,
        id: ParticipantId,
        media: MediaState,
    ) -> Option<ParticipantEntry> {
        let person = self.participant(id)?;
        let state = if person.is_present() {
            Liveness::Present
        } else {
            Liveness::Lost
        };
        Some(ParticipantEntry {
            participant: id,
            role: person.role,
            site: person.site.clone(),
            province: self.province_of(person).cloned(),
            name: person.name.clone(),
            state,
            device: self.seat(id)?.device,
            token: None,
            muted: self.is_unheard(id, person),
            cut: person.muting.is_cut(),
            media,
            sources: person.sources.keys().copied().collect(),
            floor: self.standing(id),
            undecodable: Vec::new(),
            ignores_keyframe_requests: false,
            rung: None,
            score: None,
            ceased: Vec::new(),
            condition: Condition::default(),
            staged: self.places_of(id).collect(),
        })
    }

    /// The message `participants`: those who changed, or all.
    pub fn participants_message(
        &self,
        full: bool,
        entries: Vec<ParticipantEntry>,
    ) -> ServerMessage {
        let is_plain = |entry: &ParticipantEntry| {
            let site = entry
                .site
                .as_ref()
                .and_then(|code| self.roster().site(code));
            site.is_some_and(|site| site.name == entry.name)
        };
        let (changes, crowds) = crowd::gather(entries, is_plain);
        ServerMessage::Participants {
            version: self.version(),
            full,
            changes,
            crowds,
        }
    }

    /// Whether nobody hears it, whatever it sends: its sound is refused, or it is on the stage for
    /// its picture alone.
    pub(super) fn is_unheard(&self, id: ParticipantId, person: &Participant) -> bool {
        person.muting.is_muted() || self.is_only_seen(id)
    }

    /// The message `barred`.
    pub fn barred_message(&self) -> ServerMessage {
        let mut barred: Vec<_> = self.barred().collect();
        barred.sort_by_key(|barred| (Reverse(barred.since), barred.participant));
        ServerMessage::Barred {
            version: self.versions().barred,
            count: u32::try_from(barred.len()).unwrap_or(u32::MAX),
            latest: barred
                .into_iter()
                .take(BarredEntry::SHOWN)
                .map(barred_entry)
                .collect(),
        }
    }

    /// Everybody who was sent away and may not come in.
    pub fn barred_entries(&self) -> Vec<BarredEntry> {
        self.barred().map(barred_entry).collect()
    }
}

/// The last word about somebody who is gone: it has neither the floor nor a place any more.
pub(crate) fn departed_entry(departed: Departed) -> ParticipantEntry {
    let Departed {
        participant,
        person,
        province,
        device,
    } = departed;
    ParticipantEntry {
        participant,
        role: person.role,
        site: person.site,
        province,
        name: person.name,
        state: Liveness::Left,
        device,
        token: None,
        muted: person.muting.is_muted(),
        cut: person.muting.is_cut(),
        media: MediaState::None,
        sources: person.sources.into_keys().collect(),
        floor: Standing::None,
        undecodable: Vec::new(),
        ignores_keyframe_requests: false,
        rung: None,
        score: None,
        ceased: Vec::new(),
        condition: Condition::default(),
        staged: Vec::new(),
    }
}

fn barred_entry(barred: &Barred) -> BarredEntry {
    BarredEntry {
        participant: barred.participant,
        role: barred.role,
        site: barred.site.clone(),
        name: barred.name.clone(),
        since: barred.since,
    }
}
