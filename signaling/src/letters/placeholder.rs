//! What may be put into a letter, by name.

use super::facts::{Contact, Facts};
use super::kind::LetterKind;
use super::words::{self, one_line};

/// What may be put into a letter.
#[derive(
    Clone, Copy, Debug, Eq, PartialEq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Placeholder {
    /// What the site is called.
    Site,
    /// Its code.
    SiteCode,
    /// What the conference is called.
    Title,
    /// What is done in it.
    Kind,
    /// On which day.
    Day,
    /// At what time.
    Time,
    /// By whose clocks.
    Zone,
    /// How long it takes.
    Duration,
    /// On which days a series takes place after that, one in a line.
    Days,
    /// From where it is held.
    Hall,
    /// Who leads it.
    Chair,
    /// What is spoken of, one in a line.
    Agenda,
    /// The site's own link.
    Link,
    /// The code in it.
    Code,
    /// Why it does not take place.
    Reason,
    /// Whom to ask.
    Contact,
}

impl Placeholder {
    /// All of them, in the order in which an office is shown them.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// As it stands between braces.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether letters of a kind know what it tells.
    #[must_use]
    pub const fn is_for(self, kind: LetterKind) -> bool {
        match self {
            Self::Reason => matches!(kind, LetterKind::Cancellation),
            Self::Link | Self::Code | Self::Agenda => !matches!(kind, LetterKind::Cancellation),
            _ => true,
        }
    }

    /// What it tells; nothing where there is nothing to tell.
    #[must_use]
    pub fn value(self, facts: &Facts) -> String {
        let language = facts.language;
        let or_nothing = |text: &Option<String>| text.as_deref().map(one_line).unwrap_or_default();
        match self {
            Self::Site => one_line(&facts.site_name),
            Self::SiteCode => one_line(&facts.site_code),
            Self::Title => one_line(&facts.title),
            Self::Kind => words::kind(language, facts.booking_kind).to_owned(),
            Self::Day => words::day(language, &facts.starts_at),
            Self::Time => words::time(language, &facts.starts_at),
            Self::Zone => words::zone(language, &facts.starts_at),
            Self::Duration => words::duration(language, facts.duration_minutes),
            Self::Days => words::days(language, &facts.next_days),
            Self::Hall => or_nothing(&facts.hall),
            Self::Chair => or_nothing(&facts.chair),
            Self::Agenda => words::agenda(language, &facts.agenda),
            Self::Link => one_line(&facts.url),
            Self::Code => one_line(&facts.code),
            Self::Reason => or_nothing(&facts.reason),
            Self::Contact => facts.contact.as_ref().map(contact).unwrap_or_default(),
        }
    }
}

/// What all of them tell.
pub(super) fn values(facts: &Facts) -> Vec<(Placeholder, String)> {
    let all = Placeholder::ALL.iter();
    all.map(|name| (*name, name.value(facts))).collect()
}

fn contact(contact: &Contact) -> String {
    let Contact { name, phone, email } = contact;
    let said = [name, phone, email].map(|text| one_line(text));
    let said: Vec<_> = said.into_iter().filter(|text| !text.is_empty()).collect();
    said.join(" – ")
}
