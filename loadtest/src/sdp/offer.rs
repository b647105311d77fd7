//! An offer with the lines that Chromium writes, cut down to the codecs that are asked for.

use std::fmt::Write as _;

use sfu::command::IceCredentials;
use sfu::kind::{Codec, MediaKind};

use super::ids;
use crate::publish::Encoder;

/// A transceiver that sends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SendTrack {
    /// Sound or picture.
    pub kind: MediaKind,
    /// RIDs of a simulcast, lowest first; empty without simulcast.
    pub rids: Vec<String>,
    /// Media and RTX SSRC of each layer, or of the one stream.
    pub ssrcs: Vec<(u32, u32)>,
}

/// All that an offer says: senders first, then audio slots, then video slots; MIDs from 0.
#[derive(Clone, Debug)]
pub struct Offer<'a> {
    /// The client's credentials.
    pub ice: &'a IceCredentials,
    /// The client's certificate: `sha-256` in colon-separated hexadecimal.
    pub fingerprint: &'a str,
    /// Which end of the handshake it can be: `actpass` or `passive`.
    pub setup: &'a str,
    /// How it encodes the picture that it sends.
    pub encoder: Encoder,
    /// Codecs of pictures that it can receive, the preferred one first.
    pub decodes: &'a [Codec],
    /// It takes redundant sound, and asks for sound that is lost.
    pub keeps_sound_whole: bool,
    /// It says of what it receives when each packet came, by transport-wide numbers.
    pub reports_arrivals: bool,
    /// What it may send.
    pub sends: &'a [SendTrack],
    /// How many audio streams it can receive.
    pub audio_slots: usize,
    /// How many video streams it can receive.
    pub video_slots: usize,
}

impl Offer<'_> {
    /// The SDP.
    pub fn to_sdp(&self) -> String {
        let count = self.sends.len() + self.audio_slots + self.video_slots;
        let mut sdp = String::with_capacity(900 * count + 200);
        sdp.push_str("v=0\r\no=- 4611732054762223410 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        sdp.push_str("a=group:BUNDLE");
        for mid in 0..count {
            line(&mut sdp, format_args!(" {mid}"));
        }
        sdp.push_str("\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n");
        let mut mid = 0;
        for track in self.sends {
            self.section(&mut sdp, mid, track.kind, Some(track));
            mid += 1;
        }
        for _ in 0..self.audio_slots {
            self.section(&mut sdp, mid, MediaKind::Audio, None);
            mid += 1;
        }
        for _ in 0..self.video_slots {
            self.section(&mut sdp, mid, MediaKind::Video, None);
            mid += 1;
        }
        sdp
    }

    fn section(&self, sdp: &mut String, mid: usize, kind: MediaKind, send: Option<&SendTrack>) {
        let name = match kind {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
        };
        let own = [self.encoder.codec];
        let codecs = match (kind, send) {
            (MediaKind::Audio, _) => &[Codec::Opus],
            (MediaKind::Video, Some(_)) => own.as_slice(),
            (MediaKind::Video, None) => self.decodes,
        };
        let IceCredentials { ufrag, pwd } = self.ice;
        let fingerprint = self.fingerprint;
        line(sdp, format_args!("m={name} 9 UDP/TLS/RTP/SAVPF"));
        for codec in codecs {
            sdp.push_str(match codec {
                Codec::Opus => " 111",
                Codec::Vp8 => " 96 97",
                Codec::H264 => " 102",
            });
        }
        let keeps_whole = self.keeps_sound_whole && kind == MediaKind::Audio;
        let carries = keeps_whole && send.is_none();
        if carries {
            line(sdp, format_args!(" {}", ids::OPUS_RED));
        }
        sdp.push_str("\r\n");
        sdp.push_str("c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n");
        line(
            sdp,
            format_args!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n"),
        );
        line(
            sdp,
            format_args!("a=ice-options:trickle\r\na=fingerprint:sha-256 {fingerprint}\r\n"),
        );
        let setup = self.setup;
        line(sdp, format_args!("a=setup:{setup}\r\na=mid:{mid}\r\n"));
        let numbers = match send {
            Some(_) => self.encoder.numbers_packets(),
            None => self.reports_arrivals,
        };
        extensions(sdp, kind, numbers);
        sdp.push_str(if send.is_some() {
            "a=sendonly\r\n"
        } else {
            "a=recvonly\r\n"
        });
        if send.is_some() {
            line(sdp, format_args!("a=msid:- track-{mid}\r\n"));
        }
        sdp.push_str("a=rtcp-mux\r\na=rtcp-rsize\r\n");
        for codec in codecs {
            let reports = send.is_some() || self.reports_arrivals;
            describe(sdp, *codec, send.is_some(), reports);
        }
        if keeps_whole {
            describe_repairs_of_sound(sdp, carries);
        }
        if let Some(track) = send {
            let repairs = kind == MediaKind::Video && self.encoder.has_rtx();
            streams(sdp, mid, track, repairs);
        }
    }
}

fn extensions(sdp: &mut String, kind: MediaKind, numbers: bool) {
    const TWCC_URI: &str =
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    const HDREXT: &str = "urn:ietf:params:rtp-hdrext";
    if kind == MediaKind::Audio {
        line(
            sdp,
            format_args!(
                "a=extmap:{} {HDREXT}:ssrc-audio-level\r\n",
                ids::AUDIO_LEVEL
            ),
        );
    }
    if numbers {
        line(sdp, format_args!("a=extmap:{} {TWCC_URI}\r\n", ids::TWCC));
    }
    line(
        sdp,
        format_args!("a=extmap:{} {HDREXT}:sdes:mid\r\n", ids::MID),
    );
    if kind == MediaKind::Video {
        line(
            sdp,
            format_args!("a=extmap:{} {HDREXT}:sdes:rtp-stream-id\r\n", ids::RID),
        );
        let rrid = ids::RRID;
        line(
            sdp,
            format_args!("a=extmap:{rrid} {HDREXT}:sdes:repaired-rtp-stream-id\r\n"),
        );
    }
}

/// That what is lost of sound may be asked for, and that sound which is received may carry what came
/// before it: as the page says it, for Chromium can both and says only the second by itself.
fn describe_repairs_of_sound(sdp: &mut String, carries: bool) {
    let (pt, red) = (ids::OPUS, ids::OPUS_RED);
    line(sdp, format_args!("a=rtcp-fb:{pt} nack\r\n"));
    if !carries {
        return;
    }
    line(sdp, format_args!("a=rtpmap:{red} red/48000/2\r\n"));
    line(sdp, format_args!("a=fmtp:{red} {pt}/{pt}\r\n"));
}

fn describe(sdp: &mut String, codec: Codec, sends: bool, reports_arrivals: bool) {
    const ARRIVALS: &str = "transport-cc";
    match codec {
        Codec::Opus => {
            let pt = ids::OPUS;
            line(sdp, format_args!("a=rtpmap:{pt} opus/48000/2\r\n"));
            if reports_arrivals {
                line(sdp, format_args!("a=rtcp-fb:{pt} {ARRIVALS}\r\n"));
            }
            line(
                sdp,
                format_args!("a=fmtp:{pt} minptime=10;useinbandfec=1\r\n"),
            );
        }
        Codec::Vp8 => {
            let (pt, rtx) = (ids::VP8, ids::VP8_RTX);
            line(sdp, format_args!("a=rtpmap:{pt} VP8/90000\r\n"));
            for feedback in ["goog-remb", ARRIVALS, "ccm fir", "nack", "nack pli"] {
                if feedback != ARRIVALS || reports_arrivals {
                    line(sdp, format_args!("a=rtcp-fb:{pt} {feedback}\r\n"));
                }
            }
            line(
                sdp,
                format_args!("a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={pt}\r\n"),
            );
        }
        Codec::H264 => {
            let pt = ids::H264;
            // Encoders make High, players name what all can.
            let profile = if sends { "640028" } else { "42e01f" };
            line(sdp, format_args!("a=rtpmap:{pt} H264/90000\r\n"));
            for feedback in ["nack", "nack pli"] {
                line(sdp, format_args!("a=rtcp-fb:{pt} {feedback}\r\n"));
            }
            line(
                sdp,
                format_args!("a=fmtp:{pt} packetization-mode=1;profile-level-id={profile}\r\n"),
            );
        }
    }
}

fn streams(sdp: &mut String, mid: usize, track: &SendTrack, repairs: bool) {
    // As in browsers, a simulcast is told by RIDs and declares no SSRC.
    if !track.rids.is_empty() {
        for rid in &track.rids {
            line(sdp, format_args!("a=rid:{rid} send\r\n"));
        }
        line(
            sdp,
            format_args!("a=simulcast:send {}\r\n", track.rids.join(";")),
        );
        return;
    }
    for (media, rtx) in &track.ssrcs {
        if repairs {
            line(sdp, format_args!("a=ssrc-group:FID {media} {rtx}\r\n"));
        }
        line(sdp, format_args!("a=ssrc:{media} cname:dinh-loadtest\r\n"));
        line(sdp, format_args!("a=ssrc:{media} msid:- track-{mid}\r\n"));
        if repairs {
            line(sdp, format_args!("a=ssrc:{rtx} cname:dinh-loadtest\r\n"));
            line(sdp, format_args!("a=ssrc:{rtx} msid:- track-{mid}\r\n"));
        }
    }
}

fn line(sdp: &mut String, text: std::fmt::Arguments<'_>) {
    sdp.write_fmt(text)
        .expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reports_no_arrivals_asks_for_no_numbers() {
        let ice = IceCredentials {
            ufrag: "00clientufra".to_owned(),
            pwd: "0123456789012345678901234567890".to_owned(),
        };
        let offer = |reports_arrivals| {
            Offer {
                ice: &ice,
                fingerprint: "00:11",
                setup: "actpass",
                encoder: Encoder::default(),
                decodes: &[Codec::Vp8],
                keeps_sound_whole: true,
                reports_arrivals,
                sends: &[],
                audio_slots: 1,
                video_slots: 1,
            }
            .to_sdp()
        };
        for said in ["transport-cc", "transport-wide-cc"] {
            assert_eq!(offer(true).matches(said).count(), 2, "{said}");
            assert!(!offer(false).contains(said), "{said}");
        }
    }
}
