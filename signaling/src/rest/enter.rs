//! `/conferences/{conference}/enter`: somebody who has logged in goes into a conference.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::login::own_account;
use super::{ApiError, Json, Path};
use crate::access::AccessLog;
use crate::accounts::Account;
use crate::app::App;
use crate::auth::{Grant, Narrowing, NewToken, Role, Scope, Verb};
use crate::ids::{ConferenceId, TokenId};
use crate::listener::ClientAddress;
use crate::login_tokens::issued_by;
use crate::tokens::Mint;

/// How long somebody may stay: a day of conference, with what comes before and after it.
const VALID_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The way into a conference.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entrance {
    /// The token. A secret.
    token: String,
    /// Its id.
    id: TokenId,
    /// The path of the page that it is for.
    #[schema(example = "/operator")]
    page: &'static str,
    /// When it ceases to be valid.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Whether a booking names somebody as the chair of a conference.
async fn leads(app: &App, account: &Account, conference: &ConferenceId) -> Result<bool, ApiError> {
    let booked = app.store.occurrence(conference).await?;
    Ok(booked.is_some_and(|booked| booked.chair == Some(account.subject())))
}

/// Go into a conference in person: administrators and national operators as operators, a chair as the
/// chair, others as observers.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/enter",
    tag = "accounts",
    security(("login" = [])),
    params(("conference" = ConferenceId, Path)),
    responses((status = CREATED, body = Entrance))
)]
pub(super) async fn enter(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
) -> Result<impl IntoResponse, ApiError> {
    let scope = grant.permit(Verb::EnterConference)?;
    let account = own_account(&app, &grant).await?;
    if scope == Scope::Conference && !leads(&app, &account, &conference).await? {
        return Err(ApiError::not_permitted(
            "this account is not the chair of that conference",
        ));
    }
    app.directory.find(&conference).await?;
    let role = account.role.enters_as();
    let new = NewToken {
        subject: Some(account.subject()),
        conference: Some(conference),
        site: None,
        role,
        name: Some(account.name),
        valid_for: VALID_FOR,
        narrowing: Narrowing::default(),
    };
    let mint = Mint {
        keys: &app.keys,
        store: &app.store,
        by: &issued_by(grant.token()),
        within: None,
        now: app.clock.now().wall,
    };
    let issued = mint.one(new.clone()).await?;
    AccessLog::token_made(client, &grant, &issued, &new);
    let entrance = Entrance {
        token: issued.token,
        id: issued.id,
        page: match role {
            Role::Observer => "/observer",
            _ => "/operator",
        },
        expires_at: issued.expires_at,
    };
    Ok((StatusCode::CREATED, Json(entrance)))
}
