//! Sends traces to the collector, several at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::mpsc;
use tracing::warn;

use super::{Join, Telemetry, otlp};
use crate::config;
use crate::tls;

/// How long is gathered before something is sent. Higher: fewer requests. Lower: it is seen sooner.
const GATHER: Duration = Duration::from_secs(1);

/// Most joins of one request: some 1.5 KB each.
const AT_ONCE: usize = 512;

/// How long the collector may take. Meanwhile what comes waits in the queue.
const PATIENCE: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Collector {
    url: Uri,
    client: Client<HttpsConnector<HttpConnector>, Body>,
}

impl Collector {
    /// The one that is configured, if there is one.
    ///
    /// # Errors
    /// When the authority of its certificate cannot be read.
    pub(crate) fn open(config: &config::Telemetry) -> anyhow::Result<Option<Self>> {
        let Some(url) = config.url() else {
            return Ok(None);
        };
        let authority = Some(&*config.authority).filter(|path| !path.as_os_str().is_empty());
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::trusting(authority)?)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Some(Self { url, client }))
    }

    /// Sends what comes, for ever.
    pub(crate) async fn send_all(self, telemetry: Arc<Telemetry>, mut joins: mpsc::Receiver<Join>) {
        let counts = telemetry.counts();
        let mut waiting = Vec::with_capacity(AT_ONCE);
        let mut was_taken = true;
        while joins.recv_many(&mut waiting, AT_ONCE).await > 0 {
            tokio::time::sleep(GATHER).await;
            while waiting.len() < AT_ONCE
                && let Ok(join) = joins.try_recv()
            {
                waiting.push(join);
            }
            let sent = tokio::time::timeout(PATIENCE, self.send(&waiting)).await;
            let sent = sent.unwrap_or_else(|_| Err("it does not answer".to_owned()));
            let count = waiting.len() as u64;
            waiting.clear();
            let counter = match &sent {
                Ok(()) => &counts.sent,
                Err(_) => &counts.failed,
            };
            counter.fetch_add(count, Ordering::Relaxed);
            // Said once, however long it lasts.
            if let (Err(cause), true) = (&sent, was_taken) {
                warn!(cause, collector = %self.url, "the collector does not take traces");
            }
            was_taken = sent.is_ok();
        }
    }

    async fn send(&self, joins: &[Join]) -> Result<(), String> {
        let body = Bytes::from(otlp::request(joins).to_string());
        let request = Request::post(&self.url).header(CONTENT_TYPE, "application/json");
        let request = request.body(Body::from(body));
        let request = request.map_err(|error| error.to_string())?;
        let response = self.client.request(request).await;
        let status = response.map_err(|error| tls::source_of(&error))?.status();
        match status.is_success() {
            true => Ok(()),
            false => Err(format!("it answers {status}")),
        }
    }
}
