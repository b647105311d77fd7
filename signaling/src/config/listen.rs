//! An address to listen on, read so that one which is none is explained.

use std::net::SocketAddr;

use serde::{Deserialize, Deserializer, Serializer};

/// For `#[serde(deserialize_with)]`.
///
/// # Errors
/// When it is no address with a port; says what would be one.
pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    parse(&String::deserialize(from)?)
}

fn parse<E: serde::de::Error>(text: &str) -> Result<SocketAddr, E> {
    text.parse().map_err(|_| {
        let problem = format!(
            "`{text}` is no address with a port: write 127.0.0.1:7900 for this computer alone, \
             0.0.0.0:7900 for all of its IPv4 addresses or [::]:7900 for all (names are not looked up)"
        );
        E::custom(problem)
    })
}

/// One that may be left empty, for `#[serde(with)]`.
pub(super) mod optional {
    use super::{Deserialize, Deserializer, Serializer, SocketAddr, parse};

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<SocketAddr>, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            Ok(None)
        } else {
            parse(&text).map(Some)
        }
    }

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(in crate::config) fn serialize<S: Serializer>(
        address: &Option<SocketAddr>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match address {
            Some(address) => to.collect_str(address),
            None => to.serialize_str(""),
        }
    }
}
