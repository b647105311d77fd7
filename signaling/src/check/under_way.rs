//! Checks under way: who may begin one, its peers at the media plane, and its end.
//!
//! A check has conferences of its own at the media plane, one for each means, which are in no log and no
//! list: one peer sends, another one is shown what it sends. Whatever ends a check ends them.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use sfu::Media;
use sfu::command::Command;
use sfu::id::ConferenceId;
use sfu::kind::MediaKind;
use utoipa::ToSchema;

use super::offer::{Direction, Means, STAGE};
use super::outcome::CheckCode;
use crate::admission::Origin;
use crate::fresh;
use crate::ids::SiteCode;
use crate::refusal::{ErrorCode, Refusal};
use crate::unclaimed::Unclaimed;

/// How long a check may measure. Higher: a slow line is measured to the end. Lower: who goes away without a
/// word gives its place back sooner.
pub(crate) const LIFE: Duration = Duration::from_secs(120);

/// How much longer it may tell what it has measured: somebody may allow the camera minutes later, and the
/// code that was read out stays.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(30 * 60);

/// Most checks that measure at the same time; further ones are told to come back. Higher: a crowd in
/// the hour before a conference waits less. Lower: less of the server is theirs, with six peers each.
const MOST: usize = 64;

/// Most of one address, behind which there may be a whole office.
const MOST_OF_ORIGIN: usize = 8;

/// Most checks that are known, those that have told their outcome included; further ones are told to
/// come back.
const MOST_KNOWN: usize = 8_192;

/// How often a check may tell what it has measured: each is written down.
const MOST_REPORTS: u8 = 16;

/// How often a check may offer: each of six peers, and some again.
const MOST_OFFERS: u8 = 24;

/// Numbers of conferences from which on they are those of checks.
const FIRST_CONFERENCE: u64 = 1 << 63;

/// Names a check: 128 random bits, so that only who began it goes on with it.
#[derive(Clone, Deserialize, Eq, Hash, PartialEq, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, min_length = 22, max_length = 22, pattern = "^[A-Za-z0-9_-]{22}$")]
pub struct CheckId(String);

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CheckId(…)")
    }
}

/// Those under way.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    known: Mutex<HashMap<CheckId, UnderWay>>,
    conferences: AtomicU64,
}

#[derive(Debug)]
struct UnderWay {
    whose: Whose,
    code: CheckCode,
    /// Number of the first of its conferences.
    first: u64,
    /// By the means, in the order of [`Means::ALL`]; none once it has told its outcome.
    legs: Option<[Leg; Means::ALL.len()]>,
    /// How often it has offered, and told what it has measured.
    offers: u8,
    reports: u8,
}

/// Who checks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Whose {
    /// The site of the link with which the check was opened.
    pub(crate) site: Option<SiteCode>,
    /// Where it comes from.
    pub(crate) address: IpAddr,
}

/// A check that was begun.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) id: CheckId,
    pub(crate) code: CheckCode,
}

/// One means: a conference at the media plane, with at most two peers.
#[derive(Debug, Default)]
struct Leg {
    conference: Option<(Arc<dyn Media>, ConferenceId)>,
    send: Option<Unclaimed>,
    receive: Option<Unclaimed>,
}

impl UnderWay {
    const fn conference(&self, means: Means) -> ConferenceId {
        ConferenceId(self.first + means.place() as u64)
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        if let Some((media, conference)) = self.conference.take() {
            media.command(Command::EndConference { conference });
        }
    }
}

impl Checks {
    /// Begins a check.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub(crate) fn begin(&self, whose: Whose) -> Result<Opened, Refusal> {
        let origin = Origin::from(whose.address);
        let mut known = self.lock();
        let busy = |refused| Refusal::new(ErrorCode::Overloaded, refused);
        let measuring = || known.values().filter(|check| check.legs.is_some());
        if known.len() >= MOST_KNOWN || measuring().count() >= MOST {
            return Err(busy("too many check at this moment: try again in a minute"));
        }
        let of_origin = measuring().filter(|check| Origin::from(check.whose.address) == origin);
        if of_origin.count() >= MOST_OF_ORIGIN {
            let message = format!(
                "{MOST_OF_ORIGIN} checks from {origin} are under way: try again in a minute"
            );
            return Err(Refusal::new(ErrorCode::RateLimited, message));
        }
        let means = Means::ALL.len() as u64;
        let first = FIRST_CONFERENCE + self.conferences.fetch_add(means, Ordering::Relaxed);
        let (id, code) = (CheckId(fresh::secret().reveal()), fresh::check_code());
        let legs = Some(Default::default());
        known.insert(
            id.clone(),
            UnderWay {
                whose,
                code,
                first,
                legs,
                offers: 0,
                reports: 0,
            },
        );
        Ok(Opened { id, code })
    }

    /// The conference in which a peer of a check is to be, while the check measures.
    ///
    /// # Errors
    /// When there is no such check, it has told its outcome, or it has offered too often.
    pub(crate) fn offers(&self, id: &CheckId, means: Means) -> Result<ConferenceId, Refusal> {
        let mut known = self.lock();
        let check = known.get_mut(id).filter(|check| check.legs.is_some());
        let check = check.ok_or_else(unknown)?;
        if check.offers >= MOST_OFFERS {
            let message = "this check has offered often enough: begin another one";
            return Err(Refusal::new(ErrorCode::RateLimited, message));
        }
        check.offers += 1;
        Ok(check.conference(means))
    }

    /// Takes a peer that was answered, in place of the one that was there before; who receives is shown
    /// what is sent. If the check is over meanwhile, the peer goes.
    ///
    /// # Errors
    /// When the check is over.
    pub(crate) fn take(
        &self,
        id: &CheckId,
        (means, direction): (Means, Direction),
        media: &Arc<dyn Media>,
        peer: Unclaimed,
    ) -> Result<(), Refusal> {
        let mut known = self.lock();
        let check = known.get_mut(id).ok_or_else(unknown)?;
        let conference = check.conference(means);
        let legs = check.legs.as_mut().ok_or_else(unknown)?;
        let leg = legs.get_mut(means.place()).ok_or_else(unknown)?;
        leg.conference = Some((Arc::clone(media), conference));
        match direction {
            Direction::Receive => leg.receive = Some(peer),
            Direction::Send => {
                show(&**media, conference, &peer);
                leg.send = Some(peer);
            }
        }
        Ok(())
    }

    /// It has measured: its peers go. Says whose check it is, and by which code it is found.
    ///
    /// # Errors
    /// When there is no such check, or it has told too often.
    pub(crate) fn finish(&self, id: &CheckId) -> Result<(Whose, CheckCode), Refusal> {
        let (legs, finished) = {
            let mut known = self.lock();
            let check = known.get_mut(id).ok_or_else(unknown)?;
            if check.reports >= MOST_REPORTS {
                let message = "this check has told often enough: begin another one";
                return Err(Refusal::new(ErrorCode::RateLimited, message));
            }
            check.reports += 1;
            (check.legs.take(), (check.whose.clone(), check.code))
        };
        // Without the lock: each tells the media plane.
        drop(legs);
        Ok(finished)
    }

    /// It measures no longer: its peers go.
    pub(crate) fn close(&self, id: &CheckId) {
        let legs = self.lock().get_mut(id).and_then(|check| check.legs.take());
        drop(legs);
    }

    /// Its time is over.
    pub(crate) fn forget(&self, id: &CheckId) {
        let forgotten = self.lock().remove(id);
        drop(forgotten);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CheckId, UnderWay>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// There is no such check, or not any more.
fn unknown() -> Refusal {
    let message = "there is no such check: it has ended, or was never begun here";
    Refusal::new(ErrorCode::NotFound, message)
}

/// Shows in a conference what a peer sends, and lets it be heard.
fn show(media: &dyn Media, conference: ConferenceId, peer: &Unclaimed) {
    let publications = &peer.joined().publications;
    let of = |kind: MediaKind| {
        let mut all = publications.iter();
        all.find(|it| it.kind == kind).map(|it| it.id)
    };
    media.command(Command::Show {
        conference,
        stage: STAGE,
        publication: of(MediaKind::Video),
    });
    media.command(Command::SetSpeakers {
        conference,
        publications: of(MediaKind::Audio).into_iter().collect(),
        main: of(MediaKind::Audio),
        floor: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(last: u8) -> Whose {
        Whose {
            site: None,
            address: IpAddr::from([192, 0, 2, last]),
        }
    }

    #[test]
    fn one_address_has_a_few_checks_and_the_server_some() {
        let checks = Checks::default();
        let opened: Vec<_> = (0..MOST_OF_ORIGIN)
            .map(|_| checks.begin(whose(1)).unwrap())
            .collect();
        let refused = checks.begin(whose(1)).unwrap_err();
        assert_eq!(refused.code, ErrorCode::RateLimited);
        for last in 2..=u8::try_from(MOST / MOST_OF_ORIGIN).unwrap() {
            for _ in 0..MOST_OF_ORIGIN {
                checks.begin(whose(last)).unwrap();
            }
        }
        let refused = checks.begin(whose(99)).unwrap_err();
        assert_eq!(refused.code, ErrorCode::Overloaded);
        // One that has told its outcome makes room, and is known until its time is over.
        let (id, code) = (&opened[0].id, opened[0].code);
        for _ in 0..MOST_REPORTS {
            assert_eq!(checks.finish(id).unwrap(), (whose(1), code));
        }
        let refused = checks.finish(id).unwrap_err();
        assert_eq!(refused.code, ErrorCode::RateLimited);
        assert!(checks.begin(whose(1)).is_ok());
        let refused = checks.offers(id, Means::Udp).unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
        checks.forget(id);
        assert_eq!(checks.finish(id).unwrap_err().code, ErrorCode::NotFound);
    }

    #[test]
    fn every_means_of_every_check_has_a_conference_of_its_own() {
        let checks = Checks::default();
        let mut seen = Vec::new();
        for _ in 0..3 {
            let opened = checks.begin(whose(1)).unwrap();
            let all = Means::ALL.map(|means| checks.offers(&opened.id, means).unwrap().0);
            seen.extend(all);
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert!(seen.iter().all(|number| *number >= FIRST_CONFERENCE));
    }

    #[test]
    fn a_check_offers_some_times_and_then_no_more() {
        let checks = Checks::default();
        let opened = checks.begin(whose(1)).unwrap();
        for _ in 0..MOST_OFFERS {
            checks.offers(&opened.id, Means::Turn).unwrap();
        }
        let refused = checks.offers(&opened.id, Means::Turn).unwrap_err();
        assert_eq!(refused.code, ErrorCode::RateLimited);
    }
}
