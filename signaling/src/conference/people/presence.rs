//! How many of the expected sites are here, kept by counting each change once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conference::roster::Roster;
use crate::ids::SiteCode;

/// Of how many sites.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Counts {
    /// Sites that should be here.
    pub expected: u32,
    /// Expected sites with a participant that is present.
    pub present: u32,
    /// Expected sites whose participants all lost their connection and may still come back.
    pub lost: u32,
}

/// Counts of sites, in all and by province. Changes in O(log n).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::conference) struct Presence {
    total: Counts,
    provinces: BTreeMap<SiteCode, Counts>,
    sites: BTreeMap<SiteCode, SiteCount>,
}

/// Participants of one expected site.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct SiteCount {
    province: Option<SiteCode>,
    present: u32,
    lost: u32,
}

/// What a site as a whole is.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Standing {
    Missing,
    Present,
    Lost,
}

impl SiteCount {
    const fn standing(&self) -> Standing {
        match (self.present, self.lost) {
            (0, 0) => Standing::Missing,
            (0, _) => Standing::Lost,
            _ => Standing::Present,
        }
    }
}

impl Presence {
    pub(in crate::conference) fn new(roster: &Roster) -> Self {
        let mut presence = Self::default();
        for (code, site) in roster.sites() {
            presence.total.expected += 1;
            if let Some(province) = &site.province {
                presence
                    .provinces
                    .entry(province.clone())
                    .or_default()
                    .expected += 1;
            }
            let count = SiteCount {
                province: site.province.clone(),
                ..SiteCount::default()
            };
            presence.sites.insert(code.clone(), count);
        }
        presence
    }

    pub(in crate::conference) const fn total(&self) -> Counts {
        self.total
    }

    pub(in crate::conference) fn provinces(&self) -> impl Iterator<Item = (&SiteCode, Counts)> {
        self.provinces.iter().map(|(code, counts)| (code, *counts))
    }

    /// Codes of expected sites without anybody present.
    pub(in crate::conference) fn absent(&self) -> impl Iterator<Item = &SiteCode> {
        self.sites
            .iter()
            .filter(|(_, count)| count.present == 0)
            .map(|(code, _)| code)
    }

    pub(in crate::conference) fn arrived(&mut self, site: Option<&SiteCode>) {
        self.change(site, |count| count.present += 1);
    }

    /// Of somebody who was present.
    pub(in crate::conference) fn gone(&mut self, site: Option<&SiteCode>) {
        self.change(site, |count| {
            count.present = count.present.saturating_sub(1);
        });
    }

    pub(in crate::conference) fn lost(&mut self, site: Option<&SiteCode>) {
        self.change(site, |count| {
            count.present = count.present.saturating_sub(1);
            count.lost += 1;
        });
    }

    pub(in crate::conference) fn regained(&mut self, site: Option<&SiteCode>) {
        self.change(site, |count| {
            count.present += 1;
            count.lost = count.lost.saturating_sub(1);
        });
    }

    /// Sites that are not expected are not counted: present never exceeds expected.
    fn change(&mut self, site: Option<&SiteCode>, change: impl FnOnce(&mut SiteCount)) {
        let Some(count) = site.and_then(|code| self.sites.get_mut(code)) else {
            return;
        };
        let before = count.standing();
        change(count);
        let after = count.standing();
        if before == after {
            return;
        }
        let province = count
            .province
            .as_ref()
            .and_then(|code| self.provinces.get_mut(code));
        for counts in [Some(&mut self.total), province].into_iter().flatten() {
            match before {
                Standing::Missing => {}
                Standing::Present => counts.present = counts.present.saturating_sub(1),
                Standing::Lost => counts.lost = counts.lost.saturating_sub(1),
            }
            match after {
                Standing::Missing => {}
                Standing::Present => counts.present += 1,
                Standing::Lost => counts.lost += 1,
            }
        }
    }
}
