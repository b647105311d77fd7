//! What is said of packets, and the headers that are written: with state, and without keys.

use std::time::Duration;

use sfu::egress::header::{Extensions, Fields, MAX};
use sfu::id::{Pt, Ssrc};
use sfu::kind::{Codec, CodecSpec};
use sfu::line::Line;
use sfu::line::feedback::{TransportFeedback, remb};
use sfu::peer::feedback::Feedback;
use sfu::rtp::{Header, is_rtcp, rtcp_packets};
use sfu::testing::epoch;

use super::Target;

/// What a receiver reports of its line, to a line on which something has left.
pub(super) const LINE: Target = Target {
    name: "line",
    seeds: line_reports,
    run: line,
    short: 20_000,
};

/// What is made of a publisher's packets and sender reports: requests and reports for it.
pub(super) const FEEDBACK: Target = Target {
    name: "feedback",
    seeds: arrivals,
    run: feedback,
    short: 20_000,
};

/// Headers of packets of ours, with any extensions.
pub(super) const HEADER: Target = Target {
    name: "header",
    seeds: extensions,
    run: header,
    short: 50_000,
};

/// Packets that leave between two reports.
const BETWEEN: u16 = 8;

/// More numbers left out than a publisher's budget allows are refused before they are looked at.
const GAP: u32 = 1_000;

fn line_reports() -> Vec<Vec<u8>> {
    // Of eight packets: seven small steps, and a run of those that have not come.
    let vector = [
        0x8f, 205, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 1, 0, 0xd5, 0x40, 0x20, 1, 4, 8,
        2, 1, 0, 200, 9, 9,
    ];
    let run = [
        0x8f, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 8, 0, 4, 0, 0, 1, 1, 0x20, 4, 1, 2, 3, 4, 0, 0,
    ];
    let remb = [
        0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 0x0b, 0xff, 0xff, 0, 0,
        0, 2,
    ];
    let head = [20];
    vec![
        [&head[..], &vector, &run].concat(),
        [&head[..], &remb, &vector].concat(),
        [&head[..], &run, &run, &run].concat(),
    ]
}

fn line(input: &[u8]) {
    let Some((step, compound)) = input.split_first() else {
        return;
    };
    let (mut line, mut now) = (Line::new(epoch(), None), epoch());
    line.set_numbered(true);
    let mut number = 0u16;
    for part in rtcp_packets(compound) {
        line.note_departure(now, number, BETWEEN, 1_100);
        number = number.wrapping_add(BETWEEN);
        now += Duration::from_millis(u64::from(*step));
        if let Some(report) = TransportFeedback::parse(&part) {
            let told = report.packets().count();
            assert!(told <= usize::from(u16::MAX), "{told} packets are told");
        }
        line.on_transport_feedback(now, &part, |_, _| {});
        if let Some(rate) = remb(&part) {
            line.on_remb(now, rate);
        }
        line.on_tick(now);
        let _ = (line.padding(now), line.carries(now), line.room(now));
        assert!(line.loss().is_finite());
    }
}

fn arrivals() -> Vec<Vec<u8>> {
    let packet = |number: u8| {
        let mut packet = vec![
            0x90, 96, 0, number, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0x31, 0, number, 0,
            0x90, 0xe0, 0x92, 0x34, 9, 0,
        ];
        packet.resize(32, 7);
        packet
    };
    let mut report = vec![
        0x80, 200, 0, 6, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2,
    ];
    report.resize(32, 0);
    vec![[packet(1), packet(2), packet(5), report, packet(9)].concat()]
}

fn feedback(input: &[u8]) {
    let codec = CodecSpec {
        codec: Codec::Vp8,
        pt: Pt(96),
        rtx_pt: Some(Pt(97)),
        red_pt: None,
        nack: true,
    };
    let (mut feedback, mut now) = (Feedback::new(epoch(), Some(3)), epoch());
    feedback.bind(Ssrc(3), &codec, false);
    for piece in input.chunks(32) {
        now += Duration::from_millis(20);
        if is_rtcp(piece) {
            feedback.on_rtcp(now, piece);
        } else if let Some(header) = Header::parse(piece)
            && feedback.gap(&header, piece) < GAP
        {
            feedback.on_arrival(now, &header, piece);
            feedback.on_taken(now, &header, &codec, false);
        }
        while let Some(compound) = feedback.poll(now) {
            let whole: usize = rtcp_packets(&compound).map(|part| part.bytes.len()).sum();
            assert_eq!(whole, compound.len(), "what leaves is RTCP");
        }
    }
}

fn extensions() -> Vec<Vec<u8>> {
    vec![
        vec![3, 2, 0xab, 0xcd],
        vec![
            3, 2, 0xab, 0xcd, 14, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        ],
        vec![1, 0, 15, 1, 9],
    ]
}

fn header(input: &[u8]) {
    let (mut extensions, mut taken) = (Extensions::NONE, Vec::new());
    let mut rest = input;
    while let Some((&[id, length], after)) = rest.split_first_chunk::<2>() {
        let (data, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        let is_new = taken.iter().all(|(known, _)| *known != id);
        if is_new && extensions.push(id, data) {
            taken.push((id, data));
        }
    }
    let fields = Fields {
        padded: false,
        marker: true,
        pt: 96,
        sequence: 7,
        timestamp: 8,
        ssrc: Ssrc(9),
    };
    let mut out = [0; MAX];
    let length = fields
        .write(&extensions, &mut out)
        .expect("the longest fits");
    let written = &out[..length];
    let read = Header::parse(written).expect("what is written is RTP");
    assert_eq!(
        (read.payload, read.sequence, read.ssrc),
        (length, 7, Ssrc(9))
    );
    for (id, data) in taken {
        assert_eq!(read.extension(written, id), Some(data), "extension {id}");
    }
}
