//! Lines of every kind, on a virtual clock.

use super::*;

const MS: Duration = Duration::from_millis(1);

/// Sends `count` datagrams of `bytes` bytes, one each `step`; which arrived, and how late.
fn carry(
    impairment: Impairment,
    count: u32,
    bytes: usize,
    step: Duration,
) -> Vec<Option<Duration>> {
    let start = Instant::now();
    let mut direction = Direction::new(impairment, 7);
    let mut arrived = vec![None; count as usize];
    let mut datagram = vec![0; bytes];
    for n in 0..count {
        let now = start + step * n;
        datagram[..4].copy_from_slice(&n.to_be_bytes());
        direction.push(now, &datagram, ());
    }
    let end = start + step * count + Duration::from_secs(60);
    while let Some((due, bytes, ())) = direction.pop(end) {
        let n = u32::from_be_bytes(bytes[..4].try_into().unwrap());
        arrived[n as usize] = Some(due - (start + step * n));
        direction.reuse(bytes);
    }
    arrived
}

/// Share lost, and mean length of what is lost in a row.
fn losses(arrived: &[Option<Duration>]) -> (f64, f64) {
    let lost = arrived.iter().filter(|one| one.is_none()).count();
    let bursts = arrived.split(Option::is_some).filter(|run| !run.is_empty());
    let share = lost as f64 / arrived.len() as f64;
    (share, lost as f64 / bursts.count() as f64)
}

fn losing(loss: f64, burst: f64) -> Impairment {
    Impairment {
        loss: Burst::new(loss, burst).unwrap(),
        ..Impairment::default()
    }
}

/// In pieces, because not so many may be under way at once.
fn many(impairment: Impairment) -> Vec<Option<Duration>> {
    let start = Instant::now();
    let mut direction = Direction::new(impairment, 11);
    let carry = |n: u32| {
        let now = start + MS * n;
        direction.push(now, &[0; 100], ());
        direction.pop(now).map(|(due, _, ())| due - now)
    };
    (0..200_000).map(carry).collect()
}

/// The numbers of 10,000 datagrams, one a millisecond, in the order of their arrival.
fn order(impairment: Impairment) -> Vec<u32> {
    let start = Instant::now();
    let mut direction = Direction::new(impairment, 3);
    let mut order = Vec::new();
    for n in 0..12_000 {
        let now = start + MS * n;
        if n < 10_000 {
            direction.push(now, &n.to_be_bytes(), ());
        }
        while let Some((_, bytes, ())) = direction.pop(now) {
            order.push(u32::from_be_bytes(bytes.try_into().unwrap()));
        }
    }
    order
}

#[test]
fn independent_losses_have_their_share_and_come_alone() {
    let (share, run) = losses(&many(losing(0.02, 1.0)));
    assert!((0.018..0.022).contains(&share), "{share}");
    // Two in a row happen by chance: 1 / (1 - 0.02).
    assert!((1.0..1.05).contains(&run), "{run}");
}

#[test]
fn bursts_have_their_share_and_their_length() {
    for (loss, length) in [(0.02, 4.0), (0.1, 8.0), (0.5, 2.0)] {
        let (share, run) = losses(&many(losing(loss, length)));
        assert!((share / loss - 1.0).abs() < 0.1, "{share} is not {loss}");
        assert!((run / length - 1.0).abs() < 0.1, "{run} is not {length}");
    }
}

#[test]
fn what_cannot_be_lost_in_such_bursts_is_refused() {
    assert_eq!(Burst::new(0.9, 2.0), None);
    assert_eq!(Burst::new(0.1, 0.5), None);
    assert!(Burst::new(1.0, 1.0).is_some());
}

#[test]
fn the_same_seed_does_the_same() {
    let bad = Impairment {
        loss: Burst::new(0.1, 3.0).unwrap(),
        kbps: Some(900),
        queue: 3_000,
        ..Link::rough().up
    };
    assert_eq!(many(bad), many(bad));
    assert_eq!(order(bad), order(bad));
}

#[test]
fn delay_and_jitter_are_added_and_nothing_overtakes() {
    let impairment = Impairment {
        delay: 50 * MS,
        jitter: 30 * MS,
        ..Impairment::default()
    };
    let arrived = carry(impairment, 1_000, 100, 5 * MS);
    let late: Vec<Duration> = arrived.into_iter().map(Option::unwrap).collect();
    let (least, most) = (*late.iter().min().unwrap(), *late.iter().max().unwrap());
    assert!((50 * MS..54 * MS).contains(&least), "{least:?}");
    assert!((76 * MS..=80 * MS).contains(&most), "{most:?}");
    let times = late.iter().zip(0_u32..).map(|(late, n)| 5 * MS * n + *late);
    assert!(times.is_sorted());
}

#[test]
fn a_clean_line_delivers_all_in_order_and_a_cut_one_nothing() {
    assert!(order(Impairment::CLEAN).into_iter().eq(0..10_000));
    assert!(order(Link::DEAD.up).is_empty());
}

#[test]
fn a_rough_line_reorders_and_repeats() {
    let numbers = order(Link::rough().up);
    let overtaken = numbers.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(overtaken > 1_000, "{overtaken}");
    let mut once = numbers.clone();
    once.sort_unstable();
    once.dedup();
    assert!(numbers.len() - once.len() > 100);
}

#[test]
fn offered_twice_of_what_gets_through_half_is_dropped_and_the_rest_waits_as_long_as_the_queue_is() {
    // 972 + 28 bytes each 5 ms are 1,600 kbit/s.
    let arrived = carry(
        Impairment {
            delay: Duration::ZERO,
            ..Impairment::narrow(800, 100 * MS)
        },
        400,
        972,
        5 * MS,
    );
    assert_eq!(arrived[0], Some(10 * MS));
    assert_eq!(arrived[10], Some(60 * MS), "5 ms more each");
    let (share, _) = losses(&arrived[40..]);
    assert!((0.45..0.55).contains(&share), "{share}");
    let mut late: Vec<_> = arrived[40..].iter().flatten().collect();
    late.sort_unstable();
    let (median, most) = (*late[late.len() / 2], *late[late.len() - 1]);
    assert!((90 * MS..=100 * MS).contains(&median), "{median:?}");
    assert_eq!(most, 100 * MS);
}

#[test]
fn within_its_bandwidth_a_narrow_place_only_delays() {
    let impairment = Impairment {
        delay: Duration::ZERO,
        ..Impairment::narrow(2_000, 100 * MS)
    };
    let arrived = carry(impairment, 400, 972, 5 * MS);
    assert!(arrived.iter().all(|late| *late == Some(4 * MS)));
}

#[test]
fn those_who_share_a_narrow_place_wait_for_one_another() {
    let start = Instant::now();
    let mut direction = Direction::new(Impairment::narrow(800, 1_000 * MS), 1);
    // Ten of the one, then one of the other: 10 ms each.
    for _ in 0..10 {
        direction.push(start, &[0; 972], 'a');
    }
    direction.push(start, &[0; 972], 'b');
    let late = start + Duration::from_secs(2);
    let all: Vec<_> = std::iter::from_fn(|| direction.pop(late)).collect();
    let (due, _, whose) = all.last().unwrap();
    assert_eq!((*due - start, *whose), (120 * MS, 'b'));
}

#[test]
fn a_line_that_changes_keeps_what_is_on_its_way() {
    let start = Instant::now();
    let mut line = Line::new(Link::both(Impairment::narrow(800, 1_000 * MS)), 1);
    for _ in 0..10 {
        line.down.push(start, &[0; 972], ());
    }
    // Half of them are through, the rest is ten times slower.
    line.set(
        start + 50 * MS,
        Link::both(Impairment::narrow(80, 1_000 * MS)),
    );
    let end = start + Duration::from_secs(5);
    let all: Vec<_> = std::iter::from_fn(|| line.down.pop(end)).collect();
    let times: Vec<_> = all.iter().map(|(due, _, ())| *due - start).collect();
    let expected = [20, 30, 40, 50, 60, 160, 260, 360, 460, 560];
    assert_eq!(times, expected.map(|ms| MS * ms));
    assert_eq!(line.counts().passed, 10);
}

#[test]
fn a_script_of_bandwidths_is_followed() {
    let start = Instant::now();
    let mut direction = Direction::new(Impairment::narrow(800, 1_000 * MS), 1);
    direction.script(start, &[(15 * MS, Some(0)), (1_015 * MS, Some(800))]);
    for _ in 0..3 {
        direction.push(start, &[0; 972], ());
    }
    let mut times = Vec::new();
    while let Some(at) = direction.poll_timeout() {
        while let Some((due, _, ())) = direction.pop(at) {
            times.push(due - start);
        }
    }
    assert_eq!(times, [20 * MS, 1_030 * MS, 1_040 * MS]);
}
