//! Who asks, by the cookie of a login; and whoever comes to log in.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use jiff::SignedDuration;

use super::ApiError;
use super::acts::Witness;
use crate::accounts::{LoginCookie, is_own_origin};
use crate::app::{App, Inner};
use crate::auth::{Grant, SessionSecret};
use crate::listener::ClientAddress;
use crate::refusal::ErrorCode;
use crate::text;

/// After how long it is noted again that a login is used. Higher: fewer writes. Lower: the end for want
/// of use comes nearer to the moment at which it is due.
pub(crate) const NOTED_EVERY: Duration = Duration::from_secs(300);

/// Most characters that are kept of what a browser says of itself.
const MAX_AGENT_CHARS: usize = 200;

/// What somebody may whose browser shows the secret of a login.
pub(super) async fn grant(parts: &Parts, app: &App) -> Result<Grant, ApiError> {
    let cookie = LoginCookie::new(app.config().is_https());
    let secret = cookie.read(&parts.headers);
    let secret = secret.ok_or_else(ApiError::no_token)?;
    if !parts.method.is_safe() && !is_from_own_page(app, parts) {
        return Err(foreign());
    }
    app.logged_in(&secret).await
}

impl Inner {
    async fn logged_in(&self, secret: &SessionSecret) -> Result<Grant, ApiError> {
        let ended = |error: crate::auth::LoginEnded| {
            ApiError::new(
                StatusCode::UNAUTHORIZED,
                ErrorCode::LoginEnded,
                error.to_string(),
            )
        };
        let times = self.config().accounts.login_times();
        let login = self.store.login(&secret.hash()).await?;
        let login = login.ok_or_else(|| ended(crate::auth::LoginEnded))?;
        let now = self.clock.now();
        let grant = Grant::of_login(&login, now.wall, times).map_err(ended)?;
        let unseen = now.wall.duration_since(login.seen_at);
        let is_due = unseen >= SignedDuration::try_from(NOTED_EVERY).unwrap_or_default();
        if is_due && self.admission.may_note(now.mono, login.id) {
            let store = self.store.clone();
            // Nobody waits for it, and one that fails comes again.
            self.tasks
                .spawn(async move { store.touch_login(login.id, now.wall).await });
        }
        Ok(grant)
    }
}

fn is_from_own_page(app: &App, parts: &Parts) -> bool {
    let base = app.config().base_url(app.http);
    is_own_origin(&parts.headers, &parts.uri, &base)
}

fn foreign() -> ApiError {
    ApiError::not_permitted(
        "with the cookie of a login only pages of this server may change something: the header \
         `origin` is missing or of another site",
    )
}

/// Whoever comes to log in: from a page of this server, or from none.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) client: ClientAddress,
    pub(super) agent: Option<String>,
    pub(super) witness: Witness,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let names_origin = parts.headers.contains_key(axum::http::header::ORIGIN);
        if names_origin && !parts.method.is_safe() && !is_from_own_page(app, parts) {
            return Err(foreign());
        }
        Ok(Self {
            client: ClientAddress::of(&parts.extensions),
            agent: agent(&parts.headers),
            witness: Witness::of(&parts.extensions),
        })
    }
}

/// What a browser says of itself, in one line.
fn agent(headers: &HeaderMap) -> Option<String> {
    let said = headers.get(USER_AGENT).map(HeaderValue::to_str)?.ok()?;
    let shown = said.chars().filter(|letter| !text::misleads(*letter));
    Some(shown.take(MAX_AGENT_CHARS).collect()).filter(|said: &String| !said.is_empty())
}
