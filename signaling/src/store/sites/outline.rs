//! The tree of sites, for whoever has to know of all of them where they stand.

use crate::readiness::Outline;
use crate::store::Store;
use crate::store::backend::{Row, query};
use crate::store::error::StoreError;
use crate::store::rows::parse;

impl Store {
    /// The tree of sites, without what else is known of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outline(&self) -> Result<Outline, StoreError> {
        // A row of each site that has others below it: one of each site takes ten times as long.
        let rows = query(
            "SELECT level, parent_code, string_agg(code, $1) AS codes FROM sites \
             GROUP BY level, parent_code",
        )
        .bind("\n")
        .fetch_all(&self.reader)
        .await?;
        let row = |row: &Row| {
            let above: Option<&str> = row.try_get("parent_code")?;
            let above = above.map(parse).transpose()?;
            Ok((parse(row.try_get("level")?)?, above, row.try_get("codes")?))
        };
        rows.iter().map(row).collect()
    }
}
