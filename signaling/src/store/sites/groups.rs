//! The groups that sites belong to.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{GROUPS_APART, push_within};
use crate::ids::SiteCode;
use crate::store::Store;
use crate::store::backend::query;
use crate::store::error::StoreError;

/// A group of sites.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SiteGroup {
    /// Its name.
    #[schema(example = "Cụm thi đua số 1")]
    pub name: String,
    /// How many sites belong to it; those that are kept for the records alone are not counted.
    pub sites: u64,
}

impl Store {
    /// The groups of this site and those below it, or of all sites, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn site_groups(
        &self,
        within: Option<&SiteCode>,
    ) -> Result<Vec<SiteGroup>, StoreError> {
        // Few sites have a set of groups of their own: what is read is short, however many sites there are.
        let mut query = query(
            "SELECT group_names, COUNT(*) AS sites FROM sites \
             WHERE group_names IS NOT NULL AND hidden = 0",
        );
        if let Some(within) = within {
            query.push(" AND code IN (");
            push_within(&mut query, within);
            query.push(")");
        }
        query.push(" GROUP BY group_names");
        let mut groups: BTreeMap<String, u64> = BTreeMap::new();
        for row in query.fetch_all(&self.reader).await? {
            let names: &str = row.try_get("group_names")?;
            let sites: i64 = row.try_get("sites")?;
            for name in names.split(GROUPS_APART) {
                let count = groups.entry(name.to_owned()).or_default();
                *count = count.saturating_add(sites.unsigned_abs());
            }
        }
        let group = |(name, sites)| SiteGroup { name, sites };
        Ok(groups.into_iter().map(group).collect())
    }
}
