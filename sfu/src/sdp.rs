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
//! No m-line is ever removed or moved. An offer that would send on an m-line which cannot be accepted
//! is refused as a whole, with the reason: nobody is on the air with half of what it sends.

mod answer;
mod codec;
mod error;
mod extension;
mod formats;
mod h264;
mod lines;
mod offer;
mod opus;

use crate::command::{
    DtlsRole, Fingerprint, HostCandidate, IceCredentials, PeerPolicy, PeerSpec, PublicationSpec,
    SlotSpec,
};
use crate::id::{ConferenceId, Ssrc};
use crate::kind::MediaKind;
use codec::Chosen;
use extension::Extension;
use offer::{Direction, Media, Offer};

pub use error::{OfferError, Place};

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
    /// Our part in DTLS, if it was agreed on with this peer before.
    pub dtls: Option<DtlsRole>,
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
    let roles = assign(&offer, local, policy)?;
    let used: Vec<&Media> = offer
        .media
        .iter()
        .zip(&roles)
        .filter(|(_, role)| !matches!(role, Role::Refused))
        .map(|(media, _)| media)
        .collect();
    if used.is_empty() {
        let names = offer.media.iter().flat_map(codec::names).collect();
        return Err(OfferError::NothingUsable(names));
    }
    if used.len() > 1 && !offer.is_bundled() {
        return Err(OfferError::NotBundled);
    }
    let (fingerprint, their_ice) = offer.transport(&used)?;
    let dtls = offer.dtls_role(&used, local.dtls)?;

    let publishing = roles
        .iter()
        .any(|role| matches!(role, Role::Publication(..)));
    let is_watched = |role: &Role| match role {
        Role::Slot { spec, .. } => spec.kind == MediaKind::Video,
        Role::Refused | Role::Publication(..) | Role::Inactive(_) => false,
    };
    let with_roles = offer.media.iter().zip(&roles);
    let watched: Vec<_> = with_roles
        .filter_map(|(media, role)| is_watched(role).then_some(media))
        .collect();
    let extensions = extension::table(&used, &watched, publishing);
    let answer = answer::write(&offer, &roles, &extensions, dtls, local, policy);

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
        dtls,
        extensions,
        publications,
        slots,
        most_kbps: policy.most_kbps,
    };
    Ok(Negotiated { spec, answer })
}

/// Decides what becomes of every m-line, in the order of the offer.
fn assign(
    offer: &Offer,
    local: &LocalDescription<'_>,
    policy: &PeerPolicy,
) -> Result<Vec<Role>, OfferError> {
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
        let role = role_of(offer, media, local, policy, *stream)?;
        if matches!(role, Role::Slot { .. }) {
            *stream += 1;
        }
        roles.push(role);
    }
    Ok(roles)
}

fn role_of(
    offer: &Offer,
    media: &Media,
    local: &LocalDescription<'_>,
    policy: &PeerPolicy,
    stream: usize,
) -> Result<Role, OfferError> {
    let Some(kind) = media.kind.filter(|_| !media.disabled) else {
        return Ok(Role::Refused);
    };
    let may_send = match kind {
        MediaKind::Audio => policy.may_send_audio,
        MediaKind::Video => policy.may_send_video,
    };
    let sends = may_send && matches!(media.direction, Direction::SendOnly | Direction::SendRecv);
    if !offer.is_acceptable(media) {
        return refused_unless(sends, || media.obstacle());
    }
    let codecs = codec::supported(media, kind);
    let Some(first) = codecs.first() else {
        return refused_unless(sends, || OfferError::NoCodec {
            mline: media.index.into(),
            kind,
            offered: codec::names(media),
        });
    };
    if sends {
        let chosen = first.plain();
        let spec = publication(media, kind, &chosen);
        return Ok(Role::Publication(chosen, spec));
    }
    let is_too_many = kind == MediaKind::Audio && stream >= MAX_AUDIO_SLOTS;
    Ok(match media.direction {
        Direction::SendRecv | Direction::RecvOnly if !is_too_many => Role::Slot {
            spec: slot(media, kind, &codecs, local, policy, stream),
            codecs,
            stream,
        },
        _ => Role::Inactive(codecs.iter().map(Chosen::plain).collect()),
    })
}

/// An m-line that cannot be accepted: its offer goes on without it unless it would send there.
fn refused_unless(sends: bool, why: impl FnOnce() -> OfferError) -> Result<Role, OfferError> {
    if sends { Err(why()) } else { Ok(Role::Refused) }
}

fn publication(media: &Media, kind: MediaKind, chosen: &Chosen) -> PublicationSpec {
    let mut rids = match kind {
        // Layers that nothing tells apart would all be dropped.
        MediaKind::Video if Extension::Rid.offered(media).is_some() => {
            media.simulcast_rids(chosen.spec.pt)
        }
        MediaKind::Video | MediaKind::Audio => Vec::new(),
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
