//! `/links`: making links, and exchanging the code of one for its token.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::tokens::{life, mint};
use super::{ApiError, ErrorBody, Json};
use crate::access::AccessLog;
use crate::accounts::cookies;
use crate::app::App;
use crate::auth::{CodeError, Grant, Narrowing, NewToken, Role, SessionSecret, Verb};
use crate::entering;
use crate::ids::{ConferenceId, SiteCode, TokenId};
use crate::links::{self, LinkError, NewLink};
use crate::listener::ClientAddress;
use crate::refusal::ErrorCode;
use crate::whole::whole;

/// A link to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateLink {
    /// The conference.
    conference: ConferenceId,
    /// What whoever opens it is.
    role: Role,
    /// The site it speaks for. A site's link needs one.
    site: Option<SiteCode>,
    /// The name to show instead of the site's.
    name: Option<String>,
    /// Whom it is made for: the site, else somebody of its own, if left out.
    subject: Option<String>,
    /// How long it is good for.
    #[schema(minimum = 1, maximum = 31_536_000)]
    #[serde(deserialize_with = "whole")]
    ttl_seconds: u32,
    /// In how many browsers it may be opened: those that open it first.
    #[serde(default = "links::usual_devices", deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 100, default = 2)]
    devices: u32,
}

/// A link that was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatedLink {
    /// The link. A secret until it is opened.
    link: String,
    /// The id of its token, with which it can be taken back.
    id: TokenId,
    /// When it ceases to be good.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// The code of a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Code {
    /// What stands behind `#code=`.
    #[schema(example = "7KQM-2FJX-9VTP-3HWS")]
    code: String,
}

/// The token of a link.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Exchanged {
    /// The token. A secret.
    token: String,
    /// When it ceases to be valid.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// The cookie with the secret of a browser. Pages cannot read it, and no other site's page sends it.
const DEVICE: &str = "dinh-device";

/// How long a browser keeps it: longer than any link is good.
const KEPT_SECONDS: u32 = 34_560_000;

/// Make a link: what to send to people. Its page exchanges the code for a token.
#[utoipa::path(
    post,
    path = "/links",
    tag = "tokens",
    request_body = CreateLink,
    responses(
        (status = CREATED, body = CreatedLink),
        (status = NOT_FOUND, body = ErrorBody, description = "there is no such conference"),
    )
)]
pub(super) async fn create(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Json(body): Json<CreateLink>,
) -> Result<impl IntoResponse, ApiError> {
    grant.permit(Verb::ManageTokens)?;
    let devices = links::check_devices(body.devices)?;
    let new = NewToken {
        subject: body.subject,
        conference: Some(body.conference),
        site: body.site,
        role: body.role,
        name: body.name,
        valid_for: life(body.ttl_seconds)?,
        narrowing: Narrowing::default(),
    };
    let issued = mint(&app, &grant).one(new.clone()).await?;
    AccessLog::token_made(client, &grant, &issued, &new);
    let link = NewLink::to(&issued, new.role, new.name);
    let config = app.config();
    let base = config.base_url(config.http.listen);
    let made = links::create(&app.store, &base, [link], devices).await?;
    let created = CreatedLink {
        link: made.into_iter().next().unwrap_or_default(),
        id: issued.id,
        expires_at: issued.expires_at,
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Exchange the code of a link for its token. The first browsers that do are the only ones that can. The
/// code of an invitation leads to the conference that runs, or is the next one.
#[utoipa::path(
    post,
    path = "/links/exchange",
    tag = "tokens",
    security(()),
    request_body = Code,
    responses(
        (status = OK, body = Exchanged),
        (status = UNAUTHORIZED, body = ErrorBody, description = "the code is not good, or not any more"),
        (status = FORBIDDEN, body = ErrorBody, description = "the link belongs to another browser"),
    )
)]
pub(super) async fn exchange(
    State(app): State<App>,
    client: ClientAddress,
    headers: HeaderMap,
    Json(Code { code }): Json<Code>,
) -> Result<impl IntoResponse, ApiError> {
    let device = device(&headers).unwrap_or_else(links::new_device);
    let issued = match links::exchange(&app.store, &app.keys, &code, &device).await {
        // It may be that of an invitation.
        Err(LinkError::Unknown) => entering::exchange(&app, &code.parse()?, &device).await?,
        exchanged => exchanged?,
    };
    AccessLog::link_opened(client, &issued.id);
    let exchanged = Exchanged {
        token: issued.token,
        expires_at: issued.expires_at,
    };
    let is_https = app.config().is_https();
    Ok(([(SET_COOKIE, cookie(&device, is_https))], Json(exchanged)))
}

/// The secret that this browser was given.
fn device(headers: &HeaderMap) -> Option<SessionSecret> {
    cookies(headers, DEVICE).find_map(|value| value.parse().ok())
}

fn cookie(device: &SessionSecret, is_https: bool) -> HeaderValue {
    let secure = if is_https { "; Secure" } else { "" };
    let cookie = format!(
        "{DEVICE}={}; Path=/api/v1/links; Max-Age={KEPT_SECONDS}; HttpOnly; SameSite=Strict{secure}",
        device.reveal()
    );
    let mut value = HeaderValue::from_str(&cookie).expect("base 64 and words make a header");
    value.set_sensitive(true);
    value
}

impl From<CodeError> for ApiError {
    fn from(error: CodeError) -> Self {
        LinkError::from(error).into()
    }
}

impl From<LinkError> for ApiError {
    fn from(error: LinkError) -> Self {
        let message = error.to_string();
        match error {
            LinkError::Code(_) | LinkError::Unknown => {
                Self::new(StatusCode::UNAUTHORIZED, ErrorCode::TokenInvalid, message)
            }
            LinkError::Devices(_) => Self::bad_request(message),
            LinkError::Elsewhere => Self::not_permitted(message),
            LinkError::Token(error) => error.into(),
            LinkError::Store(error) => error.into(),
        }
    }
}
