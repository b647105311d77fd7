//! The whole URL space in one place.
//!
//! ```text
//! public                                   private
//! /  /operator  /hall  /site  /observer    /metrics
//! /check  /office  /m/CODE
//!    (with a slash behind it: a redirect)
//! /assets/…  /docs/…                       /healthz  /readyz
//! /ws
//! /api/v1/…  /api/openapi.json
//! /whip/{conference}[/{session}]
//! /whep/{conference}[/{session}]
//! /healthz  /readyz
//! /trust  /trust/dinh-root.crt
//! ```
//!
//! Where there is TLS, requests in the clear find `/healthz`, `/readyz`, `/trust` and
//! `/.well-known/acme-challenge/{token}`, and are led to `https://` for all else.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, MatchedPath, Path, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{MethodRouter, delete, get, post};
use tokio::time::Instant;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::accounts::LoginCookie;
use crate::app::App;
use crate::config::Config;
use crate::listener::{ClientAddress, Secure, to_https};
use crate::refusal::ErrorCode;
use crate::rest::{self, ApiError, Refused, refusals};
use crate::{health, pages, session, trust, whip};

/// What the public sees.
pub fn public(app: App) -> Router {
    let mut router = Router::new()
        .route(
            "/ws",
            get(session::upgrade).layer(map_response(refusals::explain)),
        )
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/contact.json", get(pages::contact::show))
        .merge(trust())
        .route("/assets/{*path}", get(pages::asset))
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(pages::docs::first))
        .route("/docs/{*path}", get(pages::docs::page))
        .route("/{name}", get(pages::file))
        .route(pages::LINK, get(pages::link))
        .merge(interfaces(&app));
    for path in pages::PATHS {
        router = page(router, path, get(pages::page));
    }
    page(router, pages::OFFICE, get(pages::office))
        .fallback(pages::nothing)
        .method_not_allowed_fallback(refusals::no_method)
        .layer(from_fn_with_state(app.clone(), count))
        .layer(from_fn_with_state(app.clone(), meter))
        .layer(map_response(guard))
        .with_state(app)
}

/// A page for people: who writes a slash behind its address is led to it.
fn page(router: Router<App>, path: &'static str, page: MethodRouter<App>) -> Router<App> {
    let router = router.route(path, page);
    if path == "/" {
        return router;
    }
    let without_slash = move || async move { Redirect::permanent(path) };
    router.route(&format!("{path}/"), get(without_slash))
}

/// What is answered in the clear where there is TLS: everything else is led to what is `secure` by the
/// configuration in force.
pub(crate) fn in_clear<S>(app: App, secure: S) -> Router
where
    S: Fn(&Config) -> Secure + Clone + Send + Sync + 'static,
{
    let away = move |State(app): State<App>, request: Request| async move {
        to_https(&request, &secure(&app.config()))
    };
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/.well-known/acme-challenge/{token}", get(acme_answer))
        .merge(trust())
        .fallback(away)
        .layer(from_fn_with_state(app.clone(), count))
        .layer(from_fn_with_state(app.clone(), meter))
        .layer(map_response(guard))
        .with_state(app)
}

/// Which root to install, for a trial.
fn trust() -> Router<App> {
    Router::new()
        .route("/trust", get(trust::page))
        .route("/trust/dinh-root.crt", get(trust::root))
}

/// Tells an ACME server that a name is ours (RFC 8555 §8.3).
async fn acme_answer(State(app): State<App>, Path(token): Path<String>) -> Response {
    let answer = app.tls.as_ref().and_then(|tls| tls.http_answer(&token));
    match answer {
        Some(answer) => {
            ([(header::CONTENT_TYPE, "application/octet-stream")], answer).into_response()
        }
        None => (StatusCode::NOT_FOUND, "nothing was asked of this server\n").into_response(),
    }
}

/// What only the operator of the server sees.
pub fn private(app: App) -> Router {
    Router::new()
        .route("/metrics", get(health::metrics))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .layer(map_response(guard))
        .with_state(app)
}

/// What programs use: limited in size and time, and open to the origins that are allowed.
fn interfaces(app: &App) -> Router<App> {
    let (rest, description) = rest::router().split_for_parts();
    // Made once: the router, and with it what its handlers hold, is cloned for each request.
    let description = description
        .to_json()
        .expect("a description has string keys only");
    let description = Bytes::from(description);
    let description = move || async move { ([(header::CONTENT_TYPE, JSON)], description) };
    Router::new()
        .route(
            "/api/openapi.json",
            get(description).layer(rest::compression()),
        )
        .merge(doors())
        .route_layer(DefaultBodyLimit::max(whip::MAX_SDP_BYTES))
        .merge(
            rest.layer(from_fn_with_state(Arc::clone(app), rest::note))
                .layer(from_fn_with_state(Arc::clone(app), limit_body)),
        )
        // Within the layers below, so that other origins' pages hear of it, and may ask first.
        .method_not_allowed_fallback(refusals::no_method)
        .layer(from_fn_with_state(
            app.config().http.request_timeout(),
            rest::in_time,
        ))
        .layer(map_response(refusals::explain))
        .layer(map_response(keep_nowhere))
        .layer(cors(Arc::clone(app)))
        .layer(from_fn(whip::announce))
}

/// As large as a body may be by the configuration in force.
async fn limit_body(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let most = app.config().http.max_body_kibibytes as usize * 1024;
    DefaultBodyLimit::max(most).apply(&mut request);
    next.run(request).await
}

/// WHIP and WHEP; a slash behind an address changes nothing.
fn doors() -> Router<App> {
    ["", "/"].into_iter().fold(Router::new(), |router, slash| {
        let resource = || delete(whip::delete).patch(whip::patch);
        router
            .route(&format!("/whip/{{conference}}{slash}"), post(whip::publish))
            .route(&format!("/whep/{{conference}}{slash}"), post(whip::watch))
            .route(
                &format!("/whip/{{conference}}/{{session}}{slash}"),
                resource(),
            )
            .route(
                &format!("/whep/{{conference}}/{{session}}{slash}"),
                resource(),
            )
    })
}

/// The origins are those of the configuration that is in force when a page asks.
fn cors(app: App) -> CorsLayer {
    let origins = AllowOrigin::predicate(move |origin: &HeaderValue, _| {
        let allowed = &app.config().http.allowed_origins;
        let is_allowed = |one: &String| one == "*" || one.as_bytes() == origin.as_bytes();
        allowed.iter().any(is_allowed)
    });
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
        ])
        .expose_headers(EXPOSED)
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a page of another origin may read of an answer; WHIP clients need all of it.
const EXPOSED: [HeaderName; 6] = [
    header::LOCATION,
    header::ETAG,
    header::LINK,
    header::RETRY_AFTER,
    whip::ACCEPT_PATCH,
    whip::ACCEPT_POST,
];

async fn meter(
    State(app): State<App>,
    client: ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    let (now, origin) = (Instant::now(), client.origin());
    // The pattern of the path: what stands in the path itself may be a secret.
    let path = request.extensions().get::<MatchedPath>();
    let asked = path.map_or("-", MatchedPath::as_str);
    let asked = format!("{} {asked}", request.method());
    let cookie = LoginCookie::new(app.config().is_https());
    let headers = request.headers();
    let shows_token = headers.contains_key(header::AUTHORIZATION) || cookie.is_shown(headers);
    let allowed = if shows_token {
        app.admission.may_show_token(now, origin)
    } else {
        app.admission.may_ask(now, origin)
    };
    if let Err(refusal) = allowed {
        let (code, why) = (refusal.code, &refusal.message);
        app.access.refused(client, asked.as_str(), code, why);
        return ApiError::from(refusal).into_response();
    }
    let response = next.run(request).await;
    if let Some(Refused { code, why }) = response.extensions().get()
        && matters_to_security(*code)
    {
        app.access.refused(client, asked.as_str(), *code, why);
    }
    if shows_token && response.status() == StatusCode::UNAUTHORIZED {
        // One more was wrong; the next is refused if there is none left.
        let _ = app.admission.may_ask(now, origin);
    }
    response
}

/// Whether somebody was refused for who it is or for how much it asked, not for a mistake.
const fn matters_to_security(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::TokenInvalid
            | ErrorCode::TokenExpired
            | ErrorCode::TokenRevoked
            | ErrorCode::NotInvited
            | ErrorCode::LoginWrong
            | ErrorCode::NotPermitted
            | ErrorCode::RateLimited
            | ErrorCode::ConferenceFull
            | ErrorCode::ServerFull
            | ErrorCode::Overloaded
    )
}

/// What browsers must not do with any answer: take it for something else, or show it in another
/// origin's page.
async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        (CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");

/// Tokens, names and descriptions of connections are nothing for a cache.
async fn keep_nowhere(mut response: Response) -> Response {
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    app.metrics.answered(response.status().as_u16());
    response
}
