//! The list of sites.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Store;
use super::backend::{On, Query, ROWS_PER_INSERT, Row, query};
use super::error::StoreError;
use super::remove_site::take_off;
use super::rows::parse;
use crate::ids::SiteCode;
use crate::sites::fold::fold;
use crate::sites::preview::Preview;
use crate::sites::{
    Directory, ImportError, ImportSummary, Level, MAX_DEPTH, Missing, Plan, Site, SiteFilter, Wish,
};

/// How often an import that names no preview starts again because somebody else has changed the list
/// meanwhile.
const IMPORT_ATTEMPTS: usize = 5;

/// How many lists are judged at the same time; others wait. Higher: a list waits less for others, and
/// each of 250,000 sites takes some 300 MB while it is judged.
static JUDGING: Semaphore = Semaphore::const_new(1);

/// All of a site that is read back.
macro_rules! select {
    () => {
        "SELECT code, name, level, parent_code, contact_name, contact_phone, contact_email, seats, \
         line_profile, stand_by_device, group_names, hidden FROM sites"
    };
}

/// Why sites were not imported. None was.
#[derive(Debug, thiserror::Error)]
pub enum ImportFailure {
    /// The list is wrong.
    #[error(transparent)]
    List(#[from] ImportError),
    /// What would be done is no longer what the preview has shown.
    #[error(
        "the list of sites, or what is asked for, is not what the preview {0} was made of: look at a \
         new preview"
    )]
    Stale(String),
    /// The store is.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How far somebody has agreed to an import.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Consent {
    /// What looks wrong is meant so.
    pub confirmed: bool,
    /// The digest of a preview: what it has shown is done, or nothing.
    pub digest: Option<String>,
}

impl Store {
    /// Imports a list of sites, all of it or nothing.
    ///
    /// The list is judged before anything is locked, on a thread where it holds up nobody.
    ///
    /// # Errors
    /// When the list is wrong, with the line of the first mistakes, when it would do something else
    /// than the preview has shown, or the database fails.
    pub async fn import_sites(
        &self,
        list: &[u8],
        wish: &Wish,
        consent: &Consent,
    ) -> Result<ImportSummary, ImportFailure> {
        let list: Arc<[u8]> = list.into();
        for _ in 0..IMPORT_ATTEMPTS {
            let (plan, directory) = self.plan(Arc::clone(&list), wish).await?;
            if let Some(digest) = &consent.digest
                && *digest != plan.digest
            {
                return Err(ImportFailure::Stale(digest.chars().take(64).collect()));
            }
            plan.check(consent.confirmed)?;
            if self.carry_out(&plan, directory).await? {
                return Ok(plan.summary());
            }
        }
        let busy = "the list of sites is being changed by somebody else: import it again";
        Err(StoreError::Unreadable(busy.to_owned()).into())
    }

    /// What a list would change: of each part at most `limit` entries from number `from` on.
    ///
    /// # Errors
    /// When the list cannot be read at all, or the database fails.
    pub async fn preview_sites(
        &self,
        list: &[u8],
        wish: &Wish,
        (from, limit): (u32, u32),
    ) -> Result<Preview, ImportFailure> {
        let (plan, _) = self.plan(list.into(), wish).await?;
        Ok(plan.preview(from, limit))
    }

    async fn plan(
        &self,
        list: Arc<[u8]>,
        wish: &Wish,
    ) -> Result<(Plan, Arc<Directory>), ImportFailure> {
        let turn = JUDGING.acquire().await;
        let directory = Arc::new(Directory {
            known: self.sites(&SiteFilter::everything()).await?,
            expected: match wish.missing {
                Missing::Remove => self.expected_sites().await?,
                Missing::Keep | Missing::Hide => HashMap::new(),
            },
        });
        let judging = tokio::task::spawn_blocking({
            let (directory, wish) = (Arc::clone(&directory), wish.clone());
            move || Plan::new(&list, &wish, &directory)
        });
        let plan = judging
            .await
            .map_err(|error| StoreError::Unreadable(error.to_string()))??;
        drop(turn);
        Ok((plan, directory))
    }

    /// Writes what a plan says, unless what it was made for is no longer so: says whether it did.
    async fn carry_out(&self, plan: &Plan, directory: Arc<Directory>) -> Result<bool, StoreError> {
        let writes: Vec<_> = plan.writes().collect();
        let removals: Vec<_> = plan.removals().cloned().collect();
        self.writer
            .write(|connection| {
                Box::pin(async move {
                    if all_sites(&mut *connection).await? != directory.known {
                        return Ok(false);
                    }
                    for chunk in writes.chunks(ROWS_PER_INSERT) {
                        upsert(chunk).execute(connection).await?;
                    }
                    for chunk in removals.chunks(ROWS_PER_INSERT) {
                        take_off(connection, chunk).await?;
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
        let mut query = query(concat!(select!(), " WHERE hidden <= "));
        query.push_bind(i64::from(filter.hidden));
        if let Some(codes) = &filter.codes {
            // A list of nothing is no SQL.
            if codes.is_empty() {
                return Ok(Vec::new());
            }
            query.push(" AND code IN ");
            query.push_list(codes.iter().map(|code| code.as_str().into()));
        }
        if let Some(after) = &filter.after {
            query.push(" AND code > ").push_bind(after.as_str());
        }
        if let Some(level) = filter.level {
            query.push(" AND level = ").push_bind(level.as_str());
        }
        if let Some(parent) = &filter.parent {
            query.push(" AND parent_code = ").push_bind(parent.as_str());
        }
        if let Some(within) = &filter.within {
            query.push(" AND code IN (");
            push_within(&mut query, within);
            query.push(")");
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
        if let Some(limit) = filter.limit {
            query.push(" LIMIT ").push_bind(i64::from(limit));
        }
        query
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
        let row = query(concat!(select!(), " WHERE code = $1"))
            .bind(code.as_str())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(site).transpose()
    }

    /// These sites as far as they are known, and all that are above them, by code.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sites_and_above(&self, codes: &[SiteCode]) -> Result<Vec<Site>, StoreError> {
        let mut found = BTreeMap::new();
        let mut wanted: BTreeSet<_> = codes.iter().cloned().collect();
        // An import sees to the depth.
        for _ in 0..=MAX_DEPTH {
            let codes: Vec<_> = wanted.iter().collect();
            let mut above = BTreeSet::new();
            for chunk in codes.chunks(ROWS_PER_INSERT) {
                let mut query = query(concat!(select!(), " WHERE code IN "));
                query.push_list(chunk.iter().map(|code| code.as_str().into()));
                for row in query.fetch_all(&self.reader).await? {
                    let site = site(&row)?;
                    above.extend(site.parent_code.clone());
                    found.insert(site.code.clone(), site);
                }
            }
            above.retain(|code| !found.contains_key(code));
            if above.is_empty() {
                break;
            }
            wanted = above;
        }
        Ok(found.into_values().collect())
    }

    /// Whether a site is this one, or somewhere below it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_within(&self, code: &SiteCode, of: &SiteCode) -> Result<bool, StoreError> {
        let mut query = query("SELECT code FROM sites WHERE code = ");
        query.push_bind(code.as_str()).push(" AND code IN (");
        push_within(&mut query, of);
        query.push(")");
        Ok(query.fetch_optional(&self.reader).await?.is_some())
    }

    /// The nearest site above this one of which it is known whom to call there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn contact_above(&self, code: &SiteCode) -> Result<Option<Site>, StoreError> {
        match self.site(code).await?.and_then(|site| site.parent_code) {
            Some(above) => self.contact_from(above).await,
            None => Ok(None),
        }
    }

    /// The nearest site with a contact, from this one on upwards.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn contact_from(&self, code: SiteCode) -> Result<Option<Site>, StoreError> {
        let mut above = Some(code);
        // An import sees to the depth.
        for _ in 0..MAX_DEPTH {
            let Some(code) = above else { break };
            match self.site(&code).await? {
                Some(site) if site.has_contact() => return Ok(Some(site)),
                found => above = found.and_then(|site| site.parent_code),
            }
        }
        Ok(None)
    }
}

async fn all_sites(on: impl Into<On<'_>>) -> Result<Vec<Site>, StoreError> {
    query(concat!(select!(), " ORDER BY code"))
        .fetch_all(on)
        .await?
        .iter()
        .map(site)
        .collect()
}

/// Every column of the table, in the order in which [`upsert`] binds them.
const COLUMNS: [&str; 13] = [
    "code",
    "name",
    "folded",
    "level",
    "parent_code",
    "contact_name",
    "contact_phone",
    "contact_email",
    "seats",
    "line_profile",
    "stand_by_device",
    "group_names",
    "hidden",
];

/// What stands between the groups of a site.
const GROUPS_APART: &str = ";";

fn upsert(sites: &[Site]) -> Query<'_> {
    let mut insert = query("INSERT INTO sites (");
    for (index, column) in COLUMNS.into_iter().enumerate() {
        insert.push(if index > 0 { ", " } else { "" }).push(column);
    }
    insert.push(")");
    insert.push_rows(sites.iter().map(|site| {
        let groups: Vec<_> = site.groups.iter().map(String::as_str).collect();
        let groups = (!groups.is_empty()).then(|| groups.join(GROUPS_APART));
        [
            site.code.as_str().into(),
            (&site.name).into(),
            fold(&site.name).into(),
            site.level.as_str().into(),
            site.parent_code.as_ref().map(SiteCode::as_str).into(),
            site.contact_name.as_deref().into(),
            site.contact_phone.as_deref().into(),
            site.contact_email.as_deref().into(),
            site.seats.map(i64::from).into(),
            site.line_profile.as_deref().into(),
            site.stand_by_device.as_deref().into(),
            groups.into(),
            i64::from(site.hidden).into(),
        ]
    }));
    let [code, others @ ..] = COLUMNS;
    insert.push(" ON CONFLICT (").push(code);
    for (index, column) in others.into_iter().enumerate() {
        insert
            .push(if index > 0 { ", " } else { ") DO UPDATE SET " })
            .push(column)
            .push(" = excluded.")
            .push(column);
    }
    insert
}

/// The codes of a site and of those below it, however far.
pub(super) fn push_within(query: &mut Query<'_>, code: &SiteCode) {
    query
        .push("WITH RECURSIVE below (code) AS (SELECT code FROM sites WHERE code = ")
        .push_bind(code.to_string())
        .push(
            " UNION SELECT sites.code FROM sites JOIN below ON sites.parent_code = below.code) \
             SELECT code FROM below",
        );
}

/// For a text that is to be found as it is: `%` and `_` mean themselves.
pub(super) fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn site(row: &Row) -> Result<Site, StoreError> {
    let parent: Option<&str> = row.try_get("parent_code")?;
    let seats: Option<i64> = row.try_get("seats")?;
    let groups: Option<&str> = row.try_get("group_names")?;
    let hidden: i64 = row.try_get("hidden")?;
    Ok(Site {
        code: parse(row.try_get("code")?)?,
        name: row.try_get("name")?,
        level: parse::<Level>(row.try_get("level")?)?,
        parent_code: parent.map(parse).transpose()?,
        contact_name: row.try_get("contact_name")?,
        contact_phone: row.try_get("contact_phone")?,
        contact_email: row.try_get("contact_email")?,
        seats: seats.map(|seats| u32::try_from(seats).unwrap_or(u32::MAX)),
        line_profile: row.try_get("line_profile")?,
        stand_by_device: row.try_get("stand_by_device")?,
        groups: groups
            .into_iter()
            .flat_map(|names| names.split(GROUPS_APART))
            .map(str::to_owned)
            .collect(),
        hidden: hidden != 0,
    })
}

mod amend;
mod groups;
mod outline;
pub use groups::SiteGroup;
#[cfg(test)]
mod tests;
