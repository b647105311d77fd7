//! What a letter may tell.

use jiff::Zoned;

use super::kind::LetterKind;
use crate::booking::{Kind, Language};

/// What a letter to one site may tell.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What the letter is for.
    pub kind: LetterKind,
    /// The language it is written in.
    pub language: Language,
    /// What the site is called.
    pub site_name: String,
    /// Its code.
    pub site_code: String,
    /// What the conference is called.
    pub title: String,
    /// What is done in it.
    pub booking_kind: Kind,
    /// When it begins, by the clocks by which it is announced; of a series, the next time.
    pub starts_at: Zoned,
    /// How long it takes.
    pub duration_minutes: u32,
    /// When a series begins after that; empty for what takes place once.
    pub next_days: Vec<Zoned>,
    /// From where it is held.
    pub hall: Option<String>,
    /// Who leads it.
    pub chair: Option<String>,
    /// What is spoken of, in order.
    pub agenda: Vec<Item>,
    /// The site's own short link.
    pub url: String,
    /// The code in it, in groups of four.
    pub code: String,
    /// Why it does not take place.
    pub reason: Option<String>,
    /// Whom to ask.
    pub contact: Option<Contact>,
}

/// Something that is spoken of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item {
    /// What.
    pub title: String,
    /// How long.
    pub minutes: u32,
    /// Who speaks of it.
    pub speaker: Option<String>,
}

/// Whom to ask.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Contact {
    /// Who.
    pub name: String,
    /// The number to call; may be empty.
    pub phone: String,
    /// The address of mail; may be empty.
    pub email: String,
}
