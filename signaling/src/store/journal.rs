//! What has happened anywhere, in the order in which it was stored: one number after the other, over all
//! conferences. Whoever writes holds the database alone, so a number that is seen has none below it that
//! comes later.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::Store;
use super::backend::{Connection, ROWS_PER_INSERT, Row, query};
use super::chain::canonical;
use super::error::StoreError;
use super::rows::{parse, unsigned, without_secret};
use crate::ids::ConferenceId;

/// Something that has happened.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    /// Higher than that of everything that was stored before.
    pub number: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The conference in whose log it stands; none if it stands in no log.
    pub conference: Option<ConferenceId>,
    /// Its number there.
    pub seq: Option<u64>,
    /// What; `kind` says which kind.
    #[schema(value_type = Object)]
    pub event: Value,
}

/// Some entries, and how far they reach.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JournalPage {
    /// Without those that stand in a log behind its damage.
    pub entries: Vec<JournalEntry>,
    /// After which number the next page begins.
    pub last: u64,
    /// Whether there may be a next page.
    pub is_full: bool,
}

impl JournalEntry {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        let kind = self.event.get("kind").and_then(Value::as_str);
        kind.unwrap_or_default()
    }
}

impl Store {
    /// What comes after a number: at most `limit` entries.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn journal_after(&self, after: u64, limit: u32) -> Result<JournalPage, StoreError> {
        let rows = query(
            "SELECT journal.number, journal.conference, journal.seq, \
             COALESCE(journal.at, events.at) AS at, COALESCE(journal.body, events.body) AS body \
             FROM journal LEFT JOIN events \
             ON events.conference = journal.conference AND events.seq = journal.seq \
             WHERE journal.number > $1 ORDER BY journal.number LIMIT $2",
        )
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        let last = rows.last().map(|row| row.try_get("number")).transpose()?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            entries.extend(self.journal_entry(row)?);
        }
        Ok(JournalPage {
            entries,
            last: last.map(unsigned).transpose()?.unwrap_or(after),
            is_full: rows.len() >= limit as usize,
        })
    }

    /// The same, of which only so many bytes are read, but for one entry that alone is larger: a list of
    /// all sites is in one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn journal_within(
        &self,
        after: u64,
        limit: u32,
        bytes: u64,
    ) -> Result<JournalPage, StoreError> {
        let rows = query(
            "SELECT CAST(octet_length(COALESCE(journal.body, events.body)) AS BIGINT) AS bytes \
             FROM journal LEFT JOIN events \
             ON events.conference = journal.conference AND events.seq = journal.seq \
             WHERE journal.number > $1 ORDER BY journal.number LIMIT $2",
        )
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        let (mut most, mut sum) = (0_u32, 0_u64);
        for row in &rows {
            let size: Option<i64> = row.try_get("bytes")?;
            sum = sum.saturating_add(size.unwrap_or_default().unsigned_abs());
            if most > 0 && sum > bytes {
                break;
            }
            most += 1;
        }
        if most == 0 {
            return self.journal_after(after, limit).await;
        }
        // As full as it may be: the next page has the rest.
        self.journal_after(after, most.min(limit)).await
    }

    /// The last number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn journal_head(&self) -> Result<u64, StoreError> {
        let row = query(HEAD).fetch_one(&self.reader).await?;
        unsigned(row.try_get("number")?)
    }

    /// Tells when there is more.
    pub fn journal_growth(&self) -> watch::Receiver<()> {
        self.journal.subscribe()
    }

    pub(super) fn note_growth(&self) {
        self.journal.send_replace(());
    }

    /// `None` for what cannot be trusted.
    fn journal_entry(&self, row: &Row) -> Result<Option<JournalEntry>, StoreError> {
        let conference: Option<&str> = row.try_get("conference")?;
        let conference: Option<ConferenceId> = conference.map(parse).transpose()?;
        let seq: Option<i64> = row.try_get("seq")?;
        let seq = seq.map(unsigned).transpose()?;
        let damage = conference.as_ref().and_then(|id| self.damages.of(id));
        if damage.is_some_and(|fault| seq.is_some_and(|seq| seq >= fault.seq)) {
            return Ok(None);
        }
        let (at, body): (Option<&str>, Option<&str>) = (row.try_get("at")?, row.try_get("body")?);
        let (Some(at), Some(body)) = (at, body) else {
            return Ok(None);
        };
        // What cannot be read is damage, which whoever opens the log is told.
        let (Ok(at), Ok(event)) = (at.parse(), without_secret(body)) else {
            return Ok(None);
        };
        Ok(Some(JournalEntry {
            number: unsigned(row.try_get("number")?)?,
            at,
            conference,
            seq,
            event,
        }))
    }
}

const HEAD: &str = "SELECT COALESCE(MAX(number), 0) AS number FROM journal";

/// Notes events of a conference, in the transaction in which they are stored.
pub(super) async fn note_events(
    connection: &mut Connection,
    conference: &ConferenceId,
    seqs: impl Iterator<Item = u64>,
) -> Result<(), StoreError> {
    let head: i64 = query(HEAD)
        .fetch_one(&mut *connection)
        .await?
        .try_get("number")?;
    let numbered: Vec<_> = seqs.zip(head + 1..).collect();
    for rows in numbered.chunks(ROWS_PER_INSERT) {
        let mut insert = query("INSERT INTO journal (number, conference, seq)");
        insert.push_rows(rows.iter().map(|(seq, number)| {
            [
                (*number).into(),
                conference.as_str().into(),
                seq.cast_signed().into(),
            ]
        }));
        insert.execute(connection).await?;
    }
    Ok(())
}

/// Notes something that stands in no conference's log. Its JSON has a `kind`.
pub(super) async fn note(
    connection: &mut Connection,
    at: Timestamp,
    event: &Value,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO journal (number, at, body) \
         VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM journal), $1, $2)",
    )
    .bind(at.to_string())
    .bind(canonical(event))
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conference::{By, Event, PhaseEvent, Record};
    use crate::testing::location;

    fn record(seq: u64) -> Record {
        let by = By::System;
        let event = match seq {
            1 => PhaseEvent::Created {
                title: "Weekly".to_owned(),
                starts_at: None,
                by,
            },
            _ => PhaseEvent::Amended {
                title: format!("Weekly {seq}"),
                starts_at: None,
                by,
            },
        };
        Record {
            seq,
            at: "2026-11-22T02:00:00Z".parse().unwrap(),
            event: Event::Phase(event),
        }
    }

    async fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&location(directory.path())).await.unwrap();
        (directory, store)
    }

    async fn add(store: &Store, conference: &str, seqs: &[u64]) {
        let records: Vec<_> = seqs.iter().map(|seq| record(*seq)).collect();
        let conference = conference.parse().unwrap();
        store.append(&conference, &records).await.unwrap();
    }

    fn shown(page: &JournalPage) -> Vec<(u64, String, u64)> {
        let entries = page.entries.iter();
        entries
            .map(|entry| {
                let conference = entry.conference.as_ref();
                let conference = conference.map(ToString::to_string);
                (
                    entry.number,
                    conference.unwrap_or_default(),
                    entry.seq.unwrap_or_default(),
                )
            })
            .collect()
    }

    #[tokio::test]
    async fn what_happens_anywhere_has_one_number_after_the_other() {
        let (_directory, store) = store().await;
        let mut growth = store.journal_growth();
        add(&store, "a", &[1, 2]).await;
        add(&store, "b", &[1]).await;
        store
            .writer
            .write(|connection| {
                Box::pin(async {
                    let event = serde_json::json!({ "kind": "replied" });
                    note(connection, Timestamp::UNIX_EPOCH, &event).await
                })
            })
            .await
            .unwrap();
        add(&store, "a", &[3]).await;
        assert!(growth.has_changed().unwrap());
        growth.mark_unchanged();
        let all = store.journal_after(0, 100).await.unwrap();
        let of = |conference: &str| conference.to_owned();
        let wanted = [
            (1, of("a"), 1),
            (2, of("a"), 2),
            (3, of("b"), 1),
            (4, of(""), 0),
            (5, of("a"), 3),
        ];
        assert_eq!(shown(&all), wanted);
        assert_eq!(all.entries[3].kind(), "replied");
        assert_eq!((all.last, all.is_full), (5, false));
        let some = store.journal_after(1, 2).await.unwrap();
        assert_eq!(shown(&some), wanted[1..3]);
        assert_eq!((some.last, some.is_full), (3, true));
        assert_eq!(store.journal_head().await.unwrap(), 5);
        assert!(store.journal_after(5, 2).await.unwrap().entries.is_empty());
    }

    #[tokio::test]
    async fn a_page_ends_where_it_would_be_too_large_and_nothing_is_missed() {
        let (_directory, store) = store().await;
        add(&store, "a", &[1, 2, 3, 4, 5]).await;
        let whole = store.journal_after(0, 100).await.unwrap().entries;
        let size = |entry: &JournalEntry| canonical(&entry.event).len() as u64;
        let two = size(&whole[0]) + size(&whole[1]);
        for (bytes, wanted) in [(1, 1), (two - 1, 1), (two, 2), (u64::MAX, 5)] {
            let page = store.journal_within(0, 100, bytes).await.unwrap();
            assert_eq!(page.entries, whole[..wanted], "{bytes} bytes");
            assert!(page.is_full, "there may be more");
        }
        let (mut after, mut read) = (0, Vec::new());
        loop {
            let page = store.journal_within(after, 2, two).await.unwrap();
            if page.entries.is_empty() {
                assert_eq!((page.last, page.is_full), (after, false));
                break;
            }
            after = page.last;
            read.extend(page.entries);
        }
        assert_eq!(read, whole);
    }

    #[tokio::test]
    async fn what_is_not_stored_is_not_in_it() {
        let (_directory, store) = store().await;
        add(&store, "a", &[1]).await;
        let conflict = store.append(&"a".parse().unwrap(), &[record(7)]).await;
        assert!(conflict.is_err());
        assert_eq!(store.journal_head().await.unwrap(), 1);
    }
}
