//! One negotiated receive position of a peer: select → rewrite → seal, or a [`DropReason`].

pub mod rewriter;

use std::time::Instant;

use arrayvec::ArrayVec;

use crate::codec::vp8;
use crate::command::SlotSpec;
use crate::drop_reason::DropReason;
use crate::id::Ssrc;
use crate::kind::{Codec, CodecSpec, MediaKind};
use crate::packet::Packet;
use crate::peer::srtp::Sealer;
use crate::publication::layer::ClockPair;
use crate::publication::{MAX_LAYERS, PublicationKey};
use crate::rtp::HEADER;
use crate::segment_kind::SegmentKind;
use crate::slot::rewriter::{Rewriter, Source};

/// Most codecs of one slot.
const MAX_CODECS: usize = 4;

/// What a slot must know of a publication that its feed shows or is about to show.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Which.
    pub publication: PublicationKey,
    /// In which codec.
    pub codec: Codec,
    /// Per ceiling, the layer to show.
    pub best: [u8; MAX_LAYERS],
    /// Its layers' clocks.
    pub clocks: [Option<ClockPair>; MAX_LAYERS],
    /// Per layer, the sequence number from which numbering starts anew.
    pub restarts: [u64; MAX_LAYERS],
    /// Whether the feed wants it, rather than still showing it until the wanted one can start.
    pub wanted: bool,
}

/// A receive position.
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
    /// Payload type of what is shown, and of its repairs.
    pt: u8,
    rtx_pt: Option<u8>,
    codec: Option<Codec>,
    /// Highest layer to show.
    pub ceiling: u8,
    /// Index of the feed in the conference, if it is pointed at one.
    pub feed: Option<u16>,
    /// Outgoing numbers.
    pub rewriter: Rewriter,
    next_rtx: u64,
    packets: u32,
    octets: u32,
    codecs: ArrayVec<CodecSpec, MAX_CODECS>,
}

/// The figures of a sender report that are the slot's own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sent {
    /// Packets on the media SSRC.
    pub packets: u32,
    /// Payload bytes on the media SSRC.
    pub octets: u32,
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
            pt: 0,
            rtx_pt: None,
            codec: None,
            ceiling: 2,
            feed: None,
            rewriter: Rewriter::new(first, timestamp),
            next_rtx: u64::from(first_rtx & 0x7fff),
            packets: 0,
            octets: 0,
            codecs: spec.codecs.iter().take(MAX_CODECS).copied().collect(),
        }
    }

    /// What has left on the media SSRC.
    pub fn sent(&self) -> Sent {
        Sent {
            packets: self.packets,
            octets: self.octets,
        }
    }

    /// The codec of what is shown.
    pub fn codec(&self) -> Option<Codec> {
        self.codec
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

    /// Whether retransmissions were negotiated for what is shown.
    pub fn is_repairable(&self) -> bool {
        self.rtx_pt.is_some()
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
        let target = shown
            .best
            .get(usize::from(self.ceiling))
            .copied()
            .unwrap_or_default();
        let source = Source {
            publication: shown.publication,
            layer: packet.layer,
        };
        let restart = shown.restarts.get(usize::from(packet.layer)).copied();
        if self.rewriter.source() == Some(source)
            && !self
                .rewriter
                .is_torn(packet.sequence, restart.unwrap_or_default())
        {
            if shown.wanted && target != packet.layer {
                *wants_keyframe = Some(target);
            }
            return Ok(());
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

    #[cold]
    fn begin(
        &mut self,
        now: Instant,
        shown: &Shown,
        source: Source,
        packet: &Packet,
    ) -> Result<(), DropReason> {
        self.choose_codec(shown)?;
        let rate = shown.codec.clock_rate();
        let aligned = self
            .rewriter
            .source()
            .filter(|old| old.publication == source.publication)
            .and_then(|old| {
                if old == source {
                    return Some(self.rewriter.timestamp_of(packet.timestamp));
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
                Some(
                    self.rewriter
                        .timestamp_of(old.rtp_at(new.ntp_at(packet.timestamp, rate), rate)),
                )
            });
        self.rewriter.switch(now, source, packet, aligned, rate);
        Ok(())
    }

    fn choose_codec(&mut self, shown: &Shown) -> Result<(), DropReason> {
        let spec = self.codecs.iter().find(|spec| spec.codec == shown.codec);
        let spec = spec.ok_or(DropReason::CodecNotNegotiated)?;
        (self.pt, self.rtx_pt, self.codec) =
            (spec.pt.0, spec.rtx_pt.map(|pt| pt.0), Some(spec.codec));
        Ok(())
    }

    /// Begins to show a layer from its newest keyframe, `first`, although it is past: everything up
    /// to `last` is to be written next.
    ///
    /// # Errors
    /// When the slot did not negotiate the codec.
    pub fn catch_up(
        &mut self,
        now: Instant,
        shown: &Shown,
        layer: u8,
        first: &Packet,
        last: &Packet,
    ) -> Result<(), DropReason> {
        self.choose_codec(shown)?;
        let source = Source {
            publication: shown.publication,
            layer,
        };
        let rate = shown.codec.clock_rate();
        self.rewriter.catch_up(now, source, first, last, rate);
        Ok(())
    }

    /// Writes the packet as this slot sends it, sealed, into `out`, which must have room for
    /// header, payload, `padding` and the sealer's tag. Returns its length.
    ///
    /// # Errors
    /// When its number cannot be placed.
    #[inline]
    pub fn write(
        &mut self,
        now: Instant,
        packet: &Packet,
        padding: u8,
        sealer: &Sealer,
        out: &mut [u8],
    ) -> Result<usize, DropReason> {
        if packet.payload.is_empty() {
            self.rewriter.skip(packet.sequence);
            return Err(DropReason::Padding);
        }
        let rewritten = self.rewriter.place(now, packet)?;
        let end = HEADER + packet.payload.len();
        let length = end + usize::from(padding);
        let (header, body) = out
            .split_at_mut_checked(HEADER)
            .ok_or(DropReason::SealFailed)?;
        let marker = if packet.marker { 0x80 } else { 0 };
        let first = if padding > 0 { 0xa0 } else { 0x80 };
        write_header(
            header,
            first,
            marker | self.pt,
            rewritten.sequence,
            rewritten.timestamp,
            self.ssrc,
        );
        let payload = body
            .get_mut(..packet.payload.len())
            .ok_or(DropReason::SealFailed)?;
        payload.copy_from_slice(&packet.payload);
        if let Some(running) = packet.seen.vp8 {
            if let Some(picture) = running.picture {
                vp8::write_picture_id(payload, picture, self.rewriter.picture_id(picture.value));
            }
            if let Some((offset, tl0)) = running.tl0
                && let Some(byte) = payload.get_mut(usize::from(offset))
            {
                *byte = self.rewriter.tl0(tl0);
            }
        }
        if padding > 0 {
            let pad = body
                .get_mut(packet.payload.len()..length - HEADER)
                .ok_or(DropReason::SealFailed)?;
            pad.fill(0);
            if let Some(last) = pad.last_mut() {
                *last = padding;
            }
        }
        self.packets = self.packets.wrapping_add(1);
        #[expect(clippy::cast_possible_truncation, reason = "a payload is below 64 KiB")]
        let octets = packet.payload.len() as u32;
        self.octets = self.octets.wrapping_add(octets);
        sealer
            .seal(out, HEADER, length, self.ssrc.0, rewritten.sequence)
            .map_err(|_| DropReason::SealFailed)
    }

    /// Writes a packet that was sent before once more, as a retransmission with a number of its own
    /// (RFC 4588 §4), sealed. `original` is the extended number it had. Returns its length.
    ///
    /// # Errors
    /// When no retransmission was negotiated.
    pub fn write_rtx(
        &mut self,
        packet: &Packet,
        original: u64,
        sealer: &Sealer,
        out: &mut [u8],
    ) -> Result<usize, DropReason> {
        let pt = self.rtx_pt.ok_or(DropReason::NotRepairable)?;
        let length = HEADER + 2 + packet.payload.len();
        let (header, body) = out
            .split_at_mut_checked(HEADER)
            .ok_or(DropReason::SealFailed)?;
        let marker = if packet.marker { 0x80 } else { 0 };
        let timestamp = self.rewriter.timestamp_for(packet);
        let sequence = self.next_rtx;
        self.next_rtx += 1;
        write_header(
            header,
            0x80,
            marker | pt,
            sequence,
            timestamp,
            self.rtx_ssrc,
        );
        let (osn, payload) = body.split_at_mut_checked(2).ok_or(DropReason::SealFailed)?;
        osn.copy_from_slice(&low16(original).to_be_bytes());
        let payload = payload
            .get_mut(..packet.payload.len())
            .ok_or(DropReason::SealFailed)?;
        payload.copy_from_slice(&packet.payload);
        if let Some(running) = packet.seen.vp8 {
            let picture_in = running.picture.map_or(0, |picture| picture.value);
            let tl0_in = running.tl0.map_or(0, |(_, tl0)| tl0);
            let (picture_out, tl0_out) = self.rewriter.repeat_vp8(picture_in, tl0_in);
            if let Some(picture) = running.picture {
                vp8::write_picture_id(payload, picture, picture_out);
            }
            if let Some((offset, _)) = running.tl0
                && let Some(byte) = payload.get_mut(usize::from(offset))
            {
                *byte = tl0_out;
            }
        }
        sealer
            .seal(out, HEADER, length, self.rtx_ssrc.0, sequence)
            .map_err(|_| DropReason::SealFailed)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low 16 bits are wanted"
)]
fn low16(sequence: u64) -> u16 {
    sequence as u16
}

#[inline]
fn write_header(
    header: &mut [u8],
    first: u8,
    second: u8,
    sequence: u64,
    timestamp: u32,
    ssrc: Ssrc,
) {
    let mut bytes = [0u8; HEADER];
    bytes[0] = first;
    bytes[1] = second;
    bytes[2..4].copy_from_slice(&low16(sequence).to_be_bytes());
    bytes[4..8].copy_from_slice(&timestamp.to_be_bytes());
    bytes[8..12].copy_from_slice(&ssrc.0.to_be_bytes());
    header.copy_from_slice(&bytes);
}
