//! Takes the connections of one port and serves HTTP/1.1 on them, so that slow ones cannot keep
//! quick ones out.
//!
//! A connection is *idle* while no request of it is being answered: it has yet to send its first,
//! is sending a header a byte at a time, or is kept alive for another. When there are as many
//! connections as may be, an idle one makes room for a newcomer (see `admission`). A WebSocket is no
//! longer counted here: it has limits of its own.

mod accept;
mod client;
mod proxies;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use proxy_header::ParseConfig;
use proxy_header::io::ProxiedStream;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;
use tracing::debug;

use crate::admission::{Pool, Visit};
use crate::app::App;
use accept::Accept;
use proxies::Proxies;

pub(crate) use accept::bind;
pub use client::ClientAddress;

/// Most bytes of a request's header. Higher: a slow client makes us hold more.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// Serves `router` until `silence`; then answers what is under way. Each connection is one of `tasks`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    app: App,
    silence: CancellationToken,
    tasks: TaskTracker,
) {
    let http = &app.config.http;
    let pool = Arc::new(Pool::new(http.max_connections));
    let server = Arc::new(Connections {
        router,
        proxies: Proxies::new(http),
        header: Duration::from_secs(http.header_timeout_seconds),
        silence: silence.clone(),
        app: Arc::clone(&app),
    });
    let mut accept = Accept::new(listener);
    let shed = || {
        app.metrics.connection_cut("descriptors");
        pool.shed() || app.admission.shed()
    };
    while let Some((stream, peer)) = silence.run_until_cancelled(accept.next(shed)).await {
        let Some(visit) = pool.enter(peer.ip().into()) else {
            // Closed without a word: there is no room to speak to it.
            app.metrics.connection_cut("full");
            continue;
        };
        // State messages are small and wanted at once.
        if let Err(cause) = stream.set_nodelay(true) {
            debug!(%cause, "cannot send small messages at once");
        }
        tasks.spawn(Arc::clone(&server).connection(stream, peer.ip(), visit));
    }
}

/// What all connections of one port have in common.
struct Connections {
    router: Router,
    proxies: Proxies,
    /// Longest that a header may take, and longest that a connection is kept for another request.
    header: Duration,
    silence: CancellationToken,
    app: App,
}

impl Connections {
    /// One connection to its end, or until it becomes a WebSocket.
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: IpAddr, visit: Visit) {
        let visit = Arc::new(visit);
        let opened = tokio::select! {
            opened = self.open(stream, peer) => opened,
            () = visit.sent_away() => None,
        };
        let Some((stream, peer)) = opened else { return };
        let service = service_fn(|request: Request<Incoming>| {
            let busy = visit.busy();
            let answer = self.answer(peer, request);
            async move {
                let answer = answer.await;
                drop(busy);
                answer
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.header)
            .max_buf_size(MAX_HEADER_BYTES);
        let served = http
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut served = std::pin::pin!(served);
        let mut is_stopping = false;
        loop {
            tokio::select! {
                // How it ended matters to nobody: what was asked is counted with its answer.
                _ = served.as_mut() => return,
                () = visit.sent_away() => {
                    self.app.metrics.connection_cut("idle");
                    return;
                }
                () = self.silence.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    served.as_mut().graceful_shutdown();
                }
            }
        }
    }

    /// Reads the header of the PROXY protocol, where there is one: whose connection it is. `None` if
    /// there should have been one.
    async fn open(
        &self,
        stream: TcpStream,
        peer: IpAddr,
    ) -> Option<(ProxiedStream<TcpStream>, IpAddr)> {
        if !self.proxies.speaks_proxy_protocol(peer) {
            return Some((ProxiedStream::unproxied(stream), peer));
        }
        let reading = ProxiedStream::create_from_tokio(stream, ParseConfig::default());
        let Ok(Ok(stream)) = tokio::time::timeout(self.header, reading).await else {
            self.app.metrics.connection_cut("proxy_protocol");
            return None;
        };
        // Without an address it is the proxy's own question, whether we live.
        let client = stream.proxy_header().proxied_address();
        let peer = client.map_or(peer, |client| client.source.ip());
        Some((stream, peer))
    }

    fn answer(
        &self,
        peer: IpAddr,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, std::convert::Infallible>> + use<> {
        let mut router = self.router.clone();
        let client = ClientAddress(self.proxies.client(peer, request.headers()));
        let is_too_large = header_bytes(&request) > MAX_HEADER_BYTES;
        async move {
            if is_too_large {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                return Ok(response);
            }
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(client);
            router.call(request).await
        }
    }
}

/// How long a request's header was. The buffer it is read into may grow beyond its limit, by as much
/// as comes at once.
fn header_bytes<B>(request: &Request<B>) -> usize {
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    let target = request.uri().path_and_query();
    target.map_or(0, |target| target.as_str().len()) + fields.sum::<usize>()
}
