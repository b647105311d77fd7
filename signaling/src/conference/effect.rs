//! What follows from events for the world outside: which values to tell whom, and what the media
//! plane should do.
//!
//! Effects name values, not messages: whoever carries them out may gather many changes of a value
//! and tell it once, so presence never costs one message per participant and participant.

use std::collections::BTreeMap;

use crate::conference::clock::ClockEvent;
use crate::conference::event::{Event, Record};
use crate::conference::floor::FloorEvent;
use crate::conference::people::apply::everybody;
use crate::conference::people::seats::Seat;
use crate::conference::people::{LeaveReason, Participant, PeopleEvent};
use crate::conference::roster::RosterEvent;
use crate::conference::stage::{StageEvent, Staged};
use crate::conference::state::{State, Versions};
use crate::ids::{ParticipantId, SiteCode};

/// Something to be done outside after events have been stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Tell everybody the conference.
    ConferenceChanged,
    /// Tell those who moderate that the roster is another one.
    RosterChanged,
    /// Tell everybody the counts, and those who moderate the provinces.
    PresenceChanged,
    /// Tell everybody the floor.
    FloorChanged,
    /// Tell those who look at the queue that its holder is seen or heard.
    FloorBegan,
    /// Tell everybody the stage.
    StageChanged,
    /// Tell those who moderate who was sent away.
    BarredChanged,
    /// Tell these participants where they stand.
    SelfChanged(Audience),
    /// Tell those who moderate about this participant, which is present or lost.
    ParticipantChanged(ParticipantId),
    /// Tell those who moderate about this participant, which is gone.
    ParticipantLeft(Box<Departed>),
    /// Do this with the media.
    Media(MediaIntent),
    /// Close the connection of this participant, which is gone or goes on elsewhere.
    Close(ParticipantId, LeaveReason),
    /// Close every connection: the conference is over.
    CloseAll,
}

/// Somebody who is gone, as it was last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Departed {
    /// Who.
    pub participant: ParticipantId,
    /// What was known of it.
    pub person: Participant,
    /// The province of its site.
    pub province: Option<SiteCode>,
    /// Which of its place's devices it was, from 1.
    pub device: u32,
}

/// Whom a value concerns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Audience {
    /// One participant.
    One(ParticipantId),
    /// Everybody in the floor's queue: their positions have moved.
    Waiting,
}

/// What the media plane should do, in terms of people. Which peer and publication that is, knows
/// whoever carries it out; a participant without media changes nothing until it has some. What is
/// shown and heard is no intent: it is read off the [scene](State::scene).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MediaIntent {
    /// All media of this participant is refused, or accepted again.
    Block {
        /// Whose.
        participant: ParticipantId,
        /// Refused if true.
        blocked: bool,
    },
    /// Close the peer of this participant, if there is one.
    Drop(ParticipantId),
    /// Close every peer of the conference.
    End,
}

/// Lets events have happened and says what follows. Values that changed several times are named
/// once.
pub fn advance(state: &mut State, records: &[Record]) -> Vec<Effect> {
    let before = (state.staged(), state.versions());
    let mut effects = Vec::new();
    for record in records {
        if let Event::People(PeopleEvent::Left { participant, .. }) = &record.event {
            effects.extend(departed(state, *participant));
        }
        let seats = seats_at_stake(state, &record.event);
        state.apply(record);
        follow(state, &record.event, &mut effects);
        reseated(state, seats, &mut effects);
    }
    if !records.is_empty() {
        compare(state, &before.0, before.1, &mut effects);
    }
    effects
}

/// The last word about somebody who is about to be gone.
fn departed(state: &State, id: ParticipantId) -> Option<Effect> {
    let person = state.participant(id)?;
    Some(Effect::ParticipantLeft(Box::new(Departed {
        participant: id,
        person: person.clone(),
        province: state.province_of(person).cloned(),
        device: state.seat(id)?.device,
    })))
}

/// What follows from one event by itself.
fn follow(state: &State, event: &Event, effects: &mut Vec<Effect>) {
    match event {
        Event::Phase(event) => event.follow(effects),
        Event::People(event) => event.follow(state, effects),
        Event::Sources(event) => event.follow(state, effects),
        Event::Floor(event) => event.follow(effects),
        // Another roster may say that a participant's site is in another province.
        Event::Roster(RosterEvent::RosterSet { .. }) => everybody(state, effects),
        // What else there is to be said of the stage follows from the whole batch.
        Event::Stage(StageEvent::StageSet { .. }) | Event::Clock(ClockEvent::ClockSet { .. }) => {}
    }
}

/// Refuse or accept the media of a participant, as things stand.
pub(super) fn blocking(state: &State, participant: ParticipantId) -> Effect {
    Effect::Media(MediaIntent::Block {
        participant,
        blocked: state.is_silenced(participant),
    })
}

/// The seats that an event may change besides those whom it names: when somebody goes, or speaks.
fn seats_at_stake(state: &State, event: &Event) -> Vec<(ParticipantId, Option<Seat>)> {
    let (Event::People(PeopleEvent::Left { participant, .. })
    | Event::Floor(FloorEvent::FloorGranted { participant, .. })) = event
    else {
        return Vec::new();
    };
    let devices = state.devices_beside(*participant).iter();
    devices.map(|id| (*id, state.seat(*id))).collect()
}

/// What follows for the devices that now sit elsewhere.
fn reseated(state: &State, before: Vec<(ParticipantId, Option<Seat>)>, effects: &mut Vec<Effect>) {
    for (id, seat) in before {
        let now = state.seat(id);
        if now.is_some() && now != seat {
            effects.push(blocking(state, id));
            concerns(id, effects);
        }
    }
}

/// A change that both the participant and the moderators hear of.
pub(super) fn concerns(participant: ParticipantId, effects: &mut Vec<Effect>) {
    once(Effect::SelfChanged(Audience::One(participant)), effects);
    once(Effect::ParticipantChanged(participant), effects);
}

/// Repeated effects of one batch are few and near: no set is needed.
pub(super) fn once(effect: Effect, effects: &mut Vec<Effect>) {
    const NEAR: usize = 16;
    if !effects
        .iter()
        .rev()
        .take(NEAR)
        .any(|earlier| *earlier == effect)
    {
        effects.push(effect);
    }
}

/// What follows from the whole batch.
fn compare(
    state: &State,
    before: &BTreeMap<ParticipantId, Staged>,
    versions: Versions,
    effects: &mut Vec<Effect>,
) {
    let staged = state.staged();
    for id in before.keys().chain(staged.keys()) {
        if before.get(id) != staged.get(id) {
            once(Effect::SelfChanged(Audience::One(*id)), effects);
        }
        let how =
            |staged: &BTreeMap<_, Staged>| staged.get(id).map(Staged::how).unwrap_or_default();
        if how(before) != how(&staged) && state.participant(*id).is_some() {
            once(Effect::ParticipantChanged(*id), effects);
        }
    }
    let now = state.versions();
    let changed = [
        (
            versions.conference != now.conference,
            Effect::ConferenceChanged,
        ),
        (versions.roster != now.roster, Effect::RosterChanged),
        (versions.stage != now.stage, Effect::StageChanged),
        (versions.barred != now.barred, Effect::BarredChanged),
        (versions.floor != now.floor, Effect::FloorChanged),
        (versions.began != now.began, Effect::FloorBegan),
        (versions.presence != now.presence, Effect::PresenceChanged),
    ];
    effects.extend(
        changed
            .into_iter()
            .filter(|(changed, _)| *changed)
            .map(|(_, effect)| effect),
    );
}
