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
use crate::store::{Outdated, StoreError};

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

    fn is_left_alone(&self, id: &ConferenceId) -> bool {
        let now = Instant::now();
        self.0.get(id).is_some_and(|until| *until > now)
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
        let turned = turned.unwrap_or(Turned {
            wait: LOOK_EVERY,
            has_followed: !has_changed,
        });
        has_changed = !turned.has_followed;
        let wait = turned.wait.clamp(PAUSE, LOOK_EVERY);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.store.booking_changed() => has_changed = true,
        }
    }
}

/// What a turn has come to.
#[derive(Clone, Copy)]
struct Turned {
    /// How long it takes until something else is due.
    wait: Duration,
    /// Whether every open conference is as its booking says by now.
    has_followed: bool,
}

/// Does what is due.
async fn turn(app: &App, failed: &mut Failed, has_changed: bool) -> Result<Turned, StoreError> {
    let has_followed = !has_changed || follow(app, failed).await?;
    let now = app.clock.now().wall;
    for id in failed.without(app.store.due_to_open(now, AT_ONCE).await?) {
        open(app, failed, id).await;
    }
    for id in failed.without(app.store.due_to_begin(now, AT_ONCE).await?) {
        begin(app, failed, id).await;
    }
    let next = app.store.next_opening(now).await?;
    Ok(Turned {
        wait: next.map_or(LOOK_EVERY, |next| until(next, app.clock.now().wall)),
        has_followed,
    })
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

/// Has conferences that are open be as their bookings say by now; whether all are.
async fn follow(app: &App, failed: &mut Failed) -> Result<bool, StoreError> {
    // Whoever is invited no more is gone before others see the list without it.
    app.heed_revocations().await?;
    let mut have_all = true;
    for outdated in app.store.outdated().await? {
        let id = outdated.day.conference.clone();
        if failed.is_left_alone(&id) {
            have_all = false;
        } else if let Err(why) = follow_one(app, outdated).await {
            have_all = false;
            failed.note(id, "changed", &why);
        }
    }
    Ok(have_all)
}

async fn follow_one(app: &Inner, outdated: Outdated) -> Result<(), Refusal> {
    let id = &outdated.day.conference;
    if outdated.day.state == OccurrenceState::Cancelled {
        return app.directory.delete(Actor::SYSTEM, id).await;
    }
    if !outdated.has_begun && !outdated.is_titled {
        let command = PhaseCommand::Amend {
            title: Some(outdated.day.title.clone()),
            starts_at: Some(Some(outdated.day.starts_at)),
        };
        let conference = app.directory.find(id).await?;
        conference.change(Actor::SYSTEM, command).await?;
    }
    if outdated.expects_them() {
        return Ok(());
    }
    app.directory
        .follow(&outdated.day, outdated.followed.as_ref())
        .await
}

fn until(next: Timestamp, now: Timestamp) -> Duration {
    // A negative wait is over.
    Duration::try_from(next.duration_since(now)).unwrap_or_default()
}
