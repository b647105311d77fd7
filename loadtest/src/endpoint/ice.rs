//! The offering side of ICE: checks, nomination, consent (RFC 8445, RFC 7675). It has one pair, and
//! answers a server that is no lite one, which makes checks of its own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::SmallRng;
use sfu::command::IceCredentials;
use sfu::peer::ice::client::{
    Answer, Asked, Check, Role, answer_check, check_answer, peek_transaction,
};

use super::{Effects, Habits};

/// First retransmission of an unanswered check; each further one waits twice as long.
const FIRST_RETRANSMISSION: Duration = Duration::from_millis(50);
/// Longest wait between unanswered checks.
const LAST_RETRANSMISSION: Duration = Duration::from_millis(1_600);
/// Consent is given up after this time without an answer (RFC 7675 §5.1).
const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Checks remembered until their answer comes; an older one counts as lost.
const PENDING: usize = 4;
/// Error code of a role conflict (RFC 8445 §7.2.5.1).
const ROLE_CONFLICT: u16 = 487;
/// RFC 8445 §5.1.2.1 for a peer-reflexive candidate.
const PRIORITY: u32 = (110 << 24) | (65_535 << 8) | 255;

/// State of one endpoint's one candidate pair.
#[derive(Debug)]
pub(super) struct Ice {
    habits: Habits,
    local: IceCredentials,
    remote: IceCredentials,
    /// Where the server is.
    server: SocketAddr,
    /// Whoever offers controls, unless the server insists (RFC 8445 §7.3.1.1).
    role: Role,
    tie_breaker: u64,
    pending: Vec<([u8; 12], Instant)>,
    next_check: Instant,
    backoff: Duration,
    /// Checks sent with these credentials.
    checks: u64,
    last_answer: Option<Instant>,
    round_trip: Option<Duration>,
}

impl Ice {
    pub(super) fn new(now: Instant, habits: Habits, rng: &mut SmallRng) -> Self {
        let empty = String::new;
        Self {
            habits,
            local: credentials(rng),
            remote: IceCredentials {
                ufrag: empty(),
                pwd: empty(),
            },
            server: SocketAddr::from(([0, 0, 0, 0], 0)),
            role: Role::Controlling,
            tie_breaker: rng.next_u64(),
            pending: Vec::new(),
            next_check: now,
            backoff: FIRST_RETRANSMISSION,
            checks: 0,
            last_answer: None,
            round_trip: None,
        }
    }

    pub(super) const fn local(&self) -> &IceCredentials {
        &self.local
    }

    /// Has new credentials, which the next offer tells.
    pub(super) fn restart(&mut self, rng: &mut SmallRng) {
        self.local = credentials(rng);
    }

    pub(super) fn start(&mut self, now: Instant, remote: IceCredentials, server: SocketAddr) {
        self.remote = remote;
        self.server = server;
        self.pending.clear();
        self.backoff = FIRST_RETRANSMISSION;
        self.checks = 0;
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
        self.checks += 1;
        if self.pending.len() == PENDING {
            self.pending.remove(0);
        }
        self.pending.push((transaction, now));
        self.next_check = now
            + if self.pending.len() > 1 || !self.is_connected() {
                let wait = self.backoff;
                self.backoff = (wait * 2).min(LAST_RETRANSMISSION);
                wait
            } else {
                self.habits.pause(rng)
            };
    }

    /// Sends a check; returns under which transaction.
    pub(super) fn send_check(&self, rng: &mut SmallRng, out: &mut Effects) -> [u8; 12] {
        let mut transaction = [0; 12];
        rng.fill_bytes(&mut transaction);
        let check = Check {
            server: &self.remote,
            ufrag: &self.local.ufrag,
            role: self.role,
            tie_breaker: self.tie_breaker,
            priority: PRIORITY,
            use_candidate: self.role == Role::Controlling
                && self.habits.nominates(self.checks == 0, self.is_connected()),
            transaction,
        };
        let mut datagram = Vec::with_capacity(128);
        if check.encode(&mut datagram).is_ok() {
            out.datagrams.push(&datagram);
        }
        transaction
    }

    /// Answers a check of the server's own (RFC 8445 §7.3). `false`: it is none, or not authentic.
    pub(super) fn handle_check(&mut self, datagram: &[u8], out: &mut Effects) -> bool {
        let mut answer = Vec::with_capacity(128);
        let side = (self.role, self.tie_breaker);
        let asked = answer_check(datagram, &self.local, self.server, side, &mut answer);
        let Ok(asked) = asked else { return false };
        out.datagrams.push(&answer);
        if asked == Asked::Yielding {
            self.role = self.role.other();
        }
        true
    }

    /// Takes an answer to a check. `false`: it is none of ours, or not authentic.
    pub(super) fn handle_answer(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let Some(transaction) = peek_transaction(datagram) else {
            return false;
        };
        let Some(&(_, sent)) = self.pending.iter().find(|(id, _)| *id == transaction) else {
            return false;
        };
        match check_answer(datagram, &transaction, &self.remote) {
            Ok(Answer::Success(_)) => {}
            Ok(Answer::Refused(ROLE_CONFLICT)) => {
                // Once for each check: its other copies were sent in the role that is given up.
                self.pending.clear();
                self.role = self.role.other();
                self.next_check = now;
                return true;
            }
            Ok(Answer::Refused(_)) | Err(_) => return false,
        }
        self.pending.clear();
        if self.last_answer.is_none() {
            // Nominated with the next check at the latest.
            let nominated = self.habits.nominates(true, false);
            let wait = if nominated { 2_500 } else { 50 };
            self.next_check = now + Duration::from_millis(wait);
        }
        self.backoff = FIRST_RETRANSMISSION;
        self.last_answer = Some(now);
        self.round_trip = Some(now.saturating_duration_since(sent));
        true
    }
}

fn credentials(rng: &mut SmallRng) -> IceCredentials {
    IceCredentials {
        ufrag: random_text(8, rng),
        pwd: random_text(24, rng),
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
