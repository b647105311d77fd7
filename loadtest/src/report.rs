//! What a run found out. The field names of `report.json` are stable within one `schema`.
//!
//! Times are milliseconds where the name does not say otherwise, losses are shares from 0 to 1.
//! What happens while sites still come and what happens while all watch is told apart: `joining`
//! has the one, everything else the other.
//! Further outputs (HTML, comparisons) read this structure and nothing else.

pub(crate) mod html;
mod summary;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::measure::{Curve, Summary};
use crate::thresholds::Verdict;
use crate::timeline::Moment;

/// Version of the field names.
pub const SCHEMA: u32 = 2;

/// The whole report.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of the program that made it.
    pub version: String,
    /// When the run began, RFC 3339.
    pub started: String,
    /// What was asked for.
    pub scenario: ScenarioEntry,
    /// Where it ran.
    #[serde(default)]
    pub machine: Machine,
    /// How many came.
    pub sites: Sites,
    /// How long joining took, step by step.
    pub join: Join,
    /// What arrived while all watched.
    pub media: Media,
    /// From the sender's send call to the receiver's kernel, by send-time mark, while all watched.
    pub forward_latency: ForwardLatency,
    /// What arrived before, at the sites that were there already.
    pub joining: Joining,
    /// How evenly the sites were served while all watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fairness: Option<Fairness>,
    /// Sites by their line, when the scenario makes some lines bad.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
    /// How fast the floor changed hands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<Floor>,
    /// Sites that went and came back, one entry for each storm and one for all churn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// A participant that did its worst, and what the others had of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostile: Option<HostileEntry>,
    /// Whether every site knows what the server knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Events>,
    /// What publishers of this run sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<crate::publish::Sent>,
    /// What the server's process used, if it was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Server>,
    /// What this program used, and how it received.
    pub generator: Generator,
    /// How it went, second by second, from the first site's start to the end of watching.
    #[serde(default)]
    pub timeline: Vec<Moment>,
    /// What came of each threshold.
    pub thresholds: Vec<Verdict>,
}

/// What was asked for.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioEntry {
    /// Name of the scenario file, without its extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What happens while all watch, in sentences for people: storms, hand-overs, bad lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub happenings: Vec<String>,
    /// The server or the WHEP URL.
    pub target: String,
    /// Sites.
    pub sites: u32,
    /// How they came.
    pub ramp: String,
    /// Seconds of watching together.
    pub duration_seconds: f64,
    /// Length of the audio packets.
    pub audio_frame_ms: u32,
    /// Layers that were published by the run; empty when it published nothing.
    pub layers: Vec<String>,
    /// Which packets were decrypted.
    pub decrypt: String,
    /// `udp`, `tcp` or `turn`.
    pub transport: String,
    /// Seed.
    pub seed: u64,
}

/// How many came.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sites {
    /// Were to come.
    pub asked: u32,
    /// Joined, and got a picture where there was one, and stayed to the end.
    pub joined: u32,
    /// The rest.
    pub failed: u32,
    /// Why, and how many.
    pub failures: BTreeMap<String, u32>,
    /// Seconds from the first site's first packet until the last had joined.
    pub all_joined_seconds: Option<f64>,
    /// How often the server, or a lost connection, made a site try again later.
    pub put_off: u32,
}

/// How long joining took: each step from the end of the one before, and the whole.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Join {
    /// TCP connection.
    pub tcp: Option<Summary>,
    /// TLS handshake, for `https://` and `wss://`.
    #[serde(default)]
    pub tls: Option<Summary>,
    /// WebSocket upgrade.
    pub web_socket: Option<Summary>,
    /// `join` to `welcome`: the token is checked here.
    pub welcome: Option<Summary>,
    /// Offer to answer; with WHEP the whole HTTP exchange.
    pub answer: Option<Summary>,
    /// First connectivity check to its answer.
    pub ice: Option<Summary>,
    /// DTLS handshake.
    pub dtls: Option<Summary>,
    /// Until the first authentic packet of media.
    pub first_packet: Option<Summary>,
    /// Until the first keyframe was complete.
    pub first_key_frame: Option<Summary>,
    /// From the start to the first keyframe, or to the end of DTLS when nothing is published.
    pub total: Option<Summary>,
}

/// What arrived.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Media {
    /// Sound.
    pub audio: Option<MediaEntry>,
    /// Picture.
    pub video: Option<MediaEntry>,
}

/// All streams of one kind together.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaEntry {
    /// Streams on which anything came.
    pub streams: u64,
    /// Packets, by their sequence numbers.
    pub expected: u64,
    /// Packets that came by themselves.
    pub received: u64,
    /// Packets that came by retransmission only.
    pub repaired: u64,
    /// Packets that did not come by themselves.
    pub lost_before_repair: u64,
    /// Packets that did not come.
    pub lost_after_repair: u64,
    /// Share of `expected`.
    pub loss_before_repair: f64,
    /// Share of `expected`.
    pub loss_after_repair: f64,
    /// Greatest `loss_after_repair` of one stream.
    pub worst_loss_after_repair: f64,
    /// Packets that came more than once.
    pub duplicates: u64,
    /// Packets that came behind a later one.
    pub late: u64,
    /// Bytes of RTP with headers.
    pub bytes: u64,
    /// Packets asked for by NACK, repetitions included.
    pub nacks: u64,
    /// Keyframes asked for.
    pub plis: u64,
    /// RFC 3550 jitter at the end, stream by stream.
    pub jitter: Option<Summary>,
    /// Gaps: over 100 ms in sound, over 200 ms in the picture.
    pub stalls: Stalls,
    /// Frames a second, stream by stream; not for sound.
    pub frames_per_second: Option<Summary>,
    /// What a listener heard; for sound alone.
    pub heard: Option<Heard>,
}

/// What listeners heard who hold sound back for a quarter of a second.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// Frames that were there in time.
    pub frames: u64,
    /// Of these, frames that came only as part of a later packet.
    pub recovered: u64,
    /// Frames that were not there.
    pub concealed: u64,
    /// Share of all.
    pub share_concealed: f64,
}

/// Gaps in what arrived.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stalls {
    /// How many.
    pub count: u64,
    /// On how many streams.
    pub streams: u64,
    /// All together.
    pub total_ms: f64,
    /// The longest.
    pub longest_ms: f64,
    /// All together, as a share of the time that the streams ran.
    pub share: f64,
}

/// The time from the first site's coming until a little after the last had joined.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Joining {
    /// How long that was, seconds.
    pub seconds: f64,
    /// What arrived at the sites that were there already.
    pub media: Media,
    /// Forward latencies in that time.
    pub forward_latency: ForwardLatency,
}

/// How evenly sites were served: those that were there all the time, never spoke and have no bad
/// line.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fairness {
    /// How many sites that are.
    pub sites: u32,
    /// Jain's index of the received bytes: 1 when all got the same, 1/n when one got everything.
    pub jain_bytes: f64,
    /// Least received, kbit/s.
    pub min_kbps: f64,
    /// Mean, kbit/s.
    pub mean_kbps: f64,
    /// Most, kbit/s.
    pub max_kbps: f64,
    /// Frames of the picture a second, site by site, all its pictures together.
    pub frames_per_second: Option<Summary>,
}

/// The sites with one kind of line.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Its name in the scenario; `good` for sites whose line nobody touched.
    pub name: String,
    /// How many sites have it.
    pub sites: u32,
    /// What arrived there while all watched.
    pub media: Media,
    /// Forward latencies there while all watched.
    pub forward_latency: ForwardLatency,
    /// Datagrams that the line lost, both directions.
    pub lost: u64,
    /// Datagrams that found the queue of the line's bottleneck full, both directions.
    pub overflowed: u64,
}

/// How fast the floor changed hands.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Floor {
    /// Each hand-over, in order.
    pub hand_overs: Vec<HandOver>,
    /// From the command to the new speaker's first complete keyframe: all sites of all hand-overs.
    pub latency: Option<Summary>,
    /// Sites that did not get a keyframe of the new speaker, summed over the hand-overs.
    pub missed: u32,
    /// Sites that negotiated again, or got media that their answer had not announced.
    pub renegotiated: u32,
}

/// One hand-over.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HandOver {
    /// Seconds since all watch.
    pub at_seconds: f64,
    /// Code of the site that got the floor.
    pub site: String,
    /// Why it came to nothing, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// From the command to the server's consent.
    pub granted_ms: Option<f64>,
    /// From the command until the new speaker knew.
    pub told_ms: Option<f64>,
    /// Sites that should have seen it.
    pub sites: u32,
    /// From the command to the new speaker's first complete keyframe, site by site.
    pub latency: Option<Summary>,
    /// Sites that did not get one before the next hand-over or the end.
    pub missed: u32,
}

/// What kind of fault.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// Pages were reloaded: everything dropped without a word, and resumed.
    #[default]
    Reload,
    /// Sites left and joined again.
    Churn,
    /// The server was ended and started again, or read its settings.
    Restart,
}

/// Sites that went and came back.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// What they did.
    pub kind: FaultKind,
    /// How the server was restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// Why that came to nothing, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Seconds since all watch; of churn, the first.
    pub at_seconds: f64,
    /// Sites that went; of churn, each time counts.
    pub sites: u32,
    /// Of them came back.
    pub back: u32,
    /// Of those the server knew again as the same participant.
    pub resumed: u32,
    /// From the reload, or from the first packet of a return, to media being possible.
    pub connected: Option<Summary>,
    /// The same to the first packet of media.
    pub first_packet: Option<Summary>,
    /// The same to the first packet of sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Summary>,
    /// The same to the first complete keyframe.
    pub first_key_frame: Option<Summary>,
    /// Seconds from the fault until the last that came back had a picture. Not for churn.
    pub all_back_seconds: Option<f64>,
    /// What the others had meanwhile. Not for churn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<Others>,
}

/// Sites that had nothing to do with a fault, from its beginning until all were back.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Others {
    /// How many sites.
    pub sites: u32,
    /// How long that was, seconds.
    pub seconds: f64,
    /// What arrived there; `media.audio.stalls` has their gaps in sound.
    pub media: Media,
    /// Forward latencies in that time, of all sites.
    pub forward_latency: ForwardLatency,
}

/// A participant that did its worst, and what the others had of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostileEntry {
    /// What it was to do.
    pub kinds: Vec<String>,
    /// How much of each it sent.
    pub sent: BTreeMap<String, u64>,
    /// How often it came in.
    pub visits: u32,
    /// How often it was turned away or thrown out, by reason.
    pub refused: BTreeMap<String, u32>,
    /// What the others received before.
    pub before: Others,
    /// What they received meanwhile.
    pub others: Others,
    /// CPU of the server before.
    pub server_cores_before: Option<Cores>,
    /// CPU of the server meanwhile.
    pub server_cores: Option<Cores>,
    /// By how much that is more, in percent.
    pub server_rise_percent: Option<f64>,
}

/// Whether what sites were told is what the server knows.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Events {
    /// State messages that all sites read.
    pub messages: u64,
    /// Of them older than what the site knew already.
    pub out_of_order: u64,
    /// Sites whose state was compared with the server's at the end.
    pub sites: u32,
    /// Of them sites that had missed something: their last state is not the server's.
    pub differing: u32,
    /// What they had missed, by type of message.
    pub missed: BTreeMap<String, u32>,
    /// Why this could not be found out, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Checksum of what everybody is told, as the server has it: conference, stage, floor, counts.
    pub server_checksum: String,
    /// Participants on the operator's roster, gathered from its deltas.
    pub roster: Option<u32>,
    /// Entries by which that roster differs from the server's.
    pub roster_differences: Option<u32>,
}

/// Forward latencies.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ForwardLatency {
    /// Of sound, packet by packet.
    pub audio: Option<Summary>,
    /// Of the picture, frame by frame, by its last packet.
    pub video: Option<Summary>,
    /// Of both together.
    #[serde(default)]
    pub both: Option<Summary>,
    /// The whole distribution of `audio`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audio_curve: Curve,
    /// The whole distribution of `video`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub video_curve: Curve,
}

/// CPU time as cores: 1 is one core all the time.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Cores {
    /// In the program.
    pub user: f64,
    /// In the kernel on its behalf.
    pub system: f64,
    /// Both.
    pub total: f64,
}

/// What the server's process used.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// Its process id.
    pub pid: u32,
    /// Resident memory before anybody came, KiB.
    pub idle_rss_kib: u64,
    /// Resident memory at the end of watching, KiB.
    pub rss_kib: u64,
    /// Growth by each site that joined, KiB.
    pub rss_per_site_kib: f64,
    /// CPU seconds from the first site until the last had joined.
    pub join_cpu_seconds: f64,
    /// CPU while all watched.
    pub steady_cores: Cores,
    /// Packets that reached this program for each CPU second of the server, while all watched.
    pub packets_per_cpu_second: f64,
    /// CPU of the server for each packet that reached this program, while all watched.
    pub cpu_micros_per_packet: f64,
    /// How often a second its threads slept while all watched; `None` where the system hides it.
    pub voluntary_switches_per_second: Option<f64>,
    /// How often a second its threads were pushed aside by others.
    pub involuntary_switches_per_second: Option<f64>,
}

/// What this program used, and how it received.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Generator {
    /// How datagrams were received. Different ways cost the server differently, so figures are
    /// comparable only where this is the same.
    pub receive_mode: String,
    /// Receive buffer that the system granted each shared socket, bytes.
    pub receive_buffer_bytes: u64,
    /// CPU while all watched.
    pub steady_cores: Cores,
    /// Packets received a second, while all watched.
    pub packets_per_second: f64,
    /// Datagrams received.
    pub received: u64,
    /// Messages they came in: fewer with GRO.
    pub messages: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Datagrams that the system refused to send.
    pub send_failures: u64,
    /// Datagrams that the kernel dropped here, because this program was too slow: not the server's
    /// fault, and a reason to distrust the run.
    pub kernel_drops: u64,
    /// Packets that failed authentication.
    pub unauthenticated: u64,
    /// Packets of streams that no answer announced.
    pub unknown_streams: u64,
    /// Longest turn of the media thread; long ones make latencies look worse than they are.
    pub longest_turn_ms: f64,
}

/// Where a report was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// For programs.
    pub json: PathBuf,
    /// For people.
    pub html: PathBuf,
}

impl Report {
    /// What came of each restart of the server.
    pub fn restarts(&self) -> impl Iterator<Item = &Fault> {
        let all = self.faults.iter();
        all.filter(|fault| fault.kind == FaultKind::Restart)
    }

    /// All thresholds were kept.
    pub fn is_good(&self) -> bool {
        self.thresholds.iter().all(|verdict| verdict.kept)
    }

    /// Writes `report.json` and `report.html` into a directory, which is made if it is missing.
    ///
    /// # Errors
    /// When the directory or a file cannot be written.
    pub fn write(&self, directory: &Path) -> io::Result<Written> {
        std::fs::create_dir_all(directory)?;
        let written = Written {
            json: directory.join("report.json"),
            html: directory.join("report.html"),
        };
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        std::fs::write(&written.json, json)?;
        std::fs::write(&written.html, self.html())?;
        Ok(written)
    }

    /// The report for a person, as one HTML file that needs no other.
    pub fn html(&self) -> String {
        html::write(self)
    }

    /// The report for a person, as text.
    pub fn summary(&self) -> String {
        summary::write(self)
    }
}

#[cfg(test)]
mod tests;
