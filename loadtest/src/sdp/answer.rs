//! Reading a complete answer. The only file that names rtc-sdp.

use std::io::Cursor;
use std::net::{IpAddr, SocketAddr};

use rtc_sdp::description::media::MediaDescription;
use rtc_sdp::description::session::SessionDescription;
use sfu::command::{Fingerprint, HostCandidate, IceCredentials};
use sfu::kind::{Codec, MediaKind};

/// Which end of the DTLS handshake the server is (RFC 8842 §5.2).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Setup {
    /// It waits for our ClientHello.
    #[default]
    Passive,
    /// It sends its own.
    Active,
}

/// What the server answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The server's credentials.
    pub ice: IceCredentials,
    /// What its certificate must hash to.
    pub fingerprint: Fingerprint,
    /// Which end of the handshake it is.
    pub setup: Setup,
    /// Where it can be reached; may be empty in an answer that trickles.
    pub candidates: Vec<HostCandidate>,
    /// Id of the transport-wide sequence number, if accepted.
    pub twcc: Option<u8>,
    /// Id of the audio level, if accepted.
    pub audio_level: Option<u8>,
    /// The m-lines, in the order of the offer.
    pub media: Vec<AnswerMedia>,
}

/// One m-line of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one line of the SDP, and they are independent"
)]
pub struct AnswerMedia {
    /// Its MID.
    pub mid: String,
    /// Sound or picture.
    pub kind: MediaKind,
    /// The server takes what we send here.
    pub receives: bool,
    /// The server sends here.
    pub sends: bool,
    /// Payload types of the media, the preferred one first; none when the m-line is refused.
    pub codecs: Vec<(u8, Codec)>,
    /// Payload type of its retransmissions.
    pub rtx_pt: Option<u8>,
    /// Payload type under which sound carries what came before it.
    pub red_pt: Option<u8>,
    /// Generic NACK may be sent.
    pub nack: bool,
    /// Picture loss indication may be sent.
    pub pli: bool,
    /// SSRC of the media and of its retransmissions, as far as declared.
    pub ssrc: Option<(u32, Option<u32>)>,
    /// RIDs that the server takes, lowest first.
    pub rids: Vec<String>,
}

/// Why an answer cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AnswerError {
    /// Not SDP.
    #[error("the answer is not SDP: {0}")]
    Malformed(String),
    /// It lacks something a connection cannot be made without.
    #[error("the answer has no {0}")]
    Missing(&'static str),
    /// A value cannot be read.
    #[error("the answer's {attribute} is malformed: {value}")]
    BadValue {
        /// Name of the attribute.
        attribute: &'static str,
        /// As it stands there.
        value: String,
    },
}

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    /// When it is not SDP or lacks credentials, fingerprint or MIDs.
    pub fn parse(sdp: &str) -> Result<Self, AnswerError> {
        let session = SessionDescription::unmarshal(&mut Cursor::new(sdp.as_bytes()))
            .map_err(|error| AnswerError::Malformed(error.to_string()))?;
        let first = session
            .media_descriptions
            .iter()
            .find(|media| media.attribute("ice-ufrag").is_some())
            .or_else(|| session.media_descriptions.first())
            .ok_or(AnswerError::Missing("m-line"))?;
        // ICE and DTLS lines may stand at either level (RFC 8839 §5.4, RFC 8122 §5).
        let either = |key| {
            let at_media = first.attribute(key).flatten();
            at_media.or_else(|| session.attribute(key).map(String::as_str))
        };
        let setup = match either("setup").map(str::trim) {
            None | Some("passive") => Setup::Passive,
            Some("active") => Setup::Active,
            Some(other) => {
                return Err(AnswerError::BadValue {
                    attribute: "a=setup",
                    value: other.to_owned(),
                });
            }
        };
        let fingerprint = either("fingerprint").ok_or(AnswerError::Missing("a=fingerprint"))?;
        let mut candidates = Vec::new();
        for media in &session.media_descriptions {
            for candidate in values(media, "candidate").filter_map(host_candidate) {
                if !candidates.contains(&candidate) {
                    candidates.push(candidate);
                }
            }
        }
        let extension = |uri| {
            let mut all = session.media_descriptions.iter();
            all.find_map(|media| extension_id(media, uri))
        };
        Ok(Self {
            ice: IceCredentials {
                ufrag: either("ice-ufrag")
                    .ok_or(AnswerError::Missing("a=ice-ufrag"))?
                    .to_owned(),
                pwd: either("ice-pwd")
                    .ok_or(AnswerError::Missing("a=ice-pwd"))?
                    .to_owned(),
            },
            fingerprint: parse_fingerprint(fingerprint)?,
            setup,
            candidates,
            twcc: extension(
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            ),
            audio_level: extension("urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
            media: session
                .media_descriptions
                .iter()
                .filter(|media| matches!(media.media_name.media.as_str(), "audio" | "video"))
                .map(read_media)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl AnswerMedia {
    /// The payload type to send with, and what it is.
    pub fn preferred(&self) -> Option<(u8, Codec)> {
        self.codecs.first().copied()
    }
}

fn read_media(media: &MediaDescription) -> Result<AnswerMedia, AnswerError> {
    let kind = match media.media_name.media.as_str() {
        "audio" => MediaKind::Audio,
        _ => MediaKind::Video,
    };
    let codecs = values(media, "rtpmap").filter_map(|value| {
        let (pt, name) = value.split_once(' ')?;
        let codec = match (kind, name.to_ascii_lowercase().split_once('/')?.0) {
            (MediaKind::Audio, "opus") => Codec::Opus,
            (MediaKind::Video, "vp8") => Codec::Vp8,
            (MediaKind::Video, "h264") => Codec::H264,
            _ => return None,
        };
        Some((pt.parse().ok()?, codec))
    });
    let codecs: Vec<(u8, Codec)> = codecs.collect();
    let pt = codecs.first().map(|(pt, _)| *pt);
    // RFC 9429 §5.3.1: port 0 refuses, except where BUNDLE puts it on a line that is in the group.
    let refused = media.media_name.port.value == 0 && media.attribute("ice-ufrag").is_none();
    let inactive = media.has_attribute("inactive") || refused;
    let both = media.has_attribute("sendrecv");
    Ok(AnswerMedia {
        mid: media
            .attribute("mid")
            .flatten()
            .ok_or(AnswerError::Missing("a=mid"))?
            .to_owned(),
        kind,
        receives: !inactive && (media.has_attribute("recvonly") || both),
        sends: !inactive && (media.has_attribute("sendonly") || both),
        codecs: if inactive { Vec::new() } else { codecs },
        rtx_pt: pt.and_then(|pt| rtx_pt(media, pt)),
        red_pt: payload_type(media, "red/48000"),
        nack: pt.is_some_and(|pt| has_feedback(media, pt, "nack")),
        pli: pt.is_some_and(|pt| has_feedback(media, pt, "nack pli")),
        ssrc: declared_ssrc(media),
        rids: values(media, "rid")
            .filter_map(|value| value.split_once(' '))
            .filter(|(_, rest)| rest.starts_with("recv"))
            .map(|(rid, _)| rid.to_owned())
            .collect(),
    })
}

/// The first payload type whose name begins so.
fn payload_type(media: &MediaDescription, codec: &str) -> Option<u8> {
    values(media, "rtpmap").find_map(|value| {
        let (pt, name) = value.split_once(' ')?;
        let matches = name.to_ascii_lowercase().starts_with(codec);
        matches.then(|| pt.parse().ok()).flatten()
    })
}

fn values<'a>(media: &'a MediaDescription, key: &'a str) -> impl Iterator<Item = &'a str> {
    media
        .attributes
        .iter()
        .filter(move |attribute| attribute.key == key)
        .filter_map(|attribute| attribute.value.as_deref())
}

fn rtx_pt(media: &MediaDescription, pt: u8) -> Option<u8> {
    values(media, "fmtp").find_map(|value| {
        let (rtx, parameters) = value.split_once(' ')?;
        let apt = parameters
            .split(';')
            .find_map(|one| one.trim().strip_prefix("apt="))?;
        (apt.parse() == Ok(pt)).then(|| rtx.parse().ok()).flatten()
    })
}

fn has_feedback(media: &MediaDescription, pt: u8, wanted: &str) -> bool {
    values(media, "rtcp-fb").any(|value| {
        value.split_once(' ').is_some_and(|(for_pt, feedback)| {
            (for_pt == "*" || for_pt.parse() == Ok(pt)) && feedback.trim() == wanted
        })
    })
}

fn declared_ssrc(media: &MediaDescription) -> Option<(u32, Option<u32>)> {
    let number = |text: &str| text.parse::<u32>().ok();
    let group = values(media, "ssrc-group").find_map(|value| {
        let mut words = value.strip_prefix("FID ")?.split_whitespace();
        Some((number(words.next()?)?, number(words.next()?)))
    });
    group.or_else(|| {
        let first = values(media, "ssrc").next()?;
        Some((number(first.split_once(' ')?.0)?, None))
    })
}

fn extension_id(media: &MediaDescription, uri: &str) -> Option<u8> {
    values(media, "extmap").find_map(|value| {
        let (id, rest) = value.split_once(' ')?;
        let found = rest.split_whitespace().next() == Some(uri);
        // The id may carry a direction: "3/recvonly".
        found.then(|| id.split('/').next()?.parse().ok()).flatten()
    })
}

/// A host candidate as we can use it: component 1, UDP or passive TCP, an address and no name.
fn host_candidate(value: &str) -> Option<HostCandidate> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let &[_, component, transport, _, address, port, "typ", kind, ..] = words.as_slice() else {
        return None;
    };
    let ip: IpAddr = address.parse().ok()?;
    let tcp = transport.eq_ignore_ascii_case("tcp");
    let usable = component == "1"
        && matches!(kind, "host" | "srflx")
        && (!tcp || words.windows(2).any(|pair| pair == ["tcptype", "passive"]));
    usable.then_some(HostCandidate {
        address: SocketAddr::new(ip, port.parse().ok()?),
        tcp,
    })
}

fn parse_fingerprint(value: &str) -> Result<Fingerprint, AnswerError> {
    let bad = || AnswerError::BadValue {
        attribute: "a=fingerprint",
        value: value.to_owned(),
    };
    let (algorithm, hex) = value.trim().split_once(' ').ok_or_else(bad)?;
    if !algorithm.eq_ignore_ascii_case("sha-256") {
        return Err(bad());
    }
    let bytes = hex
        .trim()
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16))
        .collect::<Result<Vec<u8>, _>>()
        .map_err(|_| bad())?;
    bytes.try_into().map(Fingerprint).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINGERPRINT: &str = "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:\
        16:17:18:19:1A:1B:1C:1D:1E:1F";

    fn answer() -> String {
        format!(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\na=ice-lite\r\n\
             m=audio 7910 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 127.0.0.1\r\na=mid:0\r\n\
             a=ice-ufrag:00abcdefghij\r\na=ice-pwd:0123456789012345678901234567890\r\n\
             a=fingerprint:sha-256 {FINGERPRINT}\r\na=setup:passive\r\na=rtcp-mux\r\n\
             a=candidate:1 1 udp 2130706431 127.0.0.1 7910 typ host\r\n\
             a=candidate:2 1 tcp 1671430143 127.0.0.1 7910 typ host tcptype passive\r\n\
             a=candidate:3 1 udp 1 name.local 7910 typ host\r\n\
             a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
             a=recvonly\r\na=rtpmap:111 opus/48000/2\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\n\
             a=extmap:3/recvonly http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
             a=ice-ufrag:00abcdefghij\r\na=ice-pwd:0123456789012345678901234567890\r\n\
             a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
             a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:102 H264/90000\r\n\
             a=ssrc-group:FID 11 12\r\na=ssrc:11 cname:x\r\na=ssrc:12 cname:x\r\n\
             m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=inactive\r\n"
        )
    }

    #[test]
    fn everything_a_client_needs_is_read() {
        let answer = Answer::parse(&answer()).unwrap();
        assert_eq!(answer.ice.ufrag, "00abcdefghij");
        assert_eq!(answer.fingerprint.0[31], 0x1f);
        assert_eq!(answer.setup, Setup::Passive);
        assert_eq!((answer.twcc, answer.audio_level), (Some(3), Some(1)));
        let address = "127.0.0.1:7910".parse().unwrap();
        assert_eq!(
            answer.candidates,
            [false, true].map(|tcp| HostCandidate { address, tcp })
        );
        let [audio, video, refused] = answer.media.as_slice() else {
            panic!("three m-lines")
        };
        assert!(audio.receives && !audio.sends && !audio.nack);
        assert_eq!(audio.preferred(), Some((111, Codec::Opus)));
        assert!(video.sends && video.nack && video.pli);
        assert_eq!(video.codecs, [(96, Codec::Vp8), (102, Codec::H264)]);
        assert_eq!(video.rtx_pt, Some(97));
        assert_eq!(video.ssrc, Some((11, Some(12))));
        assert!(!refused.sends && !refused.receives && refused.codecs.is_empty());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let cases = [
            ("a=fingerprint:sha-256", "a=x:sha-256", "no a=fingerprint"),
            (
                "a=fingerprint:sha-256 00",
                "a=fingerprint:sha-256 zz",
                "a=fingerprint is malformed",
            ),
            (
                "a=setup:passive",
                "a=setup:actpass",
                "a=setup is malformed: actpass",
            ),
            ("a=mid:1\r\n", "", "no a=mid"),
            ("v=0", "v=x", "not SDP"),
        ];
        for (from, to, expected) in cases {
            let error = Answer::parse(&answer().replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error} for {to}");
        }
    }
}
