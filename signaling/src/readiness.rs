//! How ready those are who are invited: what the last check of each line found, counted by province, and
//! whom to phone.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::check::{Cause, CheckCode, Colour};
use crate::ids::SiteCode;
use crate::sites::{Level, MAX_DEPTH};

/// What the last check of a site's line found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checked {
    /// By which the check is found.
    pub code: CheckCode,
    /// When.
    pub at: Timestamp,
    /// What is in the way, or that nothing is.
    pub cause: Cause,
}

/// How it stands with a site.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
#[schema(as = ReadyStanding)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// It cannot take part.
    Red,
    /// It can, with something missing.
    Amber,
    /// Not checked since the moment from which checks count.
    Unknown,
    /// It can.
    Green,
}

impl Standing {
    /// Whether somebody has to do something about it.
    #[must_use]
    pub const fn is_amiss(self) -> bool {
        matches!(self, Self::Red | Self::Amber)
    }
}

impl From<Colour> for Standing {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Green => Self::Green,
            Colour::Amber => Self::Amber,
            Colour::Red => Self::Red,
        }
    }
}

/// How many sites stand how.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = ReadyCounts)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Which can take part.
    pub green: u32,
    /// Which can, with something missing.
    pub amber: u32,
    /// Which cannot.
    pub red: u32,
    /// Of which nothing new is known.
    pub unknown: u32,
}

impl Counts {
    const fn add(&mut self, standing: Standing) {
        let count = match standing {
            Standing::Green => &mut self.green,
            Standing::Amber => &mut self.amber,
            Standing::Red => &mut self.red,
            Standing::Unknown => &mut self.unknown,
        };
        *count += 1;
    }
}

/// The tree of sites, without what else is known of them: codes, a line each, of those of a level below
/// the same site.
pub type Outline = Vec<(Level, Option<SiteCode>, String)>;

/// What the last check of each line found: codes, a line each, of those with which it is the same.
pub type Found = Vec<(Cause, String)>;

/// One who is invited, and how it stands there.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Invited<'s> {
    /// How it stands with it.
    pub standing: Standing,
    /// Its province.
    pub province: Option<&'s str>,
    /// Its code.
    pub code: &'s str,
}

/// Where each site stands in the tree.
type Places<'s> = HashMap<&'s str, (Level, Option<&'s str>)>;

/// Those of the sites whose `codes` these are, a line each, with how it stands there. Who is no site any
/// more is left out.
#[must_use]
pub fn invited<'s>(outline: &'s Outline, codes: &'s str, found: &'s Found) -> Vec<Invited<'s>> {
    let places: Places<'s> = outline
        .iter()
        .flat_map(|(level, above, codes)| {
            let above = above.as_ref().map(SiteCode::as_str);
            codes.lines().map(move |code| (code, (*level, above)))
        })
        .collect();
    let standings: HashMap<&str, Standing> = found
        .iter()
        .flat_map(|(cause, codes)| codes.lines().map(|code| (code, cause.colour().into())))
        .collect();
    let known = codes.lines().filter_map(|code| {
        let (code, _) = places.get_key_value(code)?;
        Some(Invited {
            standing: standings.get(code).copied().unwrap_or(Standing::Unknown),
            province: province(&places, code),
            code,
        })
    });
    known.collect()
}

/// The province of a site, as [`Provinces`](crate::sites::Provinces) has it.
fn province<'s>(places: &Places<'s>, code: &'s str) -> Option<&'s str> {
    let mut at = code;
    for _ in 0..=MAX_DEPTH {
        let (level, above) = *places.get(at)?;
        match level {
            Level::Central => return None,
            Level::Province => return Some(at),
            Level::Commune => return above,
            Level::School | Level::Hospital | Level::Company | Level::Place => at = above?,
        }
    }
    None
}

/// All together, and those of each province.
#[must_use]
pub fn count<'s>(invited: &[Invited<'s>]) -> (Counts, BTreeMap<&'s str, Counts>) {
    let mut total = Counts::default();
    let mut provinces: BTreeMap<&str, Counts> = BTreeMap::new();
    for one in invited {
        total.add(one.standing);
        if let Some(province) = one.province {
            provinces.entry(province).or_default().add(one.standing);
        }
    }
    (total, provinces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline() -> Outline {
        let of = |level, above: Option<&str>, codes: &str| {
            let above = above.map(|code| code.parse().unwrap());
            (level, above, codes.to_owned())
        };
        vec![
            of(Level::Central, None, "VN"),
            of(Level::Province, Some("VN"), "01\n02"),
            of(Level::Commune, Some("01"), "00004\n00008"),
            of(Level::Commune, Some("02"), "00025"),
            of(Level::School, Some("00025"), "S1"),
        ]
    }

    #[test]
    fn each_province_is_counted_and_whoever_was_not_checked_is_not_taken_for_ready() {
        let outline = outline();
        let found = vec![
            (Cause::AllGood, "00004\n09999".to_owned()),
            (Cause::UdpBlocked, "00025\nS1".to_owned()),
        ];
        let codes = "00004\n00008\n00025\n01\n09999\nS1\nVN\n";
        let invited = invited(&outline, codes, &found);
        assert_eq!(invited.len(), 6, "one is no site any more");
        let (total, provinces) = count(&invited);
        let of = |green, amber, red, unknown| Counts {
            green,
            amber,
            red,
            unknown,
        };
        assert_eq!(total, of(1, 2, 0, 3));
        let counted = [("01", of(1, 0, 0, 2)), ("02", of(0, 2, 0, 0))];
        assert_eq!(
            provinces,
            counted.into(),
            "a school is of its commune's province"
        );
    }

    #[test]
    fn the_worst_come_first_and_those_of_a_province_together() {
        let outline = outline();
        let found = vec![(Cause::UdpBlocked, "S1\n00008".to_owned())];
        let mut invited = invited(&outline, "00004\n00008\nS1", &found);
        invited.sort_unstable();
        let order: Vec<_> = invited.iter().map(|one| one.code).collect();
        assert_eq!(order, ["00008", "S1", "00004"]);
    }
}
