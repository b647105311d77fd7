//! A short run of every target of fuzzing, with the same inputs each time. `make fuzz` runs long.

use std::time::{Duration, Instant};

use tests::fuzz::mutate::Mutator;
use tests::fuzz::{TARGETS, Target, target};

/// So long may one input take, however busy the machine is. A parser that is quadratic in the longest
/// input is far above it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A target may keep so much memory, in bytes, for all of its inputs.
const MEMORY: u64 = 300 * 1_024 * 1_024;

fn resident() -> u64 {
    let process = procfs::process::Process::myself().expect("this is Linux");
    let pages = process
        .statm()
        .expect("a process can read its own")
        .resident;
    pages * procfs::page_size()
}

fn run(name: &str) {
    let target = target(name).expect("a name of the list");
    let mut mutator = Mutator::new(7, (target.seeds)());
    for seed in (target.seeds)() {
        (target.run)(&seed);
    }
    let before = resident();
    for number in 0..target.short {
        let input = mutator.next_input();
        let started = Instant::now();
        let outcome = std::panic::catch_unwind(|| (target.run)(&input));
        assert!(outcome.is_ok(), "input {number} of {name}: {input:02x?}");
        let took = started.elapsed();
        assert!(took < PATIENCE, "{took:?} for input {number}: {input:02x?}");
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < MEMORY, "{name} keeps {grown} bytes");
}

macro_rules! every {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_run() {
            let names: Vec<_> = TARGETS.iter().map(|target: &Target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

every!(
    offer, rtp, rtcp, payload, framing, answer, line, feedback, header, stun, dtls, srtp, turn,
    shard, message, event, sites, token, settings, whip,
);
