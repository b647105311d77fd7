//! The edge: one request to one webhook.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderValue, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::attempt::Answer;
use super::reach::Reach;
use super::target::Target;
use crate::auth::Keys;
use crate::config;
use crate::ids::WebhookId;
use crate::tls;

/// How long one may take to answer, from the look-up of its name on. It holds up nobody but itself. Higher:
/// a slower program is not told twice.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a signature is good: for one request, with clocks that differ.
const SIGNED_SECONDS: i64 = 300;

/// Most characters that are kept of what went wrong.
const MAX_SAID_CHARS: usize = 300;

type Caller = Client<HttpsConnector<HttpConnector<Checked>>, Body>;

/// Calls webhooks. It follows no redirection, and reads no answer beyond its head.
pub(super) struct Courier {
    reach: Arc<Reach>,
    /// To `https://` and to `http://`: these may reach other addresses.
    secure: Caller,
    clear: Caller,
}

/// Looks names up, and gives those addresses alone that may be called: what is checked is what is called,
/// whatever the name leads to a moment later.
#[derive(Clone)]
struct Checked {
    reach: Arc<Reach>,
    is_secure: bool,
}

/// What is to be told.
pub(super) struct Message {
    pub(super) webhook: WebhookId,
    pub(super) sequence: u64,
    pub(super) body: Vec<u8>,
}

impl Courier {
    /// As it is configured.
    ///
    /// # Errors
    /// When the authority of certificates cannot be read.
    pub(super) fn open(config: &config::Webhooks) -> anyhow::Result<Self> {
        let reach = Arc::new(Reach::new(&config.allowed_networks));
        let authority = Some(&*config.authority).filter(|path| !path.as_os_str().is_empty());
        let tls = tls::trusting(authority)?;
        let caller = |is_secure| {
            let checked = Checked {
                reach: Arc::clone(&reach),
                is_secure,
            };
            let mut http = HttpConnector::new_with_resolver(checked);
            http.enforce_http(false);
            let connector = HttpsConnectorBuilder::new()
                .with_tls_config(tls.clone())
                .https_or_http()
                .enable_http1()
                .wrap_connector(http);
            Client::builder(TokioExecutor::new()).build(connector)
        };
        Ok(Self {
            secure: caller(true),
            clear: caller(false),
            reach,
        })
    }

    /// Tells a webhook something, and waits for its answer.
    pub(super) async fn tell(
        &self,
        url: &str,
        keys: &Keys,
        message: Message,
        now: Timestamp,
    ) -> Answer {
        let told = timeout(PATIENCE, self.call(url, keys, message, now)).await;
        let silent = || format!("it was silent for {} s", PATIENCE.as_secs());
        match told {
            Ok(Ok(status)) => Answer::Status(status),
            Ok(Err(said)) => Answer::Nothing(said.chars().take(MAX_SAID_CHARS).collect()),
            Err(_) => Answer::Nothing(silent()),
        }
    }

    async fn call(
        &self,
        url: &str,
        keys: &Keys,
        message: Message,
        now: Timestamp,
    ) -> Result<u16, String> {
        let target = Target::new(url).map_err(|error| error.to_string())?;
        let is_secure = target.is_secure();
        // An address in place of a name is looked up by nobody.
        let host = target.uri().host().unwrap_or_default();
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>()
            && !self.reach.permits(address, is_secure)
        {
            return Err(Reach::refusal(address, is_secure));
        }
        let signature = signature(keys, &message, now)?;
        let request = Request::post(target.uri())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("dinh/", env!("CARGO_PKG_VERSION")))
            .header(AUTHORIZATION, signature)
            .body(Body::from(message.body))
            .map_err(|error| error.to_string())?;
        let caller = if is_secure { &self.secure } else { &self.clear };
        let response = caller.request(request).await;
        let response = response.map_err(|error| tls::source_of(&error))?;
        Ok(response.status().as_u16())
    }
}

/// A JWT that says who calls, whom, in which order, and what the body is.
fn signature(keys: &Keys, message: &Message, now: Timestamp) -> Result<HeaderValue, String> {
    let now = now.as_second();
    let claims = json!({
        "iat": now,
        "exp": now + SIGNED_SECONDS,
        "sequence": message.sequence,
        "sha256": hex::encode(Sha256::digest(&message.body)),
    });
    let signed = keys.sign_for(&message.webhook.to_string(), &claims);
    let signed = signed.map_err(|error| error.to_string())?;
    let mut value =
        HeaderValue::try_from(format!("Bearer {signed}")).map_err(|error| error.to_string())?;
    value.set_sensitive(true);
    Ok(value)
}

impl tower_service::Service<Name> for Checked {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { reach, is_secure } = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (may, may_not): (Vec<_>, Vec<_>) =
                found.partition(|address| reach.permits(address.ip(), is_secure));
            match (may.is_empty(), may_not.first()) {
                (true, Some(address)) => {
                    Err(io::Error::other(Reach::refusal(address.ip(), is_secure)))
                }
                _ => Ok(may.into_iter()),
            }
        })
    }
}
