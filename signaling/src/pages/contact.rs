//! Whom to call: the organisers, and for whoever holds a link, good or not, who is to be called at the
//! province of its site.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{ASK_AGAIN, guard};
use crate::app::App;
use crate::auth::LinkCode;
use crate::links;
use crate::sites::Level;
use crate::store::StoreError;

/// For what is one person's.
const NOT_KEPT: &str = "no-store";

/// Whom pages tell people to call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Contacts {
    /// The organisers, as the configuration says.
    organiser: Option<String>,
    /// At the place above the site of the link, as the list of sites says.
    #[serde(skip_serializing_if = "Option::is_none")]
    above: Option<Above>,
}

/// Somebody at a place that is above another.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Above {
    /// The place, as the list calls it.
    place: String,
    /// What it is: a province's name does not say so.
    level: Level,
    /// Whom to ask for.
    name: Option<String>,
    /// How to call them.
    phone: Option<String>,
}

/// Tells it. Who sends a token or the code of a link along (`Authorization: Bearer …`) need not be
/// let in by it: it is wanted most where that fails.
pub async fn show(State(app): State<App>, headers: HeaderMap) -> Response {
    let credential = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let (above, cache) = match credential {
        None => (None, ASK_AGAIN),
        // Of a store that fails there are other words; the organisers are told nevertheless.
        Some(credential) => (above(&app, credential).await.unwrap_or(None), NOT_KEPT),
    };
    let organiser = Some(app.config().conferences.organiser.clone());
    let contacts = Contacts {
        organiser: organiser.filter(|organiser| !organiser.is_empty()),
        above,
    };
    guard(([(CACHE_CONTROL, cache)], Json(contacts)).into_response())
}

async fn above(app: &App, credential: &str) -> Result<Option<Above>, StoreError> {
    let site = match credential.parse::<LinkCode>() {
        Ok(code) => links::site_of(&app.store, &code).await?,
        Err(_) => app.keys.signed_site(credential),
    };
    let Some(site) = site else { return Ok(None) };
    let site = app.store.contact_above(&site).await?;
    Ok(site.map(|site| Above {
        place: site.name,
        level: site.level,
        name: site.contact_name,
        phone: site.contact_phone,
    }))
}
