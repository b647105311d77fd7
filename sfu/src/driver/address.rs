//! Under which addresses clients find this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::command::HostCandidate;
use crate::config::Config;

/// Most addresses that clients are told; those of an answer's media are repeated for each port. More
/// are left out, the last first.
const MAX_ADDRESSES: usize = 16;

/// How names of interfaces begin that a host makes for its own containers and virtual machines.
/// Nobody else reaches what is behind them.
const INTERNAL: [&str; 9] = [
    "docker", "br-", "veth", "virbr", "lxcbr", "lxdbr", "cni", "flannel", "cali",
];

/// An address of an interface of this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Local {
    /// The interface's name.
    pub(super) interface: String,
    /// The address.
    pub(super) address: IpAddr,
}

/// What clients are told at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Advertised {
    /// Under which addresses, the most likely first.
    pub(super) addresses: Vec<IpAddr>,
    /// Nobody but this machine reaches any of them, and nobody has said that this is wanted.
    pub(super) is_loopback_only: bool,
}

/// The configured addresses; else the bound one; else all of this machine that others may reach,
/// that towards far hosts first. Whoever is on this machine reaches it there, too: the loopback address
/// is told where there is no other, and leads anybody else astray.
pub(super) fn advertised(config: &Config, locals: &[Local], far: Option<IpAddr>) -> Advertised {
    let wanted = |addresses| Advertised {
        addresses,
        is_loopback_only: false,
    };
    if !config.advertise.is_empty() {
        return wanted(config.advertise.clone());
    }
    if !config.bind.is_unspecified() {
        return wanted(vec![config.bind]);
    }
    let is_served = |address: &IpAddr| config.bind.is_ipv6() || address.is_ipv4();
    let usable = locals.iter().filter(|it| is_usable(it.address));
    let (internal, external): (Vec<_>, Vec<_>) = usable.partition(|it| is_internal(&it.interface));
    // A machine that has nothing else may be reached there after all.
    let found = if external.is_empty() {
        internal
    } else {
        external
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    let all = far.into_iter().chain(found.iter().map(|it| it.address));
    for address in all.filter(is_served).filter(|it| is_usable(*it)) {
        if addresses.len() < MAX_ADDRESSES && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    let is_loopback_only = addresses.is_empty();
    if is_loopback_only {
        addresses.push(Ipv4Addr::LOCALHOST.into());
    }
    Advertised {
        addresses,
        is_loopback_only,
    }
}

/// Whether others may reach this machine there. Of a link-local address they would have to know on
/// which of their own interfaces.
fn is_usable(address: IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast() || is_link_local)
}

fn is_internal(interface: &str) -> bool {
    INTERNAL.iter().any(|begin| interface.starts_with(begin))
}

/// The addresses of this machine's interfaces at this moment. Where the system does not say, none.
pub(super) fn locals() -> Vec<Local> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let up = interfaces.into_iter().filter(is_up);
    up.map(|interface| Local {
        address: interface.ip(),
        interface: interface.name,
    })
    .collect()
}

/// The addresses of this machine's interfaces that are up.
#[must_use]
pub fn local_addresses() -> Vec<IpAddr> {
    locals().into_iter().map(|local| local.address).collect()
}

/// A tunnel says not whether it is up.
fn is_up(interface: &if_addrs::Interface) -> bool {
    use if_addrs::IfOperStatus::{Unknown, Up};
    matches!(interface.oper_status, Up | Unknown)
}

/// The address that a datagram to a far host would leave from, if there is a way to one. Nothing is
/// sent.
pub(super) fn far() -> Option<IpAddr> {
    let v4 = || far_by(Ipv4Addr::UNSPECIFIED.into(), [192, 0, 2, 1].into());
    let v6 = || {
        let documentation = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        far_by(Ipv6Addr::UNSPECIFIED.into(), documentation.into())
    };
    v4().or_else(v6)
}

/// Any routed address will do; those for documentation (RFC 5737, RFC 3849) answer nothing.
fn far_by(from: IpAddr, to: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((from, 0)).ok()?;
    socket.connect((to, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// One UDP and one ICE-TCP candidate per address.
pub(super) fn candidates(addresses: &[IpAddr], port: u16) -> Vec<HostCandidate> {
    let both = |address: &IpAddr| {
        [false, true].map(|tcp| HostCandidate {
            address: SocketAddr::new(*address, port),
            tcp,
        })
    };
    addresses.iter().flat_map(both).collect()
}

/// UDP candidates at the port that all shards share, as far as browsers take them.
pub(super) fn at_shared_port(addresses: &[IpAddr], port: u16) -> Vec<HostCandidate> {
    let taken = addresses.iter().filter(|it| is_taken(**it, port));
    let candidates = taken.map(|address| HostCandidate {
        address: SocketAddr::new(*address, port),
        tcp: false,
    });
    candidates.collect()
}

/// ICE-TCP candidates at a port that others listen on, and whose connections are handed over: at the
/// addresses that this port has, as far as browsers take them.
pub(super) fn at_public_port(addresses: &[IpAddr], listener: SocketAddr) -> Vec<HostCandidate> {
    let (at, port) = (listener.ip(), listener.port());
    let is_served = |address: &IpAddr| {
        if at.is_unspecified() {
            at.is_ipv6() || address.is_ipv4()
        } else {
            // Behind a NAT it is told under another address than it has.
            at.is_loopback() == address.is_loopback()
        }
    };
    let addresses = addresses.iter().filter(|it| is_served(it));
    let taken = addresses.filter(|it| is_taken(**it, port));
    let passive = taken.map(|address| HostCandidate {
        address: SocketAddr::new(*address, port),
        tcp: true,
    });
    passive.collect()
}

/// Chromium ignores candidates at ports below, for fear of what listens there, but for those of the web
/// at public addresses.
const FIRST_FREE_PORT: u16 = 1_024;

/// See [`FIRST_FREE_PORT`].
const WEB: [u16; 2] = [80, 443];

/// Whether browsers take a candidate at this address and port.
fn is_taken(address: IpAddr, port: u16) -> bool {
    port >= FIRST_FREE_PORT || (WEB.contains(&port) && !is_private(address))
}

/// Whether an address is of a network that is not the world's.
const fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let is_shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locals(all: &[(&str, &str)]) -> Vec<Local> {
        let local = |(interface, address): &(&str, &str)| Local {
            interface: (*interface).to_owned(),
            address: address.parse().unwrap(),
        };
        all.iter().map(local).collect()
    }

    fn told(bind: &str, all: &[(&str, &str)], far: Option<&str>) -> (Vec<String>, bool) {
        let config = Config {
            bind: bind.parse().unwrap(),
            ..Config::default()
        };
        let far = far.map(|far| far.parse().unwrap());
        let told = advertised(&config, &locals(all), far);
        let addresses = told.addresses.iter().map(IpAddr::to_string);
        (addresses.collect(), told.is_loopback_only)
    }

    #[test]
    fn a_lan_without_default_route_is_told_and_the_loopback_address_beside_it_is_not() {
        let all = [("lo", "127.0.0.1"), ("lo", "::1"), ("eth0", "10.1.1.5")];
        let told = told("::", &all, None);
        assert_eq!(told, (vec!["10.1.1.5".into()], false));
    }

    #[test]
    fn all_cards_are_told_and_the_one_towards_far_hosts_first() {
        let all = [
            ("eth0", "10.1.1.5"),
            ("eth1", "203.0.113.5"),
            ("eth1", "2001:db8::5"),
            ("eth1", "fe80::1"),
            ("eth2", "169.254.3.4"),
        ];
        let v4 = ["203.0.113.5", "10.1.1.5"];
        assert_eq!(told("0.0.0.0", &all, Some("203.0.113.5")).0, v4);
        let both = ["203.0.113.5", "10.1.1.5", "2001:db8::5"];
        assert_eq!(told("::", &all, Some("203.0.113.5")).0, both);
    }

    #[test]
    fn bridges_of_containers_are_told_only_where_there_is_nothing_else() {
        let bridges = [("docker0", "172.17.0.1"), ("br-1f2e3d4c5b6a", "172.18.0.1")];
        let with_card = [bridges.as_slice(), &[("ens3", "10.1.1.5")]].concat();
        assert_eq!(told("0.0.0.0", &with_card, None).0, ["10.1.1.5"]);
        let alone = ["172.17.0.1", "172.18.0.1"];
        assert_eq!(told("0.0.0.0", &bridges, None).0, alone);
    }

    #[test]
    fn loopback_alone_is_noticed_unless_it_is_wanted() {
        let all = [("lo", "127.0.0.1"), ("eth0", "fe80::1")];
        assert_eq!(told("::", &all, None), (vec!["127.0.0.1".into()], true));
        assert!(!told("127.0.0.1", &all, None).1);
        let config = Config {
            advertise: vec![Ipv4Addr::LOCALHOST.into()],
            ..Config::default()
        };
        assert!(!advertised(&config, &locals(&all), None).is_loopback_only);
    }

    #[test]
    fn the_port_of_the_pages_is_told_where_browsers_take_it() {
        let addresses = ["203.0.113.5", "10.1.1.5", "2001:db8::5", "127.0.0.1"];
        let addresses = addresses.map(|it| it.parse().unwrap());
        let told = |listener: &str| -> Vec<String> {
            let all = at_public_port(&addresses, listener.parse().unwrap());
            assert!(all.iter().all(|it| it.tcp));
            all.iter().map(|it| it.address.to_string()).collect()
        };
        assert_eq!(told("[::]:443"), ["203.0.113.5:443", "[2001:db8::5]:443"]);
        assert_eq!(told("0.0.0.0:443"), ["203.0.113.5:443"]);
        let high = ["203.0.113.5:7900", "10.1.1.5:7900", "127.0.0.1:7900"];
        assert_eq!(told("0.0.0.0:7900"), high);
        assert_eq!(told("127.0.0.1:7900"), ["127.0.0.1:7900"]);
        assert!(told("127.0.0.1:443").is_empty());
        assert!(told("[::]:22").is_empty(), "no browser takes it");
    }

    #[test]
    fn the_port_that_all_shards_share_is_told_where_browsers_take_it() {
        let addresses = ["203.0.113.5", "10.1.1.5"].map(|it| it.parse().unwrap());
        let told = |port| at_shared_port(&addresses, port);
        let [only] = told(443).try_into().unwrap();
        assert_eq!(
            (only.address, only.tcp),
            ("203.0.113.5:443".parse().unwrap(), false)
        );
        assert_eq!(told(3_478).len(), 2);
    }

    #[test]
    fn what_clients_are_told_is_bounded() {
        let many: Vec<_> = (0..100).map(|host| format!("10.1.1.{host}")).collect();
        let all: Vec<_> = many.iter().map(|it| ("eth0", it.as_str())).collect();
        assert_eq!(told("0.0.0.0", &all, None).0.len(), MAX_ADDRESSES);
    }
}
