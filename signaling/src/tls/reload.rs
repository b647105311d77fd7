//! Looks whether another certificate is to be shown.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tracing::{error, info};

use super::files::Files;
use super::renewal::{Look, Renewal};
use super::{Source, Tls, TlsError};
use crate::clock::Clock;
use crate::config::Config;
use crate::reload::{Commit, Part};

/// How often files and names are looked at. Higher: a new certificate is shown later. Lower: two small
/// files are read more often.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How often it is asked whether to order one. Higher: one that lives for seconds, as those of tests,
/// ends before.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What came of a look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reloaded {
    /// It is the one that is shown.
    Unchanged,
    /// Another one is shown from now on, which is good until then.
    Renewed(Timestamp),
}

impl Tls {
    /// Shows what the files hold now to the next handshakes; what the server makes or orders itself is
    /// renewed without being asked. Blocks for as long as reading takes.
    ///
    /// # Errors
    /// When that cannot be used: what was shown before still is.
    pub fn reload(&self, now: Timestamp) -> Result<Reloaded, TlsError> {
        self.look(now).map_err(|(cause, _)| cause)
    }

    /// As [`reload`](Self::reload); with an error, whether it is one that nobody has heard of.
    fn look(&self, now: Timestamp) -> Result<Reloaded, (TlsError, bool)> {
        match &self.source {
            Source::Files { files, renewal } => self.look_at(files, renewal, now),
            Source::SelfMade(made) => {
                let shown = self.shown.certificate();
                match made.renewed(shown.as_ref(), now) {
                    Ok(None) => Ok(Reloaded::Unchanged),
                    Ok(Some(certificate)) => Ok(self.show(certificate)),
                    Err(cause) => {
                        let is_news = made.is_news(&cause.to_string());
                        Err((cause.into(), is_news))
                    }
                }
            }
            Source::Acme(_) => Ok(Reloaded::Unchanged),
        }
    }

    fn look_at(
        &self,
        files: &Files,
        renewal: &Mutex<Renewal>,
        now: Timestamp,
    ) -> Result<Reloaded, (TlsError, bool)> {
        // Held while the files are read, so that two looks do not overtake each other.
        let mut renewal = renewal.lock().unwrap_or_else(PoisonError::into_inner);
        let (content, read) = files.read();
        match renewal.look(now, content, read) {
            Look::Same => Ok(Reloaded::Unchanged),
            Look::Show(certificate) => Ok(self.show(certificate)),
            Look::Broken { cause, is_news } => Err((cause.into(), is_news)),
        }
    }

    fn show(&self, certificate: super::certificate::Certificate) -> Reloaded {
        let not_after = certificate.not_after();
        self.shown.show(certificate);
        info!(%not_after, "shows another certificate");
        Reloaded::Renewed(not_after)
    }

    fn look_and_say(&self, now: Timestamp) {
        if let Err((cause, true)) = self.look(now) {
            self.count_failure();
            let shown_until = self.not_after();
            error!(%cause, ?shown_until, "a new certificate cannot be used: the former one stays");
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
        if let Source::Files { files, .. } = &self.tls.source {
            let (_, read) = files.read();
            read.map_err(|cause| cause.to_string())?;
        }
        let (tls, now) = (Arc::clone(&self.tls), self.clock.now().wall);
        Ok(Box::new(move || tls.look_and_say(now)))
    }
}

/// Looks, or orders, again and again. Never ends.
pub(crate) async fn watch(tls: Arc<Tls>, clock: Clock) {
    loop {
        let now = clock.now().wall;
        if let Source::Acme(acme) = &tls.source {
            acme.ask(&tls.shown, now).await;
            if acme.is_due(now, tls.shown.certificate().as_ref())
                && !acme.renew(&tls.shown, || clock.now().wall).await
            {
                tls.count_failure();
            }
            tokio::time::sleep(ASK_EVERY).await;
            continue;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        let looking = Arc::clone(&tls);
        // One that has been stopped has nothing to say.
        let _ = tokio::task::spawn_blocking(move || looking.look_and_say(now)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::data_dir::DataDir;

    /// Puts a certificate of this name into two files.
    fn put(directory: &Path, name: &str) -> Config {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let mut config = Config::default();
        config.tls.certificate = directory.join("cert.pem");
        config.tls.key = directory.join("key.pem");
        std::fs::write(&config.tls.certificate, made.cert.pem()).unwrap();
        std::fs::write(&config.tls.key, made.signing_key.serialize_pem()).unwrap();
        config
    }

    fn open(config: &Config, directory: &Path) -> Result<Option<Tls>, TlsError> {
        let directory = DataDir::create(directory).unwrap();
        Tls::open(config, &directory, Timestamp::now())
    }

    #[test]
    fn a_new_certificate_is_shown_and_a_broken_one_is_counted_once() {
        let directory = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let config = put(directory.path(), "one.example");
        let tls = open(&config, directory.path()).unwrap().unwrap();
        assert_eq!(tls.reload(now).unwrap(), Reloaded::Unchanged);
        put(directory.path(), "two.example");
        assert!(matches!(tls.reload(now), Ok(Reloaded::Renewed(_))));
        std::fs::write(&config.tls.key, "nonsense").unwrap();
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
        let unchanged = tls.reload(now).unwrap();
        assert_eq!((tls.failures(), unchanged), (1, Reloaded::Unchanged));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let config = put(directory.path(), "one.example");
        std::fs::remove_file(&config.tls.certificate).unwrap();
        let error = open(&config, directory.path()).unwrap_err().to_string();
        assert!(
            error.contains("cert.pem") && error.contains("tls.certificate"),
            "{error}"
        );
    }

    #[test]
    fn an_authority_of_clients_that_is_none_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = put(directory.path(), "one.example");
        config.admin.client_authority = config.tls.key.clone();
        let error = open(&config, directory.path()).unwrap_err().to_string();
        assert!(error.contains("admin.client_authority"), "{error}");
    }
}
