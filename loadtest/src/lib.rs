//! Simulated sites for Dinh and for any WHIP/WHEP server.

pub mod clip;
pub mod endpoint;
pub mod fleet;
pub mod marker;
pub mod measure;
pub mod publish;
pub mod receive;
pub mod rtp;
pub mod sdp;
