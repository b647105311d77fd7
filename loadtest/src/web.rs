//! WHIP (RFC 9725) and WHEP over HTTP: one offer, one answer, one resource to delete.

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Url};

use crate::scenario::WebEndpoint;

/// Why an exchange came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Not a URL.
    #[error("{0:?} is not a URL")]
    Url(String),
    /// No answer.
    #[error("cannot reach {url}: {source}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// Another status than 201.
    #[error("{url} answered {status}: {body}")]
    Refused {
        /// Where.
        url: String,
        /// HTTP status.
        status: u16,
        /// The beginning of what it said.
        body: String,
    },
}

/// A resource that a server made.
#[derive(Clone, Debug)]
pub struct Resource {
    client: Client,
    url: Option<Url>,
    token: Option<String>,
}

/// Posts an offer; the answer and the resource to delete in the end.
///
/// # Errors
/// When there is no answer or the server refuses.
pub async fn post(
    client: &Client,
    endpoint: &WebEndpoint,
    offer: String,
) -> Result<(String, Resource), WebError> {
    let base = Url::parse(&endpoint.url).map_err(|_| WebError::Url(endpoint.url.clone()))?;
    let unreachable = |source| WebError::Unreachable {
        url: endpoint.url.clone(),
        source,
    };
    let mut request = client
        .post(base.clone())
        .header(CONTENT_TYPE, "application/sdp")
        .body(offer);
    if let Some(token) = &endpoint.token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    // Relative to the endpoint (RFC 9725 §4.2).
    let url = location.and_then(|location| base.join(location).ok());
    let body = response.text().await.map_err(unreachable)?;
    if status != 201 {
        return Err(WebError::Refused {
            url: endpoint.url.clone(),
            status,
            body: body.chars().take(200).collect(),
        });
    }
    let resource = Resource {
        client: client.clone(),
        url,
        token: endpoint.token.clone(),
    };
    Ok((body, resource))
}

impl Resource {
    /// Gives the resource back. A server that is gone needs nothing given back.
    pub async fn delete(self) {
        let Some(url) = self.url else {
            return;
        };
        let mut request = self.client.delete(url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let _ = request.send().await;
    }
}
