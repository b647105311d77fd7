//! Programs that are told what happens: by a request to an address of theirs, signed, one after the other.
//!
//! What a program is to be told is a stretch of the journal, and nothing is kept beside that: however long
//! it is away, the queue is as long as a row. It is told again until it says that it has understood; after
//! a day the delivery is dead, which somebody may have sent again, and the next one is tried. It may be
//! told the same twice, and sees that by the number.

mod attempt;
mod batch;
mod courier;
mod dispatch;
mod reach;
mod target;

use tokio::sync::watch;

pub use target::{Target, TargetError};

pub(crate) use dispatch::run;

/// Wakes those who tell webhooks. Cheap to ask.
#[derive(Debug)]
pub struct Webhooks(watch::Sender<()>);

impl Default for Webhooks {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Webhooks {
    /// A webhook, or what it is to be told, was changed by somebody.
    pub fn wake(&self) {
        self.0.send_replace(());
    }

    fn subscribe(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}
