//! What is written to standard error, and what never is.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, ParseError, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Filter as LayerFilter, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, registry};

use crate::access;
use crate::config::{Config, Log, LogFormat};
use crate::reload::{Commit, Part};

/// What the media plane's libraries say of single packets, which anybody can send: left out unless
/// the filter names them.
const QUIET: &str = "rtc_dtls=error,rtc_interceptor=error,rtc_rtcp=error,rtc_rtp=error,\
    rtc_sdp=error,rtc_shared=error,rtc_srtp=error,rtc_stun=error";

/// Crates of our own, whose types show no secret when they are printed.
const OWN: [&str; 3] = ["dinh", "sfu", "signaling"];

/// The filter of a running log.
pub(super) struct Filter(Handle<EnvFilter, Registry>);

impl Part for Filter {
    fn prepare(&self, wanted: &Config) -> Result<Commit, String> {
        let filter = filter(&wanted.log).map_err(|cause| format!("`log.filter`: {cause}"))?;
        let handle = self.0.clone();
        // Fails only where nothing is logged any more.
        Ok(Box::new(move || drop(handle.reload(filter))))
    }
}

/// Starts logging, as the configuration says.
pub(super) fn start(config: &Config) -> anyhow::Result<Filter> {
    let checked = "`log.filter` was checked with the configuration";
    let filter = filter(&config.log).context(checked)?;
    let (filter, handle) = reload::Layer::new(filter);
    registry()
        .with(layer(config.log.format, filter, std::io::stderr))
        .try_init()
        .context("cannot start logging")?;
    Ok(Filter(handle))
}

fn filter(log: &Log) -> Result<EnvFilter, ParseError> {
    let level = if log.access { "info" } else { "off" };
    let access = format!("{}={level}", access::TARGET).parse()?;
    Ok(without_packets(&log.filter)?.add_directive(access))
}

/// Lines of this format that pass the filter and hold nothing that a client sent in confidence.
fn layer<S, F, W>(format: LogFormat, filter: F, writer: W) -> impl Layer<S>
where
    F: LayerFilter<S> + Send + Sync + 'static,
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(writer);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    lines.with_filter(filter.and(filter_fn(is_presentable)))
}

/// The filter, without what is said of single packets.
fn without_packets(filter: &str) -> Result<EnvFilter, ParseError> {
    format!("{QUIET},{filter}").parse()
}

/// Libraries write what they read and send at the level of traces: whole headers and frames, with the
/// tokens, session secrets and ICE passwords in them. No filter brings these out.
fn is_presentable(metadata: &Metadata<'_>) -> bool {
    let crate_name = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() != Level::TRACE || OWN.contains(&crate_name)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn single_packets_are_logged_only_where_the_filter_names_who_says_so() {
        let of = |filter: &str| without_packets(filter).unwrap().to_string();
        let usual = of("debug");
        assert!(usual.contains("rtc_dtls=error"), "{usual}");
        assert!(usual.contains("debug"), "{usual}");
        let named = of("info,rtc_dtls=trace");
        assert!(named.contains("rtc_dtls=trace"), "{named}");
        assert!(!named.contains("rtc_dtls=error"), "{named}");
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of three lines when everything is asked for.
    fn written(format: LogFormat) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let filter = without_packets("trace,tungstenite=trace").unwrap();
        let subscriber = registry().with(layer(format, filter, move || writer.clone()));
        tracing::subscriber::with_default(subscriber, speak);
        let written = lines.0.lock().unwrap().clone();
        String::from_utf8(written).unwrap()
    }

    fn speak() {
        tracing::trace!(target: "signaling::session", "a step of ours");
        speak_as_a_library();
    }

    fn speak_as_a_library() {
        tracing::trace!(target: "tungstenite::protocol", "a frame with a token");
        tracing::debug!(target: "tungstenite::protocol", "a connection");
    }

    #[test]
    fn no_filter_brings_out_what_libraries_read_and_send() {
        for written in [LogFormat::Text, LogFormat::Json].map(written) {
            assert!(!written.contains("token"), "{written}");
            assert!(written.contains("a connection"), "{written}");
            assert!(written.contains("a step of ours"), "{written}");
        }
    }
}
