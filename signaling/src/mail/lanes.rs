//! Those who send: a few lanes, each with a connection of its own and one mail at a time.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::content::{Unwritten, compose};
use super::desk::Desk;
use super::pace::Pace;
use super::party::Sender;
use super::smtp::{Door, Line, NotTaken};
use super::verdict::{Fate, is_worth_trying, next_attempt};
use crate::app::App;
use crate::inviting;
use crate::store::{MailFinished, MailState, QueuedMail, StoreError};

/// How many connections to the mail server there are at most. Higher: a far one takes more in a minute.
/// Lower: a small one is not pressed.
const LANES: u8 = 4;

/// Longest that nobody looks whether there is something to send, if nobody says so.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How long the mail server, or the store, is left alone after trouble: doubled each time up to the most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often what became of a mail is tried to be stored while the server stops.
const LAST_TRIES: u32 = 3;

/// Sends what waits until the server drains; each mail that is under way then comes to its end.
pub(crate) async fn run(app: App) {
    let config = app.config().mail.clone();
    if !config.is_on() {
        return;
    }
    let Ok(sender) = config.from.parse::<Sender>() else {
        return error!(
            from = config.from,
            "no mail is sent: `mail.from` is no address"
        );
    };
    let door = match Door::open(&config, &sender) {
        Ok(door) => Arc::new(door),
        Err(cause) => return error!(cause = %format!("{cause:#}"), "no mail is sent"),
    };
    if !recover(&app).await {
        return;
    }
    inviting::resume(&app).await;
    let pace = Arc::new(Pace::per_minute(config.per_minute));
    for number in 1..=LANES {
        let lane = Lane {
            app: Arc::clone(&app),
            number,
            sender: sender.clone(),
            door: Arc::clone(&door),
            pace: Arc::clone(&pace),
            waiting: app.post.subscribe(),
            desk: Desk::default(),
            line: None,
            troubles: 0,
        };
        app.tasks.spawn(lane.run());
    }
}

/// What was under way when the process before this one ended is sent again, or given up. False if the
/// server drains before the store can do that.
async fn recover(app: &App) -> bool {
    let mut troubles = 0;
    loop {
        match app.store.recover_mail(app.clock.now().wall).await {
            Ok(0) => return true,
            Ok(doubtful) => {
                warn!(
                    doubtful,
                    "mails were under way when the server ended, and may come twice"
                );
                return true;
            }
            Err(cause) => warn!(%cause, "cannot look for mail that was under way"),
        }
        troubles += 1;
        let paused = app.draining.run_until_cancelled(sleep(pause(troubles)));
        if paused.await.is_none() {
            return false;
        }
    }
}

/// Longer with each trouble in a row.
fn pause(troubles: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << troubles.saturating_sub(1).min(10));
    doubled.min(LONGEST_PAUSE)
}

struct Lane {
    app: App,
    number: u8,
    sender: Sender,
    door: Arc<Door>,
    pace: Arc<Pace>,
    waiting: watch::Receiver<()>,
    desk: Desk,
    line: Option<Line>,
    /// How often in a row the mail server was away.
    troubles: u32,
}

impl Lane {
    async fn run(mut self) {
        let mut finished: Option<MailFinished> = None;
        let mut failures = 0;
        loop {
            if finished.is_none() && !self.wait_for_work().await {
                break;
            }
            let is_last = self.app.draining.is_cancelled();
            // Whoever has sent one takes the next with it where it need not wait for its turn.
            let takes = !is_last && (finished.is_none() || self.pace.is_turn());
            let now = self.app.clock.now().wall;
            let turn = self
                .app
                .store
                .next_mail(self.number, finished.clone(), takes, now);
            match turn.await {
                Ok(taken) => {
                    (finished, failures) = (None, 0);
                    if let Some(mail) = taken {
                        finished = Some(self.deliver(mail).await);
                        self.rest().await;
                    } else if is_last {
                        break;
                    }
                }
                Err(cause) => {
                    failures += 1;
                    self.note_failure(failures, &cause);
                    if is_last && failures >= LAST_TRIES {
                        break;
                    }
                    sleep(pause(failures.min(3))).await;
                }
            }
        }
        self.hang_up().await;
    }

    fn note_failure(&self, failures: u32, cause: &StoreError) {
        if failures == 1 {
            warn!(%cause, lane = self.number, "cannot store what became of a mail, or see the next one");
        }
    }

    /// Waits for a mail and its turn. False once the server drains.
    async fn wait_for_work(&mut self) -> bool {
        let draining = self.app.draining.clone();
        loop {
            self.waiting.mark_unchanged();
            let longest = match self.app.store.mail_due().await {
                Ok(Some(due)) => {
                    let now = self.app.clock.now().wall;
                    Duration::try_from(due.duration_since(now)).unwrap_or_default()
                }
                Ok(None) | Err(_) => LOOK_EVERY,
            };
            if longest.is_zero() {
                return draining
                    .run_until_cancelled(self.pace.turn())
                    .await
                    .is_some();
            }
            self.hang_up().await;
            let woken = async {
                tokio::select! {
                    _ = self.waiting.changed() => {}
                    () = sleep(longest.min(LOOK_EVERY)) => {}
                }
            };
            if draining.run_until_cancelled(woken).await.is_none() {
                return false;
            }
        }
    }

    async fn hang_up(&mut self) {
        if let Some(line) = self.line.take() {
            line.quit().await;
        }
    }

    /// Leaves a mail server alone that has taken nothing.
    async fn rest(&self) {
        if self.troubles > 0 {
            let draining = &self.app.draining;
            draining
                .run_until_cancelled(sleep(pause(self.troubles)))
                .await;
        }
    }

    /// Sends one mail, and says what has become of it.
    async fn deliver(&mut self, mail: QueuedMail) -> MailFinished {
        let letter = match compose(&self.app, &mut self.desk, &mail).await {
            Ok(letter) => letter,
            Err(Unwritten::NotNeeded(why)) => return finished(&mail, MailState::Dropped, why),
            Err(Unwritten::Address(why)) => {
                return finished(&mail, MailState::Refused, format!("the address {why}"));
            }
            // Nor is that its fault.
            Err(Unwritten::Store(cause)) => {
                let now = self.app.clock.now().wall;
                return self.returned(&mail, cause.to_string(), now);
            }
        };
        let written = match letter.write(&self.sender, mail.id, mail.made_at) {
            Ok(written) => written,
            Err(cause) => return finished(&mail, MailState::Refused, cause.to_string()),
        };
        let taken = match self.line().await {
            Ok(mut line) => {
                let taken = line.send(&written).await;
                let is_away = matches!(&taken, Err(refused) if refused.fate == Fate::Away);
                self.line = Some(line).filter(|_| !is_away);
                taken
            }
            Err(refused) => Err(refused),
        };
        self.judge(&mail, taken)
    }

    async fn line(&mut self) -> Result<Line, NotTaken> {
        match self.line.take() {
            Some(line) => Ok(line),
            None => self.door.connect().await,
        }
    }

    fn judge(&mut self, mail: &QueuedMail, taken: Result<(), NotTaken>) -> MailFinished {
        let Err(NotTaken { fate, said }) = taken else {
            self.note_well();
            return finished(mail, MailState::Sent, String::new());
        };
        match fate {
            Fate::Refused => {
                self.note_well();
                info!(mail = %mail.id, said, "a mail was refused");
                finished(mail, MailState::Refused, said)
            }
            Fate::Later => {
                self.note_well();
                self.later(mail, &said)
            }
            Fate::Away => {
                let now = self.app.clock.now().wall;
                self.troubles += 1;
                if self.app.post.note_trouble(&said, now) {
                    warn!(said, "the mail server takes no mail");
                }
                self.returned(mail, said, now)
            }
        }
    }

    fn note_well(&mut self) {
        self.troubles = 0;
        if self.app.post.note_success() {
            info!("the mail server takes mail again");
        }
    }

    /// It is tried again by itself, until that is of no use.
    fn later(&self, mail: &QueuedMail, said: &str) -> MailFinished {
        let now = self.app.clock.now().wall;
        let next = next_attempt(mail.attempts, mail.made_at, mail.useless_at, now);
        next.map_or_else(
            || finished(mail, MailState::GivenUp, said.to_owned()),
            |due_at| MailFinished {
                due_at,
                ..finished(mail, MailState::Waiting, said.to_owned())
            },
        )
    }

    /// It was not its fault: it is the first again when the mail server, or the store, is back.
    fn returned(&self, mail: &QueuedMail, said: String, now: Timestamp) -> MailFinished {
        if !is_worth_trying(mail.made_at, mail.useless_at, now) {
            return finished(mail, MailState::GivenUp, said);
        }
        let rest = SignedDuration::try_from(pause(self.troubles)).unwrap_or_default();
        MailFinished {
            due_at: now.checked_add(rest).unwrap_or(now),
            is_attempt: false,
            ..finished(mail, MailState::Waiting, said)
        }
    }
}

fn finished(mail: &QueuedMail, state: MailState, said: String) -> MailFinished {
    MailFinished {
        id: mail.id,
        state,
        due_at: mail.made_at,
        is_attempt: true,
        said: Some(said).filter(|said| !said.is_empty()),
    }
}
