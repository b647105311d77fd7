//! What comes out of an endpoint.

use std::time::Duration;

use crate::marker::Mark;
use crate::measure::Latencies;

/// Datagrams to send, in one buffer that is used again and again.
#[derive(Debug, Default)]
pub struct Datagrams {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Datagrams {
    /// Adds one.
    pub fn push(&mut self, datagram: &[u8]) {
        self.bytes.extend_from_slice(datagram);
        self.ends.push(self.bytes.len());
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().filter_map(move |&end| {
            let datagram = self.bytes.get(start..end);
            start = end;
            datagram
        })
    }

    /// There are none.
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets them and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// A step on the way of one endpoint, each at most once but for `KeyFrameOf`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Milestone {
    /// The server answered a connectivity check.
    IceConnected,
    /// The handshake is complete, media may flow.
    Connected,
    /// The first authentic packet of media arrived then, counted from the start of the run.
    FirstPacket(Duration),
    /// The first keyframe was complete then, counted from the start of the run.
    FirstKeyFrame(Duration),
    /// A keyframe of the awaited sender was complete then.
    KeyFrameOf(u16, Duration),
    /// It is over, and why.
    Failed(&'static str),
}

/// A packet of media that came, at first or by repair, and is no copy of one that had come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Packet {
    /// Of the media, also when it came by repair.
    pub ssrc: u32,
    /// Extended number.
    pub number: u64,
    /// Media time.
    pub timestamp: u32,
    /// Last of its frame.
    pub marker: bool,
    /// It came by retransmission.
    pub repaired: bool,
    /// What its sender says about it.
    pub mark: Option<Mark>,
    /// It begins a keyframe.
    pub starts_key_frame: bool,
    /// Picture id, if it has one.
    pub picture: Option<u16>,
}

/// Everything that one or more calls brought about.
#[derive(Debug, Default)]
pub struct Effects {
    /// To be sent, in order, from the endpoint's address to its server.
    pub datagrams: Datagrams,
    /// What has been reached.
    pub milestones: Vec<Milestone>,
    /// Measured on the way.
    pub latencies: Latencies,
    /// Every packet that was looked into, if somebody wants to have them.
    pub packets: Option<Vec<Packet>>,
}
