//! `/accounts`: people who may log in.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, checked, page};
use super::{ApiError, ErrorBody, Json, Path, Query};
use crate::accounts::{
    Account, AccountError, AccountRole, Details, LoginName, WELCOME, WeakPassword, welcome_url,
};
use crate::app::App;
use crate::auth::{Grant, LinkCode, Verb};
use crate::fresh;
use crate::ids::{AccountId, SiteCode};
use crate::refusal::ErrorCode;
use crate::sites::Level;
use crate::store::{AccountFilter, Administrators, Changed};

/// Most accounts of one page: less than 100 KB.
const MAX_LIMIT: u32 = 200;

/// Which accounts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AccountsQuery {
    /// Whose login, name or mail address contains each of these words, whatever their case and
    /// diacritics.
    query: Option<String>,
    /// Of this role.
    role: Option<AccountRole>,
    /// Those that come after this login in the list.
    after: Option<LoginName>,
    /// Most accounts of the answer.
    #[param(default = 200, minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// An account to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateAccount {
    /// What its person writes to log in.
    login: LoginName,
    /// The person's name.
    #[schema(example = "Nguyễn Thị An")]
    name: String,
    /// The person's mail address.
    email: Option<String>,
    /// What the person may do.
    role: AccountRole,
    /// The province in which a provincial operator does it; none for others.
    province: Option<SiteCode>,
}

/// What of an account is to be another; as it was if left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChangeAccount {
    /// The person's name.
    name: Option<String>,
    /// The person's mail address; `null` if there is none.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    /// What the person may do.
    role: Option<AccountRole>,
    /// The province of a provincial operator.
    province: Option<SiteCode>,
    /// Whether nobody logs in with it for now. Whoever is logged in is so no more.
    is_disabled: Option<bool>,
}

/// A `null` that is written is another thing than nothing.
fn written<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// With what somebody sets a password.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Welcome {
    /// What to send to the person. A secret until it is opened.
    url: String,
    /// When it ceases to be good.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<WeakPassword> for ApiError {
    fn from(error: WeakPassword) -> Self {
        let (status, code) = (StatusCode::BAD_REQUEST, ErrorCode::PasswordWeak);
        Self::new(status, code, error.to_string())
    }
}

/// Whether accounts stay manageable.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdministratorsShown {
    #[serde(flatten)]
    administrators: Administrators,
    /// What should be done about it, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

/// How many people can manage accounts, and whether a change at a provider alone could leave nobody.
#[utoipa::path(
    get,
    path = "/accounts/administrators",
    tag = "accounts",
    responses((status = OK, body = AdministratorsShown))
)]
pub(super) async fn administrators(
    State(app): State<App>,
    grant: Grant,
) -> Result<Json<AdministratorsShown>, ApiError> {
    grant.permit(Verb::ManageAccounts)?;
    let administrators = app.store.administrators().await?;
    let advice = match administrators {
        Administrators { can_log_in: 0, .. } => Some(
            "nobody can log in and manage accounts: make an administrator with `dinh admin create`",
        ),
        Administrators {
            with_password: 0, ..
        } => Some(
            "every administrator comes by a provider, and none would be left if its groups changed or it \
             were away: give one a password",
        ),
        Administrators { .. } => None,
    };
    Ok(Json(AdministratorsShown {
        administrators,
        advice,
    }))
}

/// Accounts, by login.
#[utoipa::path(
    get,
    path = "/accounts",
    tag = "accounts",
    params(AccountsQuery),
    responses((status = OK, body = Vec<Account>, headers(("link" = Option<String>))))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Query(AccountsQuery {
        query,
        role,
        after,
        limit,
    }): Query<AccountsQuery>,
    uri: OriginalUri,
) -> Result<Page<Account>, ApiError> {
    grant.permit(Verb::ManageAccounts)?;
    let limit = checked(limit, MAX_LIMIT)?;
    let filter = AccountFilter {
        query,
        role,
        after,
        limit: limit + 1,
    };
    let accounts = app.store.accounts(&filter).await?;
    page(&uri, Some(limit), accounts, |account| {
        account.login.to_string()
    })
}

/// Make an account. Nobody can log in with it before its person has set a password; see `…/welcome`.
#[utoipa::path(
    post,
    path = "/accounts",
    tag = "accounts",
    request_body = CreateAccount,
    responses(
        (status = CREATED, body = Account, headers(("location" = String))),
        (status = NOT_FOUND, body = ErrorBody, description = "there is no such province"),
        (status = CONFLICT, body = ErrorBody, description = "somebody else has this login"),
    )
)]
pub(super) async fn create(
    State(app): State<App>,
    grant: Grant,
    Json(body): Json<CreateAccount>,
) -> Result<impl IntoResponse, ApiError> {
    grant.permit(Verb::ManageAccounts)?;
    let details = Details {
        name: body.name,
        email: body.email,
        role: body.role,
        province: body.province,
        is_disabled: false,
    };
    details.check()?;
    require_province(&app, details.province.as_ref()).await?;
    let account = fresh::account(body.login, details, app.clock.now().wall);
    if !app.store.add_account(account.clone()).await? {
        return Err(taken());
    }
    let location = format!("/api/v1/accounts/{}", account.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(account)))
}

/// Somebody else has this login.
pub(super) fn taken() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        ErrorCode::LoginTaken,
        "there is another account with this login: choose another one",
    )
}

fn unknown(id: AccountId) -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        ErrorCode::NotFound,
        format!("there is no account {id}"),
    )
}

/// Passes a province that there is.
async fn require_province(app: &App, code: Option<&SiteCode>) -> Result<(), ApiError> {
    let Some(code) = code else { return Ok(()) };
    let site = app.store.site(code).await?;
    if site.is_some_and(|site| site.level == Level::Province) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::NOT_FOUND,
        ErrorCode::NotFound,
        format!("there is no province {code} among the sites"),
    ))
}

/// One account.
#[utoipa::path(
    get,
    path = "/accounts/{account}",
    tag = "accounts",
    params(("account" = AccountId, Path)),
    responses((status = OK, body = Account))
)]
pub(super) async fn show(
    State(app): State<App>,
    grant: Grant,
    Path(id): Path<AccountId>,
) -> Result<Json<Account>, ApiError> {
    grant.permit(Verb::ManageAccounts)?;
    let account = app.store.account(id).await?;
    account.map(Json).ok_or_else(|| unknown(id))
}

/// Change what an account says of its person. It holds from that person's next request on.
#[utoipa::path(
    patch,
    path = "/accounts/{account}",
    tag = "accounts",
    params(("account" = AccountId, Path)),
    request_body = ChangeAccount,
    responses(
        (status = OK, body = Account),
        (status = CONFLICT, body = ErrorBody, description = "nobody could manage accounts any more, or a provider says who the person is"),
    )
)]
pub(super) async fn change(
    State(app): State<App>,
    grant: Grant,
    Path(id): Path<AccountId>,
    Json(body): Json<ChangeAccount>,
) -> Result<Json<Account>, ApiError> {
    grant.permit(Verb::ManageAccounts)?;
    let before = app.store.account(id).await?.ok_or_else(|| unknown(id))?;
    let details = changed(&before, body)?;
    details.check()?;
    require_province(&app, details.province.as_ref()).await?;
    let is_disabled = details.is_disabled && !before.is_disabled;
    let changed = app.store.change_account(id, details).await?;
    let account = done(id, changed)?;
    if is_disabled {
        app.revoke_all_of(&account.subject()).await?;
    }
    Ok(Json(account))
}

/// What is said of a person from now on.
fn changed(before: &Account, body: ChangeAccount) -> Result<Details, ApiError> {
    let ChangeAccount {
        name,
        email,
        role,
        province,
        is_disabled,
    } = body;
    let says_who = name.is_some() || email.is_some() || role.is_some() || province.is_some();
    if let Some(provider) = before.provider.as_ref().filter(|_| says_who) {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            ErrorCode::BadMessage,
            format!(
                "the provider {provider} says who this person is and what they may do: only \
                 `isDisabled` is changed here"
            ),
        ));
    }
    let role = role.unwrap_or(before.role);
    // Who becomes something else is of no province any more.
    let own = before.province.clone();
    let own = own.filter(|_| role == AccountRole::Provincial);
    Ok(Details {
        name: name.unwrap_or_else(|| before.name.clone()),
        email: email.unwrap_or_else(|| before.email.clone()),
        role,
        province: province.or(own),
        is_disabled: is_disabled.unwrap_or(before.is_disabled),
    })
}

fn done(id: AccountId, changed: Changed) -> Result<Account, ApiError> {
    match changed {
        Changed::Done(account) => Ok(*account),
        Changed::Unknown => Err(unknown(id)),
        Changed::LastAdministrator => Err(ApiError::new(
            StatusCode::CONFLICT,
            ErrorCode::LastAdministrator,
            "this is the last administrator who can log in: make another one first",
        )),
    }
}

/// Remove an account. What its person has done stays in the records.
#[utoipa::path(
    delete,
    path = "/accounts/{account}",
    tag = "accounts",
    params(("account" = AccountId, Path)),
    responses(
        (status = NO_CONTENT),
        (status = CONFLICT, body = ErrorBody, description = "nobody could manage accounts any more"),
    )
)]
pub(super) async fn remove(
    State(app): State<App>,
    grant: Grant,
    Path(id): Path<AccountId>,
) -> Result<StatusCode, ApiError> {
    grant.permit(Verb::ManageAccounts)?;
    let removed = app.store.remove_account(id).await?;
    let account = done(id, removed)?;
    app.revoke_all_of(&account.subject()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a link with which its person sets a password, once. One that was made before is good no more.
#[utoipa::path(
    post,
    path = "/accounts/{account}/welcome",
    tag = "accounts",
    params(("account" = AccountId, Path)),
    responses(
        (status = OK, body = Welcome),
        (status = CONFLICT, body = ErrorBody, description = "the person logs in by a provider, or nobody may log in with it for now"),
    )
)]
pub(super) async fn welcome(
    State(app): State<App>,
    grant: Grant,
    Path(id): Path<AccountId>,
) -> Result<Json<Welcome>, ApiError> {
    grant.permit(Verb::ManageAccounts)?;
    let account = app.store.account(id).await?.ok_or_else(|| unknown(id))?;
    let conflict = |why: String| ApiError::new(StatusCode::CONFLICT, ErrorCode::BadMessage, why);
    if let Some(provider) = &account.provider {
        let why = format!("this person logs in by {provider}: there is no password here");
        return Err(conflict(why));
    }
    if account.is_disabled {
        return Err(conflict(
            "the account is disabled: enable it first".to_owned(),
        ));
    }
    let code = LinkCode::new(rand::random());
    let expires_at = app.clock.now().wall + WELCOME;
    let kept = app.store.add_welcome(code.hash(), Some(id), expires_at);
    kept.await?;
    let url = welcome_url(
        &app.config().base_url(app.http),
        &code,
        Some(&account.login),
    );
    Ok(Json(Welcome { url, expires_at }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(role: AccountRole, provider: Option<&str>) -> Account {
        let details = Details {
            name: "An".to_owned(),
            email: Some("an@example.vn".to_owned()),
            role,
            province: (role == AccountRole::Provincial).then(|| "01".parse().unwrap()),
            is_disabled: false,
        };
        let account = fresh::account("an".parse().unwrap(), details, Timestamp::UNIX_EPOCH);
        Account {
            provider: provider.map(str::to_owned),
            ..account
        }
    }

    fn asked(json: &str) -> ChangeAccount {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_left_out_stays_and_what_is_null_goes() {
        let provincial = account(AccountRole::Provincial, None);
        let details = changed(&provincial, asked("{}")).unwrap();
        assert_eq!(details, provincial.details());
        let details = changed(&provincial, asked(r#"{"email":null}"#)).unwrap();
        assert_eq!(details.email, None);
        let details = changed(&provincial, asked(r#"{"role":"auditor"}"#)).unwrap();
        assert_eq!(details.province, None);
        let details = changed(&provincial, asked(r#"{"province":"79"}"#)).unwrap();
        assert_eq!(details.province, Some("79".parse().unwrap()));
    }

    #[test]
    fn whom_a_provider_knows_is_only_disabled_here() {
        let account = account(AccountRole::National, Some("ministry"));
        assert!(changed(&account, asked(r#"{"role":"admin"}"#)).is_err());
        let details = changed(&account, asked(r#"{"isDisabled":true}"#)).unwrap();
        assert!(details.is_disabled);
    }
}
