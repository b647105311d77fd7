//! What can be asked of a conference, and by whom.

use jiff::{SignedDuration, Timestamp};

use crate::auth::{Grant, SecretHash};
use crate::conference::roster::Roster;
use crate::conference::words::{Place, Source};
use crate::ids::{ParticipantId, SessionId};
use crate::refusal::Refusal;

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Actor {
    /// A participant, over its session.
    Participant(ParticipantId),
    /// The bearer of a verified token, over REST.
    Bearer(Grant),
    /// The server itself.
    System,
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
    /// The acting participant leaves; or, from the system, the named one.
    Leave {
        /// Who.
        participant: ParticipantId,
    },
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
    /// A source of a participant begins or ceases to carry something.
    Publish {
        /// Whose; the actor itself or, from the system, anyone.
        participant: ParticipantId,
        /// Which.
        source: Source,
        /// Begins if true.
        active: bool,
    },
    /// All sources of a participant cease: it makes a new peer connection.
    Unpublish {
        /// Whose; the actor itself or, from the system, anyone.
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
    /// A participant asks for the floor; a program may do so on its behalf.
    RequestFloor {
        /// Who.
        participant: ParticipantId,
    },
    /// A participant takes its request back; a program may do so on its behalf.
    WithdrawFloor {
        /// Who.
        participant: ParticipantId,
    },
    /// A participant gives the floor back; a program may do so on its behalf.
    YieldFloor {
        /// Who.
        participant: ParticipantId,
    },
    /// A device that stands by speaks for its site from now on.
    SpeakHere {
        /// Which.
        participant: ParticipantId,
    },
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
            | Self::RequestFloor { .. }
            | Self::WithdrawFloor { .. }
            | Self::YieldFloor { .. }
            | Self::SpeakHere { .. }
            | Self::GrantFloor { .. }
            | Self::PassFloor { .. }
            | Self::RevokeFloor { .. }
            | Self::SetStage { .. } => true,
            Self::Create { .. }
            | Self::Join(_)
            | Self::Resume { .. }
            | Self::Lost { .. }
            | Self::Leave { .. }
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
