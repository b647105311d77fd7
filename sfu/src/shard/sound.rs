//! The sound of one receiver: what it costs on the line, and how it is kept whole there.

use std::time::Instant;

use crate::conference::Conference;
use crate::kind::MediaKind;
use crate::line::sound::Seen;
use crate::peer::Peer;
use crate::publication::Publication;
use crate::publication::measure::Measure;
use crate::redundancy::HEAD;
use crate::table::Table;

use super::lines::{OVERHEAD, saturate, shown};

/// Has the sound of a receiver carry as much of what came before as its line asks for and has room
/// for. Returns what all of its sound costs there, in bits per second.
pub(super) fn thicken(
    now: Instant,
    peer: &mut Peer,
    conference: &Conference,
    publications: &Table<Publication>,
) -> u32 {
    let Some(line) = &peer.cold.line else {
        return 0;
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
        if slot.takes_redundancy() {
            copy = copy.saturating_add(each(HEAD as u32));
        }
    }
    let seen = Seen {
        lost: line.loss(),
        verdict: line.verdict(),
        carries: line.carries(now),
        plain,
        copy,
    };
    let redundancy = peer.cold.sound.judge(now, &seen);
    for slot in &mut peer.slots {
        if slot.kind == MediaKind::Audio {
            slot.set_redundancy(redundancy);
        }
    }
    plain.saturating_add(copy.saturating_mul(redundancy.copies()))
}

/// Bits per second of a sound's payload, and packets per second.
fn rate(publication: &Publication) -> (u32, u32) {
    let measure = publication.layers.first().map(|layer| &layer.measure);
    let payload = measure.and_then(Measure::bits_per_second);
    let packets = measure.and_then(Measure::pictures_per_second);
    (payload.map_or(0, saturate), packets.unwrap_or(0))
}
