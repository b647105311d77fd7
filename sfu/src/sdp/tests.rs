//! Offers of real clients against golden answers, and offers that cannot be answered.
//!
//! `UPDATE_GOLDEN=1` rewrites the answers; look at the difference before committing it.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::command::{DeclaredSsrc, ExtensionIds, Token};
use crate::id::{Feed, Pt};
use crate::kind::{Codec, CodecSpec};

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn offer(name: &str) -> String {
    fs::read_to_string(golden(&format!("{name}-offer.sdp"))).unwrap()
}

fn credentials() -> IceCredentials {
    IceCredentials {
        ufrag: "00ufragUFRAG".to_owned(),
        pwd: "pwdPWDpwdPWDpwdPWDpwdPWDpwdPWDpw".to_owned(),
    }
}

fn candidates() -> Vec<HostCandidate> {
    let udp = HostCandidate {
        address: "192.0.2.1:7910".parse().unwrap(),
        tcp: false,
    };
    let v6 = HostCandidate {
        address: "[2001:db8::1]:7910".parse().unwrap(),
        tcp: false,
    };
    vec![udp, v6, HostCandidate { tcp: true, ..udp }]
}

fn speaker() -> PeerPolicy {
    PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        video_slots: vec![Some(Feed::Stage(0)), None, Some(Feed::Stage(2))],
        ptime_ms: None,
        reserved: false,
        most_kbps: None,
    }
}

fn listener() -> PeerPolicy {
    PeerPolicy {
        may_send_audio: false,
        may_send_video: false,
        ..speaker()
    }
}

const fn local<'a>(
    ice: &'a IceCredentials,
    candidates: &'a [HostCandidate],
) -> LocalDescription<'a> {
    LocalDescription {
        conference: ConferenceId(7),
        ice,
        fingerprint: Fingerprint([0xA5; 32]),
        candidates,
        first_ssrc: Ssrc(1_000),
        session_id: 42,
        version: 1,
        dtls: None,
    }
}

fn answer_to(offer: &str, policy: &PeerPolicy) -> Result<Negotiated, OfferError> {
    negotiate(offer, &local(&credentials(), &candidates()), policy)
}

fn negotiated(name: &str, policy: &PeerPolicy) -> Negotiated {
    answer_to(&offer(name), policy).unwrap()
}

/// Compares with the golden answer; its name is that of the offer, or of a variant of the policy.
fn assert_golden(name: &str, answer: &str) {
    let path = golden(&format!("{name}-answer.sdp"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, answer).unwrap();
    }
    assert_eq!(
        answer,
        fs::read_to_string(&path).unwrap(),
        "{}",
        path.display()
    );
}

fn token(text: &str) -> Token {
    Token::from(text).unwrap()
}

const fn codec(codec: Codec, pt: u8, rtx: Option<u8>) -> CodecSpec {
    CodecSpec {
        codec,
        pt: Pt(pt),
        rtx_pt: match rtx {
            Some(rtx) => Some(Pt(rtx)),
            None => None,
        },
        red_pt: None,
        nack: rtx.is_some(),
    }
}

#[test]
fn chromium_publishes_in_three_layers() {
    let Negotiated { spec, answer } = negotiated("chromium-publish", &speaker());
    assert_golden("chromium-publish", &answer);
    assert_eq!(
        spec.extensions,
        ExtensionIds {
            mid: Some(4),
            rid: Some(10),
            rrid: Some(11),
            twcc: Some(3),
            stamp: None,
            audio_level: Some(1)
        }
    );
    let [audio, video] = spec.publications.as_slice() else {
        panic!("{:?}", spec.publications);
    };
    assert_eq!(audio.codec, codec(Codec::Opus, 111, None));
    assert_eq!(
        audio.ssrcs,
        [DeclaredSsrc {
            media: Ssrc(1_111_943_601),
            rtx: None
        }]
    );
    assert_eq!(
        (video.mline, video.mid, video.kind),
        (1, token("1"), MediaKind::Video)
    );
    assert_eq!(video.codec, codec(Codec::Vp8, 96, Some(97)));
    assert_eq!(video.rids, [token("l"), token("m"), token("h")]);
    assert!(spec.slots.is_empty());
    assert_eq!(spec.fingerprint.0[..3], [0xBF, 0x12, 0x7E]);
}

#[test]
fn firefox_publishes_with_session_level_fingerprint_and_extension_directions() {
    let Negotiated { spec, answer } = negotiated("firefox-publish", &speaker());
    assert_golden("firefox-publish", &answer);
    assert_eq!(
        spec.extensions,
        ExtensionIds {
            mid: Some(3),
            rid: Some(9),
            rrid: Some(10),
            twcc: Some(7),
            stamp: None,
            audio_level: Some(1)
        }
    );
    assert_eq!(spec.fingerprint.0[..3], [0xDA, 0x49, 0x8D]);
    let video = &spec.publications[1];
    assert_eq!(video.codec, codec(Codec::Vp8, 120, Some(124)));
    assert_eq!(
        video.ssrcs[2],
        DeclaredSsrc {
            media: Ssrc(855_852_042),
            rtx: Some(Ssrc(2_237_060_524))
        }
    );
    assert_eq!(video.ssrcs.len(), 3);
    assert!(answer.contains("a=extmap:9/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"));
}

#[test]
fn chromium_and_firefox_watch() {
    let chromium = negotiated("chromium-watch", &listener());
    assert_golden("chromium-watch", &chromium.answer);
    assert_eq!(
        chromium.spec.slots[1].codecs,
        [
            codec(Codec::Vp8, 96, Some(97)),
            codec(Codec::H264, 108, Some(109))
        ],
        "constrained baseline is preferred to plain baseline"
    );
    let firefox = negotiated("firefox-watch", &listener());
    assert_golden("firefox-watch", &firefox.answer);
    assert_eq!(
        firefox.spec.slots[1].codecs,
        [codec(Codec::Vp8, 120, Some(124))]
    );
    for spec in [chromium.spec, firefox.spec] {
        assert_eq!(
            spec.extensions.twcc, None,
            "we give no feedback to who only watches"
        );
        assert!(spec.publications.is_empty());
    }
}

#[test]
fn sound_may_carry_what_came_before_where_the_receiver_says_so_and_never_towards_us() {
    let red_of = |spec: &SlotSpec| spec.codecs[0].red_pt;
    let watching = negotiated("chromium-watch", &listener());
    let sounds = |spec: &&SlotSpec| spec.kind == MediaKind::Audio;
    let slots: Vec<_> = watching
        .spec
        .slots
        .iter()
        .filter(sounds)
        .map(red_of)
        .collect();
    assert!(!slots.is_empty() && slots.iter().all(|red| *red == Some(Pt(63))));
    assert!(
        watching
            .answer
            .contains("a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n")
    );
    for altered in ["a=fmtp:63 111/9", "a=fmtp:63 0/0", "a=x:63"] {
        let offer = offer("chromium-watch").replace("a=fmtp:63 111/111", altered);
        let answered = answer_to(&offer, &listener()).unwrap();
        assert!(!answered.answer.contains("red/48000"), "{altered}");
        assert!(
            answered
                .spec
                .slots
                .iter()
                .all(|slot| red_of(slot).is_none())
        );
    }
    let publishing = negotiated("chromium-publish", &speaker());
    assert!(!publishing.answer.contains("red/48000"));
    let codecs = publishing.spec.publications.iter();
    assert!(
        codecs
            .map(|it| it.codec)
            .all(|codec| codec.red_pt.is_none())
    );
}

#[test]
fn a_safari_site_gets_slots_in_pairs_with_their_feeds() {
    let Negotiated { spec, answer } = negotiated(
        "safari-site",
        &PeerPolicy {
            ptime_ms: Some(60),
            ..speaker()
        },
    );
    assert_golden("safari-site", &answer);
    assert_eq!(spec.publications.len(), 2);
    assert_eq!(spec.publications[1].codec, codec(Codec::H264, 98, Some(99)));
    let feeds: Vec<_> = spec
        .slots
        .iter()
        .filter(|slot| slot.kind == MediaKind::Video)
        .map(|slot| slot.feed)
        .collect();
    assert_eq!(feeds, [Some(Feed::Stage(0)), None, Some(Feed::Stage(2))]);
    let ssrcs: Vec<_> = spec
        .slots
        .iter()
        .map(|slot| (slot.ssrc.0, slot.rtx_ssrc.0))
        .collect();
    assert_eq!(
        ssrcs,
        [
            (1_004, 1_005),
            (1_006, 1_007),
            (1_008, 1_009),
            (1_010, 1_011),
            (1_012, 1_013),
            (1_014, 1_015)
        ]
    );
    for stream in 0..3 {
        let of_stream = format!("a=msid:stream{stream} ");
        assert_eq!(
            answer.matches(&of_stream).count(),
            2,
            "audio and video {stream} are one stream"
        );
    }
    assert_eq!(
        answer.matches("a=ptime:60").count(),
        1,
        "asked of the one audio publication"
    );
}

#[test]
fn a_site_that_may_not_speak_is_told_inactive_and_keeps_its_slots() {
    let Negotiated { spec, answer } = negotiated("safari-site", &listener());
    assert_golden("safari-site-silent", &answer);
    assert!(spec.publications.is_empty());
    assert_eq!(spec.slots.len(), 6);
    assert_eq!(answer.matches("a=inactive").count(), 2);
}

#[test]
fn obs_publishes_over_whip() {
    let obs = negotiated("obs-whip", &speaker());
    assert_golden("obs-whip", &obs.answer);
    let sends_again = CodecSpec {
        nack: true,
        ..codec(Codec::H264, 96, None)
    };
    assert_eq!(obs.spec.publications[1].codec, sends_again);
    assert_eq!(obs.spec.extensions, ExtensionIds::default());
    assert!(
        obs.answer
            .contains("useinbandfec=1;stereo=1;sprop-stereo=1"),
        "its two channels are taken"
    );
}

#[test]
fn gstreamer_publishes_over_whip_as_it_is_and_where_it_answers_nacks() {
    let plain = negotiated("gstreamer-whip", &speaker());
    assert_golden("gstreamer-whip", &plain.answer);
    let [video, audio] = plain.spec.publications.as_slice() else {
        panic!(
            "sendrecv of who may send is a publication: {:?}",
            plain.spec
        );
    };
    assert_eq!(video.mid, token("video0"));
    assert_eq!(
        video.ssrcs,
        [DeclaredSsrc {
            media: Ssrc(2_757_003_047),
            rtx: None
        }]
    );
    assert_eq!(audio.codec, codec(Codec::Opus, 111, None));
    assert!(plain.spec.slots.is_empty());

    // With `do-nack` of its transceivers; there sound has a stream of repairs too.
    let repairing = negotiated("gstreamer-nack-whip", &speaker());
    assert_golden("gstreamer-nack-whip", &repairing.answer);
    let ssrcs = repairing.spec.publications.iter().map(|one| &one.ssrcs[0]);
    let ssrcs: Vec<_> = ssrcs.map(|one| (one.media.0, one.rtx.is_some())).collect();
    assert_eq!(ssrcs, [(2_577_982_355, true), (2_090_367_007, true)]);
}

#[test]
fn ffmpeg_is_called_by_the_server() {
    let Negotiated { spec, answer } = negotiated("ffmpeg-whip", &speaker());
    assert_golden("ffmpeg-whip", &answer);
    assert_eq!(spec.dtls, DtlsRole::Client);
    assert_eq!(answer.matches("a=setup:active").count(), 2);
    assert_eq!(
        spec.publications[1].codec,
        codec(Codec::H264, 106, Some(105))
    );
}

#[test]
fn aiortc_publishes_beside_a_data_channel_that_is_refused() {
    let Negotiated { spec, answer } = negotiated("aiortc-whip", &speaker());
    assert_golden("aiortc-whip", &answer);
    assert_eq!(spec.publications.len(), 2);
    let refused = answer.split("m=application 0 ").nth(1).unwrap();
    for line in ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:"] {
        assert!(refused.contains(line), "{line} is read before the port");
    }
    assert!(
        answer.contains("a=group:BUNDLE 0 1 2\r\n"),
        "it has gathered for the refused m-line too, and is to forget that"
    );
}

#[test]
fn who_begins_the_handshake_stays_so_when_ice_restarts() {
    let first = offer("ffmpeg-whip");
    let ice = credentials();
    let again = |text: &str| {
        let local = LocalDescription {
            dtls: Some(DtlsRole::Client),
            ..local(&ice, &[])
        };
        negotiate(text, &local, &speaker()).unwrap()
    };
    assert_eq!(again(&first).spec.dtls, DtlsRole::Client);
    let actpass = first.replace("setup:passive", "setup:actpass");
    let kept = again(&actpass);
    assert_eq!(kept.spec.dtls, DtlsRole::Client);
    assert!(kept.answer.contains("a=setup:active"));
    let other = again(&first.replace("setup:passive", "setup:active"));
    assert_eq!(other.spec.dtls, DtlsRole::Server, "which is no restart");
}

/// The sentence for an offer whose picture is described so.
fn picture_refused(rtpmap: &str, fmtp: &str) -> String {
    let text = offer("obs-whip")
        .replace("a=rtpmap:96 H264/90000", &format!("a=rtpmap:96 {rtpmap}"))
        .replace(
            "a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1",
            &format!("a=fmtp:96 {fmtp}"),
        );
    answer_to(&text, &speaker()).unwrap_err().to_string()
}

#[test]
fn a_codec_that_is_not_forwarded_is_refused_by_its_name_and_never_left_out() {
    for (rtpmap, fmtp, name) in [
        ("AV1/90000", "profile=0", "sends AV1, which"),
        ("VP9/90000", "profile-id=0", "sends VP9, which"),
        ("H265/90000", "level-id=93", "sends H.265 (HEVC), which"),
        (
            "H264/90000",
            "profile-level-id=7a0028",
            "sends H.264 High 4:2:2 ",
        ),
    ] {
        let refused = picture_refused(rtpmap, fmtp);
        assert!(refused.starts_with("m-line 1 "), "{refused}");
        assert!(refused.contains(name), "{refused}");
        assert!(refused.contains("-c:v libx264"), "{refused}");
    }
    let text = offer("obs-whip").replace("opus/48000/2", "PCMU/8000");
    let refused = answer_to(&text, &speaker()).unwrap_err().to_string();
    assert!(refused.contains("m-line 0 sends PCMU"), "{refused}");
    assert!(refused.contains("send Opus"), "{refused}");
}

#[test]
fn a_player_is_answered_whatever_it_cannot_show() {
    let text = offer("player-whep")
        .replace("VP8/", "AV1/")
        .replace("H264/", "VP9/");
    let Negotiated { spec, answer } = answer_to(&text, &listener()).unwrap();
    assert_eq!(spec.slots.len(), 1, "its sound");
    assert!(answer.contains("m=video 0 "));
    let nothing = text.replace("opus/", "PCMA/");
    let refused = answer_to(&nothing, &listener()).unwrap_err().to_string();
    assert!(
        refused.contains("offered: AV1, VP9, PCMA and PCMU."),
        "{refused}"
    );
}

#[test]
fn h264_of_every_profile_is_taken_from_publishers_and_by_players() {
    let profiles = ["42001f", "4d0028", "640028"];
    for (profile, mode) in profiles.into_iter().flat_map(|it| [(it, 0), (it, 1)]) {
        let fmtp = format!("packetization-mode={mode};profile-level-id={profile}");
        let text = offer("obs-whip").replace(
            "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1",
            &fmtp,
        );
        let Negotiated { spec, answer } = answer_to(&text, &speaker()).unwrap();
        assert_eq!(spec.publications[1].codec.codec, Codec::H264);
        let wanted = format!("a=fmtp:96 level-asymmetry-allowed=1;{fmtp}\r\n");
        assert!(answer.contains(&wanted), "{answer}");
        let slots = answer_to(&text.replace("sendonly", "recvonly"), &listener());
        assert_eq!(slots.unwrap().spec.slots.len(), 2, "{fmtp}");
    }
}

#[test]
fn extension_ids_above_14_are_taken_where_headers_may_be_mixed() {
    let plain = offer("chromium-publish").replace("a=extmap-allow-mixed\r\n", "");
    let high = ["4 urn:ietf:params:rtp-hdrext:sdes:mid", "10 urn", "11 urn"];
    let text = high
        .iter()
        .zip(["15", "16", "255"])
        .fold(plain, |text, (old, id)| {
            let (_, uri) = old.split_once(' ').unwrap();
            text.replace(&format!("a=extmap:{old}"), &format!("a=extmap:{id} {uri}"))
        });
    let ids = |spec: &PeerSpec| {
        (
            spec.extensions.mid,
            spec.extensions.rid,
            spec.extensions.rrid,
        )
    };

    let without = answer_to(&text, &speaker()).unwrap();
    assert_eq!(ids(&without.spec), (None, None, None));
    assert!(without.spec.publications[1].rids.is_empty());
    assert!(
        !without.answer.contains("a=simulcast") && !without.answer.contains("a=rid:"),
        "layers that nothing tells apart are not promised"
    );

    let mixed = text.replacen("t=0 0\r\n", "t=0 0\r\na=extmap-allow-mixed\r\n", 1);
    let with = answer_to(&mixed, &speaker()).unwrap();
    assert_eq!(ids(&with.spec), (Some(15), Some(16), Some(255)));
    assert_eq!(with.spec.publications[1].rids.len(), 3);
    assert!(
        with.answer
            .contains("a=extmap:16 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id")
    );

    let watching = mixed.replace("sendonly", "recvonly");
    let slots = answer_to(&watching, &listener()).unwrap();
    assert_eq!(
        slots.spec.extensions.mid, None,
        "what is sent has short headers"
    );
    assert!(!slots.answer.contains("sdes:mid"));
}

#[test]
fn m_lines_without_a_mid_get_one_that_is_told_nobody() {
    let whip = offer("obs-whip").replace("a=group:BUNDLE 0 1\r\n", "");
    let audio_only = whip.split("m=video").next().unwrap();
    let nameless = audio_only.replace("a=mid:0\r\n", "");
    let Negotiated { spec, answer } = answer_to(&nameless, &speaker()).unwrap();
    assert_eq!(spec.publications[0].mid, token("0"));
    assert!(!answer.contains("a=mid:"));
    // One that is made up is another than those of the offer.
    let beside = nameless.replace(
        "m=audio",
        "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\nm=audio",
    );
    let spec = answer_to(&beside, &speaker()).unwrap().spec;
    assert_eq!(spec.publications[0].mid, token("1"));
}

#[test]
fn odd_heads_of_a_session_do_not_matter() {
    let text = offer("obs-whip");
    let (head, rest) = text.split_once("t=0 0\r\n").unwrap();
    let origin = head.lines().nth(1).unwrap();
    let odd = head.replace(origin, "o=- -18446744073709551617 -2 IN IP4 0.0.0.0");
    let odd = format!("{odd}a=tool:x\r\nt=0 0\r\nc=IN IP4 0.0.0.0\r\n{rest}");
    assert_eq!(
        answer_to(&odd, &speaker()).unwrap(),
        negotiated("obs-whip", &speaker())
    );
}

#[test]
fn a_whep_player_gets_slots_and_its_data_channel_refused() {
    let Negotiated { spec, answer } = negotiated("player-whep", &listener());
    assert_golden("player-whep", &answer);
    assert_eq!(spec.slots.len(), 2);
    assert!(answer.contains("m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    assert!(
        answer.contains("a=group:BUNDLE 0 1\r\n"),
        "a refused m-line is not in the bundle"
    );
}

#[test]
fn sendrecv_of_who_may_not_send_is_a_slot() {
    let Negotiated { spec, .. } = negotiated("gstreamer-whip", &listener());
    assert_eq!((spec.publications.len(), spec.slots.len()), (0, 2));
}

#[test]
fn the_media_ssrc_is_named_before_its_rtx() {
    let answer = negotiated("chromium-watch", &listener()).answer;
    let at = |text: &str| answer.find(text).expect(text);
    assert!(at("a=ssrc:1002 cname:") < at("a=ssrc:1003 cname:"));
    assert!(answer.contains("a=ssrc-group:FID 1002 1003"));
    assert!(answer.contains("transport-cc") && !answer.contains("goog-remb"));
}

#[test]
fn every_answer_has_the_m_lines_and_mids_of_its_offer() {
    for name in NAMES {
        for policy in [speaker(), listener()] {
            let offer = offer(name);
            let answer = answer_to(&offer, &policy).unwrap().answer;
            let lines = |text: &str, of: &str| -> Vec<String> {
                text.lines()
                    .filter(|line| line.starts_with(of))
                    .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
                    .collect()
            };
            assert_eq!(lines(&answer, "m="), lines(&offer, "m="), "{name}");
            assert_eq!(lines(&answer, "a=mid:"), lines(&offer, "a=mid:"), "{name}");
            assert_eq!(
                answer.matches("a=candidate:").count(),
                3,
                "{name}: once, not per m-line"
            );
        }
    }
}

const NAMES: [&str; 11] = [
    "chromium-publish",
    "chromium-watch",
    "firefox-publish",
    "firefox-watch",
    "safari-site",
    "obs-whip",
    "gstreamer-whip",
    "gstreamer-nack-whip",
    "ffmpeg-whip",
    "aiortc-whip",
    "player-whep",
];

#[test]
fn an_offer_with_bare_line_feeds_is_read_too() {
    let text = offer("chromium-publish").replace("\r\n", "\n");
    assert_eq!(
        answer_to(&text, &speaker()).unwrap(),
        negotiated("chromium-publish", &speaker())
    );
}

#[test]
fn a_layer_restricted_to_another_codec_and_a_fourth_layer_are_left_out() {
    let text = offer("chromium-publish")
        .replace("a=rid:m send", "a=rid:m send pt=102;max-width=640")
        .replace(
            "a=rid:h send",
            "a=rid:h send pt=96,98\r\na=rid:x send\r\na=rid:y send",
        )
        .replace("send l;m;h", "send l;m;~h,x;y;z");
    let spec = answer_to(&text, &speaker()).unwrap().spec;
    assert_eq!(
        spec.publications[1].rids,
        [token("l"), token("h"), token("y")]
    );
}

#[test]
fn a_single_m_line_needs_no_bundle() {
    let text = offer("obs-whip").replace("a=group:BUNDLE 0 1\r\n", "");
    assert_eq!(answer_to(&text, &speaker()), Err(OfferError::NotBundled));
    let audio_only = text.split("m=video").next().unwrap();
    let Negotiated { spec, answer } = answer_to(audio_only, &speaker()).unwrap();
    assert_eq!(spec.publications.len(), 1);
    assert!(!answer.contains("BUNDLE"));
}

#[test]
fn an_m_line_outside_the_bundle_is_refused() {
    let text = offer("obs-whip").replace("a=group:BUNDLE 0 1\r\n", "a=group:BUNDLE 0\r\n");
    assert_eq!(answer_to(&text, &speaker()), Err(OfferError::NotBundled));
    let watching = text.replace("sendonly", "recvonly");
    let Negotiated { spec, answer } = answer_to(&watching, &listener()).unwrap();
    assert_eq!(spec.slots.len(), 1);
    assert!(answer.contains("m=video 0 "));
}

/// Offers with one fault each.
fn faulty(whip: &str) -> [(String, OfferError); 13] {
    [
        (whip.replace("a=mid:1\r\n", ""), OfferError::NotBundled),
        (
            whip.replace(" UDP/TLS/RTP/SAVPF 96\r\n", " RTP/AVP 96\r\n"),
            OfferError::NotSecure {
                mline: 1,
                protocol: "RTP/AVP".to_owned(),
            },
        ),
        (
            whip.replace("a=mid:1", "a=mid:12345678901234567"),
            OfferError::BadMid { mline: 1 },
        ),
        (
            whip.replace("a=mid:1", "a=mid:0"),
            OfferError::DuplicateMid("0".to_owned()),
        ),
        (
            whip.replace("a=rtcp-mux\r\n", ""),
            OfferError::NoRtcpMux {
                mid: "0".to_owned(),
            },
        ),
        (
            whip.replace("a=setup:actpass", "a=setup:holdconn"),
            OfferError::BadSetup("holdconn".to_owned()),
        ),
        (whip.replace("a=ice-ufrag:xqLL\r\n", ""), OfferError::NoIce),
        (
            whip.replace("a=ice-options", "a=ice-lite\r\na=ice-options"),
            OfferError::IceLite,
        ),
        (whip.replace("sha-256", "sha-1"), OfferError::NoFingerprint),
        (
            whip.replace("sha-256 8A:", "sha-256 "),
            OfferError::NoFingerprint,
        ),
        (
            whip.replace("H264/", "H265/"),
            OfferError::NoCodec {
                mline: 1,
                kind: MediaKind::Video,
                offered: vec!["H.265 (HEVC)".to_owned()],
            },
        ),
        (
            whip.split("m=audio").next().unwrap().to_owned(),
            OfferError::NoMedia,
        ),
        (
            whip.replace("t=0 0", &format!("t=0 0\r\na=x:{}", "y".repeat(70_000))),
            OfferError::TooLong(71_108),
        ),
    ]
}

#[test]
fn an_offer_that_cannot_be_answered_is_told_why() {
    let whip = offer("obs-whip");
    for (text, wanted) in faulty(&whip) {
        let got = answer_to(&text, &speaker()).map(|it| it.answer);
        match (&got, &wanted) {
            (Err(OfferError::TooLong(_)), OfferError::TooLong(_)) => {}
            _ => assert_eq!(got, Err(wanted)),
        }
    }
    let many = format!("{whip}{}", "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n".repeat(63));
    assert_eq!(
        answer_to(&many, &speaker()),
        Err(OfferError::TooManyMedia(65))
    );
    assert!(matches!(
        answer_to("hello", &speaker()),
        Err(OfferError::Malformed(_))
    ));
    assert_eq!(answer_to("", &speaker()), Err(OfferError::Empty));
}

/// An m-line of a real offer with other formats and with further lines behind it.
fn altered(formats: &str, lines: &str) -> String {
    let whip = offer("obs-whip");
    let at = whip.find("m=video").unwrap();
    let (before, section) = whip.split_at(at);
    let (_, rest) = section.split_once("\r\n").unwrap();
    format!("{before}m=video 9 UDP/TLS/RTP/SAVPF {formats}\r\n{rest}{lines}")
}

fn refusal(formats: &str, lines: &str) -> String {
    let refused = answer_to(&altered(formats, lines), &speaker()).unwrap_err();
    refused.to_string()
}

#[test]
fn an_offer_with_more_than_anybody_needs_is_refused_with_a_sentence() {
    assert_eq!(
        refusal("96 97 96", ""),
        "m-line 1 names the format \"96\" twice: name each once"
    );
    let numbers: Vec<_> = (0..129).map(|number| number.to_string()).collect();
    assert_eq!(
        refusal(&numbers.join(" "), ""),
        "m-line 1 has 129 formats, more than 128: offer fewer codecs"
    );
    for (kind, most) in MAX_LINES {
        let lines = format!("a={kind}:1 x\r\n").repeat(most + 1);
        let refused = refusal("96", &lines);
        assert!(
            refused.contains(&format!("`a={kind}` lines, more than {most}")),
            "{refused}"
        );
    }
    let refused = refusal("96", &"a=x\r\n".repeat(1_024));
    assert!(refused.contains("attributes, more than 1024"), "{refused}");
}

/// The largest offers that are read at all, each made of as much of one thing as there may be.
#[test]
fn the_longest_offers_are_judged_at_once() {
    let numbers: Vec<_> = (0..128).map(|number| number.to_string()).collect();
    let all = numbers.join(" ");
    let repairs: String = (0..128)
        .map(|number| format!("a=rtpmap:{number} rtx/90000\r\na=fmtp:{number} apt=96\r\n"))
        .collect();
    let fill = |line: &str| {
        let room = (MAX_OFFER_BYTES - 4_000) / line.len();
        line.repeat(room.min(900))
    };
    let words = "1 ".repeat(28_000);
    let cases = [
        altered(&all, &repairs),
        altered(&all, &fill("a=rtcp-fb:* nack pli\r\n")),
        altered("96", &fill("a=ssrc-group:FID 1 2\r\n")),
        altered(
            "96",
            &format!(
                "a=ssrc-group:FID {words}\r\n{}",
                "a=ssrc:5 x\r\n".repeat(200)
            ),
        ),
        altered(
            "96",
            &format!("a=simulcast:send {}\r\n", "l;".repeat(28_000)),
        ),
        altered(
            "96",
            &format!(
                "a=rid:l send pt={}\r\na=simulcast:send l;l;l;l\r\n",
                "5,".repeat(28_000)
            ),
        ),
        altered("96", "").replace("BUNDLE 0 1", &format!("BUNDLE 0 1 {words}")),
        format!(
            "{}{}",
            altered("96", ""),
            "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n".repeat(62)
        ),
    ];
    for (number, offer) in cases.iter().enumerate() {
        assert!(offer.len() <= MAX_OFFER_BYTES, "case {number}");
        let mut spent = std::time::Duration::MAX;
        // The shortest of some, since others use the machine too.
        for _ in 0..5 {
            let begun = cpu_time::ThreadTime::now();
            let _ = answer_to(offer, &speaker());
            spent = spent.min(begun.elapsed());
        }
        assert!(spent.as_millis() < 150, "case {number} took {spent:?}");
    }
}

#[test]
fn more_audio_slots_than_can_be_told_apart_are_inactive() {
    let whip = offer("player-whep");
    let at = whip.find("m=").unwrap();
    let audio = whip.find("m=audio").unwrap();
    let end = whip[audio + 2..]
        .find("m=")
        .map_or(whip.len(), |end| audio + 2 + end);
    let section = whip[audio..end].to_owned();
    let many: String = (10..30)
        .map(|mid| {
            let old = section.lines().find(|line| line.starts_with("a=mid:"));
            section.replace(old.unwrap(), &format!("a=mid:{mid}"))
        })
        .collect();
    let mids: Vec<_> = (10..30).map(|mid: u8| mid.to_string()).collect();
    let group = whip
        .lines()
        .find(|line| line.starts_with("a=group"))
        .unwrap();
    let offer = format!("{}{many}", &whip[..at]);
    let offer = offer.replace(group, &format!("a=group:BUNDLE {}", mids.join(" ")));
    let Negotiated { spec, answer } = answer_to(&offer, &listener()).unwrap();
    assert_eq!(spec.slots.len(), MAX_AUDIO_SLOTS);
    assert_eq!(answer.matches("a=inactive").count(), 20 - MAX_AUDIO_SLOTS);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Takes a real offer apart at random: lines dropped, repeated, swapped and damaged.
    #[test]
    fn a_damaged_offer_never_panics(
        name in prop::sample::select(&NAMES[..]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..5, any::<char>()), 1..12),
    ) {
        let text = offer(name);
        let mut lines: Vec<String> = text.split_inclusive("\r\n").map(str::to_owned).collect();
        for (at, kind, character) in edits {
            let at = at.index(lines.len());
            match kind {
                0 => lines[at].clear(),
                1 => { let line = lines[at].clone(); lines.push(line); }
                2 => lines.swap(0, at),
                3 => { let middle = lines[at].chars().count() / 2; lines[at] = lines[at].chars().take(middle).chain([character]).collect(); }
                _ => { let line = lines[at].replace(|c: char| c.is_ascii_digit(), "9"); lines[at] = line; }
            }
        }
        if let Ok(done) = answer_to(&lines.concat(), &speaker()) {
            prop_assert!(done.spec.publications.len() + done.spec.slots.len() <= MAX_MEDIA);
            prop_assert!(done.spec.publications.iter().all(|it| it.rids.len() <= MAX_LAYERS));
        }
    }

    #[test]
    fn garbage_never_panics(text in "\\PC{0,200}") {
        let _ = answer_to(&text, &speaker());
        let _ = answer_to(&format!("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n{text}"), &speaker());
    }
}
