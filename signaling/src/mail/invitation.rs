//! The mail that tells a site to what it is invited. What it says is what is so when its turn comes.

use jiff::{Timestamp, Zoned};

use super::content::Unwritten;
use super::desk::Desk;
use super::letter::{Attached, Letter};
use super::party::{Party, Sender};
use crate::app::Inner;
use crate::booking::BookingState;
use crate::calendar::{self, Method};
use crate::ids::{BookingId, SiteCode};
use crate::invitations::{self, Said, Stands};
use crate::inviting::short_link;
use crate::letters::{self, Contact, Facts, Item, LetterKind, Template};
use crate::occasion::{Occasion, in_zone};
use crate::store::{Addressed, QueuedMail};

/// Writes it.
pub(super) async fn compose(
    app: &Inner,
    desk: &mut Desk,
    mail: &QueuedMail,
    (booking, site): (BookingId, SiteCode),
) -> Result<Letter, Unwritten> {
    let not_needed = |why: &str| Unwritten::NotNeeded(why.to_owned());
    let now = app.clock.now().wall;
    let codes = app.keys.invitation_codes();
    let addressed = app.store.addressed(&booking, &site, codes).await?;
    let addressed = addressed.ok_or_else(|| not_needed("the site is not invited any more"))?;
    if addressed.mail != Some(mail.id) {
        return Err(not_needed("a newer mail tells it"));
    }
    let lying = desk.of(&app.store, &booking, (mail.made_at, now)).await?;
    let occasion = lying.occasion.as_ref();
    let occasion = occasion.ok_or_else(|| not_needed("there is no such booking any more"))?;
    let newest = lying.newest.ok_or_else(|| not_needed("it is over"))?;
    let kind = kind(occasion.stands, addressed.told, newest);
    let kind = kind.ok_or_else(|| not_needed("it is over, or was cancelled before it was told"))?;
    if addressed.asked < Some(newest) {
        app.store
            .note_telling(&booking, &site, mail.id, newest)
            .await?;
    }
    let language = occasion.booking.details.language;
    let edited = lying.edited(&app.store, kind, language).await?;
    let contact = match &addressed.above {
        Some(above) => lying.contact(&app.store, above).await?,
        None => None,
    };
    let occasion = lying.occasion.as_ref();
    let writer = Writer {
        app,
        occasion: occasion.ok_or_else(|| not_needed("there is no such booking any more"))?,
        addressed: &addressed,
        site: &site,
        kind,
        now,
    };
    writer.write(edited, contact)
}

/// What is told to somebody who was told at an earlier notice, or never.
fn kind(stands: Stands, told: Option<u32>, newest: u32) -> Option<LetterKind> {
    match (stands, told) {
        (Stands::Over, _) | (Stands::Cancelled, None) => None,
        (Stands::Cancelled, Some(_)) => Some(LetterKind::Cancellation),
        (Stands::Ahead, Some(told)) if told < newest => Some(LetterKind::Change),
        (Stands::Ahead, _) => Some(LetterKind::Invitation),
    }
}

struct Writer<'w> {
    app: &'w Inner,
    occasion: &'w Occasion,
    addressed: &'w Addressed,
    site: &'w SiteCode,
    kind: LetterKind,
    now: Timestamp,
}

impl Writer<'_> {
    fn write(
        self,
        edited: Option<Template>,
        contact: Option<Contact>,
    ) -> Result<Letter, Unwritten> {
        let address = self.addressed.address.clone().unwrap_or_default();
        let to = Party::new(&self.addressed.name, &address)?;
        let facts = self.facts(contact.or_else(|| self.organiser()));
        let facts = facts.ok_or_else(|| Unwritten::NotNeeded("it has no day".to_owned()))?;
        let usual = Template::usual(self.kind, facts.language);
        // Each was judged before it was kept; one that fails nevertheless keeps nobody from being told.
        let edited = edited.and_then(|edited| letters::write(&facts, &edited).ok());
        let text = edited.map_or_else(|| letters::write(&facts, &usual), Ok);
        let text = text.map_err(|problem| Unwritten::NotNeeded(problem.to_string()))?;
        Ok(Letter {
            subject: text.subject,
            text: text.text,
            html: text.html,
            calendar: Some(self.calendar(&to)),
            to,
        })
    }

    fn facts(&self, contact: Option<Contact>) -> Option<Facts> {
        let booked = self.occasion.day()?;
        let (day, booking) = (&booked.day, &self.occasion.booking);
        let minutes = day.ends_at.duration_since(day.starts_at).as_mins();
        let config = self.app.config();
        let code = self.addressed.code.reveal();
        let agenda = self.occasion.agenda.iter().map(|topic| Item {
            title: topic.title.clone(),
            minutes: topic.minutes,
            speaker: topic.speaker.clone(),
        });
        Some(Facts {
            kind: self.kind,
            language: booking.details.language,
            site_name: self.addressed.name.clone(),
            site_code: self.site.to_string(),
            title: day.title.clone(),
            booking_kind: day.kind,
            starts_at: in_zone(day.starts_at, &day.zone),
            duration_minutes: u32::try_from(minutes).unwrap_or_default(),
            next_days: self.next_days(),
            hall: self.occasion.hall.clone(),
            chair: self.occasion.chair.clone(),
            agenda: agenda.collect(),
            url: short_link(&config.base_url(self.app.http), &code),
            code,
            reason: booking.reason.clone(),
            contact,
        })
    }

    /// The days of the series after the one that matters now.
    fn next_days(&self) -> Vec<Zoned> {
        let days = self.occasion.days.iter().skip(self.occasion.now + 1);
        let days = days.filter(|booked| {
            let is_cancelled = self.kind == LetterKind::Cancellation;
            booked.takes_place() != is_cancelled && booked.day.ends_at > self.now
        });
        days.map(|booked| in_zone(booked.day.starts_at, &booked.day.zone))
            .collect()
    }

    /// Whom to ask where no place above the site has a contact.
    fn organiser(&self) -> Option<Contact> {
        let organiser = self.app.config().conferences.organiser.clone();
        (!organiser.is_empty()).then(|| Contact {
            name: organiser,
            ..Contact::default()
        })
    }

    fn calendar(&self, to: &Party) -> Attached {
        let config = self.app.config();
        let base = config.base_url(self.app.http);
        let sender: Option<Sender> = config.mail.from.parse().ok();
        let said = Said {
            organiser: sender.map(|sender| (sender.name(), sender.address().to_string())),
            attendee: Some((self.addressed.name.clone(), to.address().to_string())),
            ..self.occasion.said(&base, &self.addressed.code)
        };
        let booking = &self.occasion.booking;
        let method = match booking.state {
            BookingState::Cancelled => Method::Cancel,
            BookingState::Draft | BookingState::Published => Method::Request,
        };
        let entry = invitations::entry(booking, said);
        Attached {
            method,
            text: calendar::write(method, None, &[entry]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_told_something_else_is_told_of_a_change_and_who_was_told_nothing_of_no_cancellation()
    {
        for (stands, told, wanted) in [
            (Stands::Ahead, None, Some(LetterKind::Invitation)),
            (Stands::Ahead, Some(2), Some(LetterKind::Change)),
            (Stands::Ahead, Some(3), Some(LetterKind::Invitation)),
            (Stands::Cancelled, Some(2), Some(LetterKind::Cancellation)),
            (Stands::Cancelled, None, None),
            (Stands::Over, Some(2), None),
        ] {
            assert_eq!(kind(stands, told, 3), wanted, "{stands:?} {told:?}");
        }
    }
}
