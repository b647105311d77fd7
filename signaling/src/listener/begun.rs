//! A connection whose first bytes have been looked at, and are given to whoever reads it next.
//!
//! Not `MSG_PEEK`: behind a header of the PROXY protocol and inside TLS there is no socket to peek
//! at, and a socket whose second byte is awaited would be peeked at over and over.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::opening::{MOST_BYTES, Opening, classify};

/// See the module.
#[derive(Debug)]
pub(super) struct Begun<S> {
    first: Vec<u8>,
    /// How many of them have been given back.
    given: usize,
    stream: S,
}

impl<S: AsyncRead + Unpin> Begun<S> {
    /// Reads until it is known what the connection speaks.
    ///
    /// # Errors
    /// When it fails, or ends before.
    pub(super) async fn read(mut stream: S) -> io::Result<(Opening, Self)> {
        let mut first = Vec::with_capacity(MOST_BYTES);
        let opening = loop {
            if let Some(opening) = classify(&first) {
                break opening;
            }
            let room = MOST_BYTES.saturating_sub(first.len()) as u64;
            if (&mut stream).take(room).read_buf(&mut first).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let begun = Self {
            first,
            given: 0,
            stream,
        };
        Ok((opening, begun))
    }
}

impl<S> Begun<S> {
    /// What was looked at and not given back, and the stream behind it.
    pub(super) fn into_parts(mut self) -> (Vec<u8>, S) {
        self.first.drain(..self.given.min(self.first.len()));
        (self.first, self.stream)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.first.get(self.given..).unwrap_or_default();
        if left.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, into);
        }
        let (given, _) = left.split_at(left.len().min(into.remaining()));
        into.put_slice(given);
        self.given += given.len();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_reads_next_misses_nothing_however_the_bytes_arrive() {
        let (mut client, server) = tokio::io::duplex(64);
        let sending = async {
            for byte in [0x16, 0x03, 0x01] {
                client.write_u8(byte).await.unwrap();
                tokio::task::yield_now().await;
            }
            client.write_all(&[7; 100]).await.unwrap();
            drop(client);
        };
        let receiving = async {
            let (opening, mut begun) = Begun::read(server).await.unwrap();
            let mut all = Vec::new();
            begun.read_to_end(&mut all).await.unwrap();
            (opening, all)
        };
        let ((), (opening, all)) = tokio::join!(sending, receiving);
        assert_eq!(opening, Opening::Tls);
        assert_eq!(all, [&[0x16, 0x03, 0x01][..], &[7; 100]].concat());
    }

    #[tokio::test]
    async fn one_that_ends_before_it_has_said_what_it_is_is_none() {
        let (mut client, server) = tokio::io::duplex(64);
        client.write_all(&[0x16]).await.unwrap();
        drop(client);
        let ended = Begun::read(server).await.unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::UnexpectedEof);
    }
}
