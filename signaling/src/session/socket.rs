//! The WebSocket itself: frames in and out, never waiting for ever on a client that does not read.

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt as _;

use crate::outbox::{End, Frame, OutboxReader};
use crate::protocol::MAX_FRAME_BYTES;

/// Largest message that is read at all. One that is over the limit of the protocol is told so;
/// beyond this the connection is cut. Higher: a hostile client makes us hold more.
const MAX_READ_BYTES: usize = 2 * MAX_FRAME_BYTES;

/// Memory that a connection holds for reading from its start. It grows to a large offer by itself.
/// Higher: fewer reads of one. Lower: less memory per site.
const READ_BUFFER_BYTES: usize = 512;

/// So much is gathered before it is written. Higher: fewer writes of a long list. Lower: less
/// memory, and less at a time.
const WRITE_BUFFER_BYTES: usize = 4 * 1024;

/// Most frames that are written with one flush.
const FRAMES_AT_ONCE: usize = 32;

/// Most frames that are read while the other side is to say goodbye. Higher: one that was in the
/// midst of sending much still learns why. Lower: one that sends without end costs less.
const FRAMES_AT_THE_END: usize = 256;

/// Sets the limits of a WebSocket to be.
pub(super) fn configure(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .max_message_size(MAX_READ_BYTES)
        .max_frame_size(MAX_READ_BYTES)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
}

/// What came in.
pub(super) enum Received {
    /// A message.
    Text(Utf8Bytes),
    /// A ping or pong: somebody is there.
    Alive,
    /// Something the protocol does not have.
    Binary,
    /// The client closes, and waits for our answer to it (RFC 6455 §5.5.1).
    Close,
    /// Nothing will come any more.
    End,
}

/// One WebSocket.
pub(super) struct Socket(WebSocket);

impl Socket {
    pub(super) const fn new(socket: WebSocket) -> Self {
        Self(socket)
    }

    /// The next frame. Cancel safe.
    pub(super) async fn receive(&mut self) -> Received {
        match self.0.recv().await {
            Some(Ok(Message::Text(text))) => Received::Text(text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Received::Alive,
            Some(Ok(Message::Binary(_))) => Received::Binary,
            Some(Ok(Message::Close(_))) => Received::Close,
            Some(Err(_)) | None => Received::End,
        }
    }

    /// Writes a frame and what waits behind it. Gives up when the connection is to end: whoever
    /// reads nothing would keep us here. False if the connection is broken.
    pub(super) async fn write(
        &mut self,
        first: Frame,
        reader: &mut OutboxReader,
        end: &End,
    ) -> bool {
        let mut frames = vec![first];
        while frames.len() < FRAMES_AT_ONCE
            && let Some(frame) = reader.try_next()
        {
            frames.push(frame);
        }
        let writing = async {
            for frame in frames {
                self.0.feed(Message::Text(frame)).await?;
            }
            self.0.flush().await
        };
        tokio::select! {
            written = writing => written.is_ok(),
            _ = end.wait() => true,
        }
    }

    /// Asks whether somebody is there. False if the connection is broken.
    pub(super) async fn ping(&mut self, end: &End) -> bool {
        tokio::select! {
            sent = self.0.send(Message::Ping(axum::body::Bytes::new())) => sent.is_ok(),
            _ = end.wait() => true,
        }
    }

    /// Writes a frame however long it takes.
    pub(super) async fn write_all(&mut self, frame: Frame) -> bool {
        self.0.send(Message::Text(frame)).await.is_ok()
    }

    /// Answers the client's close, which reading it has queued, and waits until it is gone.
    pub(super) async fn answer_close(mut self) {
        if self.0.flush().await.is_ok() {
            while let Some(Ok(_)) = self.0.recv().await {}
        }
    }

    /// Says goodbye and waits until the other side has.
    pub(super) async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        };
        if self.0.send(Message::Close(Some(frame))).await.is_ok() {
            for _ in 0..FRAMES_AT_THE_END {
                let Some(Ok(_)) = self.0.recv().await else {
                    return;
                };
            }
        }
    }
}
