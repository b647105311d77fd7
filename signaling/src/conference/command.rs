//! What can be asked of a conference, and by whom.

use jiff::{SignedDuration, Timestamp};

use crate::auth::{Grant, SecretHash, Verb};
use crate::conference::rights::Needs;
use crate::conference::roster::Roster;
use crate::conference::words::{Place, Source};
use crate::ids::{ParticipantId, SessionId};
use crate::refusal::{ErrorCode, Refusal};

/// Who asks, and on whose behalf.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Actor {
    who: Who,
    on_behalf_of: Option<ParticipantId>,
}

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Who {
    /// A participant, over its session.
    Participant(ParticipantId),
    /// The bearer of a verified token, over REST.
    Bearer(Grant),
    /// The server itself.
    System,
}

impl Actor {
    /// The server itself.
    pub const SYSTEM: Self = Self {
        who: Who::System,
        on_behalf_of: None,
    };

    /// A participant, over its session.
    pub const fn participant(id: ParticipantId) -> Self {
        Self {
            who: Who::Participant(id),
            on_behalf_of: None,
        }
    }

    /// The bearer of a verified token, over REST.
    pub const fn bearer(grant: Grant) -> Self {
        Self {
            who: Who::Bearer(grant),
            on_behalf_of: None,
        }
    }

    /// The same, for what is this participant's own to do.
    #[must_use]
    pub fn on_behalf_of(self, participant: ParticipantId) -> Self {
        Self {
            on_behalf_of: Some(participant),
            ..self
        }
    }

    /// Who asks.
    pub const fn who(&self) -> &Who {
        &self.who
    }

    /// Over whose session it is asked, if over one.
    pub const fn session_of(&self) -> Option<ParticipantId> {
        match self.who {
            Who::Participant(id) => Some(id),
            Who::Bearer(_) | Who::System => None,
        }
    }

    /// Whose deed it is, where it is somebody's own: the participant's itself or of the one on whose
    /// behalf it is asked.
    ///
    /// # Errors
    /// When that was not said.
    pub fn whose(&self) -> Result<ParticipantId, Refusal> {
        self.on_behalf_of
            .or_else(|| self.session_of())
            .ok_or_else(|| {
                let message = "this is a participant's own to do: say on whose behalf it is asked";
                Refusal::new(ErrorCode::BadMessage, message)
            })
    }
}

/// What is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Make the conference. The first command, and only that.
    Create {
        /// What people call it.
        title: String,
        /// When it should begin, if that is known.
        starts_at: Option<Timestamp>,
        /// The sites that should be here.
        roster: Roster,
    },
    /// Correct the title or the time at which it should begin.
    Amend {
        /// What people should call it, if that changes.
        title: Option<String>,
        /// When it should begin, or that this is not known, if that changes.
        starts_at: Option<Option<Timestamp>>,
    },
    /// Take it back before it has begun.
    Delete,
    /// Expect other sites.
    SetRoster {
        /// The sites that should be here.
        roster: Roster,
    },
    /// Begin.
    Start,
    /// End, for good. Everybody has left after it.
    End,
    /// Somebody comes in with a token.
    Join(Join),
    /// Somebody comes back with the session and its secret.
    Resume {
        /// Which.
        session: SessionId,
        /// Hash of the secret that was presented.
        secret: SecretHash,
    },
    /// A participant's connection broke. From the system.
    ///
    /// Only for the connection that currently belongs to the participant: whoever holds the
    /// sockets ignores the end of one that was replaced.
    Lost {
        /// Whose.
        participant: ParticipantId,
    },
    /// The acting participant leaves.
    Leave,
    /// A moderator sends somebody away, with every device of its place, and for good.
    Remove {
        /// Whom.
        participant: ParticipantId,
    },
    /// A moderator lets somebody in again who was sent away.
    Readmit {
        /// Whom.
        participant: ParticipantId,
    },
    /// The token of a participant was taken back. From the system.
    Expel {
        /// Whose.
        participant: ParticipantId,
    },
    /// The same encoder was started again and sends: what it was before has ended. From the system.
    Supersede {
        /// What it was before.
        participant: ParticipantId,
    },
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
    /// The acting participant asks for the floor.
    RequestFloor,
    /// It takes its request back.
    WithdrawFloor,
    /// It gives the floor back.
    YieldFloor,
    /// The acting device, which stands by, speaks for its site from now on.
    SpeakHere,
    /// Give the floor to somebody, whoever has it.
    GrantFloor {
        /// To whom.
        participant: ParticipantId,
    },
    /// Give the floor to somebody if it is whose it is said to be.
    PassFloor {
        /// To whom.
        participant: ParticipantId,
        /// Who must have it; nobody, if nobody.
        instead: Option<ParticipantId>,
    },
    /// Take the floor from its holder, which must be the one that is meant: two moderators who
    /// act at once do not hit whoever came in between.
    RevokeFloor {
        /// Whose.
        participant: ParticipantId,
    },
    /// Put somebody on a place of the stage, or return it to its rule.
    SetStage {
        /// Which place.
        place: Place,
        /// Whom.
        participant: Option<ParticipantId>,
    },
    /// The server has just started: whoever was present has lost its connection.
    Interrupt {
        /// Until when the server is known to have been up.
        up_until: Option<Timestamp>,
    },
    /// The wall clock was set.
    NoteClock {
        /// Forward if positive.
        set_by: SignedDuration,
    },
    /// Time has passed: see [`State::next_deadline`](crate::conference::State::next_deadline).
    Tick,
}

impl Command {
    /// What it needs to be carried out. Who comes in is let in by the server, for what its token or
    /// its secret says.
    pub(super) const fn needs(&self) -> Needs {
        match self {
            Self::Create { .. } => Needs::Right(Verb::CreateConference),
            Self::Amend { .. } => Needs::Right(Verb::AmendConference),
            Self::Delete => Needs::Right(Verb::DeleteConference),
            Self::SetRoster { .. } => Needs::Right(Verb::SetRoster),
            Self::Start => Needs::Right(Verb::StartConference),
            Self::End => Needs::Right(Verb::EndConference),
            Self::Leave => Needs::Own(Verb::Leave),
            Self::Remove { participant } => Needs::RightOver(Verb::Remove, *participant),
            Self::Readmit { .. } => Needs::Right(Verb::Readmit),
            Self::Publish { .. } => Needs::Own(Verb::Publish),
            Self::Mute { participant, .. } | Self::MuteSound { participant } => {
                Needs::RightOver(Verb::Mute, *participant)
            }
            Self::RequestFloor => Needs::Own(Verb::RequestFloor),
            Self::WithdrawFloor => Needs::Own(Verb::WithdrawFloor),
            Self::YieldFloor => Needs::Own(Verb::YieldFloor),
            Self::SpeakHere => Needs::Own(Verb::SpeakHere),
            Self::GrantFloor { participant } | Self::PassFloor { participant, .. } => {
                Needs::RightOver(Verb::GrantFloor, *participant)
            }
            Self::RevokeFloor { participant } => Needs::RightOver(Verb::RevokeFloor, *participant),
            Self::SetStage { participant, .. } => match participant {
                Some(participant) => Needs::RightOver(Verb::SetStage, *participant),
                None => Needs::Right(Verb::SetStage),
            },
            Self::Join(_)
            | Self::Resume { .. }
            | Self::Lost { .. }
            | Self::Expel { .. }
            | Self::Supersede { .. }
            | Self::Unpublish { .. }
            | Self::NoteMedia { .. }
            | Self::NoteLine { .. }
            | Self::Interrupt { .. }
            | Self::NoteClock { .. }
            | Self::Tick => Needs::Server,
        }
    }

    /// Whether a participant may do this only so often: others are told of it. Whoever comes in or
    /// leaves is limited elsewhere.
    pub const fn is_budgeted(&self) -> bool {
        match self {
            Self::Amend { .. }
            | Self::Delete
            | Self::SetRoster { .. }
            | Self::Start
            | Self::End
            | Self::Remove { .. }
            | Self::Readmit { .. }
            | Self::Publish { .. }
            | Self::Mute { .. }
            | Self::MuteSound { .. }
            | Self::RequestFloor
            | Self::WithdrawFloor
            | Self::YieldFloor
            | Self::SpeakHere
            | Self::GrantFloor { .. }
            | Self::PassFloor { .. }
            | Self::RevokeFloor { .. }
            | Self::SetStage { .. } => true,
            Self::Create { .. }
            | Self::Join(_)
            | Self::Resume { .. }
            | Self::Lost { .. }
            | Self::Leave
            | Self::Expel { .. }
            | Self::Supersede { .. }
            | Self::Unpublish { .. }
            | Self::NoteMedia { .. }
            | Self::NoteLine { .. }
            | Self::Interrupt { .. }
            | Self::NoteClock { .. }
            | Self::Tick => false,
        }
    }
}

/// Coming in with a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Join {
    /// What the token allows.
    pub grant: Grant,
    /// Id for the participant if it is a new one.
    pub participant: ParticipantId,
    /// Id of the new session.
    pub session: SessionId,
    /// Hash of the new session's secret.
    pub secret: SecretHash,
    /// Why the server as a whole has no room for one more, if so.
    pub no_room: Option<Refusal>,
    /// A device of the same place that was asked for a sign of life and gave none. Without one
    /// nobody's place is taken who may still come back.
    pub over: Option<ParticipantId>,
}
