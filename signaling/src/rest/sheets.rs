//! `/bookings/{booking}/sheets/{province}`: what is printed and handed to the sites of a province.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::response::IntoResponse;
use jiff::{Timestamp, Zoned};
use serde::Deserialize;
use utoipa::IntoParams;

use super::bookings::readable;
use super::{ApiError, ErrorBody, Path, Query};
use crate::access::AccessLog;
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::booking::{BookingState, Language};
use crate::ids::{BookingId, SiteCode};
use crate::invitations::Stands;
use crate::inviting::{Inviting, short_link};
use crate::listener::ClientAddress;
use crate::occasion::{Occasion, in_zone};
use crate::refusal::ErrorCode;
use crate::sheets::{self, Sheet, Slip};
use crate::sites::Site;
use crate::store::{InvitationFilter, InvitationRow, StoreError};

/// Most slips of one sheet, more than any province has communes: less than 8 MB. Higher: a browser takes
/// long to lay it out for the printer.
const MOST: u32 = 1_500;

/// How to print.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SheetQuery {
    /// In this language; in that of the booking if left out.
    language: Option<Language>,
}

/// A page to print, with a slip for each site of a province that is invited: its own link, as text and as a QR
/// code. `province` may be any site that others are below.
#[utoipa::path(
    get,
    path = "/bookings/{booking}/sheets/{province}",
    tag = "invitations",
    params(("booking" = BookingId, Path), ("province" = SiteCode, Path), SheetQuery),
    responses(
        (status = OK, body = String, content_type = "text/html"),
        (status = NOT_FOUND, body = ErrorBody, description = "There is no such booking, or no such site."),
        (status = CONFLICT, body = ErrorBody, description = "It is a draft, cancelled or over, or there are too many sites."),
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path((id, province)): Path<(BookingId, SiteCode)>,
    Query(SheetQuery { language }): Query<SheetQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let within = grant.within(Verb::ReadInvitations)?.cloned();
    let booking = readable(&app, &grant, &id).await?;
    let closed = |why: &str| ApiError::new(StatusCode::CONFLICT, ErrorCode::BookingClosed, why);
    if booking.state == BookingState::Draft {
        return Err(closed("nobody is invited by a draft: publish it first"));
    }
    let place = app.store.site(&province).await?.ok_or_else(|| {
        let message = format!("there is no site {province}");
        ApiError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
    })?;
    let language = language.unwrap_or(booking.details.language);
    let inviting = Inviting::to(&app, booking).await?;
    let filter = InvitationFilter {
        below: Some(province.clone()),
        ..inviting.all(within.clone())
    };
    let rows = app.store.invitations(&filter, MOST + 1).await?;
    if rows.is_empty() && within.is_some_and(|own| own != province) {
        return Err(grant.role().out_of_reach(Verb::ReadInvitations).into());
    }
    if rows.len() > MOST as usize {
        let message = format!("more than {MOST} sites are invited there: ask for one below it");
        let many = ApiError::new(StatusCode::CONFLICT, ErrorCode::LimitReached, message);
        return Err(many);
    }
    let now = inviting.now;
    let occasion = Occasion::of(&app.store, &id, now).await?;
    let occasion = occasion
        .filter(|occasion| occasion.stands == Stands::Ahead)
        .ok_or_else(|| closed("it is over or cancelled: nobody comes in by a sheet any more"))?;
    let slips = slips(&app, &id, rows).await?;
    let sheet = sheet(&occasion, place, slips, (language, now));
    let sheet = sheet.ok_or_else(|| closed("it has no day"))?;
    let what = format!("booking {id}: sheet of {province} printed");
    AccessLog::changed(client, &grant, &what);
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, sheets::POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, sheets::page(&sheet)))
}

/// A slip for each site.
async fn slips(
    app: &App,
    booking: &BookingId,
    rows: Vec<InvitationRow>,
) -> Result<Vec<Slip>, StoreError> {
    let base_url = app.config().base_url(app.http);
    let codes = app.keys.invitation_codes();
    let mut slips = Vec::with_capacity(rows.len());
    for row in rows {
        let code = app.store.code_of(booking, &row, codes).await?.reveal();
        slips.push(Slip {
            name: row.name,
            site_code: row.site.to_string(),
            url: short_link(&base_url, &code),
            code,
        });
    }
    Ok(slips)
}

fn sheet(
    occasion: &Occasion,
    place: Site,
    slips: Vec<Slip>,
    (language, now): (Language, Timestamp),
) -> Option<Sheet> {
    let day = &occasion.day()?.day;
    let by_its_clocks = |at: Timestamp| -> Zoned { in_zone(at, &day.zone) };
    let later = occasion.days.iter().skip(occasion.now + 1);
    let minutes = day.ends_at.duration_since(day.starts_at).as_mins();
    Some(Sheet {
        language,
        province: place.name,
        phone: place.contact_phone.unwrap_or_default(),
        title: day.title.clone(),
        starts_at: by_its_clocks(day.starts_at),
        duration_minutes: u32::try_from(minutes).unwrap_or_default(),
        more_days: later.filter(|booked| booked.takes_place()).count(),
        made_at: by_its_clocks(now),
        slips,
    })
}
