//! Opens booked conferences when their time has come, and begins them: one task for the whole calendar.
//!
//! What is due is asked of the store, by the wall clock, so that nothing has to be remembered: a
//! conference is made once, because its log begins once, and what was missed while the server was down
//! is due until its time is over. A clock that was wrong for a while opens early what it takes for due,
//! and passes over nothing: what it has not opened is still there when it is right again.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::app::{App, Inner};
use crate::booking::OccurrenceState;
use crate::conference::{Actor, PhaseCommand};
use crate::ids::ConferenceId;
use crate::refusal::{ErrorCode, Refusal};
use crate::store::StoreError;

/// The longest until the wall clock is looked at again: it may be set at any moment. Higher: after such
/// a step a conference opens later. Lower: two questions to the store more often.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// The shortest, so that what cannot be done keeps nobody busy.
const PAUSE: Duration = Duration::from_millis(200);

/// How long one that could not be opened or begun is left alone. Higher: it is later when it can be.
/// Lower: more of what is in vain.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Most that are opened in one turn; others are due in the next.
const AT_ONCE: u32 = 100;

/// What could not be done lately, and until when it is left alone. As many as are due at most: an entry
/// goes when its time is over.
#[derive(Debug, Default)]
struct Failed(BTreeMap<ConferenceId, Instant>);

impl Failed {
    /// Those of `due` that are not left alone.
    fn without(&mut self, mut due: Vec<ConferenceId>) -> Vec<ConferenceId> {
        let now = Instant::now();
        self.0.retain(|_, until| *until > now);
        due.retain(|id| !self.0.contains_key(id));
        due
    }

    /// Says why, and leaves it alone for a while.
    fn note(&mut self, id: ConferenceId, what: &str, why: &Refusal) {
        warn!(conference = %id, %why, "a booked conference cannot be {what}");
        let until = Instant::now().checked_add(AGAIN_AFTER);
        self.0.extend(until.map(|until| (id, until)));
    }
}

/// Looks until it is told to stop by being dropped.
pub(crate) async fn watch(app: App) {
    let mut failed = Failed::default();
    let mut has_changed = true;
    let mut is_failing = false;
    loop {
        let turned = turn(&app, &mut failed, has_changed).await;
        // One line when it begins, not one each time.
        if let Err(cause) = &turned
            && !is_failing
        {
            error!(%cause, "it cannot be seen which conferences are to open");
        }
        is_failing = turned.is_err();
        has_changed &= is_failing;
        let wait = turned.unwrap_or(LOOK_EVERY).clamp(PAUSE, LOOK_EVERY);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.store.booking_changed() => has_changed = true,
        }
    }
}

/// Does what is due, and says how long it takes until something else is.
async fn turn(app: &App, failed: &mut Failed, has_changed: bool) -> Result<Duration, StoreError> {
    if has_changed {
        follow(app, failed).await?;
    }
    let now = app.clock.now().wall;
    for id in failed.without(app.store.due_to_open(now, AT_ONCE).await?) {
        open(app, failed, id).await;
    }
    for id in failed.without(app.store.due_to_begin(now, AT_ONCE).await?) {
        begin(app, failed, id).await;
    }
    let next = app.store.next_opening(now).await?;
    Ok(next.map_or(LOOK_EVERY, |next| until(next, app.clock.now().wall)))
}

async fn open(app: &Inner, failed: &mut Failed, id: ConferenceId) {
    match app.directory.open(Actor::SYSTEM, &id).await {
        Ok(_) => info!(conference = %id, "a booked conference is open"),
        // Somebody else was quicker.
        Err(why) if why.code == ErrorCode::ConferenceExists => {}
        Err(why) => failed.note(id, "opened", &why),
    }
}

async fn begin(app: &Inner, failed: &mut Failed, id: ConferenceId) {
    let begun = match app.directory.find(&id).await {
        Ok(conference) => conference.change(Actor::SYSTEM, PhaseCommand::Start).await,
        Err(why) => Err(why),
    };
    match begun {
        Ok(()) => info!(conference = %id, "a booked conference begins"),
        Err(why) => failed.note(id, "begun", &why),
    }
}

/// Has conferences that are open and have not begun be as their bookings say by now.
async fn follow(app: &App, failed: &mut Failed) -> Result<(), StoreError> {
    for day in app.store.opened().await? {
        let id = day.conference.clone();
        let followed = match day.state {
            OccurrenceState::Cancelled => app.directory.delete(Actor::SYSTEM, &id).await,
            OccurrenceState::Published | OccurrenceState::Draft => {
                let command = PhaseCommand::Amend {
                    title: Some(day.title),
                    starts_at: Some(Some(day.starts_at)),
                };
                match app.directory.find(&id).await {
                    Ok(conference) => conference.change(Actor::SYSTEM, command).await,
                    Err(why) => Err(why),
                }
            }
        };
        if let Err(why) = followed {
            failed.note(id, "changed", &why);
        }
    }
    Ok(())
}

fn until(next: Timestamp, now: Timestamp) -> Duration {
    // A negative wait is over.
    Duration::try_from(next.duration_since(now)).unwrap_or_default()
}
