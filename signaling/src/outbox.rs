//! The queue towards one connection, and the word that ends it.

use std::sync::{Arc, OnceLock};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::protocol::endings::ComeBack;
use crate::protocol::{CloseReason, ServerMessage};
use crate::retry;

/// A message as it goes over the wire, shared by everybody who gets it.
pub type Frame = Utf8Bytes;

/// Serialises a message, once for however many receive it.
///
/// # Panics
/// Never: the keys of protocol messages are strings.
#[must_use]
pub fn encode(message: &ServerMessage) -> Frame {
    serde_json::to_string(message)
        .expect("protocol messages have string keys only")
        .into()
}

/// Why a connection is to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// The client said goodbye.
    Goodbye,
    /// The server has a reason.
    Closing {
        /// Which.
        reason: CloseReason,
        /// When to come back, if at all.
        retry_after_seconds: Option<u32>,
    },
}

impl Ending {
    /// For this reason; whether and when to come back as the table of endings says. When the server
    /// has too much to do, or failed, it is another time for each: a crowd must not return as one.
    #[must_use]
    pub fn because(reason: CloseReason) -> Self {
        let retry_after_seconds = match (reason, reason.come_back()) {
            (_, ComeBack::Never) => None,
            (_, ComeBack::Join) => Some(0),
            (CloseReason::Overloaded | CloseReason::Internal, ComeBack::After(_)) => {
                Some(retry::spread_retry())
            }
            (_, ComeBack::After(seconds)) => Some(seconds),
        };
        Self::Closing {
            reason,
            retry_after_seconds,
        }
    }

    /// When to come back, if at all.
    #[must_use]
    pub const fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Goodbye => None,
            Self::Closing {
                retry_after_seconds,
                ..
            } => *retry_after_seconds,
        }
    }
}

/// The sending end. Everybody who may write to a connection has a clone.
///
/// When its queue is full the connection is closed as too slow: what it missed cannot be told, and
/// waiting for it would make everybody wait.
#[derive(Clone, Debug)]
pub struct Outbox {
    frames: mpsc::Sender<Frame>,
    probe: Arc<Notify>,
    end: End,
}

/// The receiving end, held by the connection.
#[derive(Debug)]
pub struct OutboxReader {
    frames: mpsc::Receiver<Frame>,
    probe: Arc<Notify>,
    end: End,
}

/// The word that ends a connection, apart from its queue.
#[derive(Clone, Debug)]
pub struct End {
    ended: CancellationToken,
    ending: Arc<OnceLock<Ending>>,
}

/// An outbox with room for `capacity` messages.
#[must_use]
pub fn outbox(capacity: usize) -> (Outbox, OutboxReader) {
    let (sender, receiver) = mpsc::channel(capacity);
    let probe = Arc::new(Notify::new());
    let end = End {
        ended: CancellationToken::new(),
        ending: Arc::default(),
    };
    (
        Outbox {
            frames: sender,
            probe: Arc::clone(&probe),
            end: end.clone(),
        },
        OutboxReader {
            frames: receiver,
            probe,
            end,
        },
    )
}

impl Outbox {
    /// Queues a frame; a full queue ends the connection.
    pub fn push(&self, frame: Frame) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.frames.try_send(frame) {
            self.end(Ending::because(CloseReason::TooSlow));
        }
    }

    /// Queues a message for this connection alone.
    pub fn send(&self, message: &ServerMessage) {
        self.push(encode(message));
    }

    /// Asks for a sign of life. Once is enough, however often it is asked.
    pub fn probe(&self) {
        self.probe.notify_one();
    }

    /// Ends the connection; the first reason stands.
    pub fn end(&self, ending: Ending) {
        let _ = self.end.ending.set(ending);
        self.end.ended.cancel();
    }

    /// Whether both are ends of the same queue.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.end.ending, &other.end.ending)
    }
}

impl OutboxReader {
    /// The next frame. Cancel safe.
    pub async fn next(&mut self) -> Option<Frame> {
        self.frames.recv().await
    }

    /// A frame that is already there.
    pub fn try_next(&mut self) -> Option<Frame> {
        self.frames.try_recv().ok()
    }

    /// Tells when somebody wants a sign of life.
    #[must_use]
    pub fn probes(&self) -> Arc<Notify> {
        Arc::clone(&self.probe)
    }

    /// The word that ends the connection.
    #[must_use]
    pub fn end(&self) -> End {
        self.end.clone()
    }
}

impl End {
    /// Waits until the connection is to end. Cancel safe.
    pub async fn wait(&self) -> Ending {
        self.ended.cancelled().await;
        self.ending.get().copied().unwrap_or(Ending::Goodbye)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_outbox_ends_the_connection_as_too_slow() {
        let (outbox, mut reader) = outbox(1);
        outbox.send(&ServerMessage::Pong {});
        assert!(!outbox.end.ended.is_cancelled());
        outbox.send(&ServerMessage::Pong {});
        assert_eq!(
            reader.end().wait().await,
            Ending::because(CloseReason::TooSlow)
        );
        assert_eq!(reader.try_next().as_deref(), Some("{\"type\":\"pong\"}"));
    }

    #[tokio::test]
    async fn the_first_reason_to_end_stands() {
        let (outbox, reader) = outbox(1);
        outbox.end(Ending::because(CloseReason::Replaced));
        outbox.end(Ending::because(CloseReason::TooSlow));
        assert_eq!(
            reader.end().wait().await,
            Ending::because(CloseReason::Replaced)
        );
    }
}
