//! What has to be known of a site when the turn of its mail has come.

use jiff::Timestamp;

use super::super::Store;
use super::super::backend::{Row, query};
use super::super::error::StoreError;
use super::super::rows::parse;
use super::{InvitationRow, from, number, told};
use crate::auth::{CodeKey, LinkCode};
use crate::ids::{BookingId, MailId, SiteCode};

/// A site that is written to.
#[derive(Clone, Debug)]
pub struct Addressed {
    /// Its name.
    pub name: String,
    /// Its address, if it has one and is not kept for the records alone.
    pub address: Option<String>,
    /// The code of its link.
    pub code: LinkCode,
    /// The mail that was asked for last.
    pub mail: Option<MailId>,
    /// The notice that it was told before.
    pub told: Option<u32>,
    /// The notice for which that mail was asked for.
    pub asked: Option<u32>,
    /// The place right above it.
    pub above: Option<SiteCode>,
}

impl Store {
    /// A site that a booking invites, to be written to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn addressed(
        &self,
        booking: &BookingId,
        site: &SiteCode,
        codes: &CodeKey,
    ) -> Result<Option<Addressed>, StoreError> {
        let row = query(concat!(
            "SELECT i.*, sites.name AS name, sites.parent_code AS parent, \
             CASE WHEN sites.hidden = 0 THEN sites.contact_email END AS address, ",
            told!(),
            " AS told_last, bookings.audience AS invites, bookings.enrolled AS enrolled",
            from!(),
            "JOIN bookings ON bookings.id = i.booking WHERE i.booking = $1 AND i.site = $2"
        ))
        .bind(booking.as_str())
        .bind(site.as_str())
        .fetch_optional(&self.reader)
        .await?;
        let Some(row) = row else { return Ok(None) };
        if !self.is_invited(&row, site).await? {
            return Ok(None);
        }
        let generation = number(row.try_get("generation")?);
        let code = codes.code(booking, site, generation);
        self.see_to_code(booking, site, (&code, row.try_get("code")?))
            .await?;
        let (mail, told): (Option<&str>, Option<i64>) =
            (row.try_get("mail")?, row.try_get("told_last")?);
        let name: Option<String> = row.try_get("name")?;
        let (asked, above): (Option<i64>, Option<&str>) =
            (row.try_get("asked")?, row.try_get("parent")?);
        Ok(Some(Addressed {
            name: name.unwrap_or_else(|| site.to_string()),
            address: row.try_get("address")?,
            code,
            mail: mail.map(parse).transpose()?,
            told: told.map(number),
            asked: asked.map(number),
            above: above.map(parse).transpose()?,
        }))
    }

    /// The code of an invitation that is handed out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn code_of(
        &self,
        booking: &BookingId,
        row: &InvitationRow,
        codes: &CodeKey,
    ) -> Result<LinkCode, StoreError> {
        let code = codes.code(booking, &row.site, row.generation);
        self.see_to_code(booking, &row.site, (&code, &row.code))
            .await?;
        Ok(code)
    }

    /// Codes follow from the server's own key: where that is another than when they were noted, those that
    /// are told from now on are good.
    pub(super) async fn see_to_code(
        &self,
        booking: &BookingId,
        site: &SiteCode,
        (code, noted): (&LinkCode, &str),
    ) -> Result<(), StoreError> {
        let hash = code.hash();
        if hash.as_str() == noted {
            return Ok(());
        }
        let (booking, site, noted) = (booking.clone(), site.clone(), noted.to_owned());
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    query(
                        "UPDATE invitations SET code = $3 WHERE booking = $1 AND site = $2 \
                         AND code = $4",
                    )
                    .bind(booking.as_str())
                    .bind(site.as_str())
                    .bind(hash.as_str())
                    .bind(noted)
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Bookings of which days to come are cancelled of which not all were told who were told of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancelled_untold(&self, now: Timestamp) -> Result<Vec<BookingId>, StoreError> {
        let rows = query(
            "SELECT DISTINCT booking FROM occurrences WHERE state = 'cancelled' AND ends_at > $1 \
             AND EXISTS (SELECT 1 FROM invitations WHERE invitations.booking = occurrences.booking \
             AND invitations.asked < occurrences.notice)",
        )
        .bind(now.as_second())
        .fetch_all(&self.reader)
        .await?;
        let id = |row: &Row| parse(row.try_get("booking")?);
        rows.iter().map(id).collect()
    }

    /// Notes that a mail tells a later notice than the one for which it was asked for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_telling(
        &self,
        booking: &BookingId,
        site: &SiteCode,
        mail: MailId,
        notice: u32,
    ) -> Result<(), StoreError> {
        let row = query("SELECT asked FROM invitations WHERE booking = $1 AND site = $2")
            .bind(booking.as_str())
            .bind(site.as_str())
            .fetch_optional(&self.reader)
            .await?;
        let asked: Option<i64> = row.map(|row| row.try_get("asked")).transpose()?.flatten();
        if asked >= Some(i64::from(notice)) {
            return Ok(());
        }
        let (booking, site) = (booking.clone(), site.clone());
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    query(
                        "UPDATE invitations SET asked = $4 WHERE booking = $1 AND site = $2 \
                         AND mail = $3 AND asked < $4",
                    )
                    .bind(booking.as_str())
                    .bind(site.as_str())
                    .bind(mail.to_string())
                    .bind(i64::from(notice))
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }
}
