//! `If-Match` (RFC 9110 §13.1.1) as a `PATCH` carries it.

use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;

/// What a request says of the ICE session that it means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum IfMatch {
    /// Nothing.
    Absent,
    /// Whichever there is: `*`, also in quotation marks, as RFC 9725 prints it.
    Any,
    /// One of these, as [`ETag`](axum::http::header::ETAG) has them.
    Tags(Vec<String>),
}

impl IfMatch {
    /// Reads the header, however many lines it has. A proxy that compressed the answer has made its
    /// tag a weak one, so that this does not matter; nor do quotation marks that a client left out.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut tags = Vec::new();
        for line in headers.get_all(IF_MATCH) {
            let line = line.to_str().unwrap_or_default();
            for tag in line.split(',').map(str::trim) {
                let bare = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
                match bare {
                    "" => {}
                    "*" => return Self::Any,
                    bare => tags.push(format!("\"{bare}\"")),
                }
            }
        }
        if headers.contains_key(IF_MATCH) {
            Self::Tags(tags)
        } else {
            Self::Absent
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> IfMatch {
        let lines = lines.iter().map(|line| (IF_MATCH, line.parse().unwrap()));
        IfMatch::read(&lines.collect())
    }

    #[test]
    fn lists_weak_tags_and_stars_are_read() {
        let tags =
            |tags: &[&str]| IfMatch::Tags(tags.iter().map(|tag| format!("\"{tag}\"")).collect());
        assert_eq!(read(&[]), IfMatch::Absent);
        assert_eq!(read(&["\"x\", \"0u1\""]), tags(&["x", "0u1"]));
        assert_eq!(read(&["W/\"0u1\""]), tags(&["0u1"]));
        assert_eq!(read(&["0u1"]), tags(&["0u1"]));
        for star in ["*", "\"*\"", "\"x\", *"] {
            assert_eq!(read(&[star]), IfMatch::Any, "{star}");
        }
        assert_eq!(read(&[" , "]), tags(&[]), "matches nothing");
    }

    #[test]
    fn several_lines_are_one_list() {
        let mut headers = HeaderMap::new();
        for line in ["\"a\"", "\"b\""] {
            headers.append(IF_MATCH, line.parse().unwrap());
        }
        assert!(matches!(IfMatch::read(&headers), IfMatch::Tags(tags) if tags.len() == 2));
    }
}
