//! Ending a connection on purpose: what is queued, why and when to come back, then the close frame.

use std::time::Duration;

use super::socket::Socket;
use crate::metrics::Metrics;
use crate::outbox::{Ending, OutboxReader, encode};
use crate::protocol::{CloseReason, ServerMessage};

/// How long a client may take to hear why. Higher: a slow one still learns it. Lower: a stop is
/// quicker, and a dead connection is held for less.
const GRACE: Duration = Duration::from_secs(2);

/// The same when the server stops: everybody waits for the next one. What was written is on its way
/// also when nobody has confirmed it.
const GRACE_AT_THE_END: Duration = Duration::from_millis(500);

/// Normal closure (RFC 6455 §7.4.1).
const NORMAL: u16 = 1000;

/// Lets a client go that has closed by itself.
pub(super) async fn answer(socket: Socket) {
    // One that waits for nothing is cut off.
    let _ = tokio::time::timeout(GRACE, socket.answer_close()).await;
}

/// Closes a connection.
pub(super) async fn close(
    mut socket: Socket,
    reader: &mut OutboxReader,
    ending: Ending,
    metrics: &Metrics,
) {
    let goodbye = async {
        while let Some(frame) = reader.try_next() {
            if !socket.write_all(frame).await {
                return;
            }
        }
        match ending {
            Ending::Goodbye => socket.close(NORMAL, "goodbye").await,
            Ending::Closing {
                reason,
                retry_after_seconds,
            } => {
                let message = ServerMessage::Closing {
                    reason,
                    retry_after_seconds,
                };
                if socket.write_all(encode(&message)).await {
                    socket.close(reason.code(), reason.as_str()).await;
                }
            }
        }
    };
    let grace = match ending {
        Ending::Closing {
            reason: CloseReason::Restarting,
            ..
        } => GRACE_AT_THE_END,
        Ending::Closing { .. } | Ending::Goodbye => GRACE,
    };
    if let Ending::Closing { reason, .. } = ending {
        metrics.closed(reason);
    }
    // A client that does not listen is cut off.
    let _ = tokio::time::timeout(grace, goodbye).await;
}
