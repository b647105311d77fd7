//! Tokens that were made here or taken back: who got what, until when. Never the token itself.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::Store;
use super::backend::{Query, ROWS_PER_INSERT, Row, query};
use super::error::StoreError;
use super::rows::parse;
use crate::auth::{MAX_VALIDITY, Narrowing, RevokedToken, Role, Verb, Verbs, Withdrawn};
use crate::ids::{ConferenceId, SiteCode, TokenId};

/// How long it is kept who got a token, after that token has ceased to be valid. Higher: older
/// links can still be explained. Lower: a smaller database.
const KEPT_AFTER_EXPIRY: SignedDuration = SignedDuration::from_hours(366 * 24);

/// A token that was made here.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRow {
    /// Its `jti`.
    pub id: TokenId,
    /// Whom it is for.
    pub subject: String,
    /// What its bearer is.
    pub role: Role,
    /// The site that its bearer speaks for.
    pub site: Option<SiteCode>,
    /// The conference; none for an administrator.
    pub conference: Option<ConferenceId>,
    /// The verbs that it is for; all that are its role's if there are none here.
    #[schema(value_type = Option<Vec<Verb>>)]
    pub scope: Option<Verbs>,
    /// The province beyond which it does not reach.
    pub province: Option<SiteCode>,
    /// Who had it made.
    pub issued_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    /// When it ceases to be valid.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was taken back, if it was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}

/// Which tokens to list.
#[derive(Clone, Debug, Default)]
pub struct TokenFilter {
    /// Of this conference only.
    pub conference: Option<ConferenceId>,
    /// Only those that are still valid at this time, taken back or not.
    pub valid_at: Option<Timestamp>,
    /// Only those after this one.
    pub after: Option<TokenId>,
    /// Most of them.
    pub limit: u32,
}

/// The tokens that are good, by one column.
macro_rules! good_tokens {
    ($column:literal) => {
        concat!(
            "SELECT id FROM tokens WHERE ",
            $column,
            " = $1 AND expires_at > $2 AND revoked_at IS NULL"
        )
    };
}

impl TokenRow {
    /// To what it is narrowed.
    pub fn narrowing(&self) -> Narrowing {
        Narrowing {
            scope: self.scope,
            province: self.province.clone(),
        }
    }
}

impl Store {
    /// Writes down that tokens were made: all of them or none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_tokens(&self, rows: &[TokenRow]) -> Result<(), StoreError> {
        let rows = rows.to_vec();
        self.writer
            .write(|connection| {
                Box::pin(async move {
                    for chunk in rows.chunks(ROWS_PER_INSERT) {
                        insert(chunk).execute(connection).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Remembers that a token was taken back; once is enough. Says until when that has to be known:
    /// of a token of another program until no token of today can be valid any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_token(
        &self,
        token: &TokenId,
        now: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let at_the_latest = now.saturating_add(MAX_VALIDITY).unwrap_or(Timestamp::MAX);
        let token = token.clone();
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let row = query(
                        "INSERT INTO tokens (id, expires_at, revoked_at) VALUES ($1, $2, $3) \
                         ON CONFLICT (id) DO UPDATE \
                         SET revoked_at = COALESCE(tokens.revoked_at, $3) RETURNING expires_at",
                    )
                    .bind(token.as_str())
                    .bind(at_the_latest.as_second())
                    .bind(now.as_second())
                    .fetch_one(connection)
                    .await?;
                    time(row.try_get("expires_at")?)
                })
            })
            .await
    }

    /// Every token that was taken back and would otherwise still be good at `now`, with the time at
    /// which it ceases to be.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoked_tokens(&self, now: Timestamp) -> Result<Vec<RevokedToken>, StoreError> {
        let rows = query(
            "SELECT id, expires_at, revoked_for FROM tokens \
             WHERE revoked_at IS NOT NULL AND expires_at > $1 ORDER BY id",
        )
        .bind(now.as_second())
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(revoked_token).collect()
    }

    /// One token that was made here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token(&self, id: &TokenId) -> Result<Option<TokenRow>, StoreError> {
        let row = query("SELECT * FROM tokens WHERE id = $1 AND role IS NOT NULL")
            .bind(id.as_str())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(token_row).transpose()
    }

    /// Tokens that were made here, by id, which is the order in which they were made.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tokens(&self, filter: &TokenFilter) -> Result<Vec<TokenRow>, StoreError> {
        let mut query = query("SELECT * FROM tokens WHERE role IS NOT NULL");
        if let Some(conference) = &filter.conference {
            query
                .push(" AND conference = ")
                .push_bind(conference.as_str());
        }
        if let Some(now) = filter.valid_at {
            query.push(" AND expires_at > ").push_bind(now.as_second());
        }
        if let Some(after) = &filter.after {
            query.push(" AND id > ").push_bind(after.as_str());
        }
        query
            .push(" ORDER BY id LIMIT ")
            .push_bind(i64::from(filter.limit));
        let rows = query.fetch_all(&self.reader).await?;
        rows.iter().map(token_row).collect()
    }

    /// The tokens for somebody that are good at this moment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tokens_for(
        &self,
        subject: &str,
        now: Timestamp,
    ) -> Result<Vec<TokenId>, StoreError> {
        self.good_tokens(query(good_tokens!("subject")), subject, now)
            .await
    }

    /// The tokens that somebody had made and that are good at this moment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tokens_issued_by(
        &self,
        issued_by: &str,
        now: Timestamp,
    ) -> Result<Vec<TokenId>, StoreError> {
        self.good_tokens(query(good_tokens!("issued_by")), issued_by, now)
            .await
    }

    async fn good_tokens(
        &self,
        query: Query<'_>,
        whose: &str,
        now: Timestamp,
    ) -> Result<Vec<TokenId>, StoreError> {
        let rows = query
            .bind(whose.to_owned())
            .bind(now.as_second())
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(|row| parse(row.try_get("id")?)).collect()
    }

    /// Forgets the tokens whose time has long been over, and at once those of which nothing was
    /// known but that they were taken back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune_tokens(&self, now: Timestamp) -> Result<u64, StoreError> {
        let long_ago = now
            .saturating_sub(KEPT_AFTER_EXPIRY)
            .unwrap_or(Timestamp::MIN);
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    let pruned = query(
                        "DELETE FROM tokens \
                         WHERE expires_at <= $1 OR (expires_at <= $2 AND role IS NULL)",
                    )
                    .bind(long_ago.as_second())
                    .bind(now.as_second())
                    .execute(connection)
                    .await?;
                    Ok(pruned)
                })
            })
            .await
    }
}

pub(super) fn insert(rows: &[TokenRow]) -> Query<'_> {
    let mut insert = query(
        "INSERT INTO tokens (id, subject, role, site, conference, issued_by, issued_at, \
         expires_at, scope, province)",
    );
    insert.push_rows(rows.iter().map(|row| {
        [
            row.id.as_str().into(),
            (&row.subject).into(),
            row.role.as_str().into(),
            row.site.as_ref().map(SiteCode::as_str).into(),
            row.conference.as_ref().map(ConferenceId::as_str).into(),
            (&row.issued_by).into(),
            row.issued_at.as_second().into(),
            row.expires_at.as_second().into(),
            row.scope.as_ref().map(ToString::to_string).into(),
            row.province.as_ref().map(SiteCode::as_str).into(),
        ]
    }));
    insert
}

fn time(seconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_second(seconds).map_err(|error| StoreError::Unreadable(error.to_string()))
}

pub(super) fn revoked_token(row: &Row) -> Result<RevokedToken, StoreError> {
    Ok(RevokedToken {
        id: parse(row.try_get("id")?)?,
        expires_at: time(row.try_get("expires_at")?)?,
        why: why(row)?.unwrap_or_default(),
    })
}

/// Why it was taken back, if that was not because somebody has said so.
fn why(row: &Row) -> Result<Option<Withdrawn>, StoreError> {
    let why: Option<&str> = row.try_get("revoked_for")?;
    let why = why.map(str::parse).transpose();
    why.map_err(|error| StoreError::Unreadable(format!("{error}")))
}

pub(super) fn token_row(row: &Row) -> Result<TokenRow, StoreError> {
    let role: &str = row.try_get("role")?;
    let site: Option<&str> = row.try_get("site")?;
    let conference: Option<&str> = row.try_get("conference")?;
    let revoked_at: Option<i64> = row.try_get("revoked_at")?;
    let scope: Option<&str> = row.try_get("scope")?;
    let scope = scope.map(str::parse).transpose();
    let province: Option<&str> = row.try_get("province")?;
    Ok(TokenRow {
        id: parse(row.try_get("id")?)?,
        subject: row.try_get("subject")?,
        role: role
            .parse()
            .map_err(|error| StoreError::Unreadable(format!("{error}")))?,
        site: site.map(parse).transpose()?,
        conference: conference.map(parse).transpose()?,
        scope: scope.map_err(|error| StoreError::Unreadable(format!("{error}")))?,
        province: province.map(parse).transpose()?,
        issued_by: row.try_get("issued_by")?,
        issued_at: time(row.try_get("issued_at")?)?,
        expires_at: time(row.try_get("expires_at")?)?,
        revoked_at: revoked_at.map(time).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::location;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn row(id: &str, conference: &str, expires_at: i64) -> TokenRow {
        TokenRow {
            id: id.parse().unwrap(),
            subject: "00004".to_owned(),
            role: Role::Site,
            site: Some("00004".parse().unwrap()),
            conference: Some(conference.parse().unwrap()),
            scope: None,
            province: None,
            issued_by: "portal".to_owned(),
            issued_at: second(1),
            expires_at: second(expires_at),
            revoked_at: None,
        }
    }

    async fn store(directory: &tempfile::TempDir) -> Store {
        Store::open(&location(directory.path())).await.unwrap()
    }

    #[tokio::test]
    async fn a_revoked_token_is_remembered_until_it_expires() {
        let directory = tempfile::tempdir().unwrap();
        let [short, long, foreign] = ["a", "b", "c"].map(|id| id.parse::<TokenId>().unwrap());
        let opened = store(&directory).await;
        let made = [row("a", "weekly", 100), row("b", "weekly", 200)];
        opened.record_tokens(&made).await.unwrap();
        for token in [&short, &long] {
            opened.revoke_token(token, second(1)).await.unwrap();
        }
        let until = opened.revoke_token(&foreign, second(1)).await.unwrap();
        assert_eq!(until, second(1) + MAX_VALIDITY);
        let again = opened.revoke_token(&foreign, second(9)).await.unwrap();
        assert_eq!(again, until, "once is enough");
        opened.close().await;
        let opened = store(&directory).await;
        let remembered = opened.revoked_tokens(second(100)).await.unwrap();
        let taken_back = |id, expires_at| RevokedToken {
            id,
            expires_at,
            why: Withdrawn::TakenBack,
        };
        let expected = [taken_back(long, second(200)), taken_back(foreign, until)];
        assert_eq!(remembered, expected);
    }

    #[tokio::test]
    async fn tokens_are_listed_by_conference_and_page_by_page() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(&directory).await;
        let made = [
            row("a", "weekly", 100),
            row("b", "other", 200),
            row("c", "weekly", 200),
        ];
        store.record_tokens(&made).await.unwrap();
        let revoked = "a".parse().unwrap();
        store.revoke_token(&revoked, second(50)).await.unwrap();
        store
            .revoke_token(&"foreign".parse().unwrap(), second(50))
            .await
            .unwrap();
        let all = TokenFilter {
            limit: 10,
            ..TokenFilter::default()
        };
        let [mut a, b, c] = made;
        a.revoked_at = Some(second(50));
        let list = store.tokens(&all).await.unwrap();
        assert_eq!(list, [a.clone(), b, c.clone()]);
        let weekly = TokenFilter {
            conference: Some("weekly".parse().unwrap()),
            ..all.clone()
        };
        assert_eq!(store.tokens(&weekly).await.unwrap(), [a.clone(), c.clone()]);
        let still_valid = TokenFilter {
            valid_at: Some(second(100)),
            ..weekly.clone()
        };
        let listed = store.tokens(&still_valid).await.unwrap();
        assert_eq!(listed.as_slice(), std::slice::from_ref(&c));
        let second_page = TokenFilter {
            after: Some(a.id.clone()),
            limit: 1,
            ..weekly
        };
        assert_eq!(store.tokens(&second_page).await.unwrap(), [c]);
        assert_eq!(store.token(&a.id).await.unwrap(), Some(a));
    }

    #[tokio::test]
    async fn to_what_a_token_is_narrowed_is_written_down() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(&directory).await;
        let narrowed = TokenRow {
            scope: Some("readBookings invite".parse().unwrap()),
            province: Some("01".parse().unwrap()),
            ..row("a", "weekly", 100)
        };
        store
            .record_tokens(std::slice::from_ref(&narrowed))
            .await
            .unwrap();
        assert_eq!(store.token(&narrowed.id).await.unwrap(), Some(narrowed));
    }

    #[tokio::test]
    async fn what_nobody_asks_for_any_more_is_pruned() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(&directory).await;
        store
            .record_tokens(&[row("a", "weekly", 100)])
            .await
            .unwrap();
        let foreign = "foreign".parse().unwrap();
        let until = store.revoke_token(&foreign, second(1)).await.unwrap();
        assert_eq!(store.prune_tokens(second(200)).await.unwrap(), 0);
        let later = second(100) + KEPT_AFTER_EXPIRY;
        assert!(later > until);
        assert_eq!(store.prune_tokens(later).await.unwrap(), 2);
        assert!(store.revoked_tokens(second(1)).await.unwrap().is_empty());
    }
}
