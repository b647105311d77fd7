//! One conference as a pure, event-sourced state machine.
//!
//! ```text
//! Command ──decide──▶ [Event] ──stamp──▶ [Record] ──advance──▶ [Effect] ──(stored)──▶ told
//! ```
//!
//! No clock, socket, task or random source: time and ids come in with the command. Whoever runs a
//! conference stores the records before it lets anybody see an effect.

mod arrival;
pub mod attendance;
pub mod command;
pub mod decide;
pub mod effect;
pub mod event;
mod floor;
mod join;
mod leave;
mod mute;
mod participants;
pub mod phase;
mod presence;
mod publish;
mod remembered;
mod rights;
pub mod roster;
mod seats;
mod stage;
pub mod state;
pub mod time;
pub mod words;

pub use arrival::{Arrival, Arriving};
pub use attendance::{Attendance, Register};
pub use command::{Actor, Command, Join, Who};
pub use decide::decide;
pub use effect::{Audience, Departed, Effect, MediaIntent, advance};
pub use event::{Bearer, By, Event, LeaveReason, Record, ReleaseReason};
pub(crate) use floor::Held;
pub use floor::LastTurn;
pub use mute::Muting;
pub use participants::Participant;
pub use phase::Phase;
pub use presence::Counts;
pub use remembered::Barred;
pub use roster::{Roster, RosterSite};
pub use stage::Scene;
pub use state::{Settings, State, Times, Versions};
pub use time::ConferenceTime;
pub use words::{Place, Source};

#[cfg(test)]
mod tests;
