//! One sending transceiver and the RTP streams of its layers.

use std::time::Duration;

use sfu::kind::{Codec, MediaKind};

use super::Outgoing;
use super::history::{History, Kept};
use crate::clip::vp8;
use crate::rtp::{self, NewHeader};
use crate::sdp::ids;

/// What was negotiated for one sending transceiver.
#[derive(Clone, Debug)]
pub struct TrackSpec {
    /// What is sent.
    pub codec: Codec,
    /// Its MID.
    pub mid: String,
    /// Payload type.
    pub pt: u8,
    /// Payload type of retransmissions, if negotiated.
    pub rtx_pt: Option<u8>,
    /// The server asks for what it misses. Without retransmissions of their own, packets come again
    /// as they were.
    pub nack: bool,
    /// The server takes transport-wide sequence numbers.
    pub twcc: bool,
    /// The server takes audio levels.
    pub audio_level: bool,
    /// What is sent: index of the clip's layer, RID in a simulcast, media SSRC, RTX SSRC.
    pub streams: Vec<(usize, Option<String>, u32, u32)>,
    /// Number of each stream's first packet, if not one that follows from its SSRC.
    pub first: Option<u16>,
}

impl TrackSpec {
    /// Sound or picture.
    pub const fn kind(&self) -> MediaKind {
        match self.codec {
            Codec::Opus => MediaKind::Audio,
            Codec::Vp8 | Codec::H264 => MediaKind::Video,
        }
    }

    pub(super) fn streams(&self) -> Vec<Stream> {
        let made = self
            .streams
            .iter()
            .map(|(layer, rid, ssrc, rtx_ssrc)| Stream {
                layer: *layer,
                rid: rid.clone(),
                ssrc: *ssrc,
                rtx_ssrc: *rtx_ssrc,
                introduced: false,
                // Numbers start at the SSRC's own, well below the wrap: browsers do the same.
                next: u64::from(self.first.unwrap_or((ssrc % 0x4000) as u16)),
                next_rtx: u64::from(rtx_ssrc % 0x4000),
                picture_id: (ssrc % 0x8000) as u16,
                clock_rate: self.codec.clock_rate(),
                history: History::default(),
                packets: 0,
                octets: 0,
            });
        made.collect()
    }
}

/// Where a stream's packets go, and the transport-wide number they get.
#[derive(Debug)]
pub(super) struct Way<'a> {
    pub(super) spec: &'a TrackSpec,
    pub(super) twcc: &'a mut u16,
    pub(super) out: &'a mut Outgoing,
}

/// One RTP stream.
#[derive(Debug)]
pub struct Stream {
    /// Index of the clip's layer.
    pub layer: usize,
    /// Media SSRC.
    pub ssrc: u32,
    /// The receiver knows by now which MID and RID the SSRC belongs to.
    pub introduced: bool,
    rid: Option<String>,
    rtx_ssrc: u32,
    next: u64,
    next_rtx: u64,
    picture_id: u16,
    clock_rate: u32,
    history: History,
    packets: u64,
    octets: u64,
}

impl Stream {
    /// Packets of media sent.
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Bytes of them.
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// The RTP timestamp at a time since the start of the run.
    pub fn timestamp(&self, at: Duration) -> u32 {
        let ticks = at.as_nanos() * u128::from(self.clock_rate) / 1_000_000_000;
        self.ssrc.wrapping_mul(7).wrapping_add(ticks as u32)
    }

    pub(super) fn send_audio(&mut self, to: &mut Way<'_>, at: Duration, level: u8, payload: &[u8]) {
        let level = to.spec.audio_level.then_some(level);
        self.send(to, (self.timestamp(at), false), level, payload);
    }

    pub(super) fn send_vp8<'a>(
        &mut self,
        to: &mut Way<'_>,
        at: Duration,
        pieces: impl ExactSizeIterator<Item = &'a [u8]>,
        tail: &[u8],
    ) {
        let timestamp = self.timestamp(at);
        let last = pieces.len().saturating_sub(1);
        for (n, piece) in pieces.enumerate() {
            let mut payload = vp8::descriptor(n == 0, self.picture_id).to_vec();
            payload.extend_from_slice(piece);
            payload.extend_from_slice(tail);
            self.send(to, (timestamp, n == last), None, &payload);
        }
        self.picture_id = (self.picture_id + 1) & 0x7fff;
    }

    pub(super) fn send_h264(&mut self, to: &mut Way<'_>, at: Duration, payloads: &[Vec<u8>]) {
        let timestamp = self.timestamp(at);
        let last = payloads.len().saturating_sub(1);
        for (n, payload) in payloads.iter().enumerate() {
            self.send(to, (timestamp, n == last), None, payload);
        }
    }

    /// Sends padding on the RTX stream, if there is one.
    pub(super) fn probe(&mut self, to: &mut Way<'_>) {
        const PADDING: u8 = 201;
        let Some(pt) = to.spec.rtx_pt else { return };
        let index = self.next_rtx;
        self.next_rtx += 1;
        let header = NewHeader {
            marker: false,
            pt,
            seq: index as u16,
            timestamp: 0,
            ssrc: self.rtx_ssrc,
        };
        let names = self.names(ids::RRID);
        let Way { spec, twcc, out } = to;
        out.push(index, |bytes| {
            let start = bytes.len();
            let len = write_header(&header, spec, names, None, twcc, bytes);
            if let Some(first) = bytes.get_mut(start) {
                *first |= rtp::PADDED;
            }
            bytes.resize(bytes.len() + usize::from(PADDING) - 1, 0);
            bytes.push(PADDING);
            len
        });
    }

    /// Sends a packet again, on the RTX stream (RFC 4588) if there is one. `false`: it is not here
    /// any more.
    pub(super) fn retransmit(&mut self, to: &mut Way<'_>, seq: u16) -> bool {
        let Some(kept) = self.history.find(seq) else {
            return false;
        };
        let Some(pt) = to.spec.rtx_pt else {
            to.out.push(kept.index, |bytes| {
                bytes.extend_from_slice(&kept.packet);
                kept.header_bytes
            });
            return true;
        };
        let header = NewHeader {
            marker: kept.marker,
            pt,
            seq: self.next_rtx as u16,
            timestamp: kept.timestamp,
            ssrc: self.rtx_ssrc,
        };
        let index = self.next_rtx;
        self.next_rtx += 1;
        let names = self.names(ids::RRID);
        let Way { spec, twcc, out } = to;
        out.push(index, |bytes| {
            let len = write_header(&header, spec, names, None, twcc, bytes);
            bytes.extend(seq.to_be_bytes());
            bytes.extend_from_slice(kept.payload());
            len
        });
        true
    }

    fn send(
        &mut self,
        to: &mut Way<'_>,
        (timestamp, marker): (u32, bool),
        level: Option<u8>,
        payload: &[u8],
    ) {
        let index = self.next;
        self.next += 1;
        let header = NewHeader {
            marker,
            pt: to.spec.pt,
            seq: index as u16,
            timestamp,
            ssrc: self.ssrc,
        };
        let mut len = 0;
        let names = self.names(ids::RID);
        let Way { spec, twcc, out } = to;
        out.push(index, |bytes| {
            len = write_header(&header, spec, names, level, twcc, bytes);
            bytes.extend_from_slice(payload);
            len
        });
        self.packets += 1;
        self.octets += (len + payload.len()) as u64;
        if spec.rtx_pt.is_some() || spec.nack {
            self.history.push(Kept {
                index,
                timestamp,
                marker,
                header_bytes: len,
                packet: out.newest().into(),
            });
        }
    }

    /// While the receiver does not know the stream: that its MID is to be named, and its RID, by
    /// this extension.
    fn names(&self, rid_extension: u8) -> Names<'_> {
        (!self.introduced).then(|| self.rid.as_deref().map(|rid| (rid_extension, rid)))
    }
}

/// See [`Stream::names`].
type Names<'a> = Option<Option<(u8, &'a str)>>;

/// Writes the header with the extensions that apply and returns its length.
fn write_header(
    header: &NewHeader,
    spec: &TrackSpec,
    names: Names<'_>,
    level: Option<u8>,
    twcc: &mut u16,
    bytes: &mut Vec<u8>,
) -> usize {
    let start = bytes.len();
    let number = twcc.to_be_bytes();
    let level = level.map(|level| [level]);
    let mut extensions: [(u8, &[u8]); 4] = [(0, &[]); 4];
    let [first, second, third, fourth] = &mut extensions;
    if spec.twcc {
        *first = (ids::TWCC, &number);
        *twcc = twcc.wrapping_add(1);
    }
    if let Some(level) = &level {
        *second = (ids::AUDIO_LEVEL, level);
    }
    if let Some(rid) = names {
        *third = (ids::MID, spec.mid.as_bytes());
        if let Some((id, rid)) = rid {
            *fourth = (id, rid.as_bytes());
        }
    }
    rtp::write(header, &extensions, bytes);
    bytes.len() - start
}
