//! An address as one that can be counted.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Those who count as one: an IPv4 address, or a network of 64 bits of IPv6, of which one customer
/// has all addresses.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Origin(IpAddr);

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                Self(IpAddr::V6(Ipv6Addr::from_bits(network)))
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(address: &str) -> String {
        Origin::from(address.parse::<IpAddr>().unwrap()).to_string()
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_and_an_address_of_ipv4_as_itself() {
        assert_eq!(origin("192.0.2.7"), "192.0.2.7");
        assert_eq!(origin("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(origin("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
        assert_eq!(origin("2001:db8:1:2:ffff::"), origin("2001:db8:1:2::1"));
    }
}
