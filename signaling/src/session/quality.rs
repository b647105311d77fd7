//! What a page says of what it sees and hears: seldom enough, and only what is news.

use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::line::Heard;

/// What is said sooner after what was said before is not looked at.
///
/// Lower: a page can make its conference judge it more often. Higher: a page that says it every few
/// seconds is not heard each time.
const APART: Duration = Duration::from_secs(2);

/// What one page has said.
#[derive(Debug, Default)]
pub(super) struct Qualities {
    looked_at: Option<Instant>,
    passed_on: Option<Heard>,
}

impl Qualities {
    /// Whether the conference is to hear of it.
    pub(super) fn is_news(&mut self, now: Instant, heard: Heard) -> bool {
        let is_soon = self.looked_at.is_some_and(|at| now - at < APART);
        let is_known = self.passed_on.is_some_and(|known| known.is_near(heard));
        if is_soon {
            return false;
        }
        self.looked_at = Some(now);
        if !is_known {
            self.passed_on = Some(heard);
        }
        !is_known
    }

    /// The conference has not heard of it after all.
    pub(super) fn retry(&mut self) {
        self.passed_on = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(concealed: u16) -> Heard {
        Heard {
            concealed: concealed.try_into().unwrap(),
            ..Heard::default()
        }
    }

    #[test]
    fn a_page_that_says_it_all_the_time_is_passed_on_seldom_and_only_what_is_new() {
        let (mut qualities, start) = (Qualities::default(), Instant::now());
        let passed: Vec<_> = (0..1_000_u16)
            .filter(|step| {
                let now = start + Duration::from_millis(20) * u32::from(*step);
                // For ten seconds something new each time, then always the same.
                qualities.is_news(now, heard((*step).min(500)))
            })
            .collect();
        assert_eq!(passed, [0, 100, 200, 300, 400, 500]);
        qualities.retry();
        assert!(qualities.is_news(start + Duration::from_secs(30), heard(500)));
    }
}
