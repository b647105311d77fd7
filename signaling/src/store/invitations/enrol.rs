//! A row for each site of an audience.

use super::super::Store;
use super::super::backend::{Connection, ROWS_PER_INSERT, query};
use super::super::error::StoreError;
use super::super::rows::parse;
use crate::auth::CodeKey;
use crate::booking::AudienceHash;
use crate::ids::{BookingId, SiteCode};

/// How often it begins again because somebody has changed meanwhile whom the booking invites.
const ATTEMPTS: usize = 5;

impl Store {
    /// Sees to it that each site which a booking invites has its row: some at a time, so that others write
    /// in between, and whatever is there already when it is cut short is not done again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enrol(&self, booking: &BookingId, codes: &CodeKey) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            let row = query("SELECT audience, enrolled FROM bookings WHERE id = $1")
                .bind(booking.as_str())
                .fetch_optional(&self.reader)
                .await?;
            let Some(row) = row else { return Ok(()) };
            let hash: AudienceHash = parse(row.try_get("audience")?)?;
            if row.try_get::<Option<&str>>("enrolled")? == Some(hash.as_str())
                || self.enrol_all(booking, &hash, codes).await?
            {
                return Ok(());
            }
        }
        let busy = "whom the booking invites is being changed by somebody: ask again";
        Err(StoreError::Unreadable(busy.to_owned()))
    }

    /// False if it invites others by now.
    async fn enrol_all(
        &self,
        booking: &BookingId,
        hash: &AudienceHash,
        codes: &CodeKey,
    ) -> Result<bool, StoreError> {
        // It may be gone with the last booking that invited it.
        let Ok(sites) = self.audience_codes(hash).await else {
            return Ok(false);
        };
        for chunk in sites.chunks(ROWS_PER_INSERT) {
            let rows = chunk.iter().map(|site| {
                let code = codes.code(booking, site, 1).hash();
                (site.clone(), code.as_str().to_owned())
            });
            let rows: Vec<(SiteCode, String)> = rows.collect();
            let (booking, hash) = (booking.clone(), hash.clone());
            let written = self.writer.write(move |connection| {
                Box::pin(async move { insert(connection, (&booking, &hash), &rows).await })
            });
            if !written.await? {
                return Ok(false);
            }
        }
        let (booking, hash) = (booking.clone(), hash.clone());
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let done =
                        query("UPDATE bookings SET enrolled = $2 WHERE id = $1 AND audience = $2")
                            .bind(booking.as_str())
                            .bind(hash.as_str())
                            .execute(connection)
                            .await?;
                    Ok(done > 0)
                })
            })
            .await
    }
}

/// Writes rows for sites, each with the hash of its code; false if the booking invites others by now.
async fn insert(
    connection: &mut Connection,
    (booking, hash): (&BookingId, &AudienceHash),
    rows: &[(SiteCode, String)],
) -> Result<bool, StoreError> {
    if !invites(connection, booking, hash).await? {
        return Ok(false);
    }
    let mut insert = query("INSERT INTO invitations (booking, site, audience, generation, code)");
    insert.push_rows(rows.iter().map(|(site, code)| {
        [
            booking.as_str().into(),
            site.as_str().into(),
            hash.as_str().into(),
            1.into(),
            code.into(),
        ]
    }));
    insert.push(" ON CONFLICT (booking, site) DO UPDATE SET audience = excluded.audience");
    insert.execute(connection).await?;
    Ok(true)
}

/// Whether a booking invites this audience.
pub(super) async fn invites(
    connection: &mut Connection,
    booking: &BookingId,
    hash: &AudienceHash,
) -> Result<bool, StoreError> {
    let row = query("SELECT audience FROM bookings WHERE id = $1")
        .bind(booking.as_str())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(false) };
    Ok(row.try_get::<&str>("audience")? == hash.as_str())
}
