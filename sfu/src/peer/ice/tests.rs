//! The habits of both browsers, roaming, restart, expiry, and those who have no business here.

use std::net::SocketAddr;

use proptest::prelude::*;
use rtc_stun::attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc_stun::message::BINDING_REQUEST;

use super::client::{
    Answer, Asked, Check, Filling, Role, answer_check, check_answer, peek_transaction,
};
use super::*;
use crate::path::TcpId;

#[expect(
    clippy::disallowed_methods,
    reason = "only differences of instants matter here"
)]
fn epoch() -> Instant {
    Instant::now()
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn credentials(ufrag: &str) -> IceCredentials {
    IceCredentials {
        ufrag: ufrag.to_owned(),
        pwd: format!("{ufrag}-password-password"),
    }
}

fn udp(text: &str) -> Path {
    Path::Udp {
        remote: text.parse().unwrap(),
        local: None,
        is_shared: false,
    }
}

fn tcp(id: u64, text: &str) -> Path {
    Path::Tcp {
        id: TcpId(id),
        remote: text.parse().unwrap(),
    }
}

fn home() -> Path {
    udp("10.0.0.1:40000")
}

fn mobile() -> Path {
    udp("10.9.9.9:50000")
}

/// A browser that can be told what its checks look like.
struct Browser {
    server: IceCredentials,
    role: Role,
    number: u8,
}

impl Browser {
    fn new(server: &IceCredentials) -> Self {
        Self {
            server: server.clone(),
            role: Role::Controlling,
            number: 0,
        }
    }

    fn check(&mut self, use_candidate: bool) -> Vec<u8> {
        self.number += 1;
        let check = Check {
            server: &self.server,
            ufrag: "browser",
            role: self.role,
            tie_breaker: 7,
            priority: 1_853_824_767,
            use_candidate,
            transaction: [self.number; 12],
        };
        let mut out = Vec::new();
        check.encode(&mut out).unwrap();
        out
    }
}

struct Fixture {
    start: Instant,
    lite: Lite,
    browser: Browser,
    own: IceCredentials,
    /// Whether it answers when it is asked whether a path receives.
    answers: bool,
    questions: u8,
}

impl Fixture {
    fn new() -> Self {
        let (start, server) = (epoch(), credentials("00server"));
        let own = credentials("browser");
        Self {
            start,
            lite: Lite::new(start, server.clone(), own.clone()),
            browser: Browser::new(&server),
            own,
            answers: true,
            questions: 0,
        }
    }

    /// Lets the server ask, and the browser answer. Returns whether media moves.
    fn ask(&mut self, at: Duration) -> bool {
        let (now, number) = (self.start + at, self.questions + 1);
        let mut question = Vec::new();
        let Some(path) = self.lite.ask(now, || [number; 12], &mut question) else {
            return false;
        };
        self.questions = number;
        let mut answer = Vec::new();
        let from = "192.0.2.1:7910".parse().unwrap();
        answer_check(&question, &self.own, from, CONTROLLING, &mut answer).unwrap();
        self.answers && self.lite.handle_answer(now, path, &answer).unwrap()
    }

    fn check(&mut self, at: Duration, path: Path, nominate: bool) -> Outcome {
        let request = self.browser.check(nominate);
        let mut out = Vec::new();
        let outcome = self
            .lite
            .handle_request(self.start + at, path, &request, &mut out)
            .unwrap();
        let answer = check_answer(&out, &[self.browser.number; 12], &self.browser.server).unwrap();
        let seen = SocketAddr::new(path.remote().ip().to_canonical(), path.remote().port());
        assert_eq!(answer, Answer::Success(Some(seen)));
        assert!(
            out.len() <= request.len(),
            "an answer is no larger than its request"
        );
        if self.ask(at) {
            Outcome::Selected
        } else {
            outcome
        }
    }

    fn refused(&mut self, path: Path, request: &[u8], reason: DropReason) {
        let before = format!("{:?}", self.lite);
        let mut out = Vec::new();
        let result = self
            .lite
            .handle_request(self.start + secs(1), path, request, &mut out);
        assert_eq!(result, Err(reason));
        assert!(out.is_empty(), "no reply");
        assert_eq!(format!("{:?}", self.lite), before, "no state");
    }
}

/// What a browser takes itself for, and its tie-breaker.
const CONTROLLING: (Role, u64) = (Role::Controlling, 5);

#[test]
fn of_two_that_take_themselves_for_the_same_the_greater_tie_breaker_keeps_its_role() {
    let own = IceCredentials {
        ufrag: "own".to_owned(),
        pwd: "own-password-of-22-letters".to_owned(),
    };
    let from = "192.0.2.1:7910".parse().unwrap();
    let asked = |role, tie_breaker, side| {
        let check = Check {
            server: &own,
            ufrag: "theirs",
            role,
            tie_breaker,
            priority: 1,
            use_candidate: false,
            transaction: [7; 12],
        };
        let (mut question, mut answer) = (Vec::new(), Vec::new());
        check.encode(&mut question).unwrap();
        let asked = answer_check(&question, &own, from, side, &mut answer).unwrap();
        (asked, check_answer(&answer, &[7; 12], &own).unwrap())
    };
    let fine = Answer::Success(Some(from));
    let refused = (Asked::Refused, Answer::Refused(487));
    let controlled = (Role::Controlled, 5);
    assert_eq!(
        asked(Role::Controlled, 9, CONTROLLING),
        (Asked::Answered, fine)
    );
    assert_eq!(
        asked(Role::Controlling, 9, controlled),
        (Asked::Answered, fine)
    );
    assert_eq!(asked(Role::Controlling, 4, CONTROLLING), refused);
    assert_eq!(asked(Role::Controlling, 5, CONTROLLING), refused);
    assert_eq!(
        asked(Role::Controlling, 6, CONTROLLING),
        (Asked::Yielding, fine)
    );
    assert_eq!(asked(Role::Controlled, 6, controlled), refused);
    assert_eq!(
        asked(Role::Controlled, 4, controlled),
        (Asked::Yielding, fine)
    );
}

#[test]
fn the_first_authenticated_check_selects_without_nomination() {
    let mut it = Fixture::new();
    assert_eq!(it.lite.selected(), None);
    assert!(!it.lite.is_verified(home()));
    assert_eq!(it.check(secs(0), home(), false), Outcome::Selected);
    assert_eq!(it.lite.selected(), Some(home()));
    assert!(it.lite.is_verified(home()));
    assert_eq!(
        it.check(secs(1), home(), true),
        Outcome::Answered,
        "the same path nominated"
    );
}

#[test]
fn a_nominated_check_from_elsewhere_moves_the_peer_at_once() {
    let mut it = Fixture::new();
    it.check(secs(0), home(), true);
    assert_eq!(it.check(secs(1), mobile(), true), Outcome::Selected);
    assert_eq!(it.lite.selected(), Some(mobile()));
    assert!(
        it.lite.is_verified(home()),
        "DTLS may still come the old way"
    );
    assert_eq!(
        it.check(secs(2), home(), false),
        Outcome::Answered,
        "a spare pair is kept warm"
    );
    assert_eq!(it.lite.selected(), Some(mobile()));
}

#[test]
fn media_moves_only_to_a_path_that_answers() {
    let mut it = Fixture::new();
    it.check(secs(0), home(), true);
    assert_eq!(it.lite.proven(), Some(home()));
    it.answers = false;
    for at in 1..20 {
        assert_eq!(it.check(secs(at), mobile(), true), Outcome::Answered);
        assert_eq!(it.lite.proven(), Some(home()), "also when that is silent");
    }
    it.answers = true;
    assert!(it.ask(secs(20)));
    assert_eq!(it.lite.proven(), Some(mobile()));
    assert_eq!(
        it.check(secs(21), home(), true),
        Outcome::Selected,
        "it has answered before"
    );
    assert_eq!(it.questions, 1 + 19 + 1, "and is not asked again");
}

/// As FFmpeg's muxer answers: signed, and with nothing else in it.
#[test]
fn an_answer_that_names_no_address_proves_the_path() {
    let mut it = Fixture::new();
    it.check(secs(0), home(), true);
    it.answers = false;
    it.check(secs(1), mobile(), true);
    let mut answer = Message::new();
    answer.write_header();
    let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
        it.own.pwd.clone(),
        crypto::algorithms(),
    );
    let transaction = TransactionId([it.questions; 12]);
    for setter in [
        &BINDING_SUCCESS as &dyn Setter,
        &transaction,
        &integrity,
        &FINGERPRINT,
    ] {
        setter.add_to(&mut answer).unwrap();
    }
    let now = it.start + secs(1);
    assert_eq!(it.lite.handle_answer(now, mobile(), &answer.raw), Ok(true));
    assert_eq!(it.lite.proven(), Some(mobile()));
}

#[test]
fn an_answer_counts_for_the_path_and_the_question_it_belongs_to() {
    let mut it = Fixture::new();
    it.check(secs(0), home(), true);
    it.answers = false;
    it.check(secs(1), mobile(), true);
    let server = "192.0.2.1:7910".parse().unwrap();
    let answer_to = |it: &Fixture, transaction| {
        let check = Check {
            server: &it.own,
            ufrag: "00server",
            role: Role::Controlled,
            tie_breaker: 1,
            priority: 1,
            use_candidate: false,
            transaction,
        };
        let (mut question, mut answer) = (Vec::new(), Vec::new());
        check.encode(&mut question).unwrap();
        answer_check(&question, &it.own, server, CONTROLLING, &mut answer).unwrap();
        answer
    };
    let right = answer_to(&it, [it.questions; 12]);
    let guessed = answer_to(&it, [99; 12]);
    let now = it.start + secs(1);
    let refused = Err(DropReason::BadStun);
    assert_eq!(it.lite.handle_answer(now, mobile(), &guessed), refused);
    assert_eq!(it.lite.handle_answer(now, home(), &right), refused);
    let mut forged = right.clone();
    *forged.last_mut().unwrap() ^= 1;
    let unsigned = Err(DropReason::StunNotAuthenticated);
    assert_eq!(it.lite.handle_answer(now, mobile(), &forged), unsigned);
    assert_eq!(it.lite.proven(), Some(home()));
    assert_eq!(it.lite.handle_answer(now, mobile(), &right), Ok(true));
    assert_eq!(
        it.lite.handle_answer(now, mobile(), &right),
        refused,
        "once"
    );
}

#[test]
fn an_answer_counts_that_comes_after_the_path_was_asked_again() {
    let mut it = Fixture::new();
    it.check(secs(0), home(), true);
    it.answers = false;
    it.check(secs(1), mobile(), true);
    let mut question = Vec::new();
    let first = [it.questions; 12];
    let again = it.lite.ask(it.start + secs(2), || [99; 12], &mut question);
    assert_eq!(again, Some(mobile()));
    let mut answer = Vec::new();
    let from = "192.0.2.1:7910".parse().unwrap();
    answer_check(&question, &it.own, from, CONTROLLING, &mut answer).unwrap();
    let server = check_answer(&answer, &first, &it.own);
    assert!(server.is_ok(), "it is asked the same");
    let now = it.start + secs(2);
    assert_eq!(it.lite.handle_answer(now, mobile(), &answer), Ok(true));
}

#[test]
fn a_handshake_over_one_path_shows_that_it_receives() {
    let mut it = Fixture::new();
    it.answers = false;
    it.check(secs(0), home(), true);
    assert_eq!(it.lite.proven(), None);
    it.lite.note_handshake();
    assert_eq!(it.lite.proven(), Some(home()));

    let mut it = Fixture::new();
    it.answers = false;
    let first = tcp(1, "10.0.0.1:55555");
    it.check(secs(0), first, true);
    assert_eq!(it.lite.proven(), Some(first), "TCP has shown it by opening");
    it.lite.forget(first);
    it.check(secs(1), home(), true);
    it.lite.note_handshake();
    assert_eq!(it.lite.proven(), None, "half of it may have gone elsewhere");
}

#[test]
fn a_path_gets_three_times_what_came_from_it_until_it_has_answered() {
    let mut it = Fixture::new();
    it.answers = false;
    it.check(secs(0), home(), true);
    let asked = 3 * 1_000;
    it.lite.note_received(mobile(), 100_000);
    it.lite.note_received(home(), 1_000);
    let mut sent = 0;
    while it.lite.may_send(100) {
        sent += 100;
    }
    assert!((asked - 400..=asked).contains(&sent), "{sent}");
    it.lite.note_handshake();
    assert!(it.lite.may_send(100_000));
}

#[test]
fn checks_have_a_budget() {
    let mut it = Fixture::new();
    let mut answered = 0;
    for _ in 0..1_000 {
        let request = it.browser.check(true);
        it.browser.number = 0;
        let mut out = Vec::new();
        let outcome = it.lite.handle_request(it.start, home(), &request, &mut out);
        match outcome {
            Ok(_) => answered += 1,
            Err(reason) => assert_eq!((reason, out.len()), (DropReason::CheckBudget, 0)),
        }
    }
    assert_eq!(answered, CHECKS.0);
    let later = it.start + secs(2);
    let request = it.browser.check(true);
    let outcome = it
        .lite
        .handle_request(later, home(), &request, &mut Vec::new());
    assert!(outcome.is_ok());
}

/// Firefox nominates in its very first check and never again.
#[test]
fn a_plain_check_moves_the_peer_only_once_the_old_path_is_silent() {
    let mut it = Fixture::new();
    it.check(secs(0), home(), true);
    assert_eq!(it.check(secs(2), mobile(), false), Outcome::Answered);
    it.lite.on_media(it.start + secs(4), home());
    assert_eq!(
        it.check(secs(6), mobile(), false),
        Outcome::Answered,
        "media keeps it"
    );
    assert_eq!(
        it.check(secs(7), mobile(), false),
        Outcome::Selected,
        "silent for three seconds"
    );
}

#[test]
fn media_from_another_verified_path_does_not_keep_the_selected_one() {
    let mut it = Fixture::new();
    it.check(secs(0), home(), true);
    it.check(secs(1), mobile(), false);
    it.lite.on_media(it.start + secs(3), mobile());
    assert_eq!(it.check(secs(4), mobile(), false), Outcome::Selected);
}

#[test]
fn tcp_does_not_displace_udp_that_works() {
    let mut it = Fixture::new();
    let stream = tcp(1, "10.0.0.1:55555");
    it.check(secs(0), home(), true);
    assert_eq!(it.check(secs(1), stream, true), Outcome::Answered);
    assert_eq!(
        it.check(secs(5), stream, true),
        Outcome::Selected,
        "UDP fell silent"
    );
    assert_eq!(
        it.check(secs(6), home(), true),
        Outcome::Selected,
        "and came back"
    );
}

#[test]
fn another_local_address_or_tcp_connection_is_another_path() {
    let mut it = Fixture::new();
    let remote = home().remote();
    let [first, second] = ["192.0.2.1", "192.0.2.2"].map(|local| Path::Udp {
        remote,
        local: Some(local.parse().unwrap()),
        is_shared: false,
    });
    it.check(secs(0), first, true);
    assert!(!it.lite.is_verified(second));
    assert_eq!(it.check(secs(1), second, true), Outcome::Selected);

    let mut it = Fixture::new();
    let (old, new) = (tcp(1, "10.0.0.1:5"), tcp(2, "10.0.0.1:5"));
    it.check(secs(0), old, true);
    it.lite.forget(old);
    assert_eq!(
        (it.lite.selected(), it.lite.is_verified(old)),
        (None, false)
    );
    assert_eq!(it.check(secs(1), new, false), Outcome::Selected);
}

#[test]
fn a_mapped_ipv4_client_is_told_its_ipv4_address() {
    let mut it = Fixture::new();
    assert_eq!(
        it.check(secs(0), udp("[::ffff:10.1.2.3]:99"), false),
        Outcome::Selected
    );
    assert_eq!(
        it.check(secs(0), udp("[2001:db8::7]:99"), true),
        Outcome::Selected
    );
}

#[test]
fn a_check_without_the_password_changes_nothing() {
    let mut it = Fixture::new();
    it.check(secs(0), home(), true);
    let mut stranger = Browser::new(&it.browser.server);
    stranger.server.pwd = "guessed-guessed-guessed".to_owned();
    let forged = stranger.check(true);
    it.refused(mobile(), &forged, DropReason::StunNotAuthenticated);

    let username = client_attribute("00server:browser");
    let mut unsigned = Message::new();
    unsigned
        .build(&[
            Box::new(BINDING_REQUEST),
            Box::new(TransactionId([1; 12])),
            username,
        ])
        .unwrap();
    let unsigned = unsigned.raw.clone();
    it.refused(mobile(), &unsigned, DropReason::StunNotAuthenticated);
}

fn client_attribute(username: &str) -> Box<dyn Setter> {
    use rtc_stun::textattrs::TextAttribute;
    Box::new(TextAttribute::new(ATTR_USERNAME, username.to_owned()))
}

#[test]
fn nothing_appended_behind_the_signature_is_believed() {
    let mut it = Fixture::new();
    it.check(secs(0), home(), true);
    it.lite.on_media(it.start + secs(1), home());
    // Somebody on the way takes the fingerprint off a check and adds USE-CANDIDATE and a new one.
    let plain = it.browser.check(false);
    let mut message = Message::new();
    message
        .unmarshal_binary(&plain[..plain.len() - 8])
        .unwrap_err();
    let mut cut = plain[..plain.len() - 8].to_vec();
    let length = (cut.len() - 20) as u16;
    cut[2..4].copy_from_slice(&length.to_be_bytes());
    message.unmarshal_binary(&cut).unwrap();
    message.add(ATTR_USE_CANDIDATE, &[]);
    FINGERPRINT.add_to(&mut message).unwrap();
    let mut out = Vec::new();
    let outcome = it
        .lite
        .handle_request(it.start + secs(1), mobile(), &message.raw, &mut out);
    assert_eq!(
        outcome,
        Ok(Outcome::Answered),
        "a plain check, as it was signed"
    );
    assert_eq!(it.lite.selected(), Some(home()));
}

#[test]
fn what_is_no_binding_request_of_ours_is_dropped() {
    let mut it = Fixture::new();
    let other = Browser::new(&credentials("00other")).check(true);
    it.refused(home(), &other, DropReason::UnknownUfrag);
    let check = it.browser.check(true);
    it.refused(home(), &check[..check.len() - 1], DropReason::BadStun);
    let mut longer = check.clone();
    longer.push(0);
    it.refused(home(), &longer, DropReason::BadStun);
    let mut damaged = check.clone();
    *damaged.last_mut().unwrap() ^= 1;
    it.refused(home(), &damaged, DropReason::StunNotAuthenticated);
    let mut response = check;
    response[0] = 1;
    it.refused(home(), &response, DropReason::BadStun);
    it.refused(home(), b"", DropReason::BadStun);
}

#[test]
fn a_controlled_client_is_told_of_the_role_conflict_only_if_it_is_authentic() {
    let mut it = Fixture::new();
    it.browser.role = Role::Controlled;
    let request = it.browser.check(true);
    let mut out = Vec::new();
    let outcome = it.lite.handle_request(it.start, home(), &request, &mut out);
    assert_eq!(outcome, Ok(Outcome::RoleConflict));
    let answer = check_answer(&out, &[it.browser.number; 12], &it.browser.server);
    assert_eq!(answer, Ok(Answer::Refused(487)));
    assert_eq!(it.lite.selected(), None);

    it.browser.server.pwd.push('x');
    let forged = it.browser.check(true);
    it.refused(home(), &forged, DropReason::StunNotAuthenticated);
}

#[test]
fn both_pairs_are_accepted_during_a_restart_until_the_new_one_is_used() {
    let mut it = Fixture::new();
    it.check(secs(0), home(), true);
    let fresh = credentials("00fresh");
    assert_eq!(it.lite.restart(fresh.clone(), credentials("again")), None);
    assert_eq!(
        it.lite.ufrags().collect::<Vec<_>>(),
        ["00server", "00fresh"]
    );
    assert_eq!(
        it.check(secs(1), home(), true),
        Outcome::Answered,
        "the old pair still works"
    );

    let old = it.browser.check(true);
    it.browser = Browser::new(&fresh);
    it.own = credentials("again");
    it.answers = false;
    let outcome = it.check(secs(2), mobile(), false);
    assert_eq!(
        outcome,
        Outcome::Restarted {
            retired: "00server".to_owned()
        }
    );
    assert_eq!(it.lite.proven(), Some(home()), "until the new path answers");
    it.answers = true;
    assert!(it.ask(secs(3)));
    assert_eq!(
        it.lite.selected(),
        Some(mobile()),
        "whatever the new pair came on"
    );
    assert_eq!(it.lite.ufrags().collect::<Vec<_>>(), ["00fresh"]);
    it.refused(home(), &old, DropReason::UnknownUfrag);
}

#[test]
fn a_restart_that_was_never_used_gives_way_to_the_next() {
    let mut it = Fixture::new();
    assert_eq!(
        it.lite.restart(credentials("00first"), credentials("one")),
        None
    );
    assert_eq!(
        it.lite.restart(credentials("00second"), credentials("two")),
        Some("00first".to_owned())
    );
    assert_eq!(
        it.lite.ufrags().collect::<Vec<_>>(),
        ["00server", "00second"]
    );
}

#[test]
fn consent_expires_thirty_seconds_after_the_last_sign_of_life() {
    let mut it = Fixture::new();
    assert!(
        it.lite.is_expired(it.start + secs(30)),
        "never heard of at all"
    );
    it.check(secs(10), home(), true);
    assert!(!it.lite.is_expired(it.start + secs(39)));
    assert!(it.lite.is_expired(it.start + secs(40)));
    it.lite.on_media(it.start + secs(25), home());
    assert!(!it.lite.is_expired(it.start + secs(54)));
    assert_eq!(it.lite.expires(), it.start + secs(55));
    assert_eq!(it.lite.heard(), it.start + secs(25));
}

#[test]
fn the_paths_remembered_are_bounded_and_the_selected_one_is_never_forgotten() {
    let mut it = Fixture::new();
    it.check(secs(0), home(), true);
    for port in 0..200 {
        let at = Duration::from_millis(1_000 + 20 * port);
        it.lite.on_media(it.start + at, home());
        it.check(at, udp(&format!("10.7.7.7:{}", 1_000 + port)), false);
    }
    assert_eq!(it.lite.verified().count(), MAX_VERIFIED);
    assert_eq!(it.lite.selected(), Some(home()));
    assert!(it.lite.verified().any(|path| path == home()));
    assert!(
        it.lite.is_verified(udp("10.7.7.7:1199")),
        "the newest is known"
    );
    assert!(!it.lite.is_verified(udp("10.7.7.7:1000")));
}

#[test]
fn the_ufrag_is_read_without_verifying_anything() {
    let mut it = Fixture::new();
    let check = it.browser.check(true);
    assert_eq!(peek_ufrag(&check), Some("00server"));
    assert_eq!(peek_transaction(&check), None, "not an answer");
    let mut out = Vec::new();
    it.lite
        .handle_request(it.start, home(), &check, &mut out)
        .unwrap();
    assert_eq!(peek_ufrag(&out), None, "not a request");
    assert_eq!(peek_transaction(&out), Some([it.browser.number; 12]));
}

#[test]
fn an_answer_is_believed_only_if_it_is_the_servers_own() {
    let mut it = Fixture::new();
    let check = it.browser.check(true);
    let mut out = Vec::new();
    it.lite
        .handle_request(it.start, home(), &check, &mut out)
        .unwrap();
    let server = it.browser.server.clone();
    let number = it.browser.number;
    assert_eq!(
        check_answer(&out, &[number + 1; 12], &server),
        Err(DropReason::BadStun)
    );
    let other = credentials("00other");
    assert_eq!(
        check_answer(&out, &[number; 12], &other),
        Err(DropReason::StunNotAuthenticated)
    );
    assert_eq!(
        check_answer(&check, &[number; 12], &server),
        Err(DropReason::BadStun)
    );
}

proptest! {
    #[test]
    fn damaged_checks_never_panic_and_never_count(
        damage in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..6),
        cut in any::<prop::sample::Index>(),
        keep in any::<bool>(),
    ) {
        let mut it = Fixture::new();
        let original = it.browser.check(true);
        let mut damaged = original.clone();
        for (at, bits) in damage {
            damaged[at.index(original.len())] ^= bits;
        }
        if !keep {
            damaged.truncate(cut.index(original.len()));
        }
        prop_assume!(damaged != original);
        let mut out = Vec::new();
        let result = it.lite.handle_request(it.start, home(), &damaged, &mut out);
        prop_assert!(result.is_err());
        prop_assert!(out.is_empty() && it.lite.selected().is_none());
        let _ = peek_ufrag(&damaged);
        let _ = check_answer(&damaged, &[1; 12], &it.browser.server);
    }

    #[test]
    fn garbage_behind_a_stun_header_never_panics(
        kind in prop::sample::select(vec![1_u16, 0x101, 0x111, 0x11]),
        body in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut datagram = kind.to_be_bytes().to_vec();
        datagram.extend((body.len() as u16).to_be_bytes());
        datagram.extend([0x21, 0x12, 0xa4, 0x42]);
        datagram.extend([1; 12]);
        datagram.extend(body);
        let mut it = Fixture::new();
        let mut out = Vec::new();
        prop_assert!(it.lite.handle_request(it.start, home(), &datagram, &mut out).is_err());
        let _ = peek_ufrag(&datagram);
        let _ = check_answer(&datagram, &[1; 12], &it.browser.server);
    }
}

#[test]
fn a_check_that_asks_for_it_is_answered_at_its_own_length_and_no_longer() {
    let server = credentials("0server");
    let mut lite = Lite::new(epoch(), server.clone(), credentials("browser"));
    let now = lite.heard();
    let mut lengths = Vec::new();
    for filling in [
        Filling::ThereAndBack(1_200),
        Filling::ThereAndBack(2),
        Filling::There(1_200),
    ] {
        let check = Check {
            server: &server,
            ufrag: "browser",
            role: Role::Controlling,
            tie_breaker: 7,
            priority: 1,
            use_candidate: false,
            transaction: [9; 12],
        };
        let (mut request, mut reply) = (Vec::new(), Vec::new());
        check.encode_filled(filling, &mut request).unwrap();
        lite.handle_request(now, home(), &request, &mut reply)
            .unwrap();
        let answer = check_answer(&reply, &[9; 12], &server).unwrap();
        assert_eq!(answer, Answer::Success(Some(home().remote())));
        assert!(reply.len() <= request.len(), "{filling:?}");
        lengths.push((request.len(), reply.len()));
    }
    let [(asked, padded), (_, small), (filled, unpadded)] = lengths[..] else {
        panic!("{lengths:?}");
    };
    assert!(asked >= 1_200 && asked - padded < 60, "{lengths:?}");
    assert!(
        filled >= 1_200 && unpadded < 128 && small < 128,
        "{lengths:?}"
    );
}
