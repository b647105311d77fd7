//! Simulated sites for Dinh and for any WHIP/WHEP server.

pub mod clip;
pub mod marker;
pub mod publish;
pub mod receive;
pub mod rtp;
pub mod sdp;
