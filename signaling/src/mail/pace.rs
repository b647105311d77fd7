//! So many mails a minute, whichever lane sends them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Gives turns that are so far apart.
#[derive(Debug)]
pub(super) struct Pace {
    apart: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    pub(super) fn per_minute(mails: u32) -> Self {
        Self {
            apart: Duration::from_secs(60) / mails.max(1),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Whether it is a turn now, which is taken then.
    pub(super) fn is_turn(&self) -> bool {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_turn = *next <= now;
        if is_turn {
            *next = now + self.apart;
        }
        is_turn
    }

    /// Waits for the next turn. Turns that nobody took are over.
    pub(super) async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + self.apart;
            turn
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_apart_and_none_is_saved_up() {
        let pace = Pace::per_minute(60);
        let begun = Instant::now();
        for _ in 0..3 {
            pace.turn().await;
        }
        assert_eq!(begun.elapsed().as_secs(), 2);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let begun = Instant::now();
        for _ in 0..3 {
            pace.turn().await;
        }
        assert_eq!(begun.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_wait_takes_no_turn_of_those_who_do() {
        let pace = Pace::per_minute(60);
        assert!(pace.is_turn());
        assert!(!pace.is_turn());
        let begun = Instant::now();
        pace.turn().await;
        assert_eq!(begun.elapsed().as_secs(), 1);
        assert!(!pace.is_turn());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(pace.is_turn());
    }
}
