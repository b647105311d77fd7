//! Datagrams of those who have no business here: counted, and nothing else.
#![expect(
    clippy::unwrap_used,
    reason = "what is out of place in a test is a mistake in the test"
)]

use std::any::Any;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sfu::command::{CloseReason, Command, Event, IceCredentials, PeerPolicy};
use sfu::drop_reason::DropReason;
use sfu::id::{Feed, PublicationId, ShardId};
use sfu::kind::MediaKind;
use sfu::peer::ice::client::{Check, Role};
use sfu::peer::srtp::Sealer;
use tests::world::{CONFERENCE, Client, ClientId, Light, Link, Wishes, World};

const SHARD: ShardId = ShardId(0);

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn anywhere(number: u32) -> SocketAddr {
    let [a, b, c, d] = (0x0b00_0000 + number / 60_000).to_be_bytes();
    SocketAddr::from(([a, b, c, d], 1_000 + (number % 60_000) as u16))
}

/// A hall that speaks and one site that watches, both connected.
fn conference(seed: u64) -> (World, ClientId, ClientId) {
    let mut world = World::new(1, seed);
    let speaker = PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        ..PeerPolicy::default()
    };
    let hall = world.join(Light::new(Wishes::publish(10)), speaker, Link::CLEAN);
    let audience = PeerPolicy {
        video_slots: vec![Some(Feed::Stage(0))],
        ..PeerPolicy::default()
    };
    let site = world.join(Light::new(Wishes::watch()), audience, Link::CLEAN);
    let [sound, picture] = [0, 1].map(|mline| PublicationId {
        peer: world.peer(hall),
        mline,
    });
    world.command(&Command::Show {
        conference: CONFERENCE,
        stage: 0,
        publication: Some(picture),
    });
    world.command(&Command::SetSpeakers {
        conference: CONFERENCE,
        publications: vec![sound],
        main: None,
        floor: None,
    });
    world.run_for(secs(3));
    assert!(world.is_connected(hall) && world.is_connected(site));
    (world, hall, site)
}

/// Everything that must not change, whatever is sent.
fn state(world: &World) -> (u64, u64, u64, (usize, usize), usize) {
    let stats = world.stats();
    (
        stats.peers,
        stats.connected_peers,
        stats.publications,
        world.known(),
        world.events().len(),
    )
}

/// The conference goes on as if nothing had been.
fn assert_undisturbed(world: &mut World, site: ClientId) {
    let before = world
        .client::<Light>(site)
        .slot(MediaKind::Video, 0)
        .arrived
        .len();
    world.run_for(secs(4));
    let site = world.client::<Light>(site);
    for kind in [MediaKind::Audio, MediaKind::Video] {
        assert_eq!(
            (site.slot(kind, 0).gaps(), site.repeated(kind, 0)),
            (0, 0),
            "{kind:?}"
        );
    }
    assert!(site.slot(MediaKind::Video, 0).arrived.len() > before + 150);
}

fn check(server: &IceCredentials, number: u8) -> Vec<u8> {
    let check = Check {
        server,
        ufrag: "x",
        role: Role::Controlling,
        tie_breaker: 1,
        priority: 1,
        use_candidate: true,
        transaction: [number; 12],
    };
    let mut datagram = Vec::new();
    check.encode(&mut datagram).unwrap();
    datagram
}

#[test]
fn checks_without_the_password_are_not_answered_and_move_nobody() {
    let (mut world, _, site) = conference(60);
    let before = state(&world);
    let sent = world.stats().messages_out;
    let mut guessed = world.credentials(site).clone();
    guessed.pwd = "guessed-guessed-guessed-guessed!".to_owned();
    let stranger = IceCredentials {
        ufrag: "00AAAAAAAAAA".to_owned(),
        pwd: guessed.pwd.clone(),
    };
    for number in 0..5_000 {
        world.inject(SHARD, anywhere(number), &check(&guessed, number as u8));
        world.inject(SHARD, anywhere(number), &check(&stranger, number as u8));
    }
    let stats = world.stats();
    assert_eq!(stats.drops.of(DropReason::StunNotAuthenticated), 5_000);
    assert_eq!(stats.drops.of(DropReason::UnknownUfrag), 5_000);
    assert_eq!(stats.messages_out, sent, "no reply");
    assert_eq!(state(&world), before);
    assert_undisturbed(&mut world, site);
}

#[test]
fn nobody_is_answered_over_udp_whoever_does_not_know_a_password() {
    let (mut world, _, site) = conference(66);
    let before = state(&world);
    let sent = world.stats().messages_out;
    // Binding, and Allocate for UDP of TURN (RFC 8656 §7): what reflectors are looked for with.
    let binding = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let asked = [0, 0x19, 0, 4, 17, 0, 0, 0];
    let allocate = [&[0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12], &asked].concat();
    for number in 0..10_000 {
        world.inject(SHARD, anywhere(number), &binding);
        world.inject(SHARD, anywhere(number), &allocate);
    }
    assert_eq!(world.stats().drops.of(DropReason::BadStun), 20_000);
    assert_eq!(world.stats().messages_out, sent, "no reply");
    assert_eq!(state(&world), before);
    assert_undisturbed(&mut world, site);
}

#[test]
fn everything_from_unknown_addresses_is_dropped_without_state() {
    let (mut world, hall, site) = conference(61);
    world.tap(hall);
    world.run_for(secs(1));
    let genuine = world.tapped(hall);
    let before = state(&world);
    let sent = world.stats().messages_out;
    let mut count = 0;
    for number in 0..200 {
        // Genuine packets from elsewhere, DTLS and garbage. Checks would be genuine anywhere.
        for datagram in genuine.iter().filter(|datagram| datagram[0] >= 20) {
            world.inject(SHARD, anywhere(number), datagram);
            count += 1;
        }
        let hello = [22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 4, 1, 0, 0, 0];
        world.inject(SHARD, anywhere(number), &hello);
        count += 1;
        world.inject(SHARD, anywhere(number), &[0xff, 1, 2, 3]);
    }
    let stats = world.stats();
    assert_eq!(stats.drops.of(DropReason::UnknownPath), count);
    assert_eq!(stats.drops.of(DropReason::NotOurs), 200);
    assert_eq!((state(&world), stats.messages_out), (before, sent));
    assert_undisturbed(&mut world, site);
}

#[test]
fn replayed_packets_reach_nobody_twice() {
    let (mut world, hall, site) = conference(62);
    world.tap(hall);
    world.run_for(secs(2));
    let genuine = world.tapped(hall);
    let before = state(&world);
    let media = world.stats().media_in;
    let from = world.address(hall);
    for datagram in genuine.iter().filter(|datagram| datagram[0] >= 128) {
        world.inject(SHARD, from, datagram);
    }
    let stats = world.stats();
    assert_eq!(stats.media_in, media);
    let replayed = genuine.iter().filter(|datagram| datagram[0] >= 128).count() as u64;
    let refused =
        stats.drops.of(DropReason::Replayed) + stats.drops.of(DropReason::NotAuthenticated);
    // What was still on its way is not a replay but early; its second copy is refused instead.
    assert!(refused + 8 >= replayed, "{refused} of {replayed}");
    assert_eq!(state(&world), before);
    assert_undisturbed(&mut world, site);
}

#[test]
fn truncated_and_oversized_datagrams_are_harmless() {
    let (mut world, hall, site) = conference(63);
    world.tap(hall);
    world.run_for(Duration::from_millis(2_600));
    let genuine = world.tapped(hall);
    let before = state(&world);
    let from = world.address(hall);
    for kind in [0..20_u8, 20..64, 128..192] {
        let samples = genuine
            .iter()
            .filter(|datagram| kind.contains(&datagram[0]))
            .take(20);
        for datagram in samples {
            for length in 0..datagram.len() {
                world.inject(SHARD, from, &datagram[..length]);
            }
        }
    }
    for length in [2_049, 9_000, 65_507] {
        let mut datagram = genuine[0].clone();
        datagram.resize(length, 0);
        world.inject(SHARD, from, &datagram);
    }
    assert_eq!(world.stats().drops.of(DropReason::Oversized), 3);
    assert_eq!(state(&world), before);
    assert_undisturbed(&mut world, site);
}

#[test]
fn forged_media_from_the_right_address_changes_nothing() {
    let (mut world, hall, site) = conference(64);
    let before = state(&world);
    let from = world.address(hall);
    let mut forged = vec![
        0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 0x40, b'1', 0, 0,
    ];
    forged.resize(200, 7);
    for ssrc in 0..20_000_u32 {
        forged[8..12].copy_from_slice(&ssrc.to_be_bytes());
        world.inject(SHARD, from, &forged);
    }
    let mut feedback = vec![0x81, 206, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 1];
    feedback.resize(40, 7);
    for ssrc in 0..20_000_u32 {
        feedback[4..8].copy_from_slice(&ssrc.to_be_bytes());
        world.inject(SHARD, from, &feedback);
    }
    let drops = world.stats().drops;
    let refused = drops.of(DropReason::UnknownSsrc) + drops.of(DropReason::NotAuthenticated);
    assert!(refused >= 39_000, "{refused}");
    assert_eq!(state(&world), before);
    assert_undisturbed(&mut world, site);
}

#[test]
fn a_peer_with_keys_cannot_bring_streams_that_nobody_negotiated() {
    let (mut world, hall, site) = conference(65);
    let before = state(&world);
    let from = world.address(hall);
    let keys = world.client::<Light>(hall).keys();
    let sealer = Sealer::new(&keys).unwrap();
    let mut accepted = world.stats().media_in;
    for (ssrc, mid) in (100_000..101_000).flat_map(|ssrc| [(ssrc, b'1'), (ssrc, b'9')]) {
        let mut packet = vec![
            0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 0x40, mid, 0, 0,
        ];
        packet[8..12].copy_from_slice(&u32::to_be_bytes(ssrc));
        let header = packet.len();
        packet.extend([0x90, 0x80, 0x80, 1, 0, 1, 2, 3]);
        let length = packet.len();
        packet.resize(length + sealer.overhead(), 0);
        sealer.seal(&mut packet, header, length, ssrc, 1).unwrap();
        world.inject(SHARD, from, &packet);
    }
    accepted = world.stats().media_in - accepted;
    assert_eq!(
        accepted, 32,
        "its own stream may go on under another SSRC so often, and that is the end of it"
    );
    let refused = world.stats().drops.of(DropReason::UnknownSsrc);
    // What it says twice under one SSRC is a replay.
    assert_eq!(refused, 2_000 - 2 * accepted);
    assert_eq!(state(&world), before);
    world.run_for(secs(4));
    let site = world.client::<Light>(site);
    let sound = site.slot(MediaKind::Audio, 0).gaps();
    let repeated = site.repeated(MediaKind::Audio, 0);
    assert_eq!((sound, repeated), (0, 0), "what it left alone");
}

/// A NACK list (RFC 4585 §6.2.1) that names the last 17 packets of a slot four times.
fn nack_list(ssrc: u32, last: u16) -> Vec<u8> {
    let mut nack = vec![0x81, 205, 0, 6, 0, 0, 0, 1];
    nack.extend(ssrc.to_be_bytes());
    for _ in 0..4 {
        nack.extend(last.wrapping_sub(16).to_be_bytes());
        nack.extend([0xff, 0xff]);
    }
    nack
}

/// A sealed NACK list of a site, for the newest of its picture.
fn nack(world: &mut World, site: ClientId) -> Vec<u8> {
    let site = world.client::<Light>(site);
    let slot = site.slot(MediaKind::Video, 0);
    let last = slot.arrived.last().unwrap().sequence as u16;
    let list = nack_list(slot.ssrc, last);
    site.seal_rtcp(&list)
}

#[test]
fn who_asks_for_the_same_again_and_again_gets_its_share_of_repairs_and_no_more() {
    let (mut world, _, site) = conference(70);
    let (from, before) = (world.address(site), world.stats());
    for _ in 0..600 {
        let list = nack(&mut world, site);
        world.inject(SHARD, from, &list);
        world.run_for(Duration::from_millis(10));
    }
    let stats = world.stats();
    let media = stats.media_out - before.media_out;
    let repairs = stats.rtx_out - before.rtx_out;
    assert!(media > 400, "{media}");
    assert!(
        repairs * 100 <= media * 40,
        "{repairs} repairs beside {media} packets"
    );
    assert!(
        repairs * 10 > media,
        "the share itself is sent: {repairs} of {media}"
    );
    let drops = stats.drops;
    // Its line is taken for flooded before long, and what it is not shown any more is not repaired.
    let [again, budget, other] = [
        DropReason::AskedAgain,
        DropReason::RepairBudget,
        DropReason::NotRepairable,
    ]
    .map(|reason| drops.of(reason));
    assert!(
        again + budget > 10_000 && again + budget + other > 20_000,
        "a counter is all the rest costs: {again}, {budget}, {other}"
    );
}

#[test]
fn what_one_receiver_asks_for_crowds_out_nobodys_answers() {
    let (mut world, hall, site) = conference(71);
    world.run_for(secs(1));
    let (hostile, other) = (world.address(site), world.address(hall));
    let mut waiting = Vec::new();
    for _ in 0..200 {
        waiting.push((hostile, nack(&mut world, site)));
    }
    let answered = world.stats().messages_out;
    for number in 0..5 {
        waiting.push((other, check(world.credentials(hall), number)));
    }
    world.inject_all(SHARD, &waiting);
    let stats = world.stats();
    assert_eq!(stats.drops.of(DropReason::SendQueueFull), 0);
    assert!(
        stats.messages_out - answered >= 2,
        "answers and repairs left"
    );
    let slot = |world: &mut World| world.client::<Light>(site).slot(MediaKind::Video, 0).gaps();
    world.run_for(secs(4));
    assert_eq!(slot(&mut world), 0);
}

#[test]
fn a_receiver_cannot_make_keyframes_for_everybody_all_the_time() {
    let (mut world, hall, site) = conference(72);
    let (from, before) = (world.address(site), world.client::<Light>(hall).plis());
    for _ in 0..2_000 {
        let site = world.client::<Light>(site);
        let mut pli = vec![0x81, 206, 0, 2, 0, 0, 0, 1];
        pli.extend(site.slot(MediaKind::Video, 0).ssrc.to_be_bytes());
        let pli = site.seal_rtcp(&pli);
        world.inject(SHARD, from, &pli);
        world.run_for(Duration::from_millis(10));
    }
    let plis = world.client::<Light>(hall).plis() - before;
    assert!((8..=16).contains(&plis), "{plis} in 20 s");
    assert!(world.stats().drops.of(DropReason::KeyframeBudget) > 1_900);
}

#[test]
fn media_moves_only_to_an_address_that_answers() {
    let (mut world, _, site) = conference(73);
    let silent = anywhere(1);
    let nominated = check(world.credentials(site), 7);
    world.inject(SHARD, silent, &nominated);
    assert_undisturbed(&mut world, site);
    let sent = world.swallowed_by(silent);
    assert!(sent > 0, "its check was answered");
    assert!(
        sent <= 3 * nominated.len(),
        "{sent} bytes for {}",
        nominated.len()
    );
    for number in 0..200 {
        world.inject(SHARD, silent, &check(world.credentials(site), number));
    }
    let (sent, came) = (world.swallowed_by(silent), 201 * nominated.len());
    assert!(sent <= 3 * came, "{sent} bytes for {came}");
    assert_undisturbed(&mut world, site);
}

#[test]
fn a_path_stays_with_its_owner() {
    let (mut world, hall, site) = conference(74);
    let other = world.join(
        Light::new(Wishes::watch()),
        PeerPolicy::default(),
        Link::CLEAN,
    );
    world.run_for(secs(1));
    for number in 0..20 {
        let of_other = check(world.credentials(other), number);
        for owner in [hall, site] {
            world.inject(SHARD, world.address(owner), &of_other);
        }
        world.run_for(Duration::from_millis(50));
    }
    assert_eq!(world.stats().drops.of(DropReason::PathTaken), 40);
    assert_eq!(world.stats().drops.of(DropReason::UnknownPath), 0);
    assert_undisturbed(&mut world, site);
}

#[test]
fn where_a_silent_peer_was_another_may_be() {
    let (mut world, hall, site) = conference(75);
    let from = world.address(site);
    world.client::<Light>(site).vanish();
    world.run_for(secs(9));
    let other = world.join(
        Light::new(Wishes::watch()),
        PeerPolicy::default(),
        Link::CLEAN,
    );
    let sent = world.stats().messages_out;
    world.inject(SHARD, from, &check(world.credentials(other), 1));
    assert_eq!(world.stats().drops.of(DropReason::PathTaken), 0);
    assert!(world.stats().messages_out > sent, "its check is answered");
    assert!(world.is_connected(hall));
}

#[test]
fn what_looks_like_a_handshake_takes_no_place_from_those_who_join() {
    let (mut world, _, site) = conference(77);
    let from = world.address(site);
    let junk = [22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 7, 7];
    let waiting = vec![(from, junk.to_vec()); 20_000];
    world.inject_all(SHARD, &waiting);
    let budget = |world: &World| world.stats().drops.of(DropReason::HandshakeBudget);
    assert!(budget(&world) > 19_900, "{}", budget(&world));
    let other = Light::new(Wishes::watch());
    let other = world.join(other, PeerPolicy::default(), Link::CLEAN);
    world.run_for(secs(1));
    assert!(world.is_connected(other));
    assert_eq!(world.stats().drops.of(DropReason::HandshakeQueueFull), 0);
    assert_undisturbed(&mut world, site);
}

#[test]
fn a_publisher_that_leaves_numbers_out_with_every_packet_costs_a_counter() {
    let (mut world, hall, _) = conference(76);
    world.tap(hall);
    world.run_for(secs(1));
    let genuine = world.tapped(hall);
    let of_picture = |packet: &&Vec<u8>| packet[0] >= 0x80 && packet[1] & 0x7f == 96;
    let last = genuine.iter().rfind(of_picture).unwrap();
    let ssrc = u32::from_be_bytes(last[8..12].try_into().unwrap());
    let mut index = u64::from(u16::from_be_bytes([last[2], last[3]])) + (1 << 16);
    let keys = world.client::<Light>(hall).keys();
    let now = world.now;
    world.client::<Light>(hall).pause(now);
    world.run_for(Duration::from_millis(200));
    let (sealer, from, media) = (
        Sealer::new(&keys).unwrap(),
        world.address(hall),
        world.stats().media_in,
    );
    // The sender's roll-over counter starts at 0.
    index -= 1 << 16;
    for _ in 0..1_000 {
        index += 32_000;
        let mut packet = vec![0x80, 96];
        packet.extend((index as u16).to_be_bytes());
        packet.extend([0, 0, 0, 0]);
        packet.extend(ssrc.to_be_bytes());
        packet.extend([0x90, 0x80, 0x80, 1, 0, 1, 2, 3]);
        let length = packet.len();
        packet.resize(length + sealer.overhead(), 0);
        sealer.seal(&mut packet, 12, length, ssrc, index).unwrap();
        world.inject(SHARD, from, &packet);
        world.run_for(Duration::from_millis(1));
    }
    let stats = world.stats();
    // Of numbers that wrap, some seem to be from the past.
    let refused = stats.drops.of(DropReason::GapBudget) + stats.drops.of(DropReason::TooOld);
    assert_eq!(refused, 996);
    assert!(stats.drops.of(DropReason::GapBudget) > 900);
    assert_eq!(stats.media_in - media, 4, "an encoder may begin anew");
}

/// A client whose offer promises another certificate than it has.
struct Impostor(Light);

impl Client for Impostor {
    fn offer(&mut self, now: Instant, address: SocketAddr) -> String {
        let offer = self.0.offer(now, address);
        let at = offer.find("sha-256 ").unwrap() + 8;
        let other = if offer[at..].starts_with("00") {
            "01"
        } else {
            "00"
        };
        offer.replace(
            &offer[at..at + 95],
            &format!("{other}{}", &offer[at + 2..at + 95]),
        )
    }
    fn answer(&mut self, now: Instant, answer: &str) {
        self.0.answer(now, answer);
    }
    fn restart_ice(&mut self, now: Instant) -> String {
        self.0.restart_ice(now)
    }
    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, it: &[u8]) {
        self.0.handle_datagram(now, from, to, it);
    }
    fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }
    fn poll_timeout(&mut self) -> Option<Instant> {
        self.0.poll_timeout()
    }
    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.0.poll_transmit(now)
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

#[test]
fn a_client_with_another_certificate_than_promised_gets_nothing() {
    let (mut world, _, site) = conference(66);
    let before = world.known();
    let policy = PeerPolicy {
        video_slots: vec![Some(Feed::Stage(0))],
        ..PeerPolicy::default()
    };
    let impostor = world.join(Impostor(Light::new(Wishes::watch())), policy, Link::CLEAN);
    let peer = world.peer(impostor);
    world.run_for(secs(3));
    let closed = Event::PeerClosed {
        peer,
        reason: CloseReason::WrongFingerprint,
    };
    assert_eq!(world.count(closed), 1);
    assert_eq!(world.count(Event::PeerConnected { peer }), 0);
    assert_eq!(world.known(), before);
    let slots = &world.client::<Impostor>(impostor).0.slots;
    assert!(slots.iter().all(|slot| slot.arrived.is_empty()));
    assert_undisturbed(&mut world, site);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn no_sequence_of_datagrams_disturbs_a_conference(
        datagrams in prop::collection::vec(
            (
                prop::sample::select(vec![0_u8, 1, 20, 21, 22, 23, 64, 0x80, 0x81, 0x90, 0xb0, 0xff]),
                prop::collection::vec(any::<u8>(), 0..80),
                any::<bool>(),
            ),
            100..400,
        ),
    ) {
        let (mut world, hall, site) = conference(67);
        let before = state(&world);
        let genuine = world.address(hall);
        for (number, (first, rest, spoofed)) in datagrams.into_iter().enumerate() {
            let from = if spoofed { genuine } else { anywhere(number as u32) };
            let datagram = [&[first][..], &rest].concat();
            world.inject(SHARD, from, &datagram);
        }
        prop_assert_eq!(state(&world), before);
        assert_undisturbed(&mut world, site);
    }
}
