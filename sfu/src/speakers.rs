//! Who is heard when there are more speakers than audio slots (RFC 6464 levels). Pure.
//!
//! That a packet tells no level does not mean that it is silent: encoders have none. Such a sound
//! counts as speech, no louder than it must be.

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

/// Loudness from which somebody counts as speaking, in dB above silence, and that of a sound that
/// tells no level.
const SPEECH: f32 = 127.0 - SPEECH_DBOV;

/// Who has paused for so long no longer speaks: a single sound goes back to the main picture's.
///
/// Higher: a speaker's pauses are not filled with the hall's noises. Lower: the hall is heard sooner
/// when it answers softly.
const PAUSE: Duration = Duration::from_secs(2);

/// After this long without a packet a speaker counts as silent.
const FORGET: Duration = Duration::from_millis(500);

/// Smoothed loudness of one publication.
#[derive(Clone, Copy, Debug)]
pub struct Loudness {
    /// Smoothed level in −dBov: smaller is louder.
    level: f32,
    /// Its packets tell levels.
    has_levels: bool,
    last: Option<Instant>,
    /// When it was last as loud as speech.
    spoke: Option<Instant>,
}

impl Default for Loudness {
    fn default() -> Self {
        Self {
            level: 127.0,
            has_levels: false,
            last: None,
            spoke: None,
        }
    }
}

impl Loudness {
    /// Takes in the level of one packet, 0 (loudest) to 127 (silence), if it tells one.
    pub fn hear(&mut self, now: Instant, level: Option<u8>) {
        self.last = Some(now);
        if let Some(level) = level {
            self.has_levels = true;
            self.level += (f32::from(level & 0x7f) - self.level) * ATTACK;
        }
        if self.loudness(now) >= SPEECH {
            self.spoke = Some(now);
        }
    }

    /// How loud, in dB above silence: 0 to 127.
    pub fn loudness(&self, now: Instant) -> f32 {
        match self.last {
            Some(last) if now.saturating_duration_since(last) < FORGET => {
                if self.has_levels {
                    127.0 - self.level
                } else {
                    SPEECH
                }
            }
            _ => 0.0,
        }
    }

    /// Whether it has been as loud as speech within [`PAUSE`].
    fn is_speaking(&self, now: Instant) -> bool {
        self.spoke
            .is_some_and(|spoke| now.saturating_duration_since(spoke) < PAUSE)
    }
}

/// What part somebody who may be heard has in the conference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The sound of the main picture.
    Main,
    /// Whoever has the floor.
    Floor,
    /// Anybody else.
    Other,
}

/// Somebody who may be heard.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<K> {
    /// Who.
    pub key: K,
    /// As what.
    pub part: Part,
    loudness: f32,
    is_speaking: bool,
    has_levels: bool,
}

impl<K> Candidate<K> {
    /// Somebody as heard at `now`; without loudness nothing has come yet.
    pub fn new(key: K, part: Part, loudness: Option<&Loudness>, now: Instant) -> Self {
        Self {
            key,
            part,
            loudness: loudness.map_or(0.0, |it| it.loudness(now)),
            is_speaking: loudness.is_some_and(|it| it.is_speaking(now)),
            has_levels: loudness.is_some_and(|it| it.has_levels),
        }
    }

    /// Whether it is heard instead of `other`. Without levels nobody can tell who of two speaks, so
    /// it is whoever has the floor.
    fn displaces(&self, other: &Self) -> bool {
        let is_its_turn = self.part == Part::Floor && other.part == Part::Main && !other.has_levels;
        let margin = if is_its_turn { 0.0 } else { MARGIN_DB };
        self.loudness >= SPEECH && self.loudness >= other.loudness + margin
    }
}

/// Chooses who fills the places of a set of audio slots.
///
/// `places` holds the present choice and is changed in place; `speakers` are the candidates, the
/// most important first. With no more candidates than places, the n-th speaker has the n-th place,
/// so that a picture and its sound stay together. Otherwise the main picture's sound and whoever
/// has the floor have theirs, and of the others who is heard keeps the place until somebody outside
/// is louder by a margin. A single place is for whoever speaks, and for the main picture's sound
/// when nobody does.
///
/// Returns whether anything changed.
pub fn choose<K: Copy + Eq>(places: &mut [Option<K>], speakers: &[Candidate<K>]) -> bool {
    let before: Vec<_> = places.to_vec();
    if speakers.len() <= places.len() {
        for (index, place) in places.iter_mut().enumerate() {
            *place = speakers.get(index).map(|speaker| speaker.key);
        }
        return *places != *before;
    }
    if let [only] = places {
        *only = one(*only, speakers);
        return *places != *before;
    }
    let find = |key: K| speakers.iter().find(|speaker| speaker.key == key);
    for place in places.iter_mut() {
        *place = place.filter(|key| find(*key).is_some());
    }
    let keeps = |speaker: &&Candidate<K>| speaker.part != Part::Other;
    for speaker in speakers.iter().filter(keeps) {
        give_place(places, speaker, |quietest| {
            find(quietest).filter(|it| !keeps(it))
        });
    }
    for speaker in speakers {
        if !places.contains(&Some(speaker.key))
            && let Some(free) = places.iter_mut().find(|place| place.is_none())
        {
            *free = Some(speaker.key);
        }
    }
    let mut outside: Vec<_> = speakers
        .iter()
        .filter(|speaker| !places.contains(&Some(speaker.key)))
        .collect();
    outside.sort_by(|a, b| b.loudness.total_cmp(&a.loudness));
    for louder in outside {
        give_place(places, louder, |quietest| {
            find(quietest).filter(|it| !keeps(it) && louder.displaces(it))
        });
    }
    *places != *before
}

/// Gives somebody a free place, or that of the quietest of those that may have to go.
fn give_place<'s, K: Copy + Eq + 's>(
    places: &mut [Option<K>],
    speaker: &Candidate<K>,
    may_go: impl Fn(K) -> Option<&'s Candidate<K>>,
) {
    if places.contains(&Some(speaker.key)) {
        return;
    }
    let loudness = |place: &Option<K>| match place {
        None => Some(f32::MIN),
        Some(key) => may_go(*key).map(|it| it.loudness),
    };
    let place = places
        .iter_mut()
        .filter_map(|place| Some((loudness(place)?, place)))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, place)) = place {
        *place = Some(speaker.key);
    }
}

/// Who has a single place: whoever speaks, until somebody is louder by a margin; when nobody does,
/// the main picture's sound.
fn one<K: Copy + Eq>(now: Option<K>, speakers: &[Candidate<K>]) -> Option<K> {
    let of = |part| speakers.iter().find(move |speaker| speaker.part == part);
    let current = speakers.iter().find(|speaker| Some(speaker.key) == now);
    let current = match current {
        Some(current) if current.is_speaking => current,
        quiet => of(Part::Main)
            .or(quiet)
            .or_else(|| of(Part::Floor))
            .or_else(|| speakers.first())?,
    };
    let loudest = speakers
        .iter()
        .filter(|speaker| speaker.key != current.key && speaker.displaces(current))
        .max_by(|a, b| {
            let turn = |it: &Candidate<K>| it.part == Part::Floor;
            let order = a.loudness.total_cmp(&b.loudness);
            order.then(turn(a).cmp(&turn(b)))
        });
    Some(loudest.unwrap_or(current).key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    /// Somebody with levels who has been that loud for a while.
    fn somebody(key: char, part: Part, loudness: f32) -> Candidate<char> {
        Candidate {
            key,
            part,
            loudness,
            is_speaking: loudness >= SPEECH,
            has_levels: true,
        }
    }

    /// Somebody whose encoder tells no levels.
    fn encoder(key: char, part: Part) -> Candidate<char> {
        Candidate {
            has_levels: false,
            ..somebody(key, part, SPEECH)
        }
    }

    fn others(speakers: &[(char, f32)]) -> Vec<Candidate<char>> {
        let other = |(key, loudness): &(char, f32)| somebody(*key, Part::Other, *loudness);
        speakers.iter().map(other).collect()
    }

    #[test]
    fn with_places_for_all_each_keeps_its_own() {
        let mut places = [None; 3];
        assert!(choose(&mut places, &others(&[('a', 10.0), ('b', 90.0)])));
        assert_eq!(places, [Some('a'), Some('b'), None]);
        assert!(
            !choose(&mut places, &others(&[('a', 90.0), ('b', 10.0)])),
            "loudness does not matter"
        );
    }

    #[test]
    fn one_place_goes_to_the_loudest_with_hysteresis() {
        let mut places = [None; 1];
        choose(&mut places, &others(&[('a', 80.0), ('b', 20.0)]));
        assert_eq!(places, [Some('a')]);
        assert!(
            !choose(&mut places, &others(&[('a', 80.0), ('b', 85.0)])),
            "within the margin"
        );
        assert!(choose(&mut places, &others(&[('a', 70.0), ('b', 85.0)])));
        assert_eq!(places, [Some('b')]);
        assert!(
            !choose(&mut places, &others(&[('a', 0.0), ('b', 0.0)])),
            "silence changes nothing"
        );
        assert!(
            choose(&mut places, &others(&[('a', 10.0), ('c', 10.0)])),
            "who left gives up the place"
        );
        assert_eq!(places, [Some('a')]);
    }

    #[test]
    fn a_speaker_who_stays_does_not_move() {
        let mut places = [Some('a'), Some('b')];
        choose(
            &mut places,
            &others(&[('b', 20.0), ('a', 90.0), ('c', 80.0)]),
        );
        assert_eq!(places, [Some('a'), Some('c')]);
    }

    #[test]
    fn the_main_picture_and_the_floor_keep_their_places_however_loud_others_are() {
        let mut places = [None; 3];
        let mut heard = |loud: [f32; 3]| {
            let chairs = others(&[('c', loud[0]), ('d', loud[1]), ('e', loud[2])]);
            let mut speakers = vec![encoder('h', Part::Main), somebody('f', Part::Floor, 0.0)];
            speakers.extend(chairs);
            choose(&mut places, &speakers);
            places
        };
        assert_eq!(heard([0.0; 3]), [Some('h'), Some('f'), Some('c')]);
        assert_eq!(heard([0.0, 90.0, 0.0]), [Some('h'), Some('f'), Some('d')]);
        assert_eq!(heard([90.0, 90.0, 99.0]), [Some('h'), Some('f'), Some('e')]);
        assert_eq!(heard([0.0; 3]), [Some('h'), Some('f'), Some('e')]);
    }

    #[test]
    fn whoever_is_given_the_floor_gets_a_place_at_once() {
        let mut places = [Some('h'), Some('c')];
        let speakers = [
            encoder('h', Part::Main),
            somebody('f', Part::Floor, 0.0),
            somebody('c', Part::Other, 90.0),
        ];
        assert!(choose(&mut places, &speakers));
        assert_eq!(places, [Some('h'), Some('f')]);
    }

    #[test]
    fn a_single_place_follows_who_speaks_and_falls_back_to_the_main_picture() {
        let hall = |loudness| somebody('h', Part::Main, loudness);
        let floor = |loudness| somebody('f', Part::Floor, loudness);
        let cases = [
            ("nobody speaks", hall(0.0), floor(0.0), 'h'),
            ("the commune speaks", hall(0.0), floor(90.0), 'f'),
            ("the hall asks it something", hall(100.0), floor(40.0), 'h'),
            ("it answers", hall(0.0), floor(90.0), 'f'),
            ("it has finished", hall(0.0), floor(0.0), 'h'),
            (
                "its encoder tells no levels",
                hall(0.0),
                encoder('f', Part::Floor),
                'f',
            ),
            (
                "the hall asks it something",
                hall(100.0),
                encoder('f', Part::Floor),
                'h',
            ),
            ("it answers", hall(0.0), encoder('f', Part::Floor), 'f'),
            (
                "the hall's tells none",
                encoder('h', Part::Main),
                floor(0.0),
                'h',
            ),
            (
                "the commune speaks",
                encoder('h', Part::Main),
                floor(90.0),
                'f',
            ),
            ("it has finished", encoder('h', Part::Main), floor(0.0), 'h'),
            (
                "neither tells any",
                encoder('h', Part::Main),
                encoder('f', Part::Floor),
                'f',
            ),
        ];
        let mut places = [None; 1];
        for (what, hall, floor, expected) in cases {
            choose(&mut places, &[hall, floor]);
            assert_eq!(places, [Some(expected)], "{what}");
            assert!(!choose(&mut places, &[hall, floor]), "{what}: it stays");
        }
    }

    #[test]
    fn a_pause_between_two_sentences_does_not_give_the_place_away() {
        let (mut loudness, start) = (Loudness::default(), epoch());
        let mut places = [None; 1];
        let mut heard = |loudness: &Loudness, now| {
            let speakers = [
                somebody('h', Part::Main, 0.0),
                Candidate::new('f', Part::Floor, Some(loudness), now),
            ];
            choose(&mut places, &speakers);
            places[0]
        };
        let at = |tick: u32| start + Duration::from_millis(20) * tick;
        for tick in 0..50 {
            loudness.hear(at(tick), Some(20));
        }
        assert_eq!(heard(&loudness, at(50)), Some('f'));
        for tick in 50..130 {
            loudness.hear(at(tick), Some(127));
        }
        assert_eq!(heard(&loudness, at(130)), Some('f'), "1.6 s");
        for tick in 130..180 {
            loudness.hear(at(tick), Some(127));
        }
        assert_eq!(heard(&loudness, at(180)), Some('h'), "2.6 s");
    }

    #[test]
    fn loudness_fades_when_packets_stop() {
        for level in [Some(20), None] {
            let mut loudness = Loudness::default();
            let start = epoch();
            for packet in 0..50 {
                loudness.hear(start + Duration::from_millis(20 * packet), level);
            }
            let now = start + Duration::from_secs(1);
            assert!(loudness.loudness(now) >= SPEECH);
            assert!(loudness.loudness(now + FORGET) < 1.0);
        }
    }
}
