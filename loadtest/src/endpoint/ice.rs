//! The controlling side of ICE towards a lite server: checks, nomination, consent (RFC 8445, RFC 7675).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, RngExt};
use sfu::command::IceCredentials;
use sfu::peer::ice::client::{Answer, Check, Role, answer_check, check_answer, peek_transaction};

use super::Effects;

/// First retransmission of an unanswered check; each further one waits twice as long.
const FIRST_RETRANSMISSION: Duration = Duration::from_millis(50);
/// Longest wait between unanswered checks.
const LAST_RETRANSMISSION: Duration = Duration::from_millis(1_600);
/// Consent is given up after this time without an answer (RFC 7675 §5.1).
const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Checks remembered until their answer comes; an older one counts as lost.
const PENDING: usize = 4;
/// RFC 8445 §5.1.2.1 for a peer-reflexive candidate.
const PRIORITY: u32 = (110 << 24) | (65_535 << 8) | 255;

/// State of one endpoint's one candidate pair.
#[derive(Debug)]
pub(super) struct Ice {
    local: IceCredentials,
    remote: IceCredentials,
    tie_breaker: u64,
    pending: Vec<([u8; 12], Instant)>,
    next_check: Instant,
    backoff: Duration,
    last_answer: Option<Instant>,
    round_trip: Option<Duration>,
}

impl Ice {
    pub(super) fn new(now: Instant, rng: &mut SmallRng) -> Self {
        let empty = String::new;
        Self {
            local: IceCredentials {
                ufrag: random_text(8, rng),
                pwd: random_text(24, rng),
            },
            remote: IceCredentials {
                ufrag: empty(),
                pwd: empty(),
            },
            tie_breaker: rng.next_u64(),
            pending: Vec::new(),
            next_check: now,
            backoff: FIRST_RETRANSMISSION,
            last_answer: None,
            round_trip: None,
        }
    }

    pub(super) const fn local(&self) -> &IceCredentials {
        &self.local
    }

    pub(super) fn start(&mut self, now: Instant, remote: IceCredentials) {
        self.remote = remote;
        self.next_check = now;
    }

    pub(super) const fn is_connected(&self) -> bool {
        self.last_answer.is_some()
    }

    pub(super) fn is_expired(&self, now: Instant) -> bool {
        self.last_answer
            .is_some_and(|last| now.saturating_duration_since(last) > CONSENT_TIMEOUT)
    }

    pub(super) const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub(super) const fn poll_timeout(&self) -> Instant {
        self.next_check
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, rng: &mut SmallRng, out: &mut Effects) {
        if now < self.next_check {
            return;
        }
        let transaction = self.send_check(rng, out);
        if self.pending.len() == PENDING {
            self.pending.remove(0);
        }
        self.pending.push((transaction, now));
        self.next_check = if self.pending.len() > 1 || !self.is_connected() {
            let wait = self.backoff;
            self.backoff = (wait * 2).min(LAST_RETRANSMISSION);
            now + wait
        } else {
            // RFC 7675 asks for 5 s spread by 20 %; browsers check about twice as often.
            now + Duration::from_millis(rng.random_range(2_500..5_000))
        };
    }

    /// Sends a check; returns under which transaction.
    pub(super) fn send_check(&self, rng: &mut SmallRng, out: &mut Effects) -> [u8; 12] {
        let mut transaction = [0; 12];
        rng.fill_bytes(&mut transaction);
        let check = Check {
            server: &self.remote,
            ufrag: &self.local.ufrag,
            role: Role::Controlling,
            tie_breaker: self.tie_breaker,
            priority: PRIORITY,
            use_candidate: true,
            transaction,
        };
        let mut datagram = Vec::with_capacity(128);
        if check.encode(&mut datagram).is_ok() {
            out.datagrams.push(&datagram);
        }
        transaction
    }

    /// Answers a check of the server's own. `false`: it is none, or not authentic.
    pub(super) fn handle_check(&self, datagram: &[u8], out: &mut Effects) -> bool {
        // Where it came from: a lite server gathers nothing and does not look at it.
        let anywhere = SocketAddr::from(([0, 0, 0, 0], 9));
        let mut answer = Vec::with_capacity(128);
        let answered = answer_check(datagram, &self.local, anywhere, &mut answer).is_ok();
        if answered {
            out.datagrams.push(&answer);
        }
        answered
    }

    /// Takes an answer to a check. `false`: it is none of ours, or not authentic.
    pub(super) fn handle_answer(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let Some(transaction) = peek_transaction(datagram) else {
            return false;
        };
        let Some(&(_, sent)) = self.pending.iter().find(|(id, _)| *id == transaction) else {
            return false;
        };
        if !matches!(
            check_answer(datagram, &transaction, &self.remote),
            Ok(Answer::Success(_))
        ) {
            return false;
        }
        self.pending.clear();
        if self.last_answer.is_none() {
            self.next_check = now + Duration::from_millis(2_500);
        }
        self.backoff = FIRST_RETRANSMISSION;
        self.last_answer = Some(now);
        self.round_trip = Some(now.saturating_duration_since(sent));
        true
    }
}

/// Text in the `ice-char` alphabet (RFC 8839 §5.4).
fn random_text(length: usize, rng: &mut SmallRng) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
    let one = |_| {
        let index = rng.next_u32() as usize % ALPHABET.len();
        ALPHABET.get(index).copied().map_or('a', char::from)
    };
    (0..length).map(one).collect()
}
