//! What is found by the code of an invitation's link, and what is done with it.

use jiff::Timestamp;
use serde_json::json;

use super::super::Store;
use super::super::backend::{Connection, On, Row, query};
use super::super::error::StoreError;
use super::super::journal;
use super::super::rows::parse;
use super::super::tokens::{insert, revoked_token, token_row};
use super::enrol::invites;
use super::{from, number, reply, told};
use crate::auth::{CodeHash, CodeKey, LinkCode, RevokedToken, SecretHash};
use crate::booking::AudienceHash;
use crate::ids::{BookingId, ConferenceId, SiteCode};
use crate::invitations::Reply;
use crate::store::TokenRow;

/// To whom a code belongs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invited {
    /// To what the site is invited.
    pub booking: BookingId,
    /// The site.
    pub site: SiteCode,
    /// Whether it still is.
    pub is_invited: bool,
    /// Whom the booking invited when that was looked at.
    pub audience: AudienceHash,
    /// The notice that it was told last.
    pub told: Option<u32>,
    /// What it has replied.
    pub reply: Option<Reply>,
    /// Whether the office does not know yet that its page was opened.
    pub is_news: bool,
}

/// Somebody who wants to come in by the link of an invitation.
#[derive(Clone, Debug)]
pub struct EnteredBy {
    /// The code.
    pub code: CodeHash,
    /// The browser.
    pub device: SecretHash,
    /// In how many browsers the link is good.
    pub devices: u32,
    /// Whom the booking invited when it was looked at whether the site is among them.
    pub audience: AudienceHash,
    /// Into which conference.
    pub conference: ConferenceId,
    /// The token that is given unless there is one that is good until `until`.
    pub token: TokenRow,
    /// See `token`.
    pub until: Timestamp,
}

/// What came of that.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Entered {
    /// There is no such link.
    Unknown,
    /// It was opened in as many other browsers as it may be.
    Elsewhere,
    /// The booking invites others by now: perhaps not this site.
    Changed,
    /// It stands for this token, which may have been taken back.
    Token(TokenRow),
}

/// A link that was issued anew.
#[derive(Clone, Debug)]
pub struct Reissued {
    /// The code of the new one.
    pub code: LinkCode,
    /// The tokens of the one before.
    pub revoked: Vec<RevokedToken>,
}

impl Store {
    /// To whom a code belongs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn invited_by(&self, code: &CodeHash) -> Result<Option<Invited>, StoreError> {
        let row = query(concat!(
            "SELECT i.*, ",
            told!(),
            " AS told_last, bookings.audience AS invites, bookings.enrolled AS enrolled",
            from!(),
            "JOIN bookings ON bookings.id = i.booking WHERE i.code = $1"
        ))
        .bind(code.as_str())
        .fetch_optional(&self.reader)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let site: SiteCode = parse(row.try_get("site")?)?;
        let told: Option<i64> = row.try_get("told_last")?;
        let (opened_at, asked_at): (Option<i64>, Option<i64>) =
            (row.try_get("opened_at")?, row.try_get("asked_at")?);
        Ok(Some(Invited {
            booking: parse(row.try_get("booking")?)?,
            is_invited: self.is_invited(&row, &site).await?,
            audience: parse(row.try_get("invites")?)?,
            told: told.map(number),
            reply: reply(&row)?,
            is_news: opened_at.is_none_or(|opened| asked_at.is_some_and(|asked| opened < asked)),
            site,
        }))
    }

    /// Whether a booking invites the site of a row, whose audience may have changed since it was looked at.
    pub(super) async fn is_invited(&self, row: &Row, site: &SiteCode) -> Result<bool, StoreError> {
        let invites: &str = row.try_get("invites")?;
        if row.try_get::<&str>("audience")? == invites {
            return Ok(true);
        }
        if row.try_get::<Option<&str>>("enrolled")? == Some(invites) {
            return Ok(false);
        }
        let hash: AudienceHash = parse(invites)?;
        let codes = self.audience_codes(&hash).await?;
        Ok(codes.binary_search(site).is_ok())
    }

    /// Notes that the page behind a link was opened.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_opened(&self, code: &CodeHash, now: Timestamp) -> Result<(), StoreError> {
        let code = code.clone();
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    query("UPDATE invitations SET opened_at = $2 WHERE code = $1")
                        .bind(code.as_str())
                        .bind(now.as_millisecond())
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Keeps what a site replies. False if the code is not good any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_reply(&self, code: &CodeHash, given: Reply) -> Result<bool, StoreError> {
        let code = code.clone();
        let kept = self
            .writer
            .write(move |connection| Box::pin(keep_reply(connection, code, given)));
        let is_kept = kept.await?;
        self.note_growth();
        Ok(is_kept)
    }

    /// Lets a browser come in by the link of an invitation, and gives its token: the same one each time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enter_by(&self, entering: EnteredBy) -> Result<Entered, StoreError> {
        // Read first: strangers who try codes shall not make those wait who have something to write.
        let known = query(
            "SELECT 1 AS known FROM invitations AS i JOIN invitation_devices AS d \
             ON d.booking = i.booking AND d.site = i.site WHERE i.code = $1 AND d.device = $2",
        )
        .bind(entering.code.as_str())
        .bind(entering.device.to_hex())
        .fetch_optional(&self.reader)
        .await?;
        if known.is_some()
            && let Some(token) = token_of(&self.reader, &entering).await?
            && (token.revoked_at.is_some() || token.expires_at >= entering.until)
        {
            return Ok(Entered::Token(token));
        }
        self.writer
            .write(move |connection| Box::pin(enter(connection, entering)))
            .await
    }

    /// Issues the link of a site anew: the one before is dead, and its tokens are taken back. `None` if the
    /// site is not invited.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reissue(
        &self,
        booking: &BookingId,
        site: &SiteCode,
        codes: &CodeKey,
        (by, now): (&str, Timestamp),
    ) -> Result<Option<Reissued>, StoreError> {
        let (booking, site, codes) = (booking.clone(), site.clone(), codes.clone());
        let by = by.to_owned();
        let reissued = self.writer.write(move |connection| {
            Box::pin(async move { reissue(connection, (booking, site), &codes, (&by, now)).await })
        });
        let reissued = reissued.await?;
        self.note_growth();
        Ok(reissued)
    }
}

async fn keep_reply(
    connection: &mut Connection,
    code: CodeHash,
    given: Reply,
) -> Result<bool, StoreError> {
    let row = query("SELECT * FROM invitations WHERE code = $1")
        .bind(code.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(false) };
    let before = reply(&row)?;
    let (booking, site): (String, String) = (row.try_get("booking")?, row.try_get("site")?);
    let is_same = before.is_some_and(|before| {
        Reply {
            at: given.at,
            ..before
        } == given
    });
    query(
        "UPDATE invitations SET reply = $2, reason = $3, who = $4, people = $5, replied_at = $6 \
         WHERE code = $1",
    )
    .bind(code.as_str())
    .bind(given.is.to_string())
    .bind(given.reason.clone())
    .bind(given.who.clone())
    .bind(given.count.map(i64::from))
    .bind(given.at.as_second())
    .execute(&mut *connection)
    .await?;
    if !is_same {
        let at = given.at;
        let event = json!({ "kind": "invitationReplied", "booking": booking, "site": site, "reply": given });
        journal::note(connection, at, &event).await?;
    }
    Ok(true)
}

async fn token_of(
    on: impl Into<On<'_>>,
    entering: &EnteredBy,
) -> Result<Option<TokenRow>, StoreError> {
    let row = query(
        "SELECT tokens.* FROM invitations AS i JOIN invitation_tokens AS t \
         ON t.booking = i.booking AND t.site = i.site JOIN tokens ON tokens.id = t.token \
         WHERE i.code = $1 AND t.conference = $2 AND tokens.role IS NOT NULL",
    )
    .bind(entering.code.as_str())
    .bind(entering.conference.as_str())
    .fetch_optional(on)
    .await?;
    row.as_ref().map(token_row).transpose()
}

async fn enter(connection: &mut Connection, entering: EnteredBy) -> Result<Entered, StoreError> {
    let row = query("SELECT booking, site FROM invitations WHERE code = $1")
        .bind(entering.code.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else {
        return Ok(Entered::Unknown);
    };
    let (booking, site): (String, String) = (row.try_get("booking")?, row.try_get("site")?);
    let id: BookingId = parse(&booking)?;
    if !invites(connection, &id, &entering.audience).await? {
        return Ok(Entered::Changed);
    }
    let now = entering.token.issued_at.as_second();
    // What the browser has asked for twice at the same time is done once.
    let has_place = query(
        "INSERT INTO invitation_devices (booking, site, device, opened_at) SELECT $1, $2, $3, $4 \
         WHERE (SELECT COUNT(*) FROM invitation_devices WHERE booking = $1 AND site = $2 \
         AND device <> $3) < $5 ON CONFLICT (booking, site, device) DO UPDATE \
         SET opened_at = invitation_devices.opened_at",
    )
    .bind(&booking)
    .bind(&site)
    .bind(entering.device.to_hex())
    .bind(now)
    .bind(i64::from(entering.devices))
    .execute(&mut *connection)
    .await?;
    if has_place == 0 {
        return Ok(Entered::Elsewhere);
    }
    if let Some(token) = token_of(&mut *connection, &entering).await?
        && (token.revoked_at.is_some() || token.expires_at >= entering.until)
    {
        return Ok(Entered::Token(token));
    }
    let token = entering.token;
    insert(std::slice::from_ref(&token))
        .execute(&mut *connection)
        .await?;
    query(
        "INSERT INTO invitation_tokens (booking, site, conference, token) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (booking, site, conference) DO UPDATE SET token = excluded.token",
    )
    .bind(&booking)
    .bind(&site)
    .bind(entering.conference.as_str())
    .bind(token.id.as_str())
    .execute(connection)
    .await?;
    Ok(Entered::Token(token))
}

async fn reissue(
    connection: &mut Connection,
    (booking, site): (BookingId, SiteCode),
    codes: &CodeKey,
    (by, now): (&str, Timestamp),
) -> Result<Option<Reissued>, StoreError> {
    let row = query(
        "SELECT i.generation FROM invitations AS i JOIN bookings ON bookings.id = i.booking \
         AND bookings.audience = i.audience WHERE i.booking = $1 AND i.site = $2",
    )
    .bind(booking.as_str())
    .bind(site.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let generation = number(row.try_get("generation")?).saturating_add(1);
    let code = codes.code(&booking, &site, generation);
    query(
        "UPDATE invitations SET generation = $3, code = $4, opened_at = NULL \
         WHERE booking = $1 AND site = $2",
    )
    .bind(booking.as_str())
    .bind(site.as_str())
    .bind(i64::from(generation))
    .bind(code.hash().as_str())
    .execute(&mut *connection)
    .await?;
    let rows = query(
        "UPDATE tokens SET revoked_at = COALESCE(revoked_at, $3) WHERE id IN \
         (SELECT token FROM invitation_tokens WHERE booking = $1 AND site = $2) \
         RETURNING id, expires_at, revoked_for",
    )
    .bind(booking.as_str())
    .bind(site.as_str())
    .bind(now.as_second())
    .fetch_all(&mut *connection)
    .await?;
    let revoked = rows.iter().map(revoked_token);
    let revoked = revoked.collect::<Result<_, StoreError>>()?;
    for forget in [
        "DELETE FROM invitation_tokens WHERE booking = $1 AND site = $2",
        "DELETE FROM invitation_devices WHERE booking = $1 AND site = $2",
    ] {
        query(forget)
            .bind(booking.as_str())
            .bind(site.as_str())
            .execute(&mut *connection)
            .await?;
    }
    let event = json!({ "kind": "invitationReissued", "booking": booking, "site": site, "by": by });
    journal::note(connection, now, &event).await?;
    Ok(Some(Reissued { code, revoked }))
}
