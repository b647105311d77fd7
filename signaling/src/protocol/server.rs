//! What the server sends.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::closing::CloseReason;
use super::condition::Condition;
use super::crowd::Crowd;
use super::line::Rung;
use crate::auth::role::Role;
use crate::conference::{Arriving, Counts, LastTurn, Phase, Place, Source};
use crate::ids::{ConferenceId, ParticipantId, RequestId, SessionId, SiteCode, TokenId};
use crate::refusal::ErrorCode;

/// A message from the server.
///
/// Reading is tolerant, since a client may meet a newer server: unknown fields are ignored, and
/// [`ServerMessage::decode`] answers `None` to an unknown type.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, strum::VariantNames)]
#[strum(serialize_all = "camelCase")]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum ServerMessage {
    /// Answers `join` and `resume`.
    Welcome(Box<Welcome>),
    /// Answers `offer` and `restartIce`.
    Answer {
        /// Of the request.
        id: RequestId,
        /// The complete SDP answer.
        sdp: String,
        /// What may be sent.
        publications: Vec<PublicationEntry>,
        /// Where something can be received.
        slots: Vec<SlotEntry>,
    },
    /// Who speaks and who waits.
    Floor(Floor),
    /// Who is shown and heard.
    Stage(Stage),
    /// What concerns the receiver alone.
    #[serde(rename = "self")]
    #[strum(serialize = "self")]
    Own(Own),
    /// How many sites are here.
    Presence {
        /// When this value came to be.
        version: u64,
        /// The counts.
        #[serde(flatten)]
        counts: Counts,
    },
    /// What the conference is called and whether it runs.
    Conference {
        /// When this value came to be.
        version: u64,
        /// The conference.
        #[serde(flatten)]
        conference: ConferenceEntry,
    },
    /// Which list of expected sites is the valid one; the list itself is fetched. For operators and
    /// chairs.
    Roster {
        /// When this list came to be.
        version: u64,
        /// How many sites are in it.
        sites: u32,
    },
    /// How many sites of each province are here. For operators and chairs.
    Provinces {
        /// When this value came to be.
        version: u64,
        /// By code.
        provinces: Vec<ProvinceEntry>,
    },
    /// Who is here. For operators and chairs.
    Participants {
        /// When this value came to be.
        version: u64,
        /// The list replaces everything known.
        full: bool,
        /// Those who changed, or all, as far as they are not in a crowd.
        changes: Vec<ParticipantEntry>,
        /// The others: many who are alike.
        #[serde(default)]
        crowds: Vec<Crowd>,
    },
    /// Who was sent away and may not come in. For operators and chairs.
    Barred {
        /// When this value came to be.
        version: u64,
        /// How many they are.
        count: u32,
        /// The [`BarredEntry::SHOWN`] last of them, the last first.
        latest: Vec<BarredEntry>,
    },
    /// Places of the stage that the receiver's browser or player cannot decode.
    Undecodable {
        /// When this value came to be.
        version: u64,
        /// Which; none, if it can decode all.
        places: Vec<Place>,
    },
    /// What the line to the receiver leaves of the picture, once that has lasted.
    Line {
        /// When this value came to be.
        version: u64,
        /// How much.
        rung: Rung,
    },
    /// Of what the receiver sends, how much somebody looks at.
    Wanted {
        /// When this value came to be.
        version: u64,
        /// By source, how many layers, the lowest first. Of a source that is not named nothing is
        /// known.
        layers: BTreeMap<Source, u8>,
    },
    /// What the server could not do for this conference. For operators and chairs.
    Trouble(Trouble),
    /// A request was carried out.
    Ok {
        /// Of the request.
        id: RequestId,
    },
    /// A request was refused.
    Error {
        /// Of the request, if one can be blamed.
        id: Option<RequestId>,
        /// Stable.
        code: ErrorCode,
        /// For people.
        message: String,
        /// Seconds after which it may be tried again.
        retry_after_seconds: Option<u32>,
    },
    /// Answers `ping`.
    Pong {},
    /// The connection will be closed.
    Closing {
        /// Why.
        reason: CloseReason,
        /// Seconds after which to come back; `null`: do not.
        retry_after_seconds: Option<u32>,
    },
}

impl ServerMessage {
    /// Reads a message as a client does: `None` for a type that is not known here.
    ///
    /// # Errors
    /// When the text is not JSON, has no `type`, or a known type lacks a field.
    pub fn decode(text: &str) -> Result<Option<Self>, serde_json::Error> {
        #[derive(Deserialize)]
        struct Tag {
            r#type: String,
        }
        match serde_json::from_str(text) {
            Ok(message) => Ok(Some(message)),
            Err(error) => {
                let tag: Tag = serde_json::from_str(text)?;
                if Self::KINDS.contains(&tag.r#type.as_str()) {
                    Err(error)
                } else {
                    Ok(None)
                }
            }
        }
    }

    /// Every `type` on the wire.
    pub const KINDS: &[&str] = <Self as strum::VariantNames>::VARIANTS;
}

/// See [`ServerMessage::Welcome`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    /// The version spoken.
    pub protocol: u32,
    /// For `resume`.
    pub session: SessionId,
    /// For `resume`.
    pub secret: String,
    /// Who the receiver is.
    pub participant: ParticipantId,
    /// What it may do.
    pub role: Role,
    /// The site it speaks for.
    pub site: Option<SiteEntry>,
    /// Where it is.
    pub conference: ConferenceEntry,
    /// True if the session was resumed: the participant goes on as it was.
    pub resumed: bool,
    /// True if another device of the same place had to go for this one.
    #[serde(default)]
    pub took_over: bool,
    /// True if the server still has the participant's peer connection; otherwise an `offer` is due.
    pub media: bool,
    /// The address from which the server sees this session: a resumed one that comes from another
    /// than before has another network under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<core::net::IpAddr>,
    /// How long after a loss it may come back.
    pub resume_seconds: u32,
    /// How often the server pings.
    pub ping_seconds: u32,
    /// For the peer connection.
    pub ice_servers: Vec<IceServer>,
}

/// A STUN or TURN server, as in W3C `RTCIceServer`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IceServer {
    /// URLs.
    pub urls: Vec<String>,
    /// User name, for TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Password, for TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// A site's code and name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SiteEntry {
    /// Its code.
    pub code: SiteCode,
    /// Its name.
    pub name: String,
}

/// A conference in short.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ConferenceEntry {
    /// Its id.
    pub id: ConferenceId,
    /// What people call it.
    pub title: String,
    /// Whether it runs.
    pub state: Phase,
}

/// An accepted sending MID.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PublicationEntry {
    /// In the offer.
    pub mid: String,
    /// What it carries.
    pub source: Source,
}

/// An accepted receiving MID.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SlotEntry {
    /// In the offer.
    pub mid: String,
    /// Sound or picture.
    pub kind: Kind,
    /// What it shows from the start, by name.
    pub feed: Option<FeedName>,
}

/// Sound or picture.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// What a slot shows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum FeedName {
    /// One of the speakers.
    #[serde(rename = "audio")]
    Audio,
    /// The stage's main place.
    #[serde(rename = "stage.main")]
    StageMain,
    /// The stage's second place.
    #[serde(rename = "stage.second")]
    StageSecond,
    /// The shared screen.
    #[serde(rename = "stage.screen")]
    StageScreen,
}

impl From<Place> for FeedName {
    fn from(place: Place) -> Self {
        match place {
            Place::Main => Self::StageMain,
            Place::Second => Self::StageSecond,
            Place::Screen => Self::StageScreen,
        }
    }
}

/// See [`ServerMessage::Floor`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Floor {
    /// When this value came to be.
    pub version: u64,
    /// Who has the floor.
    pub holder: Option<Claim>,
    /// How many ask for it.
    pub waiting: u32,
    /// The first [`Floor::SHOWN`] of them, first come first, for operators, chairs and halls. Empty
    /// for everybody else.
    pub queue: Vec<Claim>,
}

impl Floor {
    /// Most of the waiting that are told to everyone: 3,400 sites need not read 3,400 names.
    pub const SHOWN: usize = 50;
}

/// Somebody who holds the floor or asks for it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// Who.
    pub participant: ParticipantId,
    /// For which site.
    pub site: Option<SiteCode>,
    /// What people call it.
    pub name: String,
    /// The name of its province, for many sites have the same; left out for a province itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub province_name: Option<String>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When the first picture or sound of the holder arrived; left out while it is only invited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub began: Option<Timestamp>,
}

/// See [`ServerMessage::Trouble`].
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Counts these values.
    pub version: u64,
    /// Joins that were refused since the server started.
    pub refused: Refused,
    /// The last time that the media plane could not keep up, if ever.
    pub overload: Option<Overload>,
}

/// Joins that were refused for want of room.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// The conference's limit of participants was reached.
    pub conference_full: u32,
    /// The server's limit of connections was reached.
    pub server_full: u32,
    /// The server had too much to do.
    pub overloaded: u32,
}

/// A time in which some sites went without something.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overload {
    /// The most important that is, or was last, left out.
    pub left_out: Importance,
    /// Since when.
    pub since: Timestamp,
    /// When all was forwarded again; `null` while it lasts.
    pub until: Option<Timestamp>,
    /// Frames that the server left out since then, in all its conferences.
    pub frames: Frames,
}

/// What may be left out, the least important first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Importance {
    /// The small pictures of operators.
    Thumbnail,
    /// The second picture.
    Second,
    /// The main picture and the screen.
    Main,
    /// Sound.
    Audio,
}

/// Frames by importance.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Frames {
    /// See [`Importance::Thumbnail`].
    pub thumbnail: u64,
    /// See [`Importance::Second`].
    pub second: u64,
    /// See [`Importance::Main`].
    pub main: u64,
    /// See [`Importance::Audio`].
    pub audio: u64,
}

/// See [`ServerMessage::Stage`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// When this value came to be.
    pub version: u64,
    /// The large picture.
    pub main: Option<Shown>,
    /// Beside it.
    pub second: Option<Shown>,
    /// The shared screen.
    pub screen: Option<Shown>,
    /// Whose microphones are heard, the most important first.
    pub speakers: Vec<ParticipantId>,
}

/// What a place of the stage shows.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// Who.
    pub participant: ParticipantId,
    /// For which site.
    pub site: Option<SiteCode>,
    /// What people call it.
    pub name: String,
    /// The name of its province; left out for a province itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub province_name: Option<String>,
    /// Which of its sources.
    pub source: Source,
}

/// See [`ServerMessage::Own`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and has its name in JSON"
)]
pub struct Own {
    /// When this value came to be.
    pub version: u64,
    /// Nobody hears the receiver: the server refuses its sound, or it is on the stage for its
    /// picture alone.
    pub muted: bool,
    /// Its picture is refused too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Where it stands with the floor.
    pub floor: Standing,
    /// In the queue, from 1; `null` unless waiting.
    pub position: Option<u32>,
    /// The stage shows it, or is to, once something of it comes.
    pub on_stage: bool,
    /// Which of its place's devices it is, from 1.
    pub device: u32,
    /// Another device of the same site speaks for it: this one only watches.
    pub stands_by: bool,
    /// Of a hall and of whoever is on stage or has the floor: what of it arrives.
    #[serde(default)]
    pub arriving: Arriving,
    /// How its last turn, or its wait for one, ended; `null` if it ended that itself, has none
    /// behind it or one before it.
    #[serde(default)]
    pub last_turn: Option<LastTurn>,
}

/// Where a participant stands with the floor.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It does not ask.
    #[default]
    None,
    /// It asks.
    Waiting,
    /// It has the floor.
    Holding,
}

/// See [`ServerMessage::Provinces`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ProvinceEntry {
    /// Code of the province's own site.
    pub code: SiteCode,
    /// Name of the province.
    pub name: String,
    /// The province's own site and its communes.
    #[serde(flatten)]
    pub counts: Counts,
}

/// See [`ServerMessage::Participants`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantEntry {
    /// Who.
    pub participant: ParticipantId,
    /// What it may do.
    pub role: Role,
    /// The site it speaks for.
    pub site: Option<SiteCode>,
    /// The province of that site; `null` for the centre.
    pub province: Option<SiteCode>,
    /// What people call it.
    pub name: String,
    /// Whether it is here.
    pub state: Liveness,
    /// Which of its place's devices it is, from 1.
    pub device: u32,
    /// The id of the token with which it came. Over REST only: 3,400 of them do not go to every
    /// operator's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenId>,
    /// Nobody hears it: the server refuses its sound, or it is on the stage for its picture alone.
    pub muted: bool,
    /// Its picture is refused too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Its peer connection.
    pub media: MediaState,
    /// What it sends.
    pub sources: Vec<Source>,
    /// Where it stands with the floor.
    pub floor: Standing,
    /// Places of the stage that it cannot decode: it has not agreed to their codec.
    #[serde(default)]
    pub undecodable: Vec<Place>,
    /// Its encoder makes no keyframe when asked: who comes late waits for its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignores_keyframe_requests: bool,
    /// What the line to it leaves of the picture; absent while it receives nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung: Option<Rung>,
    /// How well it hears and sees, from 0 to 100 in steps of ten; absent while it receives nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// Of what it says it sends, what has not arrived for 3 s, or has ceased to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ceased: Vec<Source>,
    /// What it says of its own devices and line, if it does.
    #[serde(default, skip_serializing_if = "Condition::is_untold")]
    pub condition: Condition,
    /// Places of the stage on which a moderator has put it, also while they do not show it yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub staged: Vec<Place>,
}

/// Somebody who was sent away. See [`ServerMessage::Barred`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BarredEntry {
    /// As whom it was here last; what `readmit` names.
    pub participant: ParticipantId,
    /// What it was.
    pub role: Role,
    /// The site it spoke for.
    pub site: Option<SiteCode>,
    /// What people called it.
    pub name: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

impl BarredEntry {
    /// Most of them that are told at once; REST has them all.
    pub const SHOWN: usize = 50;
}

/// Whether a participant is here.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Liveness {
    /// Connected.
    Present,
    /// Its connection broke; it may come back as itself.
    Lost,
    /// Gone, to be forgotten.
    Left,
}

/// The state of a peer connection.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum MediaState {
    /// There is none, or it is not connected yet.
    #[default]
    None,
    /// Media flows.
    Connected,
    /// Nothing has been heard from it for some seconds.
    Silent,
}
