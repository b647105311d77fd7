//! Links, and the browsers in which they were opened.

use jiff::Timestamp;

use super::Store;
use super::backend::{Connection, Row, query};
use super::error::StoreError;
use super::rows::parse;
use crate::auth::{CodeHash, SecretHash};
use crate::ids::TokenId;

/// For how long a link is kept whose time is over: whoever opens it is told so, and whom to call.
///
/// Higher: more rows of about 100 bytes. Lower: an old link is said to be none.
const KEPT_SECONDS: i64 = 90 * 24 * 60 * 60;

/// A link as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LinkRow {
    /// The id of the token that it stands for.
    pub token: TokenId,
    /// The name that the token gives, if any.
    pub name: Option<String>,
    /// In how many browsers it may be opened.
    pub devices: u32,
    /// When it ceases to be good.
    pub expires_at: Timestamp,
}

/// What came of opening a link.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Opened {
    /// There is no such link.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was opened in as many other browsers as it may be.
    Elsewhere,
    /// It is this one.
    Good(LinkRow),
}

impl Store {
    /// Keeps links, all or none, and forgets those whose time has long been over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_links(
        &self,
        links: &[(CodeHash, LinkRow)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let links = links.to_vec();
        self.writer
            .write(move |connection| Box::pin(add(connection, links, now)))
            .await
    }

    /// Opens a link in a browser; from then on it is one of those in which it may be opened.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_link(
        &self,
        code: &CodeHash,
        device: SecretHash,
        now: Timestamp,
    ) -> Result<Opened, StoreError> {
        // Read first: strangers who try codes shall not make those wait who have something to write.
        let Some(link) = self.link(code).await? else {
            return Ok(Opened::Unknown);
        };
        if link.expires_at <= now {
            return Ok(Opened::Expired);
        }
        let device = device.to_hex();
        let row = query(
            "SELECT COUNT(*) AS devices, COUNT(CASE WHEN device = $2 THEN 1 END) AS own \
             FROM link_devices WHERE code = $1",
        )
        .bind(code.as_str())
        .bind(&device)
        .fetch_one(&self.reader)
        .await?;
        let (devices, own): (i64, i64) = (row.try_get("devices")?, row.try_get("own")?);
        let has_place = devices < i64::from(link.devices);
        let is_good =
            own > 0 || has_place && self.add_device(code, &device, link.devices, now).await?;
        Ok(if is_good {
            Opened::Good(link)
        } else {
            Opened::Elsewhere
        })
    }

    /// Makes a browser one of those in which a link may be opened. False if there are enough.
    async fn add_device(
        &self,
        code: &CodeHash,
        device: &str,
        most: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (code, device) = (code.clone(), device.to_owned());
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    // What the browser has asked for twice at the same time is done once.
                    let added = query(
                        "INSERT INTO link_devices (code, device, opened_at) SELECT $1, $2, $3 \
                         WHERE (SELECT COUNT(*) FROM link_devices WHERE code = $1 AND device <> $2) \
                         < $4 ON CONFLICT (code, device) DO UPDATE \
                         SET opened_at = link_devices.opened_at",
                    )
                    .bind(code.as_str())
                    .bind(device)
                    .bind(now.as_second())
                    .bind(i64::from(most))
                    .execute(connection)
                    .await?;
                    Ok(added > 0)
                })
            })
            .await
    }

    /// A link, whether or not it is good.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn link(&self, code: &CodeHash) -> Result<Option<LinkRow>, StoreError> {
        let row = query("SELECT token, name, devices, expires_at FROM links WHERE code = $1")
            .bind(code.as_str())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(link).transpose()
    }
}

async fn add(
    connection: &mut Connection,
    links: Vec<(CodeHash, LinkRow)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("DELETE FROM links WHERE expires_at <= $1")
        .bind(now.as_second().saturating_sub(KEPT_SECONDS))
        .execute(connection)
        .await?;
    for (code, link) in links {
        query(
            "INSERT INTO links (code, token, name, devices, expires_at) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(code.as_str())
        .bind(link.token.as_str())
        .bind(link.name)
        .bind(i64::from(link.devices))
        .bind(link.expires_at.as_second())
        .execute(connection)
        .await?;
    }
    Ok(())
}

fn link(row: &Row) -> Result<LinkRow, StoreError> {
    let expires_at = Timestamp::from_second(row.try_get("expires_at")?)
        .map_err(|error| StoreError::Unreadable(error.to_string()))?;
    Ok(LinkRow {
        token: parse(row.try_get("token")?)?,
        name: row.try_get("name")?,
        devices: u32::try_from(row.try_get::<i64>("devices")?).unwrap_or(1),
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{LinkCode, SessionSecret};
    use crate::testing::location;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn row(devices: u32) -> LinkRow {
        LinkRow {
            token: "a".parse().unwrap(),
            name: None,
            devices,
            expires_at: second(100),
        }
    }

    fn code(number: u8) -> CodeHash {
        LinkCode::new([number; 10]).hash()
    }

    fn browser(number: u8) -> SecretHash {
        SessionSecret::new([number; 16]).hash()
    }

    #[tokio::test]
    async fn a_link_is_good_in_the_browsers_that_opened_it_first_and_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&location(directory.path())).await.unwrap();
        let links = [(code(1), row(1)), (code(2), row(2))];
        store.add_links(&links, second(1)).await.unwrap();
        let opened = async |link, device, at| {
            let code = code(link);
            let opened = store.open_link(&code, browser(device), second(at));
            opened.await.unwrap()
        };
        assert_eq!(opened(1, 1, 2).await, Opened::Good(row(1)));
        assert_eq!(opened(1, 2, 3).await, Opened::Elsewhere);
        assert_eq!(opened(1, 1, 4).await, Opened::Good(row(1)), "once more");
        assert_eq!(opened(2, 1, 5).await, Opened::Good(row(2)));
        assert_eq!(opened(2, 2, 5).await, Opened::Good(row(2)));
        assert_eq!(opened(2, 3, 5).await, Opened::Elsewhere);
        assert_eq!(opened(3, 1, 5).await, Opened::Unknown);
        assert_eq!(opened(1, 1, 100).await, Opened::Expired);
    }

    #[tokio::test]
    async fn what_has_long_been_over_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&location(directory.path())).await.unwrap();
        store
            .add_links(&[(code(1), row(1))], second(1))
            .await
            .unwrap();
        let code_one = code(1);
        let opened = store.open_link(&code_one, browser(1), second(2));
        assert!(matches!(opened.await.unwrap(), Opened::Good(_)));
        let left = second(100 + KEPT_SECONDS - 1);
        store.add_links(&[], left).await.unwrap();
        assert!(store.link(&code(1)).await.unwrap().is_some());
        let long_over = second(100 + KEPT_SECONDS);
        store.add_links(&[], long_over).await.unwrap();
        for table in ["links", "link_devices"] {
            let mut count = query("SELECT COUNT(*) AS count FROM ");
            count.push(table);
            let row = count.fetch_one(&store.reader).await.unwrap();
            assert_eq!(row.try_get::<i64>("count").unwrap(), 0, "{table}");
        }
    }
}
