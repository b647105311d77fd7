//! `/invitation/{code}`: what a site is told behind its link, what it replies, and its calendar. There is no
//! token: whoever has the code is asked.

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiError, ErrorBody, Json, Path};
use crate::app::App;
use crate::auth::LinkCode;
use crate::booking::{Document, Door, Kind};
use crate::calendar::{self, Method};
use crate::check::moments;
use crate::conference::Phase;
use crate::entering;
use crate::ids::SiteCode;
use crate::invitations::{self, GivenReply, Reply, Stands};
use crate::links::LinkError;
use crate::occasion::Occasion;
use crate::refusal::ErrorCode;
use crate::sites::{Level, Site};
use crate::store::{Booked, Invited};

/// What a site is invited to: of a series, the day that runs or the next one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvitationBehindLink)]
#[serde(rename_all = "camelCase")]
pub(super) struct InvitedTo {
    /// How it stands.
    state: InvitedState,
    /// What people call it.
    title: String,
    /// What is done in it.
    kind: Kind,
    /// Why it does not take place.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    starts_at: Timestamp,
    /// How long it takes.
    duration_minutes: u32,
    /// By whose clocks it is announced.
    zone: String,
    /// When this site may come in.
    #[schema(value_type = String, format = DateTime)]
    opens_at: Timestamp,
    /// Who is invited.
    site: SiteInvited,
    /// The hall from which it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    hall: Option<String>,
    /// Who leads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    chair: Option<String>,
    /// What is spoken of, in order.
    agenda: Vec<InvitedTopic>,
    /// What the site has replied.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<Reply>,
    /// Whether something has changed since the site was told by mail.
    must_be_told_again: bool,
    /// To which a calendar may subscribe.
    calendar: String,
    /// In how many seconds the page, if it is open then, checks its line by itself.
    checks_in: Vec<i64>,
}

/// How it stands with what a site is invited to.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum InvitedState {
    /// It is to come.
    Planned,
    /// The site may come in.
    Open,
    /// It is over.
    Over,
    /// It does not take place.
    Cancelled,
}

/// Who is invited.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SiteInvited {
    /// Its code.
    code: SiteCode,
    /// Its name.
    name: String,
}

/// Something that is spoken of.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InvitedTopic {
    /// What.
    title: String,
    /// The name of the site that speaks of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    speaker: Option<String>,
    /// How long.
    minutes: u32,
    /// What is to be read.
    documents: Vec<Document>,
}

/// What is known of whoever has a code.
struct Asked {
    code: LinkCode,
    invited: Invited,
    site: Site,
    occasion: Occasion,
    day: Booked,
    now: Timestamp,
}

/// The same for every code that is nobody's, whatever it looks like.
fn nobody() -> ApiError {
    let message =
        "nobody is invited by this code: open the link as it was sent, or ask for a new one";
    ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::TokenInvalid, message)
}

impl Asked {
    async fn by(app: &App, code: &str) -> Result<Self, ApiError> {
        let code: LinkCode = code.parse().map_err(|_| nobody())?;
        let (invited, site) = match entering::invited(app, &code).await {
            Err(LinkError::Unknown) => return Err(nobody()),
            found => found?,
        };
        let now = app.clock.now().wall;
        let occasion = Occasion::of(&app.store, &invited.booking, now).await?;
        let occasion = occasion.ok_or_else(nobody)?;
        let day = occasion.day().cloned().ok_or_else(nobody)?;
        Ok(Self {
            code,
            invited,
            site,
            occasion,
            day,
            now,
        })
    }

    const fn door(&self) -> Door {
        match self.site.level {
            Level::Province => Door::Province,
            _ => Door::Site,
        }
    }

    fn state(&self) -> InvitedState {
        match self.occasion.stands {
            Stands::Over => InvitedState::Over,
            Stands::Cancelled => InvitedState::Cancelled,
            Stands::Ahead if self.day.let_in(self.door(), self.now).is_ok() => InvitedState::Open,
            Stands::Ahead => InvitedState::Planned,
        }
    }

    /// In how many seconds the line is checked.
    fn checks_in(&self) -> Vec<i64> {
        let has_begun = matches!(self.day.phase, Some(Phase::Running | Phase::Ended));
        if has_begun || self.occasion.stands != Stands::Ahead {
            return Vec::new();
        }
        let day = &self.day.day;
        let at = moments(&day.conference, day.starts_at, &self.site.code, self.now);
        // Not the time of day: the clock of an old machine may be wrong.
        at.iter()
            .map(|at| at.duration_since(self.now).as_secs())
            .collect()
    }

    async fn must_be_told_again(&self, app: &App) -> Result<bool, ApiError> {
        let newest = app
            .store
            .newest_notice(&self.invited.booking, self.now)
            .await?;
        let told = self.invited.told.zip(newest);
        Ok(told.is_some_and(|(told, newest)| told < newest.notice))
    }

    async fn view(self, app: &App) -> Result<InvitedTo, ApiError> {
        let config = app.config();
        let (base, code) = (config.base_url(app.http), self.code.reveal());
        let must_be_told_again = self.must_be_told_again(app).await?;
        let (state, checks_in, door) = (self.state(), self.checks_in(), self.door());
        let day = self.day.day;
        let agenda = self.occasion.agenda.into_iter().map(|topic| InvitedTopic {
            title: topic.title,
            speaker: topic.speaker,
            minutes: topic.minutes,
            documents: topic.documents,
        });
        let minutes = day.ends_at.duration_since(day.starts_at).as_mins();
        Ok(InvitedTo {
            state,
            opens_at: day.door_opens_at(door),
            title: day.title,
            kind: day.kind,
            reason: self.occasion.booking.reason,
            starts_at: day.starts_at,
            duration_minutes: u32::try_from(minutes).unwrap_or_default(),
            zone: day.zone,
            site: SiteInvited {
                code: self.site.code,
                name: self.site.name,
            },
            hall: self.occasion.hall,
            chair: self.occasion.chair,
            agenda: agenda.collect(),
            reply: self.invited.reply,
            must_be_told_again,
            calendar: format!("{base}/api/v1/invitation/{code}/calendar.ics"),
            checks_in,
        })
    }
}

/// What a site is invited to. That it was opened is noted.
#[utoipa::path(
    get,
    path = "/invitation/{code}",
    tag = "invitations",
    security(()),
    params(("code" = String, Path, description = "what stands in the short link", example = "7KQM-2FJX-9VTP-3HWS")),
    responses(
        (status = OK, body = InvitedTo),
        (status = UNAUTHORIZED, body = ErrorBody, description = "nobody is invited by the code, or not any more"),
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(code): Path<String>,
) -> Result<Json<InvitedTo>, ApiError> {
    let asked = Asked::by(&app, &code).await?;
    entering::note_opened(&app, &asked.code, &asked.invited).await;
    Ok(Json(asked.view(&app).await?))
}

/// Reply to an invitation; another reply takes the place of the one before.
#[utoipa::path(
    put,
    path = "/invitation/{code}/reply",
    tag = "invitations",
    security(()),
    params(("code" = String, Path, description = "what stands in the short link", example = "7KQM-2FJX-9VTP-3HWS")),
    request_body = GivenReply,
    responses(
        (status = OK, body = Reply),
        (status = UNAUTHORIZED, body = ErrorBody, description = "nobody is invited by the code, or not any more"),
        (status = CONFLICT, body = ErrorBody, description = "it is over, or cancelled"),
    )
)]
pub(super) async fn reply(
    State(app): State<App>,
    Path(code): Path<String>,
    Json(given): Json<GivenReply>,
) -> Result<Json<Reply>, ApiError> {
    let asked = Asked::by(&app, &code).await?;
    if asked.occasion.stands != Stands::Ahead {
        let message = "it is over, or does not take place: there is nothing to reply to";
        let status = StatusCode::CONFLICT;
        return Err(ApiError::new(status, ErrorCode::BookingClosed, message));
    }
    let given = given.read(asked.now);
    let given = given.map_err(|error| ApiError::bad_request(error.to_string()))?;
    let code = asked.code.hash();
    if !app.store.keep_reply(&code, given.clone()).await? {
        return Err(nobody());
    }
    Ok(Json(given))
}

/// What a site is invited to, for its calendar: the whole series with its exceptions, to be subscribed to.
#[utoipa::path(
    get,
    path = "/invitation/{code}/calendar.ics",
    tag = "invitations",
    security(()),
    params(("code" = String, Path, description = "what stands in the short link", example = "7KQM-2FJX-9VTP-3HWS")),
    responses(
        (status = OK, body = String, content_type = "text/calendar"),
        (status = UNAUTHORIZED, body = ErrorBody, description = "nobody is invited by the code, or not any more"),
    )
)]
pub(super) async fn calendar(
    State(app): State<App>,
    Path(code): Path<String>,
) -> Result<([(HeaderName, &'static str); 2], String), ApiError> {
    let asked = Asked::by(&app, &code).await?;
    let base = app.config().base_url(app.http);
    let said = asked.occasion.said(&base, &asked.code);
    let entry = invitations::entry(&asked.occasion.booking, said);
    let name = asked.occasion.booking.details.title;
    let text = calendar::write(Method::Publish, Some(&name), &[entry]);
    let headers = [
        (CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"invite.ics\""),
    ];
    Ok((headers, text))
}
