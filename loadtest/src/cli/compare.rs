//! Arguments of `compare`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use loadtest::compare::{Comparison, NOISE, load};

#[derive(Args, Debug)]
pub(crate) struct Compare {
    /// report.json of the first run
    #[arg(value_name = "A.json")]
    a: PathBuf,
    /// report.json of the second run, which is judged
    #[arg(value_name = "B.json")]
    b: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Write a page, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Take differences up to this many percent for noise
    #[arg(long, value_name = "PERCENT", default_value_t = NOISE * 100.0, value_parser = percent)]
    noise: f64,
    /// End with exit code 1 when a figure is worse by more than this many percent
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    fail_on_regression: Option<f64>,
}

/// What is to be printed, and whether all is well.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) text: String,
    pub(crate) good: bool,
}

impl Compare {
    /// Reads both, compares them and writes the page.
    pub(crate) fn run(&self) -> anyhow::Result<Compared> {
        let (a, b) = (load(&self.a)?, load(&self.b)?);
        let name = |path: &Path| path.display().to_string();
        let sides = ((name(&self.a), &a), (name(&self.b), &b));
        let ((a_name, a), (b_name, b)) = sides;
        let compared = Comparison::new((&a_name, a), (&b_name, b), self.noise / 100.0);
        if let Some(path) = &self.html {
            std::fs::write(path, compared.html())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let mut text = if self.json {
            serde_json::to_string_pretty(&compared)? + "\n"
        } else {
            compared.text()
        };
        let mut good = true;
        if let Some(percent) = self.fail_on_regression {
            let worse = compared.regressions(percent);
            good = worse.is_empty();
            if !good && !self.json {
                let names: Vec<String> = worse
                    .iter()
                    .map(|row| format!("{}: {}", row.group, row.name))
                    .collect();
                text += &format!("worse by more than {percent} %: {}\n", names.join("; "));
            }
        }
        Ok(Compared { text, good })
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let value: Result<f64, _> = text.trim_end_matches('%').trim().parse();
    value
        .ok()
        .filter(|value| value.is_finite() && *value >= 0.0)
        .ok_or_else(|| "write a percentage, such as 10".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use loadtest::Report;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parse(line: &str) -> Result<Compare, clap::Error> {
        let words = ["dinh-loadtest", "compare"];
        let words = words.into_iter().chain(line.split_whitespace());
        match Cli::try_parse_from(words)?.command {
            Command::Compare(compare) => Ok(compare),
            Command::Run(_) | Command::Keep(_) => panic!("it was compare"),
        }
    }

    #[test]
    fn a_regression_beyond_the_limit_is_not_good() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, failed: u32| {
            let mut report = Report {
                schema: loadtest::report::SCHEMA,
                ..Report::default()
            };
            report.sites.failed = failed;
            report.write(&directory.path().join(name)).unwrap().json
        };
        let (a, b) = (write("a", 0), write("b", 3));
        let page = directory.path().join("page.html");
        let files = format!("{} {}", a.display(), b.display());
        let run = |options: &str| parse(&format!("{files} {options}")).unwrap().run().unwrap();
        assert!(run("").good, "nothing was forbidden");
        let failed = run(&format!(
            "--fail-on-regression 10 --html {}",
            page.display()
        ));
        assert!(!failed.good && failed.text.contains("Joining: Sites that failed"));
        assert!(std::fs::read_to_string(page).unwrap().contains("✗ worse"));
        let json: serde_json::Value = serde_json::from_str(&run("--json").text).unwrap();
        assert_eq!(json["rows"][0]["difference"], 3.0);
    }

    #[test]
    fn what_is_no_percentage_is_refused() {
        let error = parse("a b --fail-on-regression lots").unwrap_err();
        assert!(error.to_string().contains("such as 10"), "{error}");
    }
}
