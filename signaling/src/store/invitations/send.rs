//! Queueing the mails of a booking: some sites at a time, each with what is noted of it in one transaction.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::super::Store;
use super::super::backend::{Connection, Row, query};
use super::super::error::StoreError;
use super::super::journal;
use super::super::mail::{NewMail, Queued, queue};
use super::super::rows::parse;
use super::enrol::invites;
use super::{from, number, state, told};
use crate::booking::AudienceHash;
use crate::ids::{BookingId, MailId, SiteCode};
use crate::invitations::Whom;

/// How many sites are looked at in one transaction. Higher: fewer of them. Lower: others wait less.
pub const AT_ONCE: usize = 250;

/// Whoever was sent the same so lately is not sent it again: somebody has clicked twice. Higher: who really
/// wants it twice has to wait. Lower: a mail that leaves at once comes twice.
const LATELY: SignedDuration = SignedDuration::from_secs(60);

/// Mails to some of those whom a booking invites.
#[derive(Clone, Debug)]
pub struct Sending {
    /// The booking.
    pub booking: BookingId,
    /// Whom it invites, as far as whoever asks knows.
    pub audience: AudienceHash,
    /// The notice that they are to tell.
    pub notice: u32,
    /// Only to those who were told of it before.
    pub only_told: bool,
    /// To whom. Of sites that are named at most [`AT_ONCE`].
    pub whom: Whom,
    /// To those behind this one.
    pub after: Option<SiteCode>,
    /// Who sends them.
    pub by: String,
    /// When.
    pub now: Timestamp,
}

/// Somebody who is to get a mail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Addressee {
    /// The site.
    pub site: SiteCode,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// How many mails it was sent before.
    pub sends: u32,
}

/// What came of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sent {
    /// So many mails wait now.
    pub queued: u32,
    /// So many sites have no address.
    pub without_address: u32,
    /// The last site that was looked at, if there are more.
    pub last: Option<SiteCode>,
    /// Whether too many mails wait: none was taken.
    pub is_full: bool,
    /// Whether the booking invites others by now: none was taken.
    pub is_stale: bool,
}

/// What has to be known of a site before it is sent a mail.
struct Found {
    site: SiteCode,
    name: Option<String>,
    address: Option<String>,
    code: String,
    generation: i64,
    sends: i64,
    told: Option<i64>,
    asked: Option<i64>,
    asked_at: Option<i64>,
    mail_state: Option<String>,
}

impl Store {
    /// Queues mails to some of those who are invited, with what is noted of each, all or none; `write` says
    /// what is sent, or that there is no address. To whom a mail is under way nothing is sent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn send_invitations<W>(&self, sending: Sending, write: W) -> Result<Sent, StoreError>
    where
        W: Fn(&Addressee) -> Option<NewMail> + Send + Sync + 'static,
    {
        let sent = self.writer.write(move |connection| {
            Box::pin(async move { send(connection, &sending, &write).await })
        });
        let sent = sent.await?;
        if sent.queued > 0 {
            self.note_growth();
        }
        Ok(sent)
    }
}

async fn send(
    connection: &mut Connection,
    sending: &Sending,
    write: &(dyn Fn(&Addressee) -> Option<NewMail> + Send + Sync),
) -> Result<Sent, StoreError> {
    if !invites(connection, &sending.booking, &sending.audience).await? {
        return Ok(Sent {
            is_stale: true,
            ..Sent::default()
        });
    }
    let found = find(connection, sending).await?;
    let mut sent = Sent {
        last: found.last().map(|found| found.site.clone()),
        ..Sent::default()
    };
    if found.len() < AT_ONCE {
        sent.last = None;
    }
    let (mut told, mut mails) = (Vec::new(), Vec::new());
    for found in found {
        if found.is_under_way(sending) {
            continue;
        }
        let mail = found.addressee().and_then(|to| write(&to));
        match mail {
            Some(mail) => {
                told.push((found, mail.id));
                mails.push(mail);
            }
            None => sent.without_address = sent.without_address.saturating_add(1),
        }
    }
    if mails.is_empty() {
        return Ok(sent);
    }
    if queue(connection, mails, false, sending.now).await? == Queued::Full {
        return Ok(Sent {
            is_full: true,
            ..Sent::default()
        });
    }
    note(connection, sending, &told).await?;
    sent.queued = u32::try_from(told.len()).unwrap_or(u32::MAX);
    Ok(sent)
}

async fn find(connection: &mut Connection, sending: &Sending) -> Result<Vec<Found>, StoreError> {
    let mut find = query(concat!(
        "SELECT i.*, sites.name AS name, \
         CASE WHEN sites.hidden = 0 THEN sites.contact_email END AS address, \
         mails.state AS mail_state, ",
        told!(),
        " AS told_last",
        from!(),
        " WHERE i.booking = "
    ));
    find.push_bind(sending.booking.as_str());
    find.push(" AND i.audience = ")
        .push_bind(sending.audience.as_str());
    match &sending.whom {
        Whom::Sites(sites) => {
            find.push(" AND i.site IN ")
                .push_list(sites.iter().map(|site| site.as_str().into()));
        }
        Whom::States(states) => {
            find.push(concat!(" AND ", state!(), " IN "))
                .push_list(states.iter().map(|state| state.to_string().into()));
        }
        Whom::MustBeToldAgain => {
            find.push(concat!(" AND ", told!(), " < "))
                .push_bind(i64::from(sending.notice));
        }
    }
    if sending.only_told {
        find.push(concat!(" AND ", told!(), " IS NOT NULL"));
    }
    if let Some(after) = &sending.after {
        find.push(" AND i.site > ").push_bind(after.as_str());
    }
    let most = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
    find.push(" ORDER BY i.site LIMIT ").push_bind(most);
    find.fetch_all(connection)
        .await?
        .iter()
        .map(found)
        .collect()
}

fn found(row: &Row) -> Result<Found, StoreError> {
    Ok(Found {
        site: parse(row.try_get("site")?)?,
        name: row.try_get("name")?,
        address: row.try_get("address")?,
        code: row.try_get("code")?,
        generation: row.try_get("generation")?,
        sends: row.try_get("sends")?,
        told: row.try_get("told_last")?,
        asked: row.try_get("asked")?,
        asked_at: row.try_get("asked_at")?,
        mail_state: row.try_get("mail_state")?,
    })
}

impl Found {
    /// Whether what is to be sent is on its way, or has just left. What waits says the newest when its turn
    /// comes.
    fn is_under_way(&self, sending: &Sending) -> bool {
        let tells_it = self.asked >= Some(i64::from(sending.notice));
        let lately = sending.now.saturating_sub(LATELY).unwrap_or(sending.now);
        match self.mail_state.as_deref() {
            Some("waiting") => true,
            Some("sending") => tells_it,
            Some("sent") => tells_it && self.asked_at > Some(lately.as_millisecond()),
            _ => false,
        }
    }

    fn addressee(&self) -> Option<Addressee> {
        let address = self.address.clone().filter(|address| !address.is_empty())?;
        Some(Addressee {
            site: self.site.clone(),
            name: self.name.clone().unwrap_or_default(),
            address,
            sends: number(self.sends),
        })
    }
}

/// Notes of each site which mail it is sent.
async fn note(
    connection: &mut Connection,
    sending: &Sending,
    told: &[(Found, MailId)],
) -> Result<(), StoreError> {
    let mut update = query(
        "INSERT INTO invitations (booking, site, audience, generation, code, mail, asked, asked_at, \
         sends, told)",
    );
    update.push_rows(told.iter().map(|(found, mail)| {
        [
            sending.booking.as_str().into(),
            found.site.as_str().into(),
            sending.audience.as_str().into(),
            found.generation.into(),
            (&found.code).into(),
            mail.to_string().into(),
            i64::from(sending.notice).into(),
            sending.now.as_millisecond().into(),
            found.sends.saturating_add(1).into(),
            found.told.into(),
        ]
    }));
    update.push(
        " ON CONFLICT (booking, site) DO UPDATE SET mail = excluded.mail, asked = excluded.asked, \
         asked_at = excluded.asked_at, sends = excluded.sends, told = excluded.told",
    );
    update.execute(&mut *connection).await?;
    let sites: Vec<_> = told.iter().map(|(found, _)| &found.site).collect();
    let event = json!({
        "kind": "invitationsSent",
        "booking": sending.booking,
        "notice": sending.notice,
        "sites": sites,
        "by": sending.by,
    });
    journal::note(connection, sending.now, &event).await
}
