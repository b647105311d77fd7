//! One negotiated receive position of a peer: select → number, or a [`DropReason`].

mod left_out;
pub mod rewriter;

use std::time::Instant;

use arrayvec::ArrayVec;

use crate::command::SlotSpec;
use crate::drop_reason::DropReason;
use crate::id::{Pt, Ssrc};
use crate::kind::{Codec, CodecSpec, MediaKind};
use crate::packet::Packet;
use crate::publication::layer::ClockPair;
use crate::publication::{MAX_LAYERS, PublicationKey};
use crate::redundancy::{Payload, Redundancy};
use crate::rung::Rung;
use crate::segment_kind::SegmentKind;
use crate::slot::rewriter::{Look, Origin, Rewriter, Source};

/// Most codecs of one slot.
const MAX_CODECS: usize = 4;

/// What a slot must know of a publication that its feed shows or is about to show.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Which.
    pub publication: PublicationKey,
    /// In which codec.
    pub codec: Codec,
    /// Per layer wished for, the layer to show.
    pub best: [u8; MAX_LAYERS],
    /// Its layers' clocks.
    pub clocks: [Option<ClockPair>; MAX_LAYERS],
    /// Per layer, the sequence number from which numbering starts anew.
    pub restarts: [u64; MAX_LAYERS],
    /// Whether the feed wants it, rather than still showing it until the wanted one can start.
    pub wanted: bool,
}

/// A receive position. It wishes for a layer at most as high as [`wished`](Self::wished), is going
/// to the [`target`](Self::target) which the publication has for that, and shows the
/// [`source`](Rewriter::source) of its numbering until a keyframe of the target comes.
#[derive(Debug)]
pub struct Slot {
    /// The slot's own SSRC.
    pub ssrc: Ssrc,
    /// The slot's own RTX SSRC.
    pub rtx_ssrc: Ssrc,
    /// Index of its m-line in the offer.
    pub mline: u8,
    /// Sound or picture.
    pub kind: MediaKind,
    /// Highest layer to show.
    pub wished: u8,
    /// Highest layer that its peer can do with.
    pub limit: u8,
    /// What the line to the peer carries of it.
    pub rung: Rung,
    /// Only the base pictures of what is shown are, until a keyframe: the decoder of a receiver that
    /// was spared the others would wait for them.
    thin: bool,
    /// Timestamp of the keyframe that is shown as a still.
    still: Option<u32>,
    /// It needs a keyframe because its line has changed what it shows, and for no other reason: that is
    /// no reason for many others to pay for one at once.
    pub is_patient: bool,
    /// Index of the feed in the conference, if it is pointed at one.
    pub feed: Option<u16>,
    /// Outgoing numbers.
    pub rewriter: Rewriter,
    /// What is shown is the past: the present does not follow it yet.
    behind: bool,
    /// How much of what came before its sound carries.
    redundancy: Redundancy,
    next_rtx: u64,
    packets: u32,
    octets: u32,
    redundant: u32,
    codecs: ArrayVec<CodecSpec, MAX_CODECS>,
}

/// The figures of a sender report that are the slot's own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sent {
    /// Packets on the media SSRC.
    pub packets: u32,
    /// Payload bytes on the media SSRC.
    pub octets: u32,
    /// Of these, bytes of what came before sound and its heads.
    pub redundant: u32,
}

/// A packet as a slot sends it: what stands in its header, and how its payload looks.
#[derive(Clone, Copy, Debug)]
pub struct Numbered {
    /// Payload type.
    pub pt: u8,
    /// With this much of what came before in its payload, and the payload type of that.
    pub redundancy: (Redundancy, Pt),
    /// Source.
    pub ssrc: Ssrc,
    /// Extended sequence number, which is the SRTP index.
    pub index: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Running numbers of the payload.
    pub look: Look,
    /// Of a retransmission with a number of its own, the number that the packet had.
    pub original: Option<u16>,
    /// Bytes of padding.
    pub padding: u8,
    /// It never leaves again under this number.
    pub is_unique: bool,
}

impl Slot {
    /// An empty slot. `seed` makes the first numbers unpredictable.
    pub fn new(spec: &SlotSpec, seed: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "pieces of a random number")]
        let (first, first_rtx, timestamp) = (seed as u16, (seed >> 16) as u16, (seed >> 32) as u32);
        Self {
            ssrc: spec.ssrc,
            rtx_ssrc: spec.rtx_ssrc,
            mline: spec.mline,
            kind: spec.kind,
            wished: 2,
            limit: 2,
            rung: Rung::High,
            thin: false,
            still: None,
            is_patient: false,
            feed: None,
            rewriter: Rewriter::new(first, timestamp),
            behind: false,
            redundancy: Redundancy::None,
            next_rtx: u64::from(first_rtx & 0x7fff),
            packets: 0,
            octets: 0,
            redundant: 0,
            codecs: spec.codecs.iter().take(MAX_CODECS).copied().collect(),
        }
    }

    /// What has left on the media SSRC.
    pub fn sent(&self) -> Sent {
        Sent {
            packets: self.packets,
            octets: self.octets,
            redundant: self.redundant,
        }
    }

    /// The codec of what is shown.
    pub fn codec(&self) -> Option<Codec> {
        let look = self.rewriter.look()?;
        Some(self.spec(look)?.codec)
    }

    /// What a packet is that this slot sends.
    #[inline]
    pub fn segment_kind(&self, packet: &Packet) -> SegmentKind {
        match self.kind {
            MediaKind::Audio => SegmentKind::Sound,
            MediaKind::Video if packet.seen.keyframe => SegmentKind::Keyframe,
            MediaKind::Video => SegmentKind::Picture,
        }
    }

    #[inline]
    fn spec(&self, look: Look) -> Option<CodecSpec> {
        self.codecs.get(usize::from(look.codec)).copied()
    }

    /// Whether packets of a codec can be sent again as retransmissions of their own.
    pub fn has_rtx(&self, codec: Codec) -> bool {
        let mut codecs = self.codecs.iter();
        codecs.any(|spec| spec.codec == codec && spec.rtx_pt.is_some())
    }

    /// How much of what came before its sound carries.
    pub const fn redundancy(&self) -> Redundancy {
        self.redundancy
    }

    /// Whether its sound may carry what came before.
    pub fn takes_redundancy(&self) -> bool {
        self.codecs.iter().any(|spec| spec.red_pt.is_some())
    }

    /// Has its sound carry so much of what came before, where it may.
    pub fn set_redundancy(&mut self, redundancy: Redundancy) {
        if redundancy != self.redundancy && self.takes_redundancy() {
            self.redundancy = redundancy;
            self.rewriter.set_redundancy(redundancy);
        }
    }

    /// Goes to another rung, `best` being the layers of what is to be shown. Going down, what does
    /// not fit any more is shown no longer. Returns whether a picture is to be started.
    pub fn go_to(&mut self, rung: Rung, best: [u8; MAX_LAYERS]) -> bool {
        if rung == self.rung {
            return false;
        }
        let is_down = rung < self.rung;
        // A slot that showed nothing although it might have waits for a picture already.
        let was_waiting = self.rung > Rung::Stills && self.rewriter.source().is_none();
        self.rung = rung;
        self.thin |= rung == Rung::LowThin;
        let target = self.target(best);
        let fits = self.rewriter.source().is_some_and(|it| it.layer == target);
        if is_down && !fits {
            self.stop();
        }
        rung > Rung::Stills && self.rewriter.source().is_none() && !was_waiting
    }

    /// The layer that a publication has for what the slot wishes.
    #[inline]
    pub fn target(&self, best: [u8; MAX_LAYERS]) -> u8 {
        let wished = self.wished.min(self.rung.level());
        let target = best.get(usize::from(wished));
        target.copied().unwrap_or_default()
    }

    /// Decides about one packet of a publication that the feed shows. Begins to show it where that
    /// is possible.
    ///
    /// `wants_keyframe` is set when the slot would go on or go higher with a keyframe.
    ///
    /// # Errors
    /// Why the packet is not for this slot now.
    #[inline]
    pub fn select(
        &mut self,
        now: Instant,
        shown: &Shown,
        packet: &Packet,
        wants_keyframe: &mut Option<u8>,
    ) -> Result<(), DropReason> {
        if self.rung <= Rung::Stills && self.kind == MediaKind::Video {
            self.select_still(packet)?;
        }
        let target = self.target(shown.best);
        let source = Source {
            publication: shown.publication,
            layer: packet.layer,
        };
        if self.behind && self.rewriter.source() == Some(source) {
            // A new keyframe is a shorter way to the present, unless it has left already.
            let is_way = packet.seen.keyframe
                && shown.wanted
                && packet.layer == target
                && !self.rewriter.is_past(packet.sequence);
            if !is_way {
                return Err(DropReason::CatchingUp);
            }
            return self.begin(now, shown, source, packet);
        }
        let restart = shown.restarts.get(usize::from(packet.layer)).copied();
        if self.rewriter.source() == Some(source)
            && !self
                .rewriter
                .is_torn(packet.sequence, restart.unwrap_or_default())
        {
            if shown.wanted && target != packet.layer {
                *wants_keyframe = Some(target);
            }
            return if self.thin {
                self.select_thin(target, packet, wants_keyframe)
            } else {
                Ok(())
            };
        }
        if !shown.wanted || packet.layer != target {
            return Err(DropReason::OtherLayer);
        }
        if !packet.seen.keyframe {
            *wants_keyframe = Some(target);
            return Err(DropReason::AwaitingKeyframe);
        }
        self.begin(now, shown, source, packet)
    }

    /// On a line that carries no moving picture only whole keyframes are for the slot, or none.
    #[cold]
    fn select_still(&mut self, packet: &Packet) -> Result<(), DropReason> {
        if self.rung == Rung::Stills && packet.seen.keyframe {
            self.still = Some(packet.timestamp);
        } else if self.rung == Rung::Sound || self.still != Some(packet.timestamp) {
            self.still = None;
            self.stop();
            return Err(DropReason::LineTooNarrow);
        }
        Ok(())
    }

    /// Leaves out, without a gap, what the base pictures do not depend on.
    #[cold]
    fn select_thin(
        &mut self,
        target: u8,
        packet: &Packet,
        wants_keyframe: &mut Option<u8>,
    ) -> Result<(), DropReason> {
        if self.rung > Rung::LowThin {
            if packet.seen.keyframe {
                self.thin = false;
                return Ok(());
            }
            *wants_keyframe = Some(target);
        }
        if packet.seen.is_above_base() {
            self.rewriter.skip(packet.sequence);
            return Err(DropReason::LineTooNarrow);
        }
        Ok(())
    }

    #[cold]
    fn begin(
        &mut self,
        now: Instant,
        shown: &Shown,
        source: Source,
        packet: &Packet,
    ) -> Result<(), DropReason> {
        let codec = self.codec_number(shown.codec)?;
        let rate = shown.codec.clock_rate();
        let shows = self.rewriter.source().zip(self.rewriter.look());
        let aligned = shows
            .filter(|(old, _)| old.publication == source.publication && !self.behind)
            .and_then(|(old, look)| {
                if old == source {
                    return Some(look.timestamp(packet.timestamp));
                }
                let old = shown
                    .clocks
                    .get(usize::from(old.layer))
                    .copied()
                    .flatten()?;
                let new = shown
                    .clocks
                    .get(usize::from(source.layer))
                    .copied()
                    .flatten()?;
                Some(look.timestamp(old.rtp_at(new.ntp_at(packet.timestamp, rate), rate)))
            });
        self.rewriter
            .switch(now, source, packet, aligned, (codec, rate));
        self.rewriter.set_redundancy(self.redundancy);
        self.behind = false;
        self.is_patient = false;
        self.thin = self.rung == Rung::LowThin;
        Ok(())
    }

    /// Which of the slot's codecs it is.
    fn codec_number(&self, codec: Codec) -> Result<u8, DropReason> {
        let number = self.codecs.iter().position(|spec| spec.codec == codec);
        let number = number.and_then(|number| u8::try_from(number).ok());
        number.ok_or(DropReason::CodecNotNegotiated)
    }

    /// Begins to show a layer from the past: from `first` on, at `squeeze` times the pace it was
    /// published with.
    ///
    /// # Errors
    /// When the slot did not negotiate the codec.
    pub fn catch_up(
        &mut self,
        now: Instant,
        shown: &Shown,
        layer: u8,
        first: &Packet,
        squeeze: u8,
    ) -> Result<(), DropReason> {
        let codec = self.codec_number(shown.codec)?;
        let source = Source {
            publication: shown.publication,
            layer,
        };
        let rate = shown.codec.clock_rate();
        self.rewriter
            .switch(now, source, first, None, (codec, rate));
        self.rewriter.squeeze(squeeze);
        self.behind = true;
        self.is_patient = false;
        Ok(())
    }

    /// Whether it shows the past.
    pub const fn is_catching_up(&self) -> bool {
        self.behind
    }

    /// Whether it shows the past of this source.
    pub fn is_behind(&self, source: Source) -> bool {
        self.behind && self.rewriter.source() == Some(source)
    }

    /// What comes after `last` follows from here on.
    pub fn caught_up(&mut self, last: &Packet) {
        self.rewriter.go_on(last);
        self.behind = false;
    }

    /// Shows nothing until a keyframe comes.
    pub fn stop(&mut self) {
        self.rewriter.stop();
        self.behind = false;
    }

    /// Numbers a packet of what is shown, with so many bytes of padding if it can take them.
    ///
    /// # Errors
    /// When its number cannot be placed.
    #[inline]
    pub fn number(
        &mut self,
        now: Instant,
        packet: &Packet,
        padding: u8,
    ) -> Result<Numbered, DropReason> {
        if packet.payload.is_empty() {
            self.rewriter.skip(packet.sequence);
            return Err(DropReason::Padding);
        }
        let placed = self.rewriter.place(now, packet)?;
        let spec = self.spec(placed.look);
        let spec = spec.ok_or(DropReason::CodecNotNegotiated)?;
        self.packets = self.packets.wrapping_add(1);
        let (pt, redundancy) = carried(spec, placed.look, packet);
        let length = packet
            .carrying(redundancy)
            .map_or(packet.payload.len(), Payload::len);
        #[expect(clippy::cast_possible_truncation, reason = "a payload is below 64 KiB")]
        let (octets, own) = (length as u32, packet.payload.len() as u32);
        self.octets = self.octets.wrapping_add(octets);
        self.redundant = self.redundant.wrapping_add(octets - own);
        Ok(Numbered {
            pt: pt.0,
            redundancy: (redundancy, spec.pt),
            ssrc: self.ssrc,
            index: placed.sequence,
            timestamp: placed.look.timestamp(packet.timestamp),
            look: placed.look,
            original: None,
            // A packet that may have to leave again as it is has nothing that does not follow from
            // itself.
            padding: if spec.rtx_pt.is_some() { padding } else { 0 },
            is_unique: spec.rtx_pt.is_some(),
        })
    }

    /// Bytes of payload with which a packet left.
    pub fn length_of(&self, packet: &Packet, origin: &Origin) -> usize {
        let look = origin.placed.look;
        let redundancy = self.spec(look).map(|spec| carried(spec, look, packet).1);
        let carrying = redundancy.and_then(|redundancy| packet.carrying(redundancy));
        carrying.map_or(packet.payload.len(), Payload::len)
    }

    /// Numbers a packet that has left before: as a retransmission with a number of its own (RFC
    /// 4588 §4) or, where none was negotiated, as the very same packet (RFC 4585 §6.2.1).
    ///
    /// # Errors
    /// When it carries no media.
    pub fn number_again(
        &mut self,
        packet: &Packet,
        origin: &Origin,
    ) -> Result<Numbered, DropReason> {
        let Origin { placed, .. } = *origin;
        let spec = self.spec(placed.look);
        let spec = spec.filter(|_| !packet.payload.is_empty());
        let spec = spec.ok_or(DropReason::NotRepairable)?;
        let (pt, redundancy) = carried(spec, placed.look, packet);
        let same = Numbered {
            pt: pt.0,
            redundancy: (redundancy, spec.pt),
            ssrc: self.ssrc,
            index: placed.sequence,
            timestamp: placed.look.timestamp(packet.timestamp),
            look: placed.look,
            original: None,
            padding: 0,
            is_unique: false,
        };
        let Some(pt) = spec.rtx_pt else {
            return Ok(same);
        };
        let index = self.next_rtx;
        self.next_rtx += 1;
        Ok(Numbered {
            pt: pt.0,
            ssrc: self.rtx_ssrc,
            index,
            original: Some(low16(placed.sequence)),
            is_unique: true,
            ..same
        })
    }

    /// Numbers a retransmission of nothing, which is padding; `None` where none was negotiated, or
    /// nothing has left that it could be taken for a retransmission of.
    pub fn number_padding(&mut self, padding: u8) -> Option<Numbered> {
        if self.sent().packets == 0 {
            return None;
        }
        let mut codecs = self.codecs.iter();
        let shown = self.codec();
        let of_it = |spec: &&CodecSpec| shown.is_none_or(|shown| spec.codec == shown);
        let pt = codecs.find(of_it)?.rtx_pt?;
        let index = self.next_rtx;
        self.next_rtx += 1;
        Some(Numbered {
            pt: pt.0,
            redundancy: (Redundancy::None, pt),
            ssrc: self.rtx_ssrc,
            index,
            timestamp: self.rewriter.last_timestamp(),
            look: self.rewriter.look().unwrap_or_default(),
            original: None,
            padding,
            is_unique: true,
        })
    }
}

/// Under which payload type a packet leaves that looks like this, and with how much of what came
/// before.
#[inline]
fn carried(spec: CodecSpec, look: Look, packet: &Packet) -> (Pt, Redundancy) {
    let carries = spec
        .red_pt
        .filter(|_| packet.carrying(look.redundancy).is_some());
    carries.map_or((spec.pt, Redundancy::None), |pt| (pt, look.redundancy))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low 16 bits are wanted"
)]
const fn low16(sequence: u64) -> u16 {
    sequence as u16
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::codec;
    use crate::command::Token;
    use crate::id::Pt;
    use crate::testing::epoch;

    /// A picture of one packet, of this temporal layer.
    fn picture(sequence: u64, temporal: u8, keyframe: bool) -> Packet {
        let number = u8::try_from(sequence % 128).expect("small");
        let payload = [
            0x90,
            0xe0,
            number,
            number / 4,
            temporal << 6,
            u8::from(!keyframe),
            1,
            2,
            3,
            4,
            5,
            6,
        ];
        Packet {
            arrived: epoch(),
            layer: 0,
            sequence,
            timestamp: u32::try_from(sequence).expect("small") * 6_000,
            marker: true,
            seen: codec::inspect(Codec::Vp8, &payload),
            level: None,
            payload: Bytes::copy_from_slice(&payload),
            redundant: None,
        }
    }

    fn slot() -> Slot {
        let spec = SlotSpec {
            mline: 0,
            mid: Token::new(),
            kind: MediaKind::Video,
            codecs: vec![CodecSpec {
                codec: Codec::Vp8,
                pt: Pt(96),
                rtx_pt: Some(Pt(97)),
                red_pt: None,
                nack: true,
            }],
            ssrc: Ssrc(5),
            rtx_ssrc: Ssrc(6),
            feed: None,
        };
        Slot::new(&spec, 7)
    }

    #[test]
    fn a_thin_slot_shows_base_pictures_without_a_gap_until_it_is_wider_and_a_keyframe_comes() {
        let shown = Shown {
            publication: PublicationKey::new(1, 0),
            codec: Codec::Vp8,
            best: [0; 3],
            clocks: [None; 3],
            restarts: [0; 3],
            wanted: true,
        };
        let mut slot = slot();
        let (mut seen, mut numbers, mut wished) = (Vec::new(), Vec::new(), Vec::new());
        for sequence in 100..124 {
            match sequence {
                104 => drop(slot.go_to(Rung::LowThin, [0; 3])),
                116 => drop(slot.go_to(Rung::High, [0; 3])),
                _ => {}
            }
            let is_keyframe = sequence == 100 || sequence == 120;
            let temporal = [0, 2, 1, 2][usize::try_from(sequence % 4).expect("small")];
            let packet = picture(sequence, temporal, is_keyframe);
            let mut wish = None;
            if slot.select(epoch(), &shown, &packet, &mut wish).is_ok() {
                seen.push(sequence);
                numbers.push(slot.number(epoch(), &packet, 0).expect("placed").index);
            }
            wished.extend(wish.map(|_| sequence));
        }
        let [all, thin] = [vec![100, 101, 102, 103], vec![104, 108, 112, 116]];
        let again: Vec<_> = (120..124).collect();
        assert_eq!(seen, [all, thin, again].concat());
        assert!(
            numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
            "{numbers:?}"
        );
        assert_eq!(wished, [116, 117, 118, 119]);
    }
}
