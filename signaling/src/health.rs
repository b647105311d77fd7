//! Whether the process lives, and whether it should get new work.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;

use crate::app::App;
use crate::metrics::Format;

/// The body of `/readyz`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Readiness {
    /// Whether it should get new work.
    ready: bool,
    /// Why not.
    reasons: Vec<&'static str>,
    /// What is amiss although it should.
    warnings: Vec<&'static str>,
}

/// Whether the process lives: that it answers is the answer.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "health",
    security(()),
    responses((status = OK, body = String, content_type = "text/plain"))
)]
pub async fn live() -> &'static str {
    "ok\n"
}

/// Whether it can store and forward at this moment: 200, or 503 with the reasons. Depends on
/// nothing outside the process and its
/// store, so that one failing neighbour does not take every server out.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    security(()),
    responses(
        (status = OK, body = Readiness),
        (status = SERVICE_UNAVAILABLE, body = Readiness, description = "It is not ready."),
    )
)]
pub async fn ready(State(app): State<App>) -> (StatusCode, Json<Readiness>) {
    let reasons = reasons(&app).await;
    let warnings = warnings(&app).await;
    let ready = reasons.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let readiness = Readiness {
        ready,
        reasons,
        warnings,
    };
    (status, Json(readiness))
}

/// The reason that nothing can be stored.
pub(crate) const STORE: &str = "store";

/// Why the server should get no new work at this moment; none if it should.
pub(crate) async fn reasons(app: &App) -> Vec<&'static str> {
    let mut reasons = Vec::new();
    if app.announced.is_cancelled() {
        reasons.push("draining");
    }
    if !app.store_check.is_storing(&app.store).await {
        reasons.push(STORE);
    }
    if !app.media.media().stalled().is_empty() {
        reasons.push("media");
    }
    let is_alone = app.media.media().is_loopback_only();
    if is_alone && !app.is_demo.load(Ordering::Relaxed) {
        reasons.push("addresses");
    }
    reasons
}

/// What keeps people out and does not speak against new work. Without a certificate browsers refuse to
/// come; a load balancer that sent nobody here would keep the ACME server out too, which is to mend that.
pub(crate) async fn warnings(app: &App) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if let Some(tls) = &app.tls {
        match tls.not_after() {
            None => warnings.push("certificate_missing"),
            Some(not_after) if not_after <= app.clock.now().wall => {
                warnings.push("certificate_expired");
            }
            Some(_) => {}
        }
    }
    // Of a store that fails there is a reason already.
    if app.store.lacks_administrator().await.unwrap_or(false) {
        warnings.push("administrator_missing");
    }
    warnings
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
