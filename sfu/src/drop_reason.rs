//! Why a packet was not forwarded or not even looked at: an outcome that is counted, not an error.

/// Declares the enum, its label for metrics, and the array of all of them, so that they agree.
macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $variant:ident = $label:literal,)+) => {
        /// Why a datagram or packet went no further.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum DropReason {
            $($(#[$doc])* $variant,)+
        }

        impl DropReason {
            /// Every reason, in the order of [`DropCounters`].
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// `snake_case` name, for the label of a metric.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)+
                }
            }
        }
    };
}

drop_reasons! {
    /// Empty, or a first byte that RFC 7983 gives to no protocol of ours.
    NotOurs = "not_ours",
    /// Longer than any datagram of ours.
    Oversized = "oversized",
    /// STUN that is malformed or not a Binding request.
    BadStun = "bad_stun",
    /// STUN for a ufrag nobody has.
    UnknownUfrag = "unknown_ufrag",
    /// STUN whose MESSAGE-INTEGRITY or FINGERPRINT is missing or wrong.
    StunNotAuthenticated = "stun_not_authenticated",
    /// DTLS, RTP or RTCP from an address that no authenticated check came from.
    UnknownPath = "unknown_path",
    /// A check of a peer that has sent more of them than connecting takes.
    CheckBudget = "check_budget",
    /// A check from where another connected peer is.
    PathTaken = "path_taken",
    /// DTLS towards a path that has not shown that it receives, beyond three times what came from it.
    PathNotProven = "path_not_proven",
    /// DTLS while too many handshakes wait.
    HandshakeQueueFull = "handshake_queue_full",
    /// DTLS of a peer that has sent more of it than a handshake takes.
    HandshakeBudget = "handshake_budget",
    /// DTLS that the handshake could not use.
    BadDtls = "bad_dtls",
    /// RTP or RTCP before the handshake was complete.
    NotConnected = "not_connected",
    /// RTP or RTCP too short or inconsistent.
    BadRtp = "bad_rtp",
    /// RTP of an SSRC that nobody negotiated.
    UnknownSsrc = "unknown_ssrc",
    /// SRTP or SRTCP that failed authentication.
    NotAuthenticated = "not_authenticated",
    /// SRTP or SRTCP seen before.
    Replayed = "replayed",
    /// A packet further from the last than its publisher may leave out.
    GapBudget = "gap_budget",
    /// A payload type that the answer did not accept.
    UnknownPt = "unknown_pt",
    /// A probe or padding packet without media.
    Padding = "padding",
    /// The same packet had come before, as original or as retransmission.
    Duplicate = "duplicate",
    /// Older than the layer's ring reaches back.
    TooOld = "too_old",
    /// More media than may come from a peer that has shown no token.
    MediaBudget = "media_budget",
    /// The publication is muted by command.
    Blocked = "blocked",
    /// Another layer than the slot shows.
    OtherLayer = "other_layer",
    /// The slot waits for a keyframe to switch on.
    AwaitingKeyframe = "awaiting_keyframe",
    /// The slot was started from the past and has not come so far.
    CatchingUp = "catching_up",
    /// From before the point where the slot switched.
    BeforeSwitch = "before_switch",
    /// Nobody is shown their own media.
    OwnPublication = "own_publication",
    /// The slot did not negotiate the publication's codec.
    CodecNotNegotiated = "codec_not_negotiated",
    /// The receiver has no confirmed path yet.
    NoPath = "no_path",
    /// A NACK for a packet the ring no longer holds, or too many in one datagram.
    NotRepairable = "not_repairable",
    /// A NACK for a packet that was sent again less than a round trip ago, or often enough.
    AskedAgain = "asked_again",
    /// A NACK for a packet that others may only have overtaken, on a line where they do.
    MayComeYet = "may_come_yet",
    /// A NACK of a receiver that was sent its share of repairs.
    RepairBudget = "repair_budget",
    /// A keyframe request of a receiver that has asked for its share of them.
    KeyframeBudget = "keyframe_budget",
    /// A picture for a receiver whose line does not carry it now.
    LineTooNarrow = "line_too_narrow",
    /// A TCP connection that the system could not give, for want of descriptors as a rule.
    NotAccepted = "not_accepted",
    /// A TCP connection whose frames make no sense (RFC 4571); it is closed.
    BadFraming = "bad_framing",
    /// TURN that makes no sense, or is of no allocation.
    BadTurn = "bad_turn",
    /// A request of TURN that is not signed, or not with a password that is good.
    TurnNotAuthenticated = "turn_not_authenticated",
    /// A request of a TURN client that has made more of them than it needs.
    TurnBudget = "turn_budget",
    /// TURN towards an address that is none of ours, or without a permission.
    RelayForbidden = "relay_forbidden",
    /// The system's send buffer or the TCP connection's queue is full.
    SendQueueFull = "send_queue_full",
    /// Larger than the way to its receiver takes.
    TooBig = "too_big",
    /// It has waited too long for a TCP connection that takes less than it is given.
    TooLate = "too_late",
    /// A picture before it was left out for such a connection, and no keyframe has come since.
    PictureBroken = "picture_broken",
    /// The queue to another shard is full.
    LinkFull = "link_full",
    /// Sealing failed; a bug if it ever happens.
    SealFailed = "seal_failed",
}

/// How often each [`DropReason`] occurred.
#[derive(Clone, Copy, Debug)]
pub struct DropCounters([u64; DropReason::ALL.len()]);

impl Default for DropCounters {
    fn default() -> Self {
        Self([0; DropReason::ALL.len()])
    }
}

impl DropCounters {
    /// Counts one packet.
    #[inline]
    pub fn count(&mut self, reason: DropReason) {
        self.count_many(reason, 1);
    }

    /// Counts so many packets.
    #[inline]
    pub fn count_many(&mut self, reason: DropReason, many: u64) {
        if let Some(counter) = self.0.get_mut(reason as usize) {
            *counter += many;
        }
    }

    /// How often `reason` occurred.
    pub fn of(&self, reason: DropReason) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or_default()
    }

    /// Adds another set of counters to this one.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// Sum over all reasons.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_counter_and_label() {
        let mut counters = DropCounters::default();
        for (times, reason) in DropReason::ALL.iter().enumerate() {
            for _ in 0..times {
                counters.count(*reason);
            }
        }
        for (times, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(counters.of(*reason), times as u64, "{reason:?}");
        }
        let mut labels: Vec<_> = DropReason::ALL
            .iter()
            .map(|reason| reason.label())
            .collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), DropReason::ALL.len());
    }
}
