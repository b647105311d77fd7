//! Orders of the operator to a running server, over a socket in the data directory: whoever may read
//! that directory may give them.
//!
//! One order a connection, one connection after the other: a word and a line feed; the answer is one
//! line of JSON. The only order is `reload`.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::reload::{Outcome, Reloader};

/// The order to read the settings again.
const RELOAD: &[u8] = b"reload\n";

/// Longest that a connection may take with its order. Higher: one that says nothing keeps others waiting
/// for longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Longest that an answer is awaited.
const ANSWER: Duration = Duration::from_secs(30);

/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 1024 * 1024;

/// Takes orders until it is dropped, which removes the socket.
#[derive(Debug)]
pub(crate) struct Orders {
    socket: PathBuf,
    _task: AbortOnDropHandle<()>,
}

impl Drop for Orders {
    fn drop(&mut self) {
        // The next server removes what is left.
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Takes orders at this socket. Without one (its path may be too long) the server runs all the same, and
/// signals reach it.
pub(crate) fn serve(socket: PathBuf, reloader: Arc<Reloader>) -> Option<Orders> {
    match bind(&socket) {
        Ok(listener) => {
            let task = tokio::spawn(listen(listener, reloader));
            Some(Orders {
                socket,
                _task: AbortOnDropHandle::new(task),
            })
        }
        Err(cause) => {
            warn!(socket = %socket.display(), %cause, "`dinh reload` cannot reach this server: use SIGHUP");
            None
        }
    }
}

/// One that a crash has left is in the way: whoever serves the directory is alone there.
fn bind(socket: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn listen(listener: UnixListener, reloader: Arc<Reloader>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Whoever leaves before the answer does not want it.
                let _ = answer(stream, &reloader).await;
            }
            // For want of descriptors.
            Err(_) => tokio::time::sleep(PATIENCE).await,
        }
    }
}

async fn answer(mut stream: UnixStream, reloader: &Reloader) -> io::Result<()> {
    let mut order = [0; RELOAD.len()];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut order)).await??;
    if order != RELOAD {
        return Ok(());
    }
    let outcome = reloader.reload("dinh reload").await;
    let mut line = serde_json::to_vec(&outcome)?;
    line.push(b'\n');
    tokio::time::timeout(PATIENCE, stream.write_all(&line)).await?
}

/// Has the server at this socket read its settings again.
///
/// # Errors
/// When it cannot be reached, or does not answer.
pub(crate) async fn ask(socket: &Path) -> anyhow::Result<Outcome> {
    let context = || format!("cannot reach the server at {}", socket.display());
    let mut stream = UnixStream::connect(socket).await.with_context(context)?;
    stream.write_all(RELOAD).await.with_context(context)?;
    let mut line = String::new();
    let mut answer = stream.take(MAX_ANSWER);
    tokio::time::timeout(ANSWER, answer.read_to_string(&mut line))
        .await
        .context("the server does not answer: its log says what came of it")?
        .with_context(context)?;
    serde_json::from_str(&line).context("the server's answer is not one of this version")
}
