//! Connections that no authenticated check came on: whoever likes can open them. Where there are
//! too many, the one that has been idle longest goes, and not the newcomer.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

/// Most of them at one time: those of a country that connects at once.
const MAX: usize = 4_096;

/// Most of one address, or of one IPv6 network of 64 bits: sites behind one address that connect
/// at once, each for a round trip.
const MAX_OF_ADDRESS: usize = 512;

#[derive(Debug)]
struct Connection {
    key: usize,
    from: IpAddr,
    heard: Instant,
}

/// Who has not proved to belong to a peer.
#[derive(Debug, Default)]
pub(super) struct Unproven(Vec<Connection>);

impl Unproven {
    /// Notes a new connection. Returns which must go for it.
    pub(super) fn add(&mut self, now: Instant, key: usize, from: IpAddr) -> Option<usize> {
        let from = network(from);
        let of_address = self.0.iter().filter(|known| known.from == from).count();
        let idlest = if of_address >= MAX_OF_ADDRESS {
            self.idlest(|known| known.from == from)
        } else if self.0.len() >= MAX {
            self.idlest(|_| true)
        } else {
            None
        };
        if let Some(key) = idlest {
            self.remove(key);
        }
        self.0.push(Connection {
            key,
            from,
            heard: now,
        });
        idlest
    }

    /// Something came on a connection.
    pub(super) fn hear(&mut self, now: Instant, key: usize) {
        if let Some(known) = self.0.iter_mut().find(|known| known.key == key) {
            known.heard = now;
        }
    }

    /// A connection has proved itself, or is closed.
    pub(super) fn remove(&mut self, key: usize) {
        if let Some(at) = self.0.iter().position(|known| known.key == key) {
            self.0.swap_remove(at);
        }
    }

    /// Takes out the one that has been idle longest, if there is any.
    pub(super) fn give_up(&mut self) -> Option<usize> {
        let idlest = self.idlest(|_| true)?;
        self.remove(idlest);
        Some(idlest)
    }

    fn idlest(&self, of: impl Fn(&Connection) -> bool) -> Option<usize> {
        let some = self.0.iter().filter(|known| of(known));
        some.min_by_key(|known| known.heard).map(|known| known.key)
    }
}

/// An IPv4 address, or the network of 64 bits that an IPv6 address is in.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::epoch;

    fn address(number: usize) -> IpAddr {
        let [.., high, low] = number.to_be_bytes();
        IpAddr::from([10, 0, high, low])
    }

    #[test]
    fn of_too_many_the_idlest_goes_and_not_the_newcomer() {
        let mut unproven = Unproven::default();
        let now = epoch();
        for key in 0..MAX {
            assert_eq!(unproven.add(now, key, address(key)), None);
        }
        let later = now + Duration::from_secs(1);
        for key in (0..MAX).filter(|key| *key != 77) {
            unproven.hear(later, key);
        }
        assert_eq!(unproven.add(later, MAX, address(MAX)), Some(77));
        assert_eq!(unproven.0.len(), MAX);
        unproven.remove(5);
        assert_eq!(unproven.add(later, 77, address(77)), None);
    }

    #[test]
    fn one_address_takes_no_place_from_another() {
        let mut unproven = Unproven::default();
        let now = epoch();
        unproven.add(now, 0, address(1));
        let network = |low| Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, low).into();
        for key in 1..10_000_usize {
            let at = now + Duration::from_millis(key as u64);
            let goes = unproven.add(at, key, network((key % 50_000) as u16));
            let full = key > MAX_OF_ADDRESS;
            assert_eq!(goes, full.then(|| key - MAX_OF_ADDRESS));
        }
        assert_eq!(unproven.0.len(), 1 + MAX_OF_ADDRESS);
        assert_eq!(unproven.give_up(), Some(0), "the idlest of all");
    }
}
