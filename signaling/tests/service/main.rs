//! The server as a service: what a service manager hears of it and sends it, and the unit that runs it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as loudly as the tests"
)]

mod checks;
mod container;
mod docs;
mod doctor;
mod manager;
mod network;
mod package;
mod process;
mod providers;
mod reload;
mod setups;
mod unit;
