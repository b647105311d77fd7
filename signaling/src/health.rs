//! Whether the process lives, and whether it should get new work.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;

use crate::app::App;
use crate::metrics::Format;

/// How long the store may take to answer before it counts as failed.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// The body of `/readyz`.
#[derive(Debug, Serialize)]
pub struct Readiness {
    ready: bool,
    reasons: Vec<&'static str>,
}

/// `GET /healthz`: that it answers is the answer.
pub async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 200, or 503 with the reasons. Depends on nothing outside the process and its
/// store, so that one failing neighbour does not take every server out.
pub async fn ready(State(app): State<App>) -> (StatusCode, Json<Readiness>) {
    let mut reasons = Vec::new();
    if app.announced.is_cancelled() {
        reasons.push("draining");
    }
    if !matches!(
        tokio::time::timeout(STORE_PATIENCE, app.store.ping()).await,
        Ok(Ok(()))
    ) {
        reasons.push("store");
    }
    let ready = reasons.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Readiness { ready, reasons }))
}

/// `GET /metrics`, on the private listener only, in the format that is asked for.
pub async fn metrics(State(app): State<App>, headers: HeaderMap) -> impl IntoResponse {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::accepted(accept.unwrap_or_default());
    (
        [(CONTENT_TYPE, format.content_type()), (VARY, "accept")],
        app.metrics.text(format),
    )
}
