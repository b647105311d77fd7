//! Invitations: how it stands with each site that a booking invites.
//!
//! A site is invited if its row names the audience that the booking invites. A row for each site of it is
//! made before it is first asked for ([`Store::enrol`]); what a site was told and has replied outlives that
//! it is not invited for a while.

mod enrol;
mod link;
mod send;
mod telling;
mod withdraw;

use std::collections::HashMap;

use jiff::Timestamp;

use super::Store;
use super::backend::{Query, Row, query};
use super::error::StoreError;
use super::rows::parse;
use super::sites::push_within;
use crate::booking::AudienceHash;
use crate::ids::{BookingId, SiteCode};
use crate::invitations::{InvitationState, Reply, ReplyKind};
use crate::sites::{Level, MAX_DEPTH};

pub use link::{Entered, EnteredBy, Invited, Reissued};
pub use send::{AT_ONCE, Addressee, Sending, Sent};
pub use telling::Addressed;
pub(super) use withdraw::withdraw;

/// The table, with the mail that was asked for last, and the site as the directory knows it.
macro_rules! from {
    () => {
        " FROM invitations AS i LEFT JOIN mails ON mails.id = i.mail \
         LEFT JOIN sites ON sites.code = i.site "
    };
}

/// How it stands with an invitation. A mail of which nothing is known any more was sent long ago.
macro_rules! state {
    () => {
        "CASE WHEN i.opened_at IS NOT NULL AND (i.asked_at IS NULL OR i.opened_at >= i.asked_at) \
         THEN 'opened' \
         WHEN mails.state IN ('waiting', 'sending') THEN 'queued' \
         WHEN mails.state IN ('refused', 'given_up') THEN 'refused' \
         WHEN mails.state = 'dropped' AND i.told IS NULL THEN 'not_sent' \
         WHEN i.mail IS NOT NULL THEN 'sent' ELSE 'not_sent' END"
    };
}

/// The notice that a site was told last.
macro_rules! told {
    () => {
        "CASE WHEN i.mail IS NOT NULL AND COALESCE(mails.state, 'sent') = 'sent' \
         THEN i.asked ELSE i.told END"
    };
}

pub(super) use {from, state, told};

/// What those who are invited are to be told by now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Newest {
    /// The notice: whoever was told at an earlier one must be told again.
    pub notice: u32,
    /// When the last day is over.
    pub ends_at: Timestamp,
}

/// Which invitations.
#[derive(Clone, Debug)]
pub struct InvitationFilter {
    /// Of this booking.
    pub booking: BookingId,
    /// Which invites these.
    pub audience: AudienceHash,
    /// Whoever was told at an earlier notice must be told again; nobody if there is none.
    pub newest: Option<u32>,
    /// Only of this site and those below it: as far as somebody may see.
    pub within: Option<SiteCode>,
    /// Only of this site and those below it: as was asked for.
    pub below: Option<SiteCode>,
    /// Only those that stand so.
    pub state: Option<InvitationState>,
    /// Those behind this one.
    pub after: Option<SiteCode>,
}

/// How it stands with one site that is invited.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvitationRow {
    /// The site.
    pub site: SiteCode,
    /// Its name; its code if it is not known any more.
    pub name: String,
    /// Its province.
    pub province: Option<SiteCode>,
    /// How it stands.
    pub state: InvitationState,
    /// Whether it was ever written to.
    pub is_by_mail: bool,
    /// Whether it was told of something that has changed since.
    pub must_be_told_again: bool,
    /// What it has replied.
    pub reply: Option<Reply>,
    /// How often its link was issued: from which its code follows.
    pub generation: u32,
    /// The hash of its code, as it was noted last.
    pub(super) code: String,
}

/// How many invitations stand how.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tally {
    /// In this state,
    pub state: InvitationState,
    /// with this reply,
    pub reply: Option<ReplyKind>,
    /// told of something that has changed since, or not:
    pub must_be_told_again: bool,
    /// so many.
    pub count: u64,
}

impl Store {
    /// What those whom a booking invites are to be told by now; nothing if it is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_notice(
        &self,
        booking: &BookingId,
        now: Timestamp,
    ) -> Result<Option<Newest>, StoreError> {
        let row = query(
            "SELECT MAX(notice) AS notice, MAX(ends_at) AS ends_at FROM occurrences \
             WHERE booking = $1 AND ends_at > $2 AND state <> 'draft'",
        )
        .bind(booking.as_str())
        .bind(now.as_second())
        .fetch_one(&self.reader)
        .await?;
        let notice: Option<i64> = row.try_get("notice")?;
        notice
            .map(|notice| {
                Ok(Newest {
                    notice: number(notice),
                    ends_at: super::occurrences::second(&row, "ends_at")?,
                })
            })
            .transpose()
    }

    /// Invitations, by the codes of their sites: at most so many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn invitations(
        &self,
        filter: &InvitationFilter,
        limit: u32,
    ) -> Result<Vec<InvitationRow>, StoreError> {
        let mut list = query(concat!(
            "SELECT i.*, sites.name AS name, sites.level AS level, sites.parent_code AS parent, ",
            state!(),
            " AS state, ",
            told!(),
            " AS told_last",
            from!(),
        ));
        filter.push(&mut list);
        list.push(" ORDER BY i.site LIMIT ")
            .push_bind(i64::from(limit));
        let found = list.fetch_all(&self.reader).await?;
        let provinces = self.provinces_of(&found).await?;
        let row = |row| invitation(row, filter.newest, &provinces);
        found.iter().map(row).collect()
    }

    /// How many invitations stand how; `state` and `after` of the filter count for nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tally_invitations(
        &self,
        filter: &InvitationFilter,
    ) -> Result<Vec<Tally>, StoreError> {
        let mut tally = query(concat!(
            "SELECT state, reply, again, COUNT(*) AS count FROM (SELECT ",
            state!(),
            " AS state, i.reply AS reply, CASE WHEN ",
            told!(),
            " < "
        ));
        tally.push_bind(filter.newest.map_or(0, i64::from));
        tally.push(concat!(
            " THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS again",
            from!()
        ));
        let counted = InvitationFilter {
            state: None,
            after: None,
            ..filter.clone()
        };
        counted.push(&mut tally);
        tally.push(") AS each_one GROUP BY state, reply, again ORDER BY state, reply, again");
        let rows = tally.fetch_all(&self.reader).await?;
        let tallied = |row: &Row| {
            let reply: Option<&str> = row.try_get("reply")?;
            Ok(Tally {
                state: parse(row.try_get("state")?)?,
                reply: reply.map(parse).transpose()?,
                must_be_told_again: row.try_get::<i64>("again")? != 0,
                count: row.try_get::<i64>("count")?.unsigned_abs(),
            })
        };
        rows.iter().map(tallied).collect()
    }

    /// The provinces of sites that have a level and a parent, without reading the whole list.
    async fn provinces_of(&self, rows: &[Row]) -> Result<HashMap<SiteCode, SiteCode>, StoreError> {
        let mut found = HashMap::new();
        // Whose province is asked for, and the site above it that was reached.
        let mut climbing: Vec<(SiteCode, SiteCode)> = Vec::new();
        for row in rows {
            let code: SiteCode = parse(row.try_get("site")?)?;
            match step(row, &code)? {
                Step::Province(province) => drop(found.insert(code, province)),
                Step::Above(above) => climbing.push((code, above)),
                Step::None => {}
            }
        }
        for _ in 0..MAX_DEPTH {
            if climbing.is_empty() {
                break;
            }
            let mut above =
                query("SELECT code, level, parent_code AS parent FROM sites WHERE code IN ");
            above.push_list(climbing.iter().map(|(_, above)| above.as_str().into()));
            let mut steps = HashMap::new();
            for row in &above.fetch_all(&self.reader).await? {
                let code: SiteCode = parse(row.try_get("code")?)?;
                steps.insert(code.clone(), step(row, &code)?);
            }
            for (site, at) in std::mem::take(&mut climbing) {
                match steps.get(&at) {
                    Some(Step::Province(province)) => drop(found.insert(site, province.clone())),
                    Some(Step::Above(above)) => climbing.push((site, above.clone())),
                    Some(Step::None) | None => {}
                }
            }
        }
        Ok(found)
    }
}

impl InvitationFilter {
    fn push<'q>(&'q self, query: &mut Query<'q>) {
        query
            .push(" WHERE i.booking = ")
            .push_bind(self.booking.as_str());
        query
            .push(" AND i.audience = ")
            .push_bind(self.audience.as_str());
        for within in self.within.iter().chain(&self.below) {
            query.push(" AND i.site IN (");
            push_within(query, within);
            query.push(")");
        }
        if let Some(state) = self.state {
            query.push(concat!(" AND ", state!(), " = "));
            query.push_bind(state.to_string());
        }
        if let Some(after) = &self.after {
            query.push(" AND i.site > ").push_bind(after.as_str());
        }
    }
}

/// What is known of a site's province from its own row.
enum Step {
    Province(SiteCode),
    Above(SiteCode),
    None,
}

fn step(row: &Row, code: &SiteCode) -> Result<Step, StoreError> {
    let (level, parent): (Option<&str>, Option<&str>) =
        (row.try_get("level")?, row.try_get("parent")?);
    let level: Option<Level> = level.map(parse).transpose()?;
    let parent: Option<SiteCode> = parent.map(parse).transpose()?;
    Ok(match (level, parent) {
        (Some(Level::Province), _) => Step::Province(code.clone()),
        // It is below its own even where that is not known.
        (Some(Level::Commune), Some(parent)) => Step::Province(parent),
        (Some(Level::School | Level::Hospital | Level::Company | Level::Place), Some(parent)) => {
            Step::Above(parent)
        }
        (Some(_) | None, _) => Step::None,
    })
}

fn invitation(
    row: &Row,
    newest: Option<u32>,
    provinces: &HashMap<SiteCode, SiteCode>,
) -> Result<InvitationRow, StoreError> {
    let site: SiteCode = parse(row.try_get("site")?)?;
    let name: Option<String> = row.try_get("name")?;
    let told: Option<i64> = row.try_get("told_last")?;
    let mail: Option<&str> = row.try_get("mail")?;
    Ok(InvitationRow {
        name: name.unwrap_or_else(|| site.to_string()),
        province: provinces.get(&site).cloned(),
        state: parse(row.try_get("state")?)?,
        is_by_mail: mail.is_some(),
        must_be_told_again: is_outdated(told, newest),
        reply: reply(row)?,
        generation: number(row.try_get("generation")?),
        code: row.try_get("code")?,
        site,
    })
}

/// Whether somebody was told at an earlier notice than the newest.
pub(super) fn is_outdated(told: Option<i64>, newest: Option<u32>) -> bool {
    let newest = newest.map(i64::from);
    told.zip(newest).is_some_and(|(told, newest)| told < newest)
}

pub(super) fn reply(row: &Row) -> Result<Option<Reply>, StoreError> {
    let is: Option<&str> = row.try_get("reply")?;
    let Some(is) = is else { return Ok(None) };
    let count: Option<i64> = row.try_get("people")?;
    let at: Option<i64> = row.try_get("replied_at")?;
    Ok(Some(Reply {
        is: parse(is)?,
        reason: row.try_get("reason")?,
        who: row.try_get("who")?,
        count: count.map(number),
        at: Timestamp::from_second(at.unwrap_or_default())
            .map_err(|error| StoreError::Unreadable(error.to_string()))?,
    }))
}

pub(super) fn number(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
