//! `/login/oidc`: people log in by a provider that knows them. Browsers are led from here to there and back,
//! so that everything is answered with where to go next: what went wrong stands there too.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::State;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::logged_in::Visitor;
use super::login::begin_login;
use super::{ApiError, Path, Query, Refused};
use crate::accounts::{self, Account, Details};
use crate::app::App;
use crate::config::Oidc;
use crate::fresh;
use crate::ids::SiteCode;
use crate::oidc::{self, BrowserCookie, Claims, Return, Trouble};
use crate::refusal::ErrorCode;
use crate::sites::Level;
use crate::store::{Provided, StoreError};

/// Where somebody wants to go.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct Depart {
    /// The page of the office that is shown afterwards: what stands behind its `#`.
    #[param(example = "/sites?site=68")]
    then: Option<String>,
}

/// With what a provider sends somebody back. It may say more than is known here.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "snake_case")]
pub(super) struct Arrive {
    /// What it was given.
    state: Option<String>,
    /// For what it gives a token.
    code: Option<String>,
    /// Why there is none.
    error: Option<String>,
    /// Who it is (RFC 9207).
    iss: Option<String>,
}

/// Log in by a provider: leads a browser there. It comes back to `…/callback`.
#[utoipa::path(
    get,
    path = "/login/oidc/{provider}",
    tag = "accounts",
    security(()),
    params(("provider" = String, Path, description = "its id, as `GET /api/v1/login/ways` names it"), Depart),
    responses((
        status = SEE_OTHER,
        description = "to the provider, or to the office: `#refused=…` says why",
        headers(("location" = String), ("set-cookie" = Option<String>)),
    ))
)]
pub(super) async fn depart(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(Depart { then }): Query<Depart>,
    headers: HeaderMap,
) -> Response {
    let now = app.clock.now();
    let origin = visitor.client.origin();
    if let Err(refusal) = app.admission.may_log_in(now.mono, origin, None) {
        return back(&Trouble::TooOften(refusal.message.into()));
    }
    let config = app.config();
    let Some(provider) = config.accounts.oidc.get(&id) else {
        return back(&unknown(&id));
    };
    let cookie = BrowserCookie::new(config.is_https());
    // Two windows of a browser may be on their way at once.
    let browser = cookie.read(&headers).unwrap_or_else(fresh::secret);
    let base = config.base_url(app.http);
    let redirect = oidc::callback(&base, &id);
    let way = (redirect, oidc::page(then));
    let there = app.providers.depart((&id, provider), now, &browser, way);
    let there = there.await.and_then(|url| {
        HeaderValue::try_from(url).map_err(|error| Trouble::Nonsense(error.to_string()))
    });
    match there {
        Ok(there) => {
            let headers = [(LOCATION, there), (SET_COOKIE, cookie.keep(&browser))];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
        Err(trouble) => back(&trouble),
    }
}

/// Come back from a provider: begins a login, and leads to the office.
#[utoipa::path(
    get,
    path = "/login/oidc/{provider}/callback",
    tag = "accounts",
    security(()),
    params(("provider" = String, Path, description = "its id"), Arrive),
    responses((
        status = SEE_OTHER,
        description = "to the office: with the cookie of a login, or `#refused=…` says why not",
        headers(("location" = String), ("set-cookie" = Option<String>)),
    ))
)]
pub(super) async fn arrive(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(asked): Query<Arrive>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    // Whoever comes back was counted on the way there; whoever was not there is told so at once.
    let now = app.clock.now();
    let config = app.config();
    let Some(provider) = config.accounts.oidc.get(&id) else {
        return Ok(back(&unknown(&id)));
    };
    let came = Return {
        state: asked.state,
        code: asked.code,
        error: asked.error,
        issuer: asked.iss,
    };
    let browser = BrowserCookie::new(config.is_https()).read(&headers);
    let browser = browser.map(|browser| browser.hash());
    let arrived = app
        .providers
        .arrive((&id, provider), now, browser.as_ref(), came);
    let arrival = match arrived.await {
        Ok(arrival) => arrival,
        Err(trouble) => return Ok(back(&trouble)),
    };
    let account = match account(&app, (&id, provider), arrival.claims).await? {
        Ok(account) => account,
        Err(trouble) => return Ok(back(&trouble)),
    };
    if account.is_disabled {
        let why = format!("{id} knows {:?}, whose account is disabled", account.login);
        return Ok(back(&Trouble::NotPermitted(why)));
    }
    let (cookie, _) = begin_login(&app, account.id, &visitor, &id).await?;
    let office = HeaderValue::try_from(format!("/office#{}", arrival.then));
    let office = office.unwrap_or(HeaderValue::from_static("/office"));
    let headers = [(LOCATION, office), (SET_COOKIE, cookie)];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// The account of whoever has come, as the provider says now who that is. Whoever may nothing any more is
/// logged in nowhere any more.
async fn account(
    app: &App,
    (id, provider): (&str, &Oidc),
    claims: Claims,
) -> Result<Result<Account, Trouble>, ApiError> {
    match details(app, (id, provider), &claims).await? {
        Ok(details) => {
            let logins = oidc::logins(id, &claims);
            let Some(first) = logins.first() else {
                let why = format!("{:?} cannot be called anything here", claims.subject);
                return Ok(Err(Trouble::Nonsense(why)));
            };
            let who = Provided {
                provider: id.to_owned(),
                account: fresh::account(first.clone(), details, app.clock.now().wall),
                subject: claims.subject,
                logins,
            };
            let account = app.store.provide_account(who).await?;
            let taken = || Trouble::NotPermitted("every name for the account is taken".to_owned());
            Ok(account.ok_or_else(taken))
        }
        Err(trouble) => {
            let provider = id.to_owned();
            let known = app.store.end_provided_logins(provider, claims.subject);
            if let Some(account) = known.await? {
                app.revoke_all_of(&accounts::subject(account)).await?;
            }
            Ok(Err(trouble))
        }
    }
}

/// What the groups of a person make of it here.
async fn details(
    app: &App,
    (id, provider): (&str, &Oidc),
    claims: &Claims,
) -> Result<Result<Details, Trouble>, StoreError> {
    let details = match oidc::person(id, provider, claims) {
        Ok(details) => details,
        Err(trouble) => return Ok(Err(trouble)),
    };
    let Some(province) = &details.province else {
        return Ok(Ok(details));
    };
    if is_province(app, province).await? {
        return Ok(Ok(details));
    }
    Ok(Err(Trouble::NotPermitted(format!(
        "`accounts.oidc.{id}.provinces` names {province}, and there is no such province among the sites"
    ))))
}

async fn is_province(app: &App, code: &SiteCode) -> Result<bool, StoreError> {
    let site = app.store.site(code).await?;
    Ok(site.is_some_and(|site| site.level == Level::Province))
}

fn unknown(id: &str) -> Trouble {
    let id: String = id.chars().take(64).collect();
    Trouble::Away(format!("`accounts.oidc` has no provider {id:?}"))
}

/// Leads back to the office, which says why nobody has come in.
fn back(trouble: &Trouble) -> Response {
    let office = HeaderValue::try_from(format!("/office#refused={}", trouble.code()));
    let office = office.unwrap_or(HeaderValue::from_static("/office"));
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, office)]).into_response();
    let code = match trouble {
        Trouble::NotPermitted(_) => ErrorCode::NotPermitted,
        Trouble::TooOften(_) => ErrorCode::RateLimited,
        Trouble::Late(_) | Trouble::Denied(_) | Trouble::Nonsense(_) => ErrorCode::LoginWrong,
        // It is nobody's doing who came.
        Trouble::Away(_) => return response,
    };
    let why = trouble.said();
    response.extensions_mut().insert(Refused { code, why });
    response
}
