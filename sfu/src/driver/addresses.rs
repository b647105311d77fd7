//! Looks every few seconds whether this machine has come to other addresses, and has clients that
//! join from then on told those.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::address::{Advertised, advertised, candidates, far, locals};
use crate::command::HostCandidate;
use crate::config::Config;
use crate::desk::Desk;

/// How often it is looked. Higher: an address that has come is told later, and one that is gone is
/// told for longer. Lower: more work, some ten microseconds for each address.
const LOOK: Duration = Duration::from_secs(5);

/// What clients are told at this moment. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    told: Mutex<Told>,
    is_loopback_only: AtomicBool,
}

#[derive(Debug)]
struct Told {
    config: Config,
    told: Advertised,
}

impl Told {
    fn now(config: &Config) -> Advertised {
        let is_set = !config.advertise.is_empty() || !config.bind.is_unspecified();
        // Where the addresses are set there is nothing to look for.
        let (locals, far) = if is_set {
            (Vec::new(), None)
        } else {
            (locals(), far())
        };
        advertised(config, &locals, far)
    }
}

impl Addresses {
    /// As they are now.
    pub(super) fn new(config: &Config) -> Self {
        let told = Told::now(config);
        told.log();
        let inner = Inner {
            is_loopback_only: AtomicBool::new(told.is_loopback_only),
            told: Mutex::new(Told {
                config: config.clone(),
                told,
            }),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Where a shard with this port is reached.
    pub(super) fn candidates(&self, port: u16) -> Vec<HostCandidate> {
        candidates(&self.told().told.addresses, port)
    }

    /// Whether nobody but this machine reaches any of them.
    pub(super) fn is_loopback_only(&self) -> bool {
        self.inner.is_loopback_only.load(Ordering::Relaxed)
    }

    /// From now on these, or those of this machine if there are none.
    pub(super) fn set(&self, advertise: Vec<IpAddr>, desk: &Desk, ports: &[u16]) {
        self.told().config.advertise = advertise;
        self.look(desk, ports);
    }

    /// Looks until told to stop.
    pub(super) fn watch(
        &self,
        desk: Desk,
        ports: Vec<u16>,
        stop: Arc<AtomicBool>,
    ) -> std::io::Result<JoinHandle<()>> {
        let addresses = self.clone();
        let look = move || {
            while !stop.load(Ordering::Relaxed) {
                std::thread::park_timeout(LOOK);
                addresses.look(&desk, &ports);
            }
        };
        let thread = std::thread::Builder::new().name("addresses".to_owned());
        thread.spawn(look)
    }

    /// Has clients that join told what is so now.
    fn look(&self, desk: &Desk, ports: &[u16]) {
        let mut told = self.told();
        let now = Told::now(&told.config);
        if now == told.told {
            return;
        }
        now.log();
        self.inner
            .is_loopback_only
            .store(now.is_loopback_only, Ordering::Relaxed);
        let of = |port: &u16| candidates(&now.addresses, *port);
        // Before the lock is given back, so that of two changes the later one stays.
        desk.set_candidates(ports.iter().map(of).collect());
        told.told = now;
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.inner
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Advertised {
    fn log(&self) {
        let addresses: Vec<_> = self.addresses.iter().map(IpAddr::to_string).collect();
        let addresses = addresses.join(", ");
        if self.is_loopback_only {
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
