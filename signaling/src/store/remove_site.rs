//! Taking a site off the list.

use super::Store;
use super::backend::{Connection, query};
use super::error::StoreError;
use crate::ids::SiteCode;

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SiteRemoval {
    /// It is gone.
    Done,
    /// There was none.
    Unknown,
    /// So many sites are directly below it.
    HasChildren(u32),
}

impl Store {
    /// Removes a site that has none below it. Conferences keep what they know of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_site(&self, code: &SiteCode) -> Result<SiteRemoval, StoreError> {
        let code = code.clone();
        self.writer
            .write(|connection| Box::pin(remove(connection, code)))
            .await
    }
}

async fn remove(connection: &mut Connection, code: SiteCode) -> Result<SiteRemoval, StoreError> {
    let below = query("SELECT count(*) AS below FROM sites WHERE parent_code = $1")
        .bind(code.as_str())
        .fetch_one(&mut *connection)
        .await?;
    let below: i64 = below.try_get("below")?;
    if below > 0 {
        let below = u32::try_from(below).unwrap_or(u32::MAX);
        return Ok(SiteRemoval::HasChildren(below));
    }
    let removed = query("DELETE FROM sites WHERE code = $1")
        .bind(code.as_str())
        .execute(connection)
        .await?;
    Ok(match removed {
        0 => SiteRemoval::Unknown,
        _ => SiteRemoval::Done,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites::Wish;
    use crate::store::Consent;
    use crate::testing::location;

    #[tokio::test]
    async fn a_site_is_removed_when_nothing_is_below_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&location(dir.path())).await.unwrap();
        let list = "code,name,level,parent_code\nVN,Centre,central,\n01,Hanoi,province,VN\n";
        let (wish, consent) = (Wish::default(), Consent::default());
        let imported = store.import_sites(list.as_bytes(), &wish, &consent);
        imported.await.unwrap();
        let mut removed = Vec::new();
        for code in ["VN", "01", "01", "VN"] {
            let code: SiteCode = code.parse().unwrap();
            removed.push(store.remove_site(&code).await.unwrap());
        }
        let expected = [
            SiteRemoval::HasChildren(1),
            SiteRemoval::Done,
            SiteRemoval::Unknown,
            SiteRemoval::Done,
        ];
        assert_eq!(removed, expected);
    }
}
