//! The ICE-lite side of a peer (RFC 8445 §2.5): answers connectivity checks, selects the path,
//! notices when consent is gone. Gathers nothing, and checks only whether a path that media is to
//! go to receives.

pub mod client;
mod credentials;
mod proof;
mod stun;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use rtc_stun::attributes::ATTR_PADDING;
use rtc_stun::error_code::CODE_ROLE_CONFLICT;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_ERROR, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::xoraddr::XorMappedAddress;

use crate::budget::Timed;
use crate::command::IceCredentials;
use crate::drop_reason::DropReason;
use crate::path::Path;
use crate::peer::crypto;
use crate::peer::ice::proof::Proof;

pub use credentials::{make_credentials, shard_of};

/// How long a peer may say nothing authenticated before it is taken for gone (RFC 7675 §5.1).
///
/// Lower: ghosts leave sooner. Higher: a peer survives a longer hole in its network.
pub const CONSENT: Duration = Duration::from_secs(30);

/// How long the selected path must have been silent before a check without USE-CANDIDATE from
/// another path moves the peer there.
///
/// Firefox nominates once and then never again, so this is how it roams. Every browser sends RTCP
/// or checks more often than this on a path that works. Lower: roaming is noticed sooner. Higher:
/// a client that also checks spare pairs is less likely to be moved to one of them.
pub const SILENCE: Duration = Duration::from_secs(3);

/// How long a path that is left must have been silent so that what was sent there counts as lost.
///
/// Browsers that receive something report at least once a second. Lower: a move without a loss
/// costs a keyframe. Higher: a loss costs the time until it is noticed.
const HOLE: Duration = Duration::from_millis(500);

/// Verified paths remembered per peer; the one heard longest ago is forgotten first.
///
/// A client has a few host addresses, each perhaps over UDP and TCP. A forgotten path comes back
/// with its next check.
const MAX_VERIFIED: usize = 6;

/// Authenticated checks answered at once, and per second. A browser sends one every 50 ms for each
/// of its addresses while it connects, and one every few seconds afterwards.
const CHECKS: (u32, u32) = (128, 64);

/// What became of a Binding request. All variants mean that a reply was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Answered; the selected path is what it was.
    Answered,
    /// Answered, and from now on media goes to the path the request came on.
    Selected,
    /// The first check after an ICE restart: its path is selected as soon as it has shown that it
    /// receives, and the ufrag used until now is no longer accepted and may be forgotten.
    Restarted {
        /// The ufrag no longer accepted.
        retired: String,
    },
    /// Refused with 487: both sides take themselves for controlled. A lite side cannot yield
    /// (RFC 8445 §7.3.1.1).
    RoleConflict,
}

/// The ICE state of one peer.
///
/// ```text
///            first check                    newer nominated check
/// (no path) ────────────▶ selected path A ───────────────────────────▶ wanted path B
///                              │  ▲             or any check once A fell silent  │
///                    restart() ▼  │ first check with the new credentials         │ B answers
///                        both pairs accepted                                     ▼
///                                                                         selected path B
/// ```
///
/// A wanted path that has shown before that it receives, or is TCP, is selected at once.
#[derive(Debug)]
pub struct Lite {
    credentials: Pair,
    /// Accepted beside `credentials` from an ICE restart until it is used.
    next: Option<Pair>,
    selected: Option<Path>,
    /// Where media is to go once the path has shown that it receives.
    wanted: Option<Path>,
    /// Another path was selected before.
    has_moved: bool,
    /// The path that was left last had fallen silent, and nobody has asked since.
    left_silence: bool,
    proof: Proof,
    checks: Timed,
    /// When anything authenticated last came on the selected path.
    selected_heard: Instant,
    /// When anything authenticated last came on any path.
    heard: Instant,
    verified: ArrayVec<Verified, MAX_VERIFIED>,
}

/// The credentials of both sides.
#[derive(Clone, Debug)]
struct Pair {
    ours: IceCredentials,
    theirs: IceCredentials,
}

/// A path that an authenticated check came on.
#[derive(Clone, Copy, Debug)]
struct Verified {
    path: Path,
    heard: Instant,
    /// It has shown that it receives.
    receives: bool,
}

impl Lite {
    /// A peer that has not been heard yet; `now` starts its consent.
    pub fn new(now: Instant, ours: IceCredentials, theirs: IceCredentials) -> Self {
        Self {
            credentials: Pair { ours, theirs },
            next: None,
            selected: None,
            wanted: None,
            has_moved: false,
            left_silence: false,
            proof: Proof::new(),
            checks: Timed::full(now, CHECKS.0, CHECKS.1),
            selected_heard: now,
            heard: now,
            verified: ArrayVec::new(),
        }
    }

    /// Answers one Binding request that came on `path`; the reply is appended to `out` and goes
    /// back on `path`. The reply is smaller than 128 bytes and not larger than a browser's check; of a
    /// check with PADDING (RFC 5780 §7.6) it has as much, and is not larger than that check either.
    ///
    /// # Errors
    /// When the datagram is no Binding request for this peer, or is not authenticated. Then nothing
    /// was written and nothing has changed.
    pub fn handle_request(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Outcome, DropReason> {
        let view = stun::View::parse(datagram)
            .filter(|view| view.kind == stun::BINDING_REQUEST)
            .ok_or(DropReason::BadStun)?;
        let ufrag = view.receiver_ufrag().ok_or(DropReason::BadStun)?;
        let restarted = self
            .next
            .as_ref()
            .is_some_and(|next| next.ours.ufrag == ufrag);
        let pair = match &self.next {
            Some(next) if restarted => &next.ours,
            _ if ufrag == self.credentials.ours.ufrag => &self.credentials.ours,
            _ => return Err(DropReason::UnknownUfrag),
        };
        if !view.integrity {
            return Err(DropReason::StunNotAuthenticated);
        }
        stun::authenticate(datagram, &pair.pwd)?;
        if !self.checks.spend(now, 1) {
            return Err(DropReason::CheckBudget);
        }

        if view.controlled {
            write_reply(&view, pair, &role_conflict(), out)?;
            return Ok(Outcome::RoleConflict);
        }
        write_reply(&view, pair, &mapped_address(path.remote()), out)?;
        Ok(self.note_check(now, path, view.use_candidate, restarted))
    }

    /// Decides what an authenticated check means for the selected path.
    fn note_check(
        &mut self,
        now: Instant,
        path: Path,
        nominated: bool,
        restarted: bool,
    ) -> Outcome {
        self.heard = now;
        if restarted && let Some(next) = self.next.take() {
            let retired = std::mem::replace(&mut self.credentials, next).ours.ufrag;
            // Media goes on where it is until the new path has shown that it receives.
            let kept = [Some(path), self.selected];
            self.verified
                .retain(|known| kept.contains(&Some(known.path)));
            self.verify(now, path);
            self.want(now, path);
            return Outcome::Restarted { retired };
        }
        self.verify(now, path);
        if self.selected == Some(path) {
            self.selected_heard = now;
            self.wanted = self.wanted.filter(|_| !nominated);
            Outcome::Answered
        } else if self.moves_to(now, path, nominated) && self.want(now, path) {
            Outcome::Selected
        } else {
            Outcome::Answered
        }
    }

    fn moves_to(&self, now: Instant, path: Path, nominated: bool) -> bool {
        let Some(selected) = self.selected else {
            return true;
        };
        let silent = now.saturating_duration_since(self.selected_heard) >= SILENCE;
        // Firefox nominates every pair it has, whatever it goes by: the better path that works is kept.
        let worse = path.means() > selected.means();
        silent || (nominated && !worse)
    }

    /// Selects a path, now if it is the first or has shown that it receives, or else as soon as it
    /// has. Returns whether it is selected.
    fn want(&mut self, now: Instant, path: Path) -> bool {
        if self.selected.is_some() && !self.receives(path) {
            self.wanted = Some(path);
            return false;
        }
        self.wanted = None;
        if self.selected != Some(path) {
            self.has_moved |= self.selected.is_some();
            let silence = now.saturating_duration_since(self.selected_heard);
            self.left_silence |= self.has_moved && silence >= HOLE;
            self.proof.reset();
        }
        self.selected = Some(path);
        self.selected_heard = now;
        true
    }

    /// Whether a path has shown that it receives.
    fn receives(&self, path: Path) -> bool {
        let known = self.verified.iter().find(|known| known.path == path);
        path.is_tcp() || known.is_some_and(|known| known.receives)
    }

    fn note_receives(&mut self, path: Path) {
        if let Some(known) = self.verified.iter_mut().find(|known| known.path == path) {
            known.receives = true;
        }
    }

    fn verify(&mut self, now: Instant, path: Path) {
        if let Some(known) = self.verified.iter_mut().find(|known| known.path == path) {
            known.heard = now;
            return;
        }
        if self.verified.is_full() {
            let oldest = self
                .verified
                .iter()
                .enumerate()
                .filter(|(_, known)| Some(known.path) != self.selected)
                .min_by_key(|(_, known)| known.heard)
                .map(|(index, _)| index);
            if let Some(index) = oldest {
                self.verified.swap_remove(index);
            }
        }
        // There is room: either it was not full, or one that is not selected has left.
        let _ = self.verified.try_push(Verified {
            path,
            heard: now,
            receives: false,
        });
    }

    /// A check of ours that asks the path where media is, or is to go, whether it receives: appended
    /// to `out`, to be sent on the path returned. `transaction` must make one that nobody can guess.
    ///
    /// `None` if no path has to be asked now. Call it when something authenticated has come: then a
    /// path is asked for no more than three times what came from it.
    pub fn ask(
        &mut self,
        now: Instant,
        transaction: impl FnOnce() -> [u8; 12],
        out: &mut Vec<u8>,
    ) -> Option<Path> {
        let path = self.unproven()?;
        if !self.proof.is_due(now, path) {
            return None;
        }
        let pair = (&self.credentials.ours, &self.credentials.theirs);
        let before = out.len();
        self.proof.ask(now, path, transaction, pair, out).ok()?;
        if self.selected == Some(path) {
            // It is less than what came for which it is asked.
            let _ = self.proof.may_send(out.len() - before);
        }
        Some(path)
    }

    /// The path that media is to go to and that has not shown that it receives.
    #[inline]
    pub fn unproven(&self) -> Option<Path> {
        self.wanted
            .or_else(|| self.selected.filter(|path| !self.receives(*path)))
    }

    /// Takes an answer to the check that [`ask`](Self::ask) made. Returns whether media moves.
    ///
    /// # Errors
    /// When it is none, or is not authentic. Then nothing has changed.
    pub fn handle_answer(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
    ) -> Result<bool, DropReason> {
        let theirs = &self.credentials.theirs;
        self.proof.answer(path, datagram, theirs)?;
        self.on_media(now, path);
        self.note_receives(path);
        Ok(self.wanted == Some(path) && self.want(now, path))
    }

    /// The DTLS handshake is complete: what it was made over receives, if that was one path.
    pub fn note_handshake(&mut self) {
        if let Some(path) = self.selected.filter(|_| !self.has_moved) {
            self.note_receives(path);
        }
    }

    /// So many bytes came on a path from which media cannot have come yet.
    pub fn note_received(&mut self, path: Path, length: usize) {
        if self.selected == Some(path) {
            self.proof.received(length);
        }
    }

    /// Whether so many bytes may go to the selected path.
    pub fn may_send(&mut self, length: usize) -> bool {
        self.proven().is_some() || self.proof.may_send(length)
    }

    /// Where media goes: the selected path, once it has shown that it receives.
    pub fn proven(&self) -> Option<Path> {
        self.selected.filter(|path| self.receives(*path))
    }

    /// Notes that authenticated media or RTCP came on `path`. Cheap enough for every packet.
    ///
    /// It keeps the path from counting as silent and the peer from counting as gone: a client that
    /// sends checks rarely (some WHIP encoders) but media all the time is alive. Must not be called
    /// for a packet whose authentication failed.
    #[inline]
    pub fn on_media(&mut self, now: Instant, path: Path) {
        self.heard = now;
        if self.selected == Some(path) {
            self.selected_heard = now;
        }
    }

    /// Accepts a further pair of credentials (RFC 8445 §9). The old pair stays valid until the new
    /// one is used by an authenticated check; see [`Outcome::Restarted`].
    ///
    /// Returns the ufrag of an earlier restart that was never used and is now no longer accepted.
    pub fn restart(&mut self, ours: IceCredentials, theirs: IceCredentials) -> Option<String> {
        let unused = self.next.replace(Pair { ours, theirs });
        unused.map(|unused| unused.ours.ufrag)
    }

    /// Whether the path was changed since the last call because the former one had fallen silent:
    /// what was sent there is lost.
    pub const fn take_left_silence(&mut self) -> bool {
        std::mem::replace(&mut self.left_silence, false)
    }

    /// Forgets a path that is gone, as when its TCP connection closed. If it was selected, the next
    /// check selects another.
    pub fn forget(&mut self, path: Path) {
        self.verified.retain(|known| known.path != path);
        if self.wanted == Some(path) {
            self.wanted = None;
        }
        if self.selected == Some(path) {
            self.selected = None;
            self.has_moved = true;
        }
    }

    /// Where replies go, once a check has come.
    #[inline]
    pub const fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// Whether an authenticated check came on `path` lately: only then may DTLS or media from it be
    /// looked at.
    #[inline]
    pub fn is_verified(&self, path: Path) -> bool {
        self.selected == Some(path) || self.verified.iter().any(|known| known.path == path)
    }

    /// The paths for which [`is_verified`](Self::is_verified) holds.
    pub fn verified(&self) -> impl Iterator<Item = Path> {
        self.verified.iter().map(|known| known.path)
    }

    /// The ufrags that checks may carry: one, or two while an ICE restart is under way.
    pub fn ufrags(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.credentials)
            .chain(&self.next)
            .map(|pair| pair.ours.ufrag.as_str())
    }

    /// When anything authenticated last came; the time of creation if nothing ever did.
    #[inline]
    pub const fn heard(&self) -> Instant {
        self.heard
    }

    /// When the peer counts as gone unless it is heard before.
    pub fn expires(&self) -> Instant {
        self.heard + CONSENT
    }

    /// Whether the peer counts as gone.
    pub fn is_expired(&self, now: Instant) -> bool {
        now >= self.expires()
    }
}

/// Whether a datagram answers a check. Allocates nothing.
pub fn is_answer(datagram: &[u8]) -> bool {
    client::peek_transaction(datagram).is_some()
}

/// Our half of the USERNAME of a STUN request, for finding the peer before anything is verified.
/// Allocates nothing; `None` for anything that is not a well-formed Binding request.
pub fn peek_ufrag(datagram: &[u8]) -> Option<&str> {
    stun::View::parse(datagram)
        .filter(|view| view.kind == stun::BINDING_REQUEST)?
        .receiver_ufrag()
}

fn mapped_address(remote: SocketAddr) -> [Box<dyn Setter>; 2] {
    let address = XorMappedAddress {
        // A dual-stack socket shows IPv4 peers as mapped IPv6; they know themselves as IPv4.
        ip: remote.ip().to_canonical(),
        port: remote.port(),
    };
    [Box::new(BINDING_SUCCESS), Box::new(address)]
}

fn role_conflict() -> [Box<dyn Setter>; 2] {
    [Box::new(BINDING_ERROR), Box::new(CODE_ROLE_CONFLICT)]
}

fn write_reply(
    request: &stun::View<'_>,
    pair: &IceCredentials,
    body: &[Box<dyn Setter>; 2],
    out: &mut Vec<u8>,
) -> Result<(), DropReason> {
    let [kind, content] = body;
    let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
        pair.pwd.clone(),
        crypto::algorithms(),
    );
    let mut reply = Message::new();
    reply.write_header();
    let transaction = TransactionId(request.transaction);
    let setters: [&dyn Setter; 3] = [kind.as_ref(), &transaction, content.as_ref()];
    for setter in setters {
        setter.add_to(&mut reply).map_err(|_| DropReason::BadStun)?;
    }
    let padding = request.padding_of_answer(reply.raw.len());
    if padding > 0 {
        reply.add(ATTR_PADDING, &vec![0; padding]);
    }
    for setter in [&integrity as &dyn Setter, &FINGERPRINT] {
        setter.add_to(&mut reply).map_err(|_| DropReason::BadStun)?;
    }
    out.extend_from_slice(&reply.raw);
    Ok(())
}

#[cfg(test)]
mod tests;
