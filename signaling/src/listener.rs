//! Takes the connections of one port and serves HTTP/1.1 on them, in the clear or inside TLS, so that
//! slow ones cannot keep quick ones out.
//!
//! What a connection speaks its first bytes tell (see `opening`). Where there is TLS, a request in
//! the clear is answered by another router, unless it comes from a proxy that is trusted.
//!
//! A connection is *idle* while no request of it is being answered: it has yet to send its first,
//! is sending a header a byte at a time, or is kept alive for another. When there are as many
//! connections as may be, an idle one makes room for a newcomer (see `admission`). A WebSocket is no
//! longer counted here: it has limits of its own.

mod accept;
mod begun;
mod client;
mod entry;
mod handover;
mod opening;
mod proxies;
mod reached;
mod reached_at;
mod redirect;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sfu::Handover;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;
use tracing::debug;

use crate::admission::{Pool, Visit};
use crate::app::App;
use accept::Accept;
use entry::{Entry, Opened};
use proxies::Proxies;

pub(crate) use accept::bind;
pub use client::ClientAddress;
pub use reached::ReachedAs;
pub use reached_at::ReachedAt;
pub(crate) use redirect::{Secure, to_https};

/// Most bytes of a request's header. Higher: a slow client makes us hold more.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// How a port is secured.
#[derive(Clone, Debug)]
pub(crate) struct Security {
    /// What handshakes are made with.
    pub(crate) tls: Arc<ServerConfig>,
    /// What answers requests in the clear.
    pub(crate) clear: Router,
    /// Whether a proxy that is trusted is answered in the clear: it has done TLS itself.
    pub(crate) behind_proxies: bool,
    /// How long browsers are to come by TLS alone; 0 says nothing of it.
    pub(crate) hsts_seconds: u64,
}

/// What a port is there for.
#[derive(Debug)]
pub(crate) struct Port {
    /// What requests are answered by.
    pub(crate) router: Router,
    /// `None` if it speaks no TLS.
    pub(crate) security: Option<Security>,
    /// Whether connections of the media plane come here too.
    pub(crate) takes_media: bool,
}

/// Until when a port is served.
#[derive(Clone, Debug)]
pub(crate) struct Until {
    /// Connections are taken. What comes afterwards stays with the socket.
    pub(crate) taken: CancellationToken,
    /// Requests of those that were taken are answered.
    pub(crate) served: CancellationToken,
}

/// Serves a port; at the end answers what is under way. Each connection is one of `tasks`.
pub(crate) async fn serve(
    listener: TcpListener,
    port: Port,
    app: App,
    until: Until,
    tasks: TaskTracker,
) {
    let most = || app.config().http.max_connections;
    let pool = Arc::new(Pool::new(most()));
    let server = Arc::new(Connections::new(port, &app, until.served));
    let mut accept = Accept::new(listener);
    let shed = || {
        app.metrics.connection_cut("descriptors");
        pool.shed() || app.admission.shed()
    };
    while let Some((stream, peer)) = until.taken.run_until_cancelled(accept.next(shed)).await {
        pool.set_most(most());
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
    entry: Entry,
    /// What answers requests in the clear, if it is something else.
    clear: Option<Router>,
    behind_proxies: bool,
    /// What answers by TLS say of later visits.
    hsts: Option<HeaderValue>,
    /// Longest that a header may take, and longest that a connection is kept for another request.
    header: Duration,
    silence: CancellationToken,
    app: App,
}

/// How requests of one connection come.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// Whose connection it is.
    peer: IpAddr,
    /// To which address of ours, unless by a proxy.
    at: Option<IpAddr>,
    is_secure: bool,
}

impl Connections {
    fn new(port: Port, app: &App, silence: CancellationToken) -> Self {
        let Port {
            router,
            security,
            takes_media,
        } = port;
        let http = &app.config().http;
        let header = Duration::from_secs(http.header_timeout_seconds);
        let hsts = security
            .as_ref()
            .map_or(0, |security| security.hsts_seconds);
        let hsts = (hsts > 0).then(|| HeaderValue::try_from(format!("max-age={hsts}")));
        Self {
            router,
            entry: Entry {
                proxies: Proxies::new(http),
                takes_media,
                tls: security
                    .as_ref()
                    .map(|security| TlsAcceptor::from(Arc::clone(&security.tls))),
                patience: header,
                metrics: Arc::clone(&app.metrics),
            },
            behind_proxies: security
                .as_ref()
                .is_some_and(|security| security.behind_proxies),
            clear: security.map(|security| security.clear),
            hsts: hsts.and_then(Result::ok),
            header,
            silence,
            app: Arc::clone(app),
        }
    }

    /// One connection to its end, or until it becomes a WebSocket.
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: IpAddr, visit: Visit) {
        let visit = Arc::new(visit);
        let local = stream.local_addr().ok();
        let opened = tokio::select! {
            opened = self.entry.open(stream, peer) => opened,
            () = visit.sent_away() => None,
            // A browser opens some ahead of its needs: they must not hold the stop up.
            () = self.silence.cancelled() => None,
        };
        let at = |client| local.filter(|_| client == peer).map(|local| local.ip());
        let way = |client, is_secure| Way {
            peer: client,
            at: at(client),
            is_secure,
        };
        match opened {
            None => {}
            Some((Opened::Http(stream), peer)) => {
                self.converse(stream, way(peer, false), visit).await;
            }
            Some((Opened::Media(connection), _)) => self.pass_on(*connection),
            Some((Opened::Https(stream), peer)) => {
                self.converse(stream, way(peer, true), visit).await;
            }
        }
    }

    /// Gives a connection to the media plane, where it is counted from here on.
    fn pass_on(&self, connection: Handover) {
        if self.app.media.media().hand_over(connection).is_err() {
            self.app.metrics.connection_cut("media");
        }
    }

    /// Answers the requests of one connection.
    async fn converse<S>(&self, stream: S, way: Way, visit: Arc<Visit>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request: Request<Incoming>| {
            let busy = visit.busy();
            let answer = self.answer(way, request);
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

    fn answer(
        &self,
        way: Way,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, std::convert::Infallible>> + use<> {
        let mut router = self.router_for(way).clone();
        let client = self.entry.proxies.client(way.peer, request.headers());
        let reached = ReachedAt(way.at.filter(|_| client == way.peer));
        let is_too_large = header_bytes(&request) > MAX_HEADER_BYTES;
        let hsts = self.hsts.clone().filter(|_| way.is_secure);
        async move {
            if is_too_large {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                return Ok(response);
            }
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ClientAddress(client));
            request.extensions_mut().insert(reached);
            let mut answered = router.call(request).await;
            if let (Some(hsts), Ok(response)) = (hsts, &mut answered) {
                let headers = response.headers_mut();
                headers.insert(STRICT_TRANSPORT_SECURITY, hsts);
            }
            answered
        }
    }

    /// What answers requests that come so.
    fn router_for(&self, way: Way) -> &Router {
        let is_good = way.is_secure || (self.behind_proxies && self.entry.proxies.trusts(way.peer));
        match &self.clear {
            Some(clear) if !is_good => clear,
            _ => &self.router,
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
