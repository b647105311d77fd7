//! Looks every few seconds whether this machine has come to other addresses, and has clients that
//! join from then on told those.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::address::{Advertised, advertised, candidates, far, locals};
use crate::command::HostCandidate;
use crate::config::Config;
use crate::desk::Desk;

/// How often it is looked. Higher: an address that has come is told later, and one that is gone is
/// told for longer. Lower: more work, some ten microseconds for each address.
const LOOK: Duration = Duration::from_secs(5);

/// What clients are told at this moment.
#[derive(Debug)]
pub(super) struct Addresses {
    config: Config,
    told: Advertised,
    is_loopback_only: Arc<AtomicBool>,
}

impl Addresses {
    /// As they are now.
    pub(super) fn new(config: &Config) -> Self {
        let told = advertised(config, &locals(), far());
        let addresses = Self {
            config: config.clone(),
            is_loopback_only: Arc::new(AtomicBool::new(told.is_loopback_only)),
            told,
        };
        addresses.log();
        addresses
    }

    /// Where a shard with this port is reached.
    pub(super) fn candidates(&self, port: u16) -> Vec<HostCandidate> {
        candidates(&self.told.addresses, port)
    }

    /// Whether nobody but this machine reaches any of them, now and later.
    pub(super) fn loopback_only(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_loopback_only)
    }

    /// Looks until told to stop. Where the addresses are set there is nothing to look for.
    pub(super) fn watch(
        mut self,
        desk: Desk,
        ports: Vec<u16>,
        stop: Arc<AtomicBool>,
    ) -> std::io::Result<Option<JoinHandle<()>>> {
        if !self.config.advertise.is_empty() || !self.config.bind.is_unspecified() {
            return Ok(None);
        }
        let look = move || {
            while !stop.load(Ordering::Relaxed) {
                std::thread::park_timeout(LOOK);
                let told = advertised(&self.config, &locals(), far());
                if told != self.told {
                    self.told = told;
                    self.is_loopback_only
                        .store(self.told.is_loopback_only, Ordering::Relaxed);
                    self.log();
                    desk.set_candidates(ports.iter().map(|port| self.candidates(*port)).collect());
                }
            }
        };
        let thread = std::thread::Builder::new().name("addresses".to_owned());
        thread.spawn(look).map(Some)
    }

    fn log(&self) {
        let addresses: Vec<_> = self.told.addresses.iter().map(IpAddr::to_string).collect();
        let addresses = addresses.join(", ");
        if self.told.is_loopback_only {
            tracing::warn!(
                addresses,
                "NO CLIENT ON ANOTHER MACHINE CAN HAVE MEDIA: this machine has no address but \
                 loopback; set `media.advertise` to the address that clients reach"
            );
        } else {
            tracing::info!(addresses, "clients are told these addresses for media");
        }
    }
}
