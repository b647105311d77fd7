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

use crate::command::CodecSpec;
use crate::id::Ssrc;
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
    chain: Box<dyn Interceptor>,
    twcc_id: Option<u8>,
    last_packet: Instant,
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
        let chain = Registry::new()
            .with(Slot::NackGenerator, nack.build())
            .with(Slot::TwccReceiver, TwccReceiverBuilder::new().build())
            .with(Slot::ReceiverReport, ReceiverReportBuilder::new().build())
            .build();
        Self {
            chain: Box::new(chain),
            twcc_id,
            last_packet: now,
        }
    }

    /// A stream's first packet came: report on it from now on. Only media streams are repaired.
    pub fn bind(&mut self, ssrc: Ssrc, codec: &CodecSpec, is_rtx: bool) {
        let repairable = !is_rtx && codec.rtx_pt.is_some();
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
        self.chain.bind_remote_stream(&StreamInfo {
            ssrc: ssrc.0,
            clock_rate: codec.codec.clock_rate(),
            payload_type: pt.0,
            rtcp_feedback: nack.into_iter().collect(),
            rtp_header_extensions: twcc.into_iter().collect(),
            ..StreamInfo::default()
        });
    }

    /// Notes an authentic packet as it arrived.
    pub fn on_rtp(&mut self, now: Instant, header: &Header, packet: &[u8]) {
        self.last_packet = now;
        let number = self
            .twcc_id
            .and_then(|id| Some((id, header.extension(packet, id)?)));
        self.read(now, header, header.ssrc, number);
    }

    /// Notes that a packet of `ssrc` came as a retransmission, so that it is not asked for again.
    pub fn on_repaired(&mut self, now: Instant, header: &Header, ssrc: Ssrc) {
        self.read(now, header, ssrc, None);
    }

    fn read(&mut self, now: Instant, header: &Header, ssrc: Ssrc, twcc: Option<(u8, &[u8])>) {
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
            let _ = parsed.set_extension(id, Bytes::copy_from_slice(number));
        }
        let packet = rtc_rtp::Packet {
            header: parsed,
            payload: Bytes::new(),
        };
        self.hand_in(now, Packet::Rtp(packet));
    }

    /// Notes an authentic RTCP compound: the sender reports in it time our receiver reports.
    pub fn on_rtcp(&mut self, now: Instant, compound: &[u8]) {
        if let Ok(packets) = rtc_rtcp::packet::unmarshal(&mut &*compound) {
            self.hand_in(now, Packet::Rtcp(packets));
        }
    }

    fn hand_in(&mut self, now: Instant, packet: Packet) {
        let tagged = TaggedPacket {
            now,
            transport: TransportContext::default(),
            message: rtc_interceptor::AttributedPacket::new(packet),
        };
        // An interceptor that cannot use a packet has nothing to report about it.
        let _ = self.chain.handle_read(tagged);
        while self.chain.poll_read().is_some() {}
    }

    /// When [`poll`](Self::poll) should be called; `None` while the publisher is silent.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let due = self.chain.poll_timeout()?;
        (due < self.last_packet + LINGER).then_some(due)
    }

    /// The next RTCP compound to seal and send.
    pub fn poll(&mut self, now: Instant) -> Option<BytesMut> {
        if self.chain.poll_timeout().is_some_and(|due| due <= now) {
            let _ = self.chain.handle_timeout(now);
        }
        loop {
            let Packet::Rtcp(packets) = self.chain.poll_write()?.message.packet else {
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
    use crate::command::Codec;
    use crate::id::Pt;
    use crate::rtp::rtcp_packets;
    use crate::testing::epoch;

    const VP8: CodecSpec = CodecSpec {
        codec: Codec::Vp8,
        pt: Pt(96),
        rtx_pt: Some(Pt(97)),
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
        let mut now = epoch();
        let mut told = Vec::new();
        feedback.bind(Ssrc(7), &VP8, false);
        for sequence in (0..300).filter(|s| *s != 250) {
            now = epoch() + Duration::from_millis(10 * u64::from(sequence));
            let bytes = packet(sequence);
            feedback.on_rtp(now, &Header::parse(&bytes).expect("well formed"), &bytes);
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
    fn what_was_repaired_is_not_asked_for_again() {
        let mut feedback = Feedback::new(epoch(), Some(3));
        let (_, now) = run(&mut feedback);
        let bytes = packet(250);
        feedback.on_repaired(now, &Header::parse(&bytes).expect("well formed"), Ssrc(7));
        let later = now + Duration::from_millis(60);
        assert!(!kinds(&mut feedback, later).contains(&(205, 1)));
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
