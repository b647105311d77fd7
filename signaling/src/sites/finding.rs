//! What is wrong with a list, or looks so: a stable code with the row, the value and what would be
//! right, and the sentence for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::column::Column;
use super::level::Level;
use crate::ids::SiteCode;
use crate::text::NO_CONTROLS;

/// Most findings that are kept, the worst first; those behind them are counted. Higher: more of a
/// wrong list can be mended at once, at about 300 bytes each.
pub const MAX_FINDINGS: usize = 1000;

/// Most findings that are put into a sentence: enough to see a pattern, few enough to read.
pub const MAX_TOLD: usize = 20;

/// Most characters of a value that are repeated.
const SHOWN: usize = 64;

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing of the list can be imported.
    Error,
    /// It is imported only when somebody has said that it is meant so.
    Doubt,
    /// It is imported.
    Note,
}

/// What it is. The names are stable.
#[derive(
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    strum::VariantArray,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// A row has more or fewer fields than the first.
    Fields,
    /// The spreadsheet could not compute what should stand here.
    CellError,
    /// No code, or a text that cannot be one.
    CodeWrong,
    /// The code is an address of the server's own.
    CodeReserved,
    /// Another row has the same code.
    CodeTwice,
    /// Its leading zeros are gone: with them it is known.
    CodeCut,
    /// A new site has no name.
    NameMissing,
    /// A text is too long, has more than one line or hidden characters.
    TextWrong,
    /// No e-mail address.
    EmailWrong,
    /// No number of seats.
    SeatsWrong,
    /// Too many groups.
    GroupsWrong,
    /// A word that names no level.
    LevelUnknown,
    /// There is another centre.
    CentreTwice,
    /// The centre is below another site.
    CentreBelow,
    /// A site that is not the centre is below none.
    ParentMissing,
    /// There is no such site above.
    ParentUnknown,
    /// Several sites are called so.
    ParentAmbiguous,
    /// The site above is of the wrong level.
    ParentLevel,
    /// The site above is hidden, or would be hidden or removed.
    ParentVanishes,
    /// It is below itself.
    Cycle,
    /// There are too many levels above it.
    TooDeep,
    /// It would be removed, and a conference that has not ended expects it.
    SiteExpected,
    /// More than a tenth of the sites are not in the list.
    ManyVanish,
    /// It is shorter than the other codes: leading zeros may be gone.
    CodeShort,
    /// Another site of the same province is called the same.
    NameTwice,
    /// A telephone number whose first zero may be gone.
    PhoneShort,
    /// Spaces around it, which are left out.
    Spaces,
}

impl FindingCode {
    /// All of them.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Fields
            | Self::CellError
            | Self::CodeWrong
            | Self::CodeReserved
            | Self::CodeTwice
            | Self::CodeCut
            | Self::NameMissing
            | Self::TextWrong
            | Self::EmailWrong
            | Self::SeatsWrong
            | Self::GroupsWrong
            | Self::LevelUnknown
            | Self::CentreTwice
            | Self::CentreBelow
            | Self::ParentMissing
            | Self::ParentUnknown
            | Self::ParentAmbiguous
            | Self::ParentLevel
            | Self::ParentVanishes
            | Self::Cycle
            | Self::TooDeep
            | Self::SiteExpected => Severity::Error,
            Self::ManyVanish | Self::CodeShort => Severity::Doubt,
            Self::NameTwice | Self::PhoneShort | Self::Spaces => Severity::Note,
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, utoipa::ToSchema)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The row in the file, from 1; 0 if it is of the whole list.
    pub row: u64,
    /// Of which column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<Column>,
    /// What it is.
    pub code: FindingCode,
    /// The code of the site, as far as there is one.
    pub site: String,
    /// What stands there.
    pub value: String,
    /// What would be right, or what stands in the way.
    pub right: String,
}

/// What a finding says beside its code, its row and its column.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Of which site.
    pub(super) site: String,
    /// What stands there.
    pub(super) value: String,
    /// What would be right.
    pub(super) right: String,
}

impl Told {
    pub(super) fn of(site: &SiteCode) -> Self {
        Self {
            site: site.to_string(),
            ..Self::default()
        }
    }

    pub(super) fn value(self, value: impl fmt::Display) -> Self {
        let value = value.to_string().chars().take(SHOWN).collect();
        Self { value, ..self }
    }

    pub(super) fn right(self, right: impl fmt::Display) -> Self {
        let right = right.to_string().chars().take(SHOWN).collect();
        Self { right, ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.row > 0 {
            write!(f, "line {}: ", self.row)?;
        }
        self.write_sentence(f)
    }
}

impl Finding {
    /// The sentence, without the line.
    #[must_use]
    pub fn sentence(&self) -> String {
        struct Sentence<'f>(&'f Finding);
        impl fmt::Display for Sentence<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write_sentence(f)
            }
        }
        Sentence(self).to_string()
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one sentence for each code, without any decision"
    )]
    fn write_sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            site, value, right, ..
        } = self;
        let column = self.column.map_or("", Column::as_str);
        match self.code {
            FindingCode::Fields => write!(f, "{value} fields instead of {right}"),
            FindingCode::CellError => write!(
                f,
                "the spreadsheet could not compute the {column}: it says {value}"
            ),
            FindingCode::CodeWrong => match value.parse::<SiteCode>() {
                Err(error) => write!(f, "{error}"),
                Ok(_) => write!(f, "{value} is not a site code"),
            },
            FindingCode::CodeReserved => {
                write!(f, "no site can have the code {site}: use another one")
            }
            FindingCode::CodeTwice => write!(f, "the code {site} is already on line {right}"),
            FindingCode::CodeCut => write!(
                f,
                "{site} is new, but {right} is known: a spreadsheet has cut leading zeros, so make \
                 the column of the codes a text column"
            ),
            FindingCode::NameMissing => write!(f, "the site {site} has no name"),
            FindingCode::TextWrong => write!(
                f,
                "the {column} of {site} must be one line of {right} characters, {NO_CONTROLS}"
            ),
            FindingCode::EmailWrong => write!(
                f,
                "the contact_email of {site} is {value:?} and should be like {right}"
            ),
            FindingCode::SeatsWrong => write!(
                f,
                "the seats of {site} are {value:?} and should be a whole number up to {right}"
            ),
            FindingCode::GroupsWrong => {
                write!(f, "{site} is in {value} groups, and may be in {right}")
            }
            FindingCode::LevelUnknown => match value.parse::<Level>() {
                Err(error) => write!(f, "{error}"),
                Ok(_) => write!(f, "{value} is not a level"),
            },
            FindingCode::CentreTwice => write!(
                f,
                "{site} cannot be central, for {right} is, and one centre is above all: make \
                 {site} a province below it"
            ),
            FindingCode::CentreBelow => {
                write!(f, "{site} is the centre and cannot be below {value}")
            }
            FindingCode::ParentMissing => {
                write!(f, "{site} is a {value} and needs a parent_code")
            }
            FindingCode::ParentUnknown => {
                write!(f, "there is no site {value}, the parent of {site}")?;
                match right.as_str() {
                    "" => Ok(()),
                    right => write!(f, ": is it {right}?"),
                }
            }
            FindingCode::ParentAmbiguous => write!(
                f,
                "several sites are called {value}, the parent of {site}: use the code, as {right}"
            ),
            FindingCode::ParentLevel => write!(
                f,
                "{value}, the parent of {site}, is no {right} and should be one"
            ),
            FindingCode::ParentVanishes => write!(
                f,
                "{value}, the parent of {site}, is not in the list and hidden, or would be hidden or \
                 removed: list it too"
            ),
            FindingCode::Cycle => write!(f, "{site} is below itself, by way of {value}"),
            FindingCode::TooDeep => {
                write!(f, "more than {right} levels are above {site}")
            }
            FindingCode::SiteExpected => write!(
                f,
                "{site} is not in the list, and the conference {right} expects it: hide such sites \
                 instead of removing them, or change its roster first"
            ),
            FindingCode::ManyVanish => write!(
                f,
                "{value} of {right} known sites are not in the list, more than a tenth"
            ),
            FindingCode::CodeShort => write!(
                f,
                "{site} is shorter than most codes of its level: has a spreadsheet cut it from \
                 {right}?"
            ),
            FindingCode::NameTwice => {
                write!(
                    f,
                    "{site} is called {value} as {right} of the same province is"
                )
            }
            FindingCode::PhoneShort => write!(
                f,
                "the contact_phone of {site} is {value}: has a spreadsheet cut it from {right}?"
            ),
            FindingCode::Spaces => {
                write!(
                    f,
                    "spaces around the {column} of {site} are left out: {value:?}"
                )
            }
        }
    }
}

/// What was found in a list: the worst first, and how many of each kind.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Findings {
    /// At most [`MAX_FINDINGS`], the worst and the first by row; others are counted only.
    first: BTreeSet<Finding>,
    totals: BTreeMap<FindingCode, u32>,
}

impl Findings {
    /// Notes one. It is put into words only if it is among those that are kept.
    pub(super) fn add(
        &mut self,
        code: FindingCode,
        row: u64,
        column: Option<Column>,
        told: impl FnOnce() -> Told,
    ) {
        let total = self.totals.entry(code).or_default();
        *total = total.saturating_add(1);
        let severity = code.severity();
        let is_full = self.first.len() == MAX_FINDINGS;
        let last = self.first.last().map(|last| (last.severity, last.row));
        if is_full && last.is_some_and(|last| last < (severity, row)) {
            return;
        }
        let Told { site, value, right } = told();
        self.first.insert(Finding {
            severity,
            row,
            column,
            code,
            site,
            value,
            right,
        });
        if self.first.len() > MAX_FINDINGS {
            self.first.pop_last();
        }
    }

    /// The worst first, then by row.
    pub fn first(&self) -> impl ExactSizeIterator<Item = &Finding> {
        self.first.iter()
    }

    /// How many of each kind, also of those that were not kept.
    pub fn totals(&self) -> impl Iterator<Item = (FindingCode, u32)> {
        self.totals.iter().map(|(code, total)| (*code, *total))
    }

    /// How many are so bad.
    #[must_use]
    pub fn count(&self, severity: Severity) -> u32 {
        let of = self
            .totals()
            .filter(|(code, _)| code.severity() == severity);
        of.fold(0, |sum, (_, total)| sum.saturating_add(total))
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.totals()
            .fold(0, |sum, (_, total)| sum.saturating_add(total))
    }

    /// The first of those that are so bad, a line each, and how many more there are.
    #[must_use]
    pub fn told(&self, severity: Severity) -> String {
        let of = self.first().filter(|finding| finding.severity == severity);
        let mut lines: Vec<_> = of.take(MAX_TOLD).map(ToString::to_string).collect();
        let more = (self.count(severity) as usize).saturating_sub(lines.len());
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_are_kept_whatever_the_order_and_the_rest_is_counted() {
        let mut findings = Findings::default();
        for row in (1..=100_000).rev() {
            findings.add(FindingCode::Spaces, row, None, Told::default);
            findings.add(FindingCode::NameMissing, row, None, Told::default);
        }
        let rows: Vec<_> = findings.first().map(|finding| finding.row).collect();
        assert_eq!(rows, (1..=MAX_FINDINGS as u64).collect::<Vec<_>>());
        assert!(findings.first().all(|f| f.severity == Severity::Error));
        assert_eq!(findings.total(), 200_000);
        assert!(findings.told(Severity::Error).ends_with("\nand 99980 more"));
    }

    #[test]
    fn every_code_has_a_sentence_with_what_it_is_about() {
        for code in FindingCode::ALL {
            let finding = Finding {
                severity: code.severity(),
                row: 7,
                column: Some(Column::Name),
                code: *code,
                site: "S".into(),
                value: "x y".into(),
                right: "R".into(),
            };
            let text = finding.to_string();
            assert!(text.starts_with("line 7: "), "{text}");
            assert!(text.contains('S') || text.contains("x y"), "{text}");
        }
    }
}
