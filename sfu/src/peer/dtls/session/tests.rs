//! Handshakes in memory, on a virtual clock, over a network that loses packets.

use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rtc_dtls::crypto::Certificate;

use super::*;

#[expect(
    clippy::disallowed_methods,
    reason = "only differences of instants matter here"
)]
fn epoch() -> Instant {
    Instant::now()
}

const GCM_ONLY: &[Profile] = &[Profile::AeadAes128Gcm];
const CM_ONLY: &[Profile] = &[Profile::Aes128CmSha1_80];
/// As Chromium and Safari list them.
const CM_FIRST: &[Profile] = &[Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm];

/// A client and a server, and the network between them.
struct Pair {
    now: Instant,
    sides: [Session; 2],
    keys: [Option<Keys>; 2],
    failures: [Option<Failure>; 2],
    closed: [bool; 2],
    sent: [usize; 2],
    /// Arrival time, receiving side, datagram.
    wire: Vec<(Instant, usize, Bytes)>,
    rng: StdRng,
    loss: f64,
    jitter: Duration,
    /// Cuts handshake messages of the client into fragments of this size.
    fragment: Option<usize>,
    number: u64,
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

impl Pair {
    fn new(profiles: &[Profile], loss: f64, seed: u64) -> Self {
        let (ours, theirs) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        Self::with(&ours, &theirs, profiles, loss, seed)
    }

    fn with(
        server: &Identity,
        client: &Identity,
        profiles: &[Profile],
        loss: f64,
        seed: u64,
    ) -> Self {
        let now = epoch();
        let config = client.client(profiles).unwrap();
        Self {
            now,
            sides: [
                Session::client(now, &config, server.fingerprint()),
                Session::server(now, server, client.fingerprint()),
            ],
            keys: [None, None],
            failures: [None, None],
            closed: [false, false],
            sent: [0, 0],
            wire: Vec::new(),
            rng: StdRng::seed_from_u64(seed),
            loss,
            jitter: Duration::ZERO,
            fragment: None,
            number: 0,
        }
    }

    fn collect(&mut self) {
        for side in [CLIENT, SERVER] {
            while let Some(datagram) = self.sides[side].poll_transmit() {
                self.put_on_wire(side, datagram);
            }
            while let Some(event) = self.sides[side].poll_event() {
                match event {
                    Event::Connected(keys) => self.keys[side] = Some(*keys),
                    Event::Closed => self.closed[side] = true,
                    Event::Failed(failure) => self.failures[side] = Some(failure),
                }
            }
        }
    }

    fn put_on_wire(&mut self, side: usize, datagram: Bytes) {
        let parts = match self.fragment {
            Some(size) if side == CLIENT => fragments(&datagram, size, &mut self.number),
            _ => vec![datagram],
        };
        for datagram in parts {
            self.sent[side] += 1;
            let delay = Duration::from_millis(10) + self.jitter.mul_f64(self.rng.random());
            if !self.rng.random_bool(self.loss) {
                self.wire.push((self.now + delay, 1 - side, datagram));
            }
        }
    }

    /// Lets time pass until the given moment, or until both are through or one has failed.
    fn run_until(&mut self, end: Instant) {
        loop {
            self.collect();
            let through = self.keys.iter().all(Option::is_some);
            if through || self.failures.iter().any(Option::is_some) {
                return;
            }
            let arrival = self.wire.iter().map(|(at, ..)| *at).min();
            let timer = self.sides.iter().filter_map(Session::poll_timeout).min();
            let Some(next) = arrival.into_iter().chain(timer).min() else {
                return;
            };
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            self.deliver();
            for side in &mut self.sides {
                side.handle_timeout(self.now);
            }
        }
    }

    fn deliver(&mut self) {
        while let Some(index) = (0..self.wire.len())
            .filter(|index| self.wire[*index].0 <= self.now)
            .min_by_key(|index| self.wire[*index].0)
        {
            let (_, side, datagram) = self.wire.remove(index);
            let _ = self.sides[side].handle_datagram(self.now, &datagram);
        }
    }

    fn run(&mut self) -> Duration {
        let start = self.now;
        self.run_until(start + Duration::from_secs(40));
        self.now - start
    }

    fn assert_complete(&self, profile: Profile, what: &str) {
        assert_eq!(self.failures, [None, None], "{what}");
        let [client, server] = self.keys;
        let (client, server) = (client.expect(what), server.expect(what));
        assert_eq!(
            (client.profile, server.profile),
            (profile, profile),
            "{what}"
        );
        assert_eq!(
            (client.local, client.remote),
            (server.remote, server.local),
            "{what}"
        );
    }
}

/// Cuts the plain handshake messages of a datagram into fragments, one per datagram, last first.
/// Records are numbered on from `number`.
fn fragments(datagram: &[u8], size: usize, number: &mut u64) -> Vec<Bytes> {
    let mut made = Vec::new();
    let mut rest = datagram;
    while rest.len() >= 13 {
        let length = usize::from(u16::from_be_bytes([rest[11], rest[12]]));
        let (record, tail) = rest.split_at(13 + length);
        rest = tail;
        if record[0] != 22 || record[4] != 0 {
            let mut record = record.to_vec();
            if record[4] == 0 {
                *number += 1;
                record[5..11].copy_from_slice(&number.to_be_bytes()[2..]);
            }
            made.insert(0, Bytes::from(record));
            continue;
        }
        let (header, body) = record[13..].split_at(12);
        for (index, chunk) in body.chunks(size).enumerate() {
            *number += 1;
            let mut part = record[..3].to_vec();
            part.extend([0, 0]);
            part.extend(&u64::to_be_bytes(*number)[2..]);
            part.extend(u16::to_be_bytes(chunk.len() as u16 + 12));
            part.extend(&header[..6]);
            part.extend(&u32::to_be_bytes((index * size) as u32)[1..]);
            part.extend(&u32::to_be_bytes(chunk.len() as u32)[1..]);
            part.extend(chunk);
            made.insert(0, Bytes::from(part));
        }
    }
    made
}

#[test]
fn a_handshake_completes_and_both_hold_the_same_keys() {
    let mut pair = Pair::new(GCM_ONLY, 0.0, 1);
    let took = pair.run();
    pair.assert_complete(Profile::AeadAes128Gcm, "no loss");
    assert!(
        took <= Duration::from_millis(70),
        "three round trips of 20 ms, took {took:?}"
    );
    assert_eq!(pair.sent, [3, 3], "nothing is repeated without need");
    assert_eq!(pair.sides[SERVER].poll_timeout(), None);
}

#[test]
fn gcm_is_chosen_although_the_client_prefers_cm80() {
    let mut pair = Pair::new(CM_FIRST, 0.0, 2);
    pair.run();
    pair.assert_complete(Profile::AeadAes128Gcm, "CM80 first");
}

#[test]
fn a_client_without_gcm_gets_cm80_and_notices_nothing() {
    let mut pair = Pair::new(CM_ONLY, 0.0, 3);
    pair.run();
    pair.assert_complete(Profile::Aes128CmSha1_80, "CM80 only");
    assert_eq!(pair.sent, [3, 3], "no alert, no extra round trip");
}

#[test]
fn a_client_hello_in_fragments_that_arrive_in_reverse_is_understood() {
    for (profiles, wanted) in [
        (CM_FIRST, Profile::AeadAes128Gcm),
        (CM_ONLY, Profile::Aes128CmSha1_80),
    ] {
        let mut pair = Pair::new(profiles, 0.0, 4);
        pair.fragment = Some(80);
        pair.run();
        pair.assert_complete(wanted, "fragments");
    }
}

#[test]
fn every_handshake_completes_at_heavy_loss() {
    let (server, client) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    for (loss, limit) in [(0.2, 10), (0.3, 15)] {
        for seed in 0..300 {
            let profiles = [GCM_ONLY, CM_FIRST, CM_ONLY][seed as usize % 3];
            let mut pair = Pair::with(&server, &client, profiles, loss, seed);
            pair.jitter = Duration::from_millis(seed % 4 * 40);
            pair.fragment = (seed % 2 == 0).then_some(120);
            let took = pair.run();
            let wanted = if profiles == CM_ONLY {
                CM_ONLY[0]
            } else {
                Profile::AeadAes128Gcm
            };
            let what = format!("loss {loss}, seed {seed}, after {took:?}");
            pair.assert_complete(wanted, &what);
            assert!(took < Duration::from_secs(limit), "{what}");
        }
    }
}

#[test]
fn a_lost_last_flight_is_repeated_when_the_client_asks() {
    let mut pair = Pair::new(GCM_ONLY, 0.0, 5);
    while pair.keys[SERVER].is_none() {
        let next = pair.now + Duration::from_millis(1);
        pair.run_until(next);
    }
    pair.wire.clear();
    assert!(
        pair.keys[CLIENT].is_none(),
        "the server's last flight was on the wire"
    );
    pair.run();
    pair.assert_complete(Profile::AeadAes128Gcm, "last flight lost");
}

#[test]
fn a_certificate_other_than_promised_yields_no_keys() {
    let (server, client) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    let mut pair = Pair::with(&server, &client, GCM_ONLY, 0.0, 6);
    pair.sides[SERVER] = Session::server(pair.now, &server, server.fingerprint());
    pair.run();
    assert_eq!(pair.failures[SERVER], Some(Failure::WrongFingerprint));
    assert_eq!(pair.keys[SERVER], None);

    let config = client.client(GCM_ONLY).unwrap();
    let mut pair = Pair::with(&server, &client, GCM_ONLY, 0.0, 7);
    pair.sides[CLIENT] = Session::client(pair.now, &config, client.fingerprint());
    pair.run();
    assert_eq!(pair.failures[CLIENT], Some(Failure::WrongFingerprint));
    assert_eq!(pair.keys[CLIENT], None);
}

#[test]
fn closing_is_told_to_the_other_side_and_survives_forged_plain_records() {
    for closing in [CLIENT, SERVER] {
        let mut pair = Pair::new(GCM_ONLY, 0.0, 8);
        pair.run();
        let other = 1 - closing;
        let forged_alert = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 9, 9, 9, 0, 2, 2, 40];
        let result = pair.sides[other].handle_datagram(pair.now, &forged_alert);
        assert_eq!(result, Err(DropReason::BadDtls));
        assert!(pair.sides[other].poll_event().is_none());

        let now = pair.now;
        pair.sides[closing].close(now);
        let notify = pair.sides[closing].poll_transmit().expect("close_notify");
        pair.sides[other].handle_datagram(now, &notify).unwrap();
        pair.collect();
        assert!(pair.closed[other]);
        assert!(!pair.closed[closing]);
    }
}

#[test]
fn a_server_that_hears_nothing_gives_up_at_the_deadline() {
    let identity = Identity::generate().unwrap();
    let now = epoch();
    let mut session = Session::server(now, &identity, identity.fingerprint());
    let deadline = session.poll_timeout().unwrap();
    assert_eq!(deadline, now + Duration::from_secs(30));
    session.handle_timeout(deadline - Duration::from_millis(1));
    assert!(session.poll_event().is_none());
    session.handle_timeout(deadline);
    assert!(matches!(
        session.poll_event(),
        Some(Event::Failed(Failure::Timeout))
    ));
    assert_eq!(session.poll_timeout(), None);
    assert!(session.poll_transmit().is_none());
}

#[test]
fn a_repeated_client_hello_cannot_make_the_server_send_without_end() {
    let mut pair = Pair::new(GCM_ONLY, 0.0, 9);
    pair.collect();
    let mut hello = pair.wire.pop().unwrap().2.to_vec();
    let mut sent = 0;
    for number in 0..5_000_u64 {
        hello[5..11].copy_from_slice(&number.to_be_bytes()[2..]);
        let _ = pair.sides[SERVER].handle_datagram(pair.now, &hello);
        while pair.sides[SERVER].poll_transmit().is_some() {
            sent += 1;
        }
        if let Some(Event::Failed(failure)) = pair.sides[SERVER].poll_event() {
            assert_eq!(failure, Failure::Flood);
            assert!(sent < 1_000, "{sent}");
            return;
        }
    }
    panic!("the flood was never noticed");
}

#[test]
fn thousands_of_tiny_fragments_are_a_flood() {
    let mut pair = Pair::new(GCM_ONLY, 0.0, 10);
    pair.collect();
    let hello = pair.wire.pop().unwrap().2;
    let now = pair.now;
    let mut number = 0;
    for _ in 0..20 {
        for part in fragments(&hello, 1, &mut number) {
            let _ = pair.sides[SERVER].handle_datagram(now, &part);
        }
    }
    assert!(matches!(
        pair.sides[SERVER].poll_event(),
        Some(Event::Failed(Failure::Flood))
    ));
}

/// A record of nothing but fragments without content.
fn empty_fragments(number: u16) -> Vec<u8> {
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0];
    record.extend(number.to_be_bytes());
    record.extend((169_u16 * 12).to_be_bytes());
    for fragment in 0..169_u32 {
        let offset = (u32::from(number) * 169 + fragment).to_be_bytes();
        record.extend([1, 0, 0, 0, 0, 0, offset[1], offset[2], offset[3], 0, 0, 1]);
    }
    record
}

#[test]
fn empty_fragments_are_refused_and_the_handshake_completes() {
    let mut pair = Pair::new(GCM_ONLY, 0.0, 40);
    let now = pair.now;
    for number in 0..100 {
        let junk = empty_fragments(number);
        let outcome = pair.sides[SERVER].handle_datagram(now, &junk);
        assert_eq!(outcome, Err(DropReason::BadDtls));
    }
    pair.run_until(now + Duration::from_secs(5));
    assert!(pair.keys.iter().all(Option::is_some));
    for kind in [22, 23] {
        let mut sealed = vec![kind, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 48];
        sealed.resize(13 + 48, 7);
        let outcome = pair.sides[SERVER].handle_datagram(now, &sealed);
        assert_eq!(outcome, Err(DropReason::BadDtls), "of no use any more");
    }
}

/// A client that was told to wait, before a server of either profile.
#[test]
fn a_client_that_waits_says_nothing_until_there_is_a_path() {
    let (ours, theirs) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    let mut pair = Pair::with(&ours, &theirs, CM_FIRST, 0.0, 41);
    pair.sides[CLIENT] = Session::dialing(&theirs, ours.fingerprint());
    assert!(pair.sides[CLIENT].poll_transmit().is_none());
    assert_eq!(pair.sides[CLIENT].poll_timeout(), None);
    let early = pair.sides[CLIENT].handle_datagram(pair.now, &empty_fragments(0));
    assert_eq!(early, Err(DropReason::BadDtls));
    assert!(pair.sides[CLIENT].begin(pair.now));
    assert!(!pair.sides[CLIENT].begin(pair.now), "once");
    pair.run();
    pair.assert_complete(Profile::AeadAes128Gcm, "the better one of both");
}

/// An identity whose certificate says that its key is on a curve that nobody here knows.
fn of_another_curve() -> Identity {
    let names = vec!["encoder".to_owned()];
    let mut certificate = Certificate::generate_self_signed(names, crypto::algorithms()).unwrap();
    let mut der = certificate.certificate[0].to_vec();
    let p256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let at = der.windows(8).position(|part| part == p256).unwrap();
    der[at + 7] = 6;
    // Behind it lies the key itself, as a bit string.
    der[at + 20] ^= 1;
    certificate.certificate = vec![der.into()];
    Identity::of(certificate).unwrap()
}

#[test]
fn a_certificate_that_cannot_be_verified_is_refused_with_an_alert_at_once() {
    let ours = Identity::generate().unwrap();
    let other = of_another_curve();
    for side in [SERVER, CLIENT] {
        let (server, client) = if side == SERVER {
            (&ours, &other)
        } else {
            (&other, &ours)
        };
        let mut pair = Pair::with(server, client, CM_FIRST, 0.0, 42);
        let took = pair.run();
        assert_eq!(pair.failures[side], Some(Failure::NoAgreement));
        assert!(took < Duration::from_secs(1), "{took:?}");
        pair.collect();
        let alert = |(_, to, datagram): &(Instant, usize, Bytes)| {
            *to == 1 - side && datagram.first() == Some(&21)
        };
        assert!(pair.wire.iter().any(alert), "the other side is told");
    }
}

#[test]
fn a_client_that_never_had_a_path_closes_without_a_word() {
    let identity = Identity::generate().unwrap();
    let mut session = Session::dialing(&identity, identity.fingerprint());
    session.close(epoch());
    assert!(session.poll_transmit().is_none() && session.poll_event().is_none());
    assert!(!session.begin(epoch()), "it is over");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn garbage_neither_panics_nor_stops_the_handshake(
        garbage in prop::collection::vec(
            (prop::sample::select(vec![20_u8, 21, 22, 23]), 0_u8..2, prop::collection::vec(any::<u8>(), 0..60)),
            0..40,
        ),
        cut in 0_usize..400,
    ) {
        let mut pair = Pair::new(GCM_ONLY, 0.0, 11);
        let mut number = 0_u8;
        for (kind, epoch, body) in garbage {
            // A fatal alert in the clear does end a handshake, as TLS has it.
            prop_assume!(kind != 21 || body.len() != 2);
            number = number.wrapping_add(1);
            let mut record = vec![kind, 0xfe, 0xfd, 0, epoch, 0, 9, 0, 0, 0, number, 0, body.len() as u8];
            record.extend(body);
            let _ = pair.sides[SERVER].handle_datagram(pair.now, &record);
        }
        while pair.sides[SERVER].poll_transmit().is_some() {}
        pair.collect();
        let hello = pair.wire[0].2.clone();
        let _ = pair.sides[SERVER].handle_datagram(pair.now, &hello[..cut.min(hello.len())]);
        prop_assert!(pair.sides[SERVER].poll_event().is_none());
    }
}
