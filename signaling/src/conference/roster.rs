//! The sites that a conference expects.

mod command;
mod event;
mod setting;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use command::RosterCommand;
pub use event::RosterEvent;
pub(in crate::conference) use setting::Expected;

use crate::ids::SiteCode;
use crate::sites::{Level, Provinces, Site};

/// Expected sites with all that is told about them, so that the log explains itself.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Roster {
    sites: BTreeMap<SiteCode, RosterSite>,
    /// Names of the provinces that the sites belong to.
    provinces: BTreeMap<SiteCode, String>,
}

/// An expected site.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RosterSite {
    /// Its name.
    pub name: String,
    /// Its level.
    pub level: Level,
    /// The province it belongs to; a province belongs to itself, the centre to none.
    pub province: Option<SiteCode>,
}

/// A chosen site that does not exist.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no site {0}: import it first")]
pub struct UnknownSite(pub SiteCode);

impl Roster {
    /// Expects every one of `sites`.
    pub fn all(sites: &[Site]) -> Self {
        Self::filtered(sites, |_| true)
    }

    /// Expects those of `sites` whose code is in `chosen`.
    ///
    /// # Errors
    /// When a chosen code is not among `sites`.
    pub fn chosen(sites: &[Site], chosen: &BTreeSet<SiteCode>) -> Result<Self, UnknownSite> {
        let roster = Self::among(sites, chosen);
        match chosen.iter().find(|code| !roster.sites.contains_key(*code)) {
            Some(missing) => Err(UnknownSite(missing.clone())),
            None => Ok(roster),
        }
    }

    /// Expects those of `sites` whose code is in `chosen`, whatever else that names.
    pub fn among(sites: &[Site], chosen: &BTreeSet<SiteCode>) -> Self {
        Self::filtered(sites, |code| chosen.contains(code))
    }

    fn filtered(sites: &[Site], wanted: impl Fn(&SiteCode) -> bool) -> Self {
        let names: BTreeMap<_, _> = sites
            .iter()
            .filter(|site| site.level == Level::Province)
            .map(|site| (&site.code, &site.name))
            .collect();
        let provinces = Provinces::of(sites);
        let mut roster = Self::default();
        for site in sites.iter().filter(|site| wanted(&site.code)) {
            let province = provinces.province(site).cloned();
            if let Some(code) = &province {
                let name = names
                    .get(code)
                    .map_or_else(|| code.to_string(), |name| (*name).clone());
                roster.provinces.entry(code.clone()).or_insert(name);
            }
            let entry = RosterSite {
                name: site.name.clone(),
                level: site.level,
                province,
            };
            roster.sites.insert(site.code.clone(), entry);
        }
        roster
    }

    /// The same with others besides, of which those that are expected already stay as they are known, and
    /// without these.
    pub(in crate::conference) fn changed(&self, added: Self, removed: &BTreeSet<SiteCode>) -> Self {
        let (mut sites, mut names) = (added.sites, added.provinces);
        sites.extend(self.sites.clone());
        sites.retain(|code, _| !removed.contains(code));
        names.extend(self.provinces.clone());
        let named: BTreeSet<_> = sites
            .values()
            .filter_map(|site| site.province.clone())
            .collect();
        names.retain(|code, _| named.contains(code));
        Self {
            sites,
            provinces: names,
        }
    }

    /// The expected site of this code.
    pub fn site(&self, code: &SiteCode) -> Option<&RosterSite> {
        self.sites.get(code)
    }

    /// Every expected site, by code.
    pub fn sites(&self) -> impl Iterator<Item = (&SiteCode, &RosterSite)> {
        self.sites.iter()
    }

    /// Name of a province that some expected site belongs to.
    pub fn province_name(&self, code: &SiteCode) -> Option<&str> {
        self.provinces.get(code).map(String::as_str)
    }

    /// How many sites are expected.
    pub fn len(&self) -> usize {
        self.sites.len()
    }

    /// Whether no site is expected.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }
}
