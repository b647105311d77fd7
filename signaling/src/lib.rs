//! The people plane of Dinh: who is in a conference, who may do what, and what has happened.
//!
//! The media plane is the crate `sfu`; no SSRC is known here.

pub mod auth;
pub mod conference;
pub mod config;
pub mod ids;
pub mod protocol;
pub mod sites;
pub mod store;
