//! Who is below whom: the codes of those above, levels that a list does not say, and what cannot be.

use std::collections::HashMap;

use super::column::Column;
use super::fields::{AboveText, Draft};
use super::finding::{FindingCode, Findings, Told};
use super::level::{Above, Level};
use super::names::Names;
use super::{Missing, Site};
use crate::ids::SiteCode;

/// Most sites above another. Higher: a walk to the top takes longer, and there are many.
pub const MAX_DEPTH: usize = 16;

const COLUMN: Option<Column> = Some(Column::ParentCode);

/// The provinces that sites belong to: a province to itself, the centre to none, others to the one
/// that is somewhere above them.
#[derive(Debug)]
pub struct Provinces<'s>(HashMap<&'s SiteCode, &'s Site>);

impl<'s> Provinces<'s> {
    /// Of these sites.
    #[must_use]
    pub fn of(sites: &'s [Site]) -> Self {
        Self(sites.iter().map(|site| (&site.code, site)).collect())
    }

    pub(super) const fn among(sites: HashMap<&'s SiteCode, &'s Site>) -> Self {
        Self(sites)
    }

    /// The province of one. A commune is below its own even where that is not among these sites.
    #[must_use]
    pub fn province<'p>(&'p self, site: &'p Site) -> Option<&'p SiteCode> {
        let mut site = site;
        for _ in 0..=MAX_DEPTH {
            match site.level {
                Level::Central => return None,
                Level::Province => return Some(&site.code),
                Level::Commune => return site.parent_code.as_ref(),
                Level::School | Level::Hospital | Level::Company | Level::Place => {
                    site = self.0.get(site.parent_code.as_ref()?)?;
                }
            }
        }
        None
    }
}

/// Gives every draft its parent and its level, and finds what cannot be.
pub(super) fn plant(
    drafts: &mut [Draft],
    known: &HashMap<&SiteCode, &Site>,
    missing: Missing,
    findings: &mut Findings,
) {
    let listed = index(drafts, findings);
    let above = resolve(drafts, &listed, known, findings);
    for (draft, above) in drafts.iter_mut().zip(above) {
        draft.site.parent_code = above;
    }
    let levels = levels(drafts, &listed, known);
    for (draft, level) in drafts.iter_mut().zip(levels) {
        draft.site.level = level;
    }
    let mut tree = Tree {
        drafts,
        listed: &listed,
        known,
        missing,
        findings,
    };
    tree.check_centre();
    tree.check_parents();
    tree.check_depth();
}

/// Where each code stands among the drafts.
fn index(drafts: &[Draft], findings: &mut Findings) -> HashMap<SiteCode, usize> {
    let mut listed: HashMap<SiteCode, usize> = HashMap::with_capacity(drafts.len());
    for (at, Draft { line, site, .. }) in drafts.iter().enumerate() {
        let Some(first) = listed.get(&site.code).and_then(|at| drafts.get(*at)) else {
            listed.insert(site.code.clone(), at);
            continue;
        };
        let told = || Told::of(&site.code).value(&site.code).right(first.line);
        findings.add(FindingCode::CodeTwice, *line, Some(Column::Code), told);
    }
    listed
}

/// The codes of those above.
fn resolve(
    drafts: &[Draft],
    listed: &HashMap<SiteCode, usize>,
    known: &HashMap<&SiteCode, &Site>,
    findings: &mut Findings,
) -> Vec<Option<SiteCode>> {
    let mut names = None;
    let mut resolve = |draft: &Draft| {
        let text = match &draft.above {
            AboveText::Kept => return draft.site.parent_code.clone(),
            AboveText::Nothing => return None,
            AboveText::Text(text) => text.as_ref(),
        };
        let code = text.parse::<SiteCode>().ok();
        if let Some(code) = code
            .clone()
            .filter(|code| listed.contains_key(code) || known.contains_key(code))
        {
            return Some(code);
        }
        let names = names.get_or_insert_with(|| Names::of(drafts, known));
        let site = &draft.site.code;
        match names.find(text, site) {
            [one] => Some(one.clone()),
            [] => {
                findings.add(FindingCode::ParentUnknown, draft.line, COLUMN, || {
                    let right = names.like(text, site).map(ToString::to_string);
                    Told::of(site).value(text).right(right.unwrap_or_default())
                });
                code
            }
            several => {
                findings.add(FindingCode::ParentAmbiguous, draft.line, COLUMN, || {
                    let codes: Vec<_> = several.iter().map(ToString::to_string).collect();
                    Told::of(site).value(text).right(codes.join(", "))
                });
                code
            }
        }
    };
    drafts.iter().map(&mut resolve).collect()
}

/// The level of each draft: what is said, else what follows from those above.
fn levels(
    drafts: &[Draft],
    listed: &HashMap<SiteCode, usize>,
    known: &HashMap<&SiteCode, &Site>,
) -> Vec<Level> {
    let mut levels: Vec<_> = drafts.iter().map(|draft| draft.level).collect();
    for start in 0..drafts.len() {
        let mut chain = Vec::new();
        let mut at = start;
        // Nothing is above the centre.
        let mut above = loop {
            if let Some(level) = levels.get(at).copied().flatten() {
                break Some(level);
            }
            if chain.contains(&at) || chain.len() > MAX_DEPTH {
                break Some(Level::Place);
            }
            chain.push(at);
            let draft = drafts.get(at);
            let Some(parent) = draft.and_then(|draft| draft.site.parent_code.as_ref()) else {
                // One above that is unknown is above nevertheless.
                let is_said = draft.is_some_and(|d| matches!(d.above, AboveText::Text(_)));
                break is_said.then_some(Level::Place);
            };
            match listed.get(parent) {
                Some(next) => at = *next,
                None => break Some(known.get(parent).map_or(Level::Place, |site| site.level)),
            }
        };
        for at in chain.into_iter().rev() {
            let level = Level::below(above);
            if let Some(place) = levels.get_mut(at) {
                *place = Some(level);
            }
            above = Some(level);
        }
    }
    levels
        .into_iter()
        .map(|level| level.unwrap_or(Level::Place))
        .collect()
}

/// The sites as they would be.
struct Tree<'t> {
    drafts: &'t [Draft],
    listed: &'t HashMap<SiteCode, usize>,
    known: &'t HashMap<&'t SiteCode, &'t Site>,
    missing: Missing,
    findings: &'t mut Findings,
}

impl<'t> Tree<'t> {
    fn draft(&self, code: &SiteCode) -> Option<&'t Draft> {
        self.drafts.get(*self.listed.get(code)?)
    }

    fn site(&self, code: &SiteCode) -> Option<&'t Site> {
        let draft = self.draft(code).map(|draft| &draft.site);
        draft.or_else(|| self.known.get(code).copied())
    }

    /// Sites that are not in the list and stay in sight.
    fn staying(&self) -> Vec<&'t Site> {
        let is_kept = self.missing == Missing::Keep;
        let known = self
            .known
            .values()
            .copied()
            .filter(|site| is_kept && !site.hidden && !self.listed.contains_key(&site.code));
        let mut staying: Vec<_> = known.collect();
        staying.sort_unstable_by(|a, b| a.code.cmp(&b.code));
        staying
    }

    /// One centre is above all. One that is only stored, and that nothing is below any more, has made
    /// room for another.
    fn check_centre(&mut self) {
        let drafts = self.drafts;
        let listed = drafts.iter().filter(|d| d.site.level == Level::Central);
        let stored = drafts
            .iter()
            .map(|draft| &draft.site)
            .chain(self.staying())
            .filter_map(|site| site.parent_code.as_ref())
            .find(|above| {
                let known = self.known.get(above);
                let is_central = known.is_some_and(|above| above.level == Level::Central);
                is_central && self.draft(above).is_none()
            });
        let first = stored.or_else(|| listed.clone().map(|draft| &draft.site.code).next());
        for Draft { line, site, .. } in listed.filter(|draft| Some(&draft.site.code) != first) {
            let (code, column) = (FindingCode::CentreTwice, Some(Column::Level));
            self.findings.add(code, *line, column, || {
                let first = first.map(ToString::to_string).unwrap_or_default();
                Told::of(&site.code)
                    .value(Level::Central.as_str())
                    .right(first)
            });
        }
    }

    fn check_parents(&mut self) {
        for draft in self.drafts {
            // Of one above that is unknown it has been said already.
            let is_said = matches!(draft.above, AboveText::Text(_));
            if draft.site.parent_code.is_some() || !is_said {
                self.check_parent(&draft.site, draft.line);
            }
        }
        for site in self.staying() {
            // The line that changes its parent is to blame.
            let parent = site.parent_code.as_ref().and_then(|code| self.draft(code));
            if let Some(parent) = parent {
                self.check_parent(site, parent.line);
            }
        }
        if self.missing == Missing::Remove {
            self.check_hidden();
        }
    }

    /// What is hidden stays, and so must what is above it.
    fn check_hidden(&mut self) {
        let hidden = self.known.values().copied().filter(|site| site.hidden);
        let hidden: Vec<_> = hidden
            .filter(|site| !self.listed.contains_key(&site.code))
            .collect();
        for site in hidden {
            let Some(parent) = &site.parent_code else {
                continue;
            };
            let above = self.known.get(parent);
            let goes = above.is_some_and(|above| !above.hidden) && self.draft(parent).is_none();
            if goes {
                let told = || Told::of(&site.code).value(parent);
                self.findings
                    .add(FindingCode::ParentVanishes, 0, COLUMN, told);
            }
        }
    }

    fn check_parent(&mut self, site: &Site, line: u64) {
        let code = &site.code;
        let findings = &mut *self.findings;
        let parent = match (site.level.above(), &site.parent_code) {
            (Above::Nothing, None) => return,
            (Above::Nothing, Some(parent)) => {
                return findings.add(FindingCode::CentreBelow, line, COLUMN, || {
                    Told::of(code).value(parent)
                });
            }
            (Above::Level(_) | Above::Any, None) => {
                return findings.add(FindingCode::ParentMissing, line, COLUMN, || {
                    Told::of(code).value(site.level.as_str())
                });
            }
            (Above::Level(_) | Above::Any, Some(parent)) => parent,
        };
        // One that is unknown has been found already.
        let Some(above) = self.site(parent) else {
            return;
        };
        if let Above::Level(wanted) = site.level.above()
            && wanted != above.level
        {
            self.findings
                .add(FindingCode::ParentLevel, line, COLUMN, || {
                    Told::of(code).value(parent).right(wanted.as_str())
                });
        }
        let goes = above.hidden || self.missing != Missing::Keep;
        if goes && self.draft(parent).is_none() {
            let told = || Told::of(code).value(parent);
            self.findings
                .add(FindingCode::ParentVanishes, line, COLUMN, told);
        }
    }

    /// Nothing is below itself, nor below too many. Where levels say what is above there can be neither.
    fn check_depth(&mut self) {
        for Draft { line, site, .. } in self.drafts {
            if site.level.above() != Above::Any {
                continue;
            }
            let mut above = site.parent_code.as_ref();
            let mut depth = 0;
            while let Some(code) = above {
                depth += 1;
                if *code == site.code {
                    let by = site.parent_code.as_ref().unwrap_or(code);
                    let told = || Told::of(&site.code).value(by);
                    self.findings.add(FindingCode::Cycle, *line, COLUMN, told);
                    break;
                }
                if depth > MAX_DEPTH {
                    let told = || Told::of(&site.code).right(MAX_DEPTH);
                    self.findings.add(FindingCode::TooDeep, *line, COLUMN, told);
                    break;
                }
                above = self.site(code).and_then(|site| site.parent_code.as_ref());
            }
        }
    }
}
