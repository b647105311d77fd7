//! Sites that are invited no more: their tokens are taken back.

use jiff::Timestamp;
use serde_json::json;

use super::super::backend::{Connection, ROWS_PER_INSERT, query};
use super::super::error::StoreError;
use super::super::journal;
use crate::auth::Withdrawn;
use crate::booking::Booking;
use crate::ids::SiteCode;

/// Takes back whatever lets one of these sites into a day of a booking that invites the booking's audience:
/// what its link was exchanged for, and what was made for it by hand. Whoever is invited again exchanges the
/// link anew. A site from which the day is held is expected whomever it invites.
pub(in crate::store) async fn withdraw(
    connection: &mut Connection,
    booking: &Booking,
    removed: &[SiteCode],
) -> Result<(), StoreError> {
    for sites in removed.chunks(ROWS_PER_INSERT) {
        revoke(connection, booking, sites, booking.changed_at).await?;
        let mut forget = query("DELETE FROM invitation_tokens WHERE booking = ");
        forget.push_bind(booking.id.as_str());
        forget.push(" AND site IN ");
        forget.push_list(sites.iter().map(|site| site.as_str().into()));
        forget.execute(&mut *connection).await?;
    }
    if removed.is_empty() {
        return Ok(());
    }
    let event = json!({
        "kind": "invitationsWithdrawn",
        "booking": booking.id,
        "sites": removed,
        "by": booking.changed_by,
    });
    journal::note(connection, booking.changed_at, &event).await
}

async fn revoke(
    connection: &mut Connection,
    booking: &Booking,
    sites: &[SiteCode],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut revoke = query("UPDATE tokens SET revoked_at = ");
    revoke.push_bind(now.as_second());
    revoke.push(", revoked_for = ");
    revoke.push_bind(Withdrawn::NotInvited.to_string());
    revoke.push(" WHERE role = 'site' AND revoked_at IS NULL AND expires_at > ");
    revoke.push_bind(now.as_second());
    revoke.push(
        " AND EXISTS (SELECT 1 FROM occurrences WHERE occurrences.conference = tokens.conference \
         AND (occurrences.hall IS NULL OR occurrences.hall <> tokens.site) \
         AND occurrences.booking = ",
    );
    revoke.push_bind(booking.id.as_str());
    revoke.push(" AND occurrences.audience = ");
    revoke.push_bind(booking.audience.as_str());
    revoke.push(") AND conference IN (SELECT conference FROM occurrences WHERE booking = ");
    revoke.push_bind(booking.id.as_str());
    revoke.push(") AND site IN ");
    revoke.push_list(sites.iter().map(|site| site.as_str().into()));
    revoke.execute(connection).await?;
    Ok(())
}
