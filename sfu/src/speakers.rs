//! Who is heard when there are more speakers than audio slots (RFC 6464 levels). Pure.

use std::time::{Duration, Instant};

/// A speaker must be this much louder than the one it displaces, in dB.
///
/// Higher: fewer changes of speaker. Lower: a new speaker is heard sooner.
const MARGIN_DB: f32 = 6.0;

/// Level below which nobody counts as speaking, in −dBov (127 is silence).
const SPEECH_DBOV: f32 = 60.0;

/// Smoothing factor per packet: the share of the new level.
///
/// Higher: reacts faster. Lower: a cough does not take the floor.
const ATTACK: f32 = 0.2;

/// After this long without a packet a speaker counts as silent.
const FORGET: Duration = Duration::from_millis(500);

/// Smoothed loudness of one publication.
#[derive(Clone, Copy, Debug)]
pub struct Loudness {
    /// Smoothed level in −dBov: smaller is louder.
    level: f32,
    last: Option<Instant>,
}

impl Default for Loudness {
    fn default() -> Self {
        Self {
            level: 127.0,
            last: None,
        }
    }
}

impl Loudness {
    /// Takes in the level of one packet, 0 (loudest) to 127 (silence).
    pub fn hear(&mut self, now: Instant, level: u8) {
        self.level += (f32::from(level & 0x7f) - self.level) * ATTACK;
        self.last = Some(now);
    }

    /// How loud, in dB above silence: 0 to 127.
    pub fn loudness(&self, now: Instant) -> f32 {
        match self.last {
            Some(last) if now.saturating_duration_since(last) < FORGET => 127.0 - self.level,
            _ => 0.0,
        }
    }
}

/// Chooses who fills the places of a set of audio slots.
///
/// `places` holds the present choice and is changed in place; `speakers` are the candidates with
/// their loudness, the most important first. With no more candidates than places, the n-th speaker
/// has the n-th place, so that a picture and its sound stay together. Otherwise whoever is heard
/// keeps the place until somebody outside is louder by a margin.
///
/// Returns whether anything changed.
pub fn choose<K: Copy + Eq>(places: &mut [Option<K>], speakers: &[(K, f32)]) -> bool {
    let before: Vec<_> = places.to_vec();
    if speakers.len() <= places.len() {
        for (index, place) in places.iter_mut().enumerate() {
            *place = speakers.get(index).map(|(key, _)| *key);
        }
        return *places != *before;
    }
    let loudness_of = |key: K| {
        speakers
            .iter()
            .find(|(k, _)| *k == key)
            .map(|(_, loudness)| *loudness)
    };
    for place in places.iter_mut() {
        if place.is_some_and(|key| loudness_of(key).is_none()) {
            *place = None;
        }
    }
    for &(key, _) in speakers {
        if places.contains(&Some(key)) {
            continue;
        }
        if let Some(free) = places.iter_mut().find(|place| place.is_none()) {
            *free = Some(key);
        }
    }
    let mut outside: Vec<_> = speakers
        .iter()
        .filter(|(key, _)| !places.contains(&Some(*key)))
        .collect();
    outside.sort_by(|a, b| b.1.total_cmp(&a.1));
    for &&(key, loudness) in &outside {
        let quietest = places
            .iter_mut()
            .filter_map(|place| place.and_then(loudness_of).map(|level| (level, place)))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((level, place)) = quietest else {
            break;
        };
        if loudness < 127.0 - SPEECH_DBOV || loudness < level + MARGIN_DB {
            break;
        }
        *place = Some(key);
    }
    *places != *before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn with_places_for_all_each_keeps_its_own() {
        let mut places = [None; 3];
        assert!(choose(&mut places, &[('a', 10.0), ('b', 90.0)]));
        assert_eq!(places, [Some('a'), Some('b'), None]);
        assert!(
            !choose(&mut places, &[('a', 90.0), ('b', 10.0)]),
            "loudness does not matter"
        );
    }

    #[test]
    fn one_place_goes_to_the_loudest_with_hysteresis() {
        let mut places = [None; 1];
        choose(&mut places, &[('a', 80.0), ('b', 20.0)]);
        assert_eq!(places, [Some('a')]);
        assert!(
            !choose(&mut places, &[('a', 80.0), ('b', 85.0)]),
            "within the margin"
        );
        assert!(choose(&mut places, &[('a', 70.0), ('b', 85.0)]));
        assert_eq!(places, [Some('b')]);
        assert!(
            !choose(&mut places, &[('a', 0.0), ('b', 0.0)]),
            "silence changes nothing"
        );
        assert!(
            choose(&mut places, &[('a', 10.0), ('c', 10.0)]),
            "who left gives up the place"
        );
        assert_eq!(places, [Some('a')]);
    }

    #[test]
    fn a_speaker_who_stays_does_not_move() {
        let mut places = [Some('a'), Some('b')];
        choose(&mut places, &[('b', 20.0), ('a', 90.0), ('c', 80.0)]);
        assert_eq!(places, [Some('a'), Some('c')]);
    }

    #[test]
    fn loudness_fades_when_packets_stop() {
        let mut loudness = Loudness::default();
        let start = epoch();
        for packet in 0..50 {
            loudness.hear(start + Duration::from_millis(20 * packet), 20);
        }
        let now = start + Duration::from_secs(1);
        assert!(loudness.loudness(now) > 100.0);
        assert!(loudness.loudness(now + FORGET) < 1.0);
    }
}
