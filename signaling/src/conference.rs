//! One conference as a pure, event-sourced state machine.
//!
//! ```text
//! Command ──decide──▶ [Event] ──stamp──▶ [Record] ──advance──▶ [Effect] ──(stored)──▶ told
//! ```
//!
//! Each subject (the conference as a whole, who is expected, people, their media, the floor, the
//! stage, the clock) has its own state, commands and events, and decides and applies them; the
//! outer enums have one arm for each of them.
//!
//! No clock, socket, task or random source: time and ids come in with the command. Whoever runs a
//! conference stores the records before it lets anybody see an effect.

mod actor;
pub mod attendance;
mod clock;
pub mod command;
pub mod decide;
pub mod effect;
pub mod event;
pub mod floor;
pub mod people;
pub mod phase;
mod rights;
pub mod roster;
pub mod sources;
pub mod stage;
pub mod state;
pub mod time;
pub mod words;

pub use actor::{Actor, Who};
pub use attendance::{Attendance, Register};
pub use clock::{ClockCommand, ClockEvent};
pub use command::Command;
pub use decide::decide;
pub use effect::{Audience, Departed, Effect, MediaIntent, advance};
pub use event::{Bearer, By, Event, Record};
pub(crate) use floor::Held;
pub use floor::{FloorCommand, FloorEvent, LastTurn, ReleaseReason};
pub use people::presence::Counts;
pub use people::remembered::Barred;
pub use people::{Join, LeaveReason, Participant, PeopleCommand, PeopleEvent};
pub use phase::{Phase, PhaseCommand, PhaseEvent, Times};
pub use roster::{Roster, RosterCommand, RosterEvent, RosterSite};
pub use sources::{Arrival, Arriving, Muting, SourcesCommand, SourcesEvent};
pub use stage::{Scene, StageCommand, StageEvent};
pub use state::{Settings, State, Versions};
pub use time::ConferenceTime;
pub use words::{Place, Source};

#[cfg(test)]
mod tests;
