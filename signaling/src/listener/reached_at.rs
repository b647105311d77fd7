//! The address of ours to which a client's own connection came.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// `None` where a proxy stands in between: the client does not reach what the proxy reaches.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReachedAt(pub Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for ReachedAt {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or_default())
    }
}
