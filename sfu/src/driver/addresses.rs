//! Where clients reach us: looks every few seconds whether this machine has come to other addresses,
//! and has clients that join from then on told those.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::address::{
    Advertised, advertised, at_public_port, at_shared_port, candidates, far, locals,
};
use crate::config::Config;
use crate::desk::Desk;
use crate::turn::Authority;

/// How often it is looked. Higher: an address that has come is told later, and one that is gone is
/// told for longer. Lower: more work, some ten microseconds for each address.
const LOOK: Duration = Duration::from_secs(5);

/// What clients are told at this moment, and who has to know. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Of each shard.
    ports: Vec<u16>,
    desk: Desk,
    authority: Arc<Authority>,
    told: Mutex<Told>,
    is_loopback_only: AtomicBool,
}

#[derive(Debug)]
struct Told {
    config: Config,
    told: Advertised,
    /// Where connections are accepted that are handed over.
    public: Option<SocketAddr>,
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
    /// As they are now. The desk and the authority are told of them, and of every change.
    pub(super) fn new(
        config: &Config,
        ports: Vec<u16>,
        desk: Desk,
        authority: Arc<Authority>,
    ) -> Self {
        let told = Told::now(config);
        told.log();
        let inner = Inner {
            ports,
            desk,
            authority,
            is_loopback_only: AtomicBool::new(false),
            told: Mutex::new(Told {
                config: config.clone(),
                told,
                public: None,
            }),
        };
        inner.tell(&inner.told());
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Whether nobody but this machine reaches any of them.
    pub(super) fn is_loopback_only(&self) -> bool {
        self.inner.is_loopback_only.load(Ordering::Relaxed)
    }

    /// From now on these, or those of this machine if there are none.
    pub(super) fn set(&self, advertise: Vec<IpAddr>) {
        self.inner.told().config.advertise = advertise;
        self.inner.look();
    }

    /// From now on this port as well, whose connections are handed over.
    pub(super) fn open(&self, public: SocketAddr) {
        let mut told = self.inner.told();
        told.public = Some(public);
        self.inner.tell(&told);
    }

    /// Looks until told to stop.
    pub(super) fn watch(&self, stop: Arc<AtomicBool>) -> std::io::Result<JoinHandle<()>> {
        let inner = Arc::clone(&self.inner);
        let look = move || {
            while !stop.load(Ordering::Relaxed) {
                std::thread::park_timeout(LOOK);
                inner.look();
            }
        };
        let thread = std::thread::Builder::new().name("addresses".to_owned());
        thread.spawn(look)
    }
}

impl Inner {
    /// Has clients that join told what is so now.
    fn look(&self) {
        let mut told = self.told();
        let now = Told::now(&told.config);
        if now == told.told {
            return;
        }
        now.log();
        told.told = now;
        // Before the lock is given back, so that of two changes the later one stays.
        self.tell(&told);
    }

    fn tell(&self, told: &Told) {
        let addresses = &told.told.addresses;
        let public = told.public.iter();
        let public: Vec<_> = public
            .flat_map(|public| at_public_port(addresses, *public))
            .collect();
        let shared = told.config.shared_udp_port.iter();
        let shared: Vec<_> = shared
            .flat_map(|port| at_shared_port(addresses, *port))
            .collect();
        let of = |port: &u16| [&*candidates(addresses, *port), &*shared, &*public].concat();
        let all: Vec<_> = self.ports.iter().map(of).collect();
        let own = all.iter().flatten().map(|candidate| candidate.address);
        self.authority.set_own(own.collect());
        self.desk.set_candidates(all);
        self.is_loopback_only
            .store(told.told.is_loopback_only, Ordering::Relaxed);
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
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
