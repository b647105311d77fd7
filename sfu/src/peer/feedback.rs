//! What we tell a publisher about its packets: NACK, transport-wide congestion feedback and
//! receiver reports, by rtc-interceptor's chain. Also the PLI, which needs no state.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc_interceptor::{
    Interceptor, NackGeneratorBuilder, Packet, RTCPFeedback, RTPHeaderExtension,
    ReceiverReportBuilder, Registry, Slot, StreamInfo, TaggedPacket, TwccReceiverBuilder,
};
use rtc_shared::TransportContext;

use crate::id::Ssrc;
use crate::kind::CodecSpec;
use crate::rtp::Header;

/// URI of the transport-wide sequence number extension.
const TWCC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// How often missing packets are asked for again.
///
/// Lower: faster repair. Higher: fewer requests for packets that were only reordered.
const NACK_INTERVAL: Duration = Duration::from_millis(20);

/// How often one packet is asked for before it is given up for a keyframe.
const MAX_NACKS: u16 = 10;

/// Packets over which gaps are remembered.
const NACK_WINDOW: u16 = 512;

/// How long after the last packet feedback goes on.
const LINGER: Duration = Duration::from_secs(3);

/// Feedback towards one publisher, over all its streams.
pub struct Feedback {
    /// Of every packet: its transport-wide number.
    transport: Box<dyn Interceptor>,
    /// Of every packet that is taken: which are missing, and reports.
    streams: Box<dyn Interceptor>,
    twcc_id: Option<u8>,
    last_number: Option<u16>,
    last_packet: Instant,
    /// Streams whose packets are refused at present. What was missed then is not to be asked for.
    refused: Vec<Ssrc>,
}

impl fmt::Debug for Feedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feedback")
            .field("twcc_id", &self.twcc_id)
            .finish_non_exhaustive()
    }
}

impl Feedback {
    /// Feedback that reads transport-wide numbers from the extension `twcc_id`, if negotiated.
    pub fn new(now: Instant, twcc_id: Option<u8>) -> Self {
        let nack = NackGeneratorBuilder::new()
            .with_size(NACK_WINDOW)
            .with_interval(NACK_INTERVAL)
            .with_max_nacks_per_packet(MAX_NACKS);
        let transport = Registry::new()
            .with(Slot::TwccReceiver, TwccReceiverBuilder::new().build())
            .build();
        let streams = Registry::new()
            .with(Slot::NackGenerator, nack.build())
            .with(Slot::ReceiverReport, ReceiverReportBuilder::new().build())
            .build();
        Self {
            transport: Box::new(transport),
            streams: Box::new(streams),
            twcc_id,
            last_number: None,
            last_packet: now,
            refused: Vec::new(),
        }
    }

    /// How many transport-wide numbers lie between this packet and the last that
    /// [arrived](Self::on_arrival), in either direction.
    pub fn gap(&self, header: &Header, packet: &[u8]) -> u32 {
        self.number(header, packet)
            .map_or(0, |number| numbers_between(self.last_number, number))
    }

    fn number(&self, header: &Header, packet: &[u8]) -> Option<u16> {
        let bytes = header.extension(packet, self.twcc_id?)?.first_chunk()?;
        Some(u16::from_be_bytes(*bytes))
    }

    /// A stream's first packet came: report on it from now on. Only media streams are repaired, and
    /// only where the answer has promised to ask.
    pub fn bind(&mut self, ssrc: Ssrc, codec: &CodecSpec, is_rtx: bool) {
        let info = self.info(ssrc, codec, is_rtx);
        self.transport.bind_remote_stream(&info);
        self.streams.bind_remote_stream(&info);
    }

    /// A stream has ended: nothing of it is asked for or reported any more.
    pub fn unbind(&mut self, ssrc: Ssrc, codec: &CodecSpec, is_rtx: bool) {
        let info = self.info(ssrc, codec, is_rtx);
        self.transport.unbind_remote_stream(&info);
        self.streams.unbind_remote_stream(&info);
        self.refused.retain(|refused| *refused != ssrc);
    }

    fn info(&self, ssrc: Ssrc, codec: &CodecSpec, is_rtx: bool) -> StreamInfo {
        let repairable = !is_rtx && codec.nack;
        let nack = repairable.then(|| RTCPFeedback {
            typ: "nack".to_owned(),
            parameter: String::new(),
        });
        let twcc = self.twcc_id.map(|id| RTPHeaderExtension {
            uri: TWCC.to_owned(),
            id: id.into(),
        });
        let pt = if is_rtx {
            codec.rtx_pt.unwrap_or(codec.pt)
        } else {
            codec.pt
        };
        StreamInfo {
            ssrc: ssrc.0,
            clock_rate: codec.codec.clock_rate(),
            payload_type: pt.0,
            rtcp_feedback: nack.into_iter().collect(),
            rtp_header_extensions: twcc.into_iter().collect(),
            ..StreamInfo::default()
        }
    }

    /// Notes an authentic packet as it arrived on the way here, whatever becomes of it.
    pub fn on_arrival(&mut self, now: Instant, header: &Header, packet: &[u8]) {
        self.last_packet = now;
        let number = self.number(header, packet);
        if let (Some(id), Some(number)) = (self.twcc_id, number) {
            self.last_number = Some(number);
            let packet = bare(header, header.ssrc, Some((id, number)));
            hand_in(&mut *self.transport, now, packet);
        }
    }

    /// Notes a packet of a stream that is taken.
    pub fn on_taken(&mut self, now: Instant, header: &Header, codec: &CodecSpec, is_rtx: bool) {
        if let Some(at) = self.refused.iter().position(|ssrc| *ssrc == header.ssrc) {
            self.refused.swap_remove(at);
            self.bind(header.ssrc, codec, is_rtx);
        }
        let packet = bare(header, header.ssrc, None);
        hand_in(&mut *self.streams, now, packet);
    }

    /// Notes that packets of a stream are refused.
    pub fn on_refused(&mut self, ssrc: Ssrc) {
        if !self.refused.contains(&ssrc) {
            self.refused.push(ssrc);
        }
    }

    /// Notes that a packet of `ssrc` came as a retransmission, so that it is not asked for again.
    pub fn on_repaired(&mut self, now: Instant, header: &Header, ssrc: Ssrc) {
        hand_in(&mut *self.streams, now, bare(header, ssrc, None));
    }

    /// Notes an authentic RTCP compound: the sender reports in it time our receiver reports.
    pub fn on_rtcp(&mut self, now: Instant, compound: &[u8]) {
        if let Ok(packets) = rtc_rtcp::packet::unmarshal(&mut &*compound) {
            hand_in(&mut *self.streams, now, Packet::Rtcp(packets));
        }
    }

    /// When [`poll`](Self::poll) should be called; `None` while the publisher is silent.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let due = [self.transport.poll_timeout(), self.streams.poll_timeout()];
        let due = due.into_iter().flatten().min()?;
        (due < self.last_packet + LINGER).then_some(due)
    }

    /// The next RTCP compound to seal and send.
    pub fn poll(&mut self, now: Instant) -> Option<BytesMut> {
        next_compound(&mut *self.transport, now).or_else(|| next_compound(&mut *self.streams, now))
    }
}

/// How many numbers lie between two, whichever is ahead.
pub fn numbers_between(last: Option<u16>, number: u16) -> u32 {
    let step = last.map_or(0, |last| number.wrapping_sub(last));
    u32::from(step.cast_signed().unsigned_abs().saturating_sub(1))
}

/// What an interceptor looks at of a packet.
fn bare(header: &Header, ssrc: Ssrc, twcc: Option<(u8, u16)>) -> Packet {
    let mut parsed = rtc_rtp::Header {
        version: 2,
        marker: header.marker,
        payload_type: header.pt.0,
        sequence_number: header.sequence,
        timestamp: header.timestamp,
        ssrc: ssrc.0,
        ..rtc_rtp::Header::default()
    };
    if let Some((id, number)) = twcc {
        // Fails for an id that one-byte form cannot carry; then there is nothing to report.
        let _ = parsed.set_extension(id, Bytes::copy_from_slice(&number.to_be_bytes()));
    }
    Packet::Rtp(rtc_rtp::Packet {
        header: parsed,
        payload: Bytes::new(),
    })
}

fn hand_in(chain: &mut dyn Interceptor, now: Instant, packet: Packet) {
    let tagged = TaggedPacket {
        now,
        transport: TransportContext::default(),
        message: rtc_interceptor::AttributedPacket::new(packet),
    };
    // An interceptor that cannot use a packet has nothing to report about it.
    let _ = chain.handle_read(tagged);
    while chain.poll_read().is_some() {}
}

fn next_compound(chain: &mut dyn Interceptor, now: Instant) -> Option<BytesMut> {
    if chain.poll_timeout().is_some_and(|due| due <= now) {
        let _ = chain.handle_timeout(now);
    }
    loop {
        let Packet::Rtcp(packets) = chain.poll_write()?.message.packet else {
            continue;
        };
        let mut compound = BytesMut::new();
        for packet in packets {
            if let Ok(bytes) = packet.marshal() {
                compound.extend_from_slice(&bytes);
            }
        }
        if !compound.is_empty() {
            return Some(compound);
        }
    }
}

/// A picture loss indication (RFC 4585 §6.3.1): asks the sender of `media` for a keyframe.
pub fn pli(media: Ssrc) -> [u8; 12] {
    let mut packet = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0];
    packet[8..].copy_from_slice(&media.0.to_be_bytes());
    packet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Pt;
    use crate::kind::Codec;
    use crate::rtp::rtcp_packets;
    use crate::testing::epoch;

    const VP8: CodecSpec = CodecSpec {
        codec: Codec::Vp8,
        pt: Pt(96),
        rtx_pt: Some(Pt(97)),
        red_pt: None,
        nack: true,
    };

    fn packet(sequence: u16) -> Vec<u8> {
        let mut packet = vec![0x90, 96];
        packet.extend(sequence.to_be_bytes());
        packet.extend([0, 0, 0, 0, 0, 0, 0, 7, 0xbe, 0xde, 0, 1, 0x31]);
        packet.extend(sequence.to_be_bytes());
        packet.push(0);
        packet
    }

    fn kinds(feedback: &mut Feedback, now: Instant) -> Vec<(u8, u8)> {
        let mut kinds = Vec::new();
        while let Some(compound) = feedback.poll(now) {
            kinds.extend(rtcp_packets(&compound).map(|p| (p.kind, p.count)));
        }
        kinds
    }

    /// Feeds 300 packets over three seconds, without the 250th; returns what was told meanwhile.
    fn run(feedback: &mut Feedback) -> (Vec<(u8, u8)>, Instant) {
        run_with(feedback, &VP8)
    }

    fn run_with(feedback: &mut Feedback, codec: &CodecSpec) -> (Vec<(u8, u8)>, Instant) {
        let mut now = epoch();
        let mut told = Vec::new();
        feedback.bind(Ssrc(7), codec, false);
        for sequence in (0..300).filter(|s| *s != 250) {
            now = epoch() + Duration::from_millis(10 * u64::from(sequence));
            let bytes = packet(sequence);
            let header = Header::parse(&bytes).expect("well formed");
            feedback.on_arrival(now, &header, &bytes);
            feedback.on_taken(now, &header, codec, false);
            told.extend(kinds(feedback, now));
        }
        (told, now)
    }

    #[test]
    fn a_gap_is_asked_for_and_arrivals_are_reported() {
        let mut feedback = Feedback::new(epoch(), Some(3));
        let (told, _) = run(&mut feedback);
        assert!(told.contains(&(205, 1)), "NACK in {told:?}");
        assert!(told.contains(&(205, 15)), "TWCC in {told:?}");
        assert!(told.iter().any(|(kind, _)| *kind == 201), "RR in {told:?}");
    }

    #[test]
    fn a_gap_is_asked_for_where_the_packet_comes_again_as_it_was_and_never_without_nack() {
        for (nack, rtx_pt, asked) in [
            (true, None, true),
            (true, Some(Pt(97)), true),
            (false, None, false),
            (false, Some(Pt(97)), false),
        ] {
            let codec = CodecSpec {
                nack,
                rtx_pt,
                ..VP8
            };
            let mut feedback = Feedback::new(epoch(), Some(3));
            let (told, _) = run_with(&mut feedback, &codec);
            assert_eq!(told.contains(&(205, 1)), asked, "{codec:?}");
        }
    }

    #[test]
    fn what_was_repaired_is_not_asked_for_again() {
        let mut feedback = Feedback::new(epoch(), Some(3));
        let (_, now) = run(&mut feedback);
        let bytes = packet(250);
        feedback.on_repaired(now, &Header::parse(&bytes).expect("well formed"), Ssrc(7));
        let later = now + Duration::from_millis(60);
        assert!(!kinds(&mut feedback, later).contains(&(205, 1)));
    }

    #[test]
    fn what_came_while_nothing_was_taken_is_not_asked_for() {
        let mut feedback = Feedback::new(epoch(), Some(3));
        feedback.bind(Ssrc(7), &VP8, false);
        let mut told = Vec::new();
        for sequence in 0..400 {
            let now = epoch() + Duration::from_millis(10 * u64::from(sequence));
            let bytes = packet(sequence);
            let header = Header::parse(&bytes).expect("well formed");
            feedback.on_arrival(now, &header, &bytes);
            if (100..300).contains(&sequence) {
                feedback.on_refused(header.ssrc);
            } else {
                feedback.on_taken(now, &header, &VP8, false);
            }
            told.extend(kinds(&mut feedback, now));
        }
        assert!(!told.contains(&(205, 1)), "no NACK in {told:?}");
        let arrivals = told.iter().filter(|kind| **kind == (205, 15)).count();
        assert!(
            arrivals >= 38,
            "arrivals are reported all the time: {arrivals}"
        );
    }

    #[test]
    fn numbers_left_out_are_counted_in_both_directions() {
        assert_eq!(numbers_between(None, 7), 0);
        let mut last = 5;
        let steps = [
            (6, 0),
            (6, 0),
            (9, 2),
            (8, 0),
            (6, 1),
            (65_535, 6),
            (32_000, 32_000),
        ];
        for (number, wanted) in steps {
            assert_eq!(numbers_between(Some(last), number), wanted, "{number}");
            last = number;
        }
    }

    #[test]
    fn a_silent_publisher_needs_no_timer() {
        let mut feedback = Feedback::new(epoch(), None);
        let (_, now) = run(&mut feedback);
        assert!(feedback.poll_timeout().is_some());
        kinds(&mut feedback, now + LINGER);
        assert_eq!(feedback.poll_timeout(), None);
    }
}
