//! Who is at the other end, if proxies stand between.
//!
//! A proxy is believed only if its address is one of those that the operator trusts: anybody can
//! write a header.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::FORWARDED;
use ipnet::IpNet;

use crate::config::{ForwardedHeader, Http};

/// What proxies set by custom, one address a hop, the nearest last.
const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies that are believed, and how they say for whom they speak.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies {
    trusted: Vec<IpNet>,
    header: ForwardedHeader,
    protocol: bool,
}

impl Proxies {
    pub(super) fn new(config: &Http) -> Self {
        let networks = config.trusted_proxies.iter();
        Self {
            trusted: networks.map(|network| network.0).collect(),
            header: config.forwarded_header,
            protocol: config.proxy_protocol,
        }
    }

    /// Whether a connection from there begins with a header of the PROXY protocol.
    pub(super) fn speaks_proxy_protocol(&self, peer: IpAddr) -> bool {
        self.protocol && self.trusts(peer)
    }

    /// Whether it is one of those that are believed.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted
            .iter()
            .any(|network| network.contains(&address))
    }

    /// From whom a request is that came over a connection of `peer`: the last address in the header
    /// that is not a trusted proxy's own.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            ForwardedHeader::XForwardedFor => (X_FORWARDED_FOR, address),
            ForwardedHeader::Forwarded => (FORWARDED.as_str(), forwarded_for),
        };
        let values: Vec<_> = headers.get_all(name).iter().collect();
        for value in values.into_iter().rev() {
            for hop in value.to_str().unwrap_or_default().rsplit(',') {
                // Whatever stands before something that is no address, nobody vouches for.
                let Some(hop) = read(hop) else { return client };
                client = hop;
                if !self.trusts(client) {
                    return client;
                }
            }
        }
        client
    }
}

/// An address with or without a port, an IPv6 one with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next());
    let parsed = bare.unwrap_or(text).parse::<IpAddr>();
    let with_port = || text.parse::<std::net::SocketAddr>().map(|both| both.ip());
    parsed
        .or_else(|_| with_port())
        .ok()
        .map(|ip| ip.to_canonical())
}

/// The `for` of one element of `Forwarded` (RFC 7239 §4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let is_for = name.trim().eq_ignore_ascii_case("for");
        is_for.then(|| address(value)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn proxies(header: ForwardedHeader) -> Proxies {
        Proxies::new(&Http {
            trusted_proxies: ["10.0.0.0/8", "::1"]
                .map(|text| text.parse().unwrap())
                .to_vec(),
            forwarded_header: header,
            ..Http::default()
        })
    }

    fn client(proxies: &Proxies, peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        proxies.client(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn a_trusted_proxy_says_for_whom_it_speaks() {
        let proxies = proxies(ForwardedHeader::XForwardedFor);
        let ask = |value| client(&proxies, "10.1.2.3", &[("x-forwarded-for", value)]);
        assert_eq!(ask("192.0.2.7"), "192.0.2.7");
        assert_eq!(ask("192.0.2.7, 10.0.0.9"), "192.0.2.7");
        assert_eq!(ask("[2001:db8::1]:4711"), "2001:db8::1");
        assert_eq!(ask("192.0.2.7:80"), "192.0.2.7");
        assert_eq!(client(&proxies, "::1", &[]), "::1");
    }

    #[test]
    fn what_a_client_writes_itself_is_not_believed() {
        let proxies = proxies(ForwardedHeader::XForwardedFor);
        let forged = [("x-forwarded-for", "10.0.0.1, 192.0.2.1")];
        assert_eq!(client(&proxies, "198.51.100.1", &forged), "198.51.100.1");
        // The proxy appends the address that it sees.
        let appended = [("x-forwarded-for", "192.0.2.1, 198.51.100.1")];
        assert_eq!(client(&proxies, "10.0.0.1", &appended), "198.51.100.1");
        let two_lines = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-for", "198.51.100.1"),
        ];
        assert_eq!(client(&proxies, "10.0.0.1", &two_lines), "198.51.100.1");
        let nonsense = [("x-forwarded-for", "192.0.2.1, unknown")];
        assert_eq!(client(&proxies, "10.0.0.1", &nonsense), "10.0.0.1");
        let other_header = [("forwarded", "for=192.0.2.1")];
        assert_eq!(client(&proxies, "10.0.0.1", &other_header), "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_where_it_is_chosen() {
        let proxies = proxies(ForwardedHeader::Forwarded);
        let ask = |value| client(&proxies, "10.1.2.3", &[("forwarded", value)]);
        assert_eq!(ask("for=192.0.2.7;proto=https, for=10.0.0.1"), "192.0.2.7");
        assert_eq!(ask("proto=https;For=\"[2001:db8::1]:80\""), "2001:db8::1");
        assert_eq!(ask("for=_hidden"), "10.1.2.3");
    }
}
