//! One conference as one shard knows it: its peers in fan-out order and its feeds.

use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::feed::{Feed, FeedName};
use crate::id::{ConferenceId, PublicationId};
use crate::overload::Overload;
use crate::peer::PeerKey;
use crate::publication::PublicationKey;
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
    /// Its feeds; a slot holds an index into this.
    pub feeds: Vec<Feed>,
    /// What each place of the stage is to show.
    pub stage: FxHashMap<u8, PublicationId>,
    /// Who may be heard, the most important first.
    pub speakers: Vec<PublicationId>,
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
            stage: FxHashMap::default(),
            speakers: Vec::new(),
            banks: Vec::new(),
            watched: Vec::new(),
            has_pending: false,
            held_until: None,
            overload: Overload::default(),
            in_fanout: false,
        }
    }

    /// The index of a feed, which is made if there is none. `None` when there are too many.
    pub fn feed_index(&mut self, name: FeedName) -> Option<u16> {
        let known = self.feeds.iter().position(|feed| feed.name == name);
        let index = known.or_else(|| {
            // A feed of one publication that nobody watches any more gives up its place.
            let unused = self
                .feeds
                .iter()
                .position(|feed| feed.slots == 0 && matches!(feed.name, FeedName::Publication(_)));
            match unused {
                Some(index) => {
                    *self.feeds.get_mut(index)? = Feed::new(name);
                    Some(index)
                }
                None if self.feeds.len() < MAX_FEEDS => {
                    self.feeds.push(Feed::new(name));
                    Some(self.feeds.len() - 1)
                }
                None => None,
            }
        })?;
        u16::try_from(index).ok()
    }

    /// Makes sure that the bank for peers with `size` audio slots exists.
    pub fn ensure_bank(&mut self, size: u8) {
        if !self.banks.iter().any(|bank| bank.size == size) {
            self.banks.push(Bank {
                size,
                places: vec![None; usize::from(size)],
            });
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

    #[test]
    fn a_feed_nobody_watches_gives_up_its_place() {
        let mut conference = Conference::new(ConferenceId(1));
        let watched = |peer| {
            FeedName::Publication(PublicationId {
                peer: PeerId(peer),
                mline: 1,
            })
        };
        let first = conference.feed_index(watched(1)).expect("room");
        conference.feeds[usize::from(first)].slots = 1;
        let second = conference.feed_index(watched(2)).expect("room");
        assert_ne!(first, second);
        assert_eq!(
            conference.feed_index(watched(3)),
            Some(second),
            "2 is not watched"
        );
        assert_eq!(conference.feed_index(watched(1)), Some(first));
        let stage = conference.feed_index(FeedName::Stage(0)).expect("room");
        assert_eq!(conference.feed_index(FeedName::Stage(0)), Some(stage));
    }
}
