//! What no browser sends: packets of an endpoint that does its worst, under its own keys.

use sfu::peer::srtp::Keys;

use super::{Effects, Endpoint, State};
use crate::rtp;
use crate::sdp::ids;

/// RTP header of a packet of sound with the transport-wide number as its one extension.
const HEADER: usize = rtp::FIXED + 8;

/// One packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Forgery {
    /// A NACK list of four items that all name the newest 17 packets of the picture.
    Nack,
    /// A request for a keyframe of the picture.
    Pli,
    /// A connectivity check that nobody asked for.
    Check,
    /// A packet of sound with these numbers, extended.
    Sound(u64),
}

impl Endpoint {
    /// Makes one packet, if it can already.
    pub fn forge(&mut self, what: Forgery, effects: &mut Effects) {
        if what == Forgery::Check {
            self.ice.send_check(&mut self.rng, effects);
            return;
        }
        let State::Connected(secured) = &mut self.state else {
            return;
        };
        if let Forgery::Sound(number) = what {
            let sound = self.tracks.first().and_then(|track| track.ssrcs.first());
            let Some(&(ssrc, _)) = sound else {
                return;
            };
            let mut packet = sound_packet(ssrc, number);
            let length = packet.len();
            packet.resize(length + secured.sealer.overhead(), 0);
            let sealed = secured
                .sealer
                .seal(&mut packet, HEADER, length, ssrc, number);
            if let Ok(length) = sealed {
                let packet = packet.get(..length).unwrap_or_default();
                effects.datagrams.push(packet);
            }
            return;
        }
        let Some((ssrc, newest)) = self.watch.newest_of_picture() else {
            return;
        };
        let compound = if what == Forgery::Pli {
            pli(ssrc)
        } else {
            nack_list(ssrc, newest)
        };
        if let Ok(sealed) = secured.rtcp.seal_rtcp(&compound) {
            effects.datagrams.push(&sealed);
        }
    }

    /// Its keys, once it has any.
    pub const fn keys(&self) -> Option<Keys> {
        match &self.state {
            State::Connected(secured) => Some(secured.keys),
            _ => None,
        }
    }

    /// Seals an RTCP compound. `None`: it is not connected, or this is no RTCP.
    pub fn seal_rtcp(&mut self, compound: &[u8]) -> Option<Vec<u8>> {
        let State::Connected(secured) = &mut self.state else {
            return None;
        };
        let sealed = secured.rtcp.seal_rtcp(compound).ok()?;
        Some(sealed.to_vec())
    }

    /// Junk that looks like a handshake (RFC 6347 §4.2.3): a record of fragments without content.
    pub fn empty_fragments(number: u16) -> Vec<u8> {
        const EACH: u16 = 160;
        let mut body = Vec::with_capacity(usize::from(EACH) * 12);
        for fragment in 0..EACH {
            let offset = u32::from(number) * u32::from(EACH) + u32::from(fragment);
            body.extend([1, 0, 0, 0, 0, 0]);
            body.extend(offset.to_be_bytes().get(1..).unwrap_or_default());
            body.extend([0, 0, 1]);
        }
        let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0];
        record.extend(number.to_be_bytes());
        record.extend((EACH * 12).to_be_bytes());
        record.extend(body);
        record
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low 16 bits are wanted"
)]
fn sound_packet(ssrc: u32, number: u64) -> Vec<u8> {
    let low = (number as u16).to_be_bytes();
    let mut packet = vec![0x90, ids::OPUS];
    packet.extend(low);
    packet.extend([0; 4]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xbe, 0xde, 0, 1, ids::TWCC << 4 | 1]);
    packet.extend(low);
    packet.push(0);
    packet.extend([0xf8; 20]);
    packet
}

fn pli(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x81, 206, 0, 2, 0, 0, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet
}

fn nack_list(ssrc: u32, newest: u16) -> Vec<u8> {
    let mut packet = vec![0x81, 205, 0, 6, 0, 0, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    for _ in 0..4 {
        packet.extend(newest.wrapping_sub(16).to_be_bytes());
        packet.extend([0xff, 0xff]);
    }
    packet
}
