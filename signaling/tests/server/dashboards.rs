//! What dashboards and alerts ask for is what a server shows.

use std::collections::BTreeSet;
use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use signaling::routes;
use tower::ServiceExt as _;

use crate::world::World;

/// The words of a text that are names of metrics.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("dinh_") || word.starts_with("process_"))
        .collect()
}

#[tokio::test]
async fn every_metric_of_the_dashboard_and_the_alerts_is_shown() {
    // Those of the certificate are there where there is one.
    let world = World::with(|config| config.tls.self_made = true).await;
    let private = routes::private(world.server.app().clone());
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = private.oneshot(request).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let metrics = String::from_utf8(bytes.to_vec()).unwrap();
    let shown = names(&metrics);
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging");
    for file in [
        "grafana/dinh.json",
        "prometheus/dinh.rules.yml",
        "prometheus/dinh.rules.test.yml",
    ] {
        let text = std::fs::read_to_string(packaging.join(file)).unwrap();
        let asked = names(&text);
        assert!(asked.len() > 5, "{file}");
        let missing: Vec<_> = asked.difference(&shown).collect();
        assert!(missing.is_empty(), "{file}: {missing:?}");
    }
}
