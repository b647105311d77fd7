//! Which peer must be looked after when, and what is then done for it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crate::command::{CloseReason, Event};
use crate::peer::{PeerKey, SILENT_AFTER, Stage};
use crate::shard::Shard;
use crate::slot::Sent;

/// How often publications are looked over: who speaks, what has stopped.
///
/// Lower: a new speaker is heard sooner. Higher: less work.
const TICK: Duration = Duration::from_millis(100);

/// How often each receiver gets sender reports.
///
/// Lower: sound and picture are in step sooner after a switch. Higher: fewer datagrams.
const REPORT_INTERVAL: Duration = Duration::from_secs(2);

/// How often each receiver is sent something, if only a report: so it can tell a way that is broken
/// from a conference in which nobody is on air.
///
/// Lower: pages notice sooner; more datagrams where nothing else is sent. Higher: the opposite.
const SIGN_INTERVAL: Duration = Duration::from_millis(700);

/// A receiver that got media so recently gets more soon: its reports leave with it.
const RIDE: Duration = Duration::from_millis(200);

/// A publisher whose next deadline is later than this gets a new one when a packet comes.
const FEEDBACK_SLACK: Duration = Duration::from_millis(30);

/// Peers looked after per turn; the rest follow in the next, so that media keeps its turn.
const MAX_DUE: usize = 256;

/// Deadlines of peers, the earliest first. Each peer has one that counts, in `Cold::armed`; an entry
/// that was overtaken by an earlier one is skipped.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, PeerKey)>>,
}

impl Timers {
    pub(super) fn set(&mut self, due: Instant, peer: PeerKey) {
        self.heap.push(Reverse((due, peer)));
    }

    fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((due, ..))| *due)
    }

    fn pop_due(&mut self, now: Instant) -> Option<(Instant, PeerKey)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

impl Shard {
    /// When [`handle_timeout`](Self::handle_timeout) should be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [
            self.timers.next(),
            self.next_tick,
            self.next_hold,
            self.handshakes_due,
            self.next_catching_up(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.handshake(now);
        // What was held leaves with the next flush.
        self.next_hold = self.next_hold.filter(|due| *due > now);
        for _ in 0..MAX_DUE {
            let Some((due, key)) = self.timers.pop_due(now) else {
                break;
            };
            if let Some(known) = self.peers.get_mut(key)
                && known.cold.armed == Some(due)
            {
                known.cold.armed = None;
                self.look_after(now, key);
            }
        }
        if self.next_tick.is_some_and(|due| due <= now) {
            self.tick(now);
        }
    }

    /// Makes sure that [`tick`](Self::tick) runs while anything is arriving.
    pub(super) fn arm_tick(&mut self, now: Instant) {
        self.next_tick.get_or_insert(now + TICK);
    }

    fn look_after(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let id = peer.id;
        if peer.cold.ice.is_expired(now) {
            let reason = match peer.cold.stage {
                Stage::Connecting => CloseReason::HandshakeFailed,
                Stage::Connected | Stage::Silent => CloseReason::ConsentExpired,
            };
            self.remove_peer(now, id, reason);
            return;
        }
        if peer.cold.dtls.poll_timeout().is_some_and(|due| due <= now) {
            peer.cold.dtls.handle_timeout(now);
            self.after_dtls(now, key);
        }
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let heard = now.saturating_duration_since(peer.cold.ice.heard());
        if peer.cold.stage == Stage::Connected && heard >= SILENT_AFTER {
            peer.cold.stage = Stage::Silent;
            self.events.push_back(Event::PeerSilent { peer: id });
        }
        let wakes = peer.cold.line.as_ref().and_then(|line| line.wakes());
        if wakes.is_some_and(|due| due <= now) {
            self.look_after_line(now, key);
        }
        self.repeat_sound(now, key);
        self.send_feedback(now, key);
        self.send_reports(now, key);
        self.rearm(key);
    }

    /// Enters the peer's next deadline, unless an earlier one is entered.
    pub(super) fn rearm(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(key) {
            let due = peer.cold.poll_timeout();
            if peer.cold.armed.is_none_or(|armed| due < armed) {
                peer.cold.armed = Some(due);
                self.timers.set(due, key);
            }
        }
    }

    /// Makes sure that a publisher whose packets arrive gets its feedback in time.
    #[inline]
    pub(super) fn arm_feedback(&mut self, now: Instant, key: PeerKey) {
        let is_late = |armed: Instant| armed > now + FEEDBACK_SLACK;
        if self
            .peers
            .at(key)
            .is_some_and(|peer| peer.cold.armed.is_none_or(is_late))
        {
            self.rearm(key);
        }
    }

    fn send_feedback(&mut self, now: Instant, key: PeerKey) {
        loop {
            let Some(peer) = self.peers.at_mut(key) else {
                return;
            };
            let Some(feedback) = &mut peer.cold.feedback else {
                return;
            };
            let Some(compound) = feedback.poll(now) else {
                return;
            };
            self.send_rtcp(key, &compound);
        }
    }

    /// Sender reports of all slots that have sent, in one compound (RFC 3550 §6.4.1). While media
    /// flows they are due less often; while none does they are the sign that the way works.
    fn send_reports(&mut self, now: Instant, key: PeerKey) {
        let ntp = self.ntp(now);
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        if peer.cold.next_report.is_none_or(|due| due > now) {
            return;
        }
        let recent = |sent: &Instant| now.saturating_duration_since(*sent) < RIDE;
        let sent = peer.slots.iter().map(|slot| slot.rewriter.last_sent());
        let sent = sent.max().flatten().filter(recent);
        // Should it have been the last of the media, the sign comes no later after it.
        peer.cold.next_report = Some(sent.unwrap_or(now) + SIGN_INTERVAL);
        self.look_after_line(now, key);
        let Some(peer) = self.peers.at_mut(key) else {
            return;
        };
        let flows = sent.is_some();
        if flows && peer.cold.reports_due.is_some_and(|due| due > now) {
            return;
        }
        peer.cold.reports_due = Some(now + REPORT_INTERVAL);
        let mut compound = Vec::new();
        for slot in &peer.slots {
            // While the past is shown its clock says nothing about the times that it is sent with.
            if slot.is_catching_up() {
                continue;
            }
            let shows = slot.rewriter.source().zip(slot.rewriter.look());
            let (Some((source, look)), Some(codec)) = (shows, slot.codec()) else {
                continue;
            };
            let publication = self.publications.get(source.publication);
            let clock = publication
                .and_then(|p| p.layers.get(usize::from(source.layer)))
                .and_then(|layer| layer.clock);
            if let Some(clock) = clock {
                let rtp = look.timestamp(clock.rtp_at(ntp, codec.clock_rate()));
                compound.extend(sender_report(slot.ssrc.0, ntp, rtp, slot.sent()));
            }
        }
        if compound.is_empty() {
            compound.extend(no_report(peer.slots.first().map_or(0, |slot| slot.ssrc.0)));
        }
        if !flows {
            self.send_rtcp(key, &compound);
            return;
        }
        if let Some(peer) = self.peers.at_mut(key) {
            let sealed = peer.cold.seal_rtcp(&compound);
            peer.report = sealed.map(|sealed| sealed.to_vec().into_boxed_slice());
        }
    }

    /// Looks publications over: what has started or stopped, who speaks.
    fn tick(&mut self, now: Instant) {
        self.look_over_publications(now);
        self.look_over_feeds(now);
        self.look_over_demands(now);
        self.send_keyframe_requests(now);
        let is_needed = !self.active.is_empty()
            || !self.mirrors.is_empty()
            || !self.wishes.is_empty()
            || !self.waning.is_empty();
        self.next_tick = is_needed.then_some(now + TICK);
    }
}

/// A receiver report without a block (RFC 3550 §6.4.2).
fn no_report(ssrc: u32) -> [u8; 8] {
    let mut report = [0x80, 201, 0, 1, 0, 0, 0, 0];
    report[4..].copy_from_slice(&ssrc.to_be_bytes());
    report
}

fn sender_report(ssrc: u32, ntp: u64, rtp: u32, sent: Sent) -> [u8; 28] {
    let mut report = [0u8; 28];
    report[..4].copy_from_slice(&[0x80, 200, 0, 6]);
    report[4..8].copy_from_slice(&ssrc.to_be_bytes());
    report[8..16].copy_from_slice(&ntp.to_be_bytes());
    report[16..20].copy_from_slice(&rtp.to_be_bytes());
    report[20..24].copy_from_slice(&sent.packets.to_be_bytes());
    report[24..].copy_from_slice(&sent.octets.to_be_bytes());
    report
}
