//! What the service manager that started this process hears of it (`sd_notify(3)`): that it is ready,
//! that it lives, that it stops.
//!
//! [`Reporter`] decides what, [`report`] looks and sends. Where no service manager waits for it
//! nothing is done.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::MissedTickBehavior;
use tracing::warn;

use crate::app::App;
use crate::health;

/// How often it is looked. Higher: readiness is reported later. Lower: more writing to the store,
/// which is asked whether it stores.
const LOOK: Duration = Duration::from_secs(1);

/// By how much a start or a stop that goes on may take longer, from each look. Higher: a server that
/// hangs is ended later. Lower: one on a slow machine may be ended while it is well.
const MORE_TIME: Duration = Duration::from_secs(20);

/// What was seen at one look.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Condition {
    /// Why it should get no new work, as `/readyz` says it.
    reasons: Vec<&'static str>,
    /// What is amiss although it should.
    warnings: Vec<&'static str>,
    /// Every media thread turns.
    media_turns: bool,
    /// It was asked to stop.
    is_stopping: bool,
}

/// What is to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Notice {
    /// The service is started.
    Ready,
    /// It stops.
    Stopping,
    /// It lives.
    Watchdog,
    /// The start or the stop goes on.
    MoreTime,
    /// For whoever asks for the service's status.
    Status(String),
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Phase {
    #[default]
    Starting,
    Serving,
    Stopping,
}

/// What the service manager knows so far.
#[derive(Debug, Default)]
struct Reporter {
    phase: Phase,
    status: String,
}

impl Reporter {
    /// What is new since the last look. A process whose media threads do not turn says nothing of
    /// being alive, so that it is started again.
    fn next(&mut self, condition: &Condition) -> Vec<Notice> {
        let mut notices = Vec::new();
        let before = self.phase;
        self.phase = match before {
            _ if condition.is_stopping => Phase::Stopping,
            Phase::Starting if condition.reasons.is_empty() => Phase::Serving,
            same => same,
        };
        if self.phase != before {
            match self.phase {
                Phase::Starting => {}
                Phase::Serving => notices.push(Notice::Ready),
                Phase::Stopping => notices.push(Notice::Stopping),
            }
        }
        if condition.media_turns {
            notices.push(Notice::Watchdog);
            if self.phase != Phase::Serving {
                notices.push(Notice::MoreTime);
            }
        }
        let status = self.describe(condition);
        if status != self.status {
            notices.push(Notice::Status(status.clone()));
            self.status = status;
        }
        notices
    }

    fn describe(&self, condition: &Condition) -> String {
        let reasons = condition.reasons.join(", ");
        match self.phase {
            Phase::Stopping => "stopping".to_owned(),
            Phase::Starting if !reasons.is_empty() => format!("not ready yet: {reasons}"),
            Phase::Serving if !reasons.is_empty() => format!("not ready: {reasons}"),
            _ if condition.warnings.is_empty() => "serving".to_owned(),
            _ => format!("serving, but: {}", condition.warnings.join(", ")),
        }
    }
}

/// Reports until it is dropped. Returns at once if nobody waits for it.
pub(crate) async fn report(app: App) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let quarter = sd_notify::watchdog_enabled().map(|limit| limit / 4);
    let every = quarter.map_or(LOOK, |quarter| quarter.clamp(LOOK / 10, LOOK));
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reporter = Reporter::default();
    let mut is_stopping = false;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = app.announced.cancelled(), if !is_stopping => is_stopping = true,
        }
        let condition = look(&app, every).await;
        let notices = reporter.next(&condition);
        // The service manager may be slow to read.
        let sent = tokio::task::spawn_blocking(move || send(&notices)).await;
        if let Ok(Err(cause)) = sent {
            warn!(%cause, "the service manager cannot be told how this server is");
        }
    }
}

/// A store that takes long to answer must not delay the sign of life.
async fn look(app: &App, patience: Duration) -> Condition {
    let reasons = tokio::time::timeout(patience, health::reasons(app)).await;
    let warnings = tokio::time::timeout(patience, health::warnings(app)).await;
    Condition {
        warnings: warnings.unwrap_or_default(),
        reasons: reasons.unwrap_or_else(|_| vec![health::STORE]),
        media_turns: app.media.media().stalled().is_empty(),
        is_stopping: app.announced.is_cancelled(),
    }
}

fn send(notices: &[Notice]) -> std::io::Result<()> {
    let micros = u32::try_from(MORE_TIME.as_micros()).unwrap_or(u32::MAX);
    let states: Vec<_> = notices
        .iter()
        .map(|notice| match notice {
            Notice::Ready => NotifyState::Ready,
            Notice::Stopping => NotifyState::Stopping,
            Notice::Watchdog => NotifyState::Watchdog,
            Notice::MoreTime => NotifyState::ExtendTimeoutUsec(micros),
            Notice::Status(status) => NotifyState::Status(status),
        })
        .collect();
    if states.is_empty() {
        return Ok(());
    }
    sd_notify::notify(&states)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Condition {
        Condition {
            media_turns: true,
            ..Condition::default()
        }
    }

    fn status(text: &str) -> Notice {
        Notice::Status(text.to_owned())
    }

    #[test]
    fn it_is_reported_ready_once_and_only_when_it_would_take_work() {
        let mut reporter = Reporter::default();
        let alone = Condition {
            reasons: vec!["addresses"],
            ..well()
        };
        let waits = [
            Notice::Watchdog,
            Notice::MoreTime,
            status("not ready yet: addresses"),
        ];
        assert_eq!(reporter.next(&alone), waits);
        assert_eq!(reporter.next(&alone), waits[..2]);
        let ready = [Notice::Ready, Notice::Watchdog, status("serving")];
        assert_eq!(reporter.next(&well()), ready);
        assert_eq!(reporter.next(&well()), [Notice::Watchdog]);
        let lost = [Notice::Watchdog, status("not ready: addresses")];
        assert_eq!(reporter.next(&alone), lost);
    }

    #[test]
    fn what_is_amiss_while_it_serves_stands_in_its_status() {
        let mut reporter = Reporter::default();
        reporter.next(&well());
        let expired = Condition {
            warnings: vec!["certificate_expired"],
            ..well()
        };
        let but = status("serving, but: certificate_expired");
        assert_eq!(reporter.next(&expired), [Notice::Watchdog, but]);
    }

    #[test]
    fn a_media_thread_that_turns_no_more_ends_the_signs_of_life() {
        let mut reporter = Reporter::default();
        reporter.next(&well());
        let stalled = Condition {
            reasons: vec!["media"],
            ..Condition::default()
        };
        assert_eq!(reporter.next(&stalled), [status("not ready: media")]);
        assert_eq!(reporter.next(&stalled), []);
        assert_eq!(
            reporter.next(&well()),
            [Notice::Watchdog, status("serving")]
        );
    }

    #[test]
    fn a_stop_is_reported_once_and_may_take_as_long_as_it_needs() {
        for before in [Vec::new(), vec!["store"]] {
            let mut reporter = Reporter::default();
            reporter.next(&Condition {
                reasons: before,
                ..well()
            });
            let stops = Condition {
                reasons: vec!["draining"],
                is_stopping: true,
                ..well()
            };
            let first = reporter.next(&stops);
            assert_eq!(first.first(), Some(&Notice::Stopping), "{first:?}");
            assert!(first.contains(&status("stopping")), "{first:?}");
            let goes_on = [Notice::Watchdog, Notice::MoreTime];
            assert_eq!(reporter.next(&stops), goes_on);
        }
    }
}
