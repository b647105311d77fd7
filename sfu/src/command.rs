//! Everything that crosses between the signaling plane and a shard, as plain data.
//!
//! Commands go in, events come out. Nothing here knows names, roles, tokens or sites.

use std::net::SocketAddr;

use arrayvec::ArrayString;

use crate::id::{ConferenceId, Feed, PeerId, PublicationId, ShardId, SlotId, Ssrc};
use crate::kind::{Codec, CodecSpec, MediaKind};
use crate::line::announced::Said;
use crate::priority::Priority;

/// Short SDP tokens kept inline: a MID (RFC 9143) or a RID (RFC 8851) of up to 16 bytes.
pub type Token = ArrayString<16>;

/// ICE username fragment and password of one side (RFC 8445 §5.3).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IceCredentials {
    /// Username fragment; ours begins with the shard number.
    pub ufrag: String,
    /// Password, at least 22 characters.
    pub pwd: String,
}

/// SHA-256 of the peer's DTLS certificate, from `a=fingerprint` (RFC 8122).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fingerprint(pub [u8; 32]);

/// Our part in the DTLS handshake (RFC 8842).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DtlsRole {
    /// The peer begins: it offered `a=setup:actpass` or `active`.
    Server,
    /// We begin, as soon as there is a path: it offered `a=setup:passive`.
    Client,
}

/// Header-extension ids (RFC 8285), one table for the whole bundle. `None`: not negotiated. Those
/// above 14 are for what the peer sends, in headers of the two-byte form.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ExtensionIds {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid` (RFC 9143).
    pub mid: Option<u8>,
    /// `urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id` (RFC 8852).
    pub rid: Option<u8>,
    /// `urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id` (RFC 8852).
    pub rrid: Option<u8>,
    /// Transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    pub twcc: Option<u8>,
    /// The same of the pictures that the peer is sent, whose arrival it then reports.
    pub stamp: Option<u8>,
    /// Client-to-mixer audio level (RFC 6464).
    pub audio_level: Option<u8>,
}

/// An SSRC that the offer declared, and the SSRC that repairs it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DeclaredSsrc {
    /// Media SSRC.
    pub media: Ssrc,
    /// RTX SSRC of the same `a=ssrc-group:FID`.
    pub rtx: Option<Ssrc>,
}

/// A transceiver the peer may send on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicationSpec {
    /// Index of the m-line in the offer.
    pub mline: u8,
    /// Its MID.
    pub mid: Token,
    /// Sound or picture.
    pub kind: MediaKind,
    /// The one codec the answer accepted.
    pub codec: CodecSpec,
    /// RIDs of its layers in the order of the offer; empty without simulcast.
    pub rids: Vec<Token>,
    /// SSRCs declared by `a=ssrc`; in simulcast offers of some browsers also one per layer.
    pub ssrcs: Vec<DeclaredSsrc>,
}

/// A transceiver the peer receives on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SlotSpec {
    /// Index of the m-line in the offer.
    pub mline: u8,
    /// Its MID.
    pub mid: Token,
    /// Sound or picture.
    pub kind: MediaKind,
    /// Every codec the answer accepted; a publication in another codec cannot be shown here.
    pub codecs: Vec<CodecSpec>,
    /// The slot's own SSRC, constant for the life of the peer.
    pub ssrc: Ssrc,
    /// The slot's own RTX SSRC.
    pub rtx_ssrc: Ssrc,
    /// What a video slot shows from the start. Audio slots are filled by speaker selection.
    pub feed: Option<Feed>,
}

/// The outcome of one offer/answer exchange: all that a shard needs to know of a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerSpec {
    /// The conference the peer is in.
    pub conference: ConferenceId,
    /// Our side's ICE credentials.
    pub ice: IceCredentials,
    /// The peer's, for asking it whether a path receives.
    pub their_ice: IceCredentials,
    /// What the peer's certificate must hash to.
    pub fingerprint: Fingerprint,
    /// Our part in the handshake.
    pub dtls: DtlsRole,
    /// Header-extension ids of the bundle.
    pub extensions: ExtensionIds,
    /// What it may send.
    pub publications: Vec<PublicationSpec>,
    /// What it can receive, in offer order.
    pub slots: Vec<SlotSpec>,
    /// Most that is taken of what it sends, in kilobits per second; `None` for no limit.
    pub most_kbps: Option<u32>,
}

/// What a joining peer may do, decided by whoever commands the SFU.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PeerPolicy {
    /// Accept m-lines that send audio. Otherwise they are answered `inactive`.
    pub may_send_audio: bool,
    /// Accept m-lines that send video. Otherwise they are answered `inactive`.
    pub may_send_video: bool,
    /// What the video slots show from the start, in offer order; slots beyond the list show nothing.
    pub video_slots: Vec<Option<Feed>>,
    /// `a=ptime` asked of the peer's audio senders, in milliseconds (RFC 8866 §6.4).
    pub ptime_ms: Option<u16>,
    /// It may take one of the places beyond [`Config::max_peers`](crate::Config::max_peers) that are
    /// kept for those whom a conference cannot do without.
    pub reserved: bool,
    /// Most that is taken of what it sends, in kilobits per second; what is beyond is dropped. For
    /// those who have shown no token. `None` for no limit.
    pub most_kbps: Option<u32>,
}

/// A publication that the answer accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AcceptedPublication {
    /// Its id.
    pub id: PublicationId,
    /// The MID in the offer.
    pub mid: Token,
    /// Sound or picture.
    pub kind: MediaKind,
    /// In which codec it will come.
    pub codec: Codec,
}

/// A slot that the answer accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AcceptedSlot {
    /// Its id.
    pub id: SlotId,
    /// The MID in the offer.
    pub mid: Token,
    /// Sound or picture.
    pub kind: MediaKind,
    /// Every codec that can be shown here.
    pub codecs: Vec<Codec>,
}

/// What came of [`Media::join`](crate::Media::join).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Joined {
    /// The new peer.
    pub peer: PeerId,
    /// The complete SDP answer: no trickle is needed.
    pub answer: String,
    /// Our ICE credentials as they stand in the answer (the WHIP ETag is made of them).
    pub ice: IceCredentials,
    /// What the peer may send, in offer order.
    pub publications: Vec<AcceptedPublication>,
    /// Where the peer can receive, in offer order.
    pub slots: Vec<AcceptedSlot>,
}

/// What a shard is ordered to do.
#[derive(Clone, Debug)]
pub enum Order {
    /// A new peer, negotiated and not yet connected.
    AddPeer {
        /// Its id.
        peer: PeerId,
        /// What was negotiated.
        spec: Box<PeerSpec>,
    },
    /// Accept a second pair of ICE credentials until it is used (RFC 8445 §9).
    RestartIce {
        /// Which.
        peer: PeerId,
        /// The new pair.
        ice: IceCredentials,
        /// The peer's new pair.
        their_ice: IceCredentials,
    },
    /// What signaling wants.
    Command(Command),
}

/// What signaling may order by itself. Peers are made by offers only, at the [desk](crate::desk).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Forget a peer and everything it sends or receives, after a DTLS close_notify.
    RemovePeer {
        /// Which.
        peer: PeerId,
    },
    /// From now on the feed shows this publication, in every slot of the conference.
    Show {
        /// Where.
        conference: ConferenceId,
        /// Number of the stage place.
        stage: u8,
        /// What, or nothing.
        publication: Option<PublicationId>,
    },
    /// The audio publications that may be heard, the most important first.
    ///
    /// A peer with as many audio slots as there are speakers gets the n-th speaker in its n-th
    /// slot. A peer with fewer gets the main picture's sound, whoever has the floor and the loudest
    /// others (RFC 6464); a peer with one gets whoever speaks, else the main picture's sound.
    SetSpeakers {
        /// Where.
        conference: ConferenceId,
        /// Who.
        publications: Vec<PublicationId>,
        /// Which of them is the sound of the main picture.
        main: Option<PublicationId>,
        /// Which of them has the floor.
        floor: Option<PublicationId>,
    },
    /// Point one video slot of one peer at another feed.
    Watch {
        /// Which slot.
        slot: SlotId,
        /// What, or nothing.
        feed: Option<Feed>,
    },
    /// Show at most so many layers in one video slot of one peer, the lowest first: it cannot do with
    /// more. What it shows stays.
    Limit {
        /// Which slot.
        slot: SlotId,
        /// How many, 1 at least.
        layers: u8,
    },
    /// Refuse (or accept again) the media of one publication, whatever its sender does.
    Block {
        /// Which.
        publication: PublicationId,
        /// Refuse if true.
        blocked: bool,
    },
    /// Remove all peers and feeds of a conference.
    EndConference {
        /// Which.
        conference: ConferenceId,
    },
}

/// Why a peer is gone.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CloseReason {
    /// Commanded.
    Removed,
    /// The peer sent a DTLS close_notify.
    ClosedByPeer,
    /// No authenticated connectivity check for the consent period (RFC 7675).
    ConsentExpired,
    /// The DTLS handshake failed or never completed.
    HandshakeFailed,
    /// The certificate was not the one named in the offer.
    WrongFingerprint,
}

/// What a shard tells the signaling plane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// A new peer has come so far.
    PeerReached {
        /// Which.
        peer: PeerId,
        /// How far.
        step: Step,
    },
    /// ICE and DTLS are done, media flows.
    PeerConnected {
        /// Which.
        peer: PeerId,
    },
    /// Nothing authenticated arrived for some seconds; the peer may come back by itself.
    PeerSilent {
        /// Which.
        peer: PeerId,
    },
    /// A silent peer is heard again.
    PeerBack {
        /// Which.
        peer: PeerId,
    },
    /// The peer is gone.
    PeerClosed {
        /// Which.
        peer: PeerId,
        /// Why.
        reason: CloseReason,
    },
    /// A publication's media began (again) to arrive.
    PublicationStarted {
        /// Which.
        publication: PublicationId,
    },
    /// Nothing of a publication has arrived for
    /// [`SILENT_AFTER`](crate::publication::layer::SILENT_AFTER).
    PublicationStopped {
        /// Which.
        publication: PublicationId,
    },
    /// An encoder ignores keyframe requests, or answers them after all. Who comes late to its
    /// picture is started from what is held, as far as that reaches back.
    KeyframeRequestsIgnored {
        /// Whose.
        publication: PublicationId,
        /// Ignores them.
        ignored: bool,
    },
    /// The way to a receiver is another than was said last; of a new one it was said that it carries
    /// all.
    LineChanged {
        /// Whose.
        peer: PeerId,
        /// How it is.
        line: Said,
    },
    /// Slots wish for so many layers of a publication, the lowest first; none if nobody looks at
    /// it. Its sender may leave out the others. Before it is told, it sends what it likes.
    LayersWanted {
        /// Of which.
        publication: PublicationId,
        /// How many.
        layers: u8,
    },
    /// A shard cannot keep up with a conference and leaves something out, or less than before.
    Overload {
        /// Which.
        conference: ConferenceId,
        /// On which shard: each has its own part of the audience.
        shard: ShardId,
        /// The most important that its audience goes without, with everything below it. `None`:
        /// all is forwarded again.
        shed: Option<Priority>,
    },
}

/// How far a new peer has come, before and after it is connected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// A path to it is proved (RFC 8445): the handshake can begin.
    Path,
    /// The first packet of media is on its way to it.
    Media,
}

/// A command that could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No such peer (any more).
    #[error("no peer {0}")]
    UnknownPeer(PeerId),
    /// The offer cannot be answered.
    #[error(transparent)]
    BadOffer(#[from] crate::sdp::OfferError),
    /// An offer that was to restart ICE changes more than that.
    #[error("the offer changes m-lines or certificate; only ICE credentials may change")]
    NotARestart,
    /// The limit of peers is reached.
    #[error("the server's limit of connections is reached")]
    Full,
    /// The command queue of the shard is full: try again later.
    #[error("the media plane is overloaded: {0}")]
    Overloaded(&'static str),
    /// The conference has ended while the offer was answered.
    #[error("the conference has ended")]
    ConferenceEnded,
    /// The media threads have stopped.
    #[error("the media plane has stopped")]
    Stopped,
}

/// Where the SFU can be reached: one host candidate in every answer (RFC 8839 §5.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HostCandidate {
    /// Address and port.
    pub address: SocketAddr,
    /// ICE-TCP (RFC 6544, passive) instead of UDP.
    pub tcp: bool,
}
