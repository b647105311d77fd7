//! What is another on one day of a series.

use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check;
use super::error::BookingError;
use crate::ids::SiteCode;
use crate::whole;

/// What is another on one day of a series; what is left out is as in the series.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = BookingException)]
#[serde(rename_all = "camelCase")]
pub struct Exception {
    /// It does not take place on this day.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_left_out: bool,
    /// When it begins instead, by the clocks of the series' zone; another day as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$", example = "2026-12-01T14:00:00")]
    pub starts_at_local: Option<DateTime>,
    /// How long it takes.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "whole::or_nothing"
    )]
    #[schema(minimum = 5, maximum = 1440)]
    pub duration_minutes: Option<u32>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The hall from which it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hall: Option<SiteCode>,
}

/// An exception with its day.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatedException {
    /// The day on which the series puts it.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// What is another.
    #[serde(flatten)]
    pub exception: Exception,
}

impl Exception {
    pub(super) fn check(&self) -> Result<(), BookingError> {
        if *self == Self::default() {
            return Err(BookingError::invalid("the exception changes nothing"));
        }
        if let Some(title) = &self.title {
            check::title(title)?;
        }
        self.duration_minutes.map_or(Ok(()), check::duration)
    }
}
