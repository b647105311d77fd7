//! What we seal is what rtc-srtp opens, over roll-overs and in both profiles; what is not
//! authentic leaves no trace.

use std::collections::HashSet;

use proptest::prelude::*;

use super::sealer::{cm_iv, gcm_nonce};
use super::*;
use crate::drop_reason::DropReason;

const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80];

/// The keys of both sides of one connection.
fn sides(profile: Profile) -> (Keys, Keys) {
    let material: Vec<u8> = (0..profile.material_length())
        .map(|at| (at * 7 % 251) as u8)
        .collect();
    let of = |role| Keys::from_exporter(profile, &material, role).unwrap();
    (of(Role::Server), of(Role::Client))
}

/// A plain packet with a header extension of four bytes, and the length of its header.
fn packet(ssrc: u32, index: u64, payload: &[u8]) -> (Vec<u8>, usize) {
    let mut made = vec![0x90, 111];
    made.extend((index as u16).to_be_bytes());
    made.extend((index as u32).wrapping_mul(960).to_be_bytes());
    made.extend(ssrc.to_be_bytes());
    made.extend([0xbe, 0xde, 0, 1, 0x41, 1, 2, 0]);
    let header = made.len();
    made.extend(payload);
    (made, header)
}

fn sealed(sealer: &Sealer, ssrc: u32, index: u64, payload: &[u8]) -> Vec<u8> {
    let (mut buf, header) = packet(ssrc, index, payload);
    let length = buf.len();
    buf.resize(length + sealer.overhead(), 0);
    assert_eq!(
        sealer.seal(&mut buf, header, length, ssrc, index),
        Ok(buf.len())
    );
    buf
}

fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut made = vec![0x81, 206, 0, 2];
    made.extend(ssrc.to_be_bytes());
    made.extend([9, 9, 9, 9]);
    made
}

#[test]
fn what_we_seal_rtc_srtp_opens_over_three_roll_overs() {
    for profile in PROFILES {
        let (server, client) = sides(profile);
        let sealer = Sealer::new(&server).unwrap();
        let mut opener = Opener::new(&client).unwrap();
        // Every packet near a roll-over, a few in between: a receiver follows gaps below 2^15.
        let end = 3 * 65_536_u64 + 100;
        let indices = (100..end).filter(|index| index % 4_001 == 0 || (index + 50) % 65_536 < 100);
        for index in indices {
            let payload = index.to_be_bytes();
            let buf = sealed(&sealer, 77, index, &payload);
            let (plain, _) = packet(77, index, &payload);
            assert_eq!(opener.open_rtp(&buf).unwrap(), plain, "{profile:?} {index}");
        }
    }
}

/// A sender that begins shortly before a roll-over, and whose packets from before it are lost.
#[test]
fn a_stream_whose_beginning_is_lost_in_a_roll_over_is_opened() {
    for profile in PROFILES {
        let (server, client) = sides(profile);
        let sealer = Sealer::new(&server).unwrap();
        let mut opener = Opener::new(&client).unwrap();
        // Whoever forges packets of the SSRC before changes nothing.
        for sequence in [2, 65_533] {
            let mut forged = sealed(&sealer, 7, sequence, b"xx");
            *forged.last_mut().unwrap() ^= 1;
            assert_eq!(opener.open_rtp(&forged), Err(DropReason::NotAuthenticated));
        }
        for index in 65_536 + 4..65_536 + 94 {
            let packet = sealed(&sealer, 7, index, b"lost before");
            let (plain, _) = packet_of(index);
            assert_eq!(opener.open_rtp(&packet).unwrap(), plain, "{index}");
        }
        // One that was late is from before the roll-over.
        let late = sealed(&sealer, 7, 65_534, b"late");
        assert!(opener.open_rtp(&late).is_ok());
        // And a stream that begins behind 0 is what it was.
        let packet = sealed(&sealer, 8, 4, b"first");
        assert!(opener.open_rtp(&packet).is_ok());
        assert_eq!(opener.open_rtp(&packet), Err(DropReason::Replayed));
    }
}

fn packet_of(index: u64) -> (Vec<u8>, usize) {
    packet(7, index, b"lost before")
}

#[test]
fn several_streams_share_one_sealer() {
    for profile in PROFILES {
        let (server, client) = sides(profile);
        let sealer = Sealer::new(&server).unwrap();
        let mut opener = Opener::new(&client).unwrap();
        for index in 1..50 {
            for ssrc in [1, 2, 0xffff_ffff] {
                let buf = sealed(&sealer, ssrc, index, b"x");
                assert_eq!(opener.open_rtp(&buf).unwrap(), packet(ssrc, index, b"x").0);
            }
        }
    }
}

#[test]
fn a_buffer_without_room_stays_as_it_is() {
    for profile in PROFILES {
        let sealer = Sealer::new(&sides(profile).0).unwrap();
        let (mut buf, header) = packet(1, 1, b"payload");
        let (before, length) = (buf.clone(), buf.len());
        assert_eq!(
            sealer.seal(&mut buf, header, length, 1, 1),
            Err(SealError::NoRoom)
        );
        assert_eq!(
            sealer.seal(&mut buf, header, usize::MAX, 1, 1),
            Err(SealError::NoRoom)
        );
        assert_eq!(sealer.seal(&mut buf, 9, 8, 1, 1), Err(SealError::BadHeader));
        assert_eq!(buf, before);
    }
}

#[test]
fn reordering_within_the_window_is_accepted_and_repetition_is_not() {
    for profile in PROFILES {
        let (server, client) = sides(profile);
        let sealer = Sealer::new(&server).unwrap();
        let mut opener = Opener::new(&client).unwrap();
        let first = sealed(&sealer, 5, 1_000, b"a");
        assert!(opener.open_rtp(&first).is_ok());
        assert!(opener.open_rtp(&sealed(&sealer, 5, 2_000, b"b")).is_ok());
        assert_eq!(opener.open_rtp(&first), Err(DropReason::Replayed));
        assert!(
            opener.open_rtp(&sealed(&sealer, 5, 1_001, b"c")).is_ok(),
            "999 behind"
        );
        assert!(
            opener.open_rtp(&sealed(&sealer, 5, 900, b"d")).is_err(),
            "1,100 behind"
        );
    }
}

#[test]
fn rtcp_goes_both_ways_and_is_not_replayed() {
    for profile in PROFILES {
        let (server, client) = sides(profile);
        let (mut server, mut client) =
            (Opener::new(&server).unwrap(), Opener::new(&client).unwrap());
        for ssrc in [1, 2] {
            let plain = rtcp(ssrc);
            let down = server.seal_rtcp(&plain).unwrap();
            assert_ne!(down, plain);
            assert_eq!(client.open_rtcp(&down).unwrap(), plain);
            assert_eq!(client.open_rtcp(&down), Err(DropReason::Replayed));
            let up = client.seal_rtcp(&plain).unwrap();
            assert_eq!(server.open_rtcp(&up).unwrap(), plain);
            assert!(client.open_rtcp(&up).is_err(), "our own, sent back to us");
        }
        assert_eq!(server.seal_rtcp(b"short"), Err(DropReason::SealFailed));
    }
}

#[test]
fn rtcp_without_the_encryption_flag_is_refused() {
    for (profile, tag) in [(Profile::AeadAes128Gcm, 16), (Profile::Aes128CmSha1_80, 10)] {
        let mut opener = Opener::new(&sides(profile).0).unwrap();
        let mut forged = rtcp(1);
        forged.extend(vec![0; 4 + tag]);
        assert_eq!(
            opener.open_rtcp(&forged),
            Err(DropReason::NotAuthenticated),
            "{profile:?}"
        );
        assert_eq!(opener.known_ssrcs(), 0);
    }
}

#[test]
fn a_hundred_thousand_forged_packets_leave_no_state() {
    let (server, client) = sides(Profile::AeadAes128Gcm);
    let sealer = Sealer::new(&client).unwrap();
    let mut opener = Opener::new(&server).unwrap();
    let mut forged = sealed(&sealer, 1, 1, &[0; 40]);
    *forged.last_mut().unwrap() ^= 1;
    let mut forged_rtcp = rtcp(1);
    forged_rtcp.extend([0; 20]);
    for ssrc in 0..100_000_u32 {
        forged[8..12].copy_from_slice(&ssrc.to_be_bytes());
        assert_eq!(opener.open_rtp(&forged), Err(DropReason::NotAuthenticated));
        forged_rtcp[4..8].copy_from_slice(&ssrc.to_be_bytes());
        assert!(opener.open_rtcp(&forged_rtcp).is_err());
    }
    assert_eq!(opener.known_ssrcs(), 0);
    assert!(opener.stranger_load() <= 256);
    assert!(opener.open_rtp(&sealed(&sealer, 1, 1, b"x")).is_ok());
    assert_eq!((opener.known_ssrcs(), opener.stranger_load()), (1, 0));
}

#[test]
fn an_authentic_peer_cannot_use_ssrcs_without_end() {
    let (server, client) = sides(Profile::AeadAes128Gcm);
    let sealer = Sealer::new(&client).unwrap();
    let mut opener = Opener::new(&server).unwrap();
    let accepted =
        (0..1_000).filter(|ssrc| opener.open_rtp(&sealed(&sealer, *ssrc, 1, b"x")).is_ok());
    assert_eq!(accepted.count(), 64);
    assert_eq!(
        opener.open_rtp(&sealed(&sealer, 999, 2, b"x")),
        Err(DropReason::UnknownSsrc)
    );
    assert!(
        opener.open_rtp(&sealed(&sealer, 0, 2, b"x")).is_ok(),
        "the known ones go on"
    );
}

proptest! {
    #[test]
    fn no_two_packets_share_a_nonce(
        one in (any::<u32>(), 0_u64..1 << 48),
        other in (any::<u32>(), 0_u64..1 << 48),
        salt in any::<[u8; 12]>(),
        long_salt in any::<[u8; 14]>(),
    ) {
        prop_assume!(one != other);
        prop_assert_ne!(gcm_nonce(salt, one.0, one.1), gcm_nonce(salt, other.0, other.1));
        let [one, other] = [one, other].map(|(ssrc, index)| cm_iv(long_salt, ssrc, index));
        prop_assert_ne!(one, other);
        prop_assert_eq!(&one[14..], &[0, 0], "the block counter starts at 0");
    }

    #[test]
    fn neighbouring_indices_have_distinct_nonces(start in 0_u64..(1 << 48) - 600, ssrc in any::<u32>()) {
        let nonces: HashSet<_> = (start..start + 600).map(|it| gcm_nonce([7; 12], ssrc, it)).collect();
        prop_assert_eq!(nonces.len(), 600);
    }

    #[test]
    fn a_damaged_packet_is_refused_and_never_panics(
        payload in prop::collection::vec(any::<u8>(), 0..80),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 0..4),
        cut in any::<prop::sample::Index>(),
        cm in any::<bool>(),
    ) {
        let (server, client) = sides(PROFILES[usize::from(cm)]);
        let sealer = Sealer::new(&server).unwrap();
        let mut opener = Opener::new(&client).unwrap();
        let original = sealed(&sealer, 9, 9, &payload);
        let mut damaged = original.clone();
        for (at, bits) in damage {
            damaged[at.index(original.len())] ^= bits;
        }
        damaged.truncate(cut.index(original.len() + 1));
        prop_assume!(damaged != original);
        prop_assert!(opener.open_rtp(&damaged).is_err());
        let _ = opener.open_rtcp(&damaged);
        prop_assert!(opener.open_rtp(&original).is_ok(), "the true one is still accepted");
    }

    #[test]
    fn garbage_never_panics(
        mut bytes in prop::collection::vec(any::<u8>(), 0..120),
        cm in any::<bool>(),
    ) {
        let (server, _) = sides(PROFILES[usize::from(cm)]);
        let mut opener = Opener::new(&server).unwrap();
        for first in [0x80, 0x81, 0x90, 0x9f, 0xb0] {
            if let Some(byte) = bytes.first_mut() {
                *byte = first;
            }
            prop_assert!(opener.open_rtp(&bytes).is_err());
            prop_assert!(opener.open_rtcp(&bytes).is_err());
            let _ = opener.seal_rtcp(&bytes);
        }
    }
}
