//! The stream of one connection, in the clear or inside TLS.

use std::io::{self, Read as _, Write};

use mio::net::TcpStream;
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustls::ServerConnection;

/// A connection whose TLS handshake is over, if it has one.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) stream: TcpStream,
    tls: Option<Box<ServerConnection>>,
}

/// What is read into, shared by all connections of a thread.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// What came.
    raw: Box<[u8]>,
    /// What was inside, of a connection that has TLS.
    plain: Vec<u8>,
}

/// What came of reading.
#[derive(Debug)]
pub(super) enum Read<'b> {
    /// These bytes; with TLS perhaps none yet.
    Some(&'b [u8]),
    /// Nothing at present.
    Nothing,
    /// It was interrupted.
    Again,
    /// The connection has ended.
    Ended,
}

impl Buffers {
    /// For reading so many bytes at once.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            raw: vec![0; bytes].into_boxed_slice(),
            plain: Vec::new(),
        }
    }
}

impl Wire {
    pub(super) const fn new(stream: TcpStream, tls: Option<Box<ServerConnection>>) -> Self {
        Self { stream, tls }
    }

    pub(super) const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// What TLS has opened and nobody has read.
    pub(super) fn take_opened(&mut self, into: &mut Vec<u8>) {
        if let Some(tls) = &mut self.tls {
            drain(tls, into);
        }
    }

    /// Reads up to so many bytes.
    pub(super) fn read<'b>(&mut self, most: usize, buffers: &'b mut Buffers) -> Read<'b> {
        let Buffers { raw, plain } = buffers;
        let raw = raw.get_mut(..most).unwrap_or_default();
        let read = match self.stream.read(raw) {
            Ok(0) => return Read::Ended,
            Ok(length) => raw.get(..length).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Read::Nothing,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Read::Again,
            Err(_) => return Read::Ended,
        };
        let Some(tls) = &mut self.tls else {
            return Read::Some(read);
        };
        plain.clear();
        match open(tls, read, plain) {
            Ok(()) => Read::Some(plain),
            Err(_) => Read::Ended,
        }
    }

    /// Sends what the system takes. Returns how much of it has left or is kept to leave first; 0 if
    /// nothing can leave now.
    pub(super) fn write(&mut self, bytes: &[u8]) -> usize {
        if self.tls.is_none() {
            return send(&self.stream, bytes).unwrap_or(0);
        }
        if !self.flush() {
            return 0;
        }
        // One record, whatever the system takes of it.
        let tls = self.tls.as_mut();
        let written = tls.and_then(|tls| tls.writer().write(bytes).ok());
        self.flush();
        written.unwrap_or(0)
    }

    /// Sends what is sealed and has not left. Returns whether nothing is left.
    pub(super) fn flush(&mut self) -> bool {
        let Some(tls) = &mut self.tls else {
            return true;
        };
        while tls.wants_write() {
            if !matches!(tls.write_tls(&mut Sender(&self.stream)), Ok(1..)) {
                return false;
            }
        }
        true
    }
}

/// Opens what came.
fn open(tls: &mut ServerConnection, mut raw: &[u8], plain: &mut Vec<u8>) -> io::Result<()> {
    while !raw.is_empty() {
        if tls.read_tls(&mut raw)? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        tls.process_new_packets().map_err(io::Error::other)?;
        drain(tls, plain);
    }
    Ok(())
}

fn drain(tls: &mut ServerConnection, plain: &mut Vec<u8>) {
    // Ends where nothing more was opened, or the other side has said that nothing more comes.
    let _ = tls.reader().read_to_end(plain);
}

/// Each call is a record of its own (MSG_EOR): to one that it has begun, the system adds up to 64 KiB
/// without asking whether [`NOT_SENT`](super::NOT_SENT) is exceeded.
fn send(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match rustix::net::send(stream, bytes, SendFlags::EOR | SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            outcome => return Ok(outcome?),
        }
    }
}

/// What TLS sends by.
struct Sender<'s>(&'s TcpStream);

impl Write for Sender<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        send(self.0, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
