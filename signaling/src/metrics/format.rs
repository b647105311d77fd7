//! The two text formats that a scraper may ask for.

use std::collections::BTreeSet;

/// How metrics are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// Prometheus' own, version 0.0.4: what is sent to whoever asks for nothing else.
    Plain,
    /// `OpenMetrics` 1.0.0.
    Open,
}

impl Format {
    /// What an `Accept` header asks for.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let wants = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            kind.eq_ignore_ascii_case("application/openmetrics-text")
                && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        };
        if accept.split(',').any(wants) {
            Self::Open
        } else {
            Self::Plain
        }
    }

    /// Its `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
            Self::Open => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Writes what is given as `OpenMetrics`.
    #[must_use]
    pub fn write(self, open: String) -> String {
        match self {
            Self::Open => open,
            Self::Plain => plain(&open),
        }
    }
}

/// In the older format a counter's description bears the name that its lines have, there are no
/// units, and nothing says where the end is.
fn plain(open: &str) -> String {
    let counters: BTreeSet<&str> = open
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(open.len());
    for line in open.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        match describes(line).filter(|(_, name, _)| counters.contains(name)) {
            Some((what, name, rest)) => {
                text.extend(["# ", what, " ", name, "_total ", rest]);
            }
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// `HELP` or `TYPE`, the name, and the rest of a line of description.
fn describes(line: &str) -> Option<(&str, &str, &str)> {
    let (what, rest) = line.strip_prefix("# ")?.split_once(' ')?;
    let (name, rest) = rest.split_once(' ')?;
    Some((what, name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scraper_gets_the_format_it_asks_for() {
        for (accept, format) in [
            ("", Format::Plain),
            ("*/*", Format::Plain),
            ("text/plain;version=0.0.4", Format::Plain),
            ("application/openmetrics-text;q=0", Format::Plain),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3",
                Format::Open,
            ),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept}");
        }
    }

    #[test]
    fn in_the_older_format_a_counter_is_described_by_the_name_of_its_lines() {
        let open = "# HELP dinh_events Events stored.\n# TYPE dinh_events counter\n\
            dinh_events_total 3\n# HELP dinh_join_seconds Time.\n# TYPE dinh_join_seconds histogram\n\
            # UNIT dinh_join_seconds seconds\ndinh_join_seconds_count 1\n# EOF\n";
        assert_eq!(Format::Open.write(open.to_owned()), open);
        assert_eq!(
            Format::Plain.write(open.to_owned()),
            "# HELP dinh_events_total Events stored.\n# TYPE dinh_events_total counter\n\
            dinh_events_total 3\n# HELP dinh_join_seconds Time.\n# TYPE dinh_join_seconds histogram\n\
            dinh_join_seconds_count 1\n"
        );
    }
}
