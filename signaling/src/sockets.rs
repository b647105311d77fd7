//! Listening sockets that outlive this process: a service manager keeps them for the next one
//! (`FDSTORE` of `sd_notify(3)`, `sd_listen_fds(3)`). Whoever comes in between waits for it, instead of
//! being refused.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use tracing::{info, warn};

/// Under which names they are kept: the keys of their addresses.
pub(crate) const KEYS: [&str; 3] = [HTTP, ADMIN, REDIRECT];

/// The public port.
pub(crate) const HTTP: &str = "http.listen";

/// The private port.
pub(crate) const ADMIN: &str = "admin.listen";

/// Where `http://` is led to `https://`.
pub(crate) const REDIRECT: &str = "http.redirect_listen";

/// Sockets of the process before this one, and whether ours are kept for the next.
#[derive(Debug, Default)]
pub struct Sockets {
    inherited: Vec<TcpListener>,
    are_kept: bool,
}

impl Sockets {
    /// What the service manager hands to this process. It is asked to forget them: those that are used
    /// again are given to it anew, and an address that is configured no longer is listened on no longer.
    #[must_use]
    pub fn of_service_manager() -> Self {
        let mut handed = ListenFd::from_env();
        let inherited = (0..handed.len()).filter_map(|number| {
            // What is no such socket is somebody else's.
            handed.take_tcp_listener(number).ok().flatten()
        });
        let inherited = inherited.collect();
        for key in KEYS {
            say(sd_notify::notify(&[
                NotifyState::FdStoreRemove,
                NotifyState::FdName(key),
            ]));
        }
        Self {
            inherited,
            are_kept: std::env::var_os("NOTIFY_SOCKET").is_some(),
        }
    }

    /// Whether a service manager was asked to keep ours.
    pub(crate) const fn are_kept(&self) -> bool {
        self.are_kept
    }

    /// One that listens on this address already.
    ///
    /// # Errors
    /// When it cannot be used.
    pub(crate) fn take(&mut self, address: SocketAddr) -> io::Result<Option<TcpListener>> {
        let at = |socket: &TcpListener| socket.local_addr().is_ok_and(|at| at == address);
        let Some(found) = self.inherited.iter().position(at) else {
            return Ok(None);
        };
        let socket = self.inherited.swap_remove(found);
        socket.set_nonblocking(true)?;
        info!(%address, "goes on with the socket of the process before");
        Ok(Some(socket))
    }

    /// Has the service manager keep one.
    pub(crate) fn keep(&self, key: &'static str, socket: &impl AsFd) {
        if self.are_kept {
            let states = [NotifyState::FdStore, NotifyState::FdName(key)];
            say(sd_notify::notify_with_fds(&states, &[socket.as_fd()]));
        }
    }
}

/// Without it a restart is noticed, and nothing else is amiss.
fn say(told: io::Result<()>) {
    if let Err(cause) = told {
        warn!(%cause, "the service manager cannot be asked to keep listening sockets");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_used_again_where_its_address_is_still_the_one_that_is_configured() {
        let (one, other) = (
            TcpListener::bind("127.0.0.1:0"),
            TcpListener::bind("127.0.0.1:0"),
        );
        let (one, other) = (one.unwrap(), other.unwrap());
        let addresses = [&one, &other].map(|socket| socket.local_addr().unwrap());
        let mut sockets = Sockets {
            inherited: vec![one, other],
            are_kept: false,
        };
        let found = sockets.take(addresses[1]).unwrap().unwrap();
        assert_eq!(found.local_addr().unwrap(), addresses[1]);
        assert!(sockets.take(addresses[1]).unwrap().is_none(), "it is taken");
        assert!(
            sockets
                .take("127.0.0.1:1".parse().unwrap())
                .unwrap()
                .is_none()
        );
        assert!(sockets.take(addresses[0]).unwrap().is_some());
    }
}
