//! RTCP in both directions (RFC 3550 §6, RFC 4585, RFC 5104).

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::SmallRng;
use rtc_rtcp::packet::{Packet, unmarshal};
use rtc_rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc_shared::marshal::Marshal;

use super::watch::Watch;
use crate::publish::{Outgoing, Publisher};

/// SSRC under which an endpoint gives feedback; browsers that only receive use 1 as well.
pub(super) const FEEDBACK_SSRC: u32 = 1;
/// Seconds between 1900 (NTP) and 1970 (Unix).
const NTP_OFFSET: u64 = 2_208_988_800;

/// Until the first receiver report: spread over the second in which thousands may join.
pub(super) fn first_report_delay(rng: &mut SmallRng) -> Duration {
    Duration::from_millis(rng.random_range(100..1_100))
}

/// Between receiver reports: about one a second, spread by half (RFC 3550 §6.3.1).
pub(super) fn report_interval(rng: &mut SmallRng) -> Duration {
    Duration::from_millis(rng.random_range(500..1_500))
}

/// Takes a decrypted compound packet.
pub(super) fn handle(
    now: Instant,
    mut plain: &[u8],
    watch: &mut Watch,
    mut publisher: Option<&mut Publisher>,
    outgoing: &mut Outgoing,
) {
    let Ok(packets) = unmarshal(&mut plain) else {
        return;
    };
    for packet in packets {
        let any = packet.as_any();
        if let Some(report) = any.downcast_ref::<SenderReport>() {
            watch.on_sender_report(now, report);
        }
        let Some(publisher) = publisher.as_deref_mut() else {
            continue;
        };
        if let Some(report) = any.downcast_ref::<ReceiverReport>() {
            for block in &report.reports {
                publisher.on_reception_report(block.ssrc);
            }
        } else if any.downcast_ref::<TransportLayerCc>().is_some() {
            publisher.on_transport_feedback();
        } else if let Some(nack) = any.downcast_ref::<TransportLayerNack>() {
            let lost: Vec<u16> = nack
                .nacks
                .iter()
                .flat_map(|pair| pair.packet_list())
                .collect();
            publisher.on_nack(nack.media_ssrc, &lost, outgoing);
        } else if let Some(pli) = any.downcast_ref::<PictureLossIndication>() {
            publisher.on_key_frame_request(now, pli.media_ssrc);
        } else if let Some(fir) = any.downcast_ref::<FullIntraRequest>() {
            for entry in &fir.fir {
                publisher.on_key_frame_request(now, entry.ssrc);
            }
        }
    }
}

/// Appends the sender reports that are due.
pub(super) fn sender_reports(
    now: Instant,
    unix: Duration,
    publisher: &mut Publisher,
    out: &mut Vec<u8>,
) {
    let fraction = (u128::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    let ntp_time = ((unix.as_secs() + NTP_OFFSET) << 32) | fraction as u64;
    for (ssrc, rtp_time, packet_count, octet_count) in publisher.poll_reports(now) {
        append(
            &SenderReport {
                ssrc,
                ntp_time,
                rtp_time,
                packet_count,
                octet_count,
                ..SenderReport::default()
            },
            out,
        );
    }
}

/// Appends a receiver report about every stream.
pub(super) fn receiver_report(now: Instant, watch: &mut Watch, out: &mut Vec<u8>) {
    let reports = watch.report(now);
    if !reports.is_empty() {
        let report = ReceiverReport {
            ssrc: FEEDBACK_SSRC,
            reports,
            ..ReceiverReport::default()
        };
        append(&report, out);
    }
}

/// Appends one packet.
pub(super) fn append<P: Packet + Marshal>(packet: &P, out: &mut Vec<u8>) {
    if let Ok(bytes) = packet.marshal() {
        out.extend_from_slice(&bytes);
    }
}
