//! `/bookings/{booking}/readiness`: how ready those are who are invited, by what their lines' last checks
//! found.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use std::cmp::Ordering;
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
use crate::ids::{BookingId, SiteCode};
use crate::readiness::{Checked, Counts, Invited, Standing, count, invited};
use crate::sites::{Provinces, Site, SiteFilter};

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
    fn new(one: &Invited<'_>) -> Self {
        let Invited { site, checked, .. } = one;
        Self {
            site: site.code.clone(),
            name: site.name.clone(),
            province: one.province.cloned(),
            standing: one.standing(),
            cause: checked.map(|checked| checked.cause),
            reference: checked.map(|checked| checked.code.reference(checked.cause)),
            at: checked.map(|checked| checked.at),
            contact_name: site.contact_name.clone(),
            contact_phone: site.contact_phone.clone(),
        }
    }
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
    sites: Vec<Site>,
    codes: Vec<SiteCode>,
    checks: HashMap<SiteCode, Checked>,
}

impl Known {
    async fn of(
        app: &App,
        grant: &Grant,
        booking: &BookingId,
        since: Option<Timestamp>,
    ) -> Result<Self, ApiError> {
        grant.role().permit(Verb::ReadBookings)?;
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
            sites: app.store.sites(&SiteFilter::everything()).await?,
            codes: app.store.audience_codes(&booking.audience).await?,
            checks: app.store.checked_since(since).await?,
        })
    }

    /// Those of them of whom whoever asks may know.
    fn invited<'s>(&'s self, provinces: &'s Provinces<'s>) -> Vec<Invited<'s>> {
        let mut invited = invited(&self.sites, provinces, &self.codes, &self.checks);
        let within = self.within.as_ref();
        invited.retain(|one| within.is_none() || one.province == within);
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
    let provinces = Provinces::of(&known.sites);
    let invited = known.invited(&provinces);
    let (total, counted) = count(&invited);
    let name_of = |code: &SiteCode| {
        let place = known
            .sites
            .binary_search_by(|site| site.code.cmp(code))
            .ok();
        let site = place.and_then(|place| known.sites.get(place));
        site.map_or_else(|| code.to_string(), |site| site.name.clone())
    };
    let provinces = counted.into_iter().map(|(code, counts)| ReadyProvince {
        name: name_of(&code),
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
    let provinces = Provinces::of(&known.sites);
    let mut invited = known.invited(&provinces);
    invited.sort_by(worst_first);
    // One that stands better by now keeps its place in the list until the next page was asked for.
    let after = asked.after.as_ref();
    let passed = after.and_then(|after| invited.iter().position(|one| one.site.code == *after));
    let is_wanted = |one: &&Invited<'_>| {
        let standing = one.standing();
        asked
            .standing
            .map_or_else(|| standing.is_amiss(), |wanted| standing == wanted)
            && asked
                .province
                .as_ref()
                .is_none_or(|of| one.province == Some(of))
    };
    let listed = invited.iter().skip(passed.map_or(0, |place| place + 1));
    let listed: Vec<_> = listed.filter(is_wanted).map(ReadySite::new).collect();
    page(&uri, Some(most), listed, |one| one.site.to_string())
}

fn worst_first(one: &Invited<'_>, other: &Invited<'_>) -> Ordering {
    let key = |one: &Invited<'_>| (one.standing(), one.province.cloned(), one.site.code.clone());
    key(one).cmp(&key(other))
}
