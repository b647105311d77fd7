//! How the line to a participant is: what is left of the picture on it, and what its page sees.

use serde::{Deserialize, Serialize};

/// What a line leaves of the most important picture, from all down to none.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Deserialize,
    Eq,
    Hash,
    PartialEq,
    Serialize,
    strum::IntoStaticStr,
    strum::VariantArray,
    utoipa::ToSchema,
)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Rung {
    /// All that there is.
    #[default]
    High,
    /// The middle layer.
    Middle,
    /// The lowest layer.
    Low,
    /// The lowest layer at a reduced frame rate.
    LowThin,
    /// Pictures that stand still.
    Stills,
    /// No picture.
    Sound,
    /// No picture, and sound with redundancy.
    SoundRedundant,
}

impl Rung {
    /// How many there are.
    pub const COUNT: usize = <Self as strum::VariantArray>::VARIANTS.len();

    /// All, the best first.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// What it is called on the wire.
    pub fn label(self) -> &'static str {
        self.into()
    }

    /// Nothing is seen.
    pub const fn is_sound_only(self) -> bool {
        matches!(self, Self::Sound | Self::SoundRedundant)
    }
}

/// A share of a thousand.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Permille(u16);

impl Permille {
    /// All.
    pub const ALL: u16 = 1_000;

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Permille {
    type Error = String;

    fn try_from(share: u16) -> Result<Self, Self::Error> {
        if share > Self::ALL {
            return Err(format!("a share of a thousand is 0 to 1000, not {share}"));
        }
        Ok(Self(share))
    }
}

impl From<Permille> for u16 {
    fn from(share: Permille) -> Self {
        share.0
    }
}

/// What a page has seen and heard in the last seconds, by its own account.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// Share of the sound that its browser had to make up.
    #[serde(rename = "concealedPermille")]
    pub concealed: Permille,
    /// Share of the time in which the picture stood still that should have moved.
    #[serde(rename = "frozenPermille")]
    pub frozen: Permille,
    /// From the server to the eye and ear, in milliseconds.
    #[serde(rename = "delayMilliseconds")]
    pub delay: u16,
}

impl Heard {
    /// Differences that make no other score.
    const NEAR: (u16, u16, u16) = (4, 15, 60);

    /// Whether it comes to much the same.
    pub fn is_near(self, other: Self) -> bool {
        let (concealed, frozen, delay) = Self::NEAR;
        self.concealed.get().abs_diff(other.concealed.get()) <= concealed
            && self.frozen.get().abs_diff(other.frozen.get()) <= frozen
            && self.delay.abs_diff(other.delay) <= delay
    }
}
