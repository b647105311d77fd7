//! The edge: one request to a provider. What comes back is bounded in time and size, and nobody is followed
//! to where an answer points.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderValue, Request};
use futures_util::StreamExt as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openidconnect::url::Url;
use openidconnect::{HttpRequest, HttpResponse};
use tokio::time::timeout;

use super::address;
use crate::tls;

/// How long one answer may take. Higher: people look longer at nothing where a provider is away.
const PATIENCE: Duration = Duration::from_secs(8);

/// Largest answer: a person in some thousand groups. Higher: a provider gone mad costs more.
const MAX_BYTES: usize = 512 * 1024;

/// Asks one provider.
#[derive(Debug)]
pub(super) struct Fetch {
    client: Client<HttpsConnector<HttpConnector>, Body>,
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// It may come later.
    #[error("{0}")]
    Away(String),
    /// It is none that could be read.
    #[error("{0}")]
    Nonsense(String),
}

type Answer = Result<HttpResponse, FetchError>;

impl Fetch {
    /// Trusts this authority too, where one is named.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open(authority: &Path) -> anyhow::Result<Self> {
        let authority = Some(authority).filter(|path| !path.as_os_str().is_empty());
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::trusting(authority)?)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client })
    }

    /// As the library wants it.
    pub(super) fn shared(
        fetch: &Arc<Self>,
    ) -> impl Fn(HttpRequest) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync + 'static
    {
        let fetch = Arc::clone(fetch);
        move |request| {
            let fetch = Arc::clone(&fetch);
            Box::pin(async move { fetch.ask(request).await })
        }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// When there is none.
    async fn ask(&self, request: HttpRequest) -> Answer {
        let silent = || {
            let said = format!("it was silent for {} s", PATIENCE.as_secs());
            Err(FetchError::Away(said))
        };
        timeout(PATIENCE, self.call(request))
            .await
            .unwrap_or_else(|_| silent())
    }

    async fn call(&self, request: HttpRequest) -> Answer {
        // The provider itself says where some things are asked.
        let url = request.uri().to_string();
        if !Url::parse(&url).is_ok_and(|url| address::may_be_asked(&url)) {
            let said = format!("it leads to {url}, where nothing is asked: that is not https://");
            return Err(FetchError::Nonsense(said));
        }
        let (mut parts, body) = request.into_parts();
        let name = HeaderValue::from_static(concat!("dinh/", env!("CARGO_PKG_VERSION")));
        parts.headers.insert(USER_AGENT, name);
        let request = Request::from_parts(parts, Body::from(body));
        let response = self.client.request(request).await;
        let away = |error: &dyn std::error::Error| FetchError::Away(tls::source_of(error));
        let response = response.map_err(|error| away(&error))?;
        let status = response.status();
        if status.is_server_error() {
            return Err(FetchError::Away(format!("it answers {status}")));
        }
        let (parts, body) = response.into_parts();
        let mut came = Body::new(body).into_data_stream();
        let mut bytes = Vec::new();
        while let Some(part) = came.next().await {
            let part = part.map_err(|error| away(&error))?;
            if bytes.len() + part.len() > MAX_BYTES {
                let said = format!("it answers with more than {MAX_BYTES} bytes");
                return Err(FetchError::Nonsense(said));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(HttpResponse::from_parts(parts, bytes))
    }
}
