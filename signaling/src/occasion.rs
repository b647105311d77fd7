//! What is known of that to which a site is invited, with the names of places and people: told by mail, on
//! the page behind the link, on paper and to calendars.

use jiff::{Timestamp, Zoned};

use crate::auth::LinkCode;
use crate::booking::{Booking, Chair, Document};
use crate::ids::{AccountId, BookingId, SiteCode};
use crate::invitations::{self, Said, Stands};
use crate::inviting::short_link;
use crate::sites::Site;
use crate::store::{Booked, Store, StoreError};

/// To what a site is invited.
#[derive(Clone, Debug)]
pub(crate) struct Occasion {
    pub(crate) booking: Booking,
    /// All of its days, the first first; at least one.
    pub(crate) days: Vec<Booked>,
    /// The one that matters now: its place among them.
    pub(crate) now: usize,
    /// How it stands with that one.
    pub(crate) stands: Stands,
    /// The name of the hall from which that one is held.
    pub(crate) hall: Option<String>,
    /// Who leads it.
    pub(crate) chair: Option<String>,
    pub(crate) agenda: Vec<Topic>,
}

/// Something that is spoken of.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) title: String,
    pub(crate) minutes: u32,
    /// The name of the site that speaks of it.
    pub(crate) speaker: Option<String>,
    pub(crate) documents: Vec<Document>,
}

impl Occasion {
    /// That of a booking at this moment; `None` if there is none.
    pub(crate) async fn of(
        store: &Store,
        booking: &BookingId,
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let Some(booking) = store.booking(booking).await? else {
            return Ok(None);
        };
        let days = store.booked_days(&booking.id).await?;
        let Some((at, stands)) = invitations::current(&days, now) else {
            return Ok(None);
        };
        let hall = days.get(at).and_then(|booked| booked.day.hall.clone());
        let hall = match hall {
            Some(code) => Some(name_of(store, &code).await?),
            None => None,
        };
        let mut agenda = Vec::with_capacity(booking.details.agenda.len());
        for item in &booking.details.agenda {
            let speaker = match &item.speaker {
                Some(code) => Some(name_of(store, code).await?),
                None => None,
            };
            agenda.push(Topic {
                title: item.title.clone(),
                minutes: item.minutes,
                speaker,
                documents: item.documents.clone(),
            });
        }
        let chair = match &booking.details.chair {
            Some(chair) => name_of_chair(store, chair).await?,
            None => None,
        };
        Ok(Some(Self {
            booking,
            days,
            now: at,
            stands,
            hall,
            chair,
            agenda,
        }))
    }

    /// What its entry in a calendar says besides the times, to whoever has this code.
    pub(crate) fn said(&self, base_url: &str, code: &LinkCode) -> Said {
        let server = base_url
            .split_once("://")
            .map_or(base_url, |(_, rest)| rest);
        let url = short_link(base_url, &code.reveal());
        let mut lines: Vec<_> = self.chair.iter().cloned().collect();
        let topics = self.agenda.iter().enumerate();
        lines.extend(topics.map(|(index, topic)| {
            let speaker = topic.speaker.as_ref();
            let speaker = speaker.map(|name| format!(" – {name}"));
            let number = index + 1;
            format!("{number}. {}{}", topic.title, speaker.unwrap_or_default())
        }));
        lines.push(url.clone());
        Said {
            server: server.to_owned(),
            description: lines.join("\n"),
            location: self.hall.clone().unwrap_or_default(),
            url,
            ..Said::default()
        }
    }

    /// The day that matters now.
    pub(crate) fn day(&self) -> Option<&Booked> {
        self.days.get(self.now)
    }
}

/// By the clocks by which it is announced.
pub(crate) fn in_zone(at: Timestamp, zone: &str) -> Zoned {
    at.in_tz(zone)
        .unwrap_or_else(|_| at.to_zoned(jiff::tz::TimeZone::UTC))
}

async fn name_of(store: &Store, code: &SiteCode) -> Result<String, StoreError> {
    let site: Option<Site> = store.site(code).await?;
    Ok(site.map_or_else(|| code.to_string(), |site| site.name))
}

async fn name_of_chair(store: &Store, chair: &Chair) -> Result<Option<String>, StoreError> {
    if let Some(name) = &chair.name {
        return Ok(Some(name.clone()));
    }
    let id = chair.account.as_deref();
    let Some(id) = id.and_then(|id| id.parse::<AccountId>().ok()) else {
        return Ok(None);
    };
    Ok(store.account(id).await?.map(|account| account.name))
}
