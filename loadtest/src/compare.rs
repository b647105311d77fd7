//! Two reports side by side: what differs, whether that is better or worse, and whether the two
//! may be compared at all.

mod figures;
mod html;
mod text;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Report;
use crate::report::SCHEMA;
use figures::{FIGURES, Figure, Wish};

/// Smaller differences than this share of the first figure are taken for noise, unless the caller
/// says otherwise. Two runs of the same programs on a quiet machine differ by about so much.
pub const NOISE: f64 = 0.05;

/// Why a file is not a report to compare.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Something else than a report.
    #[error("{path} is not a report.json of dinh-loadtest: {reason}")]
    NotAReport {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Other field names.
    #[error(
        "{path} has schema {found}, and this dinh-loadtest reads schema {SCHEMA}: \
         make both reports with the same version"
    )]
    Schema {
        /// Which.
        path: PathBuf,
        /// Its schema.
        found: u64,
    },
}

/// Reads a report.
///
/// # Errors
/// When it cannot be read, is no report, or has another schema.
pub fn load(path: &Path) -> Result<Report, LoadError> {
    let text = std::fs::read_to_string(path).map_err(|source| LoadError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let wrong = |reason: String| LoadError::NotAReport {
        path: path.to_owned(),
        reason,
    };
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let schema = value.get("schema").and_then(serde_json::Value::as_u64);
    let found = schema.ok_or_else(|| wrong("it has no schema".to_owned()))?;
    if found != u64::from(SCHEMA) {
        let path = path.to_owned();
        return Err(LoadError::Schema { path, found });
    }
    serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
}

/// Two reports side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The first.
    pub a: Side,
    /// The second, which is judged.
    pub b: Side,
    /// Differences up to this share of the first figure are noise.
    pub noise: f64,
    /// Why the two may not be comparable.
    pub warnings: Vec<String>,
    /// Every figure that at least one of them has.
    pub rows: Vec<Row>,
}

/// One of the two.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Its file.
    pub name: String,
    /// When the run began, RFC 3339.
    pub started: String,
    /// Version of the program that made it.
    pub version: String,
    /// All its thresholds were kept.
    pub good: bool,
}

/// One figure of both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What it belongs to.
    pub group: &'static str,
    /// What it is.
    pub name: &'static str,
    /// Its unit; empty for a plain number.
    pub unit: &'static str,
    /// In the first.
    pub a: Option<f64>,
    /// In the second.
    pub b: Option<f64>,
    /// Second less first.
    pub difference: Option<f64>,
    /// The difference as percent of the first; `None` where that is 0.
    pub percent: Option<f64>,
    /// What to think of it.
    pub judgement: Judgement,
}

/// What to think of a difference.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Judgement {
    /// Better than the first by more than noise.
    Better,
    /// Worse than the first by more than noise.
    Worse,
    /// As good as equal.
    Same,
    /// Different, which is neither good nor bad.
    Different,
    /// One of them does not have it.
    Unknown,
}

impl Comparison {
    /// Of two reports with their names. Differences up to `noise`, a share of the first figure, and
    /// those too small to matter whatever they are compared to, count as none.
    pub fn new(a: (&str, &Report), b: (&str, &Report), noise: f64) -> Self {
        let rows = FIGURES.iter().filter_map(|figure| {
            let row = row(figure, (figure.of)(a.1), (figure.of)(b.1), noise);
            (row.a.is_some() || row.b.is_some()).then_some(row)
        });
        Self {
            a: side(a),
            b: side(b),
            noise,
            warnings: warnings(a.1, b.1),
            rows: rows.collect(),
        }
    }

    /// Figures that are worse by more than `percent` percent of the first. A figure that was 0 and
    /// is worse now is among them whatever the percentage.
    pub fn regressions(&self, percent: f64) -> Vec<&Row> {
        let is_worse = |row: &&Row| {
            row.judgement == Judgement::Worse
                && row.percent.is_none_or(|change| change.abs() > percent)
        };
        self.rows.iter().filter(is_worse).collect()
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        text::write(self)
    }

    /// As a page that needs no other file.
    pub fn html(&self) -> String {
        html::write(self)
    }
}

fn side((name, report): (&str, &Report)) -> Side {
    Side {
        name: name.to_owned(),
        started: report.started.clone(),
        version: report.version.clone(),
        good: report.is_good(),
    }
}

fn row(figure: &Figure, a: Option<f64>, b: Option<f64>, noise: f64) -> Row {
    let difference = a.zip(b).map(|(a, b)| b - a);
    let percent = a
        .zip(difference)
        .filter(|(a, _)| a.abs() > f64::EPSILON)
        .map(|(a, difference)| difference / a.abs() * 100.0);
    let judgement = match a.zip(difference) {
        None => Judgement::Unknown,
        Some((a, difference)) if difference.abs() <= (noise * a.abs()).max(figure.trifle) => {
            Judgement::Same
        }
        Some((_, difference)) => match (figure.wish, difference > 0.0) {
            (Wish::Less, false) | (Wish::More, true) => Judgement::Better,
            (Wish::Less, true) | (Wish::More, false) => Judgement::Worse,
            (Wish::Whatever, _) => Judgement::Different,
        },
    };
    Row {
        group: figure.group,
        name: figure.name,
        unit: figure.unit,
        a,
        b,
        difference,
        percent,
        judgement,
    }
}

/// What both should have in common, and do not.
fn warnings(a: &Report, b: &Report) -> Vec<String> {
    type Trait = (&'static str, fn(&Report) -> String);
    const COMMON: [Trait; 15] = [
        ("number of sites", |report| {
            report.scenario.sites.to_string()
        }),
        ("way of coming", |report| report.scenario.ramp.clone()),
        ("time of watching, s", |report| {
            report.scenario.duration_seconds.to_string()
        }),
        ("layers of the picture", |report| {
            report.scenario.layers.join(",")
        }),
        ("length of sound packets, ms", |report| {
            report.scenario.audio_frame_ms.to_string()
        }),
        ("what happens meanwhile", |report| {
            report.scenario.happenings.join("; ")
        }),
        ("transport", |report| report.scenario.transport.clone()),
        ("decryption", |report| report.scenario.decrypt.clone()),
        ("way of receiving", |report| {
            report.generator.receive_mode.clone()
        }),
        ("processor", |report| report.machine.cpu_model.clone()),
        ("number of cores", |report| report.machine.cores.to_string()),
        ("memory, KiB", |report| {
            report.machine.memory_kib.to_string()
        }),
        ("kernel", |report| report.machine.kernel.clone()),
        ("cores of the server", |report| {
            report.machine.server_cpus.clone()
        }),
        ("cores of the generator", |report| {
            report.machine.generator_cpus.clone()
        }),
    ];
    let mut warnings = Vec::new();
    for (name, of) in COMMON {
        let (a, b) = (of(a), of(b));
        if a != b {
            let quoted = |text: String| {
                if text.is_empty() {
                    "none".to_owned()
                } else {
                    text
                }
            };
            let (a, b) = (quoted(a), quoted(b));
            warnings.push(format!("not the same {name}: {a} and {b}"));
        }
    }
    for (which, report) in [("first", a), ("second", b)] {
        let reasons = crate::report::html::warnings(report);
        warnings.extend(
            reasons
                .iter()
                .map(|reason| format!("in the {which} run, {reason}")),
        );
    }
    warnings
}

#[cfg(test)]
mod tests;
