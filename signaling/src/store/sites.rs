//! The list of sites.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::Store;
use super::error::StoreError;
use super::events::parse;
use crate::ids::SiteCode;
use crate::sites::fold::fold;
use crate::sites::{ImportError, ImportSummary, Level, Site, SiteFilter, read_csv};

/// Rows of one INSERT.
const ROWS_PER_INSERT: usize = 500;

/// Why sites were not imported. None was.
#[derive(Debug, thiserror::Error)]
pub enum ImportFailure {
    /// The list is wrong.
    #[error(transparent)]
    List(#[from] ImportError),
    /// The store is.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for ImportFailure {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Imports a CSV list of sites, all of it or nothing. Sites that are not in it stay.
    ///
    /// # Errors
    /// When the list is wrong, with the line of every mistake, or the database fails.
    pub async fn import_sites(&self, csv: &[u8]) -> Result<ImportSummary, ImportFailure> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let rows = sqlx::query("SELECT code, name, level, parent_code FROM sites")
            .fetch_all(&mut *transaction)
            .await?;
        let known = rows.iter().map(site).collect::<Result<Vec<_>, _>>()?;
        let sites = read_csv(csv, &known)?;
        let (changed, summary) = compare(&known, &sites);
        for chunk in changed.chunks(ROWS_PER_INSERT) {
            upsert(chunk).build().execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(summary)
    }

    /// The sites that pass a filter, by code.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sites(&self, filter: &SiteFilter) -> Result<Vec<Site>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT code, name, level, parent_code FROM sites WHERE 1 = 1",
        );
        if let Some(level) = filter.level {
            query.push(" AND level = ").push_bind(level.as_str());
        }
        if let Some(parent) = &filter.parent {
            query.push(" AND parent_code = ").push_bind(parent.as_str());
        }
        if let Some(search) = filter
            .search
            .as_deref()
            .map(str::trim)
            .filter(|s| !s.is_empty())
        {
            let pattern = format!("%{}%", escape_like(&fold(search)));
            query.push(" AND (folded LIKE ").push_bind(pattern.clone());
            query
                .push(r" ESCAPE '\' OR lower(code) LIKE ")
                .push_bind(pattern);
            query.push(r" ESCAPE '\')");
        }
        query.push(" ORDER BY code");
        query
            .build()
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(site)
            .collect()
    }

    /// One site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn site(&self, code: &SiteCode) -> Result<Option<Site>, StoreError> {
        let row = sqlx::query("SELECT code, name, level, parent_code FROM sites WHERE code = $1")
            .bind(code.as_str())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(site).transpose()
    }
}

/// What must be written, and what the import amounts to.
fn compare<'a>(known: &[Site], sites: &'a [Site]) -> (Vec<&'a Site>, ImportSummary) {
    let known: HashMap<_, _> = known.iter().map(|site| (&site.code, site)).collect();
    let mut summary = ImportSummary::default();
    let mut changed = Vec::new();
    for site in sites {
        match known.get(&site.code) {
            Some(same) if *same == site => {
                summary.unchanged += 1;
                continue;
            }
            Some(_) => summary.changed += 1,
            None => summary.added += 1,
        }
        changed.push(site);
    }
    (changed, summary)
}

fn upsert(sites: &[&Site]) -> QueryBuilder<Sqlite> {
    let mut insert =
        QueryBuilder::new("INSERT INTO sites (code, name, folded, level, parent_code) ");
    insert.push_values(sites, |mut row, site| {
        row.push_bind(site.code.to_string())
            .push_bind(site.name.clone())
            .push_bind(fold(&site.name))
            .push_bind(site.level.as_str())
            .push_bind(site.parent_code.as_ref().map(ToString::to_string));
    });
    insert.push(
        " ON CONFLICT (code) DO UPDATE SET name = excluded.name, folded = excluded.folded, \
         level = excluded.level, parent_code = excluded.parent_code",
    );
    insert
}

/// `%` and `_` in a search mean themselves.
fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn site(row: &SqliteRow) -> Result<Site, StoreError> {
    let parent: Option<&str> = row.try_get("parent_code")?;
    Ok(Site {
        code: parse(row.try_get("code")?)?,
        name: row.try_get("name")?,
        level: parse::<Level>(row.try_get("level")?)?,
        parent_code: parent.map(parse).transpose()?,
    })
}

#[cfg(test)]
mod tests;
