//! What each role may send and sees from the start, and how an offer that cannot be answered is
//! refused.

use serde::Deserialize;
use sfu::command::{CommandError, Joined, PeerPolicy};
use sfu::id::{Feed, SlotId};
use sfu::kind::MediaKind;

use crate::admission::Admission;
use crate::auth::{Rights, Verb};
use crate::conference_task::{PROGRAMME, stage_number};
use crate::config::Conferences;
use crate::protocol::Place;
use crate::refusal::{ErrorCode, Refusal};

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
pub fn participant_policy(
    rights: Rights,
    audio_frame_ms: Option<u16>,
    had_peer: bool,
) -> PeerPolicy {
    PeerPolicy {
        may_send_audio: rights.may(Verb::Publish),
        may_send_video: rights.may(Verb::Publish),
        video_slots: Place::ALL
            .map(|place| Some(Feed::Stage(stage_number(place))))
            .to_vec(),
        ptime_ms: audio_frame_ms,
        reserved: Admission::may_exceed(rights.role, had_peer),
        most_kbps: None,
    }
}

/// For a WHIP publisher, which receives nothing.
#[must_use]
pub fn whip_policy(rights: Rights, audio_frame_ms: Option<u16>) -> PeerPolicy {
    PeerPolicy {
        video_slots: Vec::new(),
        ..participant_policy(rights, audio_frame_ms, false)
    }
}

/// What a WHEP player wants to see in its first video line.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WatchedFeed {
    /// The main picture.
    Main,
    /// The second picture.
    Second,
    /// The screen that is shared.
    Screen,
    /// Who has the floor, else the main picture.
    Programme,
}

impl WatchedFeed {
    /// What further video lines show, after the first.
    const STAGE: [Self; 3] = [Self::Main, Self::Second, Self::Screen];

    /// As the media plane knows it.
    #[must_use]
    pub const fn feed(self) -> Feed {
        Feed::Stage(match self {
            Self::Main => stage_number(Place::Main),
            Self::Second => stage_number(Place::Second),
            Self::Screen => stage_number(Place::Screen),
            Self::Programme => PROGRAMME,
        })
    }
}

/// For a WHEP player, which sends nothing. Its first video line shows what it chose, further ones
/// the rest of the stage. One that chose nothing sees the stage; if it has a single video line, see
/// [`single_picture`].
#[must_use]
pub fn whep_policy(chosen: Option<WatchedFeed>) -> PeerPolicy {
    // Whoever follows the programme has seen the main picture in it.
    let is_seen = |feed: &WatchedFeed| match chosen {
        Some(WatchedFeed::Programme) => *feed == WatchedFeed::Main,
        Some(other) => *feed == other,
        None => false,
    };
    let rest = WatchedFeed::STAGE.into_iter().filter(|it| !is_seen(it));
    PeerPolicy {
        may_send_audio: false,
        may_send_video: false,
        video_slots: chosen
            .into_iter()
            .chain(rest)
            .map(|it| Some(it.feed()))
            .collect(),
        ptime_ms: None,
        reserved: false,
        most_kbps: None,
    }
}

/// The slot of a WHEP player that has one picture: it is to follow the programme.
#[must_use]
pub fn single_picture(joined: &Joined) -> Option<SlotId> {
    let mut pictures = joined.slots.iter().filter(|it| it.kind == MediaKind::Video);
    let only = pictures.next()?;
    pictures.next().is_none().then_some(only.id)
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
    use crate::auth::{Role, Verbs};

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
        let policy = participant_policy(Role::Site.into(), Some(60), false);
        assert_eq!((policy.may_send_audio, policy.ptime_ms), (true, Some(60)));
        assert_eq!(whip_policy(Role::Hall.into(), Some(40)).ptime_ms, Some(40));
        assert_eq!(whep_policy(None).ptime_ms, None);
    }

    #[test]
    fn whose_scope_does_not_say_that_it_may_publish_sends_nothing() {
        let watching = Rights {
            role: Role::Hall,
            scope: Some(Verbs::from_iter([Verb::Join])),
        };
        let policy = participant_policy(watching, None, false);
        assert!(!policy.may_send_audio && !policy.may_send_video);
    }

    #[test]
    fn a_players_first_picture_is_what_it_chose_and_further_ones_are_the_rest_of_the_stage() {
        let shows = |chosen| {
            let slots = whep_policy(chosen).video_slots;
            let number = |slot: Option<Feed>| match slot {
                Some(Feed::Stage(number)) => number,
                other => panic!("{other:?}"),
            };
            slots.into_iter().map(number).collect::<Vec<_>>()
        };
        assert_eq!(shows(None), [0, 1, 2]);
        assert_eq!(shows(Some(WatchedFeed::Main)), [0, 1, 2]);
        assert_eq!(shows(Some(WatchedFeed::Screen)), [2, 0, 1]);
        assert_eq!(shows(Some(WatchedFeed::Programme)), [3, 1, 2]);
    }
}
