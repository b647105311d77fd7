//! Refusing the sound of a participant, or its sound and picture, also when it comes again.

use super::SourcesEvent;
use crate::conference::event::{By, Event};
use crate::conference::state::State;
use crate::ids::ParticipantId;
use crate::refusal::Refusal;

/// What of a participant is refused, whatever its page sends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Muting {
    /// Nothing.
    #[default]
    None,
    /// Its sound. It is seen, and may share its screen.
    Sound,
    /// Everything.
    Everything,
}

impl Muting {
    /// As the events and messages say it.
    pub const fn new(muted: bool, sound_only: bool) -> Self {
        match (muted, sound_only) {
            (false, _) => Self::None,
            (true, true) => Self::Sound,
            (true, false) => Self::Everything,
        }
    }

    /// Nobody hears it.
    pub const fn is_muted(self) -> bool {
        !matches!(self, Self::None)
    }

    /// Nobody sees it either.
    pub const fn is_cut(self) -> bool {
        matches!(self, Self::Everything)
    }
}

impl State {
    pub(super) fn decide_mute(
        &self,
        by: &By,
        participant: ParticipantId,
        muting: Muting,
    ) -> Result<Vec<Event>, Refusal> {
        self.person(participant)?;
        let mut events = self.mute_events(participant, muting, by);
        if muting == Muting::None {
            events.extend(self.letting_be_heard(participant, by));
        }
        Ok(events)
    }

    /// All devices of a place are muted or none: which of them speaks may change.
    pub(in crate::conference) fn mute_events(
        &self,
        participant: ParticipantId,
        muting: Muting,
        by: &By,
    ) -> Vec<Event> {
        self.devices_beside(participant)
            .iter()
            .filter(|device| {
                self.people
                    .get(**device)
                    .is_some_and(|person| person.muting != muting)
            })
            .map(|device| {
                Event::Sources(SourcesEvent::MuteChanged {
                    participant: *device,
                    muted: muting.is_muted(),
                    sound_only: muting == Muting::Sound,
                    by: by.clone(),
                })
            })
            .collect()
    }
}
