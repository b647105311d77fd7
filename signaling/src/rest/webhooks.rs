//! `/webhooks`: programs that are told what happens.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::journal::check_after;
use super::page::{checked, link_to};
use super::{ApiError, ErrorBody, Json, Path, Query};
use crate::access::AccessLog;
use crate::app::App;
use crate::auth::{Conferences, Grant, Verb};
use crate::fresh;
use crate::ids::{KeyId, WebhookId};
use crate::listener::ClientAddress;
use crate::refusal::ErrorCode;
use crate::store::{Delivery, DeliveryState, Webhook, WebhookAdded, WebhookFilter};
use crate::webhooks::{Target, TargetError};

/// Most deliveries of one answer.
const MAX_LIMIT: u32 = 200;

/// Most kinds, or conferences, that a webhook names.
const MAX_NAMED: usize = 100;

/// Longest name of a kind. There are shorter ones only.
const MAX_KIND_BYTES: usize = 64;

/// Largest number of a delivery or an event.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateWebhook {
    /// Where it is told: `https://`, or `http://` in a network that the configuration allows.
    #[schema(max_length = 2_000, example = "https://program.example.vn/dinh")]
    url: String,
    /// Of these kinds of event only; of all if left out.
    #[schema(min_items = 1, max_items = 100)]
    kinds: Option<Vec<String>>,
    /// Of these conferences only, by id, or how ids begin with `*` at the end; of everything if left out.
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100)]
    conferences: Option<Vec<Conferences>>,
    /// Of what comes after this number of `/events`; of what happens from now on if left out.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_u64)]
    after: Option<u64>,
}

/// What of a webhook is to be another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChangeWebhook {
    /// Where it is told; as it was if left out.
    #[schema(max_length = 2_000)]
    url: Option<String>,
    /// Of which kinds; of all if `null`, as it was if left out.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    kinds: Option<Option<Vec<String>>>,
    /// Of which conferences; of everything if `null`, as it was if left out.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    conferences: Option<Option<Vec<Conferences>>>,
    /// Whether it is told anything; as it was if left out. What happens meanwhile it is told later.
    is_on: Option<bool>,
}

/// A `null` that is written is another thing than nothing.
fn written<'de, D, T>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(from).map(Some)
}

/// A program that is told what happens.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookShown {
    /// Its id, which is the audience (`aud`) of what it is sent.
    id: WebhookId,
    /// Where it is told.
    url: String,
    /// Of which kinds; of all if `null`.
    kinds: Option<Vec<String>>,
    /// Of which conferences; of everything if `null`.
    #[schema(value_type = Option<Vec<String>>)]
    conferences: Option<Vec<Conferences>>,
    /// Whether it is told anything.
    is_on: bool,
    /// The last number of `/events` that was looked at for it.
    seen: u64,
    /// How many deliveries were made for it.
    sequence: u64,
    /// Who has made it.
    made_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// Since when it takes nothing; `null` if it does.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// How often it was tried since.
    failures: u32,
}

/// Which deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeliveriesQuery {
    /// In this state only.
    state: Option<DeliveryState>,
    /// Those that come after this one in the list, which are older.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_u64)]
    after: Option<u64>,
    /// Most deliveries of the answer.
    #[param(default = 200, minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Keys with which a webhook checks who calls it (RFC 7517).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KeySet {
    /// The keys; `kid` of a signature says which.
    keys: Vec<PublicKey>,
}

/// A public key (RFC 8037).
#[derive(Debug, Serialize, ToSchema)]
struct PublicKey {
    /// `OKP`.
    kty: &'static str,
    /// `Ed25519`.
    crv: &'static str,
    /// `EdDSA`.
    alg: &'static str,
    /// `sig`.
    #[serde(rename = "use")]
    used_for: &'static str,
    /// Which key it is.
    kid: KeyId,
    /// The key, in base 64 for URLs.
    x: String,
}

/// Make a webhook: an address that is told what happens.
///
/// It is sent `{"webhook", "sequence", "events"}` by POST, with events as `/events` has them, and says
/// with any status of 200 to 299 that it has them. `Authorization` is `Bearer` and a JWT that
/// `/webhooks/keys` checks: `aud` is the webhook's id, `sequence` the number of the delivery, `sha256` that
/// of the body, in hexadecimal. Deliveries come in order, one at a time, and may come twice with the same
/// number. One that is not taken is tried for a day, one that is refused (400 to 499, or a redirection) for
/// some minutes; then it is dead, and the next one is tried.
#[utoipa::path(
    post,
    path = "/webhooks",
    tag = "webhooks",
    request_body = CreateWebhook,
    responses(
        (status = CREATED, body = WebhookShown),
        (status = CONFLICT, body = ErrorBody, description = "There are as many as there may be."),
    )
)]
pub(super) async fn create(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Json(body): Json<CreateWebhook>,
) -> Result<(StatusCode, Json<WebhookShown>), ApiError> {
    grant.permit(Verb::ManageWebhooks)?;
    Target::new(&body.url)?;
    let filter = filter(body.kinds, body.conferences)?;
    let seen = match body.after {
        None => app.store.journal_head().await?,
        Some(after @ 0..=MAX_NUMBER) => after,
        Some(after) => {
            let wrong = format!("after is {after}, must be 0 to {MAX_NUMBER}");
            return Err(ApiError::bad_request(wrong));
        }
    };
    let webhook = Webhook {
        id: fresh::webhook(),
        url: body.url,
        filter,
        is_on: true,
        seen,
        sequence: 0,
        made_by: grant.subject().to_owned(),
        made_at: app.clock.now().wall,
        failing_since: None,
        failures: 0,
    };
    match app.store.add_webhook(webhook.clone()).await? {
        WebhookAdded::Done => {}
        WebhookAdded::Full => {
            let message = "there are as many webhooks as there may be: take one away first";
            let full = ApiError::new(StatusCode::CONFLICT, ErrorCode::LimitReached, message);
            return Err(full);
        }
    }
    AccessLog::changed(client, &grant, &format!("webhook {} made", webhook.id));
    app.webhooks.wake();
    Ok((StatusCode::CREATED, Json(webhook.into())))
}

/// All webhooks, the oldest first.
#[utoipa::path(
    get,
    path = "/webhooks",
    tag = "webhooks",
    responses((status = OK, body = Vec<WebhookShown>))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
) -> Result<Json<Vec<WebhookShown>>, ApiError> {
    grant.permit(Verb::ManageWebhooks)?;
    let webhooks = app.store.webhooks().await?.into_iter();
    Ok(Json(webhooks.map(Into::into).collect()))
}

/// Change a webhook.
#[utoipa::path(
    patch,
    path = "/webhooks/{webhook}",
    tag = "webhooks",
    params(("webhook" = WebhookId, Path)),
    request_body = ChangeWebhook,
    responses((status = OK, body = WebhookShown))
)]
pub(super) async fn change(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path(id): Path<WebhookId>,
    Json(body): Json<ChangeWebhook>,
) -> Result<Json<WebhookShown>, ApiError> {
    grant.permit(Verb::ManageWebhooks)?;
    let mut webhook = known(&app, id).await?;
    if let Some(url) = body.url {
        Target::new(&url)?;
        webhook.url = url;
    }
    let kinds = body.kinds.unwrap_or(webhook.filter.kinds);
    let conferences = body.conferences.unwrap_or(webhook.filter.conferences);
    webhook.filter = filter(kinds, conferences)?;
    webhook.is_on = body.is_on.unwrap_or(webhook.is_on);
    if !app.store.change_webhook(webhook.clone()).await? {
        return Err(unknown(id));
    }
    AccessLog::changed(client, &grant, &format!("webhook {id} changed"));
    app.webhooks.wake();
    Ok(Json(webhook.into()))
}

/// Take a webhook away, with what it was to be told.
#[utoipa::path(
    delete,
    path = "/webhooks/{webhook}",
    tag = "webhooks",
    params(("webhook" = WebhookId, Path)),
    responses((status = NO_CONTENT))
)]
pub(super) async fn remove(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path(id): Path<WebhookId>,
) -> Result<StatusCode, ApiError> {
    grant.permit(Verb::ManageWebhooks)?;
    if !app.store.remove_webhook(id).await? {
        return Err(unknown(id));
    }
    AccessLog::changed(client, &grant, &format!("webhook {id} taken away"));
    Ok(StatusCode::NO_CONTENT)
}

/// What a webhook was told, the latest first.
#[utoipa::path(
    get,
    path = "/webhooks/{webhook}/deliveries",
    tag = "webhooks",
    params(("webhook" = WebhookId, Path), DeliveriesQuery),
    responses((status = OK, body = Vec<Delivery>, headers(("link" = Option<String>))))
)]
pub(super) async fn deliveries(
    State(app): State<App>,
    grant: Grant,
    Path(id): Path<WebhookId>,
    Query(DeliveriesQuery {
        state,
        after,
        limit,
    }): Query<DeliveriesQuery>,
    uri: OriginalUri,
) -> Result<(HeaderMap, Json<Vec<Delivery>>), ApiError> {
    grant.permit(Verb::ManageWebhooks)?;
    let limit = checked(limit, MAX_LIMIT)?;
    check_after(after.unwrap_or_default())?;
    known(&app, id).await?;
    let deliveries = app.store.deliveries(id, state, after, limit).await?;
    let is_full = deliveries.len() >= limit as usize;
    let last = deliveries.last().filter(|_| is_full);
    let last = last.map(|delivery| delivery.sequence.to_string());
    Ok((link_to(&uri, limit, last.as_deref()), Json(deliveries)))
}

/// Have a delivery sent again now, with the number that it had.
#[utoipa::path(
    post,
    path = "/webhooks/{webhook}/deliveries/{sequence}/again",
    tag = "webhooks",
    params(
        ("webhook" = WebhookId, Path),
        ("sequence" = u64, Path, minimum = 0, maximum = 9_007_199_254_740_991_u64),
    ),
    responses((status = NO_CONTENT))
)]
pub(super) async fn again(
    State(app): State<App>,
    grant: Grant,
    Path((id, sequence)): Path<(WebhookId, u64)>,
) -> Result<StatusCode, ApiError> {
    grant.permit(Verb::ManageWebhooks)?;
    known(&app, id).await?;
    let now = app.clock.now().wall;
    if !app.store.deliver_again(id, sequence, now).await? {
        let message = format!("the webhook {id} has no delivery {sequence}, or not any more");
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            ErrorCode::NotFound,
            message,
        ));
    }
    app.webhooks.wake();
    Ok(StatusCode::NO_CONTENT)
}

/// The keys with which a webhook checks that it is this server that calls it.
#[utoipa::path(
    get,
    path = "/webhooks/keys",
    tag = "webhooks",
    security(()),
    responses((status = OK, body = KeySet))
)]
pub(super) async fn keys(State(app): State<App>) -> Json<KeySet> {
    let (kid, public) = app.keys.own_public();
    Json(KeySet {
        keys: vec![PublicKey {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            used_for: "sig",
            kid: kid.clone(),
            x: URL_SAFE_NO_PAD.encode(public),
        }],
    })
}

async fn known(app: &App, id: WebhookId) -> Result<Webhook, ApiError> {
    app.store.webhook(id).await?.ok_or_else(|| unknown(id))
}

fn unknown(id: WebhookId) -> ApiError {
    let message = format!("there is no webhook {id}");
    ApiError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
}

fn filter(
    kinds: Option<Vec<String>>,
    conferences: Option<Vec<Conferences>>,
) -> Result<WebhookFilter, ApiError> {
    let is_kind = |kind: &String| {
        (1..=MAX_KIND_BYTES).contains(&kind.len())
            && kind.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if let Some(wrong) = kinds.iter().flatten().find(|kind| !is_kind(kind)) {
        let shown: String = wrong.chars().take(MAX_KIND_BYTES).collect();
        let message = format!("kinds has `{shown}`, must have kinds of event such as `started`");
        return Err(ApiError::bad_request(message));
    }
    for (name, count) in [
        ("kinds", kinds.as_ref().map(Vec::len)),
        ("conferences", conferences.as_ref().map(Vec::len)),
    ] {
        if let Some(count @ (0 | 101..)) = count {
            return Err(ApiError::bad_request(format!(
                "{name} has {count} entries, must have 1 to {MAX_NAMED}, or be left out"
            )));
        }
    }
    Ok(WebhookFilter { kinds, conferences })
}

impl From<Webhook> for WebhookShown {
    fn from(webhook: Webhook) -> Self {
        Self {
            id: webhook.id,
            url: webhook.url,
            kinds: webhook.filter.kinds,
            conferences: webhook.filter.conferences,
            is_on: webhook.is_on,
            seen: webhook.seen,
            sequence: webhook.sequence,
            made_by: webhook.made_by,
            made_at: webhook.made_at,
            failing_since: webhook.failing_since,
            failures: webhook.failures,
        }
    }
}

impl From<TargetError> for ApiError {
    fn from(error: TargetError) -> Self {
        Self::bad_request(error.to_string())
    }
}
