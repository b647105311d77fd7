//! Which addresses of a provider are asked: what goes there and comes from there says who somebody is, so
//! nobody on the way may read or change it.

use openidconnect::url::{Host, Url};

/// The address of a provider, as it is configured.
///
/// # Errors
/// When it is none that may be asked: with what would be right.
pub(crate) fn issuer(text: &str) -> Result<Url, &'static str> {
    const LIKE: &str = "must be like https://id.example.vn/realms/bo";
    let url = Url::parse(text).map_err(|_| LIKE)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end before `?` and `#`");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must have no name or password before `@`");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if may_be_asked(&url) => Ok(url),
        "http" => Err("must begin with https:// unless it is on this machine"),
        _ => Err(LIKE),
    }
}

/// Whether something is sent there: by TLS, or to this machine.
pub(crate) fn may_be_asked(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_asked_by_tls_or_on_this_machine() {
        for good in [
            "https://id.example.vn",
            "https://id.example.vn:8443/realms/bo",
            "http://127.0.0.1:9000",
            "http://localhost:9000/x",
            "http://[::1]:9000",
        ] {
            assert!(issuer(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "id.example.vn",
            "http://id.example.vn",
            "http://127.0.0.1.example.vn",
            "http://localhost.example.vn",
            "http://10.0.0.1",
            "ftp://id.example.vn",
            "javascript:alert(1)",
            "https://id.example.vn/?x=1",
            "https://id.example.vn/#x",
            "https://me:secret@id.example.vn",
        ] {
            assert!(issuer(wrong).is_err(), "{wrong}");
        }
    }
}
