//! The media plane: forwards what a few publish to the many who watch.

pub mod command;
pub mod config;
pub mod drop_reason;
pub mod handle;
pub mod id;
pub mod path;
pub mod peer;
pub mod sdp;

pub use config::Config;
pub use handle::Sfu;
