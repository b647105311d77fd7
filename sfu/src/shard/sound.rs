//! The sound of one receiver: what it costs on the line, and how it is kept whole there.

use std::time::Instant;

use crate::conference::Conference;
use crate::kind::MediaKind;
use crate::line::sound::Seen;
use crate::path::Path;
use crate::peer::repairs::{Asked, Repairs};
use crate::peer::repeats::{Repeats, numbers};
use crate::peer::{Peer, PeerKey};
use crate::publication::Publication;
use crate::publication::measure::Measure;
use crate::redundancy::{HEAD, Redundancy};
use crate::shard::Shard;
use crate::slot::Slot;
use crate::table::Table;

use super::lines::{OVERHEAD, saturate, shown};
use super::repairs::octets;

impl Shard {
    /// Has the sound leave again that a receiver is to be sent twice, if it is time.
    pub(super) fn repeat_sound(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let Some(repeats) = &mut peer.cold.repeats else {
            return;
        };
        if !repeats.is_due(now) {
            return;
        }
        let octets = octets(&peer.slots);
        let repairs = peer
            .cold
            .repairs
            .get_or_insert_with(|| Box::new(Repairs::new(now, octets)));
        let had_turn = repairs.is_waiting();
        for (index, slot) in (0u8..).zip(&peer.slots).filter(|(_, it)| is_plain(it)) {
            let again = repeats.step(index, slot.rewriter.newest());
            for sequence in again.into_iter().flat_map(numbers) {
                let slot = index;
                repairs.repeat(Asked { slot, sequence });
            }
        }
        if repairs.is_waiting() && !had_turn {
            self.repairs.push_back(key);
        }
    }
}

/// Whether a slot has sound that cannot carry what came before it.
fn is_plain(slot: &Slot) -> bool {
    slot.kind == MediaKind::Audio && !slot.takes_redundancy()
}

/// Has the sound of a receiver carry as much of what came before as its line asks for and has room
/// for beside a `picture` of so many bits per second, or be sent again where it cannot carry it. Returns what all of
/// its sound costs there, in bits per second: if it carried nothing, and as it is.
pub(super) fn thicken(
    now: Instant,
    peer: &mut Peer,
    conference: &Conference,
    publications: &Table<Publication>,
    picture: u32,
) -> [u32; 2] {
    let Some(line) = &peer.cold.line else {
        return [0, 0];
    };
    let (mut plain, mut copy) = (0u32, 0u32);
    for slot in peer.slots.iter().filter(|it| it.kind == MediaKind::Audio) {
        let heard = shown(conference, publications, slot);
        let heard = heard.filter(|(_, it)| it.id.peer != peer.id);
        let Some((payload, packets)) = heard.map(|(_, it)| rate(it)) else {
            continue;
        };
        let each = |bytes: u32| payload.saturating_add(packets.saturating_mul(bytes * 8));
        plain = plain.saturating_add(each(OVERHEAD));
        let added = if is_plain(slot) {
            OVERHEAD
        } else {
            HEAD as u32
        };
        copy = copy.saturating_add(each(added));
    }
    let seen = Seen {
        lost: line.loss(),
        is_own: line.is_own_loss(now),
        flooded_for: line.flooded_for(now),
        carries: line.carries(now),
        plain,
        copy,
        picture,
    };
    let redundancy = peer.cold.sound.judge(now, &seen);
    for slot in &mut peer.slots {
        if slot.kind == MediaKind::Audio {
            slot.set_redundancy(redundancy);
        }
    }
    // Over TCP nothing is lost on the way.
    let is_lossy = !peer.path.as_ref().is_some_and(Path::is_tcp);
    if redundancy != Redundancy::None && is_lossy && peer.slots.iter().any(is_plain) {
        let begin = || Box::new(Repeats::begin(now));
        let repeats = peer.cold.repeats.get_or_insert_with(begin);
        repeats.set_level(redundancy);
    } else {
        peer.cold.repeats = None;
    }
    let all = plain.saturating_add(copy.saturating_mul(redundancy.copies()));
    [plain, all]
}

/// Bits per second of a sound's payload, and packets per second.
fn rate(publication: &Publication) -> (u32, u32) {
    let measure = publication.layers.first().map(|layer| &layer.measure);
    let payload = measure.and_then(Measure::bits_per_second);
    let packets = measure.and_then(Measure::pictures_per_second);
    (payload.map_or(0, saturate), packets.unwrap_or(0))
}
