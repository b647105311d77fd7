//! What a participant's machine can do with: at most so many layers in each of its slots.

use std::collections::BTreeMap;

use sfu::Media;
use sfu::command::Command;
use sfu::id::{Feed, SlotId};
use sfu::kind::MediaKind;

use super::{Peer, Peers, SlotError, stage_number};
use crate::ids::ParticipantId;
use crate::protocol::Place;

/// As many layers as there are: no limit.
const ALL: u8 = 3;

impl Peer {
    /// How many layers a slot shows at most.
    fn limit_of(&self, slot: SlotId) -> u8 {
        self.limits.get(&slot).copied().unwrap_or(ALL)
    }

    /// Whether a slot shows anything.
    pub(super) fn shows(&self, slot: SlotId) -> bool {
        self.limit_of(slot) > 0
    }

    /// Its video slots with their MIDs, those of the stage first.
    fn picture_slots(&self) -> impl Iterator<Item = (usize, SlotId, &str)> {
        self.slots
            .iter()
            .filter(|slot| slot.kind == MediaKind::Video)
            .enumerate()
            .map(|(index, slot)| (index, slot.id, slot.mid.as_str()))
    }
}

impl Peers {
    /// Limits the slots of a participant to so many layers, by MID; those that are not named have no
    /// limit.
    pub(in crate::conference_task) fn limit(
        &mut self,
        participant: ParticipantId,
        layers: &BTreeMap<String, u8>,
        media: &dyn Media,
    ) -> Result<(), SlotError> {
        let Some(peer) = self.of.get(&participant) else {
            return Ok(());
        };
        let is_known = |mid: &&String| peer.picture_slots().any(|(_, _, known)| known == *mid);
        if let Some(unknown) = layers.keys().find(|mid| !is_known(mid)) {
            return Err(SlotError::Unknown(unknown.clone()));
        }
        let mut limits = BTreeMap::new();
        for (index, slot, mid) in peer.picture_slots() {
            let limit = layers.get(mid).copied().unwrap_or(ALL).min(ALL);
            if limit < ALL {
                limits.insert(slot, limit);
            }
            let before = peer.limit_of(slot);
            if limit == before {
                continue;
            }
            if limit == 0 {
                media.command(Command::Watch { slot, feed: None });
                continue;
            }
            media.command(Command::Limit {
                slot,
                layers: limit,
            });
            if before == 0 {
                let feed = self.feed_of(peer, index, slot);
                media.command(Command::Watch { slot, feed });
            }
        }
        if let Some(peer) = self.of.get_mut(&participant) {
            peer.limits = limits;
        }
        Ok(())
    }

    /// What a slot is to show.
    fn feed_of(&self, peer: &Peer, index: usize, slot: SlotId) -> Option<Feed> {
        match Place::ALL.get(index) {
            Some(place) => Some(Feed::Stage(stage_number(*place))),
            None => self.camera(*peer.watching.get(&slot)?),
        }
    }
}
