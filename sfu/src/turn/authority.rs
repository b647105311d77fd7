//! What the sessions of a process have in common: who may come, which addresses are ours, and which
//! relayed addresses were given out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::credentials::{Credentials, Key, Secret, good_until};
use super::message::{IPV4, IPV6};
use super::nonce::Nonces;

/// Random bytes that an authority is made of.
pub const SEED: usize = 20 + 32;

/// Allocations of one name: a client makes one for each of its networks, and again for each ICE
/// restart while the former ones are still there.
const MAX_OF_USER: u8 = 16;

/// Longest name that is looked at.
const MAX_NAME: usize = 128;

/// Ports of a relayed address that are used; below them are those of well-known services.
const RELAYED_PORTS: std::ops::Range<u16> = 1_024..65_535;

/// Shared by all media threads. Only requests come here, never data.
#[derive(Debug)]
pub struct Authority {
    started: Instant,
    /// Wall clock at that instant: names hold wall time, but nobody's end comes earlier or later
    /// because the clock was set.
    unix: u64,
    secret: Secret,
    nonces: Nonces,
    next_relayed: AtomicU64,
    own: RwLock<Vec<SocketAddr>>,
    users: Arc<Mutex<HashMap<String, u8>>>,
}

/// One allocation of a name, as long as it lives.
#[derive(Debug)]
pub struct Lease {
    users: Arc<Mutex<HashMap<String, u8>>>,
    username: String,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = users.get_mut(&self.username) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                users.remove(&self.username);
            }
        }
    }
}

impl Authority {
    /// A new one. `unix` is the wall clock at `started`, in seconds.
    pub fn new(started: Instant, unix: u64, seed: &[u8; SEED]) -> Self {
        let (for_names, for_nonces) = seed.split_first_chunk().unwrap_or((&[0; 20], &[]));
        let for_nonces = for_nonces.first_chunk().unwrap_or(&[0; 32]);
        Self {
            started,
            unix,
            secret: Secret::new(for_names),
            nonces: Nonces::new(for_nonces),
            next_relayed: AtomicU64::new(0),
            own: RwLock::default(),
            users: Arc::default(),
        }
    }

    /// From now on these are the addresses that clients may reach.
    pub fn set_own(&self, own: Vec<SocketAddr>) {
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = own;
    }

    fn has_own(&self, is_it: impl Fn(&SocketAddr) -> bool) -> bool {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.iter().any(is_it)
    }

    /// Whether media may be sent there.
    pub fn is_own(&self, address: SocketAddr) -> bool {
        self.has_own(|own| *own == address)
    }

    /// Whether one of our media addresses is of this host.
    pub fn is_own_host(&self, host: IpAddr) -> bool {
        self.has_own(|own| own.ip() == host)
    }

    /// Credentials of somebody, for so long.
    pub fn issue(&self, now: Instant, id: &str, life: Duration) -> Credentials {
        let until = self.wall(now).saturating_add(life.as_secs());
        self.secret.issue(id, until)
    }

    fn wall(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.started).as_secs();
        self.unix.saturating_add(passed)
    }

    /// What a user of this name signs with; `None` if nobody can have this name.
    pub(super) fn key(&self, username: &str) -> Option<Key> {
        if username.len() > MAX_NAME {
            return None;
        }
        good_until(username)?;
        self.secret.key(username)
    }

    /// Whether a name is still good for something new.
    pub(super) fn is_good(&self, now: Instant, username: &str) -> bool {
        good_until(username).is_some_and(|until| self.wall(now) < until)
    }

    pub(super) fn nonce(&self, now: Instant) -> String {
        self.nonces.make(self.running(now))
    }

    pub(super) fn is_good_nonce(&self, now: Instant, nonce: &str) -> bool {
        self.nonces.is_good(self.running(now), nonce)
    }

    fn running(&self, now: Instant) -> u32 {
        let passed = now.saturating_duration_since(self.started).as_secs();
        u32::try_from(passed).unwrap_or(u32::MAX)
    }

    /// A further allocation of a name, if it may have one.
    pub(super) fn lease(&self, username: &str) -> Option<Lease> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let held = users.entry(username.to_owned()).or_default();
        if *held >= MAX_OF_USER {
            return None;
        }
        *held += 1;
        drop(users);
        Some(Lease {
            users: Arc::clone(&self.users),
            username: username.to_owned(),
        })
    }

    /// A relayed address that nobody has: of a network that stands for none (RFC 5737, RFC 6666), so
    /// that it leads nowhere wherever it is told. `None` if none of ours is of the family asked for.
    /// If none is asked for it is that of IPv4 where we have one: clients pair it with addresses of
    /// the same family.
    pub(super) fn relayed(&self, family: Option<u8>) -> Option<SocketAddr> {
        let has = |family| self.has_own(|own| own.is_ipv4() == (family == IPV4));
        let family = match family {
            Some(family) => has(family).then_some(family)?,
            None if has(IPV4) => IPV4,
            None => IPV6,
        };
        let number = self.next_relayed.fetch_add(1, Ordering::Relaxed);
        let ports = u64::from(RELAYED_PORTS.end - RELAYED_PORTS.start);
        let port = RELAYED_PORTS.start + u16::try_from(number % ports).unwrap_or_default();
        let hosts = number / ports;
        let ip: IpAddr = if family == IPV4 {
            let host = u8::try_from(hosts % 254).unwrap_or_default() + 1;
            Ipv4Addr::new(192, 0, 2, host).into()
        } else {
            Ipv6Addr::from((0x100_u128 << 112) | u128::from(hosts + 1)).into()
        };
        Some(SocketAddr::new(ip, port))
    }

    /// How many names have an allocation, for tests that hostile traffic leaves nothing behind.
    pub fn users(&self) -> usize {
        let users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::testing::epoch;

    fn authority(own: &[&str]) -> Authority {
        let authority = Authority::new(epoch(), 1_700_000_000, &[7; SEED]);
        authority.set_own(own.iter().map(|it| it.parse().unwrap()).collect());
        authority
    }

    #[test]
    fn credentials_are_good_for_their_life_whatever_the_clock_says() {
        let authority = authority(&[]);
        let given = authority.issue(epoch(), "site", Duration::from_secs(60));
        assert_eq!(given.username, "1700000060:site");
        let at = |seconds| epoch() + Duration::from_secs(seconds);
        assert!(authority.is_good(at(59), &given.username));
        assert!(!authority.is_good(at(60), &given.username));
        assert!(authority.key(&given.username).is_some());
        assert!(authority.key("site").is_none());
        assert!(authority.key(&format!("1{}", ":".repeat(200))).is_none());
    }

    #[test]
    fn one_name_has_so_many_allocations_and_leaves_nothing_behind() {
        let authority = authority(&[]);
        let held: Vec<_> = (0..MAX_OF_USER).map(|_| authority.lease("a")).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(authority.lease("a").is_none());
        assert!(authority.lease("b").is_some(), "another is not hindered");
        drop(held);
        assert_eq!(authority.users(), 0);
    }

    #[test]
    fn a_relayed_address_is_nobody_elses_and_of_a_family_of_ours() {
        let both = authority(&["10.0.0.1:7910", "[2001:db8::1]:7910"]);
        let many: HashSet<_> = (0..200_000).filter_map(|_| both.relayed(None)).collect();
        assert_eq!(many.len(), 200_000);
        assert!(many.iter().all(SocketAddr::is_ipv4));
        assert!(both.relayed(Some(IPV6)).unwrap().is_ipv6());
        let alone = authority(&["[2001:db8::1]:7910"]);
        assert!(alone.relayed(None).unwrap().is_ipv6());
        assert_eq!(alone.relayed(Some(IPV4)), None);
    }

    #[test]
    fn only_what_clients_are_told_is_ours() {
        let authority = authority(&["10.0.0.1:7910"]);
        assert!(authority.is_own("10.0.0.1:7910".parse().unwrap()));
        assert!(!authority.is_own("10.0.0.1:22".parse().unwrap()));
        assert!(authority.is_own_host("10.0.0.1".parse().unwrap()));
        assert!(!authority.is_own_host("127.0.0.1".parse().unwrap()));
    }
}
