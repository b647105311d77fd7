//! What changed while all watched: the floor, sites that went and came back, what all were told.

use super::distributions;
use crate::page::number::{count, percent, short};
use crate::page::{Block, Row, Section, State, Table, Tile};
use crate::report::{Fault, FaultKind, HandOver, Report};

/// For what was not measured.
fn or_none(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), short)
}

pub(super) fn floor(report: &Report) -> Option<Section> {
    let floor = report.floor.as_ref()?;
    let mut tiles = vec![
        Tile::new(
            "Hand-overs",
            count(floor.hand_overs.len() as u64),
            "",
            String::new(),
        ),
        Tile::new(
            "Sites that missed a speaker",
            count(floor.missed.into()),
            "",
            String::new(),
        ),
        Tile::new(
            "Sites that negotiated again",
            count(floor.renegotiated.into()),
            "",
            String::new(),
        ),
    ];
    if let Some(latency) = floor.latency {
        let note = format!("99 % within {} ms", short(latency.p99));
        let name = "New speaker seen after, median";
        tiles.insert(1, Tile::new(name, short(latency.p50), "ms", note));
    }
    let columns = [
        "At second",
        "Result",
        "To site",
        "Granted, ms",
        "Speaker told, ms",
        "Seen by",
        "Median, ms",
        "99 %, ms",
        "Last, ms",
    ];
    let mut table = Table::new(
        "From the command to the new speaker's first complete keyframe",
        &columns,
    );
    table.rows.extend(floor.hand_overs.iter().map(hand_over));
    Some(Section {
        id: "floor",
        heading: "Handing over the floor".to_owned(),
        blocks: vec![Block::Tiles(tiles), Block::Table(table)],
    })
}

fn hand_over(one: &HandOver) -> Row {
    let latency = |of: fn(&crate::measure::Summary) -> f64| or_none(one.latency.as_ref().map(of));
    let (result, state) = match (&one.failure, one.missed) {
        (Some(reason), _) => (format!("✗ {reason}"), State::Bad),
        (None, 0) => ("✓ seen by all".to_owned(), State::Good),
        (None, missed) => (
            format!("✗ {} did not see it", count(missed.into())),
            State::Bad,
        ),
    };
    let seen = one.sites.saturating_sub(one.missed);
    Row {
        name: short(one.at_seconds),
        cells: vec![
            result,
            one.site.clone(),
            or_none(one.granted_ms),
            or_none(one.told_ms),
            format!("{} of {}", count(seen.into()), count(one.sites.into())),
            latency(|latency| latency.p50),
            latency(|latency| latency.p99),
            latency(|latency| latency.max),
        ],
        state,
    }
}

pub(super) fn faults(report: &Report) -> Option<Section> {
    if report.faults.is_empty() {
        return None;
    }
    Some(Section {
        id: "faults",
        heading: "Going and coming back".to_owned(),
        blocks: report.faults.iter().flat_map(fault).collect(),
    })
}

fn fault(fault: &Fault) -> Vec<Block> {
    let at = short(fault.at_seconds);
    let (what, came) = match fault.kind {
        FaultKind::Reload => (format!("At second {at}, reloading at once"), "Came back"),
        FaultKind::Churn => (
            format!("From second {at} on, leaving and joining again"),
            "Joined again",
        ),
        FaultKind::Restart => {
            let how = fault.how.as_deref().unwrap_or("restart");
            (format!("At second {at}, the server: {how}"), "Came back")
        }
    };
    let all_back = fault.all_back_seconds;
    let back = format!(
        "{} of {}",
        count(fault.back.into()),
        count(fault.sites.into())
    );
    let last = all_back.map(|seconds| format!("the last after {} s", short(seconds)));
    let mut tiles = vec![
        Tile::new(came, back, "", last.unwrap_or_default()),
        Tile::new(
            "Known again as the same",
            count(fault.resumed.into()),
            "",
            String::new(),
        ),
    ];
    if let Some(others) = &fault.others {
        let audio = others.media.audio.as_ref();
        let gap = or_none(audio.map(|audio| audio.stalls.longest_ms));
        let note = format!(
            "of {} others in {} s",
            count(others.sites.into()),
            short(others.seconds)
        );
        tiles.push(Tile::new(
            "Longest gap in the others' sound",
            gap,
            "ms",
            note,
        ));
        let lost = [audio, others.media.video.as_ref()].into_iter().flatten();
        let worst = lost.map(|media| media.loss_after_repair).reduce(f64::max);
        if let Some(worst) = worst {
            tiles.push(Tile::new(
                "Lost for good by the others",
                percent(worst),
                "",
                String::new(),
            ));
        }
    }
    let rows = [
        ("Media possible", fault.connected),
        ("First packet", fault.first_packet),
        ("First sound", fault.heard),
        ("First keyframe complete", fault.first_key_frame),
    ];
    let caption = format!("{what}: until they were back, ms");
    let failure = fault.failure.as_ref();
    let failure = failure.map(|reason| format!(" It came to nothing: {reason}."));
    vec![
        Block::Text(format!("{what}.{}", failure.unwrap_or_default())),
        Block::Tiles(tiles),
        Block::Table(distributions(&caption, &rows, short)),
    ]
}

pub(super) fn events(report: &Report) -> Option<Section> {
    let events = report.events.as_ref()?;
    let mut table = Table::new(
        "What sites were told, against what the server knows",
        &["", ""],
    );
    table.row("State messages read", [count(events.messages)]);
    table.row(
        "Older than what the site knew",
        [count(events.out_of_order)],
    );
    table.row("Sites compared at the end", [count(events.sites.into())]);
    table.row(
        "Sites that had missed something",
        [count(events.differing.into())],
    );
    for (name, &number) in &events.missed {
        table.row(&format!("Missed: {name}"), [count(number.into())]);
    }
    if let Some(roster) = events.roster {
        table.row(
            "Participants on the operator's roster",
            [count(roster.into())],
        );
    }
    if let Some(differences) = events.roster_differences {
        table.row(
            "Entries that differ from the server's",
            [count(differences.into())],
        );
    }
    Some(Section {
        id: "events",
        heading: "Does everybody know the same?".to_owned(),
        blocks: vec![Block::Table(table)],
    })
}
