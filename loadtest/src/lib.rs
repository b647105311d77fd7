//! Simulated sites for Dinh and for any WHIP/WHEP server.
//!
//! [`run`] takes a [`Scenario`] and returns a [`Report`]. Between them: signaling sessions on the
//! caller's runtime ([`websocket`], [`web`]), and one media thread ([`fleet`]) that owns every
//! simulated browser ([`endpoint`]). An endpoint is sans-I/O: only `fleet` touches media sockets
//! and the clock. What it sends is a real clip ([`clip`], [`publish`]); what it receives is judged
//! packet by packet ([`receive`]) and added up to the report ([`report`]).

pub mod clip;
pub mod compare;
pub mod endpoint;
pub mod fleet;
pub mod ledger;
pub mod line;
pub mod machine;
pub mod manager;
pub mod marker;
pub mod measure;
mod page;
pub mod process;
pub mod publish;
pub mod receive;
pub mod report;
pub mod rtp;
mod run;
pub mod scenario;
pub mod sdp;
pub mod thresholds;
pub mod timeline;
pub mod tls;
pub mod token;
pub mod web;
pub mod websocket;

pub use report::Report;
pub use run::{Progress, RunError, run, run_with_progress};
pub use scenario::Scenario;
