//! Mail to sites: what waits in the store is written when its turn comes and sent by an SMTP server.
//!
//! Each mail is in the store before anybody believes that it will be sent, and its turn is one
//! transaction: what became of the one before is written down together with which one is next. So a
//! server that is killed has at most one mail of each lane under way. Where it was killed between the
//! SMTP server's answer and that transaction, nobody knows whether the mail was taken: the next start sends
//! it once more, with the same `Message-ID`, and a mail that was in doubt twice is given up for a person to
//! look at. So nothing is lost in silence, and nothing comes more than twice.

mod content;
mod desk;
mod invitation;
mod lanes;
mod letter;
mod pace;
mod party;
mod post;
mod smtp;
mod verdict;

pub use content::Content;
pub use letter::{Attached, Letter, LetterError, Written};
pub use party::{Party, PartyError, Sender};
pub use post::{Post, Trouble};

pub(crate) use lanes::run;
