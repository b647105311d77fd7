//! The check: can a site take part, and if not, what is in its way and whose concern is that?
//!
//! ```text
//! page ── opens ──▶ Checks ──▶ peers of its own at the media plane ──▶ measures ──▶ Measured
//!                                        judge(Measured) ──▶ Cause, for the page and the operator
//! ```
//!
//! `dinh doctor` names the same [`Cause`]s. What is judged here is pure; [`Checks`] owns those under way.

pub mod cause;
pub mod judge;
pub(crate) mod machine;
mod moments;
mod offer;
pub mod outcome;
mod under_way;

pub use cause::{Call, Cause, Colour, Step};
pub use judge::{Judgement, Measured, judge};
pub use moments::moments;
pub use offer::{Direction, Means};
pub(crate) use offer::{MOST_KBPS, begins_handshake, beside, may_tell};
pub use outcome::{CheckCode, Outcome, OutcomeFilter};
pub use under_way::CheckId;
pub(crate) use under_way::{Checks, LIFE, REMEMBERED, Whose};
