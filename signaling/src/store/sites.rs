//! The list of sites.

use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::Store;
use super::error::StoreError;
use super::events::parse;
use crate::ids::SiteCode;
use crate::sites::fold::fold;
use crate::sites::{ImportError, ImportSummary, Level, Plan, Site, SiteFilter};

/// How often an import starts again because somebody else has imported meanwhile.
const IMPORT_ATTEMPTS: usize = 5;

/// All of a site that is read back.
macro_rules! select {
    () => {
        "SELECT code, name, level, parent_code, contact_name, contact_phone FROM sites"
    };
}

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

impl Store {
    /// Imports a CSV list of sites, all of it or nothing. Sites that are not in it stay.
    ///
    /// The list is judged before anything is locked, on a thread where it holds up nobody.
    ///
    /// # Errors
    /// When the list is wrong, with the line of the first mistakes, or the database fails.
    pub async fn import_sites(&self, csv: &[u8]) -> Result<ImportSummary, ImportFailure> {
        let list: Arc<[u8]> = csv.into();
        for _ in 0..IMPORT_ATTEMPTS {
            let known = Arc::new(self.sites(&SiteFilter::default()).await?);
            let judging = tokio::task::spawn_blocking({
                let (list, known) = (Arc::clone(&list), Arc::clone(&known));
                move || Plan::new(&list, &known)
            });
            let plan = judging
                .await
                .map_err(|error| StoreError::Unreadable(error.to_string()))??;
            if self.carry_out(&plan, known).await? {
                return Ok(plan.summary());
            }
        }
        let busy = "the list of sites is being changed by somebody else: import it again";
        Err(StoreError::Unreadable(busy.to_owned()).into())
    }

    /// Writes what a plan says, unless what it was made for is no longer so: says whether it did.
    async fn carry_out(&self, plan: &Plan, known: Arc<Vec<Site>>) -> Result<bool, StoreError> {
        let writes: Vec<_> = plan.writes().cloned().collect();
        self.writer
            .write(|connection| {
                Box::pin(async move {
                    if all_sites(connection).await? != *known {
                        return Ok(false);
                    }
                    for chunk in writes.chunks(ROWS_PER_INSERT) {
                        let mut rows = upsert(chunk);
                        rows.build()
                            .persistent(false)
                            .execute(&mut *connection)
                            .await?;
                    }
                    Ok(true)
                })
            })
            .await
    }

    /// The sites that pass a filter, by code.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sites(&self, filter: &SiteFilter) -> Result<Vec<Site>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(concat!(select!(), " WHERE 1 = 1"));
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
        let row = sqlx::query(concat!(select!(), " WHERE code = $1"))
            .bind(code.as_str())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(site).transpose()
    }

    /// The nearest site above this one of which it is known whom to call there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn contact_above(&self, code: &SiteCode) -> Result<Option<Site>, StoreError> {
        let mut above = self.site(code).await?.and_then(|site| site.parent_code);
        // A tree has three levels, which an import sees to.
        for _ in 0..2 {
            let Some(code) = above else { break };
            match self.site(&code).await? {
                Some(site) if site.has_contact() => return Ok(Some(site)),
                found => above = found.and_then(|site| site.parent_code),
            }
        }
        Ok(None)
    }
}

async fn all_sites(connection: &mut SqliteConnection) -> Result<Vec<Site>, StoreError> {
    sqlx::query(concat!(select!(), " ORDER BY code"))
        .fetch_all(connection)
        .await?
        .iter()
        .map(site)
        .collect()
}

fn upsert(sites: &[Site]) -> QueryBuilder<Sqlite> {
    let mut insert = QueryBuilder::new(
        "INSERT INTO sites (code, name, folded, level, parent_code, contact_name, contact_phone) ",
    );
    insert.push_values(sites, |mut row, site| {
        row.push_bind(site.code.to_string())
            .push_bind(site.name.clone())
            .push_bind(fold(&site.name))
            .push_bind(site.level.as_str())
            .push_bind(site.parent_code.as_ref().map(ToString::to_string))
            .push_bind(site.contact_name.clone())
            .push_bind(site.contact_phone.clone());
    });
    insert.push(
        " ON CONFLICT (code) DO UPDATE SET name = excluded.name, folded = excluded.folded, \
         level = excluded.level, parent_code = excluded.parent_code, \
         contact_name = excluded.contact_name, contact_phone = excluded.contact_phone",
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
        contact_name: row.try_get("contact_name")?,
        contact_phone: row.try_get("contact_phone")?,
    })
}

#[cfg(test)]
mod tests;
