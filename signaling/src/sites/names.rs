//! Sites by what people call them: lists say "Hà Nội" where a code should stand.

use std::collections::HashMap;

use super::Site;
use super::fields::Draft;
use super::fold::key;
use super::level::Level;
use crate::ids::SiteCode;

/// How much alike two names must be that one is taken for a misspelling of the other.
const ALIKE: f64 = 0.85;

/// What provinces are called before their names.
const RANKS: [&str; 3] = ["thanhpho", "tinh", "tp"];

/// Which sites have which names.
pub(super) struct Names {
    sites: HashMap<String, Vec<SiteCode>>,
    /// The same of provinces, which are meant before others.
    provinces: HashMap<String, Vec<SiteCode>>,
    /// Codes of digits, by their number.
    numbers: HashMap<String, SiteCode>,
}

impl Names {
    /// Of all that would be there.
    pub(super) fn of(drafts: &[Draft], known: &HashMap<&SiteCode, &Site>) -> Self {
        let mut names = Self {
            sites: HashMap::new(),
            provinces: HashMap::new(),
            numbers: HashMap::new(),
        };
        for draft in drafts {
            names.add(&draft.site, draft.level);
        }
        let mut known: Vec<_> = known.values().collect();
        known.sort_unstable_by(|a, b| a.code.cmp(&b.code));
        for site in known {
            names.add(site, Some(site.level));
        }
        names
    }

    fn add(&mut self, site: &Site, level: Option<Level>) {
        let name = without_rank(&site.name);
        let of_level = (level == Some(Level::Province)).then_some(&mut self.provinces);
        for map in [Some(&mut self.sites), of_level].into_iter().flatten() {
            let codes = map.entry(name.clone()).or_default();
            if !codes.contains(&site.code) {
                codes.push(site.code.clone());
            }
        }
        if let Some(number) = number(site.code.as_str()) {
            self.numbers
                .entry(number.to_owned())
                .or_insert_with(|| site.code.clone());
        }
    }

    /// Those that are called so, but `site` itself: provinces if there are any.
    pub(super) fn find(&self, text: &str, site: &SiteCode) -> &[SiteCode] {
        let name = without_rank(text);
        let maps = [&self.provinces, &self.sites];
        let found = maps.into_iter().filter_map(|map| map.get(&name));
        found
            .map(Vec::as_slice)
            .find(|codes| !codes.contains(site))
            .unwrap_or_default()
    }

    /// One that may be meant: with the zeros that a spreadsheet has cut, or a province with almost
    /// this name.
    pub(super) fn like(&self, text: &str, site: &SiteCode) -> Option<&SiteCode> {
        let cut = number(text).and_then(|number| self.numbers.get(number));
        let misspelt = || {
            let name = without_rank(text);
            let alike = self.provinces.iter().map(|(other, codes)| {
                let alike = strsim::jaro_winkler(&name, other);
                (alike, codes.first())
            });
            alike
                .filter(|(alike, _)| *alike >= ALIKE)
                .max_by(|(a, _), (b, _)| a.total_cmp(b))
                .and_then(|(_, code)| code)
        };
        cut.or_else(misspelt).filter(|like| *like != site)
    }
}

/// A name without the rank before it: "Thành phố Hà Nội" is "Hà Nội".
fn without_rank(name: &str) -> String {
    let key = key(name);
    let rest = RANKS.iter().find_map(|rank| key.strip_prefix(rank));
    match rest {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => key,
    }
}

/// A code of digits without its leading zeros.
pub(super) fn number(code: &str) -> Option<&str> {
    code.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| code.trim_start_matches('0'))
}
