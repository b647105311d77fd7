//! Correcting one site.

use super::{site, upsert};
use crate::ids::SiteCode;
use crate::sites::amendment::{Amendment, amended};
use crate::sites::{ImportError, Site};
use crate::store::Store;
use crate::store::backend::query;
use crate::store::error::StoreError;

impl Store {
    /// Has a site say what somebody has written of it; `None` if there is no such site.
    ///
    /// # Errors
    /// When the database fails. Inside: why it cannot be so.
    pub async fn amend_site(
        &self,
        code: &SiteCode,
        amendment: Amendment,
    ) -> Result<Option<Result<Site, ImportError>>, StoreError> {
        let code = code.clone();
        self.writer
            .write(|connection| {
                Box::pin(async move {
                    let row = query(concat!(select!(), " WHERE code = $1"))
                        .bind(code.as_str())
                        .fetch_optional(&mut *connection)
                        .await?;
                    let Some(before) = row.as_ref().map(site).transpose()? else {
                        return Ok(None);
                    };
                    let after = amended(&before, &amendment);
                    if let Ok(after) = &after
                        && *after != before
                    {
                        let sites = std::slice::from_ref(after);
                        upsert(sites).execute(connection).await?;
                    }
                    Ok(Some(after))
                })
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites::{Column, Wish};
    use crate::store::Consent;
    use crate::testing::location;

    #[tokio::test]
    async fn a_site_says_what_was_written_of_it_and_one_that_is_wrong_stays() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&location(dir.path())).await.unwrap();
        let list = "code,name,level,parent_code\nVN,Centre,central,\n";
        let (wish, consent) = (Wish::default(), Consent::default());
        let imported = store.import_sites(list.as_bytes(), &wish, &consent);
        imported.await.unwrap();
        let code: SiteCode = "VN".parse().unwrap();
        let write = |text: &str| Amendment::from([(Column::Seats, text.to_owned())]);
        let done = store.amend_site(&code, write("300")).await.unwrap();
        let done = done.unwrap().unwrap();
        assert_eq!(done.seats, Some(300));
        let refused = store.amend_site(&code, write("?")).await.unwrap();
        refused.unwrap().unwrap_err();
        assert_eq!(store.site(&code).await.unwrap(), Some(done));
        let nowhere = "XX".parse().unwrap();
        let none = store.amend_site(&nowhere, write("1")).await.unwrap();
        assert!(none.is_none());
    }
}
