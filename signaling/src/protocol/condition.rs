//! What a participant says of its own devices and of its line: what nobody else can see.

use serde::{Deserialize, Serialize};

/// How it stands with a microphone or a camera that is meant to be seen or heard.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Capture {
    /// It is on, and something comes of it.
    On,
    /// Its person has switched it off.
    Off,
    /// The system or a switch at the device keeps everything back.
    Muted,
    /// It is on, and for 5 s nothing has come of it: zeros, or no picture.
    Silent,
    /// There is none, it was unplugged, or it may not be used.
    Missing,
}

/// What a participant says of itself. Nothing, until it does.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `null` while nobody is to hear it.
    pub microphone: Option<Capture>,
    /// `null` while nobody is to see it.
    pub camera: Option<Capture>,
    /// Media has not come through for 8 s, although this was heard.
    pub media_blocked: bool,
}

impl Condition {
    /// Nothing was said.
    pub fn is_untold(&self) -> bool {
        *self == Self::default()
    }
}
