//! What is possible and looks wrong: codes that a spreadsheet has cut, names that are there twice,
//! sites that vanish by the hundred.

use std::collections::{BTreeMap, HashMap};

use super::column::Column;
use super::fields::Draft;
use super::finding::{FindingCode, Findings, Told};
use super::level::Level;
use super::names::number;
use super::tree::Provinces;
use super::{Missing, Site};
use crate::ids::SiteCode;

/// One in so many sites may vanish without a question.
const VANISHING: usize = 10;

/// `4` in the list where `00004` is known, or where most codes have five digits: a spreadsheet took
/// the codes for numbers.
pub(super) fn find_cut_codes(
    drafts: &[Draft],
    known: &HashMap<&SiteCode, &Site>,
    findings: &mut Findings,
) {
    let by_number: HashMap<_, _> = known
        .values()
        .filter_map(|site| Some(((site.level, number(site.code.as_str())?), &site.code)))
        .collect();
    let usual = usual_lengths(drafts, known);
    for Draft { line, site, .. } in drafts {
        let code = &site.code;
        let Some(number) = number(code.as_str()).filter(|_| !known.contains_key(code)) else {
            continue;
        };
        let told = |right: &dyn std::fmt::Display| Told::of(code).value(code).right(right);
        if let Some(like) = by_number.get(&(site.level, number)) {
            findings.add(FindingCode::CodeCut, *line, Some(Column::Code), || {
                told(like)
            });
            continue;
        }
        let Some(usual) = usual.get(&site.level).copied() else {
            continue;
        };
        if code.as_str().len() < usual {
            let right = format_args!("{:0>usual$}", code.as_str());
            let column = Some(Column::Code);
            findings.add(FindingCode::CodeShort, *line, column, || told(&right));
        }
    }
}

/// How many digits most codes of a level have, if half of them or more have as many.
fn usual_lengths(drafts: &[Draft], known: &HashMap<&SiteCode, &Site>) -> BTreeMap<Level, usize> {
    let mut counts: BTreeMap<Level, BTreeMap<usize, usize>> = BTreeMap::new();
    let listed = drafts.iter().map(|draft| &draft.site);
    let listed = listed.filter(|site| !known.contains_key(&site.code));
    for site in listed.chain(known.values().copied()) {
        if number(site.code.as_str()).is_some() {
            let lengths = counts.entry(site.level).or_default();
            *lengths.entry(site.code.as_str().len()).or_default() += 1;
        }
    }
    counts
        .into_iter()
        .filter_map(|(level, lengths)| {
            let all: usize = lengths.values().sum();
            let (length, count) = lengths.into_iter().max_by_key(|(_, count)| *count)?;
            (count * 2 >= all).then_some((level, length))
        })
        .collect()
}

/// Two places of one level and one province that are called the same are perhaps one.
pub(super) fn find_same_names(
    drafts: &[Draft],
    known: &HashMap<&SiteCode, &Site>,
    findings: &mut Findings,
) {
    let mut sites = known.clone();
    sites.extend(drafts.iter().map(|draft| (&draft.site.code, &draft.site)));
    let listed = drafts.iter().map(|draft| (draft.line, &draft.site));
    let lines: HashMap<_, _> = listed.map(|(line, site)| (&site.code, line)).collect();
    let mut all: Vec<_> = sites
        .values()
        .copied()
        .filter(|site| !site.hidden)
        .collect();
    // What is only known comes first, so that a line is to blame.
    let place = |site: &Site| lines.get(&site.code).copied().unwrap_or_default();
    all.sort_unstable_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.code.cmp(&b.code)));
    let provinces = Provinces::among(sites);
    let mut seen = HashMap::with_capacity(all.len());
    for site in all {
        // Their tones tell names apart: Văn Lang is not Vân Lăng.
        let name = (
            site.level,
            provinces.province(site),
            site.name.to_lowercase(),
        );
        // Provinces are each their own.
        if matches!(site.level, Level::Central | Level::Province) {
            continue;
        }
        let Some(first) = seen.insert(name, site) else {
            continue;
        };
        let line = place(site);
        if line > 0 {
            findings.add(FindingCode::NameTwice, line, Some(Column::Name), || {
                Told::of(&site.code).value(&site.name).right(&first.code)
            });
        }
    }
}

/// A list that has lost a part of itself.
pub(super) fn find_vanishing(
    vanished: usize,
    known: usize,
    missing: Missing,
    findings: &mut Findings,
) {
    if missing != Missing::Keep && vanished * VANISHING > known {
        findings.add(FindingCode::ManyVanish, 0, None, || {
            Told::default().value(vanished).right(known)
        });
    }
}
