//! Which page of the office is shown after a log-in.

/// Longest address behind the `#`.
const MAX_BYTES: usize = 300;

/// What stands behind `/office#`: as it is wanted, if it is a page of the office. It stands there alone, so
/// that it leads to no other place whatever it is.
pub(crate) fn page(wanted: Option<String>) -> String {
    let is_allowed =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'#');
    wanted
        .filter(|page| page.len() <= MAX_BYTES)
        .filter(|page| page.starts_with('/') && page.bytes().all(is_allowed))
        .unwrap_or_else(|| "/".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_the_office_is_gone_to() {
        for good in ["/", "/sites?site=68&of=a%20b", "/schedule/01JD"] {
            assert_eq!(page(Some(good.to_owned())), good);
        }
        for wrong in [
            "",
            "sites",
            "https://evil.example",
            "/a\r\nset-cookie: x=1",
            "/a#b",
            "/trang chủ",
            &format!("/{}", "x".repeat(300)),
        ] {
            assert_eq!(page(Some(wrong.to_owned())), "/", "{wrong:?}");
        }
        assert_eq!(page(None), "/");
    }
}
