//! How dearly a feed is wanted.

/// How dearly a feed is wanted, the least first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Priority {
    /// One particular picture that an operator looks at.
    Thumbnail,
    /// The second picture on the stage.
    Second,
    /// The picture everyone looks at, and the screen.
    Main,
    /// Sound.
    Audio,
}

/// How many priorities there are.
pub const PRIORITIES: usize = 4;

impl Priority {
    /// All, the least first.
    pub const ALL: [Self; PRIORITIES] = [Self::Thumbnail, Self::Second, Self::Main, Self::Audio];

    /// `snake_case` name, for the label of a metric.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Thumbnail => "thumbnail",
            Self::Second => "second",
            Self::Main => "main",
            Self::Audio => "audio",
        }
    }

    /// The next less important.
    pub const fn below(self) -> Option<Self> {
        match self {
            Self::Thumbnail => None,
            Self::Second => Some(Self::Thumbnail),
            Self::Main => Some(Self::Second),
            Self::Audio => Some(Self::Main),
        }
    }
}
