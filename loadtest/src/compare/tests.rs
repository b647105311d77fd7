//! Tests of comparisons.

use super::*;
use crate::measure::Distribution;
use crate::report::{Cores, MediaEntry, Server};

fn report(latency_ms: u64, cores: f64, lost: f64) -> Report {
    let mut latency = Distribution::default();
    latency.add(std::time::Duration::from_millis(latency_ms));
    let mut report = Report {
        schema: SCHEMA,
        started: "2026-11-22T02:15:00Z".to_owned(),
        ..Report::default()
    };
    report.scenario.sites = 400;
    report.forward_latency.video = latency.summary();
    report.media.video = Some(MediaEntry {
        loss_after_repair: lost,
        ..MediaEntry::default()
    });
    report.server = Some(Server {
        steady_cores: Cores {
            total: cores,
            ..Cores::default()
        },
        ..Server::default()
    });
    report
}

fn compare(a: &Report, b: &Report) -> Comparison {
    Comparison::new(("a.json", a), ("b.json", b), NOISE)
}

fn judgement(comparison: &Comparison, group: &str, name: &str) -> Judgement {
    let mut rows = comparison.rows.iter();
    let row = rows.find(|row| row.group == group && row.name == name);
    row.unwrap().judgement
}

#[test]
fn differences_are_better_worse_or_noise() {
    let compared = compare(&report(10, 0.50, 0.0), &report(20, 0.40, 0.0));
    assert_eq!(
        judgement(&compared, "Forward latency", "Picture, 99 %"),
        Judgement::Worse
    );
    assert_eq!(
        judgement(&compared, "Server", "Cores while all watch"),
        Judgement::Better
    );
    assert_eq!(
        judgement(&compared, "Picture", "Lost for good"),
        Judgement::Same
    );
    let quiet = compare(&report(10, 0.50, 0.0), &report(10, 0.51, 0.0));
    assert_eq!(
        judgement(&quiet, "Server", "Cores while all watch"),
        Judgement::Same
    );
    let row = compared
        .rows
        .iter()
        .find(|row| row.name == "Picture, 99 %")
        .unwrap();
    assert!(
        (row.percent.unwrap() - 100.0).abs() < 1.0 && (row.difference.unwrap() - 10.0).abs() < 0.1
    );
}

#[test]
fn a_figure_that_one_of_them_lacks_is_not_judged() {
    let mut without = report(10, 0.5, 0.0);
    without.server = None;
    let compared = compare(&without, &report(10, 0.5, 0.0));
    assert_eq!(
        judgement(&compared, "Server", "Cores while all watch"),
        Judgement::Unknown
    );
    assert!(
        compared
            .rows
            .iter()
            .all(|row| row.a.is_some() || row.b.is_some())
    );
}

#[test]
fn a_regression_is_worse_by_more_than_was_allowed() {
    let compared = compare(&report(10, 0.50, 0.0), &report(10, 0.60, 0.0));
    let names = |percent| {
        let rows = compared.regressions(percent);
        rows.iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(names(10.0), ["Cores while all watch"]);
    assert!(names(30.0).is_empty());
    let lossy = compare(&report(10, 0.50, 0.0), &report(10, 0.50, 0.001));
    assert_eq!(
        lossy.regressions(1_000.0).len(),
        1,
        "from nothing to something is always more"
    );
}

#[test]
fn whatever_makes_two_runs_incomparable_is_said() {
    let (a, mut b) = (report(10, 0.5, 0.0), report(10, 0.5, 0.0));
    assert!(compare(&a, &b).warnings.is_empty());
    b.scenario.sites = 200;
    b.generator.receive_mode = "one socket a site".to_owned();
    b.generator.kernel_drops = 3;
    b.machine.cores = 8;
    let warnings = compare(&a, &b).warnings.join("\n");
    for expected in [
        "not the same number of sites: 400 and 200",
        "not the same way of receiving: none and one socket a site",
        "not the same number of cores: 0 and 8",
        "in the second run, 3 datagrams were dropped",
    ] {
        assert!(
            warnings.contains(expected),
            "{expected:?} is not in\n{warnings}"
        );
    }
}

#[test]
fn both_outputs_name_what_is_worse() {
    let compared = compare(&report(10, 0.50, 0.0), &report(20, 0.50, 0.0));
    let text = compared.text();
    assert!(
        text.contains("Picture, 99 %, ms") && text.contains("WORSE"),
        "{text}"
    );
    let html = compared.html();
    assert!(
        html.contains("✗ worse") && html.contains("B against A: 3 figures worse"),
        "{html}"
    );
    let json = serde_json::to_string(&compared).unwrap();
    assert!(json.contains("\"judgement\":\"worse\""), "{json}");
}

#[test]
fn only_reports_of_this_schema_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    let refused = |text: &str| {
        std::fs::write(&path, text).unwrap();
        load(&path).unwrap_err().to_string()
    };
    assert!(refused("{\"schema\": 1}").contains("has schema 1"));
    assert!(refused("{}").contains("it has no schema"));
    assert!(refused("hello").contains("is not a report.json"));
    let missing = load(Path::new("/nonexistent")).unwrap_err().to_string();
    assert!(missing.contains("cannot read /nonexistent"), "{missing}");
    let written = report(10, 0.5, 0.0).write(directory.path()).unwrap();
    assert_eq!(load(&written.json).unwrap(), report(10, 0.5, 0.0));
}
