//! `Sfu`: the cloneable end that the signaling plane holds.

use tokio::sync::mpsc;

use crate::command::{CommandError, Event, IceCredentials, Joined, PeerPolicy};
use crate::config::Config;
use crate::id::{ConferenceId, Feed, PeerId, PublicationId, SlotId};

/// Commands the media threads. Cheap to clone; every method returns at once.
#[derive(Clone, Debug)]
pub struct Sfu {
    _private: (),
}

/// Room for events towards signaling. When it is full the shard keeps its events and tries again
/// in its next turn: media never waits.
pub const EVENT_QUEUE: usize = 4_096;

/// Why the media plane cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be bound.
    #[error("cannot bind media port {port}: {source}")]
    Bind {
        /// The port.
        port: u16,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl Sfu {
    /// Starts the media threads.
    ///
    /// # Errors
    /// When a port cannot be bound.
    pub fn start(_config: &Config) -> Result<(Self, mpsc::Receiver<Event>), StartError> {
        let (_tx, rx) = mpsc::channel(EVENT_QUEUE);
        Ok((Self { _private: () }, rx))
    }

    /// Answers an offer and creates the peer.
    ///
    /// # Errors
    /// When the offer cannot be answered or the media plane is full.
    pub fn join(
        &self,
        _conference: ConferenceId,
        _offer: &str,
        _policy: &PeerPolicy,
    ) -> Result<Joined, CommandError> {
        Err(CommandError::Stopped)
    }

    /// Answers a further offer of the same peer that differs in its ICE credentials only.
    ///
    /// # Errors
    /// When the peer is gone or the offer is another one.
    pub fn restart_ice(&self, _peer: PeerId, _offer: &str) -> Result<String, CommandError> {
        Err(CommandError::Stopped)
    }

    /// New ICE credentials for a peer, for WHIP's and WHEP's `PATCH` (RFC 9725 §4.3.3).
    ///
    /// # Errors
    /// When the peer is gone.
    pub fn renew_ice(&self, _peer: PeerId) -> Result<IceCredentials, CommandError> {
        Err(CommandError::Stopped)
    }

    /// Closes a peer.
    pub fn leave(&self, _peer: PeerId) {}

    /// Sets what a place of the stage shows, for all slots at once.
    pub fn show(&self, _conference: ConferenceId, _stage: u8, _what: Option<PublicationId>) {}

    /// Sets who may be heard, the most important first.
    pub fn set_speakers(&self, _conference: ConferenceId, _who: &[PublicationId]) {}

    /// Points one video slot at another feed.
    pub fn watch(&self, _slot: SlotId, _feed: Option<Feed>) {}

    /// Refuses or accepts again the media of a publication.
    pub fn block(&self, _publication: PublicationId, _blocked: bool) {}

    /// Closes all peers of a conference.
    pub fn end_conference(&self, _conference: ConferenceId) {}
}
