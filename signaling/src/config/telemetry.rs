//! Where traces of joins go.

use std::path::PathBuf;

use axum::http::Uri;
use serde::{Deserialize, Serialize};

use super::Invalid;

/// Traces of joins, for an OpenTelemetry collector.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// The collector (OTLP over HTTP), such as `http://127.0.0.1:4318`. Empty: nothing is traced.
    pub otlp_endpoint: String,
    /// The authority (PEM) of its certificate. Empty: one of those that this system trusts.
    pub authority: PathBuf,
}

/// Where a collector takes traces, if only its address is given (OTLP §3.1, `/v1/traces`).
const PATH: &str = "/v1/traces";

impl Telemetry {
    /// Whether anything is traced.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        !self.otlp_endpoint.is_empty()
    }

    /// Where traces are sent; `None` if nowhere.
    #[must_use]
    pub fn url(&self) -> Option<Uri> {
        let uri: Uri = self.otlp_endpoint.parse().ok()?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        if !is_web || uri.path() != "/" {
            return Some(uri).filter(|_| is_web);
        }
        format!("{}{PATH}", self.otlp_endpoint.trim_end_matches('/'))
            .parse()
            .ok()
    }

    pub(super) fn check(&self, found: &mut Vec<Invalid>) {
        if self.is_on() && self.url().is_none() {
            found.push(Invalid {
                key: "telemetry.otlp_endpoint".to_owned(),
                problem: format!(
                    "is `{}`, must be like http://127.0.0.1:4318",
                    self.otlp_endpoint
                ),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_to_the_path_of_the_protocol_unless_another_is_named() {
        let url = |endpoint: &str| {
            let telemetry = Telemetry {
                otlp_endpoint: endpoint.to_owned(),
                ..Telemetry::default()
            };
            telemetry.url().map(|url| url.to_string())
        };
        let usual = Some("http://127.0.0.1:4318/v1/traces".to_owned());
        assert_eq!(url("http://127.0.0.1:4318"), usual);
        assert_eq!(url("http://127.0.0.1:4318/"), usual);
        let other = "https://collector.example/otlp/traces";
        assert_eq!(url(other).as_deref(), Some(other));
        for wrong in ["", "collector:4318", "grpc://collector:4317", "http://"] {
            assert_eq!(url(wrong), None, "{wrong}");
        }
    }
}
