//! STUN and TURN servers in answers (RFC 9725 §4.6).

use axum::http::header::LINK;
use axum::http::{HeaderMap, HeaderValue};

use crate::config::IceServer;

/// Names them in an answer.
pub(super) fn announce(servers: &[IceServer], headers: &mut HeaderMap) {
    for server in servers {
        // What no header can hold is refused with the configuration.
        if let Ok(mut link) = HeaderValue::try_from(link(server)) {
            link.set_sensitive(true);
            headers.append(LINK, link);
        }
    }
}

fn link(server: &IceServer) -> String {
    let mut link = format!("<{}>; rel=\"ice-server\"", server.url);
    if !server.username.is_empty() {
        link.extend(["; username=\"", &server.username]);
        link.extend(["\"; credential=\"", server.credential.expose()]);
        link.push_str("\"; credential-type=\"password\"");
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn server(url: &str, username: &str, credential: &str) -> IceServer {
        IceServer {
            url: url.to_owned(),
            username: username.to_owned(),
            credential: Secret::new(credential),
            secret: Secret::new(""),
        }
    }

    #[test]
    fn each_is_a_link_of_its_own() {
        let servers = [
            server("stun:stun.example.net", "", ""),
            server("turn:turn.example.net?transport=udp", "an", "pass"),
        ];
        let mut headers = HeaderMap::new();
        announce(&servers, &mut headers);
        let links: Vec<_> = headers.get_all(LINK).iter().collect();
        assert_eq!(
            links,
            [
                "<stun:stun.example.net>; rel=\"ice-server\"",
                "<turn:turn.example.net?transport=udp>; rel=\"ice-server\"; username=\"an\"; \
                 credential=\"pass\"; credential-type=\"password\"",
            ]
        );
    }
}
