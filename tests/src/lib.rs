//! Tests of Dinh as a whole. Here is what they share; the tests themselves are in `tests/`.
#![expect(
    clippy::indexing_slicing,
    reason = "what is out of range in a test is a mistake in the test"
)]

pub mod device;
pub mod fuzz;
pub mod socket;
pub mod world;
