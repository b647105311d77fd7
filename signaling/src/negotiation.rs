//! What each role may send and sees from the start, and how an offer that cannot be answered is
//! refused.

use sfu::command::{CommandError, PeerPolicy};
use sfu::id::Feed;

use crate::admission::Admission;
use crate::auth::{Role, Verb};
use crate::conference::Refusal;
use crate::conference_task::stage_number;
use crate::config::Conferences;
use crate::protocol::{ErrorCode, Place};

/// Length of the audio frames that a conference of so many sites asks its speakers for, in
/// milliseconds. `None` leaves it to them, which is 20 ms.
///
/// Each frame is a packet to every site, so in a large conference the number of frames is what
/// sound costs.
#[must_use]
pub const fn audio_frame_ms(config: &Conferences, sites: u32) -> Option<u16> {
    if sites > config.audio_60ms_above_sites {
        Some(60)
    } else if sites > config.audio_40ms_above_sites {
        Some(40)
    } else {
        None
    }
}

/// For a participant: the first video slots show the stage. `audio_frame_ms` as from
/// [`audio_frame_ms`]: whoever may speak is asked at the join, since it may be given the floor later.
/// `had_peer`: this one takes the place of the participant's last.
#[must_use]
pub fn participant_policy(role: Role, audio_frame_ms: Option<u16>, had_peer: bool) -> PeerPolicy {
    PeerPolicy {
        may_send_audio: role.may(Verb::Publish),
        may_send_video: role.may(Verb::Publish),
        video_slots: Place::ALL
            .map(|place| Some(Feed::Stage(stage_number(place))))
            .to_vec(),
        ptime_ms: audio_frame_ms,
        reserved: Admission::may_exceed(role, had_peer),
    }
}

/// For a WHIP publisher, which receives nothing.
#[must_use]
pub fn whip_policy(role: Role, audio_frame_ms: Option<u16>) -> PeerPolicy {
    PeerPolicy {
        video_slots: Vec::new(),
        ..participant_policy(role, audio_frame_ms, false)
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
        reserved: false,
    }
}

/// What a client is told when the media plane does not do what it asked.
#[must_use]
pub fn refusal(error: &CommandError) -> Refusal {
    let code = match error {
        CommandError::BadOffer(_) | CommandError::NotARestart => ErrorCode::BadOffer,
        CommandError::UnknownPeer(_) => ErrorCode::NoMedia,
        CommandError::Full => ErrorCode::ServerFull,
        CommandError::Overloaded(_) => ErrorCode::Overloaded,
        CommandError::ConferenceEnded => ErrorCode::ConferenceNotRunning,
        CommandError::Stopped => ErrorCode::Internal,
    };
    Refusal::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_frames_grow_with_the_conference() {
        let config = Conferences::default();
        for (sites, expected) in [
            (0, None),
            (100, None),
            (101, Some(40)),
            (500, Some(40)),
            (501, Some(60)),
            (3_356, Some(60)),
        ] {
            assert_eq!(audio_frame_ms(&config, sites), expected, "{sites} sites");
        }
    }

    #[test]
    fn whoever_may_speak_is_asked_for_the_length_of_its_frames() {
        let policy = participant_policy(Role::Site, Some(60), false);
        assert_eq!((policy.may_send_audio, policy.ptime_ms), (true, Some(60)));
        assert_eq!(whip_policy(Role::Hall, Some(40)).ptime_ms, Some(40));
        assert_eq!(whep_policy().ptime_ms, None);
    }
}
