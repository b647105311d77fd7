//! Takes connections from the system, also when it has no descriptors left to give.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;
use tracing::warn;

/// How many connections the system keeps that have not been taken yet. It may keep fewer
/// (`net.core.somaxconn`). Lower: a country that joins within a second waits for SYNs to be repeated.
const BACKLOG: u32 = 4_096;

/// How long to wait when the system gives no further connections. Higher: clients wait longer.
/// Lower: more is tried in vain.
const PAUSE: Duration = Duration::from_millis(200);

/// How long until a connection that was told to end has given its descriptor back.
const ENDING: Duration = Duration::from_millis(2);

/// How often that is written into the log.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Binds a port.
///
/// # Errors
/// When the system refuses.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server that restarts gets its port back at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The taking end of a listener.
pub(super) struct Accept {
    listener: TcpListener,
    /// A descriptor to give up when there is no other, so that at least one connection is served:
    /// whoever asks how we are should be answered.
    spare: Option<std::fs::File>,
    said_at: Option<Instant>,
    /// Failures since then.
    unsaid: u64,
}

impl Accept {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            spare: spare(),
            said_at: None,
            unsaid: 0,
        }
    }

    /// The next connection. When there are no descriptors, `shed` is asked to end something that
    /// holds one, and says whether there was something. Cancel safe.
    pub(super) async fn next(&mut self, shed: impl Fn() -> bool) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => {
                    if self.spare.is_none() {
                        self.spare = spare();
                    }
                    return accepted;
                }
                // The system says so before it looks whether anybody waits: nobody is to be sent away
                // for nobody.
                Err(_) if !self.somebody_waits() => tokio::time::sleep(PAUSE).await,
                Err(cause) => {
                    self.complain(Instant::now(), &cause);
                    let pause = if shed() { ENDING } else { PAUSE };
                    if self.spare.take().is_none() {
                        tokio::time::sleep(pause).await;
                    }
                }
            }
        }
    }

    /// Whether a connection waits to be taken, as far as the system tells.
    fn somebody_waits(&self) -> bool {
        let mut listener = [PollFd::new(&self.listener, PollFlags::IN)];
        poll(&mut listener, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// One line for however many failures.
    fn complain(&mut self, now: Instant, cause: &io::Error) {
        self.unsaid += 1;
        let since = self.said_at.map(|at| now.saturating_duration_since(at));
        if since.is_none_or(|since| since >= SAY_EVERY) {
            let failures = std::mem::take(&mut self.unsaid);
            warn!(%cause, failures, "cannot take a connection");
            self.said_at = Some(now);
        }
    }
}

fn spare() -> Option<std::fs::File> {
    std::fs::File::open("/dev/null").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_crowd_that_comes_at_once_need_not_knock_twice() {
        // Nobody takes them: the system keeps them all, and a further SYN would be dropped.
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let crowd: Vec<_> = (0..600)
            .map(|_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(900)))
            .collect();
        assert!(crowd.iter().all(Result::is_ok), "a SYN was dropped");
    }
}
