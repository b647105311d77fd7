//! What becomes of people's media: what they say they send, what of it arrives, and what is
//! refused.

mod arrival;
mod command;
mod event;
mod mute;
mod publish;

pub use arrival::{Arrival, Arriving};
pub use command::SourcesCommand;
pub use event::SourcesEvent;
pub use mute::Muting;

use crate::conference::actor::Actor;
use crate::conference::effect::{Effect, blocking, concerns, once};
use crate::conference::event::{By, Event};
use crate::conference::state::State;
use crate::refusal::Refusal;

impl State {
    pub(super) fn decide_sources(
        &self,
        actor: &Actor,
        by: &By,
        command: SourcesCommand,
    ) -> Result<Vec<Event>, Refusal> {
        match command {
            SourcesCommand::Publish { source, active } => {
                self.decide_publish(actor.whose()?, source, active)
            }
            SourcesCommand::Unpublish { participant } => self.decide_unpublish(participant),
            SourcesCommand::NoteMedia {
                participant,
                source,
                arriving,
            } => self.decide_arrival(participant, source, arriving),
            SourcesCommand::NoteLine {
                participant,
                sound_only,
            } => self.decide_line(participant, sound_only),
            SourcesCommand::Mute { participant, muted } => {
                self.decide_mute(by, participant, Muting::new(muted, false))
            }
            SourcesCommand::MuteSound { participant } => {
                self.decide_mute(by, participant, Muting::Sound)
            }
        }
    }

    pub(super) fn apply_sources(&mut self, event: &SourcesEvent) {
        let seq = self.seq;
        match event {
            SourcesEvent::SourceChanged {
                participant,
                source,
                active,
            } => {
                let since = active.then_some(seq);
                self.people.set_source(*participant, *source, since);
            }
            SourcesEvent::MediaChanged {
                participant,
                source,
                arriving,
            } => {
                let since = arriving.then_some(seq);
                self.people.set_arrival(*participant, *source, since);
                self.note_beginning(*participant);
            }
            SourcesEvent::LineChanged {
                participant,
                sound_only,
            } => self.people.set_sound_only(*participant, *sound_only),
            SourcesEvent::MuteChanged {
                participant,
                muted,
                sound_only,
                ..
            } => {
                let muting = Muting::new(*muted, *sound_only);
                self.people.set_muting(*participant, muting);
            }
        }
    }
}

impl SourcesEvent {
    /// What follows from it by itself, once the state is what it made of it.
    pub(super) fn follow(&self, state: &State, effects: &mut Vec<Effect>) {
        match self {
            Self::SourceChanged { participant, .. } => {
                once(Effect::ParticipantChanged(*participant), effects);
            }
            Self::MediaChanged { participant, .. } => concerns(*participant, effects),
            Self::MuteChanged { participant, .. } => {
                effects.push(blocking(state, *participant));
                concerns(*participant, effects);
            }
            // People are told how a line is before it has lasted long enough to be an event.
            Self::LineChanged { .. } => {}
        }
    }
}
