//! The offer of a light client, and what it needs of the answer.

use std::fmt::Write as _;

use sfu::command::{Fingerprint, IceCredentials};
use sfu::kind::{Codec, MediaKind};

/// Payload type of Opus.
pub(super) const OPUS: u8 = 111;
/// Payload type of VP8.
pub(super) const VP8: u8 = 96;
/// Payload type of H.264, without retransmissions.
pub(super) const H264: u8 = 102;
/// Payload type of VP8's retransmissions.
pub(super) const RTX: u8 = 97;

/// Header-extension ids.
pub(super) const LEVEL: u8 = 1;
/// Transport-wide sequence number.
pub(super) const TWCC: u8 = 3;
/// MID.
pub(super) const MID: u8 = 4;
/// RID.
pub(super) const RID: u8 = 10;
/// Repaired RID.
pub(super) const RRID: u8 = 11;

/// What goes into an offer.
pub(super) struct Offer<'a> {
    pub(super) ice: &'a IceCredentials,
    pub(super) fingerprint: Fingerprint,
    pub(super) setup: &'a str,
    pub(super) sends: bool,
    pub(super) rids: &'a [&'a str],
    pub(super) audio: usize,
    pub(super) video: usize,
    /// Of the picture that is sent.
    pub(super) codec: Codec,
}

impl Offer<'_> {
    pub(super) fn to_sdp(&self) -> String {
        let mut sections = Vec::new();
        if self.sends {
            sections.push((MediaKind::Audio, true));
            sections.push((MediaKind::Video, true));
        }
        sections.extend(vec![(MediaKind::Audio, false); self.audio]);
        sections.extend(vec![(MediaKind::Video, false); self.video]);
        let mids: Vec<String> = (0..sections.len()).map(|mid| mid.to_string()).collect();
        let mut sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n".to_owned();
        let _ = write!(sdp, "a=group:BUNDLE {}\r\n", mids.join(" "));
        for (mid, (kind, sends)) in sections.into_iter().enumerate() {
            self.section(&mut sdp, mid, kind, sends);
        }
        sdp
    }

    fn section(&self, sdp: &mut String, mid: usize, kind: MediaKind, sends: bool) {
        let (name, pts) = match kind {
            MediaKind::Audio => ("audio", "111"),
            MediaKind::Video if !sends => ("video", "96 97 102"),
            MediaKind::Video if self.codec == Codec::H264 => ("video", "102"),
            MediaKind::Video => ("video", "96 97"),
        };
        let digits: Vec<String> = self
            .fingerprint
            .0
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        let mut lines = vec![
            format!("m={name} 9 UDP/TLS/RTP/SAVPF {pts}"),
            "c=IN IP4 0.0.0.0".to_owned(),
            format!("a=mid:{mid}"),
            format!("a=ice-ufrag:{}", self.ice.ufrag),
            format!("a=ice-pwd:{}", self.ice.pwd),
            format!("a=fingerprint:sha-256 {}", digits.join(":")),
            format!("a=setup:{}", self.setup),
            "a=rtcp-mux".to_owned(),
            "a=rtcp-rsize".to_owned(),
            if sends { "a=sendonly" } else { "a=recvonly" }.to_owned(),
            format!("a=extmap:{MID} urn:ietf:params:rtp-hdrext:sdes:mid"),
            format!(
                "a=extmap:{TWCC} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            ),
        ];
        match kind {
            MediaKind::Audio => lines.extend([
                format!("a=extmap:{LEVEL} urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
                format!("a=rtpmap:{OPUS} opus/48000/2"),
                format!("a=rtcp-fb:{OPUS} transport-cc"),
            ]),
            MediaKind::Video => lines.extend([
                format!("a=extmap:{RID} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"),
                format!("a=extmap:{RRID} urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"),
            ]),
        }
        let is_video = kind == MediaKind::Video;
        if is_video && (!sends || self.codec != Codec::H264) {
            lines.extend([
                format!("a=rtpmap:{VP8} VP8/90000"),
                format!("a=rtcp-fb:{VP8} nack"),
                format!("a=rtcp-fb:{VP8} nack pli"),
                format!("a=rtcp-fb:{VP8} transport-cc"),
                format!("a=rtpmap:{RTX} rtx/90000"),
                format!("a=fmtp:{RTX} apt={VP8}"),
            ]);
        }
        if is_video && (!sends || self.codec == Codec::H264) {
            lines.extend([
                format!("a=rtpmap:{H264} H264/90000"),
                // Encoders make High, players name what all can.
                format!(
                    "a=fmtp:{H264} packetization-mode=1;profile-level-id={}",
                    if sends { "640028" } else { "42e01f" }
                ),
                format!("a=rtcp-fb:{H264} nack"),
                format!("a=rtcp-fb:{H264} nack pli"),
            ]);
        }
        if sends && kind == MediaKind::Video && !self.rids.is_empty() {
            lines.extend(self.rids.iter().map(|rid| format!("a=rid:{rid} send")));
            lines.push(format!("a=simulcast:send {}", self.rids.join(";")));
        }
        for line in lines {
            sdp.push_str(&line);
            sdp.push_str("\r\n");
        }
    }
}

/// A receiving m-line of the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announced {
    pub(super) kind: MediaKind,
    pub(super) ssrc: u32,
    pub(super) rtx: Option<u32>,
}

/// What the answer says.
pub(super) struct Answer {
    pub(super) ice: IceCredentials,
    pub(super) fingerprint: Fingerprint,
    pub(super) announced: Vec<Announced>,
}

impl Answer {
    pub(super) fn parse(sdp: &str) -> Self {
        let value = |key: &str| {
            let line = sdp.lines().find_map(|line| line.strip_prefix(key));
            line.expect("the answer is complete").to_owned()
        };
        let mut fingerprint = [0; 32];
        let digits = value("a=fingerprint:sha-256 ");
        for (byte, pair) in fingerprint.iter_mut().zip(digits.split(':')) {
            *byte = u8::from_str_radix(pair, 16).expect("hexadecimal");
        }
        let announced = sdp.split("m=").skip(1).filter_map(announced).collect();
        Self {
            ice: IceCredentials {
                ufrag: value("a=ice-ufrag:"),
                pwd: value("a=ice-pwd:"),
            },
            fingerprint: Fingerprint(fingerprint),
            announced,
        }
    }
}

fn announced(section: &str) -> Option<Announced> {
    let kind = if section.starts_with("audio") {
        MediaKind::Audio
    } else {
        MediaKind::Video
    };
    let mut ssrcs = section.lines().filter_map(|line| {
        line.strip_prefix("a=ssrc:")?
            .split(' ')
            .next()?
            .parse()
            .ok()
    });
    Some(Announced {
        kind,
        ssrc: ssrcs.next()?,
        rtx: ssrcs.next(),
    })
}
