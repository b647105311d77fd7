//! When the page of a site checks its line by itself before a conference: a day, an hour and ten minutes
//! before, and not all sites in the same second.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::ids::{ConferenceId, SiteCode};

/// How long before the start everybody has been checked, and over how long a time before that the checks
/// are spread, in minutes.
///
/// A longer spread: fewer at the same time. 3,400 sites within 6 minutes are 9 a second, each for some
/// 20 s. A shorter one: the result is fresher.
const BEFORE: [(i64, i64); 3] = [(24 * 60, 60), (60, 20), (10, 6)];

/// Moments to come at which the page of this site checks its line, the first one first. They are the
/// same whenever it asks.
#[must_use]
pub fn moments(
    conference: &ConferenceId,
    starts_at: Timestamp,
    site: &SiteCode,
    now: Timestamp,
) -> Vec<Timestamp> {
    let share = share(conference, site);
    let moment = |(before, spread): (i64, i64)| {
        let spread = SignedDuration::from_mins(spread).as_millis() as f64 * share;
        let before = SignedDuration::from_mins(before) + SignedDuration::from_millis(spread as i64);
        starts_at.checked_sub(before).ok()
    };
    let moments = BEFORE.into_iter().filter_map(moment);
    moments.filter(|at| *at > now).collect()
}

/// A number from 0 to 1 that is this site's in this conference: its turn within the spread.
fn share(conference: &ConferenceId, site: &SiteCode) -> f64 {
    let digest = Sha256::new()
        .chain_update(conference.as_str())
        .chain_update([0])
        .chain_update(site.as_str())
        .finalize();
    let [first, second, ..] = <[u8; 32]>::from(digest);
    f64::from(u16::from_be_bytes([first, second])) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn of(site: u32, minutes_before: i64) -> Vec<Timestamp> {
        let site: SiteCode = format!("{site:05}").parse().unwrap();
        let now = START - SignedDuration::from_mins(minutes_before);
        moments(&"weekly".parse().unwrap(), START, &site, now)
    }

    #[test]
    fn a_site_is_checked_a_day_an_hour_and_ten_minutes_before() {
        for site in 0..100 {
            let moments = of(site, 3 * 24 * 60);
            let before: Vec<_> = moments
                .iter()
                .map(|at| START.duration_since(*at).as_mins())
                .collect();
            let [day, hour, minutes] = before[..] else {
                panic!("{before:?}")
            };
            assert!((24 * 60..=25 * 60).contains(&day), "{day}");
            assert!((60..=80).contains(&hour), "{hour}");
            assert!((10..=16).contains(&minutes), "{minutes}");
        }
    }

    #[test]
    fn what_is_past_is_not_told_and_the_rest_stays_where_it_was() {
        let all = of(7, 3 * 24 * 60);
        assert_eq!(of(7, 12 * 60), all[1..]);
        assert_eq!(of(7, 5), []);
        assert_eq!(of(7, -5), []);
    }

    #[test]
    fn the_last_checks_of_a_country_are_spread_over_their_minutes() {
        let mut seconds = [0; 6 * 60 + 1];
        for site in 0..3_400 {
            let moments = of(site, 30);
            let [last] = moments[..] else {
                panic!("{moments:?}")
            };
            let before = START.duration_since(last).as_secs() - 10 * 60;
            seconds[usize::try_from(before).unwrap()] += 1;
        }
        let most = seconds.into_iter().max().unwrap();
        assert!(most < 30, "{most} sites in one second");
    }
}
