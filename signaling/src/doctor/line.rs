//! Judging how media goes between here and a server. Pure.

use std::net::SocketAddr;
use std::time::Duration;

use super::Finding;
use crate::check::Cause;
use crate::check::judge;

/// Length of a packet of media, in bytes, with all its headers on IPv6: the longest that must pass.
pub const LENGTH_OF_MEDIA: u16 = 1_248;

/// Length of a packet on Ethernet, and in a usual tunnel: TCP finds out by itself how long its may be,
/// where nothing hides it.
pub const LENGTHS: [u16; 4] = [LENGTH_OF_MEDIA, 1_280, 1_400, 1_500];

/// Shorter ones than in a usual tunnel are said.
const LEAST_LENGTH: u16 = 1_400;

/// Share of what was sent, in percent, from which a line has carried all of it.
const ALL: u64 = 80;

/// What is not to be seen by TCP, and why.
pub const BY_TCP: [(&str, &str); 2] = [
    (
        "loss",
        "by TCP nothing is lost: it comes later, and the round trip shows it",
    ),
    (
        "packet-size",
        "TCP finds out by itself how long its packets may be",
    ),
];

/// Fewest answers from which a rate follows.
const FEWEST: usize = 4;

/// A request, and its answer if one came; times since the first.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Trip {
    /// When it was sent.
    pub sent: Duration,
    /// When its answer came.
    pub back: Option<Duration>,
}

/// How one means of media was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Way {
    /// It passes, as is said.
    Passes(String),
    /// It does not.
    Blocked(String),
    /// It was not tried, and why.
    Untried(String),
}

/// How UDP was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answered {
    /// From an address that clients are told.
    Told(SocketAddr),
    /// Only from the address by which the pages are reached, which clients are not told.
    Beside(SocketAddr),
    /// From nowhere.
    Nowhere,
}

/// What clients are told, and what of it answers.
#[must_use]
pub fn addresses(told: &[SocketAddr], answered: Answered) -> Finding {
    let list: Vec<_> = told.iter().map(ToString::to_string).collect();
    let list = list.join(", ");
    match answered {
        Answered::Told(from) => {
            Finding::good("addresses", format!("told are {list}; {from} answers"))
        }
        Answered::Beside(from) => {
            let advice = format!(
                "set media.advertise on the server to {}: clients are told what leads nowhere from here",
                from.ip()
            );
            let measured = format!("told are {list}; only {from} answers");
            Finding::new("addresses", Cause::AdvertiseWrong, measured, advice)
        }
        Answered::Nowhere => Finding::skipped("addresses", format!("told are {list}")),
    }
}

/// UDP, ICE-TCP and TURN, in this order. Where none passes, it is not one of them that is to be let
/// through.
#[must_use]
pub fn media([udp, tcp, turn]: [Way; 3]) -> Vec<Finding> {
    let passes = |way: &Way| matches!(way, Way::Passes(_));
    let any = [&udp, &tcp, &turn].into_iter().any(passes);
    let told = |step, way, cause, advice: &str| match way {
        Way::Passes(measured) => Finding::good(step, measured),
        Way::Untried(why) => Finding::skipped(step, why),
        Way::Blocked(measured) if any => Finding::new(step, cause, measured, advice),
        Way::Blocked(measured) => {
            let advice = "no media passes by any means: `dinh ports` on the server says what a firewall must \
                let through, and if nothing can be, give the server a certificate so that TURN goes inside TLS";
            Finding::new(step, Cause::MediaBlocked, measured, advice)
        }
    };
    vec![
        told(
            "media-udp",
            udp,
            Cause::UdpBlocked,
            "let UDP to the media ports through (`dinh ports` on the server): by TCP pictures stand still \
             where something is lost",
        ),
        told(
            "media-tcp",
            tcp,
            Cause::TcpBlocked,
            "let TCP to the media ports through as well: there is no second way where UDP ends",
        ),
        told(
            "media-turn",
            turn,
            Cause::TurnsBlocked,
            "something takes TURN at the port of the pages for what it is not: there is no last way for \
             those whose firewall passes nothing else",
        ),
    ]
}

/// Share of packets lost each way, in percent, if both are alike. `None` without requests.
#[must_use]
pub fn lost_each_way(trips: &[Trip]) -> Option<f64> {
    let back = trips.iter().filter(|trip| trip.back.is_some()).count();
    if trips.is_empty() {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few hundred of them")]
    let share = back as f64 / trips.len() as f64;
    Some((1.0 - share.sqrt()) * 100.0)
}

/// What is lost while little is sent.
#[must_use]
pub fn loss(trips: &[Trip]) -> Finding {
    let Some(lost) = lost_each_way(trips) else {
        return Finding::skipped("loss", "nothing was sent");
    };
    let measured = format!("{lost:.1} % each way");
    match judge::loss([Some(lost), None]).flatten() {
        None => Finding::good("loss", measured),
        Some(cause) => {
            let advice = "have the line looked at, wireless ones first: what is said comes through with gaps";
            Finding::new("loss", cause, measured, advice)
        }
    }
}

/// Time there and back at the median, and the mean of how much one differs from the next.
#[must_use]
pub fn round_trip(trips: &[Trip]) -> Option<(Duration, Duration)> {
    let came = trips.iter();
    let took: Vec<_> = came
        .filter_map(|trip| trip.back?.checked_sub(trip.sent))
        .collect();
    let mut sorted = took.clone();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).copied()?;
    let differences = took.iter().zip(took.iter().skip(1));
    let differences = differences.map(|(one, next)| one.abs_diff(*next));
    let count = u32::try_from(took.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let sum: Duration = differences.sum();
    Some((median, sum.checked_div(count).unwrap_or_default()))
}

/// How long it takes there and back.
#[must_use]
pub fn delay(trips: &[Trip]) -> Finding {
    let Some((trip, jitter)) = round_trip(trips) else {
        return Finding::skipped("round-trip", "nothing came back");
    };
    let measured = format!(
        "{:.1} ms, ± {:.1} ms",
        trip.as_secs_f64() * 1e3,
        jitter.as_secs_f64() * 1e3
    );
    let millis = |time: Duration| u32::try_from(time.as_millis()).ok();
    match judge::round_trip(millis(trip), millis(jitter)).flatten() {
        None => Finding::good("round-trip", measured),
        Some(cause) => {
            let advice =
                "the way is long, or something else fills it: talking to each other is hard";
            Finding::new("round-trip", cause, measured, advice)
        }
    }
}

/// What a line has carried of packets that were sent evenly, in kilobits per second, and whether that is
/// all that was sent. Answers come as far apart as the narrowest place lets packets through; what it lets
/// through at once before it becomes narrow is left out, with the first half.
#[must_use]
pub fn carried(trips: &[Trip], bytes: usize) -> Option<(u32, bool)> {
    let mut back: Vec<_> = trips.iter().filter_map(|trip| trip.back).collect();
    back.sort_unstable();
    let sent: Vec<_> = trips.iter().map(|trip| trip.sent).collect();
    if back.len() < FEWEST {
        return None;
    }
    let half = (*back.first()? + *back.last()?) / 2;
    let later = back.iter().position(|came| *came >= half)?;
    let later = back.get(later..).filter(|later| later.len() > 1);
    let (sent, came) = (rate(&sent, bytes)?, rate(later.unwrap_or(&back), bytes)?);
    let carried = came.min(sent);
    Some((
        u32::try_from(carried).unwrap_or(u32::MAX),
        carried * 100 >= sent * ALL,
    ))
}

fn rate(times: &[Duration], bytes: usize) -> Option<u64> {
    let span = times.last()?.checked_sub(*times.first()?)?;
    let bits = (times.len() - 1) as u64 * bytes as u64 * 8;
    let micros = u64::try_from(span.as_micros()).ok()?.max(1);
    Some(bits * 1_000 / micros)
}

/// What the line carries to the server, and there and back; the narrower of both is what comes back.
#[must_use]
pub fn rates(up: Option<(u32, bool)>, both: Option<(u32, bool)>) -> Finding {
    let text = |rate: Option<(u32, bool)>| match rate {
        None => "unknown".to_owned(),
        Some((kbps, true)) => format!("at least {kbps} kbit/s"),
        Some((kbps, false)) => format!("{kbps} kbit/s"),
    };
    let measured = format!("up {}, down {}", text(up), text(both));
    let kbps = |rate: Option<(u32, bool)>| rate.map(|(kbps, _)| kbps);
    match judge::rate(kbps(up), kbps(both)) {
        None => Finding::skipped("rate", "too little came back to tell"),
        Some(None) => Finding::good("rate", measured),
        Some(Some(cause)) => {
            let advice = "give the conference more of the line, or a wider one: pictures are small or stand \
                still, and sound comes first";
            Finding::new("rate", cause, measured, advice)
        }
    }
}

/// Which lengths pass, there and back.
#[must_use]
pub fn packet_size(passes: &[(u16, bool)]) -> Finding {
    let passing = passes.iter().filter(|(_, passes)| *passes);
    let Some(longest) = passing.map(|(length, _)| *length).max() else {
        let advice = "short packets pass and those of media do not: a tunnel or a firewall on the way drops \
            them; have it let packets of 1,280 bytes through";
        let measured = format!("not even {LENGTH_OF_MEDIA} bytes");
        return Finding::new("packet-size", Cause::PacketsTooSmall, measured, advice);
    };
    let measured = format!("packets of {longest} bytes pass");
    if longest >= LEAST_LENGTH {
        return Finding::good("packet-size", measured);
    }
    let advice = "media passes. Where pages hang, have the tunnel on the way set the segment size of TCP to \
        its own (MSS clamping)";
    Finding::new("packet-size", Cause::SmallPackets, measured, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Every 5 ms, answered when `answered` says.
    fn train(count: u64, answered: impl Fn(u64) -> Option<u64>) -> Vec<Trip> {
        let trips = (0..count).map(|number| Trip {
            sent: millis(5 * number),
            back: answered(number).map(millis),
        });
        trips.collect()
    }

    fn cause(finding: &Finding) -> Option<Cause> {
        assert_eq!(finding.cause.is_none(), finding.advice.is_empty());
        finding.cause
    }

    #[test]
    fn of_twenty_percent_each_way_that_is_what_is_said() {
        let trips = train(100, |number| (number % 100 < 64).then_some(5 * number + 40));
        let lost = lost_each_way(&trips).unwrap();
        assert!((19.9..20.1).contains(&lost), "{lost}");
        assert_eq!(cause(&loss(&trips)), Some(Cause::LossHigh));
        let some = train(100, |number| (number >= 10).then_some(5 * number + 40));
        assert_eq!(cause(&loss(&some)), Some(Cause::LossSome));
        let none = train(100, |number| Some(5 * number + 40));
        assert_eq!(cause(&loss(&none)), None);
    }

    #[test]
    fn a_narrow_place_is_seen_in_how_far_apart_answers_come() {
        // 80 packets of 1,250 bytes at 2 Mbit/s, of which 200 kbit/s pass, as far as the queue holds.
        let narrow = train(80, |number| (number < 16).then_some(50 * number + 60));
        assert_eq!(carried(&narrow, 1_250), Some((200, false)));
        let wide = train(80, |number| Some(5 * number + 60));
        assert_eq!(carried(&wide, 1_250), Some((2_000, true)));
        // The same, with 250 kbit let through at once before.
        let generous = train(120, |number| {
            (number < 25 || number % 10 == 0).then_some(5 * number + 60)
        });
        assert_eq!(carried(&generous, 1_250), Some((200, false)));
        let fails = train(80, |number| (number < 2).then_some(100));
        assert_eq!(carried(&fails, 1_250), None);
        let finding = rates(carried(&narrow, 1_250), carried(&narrow, 1_250));
        assert_eq!(cause(&finding), Some(Cause::RateLow));
        assert_eq!(
            cause(&rates(Some((1_900, true)), Some((1_800, true)))),
            None
        );
        let finding = rates(Some((1_900, true)), Some((40, false)));
        assert_eq!(cause(&finding), Some(Cause::RateVeryLow));
    }

    #[test]
    fn a_long_way_and_an_uneven_one_are_told_apart() {
        let long = train(20, |number| Some(5 * number + 700));
        assert_eq!(cause(&delay(&long)), Some(Cause::RoundTripLong));
        let uneven = train(20, |number| Some(5 * number + 20 + 250 * (number % 2)));
        assert_eq!(cause(&delay(&uneven)), Some(Cause::JitterHigh));
        let good = train(20, |number| Some(5 * number + 20));
        assert_eq!(cause(&delay(&good)), None);
    }

    #[test]
    fn the_longest_packet_that_passes_says_what_is_on_the_way() {
        let upto = |most: u16| {
            let passes = LENGTHS.map(|length| (length, length <= most));
            cause(&packet_size(&passes))
        };
        assert_eq!(upto(1_500), None);
        assert_eq!(upto(1_400), None);
        assert_eq!(upto(1_280), Some(Cause::SmallPackets));
        assert_eq!(upto(1_000), Some(Cause::PacketsTooSmall));
    }

    #[test]
    fn what_is_to_be_let_through_follows_from_what_passes() {
        let way = |passes: bool| match passes {
            true => Way::Passes(String::new()),
            false => Way::Blocked(String::new()),
        };
        let causes = |ways: [bool; 3]| {
            let findings = media(ways.map(way));
            Cause::worst(findings.iter().filter_map(cause))
        };
        assert_eq!(causes([true, true, true]), None);
        assert_eq!(causes([false, true, true]), Some(Cause::UdpBlocked));
        assert_eq!(causes([true, false, true]), Some(Cause::TcpBlocked));
        assert_eq!(causes([true, true, false]), Some(Cause::TurnsBlocked));
        assert_eq!(causes([false, false, true]), Some(Cause::UdpBlocked));
        assert_eq!(causes([false, false, false]), Some(Cause::MediaBlocked));
    }

    #[test]
    fn an_address_that_leads_nowhere_is_named_beside_the_one_that_leads_here() {
        let told = ["203.0.113.9:7910".parse().unwrap()];
        let here = "192.0.2.1:7910".parse().unwrap();
        let wrong = addresses(&told, Answered::Beside(here));
        assert_eq!(cause(&wrong), Some(Cause::AdvertiseWrong));
        assert!(wrong.advice.contains("192.0.2.1"), "{wrong}");
        assert_eq!(cause(&addresses(&told, Answered::Told(told[0]))), None);
        assert_eq!(cause(&addresses(&told, Answered::Nowhere)), None);
    }
}
