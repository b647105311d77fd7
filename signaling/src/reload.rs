//! Putting changed settings in force while the server runs (SIGHUP, `dinh reload`).
//!
//! A configuration that is wrong changes nothing. First every part says whether it could live with the
//! new settings, then all change; what cannot change waits for a restart, by name.

mod plan;

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tracing::error;

use crate::access::AccessLog;
use crate::app::App;
use crate::config::{self, Config};
use crate::descriptors;
use crate::ice_servers;
use crate::vault;
use plan::{Plan, plan};

/// Puts prepared settings in force. Cannot fail.
pub type Commit = Box<dyn FnOnce() + Send>;

/// A part of the server that keeps something made of settings, and may find them unusable: a filter of
/// the log, certificates.
pub trait Part: Send + Sync {
    /// Makes what these settings ask for, and changes nothing yet.
    ///
    /// # Errors
    /// When that is not possible: with a sentence that names the key and what would be right.
    fn prepare(&self, wanted: &Config) -> Result<Commit, String>;
}

/// Reloads the settings of one server, one reload after the other.
pub struct Reloader {
    app: App,
    /// Where the settings are read from.
    file: Option<PathBuf>,
    parts: Vec<Box<dyn Part>>,
    one_at_a_time: Mutex<()>,
}

/// What came of a reload.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It was read.
    #[serde(rename_all = "camelCase")]
    Reloaded {
        /// Keys whose new values are in force.
        changed: Vec<String>,
        /// Keys whose new values wait for a restart.
        waiting: Vec<String>,
    },
    /// Nothing was changed: it is not the time.
    Frozen {
        /// Until when.
        until: Timestamp,
    },
    /// Nothing was changed: this is wrong.
    Refused {
        /// A line for each fault.
        problem: String,
    },
}

/// Programs may come and go.
struct ApiKeys(App);

impl Part for ApiKeys {
    fn prepare(&self, wanted: &Config) -> Result<Commit, String> {
        let keys = vault::api_keys(wanted).map_err(|error| error.to_string())?;
        let keys = self.0.keys.prepare(&keys);
        let keys = keys.map_err(|error| error.to_string())?;
        let guessable = wanted.guessable_keys();
        let app = App::clone(&self.0);
        Ok(Box::new(move || {
            for problem in guessable {
                error!("{problem}");
            }
            app.keys.put_in_force(keys);
        }))
    }
}

impl Outcome {
    /// Whether the settings were read.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Reloaded { .. })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reloaded { changed, waiting } => {
                if changed.is_empty() && waiting.is_empty() {
                    return f.write_str("nothing has changed");
                }
                let mut separator = "";
                if !changed.is_empty() {
                    write!(f, "in force now: {}", changed.join(", "))?;
                    separator = "\n";
                }
                for key in waiting {
                    write!(f, "{separator}`{key}` has changed and needs a restart")?;
                    separator = "\n";
                }
                Ok(())
            }
            Self::Frozen { until } => write!(
                f,
                "nothing was changed: settings are frozen until {until} (`reload.frozen`); a restart \
                 reads them at any time"
            ),
            Self::Refused { problem } => write!(f, "nothing was changed: {problem}"),
        }
    }
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Reloader {
    /// Reads settings from this file, and from the environment.
    #[must_use]
    pub fn new(app: App, file: Option<PathBuf>) -> Self {
        Self {
            parts: vec![Box::new(ApiKeys(App::clone(&app)))],
            app,
            file,
            one_at_a_time: Mutex::default(),
        }
    }

    /// This part is asked too.
    #[must_use]
    pub fn with(mut self, part: Box<dyn Part>) -> Self {
        self.parts.push(part);
        self
    }

    /// Reads the settings again and puts in force what can be. `way` says in the access log who wanted
    /// it.
    pub async fn reload(&self, way: &str) -> Outcome {
        let _turn = self.one_at_a_time.lock().await;
        let now = self.app.clock.now().wall;
        let in_force = self.app.config();
        let outcome = match in_force.reload.frozen_until(now) {
            Some(until) => Outcome::Frozen { until },
            None => {
                let file = self.file.clone();
                // It waits for the disk.
                let read = move || config::load(file.as_deref()).map_err(|error| error.to_string());
                let read = tokio::task::spawn_blocking(read).await;
                let read = read.unwrap_or_else(|_| Err("it cannot be read".to_owned()));
                read.and_then(|wanted| self.change(&in_force, &wanted))
                    .unwrap_or_else(|problem| Outcome::Refused { problem })
            }
        };
        AccessLog::reloaded(way, &outcome.to_string());
        outcome
    }

    fn change(&self, in_force: &Config, wanted: &Config) -> Result<Outcome, String> {
        let Plan {
            config,
            changed,
            waiting,
        } = plan(in_force, wanted);
        let prepared = self.parts.iter().map(|part| part.prepare(&config));
        let commits = prepared.collect::<Result<Vec<_>, _>>()?;
        for commit in commits {
            commit();
        }
        if !changed.is_empty() {
            self.put_in_force(config);
        }
        Ok(Outcome::Reloaded { changed, waiting })
    }

    /// What the server itself keeps of its settings.
    fn put_in_force(&self, config: Config) {
        descriptors::raise_limit(&config);
        let (app, media) = (&self.app, self.app.media.media());
        app.admission.set_limits(&config);
        app.directory.set_max_open(config.conferences.max_open);
        app.directory.set_settings(config.settings());
        media.set_max_peers(config.media.max_peers);
        media.set_advertised(config.media.advertise.clone());
        media.open(ice_servers::public_port(&config, app.http));
        app.live.set(config);
    }
}
