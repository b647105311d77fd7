//! Places come back, whoever noticed first; nobody gets one that is not there.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::command::CloseReason;

const OFFER: &str = include_str!("../../tests/golden/chromium-watch-offer.sdp");
const FIRST: ConferenceId = ConferenceId(1);
const SECOND: ConferenceId = ConferenceId(2);

fn desk(shards: usize, max_peers: usize) -> Desk {
    Desk::new(DeskConfig {
        fingerprint: Fingerprint([1; 32]),
        candidates: vec![Vec::new(); shards],
        max_peers,
        seed: [7; 32],
    })
}

fn try_join(desk: &Desk, conference: ConferenceId) -> Result<PeerId, CommandError> {
    let arrival = desk.join(conference, OFFER, &PeerPolicy::default())?;
    let shard = arrival.shard();
    let joined = arrival.queue(|order| {
        let Order::AddPeer { peer, spec } = order else {
            return Err(CommandError::Stopped);
        };
        assert_eq!((peer.shard(), spec.conference), (shard, conference));
        Ok(())
    });
    joined.map(|joined| joined.peer)
}

fn join(desk: &Desk, conference: ConferenceId) -> PeerId {
    try_join(desk, conference).expect("there is room")
}

const fn closed(peer: PeerId) -> Event {
    Event::PeerClosed {
        peer,
        reason: CloseReason::ClosedByPeer,
    }
}

#[test]
fn peers_are_spread_evenly_and_fill_what_others_have_left() {
    let desk = desk(3, 100);
    let mut peers: Vec<_> = (0..30).map(|_| join(&desk, FIRST)).collect();
    let on = |peers: &[PeerId], shard| {
        let there = |peer: &&PeerId| peer.shard() == ShardId(shard);
        peers.iter().filter(there).count()
    };
    assert_eq!([0, 1, 2].map(|shard| on(&peers, shard)), [10, 10, 10]);
    for peer in peers.extract_if(.., |peer| peer.shard() == ShardId(1)) {
        desk.address(&Command::RemovePeer { peer });
    }
    peers.extend((0..10).map(|_| join(&desk, FIRST)));
    assert_eq!([0, 1, 2].map(|shard| on(&peers, shard)), [10, 10, 10]);
}

#[test]
fn a_place_is_free_when_its_peer_has_closed_or_was_removed_and_once_only() {
    let desk = desk(2, 2);
    let (first, second) = (join(&desk, FIRST), join(&desk, FIRST));
    assert!(matches!(try_join(&desk, FIRST), Err(CommandError::Full)));
    assert!(desk.knows(first));
    assert_eq!(desk.observe(&closed(first)), Some(FIRST));
    assert!(!desk.knows(first));
    let third = join(&desk, FIRST);
    let remove = Command::RemovePeer { peer: second };
    assert_eq!(desk.address(&remove), Addressee::One(second.shard()));
    let fourth = join(&desk, FIRST);
    // Heard again, and late: nobody else's place is given away.
    desk.address(&remove);
    assert_eq!(desk.observe(&closed(first)), None);
    assert_eq!(desk.observe(&closed(second)), None, "it was removed");
    assert_eq!(desk.peers(), 2);
    for peer in [third, fourth] {
        desk.observe(&closed(peer));
    }
    assert_eq!(desk.peers(), 0);
}

#[test]
fn a_conference_that_has_ended_keeps_no_place_and_takes_none_of_anothers() {
    let desk = desk(2, 4);
    for _ in 0..4 {
        for _ in 0..3 {
            join(&desk, FIRST);
        }
        let other = join(&desk, SECOND);
        assert!(matches!(try_join(&desk, SECOND), Err(CommandError::Full)));
        let end = Command::EndConference { conference: FIRST };
        assert_eq!(desk.address(&end), Addressee::All);
        assert_eq!(desk.peers(), 1);
        desk.observe(&closed(other));
    }
}

#[test]
fn an_answer_whose_peer_was_never_queued_leaves_its_place_free() {
    let desk = desk(1, 1);
    for _ in 0..3 {
        let arrival = desk.join(FIRST, OFFER, &PeerPolicy::default());
        assert_eq!(desk.peers(), 1, "it is taken while it is answered");
        drop(arrival.expect("there is room"));
        let arrival = desk.join(FIRST, OFFER, &PeerPolicy::default());
        let full = |_| Err(CommandError::Overloaded("full"));
        let queued = arrival.expect("there is room").queue(full);
        assert!(matches!(queued, Err(CommandError::Overloaded(_))));
        let bad = desk.join(FIRST, "v=0", &PeerPolicy::default());
        assert!(matches!(bad, Err(CommandError::BadOffer(_))));
        assert_eq!(desk.peers(), 0);
    }
}

#[test]
fn a_conference_that_ends_while_an_offer_is_answered_gets_no_peer() {
    let desk = desk(1, 10);
    let arrival = desk.join(FIRST, OFFER, &PeerPolicy::default());
    desk.address(&Command::EndConference { conference: FIRST });
    let queued = arrival.expect("there is room").queue(|order| {
        unreachable!("{order:?} would be carried out after the end");
    });
    assert!(matches!(queued, Err(CommandError::ConferenceEnded)));
    assert_eq!(desk.peers(), 0);
}

#[test]
fn whoever_may_takes_a_reserved_place_when_there_is_no_other() {
    let desk = desk(1, 1);
    let reserved = PeerPolicy {
        reserved: true,
        ..PeerPolicy::default()
    };
    join(&desk, FIRST);
    assert!(matches!(try_join(&desk, FIRST), Err(CommandError::Full)));
    let arrival = desk.join(FIRST, OFFER, &reserved).expect("a reserve");
    arrival.queue(|_| Ok(())).expect("room in the queue");
    assert_eq!(desk.peers(), 2);
}

#[test]
fn further_answers_are_for_those_who_are_there_only() {
    let desk = desk(2, 10);
    let peer = join(&desk, FIRST);
    let renewal = desk.restart_ice(peer, OFFER).expect("the same offer");
    assert_eq!(renewal.shard, peer.shard());
    assert!(renewal.answer.contains("o="), "{}", renewal.answer);
    let renew = |number: u8| {
        let theirs = IceCredentials {
            ufrag: format!("client{number}"),
            pwd: "client-password-client-password".to_owned(),
        };
        desk.renew_ice(peer, theirs)
    };
    let first = renew(1).expect("it is there").answer;
    let second = renew(2).expect("it is there").answer;
    assert_ne!(first, second);
    let other = OFFER.replace("m=video", "m=audio");
    assert!(desk.restart_ice(peer, &other).is_err());
    desk.observe(&closed(peer));
    let unknown = desk.restart_ice(peer, OFFER);
    assert!(matches!(unknown, Err(CommandError::UnknownPeer(_))));
    assert!(renew(3).is_err());
}

#[test]
fn whatever_happens_in_whatever_order_as_many_places_are_taken_as_there_are_peers() {
    let mut rng = StdRng::seed_from_u64(3);
    let desk = desk(3, 40);
    let mut known: BTreeMap<PeerId, ConferenceId> = BTreeMap::new();
    let mut gone = Vec::new();
    for _ in 0..3_000 {
        let conference = ConferenceId(rng.random_range(1..4));
        let one = known.keys().nth(rng.random_range(0..40)).copied();
        let one = one.or_else(|| gone.get(rng.random_range(0..40)).copied());
        match (rng.random_range(0..10), one) {
            (0..6, _) => match try_join(&desk, conference) {
                Ok(peer) => assert_eq!(known.insert(peer, conference), None),
                Err(error) => {
                    assert!(matches!(error, CommandError::Full), "{error}");
                    assert_eq!(known.len(), 40);
                }
            },
            (6, Some(peer)) => {
                desk.address(&Command::RemovePeer { peer });
                known.remove(&peer);
                gone.push(peer);
            }
            (7 | 8, Some(peer)) => {
                assert_eq!(desk.observe(&closed(peer)), known.remove(&peer));
                gone.push(peer);
            }
            _ => {
                desk.address(&Command::EndConference { conference });
                known.retain(|_, there| *there != conference);
            }
        }
        assert_eq!(desk.peers(), known.len());
    }
}

#[test]
fn who_joins_later_is_told_the_addresses_of_then() {
    let desk = desk(1, 10);
    let answer = |desk: &Desk| {
        let arrival = desk.join(FIRST, OFFER, &PeerPolicy::default()).unwrap();
        arrival.queue(|_| Ok(())).unwrap().answer
    };
    assert!(!answer(&desk).contains("10.1.1.5"));
    let address = ([10, 1, 1, 5], 7_910).into();
    let tcp = false;
    desk.set_candidates(vec![vec![HostCandidate { address, tcp }]]);
    assert!(answer(&desk).contains(" 10.1.1.5 7910 typ host"));
}
