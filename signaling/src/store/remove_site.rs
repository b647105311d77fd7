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

    /// Whether there was such a site, and is none any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_removed(&self, code: &SiteCode) -> Result<bool, StoreError> {
        let removed = query(
            "SELECT 1 AS known FROM removed_sites WHERE code = $1 \
             AND NOT EXISTS (SELECT 1 FROM sites WHERE sites.code = removed_sites.code)",
        )
        .bind(code.as_str());
        Ok(removed.fetch_optional(&self.reader).await?.is_some())
    }
}

/// Takes sites off the list; that they were there is remembered.
pub(super) async fn take_off(
    connection: &mut Connection,
    codes: &[SiteCode],
) -> Result<u64, StoreError> {
    let mut note = query("INSERT INTO removed_sites (code) SELECT code FROM sites WHERE code IN ");
    note.push_list(codes.iter().map(|code| code.as_str().into()));
    note.push(" ON CONFLICT DO NOTHING");
    note.execute(&mut *connection).await?;
    let mut delete = query("DELETE FROM sites WHERE code IN ");
    delete.push_list(codes.iter().map(|code| code.as_str().into()));
    Ok(delete.execute(connection).await?)
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
    Ok(match take_off(connection, &[code]).await? {
        0 => SiteRemoval::Unknown,
        _ => SiteRemoval::Done,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites::{Missing, Wish};
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

    #[tokio::test]
    async fn what_was_taken_off_the_list_is_known_until_it_is_there_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&location(dir.path())).await.unwrap();
        let list = "code,name,level,parent_code\nVN,Centre,central,\n01,Hanoi,province,VN\n";
        let without = "code,name,level,parent_code\nVN,Centre,central,\n";
        let is_removed = async |code: &str| store.is_removed(&code.parse().unwrap()).await.unwrap();
        let import = async |list: &str, missing: Missing| {
            let wish = Wish {
                missing,
                ..Wish::default()
            };
            let consent = Consent {
                confirmed: true,
                digest: None,
            };
            let imported = store.import_sites(list.as_bytes(), &wish, &consent);
            imported.await.unwrap();
        };
        for by_list in [true, false] {
            import(list, Missing::Keep).await;
            assert!(!is_removed("01").await);
            if by_list {
                import(without, Missing::Remove).await;
            } else {
                store.remove_site(&"01".parse().unwrap()).await.unwrap();
            }
            assert!(is_removed("01").await, "by a list: {by_list}");
            assert!(!is_removed("VN").await && !is_removed("nowhere").await);
        }
    }
}
