//! `/acts`: who has changed what. Noted in one place, for every change over REST by whoever has shown
//! who they are.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequestParts, MatchedPath, OriginalUri, Request, State};
use axum::http::Extensions;
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use tracing::warn;
use utoipa::IntoParams;

use super::page::{Page, checked, page};
use super::{ApiError, Query, Refused};
use crate::accounts::Act;
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::fresh;
use crate::ids::{AccountId, ActId};
use crate::listener::ClientAddress;
use crate::store::ActFilter;

/// Most acts of one page: less than 100 KB.
const MAX_LIMIT: u32 = 200;

/// Most characters of an address that is kept: ids in paths are short.
const MAX_ABOUT_CHARS: usize = 300;

/// What changes nothing and is asked again with every few letters that somebody writes.
const LOOKS: [&str; 1] = ["/api/v1/letters/{kind}/{language}/preview"];

/// The one request that begins something though browsers are led to it: the log-in of whoever comes back
/// from a provider.
const ARRIVE: &str = "/login/oidc/{provider}/callback";

/// Who asks, as soon as a handler has found out.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness(Arc<OnceLock<Grant>>);

impl Witness {
    /// That of a request; one that nobody asks of a request that changes nothing.
    pub(super) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// This is who asks.
    pub(super) fn saw(&self, grant: &Grant) {
        self.0.get_or_init(|| grant.clone());
    }
}

impl<S: Sync> FromRequestParts<S> for Witness {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

/// A change that is under way. Dropped before it has come to something, because whoever asked has hung
/// up, it is noted as such.
struct UnderWay {
    app: App,
    witness: Witness,
    at: Timestamp,
    method: String,
    route: String,
    about: String,
    address: String,
    is_noted: bool,
}

/// Notes what is changed, by whom, and what came of it: before it is answered, so that whoever reads the
/// answer finds it noted.
pub(crate) async fn note(
    State(app): State<App>,
    client: ClientAddress,
    OriginalUri(uri): OriginalUri,
    mut request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("-", MatchedPath::as_str).to_owned();
    let changes = !request.method().is_safe() && !LOOKS.contains(&&*route);
    if !changes && !route.ends_with(ARRIVE) {
        return next.run(request).await;
    }
    let witness = Witness::default();
    request.extensions_mut().insert(witness.clone());
    let under_way = UnderWay {
        at: app.clock.now().wall,
        method: request.method().to_string(),
        route,
        about: uri.path().chars().take(MAX_ABOUT_CHARS).collect(),
        address: client.to_string(),
        is_noted: false,
        app: app.clone(),
        witness,
    };
    let response = next.run(request).await;
    if let Some(act) = under_way.end(&response) {
        let storing = app.tasks.spawn(store(app.clone(), act));
        // It is stored also if nobody waits any more.
        let _ = storing.await;
    }
    response
}

impl UnderWay {
    /// It has come to this.
    fn end(mut self, response: &Response) -> Option<Act> {
        let made = response.headers().get(LOCATION);
        let made = made.filter(|_| !response.status().is_redirection());
        if let Some(made) = made.and_then(|made| made.to_str().ok()) {
            self.about = made.chars().take(MAX_ABOUT_CHARS).collect();
        }
        let refused = response.extensions().get::<Refused>();
        let code = refused.map(|refused| refused.code.to_string());
        self.take(response.status().as_u16(), code)
    }

    /// The act, unless it was taken before or nobody knows whose it is.
    fn take(&mut self, status: u16, code: Option<String>) -> Option<Act> {
        let grant = self.witness.0.get()?;
        if std::mem::replace(&mut self.is_noted, true) {
            return None;
        }
        Some(Act {
            id: fresh::act(self.at),
            at: self.at,
            subject: grant.subject().to_owned(),
            name: grant.name().map(str::to_owned),
            account: grant.account(),
            role: grant.role(),
            token: grant.token().clone(),
            method: std::mem::take(&mut self.method),
            route: std::mem::take(&mut self.route),
            about: std::mem::take(&mut self.about),
            status,
            code,
            address: std::mem::take(&mut self.address),
        })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(act) = self.take(0, None) {
            self.app.tasks.spawn(store(self.app.clone(), act));
        }
    }
}

async fn store(app: App, act: Act) {
    if let Err(cause) = app.store.record_act(act).await {
        warn!(%cause, "cannot note what was changed");
    }
}

/// Which acts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ActsQuery {
    /// Of this account only.
    account: Option<AccountId>,
    /// Those that came before this one.
    after: Option<ActId>,
    /// Most acts of the answer.
    #[param(default = 200, minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Who has asked for which change over REST, and what came of it, the newest first.
#[utoipa::path(
    get,
    path = "/acts",
    tag = "accounts",
    params(ActsQuery),
    responses((status = OK, body = Vec<Act>, headers(("link" = Option<String>))))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Query(ActsQuery {
        account,
        after,
        limit,
    }): Query<ActsQuery>,
    uri: OriginalUri,
) -> Result<Page<Act>, ApiError> {
    grant.permit(Verb::ReadActs)?;
    let limit = checked(limit, MAX_LIMIT)?;
    let filter = ActFilter {
        account,
        after,
        limit: limit + 1,
    };
    let acts = app.store.acts(&filter).await?;
    page(&uri, Some(limit), acts, |act| act.id.to_string())
}
