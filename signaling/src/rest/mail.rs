//! `/mail`: what waits to be sent, and what became of it.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, checked, page};
use super::{ApiError, ErrorBody, Json, Path, Query};
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::fresh;
use crate::ids::MailId;
use crate::mail::{Content, Party, Trouble};
use crate::refusal::ErrorCode;
use crate::store::{MailRow, MailState, NewMail, Queued};

/// Most mails of one answer: it stays below 100 KB.
const MAX_LIMIT: u32 = 250;

/// For how long a test mail is worth sending.
const TRIAL_HOURS: i64 = 1;

/// Which mails to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MailQuery {
    /// In this state only.
    state: Option<MailState>,
    /// Those that come after this one in the list.
    after: Option<MailId>,
    /// Most mails of the answer.
    #[param(default = 250, minimum = 1, maximum = 250)]
    limit: Option<u32>,
}

/// How it stands with mail.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MailSummary {
    /// Whether any mail is sent: an SMTP server is configured.
    is_on: bool,
    /// Whom mail is from.
    from: Option<String>,
    /// Why no mail leaves, if none does.
    trouble: Option<Trouble>,
    /// How many wait for their turn.
    waiting: u64,
    /// How many are being sent.
    sending: u64,
    /// How many the mail server has taken.
    sent: u64,
    /// How many it will never take.
    refused: u64,
    /// How many were tried in vain for too long.
    given_up: u64,
    /// Of how many there was nothing to say any more when their turn came.
    dropped: u64,
}

/// A mail to try whether mail arrives.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MailTrial {
    /// Where to send it.
    #[schema(example = "hop@example.vn", max_length = 254)]
    to: String,
}

/// Mails, the first that was asked for first.
#[utoipa::path(
    get,
    path = "/mail",
    tag = "mail",
    params(MailQuery),
    responses((status = OK, body = Vec<MailRow>, headers(("link" = Option<String>))))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Query(MailQuery {
        state,
        after,
        limit,
    }): Query<MailQuery>,
    uri: OriginalUri,
) -> Result<Page<MailRow>, ApiError> {
    grant.permit(Verb::ReadMail)?;
    let most = checked(limit, MAX_LIMIT)?;
    let mails = app.store.mails(state, after, most + 1).await?;
    page(&uri, Some(most), mails, |mail| mail.id.to_string())
}

/// How many mails there are in each state, and whether any leaves.
#[utoipa::path(
    get,
    path = "/mail/summary",
    tag = "mail",
    responses((status = OK, body = MailSummary))
)]
pub(super) async fn summary(
    State(app): State<App>,
    grant: Grant,
) -> Result<Json<MailSummary>, ApiError> {
    grant.permit(Verb::ReadMail)?;
    let config = app.config();
    let is_on = config.mail.is_on();
    let mut summary = MailSummary {
        is_on,
        from: is_on.then(|| config.mail.from.clone()),
        trouble: app.post.trouble(),
        ..MailSummary::default()
    };
    for (state, count) in app.store.mail_counts().await? {
        let of_state = match state {
            MailState::Waiting => &mut summary.waiting,
            MailState::Sending => &mut summary.sending,
            MailState::Sent => &mut summary.sent,
            MailState::Refused => &mut summary.refused,
            MailState::GivenUp => &mut summary.given_up,
            MailState::Dropped => &mut summary.dropped,
        };
        *of_state = count;
    }
    Ok(Json(summary))
}

/// Send a mail to try whether mail arrives.
#[utoipa::path(
    post,
    path = "/mail/trial",
    tag = "mail",
    request_body = MailTrial,
    responses(
        (status = ACCEPTED, body = MailRow, description = "It waits for its turn."),
        (status = CONFLICT, body = ErrorBody, description = "No mail is sent, or too many wait."),
    )
)]
pub(super) async fn trial(
    State(app): State<App>,
    grant: Grant,
    Json(MailTrial { to }): Json<MailTrial>,
) -> Result<(StatusCode, Json<MailRow>), ApiError> {
    grant.permit(Verb::Invite)?;
    let wrong = |problem| ApiError::bad_request(format!("to {problem}"));
    let to = Party::new("", &to).map_err(wrong)?;
    must_be_on(&app)?;
    let (id, now) = (fresh::mail(), app.clock.now().wall);
    let mail = NewMail {
        id,
        about: format!("trial/{id}"),
        recipient: to.address().to_string(),
        content: Content::Trial.to_json(),
        useless_at: now
            .checked_add(jiff::SignedDuration::from_hours(TRIAL_HOURS))
            .unwrap_or(now),
    };
    match app.store.queue_mail(vec![mail], false, now).await? {
        Queued::Done(_) => app.post.wake(),
        Queued::Full => return Err(full()),
    }
    let row = app.store.mail(id).await?.ok_or_else(|| unknown(id))?;
    Ok((StatusCode::ACCEPTED, Json(row)))
}

/// Have a mail tried again now that was not taken, or that waits for another attempt.
#[utoipa::path(
    post,
    path = "/mail/{mail}/again",
    tag = "mail",
    params(("mail" = MailId, Path)),
    responses(
        (status = OK, body = MailRow),
        (status = CONFLICT, body = ErrorBody, description = "It was sent, or is being sent."),
    )
)]
pub(super) async fn again(
    State(app): State<App>,
    grant: Grant,
    Path(id): Path<MailId>,
) -> Result<Json<MailRow>, ApiError> {
    grant.permit(Verb::Invite)?;
    must_be_on(&app)?;
    let is_changed = app.store.send_mail_again(id, app.clock.now().wall).await?;
    let row = app.store.mail(id).await?.ok_or_else(|| unknown(id))?;
    if !is_changed {
        let message = format!(
            "the mail {id} is {}: there is nothing to be tried again",
            row.state
        );
        return Err(wrong_state(message));
    }
    app.post.wake();
    Ok(Json(row))
}

/// Passes where mail is sent at all.
pub(super) fn must_be_on(app: &App) -> Result<(), ApiError> {
    if app.config().mail.is_on() {
        return Ok(());
    }
    Err(wrong_state(
        "no mail is sent: an administrator sets `[mail]` in the server's configuration",
    ))
}

fn full() -> ApiError {
    let message = "too many mails wait: look at `/mail/summary` for why they do not leave";
    ApiError::new(StatusCode::CONFLICT, ErrorCode::LimitReached, message)
}

fn wrong_state(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, ErrorCode::WrongState, message)
}

fn unknown(id: MailId) -> ApiError {
    let message = format!("there is no mail {id}");
    ApiError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
}
