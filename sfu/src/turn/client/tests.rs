//! A client's requests and what they are answered.

use rtc_stun::attributes::ATTR_ERROR_CODE;

use super::*;
use crate::testing::epoch;
use crate::turn::authority::SEED;
use crate::turn::credentials::{Credentials, key_of};

const OWN: &str = "203.0.113.5:7910";
const PLAIN_NAME: &str = "site";

/// A header, and what RFC 8489 §9.2.4 has a refusal say: the code, the realm and a nonce.
const LENGTH_OF_REFUSAL: usize = 20 + 8 + 8 + 20;

/// A client as a browser is one.
struct Browser {
    authority: Arc<Authority>,
    client: Client,
    credentials: Credentials,
    nonce: Option<String>,
    algorithm: Algorithm,
    now: Instant,
    dropped: Vec<DropReason>,
    arrived: Vec<(u8, Vec<u8>)>,
}

/// What a browser reads in an answer.
#[derive(Debug, Eq, PartialEq)]
enum Said {
    Done,
    Code(u16),
}

impl Browser {
    fn new() -> Self {
        Self::of(&authority(), PLAIN_NAME)
    }

    fn of(authority: &Arc<Authority>, name: &str) -> Self {
        let now = epoch();
        Self {
            authority: Arc::clone(authority),
            client: Client::new(now, Arc::clone(authority), address("198.51.100.7:50000")),
            credentials: authority.issue(now, name, Duration::from_secs(3_600)),
            nonce: None,
            algorithm: Algorithm::Sha1,
            now,
            dropped: Vec::new(),
            arrived: Vec::new(),
        }
    }

    /// Sends bytes, and takes the answers.
    fn send(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Ending> {
        let (mut answers, dropped, arrived) = (Vec::new(), &mut self.dropped, &mut self.arrived);
        self.client
            .take(self.now, bytes, |happening| match happening {
                Happening::Datagram { to, datagram, .. } => arrived.push((to, datagram.to_vec())),
                Happening::Answer(answer) => answers.push(answer.to_vec()),
                Happening::Dropped(reason) => dropped.push(reason),
            })?;
        Ok(answers)
    }

    fn request(method: u16) -> Answer {
        Answer::new(method, [7; 12])
    }

    fn allocation() -> Answer {
        Self::request(ALLOCATE).with(ATTR_REQUESTED_TRANSPORT, &[UDP, 0, 0, 0])
    }

    fn key(&self) -> Key {
        let Credentials { username, password } = &self.credentials;
        key_of(username, REALM, password).unwrap()
    }

    fn sign(&self, request: Answer) -> Vec<u8> {
        let nonce = self.nonce.clone().unwrap_or_default();
        request
            .with(ATTR_USERNAME, self.credentials.username.as_bytes())
            .with(ATTR_REALM, REALM.as_bytes())
            .with(ATTR_NONCE, nonce.as_bytes())
            .signed(self.algorithm, &self.key())
    }

    /// Asks, with a nonce that it was told before.
    fn ask(&mut self, request: Answer) -> Said {
        if self.nonce.is_none() {
            let refused = self.send(&Self::allocation().unsigned()).unwrap();
            let refused = Message::read(&refused[0]).unwrap();
            self.nonce = refused.text(ATTR_NONCE).map(str::to_owned);
        }
        let signed = self.sign(request);
        let answers = self.send(&signed).unwrap();
        let answer = Message::read(&answers[0]).unwrap();
        if let Some(code) = answer.get(ATTR_ERROR_CODE) {
            return Said::Code(u16::from(code[2]) * 100 + u16::from(code[3]));
        }
        assert!(answer.is_signed_with(&self.key()));
        assert_eq!(answer.algorithm(), Some(self.algorithm));
        Said::Done
    }

    fn permit(&mut self, host: &str) -> Said {
        let request = Self::request(CREATE_PERMISSION);
        self.ask(request.with_address(ATTR_XOR_PEER_ADDRESS, address(host)))
    }

    fn bind(&mut self, number: u16, to: &str) -> Said {
        let [high, low] = number.to_be_bytes();
        let request = Self::request(CHANNEL_BIND).with(ATTR_CHANNEL_NUMBER, &[high, low, 0, 0]);
        self.ask(request.with_address(ATTR_XOR_PEER_ADDRESS, address(to)))
    }

    fn indicate(&mut self, to: &str, datagram: &[u8]) {
        let indication = Self::request(SEND | 0x0010)
            .with_address(ATTR_XOR_PEER_ADDRESS, address(to))
            .with(ATTR_DATA, datagram);
        assert!(self.send(&indication.unsigned()).unwrap().is_empty());
    }

    fn with_allocation() -> Self {
        let mut browser = Self::new();
        assert_eq!(browser.ask(Self::allocation()), Said::Done);
        browser
    }
}

fn authority() -> Arc<Authority> {
    let authority = Authority::new(epoch(), 1_700_000_000, &[7; SEED]);
    authority.set_own(vec![address(OWN), address("203.0.113.6:7910")]);
    Arc::new(authority)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn who_knows_the_password_reaches_us_by_messages_and_then_by_a_channel() {
    for algorithm in [Algorithm::Sha1, Algorithm::Sha256] {
        let mut browser = Browser::new();
        browser.algorithm = algorithm;
        assert_eq!(browser.ask(Browser::allocation()), Said::Done);
        assert_eq!(browser.permit(OWN), Said::Done);
        browser.indicate(OWN, b"a check");
        let from = Envelope::Indication(address(OWN));
        assert_eq!(browser.client.envelope(browser.now, 0), Some(from));
        assert_eq!(browser.bind(0x4000, OWN), Said::Done);
        let data = [&[0x40, 0, 0, 5][..], b"media\0\0\0"].concat();
        assert!(browser.send(&data).unwrap().is_empty());
        let by_channel = Some(Envelope::Channel(0x4000));
        assert_eq!(browser.client.envelope(browser.now, 0), by_channel);
        let arrived = [(0, b"a check".to_vec()), (0, b"media".to_vec())];
        assert_eq!(browser.arrived, arrived);
        assert_eq!(browser.client.peers(), 1);
    }
}

#[test]
fn nothing_but_our_own_media_addresses_is_reached() {
    let mut browser = Browser::with_allocation();
    for other in ["198.51.100.1:7910", "127.0.0.1:7910", "203.0.113.7:7910"] {
        assert_eq!(browser.permit(other), Said::Code(403), "{other}");
        assert_eq!(browser.bind(0x4000, other), Said::Code(403), "{other}");
        browser.indicate(other, b"out");
    }
    // Another service of ours.
    assert_eq!(browser.bind(0x4000, "203.0.113.5:22"), Said::Code(403));
    assert_eq!(browser.permit(OWN), Said::Done);
    browser.indicate("203.0.113.5:22", b"out");
    assert_eq!(browser.permit("[2001:db8::1]:7910"), Said::Code(443));
    assert!(browser.arrived.is_empty());
    let forbidden = browser.dropped.iter();
    let forbidden = forbidden.filter(|it| **it == DropReason::RelayForbidden);
    assert_eq!(forbidden.count(), 3 * 3 + 2);
    // One of several that is not ours: none is permitted.
    let both = Browser::request(CREATE_PERMISSION)
        .with_address(ATTR_XOR_PEER_ADDRESS, address("203.0.113.6:1"))
        .with_address(ATTR_XOR_PEER_ADDRESS, address("198.51.100.1:1"));
    assert_eq!(browser.ask(both), Said::Code(403));
    browser.indicate("203.0.113.6:7910", b"not yet");
    assert!(browser.arrived.is_empty());
}

#[test]
fn who_does_not_know_the_password_is_told_little_and_a_few_times() {
    let mut stranger = Browser::new();
    let request = Browser::allocation().unsigned();
    for _ in 0..MAX_REFUSALS - 1 {
        let answers = stranger.send(&request).unwrap();
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].len(), LENGTH_OF_REFUSAL);
        let refusal = Message::read(&answers[0]).unwrap();
        let parts: Vec<_> = refusal
            .attributes()
            .map(|(kind, value)| (kind, value.len()))
            .collect();
        assert_eq!(
            parts,
            [(ATTR_ERROR_CODE, 4), (ATTR_REALM, 4), (ATTR_NONCE, 16)]
        );
    }
    assert_eq!(stranger.send(&request).unwrap_err(), Ending::Refused);

    let mut forger = Browser::new();
    forger.credentials.password.push('x');
    assert_eq!(forger.ask(Browser::allocation()), Said::Code(401));
    let mut inventor = Browser::new();
    inventor.credentials.username = "9999999999:site".to_owned();
    assert_eq!(inventor.ask(Browser::allocation()), Said::Code(401));
    assert_eq!(forger.authority.users(), 0);
    assert!(!forger.client.is_served(forger.now));
}

#[test]
fn ten_thousand_strangers_leave_nothing_behind() {
    let authority = authority();
    let request = Browser::allocation().unsigned();
    for _ in 0..10_000 {
        let mut stranger = Browser::of(&authority, PLAIN_NAME);
        let answers = stranger.send(&request).unwrap();
        assert_eq!(
            answers.iter().map(Vec::len).sum::<usize>(),
            LENGTH_OF_REFUSAL
        );
    }
    assert_eq!(authority.users(), 0);
    assert_eq!(Arc::strong_count(&authority), 1);
}

#[test]
fn a_name_is_good_for_its_time_and_what_it_has_goes_on() {
    let mut browser = Browser::with_allocation();
    assert_eq!(browser.ask(Browser::allocation()), Said::Code(437));
    let mut late = Browser::of(&browser.authority, PLAIN_NAME);
    for minutes in [9, 18, 27, 36, 45, 54, 63] {
        browser.now = epoch() + Duration::from_secs(60 * minutes);
        let refresh = || Browser::request(REFRESH);
        let said = browser.ask(refresh());
        if said == Said::Code(438) {
            browser.nonce = Some(browser.authority.nonce(browser.now));
            assert_eq!(browser.ask(refresh()), Said::Done);
        } else {
            assert_eq!(said, Said::Done);
        }
    }
    assert!(browser.client.is_served(browser.now));
    late.now = browser.now;
    assert_eq!(late.ask(Browser::allocation()), Said::Code(401));
}

#[test]
fn an_allocation_ends_by_itself_or_when_it_is_given_back() {
    let mut browser = Browser::with_allocation();
    assert_eq!(browser.permit(OWN), Said::Done);
    assert_eq!(browser.bind(0x4000, OWN), Said::Done);
    browser.now += LIFE.0;
    assert!(!browser.client.is_served(browser.now));
    assert_eq!(browser.client.envelope(browser.now, 0), None);
    browser.indicate(OWN, b"too late");
    assert!(browser.arrived.is_empty());
    let again = browser.ask(Browser::allocation());
    assert_eq!(again, Said::Code(437), "a connection has one");

    let mut browser = Browser::with_allocation();
    assert_eq!(browser.bind(0x4000, OWN), Said::Done);
    let end = browser.sign(Browser::request(REFRESH).with(ATTR_LIFETIME, &[0; 4]));
    assert_eq!(browser.send(&end).unwrap_err(), Ending::Released);
    assert_eq!(browser.client.envelope(browser.now, 0), None);
    let authority = Arc::clone(&browser.authority);
    drop(browser);
    assert_eq!(authority.users(), 0);
}

#[test]
fn a_permission_and_a_channel_end_unless_they_are_renewed() {
    let mut browser = Browser::with_allocation();
    assert_eq!(browser.permit(OWN), Said::Done);
    browser.indicate(OWN, b"in time");
    browser.now += Duration::from_secs(301);
    browser.indicate(OWN, b"too late");
    assert_eq!(browser.client.envelope(browser.now, 0), None);
    assert_eq!(browser.bind(0x4000, OWN), Said::Done);
    browser.indicate(OWN, b"in time again");
    assert_eq!(browser.arrived.len(), 2);
}

#[test]
fn a_channel_has_one_address_and_an_address_one_channel() {
    let mut browser = Browser::with_allocation();
    assert_eq!(browser.bind(0x4000, OWN), Said::Done);
    assert_eq!(browser.bind(0x4000, OWN), Said::Done, "renewed");
    assert_eq!(browser.bind(0x4000, "203.0.113.6:7910"), Said::Code(400));
    assert_eq!(browser.bind(0x4001, OWN), Said::Code(400));
    assert_eq!(browser.bind(0x3fff, "203.0.113.6:7910"), Said::Code(400));
    assert_eq!(browser.bind(0x4001, "203.0.113.6:7910"), Said::Done);
    assert_eq!(browser.client.peers(), 2);
}

#[test]
fn what_we_do_not_have_is_said_by_its_code() {
    let ask = |request: Answer| Browser::new().ask(request);
    assert_eq!(ask(Browser::request(ALLOCATE)), Said::Code(400));
    let tcp = Browser::request(ALLOCATE).with(ATTR_REQUESTED_TRANSPORT, &[6, 0, 0, 0]);
    assert_eq!(ask(tcp), Said::Code(442));
    let even = Browser::allocation().with(ATTR_EVEN_PORT, &[0x80]);
    assert_eq!(ask(even), Said::Code(508));
    let family = Browser::allocation().with(ATTR_REQUESTED_ADDRESS_FAMILY, &[IPV6, 0, 0, 0]);
    assert_eq!(ask(family), Said::Code(440));
    let unknown = Browser::allocation().with(AttrType(0x7ffe), &[]);
    assert_eq!(ask(unknown), Said::Code(420));
    assert_eq!(ask(Browser::request(REFRESH)), Said::Code(437));
    let mut of_another = Browser::with_allocation();
    let now = of_another.now;
    of_another.credentials = of_another
        .authority
        .issue(now, "another", Duration::from_secs(60));
    assert_eq!(of_another.permit(OWN), Said::Code(441));
}

#[test]
fn one_client_asks_for_so_much_and_no_more() {
    let mut browser = Browser::with_allocation();
    let mut answered = 0;
    for _ in 0..1_000 {
        let request = browser.sign(Browser::request(REFRESH));
        answered += browser.send(&request).unwrap().len();
    }
    assert!(answered < usize::try_from(REQUESTS.0).unwrap());
    assert!(browser.dropped.contains(&DropReason::TurnBudget));
}

#[test]
fn whoever_speaks_something_else_is_not_answered() {
    for other in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0, 1, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x80; 40],
    ] {
        let mut browser = Browser::new();
        let spoken = browser.send(other);
        assert!(
            matches!(spoken, Err(Ending::Senseless)) || browser.dropped == [DropReason::BadTurn],
            "{spoken:?}"
        );
    }
    let mut silent = Browser::new();
    let answer = Answer::new(0x0103, [7; 12]).unsigned();
    assert!(silent.send(&answer).unwrap().is_empty());
}
