//! Where the tokens of simulated sites come from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use signaling::auth::keyfile::SigningKey;
use signaling::auth::{ApiKey, KeyLimits, Keys, Narrowing, NewToken, Role};
use signaling::ids::{ConferenceId, KeyId, SiteCode, TokenId};

use crate::tls::Tls;

/// How long a token is good for: longer than any run.
const VALID_FOR: SignedDuration = SignedDuration::from_hours(12);

/// Where tokens come from.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// Signed here with an API key of the server.
    ApiKey(Arc<LocalKey>),
    /// Made by the server, over REST, for an administrator's token.
    Rest {
        /// `http://host:port`.
        server: String,
        /// The administrator's token.
        admin: String,
        /// For `https://`.
        tls: Tls,
    },
    /// Read from a file of lines `role,site,token`.
    File(Arc<HashMap<(String, String), String>>),
}

/// An API key with what is needed to sign.
#[derive(Debug)]
pub struct LocalKey {
    id: KeyId,
    keys: Keys,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The argument is not `id:secret`.
    #[error("an API key is written id:secret: {0}")]
    BadKey(String),
    /// The claims cannot be signed.
    #[error("cannot make a token for {who}: {reason}")]
    Refused {
        /// The site or role.
        who: String,
        /// Why.
        reason: String,
    },
    /// The server cannot be asked.
    #[error("cannot ask the server for a token: {0}")]
    Rest(#[from] reqwest::Error),
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A line of the file is not understood.
    #[error("{path}:{line}: expected role,site,token")]
    BadLine {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
}

impl LocalKey {
    /// From `id:secret`.
    ///
    /// # Errors
    /// When it has no colon, or the server would refuse the key as well.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let bad = |reason: String| TokenError::BadKey(reason);
        let (id, secret) = text
            .split_once(':')
            .ok_or_else(|| bad("there is no colon".to_owned()))?;
        let id: KeyId = id.parse().map_err(|error| bad(format!("{error}")))?;
        let key = ApiKey {
            id: id.clone(),
            secret: secret.to_owned(),
            limits: KeyLimits::default(),
        };
        // The server's own key is not ours: tokens are signed with the API key alone.
        let keys = Keys::new(&SigningKey::from_seed(&[0; 32]), &[key])
            .map_err(|error| bad(error.to_string()))?;
        Ok(Self { id, keys })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateToken<'a> {
    conference: &'a str,
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<&'a str>,
    ttl_seconds: i64,
}

#[derive(Deserialize)]
struct CreatedToken {
    token: String,
}

impl TokenSource {
    /// Tokens from a file.
    ///
    /// # Errors
    /// When it cannot be read or a line is not understood.
    pub fn from_file(path: &Path) -> Result<Self, TokenError> {
        let text = std::fs::read_to_string(path).map_err(|source| TokenError::File {
            path: path.to_owned(),
            source,
        })?;
        let mut tokens = HashMap::new();
        for (n, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let words: Vec<&str> = line.split(',').map(str::trim).collect();
            let &[role, site, token] = words.as_slice() else {
                return Err(TokenError::BadLine {
                    path: path.to_owned(),
                    line: n + 1,
                });
            };
            tokens.insert((role.to_owned(), site.to_owned()), token.to_owned());
        }
        Ok(Self::File(Arc::new(tokens)))
    }

    /// A token for a role and, for a site, its code. `number` tells several of one site apart.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn token(
        &self,
        conference: &str,
        role: Role,
        site: Option<&str>,
        number: u32,
    ) -> Result<String, TokenError> {
        match self {
            Self::ApiKey(key) => sign(key, conference, role, site, number),
            Self::Rest { server, admin, tls } => {
                ask(tls.client()?, (server, admin), conference, role, site).await
            }
            Self::File(tokens) => {
                let wanted = (role.to_string(), site.unwrap_or_default().to_owned());
                tokens
                    .get(&wanted)
                    .cloned()
                    .ok_or_else(|| TokenError::Refused {
                        who: format!("{},{}", wanted.0, wanted.1),
                        reason: "the file has none".to_owned(),
                    })
            }
        }
    }
}

fn sign(
    key: &LocalKey,
    conference: &str,
    role: Role,
    site: Option<&str>,
    number: u32,
) -> Result<String, TokenError> {
    let who = site.map_or_else(|| role.to_string(), str::to_owned);
    let refused = |reason: String| TokenError::Refused {
        who: who.clone(),
        reason,
    };
    let conference: ConferenceId = conference
        .parse()
        .map_err(|error| refused(format!("{error}")))?;
    let site: Option<SiteCode> = site
        .map(str::parse)
        .transpose()
        .map_err(|error| refused(format!("{error}")))?;
    let now = Timestamp::now();
    let unix_ms = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let new = NewToken {
        subject: Some(format!("loadtest-{who}-{number}")),
        conference: Some(conference),
        site,
        role,
        name: None,
        valid_for: VALID_FOR,
        narrowing: Narrowing::default(),
    };
    let id = TokenId::generate(unix_ms, rand::random());
    let issued = key.keys.issue_with(&key.id, new, id, now);
    issued
        .map(|issued| issued.token)
        .map_err(|error| refused(error.to_string()))
}

async fn ask(
    client: reqwest::Client,
    (server, admin): (&str, &str),
    conference: &str,
    role: Role,
    site: Option<&str>,
) -> Result<String, TokenError> {
    let body = CreateToken {
        conference,
        role: &role.to_string(),
        site,
        ttl_seconds: VALID_FOR.as_secs(),
    };
    let created: CreatedToken = client
        .post(format!("{}/api/v1/tokens", server.trim_end_matches('/')))
        .bearer_auth(admin)
        .json(&body)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    Ok(created.token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "loadtest:0123456789abcdef0123456789abcdef";

    #[tokio::test]
    async fn a_local_token_is_good_for_the_server_that_knows_the_key() {
        let source = TokenSource::ApiKey(Arc::new(LocalKey::parse(KEY).unwrap()));
        let conference = "01JD8XZ3N7";
        let token = source
            .token(conference, Role::Site, Some("00004"), 7)
            .await
            .unwrap();
        let server = LocalKey::parse(KEY).unwrap();
        let grant = server.keys.verify(&token, Timestamp::now()).unwrap();
        assert_eq!(grant.role(), Role::Site);
        assert_eq!(grant.site().unwrap().to_string(), "00004");
        let stranger = LocalKey::parse("loadtest:ffffffffffffffffffffffffffffffff").unwrap();
        assert!(stranger.keys.verify(&token, Timestamp::now()).is_err());
    }

    #[test]
    fn a_bad_key_says_what_is_wrong() {
        for (text, expected) in [("nocolon", "no colon"), ("a:short", "too short")] {
            let error = LocalKey::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[tokio::test]
    async fn tokens_are_found_in_a_file_and_bad_lines_are_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# tokens\nhall,,AAA\nsite,00004,BBB\n").unwrap();
        let source = TokenSource::from_file(file.path()).unwrap();
        assert_eq!(source.token("c", Role::Hall, None, 0).await.unwrap(), "AAA");
        assert_eq!(
            source
                .token("c", Role::Site, Some("00004"), 0)
                .await
                .unwrap(),
            "BBB"
        );
        assert!(
            source
                .token("c", Role::Site, Some("00005"), 0)
                .await
                .is_err()
        );
        std::fs::write(file.path(), "hall,AAA\n").unwrap();
        let error = TokenSource::from_file(file.path()).unwrap_err().to_string();
        assert!(error.contains(":1: expected role,site,token"), "{error}");
    }
}
