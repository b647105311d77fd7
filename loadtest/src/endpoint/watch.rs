//! What an endpoint watches: its streams, their keyframes, marks and repair.

use std::time::{Duration, Instant};

use rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use sfu::kind::{Codec, MediaKind};
use sfu::redundancy;

use super::opener::RtpOpener;
use super::rtcp::{FEEDBACK_SSRC, append};
use super::{Decrypt, Effects, Milestone, Packet};
use crate::clip::{h264, vp8};
use crate::marker::Mark;
use crate::receive::stream::{Stream, StreamSpec, StreamTotals};
use crate::receive::twcc::Arrivals;
use crate::rtp::{self, Header};
use crate::sdp::AnswerMedia;

/// Most streams of one endpoint; further SSRCs are refused. An operator's page shows 22.
const MAX_STREAMS: usize = 32;
/// Report blocks that fit into one receiver report.
const MAX_BLOCKS: usize = 31;

/// When something happens: on the endpoint's clock, and counted from the start of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    pub(super) now: Instant,
    pub(super) arrival: Duration,
}

/// A packet with its header read, to be opened in place.
#[derive(Debug)]
pub(super) struct Incoming<'a> {
    pub(super) time: Time,
    pub(super) header: &'a Header,
    pub(super) packet: &'a mut [u8],
}

/// A packet that was opened.
#[derive(Clone, Copy, Debug)]
struct Seen<'a> {
    header: &'a Header,
    /// Extended number in its stream.
    number: u64,
    repaired: bool,
}

impl<'a> Seen<'a> {
    /// One that came by itself.
    const fn first(header: &'a Header, number: u64) -> Self {
        Self {
            header,
            number,
            repaired: false,
        }
    }
}

/// Why a packet was not counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refused {
    UnknownStream,
    Unauthenticated,
}

/// One stream's observations.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ObservedStream {
    /// Sound or picture.
    pub kind: MediaKind,
    /// SSRC of the media.
    pub ssrc: u32,
    /// Chapter of the run in which it began.
    pub first_chapter: usize,
    /// Its counters, chapter by chapter from that one on.
    pub chapters: Vec<StreamTotals>,
    /// When the first packet came, from the start of the run.
    pub first_arrival: Duration,
    /// When the last packet came, from the start of the run.
    pub last_arrival: Duration,
}

/// All that one endpoint observed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Observed {
    /// Streams on which anything came.
    pub streams: Vec<ObservedStream>,
    /// The sender whose keyframe came last, and when it was complete since the start of the run.
    pub last_key_frame: Option<(u16, Duration)>,
    /// When it was taken out, from the start of the run; `None` while it is there.
    pub gone: Option<Duration>,
    /// It was on air for a while, and does not see itself meanwhile.
    pub has_published: bool,
}

impl Observed {
    /// When the first packet of sound came, from the start of the run.
    pub fn first_heard(&self) -> Option<Duration> {
        let sound = self.streams.iter();
        let sound = sound.filter(|stream| stream.kind == MediaKind::Audio);
        sound.map(|stream| stream.first_arrival).min()
    }
}

/// A receiving m-line.
#[derive(Clone, Debug)]
struct Expected {
    /// Payload types of the media.
    codecs: Vec<(u8, Codec)>,
    rtx_pt: Option<u8>,
    red_pt: Option<u8>,
    spec: StreamSpec,
    /// The answer declared its SSRC; otherwise streams are told by their payload type.
    declared: bool,
}

/// A stream with what is needed to look into it.
#[derive(Debug)]
struct Watched {
    stream: Stream,
    codecs: Vec<(u8, Codec)>,
    rtx_pt: Option<u8>,
    red_pt: Option<u8>,
    /// Highest number on the RTX stream, extended.
    rtx_highest: Option<u64>,
    first_chapter: usize,
    /// When its first packet came.
    began: Option<Duration>,
    /// RTP time and first number of the keyframe that is arriving.
    key_frame: Option<(u32, u64)>,
    /// RTP time and number of the frame's end that came last, and who sent it.
    frame_end: Option<(u32, u64, Option<u16>)>,
}

/// All streams of one endpoint.
#[derive(Debug)]
pub(super) struct Watch {
    decrypt: Decrypt,
    expected: Vec<Expected>,
    streams: Vec<Watched>,
    twcc: Option<(u8, Arrivals)>,
    first_packet: bool,
    first_key_frame: bool,
    last_key_frame: Option<(u16, Duration)>,
    /// The sender whose next keyframe is to be told.
    awaited: Option<u16>,
    chapter: usize,
    ask: Vec<u16>,
}

impl Watch {
    pub(super) fn new(decrypt: Decrypt) -> Self {
        Self {
            decrypt,
            expected: Vec::new(),
            streams: Vec::new(),
            twcc: None,
            first_packet: false,
            first_key_frame: false,
            last_key_frame: None,
            awaited: None,
            chapter: 0,
            ask: Vec::new(),
        }
    }

    pub(super) fn expect(&mut self, answered: &[AnswerMedia], twcc: Option<u8>, repairs: bool) {
        self.twcc = twcc.map(|id| (id, Arrivals::default()));
        self.expected = answered
            .iter()
            .filter(|media| media.sends)
            .filter_map(|media| {
                let (ssrc, rtx_ssrc) = media.ssrc.unwrap_or_default();
                Some(Expected {
                    codecs: media.preferred().map(|_| media.codecs.clone())?,
                    rtx_pt: media.rtx_pt,
                    red_pt: media.red_pt,
                    spec: StreamSpec {
                        kind: media.kind,
                        ssrc,
                        rtx_ssrc,
                        nack: media.nack && repairs,
                        pli: media.pli,
                    },
                    declared: media.ssrc.is_some(),
                })
            })
            .collect();
    }

    /// Tells the next complete keyframe of this sender. Until then every packet of picture is
    /// decrypted.
    pub(super) const fn await_key_frame(&mut self, sender: u16) {
        self.awaited = Some(sender);
    }

    /// Begins another chapter of the run.
    pub(super) fn cut(&mut self, at: Duration, chapter: usize) {
        self.chapter = chapter;
        for watched in &mut self.streams {
            watched.stream.cut(at);
        }
    }

    /// Takes an RTP packet; returns when timers want to be looked at because of it.
    pub(super) fn on_rtp(
        &mut self,
        incoming: Incoming<'_>,
        opener: &mut RtpOpener,
        effects: &mut Effects,
    ) -> Result<Option<Instant>, Refused> {
        let Incoming { time, header, .. } = incoming;
        let twcc = self
            .twcc
            .as_ref()
            .and_then(|(id, _)| header.extension(incoming.packet, *id))
            .and_then(|value| value.try_into().ok())
            .map(u16::from_be_bytes);
        let media = self
            .streams
            .iter()
            .position(|one| one.stream.spec().ssrc == header.ssrc);
        let wake = if let Some(at) = media {
            self.on_media(at, incoming, opener, effects)?
        } else if let Some(at) = self.find_repaired(header) {
            self.on_repair(at, incoming, opener, effects)?
        } else {
            self.on_first(incoming, opener, effects)?
        };
        let Some((twcc, (_, arrivals))) = twcc.zip(self.twcc.as_mut()) else {
            return Ok(wake);
        };
        arrivals.on_packet(time.now, time.arrival, twcc);
        Ok(wake.into_iter().chain(arrivals.poll_timeout()).min())
    }

    pub(super) fn on_sender_report(&mut self, now: Instant, report: &SenderReport) {
        for watched in &mut self.streams {
            if watched.stream.spec().ssrc == report.ssrc {
                watched.stream.on_sender_report(now, report);
            }
        }
    }

    /// NTP and RTP time of the last report about a stream.
    pub(super) fn sender_report(&self, ssrc: u32) -> Option<(u64, u32)> {
        let mut streams = self.streams.iter().map(|watched| &watched.stream);
        streams
            .find(|stream| stream.spec().ssrc == ssrc)?
            .sender_report()
    }

    pub(super) fn report(&mut self, now: Instant) -> Vec<ReceptionReport> {
        let streams = self.streams.iter_mut().take(MAX_BLOCKS);
        streams.map(|watched| watched.stream.report(now)).collect()
    }

    /// SSRC and highest number of the first picture that has come.
    pub(super) fn newest_of_picture(&self) -> Option<(u32, u16)> {
        let mut streams = self.streams.iter().map(|watched| &watched.stream);
        let picture = streams.find(|stream| stream.spec().kind == MediaKind::Video)?;
        Some((picture.spec().ssrc, picture.highest()? as u16))
    }

    /// Appends the NACKs, PLIs and transport-wide feedback that are due.
    pub(super) fn poll_feedback(&mut self, now: Instant, round_trip: Duration, out: &mut Vec<u8>) {
        for watched in &mut self.streams {
            let media_ssrc = watched.stream.spec().ssrc;
            self.ask.clear();
            let key_frame = watched.stream.poll_feedback(now, round_trip, &mut self.ask);
            if !self.ask.is_empty() {
                let nack = TransportLayerNack {
                    sender_ssrc: FEEDBACK_SSRC,
                    media_ssrc,
                    nacks: nack_pairs_from_sequence_numbers(&self.ask),
                };
                append(&nack, out);
            }
            if key_frame {
                let pli = PictureLossIndication {
                    sender_ssrc: FEEDBACK_SSRC,
                    media_ssrc,
                };
                append(&pli, out);
            }
        }
        let media_ssrc = self.streams.first().map_or(0, |one| one.stream.spec().ssrc);
        if let Some((_, arrivals)) = &mut self.twcc {
            arrivals.poll(now, FEEDBACK_SSRC, media_ssrc, out);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let streams = self
            .streams
            .iter()
            .filter_map(|one| one.stream.poll_timeout());
        let twcc = self
            .twcc
            .as_ref()
            .and_then(|(_, arrivals)| arrivals.poll_timeout());
        streams.chain(twcc).min()
    }

    pub(super) fn observed(&self) -> Observed {
        let streams = self.streams.iter().map(|watched| ObservedStream {
            kind: watched.stream.spec().kind,
            ssrc: watched.stream.spec().ssrc,
            first_chapter: watched.first_chapter,
            chapters: watched.stream.chapters(),
            first_arrival: watched.stream.first_arrival(),
            last_arrival: watched.stream.last_arrival(),
        });
        Observed {
            streams: streams.collect(),
            last_key_frame: self.last_key_frame,
            gone: None,
            has_published: false,
        }
    }

    /// A packet of a stream that is known.
    fn on_media(
        &mut self,
        at: usize,
        incoming: Incoming<'_>,
        opener: &mut RtpOpener,
        effects: &mut Effects,
    ) -> Result<Option<Instant>, Refused> {
        let Incoming {
            time,
            header,
            packet,
        } = incoming;
        let look = self.looks_into(at, header.pt, opener);
        let Some(watched) = self.streams.get_mut(at) else {
            return Err(Refused::UnknownStream);
        };
        let bytes = packet.len().saturating_sub(opener.overhead());
        let index = watched.stream.extend(header.seq);
        if look {
            let payload = opener
                .open(packet, header.len, header.ssrc, index)
                .ok_or(Refused::Unauthenticated)?;
            if watched
                .stream
                .on_packet(time.now, time.arrival, header, bytes)
            {
                self.look(time, at, Seen::first(header, index), payload, effects);
            }
        } else {
            watched
                .stream
                .on_packet(time.now, time.arrival, header, bytes);
        }
        Ok(self
            .streams
            .get(at)
            .and_then(|one| one.stream.poll_timeout()))
    }

    /// A packet of a stream that nothing has come of: it must be authentic and announced.
    fn on_first(
        &mut self,
        incoming: Incoming<'_>,
        opener: &mut RtpOpener,
        effects: &mut Effects,
    ) -> Result<Option<Instant>, Refused> {
        let Incoming {
            time,
            header,
            packet,
        } = incoming;
        let expected = self
            .expected
            .iter()
            .find(|expected| expected.declared && expected.spec.ssrc == header.ssrc)
            .or_else(|| {
                let mut undeclared = self.expected.iter().filter(|expected| !expected.declared);
                undeclared.find(|expected| expected.codecs.iter().any(|(pt, _)| *pt == header.pt))
            })
            .filter(|_| self.streams.len() < MAX_STREAMS)
            .ok_or(Refused::UnknownStream)?;
        let spec = StreamSpec {
            ssrc: header.ssrc,
            ..expected.spec
        };
        let bytes = packet.len().saturating_sub(opener.overhead());
        let payload = opener
            .open(packet, header.len, header.ssrc, u64::from(header.seq))
            .ok_or(Refused::Unauthenticated)?;
        let mut stream = Stream::new(time.now, time.arrival, spec);
        stream.on_packet(time.now, time.arrival, header, bytes);
        self.streams.push(Watched {
            stream,
            codecs: expected.codecs.clone(),
            rtx_pt: expected.rtx_pt,
            red_pt: expected.red_pt,
            rtx_highest: None,
            first_chapter: self.chapter,
            began: None,
            key_frame: None,
            frame_end: None,
        });
        if !self.first_packet {
            self.first_packet = true;
            effects
                .milestones
                .push(Milestone::FirstPacket(time.arrival));
        }
        let at = self.streams.len() - 1;
        let number = u64::from(header.seq);
        self.look(time, at, Seen::first(header, number), payload, effects);
        Ok(self
            .streams
            .get(at)
            .and_then(|one| one.stream.poll_timeout()))
    }

    /// The stream that a retransmission belongs to: by its SSRC, else by its payload type.
    fn find_repaired(&self, header: &Header) -> Option<usize> {
        let declared = self
            .streams
            .iter()
            .position(|watched| watched.stream.spec().rtx_ssrc == Some(header.ssrc));
        declared.or_else(|| {
            self.streams.iter().position(|watched| {
                watched.stream.spec().rtx_ssrc.is_none()
                    && watched.rtx_pt == Some(header.pt)
                    && watched.codecs.iter().all(|(pt, _)| *pt != header.pt)
            })
        })
    }

    /// A retransmission (RFC 4588): the original number, then the original payload.
    fn on_repair(
        &mut self,
        at: usize,
        incoming: Incoming<'_>,
        opener: &mut RtpOpener,
        effects: &mut Effects,
    ) -> Result<Option<Instant>, Refused> {
        let Incoming {
            time,
            header,
            packet,
        } = incoming;
        let Some(watched) = self.streams.get_mut(at) else {
            return Err(Refused::UnknownStream);
        };
        let index = extend(watched.rtx_highest, header.seq);
        let payload = opener
            .open(packet, header.len, header.ssrc, index)
            .ok_or(Refused::Unauthenticated)?;
        watched.rtx_highest = watched.rtx_highest.max(Some(index));
        // Probes are padding alone: nothing is left without it.
        let plain = rtp::unpad(payload, header.padded);
        if let Some((original, media)) = plain.and_then(<[u8]>::split_first_chunk::<2>)
            && !media.is_empty()
        {
            let original = u16::from_be_bytes(*original);
            let number = watched.stream.extend(original);
            if watched.stream.on_repair(time.now, original, header) {
                let seen = Seen {
                    repaired: true,
                    ..Seen::first(header, number)
                };
                self.look(time, at, seen, media, effects);
            }
        }
        Ok(self
            .streams
            .get(at)
            .and_then(|one| one.stream.poll_timeout()))
    }

    fn looks_into(&self, at: usize, pt: u8, opener: &RtpOpener) -> bool {
        match self.decrypt {
            Decrypt::All => true,
            Decrypt::Start => {
                opener.needs_every_packet()
                    || self.streams.get(at).is_some_and(|watched| {
                        let video = watched.stream.spec().kind == MediaKind::Video;
                        let carries = watched.red_pt == Some(pt);
                        carries
                            || video && (self.awaited.is_some() || !watched.stream.is_decodable())
                    })
            }
        }
    }

    /// Reads keyframes and marks out of a decrypted payload with its extended number.
    fn look(
        &mut self,
        time: Time,
        at: usize,
        seen: Seen<'_>,
        payload: &[u8],
        effects: &mut Effects,
    ) {
        let Some(watched) = self.streams.get_mut(at) else {
            return;
        };
        let Seen { header, number, .. } = seen;
        let Some(payload) = rtp::unpad(payload, header.padded) else {
            return;
        };
        let payload = watched.note_carried(time, header, payload);
        let mark = Mark::find(payload);
        let (starts_key_frame, picture) = match watched.codec(header.pt) {
            Codec::Opus => (false, None),
            Codec::H264 => (h264::starts_key_frame(payload), None),
            Codec::Vp8 => vp8::parse(payload).map_or((false, None), |payload| {
                let picture = payload.picture_id.map(|(id, _)| id);
                (payload.starts_key_frame, picture)
            }),
        };
        if let Some(packets) = &mut effects.packets {
            packets.push(Packet {
                ssrc: watched.stream.spec().ssrc,
                number,
                timestamp: header.timestamp,
                marker: header.marker,
                repaired: seen.repaired,
                mark,
                starts_key_frame,
                picture,
            });
        }
        // What was sent before the stream began came from the past: how old it was is no latency.
        let began = *watched.began.get_or_insert(time.arrival);
        let latency = mark
            .filter(|mark| mark.sent >= began)
            .map(|mark| time.arrival.saturating_sub(mark.sent));
        if watched.stream.spec().kind == MediaKind::Audio {
            if let Some(latency) = latency {
                effects.latencies.audio(latency);
            }
            return;
        }
        if let Some(latency) = latency {
            effects.latencies.video(latency);
        }
        if starts_key_frame {
            watched.key_frame = Some((header.timestamp, number));
        }
        if header.marker {
            watched.frame_end = Some((header.timestamp, number, mark.map(|mark| mark.sender)));
        }
        if let Some(sender) = watched.take_key_frame() {
            self.on_key_frame(time.arrival, sender, effects);
        }
    }

    fn on_key_frame(&mut self, arrival: Duration, sender: Option<u16>, effects: &mut Effects) {
        self.last_key_frame = sender.map(|sender| (sender, arrival));
        if !self.first_key_frame {
            self.first_key_frame = true;
            effects.milestones.push(Milestone::FirstKeyFrame(arrival));
        }
        if let Some(awaited) = self.awaited.take_if(|awaited| Some(*awaited) == sender) {
            effects
                .milestones
                .push(Milestone::KeyFrameOf(awaited, arrival));
        }
    }
}

impl Watched {
    /// What a packet of this payload type carries; repairs are of the first codec.
    fn codec(&self, pt: u8) -> Codec {
        let mut codecs = self.codecs.iter();
        let known = codecs.find(|(of, _)| *of == pt);
        let first = known.or_else(|| self.codecs.first());
        first.map_or(Codec::Opus, |(_, codec)| *codec)
    }

    /// Notes what sound carries of what came before it; returns what is its own.
    fn note_carried<'p>(&mut self, time: Time, header: &Header, payload: &'p [u8]) -> &'p [u8] {
        if self.red_pt != Some(header.pt) {
            return payload;
        }
        let mut parts = redundancy::split(payload);
        let own = parts.pop().map_or(payload, |own| own.payload);
        for block in parts {
            self.stream.on_carried(time.arrival, header, block.offset);
        }
        own
    }

    /// The sender of a keyframe that is complete now, once for each.
    fn take_key_frame(&mut self) -> Option<Option<u16>> {
        let (time, first) = self.key_frame?;
        let (end_time, last, sender) = self.frame_end?;
        if end_time != time || !self.stream.has_all(first..=last) {
            return None;
        }
        self.key_frame = None;
        self.stream.on_key_frame(first);
        Some(sender)
    }
}

/// The extended number nearest to the highest so far.
fn extend(highest: Option<u64>, seq: u16) -> u64 {
    highest.map_or_else(
        || u64::from(seq),
        |highest| {
            let step = seq.wrapping_sub(highest as u16) as i16;
            highest.saturating_add_signed(i64::from(step))
        },
    )
}
