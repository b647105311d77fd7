//! An address to listen on, read so that one which is none is explained.

use std::net::SocketAddr;

use serde::{Deserialize, Deserializer};

/// For `#[serde(deserialize_with)]`.
///
/// # Errors
/// When it is no address with a port; says what would be one.
pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| {
        let problem = format!(
            "`{text}` is no address with a port: write 127.0.0.1:7900 for this computer alone, \
             0.0.0.0:7900 for all of its IPv4 addresses or [::]:7900 for all (names are not looked up)"
        );
        serde::de::Error::custom(problem)
    })
}
