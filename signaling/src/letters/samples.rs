//! Letters that nobody is sent: what an office is shown while it writes, and the shortest and the longest
//! that there may be.

use jiff::civil::datetime;
use jiff::tz::{Offset, TimeZone};
use jiff::{ToSpan as _, Zoned};

use super::facts::{Contact, Facts, Item};
use super::kind::LetterKind;
use crate::booking::{Kind, Language};

/// Most characters of a name of a site, a title and a note, and most items of an agenda.
const NAME_CHARS: usize = 200;
const TITLE_CHARS: usize = 200;
const NOTE_CHARS: usize = 500;
const ITEMS: usize = 100;

impl Facts {
    /// An everyday conference.
    #[must_use]
    pub fn sample(kind: LetterKind, language: Language) -> Self {
        let said = |vi: &str, en: &str| match language {
            Language::Vi => vi.to_owned(),
            Language::En => en.to_owned(),
        };
        let item = |title: String, minutes, speaker: Option<&str>| Item {
            title,
            minutes,
            speaker: speaker.map(str::to_owned),
        };
        Self {
            site_name: said("Phường Ba Đình", "Ba Đình Ward"),
            site_code: "00004".to_owned(),
            title: said("Giao ban toàn quốc", "National briefing"),
            booking_kind: Kind::Briefing,
            next_days: vec![monday(7), monday(14)],
            hall: Some(said("Hội trường Trung ương", "Central Hall")),
            chair: Some(said("Nguyễn Văn An", "Nguyễn Văn An")),
            agenda: vec![
                item(said("Khai mạc", "Opening"), 10, None),
                item(
                    said("Báo cáo tình hình tháng", "Report of the month"),
                    30,
                    Some("Hà Nội"),
                ),
            ],
            reason: Some(said(
                "dành thời gian phòng, chống bão",
                "all forces are needed against the storm",
            )),
            contact: Some(Contact {
                name: said("Văn phòng", "The office"),
                phone: "024 3804 3100".to_owned(),
                email: "vanphong@example.vn".to_owned(),
            }),
            ..Self::shortest(kind, language)
        }
    }

    /// One of which is said no more than must be.
    pub(super) fn shortest(kind: LetterKind, language: Language) -> Self {
        Self {
            kind,
            language,
            site_name: "X".to_owned(),
            site_code: "1".to_owned(),
            title: "H".to_owned(),
            booking_kind: Kind::Meeting,
            starts_at: monday(0),
            duration_minutes: 90,
            next_days: Vec::new(),
            hall: None,
            chair: None,
            agenda: Vec::new(),
            url: "https://hop.example.vn/m/7KQM-2FJX-9VTP-3HWS".to_owned(),
            code: "7KQM-2FJX-9VTP-3HWS".to_owned(),
            reason: None,
            contact: None,
        }
    }

    /// One of which everything is said at length, in letters that take as much room as any.
    pub(super) fn longest(kind: LetterKind, language: Language) -> Self {
        // Four bytes each, and no word that could be broken.
        let long = |chars: usize| "𠮷".repeat(chars);
        let item = Item {
            title: long(TITLE_CHARS),
            minutes: 1_439,
            speaker: Some(long(NAME_CHARS)),
        };
        Self {
            site_name: long(NAME_CHARS),
            site_code: long(NAME_CHARS),
            title: long(TITLE_CHARS),
            duration_minutes: 1_439,
            next_days: (1..=500).map(|week| monday(7 * week)).collect(),
            hall: Some(long(NAME_CHARS)),
            chair: Some(long(NAME_CHARS)),
            agenda: vec![item; ITEMS],
            reason: Some(long(NOTE_CHARS)),
            contact: Some(Contact {
                name: long(NAME_CHARS),
                phone: long(NAME_CHARS),
                email: long(NAME_CHARS),
            }),
            ..Self::shortest(kind, language)
        }
    }
}

/// A Monday at eight in the morning, so many days after the first.
fn monday(days: i32) -> Zoned {
    let first = datetime(2026, 11, 30, 8, 0, 0, 0);
    let zone =
        TimeZone::get("Asia/Ho_Chi_Minh").unwrap_or_else(|_| TimeZone::fixed(Offset::constant(7)));
    let at = first.checked_add(days.days()).unwrap_or(first);
    zone.to_ambiguous_zoned(at)
        .compatible()
        .unwrap_or_else(|_| Zoned::default())
}
