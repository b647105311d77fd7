//! Takes the connections of one port and serves HTTP/1.1 on them, so that slow ones cannot keep
//! quick ones out.
//!
//! A connection is *idle* while no request of it is being answered: it has yet to send its first,
//! is sending a header a byte at a time, or is kept alive for another. When there are as many
//! connections as may be, the one that has been idle longest makes room for a newcomer. A WebSocket
//! is no longer counted here: it has limits of its own.

mod door;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;
use tracing::{debug, warn};

use crate::metrics::Metrics;
use door::{Door, Visit};

/// Most bytes of a request's header. Higher: a slow client makes us hold more.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// How long to wait when the system gives no further connections, for want of file descriptors as a
/// rule. Higher: clients wait longer. Lower: the log fills.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What a listener allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Most connections without a WebSocket at once.
    pub(crate) connections: usize,
    /// Longest that a header may take, and longest that a connection is kept for another request.
    pub(crate) header: Duration,
}

/// Serves `router` until `silence`; then answers what is under way. Each connection is one of `tasks`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    metrics: Arc<Metrics>,
    silence: CancellationToken,
    tasks: TaskTracker,
) {
    let door = Arc::new(Door::new(limits.connections));
    while let Some(stream) = next(&listener, &silence).await {
        let Some(visit) = door.enter() else {
            // Closed without a word: there is no room to speak to it.
            metrics.connection_cut("full");
            continue;
        };
        // State messages are small and wanted at once.
        if let Err(cause) = stream.set_nodelay(true) {
            debug!(%cause, "cannot send small messages at once");
        }
        let connection = connection(
            stream,
            visit,
            router.clone(),
            limits.header,
            Arc::clone(&metrics),
            silence.clone(),
        );
        tasks.spawn(connection);
    }
}

/// The next connection; `None` once nothing more is to be served.
async fn next(listener: &TcpListener, silence: &CancellationToken) -> Option<TcpStream> {
    loop {
        let accepted = silence.run_until_cancelled(listener.accept()).await?;
        match accepted {
            Ok((stream, _)) => return Some(stream),
            Err(cause) => {
                warn!(%cause, "cannot take a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection to its end, or until it becomes a WebSocket.
async fn connection(
    stream: TcpStream,
    visit: Visit,
    router: Router,
    header: Duration,
    metrics: Arc<Metrics>,
    silence: CancellationToken,
) {
    let visit = Arc::new(visit);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let busy = visit.busy();
        let mut router = router.clone();
        async move {
            let answer = router.call(request.map(Body::new)).await;
            drop(busy);
            answer
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(header)
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
                metrics.connection_cut("idle");
                return;
            }
            () = silence.cancelled(), if !is_stopping => {
                is_stopping = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}
