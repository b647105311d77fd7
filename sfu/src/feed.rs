//! What a set of slots shows, switched for all of them at once.

use std::time::{Duration, Instant};

use crate::id::PublicationId;
use crate::priority::Priority;
use crate::publication::{MAX_LAYERS, PublicationKey};

/// How long the former publication is still shown to slots that wait for a keyframe of the new one.
///
/// Higher: fewer frozen pictures when a new speaker's first keyframe is lost. Lower: less media is
/// forwarded that nobody wants.
const OVERLAP: Duration = Duration::from_secs(2);

/// The name of a feed within its conference.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FeedName {
    /// A numbered place on the stage.
    Stage(u8),
    /// One particular publication.
    Publication(PublicationId),
    /// A place in the bank of audio slots that peers with `bank` audio slots share.
    Audio {
        /// How many audio slots these peers have.
        bank: u8,
        /// Which of them.
        place: u8,
    },
}

impl FeedName {
    /// How dearly it is wanted.
    pub const fn priority(self) -> Priority {
        match self {
            Self::Publication(_) => Priority::Thumbnail,
            Self::Stage(1) => Priority::Second,
            Self::Stage(_) => Priority::Main,
            Self::Audio { .. } => Priority::Audio,
        }
    }
}

/// One feed of one conference, as one shard knows it.
#[derive(Debug)]
pub struct Feed {
    /// Its name.
    pub name: FeedName,
    /// What it is to show.
    pub shows: Option<PublicationKey>,
    /// What it showed before, until when.
    pub previous: Option<(PublicationKey, Instant)>,
    /// How many slots of this shard are pointed at it.
    pub slots: u32,
    /// By the highest layer for which they wish, how many of them.
    wishes: [u32; MAX_LAYERS],
}

impl Feed {
    /// A feed that shows nothing.
    pub fn new(name: FeedName) -> Self {
        Self {
            name,
            shows: None,
            previous: None,
            slots: 0,
            wishes: [0; MAX_LAYERS],
        }
    }

    /// One more slot is pointed at it, which wishes for layers up to this one.
    pub fn join(&mut self, wished: u8) {
        self.slots += 1;
        if let Some(wishes) = self.wishes.get_mut(usize::from(wished)) {
            *wishes += 1;
        }
    }

    /// One that wishes for layers up to this one is no longer.
    pub fn leave(&mut self, wished: u8) {
        self.slots = self.slots.saturating_sub(1);
        if let Some(wishes) = self.wishes.get_mut(usize::from(wished)) {
            *wishes = wishes.saturating_sub(1);
        }
    }

    /// How many layers its slots wish for, the lowest first.
    pub fn layers(&self) -> u8 {
        let highest = self.wishes.iter().rposition(|slots| *slots > 0);
        highest.map_or(0, |highest| u8::try_from(highest + 1).unwrap_or(u8::MAX))
    }

    /// Sets what is to be shown. Returns whether that is a change.
    pub fn turn_to(&mut self, now: Instant, shows: Option<PublicationKey>) -> bool {
        if self.shows == shows {
            return false;
        }
        // Emptying a feed takes effect at once: someone was taken off the stage.
        // Sound needs no keyframe, so it changes at once too.
        let overlaps = shows.is_some() && !matches!(self.name, FeedName::Audio { .. });
        self.previous = self
            .shows
            .filter(|_| overlaps)
            .map(|old| (old, now + OVERLAP));
        self.shows = shows;
        true
    }

    /// Whether a publication may be forwarded.
    pub fn still_shows(&self, now: Instant, key: PublicationKey) -> bool {
        let is_previous = |(previous, until)| previous == key && now < until;
        self.shows == Some(key) || self.previous.is_some_and(is_previous)
    }

    /// What still may be forwarded beside [`shows`](Self::shows).
    pub fn previous(&mut self, now: Instant) -> Option<PublicationKey> {
        self.previous = self.previous.filter(|(_, until)| now < *until);
        self.previous.map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const A: PublicationKey = PublicationKey::new(1, 0);
    const B: PublicationKey = PublicationKey::new(2, 0);

    #[test]
    fn the_former_picture_stays_until_the_new_one_can_start() {
        let mut feed = Feed::new(FeedName::Stage(0));
        let now = epoch();
        assert!(feed.turn_to(now, Some(A)));
        assert!(!feed.turn_to(now, Some(A)), "no change");
        assert!(feed.turn_to(now, Some(B)));
        assert_eq!(feed.previous(now), Some(A));
        assert_eq!(feed.previous(now + OVERLAP), None);
    }

    #[test]
    fn emptying_a_feed_takes_effect_at_once() {
        let mut feed = Feed::new(FeedName::Stage(0));
        let now = epoch();
        feed.turn_to(now, Some(A));
        feed.turn_to(now, None);
        assert_eq!(feed.previous(now), None);
    }
}
