//! Whom a booking invites: a choice from the directory of sites, and the sites that it comes to.
//!
//! Many bookings invite the same sites: what a choice comes to is kept once, by its content.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::check::{few, line};
use super::error::BookingError;
use crate::ids::{BookingId, SiteCode};
use crate::sites::{Level, MAX_DEPTH, Site};

/// Most sites that are named one by one, as parents, and to be left out. Higher: a booking takes more
/// room; a country has 3,400 sites, a training 50,000 attendees.
const MAX_CODES: usize = 60_000;

/// Most lists that are named.
const MAX_LISTS: usize = 100;

/// Whom a booking invites: `all`, what is below `parents`, in `lists`, and invited by `sameAs`, taken
/// together; of these only the `levels`, if any are named; and `codes` besides; without `except`. If
/// nothing but `levels` is said, they are taken from all.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = Audience)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selection {
    /// Every site.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// These sites of any level, and all that are below them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<SiteCode>)]
    pub parents: BTreeSet<SiteCode>,
    /// Only sites of these levels.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<Level>)]
    pub levels: BTreeSet<Level>,
    /// Sites of these groups.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub lists: BTreeSet<String>,
    /// These sites, whatever their level.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<SiteCode>)]
    pub codes: BTreeSet<SiteCode>,
    /// Not these sites, nor what is below them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<SiteCode>)]
    pub except: BTreeSet<SiteCode>,
    /// The sites that this booking invites: as last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<BookingId>,
}

/// The sites that a choice comes to, by code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Audience {
    codes: Vec<SiteCode>,
    hash: AudienceHash,
}

/// By which an audience is known: the first half of the SHA-256 of its codes.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AudienceHash(Arc<str>);

impl Selection {
    pub(super) fn check(&self) -> Result<(), BookingError> {
        few("audience.codes", self.codes.len(), MAX_CODES)?;
        few("audience.parents", self.parents.len(), MAX_CODES)?;
        few("audience.except", self.except.len(), MAX_CODES)?;
        few("audience.lists", self.lists.len(), MAX_LISTS)?;
        let mut lists = self.lists.iter();
        lists.try_for_each(|list| line("audience.lists", list, 100))
    }

    /// The sites that it comes to, of those that are known; `same` are those of the booking that it
    /// names.
    ///
    /// # Errors
    /// When it names what is not known.
    pub fn resolve(
        &self,
        sites: &[Site],
        same: Option<&Audience>,
    ) -> Result<Audience, BookingError> {
        let known: HashMap<_, _> = sites.iter().map(|site| (&site.code, site)).collect();
        self.check_known(&known, sites)?;
        let same: BTreeSet<_> = same
            .map(|same| same.codes.iter().collect())
            .unwrap_or_default();
        let says_which =
            !self.parents.is_empty() || !self.lists.is_empty() || self.same_as.is_some();
        let all = self.all || !says_which && !self.levels.is_empty();
        let is_wanted = |site: &Site| {
            all || self.lists.iter().any(|list| site.groups.contains(list))
                || same.contains(&site.code)
                || is_below(site, &self.parents, &known)
        };
        let is_of_level = |site: &Site| self.levels.is_empty() || self.levels.contains(&site.level);
        let chosen = sites.iter().filter(|site| {
            let is_chosen = self.codes.contains(&site.code) || is_of_level(site) && is_wanted(site);
            is_chosen && !is_below(site, &self.except, &known)
        });
        Ok(Audience::of(chosen.map(|site| site.code.clone())))
    }

    fn check_known(
        &self,
        known: &HashMap<&SiteCode, &Site>,
        sites: &[Site],
    ) -> Result<(), BookingError> {
        let mut named = self.parents.iter().chain(&self.codes);
        if let Some(code) = named.find(|code| !known.contains_key(code)) {
            return Err(BookingError::invalid(format!(
                "audience names the site {code}, which is not known: import it first"
            )));
        }
        let is_used = |list: &&String| !sites.iter().any(|site| site.groups.contains(*list));
        if let Some(list) = self.lists.iter().find(is_used) {
            return Err(BookingError::invalid(format!(
                "audience names the list {list:?}, to which no site belongs"
            )));
        }
        Ok(())
    }
}

/// Whether a site is one of these or below one of them.
fn is_below(site: &Site, above: &BTreeSet<SiteCode>, known: &HashMap<&SiteCode, &Site>) -> bool {
    if above.is_empty() {
        return false;
    }
    let mut code = Some(&site.code);
    for _ in 0..=MAX_DEPTH {
        let Some(at) = code else { return false };
        if above.contains(at) {
            return true;
        }
        code = known.get(at).and_then(|site| site.parent_code.as_ref());
    }
    false
}

impl Audience {
    /// Of these sites.
    pub fn of(codes: impl IntoIterator<Item = SiteCode>) -> Self {
        let codes: BTreeSet<_> = codes.into_iter().collect();
        let codes: Vec<_> = codes.into_iter().collect();
        let digest = Sha256::digest(text(&codes));
        let hash = hex::encode(digest.get(..16).unwrap_or_default());
        Self {
            codes,
            hash: AudienceHash(hash.into()),
        }
    }

    /// By which it is known.
    pub const fn hash(&self) -> &AudienceHash {
        &self.hash
    }

    /// The sites, by code.
    pub fn codes(&self) -> &[SiteCode] {
        &self.codes
    }

    /// How many they are.
    pub fn count(&self) -> u32 {
        u32::try_from(self.codes.len()).unwrap_or(u32::MAX)
    }

    /// Whether one of these sites belongs to it.
    pub fn invites(&self, sites: &BTreeSet<SiteCode>) -> bool {
        self.codes.iter().any(|code| sites.contains(code))
    }

    /// As it is kept: a code in each line.
    pub fn text(&self) -> String {
        text(&self.codes)
    }

    /// As it was kept.
    ///
    /// # Errors
    /// When a code is none.
    pub fn read(text: &str) -> Result<Self, crate::ids::IdError> {
        let codes: Vec<SiteCode> = text.lines().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self::of(codes))
    }

    /// How many sites are in both, and the first of them.
    #[must_use]
    pub fn common(&self, other: &Self, shown: usize) -> (u32, Vec<SiteCode>) {
        let (mut ours, mut theirs) = (self.codes.iter().peekable(), other.codes.iter().peekable());
        let (mut count, mut first) = (0_u32, Vec::new());
        while let (Some(our), Some(their)) = (ours.peek(), theirs.peek()) {
            match our.cmp(their) {
                std::cmp::Ordering::Less => drop(ours.next()),
                std::cmp::Ordering::Greater => drop(theirs.next()),
                std::cmp::Ordering::Equal => {
                    count = count.saturating_add(1);
                    if first.len() < shown {
                        first.push((*our).clone());
                    }
                    ours.next();
                    theirs.next();
                }
            }
        }
        (count, first)
    }
}

fn text(codes: &[SiteCode]) -> String {
    let mut text = String::new();
    for code in codes {
        text.push_str(code.as_str());
        text.push('\n');
    }
    text
}

impl AudienceHash {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AudienceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that no audience is known by.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an audience is known by 32 hexadecimal digits")]
pub struct NoHash;

impl FromStr for AudienceHash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 32 && text.bytes().all(is_digit) {
            Ok(Self(text.into()))
        } else {
            Err(NoHash)
        }
    }
}

impl Serialize for AudienceHash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AudienceHash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Audiences that were read, by which they are known: a question about thousands of bookings reads each
/// of the few once.
pub type Audiences = BTreeMap<AudienceHash, Audience>;
