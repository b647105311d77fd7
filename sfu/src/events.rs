//! What the media plane reports, each with the conference that it concerns.

use tokio::sync::mpsc;

use crate::command::Event;
use crate::desk::Desk;
use crate::id::ConferenceId;

/// Room for events towards signaling. When it is full the shard keeps its events and tries again
/// in its next turn: media never waits.
pub const EVENT_QUEUE: usize = 4_096;

/// The receiving end. Nobody gets to read an event that the desk has not seen.
#[derive(Debug)]
pub struct Events {
    source: Source,
}

#[derive(Debug)]
enum Source {
    Shards(mpsc::Receiver<Event>, Desk),
    Told(mpsc::Receiver<(ConferenceId, Event)>),
}

impl Events {
    pub(crate) const fn new(shards: mpsc::Receiver<Event>, desk: Desk) -> Self {
        Self {
            source: Source::Shards(shards, desk),
        }
    }

    /// The next event; `None` when the media plane has stopped. Cancel safe.
    pub async fn recv(&mut self) -> Option<(ConferenceId, Event)> {
        match &mut self.source {
            Source::Told(events) => events.recv().await,
            Source::Shards(events, desk) => loop {
                let event = events.recv().await?;
                if let Some(conference) = desk.observe(&event) {
                    return Some((conference, event));
                }
            },
        }
    }
}

/// For a media plane that is none of ours, as in tests: it knows its peers itself.
impl From<mpsc::Receiver<(ConferenceId, Event)>> for Events {
    fn from(events: mpsc::Receiver<(ConferenceId, Event)>) -> Self {
        Self {
            source: Source::Told(events),
        }
    }
}
