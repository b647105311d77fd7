//! `/login`: people show who they are, with a password or a code that is good once.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::logged_in::Visitor;
use super::{ApiError, ErrorBody, Json};
use crate::access::AccessLog;
use crate::accounts::{
    Account, AccountRole, Details, KeptLogin, LoginCookie, LoginName, NewLogin, Password,
};
use crate::app::App;
use crate::auth::{Grant, LinkCode, Verb};
use crate::fresh;
use crate::ids::{AccountId, LoginId};
use crate::refusal::ErrorCode;
use crate::store::{WelcomeFor, Welcomed};

/// How people may log in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ways {
    /// With a password of this server.
    local: bool,
    /// By others who know them.
    providers: Vec<ProviderName>,
    /// Nobody can manage accounts yet: the first administrator comes by a link that the server prints.
    is_first: bool,
}

/// Somebody who knows people.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderName {
    /// Stands in the address.
    id: String,
    /// Stands on the button.
    name: String,
}

/// Who somebody says to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LogIn {
    /// The name to log in with.
    login: LoginName,
    /// The password.
    password: Password,
}

/// A code that is good once, and what it is used for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UseWelcome {
    /// What stands behind `#welcome=`.
    #[schema(example = "7KQM-2FJX-9VTP-3HWS")]
    code: String,
    /// The name to log in with, for the first administrator; others have one.
    login: Option<LoginName>,
    /// The name of the first administrator; the login if left out.
    name: Option<String>,
    /// The password from now on.
    password: Password,
}

/// Another password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChangePassword {
    /// That up to now.
    old: Password,
    /// That from now on.
    new: Password,
}

/// Somebody who is logged in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoggedIn {
    /// Who.
    account: Account,
    /// What the person may do, at least within a province.
    verbs: Vec<Verb>,
    /// When the login ends if it is not used again.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
}

impl LoggedIn {
    fn new(account: Account, ends_at: Timestamp) -> Self {
        let role = account.role.role();
        let verbs = Verb::ALL.iter().copied();
        Self {
            account,
            verbs: verbs.filter(|verb| role.may(*verb)).collect(),
            ends_at,
        }
    }
}

/// How people may log in here.
#[utoipa::path(
    get,
    path = "/login/ways",
    tag = "accounts",
    security(()),
    responses((status = OK, body = Ways))
)]
pub(super) async fn ways(State(app): State<App>) -> Result<Json<Ways>, ApiError> {
    let config = app.config();
    let providers = config.accounts.oidc.iter();
    let providers = providers.map(|(id, provider)| ProviderName {
        id: id.clone(),
        name: provider.name.clone(),
    });
    Ok(Json(Ways {
        local: config.accounts.local,
        providers: providers.collect(),
        is_first: !app.store.has_administrator().await?,
    }))
}

/// Log in with a password. The answer has a cookie, with which whatever the account may do may be asked
/// from then on; what changes something needs the header `origin` too.
#[utoipa::path(
    post,
    path = "/login",
    tag = "accounts",
    security(()),
    request_body = LogIn,
    responses(
        (status = OK, body = LoggedIn, headers(("set-cookie" = String))),
        (status = UNAUTHORIZED, body = ErrorBody, description = "there is no such login, or the password is another one"),
    )
)]
pub(super) async fn begin(
    State(app): State<App>,
    visitor: Visitor,
    Json(LogIn { login, password }): Json<LogIn>,
) -> Result<impl IntoResponse, ApiError> {
    if !app.config().accounts.local {
        return Err(ApiError::not_permitted(
            "nobody logs in with a password here (`accounts.local`)",
        ));
    }
    let now = app.clock.now().mono;
    let origin = visitor.client.origin();
    app.admission.may_log_in(now, origin, Some(&login))?;
    let known = app.store.credentials(&login).await?;
    let (account, kept) = known.map(|it| (it.account, it.password)).unzip();
    // As long for a login that nobody has.
    let is_right = app.hasher.verify(password, kept.flatten()).await?;
    let account = account.filter(|account| is_right && !account.is_disabled);
    let account = account.ok_or_else(wrong)?;
    log_in(&app, account.id, &visitor).await
}

/// Nothing of this login and password is right, whichever it is.
pub(super) fn wrong() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        ErrorCode::LoginWrong,
        "login or password is wrong, or nobody may log in with this account",
    )
}

/// Begins a login of somebody who has shown who they are, and says so.
async fn log_in(
    app: &App,
    account: AccountId,
    visitor: &Visitor,
) -> Result<
    (
        StatusCode,
        [(axum::http::HeaderName, HeaderValue); 1],
        Json<LoggedIn>,
    ),
    ApiError,
> {
    let (cookie, logged_in) = begin_login(app, account, visitor, "password").await?;
    Ok((StatusCode::OK, [(SET_COOKIE, cookie)], Json(logged_in)))
}

/// Begins a login of somebody who has shown who they are, in this way.
pub(super) async fn begin_login(
    app: &App,
    account: AccountId,
    visitor: &Visitor,
    way: &str,
) -> Result<(HeaderValue, LoggedIn), ApiError> {
    let (config, now) = (app.config(), app.clock.now().wall);
    let times = config.accounts.login_times();
    let secret = fresh::secret();
    let new = NewLogin {
        id: fresh::login_id(),
        secret: secret.hash(),
        account,
        at: now,
        ends_at: now.saturating_add(times.whole).unwrap_or(Timestamp::MAX),
        address: visitor.client.to_string(),
        agent: visitor.agent.clone(),
    };
    let begun = app.store.begin_login(new.clone()).await?;
    let login = KeptLogin {
        id: new.id,
        account: begun.ok_or_else(wrong)?,
        begun_at: now,
        seen_at: now,
        ends_at: new.ends_at,
        address: new.address,
        agent: new.agent,
    };
    if let Ok(grant) = Grant::of_login(&login, now, times) {
        AccessLog::logged_in(visitor.client, &grant, way);
        visitor.witness.saw(&grant);
    }
    let cookie = LoginCookie::new(config.is_https());
    let cookie = cookie.keep(&secret, times.whole.as_secs());
    let logged_in = LoggedIn::new(login.account.clone(), login.end(times));
    Ok((cookie, logged_in))
}

/// Who is logged in with this cookie, and what that person may do.
#[utoipa::path(
    get,
    path = "/login",
    tag = "accounts",
    security(("login" = [])),
    responses((status = OK, body = LoggedIn))
)]
pub(super) async fn show(State(app): State<App>, grant: Grant) -> Result<Json<LoggedIn>, ApiError> {
    let account = own_account(&app, &grant).await?;
    Ok(Json(LoggedIn::new(account, grant.expires_at())))
}

/// The account of whoever asks.
pub(super) async fn own_account(app: &App, grant: &Grant) -> Result<Account, ApiError> {
    let id = grant.account().ok_or_else(no_account)?;
    let account = app.store.account(id).await?;
    account.ok_or_else(no_account)
}

fn no_account() -> ApiError {
    ApiError::not_permitted("this is for people who have logged in: a token has no account")
}

/// Log out.
#[utoipa::path(
    delete,
    path = "/login",
    tag = "accounts",
    security(("login" = [])),
    responses((status = NO_CONTENT, headers(("set-cookie" = String))))
)]
pub(super) async fn end(
    State(app): State<App>,
    grant: Grant,
) -> Result<impl IntoResponse, ApiError> {
    let account = grant.account().ok_or_else(no_account)?;
    let id: LoginId = login_of(&grant)?;
    app.end_login(id, Some(account)).await?;
    let forget = LoginCookie::new(app.config().is_https()).forget();
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, forget)]))
}

fn login_of(grant: &Grant) -> Result<LoginId, ApiError> {
    grant.token().as_str().parse().map_err(|_| no_account())
}

/// Set a password with a code that is good once, and log in: the first administrator, whoever has a new
/// account, and whoever has forgotten the password.
#[utoipa::path(
    post,
    path = "/login/welcome",
    tag = "accounts",
    security(()),
    request_body = UseWelcome,
    responses(
        (status = OK, body = LoggedIn, headers(("set-cookie" = String))),
        (status = UNAUTHORIZED, body = ErrorBody, description = "the code is not good, or not any more"),
        (status = CONFLICT, body = ErrorBody, description = "somebody else has this login"),
    )
)]
pub(super) async fn welcome(
    State(app): State<App>,
    visitor: Visitor,
    Json(body): Json<UseWelcome>,
) -> Result<impl IntoResponse, ApiError> {
    let now = app.clock.now();
    let origin = visitor.client.origin();
    app.admission.may_log_in(now.mono, origin, None)?;
    let code: LinkCode = body.code.parse().map_err(|_| used_up())?;
    let welcome = app.store.welcome(&code.hash(), now.wall).await?;
    let welcomed = match welcome.ok_or_else(used_up)? {
        WelcomeFor::Account(account) => {
            if account.is_disabled || account.provider.is_some() {
                return Err(used_up());
            }
            body.password.check(&account.login)?;
            let kept = app.hasher.hash(body.password).await?;
            app.store.use_welcome(code.hash(), kept).await?
        }
        WelcomeFor::First => {
            let login = body.login.ok_or_else(|| {
                ApiError::bad_request("`login` is missing: the first administrator chooses one")
            })?;
            let details = Details {
                name: body.name.unwrap_or_else(|| login.to_string()),
                email: None,
                role: AccountRole::Admin,
                province: None,
                is_disabled: false,
            };
            details.check()?;
            body.password.check(&login)?;
            let first = fresh::account(login, details, now.wall);
            let kept = app.hasher.hash(body.password).await?;
            app.store
                .use_first_welcome(code.hash(), first, kept)
                .await?
        }
    };
    match welcomed {
        Welcomed::Done(account) => log_in(&app, account.id, &visitor).await,
        Welcomed::Unknown => Err(used_up()),
        Welcomed::Taken => Err(super::accounts::taken()),
    }
}

fn used_up() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        ErrorCode::LoginWrong,
        "this link is not good, or not any more: ask for a new one",
    )
}

/// Set another password. Whoever else is logged in with the account is so no more.
#[utoipa::path(
    post,
    path = "/login/password",
    tag = "accounts",
    security(("login" = [])),
    request_body = ChangePassword,
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = ErrorBody, description = "the old password is another one"),
    )
)]
pub(super) async fn set_password(
    State(app): State<App>,
    visitor: Visitor,
    grant: Grant,
    Json(ChangePassword { old, new }): Json<ChangePassword>,
) -> Result<StatusCode, ApiError> {
    let account = own_account(&app, &grant).await?;
    let now = app.clock.now().mono;
    let origin = visitor.client.origin();
    app.admission
        .may_log_in(now, origin, Some(&account.login))?;
    new.check(&account.login)?;
    let known = app.store.credentials(&account.login).await?;
    let kept = known.and_then(|known| known.password);
    if !app.hasher.verify(old, kept).await? {
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            ErrorCode::LoginWrong,
            "the old password is another one",
        ));
    }
    let kept = app.hasher.hash(new).await?;
    let this = login_of(&grant)?;
    app.store.set_password(account.id, kept, this).await?;
    Ok(StatusCode::NO_CONTENT)
}
