//! The words that subjects, events and messages share: sources of media and places on the stage.

use serde::{Deserialize, Serialize};

/// Where a participant's media comes from.
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
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Sound.
    Microphone,
    /// The picture of people.
    Camera,
    /// A shared screen.
    Screen,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Microphone, Self::Camera, Self::Screen];
}

/// A place on the stage; each is one feed.
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
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The large picture: by rule the hall.
    Main,
    /// Beside it: by rule the holder of the floor.
    Second,
    /// A shared screen.
    Screen,
}

impl Place {
    /// All of them, in the order of the first three video slots.
    pub const ALL: [Self; 3] = [Self::Main, Self::Second, Self::Screen];

    /// The source that this place shows.
    pub const fn source(self) -> Source {
        match self {
            Self::Main | Self::Second => Source::Camera,
            Self::Screen => Source::Screen,
        }
    }
}
