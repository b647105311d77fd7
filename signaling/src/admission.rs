//! Who may come in: the one place that says so, and counts.
//!
//! ```text
//! stranger ──token or session proved──▶ seat ──▶ the conference's own limit
//! ```
//!
//! A *stranger* is a WebSocket that has not shown who it is. Strangers have places of their own, so
//! that they can take none of those who have a token. Everything that is handed out gives itself
//! back when it is dropped.

mod address;
mod pool;
mod rates;
mod room;
mod seats;

use std::sync::Arc;
use std::time::Duration;

use sfu::stats::Stats;
use tokio::time::Instant;

use crate::accounts::LoginName;
use crate::auth::Role;
use crate::config::Config;
use crate::ids::{LoginId, TokenId};
use crate::refusal::{ErrorCode, Refusal};

pub use address::Origin;
pub(crate) use pool::{Pool, Visit};
use rates::Rates;
use room::Room;
pub(crate) use seats::Seat;
use seats::{Guest, Seats};

/// Joins with one link at once. Higher: one link costs more before it is slowed down. Lower: a site
/// whose page forgets its session again and again has to wait.
const LINK_BURST: u32 = 10;

/// Time after which one more is allowed.
const LINK_EVERY: Duration = Duration::from_secs(3);

/// Checks of one address at once, and the time after which one more is allowed: each is written down.
/// Higher: a stranger costs more. Lower: the computers of an office that are tried one after another wait.
const CHECK_BURST: u32 = 40;

/// See above.
const CHECK_EVERY: Duration = Duration::from_secs(3);

/// Attempts of one address to log in at once, and the time after which one more is allowed. Higher: more
/// passwords are tried. Lower: an office behind one address waits in the morning.
const LOGIN_BURST: u32 = 100;

/// See above.
const LOGIN_EVERY: Duration = Duration::from_secs(1);

/// Attempts at one login at once, from wherever, and the time after which one more is allowed. Higher: its
/// password is tried more often. Lower: somebody who mistypes waits; so does whoever has the login while
/// others try it.
const NAME_BURST: u32 = 10;

/// See above.
const NAME_EVERY: Duration = Duration::from_secs(15);

/// How often it is noted of one login that it is used.
const NOTE_EVERY: Duration = Duration::from_secs(240);

/// The limits of the server, and how near it is to them.
#[derive(Debug)]
pub struct Admission {
    strangers: Arc<Pool>,
    seats: Seats,
    joins: Rates<Origin>,
    requests: Rates<Origin>,
    links: Rates<TokenId>,
    checks: Rates<Origin>,
    logins: Rates<Origin>,
    login_names: Rates<String>,
    notes: Rates<LoginId>,
    room: Room,
}

/// A place in the server for somebody who has shown who they are.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) seat: Seat,
    /// Why there is no room for anybody who was not in before; the conference knows who was.
    pub(crate) no_room: Option<Refusal>,
}

impl Admission {
    /// With the limits of the configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (sessions, addresses) = (&config.sessions, &config.addresses);
        Self {
            strangers: Arc::new(Pool::new(sessions.max_strangers)),
            seats: Seats::new(sessions.max_connections),
            joins: Rates::new(addresses.joins_per_second, addresses.join_burst),
            requests: Rates::new(addresses.requests_per_second, addresses.request_burst),
            links: Rates::every(LINK_EVERY, LINK_BURST),
            checks: Rates::every(CHECK_EVERY, CHECK_BURST),
            logins: Rates::every(LOGIN_EVERY, LOGIN_BURST),
            login_names: Rates::every(NAME_EVERY, NAME_BURST),
            notes: Rates::every(NOTE_EVERY, 1),
            room: Room::new(&config.media),
        }
    }

    /// From now on with the limits of this configuration. Whoever is in stays.
    pub(crate) fn set_limits(&self, config: &Config) {
        let (sessions, addresses) = (&config.sessions, &config.addresses);
        self.strangers.set_most(sessions.max_strangers);
        self.seats.set_most(sessions.max_connections);
        self.joins
            .set(addresses.joins_per_second, addresses.join_burst);
        self.requests
            .set(addresses.requests_per_second, addresses.request_burst);
        self.room.set_limits(&config.media);
    }

    /// A place for a WebSocket that has yet to say who it is. It is sent away when others need the
    /// place more.
    ///
    /// # Errors
    /// When every place is taken by somebody with more right to it.
    pub(crate) fn stranger(&self, origin: Origin) -> Result<Visit, Refusal> {
        self.strangers.enter(origin).ok_or_else(|| {
            let message = "too many connections have not said who they are: try again";
            Refusal::new(ErrorCode::Overloaded, message)
        })
    }

    /// Sends one stranger away, for want of something that all connections need. False if there is
    /// none.
    pub(crate) fn shed(&self) -> bool {
        self.strangers.shed()
    }

    /// Whether somebody from there may try to come in, before anything is asked of a key or of a
    /// conference.
    ///
    /// # Errors
    /// When too many have tried.
    pub(crate) fn may_try(&self, now: Instant, origin: Origin) -> Result<(), Refusal> {
        self.joins
            .take(now, &origin)
            .map_err(|wait| too_many("joins", origin, wait))
    }

    /// Whether somebody may come in with this link once more, whoever has it and wherever they are.
    ///
    /// # Errors
    /// When it was used too often.
    pub(crate) fn may_use(&self, now: Instant, token: &TokenId) -> Result<(), Refusal> {
        self.links.take(now, token).map_err(|wait| {
            let seconds = wait.as_secs().saturating_add(1);
            let message = format!("this link joins too often: try again in {seconds} s");
            Refusal::new(ErrorCode::RateLimited, message)
        })
    }

    /// Whether somebody from there may begin a check.
    ///
    /// # Errors
    /// When too many have.
    pub(crate) fn may_check(&self, now: Instant, origin: Origin) -> Result<(), Refusal> {
        self.checks
            .take(now, &origin)
            .map_err(|wait| too_many("checks", origin, wait))
    }

    /// Whether somebody from there may try to log in, with this name if one is named, before a password is
    /// looked at.
    ///
    /// # Errors
    /// When too many have tried from there, or this name.
    pub(crate) fn may_log_in(
        &self,
        now: Instant,
        origin: Origin,
        login: Option<&LoginName>,
    ) -> Result<(), Refusal> {
        self.logins
            .take(now, &origin)
            .map_err(|wait| too_many("attempts to log in", origin, wait))?;
        let Some(login) = login else { return Ok(()) };
        self.login_names.take(now, &login.key()).map_err(|wait| {
            let seconds = wait.as_secs().saturating_add(1);
            let message = format!("this login is tried too often: try again in {seconds} s");
            Refusal::new(ErrorCode::RateLimited, message)
        })
    }

    /// Whether it is to be noted now that a login is used. Beyond the size of the table all share one turn:
    /// then it is noted later.
    pub(crate) fn may_note(&self, now: Instant, login: LoginId) -> bool {
        self.notes.take(now, &login).is_ok()
    }

    /// Whether a request from there that shows no token is answered. Takes one from its bucket.
    ///
    /// # Errors
    /// When there were too many.
    pub(crate) fn may_ask(&self, now: Instant, origin: Origin) -> Result<(), Refusal> {
        self.requests
            .take(now, &origin)
            .map_err(|wait| too_many("requests", origin, wait))
    }

    /// Whether a request from there that shows a token is looked at: its token may turn out wrong,
    /// and is counted then.
    ///
    /// # Errors
    /// When there were too many.
    pub(crate) fn may_show_token(&self, now: Instant, origin: Origin) -> Result<(), Refusal> {
        self.requests
            .check(now, &origin)
            .map_err(|wait| too_many("requests", origin, wait))
    }

    /// A seat for the bearer of a token that was verified, beside so many peers.
    ///
    /// # Errors
    /// When even the reserved ones are taken.
    pub(crate) fn admit(&self, role: Role, peers: usize) -> Result<Admitted, Refusal> {
        let guest = if role.is_indispensable() {
            Guest::Indispensable
        } else {
            Guest::Ordinary
        };
        let seat = self.seats.take(guest).ok_or_else(no_seat)?;
        let no_room = if seat.is_beyond() {
            Some(no_seat())
        } else {
            self.no_room(peers)
        };
        Ok(Admitted { seat, no_room })
    }

    /// A seat for somebody who wants back in. The conference decides whether they were in.
    ///
    /// # Errors
    /// When even the reserved ones are taken.
    pub(crate) fn readmit(&self) -> Result<Seat, Refusal> {
        self.seats.take(Guest::Ordinary).ok_or_else(no_seat)
    }

    /// Why there is no room for one more peer beside so many; `None` if there is.
    pub(crate) fn no_room(&self, peers: usize) -> Option<Refusal> {
        self.room.refusal(u32::try_from(peers).unwrap_or(u32::MAX))
    }

    /// Whether somebody's peer may have one of the media plane's reserved places: a role that the
    /// conference cannot do without, or a peer that takes the place of the same participant's last.
    pub(crate) const fn may_exceed(role: Role, had_peer: bool) -> bool {
        role.is_indispensable() || had_peer
    }

    /// Whether [`observe`](Self::observe) is of use.
    pub(crate) fn limits_packets(&self) -> bool {
        self.room.limits_packets()
    }

    /// Notes how much has been forwarded until `now`.
    pub(crate) fn observe(&self, now: Instant, stats: &Stats) {
        self.room.observe(now, stats);
    }

    /// WebSockets that have not said who they are, and those that have.
    pub fn counts(&self) -> (usize, usize) {
        (self.strangers.len(), self.seats.taken())
    }
}

fn no_seat() -> Refusal {
    room::full("the server has as many connections as it can take")
}

fn too_many(what: &str, origin: Origin, wait: Duration) -> Refusal {
    let seconds = wait.as_secs().saturating_add(1);
    let message = format!("too many {what} from {origin}: try again in {seconds} s");
    Refusal::new(ErrorCode::RateLimited, message)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn origin(last: u8) -> Origin {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)).into()
    }

    fn admission(change: impl FnOnce(&mut Config)) -> Admission {
        let mut config = Config::default();
        change(&mut config);
        Admission::new(&config)
    }

    #[test]
    fn strangers_take_no_seat_from_those_with_a_token() {
        let admission = admission(|config| {
            config.sessions.max_strangers = 3;
            config.sessions.max_connections = 1;
        });
        let _crowd: Vec<_> = (0..300)
            .filter_map(|_| admission.stranger(origin(1)).ok())
            .collect();
        assert!(admission.stranger(origin(2)).is_ok());
        let site = admission.admit(Role::Site, 0).unwrap();
        assert_eq!(site.no_room, None);
        let second = admission.admit(Role::Site, 0).unwrap();
        let refusal = second.no_room.map(|refusal| refusal.code);
        assert_eq!(refusal, Some(ErrorCode::ServerFull));
        assert!(admission.admit(Role::Operator, 0).is_ok());
    }

    #[test]
    fn whoever_tries_too_often_waits_and_nobody_else_does() {
        let admission = admission(|config| {
            config.addresses.joins_per_second = 1;
            config.addresses.join_burst = 2;
        });
        let now = Instant::now();
        let tries = [1, 1, 1, 2].map(|last| admission.may_try(now, origin(last)).is_ok());
        assert_eq!(tries, [true, true, false, true]);
    }

    #[test]
    fn a_link_that_joins_too_often_waits_and_no_other_does() {
        let admission = admission(|_| ());
        let [one, other]: [TokenId; 2] = ["one", "other"].map(|id| id.parse().unwrap());
        let now = Instant::now();
        for _ in 0..LINK_BURST {
            assert!(admission.may_use(now, &one).is_ok());
        }
        let refusal = admission.may_use(now, &one).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::RateLimited);
        assert!(admission.may_use(now, &other).is_ok());
        assert!(admission.may_use(now + LINK_EVERY, &one).is_ok());
    }

    #[test]
    fn who_tries_one_login_too_often_waits_from_wherever_and_others_do_not() {
        let admission = admission(|_| ());
        let [one, same, other]: [LoginName; 3] =
            ["an", "AN", "binh"].map(|login| login.parse().unwrap());
        let now = Instant::now();
        for last in 1..=10 {
            assert!(admission.may_log_in(now, origin(last), Some(&one)).is_ok());
        }
        let refusal = admission
            .may_log_in(now, origin(11), Some(&same))
            .unwrap_err();
        assert_eq!(refusal.code, ErrorCode::RateLimited);
        assert!(admission.may_log_in(now, origin(1), Some(&other)).is_ok());
        let later = now + NAME_EVERY;
        assert!(admission.may_log_in(later, origin(1), Some(&one)).is_ok());
    }

    #[test]
    fn who_tries_many_logins_waits_too() {
        let admission = admission(|_| ());
        let now = Instant::now();
        let tries = (0..=LOGIN_BURST).map(|number| {
            let login = format!("login{number}").parse().unwrap();
            admission.may_log_in(now, origin(1), Some(&login)).is_ok()
        });
        assert_eq!(tries.filter(|is_allowed| *is_allowed).count(), 100);
        assert!(admission.may_log_in(now, origin(2), None).is_ok());
    }

    #[test]
    fn limits_that_change_hold_from_then_on_and_put_nobody_out() {
        let admission = admission(|config| {
            config.sessions.max_connections = 1;
            config.addresses.joins_per_second = 1;
            config.addresses.join_burst = 1;
        });
        let now = Instant::now();
        let _site = admission.admit(Role::Site, 0).unwrap();
        assert!(admission.may_try(now, origin(1)).is_ok());
        assert!(admission.may_try(now, origin(1)).is_err());
        let mut wider = Config::default();
        wider.sessions.max_connections = 2;
        wider.media.max_peers = 7;
        admission.set_limits(&wider);
        assert!(admission.may_try(now, origin(1)).is_ok());
        let second = admission.admit(Role::Site, 6).unwrap();
        assert!(second.no_room.is_none());
        assert!(admission.admit(Role::Site, 6).unwrap().no_room.is_some());
        assert!(admission.no_room(7).is_some());
        assert_eq!(admission.counts().1, 2);
    }

    #[test]
    fn a_replaced_peer_and_an_operators_may_exceed_the_limit() {
        assert!(Admission::may_exceed(Role::Operator, false));
        assert!(Admission::may_exceed(Role::Site, true));
        assert!(!Admission::may_exceed(Role::Site, false));
    }
}
