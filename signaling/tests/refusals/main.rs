//! What strangers and the over-eager send to a whole server, and what they get: a clear refusal,
//! and nothing in the server changes.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that indexes wrongly fails, as it should"
)]

mod accounts;
mod doors;
mod forged;
mod house;
mod places;
mod rest;
mod scopes;
mod slow;
mod websocket;
