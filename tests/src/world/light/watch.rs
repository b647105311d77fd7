//! What a light client receives: numbering, gaps, repair.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sfu::kind::MediaKind;
use sfu::rtp::{Header, extend_sequence};

use super::offer::Announced;
use crate::world::media::Mark;

/// Time between two requests for one missing packet.
const ASK_EVERY: Duration = Duration::from_millis(60);
/// Requests for one missing packet.
const ASK_TIMES: u8 = 20;
/// Distance from zero, so that packets from before the first have a number too.
const BASE: u64 = 1 << 16;

/// One packet of media that arrived, at first or by repair.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// When.
    pub at: Instant,
    /// Extended sequence number.
    pub sequence: u64,
    /// RTP time.
    pub timestamp: u32,
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
    pub(super) rtx: Option<u32>,
    /// Everything that arrived, each packet once.
    pub arrived: Vec<Arrived>,
    /// Packets that arrived although they had arrived before.
    pub repeated: u64,
    highest: Option<u64>,
    seen: BTreeMap<u64, ()>,
    missing: BTreeMap<u64, (Instant, u8)>,
}

impl Watched {
    pub(super) fn new(announced: Announced) -> Self {
        Self {
            kind: announced.kind,
            ssrc: announced.ssrc,
            rtx: announced.rtx,
            arrived: Vec::new(),
            repeated: 0,
            highest: None,
            seen: BTreeMap::new(),
            missing: BTreeMap::new(),
        }
    }

    /// Takes in a decrypted packet of the media or the RTX SSRC.
    pub(super) fn take(&mut self, now: Instant, header: &Header, packet: &[u8]) {
        let Some(mut payload) = header.payload(packet) else {
            return;
        };
        let repaired = Some(header.ssrc.0) == self.rtx;
        let mut number = header.sequence;
        if repaired {
            let Some((original, rest)) = payload.split_at_checked(2) else {
                return;
            };
            number = u16::from_be_bytes([original[0], original[1]]);
            payload = rest;
        }
        let Some(mark) = Mark::read(self.kind, payload) else {
            return;
        };
        let sequence = match self.highest {
            Some(highest) => extend_sequence(highest, number),
            None => BASE + u64::from(number),
        };
        if self.seen.insert(sequence, ()).is_some() {
            self.repeated += 1;
            return;
        }
        self.missing.remove(&sequence);
        if let Some(highest) = self.highest {
            for lost in highest + 1..sequence {
                self.missing.insert(lost, (now, 0));
            }
        }
        self.highest = self.highest.max(Some(sequence));
        self.arrived.push(Arrived {
            at: now,
            sequence,
            timestamp: header.timestamp,
            mark,
            repaired,
        });
    }

    /// The numbers to ask for now.
    pub(super) fn ask(&mut self, now: Instant) -> Vec<u16> {
        if self.rtx.is_none() {
            return Vec::new();
        }
        self.missing.retain(|_, (_, times)| *times < ASK_TIMES);
        let mut due = Vec::new();
        for (sequence, (at, times)) in &mut self.missing {
            if *at <= now {
                *at = now + ASK_EVERY;
                *times += 1;
                due.push(*sequence as u16);
            }
        }
        due
    }

    pub(super) fn next_ask(&self) -> Option<Instant> {
        self.rtx?;
        self.missing.values().map(|(at, _)| *at).min()
    }

    /// Numbers that never arrived, between the first and the last that did.
    pub fn gaps(&self) -> u64 {
        match (self.seen.first_key_value(), self.seen.last_key_value()) {
            (Some((first, ())), Some((last, ()))) => last - first + 1 - self.seen.len() as u64,
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

    pub(super) fn highest(&self) -> Option<u64> {
        self.highest.map(|highest| highest - BASE)
    }
}
