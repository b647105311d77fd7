//! `/conferences/{conference}/attendance`: who was here, during the conference and after it.

use axum::extract::State;

use super::conferences::may;
use super::{ApiError, Json, Path};
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::conference::Attendance;
use crate::ids::ConferenceId;

/// Who was here from when until when, by participant and by site, out of the log. Times in which the
/// server was down, and steps of its clock, count for nobody.
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
    Ok(Json(app.store.attendance(&conference, now).await?))
}
