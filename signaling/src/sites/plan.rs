//! What a list would change: decided before anything is locked or written.

use std::collections::{BTreeMap, HashMap};

use super::csv::{ImportError, Row, read_rows};
use super::mistakes::Mistakes;
use super::{ImportSummary, Level, Site};
use crate::ids::SiteCode;

/// A site that a list changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// As it is known.
    pub before: Site,
    /// As the list has it.
    pub after: Site,
}

/// What a list changes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Plan {
    /// Sites that are not known.
    pub added: Vec<Site>,
    /// Sites whose name, level or parent is another one.
    pub changed: Vec<Change>,
    /// How many are already so.
    pub unchanged: u32,
    /// What is possible and looks wrong, in words.
    pub warnings: Vec<String>,
}

impl Plan {
    /// What `list` changes of `known`. Sites that are not in it stay.
    ///
    /// # Errors
    /// When the list is wrong, with the line of the first mistakes, or is not to be trusted: its
    /// codes are known ones that have lost their leading zeros.
    pub fn new(list: &[u8], known: &[Site]) -> Result<Self, ImportError> {
        let rows = read_rows(list, known)?;
        check_zeros(&rows, known)?;
        let known: HashMap<_, _> = known.iter().map(|site| (&site.code, site)).collect();
        let mut plan = Self {
            warnings: warnings(&rows, known.is_empty()),
            ..Self::default()
        };
        for Row { site, .. } in rows {
            match known.get(&site.code) {
                Some(same) if **same == site => plan.unchanged += 1,
                Some(before) => plan.changed.push(Change {
                    before: (*before).clone(),
                    after: site,
                }),
                None => plan.added.push(site),
            }
        }
        Ok(plan)
    }

    /// The sites that must be written.
    pub fn writes(&self) -> impl Iterator<Item = &Site> {
        self.added
            .iter()
            .chain(self.changed.iter().map(|change| &change.after))
    }

    /// What it amounts to.
    #[must_use]
    pub fn summary(&self) -> ImportSummary {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        ImportSummary {
            added: count(self.added.len()),
            changed: count(self.changed.len()),
            unchanged: self.unchanged,
            warnings: self.warnings.clone(),
        }
    }
}

/// A code of digits without its leading zeros.
fn stripped(code: &SiteCode) -> Option<&str> {
    let text = code.as_str();
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.trim_start_matches('0'))
}

/// `4` in the list where `00004` is known: a spreadsheet took the codes for numbers, and each such
/// site would be there twice.
fn check_zeros(rows: &[Row], known: &[Site]) -> Result<(), ImportError> {
    let codes: HashMap<_, _> = known.iter().map(|site| (&site.code, site.level)).collect();
    let by_number: HashMap<_, _> = known
        .iter()
        .filter_map(|site| Some(((site.level, stripped(&site.code)?), &site.code)))
        .collect();
    let mut mistakes = Mistakes::default();
    for Row { line, site } in rows {
        if codes.contains_key(&site.code) {
            continue;
        }
        let Some(like) =
            stripped(&site.code).and_then(|number| by_number.get(&(site.level, number)))
        else {
            continue;
        };
        mistakes.add(*line, || {
            format!("{} is new, but {like} is known", site.code)
        });
    }
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(ImportError::Zeros(mistakes))
    }
}

/// What looks wrong with a first list, of which nothing else can tell: codes of one level that are
/// numbers of different lengths, none with a leading zero.
fn warnings(rows: &[Row], is_first: bool) -> Vec<String> {
    if !is_first {
        return Vec::new();
    }
    let mut lengths: BTreeMap<Level, (usize, usize, &SiteCode)> = BTreeMap::new();
    let mut zeros = false;
    for Row { site, .. } in rows {
        let Some(number) = stripped(&site.code) else {
            continue;
        };
        let length = site.code.as_str().len();
        zeros |= number.len() < length;
        let seen = lengths
            .entry(site.level)
            .or_insert((length, length, &site.code));
        if length < seen.0 {
            (seen.0, seen.2) = (length, &site.code);
        }
        seen.1 = seen.1.max(length);
    }
    if zeros {
        return Vec::new();
    }
    lengths
        .into_iter()
        .filter(|(_, (shortest, longest, _))| shortest < longest)
        .map(|(level, (shortest, longest, code))| {
            format!(
                "the codes of {} sites have {shortest} to {longest} digits and none begins with a \
                 zero: has a spreadsheet cut them, as in {code}?",
                level.as_str()
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "code,name,level,parent_code\n";

    fn plan(rows: &str, known: &[Site]) -> Result<Plan, ImportError> {
        Plan::new(format!("{HEADER}{rows}").as_bytes(), known)
    }

    fn known() -> Vec<Site> {
        let rows = "VN,C,central,\n01,H,province,VN\n00004,B,commune,01\n00008,N,commune,01\n";
        plan(rows, &[]).unwrap().added
    }

    #[test]
    fn a_plan_names_what_it_adds_and_changes() {
        let plan = plan(
            "00004,B,commune,01\n00008,M,commune,01\n00012,P,commune,01\n",
            &known(),
        );
        let plan = plan.unwrap();
        assert_eq!(plan.unchanged, 1);
        let [Change { before, after }] = &plan.changed[..] else {
            panic!("one changes: {plan:?}")
        };
        assert_eq!((before.name.as_str(), after.name.as_str()), ("N", "M"));
        assert_eq!(plan.added[0].code.as_str(), "00012");
        assert_eq!(plan.writes().count(), 2);
    }

    #[test]
    fn codes_that_have_lost_their_zeros_are_noticed() {
        let eaten = "VN,C,central,\n1,H,province,VN\n4,B,commune,1\n8,N,commune,1\n";
        assert_eq!(
            plan(eaten, &known()).unwrap_err().to_string(),
            "a spreadsheet has cut the leading zeros of the codes: make their column a text column, \
             and save the list again\n\
             line 3: 1 is new, but 01 is known\n\
             line 4: 4 is new, but 00004 is known\n\
             line 5: 8 is new, but 00008 is known"
        );
    }

    #[test]
    fn a_province_and_a_commune_may_have_the_same_number() {
        let plan = plan("00001,P,commune,01\n", &known()).unwrap();
        assert_eq!(plan.added.len(), 1);
    }

    #[test]
    fn a_first_list_without_zeros_is_taken_with_a_warning() {
        let eaten = "VN,C,central,\n1,H,province,VN\n10,D,province,VN\n4,B,commune,1\n";
        let warnings = plan(eaten, &[]).unwrap().warnings;
        assert_eq!(
            warnings,
            [
                "the codes of province sites have 1 to 2 digits and none begins with a zero: has a \
                 spreadsheet cut them, as in 1?"
            ]
        );
        assert_eq!(
            plan("VN,C,central,\n1,H,province,VN\n", &[])
                .unwrap()
                .warnings,
            [""; 0]
        );
    }
}
