//! `Sfu`: the cloneable end that the signaling plane holds. A desk, and the mailboxes of the shards.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::command::{Command, CommandError, IceCredentials, Joined, Order, PeerPolicy};
use crate::config::Config;
use crate::desk::{Addressee, Desk, Renewal};
use crate::driver::{self, Handover, StartError, Threads};
use crate::events::Events;
use crate::id::{ConferenceId, PeerId, ShardId};
use crate::media::Media;
use crate::stats::Stats;
use crate::turn::Credentials;

/// Commands the media threads. Cheap to clone; they stop when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Sfu {
    desk: Desk,
    threads: Arc<Threads>,
}

impl Sfu {
    /// Starts the media threads.
    ///
    /// # Errors
    /// When a port cannot be bound, or the system refuses randomness or threads.
    pub fn start(settings: &Config) -> Result<(Self, Events), StartError> {
        let (threads, desk, events) = driver::start(settings)?;
        let threads = Arc::new(threads);
        Ok((Self { desk, threads }, events))
    }

    fn pass_on<T>(&self, renewal: Renewal<T>) -> Result<T, CommandError> {
        self.threads.try_send(renewal.shard, renewal.order)?;
        Ok(renewal.answer)
    }
}

impl Media for Sfu {
    fn join(
        &self,
        conference: ConferenceId,
        offer: &str,
        policy: &PeerPolicy,
    ) -> Result<Joined, CommandError> {
        let arrival = self.desk.join(conference, offer, policy)?;
        let shard = arrival.shard();
        arrival.queue(|order| self.threads.try_send(shard, order))
    }

    fn restart_ice(&self, peer: PeerId, offer: &str) -> Result<String, CommandError> {
        self.pass_on(self.desk.restart_ice(peer, offer)?)
    }

    fn renew_ice(
        &self,
        peer: PeerId,
        their_ice: IceCredentials,
    ) -> Result<IceCredentials, CommandError> {
        self.pass_on(self.desk.renew_ice(peer, their_ice)?)
    }

    fn command(&self, command: Command) {
        match self.desk.address(&command) {
            Addressee::One(shard) => self.threads.send(shard, Order::Command(command)),
            Addressee::All => {
                for shard in self.threads.shards() {
                    self.threads.send(shard, Order::Command(command.clone()));
                }
            }
        }
    }

    fn open(&self, public: SocketAddr) {
        self.threads.open(public);
    }

    fn hand_over(&self, connection: Handover) -> Result<(), CommandError> {
        self.threads.hand_over(connection)
    }

    fn turn_credentials(&self, id: &str, life: Duration) -> Option<Credentials> {
        Some(self.threads.credentials(id, life))
    }

    fn knows(&self, peer: PeerId) -> bool {
        self.desk.knows(peer)
    }

    fn peers(&self) -> usize {
        self.desk.peers()
    }

    fn stats(&self) -> Stats {
        Stats {
            // What is counted is what the limit counts, however far the shards have come with it.
            peers: self.desk.peers() as u64,
            ..self.threads.stats()
        }
    }

    fn stalled(&self) -> Vec<ShardId> {
        self.threads.stalled()
    }

    fn is_loopback_only(&self) -> bool {
        self.threads.is_loopback_only()
    }

    fn set_max_peers(&self, most: u32) {
        self.desk.set_max_peers(most as usize);
    }

    fn set_advertised(&self, addresses: Vec<IpAddr>) {
        self.threads.set_advertised(addresses);
    }

    fn shutdown(&self) {
        self.threads.join();
    }
}
