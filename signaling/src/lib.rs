//! The people plane of Dinh: who is in a conference, who may do what, and what has happened.
//!
//! ```text
//! cli ─▶ server ─▶ routes ─▶ session, rest, whip, pages ─▶ conference_task ─▶ conference ─▶ protocol
//!                                                                └─▶ store, media
//! ```
//!
//! The media plane is the crate `sfu`; no SSRC is known here.

pub mod access;
pub mod accounts;
pub mod admission;
pub mod app;
pub mod auth;
pub mod backup;
pub mod booking;
pub mod calendar;
pub mod check;
pub mod cli;
pub mod clock;
pub mod conference;
pub mod conference_task;
pub mod config;
pub mod control;
pub mod data_dir;
pub mod demo;
mod descriptors;
pub mod directory;
pub mod doctor;
mod entering;
pub mod exchanging;
mod flat;
pub mod fresh;
pub mod health;
mod heartbeat;
mod ice_servers;
pub mod ids;
pub mod invitations;
mod inviting;
pub mod judging;
pub mod letters;
pub mod links;
pub mod listener;
pub mod live;
mod login_tokens;
pub mod mail;
pub mod media;
mod memory;
pub mod metrics;
pub mod negotiation;
mod object;
mod occasion;
pub mod oidc;
mod opening;
pub mod outbox;
pub mod pages;
pub mod protocol;
pub mod readiness;
pub mod refusal;
pub mod reload;
pub mod rest;
mod retry;
mod returns;
pub mod routes;
pub mod running;
pub mod schedule;
pub mod score;
pub mod sealer;
pub mod server;
pub mod session;
pub mod sheets;
pub mod signed_heads;
pub mod sites;
pub mod sockets;
pub mod store;
mod store_check;
mod supervisor;
pub mod telemetry;
pub mod testing;
mod text;
pub mod tls;
pub mod tokens;
mod trust;
mod unclaimed;
pub mod vault;
mod warden;
pub mod webhooks;
pub mod whip;
mod whole;
