//! How sites came.

use super::distributions;
use crate::page::number::{count, short};
use crate::page::plot::{Axis, Line, Plot};
use crate::page::{Block, Section, Table};
use crate::report::Report;
use crate::timeline::Moment;

pub(super) fn section(report: &Report) -> Section {
    let join = &report.join;
    let mut blocks = Vec::new();
    blocks.extend(Block::plot(&plot(report)));
    let rows = [
        ("TCP", join.tcp),
        ("TLS", join.tls),
        ("WebSocket", join.web_socket),
        ("Welcome: the token is checked", join.welcome),
        ("Offer to answer", join.answer),
        ("ICE", join.ice),
        ("DTLS", join.dtls),
        ("First packet", join.first_packet),
        ("First keyframe complete", join.first_key_frame),
        ("Whole", join.total),
    ];
    let caption = "Each step from the end of the one before, ms";
    blocks.push(Block::Table(distributions(caption, &rows, short)));
    if !report.sites.failures.is_empty() {
        let mut table = Table::new("Why sites failed", &["Reason", "Sites"]);
        for (reason, &number) in &report.sites.failures {
            table.row(reason, [count(number.into())]);
        }
        blocks.push(Block::Table(table));
    }
    Section {
        id: "joins",
        heading: "Joining".to_owned(),
        blocks,
    }
}

fn plot(report: &Report) -> Plot {
    let last = report.sites.all_joined_seconds;
    // What comes after the last has joined is a flat line: leave most of it out.
    let end = last.map_or(f64::INFINITY, |last| (last * 1.25).max(last + 2.0));
    let moments = || {
        report
            .timeline
            .iter()
            .filter(|moment| moment.seconds <= end)
    };
    // Between two moments, the end is known to the millisecond.
    let known = |is_last: bool| {
        let at = last.filter(|_| is_last && report.sites.failed == 0);
        at.map(|at| (at, f64::from(report.sites.joined)))
    };
    let line = |name: &str, is_last: bool, of: fn(&Moment) -> u32| {
        let mut points = vec![(0.0, 0.0)];
        points.extend(moments().map(|moment| (moment.seconds, f64::from(of(moment)))));
        points.extend(known(is_last));
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let name = name.to_owned();
        Line { name, points }
    };
    let mut lines = vec![
        line("With a picture", true, |moment| moment.playing),
        line("Connected", true, |moment| moment.connected),
    ];
    if report.sites.failed > 0 {
        lines.push(line("Failed", false, |moment| moment.failed));
    }
    lines.retain(|line| line.points.len() > 2);
    Plot {
        title: "Sites over time".to_owned(),
        description: format!(
            "{} of {} sites joined{}.",
            count(report.sites.joined.into()),
            count(report.sites.asked.into()),
            last.map_or_else(String::new, |last| format!(
                ", the last after {} seconds",
                short(last)
            )),
        ),
        y_label: "Sites".to_owned(),
        x: Axis::linear("Seconds since the first site began"),
        y: Axis::linear("Sites"),
        lines,
        marks: last
            .map(|last| (last, "all joined".to_owned()))
            .into_iter()
            .collect(),
    }
}
