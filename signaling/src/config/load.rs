//! Reads the configuration: defaults, then one TOML file, then `DINH_…` variables.
//!
//! `DINH_HTTP__LISTEN` is `http.listen`. A variable whose name ends in `_FILE` names a file that
//! holds the value, so that a secret need not stand in the environment.

use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::{Figment, Source};
use figment_file_provider_adapter::FileAdapter;

use super::{Config, Invalid};

/// Prefix of every environment variable that is read.
const PREFIX: &str = "DINH_";

/// Variables with the prefix that are not keys: they belong to the command line.
const COMMAND_LINE: [&str; 1] = ["config"];

/// How far a name may be from a valid one to be offered instead of it: the share of letters that
/// agree (Jaro–Winkler). Lower offers more, and more that was not meant.
const SIMILAR: f64 = 0.75;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file was asked for and is not there.
    #[error("there is no configuration file {}", .0.display())]
    NoFile(PathBuf),
    /// It cannot be read as what it should be; one line for each fault.
    #[error("{}", .0.join("\n"))]
    Unreadable(Vec<String>),
    /// It was read and has values that cannot be used.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid(Vec<Invalid>),
}

/// Reads and checks the configuration.
///
/// # Errors
/// When the file is missing, a key is unknown or a value is wrong; says which and where.
pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if let Some(path) = file {
        if !path.is_file() {
            return Err(ConfigError::NoFile(path.to_owned()));
        }
        figment = figment.merge(Toml::file_exact(path));
    }
    let config: Config = figment
        .merge(FileAdapter::wrap(environment()))
        .extract()
        .map_err(|error| ConfigError::Unreadable(error.into_iter().map(explain).collect()))?;
    config.validate().map_err(ConfigError::Invalid)?;
    Ok(config)
}

fn environment() -> Env {
    Env::prefixed(PREFIX)
        .ignore(&COMMAND_LINE)
        .filter(|name| !is_foreign(name.as_str()))
        .split("__")
}

/// Variables with our prefix that are none of ours: Kubernetes and Docker name address and ports of a
/// service that is called `dinh` so.
#[must_use]
pub fn foreign_variables() -> Vec<String> {
    let environment = Env::prefixed(PREFIX).ignore(&COMMAND_LINE);
    environment
        .iter()
        .filter(|(name, _)| is_foreign(name.as_str()))
        .map(|(name, _)| format!("{PREFIX}{}", name.as_str().to_uppercase()))
        .collect()
}

/// `PORT`, `PORT_7900_TCP…`, `SERVICE_HOST`, `SERVICE_PORT…`, and those of the load test; no setting
/// of ours begins so.
fn is_foreign(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let after = |prefix: &str| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    !name.contains("__")
        && ["port", "service_host", "service_port", "loadtest"]
            .into_iter()
            .any(after)
}

/// One fault as one line: what, where it stands, and what was probably meant.
#[expect(
    clippy::needless_pass_by_value,
    reason = "maps over the iterator's items"
)]
fn explain(error: figment::Error) -> String {
    let mut path = error.path.clone();
    let problem = match &error.kind {
        Kind::UnknownField(name, valid) => {
            if path.last() == Some(name) {
                path.pop();
            }
            let key = dotted(&path, name);
            match nearest(name, valid) {
                Some(meant) => {
                    format!(
                        "unknown key `{key}`, did you mean `{}`?",
                        dotted(&path, meant)
                    )
                }
                None => format!("unknown key `{key}`, valid here: {}", valid.join(", ")),
            }
        }
        kind if path.is_empty() => kind.to_string(),
        kind => format!("`{}`: {kind}", path.join(".")),
    };
    format!("{problem} ({})", origin(&error))
}

fn dotted(path: &[String], name: &str) -> String {
    path.iter()
        .map(String::as_str)
        .chain([name])
        .collect::<Vec<_>>()
        .join(".")
}

fn nearest(name: &str, valid: &[&'static str]) -> Option<&'static str> {
    valid
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate)
}

fn origin(error: &figment::Error) -> String {
    match error
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.source.as_ref())
    {
        Some(Source::File(path)) => format!("in {}", path.display()),
        _ if error.path.is_empty() => "in the environment or the file".to_owned(),
        _ => format!("from {PREFIX}{}", error.path.join("__").to_uppercase()),
    }
}

#[cfg(test)]
#[expect(clippy::result_large_err, reason = "the error type of figment's Jail")]
mod tests {
    use figment::Jail;

    use super::*;
    use crate::auth::{KeyLimits, Role};

    const SECRET: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b";

    fn load_text(jail: &Jail, toml: &str) -> Result<Config, String> {
        jail.create_file("dinh.toml", toml)
            .map_err(|error| error.to_string())?;
        load(Some(Path::new("dinh.toml"))).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        Jail::expect_with(|jail| {
            let config = load_text(jail, "").unwrap();
            assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
            Ok(())
        });
    }

    #[test]
    fn a_variable_beats_the_file() {
        Jail::expect_with(|jail| {
            jail.set_env("DINH_HTTP__LISTEN", "127.0.0.1:1");
            jail.set_env("DINH_MEDIA__ADVERTISE", "[\"192.0.2.1\"]");
            let config =
                load_text(jail, "[http]\nlisten = \"127.0.0.1:2\"\n[media]\nport = 9").unwrap();
            assert_eq!(config.http.listen.port(), 1);
            assert_eq!(config.media.port, 9);
            assert_eq!(config.media.advertise.len(), 1);
            Ok(())
        });
    }

    #[test]
    fn a_secret_can_come_from_a_file() {
        Jail::expect_with(|jail| {
            jail.create_file("key", &format!("{SECRET}\n"))?;
            jail.set_env("DINH_AUTH__API_KEYS__MAIN_FILE", "key");
            let config = load(None).unwrap();
            assert_eq!(config.auth.api_keys["main"].expose(), SECRET);
            Ok(())
        });
    }

    #[test]
    fn what_a_key_may_sign_is_said_beside_it() {
        Jail::expect_with(|jail| {
            jail.set_env("DINH_AUTH__API_KEYS__PORTAL", SECRET);
            let limits = "[auth.api_key_limits.portal]\nconferences = [\"course-*\"]\n";
            jail.create_file("dinh.toml", limits)?;
            jail.set_env("DINH_AUTH__API_KEY_LIMITS__PORTAL__ROLES", "[\"site\"]");
            let config = load(Some(Path::new("dinh.toml"))).unwrap();
            let expected = KeyLimits {
                conferences: Some(vec!["course-*".parse().unwrap()]),
                roles: Some(vec![Role::Site]),
            };
            assert_eq!(config.auth.api_key_limits["portal"], expected);
            jail.create_file("dinh.toml", &limits.replace("course-*", "of all"))?;
            let error = load(Some(Path::new("dinh.toml"))).unwrap_err().to_string();
            assert!(error.contains("`of all`"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn a_missing_secret_file_is_named() {
        Jail::expect_with(|jail| {
            jail.set_env("DINH_AUTH__API_KEYS__MAIN_FILE", "nowhere");
            let error = load(None).unwrap_err().to_string();
            assert!(error.contains("nowhere"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn an_unknown_key_names_the_nearest_one_and_its_place() {
        Jail::expect_with(|jail| {
            let error = load_text(jail, "[sessions]\nping_second = 3").unwrap_err();
            assert!(
                error.contains("unknown key `sessions.ping_second`"),
                "{error}"
            );
            assert!(
                error.contains("did you mean `sessions.ping_seconds`?"),
                "{error}"
            );
            assert!(error.contains("dinh.toml"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn an_unknown_variable_names_the_nearest_key_and_itself() {
        Jail::expect_with(|jail| {
            jail.set_env("DINH_HTTP__LISTN", "127.0.0.1:1");
            let error = load(None).unwrap_err().to_string();
            assert!(error.contains("did you mean `http.listen`?"), "{error}");
            assert!(error.contains("DINH_HTTP__LISTN"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn what_an_orchestrator_sets_for_a_service_of_our_name_is_left_alone() {
        Jail::expect_with(|jail| {
            for name in [
                "DINH_PORT",
                "DINH_PORT_7900_TCP",
                "DINH_PORT_7900_TCP_ADDR",
                "DINH_SERVICE_HOST",
                "DINH_SERVICE_PORT",
                "DINH_SERVICE_PORT_HTTP",
            ] {
                jail.set_env(name, "tcp://10.0.0.1:7900");
            }
            load(None).unwrap();
            assert_eq!(foreign_variables().len(), 6);
            jail.set_env("DINH_PORTS", "1");
            let error = load(None).unwrap_err().to_string();
            assert!(error.contains("DINH_PORTS"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn a_name_is_no_address_to_listen_on_and_what_is_one_is_said() {
        Jail::expect_with(|jail| {
            let error = load_text(jail, "[http]\nlisten = \"localhost:7900\"").unwrap_err();
            for part in ["`http.listen`", "localhost:7900", "127.0.0.1:7900"] {
                assert!(error.contains(part), "{error}");
            }
            Ok(())
        });
    }

    #[test]
    fn a_key_like_no_other_gets_the_list() {
        Jail::expect_with(|jail| {
            let error = load_text(jail, "[admin]\nxyzzy = 3").unwrap_err();
            assert!(error.contains("valid here: listen"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn a_wrong_type_is_named_with_its_key() {
        Jail::expect_with(|jail| {
            let error = load_text(jail, "[media]\nport = \"many\"").unwrap_err();
            assert!(error.contains("`media.port`"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn a_secret_of_digits_is_whole_or_refused() {
        Jail::expect_with(|jail| {
            let digits = "00345678901234567890123456789012";
            jail.set_env("DINH_AUTH__API_KEYS__MAIN", digits);
            match load(None) {
                Ok(config) => assert_eq!(config.auth.api_keys["main"].expose(), digits),
                Err(error) => assert!(!error.to_string().contains(digits), "{error}"),
            }
            jail.set_env("DINH_AUTH__API_KEYS__MAIN", format!("\"{digits}\""));
            assert_eq!(load(None).unwrap().auth.api_keys["main"].expose(), digits);
            Ok(())
        });
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        Jail::expect_with(|_| {
            assert!(matches!(
                load(Some(Path::new("no.toml"))),
                Err(ConfigError::NoFile(_))
            ));
            Ok(())
        });
    }

    #[test]
    fn the_sample_is_valid_and_says_the_defaults() {
        Jail::expect_with(|jail| {
            let sample = include_str!("../../dinh.toml.sample");
            let plain = load_text(jail, sample).unwrap();
            assert_eq!(format!("{plain:?}"), format!("{:?}", Config::default()));
            // Every key of the sample is commented out, and each is right when it is not.
            let active: String = sample
                .lines()
                .map(|line| line.strip_prefix("#= ").unwrap_or(line))
                .collect::<Vec<_>>()
                .join("\n");
            let mut config = load_text(jail, &active).unwrap();
            let keys = |text: &str| -> usize {
                text.lines()
                    .filter(|line| line.contains(" = ") && !line.starts_with('#'))
                    .count()
            };
            assert_eq!(keys(&active), keys(&toml::to_string(&config).unwrap()));
            config.auth.api_keys.clear();
            assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
            Ok(())
        });
    }
}
