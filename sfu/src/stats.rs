//! What a shard counts. Logic never reads a counter.

use crate::drop_reason::DropCounters;
use crate::path::Means;
use crate::priority::PRIORITIES;

/// Counters and gauges of one shard, or their sum over all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Peers at present.
    pub peers: u64,
    /// Of these, connected.
    pub connected_peers: u64,
    /// Of these, by what their media goes, in the order of [`Means::ALL`].
    pub peers_by_means: [u64; Means::ALL.len()],
    /// Publications at present, mirrors of other shards included.
    pub publications: u64,
    /// Datagrams received.
    pub datagrams_in: u64,
    /// Bytes received, UDP payload.
    pub bytes_in: u64,
    /// Media packets accepted into a layer.
    pub media_in: u64,
    /// Media packets forwarded, one per receiver.
    pub media_out: u64,
    /// Bytes forwarded, UDP payload.
    pub bytes_out: u64,
    /// Retransmissions sent.
    pub rtx_out: u64,
    /// Reports of what has arrived, from receivers.
    pub arrival_reports: u64,
    /// Messages that left with numbers of which a report is wanted.
    pub numbered_out: u64,
    /// Times that a receiver's line was shared out among its slots.
    pub shares: u64,
    /// Times that a slot was given more or less by what its line carries.
    pub rung_changes: u64,
    /// Packets of padding sent to learn what a line carries.
    pub padding_out: u64,
    /// Packets of sound sent with what came before them.
    pub redundant_out: u64,
    /// Packets asked for by NACK.
    pub nacked: u64,
    /// PLIs sent to publishers.
    pub pli_out: u64,
    /// Slots that came late and were started from a ring, without a keyframe being asked for.
    pub caught_up: u64,
    /// Publications at present whose encoder ignores keyframe requests.
    pub ignoring_publications: u64,
    /// Keyframes asked for by receivers.
    pub keyframe_requests: u64,
    /// Fan-outs completed.
    pub fanouts: u64,
    /// Packets handed to other shards.
    pub linked: u64,
    /// Messages handed to the system, each with one or more packets.
    pub messages_out: u64,
    /// Frames that were not forwarded because the shard could not keep up, by
    /// [`Priority`](crate::priority::Priority), the least important first. A frame counts once,
    /// however many would have received it.
    pub shed_frames: [u64; PRIORITIES],
    /// Conferences that go without something at present.
    pub overloaded_conferences: u64,
    /// How long the packet that waited longest had waited when the last fan-out began, µs; of
    /// several shards, the worst.
    pub fanout_wait_micros: u64,
    /// Shards that send each packet by itself, because the system has refused to cut messages up.
    pub shards_without_offload: u64,
    /// Keys that led nowhere although they cannot; anything but 0 is a fault of ours.
    pub inconsistent: u64,
    /// What went no further, by reason.
    pub drops: DropCounters,
}

impl Stats {
    /// Counts one forwarded packet of `length` bytes.
    #[inline]
    pub(crate) fn media_out(&mut self, length: usize) {
        self.media_out += 1;
        self.bytes_out += length as u64;
    }

    /// Adds another shard's figures to these.
    pub fn add(&mut self, other: &Self) {
        self.peers += other.peers;
        self.connected_peers += other.connected_peers;
        for (mine, theirs) in self.peers_by_means.iter_mut().zip(other.peers_by_means) {
            *mine += theirs;
        }
        self.publications += other.publications;
        self.datagrams_in += other.datagrams_in;
        self.bytes_in += other.bytes_in;
        self.media_in += other.media_in;
        self.media_out += other.media_out;
        self.bytes_out += other.bytes_out;
        self.rtx_out += other.rtx_out;
        self.arrival_reports += other.arrival_reports;
        self.numbered_out += other.numbered_out;
        self.shares += other.shares;
        self.rung_changes += other.rung_changes;
        self.padding_out += other.padding_out;
        self.redundant_out += other.redundant_out;
        self.nacked += other.nacked;
        self.pli_out += other.pli_out;
        self.caught_up += other.caught_up;
        self.ignoring_publications += other.ignoring_publications;
        self.keyframe_requests += other.keyframe_requests;
        self.fanouts += other.fanouts;
        self.linked += other.linked;
        self.messages_out += other.messages_out;
        for (mine, theirs) in self.shed_frames.iter_mut().zip(other.shed_frames) {
            *mine += theirs;
        }
        self.overloaded_conferences += other.overloaded_conferences;
        self.fanout_wait_micros = self.fanout_wait_micros.max(other.fanout_wait_micros);
        self.shards_without_offload += other.shards_without_offload;
        self.inconsistent += other.inconsistent;
        self.drops.add(&other.drops);
    }
}
