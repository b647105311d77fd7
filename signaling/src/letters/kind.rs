//! What a letter is for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a letter is for.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    PartialEq,
    Serialize,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum LetterKind {
    /// A site is invited.
    Invitation,
    /// What it was invited to is another now.
    Change,
    /// What it was invited to does not take place.
    Cancellation,
}

impl LetterKind {
    /// All of them.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;
}
