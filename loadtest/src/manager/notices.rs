//! What a service says to its manager (`sd_notify(3)`), and the sockets that it hands over to be kept.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

/// Most sockets that are kept; further ones are closed. As in `packaging/systemd/dinh.service`.
const MOST_KEPT: usize = 8;

/// Most descriptors in one message.
const AT_ONCE: usize = 4;

/// The hearing end.
#[derive(Debug)]
pub(super) struct Notices {
    socket: UnixDatagram,
    path: PathBuf,
    kept: Vec<(String, OwnedFd)>,
}

impl Notices {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self {
            socket: UnixDatagram::bind(&path)?,
            path,
            kept: Vec::new(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is kept, by the names that the service gave.
    pub(super) fn kept(&self) -> impl Iterator<Item = (&str, &OwnedFd)> {
        self.kept.iter().map(|(name, socket)| (&**name, socket))
    }

    /// Takes the next message, if one comes in time; whether it says that the service is ready.
    pub(super) fn hear(&mut self, patience: Duration, keeps: bool) -> bool {
        // A socket that cannot be read says nothing.
        let Ok(Some((text, sockets))) = self.receive(patience) else {
            return false;
        };
        let has = |wanted: &str| text.lines().any(|line| line == wanted);
        let name = text.lines().find_map(|line| line.strip_prefix("FDNAME="));
        let name = name.unwrap_or("stored").to_owned();
        if has("FDSTOREREMOVE=1") {
            self.kept.retain(|(kept, _)| *kept != name);
        }
        if keeps && has("FDSTORE=1") {
            let room = MOST_KEPT.saturating_sub(self.kept.len());
            let named = sockets.into_iter().map(|socket| (name.clone(), socket));
            self.kept.extend(named.take(room));
        }
        has("READY=1")
    }

    fn receive(&self, patience: Duration) -> io::Result<Option<(String, Vec<OwnedFd>)>> {
        self.socket.set_read_timeout(Some(patience))?;
        let mut buffer = [0; 4_096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let into = &mut [IoSliceMut::new(&mut buffer)];
        let received = match recvmsg(&self.socket, into, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => received,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut sockets = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                sockets.extend(received);
            }
        }
        let text = buffer.get(..received.bytes).unwrap_or_default();
        Ok(Some((String::from_utf8_lossy(text).into_owned(), sockets)))
    }
}
