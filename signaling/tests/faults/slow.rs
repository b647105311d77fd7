//! A disk whose flushes take long.

use std::time::{Duration, Instant};

use serde_json::json;
use signaling::testing;

use crate::process::{Outcome, Process};
use crate::trouble::{Fault, Lasting, can_trace};

/// How long each flush takes with [`Fault::SlowSyncs`].
const FLUSH: Duration = Duration::from_millis(500);

/// So many conferences change at the same time.
const CONFERENCES: usize = 16;

#[test]
fn on_a_slow_disk_nobody_waits_for_the_flush_of_each_other_conference() {
    let directory = tempfile::tempdir().unwrap();
    let is_on_server = testing::store_url(directory.path()).is_some();
    if !Fault::SlowSyncs.is_possible(can_trace(), is_on_server) {
        eprintln!("the flushes of the database cannot be slowed down here: nothing is tested");
        return;
    }
    let process = Process::start(directory.path(), Vec::new());
    let conferences: Vec<_> = (0..CONFERENCES).map(|n| format!("meeting-{n}")).collect();
    for id in &conferences {
        let made = process.ask(
            "POST",
            "/conferences",
            &json!({"id": id, "title": "Meeting"}),
        );
        assert!(matches!(made, Outcome::Done(_)), "{made:?}");
    }
    let slow = Lasting::begin(Fault::SlowSyncs, process.id(), &process.data());
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for id in &conferences {
            let process = &process;
            scope.spawn(move || {
                let path = format!("/conferences/{id}/start");
                let started = process.ask("POST", &path, &json!(null));
                assert!(matches!(started, Outcome::Done(_)), "{started:?}");
            });
        }
    });
    let took = begun.elapsed();
    drop(slow);
    assert!(took >= FLUSH, "{took:?}: no flush was slow");
    // One that is under way, one together, and what the server writes by itself meanwhile.
    let one_by_one = FLUSH * u32::try_from(CONFERENCES).unwrap();
    assert!(
        took < one_by_one / 2,
        "{took:?} for {CONFERENCES} conferences"
    );
}
