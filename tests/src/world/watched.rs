//! What a light client receives on one slot.

use std::collections::BTreeSet;
use std::time::Instant;

use loadtest::endpoint::Packet;
use loadtest::sdp::AnswerMedia;
use sfu::kind::MediaKind;

use super::media::Mark;

/// One packet of media that arrived, at first or by repair.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// When.
    pub at: Instant,
    /// Extended sequence number.
    pub sequence: u64,
    /// RTP time.
    pub timestamp: u32,
    /// Last of its picture.
    pub marker: bool,
    /// What it says about itself.
    pub mark: Mark,
    /// It came by retransmission.
    pub repaired: bool,
}

/// One slot as its client sees it.
#[derive(Debug)]
pub struct Watched {
    /// Sound or picture.
    pub kind: MediaKind,
    /// SSRC of the slot.
    pub ssrc: u32,
    /// Everything that arrived, each packet once.
    pub arrived: Vec<Arrived>,
    seen: BTreeSet<u64>,
}

impl Watched {
    /// What an m-line of the answer shows, if it shows anything.
    pub(super) fn new(media: &AnswerMedia) -> Option<Self> {
        let (ssrc, _) = media.ssrc.filter(|_| media.sends)?;
        Some(Self {
            kind: media.kind,
            ssrc,
            arrived: Vec::new(),
            seen: BTreeSet::new(),
        })
    }

    pub(super) fn note(&mut self, at: Instant, packet: &Packet) {
        let Some(mark) = Mark::of(packet) else { return };
        self.seen.insert(packet.number);
        self.arrived.push(Arrived {
            at,
            sequence: packet.number,
            timestamp: packet.timestamp,
            marker: packet.marker,
            mark,
            repaired: packet.repaired,
        });
    }

    /// Numbers that never arrived, between the first and the last that did.
    pub fn gaps(&self) -> u64 {
        match (self.seen.first(), self.seen.last()) {
            (Some(first), Some(last)) => last - first + 1 - self.seen.len() as u64,
            _ => 0,
        }
    }

    /// Everything that arrived, by sequence number.
    pub fn in_order(&self) -> Vec<Arrived> {
        let mut sorted = self.arrived.clone();
        sorted.sort_by_key(|arrived| arrived.sequence);
        sorted
    }

    /// The sources that were shown, in order, without repetition.
    pub fn sources(&self) -> Vec<u8> {
        let mut sources: Vec<u8> = self
            .in_order()
            .iter()
            .map(|arrived| arrived.mark.source)
            .collect();
        sources.dedup();
        sources
    }
}
