//! What can be asked about people's media.

use crate::auth::Verb;
use crate::conference::rights::Needs;
use crate::conference::words::Source;
use crate::ids::ParticipantId;

/// Asked about a participant's media.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SourcesCommand {
    /// A source of the acting participant begins or ceases to carry something.
    Publish {
        /// Which.
        source: Source,
        /// Begins if true.
        active: bool,
    },
    /// All sources of a participant cease: it makes a new peer connection. From the system.
    Unpublish {
        /// Whose.
        participant: ParticipantId,
    },
    /// The media of an active source of a participant arrives, or has ceased to for seconds. From
    /// the system.
    NoteMedia {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        source: Source,
        /// It arrives if true.
        arriving: bool,
    },
    /// The line to a participant has carried no picture for long, or one again. From the system.
    NoteLine {
        /// Whose.
        participant: ParticipantId,
        /// It carries sound alone if true.
        sound_only: bool,
    },
    /// Refuse or accept again all media of a participant.
    Mute {
        /// Whose.
        participant: ParticipantId,
        /// Refuse if true.
        muted: bool,
    },
    /// Refuse the sound of a participant, and accept its picture.
    MuteSound {
        /// Whose.
        participant: ParticipantId,
    },
}

impl SourcesCommand {
    /// What it needs to be carried out.
    pub(in crate::conference) const fn needs(&self) -> Needs {
        match self {
            Self::Publish { .. } => Needs::Own(Verb::Publish),
            Self::Mute { participant, .. } | Self::MuteSound { participant } => {
                Needs::RightOver(Verb::Mute, *participant)
            }
            Self::Unpublish { .. } | Self::NoteMedia { .. } | Self::NoteLine { .. } => {
                Needs::Server
            }
        }
    }

    /// Whether a participant may do it only so often: others are told of it.
    pub(in crate::conference) const fn is_budgeted(&self) -> bool {
        match self {
            Self::Publish { .. } | Self::Mute { .. } | Self::MuteSound { .. } => true,
            Self::Unpublish { .. } | Self::NoteMedia { .. } | Self::NoteLine { .. } => false,
        }
    }
}
