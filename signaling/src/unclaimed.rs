//! A peer between its answer and its owner.

use std::sync::Arc;

use sfu::Media;
use sfu::command::{Command, Joined};

/// A peer that was answered and has no owner yet. It closes when this is dropped unclaimed, on
/// whatever way to its owner that happens.
#[derive(Debug)]
pub struct Unclaimed {
    media: Arc<dyn Media>,
    joined: Joined,
    is_claimed: bool,
}

impl Unclaimed {
    pub(crate) fn new(media: Arc<dyn Media>, joined: Joined) -> Self {
        Self {
            media,
            joined,
            is_claimed: false,
        }
    }

    /// What was negotiated.
    pub const fn joined(&self) -> &Joined {
        &self.joined
    }

    /// It has an owner now, who closes it.
    pub fn claim(mut self) {
        self.is_claimed = true;
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if !self.is_claimed {
            let peer = self.joined.peer;
            self.media.command(Command::RemovePeer { peer });
        }
    }
}
