//! How many descriptors the process may have, and how many its settings ask for.

use tracing::{info, warn};

use crate::config::Config;

/// What is open whatever the settings say: database, log, listeners, the runtime's own.
const OWN: u64 = 128;

/// Most ICE-TCP connections of one media thread.
const MEDIA_TCP_EACH: u64 = 8_192;

/// Raises the soft limit to the hard one, and says so if that is still too few for the settings.
pub(crate) fn raise_limit(config: &Config) {
    let raised = rlimit::increase_nofile_limit(rlimit::INFINITY);
    match raised {
        Ok(limit) => report(limit, wanted(config)),
        Err(cause) => warn!(%cause, "cannot raise the limit of file descriptors"),
    }
}

fn report(limit: u64, wanted: u64) {
    if let Some(wanted) = too_few(limit, wanted) {
        warn!(
            limit,
            wanted,
            "too few file descriptors for as many connections as the settings allow: raise the \
             hard limit (`LimitNOFILE=` of systemd, `ulimit -Hn`), or lower \
             `sessions.max_connections`"
        );
    } else {
        info!(limit, "file descriptors");
    }
}

/// How many this process may have at most.
pub(crate) fn limit() -> Option<u64> {
    let limits = rlimit::getrlimit(rlimit::Resource::NOFILE);
    limits.map(|(_, hard)| hard).ok()
}

/// How many are needed, if the limit is below that.
fn too_few(limit: u64, wanted: u64) -> Option<u64> {
    (limit < wanted).then_some(wanted)
}

/// As many as there would be with every connection that the settings allow.
pub(crate) fn wanted(config: &Config) -> u64 {
    let shards = u64::from(config.media.shard_count());
    let (http, sessions) = (&config.http, &config.sessions);
    // The public and the private listener, and the one that leads to https://.
    let listeners = 2 + u64::from(http.redirect_listen.is_some());
    let requests = listeners * http.max_connections as u64;
    let sockets = (sessions.max_connections + sessions.max_strangers) as u64;
    let media = (MEDIA_TCP_EACH * shards).min(config.media.max_peers.into());
    OWN + requests + sockets + media
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_that_is_allowed_needs_a_descriptor() {
        let mut config = Config::default();
        config.http.max_connections = 10;
        config.sessions.max_connections = 200;
        config.sessions.max_strangers = 50;
        config.media.max_peers = 1_000;
        config.media.shards = 1;
        assert_eq!(wanted(&config), OWN + 20 + 250 + 1_000);
        config.media.max_peers = 1_000_000;
        config.media.shards = 2;
        assert_eq!(wanted(&config), OWN + 20 + 250 + 2 * MEDIA_TCP_EACH);
    }

    #[test]
    fn the_usual_limits_of_a_shell_are_too_few_and_that_is_said() {
        let wanted = wanted(&Config::default());
        assert_eq!(too_few(4_096, wanted), Some(wanted));
        assert_eq!(too_few(1_048_576, wanted), None);
    }
}
