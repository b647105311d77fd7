//! What an endpoint offers to send, and what an answer makes of it.

use std::fmt::Write as _;

use rand::Rng;
use rand::rngs::SmallRng;
use sfu::command::Fingerprint;
use sfu::kind::MediaKind;

use crate::clip::Clip;
use crate::publish::{Encoder, TrackSpec};
use crate::sdp::{Answer, AnswerMedia, SendTrack};

/// What an endpoint can send.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sends {
    /// Nothing: a player.
    #[default]
    Nothing,
    /// Microphone, camera in one layer, screen: a site.
    Site,
    /// Microphone, camera in all layers of the clip, screen: a hall.
    Hall,
    /// Microphone and camera in all layers: a WHIP encoder.
    Encoder,
}

/// Why an answer does not fit the offer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NegotiationError {
    /// The answer removed or added m-lines.
    #[error("the offer had {expected} m-lines and the answer has {found}")]
    MediaCount {
        /// In the offer.
        expected: usize,
        /// In the answer.
        found: usize,
    },
    /// Something was to be published and nothing is accepted.
    #[error("the server takes neither the microphone nor the camera")]
    NothingAccepted,
}

impl Sends {
    pub(super) fn tracks(self, clip: &Clip, rng: &mut SmallRng) -> Vec<SendTrack> {
        let mut stream = || (rng.next_u32() | 1, rng.next_u32() | 1);
        let one = |kind, ssrc| SendTrack {
            kind,
            rids: Vec::new(),
            ssrcs: vec![ssrc],
        };
        if self == Self::Nothing {
            return Vec::new();
        }
        let mut tracks = vec![one(MediaKind::Audio, stream())];
        let simulcast = self != Self::Site && clip.layers.len() > 1;
        if simulcast {
            tracks.push(SendTrack {
                kind: MediaKind::Video,
                rids: clip
                    .layers
                    .iter()
                    .map(|layer| layer.rid.to_owned())
                    .collect(),
                ssrcs: clip.layers.iter().map(|_| stream()).collect(),
            });
        } else {
            tracks.push(one(MediaKind::Video, stream()));
        }
        if self != Self::Encoder {
            tracks.push(one(MediaKind::Video, stream()));
        }
        tracks
    }

    pub(super) fn sources(self) -> Vec<(String, &'static str)> {
        let sources: &[&'static str] = match self {
            Self::Nothing => &[],
            Self::Site | Self::Hall => &["microphone", "camera", "screen"],
            Self::Encoder => &["microphone", "camera"],
        };
        let numbered = sources.iter().enumerate();
        numbered
            .map(|(mid, &source)| (mid.to_string(), source))
            .collect()
    }
}

/// What will be sent on the microphone and the camera, as far as the server takes it. A screen is
/// offered as browsers do and stays silent.
pub(super) fn track_specs(
    tracks: &[SendTrack],
    answered: &[AnswerMedia],
    answer: &Answer,
    (clip, encoder, first): (&Clip, Encoder, Option<u16>),
) -> Result<Vec<TrackSpec>, NegotiationError> {
    let played = tracks.iter().zip(answered).take(2);
    let specs: Vec<TrackSpec> = played
        .filter_map(|(track, media)| {
            let (pt, codec) = media.preferred().filter(|_| media.receives)?;
            Some(TrackSpec {
                codec,
                mid: media.mid.clone(),
                pt,
                rtx_pt: media.rtx_pt,
                nack: media.nack,
                twcc: answer.twcc.is_some() && encoder.numbers_packets(),
                audio_level: answer.audio_level.is_some() && track.kind == MediaKind::Audio,
                streams: streams(track, media, clip),
                first,
            })
        })
        .collect();
    if specs.is_empty() && !tracks.is_empty() && answered.iter().all(|media| !media.receives) {
        // A site without the right to send is answered `inactive`: it only watches.
        return Ok(specs);
    }
    if specs.iter().any(|spec| spec.streams.is_empty()) {
        return Err(NegotiationError::NothingAccepted);
    }
    Ok(specs)
}

fn streams(
    track: &SendTrack,
    media: &AnswerMedia,
    clip: &Clip,
) -> Vec<(usize, Option<String>, u32, u32)> {
    if track.rids.is_empty() {
        // One layer of the clip: the middle one, where there are several.
        let layer = clip.layers.len() / 2;
        let ssrcs = track.ssrcs.iter();
        return ssrcs
            .map(|&(media, rtx)| (layer, None, media, rtx))
            .collect();
    }
    let layers = track.rids.iter().zip(&track.ssrcs).enumerate();
    let accepted: Vec<_> = layers
        .filter(|(_, (rid, _))| media.rids.contains(rid))
        .map(|(layer, (rid, &(media, rtx)))| (layer, Some(rid.clone()), media, rtx))
        .collect();
    if accepted.is_empty() {
        // No simulcast in the answer: the best layer alone, without RIDs (RFC 8853 §5.3.2).
        let best = track.ssrcs.len().saturating_sub(1);
        let last = track.ssrcs.last();
        return last
            .map(|&(media, rtx)| (best, None, media, rtx))
            .into_iter()
            .collect();
    }
    accepted
}

/// A fingerprint as SDP has it.
pub(super) fn colons(fingerprint: Fingerprint) -> String {
    let mut text = String::with_capacity(95);
    for (n, byte) in fingerprint.0.iter().enumerate() {
        let colon = if n == 0 { "" } else { ":" };
        write!(text, "{colon}{byte:02X}").expect("writing to a string cannot fail");
    }
    text
}
