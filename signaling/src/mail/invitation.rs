//! The mail that tells a site to what it is invited. What it says is what is so when its turn comes.

use super::content::{Unwritten, paragraphs};
use super::letter::Letter;
use super::party::Party;
use crate::app::Inner;
use crate::booking::Language;
use crate::ids::{BookingId, MailId, SiteCode};
use crate::invitations::Stands;
use crate::inviting::short_link;
use crate::occasion::Occasion;

/// Writes it.
pub(super) async fn compose(
    app: &Inner,
    mail: MailId,
    booking: BookingId,
    site: SiteCode,
) -> Result<Letter, Unwritten> {
    let not_needed = |why: &str| Unwritten::NotNeeded(why.to_owned());
    let now = app.clock.now().wall;
    let codes = app.keys.invitation_codes();
    let addressed = app.store.addressed(&booking, &site, codes).await?;
    let addressed = addressed.ok_or_else(|| not_needed("the site is not invited any more"))?;
    if addressed.mail != Some(mail) {
        return Err(not_needed("a newer mail tells it"));
    }
    let occasion = Occasion::of(&app.store, &booking, now).await?;
    let occasion = occasion.ok_or_else(|| not_needed("there is no such booking any more"))?;
    match occasion.stands {
        Stands::Ahead => {}
        Stands::Cancelled if addressed.told.is_some() => {}
        Stands::Cancelled => return Err(not_needed("it was cancelled before the site was told")),
        Stands::Over => return Err(not_needed("it is over")),
    }
    let newest = app.store.newest_notice(&booking, now).await?;
    if let Some(newest) = newest {
        app.store
            .note_telling(&booking, &site, mail, newest.notice)
            .await?;
    }
    let address = addressed.address.unwrap_or_default();
    let to = Party::new(&addressed.name, &address)?;
    let config = app.config();
    let url = short_link(&config.base_url(app.http), &addressed.code.reveal());
    Ok(plain(&occasion, to, &url))
}

fn plain(occasion: &Occasion, to: Party, url: &str) -> Letter {
    let day = occasion.day().map(|booked| &booked.day);
    let title = day.map_or("", |day| day.title.as_str());
    let at = day.map(|day| day.starts_at.in_tz(&day.zone));
    let at = at.and_then(Result::ok);
    let at = at.map(|at| at.strftime("%H:%M %d/%m/%Y (%Z)").to_string());
    let at = at.unwrap_or_default();
    let is_cancelled = occasion.stands == Stands::Cancelled;
    let (subject, says) = match (occasion.booking.details.language, is_cancelled) {
        (Language::Vi, false) => (format!("Thư mời: {title}"), "Kính mời dự"),
        (Language::Vi, true) => (format!("Hoãn: {title}"), "Không tổ chức"),
        (Language::En, false) => (format!("Invitation: {title}"), "You are invited to"),
        (Language::En, true) => (format!("Cancelled: {title}"), "It does not take place:"),
    };
    let text = format!("{says} {title}.\r\n\r\n{at}\r\n\r\n{url}\r\n");
    Letter {
        to,
        subject,
        html: paragraphs(&text),
        text,
        calendar: None,
    }
}
