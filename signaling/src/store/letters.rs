//! The texts of letters that an office has written in place of ours.

use jiff::Timestamp;

use super::Store;
use super::backend::{Connection, Row, query};
use super::error::StoreError;
use super::rows::{parse, unsigned};
use crate::booking::Language;
use crate::letters::{LetterKind, Template};

/// A text of letters, as it was changed last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EditedLetter {
    /// What the letters are for.
    pub kind: LetterKind,
    /// The language they are written in.
    pub language: Language,
    /// How often it was changed.
    pub version: u32,
    /// What was written; none if it is again as it comes with the program.
    pub template: Option<Template>,
    /// Who has changed it.
    pub edited_by: String,
    /// When.
    pub edited_at: Timestamp,
}

/// What came of changing a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LetterChanged {
    /// It is as it was to be.
    Done,
    /// Somebody else has changed it: it is at this version.
    Stale(u32),
}

impl Store {
    /// All texts that were ever changed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn letters(&self) -> Result<Vec<EditedLetter>, StoreError> {
        let rows = query("SELECT * FROM letters ORDER BY kind, language")
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(letter).collect()
    }

    /// What an office has written for letters of a kind; none if they are as they come with the program.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn letter(
        &self,
        kind: LetterKind,
        language: Language,
    ) -> Result<Option<Template>, StoreError> {
        let row = query("SELECT * FROM letters WHERE kind = $1 AND language = $2")
            .bind(kind.to_string())
            .bind(language.to_string())
            .fetch_optional(&self.reader)
            .await?;
        let letter = row.as_ref().map(letter).transpose()?;
        Ok(letter.and_then(|letter| letter.template))
    }

    /// Changes a text that is at the version before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_letter(&self, changed: EditedLetter) -> Result<LetterChanged, StoreError> {
        self.writer
            .write(move |connection| Box::pin(change(connection, changed)))
            .await
    }
}

async fn change(
    connection: &mut Connection,
    changed: EditedLetter,
) -> Result<LetterChanged, StoreError> {
    let row = query("SELECT version FROM letters WHERE kind = $1 AND language = $2")
        .bind(changed.kind.to_string())
        .bind(changed.language.to_string())
        .fetch_optional(&mut *connection)
        .await?;
    let version = row.map(|row| version(&row)).transpose()?.unwrap_or(0);
    if version.checked_add(1) != Some(changed.version) {
        return Ok(LetterChanged::Stale(version));
    }
    let (subject, body) = changed
        .template
        .map(|template| (template.subject, template.body))
        .unzip();
    query(
        "INSERT INTO letters (kind, language, version, subject, body, edited_by, edited_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (kind, language) DO UPDATE SET \
         version = excluded.version, subject = excluded.subject, body = excluded.body, \
         edited_by = excluded.edited_by, edited_at = excluded.edited_at",
    )
    .bind(changed.kind.to_string())
    .bind(changed.language.to_string())
    .bind(i64::from(changed.version))
    .bind(subject)
    .bind(body)
    .bind(changed.edited_by)
    .bind(changed.edited_at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(LetterChanged::Done)
}

fn version(row: &Row) -> Result<u32, StoreError> {
    let version = unsigned(row.try_get("version")?)?;
    u32::try_from(version).map_err(|error| StoreError::Unreadable(error.to_string()))
}

fn letter(row: &Row) -> Result<EditedLetter, StoreError> {
    let unreadable = |error: jiff::Error| StoreError::Unreadable(error.to_string());
    let subject: Option<String> = row.try_get("subject")?;
    let body: Option<String> = row.try_get("body")?;
    Ok(EditedLetter {
        kind: parse(row.try_get("kind")?)?,
        language: parse(row.try_get("language")?)?,
        version: version(row)?,
        template: subject
            .zip(body)
            .map(|(subject, body)| Template { subject, body }),
        edited_by: row.try_get("edited_by")?,
        edited_at: Timestamp::from_millisecond(row.try_get("edited_at")?).map_err(unreadable)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::location;

    fn edited(version: u32, text: Option<&str>) -> EditedLetter {
        EditedLetter {
            kind: LetterKind::Invitation,
            language: Language::Vi,
            version,
            template: text.map(|text| Template {
                subject: text.to_owned(),
                body: format!("{text}\n{{{{ link }}}}"),
            }),
            edited_by: "an".to_owned(),
            edited_at: Timestamp::from_second(i64::from(version)).unwrap(),
        }
    }

    #[tokio::test]
    async fn a_text_is_what_was_written_last_and_ours_again_when_that_is_taken_back() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&location(directory.path())).await.unwrap();
        let (kind, language) = (LetterKind::Invitation, Language::Vi);
        assert_eq!(store.letter(kind, language).await.unwrap(), None);
        for (version, text) in [(1, Some("Mời")), (2, Some("Kính mời")), (3, None)] {
            let letter = edited(version, text);
            let changed = store.change_letter(letter.clone()).await.unwrap();
            assert_eq!(changed, LetterChanged::Done);
            let known = store.letter(kind, language).await.unwrap();
            assert_eq!(known, letter.template);
            assert_eq!(store.letters().await.unwrap(), [letter]);
        }
        let other = store.letter(LetterKind::Change, language).await.unwrap();
        assert_eq!(other, None, "of another kind");
        let other = store.letter(kind, Language::En).await.unwrap();
        assert_eq!(other, None, "in another language");
    }

    #[tokio::test]
    async fn of_two_who_change_a_text_at_once_the_second_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&location(directory.path())).await.unwrap();
        let first = edited(1, Some("first"));
        store.change_letter(first.clone()).await.unwrap();
        for stale in [edited(1, Some("second")), edited(3, None)] {
            let changed = store.change_letter(stale).await.unwrap();
            assert_eq!(changed, LetterChanged::Stale(1));
        }
        assert_eq!(store.letters().await.unwrap(), [first]);
    }
}
