//! A comparison as a page.

use super::text::{change, value};
use super::{Comparison, Judgement, Row as Compared};
use crate::page::number::short;
use crate::page::{Block, Page, Row, Section, State, Table, Verdict};
use crate::report::html::started;

pub(super) fn write(comparison: &Comparison) -> String {
    page(comparison).write()
}

fn page(comparison: &Comparison) -> Page {
    let count = |wanted: Judgement| {
        let rows = comparison.rows.iter();
        rows.filter(|row| row.judgement == wanted).count()
    };
    let (better, worse) = (count(Judgement::Better), count(Judgement::Worse));
    let state = match (better, worse) {
        (_, 1..) => State::Bad,
        (1.., 0) => State::Good,
        (0, 0) => State::Neutral,
    };
    let about = [("A", &comparison.a), ("B", &comparison.b)];
    let noise = short(comparison.noise * 100.0);
    Page {
        title: "Two load tests compared".to_owned(),
        about: about
            .map(|(letter, side)| format!("{letter}: {}, {}", side.name, started(&side.started)))
            .to_vec(),
        verdict: Verdict {
            state,
            text: format!("B against A: {worse} figures worse, {better} better"),
            details: Vec::new(),
            warnings: comparison.warnings.clone(),
        },
        sections: vec![Section {
            id: "figures",
            heading: "Figures".to_owned(),
            blocks: tables(comparison),
        }],
        footer: format!(
            "Made by dinh-loadtest compare {}. Differences up to {noise} % of A, and trifles, count \
             as none.",
            env!("CARGO_PKG_VERSION")
        ),
    }
}

/// One table for each group.
fn tables(comparison: &Comparison) -> Vec<Block> {
    let groups = comparison
        .rows
        .chunk_by(|one, next| one.group == next.group);
    let table = |rows: &[Compared]| {
        let caption = rows.first().map_or("", |row| row.group);
        let columns = ["", "Judgement", "A", "B", "B − A", "%"];
        let mut table = Table::new(caption, &columns);
        table.rows = rows.iter().map(row).collect();
        Block::Table(table)
    };
    groups.map(table).collect()
}

fn row(row: &Compared) -> Row {
    let (word, state) = match row.judgement {
        Judgement::Better => ("✓ better", State::Good),
        Judgement::Worse => ("✗ worse", State::Bad),
        Judgement::Same => ("same", State::Neutral),
        Judgement::Different | Judgement::Unknown => ("", State::Neutral),
    };
    let values = [row.a, row.b].map(value).into_iter().chain(change(row));
    Row {
        name: match row.unit {
            "" => row.name.to_owned(),
            unit => format!("{}, {unit}", row.name),
        },
        cells: [word.to_owned()].into_iter().chain(values).collect(),
        state,
    }
}
