//! `/checks`: whether a site can take part. A page measures, the server judges, and operators see it.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};
use utoipa::{IntoParams, ToSchema};

use super::page::checked;
use super::{ApiError, Body, ErrorBody, Json, Path, Query};
use crate::app::App;
use crate::auth::{Grant, LinkCode, Verb};
use crate::check::cause::{CauseRow, table};
use crate::check::judge::StepResult;
use crate::check::{
    Call, Cause, CheckId, Colour, Direction, LIFE, MOST_KBPS, Means, Measured, Outcome,
    OutcomeFilter, REMEMBERED, Step, Whose, begins_handshake, beside, judge, machine, may_tell,
};
use crate::ids::SiteCode;
use crate::links;
use crate::listener::{ClientAddress, ReachedAs, ReachedAt};
use crate::protocol::server::IceServer;
use crate::refusal::{ErrorCode, Refusal};
use crate::whip;
use crate::whole::whole;
use crate::{ice_servers, negotiation};

/// Largest report of what was measured, in bytes.
pub(super) const MAX_REPORT_BYTES: usize = 4 * 1024;

/// Most checks of one answer.
const MAX_LISTED: u32 = 5_000;

/// Share of the media plane's places that checks leave to conferences, in percent.
const LEFT_ALONE: u64 = 10;

/// Who checks, as far as it says so.
pub(super) enum Visitor {
    /// Nobody has said.
    Stranger,
    /// Whoever holds a link: its page has not exchanged the code yet, for it waits to be let in.
    Linked(LinkCode),
    /// Whoever comes with a token.
    Bearer(Grant),
}

impl FromRequestParts<App> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Some(header) = parts.headers.get(AUTHORIZATION) else {
            return Ok(Self::Stranger);
        };
        let credential = header
            .to_str()
            .ok()
            .and_then(|it| it.strip_prefix("Bearer "));
        if let Some(code) = credential.and_then(|credential| credential.parse().ok()) {
            return Ok(Self::Linked(code));
        }
        let grant = Grant::from_request_parts(parts, app).await?;
        Ok(Self::Bearer(grant))
    }
}

impl Visitor {
    /// The site that it speaks for. What is no link, or one of no site, is a stranger's: anybody may check.
    async fn site(&self, app: &App) -> Result<Option<SiteCode>, ApiError> {
        match self {
            Self::Stranger => Ok(None),
            Self::Linked(code) => Ok(links::site_of(&app.store, code).await?),
            Self::Bearer(grant) => Ok(grant.site().cloned()),
        }
    }

    /// What it may, beyond what everybody may.
    const fn grant(&self) -> Option<&Grant> {
        match self {
            Self::Bearer(grant) => Some(grant),
            Self::Stranger | Self::Linked(_) => None,
        }
    }
}

/// A check that was begun.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BegunCheck {
    /// Names it from now on. A secret of whoever began it.
    id: String,
    /// By which an operator finds what comes of it.
    #[schema(example = "K7QM")]
    code: String,
    /// When its connections end by themselves. It may tell what it has measured for half an hour more.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The server's clock.
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// Which TURN servers are to be tried.
    #[schema(value_type = Vec<CheckIceServer>)]
    ice_servers: Vec<IceServer>,
    /// Most that is taken of what is sent by `send`.
    max_kilobits_per_second: u32,
    /// When the server's certificate ends: a page that cannot speak with it one day looks whether this is
    /// why. Left out where the server has none of its own.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_ends_at: Option<Timestamp>,
}

/// A STUN or TURN server, as in W3C `RTCIceServer`.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes what the protocol's own type is in JSON"
)]
pub(super) struct CheckIceServer {
    urls: Vec<String>,
    username: Option<String>,
    credential: Option<String>,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckResult {
    /// What is in the way, or that nothing is.
    cause: Cause,
    /// A letter and a digit for it.
    #[schema(value_type = String, example = "U1")]
    code: &'static str,
    /// How bad it is.
    colour: Colour,
    /// The step that shows it.
    step: Step,
    /// Who can do something about it.
    call: Call,
    /// What is read out over the phone. Without it, nothing could be kept.
    #[schema(example = "U1-K7QM")]
    reference: Option<String>,
    /// Every step that was looked at.
    steps: Vec<StepResult>,
}

/// A check as operators see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedCheck {
    /// By which it is found.
    #[schema(example = "K7QM")]
    code: String,
    /// What is read out over the phone.
    #[schema(example = "U1-K7QM")]
    reference: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Of which site, if it was opened with a link.
    site: Option<SiteCode>,
    /// From which address.
    address: String,
    /// What is in the way, or that nothing is.
    cause: Cause,
    /// How bad it is.
    colour: Colour,
    /// The step that shows it.
    step: Step,
    /// Who can do something about it.
    call: Call,
    /// What was measured.
    measured: Measured,
}

/// Which checks to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChecksQuery {
    /// With this code, as it is heard: `K7QM` or `U1-K7QM`.
    #[param(pattern = "^ *([A-Za-z][0-9][- ])?[0-9A-TV-Za-tv-z]{4} *$")]
    code: Option<String>,
    /// Of this site.
    site: Option<SiteCode>,
    /// Newer than this.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Most checks of the answer.
    #[param(default = 5_000, minimum = 1, maximum = 5_000)]
    #[serde(default = "most_listed", deserialize_with = "whole")]
    limit: u32,
}

const fn most_listed() -> u32 {
    MAX_LISTED
}

/// Begin a check. With a token, or the code of a link, it is that of the site; without one, of an address.
#[utoipa::path(
    post,
    path = "/checks",
    tag = "checks",
    security((), ("bearer" = [])),
    responses(
        (status = CREATED, body = BegunCheck),
        (status = UNAUTHORIZED, body = ErrorBody, description = "the token is not valid"),
        (status = TOO_MANY_REQUESTS, body = ErrorBody, description = "too many from this address"),
        (status = SERVICE_UNAVAILABLE, body = ErrorBody, description = "too many check, or there is no room"),
    )
)]
pub(super) async fn begin(
    State(app): State<App>,
    (client, reached): (ClientAddress, ReachedAs),
    visitor: Visitor,
) -> Result<impl IntoResponse, ApiError> {
    app.check_not_draining()?;
    app.admission.may_check(Instant::now(), client.origin())?;
    let whose = Whose {
        site: visitor.site(&app).await?,
        address: client.0,
    };
    let opened = app.checks.begin(whose)?;
    app.tasks.spawn({
        let (app, id) = (Arc::clone(&app), opened.id.clone());
        async move {
            let measured = app.draining.run_until_cancelled(sleep(LIFE)).await;
            app.checks.close(&id);
            if measured.is_some() {
                let _ = timeout(REMEMBERED, app.draining.cancelled()).await;
            }
            app.checks.forget(&id);
        }
    });
    let time = app.clock.now().wall;
    let name = format!("check-{}", opened.code);
    let servers = ice_servers::of_check(&app, &reached, &name, visitor.grant());
    let begun = BegunCheck {
        id: opened.id.to_string(),
        code: opened.code.to_string(),
        expires_at: time + LIFE,
        time,
        ice_servers: servers.into_iter().map(IceServer::from).collect(),
        max_kilobits_per_second: MOST_KBPS,
        certificate_ends_at: app.tls.as_ref().and_then(|tls| tls.not_after()),
    };
    Ok((StatusCode::CREATED, Json(begun)))
}

/// At which addresses media is tried.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceQuery {
    /// By UDP, at the address at which this request was received, instead of those that clients are
    /// told. Not told through a proxy, nor where a router translates addresses.
    #[param(default = false)]
    #[serde(default)]
    beside: bool,
}

/// Media of a check: an offer of one that sends, or of one that is shown what the other sends, by these
/// means.
#[utoipa::path(
    post,
    path = "/checks/{check}/{means}/{direction}",
    tag = "checks",
    security(()),
    params(
        ("check" = CheckId, Path),
        ("means" = Means, Path),
        ("direction" = Direction, Path),
        PlaceQuery,
    ),
    request_body(content = String, content_type = "application/sdp", description = "The offer"),
    responses(
        (status = CREATED, body = String, content_type = "application/sdp",
            description = "The answer, with the candidates of these means"),
        (status = TOO_MANY_REQUESTS, body = ErrorBody, description = "this check has offered often enough"),
        (status = SERVICE_UNAVAILABLE, body = ErrorBody, description = "there is no room"),
    )
)]
pub(super) async fn media(
    State(app): State<App>,
    (client, reached): (ClientAddress, ReachedAt),
    Path((id, means, direction)): Path<(CheckId, Means, Direction)>,
    Query(place): Query<PlaceQuery>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ApiError> {
    app.check_not_draining()?;
    let offer = whip::offer(&headers, &body)?;
    let conference = app.checks.offers(&id, means)?;
    leave_room(&app)?;
    let policy = direction.policy();
    let answered = app
        .media
        .join_check(id.clone(), conference, offer, policy)
        .await
        .map_err(|error| negotiation::refusal(&error))?;
    let answer = &answered.joined().answer;
    let answer = if place.beside {
        let at = reached.0.filter(|at| may_tell(client.0, *at));
        let at = at.ok_or_else(|| {
            let message =
                "a proxy or a router stands before the server: where it is itself is not told";
            Refusal::new(ErrorCode::NotFound, message)
        })?;
        beside(answer, at)
    } else {
        means.narrow(answer)
    };
    if begins_handshake(&answer) {
        let message =
            "the offer has the server begin the handshake: offer `a=setup:actpass` or `active`";
        return Err(Refusal::new(ErrorCode::BadOffer, message).into());
    }
    let place = (means, direction);
    app.checks.take(&id, place, app.media.media(), answered)?;
    Ok((StatusCode::CREATED, [(CONTENT_TYPE, whip::SDP)], answer).into_response())
}

/// A check takes no place that a conference may need.
fn leave_room(app: &App) -> Result<(), Refusal> {
    let (taken, most) = (
        app.media.media().peers() as u64,
        u64::from(app.config().media.max_peers),
    );
    if taken.saturating_mul(100) < most.saturating_mul(100 - LEFT_ALONE) {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::ServerFull,
        "the server has no room for a check: try again later",
    ))
}

/// Say what was measured, and hear what is in the way. The check's connections end.
#[utoipa::path(
    put,
    path = "/checks/{check}/result",
    tag = "checks",
    security(()),
    params(("check" = CheckId, Path)),
    request_body = Measured,
    responses(
        (status = OK, body = CheckResult),
        (status = TOO_MANY_REQUESTS, body = ErrorBody, description = "this check has told often enough"),
    )
)]
pub(super) async fn report(
    State(app): State<App>,
    Path(id): Path<CheckId>,
    Json(measured): Json<Measured>,
) -> Result<Json<CheckResult>, ApiError> {
    measured.check().map_err(ApiError::bad_request)?;
    let (whose, code) = app.checks.finish(&id)?;
    let judgement = judge(&measured).with(&machine::amiss(&app).await);
    let cause = judgement.cause;
    let outcome = Outcome {
        code,
        at: app.clock.now().wall,
        site: whose.site,
        address: whose.address.to_canonical().to_string(),
        cause,
        measured,
    };
    // Who asks hears what is in the way also while nothing can be stored.
    let kept = app.store.keep_check(outcome).await;
    if let Err(error) = &kept {
        tracing::warn!(%error, "what came of a check could not be kept");
    }
    Ok(Json(CheckResult {
        cause,
        code: cause.code(),
        colour: cause.colour(),
        step: cause.step(),
        call: cause.call(),
        reference: kept.is_ok().then(|| code.reference(cause)),
        steps: judgement.steps,
    }))
}

/// What may be in the way: every cause, in the order in which one is named before another.
#[utoipa::path(
    get,
    path = "/checks/causes",
    tag = "checks",
    security(()),
    responses((status = OK, body = Vec<CauseRow>))
)]
pub(super) async fn causes() -> Json<Vec<CauseRow>> {
    Json(table())
}

/// What came of checks, the newest first: the last one of each site, and of each address without a link.
#[utoipa::path(
    get,
    path = "/checks",
    tag = "checks",
    params(ChecksQuery),
    responses((status = OK, body = Vec<ListedCheck>))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Query(ChecksQuery {
        code,
        site,
        since,
        limit,
    }): Query<ChecksQuery>,
) -> Result<Json<Vec<ListedCheck>>, ApiError> {
    let within = grant.within(Verb::ReadChecks)?.cloned();
    let limit = checked(Some(limit), MAX_LISTED)?;
    let code = code.map(|code| code.parse()).transpose();
    let code = code.map_err(|error: crate::check::outcome::CheckCodeError| {
        ApiError::bad_request(error.to_string())
    })?;
    let filter = OutcomeFilter {
        code,
        site,
        since,
        within,
    };
    let outcomes = app.store.checks(&filter, limit).await?;
    Ok(Json(outcomes.into_iter().map(ListedCheck::from).collect()))
}

impl From<Outcome> for ListedCheck {
    fn from(outcome: Outcome) -> Self {
        let cause = outcome.cause;
        Self {
            code: outcome.code.to_string(),
            reference: outcome.code.reference(cause),
            at: outcome.at,
            site: outcome.site,
            address: outcome.address,
            cause,
            colour: cause.colour(),
            step: cause.step(),
            call: cause.call(),
            measured: outcome.measured,
        }
    }
}
