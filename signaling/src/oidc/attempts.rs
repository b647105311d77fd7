//! Who has gone to a provider and is to come back. Kept in memory: a restart of the server has people press
//! the button once more.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use openidconnect::{CsrfToken, Nonce, PkceCodeVerifier};
use tokio::time::Instant;

use crate::auth::SecretHash;

/// How long somebody may take at the provider. Higher: who looks for a telephone with a code there is not
/// late.
pub(crate) const GOOD_FOR: Duration = Duration::from_secs(600);

/// Most attempts at once; the oldest is forgotten when there is one more. Higher: a crowd that presses the
/// button and goes away costs more memory, some 500 bytes each. Lower: it has others press again.
const MOST: usize = 10_000;

/// An attempt under way.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// With whom.
    pub(crate) provider: String,
    /// What the answer must repeat, signed.
    pub(crate) nonce: Nonce,
    /// With what the code is fetched (RFC 7636).
    pub(crate) verifier: PkceCodeVerifier,
    /// Where the provider was told to send the person, which is said again when the code is fetched.
    pub(crate) redirect: String,
    /// Which page is shown then.
    pub(crate) then: String,
    /// The browser that may come back.
    pub(crate) browser: SecretHash,
}

/// All of them, by what the provider repeats.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<String, (Instant, Attempt)>>);

impl Attempts {
    /// One begins.
    pub(crate) fn begin(&self, now: Instant, state: &CsrfToken, attempt: Attempt) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (since, _)| now.duration_since(*since) < GOOD_FOR);
        if kept.len() >= MOST {
            let oldest = kept.iter().min_by_key(|(_, (since, _))| *since);
            if let Some(oldest) = oldest.map(|(state, _)| state.clone()) {
                kept.remove(&oldest);
            }
        }
        kept.insert(state.secret().clone(), (now, attempt));
    }

    /// The one that comes back, once, to the browser in which it began.
    pub(crate) fn take(
        &self,
        now: Instant,
        state: &str,
        browser: Option<&SecretHash>,
    ) -> Option<Attempt> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has a state from elsewhere does not end somebody's attempt.
        kept.get(state)
            .filter(|(_, attempt)| Some(&attempt.browser) == browser)?;
        let (since, attempt) = kept.remove(state)?;
        (now.duration_since(since) < GOOD_FOR).then_some(attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::SessionSecret;

    fn browser(number: u8) -> SecretHash {
        SessionSecret::new([number; 16]).hash()
    }

    fn attempt() -> Attempt {
        Attempt {
            provider: "bo".to_owned(),
            nonce: Nonce::new("nonce".to_owned()),
            verifier: PkceCodeVerifier::new("verifier".to_owned()),
            redirect: "https://hop.example.vn/back".to_owned(),
            then: "/".to_owned(),
            browser: browser(1),
        }
    }

    fn state(text: &str) -> CsrfToken {
        CsrfToken::new(text.to_owned())
    }

    #[test]
    fn who_comes_back_comes_once_and_with_the_same_browser() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        attempts.begin(now, &state("one"), attempt());
        for (state, of) in [
            ("other", Some(browser(1))),
            ("one", Some(browser(2))),
            ("one", None),
        ] {
            assert!(attempts.take(now, state, of.as_ref()).is_none(), "{state}");
        }
        assert!(attempts.take(now, "one", Some(&browser(1))).is_some());
        assert!(attempts.take(now, "one", Some(&browser(1))).is_none());
    }

    #[test]
    fn who_takes_longer_than_ten_minutes_is_late_and_forgotten() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        attempts.begin(now, &state("one"), attempt());
        attempts.begin(now, &state("two"), attempt());
        let just = now + GOOD_FOR - Duration::from_millis(1);
        assert!(attempts.take(just, "one", Some(&browser(1))).is_some());
        let late = now + GOOD_FOR;
        assert!(attempts.take(late, "two", Some(&browser(1))).is_none());
        attempts.begin(now, &state("three"), attempt());
        attempts.begin(late, &state("four"), attempt());
        assert_eq!(attempts.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn of_more_than_can_be_kept_the_oldest_goes() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for number in 0..=MOST {
            let at = now + Duration::from_micros(number as u64);
            attempts.begin(at, &state(&number.to_string()), attempt());
        }
        let is_kept = |number: usize| {
            let state = number.to_string();
            attempts.take(now, &state, Some(&browser(1))).is_some()
        };
        assert_eq!(
            [0, 1, MOST].map(is_kept),
            [false, true, true],
            "of {MOST} and one"
        );
    }
}
