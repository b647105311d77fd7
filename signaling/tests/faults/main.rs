//! Faults at random beneath a stream of commands: the real server with the disk full, single writes
//! and flushes that fail, another process that holds the database, and `kill -9`; with
//! `TEST_STORE=postgres` also `kill -9` and restarts of PostgreSQL.
//!
//! After each fault, without a restart that it has not itself caused, everybody is within ten seconds
//! where they are. At the end the log has everything that was announced, and nothing that was refused.
//! `FAULTS` says how many there are, `FAULTS_SEED` which, `FAULTS_ONLY` of which kinds alone, such as
//! `Kill` or `DatabaseKilled,DatabaseAway`, and `FAULTS_COMMANDS` how many commands there are at least,
//! as many before each fault.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as loudly as the tests"
)]

mod mailbox;
mod office;
mod process;
mod seat;
mod slow;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signaling::testing;

use mailbox::Mailbox;
use office::Office;
use process::{Outcome, Process};
use seat::Seat;
use trouble::{Fault, Lasting, can_trace};

const CONFERENCE: &str = "weekly";

/// How many sites take part.
const SEATS: usize = 6;

/// How many more there are, which are invited by mail.
const OTHERS: usize = 12;

/// Within so long after a fault everybody is where they are. They have 3 s to come back of it.
const RIGHT_WITHIN: Duration = Duration::from_secs(10);

/// Within so long there are as many commands between two faults as were wished.
const WORKED_WITHIN: Duration = Duration::from_secs(60);

/// Numbers that look random and are the same for the same seed (SplitMix64).
struct Lots(u64);

impl Lots {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// A grant of the floor: to whom, and what came of it.
type Grant = (String, Outcome);

/// Every so many grants a conference is booked.
const BOOKED_EVERY: usize = 5;

struct House {
    process: RwLock<Process>,
    seats: Vec<Seat>,
    grants: Mutex<Vec<Grant>>,
    office: Mutex<Office>,
    mailbox: Mailbox,
    is_over: AtomicBool,
}

impl House {
    fn new(directory: &std::path::Path) -> Self {
        let mailbox = Mailbox::open();
        let process = Process::start(directory, mailbox.environment());
        let mut list = "code,name,level,parent_code,contact_email\nVN,C,central,,vn@example.vn\n\
            01,H,province,VN,h@example.vn\n"
            .to_owned();
        for number in 1..=SEATS + OTHERS {
            list += &format!("{number:05},Site {number},commune,01,s{number}@example.vn\n");
        }
        process.import(&list);
        let made = process.ask(
            "POST",
            "/conferences",
            &json!({"id": CONFERENCE, "title": "Weekly"}),
        );
        assert!(matches!(made, Outcome::Done(_)), "{made:?}");
        let started = process.ask(
            "POST",
            &format!("/conferences/{CONFERENCE}/start"),
            &Value::Null,
        );
        assert!(matches!(started, Outcome::Done(_)), "{started:?}");
        let seats = (1..=SEATS).map(|number| {
            let site = format!("{number:05}");
            let role = [
                "--conference",
                CONFERENCE,
                "--role",
                "site",
                "--site",
                &site,
            ];
            Seat::new(process.http, process.make_token(&role))
        });
        Self {
            seats: seats.collect(),
            process: RwLock::new(process),
            grants: Mutex::default(),
            office: Mutex::default(),
            mailbox,
            is_over: AtomicBool::new(false),
        }
    }

    /// Gives the floor to one after the other, on and on.
    fn work(&self) {
        let mut turn = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            let target = self.seats[turn % SEATS].look().present.clone();
            turn += 1;
            if let Some(target) = target {
                let outcome = self.grant(&target);
                self.grants.lock().unwrap().push((target, outcome));
            }
            if turn.is_multiple_of(BOOKED_EVERY) {
                let process = self.process.read().unwrap();
                self.office.lock().unwrap().book(&process, turn);
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// How many commands there were.
    fn commands(&self) -> usize {
        self.grants.lock().unwrap().len() + self.office.lock().unwrap().commands()
    }

    /// Waits until there were so many commands.
    fn await_commands(&self, count: usize) {
        let begun = Instant::now();
        while self.commands() < count {
            let asked = self.commands();
            assert!(
                begun.elapsed() < WORKED_WITHIN,
                "{asked} commands, not {count}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn grant(&self, target: &str) -> Outcome {
        let path = format!("/conferences/{CONFERENCE}/floor/grant");
        let body = json!({ "participant": target });
        self.process.read().unwrap().ask("POST", &path, &body)
    }

    /// Who is present, as the server says, if it says anything.
    fn listed(&self) -> Option<BTreeSet<String>> {
        let path = format!("/conferences/{CONFERENCE}/participants");
        let listed = self.process.read().unwrap().ask("GET", &path, &Value::Null);
        let Outcome::Done(list) = listed else {
            return None;
        };
        let entries = list.as_array()?.iter();
        let present = entries.filter(|entry| entry["state"] == "present");
        present
            .map(|entry| Some(entry["participant"].as_str()?.to_owned()))
            .collect()
    }

    /// Whether exactly those are present who are connected, and all are connected who want to be.
    fn is_right(&self) -> bool {
        let mut here = BTreeSet::new();
        for seat in &self.seats {
            let present = seat.look().present.clone();
            if seat.is_wanted() != present.is_some() {
                return false;
            }
            here.extend(present);
        }
        self.listed() == Some(here)
    }

    fn await_right(&self, after: Fault) {
        let begun = Instant::now();
        while !self.is_right() {
            let late = begun.elapsed() > RIGHT_WITHIN;
            assert!(
                !late,
                "10 s after {after:?} not everybody is where they are: {:?}, listed {:?}\n{}",
                self.seats
                    .iter()
                    .map(|seat| (seat.is_wanted(), seat.look().present.clone()))
                    .collect::<Vec<_>>(),
                self.listed(),
                self.process.read().unwrap().log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// One fault, during which a site's machine may be switched off or on.
    fn suffer(&self, fault: Fault, lots: &mut Lots) {
        let (id, data) = {
            let process = self.process.read().unwrap();
            (process.id(), process.data())
        };
        let lasting = Lasting::begin(fault, id, &data);
        let seat = &self.seats[usize::try_from(lots.below(SEATS as u64)).unwrap()];
        if lots.below(2) == 0 {
            seat.want(!seat.is_wanted());
        }
        std::thread::sleep(Duration::from_millis(300 + lots.below(2_500)));
        if fault.kills() {
            // Nobody asks it meanwhile.
            let mut process = self.process.write().unwrap();
            drop(lasting);
            process.kill_and_start();
        } else {
            drop(lasting);
            assert!(
                self.process.write().unwrap().is_running(),
                "{fault:?} has ended the server"
            );
        }
        self.await_right(fault);
    }
}

/// Everything that was answered is in the log in its order, and nothing that was refused. Of what
/// nobody knows both is possible: so the log is read in every way in which it can be.
fn check_grants(grants: &[Grant], events: &[Value]) {
    let granted: Vec<_> = events
        .iter()
        .filter(|event| event["event"]["kind"] == "floorGranted")
        .map(|event| event["event"]["participant"].as_str().unwrap())
        .collect();
    // How many of them have happened so far, in each way.
    let mut ways = BTreeSet::from([0]);
    for (number, (target, outcome)) in grants.iter().enumerate() {
        let next = ways
            .iter()
            .filter(|way| granted.get(**way) == Some(&target.as_str()))
            .map(|way| way + 1);
        // To whoever has the floor already it is given without an event.
        let again = ways
            .iter()
            .copied()
            .filter(|way| *way > 0 && granted[way - 1] == target);
        ways = match outcome {
            Outcome::Done(_) => next.chain(again).collect(),
            Outcome::Unknown => next.chain(ways.iter().copied()).collect(),
            Outcome::Refused(_) => continue,
        };
        assert!(
            !ways.is_empty(),
            "the log does not have what was answered up to grant {number} to {target}, or has what \
             was refused"
        );
    }
    assert!(
        ways.contains(&granted.len()),
        "the log has a grant that was refused"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(to: &[&str]) -> Vec<Value> {
        let granted = |to| json!({"event": {"kind": "floorGranted", "participant": to}});
        to.iter().map(granted).collect()
    }

    fn done(to: &str) -> Grant {
        (to.to_owned(), Outcome::Done(Value::Null))
    }

    fn unknown(to: &str) -> Grant {
        (to.to_owned(), Outcome::Unknown)
    }

    fn refused(to: &str) -> Grant {
        (to.to_owned(), Outcome::Refused("internal".to_owned()))
    }

    #[test]
    fn what_is_not_known_may_have_happened_or_not() {
        let grants = [
            done("a"),
            unknown("b"),
            unknown("c"),
            refused("d"),
            done("b"),
        ];
        for to in [&["a", "b"][..], &["a", "c", "b"], &["a", "b", "c", "b"]] {
            check_grants(&grants, &log(to));
        }
    }

    #[test]
    #[should_panic(expected = "has what was refused")]
    fn a_refused_grant_that_has_happened_is_found() {
        check_grants(
            &[done("a"), refused("b"), done("c")],
            &log(&["a", "b", "c"]),
        );
    }

    #[test]
    #[should_panic(expected = "does not have what was answered")]
    fn an_answered_grant_that_is_not_in_the_log_is_found() {
        check_grants(&[done("a"), done("b"), done("c")], &log(&["a", "c"]));
    }
}

/// How many were refused, by code.
fn refused(grants: &[Grant]) -> BTreeMap<&str, usize> {
    let mut codes = BTreeMap::new();
    for (_, outcome) in grants {
        match outcome {
            Outcome::Refused(code) => *codes.entry(code.as_str()).or_default() += 1,
            Outcome::Unknown => *codes.entry("(unknown)").or_default() += 1,
            Outcome::Done(_) => {}
        }
    }
    codes
}

/// What is wanted and can go wrong here.
fn possible(can_trace: bool, is_on_server: bool) -> Vec<Fault> {
    let possible: Vec<_> = Fault::ALL
        .into_iter()
        .filter(|fault| fault.is_possible(can_trace, is_on_server) && fault.is_wanted())
        .collect();
    assert!(
        !possible.is_empty(),
        "nothing that is wanted can go wrong here"
    );
    possible
}

#[test]
fn whatever_goes_wrong_beneath_it_the_server_goes_on_and_tells_the_truth() {
    let count: usize = std::env::var("FAULTS").map_or(12, |text| text.parse().unwrap());
    let seed: u64 = std::env::var("FAULTS_SEED").map_or_else(
        |_| u64::from(std::process::id()),
        |text| text.parse().unwrap(),
    );
    let commands: usize = std::env::var("FAULTS_COMMANDS").map_or(0, |text| text.parse().unwrap());
    let can_trace = can_trace();
    eprintln!("FAULTS={count} FAULTS_SEED={seed}, system calls can fail: {can_trace}");
    let directory = tempfile::tempdir().unwrap();
    let possible = possible(can_trace, testing::store_url(directory.path()).is_some());
    let house = House::new(directory.path());
    let mut lots = Lots(seed);
    let mut suffered: BTreeMap<Fault, usize> = BTreeMap::new();
    std::thread::scope(|scope| {
        let working = scope.spawn(|| house.work());
        house.await_right(Fault::Kill);
        for number in 0..count {
            // Each kind comes up early; after that it is left to chance.
            let drawn = if number < possible.len() {
                number
            } else {
                usize::try_from(lots.below(possible.len() as u64)).unwrap()
            };
            let fault = possible[drawn];
            house.await_commands(commands * (number + 1) / count);
            let suffering = std::panic::AssertUnwindSafe(|| house.suffer(fault, &mut lots));
            if let Err(panic) = std::panic::catch_unwind(suffering) {
                house.is_over.store(true, Ordering::Relaxed);
                eprintln!("fault {number} of FAULTS_SEED={seed}: {fault:?}");
                std::panic::resume_unwind(panic);
            }
            *suffered.entry(fault).or_default() += 1;
        }
        house.is_over.store(true, Ordering::Relaxed);
        working.join().unwrap();
    });
    let events = house.process.read().unwrap().events(CONFERENCE);
    let grants = house.grants.lock().unwrap();
    eprintln!(
        "{suffered:?}, {} grants, {} events",
        grants.len(),
        events.len()
    );
    eprintln!("refused: {:?}", refused(&grants));
    check_grants(&grants, &events);
    let office = house.office.lock().unwrap();
    let asked = grants.len() + office.commands();
    eprintln!("{asked} commands");
    assert!(asked >= commands, "too few commands");
    let kills = suffered.iter().filter(|(fault, _)| fault.kills());
    let killed = kills.map(|(_, count)| count).sum();
    let found = office.check(&house.process.read().unwrap(), &house.mailbox, killed);
    eprintln!("{found}");
    for pair in events.windows(2) {
        assert_eq!(pair[1]["prev"], pair[0]["hash"], "the chain is whole");
    }
    for seat in &house.seats {
        for (version, about) in seat.look().told.iter().filter(|(version, _)| *version > 0) {
            let event = &events[usize::try_from(*version).unwrap() - 1];
            let kind = event["event"]["kind"].as_str().unwrap();
            // The floor names provinces and says since when its holder is seen.
            let is_about = kind.starts_with(about)
                || (*about == "floor" && ["rosterSet", "mediaChanged"].contains(&kind));
            assert!(is_about, "what was announced as {version} is {kind}");
        }
    }
    let done = grants
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Done(_)));
    assert!(done.count() > count, "hardly anything was granted");
}
