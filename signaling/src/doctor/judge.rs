//! Judging what was measured on this machine. Pure.

use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Finding;
use crate::check::Cause;

/// What a media thread asks of the kernel for its socket, each way, in bytes.
pub const WANTED_BUFFER: u64 = 8 * 1_024 * 1_024;

/// Share of its table of connections that a firewall may have used, in percent. Beyond, a few hundred
/// sites more are refused without a word.
const MOST_TRACKED: u64 = 70;

/// Least free space, in bytes: less than a day of conferences, their logs and a backup may need.
const LEAST_SPACE: u64 = 1_024 * 1_024 * 1_024;

/// Free space, in bytes, in which SQLite cannot even begin its log.
const NO_SPACE: u64 = 64 * 1_024;

/// Longest that storing may take before every change is felt to be slow.
const SLOW_DISK: Duration = Duration::from_millis(30);

/// Longest that it may take at all: joins of a country wait for it.
const USELESS_DISK: Duration = Duration::from_millis(250);

/// From how few days left on a certificate is a warning.
const FEW_DAYS: i64 = 14;

/// How far a clock may be off before tokens of others are refused. Theirs have a leeway of a minute.
const CLOCK_OFF: SignedDuration = SignedDuration::from_secs(5);

/// See above.
const CLOCK_WRONG: SignedDuration = SignedDuration::from_secs(45);

/// The kernel's limits on buffers of sockets, in bytes.
#[must_use]
pub fn buffers(receive: u64, send: u64) -> Finding {
    let measured = format!("net.core.rmem_max {receive}, net.core.wmem_max {send}");
    if receive.min(send) >= WANTED_BUFFER {
        return Finding::good("buffers", measured);
    }
    let advice = format!(
        "sysctl -w net.core.rmem_max={WANTED_BUFFER} net.core.wmem_max={WANTED_BUFFER}, and \
         packaging/systemd/60-dinh.conf to keep it so: a large audience loses packets at each keyframe"
    );
    Finding::new("buffers", Cause::BuffersSmall, measured, advice)
}

/// How many descriptors the server may have and its settings ask for.
#[must_use]
pub fn descriptors(limit: u64, wanted: u64) -> Finding {
    let measured = format!("{limit} file descriptors, the settings ask for {wanted}");
    if limit >= wanted {
        return Finding::good("descriptors", measured);
    }
    let advice = "raise LimitNOFILE= of the unit (systemctl edit dinh) or `ulimit -Hn`, or lower \
        sessions.max_connections: beyond the limit nobody gets in";
    let cause = if limit < wanted / 8 {
        Cause::DescriptorsFew
    } else {
        Cause::DescriptorsLow
    };
    Finding::new("descriptors", cause, measured, advice)
}

/// The firewall's table of connections: how many are in it and fit, and how many the settings may bring.
#[must_use]
pub fn tracking(count: u64, most: u64, wanted: u64) -> Finding {
    let measured = format!("{count} of {most} connections in the firewall's table");
    let expected = count.saturating_add(wanted);
    if expected.saturating_mul(100) <= most.saturating_mul(MOST_TRACKED) {
        return Finding::good("conntrack", measured);
    }
    let advice = format!(
        "sysctl -w net.netfilter.nf_conntrack_max={}: what finds no place is dropped without a word",
        (expected * 2).next_power_of_two()
    );
    Finding::new("conntrack", Cause::TrackingFull, measured, advice)
}

/// How many segments the system cuts a message into (UDP_SEGMENT), and joins of what arrives (UDP_GRO).
#[must_use]
pub fn offload(out: usize, into: usize) -> Finding {
    let measured = format!("up to {out} packets leave and {into} arrive with one call");
    if out > 1 {
        return Finding::good("offload", measured);
    }
    let advice = "the system does not cut messages up (UDP GSO): a newer kernel, or another network card; \
        a country needs about three times the CPU without it";
    Finding::new("offload", Cause::OffloadMissing, measured, advice)
}

/// Space where the data are, in bytes and inodes.
#[must_use]
pub fn space(free: u64, inodes: u64) -> Finding {
    let measured = format!("{} MiB and {inodes} inodes free", free / 1_024 / 1_024);
    let cause = if free < NO_SPACE || inodes == 0 {
        Cause::DiskFull
    } else if free < LEAST_SPACE || inodes < 1_000 {
        Cause::DiskLow
    } else {
        return Finding::good("space", measured);
    };
    let advice = "make room where data_dir is: what cannot be stored is refused";
    Finding::new("space", cause, measured, advice)
}

/// How long it takes until something is on the disk, at the median.
#[must_use]
pub fn disk(flush: Duration) -> Finding {
    let measured = format!(
        "{:.1} ms until it is on the disk",
        flush.as_secs_f64() * 1e3
    );
    let cause = match flush {
        quick if quick <= SLOW_DISK => return Finding::good("disk", measured),
        slow if slow <= USELESS_DISK => Cause::DiskSlow,
        _ => Cause::DiskTooSlow,
    };
    let advice =
        "put data_dir on a local SSD that nothing else keeps busy: every change waits for it";
    Finding::new("disk", cause, measured, advice)
}

/// Until when the certificate is good.
#[must_use]
pub fn certificate(now: Timestamp, not_after: Timestamp) -> Finding {
    let days = now.duration_until(not_after).as_hours() / 24;
    if now >= not_after {
        let measured = format!("ended at {not_after}");
        let advice = "put a new one into tls.certificate and tls.key, or read in the log why none is \
            obtained: no browser comes in. Or is this machine's clock wrong? It says ";
        return Finding::new(
            "certificate",
            Cause::CertificateExpired,
            measured,
            format!("{advice}{now}"),
        );
    }
    let measured = format!("good for {days} days");
    if days > FEW_DAYS {
        return Finding::good("certificate", measured);
    }
    let advice = "renew it: the server shows a new file within ten seconds, without a restart";
    Finding::new("certificate", Cause::CertificateEndsSoon, measured, advice)
}

/// By how much this clock is ahead of another one, which is right within `doubt`.
#[must_use]
pub fn clock(ahead: SignedDuration, doubt: SignedDuration) -> Finding {
    let seconds = ahead.as_secs_f64();
    let measured = format!(
        "{:.1} s {}",
        seconds.abs(),
        if seconds < 0.0 { "behind" } else { "ahead" }
    );
    let off = ahead.abs().checked_sub(doubt).unwrap_or_default();
    if off <= CLOCK_OFF {
        return Finding::good("clock", measured);
    }
    let cause = if off <= CLOCK_WRONG {
        Cause::ClockOff
    } else {
        Cause::ClockWrong
    };
    let advice = "set this clock (timedatectl set-ntp true): tokens are refused as expired or not yet \
        valid, and certificates too";
    Finding::new("clock", cause, measured, advice)
}

/// What clients are told, beside what this machine has.
#[must_use]
pub fn addresses(advertised: &[IpAddr], locals: &[IpAddr]) -> Finding {
    let list = |addresses: &[IpAddr]| {
        let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        texts.join(", ")
    };
    if let Some(wrong) = advertised.iter().find(|address| is_unusable(**address)) {
        let advice =
            format!("take {wrong} out of media.advertise: no client on another machine reaches it");
        return Finding::new("addresses", Cause::AdvertiseWrong, list(advertised), advice);
    }
    if advertised.is_empty() {
        let usable: Vec<_> = locals
            .iter()
            .copied()
            .filter(|local| !is_unusable(*local))
            .collect();
        if usable.is_empty() {
            let advice = "set media.advertise to the address that clients reach: this machine has none but \
                loopback";
            return Finding::new("addresses", Cause::AdvertiseNone, "none", advice);
        }
        return Finding::good("addresses", list(&usable));
    }
    let foreign: Vec<_> = advertised
        .iter()
        .filter(|address| !locals.contains(address))
        .copied()
        .collect();
    if foreign.is_empty() {
        return Finding::good("addresses", list(advertised));
    }
    let advice = format!(
        "{} is on no interface of this machine: right only if a router in front passes its media ports on, \
         under the same numbers. From outside, `dinh doctor --against` tries it",
        list(&foreign)
    );
    Finding::new(
        "addresses",
        Cause::AdvertiseForeign,
        list(advertised),
        advice,
    )
}

const fn is_unusable(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified() || address.is_multicast()
}

/// A port that the server needs, and what trying to bind it said.
#[must_use]
pub fn port(key: &str, port: u16, protocol: &str, refused: Option<&str>) -> Finding {
    let measured = format!("{protocol} {port} (`{key}`)");
    match refused {
        None => Finding::good("port", format!("{measured} is free")),
        Some(cause) => {
            let advice =
                format!("choose another `{key}`, or stop what has it: ss -lntup 'sport = :{port}'");
            Finding::new(
                "port",
                Cause::PortTaken,
                format!("{measured}: {cause}"),
                advice,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict::{self, Bad, Good, Warning};
    use super::*;

    fn of(finding: &Finding) -> (&'static str, Verdict) {
        assert_eq!(
            finding.verdict == Good,
            finding.advice.is_empty(),
            "{finding}"
        );
        (finding.step, finding.verdict)
    }

    #[test]
    fn a_machine_as_it_should_be_has_nothing_to_be_told() {
        let now = Timestamp::UNIX_EPOCH;
        let here: IpAddr = "192.0.2.1".parse().unwrap();
        for finding in [
            buffers(WANTED_BUFFER, WANTED_BUFFER),
            descriptors(131_072, 40_000),
            tracking(1_000, 262_144, 30_000),
            offload(64, 64),
            space(50 * LEAST_SPACE, 1_000_000),
            disk(Duration::from_millis(2)),
            certificate(now, now + SignedDuration::from_hours(24 * 60)),
            clock(SignedDuration::from_secs(-2), SignedDuration::from_secs(1)),
            addresses(&[here], &[here]),
            addresses(&[], &["127.0.0.1".parse().unwrap(), here]),
            port("http.listen", 7900, "TCP", None),
        ] {
            assert_eq!(of(&finding).1, Good, "{finding}");
        }
    }

    #[test]
    fn each_thing_that_is_wrong_is_named_with_what_to_do() {
        let now = Timestamp::UNIX_EPOCH;
        let day = SignedDuration::from_hours(24);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for (finding, expected) in [
            (buffers(212_992, WANTED_BUFFER), ("buffers", Warning)),
            (descriptors(1_024, 40_000), ("descriptors", Bad)),
            (descriptors(32_768, 40_000), ("descriptors", Warning)),
            (tracking(100, 8_192, 30_000), ("conntrack", Warning)),
            (offload(1, 64), ("offload", Warning)),
            (space(4_096, 9), ("space", Bad)),
            (space(LEAST_SPACE / 2, 100_000), ("space", Warning)),
            (space(LEAST_SPACE * 9, 0), ("space", Bad)),
            (disk(Duration::from_millis(80)), ("disk", Warning)),
            (disk(Duration::from_secs(1)), ("disk", Bad)),
            (certificate(now, now - day), ("certificate", Bad)),
            (certificate(now, now + day * 3), ("certificate", Warning)),
            (
                clock(SignedDuration::from_secs(20), SignedDuration::ZERO),
                ("clock", Warning),
            ),
            (
                clock(SignedDuration::from_hours(-7), SignedDuration::ZERO),
                ("clock", Bad),
            ),
            (addresses(&[], &[address("::1")]), ("addresses", Bad)),
            (addresses(&[address("127.0.0.1")], &[]), ("addresses", Bad)),
            (
                addresses(&[address("203.0.113.9")], &[address("10.0.0.5")]),
                ("addresses", Warning),
            ),
            (
                port("media.port", 7910, "UDP", Some("in use")),
                ("port", Bad),
            ),
        ] {
            assert_eq!(of(&finding), expected, "{finding}");
        }
    }

    #[test]
    fn a_finding_is_one_line_and_its_advice_the_next() {
        let text = clock(SignedDuration::from_hours(-7), SignedDuration::ZERO).to_string();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("BAD  clock"), "{text}");
        assert!(lines[1].contains("→ set this clock"), "{text}");
        assert_eq!(lines.len(), 2);
    }
}
