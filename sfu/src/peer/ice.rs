//! The ICE-lite side of a peer (RFC 8445 §2.5): answers connectivity checks, selects the path,
//! notices when consent is gone. Sends no checks of its own and gathers nothing.

pub mod client;
mod credentials;
mod stun;

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use rtc_stun::error_code::CODE_ROLE_CONFLICT;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_ERROR, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::xoraddr::XorMappedAddress;

use crate::command::IceCredentials;
use crate::drop_reason::DropReason;
use crate::path::Path;
use crate::peer::crypto;

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

/// Verified paths remembered per peer; the one heard longest ago is forgotten first.
///
/// A client has a few host addresses, each perhaps over UDP and TCP. A forgotten path comes back
/// with its next check.
const MAX_VERIFIED: usize = 6;

/// What became of a Binding request. All variants mean that a reply was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Answered; the selected path is what it was.
    Answered,
    /// Answered, and from now on media goes to the path the request came on.
    Selected,
    /// The first check after an ICE restart: its path is selected, and the ufrag used until now
    /// is no longer accepted and may be forgotten.
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
/// (no path) ────────────▶ selected path A ───────────────────────────▶ selected path B
///                              │  ▲             or any check once A fell silent
///                    restart() ▼  │ first check with the new credentials
///                        both pairs accepted
/// ```
#[derive(Debug)]
pub struct Lite {
    credentials: IceCredentials,
    /// Accepted beside `credentials` from an ICE restart until it is used.
    next: Option<IceCredentials>,
    selected: Option<Path>,
    /// When anything authenticated last came on the selected path.
    selected_heard: Instant,
    /// When anything authenticated last came on any path.
    heard: Instant,
    verified: ArrayVec<(Path, Instant), MAX_VERIFIED>,
}

impl Lite {
    /// A peer that has not been heard yet; `now` starts its consent.
    pub fn new(now: Instant, credentials: IceCredentials) -> Self {
        Self {
            credentials,
            next: None,
            selected: None,
            selected_heard: now,
            heard: now,
            verified: ArrayVec::new(),
        }
    }

    /// Answers one Binding request that came on `path`; the reply is appended to `out` and goes
    /// back on `path`. The reply is smaller than 128 bytes and not larger than a browser's check.
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
        let restarted = self.next.as_ref().is_some_and(|next| next.ufrag == ufrag);
        let pair = match &self.next {
            Some(next) if restarted => next,
            _ if ufrag == self.credentials.ufrag => &self.credentials,
            _ => return Err(DropReason::UnknownUfrag),
        };
        if !view.integrity {
            return Err(DropReason::StunNotAuthenticated);
        }
        stun::authenticate(datagram, &pair.pwd)?;

        if view.controlled {
            write_reply(&view, pair, &role_conflict(), out)?;
            return Ok(Outcome::RoleConflict);
        }
        write_reply(&view, pair, &mapped_address(path), out)?;
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
            let retired = std::mem::replace(&mut self.credentials, next).ufrag;
            self.verified.clear();
            self.verify(now, path);
            self.select(now, path);
            return Outcome::Restarted { retired };
        }
        self.verify(now, path);
        if self.selected == Some(path) {
            self.selected_heard = now;
            Outcome::Answered
        } else if self.moves_to(now, path, nominated) {
            self.select(now, path);
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
        // Firefox nominates every pair it has, TCP among them: a UDP path that works is kept.
        let worse = path.is_tcp() && !selected.is_tcp();
        silent || (nominated && !worse)
    }

    fn select(&mut self, now: Instant, path: Path) {
        self.selected = Some(path);
        self.selected_heard = now;
    }

    fn verify(&mut self, now: Instant, path: Path) {
        if let Some((_, heard)) = self.verified.iter_mut().find(|(known, _)| *known == path) {
            *heard = now;
            return;
        }
        if self.verified.is_full() {
            let oldest = self
                .verified
                .iter()
                .enumerate()
                .filter(|(_, (known, _))| Some(*known) != self.selected)
                .min_by_key(|(_, (_, heard))| *heard)
                .map(|(index, _)| index);
            if let Some(index) = oldest {
                self.verified.swap_remove(index);
            }
        }
        // There is room: either it was not full, or one that is not selected has left.
        let _ = self.verified.try_push((path, now));
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
    pub fn restart(&mut self, credentials: IceCredentials) -> Option<String> {
        self.next.replace(credentials).map(|unused| unused.ufrag)
    }

    /// Forgets a path that is gone, as when its TCP connection closed. If it was selected, the next
    /// check selects another.
    pub fn forget(&mut self, path: Path) {
        self.verified.retain(|(known, _)| *known != path);
        if self.selected == Some(path) {
            self.selected = None;
        }
    }

    /// Where media goes, once a check has come.
    #[inline]
    pub const fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// Whether an authenticated check came on `path` lately: only then may DTLS or media from it be
    /// looked at.
    #[inline]
    pub fn is_verified(&self, path: Path) -> bool {
        self.selected == Some(path) || self.verified.iter().any(|(known, _)| *known == path)
    }

    /// The paths for which [`is_verified`](Self::is_verified) holds.
    pub fn verified(&self) -> impl Iterator<Item = Path> {
        self.verified.iter().map(|(path, _)| *path)
    }

    /// The ufrags that checks may carry: one, or two while an ICE restart is under way.
    pub fn ufrags(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.credentials)
            .chain(&self.next)
            .map(|pair| pair.ufrag.as_str())
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

/// Our half of the USERNAME of a STUN request, for finding the peer before anything is verified.
/// Allocates nothing; `None` for anything that is not a well-formed Binding request.
pub fn peek_ufrag(datagram: &[u8]) -> Option<&str> {
    stun::View::parse(datagram)
        .filter(|view| view.kind == stun::BINDING_REQUEST)?
        .receiver_ufrag()
}

fn mapped_address(path: Path) -> [Box<dyn Setter>; 2] {
    let remote = path.remote();
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
    let setters: [&dyn Setter; 5] = [
        kind.as_ref(),
        &TransactionId(request.transaction),
        content.as_ref(),
        &integrity,
        &FINGERPRINT,
    ];
    let mut reply = Message::new();
    reply.write_header();
    for setter in setters {
        setter.add_to(&mut reply).map_err(|_| DropReason::BadStun)?;
    }
    out.extend_from_slice(&reply.raw);
    Ok(())
}

#[cfg(test)]
mod tests;
