//! Tests of the publisher against a virtual clock.

use super::*;
use crate::clip::AudioFrame;
use crate::rtp::Header;
use crate::sdp::ids;

const MS: Duration = Duration::from_millis(1);

fn video_spec() -> TrackSpec {
    TrackSpec {
        codec: Codec::Vp8,
        mid: "1".to_owned(),
        pt: ids::VP8,
        rtx_pt: Some(ids::VP8_RTX),
        nack: true,
        twcc: true,
        audio_level: false,
        streams: [(0, "l"), (1, "m"), (2, "h")]
            .map(|(n, rid)| (n, Some(rid.to_owned()), 100 + n as u32, 200 + n as u32))
            .to_vec(),
        first: None,
    }
}

fn audio_spec() -> TrackSpec {
    TrackSpec {
        codec: Codec::Opus,
        mid: "0".to_owned(),
        pt: ids::OPUS,
        rtx_pt: None,
        nack: false,
        twcc: false,
        audio_level: true,
        streams: vec![(0, None, 50, 0)],
        first: None,
    }
}

fn publisher(epoch: Instant) -> Publisher {
    let clip = Arc::new(Clip::builtin(AudioFrame::Ms20).unwrap());
    let made = (clip, Encoder::default());
    let mut publisher = Publisher::new(epoch, made, 9, vec![audio_spec(), video_spec()]);
    publisher.set_active(epoch, true);
    publisher
}

/// All packets from `from` until `to`, each with when it was sent.
fn play(
    publisher: &mut Publisher,
    epoch: Instant,
    from: Duration,
    to: Duration,
) -> Vec<(Duration, Vec<u8>)> {
    let mut packets = Vec::new();
    let mut at = from;
    while at < to {
        let mut out = Outgoing::default();
        publisher.handle_timeout(epoch + at, &mut out);
        packets.extend(out.iter().map(|(_, bytes)| (at, bytes.to_vec())));
        at += MS;
    }
    packets
}

fn of(packets: &[(Duration, Vec<u8>)], ssrc: u32) -> Vec<(Duration, Header, &[u8])> {
    let parsed = packets.iter().map(|(at, bytes)| {
        let header = Header::parse(bytes).unwrap();
        (*at, header, &bytes[header.len..])
    });
    parsed
        .filter(|(_, header, _)| header.ssrc == ssrc)
        .collect()
}

#[test]
fn a_silent_publisher_sends_nothing_and_wants_no_timer() {
    let epoch = Instant::now();
    let mut publisher = publisher(epoch);
    publisher.set_active(epoch, false);
    assert_eq!(publisher.poll_timeout(), None);
    assert!(play(&mut publisher, epoch, Duration::ZERO, 100 * MS).is_empty());
}

#[test]
fn every_layer_keeps_its_rate_and_its_numbers_over_two_rounds() {
    let epoch = Instant::now();
    let mut publisher = publisher(epoch);
    let packets = play(&mut publisher, epoch, Duration::ZERO, 16_000 * MS);
    assert_eq!(of(&packets, 50).len(), 800, "20 ms of sound each");
    for (ssrc, frames) in [(100, 240), (101, 240), (102, 480)] {
        let stream = of(&packets, ssrc);
        let markers = stream.iter().filter(|(_, header, _)| header.marker).count();
        assert_eq!(markers, frames, "{ssrc}");
        assert!(
            stream
                .windows(2)
                .all(|pair| pair[1].1.seq == pair[0].1.seq.wrapping_add(1))
        );
        for (at, header, payload) in &stream {
            assert!(payload.len() <= MAX_PAYLOAD);
            if header.marker {
                let mark = Mark::find(payload).unwrap();
                assert_eq!((mark.sender, mark.sent), (9, *at));
            }
        }
        let spent = stream[stream.len() - 1]
            .1
            .timestamp
            .wrapping_sub(stream[0].1.timestamp);
        let seconds = f64::from(spent) / 90_000.0;
        assert!((15.9..16.0).contains(&seconds), "{seconds}");
    }
}

#[test]
fn a_keyframe_request_moves_all_layers_to_a_keyframe_at_once_and_once() {
    let epoch = Instant::now();
    let mut publisher = publisher(epoch);
    play(&mut publisher, epoch, Duration::ZERO, 500 * MS);
    for _ in 0..3_400 {
        publisher.on_key_frame_request(epoch + 500 * MS, 101);
    }
    let packets = play(&mut publisher, epoch, 500 * MS, 1_500 * MS);
    for ssrc in [100, 101, 102] {
        let stream = of(&packets, ssrc);
        let (at, _, payload) = stream[0];
        assert_eq!(at, 500 * MS);
        assert!(vp8::parse(payload).unwrap().starts_key_frame, "{ssrc}");
        let keys = stream
            .iter()
            .filter(|(_, _, payload)| vp8::parse(payload).unwrap().starts_key_frame);
        assert_eq!(keys.count(), 1, "{ssrc}");
        let ids: Vec<u16> = stream
            .iter()
            .map(|(_, _, payload)| vp8::parse(payload).unwrap().picture_id.unwrap().0)
            .collect();
        assert!(
            ids.is_sorted() && ids[ids.len() - 1] - ids[0] >= 14,
            "{ssrc}"
        );
    }
    assert_eq!(publisher.sent().key_frame_requests, 3_400);
    let audio = of(&packets, 50);
    assert_eq!(audio.len(), 50, "sound does not jump");
}

#[test]
fn a_lost_packet_comes_back_whole_on_the_repair_stream() {
    let epoch = Instant::now();
    let mut publisher = publisher(epoch);
    let packets = play(&mut publisher, epoch, Duration::ZERO, 300 * MS);
    let (_, lost, payload) = of(&packets, 102)[3];
    let mut out = Outgoing::default();
    publisher.on_nack(102, &[lost.seq, lost.seq.wrapping_sub(100)], &mut out);
    publisher.on_nack(50, &[1], &mut out);
    let repairs: Vec<_> = out.iter().collect();
    let [(plain, bytes)] = repairs.as_slice() else {
        panic!("one repair")
    };
    let header = Header::parse(bytes).unwrap();
    assert_eq!((header.ssrc, header.pt), (202, ids::VP8_RTX));
    assert_eq!(
        (header.timestamp, header.marker),
        (lost.timestamp, lost.marker)
    );
    assert_eq!(header.extension(bytes, ids::RRID), Some(&b"h"[..]));
    assert_eq!(plain.index, u64::from(header.seq));
    let body = &bytes[header.len..];
    assert_eq!(body[..2], lost.seq.to_be_bytes());
    assert_eq!(&body[2..], payload);
    let sent = publisher.sent();
    assert_eq!((sent.retransmitted, sent.retransmit_misses), (1, 2));
}

#[test]
fn streams_are_introduced_until_a_report_tells_that_they_arrive() {
    let epoch = Instant::now();
    let mut publisher = publisher(epoch);
    let before = play(&mut publisher, epoch, Duration::ZERO, 100 * MS);
    publisher.on_reception_report(101);
    let after = play(&mut publisher, epoch, 100 * MS, 200 * MS);
    let rid = |packets: &[(Duration, Vec<u8>)], ssrc| {
        let found = packets.iter().find_map(|(_, bytes)| {
            let header = Header::parse(bytes).filter(|header| header.ssrc == ssrc)?;
            Some(header.extension(bytes, ids::RID).map(<[u8]>::to_vec))
        });
        found.unwrap()
    };
    assert_eq!(rid(&before, 101), Some(b"m".to_vec()));
    assert_eq!(rid(&after, 101), None);
    assert_eq!(rid(&after, 102), Some(b"h".to_vec()));
}

#[test]
fn transport_wide_numbers_count_every_packet_of_the_transport() {
    let epoch = Instant::now();
    let mut publisher = publisher(epoch);
    let packets = play(&mut publisher, epoch, Duration::ZERO, 200 * MS);
    let numbers: Vec<u8> = packets
        .iter()
        .filter_map(|(_, bytes)| {
            Header::parse(bytes)?
                .extension(bytes, ids::TWCC)
                .map(|n| n[1])
        })
        .collect();
    assert!(numbers.len() > 20);
    assert!(
        numbers
            .iter()
            .enumerate()
            .all(|(n, &number)| usize::from(number) == n)
    );
}
