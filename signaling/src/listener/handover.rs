//! Takes a connection out of the runtime, for the media thread whose it is: from then on nothing on
//! the way of media waits for a task.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use sfu::{Handover, Speaks};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ServerConnection;

use super::entry::{Clear, Secured};

/// Most bytes that may stand between a connection and what was looked at: those behind a header of the
/// PROXY protocol that were read with it.
const MOST_BEHIND: usize = 4_096;

/// A connection without TLS.
///
/// # Errors
/// When it is gone.
pub(super) fn in_the_clear(stream: Clear, speaks: Speaks) -> io::Result<Handover> {
    let (mut read, mut proxied) = stream.into_parts();
    let mut behind = [0; MOST_BEHIND];
    let mut behind = ReadBuf::new(&mut behind);
    // What was read with the header comes first, and what the connection has by now is as good.
    if let Poll::Ready(Err(error)) = poll_once(&mut proxied, &mut behind) {
        return Err(error);
    }
    read.extend_from_slice(behind.filled());
    let from = proxied.proxy_header().proxied_address();
    let from = from.map(|from| from.source);
    let stream = proxied.into_inner();
    handover(stream, from, None, (speaks, read))
}

/// TURN inside TLS.
///
/// # Errors
/// When it is gone.
pub(super) fn inside_tls(stream: Secured) -> io::Result<Handover> {
    let (read, stream) = stream.into_parts();
    let (clear, tls) = stream.into_inner();
    // Whatever came in front of the handshake's end was read by the handshake.
    let (_, proxied) = clear.into_parts();
    let from = proxied.proxy_header().proxied_address();
    let from = from.map(|from| from.source);
    let stream = proxied.into_inner();
    handover(stream, from, Some(Box::new(tls)), (Speaks::Turn, read))
}

fn handover(
    stream: TcpStream,
    from: Option<SocketAddr>,
    tls: Option<Box<ServerConnection>>,
    (speaks, read): (Speaks, Vec<u8>),
) -> io::Result<Handover> {
    let stream = stream.into_std()?;
    let remote = from.map_or_else(|| stream.peer_addr(), Ok)?;
    Ok(Handover {
        stream,
        speaks,
        remote,
        tls,
        read,
    })
}

/// Reads what is there at this moment.
fn poll_once(
    stream: &mut (impl AsyncRead + Unpin),
    into: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let mut context = Context::from_waker(Waker::noop());
    Pin::new(stream).poll_read(&mut context, into)
}
