//! One participant's peer connection: a transport, what arrives over it, and the slots it receives
//! in.
//!
//! What fan-out touches for every packet lies in [`Peer`] itself; everything else is behind one
//! pointer in [`Cold`].

pub mod budgets;
pub mod clock;
pub(crate) mod crypto;
pub mod dtls;
pub mod feedback;
pub mod ice;
pub mod inbound;
pub mod repairs;
pub mod repeats;
pub mod srtp;

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use crate::allocate::Allocator;
use crate::conference::ConferenceKey;
use crate::drop_reason::DropReason;
use crate::egress::Departed;
use crate::egress::stamping::Stamping;
use crate::id::PeerId;
use crate::kind::MediaKind;
use crate::line::Line;
use crate::line::sound::Sound;
use crate::path::Path;
use crate::peer::budgets::Budgets;
use crate::peer::clock::Clock;
use crate::peer::dtls::Session;
use crate::peer::feedback::Feedback;
use crate::peer::ice::Lite;
use crate::peer::inbound::{Inbound, Stream};
use crate::peer::repairs::Repairs;
use crate::peer::repeats::Repeats;
use crate::peer::srtp::{Keys, Opener, Sealer};
use crate::publication::PublicationKey;
use crate::rtp::Header;
use crate::slot::Slot;
use crate::table::{Key, Named};

/// After this long without anything authenticated the peer is reported as silent.
///
/// Firefox checks its path every 5 s and Chromium every 2.5 s, so less would report healthy peers.
pub const SILENT_AFTER: Duration = Duration::from_secs(8);

/// How far the connection has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// ICE or DTLS is not done.
    Connecting,
    /// Media flows.
    Connected,
    /// Nothing authenticated for [`SILENT_AFTER`].
    Silent,
}

/// Slots that lie in the peer itself: those of a site.
const NEAR_SLOTS: usize = 6;

/// Slots that are pointed at a feed, as (feed, index of the slot), in the order in which they are served.
type Watching = SmallVec<[(u16, u8); 8]>;

/// A peer connection.
///
/// In the order of its fields, so that everything before the slots can be fetched ahead at once.
#[derive(Debug)]
#[repr(C)]
pub struct Peer {
    /// Which.
    pub id: PeerId,
    /// Its conference.
    pub conference: ConferenceKey,
    /// Bit `feed index mod 64` for every feed its slots are pointed at: one test tells most peers
    /// that a packet is not for them.
    pub feed_mask: u64,
    /// The slots that are pointed at a feed.
    pub watching: Watching,
    /// Where its media goes; set once connected, and once that path has shown that it receives.
    pub path: Option<Path>,
    /// What has left to it.
    pub departed: Departed,
    /// Numbers of what its line is to be told of.
    pub stamping: Stamping,
    /// Sealed RTCP that leaves with the next media.
    pub report: Option<Box<[u8]>>,
    /// Keys for what it receives.
    pub sealer: Option<Sealer>,
    /// Everything that fan-out does not need.
    pub cold: Box<Cold>,
    /// Its receive positions in offer order.
    pub slots: SmallVec<[Slot; NEAR_SLOTS]>,
}

/// Where a peer lives in its shard.
pub type PeerKey = Key<Peer>;

impl Named for Peer {
    type Name = PeerId;

    fn name(&self) -> PeerId {
        self.id
    }
}

impl Peer {
    /// Lists the slots that are pointed at a feed.
    pub fn order_slots(&mut self) {
        self.watching = in_order(&self.slots, self.cold.is_sound_first);
    }

    /// Says whether sound goes first.
    pub fn set_sound_first(&mut self, is_first: bool) {
        if is_first != self.cold.is_sound_first {
            self.cold.is_sound_first = is_first;
            self.order_slots();
        }
    }
}

/// Slots that are pointed at a feed, as (feed, index of the slot). Usually video comes before audio, so
/// that the shorter audio packet rides as the last segment of a message. Where the line is narrow it
/// would wait there until the picture has passed, so it goes first.
fn in_order(slots: &[Slot], is_sound_first: bool) -> Watching {
    let pointed = slots.iter().enumerate().rev();
    let mut pointed: SmallVec<[_; 8]> = pointed
        .filter_map(|(index, slot)| Some((slot.kind, slot.feed?, u8::try_from(index).ok()?)))
        .collect();
    if is_sound_first {
        pointed
            .sort_unstable_by_key(|(kind, _, index)| (*kind == MediaKind::Video, Reverse(*index)));
    }
    let pointed = pointed.into_iter();
    pointed.map(|(_, feed, index)| (feed, index)).collect()
}

/// The parts of a peer that are not touched per forwarded packet.
#[derive(Debug)]
pub struct Cold {
    /// Connectivity.
    pub ice: Lite,
    /// Handshake.
    pub dtls: Session,
    /// What it may send.
    pub inbound: Inbound,
    /// What it is told about what it sends; made with its first packet.
    pub feedback: Option<Box<Feedback>>,
    /// How far it has come.
    pub stage: Stage,
    /// Its clock, from its sender reports.
    pub clock: Clock,
    /// When it is looked whether it must be sent a report; if it receives anything.
    pub next_report: Option<Instant>,
    /// When its next sender reports are due if media flows.
    pub reports_due: Option<Instant>,
    /// The deadline that is entered for it; entries for other times are stale.
    pub armed: Option<Instant>,
    /// Paths entered into the demultiplexer.
    pub paths: Vec<Path>,
    /// Its handshake datagrams that wait.
    pub handshakes: u8,
    /// What it may cost the others.
    pub budgets: Budgets,
    /// What it is sent again; made with its first request.
    pub repairs: Option<Box<Repairs>>,
    /// Sound that it is sent twice.
    pub repeats: Option<Box<Repeats>>,
    /// What is known of the way to it, once it is connected, and how that is shared out.
    pub line: Option<Box<Line>>,
    /// See `line`.
    pub allocator: Allocator,
    /// How its sound is kept whole on that way, and whether it goes before pictures.
    pub sound: Sound,
    is_sound_first: bool,
    /// Time from here to there and back, from its receiver reports.
    pub round_trip: Option<Duration>,
    opener: Option<Opener>,
    level_id: Option<u8>,
    twcc_id: Option<u8>,
}

/// A decrypted media packet and where it belongs.
#[derive(Debug)]
pub struct Media {
    /// Receive state.
    pub key: PublicationKey,
    /// Index into the peer's publications.
    pub publication: u8,
    /// Which layer.
    pub layer: u8,
    /// How many SSRCs carried the layer before.
    pub generation: u8,
    /// Header; of a retransmission, with the original's sequence number.
    pub header: Header,
    /// Payload without padding.
    pub payload: Bytes,
    /// RFC 6464.
    pub level: Option<u8>,
}

impl Cold {
    /// A peer that nothing was heard of yet.
    pub fn new(
        ice: Lite,
        dtls: Session,
        inbound: Inbound,
        budgets: Budgets,
        extensions: crate::command::ExtensionIds,
    ) -> Self {
        Self {
            ice,
            dtls,
            inbound,
            feedback: None,
            stage: Stage::Connecting,
            clock: Clock::default(),
            next_report: None,
            reports_due: None,
            armed: None,
            paths: Vec::new(),
            handshakes: 0,
            budgets,
            repairs: None,
            repeats: None,
            line: None,
            allocator: Allocator::default(),
            sound: Sound::default(),
            is_sound_first: false,
            round_trip: None,
            opener: None,
            level_id: extensions.audio_level,
            twcc_id: extensions.twcc,
        }
    }

    /// Takes the keys of the finished handshake.
    pub fn install(&mut self, keys: Keys) -> Option<Sealer> {
        let sealer = Sealer::new(&keys).ok()?;
        self.opener = Some(Opener::new(&keys).ok()?);
        Some(sealer)
    }

    /// Authenticates and decrypts one RTP packet and tells where it belongs. `is_blocked` says
    /// whether a publication is refused at present.
    ///
    /// # Errors
    /// Why it is not media of this peer, or is not taken.
    pub fn open_media(
        &mut self,
        now: Instant,
        path: Path,
        packet: &[u8],
        is_blocked: impl FnOnce(PublicationKey) -> bool,
    ) -> Result<Media, DropReason> {
        let mut header = Header::parse(packet).ok_or(DropReason::BadRtp)?;
        let opener = self.opener.as_mut().ok_or(DropReason::NotConnected)?;
        let known = self.inbound.known(header.ssrc);
        let stream = match known {
            Some(stream) => stream,
            None => self.inbound.resolve(&header, packet)?,
        };
        let opened = opener.open_rtp(packet)?;
        if known.is_none() {
            self.learn(stream);
        }
        self.ice.on_media(now, path);
        let receiver = self.inbound.receivers.get(usize::from(stream.publication));
        let (codec, key) = receiver
            .map(|r| (r.spec.codec, r.key))
            .ok_or(DropReason::UnknownSsrc)?;
        let refused = if is_blocked(key) {
            Some(DropReason::Blocked)
        } else {
            let is_taken = self.budgets.media(now, packet.len());
            (!is_taken).then_some(DropReason::MediaBudget)
        };
        let feedback = self.note_arrival(now, &header, &opened)?;
        if let Some(reason) = refused {
            feedback.on_refused(header.ssrc);
            return Err(reason);
        }
        feedback.on_taken(now, &header, &codec, stream.is_rtx);
        let expected = if stream.is_rtx {
            codec.rtx_pt
        } else {
            Some(codec.pt)
        };
        if expected != Some(header.pt) {
            return Err(DropReason::UnknownPt);
        }
        let level = self
            .level_id
            .and_then(|id| header.extension(&opened, id)?.first().copied());
        let length = header.payload(&opened).ok_or(DropReason::BadRtp)?.len();
        let mut payload = opened
            .freeze()
            .slice(header.payload..header.payload + length);
        let mut generation = stream.generation;
        if stream.is_rtx {
            generation = self.inbound.generation_of(stream);
            header.sequence = split_original(&mut payload).ok_or(DropReason::Padding)?;
            header.pt = codec.pt;
            self.note_repaired(now, stream, &header)?;
        }
        Ok(Media {
            key,
            publication: stream.publication,
            layer: stream.layer,
            generation,
            header,
            payload,
            level,
        })
    }

    /// Notes an authentic packet's numbers for feedback, unless more are left out than may be: each
    /// number is walked through where loss is reported.
    fn note_arrival(
        &mut self,
        now: Instant,
        header: &Header,
        packet: &[u8],
    ) -> Result<&mut Feedback, DropReason> {
        let feedback = self.feedback.get_or_insert_with(|| {
            let mut feedback = Feedback::new(now, self.twcc_id);
            for known in self.inbound.streams() {
                if let Some(receiver) = self.inbound.receivers.get(usize::from(known.publication)) {
                    feedback.bind(known.ssrc, &receiver.spec.codec, known.is_rtx);
                }
            }
            Box::new(feedback)
        });
        let gap = self.inbound.gap(header) + feedback.gap(header, packet);
        if !self.budgets.gap(now, gap) {
            return Err(DropReason::GapBudget);
        }
        self.inbound.note(header);
        feedback.on_arrival(now, header, packet);
        Ok(feedback)
    }

    /// Notes a retransmission under the number of its original, so that this is not asked for again.
    fn note_repaired(
        &mut self,
        now: Instant,
        stream: Stream,
        original: &Header,
    ) -> Result<(), DropReason> {
        if let (Some(media), Some(feedback)) = (self.inbound.media_of(stream), &mut self.feedback) {
            let ahead = self.inbound.ahead(media, original.sequence);
            if !self.budgets.gap(now, ahead) {
                return Err(DropReason::GapBudget);
            }
            feedback.on_repaired(now, original, media);
        }
        Ok(())
    }

    /// Remembers an SSRC whose first packet was negotiated and authentic.
    #[cold]
    fn learn(&mut self, stream: Stream) {
        let gone = self.inbound.learn(stream);
        if let (Some(feedback), Some(receiver)) = (
            &mut self.feedback,
            self.inbound.receivers.get(usize::from(stream.publication)),
        ) {
            for stream in gone {
                feedback.unbind(stream.ssrc, &receiver.spec.codec, stream.is_rtx);
            }
            feedback.bind(stream.ssrc, &receiver.spec.codec, stream.is_rtx);
        }
    }

    /// Authenticates and decrypts one RTCP compound.
    ///
    /// # Errors
    /// Why it is not of this peer.
    pub fn open_rtcp(
        &mut self,
        now: Instant,
        path: Path,
        packet: &[u8],
    ) -> Result<BytesMut, DropReason> {
        let opener = self.opener.as_mut().ok_or(DropReason::NotConnected)?;
        let compound = opener.open_rtcp(packet)?;
        self.ice.on_media(now, path);
        if let Some(feedback) = &mut self.feedback {
            feedback.on_rtcp(now, &compound);
        }
        Ok(compound)
    }

    /// Seals an RTCP compound of ours.
    pub fn seal_rtcp(&mut self, compound: &[u8]) -> Option<BytesMut> {
        self.opener.as_mut()?.seal_rtcp(compound).ok()
    }

    /// When this peer must be looked after next.
    pub fn poll_timeout(&mut self) -> Instant {
        let watch = match self.stage {
            Stage::Connected => self.ice.heard() + SILENT_AFTER,
            Stage::Connecting | Stage::Silent => self.ice.expires(),
        };
        let feedback = self
            .feedback
            .as_mut()
            .and_then(|feedback| feedback.poll_timeout());
        let line = self.line.as_ref().and_then(|line| line.wakes());
        let repeats = self.repeats.as_ref().map(|it| it.poll_timeout());
        [
            self.dtls.poll_timeout(),
            feedback,
            self.next_report,
            repeats,
            line,
        ]
        .into_iter()
        .flatten()
        .fold(watch, Instant::min)
    }
}

/// Splits the original sequence number off a retransmission's payload (RFC 4588 §4). `None` for a
/// retransmission of nothing, which is a probe.
fn split_original(payload: &mut Bytes) -> Option<u16> {
    if payload.len() <= 2 {
        return None;
    }
    let original = payload.split_to(2);
    Some(u16::from_be_bytes(original.as_ref().try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{SlotSpec, Token};
    use crate::id::Ssrc;

    fn slot(kind: MediaKind, feed: Option<u16>) -> Slot {
        let spec = SlotSpec {
            mline: 0,
            mid: Token::new(),
            kind,
            codecs: Vec::new(),
            ssrc: Ssrc(1),
            rtx_ssrc: Ssrc(2),
            feed: None,
        };
        let mut slot = Slot::new(&spec, 0);
        slot.feed = feed;
        slot
    }

    #[test]
    fn sound_is_served_last_to_ride_along_and_first_where_it_would_wait() {
        use MediaKind::{Audio, Video};
        let slots = [
            slot(Audio, Some(7)),
            slot(Audio, None),
            slot(Audio, Some(9)),
            slot(Video, Some(3)),
            slot(Video, Some(5)),
        ];
        assert_eq!(
            in_order(&slots, false).as_slice(),
            [(5, 4), (3, 3), (9, 2), (7, 0)]
        );
        assert_eq!(
            in_order(&slots, true).as_slice(),
            [(9, 2), (7, 0), (5, 4), (3, 3)]
        );
    }
}
