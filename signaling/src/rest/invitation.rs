//! `/invitation`: what a token invites to, for the page on which its holder decides to join.

use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::conferences::unknown;
use super::{ApiError, ErrorBody, Json};
use crate::app::App;
use crate::auth::{Grant, Role};
use crate::booking::OccurrenceState;
use crate::check::moments;
use crate::conference::Phase;
use crate::ids::{ConferenceId, SiteCode};

/// What the token's holder may know before joining: nothing of anybody else.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invitation {
    /// The conference to join.
    conference: InvitedTo,
    /// As what.
    role: Role,
    /// For which site; `null` for a role without one.
    site: Option<InvitedSite>,
    /// In how many seconds the page of the site, if it is open then, checks its line by itself: a day, an
    /// hour and ten minutes before the start, each site a little earlier than that.
    checks_in: Vec<i64>,
}

/// The conference, as far as an invitation tells of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InvitedTo {
    /// Its id.
    id: ConferenceId,
    /// What people call it.
    title: String,
    /// Whether it runs.
    state: Phase,
    /// When it should begin.
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    /// When its door opens for the token's holder, if it is booked and that is still to come.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    opens_at: Option<Timestamp>,
}

/// The site that the token speaks for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InvitedSite {
    /// Its code.
    code: SiteCode,
    /// The name to be shown: the token's, else the site's.
    name: String,
}

/// What this token invites to.
#[utoipa::path(
    get,
    path = "/invitation",
    tag = "conferences",
    responses(
        (status = OK, body = Invitation),
        (status = NOT_FOUND, body = ErrorBody, description = "There is no such conference any more."),
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    grant: Grant,
) -> Result<Json<Invitation>, ApiError> {
    let Some(id) = grant.conference() else {
        return Err(ApiError::not_permitted("the token is for no conference"));
    };
    app.directory.require_listed(&grant).await?;
    let now = app.clock.now().wall;
    let conference = invited_to(&app, &grant, id, now).await?;
    let site = match grant.site() {
        None => None,
        Some(code) => {
            let known = app.store.site(code).await?.map(|site| site.name);
            let name = grant.name().map(str::to_owned).or(known);
            name.map(|name| InvitedSite {
                code: code.clone(),
                name,
            })
        }
    };
    let moments = match (conference.state, conference.starts_at, grant.site()) {
        (Phase::Scheduled, Some(starts_at), Some(site)) => moments(id, starts_at, site, now),
        _ => Vec::new(),
    };
    // Not the time of day: the clock of an old machine may be wrong.
    let checks_in = moments.iter().map(|at| at.duration_since(now).as_secs());
    Ok(Json(Invitation {
        conference,
        role: grant.role(),
        site,
        checks_in: checks_in.collect(),
    }))
}

/// The conference, or what is booked to become it.
async fn invited_to(
    app: &App,
    grant: &Grant,
    id: &ConferenceId,
    now: Timestamp,
) -> Result<InvitedTo, ApiError> {
    let row = app.store.conference(id).await?;
    let booked = app.store.booked(id).await?;
    let booked = booked.filter(|booked| booked.day.state != OccurrenceState::Draft);
    let has_begun = row
        .as_ref()
        .is_some_and(|row| row.state != Phase::Scheduled);
    let opens_at = match &booked {
        Some(booked) if booked.is_deleted => return Err(booked.day.cancelled().into()),
        Some(_) if has_begun => None,
        Some(booked) if booked.day.state == OccurrenceState::Cancelled => {
            return Err(booked.day.cancelled().into());
        }
        Some(booked) => {
            let door = app.directory.door(grant).await?;
            Some(booked.day.door_opens_at(door)).filter(|at| *at > now)
        }
        None => None,
    };
    let (title, state, starts_at) = match (row, booked) {
        (Some(row), _) => (row.title, row.state, row.starts_at),
        (None, Some(booked)) => (
            booked.day.title,
            Phase::Scheduled,
            Some(booked.day.starts_at),
        ),
        (None, None) => return Err(unknown(id)),
    };
    Ok(InvitedTo {
        id: id.clone(),
        title,
        state,
        starts_at,
        opens_at,
    })
}
