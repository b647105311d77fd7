//! What the server could not do for a conference, as moderators are told it: seldom, and only when
//! it changes.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sfu::id::ShardId;
use sfu::priority::{PRIORITIES, Priority};
use tokio::time::Instant;

use super::pace::Pace;
use crate::protocol::server::{Frames, Importance, Overload, Trouble};
use crate::refusal::ErrorCode;

/// How often it is told at most. Higher: the operator learns later how it goes on. Lower: figures
/// that nobody can read.
const INTERVAL: Duration = Duration::from_secs(3);

/// Two times of overload with less than this between them are one: what was left out is tried again
/// every few seconds, and an operator need not hear of each try.
const APART: SignedDuration = SignedDuration::from_secs(60);

/// Frames left out since the start of the server, as the media plane counts them.
pub(super) type Counted = [u64; PRIORITIES];

/// Gathers it.
#[derive(Debug)]
pub(super) struct Troubles {
    pace: Pace,
    now: Trouble,
    told: Trouble,
    /// What each shard that cannot keep up leaves out.
    shards: BTreeMap<ShardId, Priority>,
    /// What had been counted when the overload began.
    before: Counted,
}

impl Default for Troubles {
    fn default() -> Self {
        Self {
            pace: Pace::at_most_every(INTERVAL),
            now: Trouble::default(),
            told: Trouble::default(),
            shards: BTreeMap::new(),
            before: Counted::default(),
        }
    }
}

impl Troubles {
    /// A join was refused.
    pub(super) fn refused(&mut self, now: Instant, code: ErrorCode) {
        let refused = &mut self.now.refused;
        let count = match code {
            ErrorCode::ConferenceFull => &mut refused.conference_full,
            ErrorCode::ServerFull => &mut refused.server_full,
            ErrorCode::Overloaded => &mut refused.overloaded,
            _ => return,
        };
        *count = count.saturating_add(1);
        self.pace.mark(now);
    }

    /// A shard leaves something out, or less, or nothing any more.
    pub(super) fn overload(
        &mut self,
        now: Instant,
        at: Timestamp,
        shard: ShardId,
        left_out: Option<Priority>,
        counted: Counted,
    ) {
        match left_out {
            Some(priority) => self.shards.insert(shard, priority),
            None => self.shards.remove(&shard),
        };
        let worst = self.shards.values().max().copied();
        let known = self.now.overload.filter(|overload| {
            overload
                .until
                .is_none_or(|until| at.duration_since(until) < APART)
        });
        self.now.overload = match (worst, known) {
            (Some(worst), Some(overload)) => Some(Overload {
                left_out: importance(worst),
                until: None,
                ..overload
            }),
            (Some(worst), None) => {
                self.before = counted;
                Some(Overload {
                    left_out: importance(worst),
                    since: at,
                    until: None,
                    frames: Frames::default(),
                })
            }
            (None, _) => self.now.overload.map(|overload| Overload {
                until: overload.until.or(Some(at)),
                frames: since(counted, self.before),
                ..overload
            }),
        };
        self.pace.mark(now);
    }

    /// When something may be to be told.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pace.due()
    }

    /// What is to be told now, if anything has changed.
    pub(super) fn take(
        &mut self,
        now: Instant,
        counted: impl FnOnce() -> Counted,
    ) -> Option<Trouble> {
        if !self.pace.take(now) {
            return None;
        }
        if let Some(overload) = self.now.overload.as_mut().filter(|it| it.until.is_none()) {
            overload.frames = since(counted(), self.before);
            // It lasts: look again.
            self.pace.mark(now);
        }
        if self.now == self.told {
            return None;
        }
        self.now.version += 1;
        self.told = self.now;
        Some(self.now)
    }

    /// What was told last, for somebody who has just come in; `None` if there has been no trouble.
    pub(super) fn told(&self) -> Option<Trouble> {
        (self.told.version > 0).then_some(self.told)
    }
}

const fn importance(priority: Priority) -> Importance {
    match priority {
        Priority::Thumbnail => Importance::Thumbnail,
        Priority::Second => Importance::Second,
        Priority::Main => Importance::Main,
        Priority::Audio => Importance::Audio,
    }
}

fn since(counted: Counted, before: Counted) -> Frames {
    let of = |priority: Priority| {
        let index = priority as usize;
        let count = |all: Counted| all.get(index).copied().unwrap_or_default();
        count(counted).saturating_sub(count(before))
    };
    Frames {
        thumbnail: of(Priority::Thumbnail),
        second: of(Priority::Second),
        main: of(Priority::Main),
        audio: of(Priority::Audio),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARD: ShardId = ShardId(0);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// What is told `seconds` after `start`.
    fn told(
        troubles: &mut Troubles,
        start: Instant,
        seconds: u64,
        counted: Counted,
    ) -> Option<Trouble> {
        troubles.take(start + Duration::from_secs(seconds), || counted)
    }

    #[test]
    fn an_overload_is_told_when_it_begins_while_it_grows_and_when_it_ends() {
        let (mut troubles, start) = (Troubles::default(), Instant::now());
        let later = |seconds| start + Duration::from_secs(seconds);
        troubles.overload(
            start,
            at(100),
            SHARD,
            Some(Priority::Thumbnail),
            [5, 0, 0, 0],
        );
        let first = told(&mut troubles, start, 0, [5, 0, 0, 0]).unwrap();
        let overload = first.overload.unwrap();
        assert_eq!(
            (overload.left_out, overload.since, overload.until),
            (Importance::Thumbnail, at(100), None)
        );
        assert_eq!(told(&mut troubles, start, 1, [9, 0, 0, 0]), None, "not yet");
        let second = told(&mut troubles, start, 3, [9, 0, 0, 0]).unwrap();
        assert_eq!(
            (second.version, second.overload.unwrap().frames.thumbnail),
            (2, 4)
        );
        assert_eq!(
            told(&mut troubles, start, 6, [9, 0, 0, 0]),
            None,
            "nothing new"
        );
        troubles.overload(later(7), at(107), SHARD, None, [9, 2, 0, 0]);
        let last = told(&mut troubles, start, 9, [9, 2, 0, 0])
            .unwrap()
            .overload
            .unwrap();
        assert_eq!((last.until, last.frames.second), (Some(at(107)), 2));
        assert_eq!(
            told(&mut troubles, start, 60, [9, 9, 0, 0]),
            None,
            "it is over"
        );
    }

    #[test]
    fn the_shard_that_suffers_most_is_told_of_until_none_does() {
        let (mut troubles, start) = (Troubles::default(), Instant::now());
        let other = ShardId(1);
        for (shard, left_out, expected) in [
            (SHARD, Some(Priority::Second), Importance::Second),
            (other, Some(Priority::Main), Importance::Main),
            (other, None, Importance::Second),
        ] {
            troubles.overload(start, at(1), shard, left_out, Counted::default());
            let overload = troubles.now.overload.unwrap();
            assert_eq!((overload.left_out, overload.until), (expected, None));
        }
    }

    #[test]
    fn a_short_pause_does_not_begin_another_overload_and_a_long_one_does() {
        let (mut troubles, start) = (Troubles::default(), Instant::now());
        let mut overload = |second, left_out| {
            troubles.overload(start, at(second), SHARD, left_out, Counted::default());
            troubles.now.overload.unwrap().since
        };
        overload(100, Some(Priority::Main));
        overload(110, None);
        assert_eq!(overload(130, Some(Priority::Main)), at(100));
        overload(140, None);
        assert_eq!(overload(300, Some(Priority::Main)), at(300));
    }

    #[test]
    fn many_refusals_are_one_message() {
        let (mut troubles, start) = (Troubles::default(), Instant::now());
        assert_eq!(troubles.told(), None);
        for _ in 0..1_000 {
            troubles.refused(start, ErrorCode::Overloaded);
        }
        troubles.refused(start, ErrorCode::ConferenceFull);
        let trouble = told(&mut troubles, start, 0, Counted::default()).unwrap();
        assert_eq!(
            (trouble.refused.overloaded, trouble.refused.conference_full),
            (1_000, 1)
        );
        assert_eq!(troubles.told(), Some(trouble));
        assert_eq!(told(&mut troubles, start, 10, Counted::default()), None);
    }
}
