//! Offer in, [`PeerSpec`] and answer out (RFC 3264, RFC 9429). Only this module names rtc-sdp.
//!
//! What becomes of an m-line:
//!
//! | offered | answered | becomes |
//! |---|---|---|
//! | `sendonly`, may send | `recvonly` | a publication |
//! | `sendonly`, may not send | `inactive` | nothing |
//! | `sendrecv`, may send | `recvonly` | a publication |
//! | `sendrecv`, may not send | `sendonly` | a slot |
//! | `recvonly` | `sendonly` | a slot |
//! | `inactive` | `inactive` | nothing |
//! | a ninth `recvonly` audio or more | `inactive` | nothing |
//! | no codec of ours, not audio or video, not in the bundle, port 0 | port 0 | nothing |
//!
//! No m-line is ever removed or moved.

mod answer;
mod codec;
mod extension;
mod formats;
mod offer;

use crate::command::{
    Fingerprint, HostCandidate, IceCredentials, PeerPolicy, PeerSpec, PublicationSpec, SlotSpec,
};
use crate::id::{ConferenceId, Ssrc};
use crate::kind::MediaKind;
use codec::Chosen;
use offer::{Direction, Media, Offer};

/// Longest offer that is looked at. A video m-line with all of Chromium's codecs takes 3.5 KB, with
/// those that are forwarded 1.5 KB.
pub const MAX_OFFER_BYTES: usize = 64 * 1_024;

/// Most m-lines in an offer.
pub const MAX_MEDIA: usize = 64;

/// Most formats of one m-line: payload types are numbers of 7 bits.
pub const MAX_FORMATS: usize = 128;

/// Most audio slots of one peer: more voices at once nobody can tell apart.
pub const MAX_AUDIO_SLOTS: usize = 8;

/// Most lines of one kind in an m-line, or for the session as a whole. Chromium's longest has half
/// of the formats and extensions, and three RIDs; each network interface is a few candidates.
const MAX_LINES: [(&str, usize); 4] = [
    ("rid", MAX_RIDS),
    ("extmap", 64),
    ("candidate", 256),
    ("ssrc", 256),
];

/// Most attributes of one m-line, or of the session as a whole.
const MAX_ATTRIBUTES: usize = 1_024;

/// Most RIDs of one m-line.
const MAX_RIDS: usize = 16;

/// SSRCs that one peer's slots may take from [`LocalDescription::first_ssrc`] on.
pub const SSRCS_PER_PEER: u32 = 2 * MAX_MEDIA as u32;

/// Most layers of one publication; further RIDs are not accepted.
const MAX_LAYERS: usize = 3;

/// CNAME of everything we send (RFC 3550 §6.5.1), in `a=ssrc` and in SDES.
pub const CNAME: &str = "dinh";

/// Why an offer cannot be answered. The text goes to the client.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OfferError {
    /// Longer than [`MAX_OFFER_BYTES`].
    #[error("the offer has {0} bytes, more than {MAX_OFFER_BYTES}: offer fewer m-lines or codecs")]
    TooLong(usize),
    /// Not SDP at all.
    #[error("the offer is not SDP: {0}")]
    Malformed(String),
    /// No m-line.
    #[error("the offer has no m-line: add a transceiver before creating it")]
    NoMedia,
    /// More than [`MAX_MEDIA`] m-lines.
    #[error("the offer has {0} m-lines, more than {MAX_MEDIA}")]
    TooManyMedia(usize),
    /// More than [`MAX_FORMATS`] formats.
    #[error("m-line {mline} has {count} formats, more than {MAX_FORMATS}: offer fewer codecs")]
    TooManyFormats {
        /// Which, from 0.
        mline: usize,
        /// How many.
        count: usize,
    },
    /// A format that stands in its m-line twice.
    #[error("m-line {mline} names the format {format:?} twice: name each once")]
    FormatTwice {
        /// Which, from 0.
        mline: usize,
        /// The format.
        format: String,
    },
    /// More lines of one kind than anybody needs.
    #[error("{place} has {count} `a={kind}` lines, more than {most}: leave out what is not used")]
    TooManyLines {
        /// The session or an m-line.
        place: Place,
        /// The attribute.
        kind: &'static str,
        /// How many.
        count: usize,
        /// How many it may be.
        most: usize,
    },
    /// More attributes than anybody needs.
    #[error(
        "{place} has {count} attributes, more than {MAX_ATTRIBUTES}: leave out what is not used"
    )]
    TooManyAttributes {
        /// The session or an m-line.
        place: Place,
        /// How many.
        count: usize,
    },
    /// An m-line without `a=mid`, or with one that does not fit into a header extension.
    #[error("m-line {mline} needs an `a=mid` of 1 to 16 characters")]
    BadMid {
        /// Which, from 0.
        mline: usize,
    },
    /// Two m-lines with one MID.
    #[error("two m-lines have the mid {0:?}")]
    DuplicateMid(String),
    /// Several m-lines and no BUNDLE group.
    #[error("the m-lines are not in one `a=group:BUNDLE`: set bundlePolicy to \"max-bundle\"")]
    NotBundled,
    /// RTCP on a port of its own.
    #[error("m-line {mid:?} has no `a=rtcp-mux`: set rtcpMuxPolicy to \"require\"")]
    NoRtcpMux {
        /// Which.
        mid: String,
    },
    /// No ICE credentials.
    #[error("the offer has no `a=ice-ufrag` and `a=ice-pwd`")]
    NoIce,
    /// The offerer does no connectivity checks either.
    #[error("the offer is `a=ice-lite`, and so is this server: nobody would check connectivity")]
    IceLite,
    /// No SHA-256 fingerprint.
    #[error("the offer has no `a=fingerprint:sha-256` of 32 bytes in hexadecimal")]
    NoFingerprint,
    /// The offerer wants to be the DTLS server.
    #[error("the offer has `a=setup:{0}`, but the client must start DTLS: use actpass or active")]
    BadSetup(String),
    /// Nothing left after refusing.
    #[error("no m-line can be accepted: offer Opus, VP8 or H.264 (42xxxx, packetization-mode=1)")]
    NothingUsable,
}

/// Where in an offer something is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// Before the first m-line.
    Session,
    /// In an m-line, counted from 0.
    Mline(usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Session => f.write_str("the session"),
            Self::Mline(mline) => write!(f, "m-line {mline}"),
        }
    }
}

/// Our side of the negotiation: everything in the answer that does not follow from the offer.
#[derive(Clone, Copy, Debug)]
pub struct LocalDescription<'a> {
    /// The conference the peer joins.
    pub conference: ConferenceId,
    /// Our ICE credentials.
    pub ice: &'a IceCredentials,
    /// SHA-256 of our certificate.
    pub fingerprint: Fingerprint,
    /// Where we can be reached.
    pub candidates: &'a [HostCandidate],
    /// SSRC of the first slot; [`SSRCS_PER_PEER`] from here on must be free.
    pub first_ssrc: Ssrc,
    /// Session id of the `o=` line.
    pub session_id: u64,
    /// Version of the `o=` line; rises with each answer to the same peer.
    pub version: u64,
}

/// What came of an offer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Negotiated {
    /// For the shard.
    pub spec: PeerSpec,
    /// For the client.
    pub answer: String,
}

/// What becomes of one m-line.
enum Role {
    /// The peer sends on it; we answer `recvonly`.
    Publication(Chosen, PublicationSpec),
    /// We send on it; we answer `sendonly`.
    Slot {
        /// Every codec accepted, the offerer's favourite first.
        codecs: Vec<Chosen>,
        /// What goes into the spec.
        spec: SlotSpec,
        /// Number among the slots of its kind: audio n and video n are one stream.
        stream: usize,
    },
    /// Part of the transport, but carries nothing.
    Inactive(Vec<Chosen>),
    /// Answered with port 0.
    Refused,
}

/// Answers an offer. The same arguments give the same answer.
///
/// # Errors
/// When the offer cannot be answered; the text says what to change in it.
pub fn negotiate(
    offer: &str,
    local: &LocalDescription<'_>,
    policy: &PeerPolicy,
) -> Result<Negotiated, OfferError> {
    let offer = Offer::parse(offer)?;
    let roles = assign(&offer, local, policy);
    let used: Vec<&Media> = offer
        .media
        .iter()
        .zip(&roles)
        .filter(|(_, role)| !matches!(role, Role::Refused))
        .map(|(media, _)| media)
        .collect();
    if used.is_empty() {
        return Err(OfferError::NothingUsable);
    }
    if used.len() > 1 && !offer.is_bundled() {
        return Err(OfferError::NotBundled);
    }
    let (fingerprint, their_ice) = offer.transport(&used)?;

    let publishing = roles
        .iter()
        .any(|role| matches!(role, Role::Publication(..)));
    let extensions = extension::table(&used, publishing);
    let answer = answer::write(&offer, &roles, &extensions, local, policy);

    let mut publications = Vec::new();
    let mut slots = Vec::new();
    for role in roles {
        match role {
            Role::Publication(_, spec) => publications.push(spec),
            Role::Slot { spec, .. } => slots.push(spec),
            Role::Inactive(_) | Role::Refused => {}
        }
    }
    let spec = PeerSpec {
        conference: local.conference,
        ice: local.ice.clone(),
        their_ice,
        fingerprint,
        extensions,
        publications,
        slots,
    };
    Ok(Negotiated { spec, answer })
}

/// Decides what becomes of every m-line, in the order of the offer.
fn assign(offer: &Offer, local: &LocalDescription<'_>, policy: &PeerPolicy) -> Vec<Role> {
    let mut audio_slots = 0;
    let mut video_slots = 0;
    let mut roles = Vec::with_capacity(offer.media.len());
    for media in &offer.media {
        let stream = match media.kind {
            Some(MediaKind::Audio) => &mut audio_slots,
            Some(MediaKind::Video) => &mut video_slots,
            None => {
                roles.push(Role::Refused);
                continue;
            }
        };
        let role = role_of(offer, media, local, policy, *stream);
        if matches!(role, Role::Slot { .. }) {
            *stream += 1;
        }
        roles.push(role);
    }
    roles
}

fn role_of(
    offer: &Offer,
    media: &Media,
    local: &LocalDescription<'_>,
    policy: &PeerPolicy,
    stream: usize,
) -> Role {
    let Some(kind) = media.kind.filter(|_| offer.is_acceptable(media)) else {
        return Role::Refused;
    };
    let codecs = codec::supported(media, kind);
    let Some(first) = codecs.first() else {
        return Role::Refused;
    };
    let may_send = match kind {
        MediaKind::Audio => policy.may_send_audio,
        MediaKind::Video => policy.may_send_video,
    };
    match media.direction {
        Direction::SendOnly | Direction::SendRecv if may_send => {
            let chosen = first.clone();
            let spec = publication(media, kind, &chosen);
            Role::Publication(chosen, spec)
        }
        Direction::SendRecv | Direction::RecvOnly
            if kind == MediaKind::Audio && stream >= MAX_AUDIO_SLOTS =>
        {
            Role::Inactive(codecs)
        }
        Direction::SendRecv | Direction::RecvOnly => {
            let spec = slot(media, kind, &codecs, local, policy, stream);
            Role::Slot {
                codecs,
                spec,
                stream,
            }
        }
        Direction::SendOnly | Direction::Inactive => Role::Inactive(codecs),
    }
}

fn publication(media: &Media, kind: MediaKind, chosen: &Chosen) -> PublicationSpec {
    let mut rids = match kind {
        MediaKind::Audio => Vec::new(),
        MediaKind::Video => media.simulcast_rids(chosen.spec.pt),
    };
    rids.truncate(MAX_LAYERS);
    PublicationSpec {
        mline: media.index,
        mid: media.mid,
        kind,
        codec: chosen.spec,
        rids,
        ssrcs: media.declared_ssrcs(),
    }
}

fn slot(
    media: &Media,
    kind: MediaKind,
    codecs: &[Chosen],
    local: &LocalDescription<'_>,
    policy: &PeerPolicy,
    stream: usize,
) -> SlotSpec {
    let offset = 2 * u32::from(media.index);
    let ssrc = local.first_ssrc.0.wrapping_add(offset);
    SlotSpec {
        mline: media.index,
        mid: media.mid,
        kind,
        codecs: codecs.iter().map(|chosen| chosen.spec).collect(),
        ssrc: Ssrc(ssrc),
        rtx_ssrc: Ssrc(ssrc.wrapping_add(1)),
        feed: match kind {
            MediaKind::Audio => None,
            MediaKind::Video => policy.video_slots.get(stream).copied().flatten(),
        },
    }
}

#[cfg(test)]
mod tests;
