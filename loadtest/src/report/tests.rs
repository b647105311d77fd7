//! Tests of the report.

use super::*;
use crate::measure::Distribution;
use crate::thresholds::Thresholds;

fn summary(ms: u64) -> Option<Summary> {
    let mut one = Distribution::default();
    one.add(std::time::Duration::from_millis(ms));
    one.summary()
}

fn curve(ms: u64) -> Curve {
    let mut one = Distribution::default();
    one.add(std::time::Duration::from_millis(ms));
    one.curve()
}

fn sample() -> Report {
    let mut report = Report {
        schema: SCHEMA,
        version: "1.2.3".to_owned(),
        started: "2026-11-22T02:15:00Z".to_owned(),
        ..Report::default()
    };
    report.scenario.target = "http://127.0.0.1:7900 conference demo".to_owned();
    report.sites = Sites {
        asked: 3,
        joined: 2,
        failed: 1,
        failures: BTreeMap::from([("the DTLS handshake failed".to_owned(), 1)]),
        all_joined_seconds: Some(1.5),
        put_off: 0,
    };
    report.join.total = summary(250);
    report.forward_latency.audio = summary(2);
    report.forward_latency.video = summary(3);
    report.forward_latency.both = summary(3);
    report.media.video = Some(MediaEntry {
        streams: 2,
        expected: 1_000,
        received: 990,
        repaired: 9,
        lost_before_repair: 10,
        lost_after_repair: 1,
        loss_before_repair: 0.01,
        loss_after_repair: 0.001,
        frames_per_second: summary(15),
        jitter: summary(1),
        ..MediaEntry::default()
    });
    report
}

#[test]
fn the_field_names_are_those_of_the_golden_file() {
    let mut report = sample();
    report.server = Some(Server::default());
    if let Some(media) = &mut report.media.video {
        media.heard = Some(Heard::default());
    }
    report.fairness = Some(Fairness::default());
    report.lines = vec![Line::default()];
    report.floor = Some(Floor {
        hand_overs: vec![HandOver::default()],
        ..Floor::default()
    });
    report.faults = vec![Fault {
        others: Some(Others::default()),
        ..Fault::default()
    }];
    report.events = Some(Events::default());
    report.forward_latency.video_curve = curve(3);
    report.timeline = vec![Moment {
        server_cores: Some(0.5),
        server_rss_kib: Some(40_960),
        ..Moment::default()
    }];
    report.published = Some(crate::publish::Sent::default());
    report.thresholds = Thresholds::default().check(&report);
    let json = serde_json::to_string_pretty(&report).unwrap();
    assert_eq!(json.trim(), include_str!("golden.json").trim());
    let back: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(back, report);
}

#[test]
fn each_threshold_is_kept_or_missed_by_its_own_figure() {
    let report = sample();
    let strict = Thresholds {
        max_failed: None,
        max_loss: Some(0.000_5),
        max_join_p99: Some(0.2),
        max_latency_p99: Some(2.5),
        max_audio_gap: Some(100.0),
        min_fps: Some(20.0),
        max_server_cores: Some(1.0),
        ..Thresholds::default()
    };
    let missed = strict.check(&report);
    assert_eq!(missed.len(), 7);
    assert!(missed.iter().all(|verdict| !verdict.kept), "{missed:#?}");
    let easy = Thresholds {
        max_failed: Some(1),
        max_loss: Some(0.002),
        max_join_p99: Some(0.3),
        max_latency_p99: Some(3.5),
        min_fps: Some(14.0),
        ..Thresholds::default()
    };
    let kept = easy.check(&report);
    assert_eq!(kept.len(), 5);
    assert!(kept.iter().all(|verdict| verdict.kept), "{kept:#?}");
}

#[test]
fn what_could_not_be_measured_misses_its_threshold() {
    let verdicts = Thresholds {
        max_server_cores: Some(1.0),
        ..Thresholds::default()
    }
    .check(&Report::default());
    let verdict = verdicts
        .iter()
        .find(|verdict| verdict.name == "maxServerCores")
        .unwrap();
    assert_eq!((verdict.measured, verdict.kept), (None, false));
}

#[test]
fn the_summary_names_failures_and_missed_thresholds() {
    let mut report = sample();
    report.generator.kernel_drops = 5;
    report.thresholds = Thresholds::default().check(&report);
    let text = report.summary();
    for expected in [
        "2 of 3 joined",
        "1 × the DTLS handshake failed",
        "1 missing (0.1000 %)",
        "MISSED    maxFailed 0: 1.000",
        "dropped HERE",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn the_report_is_written_where_it_was_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let written = sample().write(&directory.path().join("new/run")).unwrap();
    let back: Report = serde_json::from_slice(&std::fs::read(written.json).unwrap()).unwrap();
    assert_eq!(back, sample());
    let html = std::fs::read_to_string(written.html).unwrap();
    assert_eq!(html, sample().html());
}
