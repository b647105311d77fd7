//! What a receiver keeps of one stream: numbering, losses, repair, jitter, stalls. No I/O, no clock.

pub mod jitter;
pub mod nack;
pub mod playout;
pub mod sequence;
pub mod stalls;
pub mod stream;
pub mod twcc;
