//! Sites: the places that conferences expect, and reading them from CSV.

mod columns;
mod contacts;
pub mod csv;
pub mod fold;
mod mistakes;
pub mod plan;
mod text;

use serde::{Deserialize, Serialize};

use crate::ids::SiteCode;

pub use self::csv::{ImportError, read_csv};
pub use self::mistakes::{MAX_ERRORS, Mistakes, RowError};
pub use self::plan::Plan;
pub use self::text::EncodingError;

/// A place that is expected: with or without a connection, an object of its own.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Site {
    /// The official code.
    pub code: SiteCode,
    /// The official name.
    pub name: String,
    /// Where it stands in the country.
    pub level: Level,
    /// The site above it; only the centre may have none.
    pub parent_code: Option<SiteCode>,
    /// Whom to ask for there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_name: Option<String>,
    /// The telephone number, or whatever else to call it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_phone: Option<String>,
}

impl Site {
    /// The province it belongs to: a province to itself, a commune to its parent, the centre to
    /// none.
    pub const fn province(&self) -> Option<&SiteCode> {
        match self.level {
            Level::Central => None,
            Level::Province => Some(&self.code),
            Level::Commune => self.parent_code.as_ref(),
        }
    }

    /// Whether it is known whom to call there.
    pub const fn has_contact(&self) -> bool {
        self.contact_name.is_some() || self.contact_phone.is_some()
    }
}

/// Where a site stands in the country.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The central hall.
    Central,
    /// A province, or a city of that rank.
    Province,
    /// A commune, ward or special zone.
    Commune,
}

impl Level {
    /// The name in files, messages and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Central => "central",
            Self::Province => "province",
            Self::Commune => "commune",
        }
    }
}

/// A text that names no level.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is not a level: use central (one, above all), province (below it) or commune (below a \
     province), also for places that are called otherwise"
)]
pub struct UnknownLevel(String);

impl std::str::FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        match text {
            "central" => Ok(Self::Central),
            "province" => Ok(Self::Province),
            "commune" => Ok(Self::Commune),
            other => Err(UnknownLevel(other.chars().take(64).collect())),
        }
    }
}

/// What an import did.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ImportSummary {
    /// Sites that were not known before.
    pub added: u32,
    /// Sites whose name, level, parent or contact is another one now.
    pub changed: u32,
    /// Sites that were already so.
    pub unchanged: u32,
    /// What was taken and looks wrong, for people.
    pub warnings: Vec<String>,
}

/// Which sites to list.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct SiteFilter {
    /// Of this level.
    pub level: Option<Level>,
    /// Directly below this site.
    pub parent: Option<SiteCode>,
    /// Whose name or code contains this, whatever its case and diacritics.
    pub search: Option<String>,
}
