//! Refusals that no handler makes: of addresses and methods that there are not, and of the
//! framework. They have the body that every other refusal has.

use axum::body::to_bytes;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

use super::ApiError;
use crate::refusal::ErrorCode;

/// Most bytes of the framework's own words that are passed on.
const MAX_WORDS: usize = 1024;

/// There is nothing at this address.
pub async fn no_address(uri: Uri) -> ApiError {
    let path: String = uri.path().chars().take(MAX_WORDS).collect();
    ApiError::new(
        StatusCode::NOT_FOUND,
        ErrorCode::NotFound,
        format!("there is nothing at {path}"),
    )
}

/// There is something at this address, but not for this method.
pub async fn no_method(method: Method) -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::MethodNotAllowed,
        format!("{method} is not possible here: the header `allow` says what is"),
    )
}

/// Gives a refusal of the framework, which has no body or plain words, the body of all others.
pub async fn explain(response: Response) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let kind = response.headers().get(CONTENT_TYPE);
    let is_plain = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !is_plain {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let words = to_bytes(body, MAX_WORDS).await.unwrap_or_default();
    let words = String::from_utf8_lossy(&words);
    let words = words.trim();
    let message = if words.is_empty() {
        status.canonical_reason().unwrap_or("refused").to_owned()
    } else {
        words.to_owned()
    };
    let explained = ApiError::new(status, code(status), message).into_response();
    parts.headers.remove(CONTENT_LENGTH);
    let (why, body) = explained.into_parts();
    for (name, value) in &why.headers {
        parts.headers.insert(name, value.clone());
    }
    parts.extensions.extend(why.extensions);
    Response::from_parts(parts, body)
}

/// The code of a status that has only one.
fn code(status: StatusCode) -> ErrorCode {
    match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
        StatusCode::GATEWAY_TIMEOUT => ErrorCode::TimedOut,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
        status if status.is_server_error() => ErrorCode::Internal,
        _ => ErrorCode::BadMessage,
    }
}
