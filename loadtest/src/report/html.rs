//! The report as a page: what each section says. How a page looks is in [`page`](crate::page).

mod arrived;
mod changes;
mod joins;
mod machine;
mod time;

use super::Report;
use crate::measure::{Curve, Summary};
use crate::page::number::{count, percent, short};
use crate::page::plot::{Axis, Line, Plot};
use crate::page::{Block, Page, Row, Section, State, Table, Tile, Verdict};
use crate::thresholds;

/// Turns of the generator longer than this make latencies look worse than they are, ms.
const LONG_TURN_MS: f64 = 50.0;

pub(super) fn write(report: &Report) -> String {
    page(report).write()
}

fn page(report: &Report) -> Page {
    let scenario = &report.scenario;
    let sections = [
        Some(result(report)),
        Some(machine::asked(report)),
        Some(joins::section(report)),
        latency(report),
        arrived::section(report),
        arrived::lines(report),
        changes::floor(report),
        changes::faults(report),
        changes::events(report),
        time::section(report),
        machine::server(report),
        Some(machine::generator(report)),
    ];
    Page {
        title: format!("Load test with {} sites", count(u64::from(scenario.sites))),
        about: vec![scenario.target.clone(), started(&report.started)],
        verdict: verdict(report),
        sections: sections.into_iter().flatten().collect(),
        footer: format!("Made by dinh-loadtest {} from report.json.", report.version),
    }
}

/// RFC 3339 to the second, as people write it.
pub(crate) fn started(text: &str) -> String {
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => text.to_owned(),
    }
}

fn verdict(report: &Report) -> Verdict {
    let missed: Vec<String> = report
        .thresholds
        .iter()
        .filter(|one| !one.kept)
        .map(|one| {
            let (limit, measured) = figures(one);
            let (label, ..) = thresholds::words(&one.name);
            format!("{label}: {measured}, allowed {limit}")
        })
        .collect();
    let (all, kept) = (report.thresholds.len(), missed.is_empty());
    let word = if all == 1 { "threshold" } else { "thresholds" };
    Verdict {
        state: if kept { State::Good } else { State::Bad },
        text: if kept {
            format!("Kept: {all} of {all} {word}")
        } else {
            format!("Missed: {} of {all} {word}", missed.len())
        },
        details: missed,
        warnings: warnings(report),
    }
}

/// Limit and measured value of a threshold, with their unit.
fn figures(verdict: &thresholds::Verdict) -> (String, String) {
    let (_, unit, factor) = thresholds::words(&verdict.name);
    let value = |value: f64| {
        let text = format!("{} {unit}", short(value * factor));
        text.trim_end().to_owned()
    };
    let measured = verdict
        .measured
        .map_or_else(|| "not measured".to_owned(), value);
    (value(verdict.limit), measured)
}

/// Why the figures may not be the server's.
pub(crate) fn warnings(report: &Report) -> Vec<String> {
    let generator = &report.generator;
    let mut warnings = Vec::new();
    if generator.kernel_drops > 0 {
        warnings.push(format!(
            "{} datagrams were dropped on this side, because the generator was too slow. \
             Loss and latency are not the server's alone.",
            count(generator.kernel_drops)
        ));
    }
    if generator.longest_turn_ms > LONG_TURN_MS {
        warnings.push(format!(
            "the generator once did not look at its sockets for {} ms, which delays what it sends \
             and asks for. Give it a core of its own.",
            short(generator.longest_turn_ms)
        ));
    }
    warnings
}

fn result(report: &Report) -> Section {
    let mut table = Table::new("Thresholds", &["Threshold", "Result", "Measured", "Limit"]);
    for verdict in &report.thresholds {
        let (word, state) = if verdict.kept {
            ("✓ kept", State::Good)
        } else {
            ("✗ missed", State::Bad)
        };
        let (limit, measured) = figures(verdict);
        table.rows.push(Row {
            name: thresholds::words(&verdict.name).0.to_owned(),
            cells: vec![word.to_owned(), measured, limit],
            state,
        });
    }
    Section {
        id: "result",
        heading: "Result".to_owned(),
        blocks: vec![Block::Tiles(tiles(report)), Block::Table(table)],
    }
}

fn tiles(report: &Report) -> Vec<Tile> {
    let sites = &report.sites;
    let joined = format!(
        "{} of {}",
        count(sites.joined.into()),
        count(sites.asked.into())
    );
    let last = sites
        .all_joined_seconds
        .map(|seconds| format!("the last after {} s", short(seconds)));
    let mut tiles = vec![Tile::new(
        "Sites joined",
        joined,
        "",
        last.unwrap_or_default(),
    )];
    if let Some(Summary { p50, p99, .. }) = report.join.total {
        let note = format!("99 % within {} s", short(p99 / 1e3));
        tiles.push(Tile::new("Joining, median", short(p50), "ms", note));
    }
    if let Some(Summary { p50, p99, .. }) = report.forward_latency.video {
        let note = format!("99 % within {} ms", short(p99));
        tiles.push(Tile::new(
            "Picture forwarded in, median",
            short(p50),
            "ms",
            note,
        ));
    }
    let kinds = [&report.media.audio, &report.media.video];
    let kinds = || kinds.into_iter().flatten();
    let expected: u64 = kinds().map(|media| media.expected).sum();
    if expected > 0 {
        let missing: u64 = kinds().map(|media| media.lost_after_repair).sum();
        let before: u64 = kinds().map(|media| media.lost_before_repair).sum();
        let share = |part: u64| percent(part as f64 / expected as f64);
        let note = format!("{} before repair", share(before));
        tiles.push(Tile::new("Lost for good", share(missing), "", note));
    }
    if let Some(server) = &report.server {
        let note = format!("{} µs for each packet", short(server.cpu_micros_per_packet));
        let cores = short(server.steady_cores.total);
        tiles.push(Tile::new("Server, while all watch", cores, "cores", note));
        let memory = short(server.rss_per_site_kib);
        let note = "over what it uses when idle".to_owned();
        tiles.push(Tile::new("Memory for each site", memory, "KiB", note));
    }
    tiles
}

/// A table of distributions, one a row.
fn distributions(
    caption: &str,
    rows: &[(&str, Option<Summary>)],
    format: fn(f64) -> String,
) -> Table {
    let columns = [
        "", "Count", "Least", "Median", "90 %", "99 %", "99.9 %", "Greatest",
    ];
    let mut table = Table::new(caption, &columns);
    for (name, summary) in rows {
        let Some(summary) = summary else {
            continue;
        };
        let Summary {
            count: number,
            min,
            p50,
            p90,
            p99,
            p999,
            max,
            mean: _,
        } = *summary;
        let values = [min, p50, p90, p99, p999, max].map(format);
        table.row(name, [count(number)].into_iter().chain(values));
    }
    table
}

/// A curve to be drawn. Its greatest value has no place on an axis that never ends: it is put one
/// step behind the one before it.
fn tail(curve: &Curve) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(curve.len());
    for point in curve {
        let last = points.last().map_or(0.0, |last| last.0);
        let step = 10_f64.powf(-0.125);
        points.push((point.quantile.min(1.0 - (1.0 - last) * step), point.ms));
    }
    points
}

fn latency(report: &Report) -> Option<Section> {
    let latency = &report.forward_latency;
    if latency.audio.is_none() && latency.video.is_none() {
        return None;
    }
    let line = |name: &str, curve: &Curve| Line {
        name: name.to_owned(),
        points: tail(curve),
    };
    let plot = Plot {
        title: "Forward latency by share of packets".to_owned(),
        description: "The further right, the rarer. The table below has the same figures."
            .to_owned(),
        y_label: "Milliseconds, logarithmic".to_owned(),
        x: Axis::tail("Share of packets that are at least as fast"),
        y: Axis::log("ms"),
        lines: vec![
            line("Picture, by frame", &latency.video_curve),
            line("Sound, by packet", &latency.audio_curve),
        ],
        marks: Vec::new(),
    };
    let rows = [
        ("Picture", latency.video),
        ("Sound", latency.audio),
        ("Both", latency.both),
    ];
    let mut blocks = vec![Block::Text(
        "From the sender's send call to the receiver's kernel, by a time stamp that travels in the \
         packet. Sender and receivers are one process, so they have one clock."
            .to_owned(),
    )];
    blocks.extend(Block::plot(&plot));
    blocks.push(Block::Table(distributions(
        "Forward latency, ms",
        &rows,
        short,
    )));
    Some(Section {
        id: "latency",
        heading: "Forward latency".to_owned(),
        blocks,
    })
}
