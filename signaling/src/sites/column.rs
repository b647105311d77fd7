//! What a list may say of a site, and what lists call it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A column of a list: one thing that is said of each site.
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
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// The official code.
    Code,
    /// The official name.
    Name,
    /// Where it stands.
    Level,
    /// The site above it, by its code or by the name of a province.
    ParentCode,
    /// Whom to ask for.
    ContactName,
    /// Their telephone number.
    ContactPhone,
    /// Their e-mail address.
    ContactEmail,
    /// How many people can sit there.
    Seats,
    /// How it is connected.
    LineProfile,
    /// What takes over when its device fails.
    StandByDevice,
    /// What groups it belongs to, with semicolons between them.
    Groups,
}

/// Which header stands for which column, as somebody has said; an empty one for none.
pub type Mapping = BTreeMap<Column, String>;

impl Column {
    /// All of them, in the order of an export.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// How many.
    pub(super) const COUNT: usize = Self::ALL.len();

    /// The name in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Name => "name",
            Self::Level => "level",
            Self::ParentCode => "parent_code",
            Self::ContactName => "contact_name",
            Self::ContactPhone => "contact_phone",
            Self::ContactEmail => "contact_email",
            Self::Seats => "seats",
            Self::LineProfile => "line_profile",
            Self::StandByDevice => "stand_by_device",
            Self::Groups => "groups",
        }
    }

    /// Its place among all.
    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// What lists call it, as [`super::fold::key`] has it; where a list has several, the first of
    /// these is read.
    #[expect(
        clippy::too_many_lines,
        reason = "one list for each column, without any decision"
    )]
    pub(super) const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Code => &[
                "code",
                "sitecode",
                "ma",
                "maso",
                "madiemcau",
                "madonvi",
                "madvhc",
                "maxa",
                "maphuongxa",
                "id",
            ],
            Self::Name => &[
                "name",
                "sitename",
                "ten",
                "tendiemcau",
                "tendonvi",
                "tengoi",
                "tenxa",
                "tenphuongxa",
                "diemcau",
                "donvi",
            ],
            Self::Level => &["level", "cap", "capdo", "capdonvi", "capdiemcau", "loai"],
            Self::ParentCode => &[
                "parentcode",
                "parent",
                "macha",
                "macaptren",
                "madonvicha",
                "madonvicaptren",
                "matinh",
                "matinhthanhpho",
                "province",
                "provincecode",
                "tinh",
                "tinhthanhpho",
                "tinhthanh",
                "thanhpho",
                "tructhuoc",
                "captren",
                "donvicaptren",
            ],
            Self::ContactName => &[
                "contactname",
                "contact",
                "nguoilienhe",
                "lienhe",
                "daumoi",
                "canbodaumoi",
                "hoten",
                "hovaten",
            ],
            Self::ContactPhone => &[
                "contactphone",
                "phone",
                "telephone",
                "phonenumber",
                "mobile",
                "dienthoai",
                "sodienthoai",
                "sdt",
                "didong",
                "dienthoailienhe",
            ],
            Self::ContactEmail => &[
                "contactemail",
                "email",
                "emailaddress",
                "thudientu",
                "diachiemail",
                "hopthu",
                "hopthudientu",
            ],
            Self::Seats => &[
                "seats",
                "capacity",
                "socho",
                "sochongoi",
                "chongoi",
                "soghe",
            ],
            Self::LineProfile => &["lineprofile", "line", "duongtruyen", "loaiduongtruyen"],
            Self::StandByDevice => &[
                "standbydevice",
                "standby",
                "thietbiduphong",
                "duphong",
                "maydauduphong",
            ],
            Self::Groups => &["groups", "group", "nhom", "cacnhom"],
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Column {
    type Err = UnknownColumn;

    fn from_str(text: &str) -> Result<Self, UnknownColumn> {
        Self::ALL
            .iter()
            .copied()
            .find(|column| column.as_str() == text)
            .ok_or_else(|| UnknownColumn(text.chars().take(64).collect()))
    }
}

/// A text that names no column.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is not a column of a list of sites: use code, name, level, parent_code, contact_name, \
     contact_phone, contact_email, seats, line_profile, stand_by_device or groups"
)]
pub struct UnknownColumn(String);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::fold::key;
    use super::*;

    #[test]
    fn no_word_is_two_columns_and_each_is_known_by_its_name() {
        let words: Vec<_> = Column::ALL.iter().flat_map(|c| c.words()).collect();
        assert_eq!(words.len(), words.iter().collect::<BTreeSet<_>>().len());
        let shown = UnknownColumn(String::new()).to_string();
        for column in Column::ALL {
            assert_eq!(column.words()[0], key(column.as_str()));
            assert_eq!(column.as_str().parse(), Ok(*column));
            assert_eq!(serde_json::to_value(column).unwrap(), column.as_str());
            assert!(shown.contains(column.as_str()), "{column}");
            assert!(column.words().iter().all(|word| key(word) == *word));
        }
    }
}
