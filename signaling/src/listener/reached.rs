//! The name by which a client has reached us: whoever is told an address of ours under which it should
//! find us again gets this one.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;

/// What the request says; `None` if it says nothing that can be one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReachedAs(pub Option<Authority>);

impl<S: Sync> FromRequestParts<S> for ReachedAs {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get(HOST);
        let header = header.and_then(|host| Authority::try_from(host.as_bytes()).ok());
        Ok(Self(header.or_else(|| parts.uri.authority().cloned())))
    }
}
