//! The least that forwarding can cost: a header, a seal and a system call, and nothing around it.

use std::net::SocketAddr;

use quinn_udp::Transmit;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::stage::Burst;

const HEADER: usize = 12;
const TAG: usize = 16;

/// One receiver: where it is, its key, and how far its streams are.
struct Receiver {
    address: SocketAddr,
    key: LessSafeKey,
    salt: [u8; 12],
    video: u64,
    audio: u64,
}

/// All receivers, and room for one message.
pub(crate) struct Bare {
    receivers: Vec<Receiver>,
    message: Vec<u8>,
    payload: Vec<u8>,
    timestamp: u32,
}

impl Bare {
    pub(crate) fn new(receivers: u32, address: impl Fn(u32) -> SocketAddr) -> Self {
        let receiver = |index: u32| {
            let mut key = [0x17; 16];
            key[..4].copy_from_slice(&index.to_be_bytes());
            Receiver {
                address: address(index),
                key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap()),
                salt: [index as u8; 12],
                video: 1,
                audio: 1,
            }
        };
        Self {
            receivers: (1..=receivers).map(receiver).collect(),
            message: vec![0; 65_507],
            payload: vec![0x42; 1_400],
            timestamp: 0,
        }
    }

    /// Sends one burst to every receiver, one message each.
    pub(crate) fn fan_out(&mut self, burst: Burst, mut send: impl FnMut(&Transmit<'_>)) {
        let segment = HEADER + burst.payload + TAG;
        self.timestamp = self.timestamp.wrapping_add(3_000);
        let payload = &self.payload[..burst.payload];
        for receiver in &mut self.receivers {
            let (ssrc, sequence) = if burst.audio {
                (2_u32, &mut receiver.audio)
            } else {
                (1, &mut receiver.video)
            };
            for chunk in self.message.chunks_mut(segment).take(burst.packets) {
                let (header, body) = chunk.split_at_mut(HEADER);
                header[..2].copy_from_slice(&[0x80, 96]);
                header[2..4].copy_from_slice(&(*sequence as u16).to_be_bytes());
                header[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
                header[8..12].copy_from_slice(&ssrc.to_be_bytes());
                let mut nonce = receiver.salt;
                let index = sequence.to_be_bytes();
                for (byte, part) in nonce[2..6].iter_mut().zip(ssrc.to_be_bytes()) {
                    *byte ^= part;
                }
                for (byte, part) in nonce[6..].iter_mut().zip(&index[2..]) {
                    *byte ^= part;
                }
                let (text, tag) = body.split_at_mut(burst.payload);
                text.copy_from_slice(payload);
                let sealed = receiver
                    .key
                    .seal_in_place_separate_tag(
                        Nonce::assume_unique_for_key(nonce),
                        Aad::from(&*header),
                        text,
                    )
                    .unwrap();
                tag.copy_from_slice(sealed.as_ref());
                *sequence += 1;
            }
            send(&Transmit {
                destination: receiver.address,
                ecn: None,
                contents: &self.message[..segment * burst.packets],
                segment_size: (burst.packets > 1).then_some(segment),
                src_ip: None,
            });
        }
    }
}
