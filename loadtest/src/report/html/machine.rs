//! What was asked, where it ran, and what both programs used.

use crate::page::number::{bitrate, count, memory, short};
use crate::page::{Block, Section, Table};
use crate::report::{Cores, Report};

/// Facts with a value; what is not known is left out.
fn facts(all: Vec<(&str, String)>) -> Block {
    let known = all.into_iter().filter(|(_, value)| !value.is_empty());
    Block::Facts(
        known
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

pub(super) fn asked(report: &Report) -> Section {
    let scenario = &report.scenario;
    let published = if scenario.layers.is_empty() {
        "nothing by this run".to_owned()
    } else {
        let layers = scenario.layers.join(", ");
        format!(
            "layers {layers}; sound in packets of {} ms",
            scenario.audio_frame_ms
        )
    };
    let machine = &report.machine;
    let number = |value: u64, text: String| if value == 0 { String::new() } else { text };
    let mut blocks = vec![
        facts(vec![
            ("Scenario", scenario.name.clone().unwrap_or_default()),
            ("Sites", count(scenario.sites.into())),
            ("They come", scenario.ramp.clone()),
            (
                "They watch for",
                format!("{} s", short(scenario.duration_seconds)),
            ),
            ("Published", published),
            ("Media over", scenario.transport.to_uppercase()),
            ("Decrypted", decrypted(&scenario.decrypt)),
            ("Seed", scenario.seed.to_string()),
        ]),
        facts(vec![
            ("Processor", machine.cpu_model.clone()),
            (
                "Cores",
                number(machine.cores.into(), machine.cores.to_string()),
            ),
            ("Server may use cores", machine.server_cpus.clone()),
            ("Generator may use cores", machine.generator_cpus.clone()),
            (
                "Memory",
                number(machine.memory_kib, memory(machine.memory_kib as f64)),
            ),
            ("Kernel", machine.kernel.clone()),
        ]),
    ];
    let happenings = scenario.happenings.iter().cloned().map(Block::Text);
    blocks.splice(1..1, happenings);
    Section {
        id: "asked",
        heading: "What was asked, and of which machine".to_owned(),
        blocks,
    }
}

fn decrypted(text: &str) -> String {
    match text.strip_prefix("sample:") {
        Some(every) => format!("all packets of every {every}th site"),
        None if text == "all" => "all packets".to_owned(),
        None => text.to_owned(),
    }
}

fn cores(cores: Cores) -> String {
    let Cores {
        user,
        system,
        total,
    } = cores;
    format!(
        "{} (program {}, kernel {})",
        short(total),
        short(user),
        short(system)
    )
}

pub(super) fn server(report: &Report) -> Option<Section> {
    let server = report.server.as_ref()?;
    let mut table = Table::new("The server's process", &["", ""]);
    let mut row = |name: &str, value: String| table.row(name, [value]);
    row("Cores, while all watch", cores(server.steady_cores));
    row(
        "CPU for each packet, µs",
        short(server.cpu_micros_per_packet),
    );
    row(
        "Packets for each CPU second",
        count(server.packets_per_cpu_second.round() as u64),
    );
    for (name, rate) in [
        (
            "Times its threads slept, a second",
            server.voluntary_switches_per_second,
        ),
        (
            "Times they were pushed aside, a second",
            server.involuntary_switches_per_second,
        ),
    ] {
        if let Some(rate) = rate {
            row(name, short(rate));
        }
    }
    row("CPU while sites joined, s", short(server.join_cpu_seconds));
    if report.sites.joined > 0 {
        let each = server.join_cpu_seconds * 1e3 / f64::from(report.sites.joined);
        row("CPU for each join, ms", short(each));
    }
    row(
        "Memory before anybody came",
        memory(server.idle_rss_kib as f64),
    );
    row("Memory at the end", memory(server.rss_kib as f64));
    row("Memory for each site", memory(server.rss_per_site_kib));
    Some(Section {
        id: "server",
        heading: "Server".to_owned(),
        blocks: vec![Block::Table(table)],
    })
}

pub(super) fn generator(report: &Report) -> Section {
    let generator = &report.generator;
    let mut table = Table::new("The generator's process", &["", ""]);
    let mut row = |name: &str, value: String| table.row(name, [value]);
    row("Cores, while all watch", cores(generator.steady_cores));
    row(
        "Packets received a second",
        count(generator.packets_per_second.round() as u64),
    );
    if let Some(rate) = received(report) {
        row("Media received, about", bitrate(rate));
    }
    row("Datagrams received", count(generator.received));
    row("Messages they came in", count(generator.messages));
    row("Datagrams sent", count(generator.sent));
    row(
        "Datagrams that the system refused to send",
        count(generator.send_failures),
    );
    row(
        "Datagrams dropped for want of time",
        count(generator.kernel_drops),
    );
    row(
        "Packets that failed authentication",
        count(generator.unauthenticated),
    );
    row(
        "Packets of streams nobody announced",
        count(generator.unknown_streams),
    );
    row(
        "Longest time without a look at the sockets, ms",
        short(generator.longest_turn_ms),
    );
    row(
        "Receive buffer of each shared socket",
        memory(generator.receive_buffer_bytes as f64 / 1_024.0),
    );
    Section {
        id: "generator",
        heading: "Generator".to_owned(),
        blocks: vec![
            Block::Text(format!(
                "It received so: {}. What sending costs the server depends on it; compare only \
                 runs that received in the same way.",
                generator.receive_mode
            )),
            Block::Table(table),
        ],
    }
}

/// Bits a second of RTP at all sites, over the time of watching together.
fn received(report: &Report) -> Option<f64> {
    let kinds = [&report.media.audio, &report.media.video]
        .into_iter()
        .flatten();
    let (bytes, packets) = kinds.fold((0, 0), |sum, media| {
        (sum.0 + media.bytes, sum.1 + media.received + media.repaired)
    });
    let size = bytes as f64 / (packets > 0).then_some(packets as f64)?;
    Some(size * 8.0 * report.generator.packets_per_second)
}
