//! Tests of the fleet that need no server of media.

use super::*;
use crate::clip::{AudioFrame, Clip};
use crate::endpoint::{EndpointConfig, Habits};
use crate::line::{Impairment, Link};
use crate::sdp::{Answer, Setup};
use sfu::command::{Fingerprint, IceCredentials};
use sfu::peer::dtls::Identity;

fn shared() -> Arc<Shared> {
    let identity = Identity::generate().unwrap();
    Arc::new(Shared {
        epoch: Instant::now(),
        epoch_unix: Duration::from_secs(1_800_000_000),
        dtls: identity.client(Habits::Plain.profiles()).unwrap(),
        identity,
        clip: Arc::new(Clip::builtin(AudioFrame::Ms20).unwrap()),
    })
}

fn newcomer(shared: &Arc<Shared>, number: u32, remote: HostCandidate) -> Newcomer {
    let config = EndpointConfig {
        seed: number.into(),
        sender: 1,
        ..EndpointConfig::default()
    };
    let mut endpoint = Endpoint::new(Instant::now(), Arc::clone(shared), config);
    let answer = Answer {
        ice: IceCredentials {
            ufrag: "00server".to_owned(),
            pwd: "0123456789012345678901".to_owned(),
        },
        fingerprint: Fingerprint([0; 32]),
        setup: Setup::Passive,
        candidates: Vec::new(),
        twcc: None,
        audio_level: None,
        media: Vec::new(),
    };
    endpoint
        .handle_answer(Instant::now(), &answer, remote.address)
        .unwrap();
    Newcomer {
        id: EndpointId::first(number),
        endpoint,
        remote,
        relay: None,
        line: None,
    }
}

#[tokio::test]
async fn every_endpoint_checks_from_an_address_of_its_own() {
    let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    server
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let remote = HostCandidate {
        address: server.local_addr().unwrap(),
        tcp: false,
    };
    let shared = shared();
    let (fleet, mut events) = Fleet::start(Arc::clone(&shared), &FleetConfig::default()).unwrap();
    for number in 0..3 {
        fleet.add(newcomer(&shared, number, remote)).await;
    }
    let mut addresses = std::collections::BTreeSet::new();
    let mut buffer = [0; 2_048];
    while addresses.len() < 3 {
        let (length, from) = server.recv_from(&mut buffer).unwrap();
        assert!(length > 20 && buffer[0] == 0, "a STUN request");
        addresses.insert(from.ip().to_string());
    }
    assert_eq!(
        addresses.into_iter().collect::<Vec<_>>(),
        ["127.1.0.0", "127.1.0.1", "127.1.0.2"]
    );
    fleet.remove(EndpointId::first(1)).await;
    let Some(Event::Gone(gone)) = events.recv().await else {
        panic!("the endpoint is gone")
    };
    assert_eq!(gone.id, EndpointId::first(1));
    let totals = tokio::task::spawn_blocking(|| fleet.stop()).await.unwrap();
    assert!(totals.traffic.sent >= 3);
}

#[tokio::test]
async fn whoever_is_left_at_the_end_is_still_told_about() {
    let remote = HostCandidate {
        address: "127.0.0.1:9".parse().unwrap(),
        tcp: false,
    };
    let shared = shared();
    let (fleet, mut events) = Fleet::start(Arc::clone(&shared), &FleetConfig::default()).unwrap();
    let count = 2 * u32::try_from(EVENT_QUEUE).unwrap() / 10;
    for number in 0..count {
        fleet.add(newcomer(&shared, number, remote)).await;
    }
    for number in 0..count / 2 {
        fleet.remove(EndpointId::first(number)).await;
    }
    let stopping = tokio::task::spawn_blocking(|| fleet.stop());
    let mut gone = std::collections::BTreeSet::new();
    while let Some(event) = events.recv().await {
        if let Event::Gone(one) = event {
            gone.insert(one.id);
        }
    }
    stopping.await.unwrap();
    assert_eq!(gone.len(), count as usize);
}

#[tokio::test]
async fn a_bad_line_holds_the_first_check_back_and_loses_what_it_should() {
    let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    server
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let remote = HostCandidate {
        address: server.local_addr().unwrap(),
        tcp: false,
    };
    let shared = shared();
    let (fleet, mut events) = Fleet::start(Arc::clone(&shared), &FleetConfig::default()).unwrap();
    let delay = Duration::from_millis(60);
    let slow = Impairment {
        delay,
        ..Default::default()
    };
    let deaf = Impairment {
        loss: crate::line::Burst::new(1.0, 1.0).unwrap(),
        ..Default::default()
    };
    let start = Instant::now();
    for (kind, up) in [deaf, slow].into_iter().enumerate() {
        let line = Line::new(Link { up, down: slow }, 1);
        let line = Some(Impaired { kind, line });
        let number = u32::try_from(kind).unwrap();
        fleet
            .add(Newcomer {
                line,
                ..newcomer(&shared, number, remote)
            })
            .await;
    }
    let mut buffer = [0; 2_048];
    let (_, from) = server.recv_from(&mut buffer).unwrap();
    assert!(start.elapsed() >= delay);
    assert_eq!(from.ip().to_string(), "127.1.0.1", "the other is lost");
    tokio::task::spawn_blocking(|| fleet.stop()).await.unwrap();
    let mut lost = Vec::new();
    while let Some(event) = events.recv().await {
        if let Event::Gone(gone) = event {
            lost.push((gone.id.member, gone.line.unwrap().lost > 0));
        }
    }
    lost.sort_unstable();
    assert_eq!(lost, [(0, true), (1, false)]);
}

#[tokio::test]
async fn over_tcp_the_checks_are_framed() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = HostCandidate {
        address: server.local_addr().unwrap(),
        tcp: true,
    };
    let shared = shared();
    let (fleet, _events) = Fleet::start(Arc::clone(&shared), &FleetConfig::default()).unwrap();
    fleet.add(newcomer(&shared, 0, remote)).await;
    let (mut stream, _) = server.accept().unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut length = [0; 2];
    io::Read::read_exact(&mut stream, &mut length).unwrap();
    let mut packet = vec![0; usize::from(u16::from_be_bytes(length))];
    io::Read::read_exact(&mut stream, &mut packet).unwrap();
    assert_eq!(packet[..2], [0, 1], "a Binding request");
    tokio::task::spawn_blocking(|| fleet.stop()).await.unwrap();
}
