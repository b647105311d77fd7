//! Sites: the places that conferences expect, and the lists by which they come and go.

pub mod amendment;
mod beginning;
pub mod column;
mod delimited;
pub mod document;
mod doubts;
mod error;
pub mod export;
mod fields;
pub mod finding;
pub mod fold;
mod header;
mod level;
mod list;
mod names;
pub mod plan;
pub mod preview;
mod rows;
mod text;
mod tree;
mod workbook;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::SiteCode;

pub use self::beginning::Beginning;
pub use self::column::{Column, Mapping};
pub use self::document::DocumentError;
pub use self::error::{ImportError, MAX_SITES};
pub use self::level::{Level, UnknownLevel};
pub use self::list::Reading;
pub use self::plan::{Directory, Plan, Wish};
pub use self::text::{Encoding, EncodingError};
pub use self::tree::{MAX_DEPTH, Provinces};
pub use self::workbook::WorkbookError;

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
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_email: Option<String>,
    /// How many people can sit there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<u32>,
    /// How it is connected, in the office's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_profile: Option<String>,
    /// What takes over when its device fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_by_device: Option<String>,
    /// The groups that it belongs to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// Whether it is kept for the records alone: no list shows it, no new conference expects it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

impl Site {
    /// A site of which nothing more is known.
    pub const fn new(
        code: SiteCode,
        name: String,
        level: Level,
        parent_code: Option<SiteCode>,
    ) -> Self {
        Self {
            code,
            name,
            level,
            parent_code,
            contact_name: None,
            contact_phone: None,
            contact_email: None,
            seats: None,
            line_profile: None,
            stand_by_device: None,
            groups: BTreeSet::new(),
            hidden: false,
        }
    }

    /// Whether it is known whom to call there.
    pub const fn has_contact(&self) -> bool {
        self.contact_name.is_some() || self.contact_phone.is_some()
    }

    /// What a list says in a column; nothing if nothing is known.
    pub fn field(&self, column: Column) -> Cow<'_, str> {
        let known = |text: &Option<String>| text.clone().unwrap_or_default().into();
        match column {
            Column::Code => self.code.as_str().into(),
            Column::Name => self.name.as_str().into(),
            Column::Level => self.level.as_str().into(),
            Column::ParentCode => {
                let parent = self.parent_code.as_ref();
                parent.map_or("", |code| code.as_str()).into()
            }
            Column::ContactName => known(&self.contact_name),
            Column::ContactPhone => known(&self.contact_phone),
            Column::ContactEmail => known(&self.contact_email),
            Column::Seats => self
                .seats
                .map(|seats| seats.to_string())
                .unwrap_or_default()
                .into(),
            Column::LineProfile => known(&self.line_profile),
            Column::StandByDevice => known(&self.stand_by_device),
            Column::Groups => {
                let groups: Vec<_> = self.groups.iter().map(String::as_str).collect();
                groups.join("; ").into()
            }
        }
    }
}

/// What becomes of known sites that a list does not name.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// They stay: the list is a part, or a correction.
    #[default]
    Keep,
    /// They are kept for the records alone.
    Hide,
    /// They are no longer known. Records of conferences keep what they know of them.
    Remove,
}

/// What an import did.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ImportSummary {
    /// Sites that were not known before.
    pub added: u32,
    /// Sites of which something is another thing now.
    pub changed: u32,
    /// Sites that were already so.
    pub unchanged: u32,
    /// Sites that are kept for the records alone from now on.
    pub hidden: u32,
    /// Sites that are no longer known.
    pub removed: u32,
    /// What was taken and looks wrong, for people: the first of it.
    pub warnings: Vec<String>,
}

/// Reads a list that stands for itself: every parent is in it.
///
/// # Errors
/// When it cannot be read, or any line is wrong.
pub fn read_csv(list: &[u8]) -> Result<Vec<Site>, ImportError> {
    let plan = Plan::new(list, &Wish::default(), &Directory::default())?;
    plan.check(true)?;
    Ok(plan.added)
}

/// Which sites to list.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct SiteFilter {
    /// Of this level.
    pub level: Option<Level>,
    /// Directly below this site.
    pub parent: Option<SiteCode>,
    /// One of these.
    pub codes: Option<Vec<SiteCode>>,
    /// Whose name or code contains this, whatever its case and diacritics.
    pub search: Option<String>,
    /// Also those that are kept for the records alone.
    pub hidden: bool,
    /// This one and those below it, however far.
    pub within: Option<SiteCode>,
    /// Those that come after this one in the list.
    pub after: Option<SiteCode>,
    /// Most of the answer; all if `None`.
    pub limit: Option<u32>,
}

impl SiteFilter {
    /// All of them, hidden ones included.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            hidden: true,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests;
