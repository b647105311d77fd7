//! What a stranger sends to the TURN server: the bytes of a connection, in pieces as TCP delivers them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sfu::testing::epoch;
use sfu::turn::attributes::{
    ATTR_CHANNEL_NUMBER, ATTR_DATA, ATTR_NONCE, ATTR_REALM, ATTR_REQUESTED_TRANSPORT,
    ATTR_USERNAME, ATTR_XOR_PEER_ADDRESS,
};
use sfu::turn::authority::SEED;
use sfu::turn::credentials::key_of;
use sfu::turn::message::{Algorithm, Answer, Message};
use sfu::turn::{Authority, Client, Credentials, Happening, REALM};

use super::Target;

/// A connection, after the first message that a client was refused.
pub(super) const TURN: Target = Target {
    name: "turn",
    seeds: conversations,
    run: conversation,
    short: 20_000,
};

/// The one address that is ours.
fn own() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 5], 7_910))
}

fn authority() -> Arc<Authority> {
    let authority = Authority::new(epoch(), 1_700_000_000, &[7; SEED]);
    authority.set_own(vec![own()]);
    Arc::new(authority)
}

fn user(authority: &Authority) -> Credentials {
    authority.issue(epoch(), "site", Duration::from_secs(600))
}

fn signed(request: Answer, user: &Credentials, nonce: &str) -> Vec<u8> {
    let key = key_of(&user.username, REALM, &user.password).unwrap_or_default();
    request
        .with(ATTR_USERNAME, user.username.as_bytes())
        .with(ATTR_REALM, REALM.as_bytes())
        .with(ATTR_NONCE, nonce.as_bytes())
        .signed(Algorithm::Sha1, &key)
}

/// What a client asks first, and is refused with a nonce: always the same, as time stands still.
fn allocation() -> Answer {
    Answer::new(0x0003, [7; 12]).with(ATTR_REQUESTED_TRANSPORT, &[17, 0, 0, 0])
}

fn nonce(authority: &Arc<Authority>) -> String {
    let mut client = Client::new(epoch(), Arc::clone(authority), own());
    let mut nonce = String::new();
    let _ = client.take(epoch(), &allocation().unsigned(), |happening| {
        if let Happening::Answer(answer) = happening {
            let message = Message::read(answer);
            let text = message.and_then(|message| message.text(ATTR_NONCE));
            text.unwrap_or_default().clone_into(&mut nonce);
        }
    });
    nonce
}

fn conversations() -> Vec<Vec<u8>> {
    let authority = authority();
    let (user, nonce) = (user(&authority), nonce(&authority));
    let ask = |request: Answer| signed(request, &user, &nonce);
    let permit = Answer::new(0x0008, [1; 12]).with_address(ATTR_XOR_PEER_ADDRESS, own());
    let bind = Answer::new(0x0009, [2; 12])
        .with(ATTR_CHANNEL_NUMBER, &[0x40, 0, 0, 0])
        .with_address(ATTR_XOR_PEER_ADDRESS, own());
    let send = Answer::new(0x0016, [3; 12])
        .with_address(ATTR_XOR_PEER_ADDRESS, own())
        .with(ATTR_DATA, b"a check");
    let data = [&[0x40, 0, 0, 5][..], b"media\0\0\0"].concat();
    let whole = [
        ask(allocation()),
        ask(permit),
        send.unsigned(),
        ask(bind),
        data,
        ask(Answer::new(0x0004, [4; 12])),
    ];
    let mut all: Vec<Vec<u8>> = (1..=whole.len())
        .map(|part| whole[..part].concat())
        .collect();
    all.push(allocation().unsigned());
    all
}

/// However it is cut, what comes of it is the same, and nothing but a datagram that was sent comes out.
fn conversation(input: &[u8]) {
    let outcome = |step: usize| {
        let mut client = Client::new(epoch(), authority(), own());
        let mut arrived = Vec::new();
        for part in input.chunks(step.max(1)) {
            let taken = client.take(epoch(), part, |happening| {
                if let Happening::Datagram { to, datagram, .. } = happening {
                    assert!(datagram.len() < input.len());
                    arrived.push((to, datagram.to_vec()));
                }
            });
            if taken.is_err() {
                break;
            }
        }
        assert!(client.peers() <= 32);
        arrived
    };
    assert_eq!(outcome(usize::MAX), outcome(7));
}
