//! `PATCH /sites/{site}`: correcting one site by hand.

use axum::extract::State;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::sites::unknown;
use super::{ApiError, Json, Path};
use crate::access::AccessLog;
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::ids::SiteCode;
use crate::listener::ClientAddress;
use crate::sites::amendment::Amendment;
use crate::sites::{Column, Site};

/// What of a site is to be another; as it was if left out, nothing if `null`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AmendSite {
    /// The official name.
    #[schema(min_length = 1)]
    name: Option<String>,
    /// Whom to ask for there.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<String>)]
    contact_name: Option<Option<String>>,
    /// The telephone number, or whatever else to call it by.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<String>)]
    contact_phone: Option<Option<String>>,
    /// The e-mail address.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<String>)]
    contact_email: Option<Option<String>>,
    /// How many people can sit there.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<u32>, maximum = 100_000)]
    seats: Option<Option<u32>>,
    /// How it is connected, in the office's words.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<String>)]
    line_profile: Option<Option<String>>,
    /// What takes over when its device fails.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<String>)]
    stand_by_device: Option<Option<String>>,
    /// All groups that it belongs to.
    groups: Option<Vec<String>>,
}

/// A `null` that is written is another thing than nothing.
fn written<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl AmendSite {
    fn amendment(self) -> Amendment {
        let seats = self.seats.map(|seats| seats.map(|seats| seats.to_string()));
        let cells = [
            (Column::Name, self.name.map(Some)),
            (Column::ContactName, self.contact_name),
            (Column::ContactPhone, self.contact_phone),
            (Column::ContactEmail, self.contact_email),
            (Column::Seats, seats),
            (Column::LineProfile, self.line_profile),
            (Column::StandByDevice, self.stand_by_device),
            (Column::Groups, self.groups.map(|all| Some(all.join(";")))),
        ];
        let said = cells.into_iter();
        said.filter_map(|(column, text)| Some((column, text?.unwrap_or_default())))
            .collect()
    }
}

/// Correct what is known of a site. Where it stands in the tree a list says.
#[utoipa::path(
    patch,
    path = "/sites/{site}",
    tag = "sites",
    params(("site" = SiteCode, Path)),
    request_body = AmendSite,
    responses((status = OK, body = Site))
)]
pub(super) async fn amend(
    State(app): State<App>,
    client: ClientAddress,
    grant: Grant,
    Path(code): Path<SiteCode>,
    Json(body): Json<AmendSite>,
) -> Result<Json<Site>, ApiError> {
    if let Some(province) = grant.within(Verb::AmendSite)?
        && !app.store.is_within(&code, province).await?
    {
        return Err(grant.role().out_of_reach(Verb::AmendSite).into());
    }
    let amended = app.store.amend_site(&code, body.amendment()).await?;
    let site = amended
        .ok_or_else(|| unknown(&code))?
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    AccessLog::changed(client, &grant, "list of sites");
    Ok(Json(site))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays_and_what_is_null_goes() {
        let body = r#"{"contactPhone":null,"seats":40,"groups":["a","b"]}"#;
        let body: AmendSite = serde_json::from_str(body).unwrap();
        let expected = [
            (Column::ContactPhone, ""),
            (Column::Seats, "40"),
            (Column::Groups, "a;b"),
        ];
        let expected = expected.map(|(column, text)| (column, text.to_owned()));
        assert_eq!(body.amendment(), Amendment::from(expected));
    }
}
