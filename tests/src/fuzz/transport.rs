//! What stands between a socket and media: connectivity checks, handshakes, encrypted packets.

use std::net::SocketAddr;
use std::sync::LazyLock;

use sfu::command::{Fingerprint, IceCredentials};
use sfu::path::Path;
use sfu::peer::dtls::{Identity, Session};
use sfu::peer::ice::client::{Check, Role, check_answer};
use sfu::peer::ice::{Lite, peek_ufrag};
use sfu::peer::srtp::{Keys, Opener, Profile};
use sfu::testing::epoch;

use super::Target;

/// Connectivity checks and their answers.
pub(super) const STUN: Target = Target {
    name: "stun",
    seeds: checks,
    run: stun,
    short: 20_000,
};

/// Handshakes: datagrams, each behind its length in two bytes.
pub(super) const DTLS: Target = Target {
    name: "dtls",
    seeds: handshakes,
    run: dtls,
    short: 300,
};

/// Encrypted RTP and RTCP.
pub(super) const SRTP: Target = Target {
    name: "srtp",
    seeds: encrypted,
    run: srtp,
    short: 10_000,
};

fn credentials() -> IceCredentials {
    IceCredentials {
        ufrag: "00abcdef".to_owned(),
        pwd: "a-password-of-some-length".to_owned(),
    }
}

fn them() -> IceCredentials {
    IceCredentials {
        ufrag: "them".to_owned(),
        pwd: "their-password-of-some-length".to_owned(),
    }
}

fn check(use_candidate: bool) -> Vec<u8> {
    let server = credentials();
    let check = Check {
        server: &server,
        ufrag: "them",
        role: Role::Controlling,
        tie_breaker: 1,
        priority: 1_853_824_767,
        use_candidate,
        transaction: [9; 12],
    };
    let mut datagram = Vec::new();
    check.encode(&mut datagram).expect("a check can be built");
    datagram
}

fn checks() -> Vec<Vec<u8>> {
    vec![check(false), check(true)]
}

fn stun(input: &[u8]) {
    let _ = peek_ufrag(input);
    let _ = check_answer(input, &[9; 12], &credentials());
    let mut lite = Lite::new(epoch(), credentials(), them());
    let mut reply = Vec::new();
    let path = Path::Udp {
        remote: SocketAddr::from(([127, 0, 0, 1], 9)),
        local: None,
        is_shared: false,
    };
    if lite
        .handle_request(epoch(), path, input, &mut reply)
        .is_err()
    {
        assert!(reply.is_empty(), "what is refused is not answered");
        assert!(lite.verified().next().is_none(), "and leaves nothing");
    }
    assert!(reply.len() <= 128, "{} bytes of reply", reply.len());
}

static IDENTITY: LazyLock<Identity> =
    LazyLock::new(|| Identity::generate().expect("the machine has randomness"));

fn append(datagrams: &mut Vec<u8>, datagram: &[u8]) {
    let length = u16::try_from(datagram.len()).expect("a datagram is short");
    datagrams.extend(length.to_be_bytes());
    datagrams.extend(datagram);
}

/// What a client sends in a whole handshake, and in a half one.
fn handshakes() -> Vec<Vec<u8>> {
    let now = epoch();
    let profiles = [Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80];
    let config = IDENTITY.client(&profiles).expect("profiles of ours");
    let fingerprint = IDENTITY.fingerprint();
    let mut client = Session::client(now, &config, fingerprint);
    let mut server = Session::server(now, &IDENTITY, fingerprint);
    let mut whole = Vec::new();
    let mut half = Vec::new();
    for _ in 0..8 {
        while let Some(datagram) = client.poll_transmit() {
            append(&mut whole, &datagram);
            let _ = server.handle_datagram(now, &datagram);
        }
        if half.is_empty() {
            half.clone_from(&whole);
        }
        while let Some(datagram) = server.poll_transmit() {
            let _ = client.handle_datagram(now, &datagram);
        }
    }
    vec![whole, half]
}

/// The datagrams of an input, each behind its length.
fn datagrams(mut input: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = input.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (datagram, rest) = rest.split_at(length);
        input = rest;
        Some(datagram)
    })
}

fn dtls(input: &[u8]) {
    let now = epoch();
    let mut session = Session::server(now, &IDENTITY, Fingerprint([0; 32]));
    let (mut received, mut sent) = (0, 0);
    for datagram in datagrams(input).take(64) {
        received += datagram.len();
        let _ = session.handle_datagram(now, datagram);
        while let Some(reply) = session.poll_transmit() {
            sent += reply.len();
        }
        while session.poll_event().is_some() {}
    }
    session.close(now);
    // A flight with a certificate answers a short ClientHello; it must not do so without end.
    assert!(
        sent <= 64 * 1_024 + 16 * received,
        "{sent} bytes for {received}"
    );
}

static KEYS: LazyLock<[Keys; 2]> = LazyLock::new(|| {
    [Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80].map(|profile| {
        let material: Vec<u8> = (0..=255).collect();
        let role = sfu::peer::srtp::Role::Server;
        let needed = material.get(..profile.material_length());
        needed
            .and_then(|material| Keys::from_exporter(profile, material, role))
            .expect("the material has the length of the profile")
    })
});

fn encrypted() -> Vec<Vec<u8>> {
    let mut rtp = vec![0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    rtp.extend([0xaa; 40]);
    let mut rtcp = vec![0x80, 200, 0, 6, 0, 0, 0, 1];
    rtcp.extend([0xaa; 40]);
    rtcp.extend([0x80, 0, 0, 1]);
    vec![rtp, rtcp]
}

fn srtp(input: &[u8]) {
    for keys in &*KEYS {
        let mut opener = Opener::new(keys).expect("keys of the right length");
        assert!(opener.open_rtp(input).is_err(), "nobody has sealed it");
        assert!(opener.open_rtcp(input).is_err(), "nobody has sealed it");
    }
}
