//! Participants who are alike in all but site and id, told in a line: an operator who joins a
//! conference of 3,400 sites reads 40 KB instead of 650.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::line::Rung;
use super::server::{Liveness, MediaState, ParticipantEntry, Standing};
use crate::auth::role::Role;
use crate::conference::{Place, Source};
use crate::ids::{ParticipantId, SiteCode};

/// Fewer that are alike are told one by one: a crowd of them would save little.
const FEWEST: usize = 8;

/// Letters of a participant's id.
const ID_LEN: usize = 26;

/// Participants who are alike. Each is called what its site is called.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Crowd {
    /// What they have in common.
    #[serde(flatten)]
    alike: Alike,
    /// Codes of their sites, with a space between two.
    sites: String,
    /// Their ids in the same order, with a space between two. One that is shorter than 26 letters
    /// is the end of an id that begins as the one before it.
    participants: String,
}

/// What participants of a crowd have in common.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Alike {
    role: Role,
    province: Option<SiteCode>,
    state: Liveness,
    device: u32,
    muted: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
    media: MediaState,
    sources: Vec<Source>,
    floor: Standing,
    #[serde(default)]
    undecodable: Vec<Place>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ignores_keyframe_requests: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rung: Option<Rung>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<u8>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ceased: Vec<Source>,
    #[serde(default, skip_serializing_if = "Condition::is_untold")]
    condition: Condition,
}

/// Gathers those who are alike. `is_plain` says whether somebody is called as its site is; the
/// others are left as they are, and so are those of whom there are few.
pub fn gather(
    mut entries: Vec<ParticipantEntry>,
    is_plain: impl Fn(&ParticipantEntry) -> bool,
) -> (Vec<ParticipantEntry>, Vec<Crowd>) {
    if entries.len() < FEWEST {
        return (entries, Vec::new());
    }
    // Neighbours in this order have most of their ids in common.
    entries.sort_unstable_by_key(|entry| entry.participant);
    let mut groups: HashMap<Alike, Vec<usize>> = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        if entry.site.is_some() && entry.staged.is_empty() && is_plain(entry) {
            groups.entry(alike(entry)).or_default().push(index);
        }
    }
    groups.retain(|_, members| members.len() >= FEWEST);
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_unstable_by_key(|(_, members)| members.first().copied());
    let mut is_told = vec![false; entries.len()];
    let mut crowds = Vec::with_capacity(groups.len());
    for (alike, members) in groups {
        let mut crowd = Crowd {
            alike,
            sites: String::new(),
            participants: String::new(),
        };
        let mut before = String::new();
        for index in members {
            if let (Some(entry), Some(told)) = (entries.get(index), is_told.get_mut(index)) {
                *told = true;
                before = crowd.push(entry, &before);
            }
        }
        crowds.push(crowd);
    }
    let mut told = is_told.into_iter();
    entries.retain(|_| !told.next().unwrap_or(false));
    (entries, crowds)
}

/// Names every field, so that a new one is either alike or not told of a crowd. Whoever is on the
/// stage is in none.
fn alike(entry: &ParticipantEntry) -> Alike {
    let ParticipantEntry {
        participant: _,
        role,
        site: _,
        province,
        name: _,
        state,
        device,
        token: _,
        muted,
        cut,
        media,
        sources,
        floor,
        undecodable,
        ignores_keyframe_requests,
        rung,
        score,
        ceased,
        condition,
        staged: _,
    } = entry;
    Alike {
        role: *role,
        province: province.clone(),
        state: *state,
        device: *device,
        muted: *muted,
        cut: *cut,
        media: *media,
        sources: sources.clone(),
        floor: *floor,
        undecodable: undecodable.clone(),
        ignores_keyframe_requests: *ignores_keyframe_requests,
        rung: *rung,
        score: *score,
        ceased: ceased.clone(),
        condition: *condition,
    }
}

impl Crowd {
    /// Adds somebody; answers its id, which the next one's is shortened by.
    fn push(&mut self, entry: &ParticipantEntry, before: &str) -> String {
        let id = entry.participant.to_string();
        let common = id
            .bytes()
            .zip(before.bytes())
            .take_while(|(one, other)| one == other)
            .count();
        let gap = if self.sites.is_empty() { "" } else { " " };
        let site = entry.site.as_ref().map_or("", SiteCode::as_str);
        self.sites.extend([gap, site]);
        self.participants
            .extend([gap, id.get(common..).unwrap_or(&id)]);
        id
    }

    /// Everybody in it, called by the code of its site.
    pub fn members(&self) -> impl Iterator<Item = ParticipantEntry> {
        let mut id = String::new();
        let pairs = self.sites.split(' ').zip(self.participants.split(' '));
        pairs.filter_map(move |(site, end)| {
            id.truncate(ID_LEN.saturating_sub(end.len()));
            id.push_str(end);
            let participant: ParticipantId = id.parse().ok()?;
            Some(ParticipantEntry {
                participant,
                role: self.alike.role,
                site: Some(site.parse().ok()?),
                province: self.alike.province.clone(),
                name: site.to_owned(),
                state: self.alike.state,
                device: self.alike.device,
                token: None,
                muted: self.alike.muted,
                cut: self.alike.cut,
                media: self.alike.media,
                sources: self.alike.sources.clone(),
                floor: self.alike.floor,
                undecodable: self.alike.undecodable.clone(),
                ignores_keyframe_requests: self.alike.ignores_keyframe_requests,
                rung: self.alike.rung,
                score: self.alike.score,
                ceased: self.alike.ceased.clone(),
                condition: self.alike.condition,
                staged: Vec::new(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(id: u128, site: u32) -> ParticipantEntry {
        ParticipantEntry {
            participant: ParticipantId::new(1_732_241_700_000, id),
            role: Role::Site,
            site: Some(format!("{site:05}").parse().unwrap()),
            province: Some(format!("{:02}", site / 100).parse().unwrap()),
            name: format!("{site:05}"),
            state: Liveness::Present,
            device: 1,
            token: None,
            muted: false,
            cut: false,
            media: MediaState::Connected,
            sources: vec![Source::Microphone, Source::Camera],
            floor: Standing::None,
            undecodable: Vec::new(),
            ignores_keyframe_requests: false,
            rung: Some(Rung::High),
            score: Some(100),
            ceased: Vec::new(),
            condition: Condition::default(),
            staged: Vec::new(),
        }
    }

    fn sorted(mut entries: Vec<ParticipantEntry>) -> Vec<ParticipantEntry> {
        entries.sort_unstable_by_key(|entry| entry.participant);
        entries
    }

    #[test]
    fn a_country_takes_less_than_sixty_kilobytes() {
        let country = (0..3_400_u32).map(|site| entry(u128::from(site) * 7 % 3_400, site));
        let country = sorted(country.collect());
        let (alone, crowds) = gather(country.clone(), |_| true);
        let bytes = serde_json::to_string(&crowds).unwrap().len();
        assert!(alone.is_empty() && bytes < 45_000, "{bytes} bytes");
        let told = crowds.iter().flat_map(Crowd::members).collect();
        assert_eq!(sorted(told), country);
    }

    #[test]
    fn few_or_oddly_named_participants_are_told_one_by_one() {
        let few: Vec<_> = (0..7).map(|site| entry(u128::from(site), site)).collect();
        let (alone, crowds) = gather(few.clone(), |_| true);
        assert_eq!((alone, crowds), (few, vec![]));
        let many: Vec<_> = (0..9).map(|site| entry(u128::from(site), site)).collect();
        let (alone, crowds) = gather(many.clone(), |entry| entry.name != "00004");
        assert_eq!(alone, many[4..5]);
        assert_eq!(crowds.len(), 1);
    }

    proptest! {
        #[test]
        fn nobody_is_lost_in_a_crowd(
            people in prop::collection::btree_map(any::<u128>(), (0..300_u32, any::<[bool; 3]>()), 0..200)
        ) {
            let entries: Vec<_> = people
                .into_iter()
                .map(|(id, (site, [muted, lost, plain]))| ParticipantEntry {
                    participant: ParticipantId::new(7, id >> 48),
                    muted,
                    cut: false,
                    state: if lost { Liveness::Lost } else { Liveness::Present },
                    name: if plain { format!("{site:05}") } else { "Hội trường".to_owned() },
                    ..entry(0, site)
                })
                .collect();
            let (alone, crowds) = gather(entries.clone(), |entry| entry.name != "Hội trường");
            let mut told = alone;
            told.extend(crowds.iter().flat_map(Crowd::members));
            prop_assert_eq!(sorted(told), sorted(entries));
        }
    }
}
