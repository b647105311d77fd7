//! Looks whether the certificate has changed where it comes from.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tracing::{error, info};

use super::renewal::Look;
use super::{Tls, TlsError};
use crate::clock::Clock;
use crate::config::Config;
use crate::reload::{Commit, Part};

/// How often. Higher: a new certificate is shown later. Lower: two small files are read more often.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What came of a look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reloaded {
    /// It is the one that is shown.
    Unchanged,
    /// Another one is shown from now on, which is good until then.
    Renewed(Timestamp),
}

impl Tls {
    /// Shows what the files hold now to the next handshakes. Blocks for as long as reading takes.
    ///
    /// # Errors
    /// When that cannot be used: what was shown before still is.
    pub fn reload(&self, now: Timestamp) -> Result<Reloaded, TlsError> {
        self.look(now).map_err(|(cause, _)| cause)
    }

    /// As [`reload`](Self::reload); with an error, whether it is one that nobody has heard of.
    fn look(&self, now: Timestamp) -> Result<Reloaded, (TlsError, bool)> {
        // Held while the files are read, so that two looks do not overtake each other.
        let mut renewal = self.renewal.lock().unwrap_or_else(PoisonError::into_inner);
        let (content, read) = self.files.read();
        match renewal.look(now, content, read) {
            Look::Same => Ok(Reloaded::Unchanged),
            Look::Show(certificate) => {
                let not_after = certificate.not_after();
                self.shown.show(certificate);
                info!(%not_after, "shows another certificate");
                Ok(Reloaded::Renewed(not_after))
            }
            Look::Broken { cause, is_news } => Err((cause.into(), is_news)),
        }
    }
}

/// A certificate is looked at with the settings too, and one that cannot be used keeps all of them as
/// they are.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) tls: Arc<Tls>,
    pub(crate) clock: Clock,
}

impl Part for Watched {
    fn prepare(&self, _: &Config) -> Result<Commit, String> {
        let (_, read) = self.tls.files.read();
        read.map_err(|cause| cause.to_string())?;
        let (tls, now) = (Arc::clone(&self.tls), self.clock.now().wall);
        Ok(Box::new(move || tls.look_and_say(now)))
    }
}

/// Looks again and again. Never ends.
pub(crate) async fn watch(tls: Arc<Tls>, clock: Clock) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let (tls, now) = (Arc::clone(&tls), clock.now().wall);
        // One that has been stopped has nothing to say.
        let _ = tokio::task::spawn_blocking(move || tls.look_and_say(now)).await;
    }
}

impl Tls {
    fn look_and_say(&self, now: Timestamp) {
        if let Err((cause, true)) = self.look(now) {
            self.failures.fetch_add(1, Ordering::Relaxed);
            let shown_until = self.not_after();
            error!(%cause, %shown_until, "a new certificate cannot be used: the former one stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    /// Puts a certificate of this name into two files.
    fn put(directory: &Path, name: &str) -> config::Tls {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let [certificate, key] = ["cert.pem", "key.pem"].map(|name| directory.join(name));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        config::Tls {
            certificate,
            key,
            ..config::Tls::default()
        }
    }

    #[test]
    fn a_new_certificate_is_shown_and_a_broken_one_is_counted_once() {
        let directory = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let config = put(directory.path(), "one.example");
        let tls = Tls::open(&config).unwrap().unwrap();
        assert_eq!(tls.reload(now).unwrap(), Reloaded::Unchanged);
        put(directory.path(), "two.example");
        assert_eq!(tls.reload(now).unwrap(), Reloaded::Renewed(tls.not_after()));
        std::fs::write(&config.key, "nonsense").unwrap();
        for _ in 0..5 {
            tls.look_and_say(now);
        }
        assert_eq!(tls.failures(), 1);
        let error = tls.reload(now).unwrap_err().to_string();
        assert!(error.contains("key.pem"), "{error}");
        let watched = Watched {
            tls: Arc::new(tls),
            clock: Clock::system(),
        };
        let refused = watched.prepare(&Config::default()).err();
        assert!(refused.unwrap_or_default().contains("key.pem"));
        let tls = watched.tls;
        put(directory.path(), "three.example");
        tls.look_and_say(now);
        assert_eq!(
            (tls.failures(), tls.reload(now).unwrap()),
            (1, Reloaded::Unchanged)
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let config = put(directory.path(), "one.example");
        std::fs::remove_file(&config.certificate).unwrap();
        let error = Tls::open(&config).unwrap_err().to_string();
        assert!(
            error.contains("cert.pem") && error.contains("tls.certificate"),
            "{error}"
        );
    }
}
