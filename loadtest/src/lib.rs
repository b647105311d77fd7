//! Simulated sites for Dinh and for any WHIP/WHEP server.

pub mod clip;
pub mod marker;
pub mod receive;
pub mod rtp;
