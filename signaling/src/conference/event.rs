//! What has happened in a conference: the only thing that is stored of it.
//!
//! The JSON of these types is kept for years: a field may be added with a default, never changed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::auth::{Role, SecretHash};
use crate::conference::roster::Roster;
use crate::conference::words::{Place, Source};
use crate::ids::{ParticipantId, SessionId, SiteCode, TokenId};

/// An event with its place in the log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// From 1, without gaps.
    pub seq: u64,
    /// When, by the wall clock; before the record that precedes it only if this one says that the
    /// clock was set back.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// Who caused an event.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum By {
    /// A participant, over its session. Its `joined` says whom it was let in as.
    Participant(ParticipantId),
    /// The bearer of a token, over REST.
    Bearer(Bearer),
    /// The bearer of a token over REST, as the first servers wrote it: by the token's subject
    /// alone, and never for what was done on a participant's behalf.
    Subject(String),
    /// The server.
    System,
}

/// A program, or a person with one, that acts with a token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bearer {
    /// The token's subject.
    pub subject: String,
    /// The token's id, with which it can be revoked.
    pub token: TokenId,
    /// For whom it did what is otherwise this participant's own to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<ParticipantId>,
}

/// Something that has happened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Event {
    /// The conference exists.
    Created {
        /// What people call it.
        title: String,
        /// When it should begin.
        #[schema(rename = "startsAt", value_type = Option<String>, format = DateTime)]
        starts_at: Option<Timestamp>,
        /// Who made it.
        by: By,
    },
    /// Its title or the time at which it should begin was corrected.
    Amended {
        /// What people call it from now on.
        title: String,
        /// When it should begin.
        #[schema(rename = "startsAt", value_type = Option<String>, format = DateTime)]
        starts_at: Option<Timestamp>,
        /// Who said so.
        by: By,
    },
    /// It will not take place, and did not begin. Everybody has left; only its log is kept.
    Deleted {
        /// Who said so.
        by: By,
    },
    /// These sites are expected, and no others.
    RosterSet {
        /// With names, so that the log can be read without any other list.
        roster: Roster,
        /// Who said so.
        by: By,
    },
    /// It runs.
    Started {
        /// Who said so.
        by: By,
    },
    /// It is over; everybody has left, the floor is free and the stage is empty.
    Ended {
        /// Who said so.
        by: By,
    },
    /// Somebody came in.
    Joined {
        /// Who.
        participant: ParticipantId,
        /// Its session.
        session: SessionId,
        /// Hash of the session's secret.
        #[schema(ignore)]
        secret: SecretHash,
        /// The token's subject.
        subject: String,
        /// The token's role.
        role: Role,
        /// The token's site.
        site: Option<SiteCode>,
        /// What people call it.
        name: String,
        /// The token's id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<TokenId>,
        /// When the token ceases to be valid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(rename = "expiresAt", value_type = Option<String>, format = DateTime)]
        expires_at: Option<Timestamp>,
        /// Its media is refused from the start: it was muted when it was last here.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        muted: bool,
        /// Only its sound is; its picture is not.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[schema(rename = "soundOnly")]
        sound_only: bool,
    },
    /// Its connection broke.
    Lost {
        /// Who.
        participant: ParticipantId,
    },
    /// It came back with its session.
    Regained {
        /// Who.
        participant: ParticipantId,
    },
    /// It gave no sign of life, and another device of its place goes on as this participant.
    TakenOver {
        /// Who.
        participant: ParticipantId,
        /// The new session.
        session: SessionId,
        /// Hash of the new session's secret.
        #[schema(ignore)]
        secret: SecretHash,
        /// The subject of the new device's token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<String>,
        /// The id of the new device's token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<TokenId>,
        /// When that token ceases to be valid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(rename = "expiresAt", value_type = Option<String>, format = DateTime)]
        expires_at: Option<Timestamp>,
    },
    /// It is gone.
    Left {
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: LeaveReason,
        /// Who caused it.
        by: By,
    },
    /// It is being sent away, and may not come in again with the same site or subject and role.
    Barred {
        /// Who.
        participant: ParticipantId,
        /// Who said so.
        by: By,
    },
    /// Who was sent away may come in again.
    Readmitted {
        /// Who; as in `barred`.
        participant: ParticipantId,
        /// Who said so.
        by: By,
    },
    /// A source began or ceased to carry something.
    SourceChanged {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        source: Source,
        /// Began if true.
        active: bool,
    },
    /// What an active source sends began to arrive, from somebody who is or may be on the stage, or
    /// has ceased to for seconds. Of others it is not written down.
    MediaChanged {
        /// Whose.
        participant: ParticipantId,
        /// Which; never the screen, which may stand still.
        source: Source,
        /// It arrives if true.
        arriving: bool,
    },
    /// The line to it has carried no picture for some seconds, or has carried one again.
    LineChanged {
        /// Whose.
        participant: ParticipantId,
        /// It carries sound alone if true.
        #[schema(rename = "soundOnly")]
        sound_only: bool,
    },
    /// Its media is refused, or accepted again.
    MuteChanged {
        /// Whose.
        participant: ParticipantId,
        /// Refused if true.
        muted: bool,
        /// Only its sound is; its picture is not.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[schema(rename = "soundOnly")]
        sound_only: bool,
        /// Who said so.
        by: By,
    },
    /// It asks for the floor.
    FloorRequested {
        /// Who.
        participant: ParticipantId,
        /// Who asked for it; the first servers did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<By>,
    },
    /// It no longer asks for the floor.
    FloorWithdrawn {
        /// Who.
        participant: ParticipantId,
        /// Who took the request back; the first servers did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<By>,
    },
    /// It has the floor.
    FloorGranted {
        /// Who.
        participant: ParticipantId,
        /// Who gave it.
        by: By,
    },
    /// It no longer has the floor.
    FloorReleased {
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: ReleaseReason,
        /// It had asked for the floor and had it for moments only: it waits first in the queue
        /// again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        requeued: bool,
        /// Who caused it.
        by: By,
    },
    /// A place of the stage shows somebody whatever its rule says, or its rule again.
    StageSet {
        /// Which place.
        place: Place,
        /// Whom; nobody returns to the rule.
        participant: Option<ParticipantId>,
        /// Its picture alone: its sound needs the floor.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[schema(rename = "pictureOnly")]
        picture_only: bool,
        /// Who said so.
        by: By,
    },
    /// The server was down: whoever was present has lost its connection, and the time to come
    /// back counts from here for everybody.
    Interrupted {
        /// Until when the server is known to have been up: nobody was present after it. The first
        /// servers did not say; then it is the time of the event before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(rename = "upUntil", value_type = Option<String>, format = DateTime)]
        up_until: Option<Timestamp>,
    },
    /// The wall clock was set. Times after this one are by the clock as it is now; how long
    /// something took is reckoned without the step.
    ClockSet {
        /// Forward if positive, back if negative.
        #[schema(rename = "byMilliseconds")]
        by_milliseconds: i64,
    },
}

impl Event {
    /// The `kind` in its JSON.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Amended { .. } => "amended",
            Self::Deleted { .. } => "deleted",
            Self::RosterSet { .. } => "rosterSet",
            Self::Started { .. } => "started",
            Self::Ended { .. } => "ended",
            Self::Joined { .. } => "joined",
            Self::Lost { .. } => "lost",
            Self::Regained { .. } => "regained",
            Self::TakenOver { .. } => "takenOver",
            Self::Left { .. } => "left",
            Self::Barred { .. } => "barred",
            Self::Readmitted { .. } => "readmitted",
            Self::SourceChanged { .. } => "sourceChanged",
            Self::MediaChanged { .. } => "mediaChanged",
            Self::LineChanged { .. } => "lineChanged",
            Self::MuteChanged { .. } => "muteChanged",
            Self::FloorRequested { .. } => "floorRequested",
            Self::FloorWithdrawn { .. } => "floorWithdrawn",
            Self::FloorGranted { .. } => "floorGranted",
            Self::FloorReleased { .. } => "floorReleased",
            Self::StageSet { .. } => "stageSet",
            Self::Interrupted { .. } => "interrupted",
            Self::ClockSet { .. } => "clockSet",
        }
    }
}

/// Why a participant is gone.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum LeaveReason {
    /// It said goodbye.
    Left,
    /// It was lost and did not come back in time.
    TimedOut,
    /// A moderator sent it away.
    Removed,
    /// A further device of its place came, and there was no other seat.
    TakenOver,
    /// Its token was taken back.
    TokenRevoked,
    /// Its token's time was over.
    TokenExpired,
}

/// Why somebody no longer has the floor.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReleaseReason {
    /// It gave the floor back.
    Yielded,
    /// A moderator took it.
    Revoked,
    /// A moderator gave it to somebody else.
    PassedOn,
    /// It left.
    Left,
    /// It gave no sign of life, and another device goes on in its place.
    TakenOver,
}
