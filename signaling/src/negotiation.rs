//! What each role may send and sees from the start, and how an offer that cannot be answered is
//! refused.

use sfu::command::{CommandError, PeerPolicy};
use sfu::id::Feed;

use crate::auth::{Role, Verb};
use crate::conference::Refusal;
use crate::conference_task::stage_number;
use crate::protocol::{ErrorCode, Place};

/// For a participant: the first video slots show the stage.
#[must_use]
pub fn participant_policy(role: Role) -> PeerPolicy {
    PeerPolicy {
        may_send_audio: role.may(Verb::Publish),
        may_send_video: role.may(Verb::Publish),
        video_slots: Place::ALL
            .map(|place| Some(Feed::Stage(stage_number(place))))
            .to_vec(),
        ptime_ms: None,
    }
}

/// For a WHIP publisher, which receives nothing.
#[must_use]
pub fn whip_policy(role: Role) -> PeerPolicy {
    PeerPolicy {
        video_slots: Vec::new(),
        ..participant_policy(role)
    }
}

/// For a WHEP player, which sends nothing and sees the main picture.
#[must_use]
pub fn whep_policy() -> PeerPolicy {
    PeerPolicy {
        may_send_audio: false,
        may_send_video: false,
        video_slots: vec![Some(Feed::Stage(stage_number(Place::Main)))],
        ptime_ms: None,
    }
}

/// What a client is told when the media plane does not do what it asked.
#[must_use]
pub fn refusal(error: &CommandError) -> Refusal {
    let code = match error {
        CommandError::BadOffer(_) | CommandError::NotARestart => ErrorCode::BadOffer,
        CommandError::UnknownPeer(_) => ErrorCode::NoMedia,
        CommandError::Overloaded(_) => ErrorCode::Overloaded,
        CommandError::Stopped => ErrorCode::Internal,
    };
    Refusal::new(code, error.to_string())
}
