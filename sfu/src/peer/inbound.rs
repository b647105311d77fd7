//! What a peer sends us: which SSRC is which layer of which publication.
//!
//! An SSRC is looked up, or learned from the MID and RID of its first *authenticated* packet. One
//! that nobody negotiated creates no state. A new one under a known MID and RID is the same
//! publication gone on (RFC 9143 §9.2): the one before has ended and is never taken again.

use arrayvec::ArrayVec;

use crate::command::{ExtensionIds, PublicationSpec};
use crate::drop_reason::DropReason;
use crate::id::{Pt, Ssrc};
use crate::peer::feedback::numbers_between;
use crate::publication::{MAX_LAYERS, PublicationKey};
use crate::rtp::Header;

/// Where the packets of one SSRC belong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stream {
    /// The SSRC.
    pub ssrc: Ssrc,
    /// Index into the peer's publications.
    pub publication: u8,
    /// Which layer.
    pub layer: u8,
    /// Retransmissions rather than media.
    pub is_rtx: bool,
    /// How many SSRCs carried this layer before: each begins its numbers and times anew.
    pub generation: u8,
}

impl Stream {
    const fn is_layer_of(&self, other: &Self) -> bool {
        self.publication == other.publication && self.layer == other.layer
    }

    /// Whether one can only come in the place of the other.
    const fn is_place_of(&self, other: &Self) -> bool {
        self.is_layer_of(other) && self.is_rtx == other.is_rtx
    }
}

/// Most SSRCs of a peer that may have ended; after that no new one takes another's place.
///
/// Higher: an encoder that starts its pipeline anew again and again goes on longer. Lower: less
/// memory per peer. The keys' state allows for 64 SSRCs in all.
const MAX_ENDED: usize = 32;

/// One publication as its sender numbers it.
#[derive(Debug)]
pub struct Receiver {
    /// What was negotiated.
    pub spec: PublicationSpec,
    /// Where its receive state is.
    pub key: PublicationKey,
}

/// All that a peer may send.
#[derive(Debug, Default)]
pub struct Inbound {
    /// In offer order.
    pub receivers: Vec<Receiver>,
    streams: Vec<Stream>,
    /// SSRCs in whose place another has come. What is late of them belongs nowhere.
    ended: ArrayVec<Ssrc, MAX_ENDED>,
    /// The sequence number that came last, per stream.
    last: Vec<(Ssrc, u16)>,
    extensions: ExtensionIds,
}

impl Inbound {
    /// Nothing learned yet but what the offer declared.
    pub fn new(receivers: Vec<Receiver>, extensions: ExtensionIds) -> Self {
        let mut inbound = Self {
            receivers,
            streams: Vec::new(),
            ended: ArrayVec::new(),
            last: Vec::new(),
            extensions,
        };
        for (index, receiver) in (0u8..).zip(&inbound.receivers) {
            // With simulcast the order of declared SSRCs is no promise; the RID is.
            if let (true, Some(declared)) =
                (receiver.spec.rids.is_empty(), receiver.spec.ssrcs.first())
            {
                let stream = Stream {
                    ssrc: declared.media,
                    publication: index,
                    layer: 0,
                    is_rtx: false,
                    generation: 0,
                };
                inbound.streams.push(stream);
                if let Some(rtx) = declared.rtx {
                    inbound.streams.push(Stream {
                        ssrc: rtx,
                        is_rtx: true,
                        ..stream
                    });
                }
            }
        }
        inbound
    }

    /// The streams known so far.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// The stream of an SSRC that is known.
    #[inline]
    pub fn known(&self, ssrc: Ssrc) -> Option<Stream> {
        self.streams
            .iter()
            .find(|stream| stream.ssrc == ssrc)
            .copied()
    }

    /// How many sequence numbers lie between this packet and the last of its stream that
    /// [came](Self::note), in either direction.
    pub fn gap(&self, header: &Header) -> u32 {
        numbers_between(self.last(header.ssrc), header.sequence)
    }

    /// How many sequence numbers lie between the last packet of a stream and one that is ahead of
    /// it.
    pub fn ahead(&self, ssrc: Ssrc, sequence: u16) -> u32 {
        let last = self.last(ssrc);
        let is_ahead = last.is_some_and(|last| sequence.wrapping_sub(last).cast_signed() > 0);
        numbers_between(last.filter(|_| is_ahead), sequence)
    }

    fn last(&self, ssrc: Ssrc) -> Option<u16> {
        let mut streams = self.last.iter();
        streams.find(|known| known.0 == ssrc).map(|known| known.1)
    }

    /// Notes a packet of a known stream.
    pub fn note(&mut self, header: &Header) {
        match self.last.iter_mut().find(|(ssrc, _)| *ssrc == header.ssrc) {
            Some((_, last)) => *last = header.sequence,
            None => self.last.push((header.ssrc, header.sequence)),
        }
    }

    /// Where a packet of an unknown SSRC would belong, by its MID and RID (RFC 9143 §9.2, RFC 8852)
    /// or by a payload type that only one publication has. Nothing is remembered.
    ///
    /// # Errors
    /// When it belongs nowhere, or its SSRC has ended, or too many have.
    pub fn resolve(&self, header: &Header, packet: &[u8]) -> Result<Stream, DropReason> {
        if self.ended.contains(&header.ssrc) {
            return Err(DropReason::UnknownSsrc);
        }
        let publication = self
            .publication_of(header, packet)
            .ok_or(DropReason::UnknownSsrc)?;
        let receiver = self
            .receivers
            .get(usize::from(publication))
            .ok_or(DropReason::UnknownSsrc)?;
        let is_rtx = match header.pt {
            pt if pt == receiver.spec.codec.pt => false,
            pt if Some(pt) == receiver.spec.codec.rtx_pt => true,
            _ => return Err(DropReason::UnknownPt),
        };
        let layer = self
            .layer_of(receiver, header, packet)
            .ok_or(DropReason::UnknownSsrc)?;
        let mut stream = Stream {
            ssrc: header.ssrc,
            publication,
            layer,
            is_rtx,
            generation: 0,
        };
        if let Some(former) = self.streams.iter().find(|known| known.is_place_of(&stream)) {
            if self.ended.is_full() {
                return Err(DropReason::UnknownSsrc);
            }
            stream.generation = former.generation.wrapping_add(1);
        }
        Ok(stream)
    }

    /// The SSRC of the media that a retransmission stream repairs, once it is known.
    pub fn media_of(&self, rtx: Stream) -> Option<Ssrc> {
        let is_media =
            |s: &&Stream| !s.is_rtx && (s.publication, s.layer) == (rtx.publication, rtx.layer);
        self.streams.iter().find(is_media).map(|stream| stream.ssrc)
    }

    /// The generation of the media that a retransmission stream repairs.
    pub fn generation_of(&self, rtx: Stream) -> u8 {
        let is_media = |s: &&Stream| !s.is_rtx && s.is_layer_of(&rtx);
        let media = self.streams.iter().find(is_media);
        media.map_or(0, |stream| stream.generation)
    }

    /// The SSRC of one layer's media, once it is known.
    pub fn ssrc_of(&self, publication: u8, layer: u8) -> Option<Ssrc> {
        let stream = Stream {
            ssrc: Ssrc(0),
            publication,
            layer,
            is_rtx: true,
            generation: 0,
        };
        self.media_of(stream)
    }

    /// Remembers a stream whose first packet was authentic. Gives back those that have ended with
    /// it: the one in whose place it comes, and what repaired that one.
    pub fn learn(&mut self, stream: Stream) -> ArrayVec<Stream, 2> {
        let mut gone = ArrayVec::new();
        if let Some(at) = self.streams.iter().position(|it| it.is_place_of(&stream)) {
            let former = self.streams.swap_remove(at);
            // Bounded by `resolve`, which takes no more when it is full.
            let _ = self.ended.try_push(former.ssrc);
            gone.push(former);
            let repairs = |it: &Stream| it.is_rtx && it.is_layer_of(&stream);
            if !stream.is_rtx
                && let Some(at) = self.streams.iter().position(repairs)
            {
                // Its numbers are those of the one that has ended. Should it go on, its next
                // packet says what it belongs to.
                gone.push(self.streams.swap_remove(at));
            }
            let gone = &gone;
            self.last
                .retain(|(ssrc, _)| !gone.iter().any(|gone: &Stream| gone.ssrc == *ssrc));
        }
        self.streams.push(stream);
        gone
    }

    fn publication_of(&self, header: &Header, packet: &[u8]) -> Option<u8> {
        let by_mid = self
            .extensions
            .mid
            .and_then(|id| header.extension(packet, id))
            .map(|mid| {
                self.receivers
                    .iter()
                    .position(|r| r.spec.mid.as_bytes() == mid)
            });
        let index = match by_mid {
            Some(found) => found?,
            None => self.only_one_with(header.pt)?,
        };
        u8::try_from(index).ok()
    }

    fn only_one_with(&self, pt: Pt) -> Option<usize> {
        let has = |receiver: &&Receiver| {
            receiver.spec.codec.pt == pt || receiver.spec.codec.rtx_pt == Some(pt)
        };
        let matching: ArrayVec<usize, 2> = self
            .receivers
            .iter()
            .enumerate()
            .filter(|(_, receiver)| has(receiver))
            .map(|(index, _)| index)
            .take(2)
            .collect();
        match matching.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    fn layer_of(&self, receiver: &Receiver, header: &Header, packet: &[u8]) -> Option<u8> {
        if receiver.spec.rids.is_empty() {
            return Some(0);
        }
        let rid = [self.extensions.rid, self.extensions.rrid]
            .into_iter()
            .flatten()
            .find_map(|id| header.extension(packet, id))?;
        let layer = receiver
            .spec
            .rids
            .iter()
            .take(MAX_LAYERS)
            .position(|r| r.as_bytes() == rid)?;
        u8::try_from(layer).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{DeclaredSsrc, Token};
    use crate::kind::{Codec, CodecSpec, MediaKind};

    fn receiver(mline: u8, mid: &str, pt: u8, rids: &[&str], ssrcs: Vec<DeclaredSsrc>) -> Receiver {
        let token = |text: &&str| Token::from(text).expect("short");
        Receiver {
            spec: PublicationSpec {
                mline,
                mid: token(&mid),
                kind: MediaKind::Video,
                codec: CodecSpec {
                    codec: Codec::Vp8,
                    pt: Pt(pt),
                    rtx_pt: Some(Pt(pt + 1)),
                    red_pt: None,
                    nack: true,
                },
                rids: rids.iter().map(token).collect(),
                ssrcs,
            },
            key: PublicationKey::new(mline.into(), 0),
        }
    }

    const EXTENSIONS: ExtensionIds = ExtensionIds {
        mid: Some(1),
        rid: Some(2),
        rrid: Some(3),
        twcc: None,
        stamp: None,
        audio_level: None,
    };

    /// A packet with the given one-byte extensions.
    fn packet(ssrc: u32, pt: u8, extensions: &[(u8, &str)]) -> Vec<u8> {
        let mut block = Vec::new();
        for (id, value) in extensions {
            #[expect(clippy::cast_possible_truncation, reason = "short test values")]
            block.push(id << 4 | (value.len() - 1) as u8);
            block.extend(value.bytes());
        }
        block.resize(block.len().next_multiple_of(4), 0);
        let mut packet = vec![0x90, pt, 0, 1, 0, 0, 0, 0];
        packet.extend(ssrc.to_be_bytes());
        packet.extend([0xbe, 0xde]);
        packet.extend(u16::try_from(block.len() / 4).expect("short").to_be_bytes());
        packet.extend(block);
        packet
    }

    fn resolve(inbound: &Inbound, packet: &[u8]) -> Result<Stream, DropReason> {
        inbound.resolve(&Header::parse(packet).expect("well formed"), packet)
    }

    #[test]
    fn layers_are_told_by_mid_and_rid_also_when_padding_comes_first() {
        let inbound = Inbound::new(
            vec![receiver(1, "v", 96, &["l", "m", "h"], vec![])],
            EXTENSIONS,
        );
        let rtx = resolve(&inbound, &packet(7, 97, &[(1, "v"), (3, "h")])).expect("negotiated");
        assert_eq!(
            rtx,
            Stream {
                ssrc: Ssrc(7),
                publication: 0,
                layer: 2,
                is_rtx: true,
                generation: 0
            }
        );
        let media = resolve(&inbound, &packet(8, 96, &[(1, "v"), (2, "m")])).expect("negotiated");
        assert_eq!(
            media,
            Stream {
                ssrc: Ssrc(8),
                publication: 0,
                layer: 1,
                is_rtx: false,
                generation: 0
            }
        );
    }

    #[test]
    fn what_nobody_negotiated_is_refused() {
        let inbound = Inbound::new(vec![receiver(1, "v", 96, &["l"], vec![])], EXTENSIONS);
        let cases = [
            packet(7, 96, &[(1, "x"), (2, "l")]),
            packet(7, 96, &[(1, "v"), (2, "q")]),
            packet(7, 96, &[(1, "v")]),
            packet(7, 99, &[(2, "l")]),
        ];
        for case in &cases {
            assert_eq!(resolve(&inbound, case), Err(DropReason::UnknownSsrc));
        }
        let other_pt = packet(7, 99, &[(1, "v"), (2, "l")]);
        assert_eq!(resolve(&inbound, &other_pt), Err(DropReason::UnknownPt));
    }

    #[test]
    fn a_new_ssrc_takes_the_place_of_the_one_before_which_never_comes_back() {
        let spec = vec![receiver(1, "v", 96, &["l", "m"], vec![])];
        let mut inbound = Inbound::new(spec, EXTENSIONS);
        let mut learn = |ssrc, pt, rid| {
            let first = packet(ssrc, pt, &[(1, "v"), (2, rid)]);
            let stream = resolve(&inbound, &first)?;
            let gone = inbound.learn(stream);
            let gone: Vec<_> = gone.iter().map(|stream| stream.ssrc.0).collect();
            Ok((stream.generation, gone))
        };
        assert_eq!(learn(7, 96, "l"), Ok((0, vec![])));
        assert_eq!(learn(17, 97, "l"), Ok((0, vec![])));
        assert_eq!(learn(8, 96, "m"), Ok((0, vec![])));
        assert_eq!(learn(9, 96, "l"), Ok((1, vec![7, 17])));
        assert_eq!(learn(7, 96, "l"), Err(DropReason::UnknownSsrc), "late");
        assert_eq!(
            learn(17, 97, "l"),
            Ok((0, vec![])),
            "it repairs the new one"
        );
        assert_eq!(learn(10, 96, "l"), Ok((2, vec![9, 17])));
        assert_eq!(inbound.ssrc_of(0, 0), Some(Ssrc(10)));
        assert_eq!(inbound.ssrc_of(0, 1), Some(Ssrc(8)));
    }

    #[test]
    fn one_that_changes_its_ssrc_again_and_again_costs_no_more_than_it_may() {
        let mut inbound = Inbound::new(vec![receiver(1, "v", 96, &[], vec![])], EXTENSIONS);
        let taken = (100..1_100)
            .filter(|ssrc| {
                let stream = resolve(&inbound, &packet(*ssrc, 96, &[(1, "v")]));
                stream.is_ok_and(|stream| inbound.learn(stream).len() <= 1)
            })
            .count();
        assert_eq!(taken, MAX_ENDED + 1);
        assert_eq!(inbound.streams().len(), 1);
    }

    #[test]
    fn an_encoder_without_extensions_is_known_by_declared_ssrc_or_payload_type() {
        let declared = DeclaredSsrc {
            media: Ssrc(5),
            rtx: Some(Ssrc(6)),
        };
        let inbound = Inbound::new(
            vec![
                receiver(0, "0", 96, &[], vec![declared]),
                receiver(1, "1", 100, &[], vec![]),
            ],
            ExtensionIds::default(),
        );
        assert_eq!(
            inbound.known(Ssrc(6)).map(|s| (s.publication, s.is_rtx)),
            Some((0, true))
        );
        assert_eq!(inbound.known(Ssrc(9)), None);
        assert_eq!(
            resolve(&inbound, &packet(9, 100, &[])).map(|s| s.publication),
            Ok(1)
        );
    }
}
