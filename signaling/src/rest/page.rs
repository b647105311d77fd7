//! Lists, page by page.

use axum::http::header::LINK;
use axum::http::{HeaderMap, HeaderValue, Uri};
use serde::Serialize;

use super::{ApiError, Json};

/// Most entries of one page, and as many as it has if nobody says how many.
pub(super) const MAX_LIMIT: u32 = 10_000;

/// A page, and where the next one is.
pub(super) type Page<T> = (HeaderMap, Json<Vec<T>>);

/// The first `limit` of `entries`; whether there are more, the header `link` says (RFC 8288).
/// `key` is what the next page comes after.
pub(super) fn page<T: Serialize>(
    uri: &Uri,
    limit: Option<u32>,
    entries: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> String,
) -> Result<Page<T>, ApiError> {
    let limit = checked(limit, MAX_LIMIT)?;
    let mut entries = entries.into_iter();
    let page: Vec<T> = entries.by_ref().take(limit as usize).collect();
    let last = page.last().filter(|_| entries.next().is_some()).map(key);
    Ok((link_to(uri, limit, last.as_deref()), Json(page)))
}

/// The header that says where the next page is: after `last`, if there is one.
pub(super) fn link_to(uri: &Uri, limit: u32, last: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(last) = last
        && let Ok(link) = HeaderValue::from_str(&next(uri, limit, last))
    {
        headers.insert(LINK, link);
    }
    headers
}

/// How many entries a page has.
pub(super) fn checked(limit: Option<u32>, most: u32) -> Result<u32, ApiError> {
    let limit = limit.unwrap_or(most);
    if (1..=most).contains(&limit) {
        return Ok(limit);
    }
    Err(ApiError::bad_request(format!(
        "limit is {limit}, must be 1 to {most}"
    )))
}

/// The same question, after `last`. Keys are ids, which need no quoting.
fn next(uri: &Uri, limit: u32, last: &str) -> String {
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && name != "after" && name != "limit"
    });
    let mut query = String::new();
    for pair in kept {
        query.push_str(pair);
        query.push('&');
    }
    format!(
        "<{}?{query}limit={limit}&after={last}>; rel=\"next\"",
        uri.path()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(uri: &str, limit: Option<u32>) -> (Vec<u32>, Option<String>) {
        let uri: Uri = uri.parse().unwrap();
        let (headers, Json(page)) = page(&uri, limit, 1..=5_u32, u32::to_string).unwrap();
        let link = headers
            .get(LINK)
            .map(|link| link.to_str().unwrap().to_owned());
        (page, link)
    }

    #[test]
    fn a_page_says_where_the_next_one_is_until_the_last() {
        let (page, link) = ask("/sites?search=a%20b&limit=2&after=0", Some(2));
        assert_eq!(page, [1, 2]);
        let next = "</sites?search=a%20b&limit=2&after=2>; rel=\"next\"";
        assert_eq!(link.as_deref(), Some(next));
        for limit in [Some(5), None] {
            assert_eq!(ask("/sites", limit), (vec![1, 2, 3, 4, 5], None));
        }
    }

    #[test]
    fn a_limit_out_of_range_is_refused_with_the_range() {
        let error = checked(Some(0), 7).unwrap_err().to_string();
        assert_eq!(error, "limit is 0, must be 1 to 7");
        assert!(checked(Some(8), 7).is_err());
    }
}
