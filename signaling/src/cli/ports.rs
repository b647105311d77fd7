//! `dinh ports`: what a firewall must let through.

use std::fmt::Write as _;

use crate::config::Config;

/// The rules as a table for people, with the commands of a common firewall.
pub(super) fn rules(config: &Config) -> String {
    let shards = usize::from(config.media.shard_count());
    let first = usize::from(config.media.port);
    let media = if shards == 1 {
        first.to_string()
    } else {
        format!("{first}-{}", first + shards - 1)
    };
    let http = config.http.listen;
    let admin = config.admin.listen;
    let mut text = String::new();
    let mut line = |port: &str, protocol: &str, from: &str, what: &str| {
        writeln!(text, "{port:<12}{protocol:<6}{from:<12}{what}")
            .expect("writing to a string does not fail");
    };
    line("port", "", "from", "for");
    line(
        &http.port().to_string(),
        "TCP",
        reach(http),
        "pages, WebSocket, REST, WHIP, WHEP, and media where nothing else is open",
    );
    if let Some(clear) = config.http.redirect_listen {
        let what = "leads http:// to https://; answers an ACME server";
        line(&clear.port().to_string(), "TCP", reach(clear), what);
    }
    line(&media, "UDP", "everywhere", "media");
    let shared = config.media.shared_udp_port;
    if shared > 0 {
        let what = "media where no other UDP passes";
        line(&shared.to_string(), "UDP", "everywhere", what);
    }
    line(&media, "TCP", "everywhere", "media where UDP is blocked");
    line(
        &admin.port().to_string(),
        "TCP",
        reach(admin),
        "metrics and health: never from outside",
    );
    if config.media.port == 0 {
        text.push_str("\n`media.port` is 0: the system chooses other media ports at each start.\n");
    } else {
        let range = media.replace('-', ":");
        let _ = write!(text, "\nufw allow {range}/udp\nufw allow {range}/tcp\n");
    }
    if shared > 0 {
        let _ = writeln!(text, "ufw allow {shared}/udp");
    }
    text
}

/// From where a listener can be reached at all.
const fn reach(address: std::net::SocketAddr) -> &'static str {
    if address.ip().is_loopback() {
        "this host"
    } else {
        "everywhere"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_needs_its_port() {
        let mut config = Config::default();
        config.media.shards = 4;
        let text = rules(&config);
        assert!(
            text.contains("7910-7913    UDP") || text.contains("7910-7913   UDP"),
            "{text}"
        );
        assert!(text.contains("ufw allow 7910:7913/tcp"), "{text}");
        config.media.shards = 1;
        let text = rules(&config);
        assert!(text.contains("ufw allow 7910/udp"), "{text}");
        assert!(!text.contains("443"), "{text}");
        config.media.shared_udp_port = 443;
        let text = rules(&config);
        assert!(text.contains("ufw allow 443/udp"), "{text}");
    }
}
