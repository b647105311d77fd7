//! A plan for people and their pages: the worst first, a part at a time, never more than a page can
//! take at once.

use serde::Serialize;

use super::Site;
use super::beginning::Beginning;
use super::column::Column;
use super::finding::{Finding, FindingCode, Severity};
use super::plan::{Change, Plan};
use crate::ids::SiteCode;

/// Most entries of a part.
pub const MAX_ENTRIES: u32 = 100;

/// Most bytes of a part as JSON; its first entry is told whatever its size, which is less.
const MAX_BYTES: usize = 20 * 1024;

/// What a list would change, with as much of it as was asked for.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// Stands for all that would be done, and for the directory as it is: an import that names it
    /// does just that or nothing.
    pub digest: String,
    /// How many rows the list has.
    pub rows: u32,
    /// How many sites are already as the list has them.
    pub unchanged: u32,
    /// Whether nothing is so wrong that nothing can be imported.
    pub importable: bool,
    /// Whether somebody must say that what looks wrong is meant so.
    pub needs_confirmation: bool,
    /// What is read as what.
    pub columns: Vec<ReadColumn>,
    /// Headers of columns that are not read.
    pub ignored: Vec<String>,
    /// The sheets of a workbook.
    pub sheets: Vec<String>,
    /// The first lines, where none of them names the columns of a list of sites: somebody must say
    /// which line does, and how. Empty if that is known.
    pub begins: Vec<Vec<String>>,
    /// How many findings of each kind, the worst first.
    pub totals: Vec<FindingTotal>,
    /// What is wrong, or looks so; the worst first. Of more than 1,000 the others are counted only.
    pub findings: Part<Finding>,
    /// Sites that are not known.
    pub added: Part<Site>,
    /// Sites of which something is another thing.
    pub changed: Part<ChangedSite>,
    /// Sites that are known and not in the list.
    pub vanished: Part<NamedSite>,
}

/// A column that is read.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ReadColumn {
    /// As what.
    pub column: Column,
    /// What the list calls it.
    pub header: String,
}

/// How often something was found.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct FindingTotal {
    /// What.
    pub code: FindingCode,
    /// How bad that is.
    pub severity: Severity,
    /// How often.
    pub total: u32,
}

/// A part of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Part<T> {
    /// How many there are in all.
    pub total: u32,
    /// As many of them as fit, from the one that was asked for.
    pub entries: Vec<T>,
}

/// A site that vanishes.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct NamedSite {
    /// Its code.
    pub code: SiteCode,
    /// Its name.
    pub name: String,
}

/// A site that is changed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ChangedSite {
    /// Its code.
    pub code: SiteCode,
    /// The name that it has.
    pub name: String,
    /// What is changed.
    pub fields: Vec<ChangedField>,
}

/// One thing that is another.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ChangedField {
    /// What; nothing if it is that a hidden site is shown again.
    pub column: Option<Column>,
    /// As it is known; empty if nothing is.
    pub before: String,
    /// As the list has it.
    pub after: String,
}

impl Plan {
    /// As much of it as fits: of each part at most `limit` entries from number `from` on, from 0.
    #[must_use]
    pub fn preview(&self, from: u32, limit: u32) -> Preview {
        let mut totals: Vec<_> = self
            .findings
            .totals()
            .map(|(code, total)| FindingTotal {
                code,
                severity: code.severity(),
                total,
            })
            .collect();
        totals.sort_by_key(|total| (total.severity, total.code));
        let window = Window {
            from: from as usize,
            limit: limit.min(MAX_ENTRIES) as usize,
        };
        let vanished = self.vanished.iter().map(|site| NamedSite {
            code: site.code.clone(),
            name: site.name.clone(),
        });
        let columns = self.columns.iter().cloned();
        let findings = self.findings.first().cloned();
        Preview {
            digest: self.digest.clone(),
            rows: count(self.rows),
            unchanged: self.unchanged,
            importable: self.findings.count(Severity::Error) == 0,
            needs_confirmation: self.needs_confirmation(),
            columns: columns
                .map(|(column, header)| ReadColumn { column, header })
                .collect(),
            ignored: self.ignored.iter().take(MAX_IGNORED).cloned().collect(),
            sheets: self.sheets.clone(),
            begins: Vec::new(),
            totals,
            findings: Part {
                total: self.findings.total(),
                ..window.part(findings)
            },
            added: window.part(self.added.iter().cloned()),
            changed: window.part(self.changed.iter().map(changed_site)),
            vanished: window.part(vanished),
        }
    }
}

impl Preview {
    /// Of a list of which nobody knows what its columns are.
    #[must_use]
    pub fn without_header(begins: Beginning) -> Self {
        let Beginning { lines, sheets } = begins;
        Self {
            digest: String::new(),
            rows: 0,
            unchanged: 0,
            importable: false,
            needs_confirmation: false,
            columns: Vec::new(),
            ignored: Vec::new(),
            sheets,
            begins: lines,
            totals: Vec::new(),
            findings: Part::default(),
            added: Part::default(),
            changed: Part::default(),
            vanished: Part::default(),
        }
    }
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self {
            total: 0,
            entries: Vec::new(),
        }
    }
}

/// Most headers that are told to be left alone.
const MAX_IGNORED: usize = 50;

struct Window {
    from: usize,
    limit: usize,
}

impl Window {
    fn part<T: Serialize>(&self, all: impl ExactSizeIterator<Item = T>) -> Part<T> {
        let total = count(all.len());
        let mut entries = Vec::new();
        let mut bytes = 0;
        for entry in all.skip(self.from).take(self.limit) {
            bytes += serde_json::to_vec(&entry).map_or(MAX_BYTES, |text| text.len());
            if bytes > MAX_BYTES && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        Part { total, entries }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn changed_site(Change { before, after }: &Change) -> ChangedSite {
    let fields = Column::ALL.iter().filter_map(|column| {
        let (before, after) = (before.field(*column), after.field(*column));
        (before != after).then(|| ChangedField {
            column: Some(*column),
            before: before.into_owned(),
            after: after.into_owned(),
        })
    });
    let shown = (before.hidden && !after.hidden).then(|| ChangedField {
        column: None,
        before: "hidden".to_owned(),
        after: String::new(),
    });
    ChangedSite {
        code: before.code.clone(),
        name: before.name.clone(),
        fields: shown.into_iter().chain(fields).collect(),
    }
}
