//! How ready those are who are invited: what the last check of each line found, counted by province, and
//! whom to phone.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::check::{Cause, CheckCode, Colour};
use crate::ids::SiteCode;
use crate::sites::{Provinces, Site};

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

impl From<Option<&Checked>> for Standing {
    fn from(checked: Option<&Checked>) -> Self {
        match checked.map(|checked| checked.cause.colour()) {
            None => Self::Unknown,
            Some(Colour::Green) => Self::Green,
            Some(Colour::Amber) => Self::Amber,
            Some(Colour::Red) => Self::Red,
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

/// One who is invited, and how it stands there.
#[derive(Clone, Debug)]
pub struct Invited<'s> {
    /// The site.
    pub site: &'s Site,
    /// Its province.
    pub province: Option<&'s SiteCode>,
    /// What the last check found.
    pub checked: Option<&'s Checked>,
}

impl Invited<'_> {
    /// How it stands with it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.checked.into()
    }
}

/// Those of `sites`, which are in the order of their codes, that are invited, with what is known of
/// their lines. Who is no site any more is left out.
#[must_use]
pub fn invited<'s>(
    sites: &'s [Site],
    provinces: &'s Provinces<'s>,
    codes: &[SiteCode],
    checks: &'s HashMap<SiteCode, Checked>,
) -> Vec<Invited<'s>> {
    let known = codes.iter().filter_map(|code| {
        let place = sites.binary_search_by(|site| site.code.cmp(code)).ok()?;
        let site = sites.get(place)?;
        Some(Invited {
            site,
            province: provinces.province(site),
            checked: checks.get(code),
        })
    });
    known.collect()
}

/// All together, and those of each province.
#[must_use]
pub fn count(invited: &[Invited<'_>]) -> (Counts, BTreeMap<SiteCode, Counts>) {
    let mut total = Counts::default();
    let mut provinces: BTreeMap<SiteCode, Counts> = BTreeMap::new();
    for one in invited {
        let standing = one.standing();
        total.add(standing);
        if let Some(province) = one.province {
            provinces.entry(province.clone()).or_default().add(standing);
        }
    }
    (total, provinces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites::Level;

    fn site(code: &str, level: Level, parent: Option<&str>) -> Site {
        let parent = parent.map(|code| code.parse().unwrap());
        Site::new(code.parse().unwrap(), code.to_owned(), level, parent)
    }

    fn checked(cause: Cause) -> Checked {
        Checked {
            code: CheckCode::new(1),
            at: Timestamp::UNIX_EPOCH,
            cause,
        }
    }

    #[test]
    fn each_province_is_counted_and_whoever_was_not_checked_is_not_taken_for_ready() {
        let sites = [
            site("00004", Level::Commune, Some("01")),
            site("00008", Level::Commune, Some("01")),
            site("00025", Level::Commune, Some("02")),
            site("01", Level::Province, Some("VN")),
            site("02", Level::Province, Some("VN")),
            site("VN", Level::Central, None),
        ];
        let codes = ["00004", "00008", "00025", "01", "09999"].map(|code| code.parse().unwrap());
        let found = [("00004", Cause::AllGood), ("00025", Cause::UdpBlocked)];
        let checks = found.map(|(code, cause)| (code.parse().unwrap(), checked(cause)));
        let (checks, provinces) = (HashMap::from(checks), Provinces::of(&sites));
        let invited = invited(&sites, &provinces, &codes, &checks);
        assert_eq!(invited.len(), 4, "one is no site any more");
        let (total, provinces) = count(&invited);
        let of = |green, amber, red, unknown| Counts {
            green,
            amber,
            red,
            unknown,
        };
        assert_eq!(total, of(1, 1, 0, 2));
        assert_eq!(provinces[&"01".parse().unwrap()], of(1, 0, 0, 2));
        assert_eq!(provinces[&"02".parse().unwrap()], of(0, 1, 0, 0));
    }
}
