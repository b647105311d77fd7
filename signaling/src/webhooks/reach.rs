//! Which addresses a webhook may lead to.
//!
//! Whoever makes a webhook has this server call an address, from inside its network. So nothing is called
//! that is not of the internet, unless the configuration names its network: a data centre's programs are
//! mostly at private addresses, and who runs the server knows which of them may be called. What goes there
//! may be in the clear; over the internet it may not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::config::Network;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    allowed: Vec<Network>,
}

/// Networks that are not of the internet (the registries of special addresses, RFC 6890).
const SPECIAL: [IpNet; 26] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
    // Of IPv6 all but what is given out (2000::/3), and within that what leads elsewhere.
    v6([0, 0], 3),
    v6([0x4000, 0], 2),
    v6([0x8000, 0], 1),
    v6([0x2001, 0], 32),
    v6([0x2001, 0x2], 48),
    v6([0x2001, 0x10], 28),
    v6([0x2001, 0x20], 28),
    v6([0x2001, 0xdb8], 32),
    v6([0x2002, 0], 16),
    v6([0x3fff, 0], 20),
    v6([0x2620, 0x4f], 48),
];

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length))
}

const fn v6([a, b]: [u16; 2], length: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(
        Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0),
        length,
    ))
}

impl Reach {
    pub(super) fn new(allowed: &[Network]) -> Self {
        Self {
            allowed: allowed.to_vec(),
        }
    }

    /// Whether an address may be called, by TLS or in the clear.
    pub(super) fn permits(&self, address: IpAddr, is_secure: bool) -> bool {
        let address = address.to_canonical();
        let is_allowed = self
            .allowed
            .iter()
            .any(|network| network.0.contains(&address));
        is_allowed || is_secure && !SPECIAL.iter().any(|network| network.contains(&address))
    }

    /// Why not.
    pub(super) fn refusal(address: IpAddr, is_secure: bool) -> String {
        let clear = if is_secure { "" } else { " in the clear" };
        format!(
            "{address} may not be called{clear}: the server's configuration allows that with \
             `webhooks.allowed_networks`"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(allowed: &[&str], address: &str, is_secure: bool) -> bool {
        let allowed: Vec<_> = allowed.iter().map(|text| text.parse().unwrap()).collect();
        Reach::new(&allowed).permits(address.parse().unwrap(), is_secure)
    }

    #[test]
    fn the_internet_is_called_by_tls_alone() {
        for address in ["8.8.8.8", "113.160.0.1", "2405:4800::1", "2606:4700::1111"] {
            assert!(permits(&[], address, true), "{address}");
            assert!(!permits(&[], address, false), "{address}");
        }
    }

    #[test]
    fn what_is_not_of_the_internet_is_not_called_unless_its_network_is_named() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "::127.0.0.1",
            "64:ff9b::a01:203",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "2002:a01:203::1",
            "2001:db8::1",
        ] {
            assert!(!permits(&[], address, true), "{address}");
            assert!(!permits(&["10.9.0.0/16"], address, true), "{address}");
        }
        let data_centre = ["10.1.0.0/16", "fd00::/8"];
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"] {
            assert!(permits(&data_centre, address, true), "{address}");
            assert!(permits(&data_centre, address, false), "{address}");
        }
    }
}
