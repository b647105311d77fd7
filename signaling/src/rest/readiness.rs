//! `/bookings/{booking}/readiness`: how ready those are who are invited, by what their lines' last checks
//! found.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use std::collections::HashMap;

use axum::extract::{OriginalUri, State};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::bookings::schedule;
use super::page::{Page, checked, page};
use super::{ApiError, Json, Path, Query};
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::check::Cause;
use crate::ids::{BookingId, IdError, SiteCode};
use crate::readiness::{Checked, Counts, Found, Invited, Outline, Standing, count, invited};
use crate::sites::Site;
use crate::store::StoreError;

/// How old a check may be that counts, unless somebody says since when.
const FRESH: SignedDuration = SignedDuration::from_hours(24);

/// Most sites of one page: with contacts of usual length they are 80 KB.
const MAX_SITES: u32 = 250;

/// How ready those are who are invited.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BookingReadiness)]
#[serde(rename_all = "camelCase")]
pub(super) struct Readiness {
    /// Since when checks count.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// All of them.
    total: Counts,
    /// By province, in the order of their codes.
    provinces: Vec<ReadyProvince>,
}

/// How ready those of a province are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReadyProvince {
    /// Its code.
    code: SiteCode,
    /// Its name.
    name: String,
    /// How many stand how.
    #[serde(flatten)]
    counts: Counts,
}

/// A site, how it stands with it, and whom to phone there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReadySite {
    /// Its code.
    site: SiteCode,
    /// Its name.
    name: String,
    /// Its province.
    province: Option<SiteCode>,
    /// How it stands with it.
    standing: Standing,
    /// What is in the way, or that nothing is; left out if it was not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    /// What is read out over the phone.
    #[schema(example = "U1-K7QM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// When it was checked.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    /// Whom to ask for there.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_name: Option<String>,
    /// The telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_phone: Option<String>,
}

impl ReadySite {
    fn new(one: &Invited<'_>, site: Site, checked: Option<&Checked>) -> Result<Self, ApiError> {
        let province = one.province.map(str::parse).transpose();
        Ok(Self {
            site: site.code,
            name: site.name,
            province: province.map_err(unreadable)?,
            standing: one.standing,
            cause: checked.map(|checked| checked.cause),
            reference: checked.map(|checked| checked.code.reference(checked.cause)),
            at: checked.map(|checked| checked.at),
            contact_name: site.contact_name,
            contact_phone: site.contact_phone,
        })
    }
}

/// A code that is kept and is none.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands where an error is made another"
)]
fn unreadable(error: IdError) -> ApiError {
    StoreError::Unreadable(error.to_string()).into()
}

/// Which checks count.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SinceQuery {
    /// Those made since then; if left out, those of the last day.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
}

/// Which sites to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReadySitesQuery {
    /// Checks made since then count; if left out, those of the last day.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Of this province.
    province: Option<SiteCode>,
    /// With which it stands so; if left out, those with which something is amiss.
    standing: Option<Standing>,
    /// Those behind this one in the list.
    after: Option<SiteCode>,
    /// Most sites of the answer.
    #[param(default = 250, minimum = 1, maximum = 250)]
    limit: Option<u32>,
}

/// All that is known of those whom a booking invites.
struct Known {
    /// The one province of which whoever asks may know.
    within: Option<SiteCode>,
    since: Timestamp,
    outline: Outline,
    codes: String,
    found: Found,
}

impl Known {
    async fn of(
        app: &App,
        grant: &Grant,
        booking: &BookingId,
        since: Option<Timestamp>,
    ) -> Result<Self, ApiError> {
        grant.permit(Verb::ReadBookings)?;
        let within = grant.within(Verb::ReadChecks)?.cloned();
        let booking = schedule(app, grant).find(booking).await?;
        let since = match since {
            Some(since) => since,
            None => app
                .clock
                .now()
                .wall
                .saturating_sub(FRESH)
                .unwrap_or(Timestamp::MIN),
        };
        Ok(Self {
            within,
            since,
            outline: app.store.outline().await?,
            codes: app.store.audience_text(&booking.audience).await?,
            found: app.store.found_since(since).await?,
        })
    }

    /// Those of them of whom whoever asks may know.
    fn invited(&self) -> Vec<Invited<'_>> {
        let mut invited = invited(&self.outline, &self.codes, &self.found);
        if let Some(within) = &self.within {
            invited.retain(|one| one.province == Some(within.as_str()));
        }
        invited
    }
}

/// How ready those are whom a booking invites: counts by province.
#[utoipa::path(
    get,
    path = "/bookings/{booking}/readiness",
    tag = "bookings",
    params(("booking" = BookingId, Path), SinceQuery),
    responses((status = OK, body = Readiness))
)]
pub(super) async fn show(
    State(app): State<App>,
    grant: Grant,
    Path(booking): Path<BookingId>,
    Query(SinceQuery { since }): Query<SinceQuery>,
) -> Result<Json<Readiness>, ApiError> {
    let known = Known::of(&app, &grant, &booking, since).await?;
    let (total, counted) = count(&known.invited());
    let codes = counted.keys().map(|code| code.parse());
    let codes: Vec<SiteCode> = codes.collect::<Result<_, _>>().map_err(unreadable)?;
    let sites = by_code(app.store.sites_and_above(&codes).await?);
    let provinces = codes.into_iter().zip(counted.into_values());
    let provinces = provinces.map(|(code, counts)| ReadyProvince {
        name: sites
            .get(&code)
            .map_or_else(|| code.to_string(), |site| site.name.clone()),
        code,
        counts,
    });
    Ok(Json(Readiness {
        since: known.since,
        total,
        provinces: provinces.collect(),
    }))
}

/// Whom to phone: those who are invited and with whom something is amiss, the worst first.
#[utoipa::path(
    get,
    path = "/bookings/{booking}/readiness/sites",
    tag = "bookings",
    params(("booking" = BookingId, Path), ReadySitesQuery),
    responses((status = OK, body = Vec<ReadySite>, headers(("link" = Option<String>))))
)]
pub(super) async fn sites(
    State(app): State<App>,
    grant: Grant,
    Path(booking): Path<BookingId>,
    Query(asked): Query<ReadySitesQuery>,
    uri: OriginalUri,
) -> Result<Page<ReadySite>, ApiError> {
    let most = checked(asked.limit, MAX_SITES)?;
    let known = Known::of(&app, &grant, &booking, asked.since).await?;
    let mut invited = known.invited();
    // The worst first.
    invited.sort_unstable();
    // One that stands better by now keeps its place in the list until the next page was asked for.
    let after = asked.after.as_ref().map(SiteCode::as_str);
    let passed = after.and_then(|after| invited.iter().position(|one| one.code == after));
    let province = asked.province.as_ref().map(SiteCode::as_str);
    let is_wanted = |one: &&Invited<'_>| {
        asked
            .standing
            .map_or_else(|| one.standing.is_amiss(), |wanted| one.standing == wanted)
            && (province.is_none() || one.province == province)
    };
    let listed = invited.iter().skip(passed.map_or(0, |place| place + 1));
    let listed = listed.filter(is_wanted).take(most as usize + 1);
    let listed: Vec<_> = listed.collect();
    let codes = listed.iter().map(|one| one.code.parse());
    let codes: Vec<SiteCode> = codes.collect::<Result<_, _>>().map_err(unreadable)?;
    let mut sites = by_code(app.store.sites_and_above(&codes).await?);
    let checks = app.store.checks_of(&codes, known.since).await?;
    let mut entries = Vec::with_capacity(codes.len());
    for (one, code) in listed.into_iter().zip(&codes) {
        // One that has gone meanwhile is no site any more.
        if let Some(site) = sites.remove(code) {
            entries.push(ReadySite::new(one, site, checks.get(code))?);
        }
    }
    page(&uri, Some(most), entries, |one| one.site.to_string())
}

fn by_code(sites: Vec<Site>) -> HashMap<SiteCode, Site> {
    let by_code = sites.into_iter().map(|site| (site.code.clone(), site));
    by_code.collect()
}
