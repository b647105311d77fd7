//! Limits keyframe requests (RFC 4585 §6.3.1, PLI) towards one layer of a publisher, and learns
//! whether its encoder answers them.

use std::time::{Duration, Instant};

/// Shortest gap between two PLIs for one layer.
///
/// Higher: fewer keyframes, so less of the publisher's bitrate is spent on them.
/// Lower: a new receiver sees a picture sooner.
pub const MIN_PLI_INTERVAL: Duration = Duration::from_millis(500);

/// Shortest time from one keyframe to the next that is asked for by those who were shown the picture
/// and have lost it, where many watch it: each costs all of them.
///
/// Higher: the sites with weak lines cost the others less, however many they are. Lower: a picture
/// that repairs could not save stands still for less.
pub const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(3);

/// Unanswered requests double the gap so often.
const MAX_DOUBLINGS: u32 = 3;

/// Requests without an answer, over 3.5 s, after which an encoder counts as one that ignores them;
/// one that sends nothing is asked no more.
///
/// Higher: it is known later. Lower: one behind a bad line is suspected.
const PATIENCE: u32 = 4;

/// A keyframe this long after the first request is an answer to it; one that comes later came by
/// itself.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// Answers in a row after which an encoder is known to answer: one may be chance.
const PROOF: u8 = 2;

/// Whether somebody waits for a keyframe, when we asked for one, and what came of it.
#[derive(Debug, Default)]
pub struct KeyframeRequest {
    wanted: bool,
    /// Somebody who has lost the picture waits until then.
    again: Option<Instant>,
    /// When the newest keyframe came.
    last_came: Option<Instant>,
    /// When one came that nobody had asked for.
    unasked: Option<Instant>,
    last_sent: Option<Instant>,
    /// When those who wait now were asked for first, and how often since.
    asked: Option<Instant>,
    sent: u32,
    /// Requests in a row that were answered.
    answered: u8,
    ignored: bool,
}

impl KeyframeRequest {
    /// Somebody cannot go on without a keyframe.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// Somebody has lost the picture and needs another keyframe, which may not come sooner than `gap`
    /// after the newest.
    pub fn want_again(&mut self, now: Instant, gap: Duration) {
        match self.last_came.map(|came| came + gap) {
            Some(due) if now < due => self.again = Some(due),
            _ => self.want(),
        }
    }

    /// Whether the encoder makes keyframes by itself, and so often that it is worth while to wait for one.
    pub fn comes_by_itself(&self, now: Instant) -> bool {
        let since = self.unasked.map(|at| now.saturating_duration_since(at));
        since.is_some_and(|since| since <= MIN_REFRESH_INTERVAL)
    }

    /// Nobody waits any more.
    pub fn forget(&mut self) {
        self.wanted = false;
        self.again = None;
        self.asked = None;
        self.sent = 0;
    }

    /// A keyframe has come; whoever still needs one says so again.
    pub fn satisfied(&mut self, now: Instant) {
        if let Some(asked) = self.asked {
            let is_answer = now.saturating_duration_since(asked) <= ANSWER_TIME;
            self.answered = if is_answer {
                (self.answered + 1).min(PROOF)
            } else {
                0
            };
            self.ignored &= self.answered < PROOF;
        } else {
            self.unasked = Some(now);
        }
        self.last_came = Some(now);
        self.forget();
    }

    /// Whether a PLI is to leave at `now`; if so, records it as sent. The wish stays until
    /// [`satisfied`](Self::satisfied), so a lost PLI is repeated, at growing distances. `is_active`
    /// says whether the layer arrives; a still picture may be asked for one too.
    pub fn try_send(&mut self, now: Instant, is_active: bool) -> bool {
        if self.again.is_some_and(|due| now >= due) {
            self.again = None;
            self.want();
        }
        let doublings = self.sent.saturating_sub(1).min(MAX_DOUBLINGS);
        let gap = MIN_PLI_INTERVAL * (1 << doublings);
        let is_due = |last| now.saturating_duration_since(last) >= gap;
        if !self.wanted || !self.last_sent.is_none_or(is_due) {
            return false;
        }
        if self.sent + 1 >= PATIENCE {
            if !is_active {
                self.forget();
                return false;
            }
            self.answered = 0;
            self.ignored = true;
        }
        self.last_sent = Some(now);
        self.asked.get_or_insert(now);
        self.sent = self.sent.saturating_add(1);
        true
    }

    /// Whether somebody waits.
    pub const fn is_wanted(&self) -> bool {
        self.wanted || self.again.is_some()
    }

    /// Whether the encoder was asked again and again and sent what it would have sent anyway.
    pub const fn is_ignored(&self) -> bool {
        self.ignored
    }

    /// How many requests in a row were answered, up to what counts as proof.
    pub const fn answered(&self) -> u8 {
        self.answered
    }

    /// Whether the encoder is known to answer.
    pub const fn is_proven(&self) -> bool {
        self.answered >= PROOF
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn a_thousand_wishes_are_one_request() {
        let mut request = KeyframeRequest::default();
        let start = epoch();
        assert!(!request.try_send(start, true), "nobody asked");
        for _ in 0..1_000 {
            request.want();
        }
        assert!(request.try_send(start, true));
        assert!(!request.try_send(start + MIN_PLI_INTERVAL / 2, true));
        assert!(
            request.try_send(start + MIN_PLI_INTERVAL, true),
            "unanswered: asked again"
        );
        request.satisfied(start + MIN_PLI_INTERVAL);
        assert!(!request.try_send(start + 3 * MIN_PLI_INTERVAL, true));
    }

    #[test]
    fn whoever_has_lost_the_picture_waits_for_its_turn_and_who_is_new_does_not() {
        let mut request = KeyframeRequest::default();
        let at = |ms| epoch() + Duration::from_millis(ms);
        request.want_again(at(0), MIN_REFRESH_INTERVAL);
        assert!(request.try_send(at(0), true), "there was none yet");
        request.satisfied(at(100));
        for ms in [200, 900, 2_000] {
            request.want_again(at(ms), MIN_REFRESH_INTERVAL);
            assert!(request.is_wanted() && !request.try_send(at(ms), true));
        }
        assert!(!request.try_send(at(3_099), true));
        assert!(request.try_send(at(3_100), true), "nobody has to ask again");
        request.satisfied(at(3_200));
        request.want_again(at(3_300), MIN_REFRESH_INTERVAL);
        request.want();
        assert!(request.try_send(at(3_600), true), "a newcomer");
        request.satisfied(at(3_700));
        assert!(!request.is_wanted(), "it served both");
    }

    /// The moments, in ms, at which requests leave while somebody waits.
    fn requests(request: &mut KeyframeRequest, from: u64, to: u64, is_active: bool) -> Vec<u64> {
        let due = |at: &u64| request.try_send(epoch() + Duration::from_millis(*at), is_active);
        (from..to).step_by(100).filter(due).collect()
    }

    #[test]
    fn an_encoder_that_never_answers_is_noticed_and_asked_less_often() {
        let mut request = KeyframeRequest::default();
        request.want();
        let sent = requests(&mut request, 0, 3_500, true);
        assert_eq!(sent, [0, 500, 1_500]);
        assert!(!request.is_ignored(), "not yet");
        let sent = requests(&mut request, 3_500, 16_000, true);
        assert_eq!(sent, [3_500, 7_500, 11_500, 15_500]);
        assert!(request.is_ignored());
        request.satisfied(epoch() + Duration::from_secs(16));
        assert!(request.is_ignored(), "it came by itself");
    }

    #[test]
    fn an_encoder_that_answers_twice_is_known_to() {
        let mut request = KeyframeRequest::default();
        request.want();
        requests(&mut request, 0, 4_000, true);
        assert!(request.is_ignored());
        request.satisfied(epoch() + Duration::from_secs(4));
        for (round, proven) in [(5_u64, false), (6, true)] {
            request.want();
            let at = epoch() + Duration::from_secs(round);
            assert!(request.try_send(at, true));
            request.satisfied(at + Duration::from_millis(200));
            assert_eq!(
                (request.is_proven(), request.is_ignored()),
                (proven, !proven)
            );
        }
    }

    #[test]
    fn a_still_picture_is_asked_for_a_few_times_and_suspected_of_nothing() {
        let mut request = KeyframeRequest::default();
        request.want();
        assert_eq!(requests(&mut request, 0, 60_000, false), [0, 500, 1_500]);
        assert!(!request.is_wanted() && !request.is_ignored());
    }
}
