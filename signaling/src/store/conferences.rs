//! The list of conferences, a summary of their logs.

use jiff::Timestamp;
use serde::Serialize;

use super::Store;
use super::backend::{Query, Row, query};
use super::chain::{ChainFault, Fault};
use super::error::StoreError;
use super::rows::{parse, unsigned};
use crate::conference::Phase;
use crate::ids::{ConferenceId, SiteCode};

/// A conference in the list of all.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConferenceRow {
    /// Its id.
    pub id: ConferenceId,
    /// What people call it.
    pub title: String,
    /// Whether it runs.
    pub state: Phase,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it should begin.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// Where a log ends, as the list of conferences says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListedHead {
    /// Whose log.
    pub conference: ConferenceId,
    /// Number of the last event.
    pub seq: u64,
    /// Its hash, hexadecimal.
    pub hash: String,
}

impl Store {
    /// Every conference that was not taken back, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conferences(&self) -> Result<Vec<ConferenceRow>, StoreError> {
        let rows = query(
            "SELECT id, title, state, created_at, starts_at, started_at, ended_at \
             FROM conferences WHERE deleted_at IS NULL ORDER BY created_at DESC, id",
        )
        .fetch_all(&self.reader)
        .await?;
        Ok(rows
            .iter()
            .filter_map(|row| self.readable_row(row))
            .collect())
    }

    /// Every conference that runs, or in which somebody was before it has begun.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conferences_in_use(&self) -> Result<Vec<ConferenceId>, StoreError> {
        self.ids(query(
            "SELECT id FROM conferences WHERE state = 'running' OR (state = 'scheduled' AND EXISTS \
             (SELECT 1 FROM events WHERE conference = conferences.id AND kind = 'joined')) \
             ORDER BY id",
        ))
        .await
    }

    /// Every conference that has not begun and has named this site as expected, now or before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn scheduled_naming(&self, site: &SiteCode) -> Result<Vec<ConferenceId>, StoreError> {
        // As it stands in a roster: a key.
        let key = format!("\"{}\":", site.as_str());
        let named = query(
            "SELECT id FROM conferences WHERE state = 'scheduled' AND EXISTS (SELECT 1 FROM events \
             WHERE conference = conferences.id AND kind = 'rosterSet' AND replace(body, $1, '') <> body) \
             ORDER BY id",
        );
        self.ids(named.bind(key)).await
    }

    pub(super) async fn ids(&self, query: Query<'_>) -> Result<Vec<ConferenceId>, StoreError> {
        let rows = query.fetch_all(&self.reader).await?;
        // What cannot be an id is no conference that anybody could find.
        let id = |row: &Row| parse(row.try_get("id").ok()?).ok();
        Ok(rows.iter().filter_map(id).collect())
    }

    /// One row that is not as this program writes it must not hide all the others.
    fn readable_row(&self, row: &Row) -> Option<ConferenceRow> {
        conference_row(row)
            .inspect_err(|cause| {
                let Some(conference) = row.try_get("id").ok().and_then(|id| parse(id).ok()) else {
                    tracing::error!(%cause, "a conference without a readable id is left out");
                    return;
                };
                self.damages.note(&ChainFault {
                    conference,
                    seq: 1,
                    fault: Fault::Unreadable,
                });
            })
            .ok()
    }

    /// Where each log ends, as the list of conferences says.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn heads(&self) -> Result<Vec<ListedHead>, StoreError> {
        let rows = query("SELECT id, head_seq, head_hash FROM conferences ORDER BY id")
            .fetch_all(&self.reader)
            .await?;
        let mut heads = Vec::with_capacity(rows.len());
        for row in &rows {
            let (id, seq): (&str, i64) = (row.try_get("id")?, row.try_get("head_seq")?);
            if let (Ok(conference), Ok(seq)) = (parse(id), unsigned(seq)) {
                heads.push(ListedHead {
                    conference,
                    seq,
                    hash: row.try_get("head_hash")?,
                });
            }
        }
        Ok(heads)
    }

    /// One conference.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conference(
        &self,
        conference: &ConferenceId,
    ) -> Result<Option<ConferenceRow>, StoreError> {
        let row = query(
            "SELECT id, title, state, created_at, starts_at, started_at, ended_at \
             FROM conferences WHERE id = $1",
        )
        .bind(conference.as_str())
        .fetch_optional(&self.reader)
        .await?;
        row.as_ref().map(conference_row).transpose()
    }
}

fn conference_row(row: &Row) -> Result<ConferenceRow, StoreError> {
    let state: &str = row.try_get("state")?;
    let state = serde_json::from_value(state.into())
        .map_err(|error| StoreError::Unreadable(error.to_string()))?;
    let time = |column: &str| -> Result<Option<Timestamp>, StoreError> {
        let text: Option<&str> = row.try_get(column)?;
        text.map(parse).transpose()
    };
    Ok(ConferenceRow {
        id: parse(row.try_get("id")?)?,
        title: row.try_get("title")?,
        state,
        created_at: parse(row.try_get("created_at")?)?,
        starts_at: time("starts_at")?,
        started_at: time("started_at")?,
        ended_at: time("ended_at")?,
    })
}
