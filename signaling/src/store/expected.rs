//! Which sites are still expected somewhere: what may not be taken off the list.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::Store;
use super::backend::query;
use super::error::StoreError;
use super::rows::parse;
use crate::conference::Roster;
use crate::ids::{ConferenceId, SiteCode};

/// The event that says who is expected, as far as it is read here.
#[derive(Deserialize)]
struct RosterSet {
    roster: Roster,
}

impl Store {
    /// Every site that a conference which has not ended expects, with one such conference. Rosters are
    /// read one after the other: a year's calendar is never in memory at once.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn expected_sites(
        &self,
    ) -> Result<HashMap<SiteCode, ConferenceId>, StoreError> {
        let last = query(
            "SELECT conference, MAX(seq) AS seq FROM events WHERE kind = 'rosterSet' \
             AND conference IN (SELECT id FROM conferences \
                                WHERE state <> 'ended' AND deleted_at IS NULL) \
             GROUP BY conference ORDER BY conference",
        )
        .fetch_all(&self.reader)
        .await?;
        let mut expected = HashMap::new();
        for row in last {
            let conference: ConferenceId = parse(row.try_get("conference")?)?;
            let seq: i64 = row.try_get("seq")?;
            let row = query("SELECT body FROM events WHERE conference = $1 AND seq = $2")
                .bind(conference.as_str())
                .bind(seq)
                .fetch_one(&self.reader)
                .await?;
            let body: &str = row.try_get("body")?;
            let RosterSet { roster } = serde_json::from_str(body)
                .map_err(|error| StoreError::Unreadable(format!("{conference}: {error}")))?;
            for (code, _) in roster.sites() {
                expected
                    .entry(code.clone())
                    .or_insert_with(|| conference.clone());
            }
        }
        // What is booked: by the time of the server's last sign of life.
        let now = self.up_until().await?.unwrap_or(Timestamp::MIN);
        for (hash, conference) in self.audiences_to_come(now).await? {
            for code in self.audience(&hash).await?.codes() {
                expected
                    .entry(code.clone())
                    .or_insert_with(|| conference.clone());
            }
        }
        Ok(expected)
    }
}
