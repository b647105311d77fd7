//! The progress bar.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use loadtest::Progress;
use tokio::sync::watch;

/// How often the bar is drawn.
const REDRAW: Duration = Duration::from_millis(200);

/// Draws a bar on stderr until the run is over; nothing where there is no terminal.
pub(crate) async fn show(mut changes: watch::Receiver<Progress>, quiet: bool) {
    if quiet || !stderr().is_terminal() {
        return;
    }
    let bar = ProgressBar::new(1).with_style(style("joining "));
    let mut watching_since: Option<Instant> = None;
    loop {
        let progress = changes.borrow_and_update().clone();
        match (progress.watching, progress.done) {
            (Some(duration), false) => {
                let since = *watching_since.get_or_insert_with(|| {
                    bar.set_style(style("watching"));
                    Instant::now()
                });
                bar.set_length(duration.as_secs().max(1));
                bar.set_position(since.elapsed().as_secs());
            }
            (_, true) => bar.set_style(style("leaving ")),
            (None, false) => {
                bar.set_length(u64::from(progress.asked.max(1)));
                bar.set_position(u64::from(progress.connected + progress.failed));
            }
        }
        bar.set_message(format!(
            "answered {} connected {} playing {} failed {}",
            progress.answered, progress.connected, progress.playing, progress.failed
        ));
        let waited = tokio::time::timeout(REDRAW, changes.changed()).await;
        if matches!(waited, Ok(Err(_))) {
            break;
        }
    }
    bar.finish_and_clear();
}

fn style(phase: &str) -> ProgressStyle {
    let template = format!("{phase} [{{bar:32}}] {{pos}}/{{len}} {{msg}} {{elapsed}}");
    ProgressStyle::with_template(&template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
