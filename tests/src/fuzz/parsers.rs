//! Parsers of the media plane and of the load test: no state, no keys.

use rtc_shared::tcp_framing::TcpFrameDecoder;
use sfu::codec;
use sfu::command::{IceCredentials, PeerPolicy};
use sfu::id::{ConferenceId, Feed, Ssrc};
use sfu::kind::Codec;
use sfu::rtp::{Header, is_rtcp, rtcp_packets};
use sfu::sdp::{LocalDescription, negotiate};

use super::Target;

/// Offers of browsers, encoders and players; also of an eager one that may do everything.
pub(super) const OFFER: Target = Target {
    name: "offer",
    seeds: offers,
    run: offer,
    short: 3_000,
};

/// RTP headers with their extensions and padding.
pub(super) const RTP: Target = Target {
    name: "rtp",
    seeds: rtp_packets,
    run: rtp,
    short: 100_000,
};

/// RTCP compounds, walked as the shard walks them.
pub(super) const RTCP: Target = Target {
    name: "rtcp",
    seeds: rtcp_compounds,
    run: rtcp,
    short: 100_000,
};

/// What forwarding sees of VP8 and H.264.
pub(super) const PAYLOAD: Target = Target {
    name: "payload",
    seeds: payloads,
    run: payload,
    short: 100_000,
};

/// The framing of RFC 4571, in pieces as TCP delivers them.
pub(super) const FRAMING: Target = Target {
    name: "framing",
    seeds: framed,
    run: framing,
    short: 20_000,
};

/// Answers, as the load test reads them from any server.
pub(super) const ANSWER: Target = Target {
    name: "answer",
    seeds: answers,
    run: answer,
    short: 3_000,
};

fn offers() -> Vec<Vec<u8>> {
    [
        include_str!("../../../sfu/tests/golden/chromium-publish-offer.sdp"),
        include_str!("../../../sfu/tests/golden/chromium-watch-offer.sdp"),
        include_str!("../../../sfu/tests/golden/firefox-publish-offer.sdp"),
        include_str!("../../../sfu/tests/golden/firefox-watch-offer.sdp"),
        include_str!("../../../sfu/tests/golden/gstreamer-nack-whip-offer.sdp"),
        include_str!("../../../sfu/tests/golden/gstreamer-whip-offer.sdp"),
        include_str!("../../../sfu/tests/golden/obs-whip-offer.sdp"),
        include_str!("../../../sfu/tests/golden/player-whep-offer.sdp"),
        include_str!("../../../sfu/tests/golden/safari-site-offer.sdp"),
    ]
    .map(|offer| offer.as_bytes().to_vec())
    .to_vec()
}

fn offer(input: &[u8]) {
    let Ok(offer) = std::str::from_utf8(input) else {
        return;
    };
    let ice = IceCredentials {
        ufrag: "00abcdef".to_owned(),
        pwd: "a-password-of-some-length".to_owned(),
    };
    let local = LocalDescription {
        conference: ConferenceId(1),
        ice: &ice,
        fingerprint: sfu::command::Fingerprint([7; 32]),
        candidates: &[],
        first_ssrc: Ssrc(1),
        session_id: 1,
        version: 1,
        dtls: None,
    };
    let policy = PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        video_slots: vec![Some(Feed::Stage(0)); 3],
        ..PeerPolicy::default()
    };
    if let Ok(negotiated) = negotiate(offer, &local, &policy) {
        // A carriage return alone ends a line too.
        let lines = |text: &str| {
            text.split(['\r', '\n'])
                .filter(|line| line.starts_with("m="))
                .count()
        };
        assert_eq!(
            lines(&negotiated.answer),
            lines(offer),
            "an answer has the m-lines of its offer (RFC 3264 §6)"
        );
    }
}

fn rtp_packets() -> Vec<Vec<u8>> {
    let bare = [
        0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x90, 0xe0, 0x92, 0x34,
    ];
    let one_byte = [
        0x90, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 2, 0x10, 0x30, 0x22, 1, 2, 3, 0,
        0, 9, 9,
    ];
    let two_byte = [
        0xb1, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0x10, 0, 0, 1, 1, 2, 5, 6, 1, 2, 3, 2,
    ];
    vec![bare.to_vec(), one_byte.to_vec(), two_byte.to_vec()]
}

fn rtp(input: &[u8]) {
    let Some(header) = Header::parse(input) else {
        return;
    };
    for id in [0, 1, 2, 14, 15, 255] {
        let _ = header.extension(input, id);
    }
    if let Some(payload) = header.payload(input) {
        assert!(payload.len() <= input.len());
    }
}

fn rtcp_compounds() -> Vec<Vec<u8>> {
    let sender_report = [
        0x80, 200, 0, 6, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2,
    ];
    let nack = [
        0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xfe, 0xff, 0xff,
    ];
    let pli = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
    let fir = [
        0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0,
    ];
    let twcc = [
        0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 4, 0, 0, 1, 0, 0x20, 4, 1, 1,
    ];
    let compound = [sender_report.as_slice(), &nack, &pli].concat();
    vec![
        compound,
        nack.to_vec(),
        pli.to_vec(),
        fir.to_vec(),
        twcc.to_vec(),
    ]
}

fn rtcp(input: &[u8]) {
    let _ = is_rtcp(input);
    let mut length = 0;
    for part in rtcp_packets(input) {
        length += part.bytes.len();
        for at in (0..part.bytes.len() + 8).step_by(4) {
            let _ = part.word(at);
        }
    }
    assert!(length <= input.len(), "parts do not overlap");
}

fn payloads() -> Vec<Vec<u8>> {
    vec![
        vec![0x90, 0xe0, 0x92, 0x34, 9, 0x00, 0x00, 1, 2],
        vec![0x10, 0x00, 1],
        vec![0x67, 0x42, 0xe0, 0x1f],
        // Parameters of 640×360, High, with what follows the profile.
        vec![
            0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0, 0, 3, 0, 1,
        ],
        // All of a VP8 descriptor: picture id, temporal layers, key index.
        vec![
            0x90, 0xf0, 0x92, 0x34, 9, 0x60, 0x00, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1,
        ],
        vec![0x78, 0, 2, 0x67, 0x42, 0, 2, 0x65, 0x88],
        vec![0x7c, 0x85, 0x88, 0x84],
    ]
}

fn payload(input: &[u8]) {
    let (first, rest) = input.split_at(input.len() / 2);
    let mut beginnings = codec::h264::Beginnings::default();
    for (time, payload) in [first, rest, input].into_iter().enumerate() {
        let begins = beginnings.begins(payload, time as u32);
        assert!(!begins || codec::inspect(Codec::H264, payload).keyframe);
    }
    for codec in [Codec::Opus, Codec::Vp8, Codec::H264] {
        let seen = codec::inspect(codec, input);
        if let Some(picture) = seen.vp8.and_then(|numbers| numbers.picture) {
            let mut copy = input.to_vec();
            codec::vp8::write_picture_id(&mut copy, picture, 0x7fff);
            assert_eq!(copy.len(), input.len());
        }
    }
}

fn framed() -> Vec<Vec<u8>> {
    vec![vec![0, 3, 1, 2, 3, 0, 0, 0, 1, 9], vec![0xff, 0xff, 1, 2]]
}

fn framing(input: &[u8]) {
    let mut decoder = TcpFrameDecoder::new();
    let piece = input.first().map_or(1, |first| usize::from(*first) + 1);
    let mut frames = 0;
    for piece in input.chunks(piece) {
        decoder.extend_from_slice(piece);
        while let Some(frame) = decoder.next_packet() {
            frames += frame.len() + 2;
        }
    }
    assert!(frames <= input.len(), "nothing is delivered twice");
}

fn answers() -> Vec<Vec<u8>> {
    [
        include_str!("../../../sfu/tests/golden/chromium-publish-answer.sdp"),
        include_str!("../../../sfu/tests/golden/chromium-watch-answer.sdp"),
        include_str!("../../../sfu/tests/golden/player-whep-answer.sdp"),
    ]
    .map(|answer| answer.as_bytes().to_vec())
    .to_vec()
}

fn answer(input: &[u8]) {
    if let Ok(answer) = std::str::from_utf8(input) {
        let _ = loadtest::sdp::Answer::parse(answer);
    }
}
