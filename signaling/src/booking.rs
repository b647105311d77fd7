//! Conferences that are planned, without I/O: a booking, the days on which its series puts it, what an
//! exception makes of one of them, whom it invites, when its doors open, and what stands in its way.
//!
//! ```text
//! draft ──publish──▶ published ──revise──▶ changed ──publish──▶ published
//!                        └────────cancel────────┴──▶ cancelled
//! ```

mod audience;
mod check;
mod conflicts;
mod details;
pub mod document;
mod doors;
mod entry;
mod error;
mod exception;
mod exchange;
mod lifecycle;
mod occurrence;
mod series;
mod time;

pub use audience::{Audience, AudienceHash, Audiences, Selection};
pub use conflicts::{Clash, Conflict, Slot, find as find_conflicts};
pub use details::{AgendaItem, Chair, Details, Document, Kind, Language};
pub use doors::{Door, Doors, come_back_in};
pub use error::BookingError;
pub use exception::{DatedException, Exception};
pub use lifecycle::{Booking, BookingState, Change, Standing};
pub use occurrence::{Occurrence, OccurrenceState, Update};
pub use series::MAX_OCCURRENCES;

#[cfg(test)]
mod tests;
