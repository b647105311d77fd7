//! How the run went, second by second.

use crate::page::number::{count, memory, short};
use crate::page::plot::{Axis, Line, Plot};
use crate::page::{Block, Section, Table};
use crate::report::Report;
use crate::timeline::Moment;

/// Most rows of the table of figures; of a longer run every n-th moment is shown.
const MAX_ROWS: usize = 150;

pub(super) fn section(report: &Report) -> Option<Section> {
    if report.timeline.len() < 2 {
        return None;
    }
    let line = |name: &str, of: fn(&Moment) -> Option<f64>| Line {
        name: name.to_owned(),
        points: report
            .timeline
            .iter()
            .filter_map(|moment| Some((moment.seconds, of(moment)?)))
            .collect(),
    };
    let plot = |title: &str, y_label: &str, lines: Vec<Line>| Plot {
        title: title.to_owned(),
        description: format!("{title}, second by second. The table below has the same figures."),
        y_label: y_label.to_owned(),
        x: Axis::linear("Seconds since the first site began"),
        y: Axis::linear(y_label),
        lines,
        marks: report
            .sites
            .all_joined_seconds
            .map(|last| (last, "all joined".to_owned()))
            .into_iter()
            .collect(),
    };
    let plots = [
        plot(
            "Packets received by all sites",
            "Packets a second",
            vec![line("Packets", |moment| Some(moment.packets_per_second))],
        ),
        plot(
            "CPU",
            "Cores",
            vec![
                line("Server", |moment| moment.server_cores),
                line("Generator", |moment| Some(moment.generator_cores)),
            ],
        ),
        plot(
            "Resident memory of the server",
            "MiB",
            vec![line("Server", |moment| {
                Some(moment.server_rss_kib? as f64 / 1_024.0)
            })],
        ),
    ];
    let mut blocks: Vec<Block> = plots.iter().filter_map(Block::plot).collect();
    blocks.push(Block::Folded(table(&report.timeline)));
    Some(Section {
        id: "time",
        heading: "Over time".to_owned(),
        blocks,
    })
}

fn table(moments: &[Moment]) -> Table {
    let every = moments.len().div_ceil(MAX_ROWS).max(1);
    let caption = if every == 1 {
        "Second by second".to_owned()
    } else {
        format!("Every {every}th moment")
    };
    let columns = [
        "Second",
        "Connected",
        "With a picture",
        "Failed",
        "Packets/s",
        "Server cores",
        "Server memory",
        "Generator cores",
    ];
    let mut table = Table::new(&caption, &columns);
    let none = || "–".to_owned();
    for moment in moments.iter().step_by(every) {
        let cells = [
            count(moment.connected.into()),
            count(moment.playing.into()),
            count(moment.failed.into()),
            count(moment.packets_per_second.round() as u64),
            moment.server_cores.map_or_else(none, short),
            moment
                .server_rss_kib
                .map_or_else(none, |kib| memory(kib as f64)),
            short(moment.generator_cores),
        ];
        table.row(&format!("{:.1}", moment.seconds), cells);
    }
    table
}
