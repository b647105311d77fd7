//! What a list would change: decided before anything is locked or written.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::column::Column;
use super::doubts;
use super::error::ImportError;
use super::fields::Fields;
use super::finding::{FindingCode, Findings, Severity, Told};
use super::list::{self, Reading};
use super::rows::Rows;
use super::tree;
use super::{ImportSummary, Missing, Site};
use crate::ids::{ConferenceId, SiteCode};

/// A site that a list changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// As it is known.
    pub before: Site,
    /// As the list has it.
    pub after: Site,
}

/// What a list is compared with.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// Every known site, hidden ones included, by code.
    pub known: Vec<Site>,
    /// Sites that a conference which has not ended expects, with one such conference. Looked at only
    /// where sites would be removed.
    pub expected: HashMap<SiteCode, ConferenceId>,
}

/// What somebody wants done with a list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Wish {
    /// How it is read.
    pub reading: Reading,
    /// What becomes of sites that are not in it.
    pub missing: Missing,
}

/// What a list changes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Plan {
    /// The columns that are read, with what the list calls them.
    pub columns: Vec<(Column, String)>,
    /// What of the list is not read.
    pub ignored: Vec<String>,
    /// The sheets of a workbook.
    pub sheets: Vec<String>,
    /// How many rows the list has.
    pub rows: usize,
    /// Sites that are not known.
    pub added: Vec<Site>,
    /// Sites of which something is another thing.
    pub changed: Vec<Change>,
    /// Sites in sight that are not in the list.
    pub vanished: Vec<Site>,
    /// How many are already so.
    pub unchanged: u32,
    /// What becomes of those that are not in the list.
    pub missing: Missing,
    /// What is wrong, or looks so.
    pub findings: Findings,
    /// Stands for all that would be done, and for the directory as it was.
    pub digest: String,
}

impl Plan {
    /// What `list` changes. What is wrong with it is among the findings.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub fn new(list: &[u8], wish: &Wish, directory: &Directory) -> Result<Self, ImportError> {
        let list::List { rows, sheets } = list::read(list, &wish.reading)?;
        let Rows {
            header,
            rows,
            mut findings,
        } = rows;
        let known: HashMap<_, _> = directory.known.iter().map(|s| (&s.code, s)).collect();
        let mut fields = Fields {
            known: &known,
            findings: &mut findings,
        };
        let mut drafts: Vec<_> = rows.iter().filter_map(|row| fields.draft(row)).collect();
        let count = rows.len();
        drop(rows);
        if count == 0 && findings.total() == 0 {
            return Err(ImportError::Empty);
        }
        tree::plant(&mut drafts, &known, wish.missing, &mut findings);
        doubts::find_cut_codes(&drafts, &known, &mut findings);
        doubts::find_same_names(&drafts, &known, &mut findings);
        let mut plan = Self {
            columns: header.read().collect(),
            ignored: header.ignored().collect(),
            sheets,
            rows: count,
            missing: wish.missing,
            findings,
            ..Self::default()
        };
        plan.find_vanished(&drafts.iter().map(|d| &d.site.code).collect(), directory);
        for draft in drafts {
            match known.get(&draft.site.code) {
                Some(same) if **same == draft.site => plan.unchanged += 1,
                Some(before) => plan.changed.push(Change {
                    before: (*before).clone(),
                    after: draft.site,
                }),
                None => plan.added.push(draft.site),
            }
        }
        plan.digest = plan.digest_beside(&directory.known);
        Ok(plan)
    }

    fn find_vanished(&mut self, listed: &HashSet<&SiteCode>, directory: &Directory) {
        let in_sight = directory.known.iter().filter(|site| !site.hidden);
        let count = in_sight.clone().count();
        let vanished = in_sight.filter(|site| !listed.contains(&site.code));
        self.vanished = vanished.cloned().collect();
        doubts::find_vanishing(self.vanished.len(), count, self.missing, &mut self.findings);
        if self.missing != Missing::Remove {
            return;
        }
        for site in &self.vanished {
            if let Some(conference) = directory.expected.get(&site.code) {
                self.findings.add(FindingCode::SiteExpected, 0, None, || {
                    Told::of(&site.code).value(&site.code).right(conference)
                });
            }
        }
    }

    /// Passes a plan that may be carried out.
    ///
    /// # Errors
    /// When something is wrong, or looks so and nobody has said (`confirmed`) that it is meant so.
    pub fn check(&self, confirmed: bool) -> Result<(), ImportError> {
        if self.findings.count(Severity::Error) > 0 {
            return Err(ImportError::Rows(Box::new(self.findings.clone())));
        }
        if self.needs_confirmation() && !confirmed {
            return Err(ImportError::Doubtful(Box::new(self.findings.clone())));
        }
        Ok(())
    }

    /// Whether somebody must say that it is meant so.
    #[must_use]
    pub fn needs_confirmation(&self) -> bool {
        self.findings.count(Severity::Doubt) > 0
    }

    /// The sites that must be written, those that are to be hidden among them.
    pub fn writes(&self) -> impl Iterator<Item = Site> {
        let hidden = (self.missing == Missing::Hide).then_some(&self.vanished);
        let hidden = hidden.into_iter().flatten().map(|site| Site {
            hidden: true,
            ..site.clone()
        });
        self.added
            .iter()
            .chain(self.changed.iter().map(|change| &change.after))
            .cloned()
            .chain(hidden)
    }

    /// The sites that must be removed.
    pub fn removals(&self) -> impl Iterator<Item = &SiteCode> {
        let removed = (self.missing == Missing::Remove).then_some(&self.vanished);
        removed.into_iter().flatten().map(|site| &site.code)
    }

    /// What it amounts to.
    #[must_use]
    pub fn summary(&self) -> ImportSummary {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let vanished = count(self.vanished.len());
        let if_missing = |missing| if self.missing == missing { vanished } else { 0 };
        let notes = self.findings.told(Severity::Note);
        let doubts = self.findings.told(Severity::Doubt);
        let warnings = doubts.lines().chain(notes.lines());
        ImportSummary {
            added: count(self.added.len()),
            changed: count(self.changed.len()),
            unchanged: self.unchanged,
            hidden: if_missing(Missing::Hide),
            removed: if_missing(Missing::Remove),
            warnings: warnings.map(str::to_owned).collect(),
        }
    }

    fn digest_beside(&self, known: &[Site]) -> String {
        /// What is done, and to what.
        #[derive(Serialize)]
        struct Whole<'p> {
            known: &'p [Site],
            added: &'p [Site],
            changed: Vec<&'p Site>,
            vanished: Vec<&'p SiteCode>,
            missing: Missing,
        }

        struct Into256(Sha256);

        impl std::io::Write for Into256 {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.update(bytes);
                Ok(bytes.len())
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        let whole = Whole {
            known,
            added: &self.added,
            changed: self.changed.iter().map(|change| &change.after).collect(),
            vanished: self.vanished.iter().map(|site| &site.code).collect(),
            missing: self.missing,
        };
        let mut into = Into256(Sha256::new());
        serde_json::to_writer(&mut into, &whole).expect("sites can be written as JSON");
        hex::encode(into.0.finalize())
    }
}
