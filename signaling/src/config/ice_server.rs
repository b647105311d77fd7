//! STUN and TURN servers of others that clients are told. The media plane needs none; they are for
//! clients that reach nothing but their own relay.

use serde::{Deserialize, Serialize};

use super::Secret;

/// A server, and how to use it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IceServer {
    /// As in RFC 7064 and RFC 7065: `stun:stun.example.net`, `turn:turn.example.net?transport=udp`.
    pub url: String,
    /// For TURN.
    #[serde(default)]
    pub username: String,
    /// For TURN: a password.
    #[serde(default = "no_secret")]
    pub credential: Secret,
    /// For TURN, instead of both: what the server shares with us, so that each client has a name and a
    /// password of its own that end with its token (`use-auth-secret` of coturn).
    #[serde(default = "no_secret")]
    pub secret: Secret,
}

fn no_secret() -> Secret {
    Secret::new("")
}

impl IceServer {
    /// What is wrong with it, and what would be right.
    pub(super) fn problem(&self) -> Option<String> {
        let scheme = self.url.split_once(':').map(|(scheme, _)| scheme);
        let is_relay = match scheme {
            Some("stun" | "stuns") => false,
            Some("turn" | "turns") => true,
            _ => {
                return Some(format!(
                    "has the url {:?}, must be like stun:stun.example.net or \
                     turn:turn.example.net?transport=udp",
                    self.url
                ));
            }
        };
        let (credential, shared) = (self.credential.expose(), self.secret.expose());
        let has_either = !(self.username.is_empty() && credential.is_empty());
        let has_both = !(self.username.is_empty() || credential.is_empty());
        if is_relay && shared.is_empty() && !has_both {
            return Some(format!(
                "needs a username and a credential, or a secret, for {}",
                self.url
            ));
        }
        if !shared.is_empty() && (has_either || !is_relay) {
            return Some(format!(
                "has a secret for {}, must have it for turn: or turns: alone, and without username and \
                 credential, which follow from it",
                self.url
            ));
        }
        let texts = [self.url.as_str(), self.username.as_str(), credential];
        let is_plain = |text: &&str| {
            text.bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\'))
        };
        (!texts.iter().all(is_plain)).then(|| {
            format!(
                "has characters in {} or its credential that no header can hold",
                self.url
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str, username: &str, credential: &str) -> IceServer {
        IceServer {
            url: url.to_owned(),
            username: username.to_owned(),
            credential: Secret::new(credential),
            secret: Secret::new(""),
        }
    }

    fn sharing(url: &str, username: &str) -> IceServer {
        IceServer {
            secret: Secret::new("shared"),
            ..server(url, username, "")
        }
    }

    #[test]
    fn what_can_be_used_is_taken() {
        for (url, username, credential) in [
            ("stun:stun.example.net", "", ""),
            ("turns:turn.example.net:443?transport=tcp", "an", "pass"),
        ] {
            assert_eq!(server(url, username, credential).problem(), None, "{url}");
        }
        assert_eq!(sharing("turn:turn.example.net", "").problem(), None);
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let problem = |url, username, credential| server(url, username, credential).problem();
        assert!(
            problem("https://x", "", "")
                .unwrap()
                .contains("must be like stun:")
        );
        assert!(
            problem("turn:x", "an", "")
                .unwrap()
                .contains("needs a username")
        );
        for unclear in [sharing("turn:x", "an"), sharing("stun:x", "")] {
            let problem = unclear.problem().unwrap();
            assert!(problem.contains("without username"), "{problem}");
        }
        assert!(
            problem("stun:x>y", "", "")
                .unwrap()
                .contains("no header can hold")
        );
    }
}
