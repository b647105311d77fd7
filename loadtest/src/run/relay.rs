//! The TURN server that a site was told of.

use rustls::pki_types::ServerName;
use signaling::protocol::server::IceServer;

use crate::fleet::RelayWay;
use crate::tls::Tls;

/// The first one that is reached by TCP.
///
/// # Errors
/// When there is none, or it cannot be found.
pub(super) async fn way(servers: &[IceServer], tls: &Tls) -> Result<RelayWay, String> {
    let none = || "the server tells of no TURN server with ?transport=tcp".to_owned();
    let (server, (scheme, host, port)) = servers
        .iter()
        .flat_map(|server| server.urls.iter().map(move |url| (server, url)))
        .find_map(|(server, url)| Some((server, over_tcp(url)?)))
        .ok_or_else(none)?;
    let name = host.trim_matches(['[', ']']);
    let mut found = tokio::net::lookup_host((name, port))
        .await
        .map_err(|error| format!("cannot find the TURN server {host}: {error}"))?;
    let address = found
        .next()
        .ok_or_else(|| format!("the TURN server {host} has no address"))?;
    let secured = match scheme {
        "turns" => {
            let server = ServerName::try_from(name.to_owned());
            let server = server.map_err(|_| format!("{name:?} is no name of a TURN server"))?;
            Some((server, tls.config()))
        }
        _ => None,
    };
    Ok(RelayWay {
        server: address,
        tls: secured,
        username: server.username.clone().unwrap_or_default(),
        credential: server.credential.clone().unwrap_or_default(),
    })
}

/// Scheme, host and port of a TURN server over TCP (RFC 7065).
fn over_tcp(url: &str) -> Option<(&str, &str, u16)> {
    let (scheme, rest) = url.split_once(':')?;
    let default = match scheme {
        "turn" => 3_478,
        "turns" => 5_349,
        _ => return None,
    };
    let at = rest.strip_suffix("?transport=tcp")?;
    match at.rsplit_once(':') {
        // Else it is a part of an IPv6 address.
        Some((host, port)) if !port.ends_with(']') => Some((scheme, host, port.parse().ok()?)),
        _ => Some((scheme, at, default)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_how() {
        let turns = over_tcp("turns:hop.example.vn:443?transport=tcp");
        assert_eq!(turns, Some(("turns", "hop.example.vn", 443)));
        let v6 = over_tcp("turn:[2001:db8::1]:7900?transport=tcp");
        assert_eq!(v6, Some(("turn", "[2001:db8::1]", 7_900)));
        let short = over_tcp("turn:hop.example.vn?transport=tcp");
        assert_eq!(short, Some(("turn", "hop.example.vn", 3_478)));
        assert_eq!(over_tcp("turn:hop.example.vn:443?transport=udp"), None);
        assert_eq!(over_tcp("stun:hop.example.vn"), None);
    }
}
