//! `/tokens`: making, listing and taking back tokens.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use std::collections::BTreeSet;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{MAX_LIMIT, Page, checked, page};
use super::{ApiError, ErrorBody, Json, Path, Query};
use crate::access::AccessLog;
use crate::app::App;
use crate::auth::{Grant, Narrowing, NewToken, Role, Verb, Verbs};
use crate::ids::{ConferenceId, SiteCode, TokenId};
use crate::links::{self, NewLink};
use crate::listener::ClientAddress;
use crate::refusal::{ErrorCode, Refusal};
use crate::store::{TokenFilter, TokenRow};
use crate::tokens::{ForSites, IssueError, Mint};
use crate::whole::whole;

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
    name: Option<String>,
    /// Whom it is made for: the site, else somebody of its own, if left out. Tokens of one role and
    /// subject are for the same person.
    subject: Option<String>,
    /// How long it is good for.
    #[schema(minimum = 1, maximum = 31_536_000)]
    #[serde(deserialize_with = "whole")]
    ttl_seconds: u32,
    /// What alone it is for, of what its role may; all of that if left out.
    #[schema(value_type = Option<Vec<Verb>>, min_items = 1)]
    scope: Option<BTreeSet<Verb>>,
    /// The province beyond which it does not reach; for an administrator's alone.
    province: Option<SiteCode>,
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

/// Tokens to be made, one for each site.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateTokens {
    /// What their bearers are.
    role: Role,
    /// For which sites; all that the conference expects if left out.
    #[schema(min_items = 1, max_items = 10_000)]
    sites: Option<BTreeSet<SiteCode>>,
    /// How long they are good for.
    #[schema(minimum = 1, maximum = 31_536_000)]
    #[serde(deserialize_with = "whole")]
    ttl_seconds: u32,
    /// In how many browsers each link may be opened: those that open it first.
    #[serde(default = "links::usual_devices", deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 100, default = 2)]
    devices: u32,
}

/// Tokens that were made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatedTokens {
    /// One for each site, by code.
    tokens: Vec<SiteToken>,
}

/// The token of one site.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SiteToken {
    /// The site.
    site: SiteCode,
    /// Its name.
    name: String,
    /// What to send to the site. A secret until it is opened.
    link: String,
    /// The token. A secret.
    token: String,
    /// With which it can be taken back.
    id: TokenId,
    /// When it ceases to be valid.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Which tokens to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TokensQuery {
    /// Of this conference only.
    conference: Option<ConferenceId>,
    /// Those that were made after this one.
    after: Option<TokenId>,
    /// Most tokens of the answer.
    #[param(default = 10_000, minimum = 1, maximum = 10_000)]
    limit: Option<u32>,
}

/// Longest life of a token, in seconds: a year. Higher: a lost link is good for longer.
const MAX_TTL_SECONDS: u32 = 31_536_000;

impl From<IssueError> for ApiError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::UnknownConference(_) => Self::new(
                StatusCode::NOT_FOUND,
                ErrorCode::ConferenceUnknown,
                error.to_string(),
            ),
            IssueError::UnknownSites(_) => Self::new(
                StatusCode::NOT_FOUND,
                ErrorCode::NotFound,
                error.to_string(),
            ),
            // So many sites, or so few, has the conference.
            IssueError::Number(_) => Self::new(
                StatusCode::CONFLICT,
                ErrorCode::BadMessage,
                error.to_string(),
            ),
            IssueError::Claims(_) => Self::bad_request(error.to_string()),
            IssueError::Wider(_) => Refusal::new(ErrorCode::NotPermitted, error.to_string()).into(),
            IssueError::Store(cause) => cause.into(),
        }
    }
}

pub(super) fn life(ttl_seconds: u32) -> Result<SignedDuration, ApiError> {
    if (1..=MAX_TTL_SECONDS).contains(&ttl_seconds) {
        return Ok(SignedDuration::from_secs(ttl_seconds.into()));
    }
    Err(ApiError::bad_request(format!(
        "ttlSeconds is {ttl_seconds}, must be 1 to {MAX_TTL_SECONDS}"
    )))
}

/// Make a token.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "tokens",
    request_body = CreateToken,
    responses(
        (status = CREATED, body = CreatedToken),
        (status = NOT_FOUND, body = ErrorBody, description = "There is no such conference or site."),
    )
)]
pub(super) async fn create(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Json(body): Json<CreateToken>,
) -> Result<impl IntoResponse, ApiError> {
    grant.permit(Verb::ManageTokens)?;
    let new = NewToken {
        subject: body.subject,
        conference: body.conference,
        site: body.site,
        role: body.role,
        name: body.name,
        valid_for: life(body.ttl_seconds)?,
        narrowing: Narrowing {
            scope: body.scope.map(Verbs::from_iter),
            province: body.province,
        },
    };
    let issued = mint(&app, &grant).one(new.clone()).await?;
    AccessLog::token_made(client, &grant, &issued, &new);
    let created = CreatedToken {
        token: issued.token,
        id: issued.id,
        expires_at: issued.expires_at,
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Make one token for each of many sites: all of them or none.
#[utoipa::path(
    post,
    path = "/conferences/{conference}/tokens",
    tag = "tokens",
    params(("conference" = ConferenceId, Path)),
    request_body = CreateTokens,
    responses(
        (status = CREATED, body = CreatedTokens),
        (status = CONFLICT, body = ErrorBody, description = "The conference expects no sites, or too many."),
    )
)]
pub(super) async fn create_many(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
    Json(body): Json<CreateTokens>,
) -> Result<impl IntoResponse, ApiError> {
    grant.permit(Verb::ManageTokens)?;
    let devices = links::check_devices(body.devices)?;
    let wanted = ForSites {
        conference,
        role: body.role,
        sites: body.sites,
        valid_for: life(body.ttl_seconds)?,
    };
    let config = app.config();
    let base = config.base_url(config.http.listen);
    let tokens = mint(&app, &grant).for_sites(wanted).await?;
    AccessLog::changed(client, &grant, &format!("{} tokens made", tokens.len()));
    let new = tokens
        .iter()
        .map(|(_, issued)| NewLink::to(issued, body.role, None));
    let links = links::create(&app.store, &base, new, devices).await?;
    let tokens = tokens
        .into_iter()
        .zip(links)
        .map(|((site, issued), link)| SiteToken {
            site: site.code,
            name: site.name,
            link,
            token: issued.token,
            id: issued.id,
            expires_at: issued.expires_at,
        });
    let created = CreatedTokens {
        tokens: tokens.collect(),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

pub(super) fn mint<'a>(app: &'a App, grant: &'a Grant) -> Mint<'a> {
    Mint {
        keys: &app.keys,
        store: &app.store,
        by: grant.subject(),
        within: Some(grant),
        now: app.clock.now().wall,
    }
}

/// Tokens that were made here, in the order in which they were made. The tokens themselves are
/// written down nowhere.
#[utoipa::path(
    get,
    path = "/tokens",
    tag = "tokens",
    params(TokensQuery),
    responses((status = OK, body = Vec<TokenRow>, headers(("link" = Option<String>))))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Query(query): Query<TokensQuery>,
    uri: OriginalUri,
) -> Result<Page<TokenRow>, ApiError> {
    grant.permit(Verb::ManageTokens)?;
    // One more than is asked for, which tells whether there is another page.
    let most = checked(query.limit, MAX_LIMIT)?;
    let filter = TokenFilter {
        conference: query.conference,
        valid_at: None,
        after: query.after,
        limit: most.saturating_add(1),
    };
    let tokens = app.store.tokens(&filter).await?;
    page(&uri, query.limit, tokens, |token| token.id.to_string())
}

/// Take a token back. Nobody comes in with it any more, and whoever came in with it has to go.
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
    grant.permit(Verb::ManageTokens)?;
    app.revoke(token.clone()).await?;
    AccessLog::token_revoked(client, &grant, &token);
    Ok(StatusCode::NO_CONTENT)
}
