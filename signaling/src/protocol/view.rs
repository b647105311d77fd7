//! What is told of a conference: its state as values on the wire and over REST.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde::Serialize;

use super::server::{
    BarredEntry, Claim, ConferenceEntry, Floor, Liveness, MediaState, Own, ParticipantEntry,
    ProvinceEntry, Shown, Stage, Standing,
};
use super::{Condition, ServerMessage, crowd};
use crate::conference::{
    Barred, Counts, Departed, Held, Participant, Place, RosterSite, State, Times,
};
use crate::ids::{ParticipantId, SiteCode};
use crate::sites::Level;

/// A conference in full, for REST.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Id, title and whether it runs.
    #[serde(flatten)]
    pub conference: ConferenceEntry,
    /// Sequence number of the last event.
    pub version: u64,
    /// When it was created.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// When it should begin.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Expected, present and lost sites.
    pub presence: Counts,
    /// The same by province.
    pub provinces: Vec<ProvinceEntry>,
    /// Who has the floor and who asks for it.
    pub floor: Floor,
    /// What everybody sees and hears.
    pub stage: Stage,
}

/// The sites that a conference expects.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RosterView {
    /// As in the message `roster`.
    pub version: u64,
    /// By code.
    pub sites: Vec<RosterEntry>,
}

/// An expected site.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RosterEntry {
    /// Its code.
    pub code: SiteCode,
    /// Its name.
    pub name: String,
    /// Its level.
    pub level: Level,
    /// The province it belongs to; a province belongs to itself, the centre to none.
    pub province: Option<SiteCode>,
}

impl State {
    /// The sites that it expects.
    pub fn roster_view(&self) -> RosterView {
        let entry = |(code, site): (&SiteCode, &RosterSite)| RosterEntry {
            code: code.clone(),
            name: site.name.clone(),
            level: site.level,
            province: site.province.clone(),
        };
        RosterView {
            version: self.versions().roster,
            sites: self.roster().sites().map(entry).collect(),
        }
    }

    /// The message `roster`.
    pub fn roster_message(&self) -> ServerMessage {
        ServerMessage::Roster {
            version: self.versions().roster,
            sites: u32::try_from(self.roster().len()).unwrap_or(u32::MAX),
        }
    }

    /// The conference as a whole.
    pub fn snapshot(&self) -> Snapshot {
        let Times {
            created_at,
            starts_at,
            started_at,
            ended_at,
        } = *self.times();
        Snapshot {
            conference: self.conference_entry(),
            version: self.version(),
            created_at,
            starts_at,
            started_at,
            ended_at,
            presence: self.counts(),
            provinces: self.province_entries(),
            floor: self.floor_value(Floor::SHOWN),
            stage: self.stage_value(),
        }
    }

    /// Id, title and whether it runs.
    pub fn conference_entry(&self) -> ConferenceEntry {
        ConferenceEntry {
            id: self.id().clone(),
            title: self.title().to_owned(),
            state: self.phase(),
        }
    }

    /// The message `conference`.
    pub fn conference_message(&self) -> ServerMessage {
        let version = self.versions().conference;
        ServerMessage::Conference {
            version,
            conference: self.conference_entry(),
        }
    }

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

    /// The message `floor` for those who look at the queue.
    pub fn floor_message(&self) -> ServerMessage {
        ServerMessage::Floor(self.floor_value(Floor::SHOWN))
    }

    /// The message `floor` for everybody else: who speaks, and how many wait. Where the receiver
    /// itself stands is in `self`.
    pub fn short_floor_message(&self) -> ServerMessage {
        let floor = self.floor_value(0);
        ServerMessage::Floor(Floor {
            version: self.versions().floor,
            holder: floor.holder.map(|holder| Claim {
                began: None,
                ..holder
            }),
            ..floor
        })
    }

    /// The message `stage`.
    pub fn stage_message(&self) -> ServerMessage {
        ServerMessage::Stage(self.stage_value())
    }

    /// The message `self` for a participant; `None` when it is gone.
    pub fn self_message(&self, id: ParticipantId) -> Option<ServerMessage> {
        self.own_message(id, self.floor().position(id))
    }

    fn own_message(&self, id: ParticipantId, position: Option<u32>) -> Option<ServerMessage> {
        let person = self.participant(id)?;
        let (muted, cut) = (self.is_unheard(id, person), person.muting.is_cut());
        let seat = self.seat(id)?;
        let (floor, on_stage) = (self.standing(id), self.is_staged(id));
        Some(ServerMessage::Own(Own {
            version: self.version(),
            muted,
            cut,
            floor,
            position,
            on_stage,
            device: seat.device,
            stands_by: seat.stands_by,
            arriving: person.arriving(),
            last_turn: person.last_turn,
        }))
    }

    /// Everybody in the floor's queue with its position, from 1. Counted once for all.
    pub fn positions(&self) -> impl Iterator<Item = (ParticipantId, u32)> {
        self.floor().queue().zip(1..)
    }

    /// The message `self` for somebody whose position in the queue is known.
    pub fn waiting_message(&self, id: ParticipantId, position: u32) -> Option<ServerMessage> {
        self.own_message(id, Some(position))
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
    fn is_unheard(&self, id: ParticipantId, person: &Participant) -> bool {
        person.muting.is_muted() || self.is_only_seen(id)
    }

    fn standing(&self, id: ParticipantId) -> Standing {
        if self.floor().holder() == Some(id) {
            Standing::Holding
        } else if self.floor().is_waiting(id) {
            Standing::Waiting
        } else {
            Standing::None
        }
    }

    fn province_entries(&self) -> Vec<ProvinceEntry> {
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

    fn floor_value(&self, shown: usize) -> Floor {
        let waiting = self.floor().waiting();
        Floor {
            version: self.versions().floor.max(self.versions().began),
            holder: self.floor().held().and_then(|held| self.holding(&held)),
            waiting: u32::try_from(waiting.len()).unwrap_or(u32::MAX),
            queue: waiting
                .take(shown)
                .filter_map(|waiting| self.claim(waiting))
                .collect(),
        }
    }

    fn holding(&self, held: &Held) -> Option<Claim> {
        Some(Claim {
            began: held.began,
            ..self.claim((held.participant, held.since))?
        })
    }

    fn claim(&self, (participant, since): (ParticipantId, Timestamp)) -> Option<Claim> {
        let person = self.participant(participant)?;
        let (site, name) = (person.site.clone(), person.name.clone());
        Some(Claim {
            participant,
            site,
            name,
            province_name: self.province_name_of(person).map(str::to_owned),
            since,
            began: None,
        })
    }

    fn stage_value(&self) -> Stage {
        Stage {
            version: self.versions().stage,
            main: self.shown(Place::Main),
            second: self.shown(Place::Second),
            screen: self.shown(Place::Screen),
            speakers: self.scene().speakers.clone(),
        }
    }

    fn shown(&self, place: Place) -> Option<Shown> {
        let participant = self.scene().at(place)?;
        let person = self.participant(participant)?;
        let (site, name) = (person.site.clone(), person.name.clone());
        Some(Shown {
            participant,
            site,
            name,
            province_name: self.province_name_of(person).map(str::to_owned),
            source: place.source(),
        })
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
