//! How much a slot shows of what it could, from the top layer down to nothing.

use crate::publication::MAX_LAYERS;

/// What a slot shows, the least first.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Rung {
    /// No picture: the line carries sound alone.
    Sound,
    /// A picture that stands still, renewed with each keyframe of the lowest layer.
    Stills,
    /// The lowest layer, and of it only the pictures on which no other depends but those of their own
    /// kind.
    LowThin,
    /// The lowest layer.
    Low,
    /// The middle layer.
    Middle,
    /// The highest layer.
    #[default]
    High,
}

impl Rung {
    /// All, the least first.
    pub const ALL: [Self; 6] = [
        Self::Sound,
        Self::Stills,
        Self::LowThin,
        Self::Low,
        Self::Middle,
        Self::High,
    ];

    /// `snake_case` name, for messages and the label of a metric.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Stills => "stills",
            Self::LowThin => "low_thin",
            Self::Low => "low",
            Self::Middle => "middle",
            Self::High => "high",
        }
    }

    /// The highest layer that is shown, the lowest of a publication being 0.
    pub const fn level(self) -> u8 {
        match self {
            Self::Sound | Self::Stills | Self::LowThin | Self::Low => 0,
            Self::Middle => 1,
            Self::High => 2,
        }
    }
}

const _: () = assert!(MAX_LAYERS == 3, "each layer has a rung");
