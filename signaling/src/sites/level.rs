//! Where a site stands: the three levels of a country, and places of which there may be any depth.

use serde::{Deserialize, Serialize};

use super::fold::key;

/// Where a site stands in the country.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    strum::VariantArray,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The central hall.
    Central,
    /// A province, or a city of that rank.
    Province,
    /// A commune, ward or special zone.
    Commune,
    /// A school, below any other site.
    School,
    /// A hospital or health station, below any other site.
    Hospital,
    /// A company, below any other site.
    Company,
    /// Any other place below another site: an office, a department, a village.
    Place,
}

impl Level {
    /// All of them, from above.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name in files, messages and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Central => "central",
            Self::Province => "province",
            Self::Commune => "commune",
            Self::School => "school",
            Self::Hospital => "hospital",
            Self::Company => "company",
            Self::Place => "place",
        }
    }

    /// Which level the site above must have: none is above the centre.
    pub(super) const fn above(self) -> Above {
        match self {
            Self::Central => Above::Nothing,
            Self::Province => Above::Level(Self::Central),
            Self::Commune => Above::Level(Self::Province),
            Self::School | Self::Hospital | Self::Company | Self::Place => Above::Any,
        }
    }

    /// What a site is of which only the one above it is known.
    pub(super) const fn below(above: Option<Self>) -> Self {
        match above {
            None => Self::Central,
            Some(Self::Central) => Self::Province,
            Some(Self::Province) => Self::Commune,
            Some(Self::Commune | Self::School | Self::Hospital | Self::Company | Self::Place) => {
                Self::Place
            }
        }
    }

    /// What lists call it, without spaces, case and diacritics; the first is its name.
    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Central => &["central", "centre", "center", "trunguong", "tw"],
            Self::Province => &[
                "province",
                "city",
                "tinh",
                "thanhpho",
                "tp",
                "tinhthanhpho",
                "captinh",
            ],
            Self::Commune => &[
                "commune", "ward", "xa", "phuong", "dackhu", "thitran", "xaphuong", "capxa",
            ],
            Self::School => &["school", "truong", "truonghoc"],
            Self::Hospital => &["hospital", "benhvien", "tramyte"],
            Self::Company => &["company", "congty", "doanhnghiep"],
            Self::Place => &["place", "diemcau", "donvi", "khac", "other"],
        }
    }
}

/// What must be above a site.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Above {
    /// No site.
    Nothing,
    /// One of this level.
    Level(Level),
    /// One of any level.
    Any,
}

/// A text that names no level.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is not a level: use central (one, above all), province (below it), commune (below a \
     province), or school, hospital, company or place (below any site), also for places that are \
     called otherwise"
)]
pub struct UnknownLevel(String);

impl std::str::FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let key = key(text);
        Self::ALL
            .iter()
            .copied()
            .find(|level| level.words().contains(&key.as_str()))
            .ok_or_else(|| UnknownLevel(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_known_in_both_languages() {
        for (text, level) in [
            ("central", Level::Central),
            ("Trung ương", Level::Central),
            ("Thành phố", Level::Province),
            ("Đặc khu", Level::Commune),
            ("TRƯỜNG HỌC", Level::School),
            ("Bệnh viện", Level::Hospital),
            ("Điểm cầu", Level::Place),
        ] {
            assert_eq!(text.parse(), Ok(level), "{text}");
        }
        let error = "region".parse::<Level>().unwrap_err().to_string();
        assert!(error.starts_with("\"region\" is not a level"), "{error}");
    }

    #[test]
    fn no_word_is_two_levels_and_each_level_is_known_by_its_name() {
        let words: Vec<_> = Level::ALL.iter().flat_map(|level| level.words()).collect();
        let unique: std::collections::BTreeSet<_> = words.iter().collect();
        assert_eq!(words.len(), unique.len());
        for level in Level::ALL {
            assert_eq!(level.as_str().parse(), Ok(*level));
        }
    }
}
