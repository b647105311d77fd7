//! What whoever commands a media plane may ask of it.
//!
//! A trait, so that a whole server runs in a test without a media thread.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::command::{Command, CommandError, IceCredentials, Joined, PeerPolicy};
use crate::driver::Handover;
use crate::id::{ConferenceId, PeerId, ShardId};
use crate::stats::Stats;
use crate::turn::Credentials;

/// A media plane. Every method but [`shutdown`](Self::shutdown) returns at once.
pub trait Media: fmt::Debug + Send + Sync + 'static {
    /// Answers an offer and makes the peer.
    ///
    /// Its place is free again as soon as it has closed by itself, was removed by
    /// [`Command::RemovePeer`], or its conference has ended.
    ///
    /// # Errors
    /// When the offer cannot be answered or the media plane is full.
    fn join(
        &self,
        conference: ConferenceId,
        offer: &str,
        policy: &PeerPolicy,
    ) -> Result<Joined, CommandError>;

    /// Answers a further offer of the same peer that differs in its ICE credentials only.
    ///
    /// # Errors
    /// When the peer is gone or the offer is another one.
    fn restart_ice(&self, peer: PeerId, offer: &str) -> Result<String, CommandError>;

    /// New ICE credentials for a peer, for WHIP's and WHEP's `PATCH` (RFC 9725 §4.3.3).
    ///
    /// # Errors
    /// When the peer is gone.
    fn renew_ice(
        &self,
        peer: PeerId,
        their_ice: IceCredentials,
    ) -> Result<IceCredentials, CommandError>;

    /// Has something done. For what is gone already nothing is.
    fn command(&self, command: Command);

    /// Clients that join from now on are told that ICE-TCP is taken at this address too: connections of
    /// theirs that are accepted there are handed over.
    fn open(&self, public: SocketAddr);

    /// Takes a connection on which media is to come and that somebody else has accepted.
    ///
    /// # Errors
    /// When there is no room for it; then it is closed.
    fn hand_over(&self, connection: Handover) -> Result<(), CommandError>;

    /// Credentials for the TURN server, good for so long. `None` if there is none.
    fn turn_credentials(&self, id: &str, life: Duration) -> Option<Credentials>;

    /// Whether there is such a peer, connected or not yet. If there is, its end is still to be
    /// reported.
    fn knows(&self, peer: PeerId) -> bool;

    /// How many peers there are, connected or not yet: what the limit counts.
    fn peers(&self) -> usize;

    /// What was counted so far; up to half a second old.
    fn stats(&self) -> Stats;

    /// The media threads that do not turn: ended, or at one turn for seconds. None, if all is well.
    fn stalled(&self) -> Vec<ShardId>;

    /// Whether clients are told no address but loopback, and nobody has said that they should: then
    /// none on another machine can have media.
    fn is_loopback_only(&self) -> bool;

    /// From now on takes at most so many peers; those that are here stay.
    fn set_max_peers(&self, most: u32);

    /// From now on clients that join are told these addresses; with none, those of this machine.
    fn set_advertised(&self, addresses: Vec<IpAddr>);

    /// Stops for good; returns when the media threads have.
    fn shutdown(&self);
}
