//! The report as text for a terminal.

mod happenings;

use std::fmt::{self, Write as _};

use super::{MediaEntry, Report};
use crate::measure::Summary;

pub(super) fn write(report: &Report) -> String {
    let mut text = String::new();
    fill(report, &mut text).expect("writing to a string cannot fail");
    text
}

fn fill(report: &Report, text: &mut String) -> fmt::Result {
    let sites = &report.sites;
    writeln!(text, "{}", report.scenario.target)?;
    write!(text, "sites     {} of {} joined", sites.joined, sites.asked)?;
    if let Some(seconds) = sites.all_joined_seconds {
        write!(text, ", the last after {seconds:.2} s")?;
    }
    writeln!(text)?;
    for (reason, count) in &sites.failures {
        writeln!(text, "          {count} × {reason}")?;
    }
    writeln!(text)?;
    header(text, "join, ms")?;
    let join = &report.join;
    for (name, summary) in [
        ("TCP", join.tcp),
        ("TLS", join.tls),
        ("WebSocket", join.web_socket),
        ("welcome", join.welcome),
        ("answer", join.answer),
        ("ICE", join.ice),
        ("DTLS", join.dtls),
        ("first packet", join.first_packet),
        ("first keyframe", join.first_key_frame),
        ("total", join.total),
    ] {
        row(text, name, summary)?;
    }
    writeln!(text)?;
    header(text, "forward latency, ms")?;
    row(text, "audio", report.forward_latency.audio)?;
    row(text, "video", report.forward_latency.video)?;
    row(text, "both", report.forward_latency.both)?;
    writeln!(text)?;
    for (name, media) in [
        ("audio", &report.media.audio),
        ("video", &report.media.video),
    ] {
        if let Some(media) = media {
            kind(text, name, media)?;
        }
    }
    happenings::write(report, text)?;
    machine(report, text)?;
    for verdict in &report.thresholds {
        let word = if verdict.kept { "kept  " } else { "MISSED" };
        let measured = verdict
            .measured
            .map_or_else(|| "nothing".to_owned(), |value| format!("{value:.3}"));
        writeln!(
            text,
            "{word}    {} {}: {measured}",
            verdict.name, verdict.limit
        )?;
    }
    Ok(())
}

fn header(text: &mut String, title: &str) -> fmt::Result {
    writeln!(
        text,
        "{title:<20}{:>10}{:>10}{:>10}{:>10}",
        "p50", "p90", "p99", "max"
    )
}

fn row(text: &mut String, name: &str, summary: Option<Summary>) -> fmt::Result {
    let Some(Summary {
        p50, p90, p99, max, ..
    }) = summary
    else {
        return Ok(());
    };
    writeln!(
        text,
        "  {name:<18}{p50:>10.1}{p90:>10.1}{p99:>10.1}{max:>10.1}"
    )
}

fn kind(text: &mut String, name: &str, media: &MediaEntry) -> fmt::Result {
    let MediaEntry {
        streams,
        received,
        repaired,
        lost_before_repair,
        ..
    } = media;
    write!(
        text,
        "{name:<10}{streams} streams, {received} packets, {lost_before_repair} lost, "
    )?;
    let share = media.loss_after_repair * 100.0;
    writeln!(
        text,
        "{repaired} repaired, {} missing ({share:.4} %)",
        media.lost_after_repair
    )?;
    let jitter = media.jitter.map_or(0.0, |jitter| jitter.p99);
    let (stalls, longest) = (media.stalls.count, media.stalls.longest_ms);
    write!(
        text,
        "          jitter p99 {jitter:.1} ms, {stalls} gaps, the longest {longest:.0} ms"
    )?;
    if let Some(rates) = media.frames_per_second {
        write!(text, ", {:.1} frames/s (worst {:.1})", rates.p50, rates.min)?;
    }
    if let Some(heard) = media.heard {
        let share = heard.share_concealed * 100.0;
        let recovered = heard.recovered;
        write!(
            text,
            ", {share:.2} % made up, {recovered} carried by later sound"
        )?;
    }
    writeln!(
        text,
        "\n          {} late, {} twice, {} NACKs, {} PLIs",
        media.late, media.duplicates, media.nacks, media.plis
    )
}

fn machine(report: &Report, text: &mut String) -> fmt::Result {
    if let Some(server) = &report.server {
        let cores = server.steady_cores;
        write!(text, "server    {:.3} cores ", cores.total)?;
        write!(
            text,
            "(user {:.3}, system {:.3}), ",
            cores.user, cores.system
        )?;
        write!(text, "{:.2} µs per packet, ", server.cpu_micros_per_packet)?;
        writeln!(text, "{:.1} KiB per site", server.rss_per_site_kib)?;
    }
    let generator = &report.generator;
    let cores = generator.steady_cores.total;
    let rate = generator.packets_per_second;
    writeln!(
        text,
        "generator {cores:.3} cores, {rate:.0} packets/s, {}",
        generator.receive_mode
    )?;
    if generator.kernel_drops > 0 {
        let drops = generator.kernel_drops;
        writeln!(
            text,
            "          {drops} datagrams were dropped HERE: distrust this run"
        )?;
    }
    writeln!(text)
}
