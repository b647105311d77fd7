//! STUN and TURN servers that clients are told: our own, which is at the public port and leads to our own
//! media alone, and those of the configuration.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::Authority;
use sfu::turn::credentials::Secret as Shared;

use crate::app::App;
use crate::auth::Grant;
use crate::config::{Config, IceServer, Secret};
use crate::listener::ReachedAs;
use crate::protocol;

/// How long a password is good: as long as its owner's token, but within these. What was begun with it
/// goes on beyond, and whoever resumes is given another. Higher: one that was overheard is of use for
/// longer, to reach what anybody can reach. Lower: who looks for another way late finds it closed.
const LIFE: (Duration, Duration) = (
    Duration::from_secs(60 * 60),
    Duration::from_secs(7 * 24 * 60 * 60),
);

/// The same where the token is not at hand.
const LIFE_OF_RESUMED: Duration = Duration::from_secs(24 * 60 * 60);

/// The same of a check, which takes less.
const LIFE_OF_CHECK: Duration = Duration::from_secs(10 * 60);

/// Ports that are meant where none is named.
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// What a client is told that has reached us by this name. `id` is in its user name.
pub(crate) fn of(
    app: &App,
    reached: &ReachedAs,
    id: &str,
    grant: Option<&Grant>,
) -> Vec<IceServer> {
    let life = grant.map_or(LIFE_OF_RESUMED, |grant| {
        let left = grant.expires_at();
        let left = left.duration_since(app.clock.now().wall);
        Duration::try_from(left)
            .unwrap_or_default()
            .clamp(LIFE.0, LIFE.1)
    });
    let own = own(app, reached, id, life);
    own.into_iter().chain(others(app, id, life)).collect()
}

/// What a check is told that has reached us by this name. The passwords of others' servers are not for
/// strangers.
pub(crate) fn of_check(
    app: &App,
    reached: &ReachedAs,
    id: &str,
    grant: Option<&Grant>,
) -> Vec<IceServer> {
    let own = own(app, reached, id, LIFE_OF_CHECK);
    let others = grant.map(|_| others(app, id, LIFE_OF_CHECK));
    own.into_iter()
        .chain(others.into_iter().flatten())
        .collect()
}

/// Our own, for one client and so long.
fn own(app: &App, reached: &ReachedAs, id: &str, life: Duration) -> Option<IceServer> {
    let url = own_url(&app.config(), reached.0.as_ref())?;
    let credentials = app.media.media().turn_credentials(id, life)?;
    Some(IceServer {
        url,
        username: credentials.username,
        credential: Secret::new(&credentials.password),
        secret: Secret::new(""),
    })
}

/// Those of others, likewise.
fn others(app: &App, id: &str, life: Duration) -> Vec<IceServer> {
    let now = app.clock.now().wall.as_second();
    let until = u64::try_from(now).unwrap_or_default() + life.as_secs();
    let config = app.config();
    let servers = config.media.ice_servers.iter();
    servers
        .map(|server| for_client(server, id, until))
        .collect()
}

/// A server of others as one client is told of it: where it shares a secret with us, with a name and a
/// password that are good until then.
fn for_client(server: &IceServer, id: &str, until: u64) -> IceServer {
    let secret = server.secret.expose();
    if secret.is_empty() {
        return server.clone();
    }
    let issued = Shared::new(secret.as_bytes()).issue(id, until);
    IceServer {
        url: server.url.clone(),
        username: issued.username,
        credential: Secret::new(&issued.password),
        secret: Secret::new(""),
    }
}

/// Where our own TURN server is for who has reached us by this name; `None` if it cannot be reached
/// there: what a proxy before us passes on is HTTP alone.
fn own_url(config: &Config, reached: Option<&Authority>) -> Option<String> {
    let is_tls = config.tls.is_on();
    let is_proxied = config.is_https() || !config.http.trusted_proxies.is_empty();
    if !config.media.turn || (!is_tls && is_proxied) {
        return None;
    }
    let public = public_authority(config);
    let at = public.as_ref().or(reached)?;
    let (scheme, port) = if is_tls {
        ("turns", HTTPS_PORT)
    } else {
        ("turn", HTTP_PORT)
    };
    let port = at.port_u16().unwrap_or(port);
    Some(format!("{scheme}:{}:{port}?transport=tcp", at.host()))
}

/// What people type.
fn public_authority(config: &Config) -> Option<Authority> {
    let public: Option<Uri> = config.http.public_url.parse().ok();
    public.and_then(|url| url.authority().cloned())
}

/// Where clients reach a port that listens on `bound`: with TLS of our own they come to us by the port
/// that people type, whatever it is mapped to.
pub(crate) fn public_port(config: &Config, bound: SocketAddr) -> SocketAddr {
    let typed = public_authority(config).filter(|_| config.tls.is_on());
    let port = typed.map(|at| at.port_u16().unwrap_or(HTTPS_PORT));
    SocketAddr::new(bound.ip(), port.unwrap_or_else(|| bound.port()))
}

impl From<IceServer> for protocol::server::IceServer {
    fn from(server: IceServer) -> Self {
        let has_user = !server.username.is_empty();
        let secret = server.credential.expose().to_owned();
        Self {
            urls: vec![server.url],
            username: has_user.then_some(server.username),
            credential: has_user.then_some(secret),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(set: impl FnOnce(&mut Config), reached: &str) -> Option<String> {
        let mut config = Config::default();
        set(&mut config);
        own_url(&config, Some(&reached.parse().unwrap()))
    }

    fn tls(config: &mut Config) {
        config.tls.certificate = "cert.pem".into();
    }

    #[test]
    fn it_is_where_the_client_has_found_us() {
        let plain = url(|_| {}, "10.1.1.5:7900");
        assert_eq!(plain.as_deref(), Some("turn:10.1.1.5:7900?transport=tcp"));
        let secure = url(tls, "hop.example.vn");
        let expected = "turns:hop.example.vn:443?transport=tcp";
        assert_eq!(secure.as_deref(), Some(expected));
        let v6 = url(tls, "[2001:db8::1]:8443");
        let expected = "turns:[2001:db8::1]:8443?transport=tcp";
        assert_eq!(v6.as_deref(), Some(expected));
        let named = |config: &mut Config| {
            tls(config);
            config.http.public_url = "https://hop.example.vn:8443".to_owned();
        };
        let expected = "turns:hop.example.vn:8443?transport=tcp";
        assert_eq!(url(named, "10.1.1.5").as_deref(), Some(expected));
    }

    #[test]
    fn the_port_is_the_one_that_people_type_where_they_reach_us_by_it() {
        let bound = "0.0.0.0:7900".parse().unwrap();
        let mut config = Config::default();
        assert_eq!(public_port(&config, bound), bound);
        config.http.public_url = "https://hop.example.vn".to_owned();
        assert_eq!(public_port(&config, bound), bound, "a proxy has that port");
        tls(&mut config);
        assert_eq!(public_port(&config, bound).port(), HTTPS_PORT);
    }

    #[test]
    fn a_proxy_does_not_lead_there() {
        let proxied = |config: &mut Config| {
            config.http.public_url = "https://hop.example.vn".to_owned();
        };
        assert_eq!(url(proxied, "hop.example.vn"), None);
        let trusted = |config: &mut Config| {
            config.http.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        };
        assert_eq!(url(trusted, "hop.example.vn"), None);
        assert_eq!(url(|config| config.media.turn = false, "10.1.1.5"), None);
    }

    #[test]
    fn a_server_that_shares_a_secret_knows_the_password_of_each_client_for_its_time() {
        let server = IceServer {
            url: "turn:turn.example.net".to_owned(),
            username: String::new(),
            credential: Secret::new(""),
            secret: Secret::new("01234567890123456789"),
        };
        let told = for_client(&server, "site", 1_700_000_000);
        assert_eq!(told.username, "1700000000:site");
        // printf %s 1700000000:site | openssl dgst -sha1 -hmac 01234567890123456789 -binary | base64
        assert_eq!(told.credential.expose(), "sgnIrS8u1/O02jCeLe1EAbcB/M0=");
        let sent: protocol::server::IceServer = told.into();
        assert!(!format!("{sent:?}").contains("0123456789"), "{sent:?}");
    }
}
