//! `/tokens`: making and taking back tokens.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::whole;
use super::{ApiError, ErrorBody, Json, Path};
use crate::access::AccessLog;
use crate::app::{self, App};
use crate::auth::{Grant, NewToken, Role};
use crate::ids::{ConferenceId, SiteCode, TokenId};
use crate::listener::ClientAddress;

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateToken {
    /// The conference; none for an administrator.
    conference: Option<ConferenceId>,
    /// What its bearer is.
    role: Role,
    /// The site it speaks for. A site's token needs one.
    site: Option<SiteCode>,
    /// The name to show instead of the site's.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: Option<String>,
    /// Whom it is made for: the site, else the role, if left out.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    subject: Option<String>,
    /// How long it is good for.
    #[schema(minimum = 1, maximum = 31_536_000)]
    #[serde(deserialize_with = "whole")]
    ttl_seconds: u32,
}

/// A token that was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatedToken {
    /// The token. A secret.
    token: String,
    /// With which it can be taken back.
    id: TokenId,
    /// When it ceases to be valid.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Longest life of a token, in seconds: a year. Higher: a lost link is good for longer.
const MAX_TTL_SECONDS: u32 = 31_536_000;

/// Make a token.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "tokens",
    request_body = CreateToken,
    responses(
        (status = CREATED, body = CreatedToken),
        (status = NOT_FOUND, body = ErrorBody, description = "There is no such conference."),
    )
)]
pub(super) async fn create(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Json(body): Json<CreateToken>,
) -> Result<impl IntoResponse, ApiError> {
    if !grant.may_administer() {
        return Err(ApiError::not_permitted(
            "only an administrator may make tokens",
        ));
    }
    let CreateToken {
        conference,
        role,
        site,
        name,
        subject,
        ttl_seconds,
    } = body;
    if !(1..=MAX_TTL_SECONDS).contains(&ttl_seconds) {
        return Err(ApiError::bad_request(format!(
            "ttlSeconds is {ttl_seconds}, must be 1 to {MAX_TTL_SECONDS}"
        )));
    }
    if let Some(id) = &conference {
        app.directory.find(id).await?;
    }
    let subject = subject
        .or_else(|| site.as_ref().map(ToString::to_string))
        .unwrap_or_else(|| role.to_string());
    let valid_for = SignedDuration::from_secs(ttl_seconds.into());
    let new = NewToken {
        subject,
        conference,
        site,
        role,
        name,
        valid_for,
    };
    let issued = app
        .keys
        .issue(new.clone(), app::new_token_id(), app.clock.now().wall)
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    AccessLog::token_made(client, &grant, &issued.id, &new, issued.expires_at);
    let created = CreatedToken {
        token: issued.token,
        id: issued.id,
        expires_at: issued.expires_at,
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Take a token back. Whoever is in a conference with it stays; nobody comes in with it any more.
#[utoipa::path(
    delete,
    path = "/tokens/{tokenId}",
    tag = "tokens",
    params(("tokenId" = TokenId, Path, description = "its id, not the token itself")),
    responses((status = NO_CONTENT))
)]
pub(super) async fn revoke(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path(token): Path<TokenId>,
) -> Result<StatusCode, ApiError> {
    if !grant.may_administer() {
        return Err(ApiError::not_permitted(
            "only an administrator may take tokens back",
        ));
    }
    let now = app.clock.now().wall;
    // Of a token that was made elsewhere nothing is known but its id: it is refused for good.
    app.store.revoke_token(&token, None, now).await?;
    AccessLog::token_revoked(client, &grant, &token);
    app.keys.revoke(token, None);
    Ok(StatusCode::NO_CONTENT)
}
