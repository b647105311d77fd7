//! `/conferences/{conference}/attendance`: who was here, during the conference and after it.

use axum::extract::State;

use super::conferences::may;
use super::{ApiError, Json, Path};
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::conference::Attendance;
use crate::ids::ConferenceId;
use crate::sites::SiteFilter;

/// Who was here from when until when, by participant and by site, out of the log. Times in which the
/// server was down, and steps of its clock, count for nobody. A provincial operator reads of the sites of
/// its own province.
#[utoipa::path(
    get,
    path = "/conferences/{conference}/attendance",
    tag = "events",
    params(("conference" = ConferenceId, Path)),
    responses(
        (status = OK, body = Attendance),
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    grant: Grant,
    Path(conference): Path<ConferenceId>,
) -> Result<Json<Attendance>, ApiError> {
    may(&grant, Verb::ReadAttendance, &conference)?;
    app.directory.find(&conference).await?;
    let now = app.clock.now().wall;
    let attendance = app.store.attendance(&conference, now).await?;
    let Some(province) = grant.within(Verb::ReadAttendance)? else {
        return Ok(Json(attendance));
    };
    let filter = SiteFilter {
        within: Some(province.clone()),
        ..SiteFilter::everything()
    };
    let sites = app.store.sites(&filter).await?;
    let codes = sites.into_iter().map(|site| site.code).collect();
    Ok(Json(attendance.of(&codes)))
}
