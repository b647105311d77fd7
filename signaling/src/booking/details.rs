//! What is said of a conference that is planned.

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::audience::Selection;
use super::doors::Doors;
use crate::ids::SiteCode;
use crate::object::{self, object};
use crate::whole::whole;

/// What is said of a conference that is planned.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = CreateBooking)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Details {
    /// What people call it.
    #[schema(example = "Giao ban toàn quốc")]
    pub title: String,
    /// What is done in it.
    #[serde(default)]
    pub kind: Kind,
    /// When it begins by the clocks of its zone; the first of a series.
    #[schema(value_type = String, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$", example = "2026-11-30T08:00:00")]
    pub starts_at_local: DateTime,
    /// Whose clocks: a name of the IANA database.
    #[schema(example = "Asia/Ho_Chi_Minh")]
    pub zone: String,
    /// How long it takes.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 5, maximum = 1440)]
    pub duration_minutes: u32,
    /// On which days it takes place, the first included: a recurrence rule (RFC 5545 §3.3.10) by days,
    /// weeks, months or years that ends by `COUNT` or `UNTIL`, with at most 500 days. Once if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "FREQ=WEEKLY;BYDAY=MO;COUNT=52")]
    pub rule: Option<String>,
    /// The hall from which it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hall: Option<SiteCode>,
    /// Who leads it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "object::or_nothing"
    )]
    pub chair: Option<Chair>,
    /// Ids of the accounts of those who run it.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub operators: Vec<String>,
    /// Whom it invites.
    #[serde(default, deserialize_with = "object")]
    pub audience: Selection,
    /// What is spoken of, in order.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub agenda: Vec<AgendaItem>,
    /// How many minutes before the beginning it opens by itself.
    #[serde(default = "usual_opening", deserialize_with = "whole")]
    #[schema(minimum = 0, maximum = 1440, default = 60)]
    pub opens_minutes_before: u32,
    /// Who may come in how long before the beginning.
    #[serde(default, deserialize_with = "object")]
    pub doors: Doors,
    /// The language in which sites are written to.
    #[serde(default)]
    pub language: Language,
}

/// What is done in a conference.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Deserialize,
    Eq,
    PartialEq,
    Serialize,
    strum::Display,
    strum::EnumString,
    ToSchema,
)]
#[schema(as = BookingKind)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    /// Those who are invited speak too.
    #[default]
    Meeting,
    /// One side speaks.
    Briefing,
    /// Something is taught.
    Training,
}

/// The language in which sites are written to.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Deserialize,
    Eq,
    PartialEq,
    Serialize,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
    ToSchema,
)]
#[schema(as = BookingLanguage)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Language {
    /// Vietnamese.
    #[default]
    Vi,
    /// English.
    En,
}

impl Language {
    /// All of them.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;
}

/// Who leads a conference: somebody with an account, or somebody by name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = BookingChair)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Chair {
    /// The id of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Chair {
    /// By which the same person is known in two bookings.
    pub(super) fn key(&self) -> Option<String> {
        let account = self.account.as_ref().map(|id| format!("account:{id}"));
        let name = || {
            Some(format!(
                "name:{}",
                crate::sites::fold::fold(self.name.as_ref()?)
            ))
        };
        account.or_else(name)
    }
}

/// Something that is spoken of.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgendaItem {
    /// What.
    pub title: String,
    /// The site that speaks of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<SiteCode>,
    /// How long.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 1440)]
    pub minutes: u32,
    /// What is to be read.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub documents: Vec<Document>,
}

/// The place of something to be read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = AgendaDocument)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// What it is called.
    pub name: String,
    /// Where it is to be had, or when it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How many minutes before the beginning a conference opens, if nobody says so.
const fn usual_opening() -> u32 {
    60
}

impl Details {
    /// Whether those who are invited are told something else by `other`.
    pub(super) fn tells_otherwise(&self, other: &Self) -> bool {
        let told = |details: &Self| {
            let Self {
                title,
                kind,
                starts_at_local,
                zone,
                duration_minutes,
                rule,
                hall,
                chair,
                agenda,
                // Who runs it, who else is invited and when doors open is not in an invitation.
                operators: _,
                audience: _,
                opens_minutes_before: _,
                doors: _,
                language: _,
            } = details.clone();
            let when = (starts_at_local, zone, duration_minutes, rule);
            (title, kind, when, hall, chair, agenda)
        };
        told(self) != told(other)
    }
}
