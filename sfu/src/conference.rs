//! One conference as one shard knows it: its peers in fan-out order and its feeds.

use std::collections::BTreeSet;
use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::feed::{Feed, FeedName};
use crate::id::{ConferenceId, PublicationId};
use crate::overload::Overload;
use crate::peer::PeerKey;
use crate::publication::PublicationKey;
use crate::speakers::Part;
use crate::table::{Key, Named};

/// Most feeds of one conference in one shard: the stage, the audio banks, and what operators watch.
const MAX_FEEDS: usize = 4_096;

/// The audio feeds that peers with the same number of audio slots share.
#[derive(Debug)]
pub struct Bank {
    /// Number of audio slots of these peers.
    pub size: u8,
    /// Who fills each place.
    pub places: Vec<Option<PublicationId>>,
    /// How many peers share it; without any it is dropped.
    peers: u32,
}

/// Where a conference lives in its shard.
pub type ConferenceKey = Key<Conference>;

impl Named for Conference {
    type Name = ConferenceId;

    fn name(&self) -> ConferenceId {
        self.id
    }
}

/// Peers, feeds and intent of one conference.
#[derive(Debug)]
pub struct Conference {
    /// Which.
    pub id: ConferenceId,
    /// Keys of its peers on this shard, in the order of fan-out.
    pub peers: Vec<PeerKey>,
    /// Its feeds; a slot holds an index into this. One that no slot is pointed at gives up its
    /// place to the next new one.
    pub feeds: Vec<Feed>,
    by_name: FxHashMap<FeedName, u16>,
    /// Places of feeds that no slot is pointed at.
    idle: BTreeSet<u16>,
    /// What each place of the stage is to show.
    pub stage: FxHashMap<u8, PublicationId>,
    /// Who may be heard, the most important first.
    pub speakers: Vec<PublicationId>,
    /// Which of them is the sound of the main picture.
    pub main_sound: Option<PublicationId>,
    /// Which of them has the floor.
    pub floor_sound: Option<PublicationId>,
    /// One bank per number of audio slots in use.
    pub banks: Vec<Bank>,
    /// Which publications its feeds show at present.
    pub watched: Vec<PublicationKey>,
    /// Something arrived since the last fan-out.
    pub has_pending: bool,
    /// What waits are incomplete pictures, which may wait until then.
    pub held_until: Option<Instant>,
    /// What it goes without.
    pub overload: Overload,
    /// A fan-out of it is under way.
    pub in_fanout: bool,
}

impl Conference {
    /// An empty conference.
    pub fn new(id: ConferenceId) -> Self {
        Self {
            id,
            peers: Vec::new(),
            feeds: Vec::new(),
            by_name: FxHashMap::default(),
            idle: BTreeSet::new(),
            stage: FxHashMap::default(),
            speakers: Vec::new(),
            main_sound: None,
            floor_sound: None,
            banks: Vec::new(),
            watched: Vec::new(),
            has_pending: false,
            held_until: None,
            overload: Overload::default(),
            in_fanout: false,
        }
    }

    /// The index of a feed, which is made if there is none. `None` when there are too many.
    fn feed_index(&mut self, name: FeedName) -> Option<u16> {
        if let Some(index) = self.by_name.get(&name) {
            return Some(*index);
        }
        let index = match self.unused() {
            Some(index) => {
                let place = self.feeds.get_mut(usize::from(index))?;
                self.by_name.remove(&place.name);
                *place = Feed::new(name);
                index
            }
            None if self.feeds.len() < MAX_FEEDS => {
                self.feeds.push(Feed::new(name));
                u16::try_from(self.feeds.len() - 1).ok()?
            }
            None => return None,
        };
        self.by_name.insert(name, index);
        Some(index)
    }

    /// The place of a feed that no slot is pointed at. None is given away during a fan-out, which
    /// knows feeds by their place.
    fn unused(&mut self) -> Option<u16> {
        if self.in_fanout {
            return None;
        }
        self.idle.pop_first()
    }

    /// Points one more slot at a feed, which wishes for layers up to `wished`. Returns the feed's
    /// index, and whether what is wished for may be something else now.
    pub fn point(&mut self, name: FeedName, wished: u8) -> Option<(u16, bool)> {
        let index = self.feed_index(name)?;
        let feed = self.feeds.get_mut(usize::from(index))?;
        let layers = feed.layers();
        feed.join(wished);
        if feed.slots == 1 {
            self.idle.remove(&index);
        }
        // One slot alone may be that of whoever is shown there.
        Some((index, feed.slots <= 2 || feed.layers() != layers))
    }

    /// Points one slot less at a feed. Returns whether what is wished for may be something else now.
    pub fn unpoint(&mut self, index: u16, wished: u8) -> bool {
        let Some(feed) = self.feeds.get_mut(usize::from(index)) else {
            return false;
        };
        let layers = feed.layers();
        feed.leave(wished);
        if feed.slots == 0 {
            self.idle.insert(index);
        }
        feed.slots <= 1 || feed.layers() != layers
    }

    /// One more peer shares the bank for peers with `size` audio slots.
    pub fn join_bank(&mut self, size: u8) {
        if let Some(bank) = self.banks.iter_mut().find(|bank| bank.size == size) {
            bank.peers += 1;
        } else if size > 0 {
            self.banks.push(Bank {
                size,
                places: vec![None; usize::from(size)],
                peers: 1,
            });
        }
    }

    /// One peer less shares it.
    pub fn leave_bank(&mut self, size: u8) {
        for bank in self.banks.iter_mut().filter(|bank| bank.size == size) {
            bank.peers = bank.peers.saturating_sub(1);
        }
        self.banks.retain(|bank| bank.peers > 0);
    }

    /// As what somebody is heard.
    pub fn part_of(&self, speaker: PublicationId) -> Part {
        if self.floor_sound == Some(speaker) {
            Part::Floor
        } else if self.main_sound == Some(speaker) {
            Part::Main
        } else {
            Part::Other
        }
    }

    /// What a feed is to show, by its name.
    pub fn intent(&self, name: FeedName) -> Option<PublicationId> {
        match name {
            FeedName::Stage(place) => self.stage.get(&place).copied(),
            FeedName::Publication(id) => Some(id),
            FeedName::Audio { bank, place } => {
                let bank = self.banks.iter().find(|candidate| candidate.size == bank)?;
                bank.places.get(usize::from(place)).copied().flatten()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::PeerId;

    fn watched(peer: u64) -> FeedName {
        FeedName::Publication(PublicationId {
            peer: PeerId(peer),
            mline: 1,
        })
    }

    #[test]
    fn a_feed_nobody_watches_gives_up_its_place() {
        let mut conference = Conference::new(ConferenceId(1));
        let mut point = |name| conference.point(name, 0).expect("room").0;
        assert_eq!(point(watched(1)), 0);
        assert_eq!(point(watched(1)), 0);
        assert_eq!(point(watched(2)), 1);
        conference.unpoint(0, 0);
        conference.unpoint(1, 0);
        let mut point = |name| conference.point(name, 0).expect("room").0;
        assert_eq!(point(watched(2)), 1, "as before");
        conference.unpoint(1, 0);
        let mut point = |name| conference.point(name, 0).expect("room").0;
        assert_eq!(point(FeedName::Stage(0)), 1);
        assert_eq!(point(watched(2)), 2);
        assert_eq!(point(watched(1)), 0, "one slot is still there");
    }

    #[test]
    fn only_what_may_change_what_is_wished_for_is_told() {
        let mut conference = Conference::new(ConferenceId(1));
        let mut point = |wished| conference.point(watched(1), wished).expect("room").1;
        assert_eq!([point(1), point(1)], [true, true]);
        assert!(!point(0), "one more of an audience");
        assert!(point(2), "more is wished for");
        assert!(!point(2));
        assert_eq!(conference.feeds[0].layers(), 3);
        assert!(!conference.unpoint(0, 2));
        assert!(conference.unpoint(0, 2), "nobody wishes for so much");
        assert_eq!(conference.feeds[0].layers(), 2);
        assert!(!conference.unpoint(0, 0));
        assert!(conference.unpoint(0, 1));
        assert!(conference.unpoint(0, 1));
        assert_eq!(conference.feeds[0].layers(), 0);
    }

    #[test]
    fn feeds_and_banks_do_not_outlive_those_who_use_them() {
        let mut conference = Conference::new(ConferenceId(1));
        for round in 0..1_000_u64 {
            let size = u8::try_from(round % 8 + 1).expect("small");
            conference.join_bank(size);
            let audio = |place| FeedName::Audio { bank: size, place };
            let mut feeds: Vec<_> = (0..size)
                .filter_map(|place| conference.point(audio(place), 0))
                .collect();
            feeds.extend(conference.point(watched(round), 0));
            assert_eq!(conference.banks.len(), 1);
            conference.leave_bank(size);
            for (index, _) in feeds {
                conference.unpoint(index, 0);
            }
        }
        assert!(conference.banks.is_empty());
        assert!(conference.feeds.len() <= 9, "{}", conference.feeds.len());
        assert_eq!(conference.by_name.len(), conference.feeds.len());
        assert_eq!(conference.idle.len(), conference.feeds.len());
    }
}
