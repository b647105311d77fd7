//! What an office does meanwhile: it books, publishes, invites by mail, changes, and tells again. In the
//! end there is all of it that was answered, and each mail that was announced has left or waits for nobody.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::mailbox::Mailbox;
use crate::process::{Outcome, Process};

/// No more is sent while so many mails wait: at the end all of them must have left.
const MOST_WAITING: u64 = 150;

/// Within so long all mails have left. One that the server could not store is tried again after a minute.
const LEFT_WITHIN: Duration = Duration::from_secs(180);

/// So many mails a server has under way at most.
const UNDER_WAY: usize = 4;

/// A step, and what came of it.
type Step = (&'static str, Outcome);

/// A booking that was answered, with the steps that were asked for in their order.
struct Booked {
    id: String,
    steps: Vec<Step>,
}

#[derive(Default)]
pub(crate) struct Office {
    booked: Vec<Booked>,
}

impl Office {
    /// How many commands there were.
    pub(crate) fn commands(&self) -> usize {
        let steps = self.booked.iter().map(|booked| booked.steps.len() + 1);
        steps.sum()
    }

    /// Books a conference, as far as that is answered.
    pub(crate) fn book(&mut self, process: &Process, number: usize) {
        let details = json!({
            "title": format!("Booked {number}"), "startsAtLocal": "2090-01-02T08:00:00", "zone": "UTC",
            "durationMinutes": 60, "audience": {"all": true},
        });
        let Outcome::Done(made) = process.ask("POST", "/bookings", &details) else {
            return;
        };
        let id = made["id"].as_str().unwrap().to_owned();
        let mut booked = Booked {
            id,
            steps: Vec::new(),
        };
        let _ = booked.go_on(process, &made);
        self.booked.push(booked);
    }

    /// Looks at everything, and says what there was. Of so many servers that were killed each may have sent twice
    /// what it had under way.
    pub(crate) fn check(&self, process: &Process, mailbox: &Mailbox, killed: usize) -> String {
        await_last(process);
        let journal = process.journal();
        for booked in &self.booked {
            booked.check(process, &journal);
        }
        let mails = process.mails();
        let mut came = mailbox.came();
        for mail in &mails {
            let id = mail["id"].as_str().unwrap();
            let count = came.remove(id).unwrap_or_default();
            // The server was killed twice while it sent that one.
            let is_in_doubt = mail["state"] == "givenUp"
                && mail["said"].as_str().unwrap().contains("ended twice");
            let is_sent = mail["state"] == "sent" && (1..=2).contains(&count);
            assert!(is_sent || is_in_doubt, "{mail} has come {count} times");
        }
        assert_eq!(
            came,
            BTreeMap::new(),
            "mails of which the server knows nothing"
        );
        let asked: usize = journal.iter().map(sites_of_sent).sum();
        assert_eq!(mails.len(), asked, "one mail for each that was announced");
        let twice = mailbox.came().values().filter(|count| **count > 1).count();
        assert!(twice <= killed * UNDER_WAY, "{twice} came twice");
        format!(
            "{} booked, {asked} mails, {twice} of them came twice, {killed} servers killed",
            self.booked.len(),
        )
    }
}

/// How many mails an event of the journal announces.
fn sites_of_sent(event: &Value) -> usize {
    let sites = event["sites"].as_array().map_or(0, Vec::len);
    if event["kind"] == "invitationsSent" {
        sites
    } else {
        0
    }
}

/// Waits until no mail waits any more.
fn await_last(process: &Process) {
    let begun = Instant::now();
    while waiting(process) != Some(0) {
        let summary = process.ask("GET", "/mail/summary", &Value::Null);
        let late = begun.elapsed() > LEFT_WITHIN;
        assert!(!late, "mails wait: {summary:?}\n{}", process.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// How many mails have not left, if the server says anything.
fn waiting(process: &Process) -> Option<u64> {
    let Outcome::Done(summary) = process.ask("GET", "/mail/summary", &Value::Null) else {
        return None;
    };
    Some(summary["waiting"].as_u64()? + summary["sending"].as_u64()?)
}

impl Booked {
    /// The steps of an office, until one is not answered.
    fn go_on(&mut self, process: &Process, made: &Value) -> Option<()> {
        let version = json!({"version": made["version"]});
        let published = self.step(process, "publish", "/publish", &version)?;
        if waiting(process)? > MOST_WAITING {
            return None;
        }
        let path = "/invitations/send";
        self.step(process, "send", path, &json!({"states": ["notSent"]}))?;
        let change = json!({"version": published["version"], "title": "Changed"});
        self.step(process, "change", "", &change)?;
        self.step(process, "tell", path, &json!({"mustBeToldAgain": true}))?;
        None
    }

    /// What was answered, if it was well.
    fn step(
        &mut self,
        process: &Process,
        name: &'static str,
        path: &str,
        body: &Value,
    ) -> Option<Value> {
        let method = if path.is_empty() { "PATCH" } else { "POST" };
        let outcome = process.ask(method, &format!("/bookings/{}{path}", self.id), body);
        let answer = match &outcome {
            Outcome::Done(answer) => Some(answer.clone()),
            Outcome::Refused(_) | Outcome::Unknown => None,
        };
        self.steps.push((name, outcome));
        answer
    }

    /// It is as was answered, and so says the journal.
    fn check(&self, process: &Process, journal: &[Value]) {
        let id = &self.id;
        let found = process.ask("GET", &format!("/bookings/{id}"), &Value::Null);
        let Outcome::Done(found) = found else {
            panic!("the booking {id} was made and is not there: {found:?}");
        };
        let own = journal.iter().filter(|event| event["booking"] == **id);
        let own: Vec<_> = own.collect();
        let told = |kind: &str| own.iter().filter(|event| event["kind"] == kind).count();
        let sent: Vec<usize> = own.iter().map(|event| sites_of_sent(event)).collect();
        let mut sent = sent.into_iter().filter(|sites| *sites > 0);
        for (name, outcome) in &self.steps {
            let (is_so, told) = match *name {
                "publish" => (found["published"].is_u64(), told("bookingPublished")),
                "change" => (found["title"] == "Changed", told("bookingChanged")),
                _ => {
                    check_sent(id, outcome, &mut sent);
                    continue;
                }
            };
            let was_answered = match outcome {
                Outcome::Done(_) => true,
                Outcome::Refused(_) => false,
                Outcome::Unknown => is_so,
            };
            assert_eq!(is_so, was_answered, "{name}: {found}, {outcome:?}");
            assert_eq!(told, usize::from(is_so), "events of {name} of {id}");
        }
        assert_eq!(sent.next(), None, "mails of {id} that nobody asked for");
    }
}

/// As many mails are announced as were answered.
fn check_sent(id: &str, outcome: &Outcome, sent: &mut impl Iterator<Item = usize>) {
    match outcome {
        Outcome::Done(answer) => {
            let queued = usize::try_from(answer["queued"].as_u64().unwrap()).unwrap();
            if queued > 0 {
                assert_eq!(sent.next(), Some(queued), "mails of {id}");
            }
        }
        Outcome::Refused(_) => {}
        // Nothing is asked for after it.
        Outcome::Unknown => drop(sent.next()),
    }
}
