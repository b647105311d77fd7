//! What a site is invited to: how it stands with an invitation, what a site may reply, and which day of a
//! series matters to it. Without I/O.

mod current;
mod entry;
mod reply;
mod state;

pub use current::{Stands, current};
pub use entry::{Said, entry};
pub use reply::{GivenReply, Reply, ReplyError, ReplyKind};
pub use state::{InvitationState, Whom};
