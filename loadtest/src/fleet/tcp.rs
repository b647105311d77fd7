//! ICE-TCP: packets framed by a 16-bit length on one connection (RFC 6544, RFC 4571).

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// Most bytes waiting to be written. What comes when it is full is dropped, as on UDP.
const MAX_UNSENT: usize = 256 * 1_024;
/// Bytes read at once.
const READ_BYTES: usize = 64 * 1_024;

/// One endpoint's connection.
#[derive(Debug)]
pub(super) struct TcpLink {
    stream: TcpStream,
    connected: bool,
    unsent: Vec<u8>,
    unread: Vec<u8>,
}

impl TcpLink {
    pub(super) fn open(to: SocketAddr, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut stream = TcpStream::connect(to)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            connected: false,
            unsent: Vec::new(),
            unread: Vec::new(),
        })
    }

    /// Queues a packet and writes what can be written.
    pub(super) fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        let length = u16::try_from(packet.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        if self.unsent.len() + packet.len() > MAX_UNSENT {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.unsent.extend(length.to_be_bytes());
        self.unsent.extend_from_slice(packet);
        self.flush()
    }

    /// Writes what can be written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.connected {
            self.connected = self.stream.peer_addr().is_ok();
            if !self.connected {
                return Ok(());
            }
            self.stream.set_nodelay(true)?;
        }
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what is there and hands whole packets on.
    pub(super) fn receive(&mut self, mut each: impl FnMut(&mut [u8])) -> io::Result<()> {
        loop {
            let start = self.unread.len();
            self.unread.resize(start + READ_BYTES, 0);
            let room = self.unread.get_mut(start..).unwrap_or_default();
            let result = self.stream.read(room);
            let got = *result.as_ref().unwrap_or(&0);
            self.unread.truncate(start + got);
            take_frames(&mut self.unread, &mut each);
            match result {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Hands on the whole packets at the beginning of `bytes` and keeps the rest.
fn take_frames(bytes: &mut Vec<u8>, each: &mut impl FnMut(&mut [u8])) {
    let mut used = 0;
    while let Some((&mut length, rest)) = bytes
        .get_mut(used..)
        .and_then(<[u8]>::split_first_chunk_mut::<2>)
    {
        let length = usize::from(u16::from_be_bytes(length));
        let Some(packet) = rest.get_mut(..length) else {
            break;
        };
        each(packet);
        used += 2 + length;
    }
    bytes.drain(..used);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_whole_however_the_stream_is_cut() {
        let stream = [0, 3, 1, 2, 3, 0, 0, 0, 1, 9];
        for cut in 0..=stream.len() {
            let mut bytes = Vec::new();
            let mut packets: Vec<Vec<u8>> = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                bytes.extend_from_slice(part);
                take_frames(&mut bytes, &mut |packet| packets.push(packet.to_vec()));
            }
            assert_eq!(packets, [vec![1, 2, 3], vec![], vec![9]], "cut at {cut}");
            assert!(bytes.is_empty());
        }
    }
}
