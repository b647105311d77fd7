//! How many conferences run at the same time.
//!
//! One that is only scheduled costs a row in the database; one that runs has a task, its roster in
//! memory and people. So only those are limited.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::refusal::{ErrorCode, Refusal};

/// Room for conferences that run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Running {
    most: Arc<AtomicUsize>,
    now: Arc<AtomicUsize>,
}

/// A conference's place among those that run, free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Running {
    /// Room for `most` of them.
    pub fn new(most: usize) -> Self {
        Self {
            most: Arc::new(AtomicUsize::new(most)),
            now: Arc::default(),
        }
    }

    /// From now on room for `most`. Those that run go on.
    pub fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// A place for one that is to begin.
    ///
    /// # Errors
    /// When as many run as may.
    pub(crate) fn enter(&self) -> Result<Place, Refusal> {
        let most = self.most.load(Ordering::Relaxed);
        let more = |now| (now < most).then_some(now + 1);
        let taken = self
            .now
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        match taken {
            Ok(_) => Ok(Place(Arc::clone(&self.now))),
            Err(now) => Err(Refusal::new(
                ErrorCode::TooManyConferences,
                format!(
                    "{now} conferences run, and `conferences.max_open` is {most}: end one first"
                ),
            )),
        }
    }

    /// A place for one that runs already: it has begun before, and is not ended for want of room.
    pub(crate) fn go_on(&self) -> Place {
        self.now.fetch_add(1, Ordering::Relaxed);
        Place(Arc::clone(&self.now))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_conference_has_ended() {
        let running = Running::new(1);
        let place = running.enter().unwrap();
        assert_eq!(
            running.enter().unwrap_err().code,
            ErrorCode::TooManyConferences
        );
        drop(place);
        assert!(running.enter().is_ok());
    }

    #[test]
    fn those_that_ran_before_a_restart_go_on_whatever_the_limit_is_now() {
        let running = Running::new(1);
        let places = [running.go_on(), running.go_on()];
        assert!(running.enter().is_err());
        drop(places);
        assert!(running.enter().is_ok());
    }
}
