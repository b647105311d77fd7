//! How a file of the web client goes over the wire: its build has packed it, here a form is chosen.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;

/// A content coding (RFC 9110 §8.4) in which files are there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// The smallest first.
    const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// Its name in a header.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What the build adds to the name of a file.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    /// Those that the client reads, the smallest first.
    pub(super) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(|coding| coding.is_accepted(headers))
    }

    fn is_accepted(self, headers: &HeaderMap) -> bool {
        let accepted = headers.get_all(ACCEPT_ENCODING).iter();
        accepted
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|coding| {
                let mut parts = coding.split(';').map(str::trim);
                let is_this = parts
                    .next()
                    .is_some_and(|name| name.eq_ignore_ascii_case(self.name()));
                is_this
                    && !parts.any(|part| {
                        part.starts_with("q=0") && !part.contains(|c| matches!(c, '1'..='9'))
                    })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_form_that_the_client_reads_is_chosen() {
        let chosen = |value: &'static str| {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]);
            Coding::accepted(&headers).next()
        };
        for (asked, expected) in [
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("BR;q=0.8, gzip;q=1.0", Some(Coding::Brotli)),
            ("gzip, deflate", Some(Coding::Gzip)),
            ("gzip;q=1.0, br;q=0, *;q=0", Some(Coding::Gzip)),
            ("gzip; q=0.0", None),
            ("identity", None),
            ("", None),
        ] {
            assert_eq!(chosen(asked), expected, "{asked}");
        }
    }
}
