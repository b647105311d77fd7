//! What happened while all watched, as text: the floor, faults, lines, fairness, events.

use std::fmt::{self, Write as _};

use crate::report::{Events, Fault, FaultKind, Floor, HostileEntry, Line, Others, Report};

pub(super) fn write(report: &Report, text: &mut String) -> fmt::Result {
    if let Some(floor) = &report.floor {
        self::floor(floor, text)?;
    }
    for fault in &report.faults {
        self::fault(fault, text)?;
    }
    for line in &report.lines {
        self::line(line, text)?;
    }
    if let Some(hostile) = &report.hostile {
        self::hostile(hostile, text)?;
    }
    if let Some(fairness) = &report.fairness {
        let (index, sites) = (fairness.jain_bytes, fairness.sites);
        let (min, max) = (fairness.min_kbps, fairness.max_kbps);
        writeln!(
            text,
            "fairness  {index:.4} among {sites} sites, {min:.0} to {max:.0} kbit/s"
        )?;
    }
    if let Some(events) = &report.events {
        self::events(events, text)?;
    }
    Ok(())
}

fn floor(floor: &Floor, text: &mut String) -> fmt::Result {
    let count = floor.hand_overs.len();
    write!(text, "floor     {count} hand-overs")?;
    if let Some(latency) = floor.latency {
        let (p50, p99, max) = (latency.p50, latency.p99, latency.max);
        write!(
            text,
            ", picture p50 {p50:.0} ms, p99 {p99:.0} ms, max {max:.0} ms"
        )?;
    }
    let (missed, again) = (floor.missed, floor.renegotiated);
    writeln!(text, ", {missed} missed, {again} renegotiated")?;
    for one in &floor.hand_overs {
        if let Some(reason) = &one.failure {
            writeln!(text, "          {} did not get it: {reason}", one.site)?;
        }
    }
    Ok(())
}

fn fault(fault: &Fault, text: &mut String) -> fmt::Result {
    let what = match fault.kind {
        FaultKind::Reload => "reload   ",
        FaultKind::Churn => "churn    ",
        FaultKind::Restart => "restart  ",
    };
    let Fault {
        sites,
        back,
        resumed,
        ..
    } = fault;
    let how = fault.how.as_ref().map(|how| format!("{how}: "));
    let how = how.unwrap_or_default();
    write!(text, "{what} {how}{sites} went, {back} came back")?;
    if fault.kind != FaultKind::Churn {
        write!(text, " ({resumed} resumed)")?;
    }
    if let Some(heard) = fault.heard.filter(|_| fault.kind == FaultKind::Restart) {
        let (p50, p99, max) = (heard.p50 / 1e3, heard.p99 / 1e3, heard.max / 1e3);
        write!(
            text,
            ", hear p50 {p50:.2} s, p99 {p99:.2} s, all {max:.2} s"
        )?;
    }
    if let Some(picture) = fault.first_key_frame {
        let (p50, p99) = (picture.p50 / 1e3, picture.p99 / 1e3);
        write!(text, ", picture p50 {p50:.2} s, p99 {p99:.2} s")?;
    }
    if let Some(seconds) = fault.all_back_seconds {
        write!(text, ", all after {seconds:.2} s")?;
    }
    writeln!(text)?;
    if let Some(reason) = &fault.failure {
        writeln!(text, "          it came to nothing: {reason}")?;
    }
    if let Some(others) = &fault.others {
        let sound = others.media.audio.as_ref().map(|audio| audio.stalls);
        let (count, longest) = sound.map_or((0, 0.0), |stalls| (stalls.count, stalls.longest_ms));
        let sites = others.sites;
        writeln!(
            text,
            "          the {sites} others: {count} gaps in sound, the longest {longest:.0} ms"
        )?;
    }
    Ok(())
}

fn line(line: &Line, text: &mut String) -> fmt::Result {
    let Line {
        name,
        sites,
        lost,
        overflowed,
        ..
    } = line;
    write!(text, "line      {name}: {sites} sites, ")?;
    if let Some(video) = &line.media.video {
        let (missing, share) = (video.loss_after_repair * 100.0, video.stalls.share * 100.0);
        let fps = video.frames_per_second.map_or(0.0, |rates| rates.p50);
        write!(
            text,
            "{fps:.1} frames/s, {missing:.2} % missing, frozen {share:.2} %, "
        )?;
    }
    writeln!(text, "{lost} lost and {overflowed} dropped on the way")
}

fn hostile(hostile: &HostileEntry, text: &mut String) -> fmt::Result {
    let sent: Vec<_> = hostile
        .sent
        .iter()
        .map(|(kind, many)| format!("{many} {kind}"))
        .collect();
    let (visits, sent) = (hostile.visits, sent.join(", "));
    writeln!(text, "hostile   came in {visits} times: {sent}")?;
    for (reason, times) in &hostile.refused {
        writeln!(text, "          {times} × {reason}")?;
    }
    let gaps = |others: &Others| {
        let sound = others.media.audio.as_ref().map(|audio| audio.stalls);
        sound.map_or((0, 0.0), |stalls| (stalls.count, stalls.longest_ms))
    };
    let sites = hostile.others.sites;
    let ((before, longest_before), (count, longest)) =
        (gaps(&hostile.before), gaps(&hostile.others));
    writeln!(
        text,
        "          the {sites} others: {count} gaps in sound, the longest {longest:.0} ms \
         (before: {before}, {longest_before:.0} ms)"
    )?;
    if let (Some(before), Some(cores), Some(rise)) = (
        hostile.server_cores_before,
        hostile.server_cores,
        hostile.server_rise_percent,
    ) {
        let (before, cores) = (before.total, cores.total);
        writeln!(
            text,
            "          server {cores:.3} cores, before {before:.3}: {rise:+.1} %"
        )?;
    }
    Ok(())
}

fn events(events: &Events, text: &mut String) -> fmt::Result {
    let Events {
        messages,
        out_of_order,
        sites,
        differing,
        ..
    } = events;
    write!(
        text,
        "events    {messages} messages, {out_of_order} out of order, "
    )?;
    match &events.failure {
        Some(reason) => write!(text, "not compared: {reason}")?,
        None => write!(text, "{differing} of {sites} sites missed one")?,
    }
    if let (Some(entries), Some(wrong)) = (events.roster, events.roster_differences) {
        write!(text, ", roster of {entries} with {wrong} wrong")?;
    }
    writeln!(text)
}
