//! `/logins`: who is in, and ending that.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, checked, page};
use super::{ApiError, Path, Query};
use crate::accounts::{AccountRole, KeptLogin, LoginName, LoginTimes};
use crate::app::App;
use crate::auth::{Grant, Scope, Verb};
use crate::ids::{AccountId, LoginId};
use crate::refusal::ErrorCode;
use crate::store::LoginFilter;

/// Most logins of one page: less than 100 KB.
const MAX_LIMIT: u32 = 200;

/// That somebody is logged in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Login {
    /// By which it is ended.
    id: LoginId,
    /// Who.
    account: Person,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    begun_at: Timestamp,
    /// When it was used last, within five minutes.
    #[schema(value_type = String, format = DateTime)]
    seen_at: Timestamp,
    /// When it ends if it is not used again.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
    /// From which address.
    address: String,
    /// With which browser, as that says.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// Whether it is the one that asks.
    is_own: bool,
}

/// Whose login it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Person {
    /// The account.
    id: AccountId,
    /// Its login.
    login: LoginName,
    /// The person's name.
    name: String,
    /// What the person may do.
    role: AccountRole,
}

impl Login {
    fn new(login: KeptLogin, times: LoginTimes, grant: &Grant) -> Self {
        let ends_at = login.end(times);
        let KeptLogin {
            id,
            account,
            begun_at,
            seen_at,
            address,
            agent,
            ..
        } = login;
        Self {
            id,
            account: Person {
                id: account.id,
                login: account.login,
                name: account.name,
                role: account.role,
            },
            begun_at,
            seen_at,
            ends_at,
            address,
            agent,
            is_own: grant.account().is_some() && grant.token().as_str() == id.to_string(),
        }
    }
}

/// Which logins to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LoginsQuery {
    /// Of this account only.
    account: Option<AccountId>,
    /// Those that began before this one.
    after: Option<LoginId>,
    /// Most logins of the answer.
    #[param(default = 200, minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Who is logged in, the newest first: everybody for an administrator, else whoever asks.
#[utoipa::path(
    get,
    path = "/logins",
    tag = "accounts",
    params(LoginsQuery),
    responses((status = OK, body = Vec<Login>, headers(("link" = Option<String>))))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Query(LoginsQuery {
        account,
        after,
        limit,
    }): Query<LoginsQuery>,
    uri: OriginalUri,
) -> Result<Page<Login>, ApiError> {
    let own = reached(&grant)?;
    if let (Some(own), Some(asked)) = (own, account)
        && own != asked
    {
        return Err(ApiError::not_permitted("these are somebody else's logins"));
    }
    let limit = checked(limit, MAX_LIMIT)?;
    let filter = LoginFilter {
        account: own.or(account),
        after,
        limit: limit + 1,
    };
    let times = app.config().accounts.login_times();
    let now = app.clock.now().wall;
    let logins = app.store.logins(&filter, now, times).await?;
    let logins = logins
        .into_iter()
        .map(|login| Login::new(login, times, &grant));
    page(&uri, Some(limit), logins, |login| login.id.to_string())
}

/// Whose logins somebody reaches; everybody's if `None`.
fn reached(grant: &Grant) -> Result<Option<AccountId>, ApiError> {
    match grant.permit(Verb::EndLogins)? {
        Scope::Server => Ok(None),
        Scope::Itself | Scope::Province | Scope::Conference => {
            let own = grant.account();
            own.map(Some).ok_or_else(|| {
                ApiError::not_permitted("a token has no logins: this is for people with an account")
            })
        }
    }
}

/// End a login: its next request is refused, and tokens with which its person has entered conferences are
/// taken back.
#[utoipa::path(
    delete,
    path = "/logins/{login}",
    tag = "accounts",
    params(("login" = LoginId, Path)),
    responses((status = NO_CONTENT))
)]
pub(super) async fn end(
    State(app): State<App>,
    grant: Grant,
    Path(id): Path<LoginId>,
) -> Result<StatusCode, ApiError> {
    let own = reached(&grant)?;
    if app.end_login(id, own).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::new(
        StatusCode::NOT_FOUND,
        ErrorCode::NotFound,
        format!("there is no login {id}, or it has ended"),
    ))
}
