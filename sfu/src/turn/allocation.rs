//! What one client was given: its relayed address, and which of our addresses it reaches by it.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use super::authority::Lease;
use super::credentials::Key;

/// How long an allocation lives, unless it is refreshed (RFC 8656 §7.2): what is asked for within these.
pub const LIFE: (Duration, Duration) = (Duration::from_secs(600), Duration::from_secs(3_600));

/// How long a permission lasts (RFC 8656 §9).
const PERMISSION: Duration = Duration::from_secs(300);

/// How long a channel is bound (RFC 8656 §12).
const CHANNEL: Duration = Duration::from_secs(600);

/// Numbers of channels (RFC 8656 §12).
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x4fff;

/// Hosts of ours, and addresses of ours with their ports, that one client reaches. It is told at most
/// 17 addresses, each for one shard.
const MAX_HOSTS: usize = 24;
const MAX_PEERS: usize = 32;

/// One address of ours that it reaches.
#[derive(Clone, Copy, Debug)]
struct Peer {
    address: SocketAddr,
    channel: Option<(u16, Instant)>,
}

/// See the module.
#[derive(Debug)]
pub struct Allocation {
    pub(super) relayed: SocketAddr,
    /// Whose it is, and what it signs with.
    pub(super) username: String,
    pub(super) key: Key,
    pub(super) expires: Instant,
    permissions: ArrayVec<(IpAddr, Instant), MAX_HOSTS>,
    /// In the order in which they were reached first, for which they stand in a path.
    peers: ArrayVec<Peer, MAX_PEERS>,
    _lease: Lease,
}

/// Why a channel is not bound.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotBound {
    /// The number is none, or is that of another address, or the address has another number.
    Wrong,
    /// There are too many.
    Full,
}

impl Allocation {
    pub(super) fn new(
        now: Instant,
        relayed: SocketAddr,
        (username, key): (String, Key),
        lease: Lease,
    ) -> Self {
        Self {
            relayed,
            username,
            key,
            expires: now + LIFE.0,
            permissions: ArrayVec::new(),
            peers: ArrayVec::new(),
            _lease: lease,
        }
    }

    /// Lets it reach a host for a while. Returns whether there was room.
    pub(super) fn permit(&mut self, now: Instant, host: IpAddr) -> bool {
        let until = now + PERMISSION;
        self.permissions.retain(|(_, until)| *until > now);
        let mut known = self.permissions.iter_mut();
        if let Some((_, known)) = known.find(|(known, _)| *known == host) {
            *known = until;
            return true;
        }
        self.permissions.try_push((host, until)).is_ok()
    }

    /// Whether it may reach this host.
    pub(super) fn may_reach(&self, now: Instant, host: IpAddr) -> bool {
        let mut all = self.permissions.iter();
        all.any(|(known, until)| *known == host && *until > now)
    }

    /// Binds a channel to one of our addresses.
    pub(super) fn bind(
        &mut self,
        now: Instant,
        number: u16,
        address: SocketAddr,
    ) -> Result<(), NotBound> {
        let is_others = |peer: &Peer| {
            let channel = peer.channel.filter(|(_, until)| *until > now);
            channel.is_some_and(|(known, _)| (known == number) != (peer.address == address))
        };
        if !CHANNELS.contains(&number) || self.peers.iter().any(is_others) {
            return Err(NotBound::Wrong);
        }
        let at = self.peer(address).ok_or(NotBound::Full)?;
        if !self.permit(now, address.ip()) {
            return Err(NotBound::Full);
        }
        if let Some(peer) = self.peers.get_mut(usize::from(at)) {
            peer.channel = Some((number, now + CHANNEL));
        }
        Ok(())
    }

    /// What an address of ours stands as in a path; a new one is remembered while there is room.
    pub(super) fn peer(&mut self, address: SocketAddr) -> Option<u8> {
        let known = self.known(address);
        if known.is_none() {
            let peer = Peer {
                address,
                channel: None,
            };
            self.peers.try_push(peer).ok()?;
        }
        known.or_else(|| u8::try_from(self.peers.len() - 1).ok())
    }

    /// What an address that it has reached stands as.
    pub(super) fn known(&self, address: SocketAddr) -> Option<u8> {
        let at = self.peers.iter().position(|it| it.address == address)?;
        u8::try_from(at).ok()
    }

    /// The address that a channel is bound to, as it stands in a path.
    pub(super) fn bound(&self, now: Instant, number: u16) -> Option<u8> {
        let is_it = |peer: &Peer| {
            let channel = peer.channel;
            channel.is_some_and(|(known, until)| known == number && until > now)
        };
        u8::try_from(self.peers.iter().position(is_it)?).ok()
    }

    /// By which channel what comes from an address leaves, and which address it is.
    pub(super) fn way(&self, now: Instant, to: u8) -> Option<(Option<u16>, SocketAddr)> {
        let peer = self.peers.get(usize::from(to))?;
        let channel = peer.channel.filter(|(_, until)| *until > now);
        Some((channel.map(|(number, _)| number), peer.address))
    }

    /// How many addresses it has reached.
    pub(super) fn peers(&self) -> u8 {
        u8::try_from(self.peers.len()).unwrap_or(u8::MAX)
    }
}
