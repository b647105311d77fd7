//! A whole run over real sockets against the media plane behind the smallest WHIP/WHEP server.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be made fails the test"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{delete, post};
use loadtest::scenario::{Ramp, Scenario, Target, Transport, WebEndpoint};
use loadtest::thresholds::Thresholds;
use sfu::command::{Command, PeerPolicy};
use sfu::id::{ConferenceId, Feed};
use sfu::kind::MediaKind;
use sfu::{Media as _, Sfu};

const CONFERENCE: ConferenceId = ConferenceId(1);

#[derive(Clone)]
struct Server {
    sfu: Sfu,
    joined: Arc<Mutex<u32>>,
}

async fn whip(State(server): State<Server>, offer: String) -> impl IntoResponse {
    let policy = PeerPolicy {
        may_send_audio: true,
        may_send_video: true,
        ..PeerPolicy::default()
    };
    let joined = server.sfu.join(CONFERENCE, &offer, &policy).unwrap();
    for publication in &joined.publications {
        server.sfu.command(match publication.kind {
            MediaKind::Video => Command::Show {
                conference: CONFERENCE,
                stage: 0,
                publication: Some(publication.id),
            },
            MediaKind::Audio => Command::SetSpeakers {
                conference: CONFERENCE,
                publications: vec![publication.id],
                main: None,
                floor: None,
            },
        });
    }
    created(joined.answer)
}

async fn whep(State(server): State<Server>, offer: String) -> impl IntoResponse {
    let policy = PeerPolicy {
        video_slots: vec![Some(Feed::Stage(0))],
        ..PeerPolicy::default()
    };
    let joined = server.sfu.join(CONFERENCE, &offer, &policy).unwrap();
    *server.joined.lock().unwrap() += 1;
    created(joined.answer)
}

fn created(answer: String) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/sdp"),
        (header::LOCATION, "/resource/1"),
    ];
    (StatusCode::CREATED, headers, answer)
}

/// The server's URL, and how many watch.
async fn serve() -> (String, Arc<Mutex<u32>>, Sfu) {
    let config = sfu::Config {
        shards: Some(1),
        ..sfu::testing::config()
    };
    let (sfu, mut events) = Sfu::start(&config).unwrap();
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    let joined = Arc::new(Mutex::new(0));
    let server = Server {
        sfu: sfu.clone(),
        joined: Arc::clone(&joined),
    };
    let app = Router::new()
        .route("/whip", post(whip))
        .route("/whep", post(whep))
        .route("/resource/1", delete(|| async { StatusCode::OK }))
        .with_state(server);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (format!("http://{address}"), joined, sfu)
}

fn scenario(server: &str, sites: u32) -> Scenario {
    let endpoint = |path| WebEndpoint {
        url: format!("{server}/{path}"),
        token: None,
    };
    let target = Target::Web {
        whip: Some(endpoint("whip")),
        whep: Some(endpoint("whep")),
    };
    let mut scenario = Scenario::new(target, sites, Duration::from_secs(3));
    scenario.ramp = Ramp::AtOnce;
    scenario.thresholds = Thresholds {
        max_loss: Some(0.0),
        min_fps: Some(5.0),
        ..Thresholds::default()
    };
    scenario
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_players_watch_the_clip_without_loss() {
    let (server, joined, _sfu) = serve().await;
    let report = loadtest::run(scenario(&server, 30)).await.unwrap();
    assert!(report.is_good(), "{}\n{report:#?}", report.summary());
    assert_eq!((*joined.lock().unwrap(), report.sites.joined), (30, 30));
    let (audio, video) = (report.media.audio.unwrap(), report.media.video.unwrap());
    assert_eq!((audio.streams, video.streams), (30, 30));
    assert!(
        audio.expected > 30 * 130,
        "3 s of 20 ms packets: {}",
        audio.expected
    );
    assert_eq!(report.generator.unauthenticated, 0);
    assert!(report.forward_latency.video.unwrap().count > 30 * 30);
    assert!(report.join.total.unwrap().count == 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_watch_over_tcp_alone() {
    let (server, _, _sfu) = serve().await;
    let mut scenario = scenario(&server, 5);
    scenario.transport = Transport::Tcp;
    let report = loadtest::run(scenario).await.unwrap();
    assert!(report.is_good(), "{}\n{report:#?}", report.summary());
    assert_eq!(report.sites.joined, 5);
}

#[tokio::test]
async fn without_a_server_there_is_no_report_but_a_reason() {
    let error = loadtest::run(scenario("http://127.0.0.1:9", 1))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("cannot reach http://127.0.0.1:9/whip"),
        "{error}"
    );
}
