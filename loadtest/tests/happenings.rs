//! What happens while all watch, at a whole server in this process: hand-overs, reloads, churn.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be made fails the test"
)]

use std::sync::Arc;
use std::time::Duration;

use loadtest::report::FaultKind;
use loadtest::scenario::{Churn, HandOvers, Ramp, ReloadStorm, Scenario, Target, Transport};
use loadtest::token::{LocalKey, TokenSource};
use signaling::config::Secret;
use signaling::server::Server;
use signaling::sites::{Level, read_csv};
use signaling::{demo, testing};

const SECRET: &str = "a secret of the tests, 32 bytes or more";
const MS: Duration = Duration::from_millis(1);

/// A server with the demo conference running, and an API key for the sites.
async fn server(directory: &tempfile::TempDir) -> Server {
    let mut config = testing::config(&directory.path().join("data"));
    let keys = &mut config.auth.api_keys;
    keys.insert("loadtest".to_owned(), Secret::new(SECRET));
    testing::demo(config).await
}

fn scenario(server: &Server, sites: u32, duration: Duration) -> Scenario {
    let key = LocalKey::parse(&format!("loadtest:{SECRET}")).unwrap();
    let known = read_csv(demo::SITES.as_bytes()).unwrap();
    let roster = known.iter().filter(|site| site.level != Level::Central);
    let target = Target::Conference {
        server: format!("http://{}", server.http()),
        conference: "demo".to_owned(),
        tokens: TokenSource::ApiKey(Arc::new(key)),
        hall: true,
        roster: roster.map(|site| site.code.to_string()).collect(),
    };
    let mut scenario = Scenario::new(target, sites, duration);
    scenario.ramp = Ramp::AtOnce;
    scenario.operator = true;
    scenario
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_floor_goes_round_and_everybody_sees_each_speaker_without_negotiating() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory).await;
    let mut scenario = scenario(&server, 12, 5_000 * MS);
    scenario.decrypt = loadtest::scenario::Decryption::Sample(4);
    scenario.floor = Some(HandOvers {
        first: 500 * MS,
        every: 1_500 * MS,
        count: 3,
    });
    let report = loadtest::run(scenario).await.unwrap();
    server.stop().await;
    let summary = report.summary();
    assert!(report.is_good(), "{summary}");
    let floor = report.floor.unwrap();
    assert_eq!((floor.missed, floor.renegotiated), (0, 0), "{floor:#?}");
    assert_eq!(floor.latency.unwrap().count, 3 * 11, "{floor:#?}");
    let speakers: std::collections::BTreeSet<_> =
        floor.hand_overs.iter().map(|one| &one.site).collect();
    assert_eq!(speakers.len(), 3);
    for one in &floor.hand_overs {
        assert_eq!(one.failure, None);
        let (granted, told) = (one.granted_ms.unwrap(), one.told_ms.unwrap());
        assert!(granted > 0.0 && told > 0.0, "{one:#?}");
        // Nobody can see what the speaker has not begun to send.
        assert!(one.latency.unwrap().min > told, "{one:#?}");
    }
    let events = report.events.unwrap();
    assert_eq!((events.sites, events.differing), (12, 0), "{events:#?}");
    assert_eq!(events.roster_differences, Some(0), "{events:#?}");
    assert_eq!(events.roster, Some(14), "sites, hall and operator");
    assert!(report.fairness.unwrap().jain_bytes > 0.99);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloaded_pages_come_back_as_themselves_and_the_others_notice_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory).await;
    let mut scenario = scenario(&server, 20, 4_000 * MS);
    scenario.reloads = vec![ReloadStorm {
        at: 500 * MS,
        sites: 8,
        away: 200 * MS,
    }];
    let report = loadtest::run(scenario).await.unwrap();
    server.stop().await;
    assert!(report.is_good(), "{}", report.summary());
    let [storm] = report.faults.as_slice() else {
        panic!("one storm: {:#?}", report.faults)
    };
    assert_eq!(storm.kind, FaultKind::Reload);
    assert_eq!((storm.sites, storm.back, storm.resumed), (8, 8, 8));
    let picture = storm.first_key_frame.unwrap();
    assert!(picture.count == 8 && picture.min > 200.0, "{picture:?}");
    assert!(storm.all_back_seconds.unwrap() * 1e3 >= picture.max - 50.0);
    let others = storm.others.as_ref().unwrap();
    assert_eq!(others.sites, 12);
    assert!(others.media.audio.as_ref().unwrap().received > 12 * 5);
    let joined = report.join.total.unwrap();
    assert_eq!(joined.count, 20, "coming back is not joining");
    assert_eq!(report.events.unwrap().differing, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sites_that_leave_and_return_are_new_at_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory).await;
    let mut scenario = scenario(&server, 6, 8_000 * MS);
    // One leaves at 1 s and one at 2 s.
    scenario.churn = Some(Churn {
        per_minute: 10.0,
        away: 300 * MS,
    });
    let report = loadtest::run(scenario).await.unwrap();
    server.stop().await;
    assert!(report.is_good(), "{}", report.summary());
    let [churn] = report.faults.as_slice() else {
        panic!("churn: {:#?}", report.faults)
    };
    assert_eq!(churn.kind, FaultKind::Churn);
    assert_eq!((churn.sites, churn.back, churn.resumed), (2, 2, 0));
    assert!(churn.others.is_none());
    let events = report.events.unwrap();
    assert_eq!((events.sites, events.differing), (6, 0), "{events:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sites_that_reach_nothing_but_the_port_of_the_pages_come_by_turn() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(&directory).await;
    let mut scenario = scenario(&server, 6, 3_000 * MS);
    scenario.transport = Transport::Turn;
    let report = loadtest::run(scenario).await.unwrap();
    server.stop().await;
    assert!(report.is_good(), "{}", report.summary());
    assert_eq!(report.events.unwrap().differing, 0);
}
