//! `/bookings/{booking}/invitations`: who is invited, how each was told, and what was replied.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use std::collections::BTreeSet;

use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::bookings::{readable, schedule};
use super::mail::must_be_on;
use super::page::{Page, checked, page};
use super::{ApiError, ErrorBody, Json, Path, Query};
use crate::access::AccessLog;
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::booking::BookingState;
use crate::ids::{BookingId, SiteCode};
use crate::invitations::{InvitationState, Reply, ReplyKind, Whom};
use crate::inviting::Inviting;
use crate::listener::ClientAddress;
use crate::store::{InvitationFilter, InvitationRow};

/// Most invitations of one page: with names and replies of usual length they are 60 KB.
const MAX_LIMIT: u32 = 250;

/// Most sites that are named in one request, as many as a booking may name.
const MAX_SITES: usize = 60_000;

/// How it stands with one site that is invited.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SiteInvitation)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invitation {
    /// Its code.
    site: SiteCode,
    /// Its name; its code if it is not known any more.
    name: String,
    /// The province that it belongs to.
    province: Option<SiteCode>,
    /// How it stands.
    state: InvitationState,
    /// How it was told; `null` if it was not.
    channel: Option<Channel>,
    /// Whether it was told of something that has changed since.
    must_be_told_again: bool,
    /// What it has replied.
    reply: Option<Reply>,
}

/// How a site is told.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = InvitationChannel)]
#[serde(rename_all = "camelCase")]
pub(super) enum Channel {
    /// By a mail of this server.
    Mail,
}

impl From<InvitationRow> for Invitation {
    fn from(row: InvitationRow) -> Self {
        Self {
            site: row.site,
            name: row.name,
            province: row.province,
            state: row.state,
            channel: row.is_by_mail.then_some(Channel::Mail),
            must_be_told_again: row.must_be_told_again,
            reply: row.reply,
        }
    }
}

/// How many invitations stand how.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InvitationSummary {
    /// How many sites are invited.
    sites: u64,
    /// How many in each state.
    states: InvitationCounts,
    /// How many have replied what.
    replies: ReplyCounts,
    /// How many were told of something that has changed since.
    must_be_told_again: u64,
}

/// How many invitations are in each state.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InvitationCounts {
    /// Nobody was written to.
    not_sent: u64,
    /// The mail waits.
    queued: u64,
    /// The mail server has taken it.
    sent: u64,
    /// The page was opened.
    opened: u64,
    /// The mail was not taken.
    refused: u64,
}

/// How many sites have replied what.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplyCounts {
    /// They take part.
    coming: u64,
    /// They do not.
    excused: u64,
    /// They send somebody.
    sends: u64,
}

/// Which invitations to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InvitationsQuery {
    /// Those that stand so.
    state: Option<InvitationState>,
    /// Of this province.
    province: Option<SiteCode>,
    /// Those behind this site.
    after: Option<SiteCode>,
    /// Most invitations of the answer.
    #[param(default = 250, minimum = 1, maximum = 250)]
    limit: Option<u32>,
}

/// A booking for somebody who may know whom it invites, and within which province.
async fn inviting(
    app: &App,
    grant: &Grant,
    booking: &BookingId,
) -> Result<(Inviting, Option<SiteCode>), ApiError> {
    let within = grant.within(Verb::ReadInvitations)?.cloned();
    let booking = readable(app, grant, booking).await?;
    Ok((Inviting::to(app, booking).await?, within))
}

/// Whom a booking invites, by the codes of the sites. A draft invites nobody.
#[utoipa::path(
    get,
    path = "/bookings/{booking}/invitations",
    tag = "invitations",
    params(("booking" = BookingId, Path), InvitationsQuery),
    responses((status = OK, body = Vec<Invitation>, headers(("link" = Option<String>))))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Path(booking): Path<BookingId>,
    Query(asked): Query<InvitationsQuery>,
    uri: OriginalUri,
) -> Result<Page<Invitation>, ApiError> {
    let most = checked(asked.limit, MAX_LIMIT)?;
    let (inviting, within) = inviting(&app, &grant, &booking).await?;
    let filter = InvitationFilter {
        state: asked.state,
        below: asked.province,
        after: asked.after,
        ..inviting.all(within)
    };
    // One more than is asked for, which tells whether there is another page.
    let rows = app.store.invitations(&filter, most.saturating_add(1));
    let rows = rows.await?.into_iter().map(Invitation::from);
    page(&uri, Some(most), rows, |row| row.site.to_string())
}

/// How many of those whom a booking invites stand how.
#[utoipa::path(
    get,
    path = "/bookings/{booking}/invitations/summary",
    tag = "invitations",
    params(("booking" = BookingId, Path)),
    responses((status = OK, body = InvitationSummary))
)]
pub(super) async fn summary(
    State(app): State<App>,
    grant: Grant,
    Path(booking): Path<BookingId>,
) -> Result<Json<InvitationSummary>, ApiError> {
    let (inviting, within) = inviting(&app, &grant, &booking).await?;
    let mut summary = InvitationSummary::default();
    if inviting.booking.state == BookingState::Draft {
        summary.sites = inviting.booking.invited.into();
        summary.states.not_sent = summary.sites;
        return Ok(Json(summary));
    }
    let filter = inviting.all(within);
    for tally in app.store.tally_invitations(&filter).await? {
        let of_state = match tally.state {
            InvitationState::NotSent => &mut summary.states.not_sent,
            InvitationState::Queued => &mut summary.states.queued,
            InvitationState::Sent => &mut summary.states.sent,
            InvitationState::Opened => &mut summary.states.opened,
            InvitationState::Refused => &mut summary.states.refused,
        };
        *of_state += tally.count;
        let of_reply = tally.reply.map(|reply| match reply {
            ReplyKind::Coming => &mut summary.replies.coming,
            ReplyKind::Excused => &mut summary.replies.excused,
            ReplyKind::Sends => &mut summary.replies.sends,
        });
        if let Some(of_reply) = of_reply {
            *of_reply += tally.count;
        }
        if tally.must_be_told_again {
            summary.must_be_told_again += tally.count;
        }
        summary.sites += tally.count;
    }
    Ok(Json(summary))
}

/// To whom to send: one of the three.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SendInvitations {
    /// To these sites.
    #[schema(min_items = 1, max_items = 60_000)]
    sites: Option<BTreeSet<SiteCode>>,
    /// To those whose invitation stands so.
    #[schema(min_items = 1, max_items = 5)]
    states: Option<BTreeSet<InvitationState>>,
    /// To those who were told of something that has changed since.
    must_be_told_again: Option<bool>,
}

impl SendInvitations {
    fn whom(self) -> Result<Whom, ApiError> {
        match (self.sites, self.states, self.must_be_told_again) {
            (Some(sites), None, None) if (1..=MAX_SITES).contains(&sites.len()) => {
                Ok(Whom::Sites(sites))
            }
            (Some(sites), None, None) => Err(ApiError::bad_request(format!(
                "sites are {}, must be 1 to {MAX_SITES}",
                sites.len()
            ))),
            (None, Some(states), None) if !states.is_empty() => Ok(Whom::States(states)),
            (None, None, Some(true)) => Ok(Whom::MustBeToldAgain),
            _ => Err(ApiError::bad_request(
                "say to whom, by one of `sites`, `states` and `mustBeToldAgain`: true",
            )),
        }
    }
}

/// What came of sending.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentInvitations {
    /// So many mails wait for their turn now.
    queued: u32,
    /// So many of those sites have no address of mail.
    without_address: u32,
}

/// Send invitations by mail: to whoever was told before, what has changed; of a booking that is cancelled,
/// that it is. To whom such a mail is on its way, or has left within the last minute, no other is sent.
#[utoipa::path(
    post,
    path = "/bookings/{booking}/invitations/send",
    tag = "invitations",
    params(("booking" = BookingId, Path)),
    request_body = SendInvitations,
    responses(
        (status = ACCEPTED, body = SentInvitations, description = "They wait for their turn."),
        (status = NOT_FOUND, body = ErrorBody, description = "There is no such booking, or it does not invite such a site."),
        (status = CONFLICT, body = ErrorBody, description = "No mail is sent, too many wait, or it is a draft or over."),
    )
)]
pub(super) async fn send(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path(id): Path<BookingId>,
    Json(body): Json<SendInvitations>,
) -> Result<(StatusCode, Json<SentInvitations>), ApiError> {
    app.check_not_draining()?;
    grant.permit(Verb::Invite)?;
    let whom = body.whom()?;
    let booking = schedule(&app, &grant).find(&id).await?;
    must_be_on(&app)?;
    let inviting = Inviting::to(&app, booking).await?;
    let outcome = inviting.send(whom, grant.subject()).await?;
    let queued = outcome.queued;
    AccessLog::changed(client, &grant, &format!("booking {id}: {queued} invited"));
    let sent = SentInvitations {
        queued,
        without_address: outcome.without_address,
    };
    Ok((StatusCode::ACCEPTED, Json(sent)))
}

/// A link that was issued anew.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReissuedLink {
    /// The link. A secret until it is opened.
    url: String,
}

/// Issue the link of a site anew. The one before is dead at once, and whoever is in by it has to go.
#[utoipa::path(
    post,
    path = "/bookings/{booking}/invitations/{site}/reissue",
    tag = "invitations",
    params(("booking" = BookingId, Path), ("site" = SiteCode, Path)),
    responses(
        (status = OK, body = ReissuedLink),
        (status = NOT_FOUND, body = ErrorBody, description = "There is no such booking, or it does not invite the site."),
        (status = CONFLICT, body = ErrorBody, description = "It is a draft or over."),
    )
)]
pub(super) async fn reissue(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path((id, site)): Path<(BookingId, SiteCode)>,
) -> Result<Json<ReissuedLink>, ApiError> {
    app.check_not_draining()?;
    grant.permit(Verb::Invite)?;
    let booking = schedule(&app, &grant).find(&id).await?;
    let inviting = Inviting::to(&app, booking).await?;
    let url = inviting.reissue(&site, grant.subject()).await?;
    let what = format!("booking {id}: link of {site} issued anew");
    AccessLog::changed(client, &grant, &what);
    Ok(Json(ReissuedLink { url }))
}
