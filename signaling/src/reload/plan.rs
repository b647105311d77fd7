//! What of a changed configuration can be put in force while the server runs, and what cannot.

use serde_json::Value;

use crate::config::Config;

/// A key whose value may change while the server runs.
struct Live {
    name: &'static str,
    is_same: fn(&Config, &Config) -> bool,
    copy: fn(&mut Config, &Config),
}

macro_rules! live {
    ($($section:ident . $key:ident),* $(,)?) => {
        &[$(Live {
            name: concat!(stringify!($section), ".", stringify!($key)),
            is_same: |one, other| one.$section.$key == other.$section.$key,
            copy: |to, from| to.$section.$key.clone_from(&from.$section.$key),
        }),*]
    };
}

/// All of them. Whatever is not here waits for a restart. What is read when it is needed has only to be
/// named; what keeps something made of the value must be given it (see `Reloader`).
const LIVE: &[Live] = live![
    accounts.acts_kept_days,
    accounts.local,
    accounts.login_hours,
    accounts.login_idle_minutes,
    accounts.oidc,
    addresses.join_burst,
    addresses.joins_per_second,
    addresses.request_burst,
    addresses.requests_per_second,
    auth.api_key_limits,
    auth.api_keys,
    conferences.audio_40ms_above_sites,
    conferences.audio_60ms_above_sites,
    conferences.devices_per_site,
    conferences.max_open,
    conferences.max_participants,
    conferences.organiser,
    http.allowed_origins,
    http.max_body_kibibytes,
    http.max_connections,
    http.public_url,
    log.access,
    log.filter,
    media.advertise,
    media.ice_servers,
    media.max_packets_per_second,
    media.max_peers,
    media.turn,
    reload.frozen,
    sessions.handshake_timeout_seconds,
    sessions.max_connections,
    sessions.max_strangers,
    sessions.message_burst,
    sessions.messages_per_second,
    sessions.outbox_messages,
    shutdown.announce_seconds,
    shutdown.deadline_seconds,
    shutdown.retry_after_seconds,
    shutdown.retry_spread_seconds,
];

/// What a reload would do.
#[derive(Debug)]
pub(super) struct Plan {
    /// What is in force afterwards.
    pub(super) config: Config,
    /// Keys that change.
    pub(super) changed: Vec<String>,
    /// Keys that have changed and wait for a restart.
    pub(super) waiting: Vec<String>,
}

/// Compares what is in force with what is wanted.
pub(super) fn plan(in_force: &Config, wanted: &Config) -> Plan {
    let mut config = in_force.clone();
    let mut changed = Vec::new();
    for key in LIVE.iter().filter(|key| !(key.is_same)(in_force, wanted)) {
        (key.copy)(&mut config, wanted);
        changed.push(key.name.to_owned());
    }
    let waiting = differences(&config, wanted);
    Plan {
        config,
        changed,
        waiting,
    }
}

/// The keys in which two configurations differ. Secrets look alike when they are printed, so what only
/// they can be is named as such.
fn differences(one: &Config, other: &Config) -> Vec<String> {
    let values = [one, other].map(|config| serde_json::to_value(config).unwrap_or_default());
    let mut found = Vec::new();
    let [one_value, other_value] = &values;
    compare("", one_value, other_value, &mut found);
    if found.is_empty() && one != other {
        found.push("a secret".to_owned());
    }
    found
}

fn compare(path: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    let (Value::Object(fields), Value::Object(others)) = (one, other) else {
        if one != other {
            found.push(path.to_owned());
        }
        return;
    };
    let keys = fields
        .keys()
        .chain(others.keys().filter(|key| !fields.contains_key(*key)));
    for key in keys {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let value =
            |fields: &serde_json::Map<String, Value>| fields.get(key).cloned().unwrap_or_default();
        compare(&path, &value(fields), &value(others), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn keys(change: impl FnOnce(&mut Config)) -> (Vec<String>, Vec<String>) {
        let in_force = Config::default();
        let mut wanted = in_force.clone();
        change(&mut wanted);
        let plan = plan(&in_force, &wanted);
        (plan.changed, plan.waiting)
    }

    #[test]
    fn what_has_not_changed_is_left_alone() {
        assert_eq!(keys(|_| {}), (Vec::new(), Vec::new()));
    }

    #[test]
    fn what_can_change_changes_and_the_rest_waits_by_name() {
        let (changed, waiting) = keys(|config| {
            config.log.filter = "debug".to_owned();
            config.media.max_peers = 3;
            config.media.port = 4_000;
            config.data_dir = "elsewhere".into();
        });
        assert_eq!(changed, ["log.filter", "media.max_peers"]);
        assert_eq!(waiting, ["data_dir", "media.port"]);
    }

    #[test]
    fn what_waits_for_a_restart_stays_as_it_is_in_force() {
        let in_force = Config::default();
        let mut wanted = in_force.clone();
        wanted.sessions.resume_seconds = 60;
        wanted.shutdown.announce_seconds = 5;
        let plan = plan(&in_force, &wanted);
        assert_eq!(
            plan.config.sessions.resume_seconds,
            in_force.sessions.resume_seconds
        );
        assert_eq!(plan.config.shutdown.announce_seconds, 5);
    }

    #[test]
    fn a_changed_secret_is_noticed_and_not_shown() {
        let secret = |text: &str| Secret::new(&text.repeat(16));
        let mut in_force = Config::default();
        in_force
            .auth
            .api_keys
            .insert("main".to_owned(), secret("ab"));
        let mut wanted = in_force.clone();
        wanted.auth.api_keys.insert("main".to_owned(), secret("cd"));
        assert_eq!(plan(&in_force, &wanted).changed, ["auth.api_keys"]);
        wanted.tls.acme.key = secret("ef");
        assert_eq!(plan(&in_force, &wanted).waiting, ["tls.acme.key"]);
        in_force.tls.acme.key = secret("gh");
        assert_eq!(plan(&in_force, &wanted).waiting, ["a secret"]);
    }

    #[test]
    fn every_live_key_is_one_of_the_configuration() {
        let all = toml::Value::try_from(Config::default()).unwrap();
        for key in LIVE {
            let (section, name) = key.name.split_once('.').unwrap();
            assert!(all[section].get(name).is_some(), "{}", key.name);
        }
    }
}
