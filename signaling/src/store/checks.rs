//! What came of checks: the last one of each site, and of each address without a site.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Store;
use super::backend::{Connection, ROWS_PER_INSERT, Row, query};
use super::error::StoreError;
use super::rows::parse;
use super::sites::push_within;
use crate::check::{Cause, Outcome, OutcomeFilter};
use crate::ids::SiteCode;
use crate::readiness::{Checked, Found};

/// Most that are kept of strangers; beyond, the oldest goes. Of sites there is one each, so that no crowd
/// of strangers has them unknown before a conference, nor do those of them that were checked last.
const MOST: u32 = 20_000;

impl Store {
    /// Keeps what came of a check in place of what came of the last one of the same site or address.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_check(&self, outcome: Outcome) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| Box::pin(keep(connection, outcome, MOST)))
            .await
    }

    /// What came of checks, the newest first, at most so many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn checks(
        &self,
        filter: &OutcomeFilter,
        most: u32,
    ) -> Result<Vec<Outcome>, StoreError> {
        let mut query = query(
            "SELECT code, at, site, address, cause, measured FROM checks \
             WHERE ($1 IS NULL OR code = $1) AND ($2 IS NULL OR site = $2) AND at > $3",
        )
        .bind(filter.code.map(|code| code.to_string()))
        .bind(filter.site.as_ref().map(ToString::to_string))
        .bind(filter.since.map_or(i64::MIN, Timestamp::as_millisecond));
        if let Some(within) = &filter.within {
            query.push(" AND site IN (");
            push_within(&mut query, within);
            query.push(")");
        }
        query
            .push(" ORDER BY at DESC LIMIT ")
            .push_bind(i64::from(most));
        let rows = query.fetch_all(&self.reader).await?;
        rows.iter().map(outcome).collect()
    }

    /// What the last check of each site found, of those made since then.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn found_since(&self, since: Timestamp) -> Result<Found, StoreError> {
        // A row of each cause: one of each site is too much for a question that is asked every minute.
        let rows = query(
            "SELECT cause, string_agg(site, $1) AS sites FROM checks \
             WHERE site IS NOT NULL AND at >= $2 GROUP BY cause",
        )
        .bind("\n")
        .bind(since.as_millisecond())
        .fetch_all(&self.reader)
        .await?;
        let found = |row: &Row| Ok((cause(row)?, row.try_get("sites")?));
        rows.iter().map(found).collect()
    }

    /// What the last check of each of these sites found, of those made since then.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn checks_of(
        &self,
        sites: &[SiteCode],
        since: Timestamp,
    ) -> Result<HashMap<SiteCode, Checked>, StoreError> {
        let mut found = HashMap::new();
        for sites in sites.chunks(ROWS_PER_INSERT) {
            let mut query = query("SELECT code, at, site, cause FROM checks WHERE at >= ");
            query.push_bind(since.as_millisecond());
            query.push(" AND of_whom IN ");
            query.push_list(sites.iter().map(|site| format!("site {site}").into()));
            for row in query.fetch_all(&self.reader).await? {
                found.insert(parse(row.try_get("site")?)?, checked(&row)?);
            }
        }
        Ok(found)
    }
}

fn checked(row: &Row) -> Result<Checked, StoreError> {
    let at = Timestamp::from_millisecond(row.try_get("at")?)
        .map_err(|error| StoreError::Unreadable(error.to_string()))?;
    Ok(Checked {
        code: parse(row.try_get("code")?)?,
        at,
        cause: cause(row)?,
    })
}

fn cause(row: &Row) -> Result<Cause, StoreError> {
    let cause: String = row.try_get("cause")?;
    let cause = serde_json::from_value(cause.into());
    cause.map_err(|error| StoreError::Unreadable(error.to_string()))
}

async fn keep(connection: &mut Connection, outcome: Outcome, most: u32) -> Result<(), StoreError> {
    let unreadable = |error: serde_json::Error| StoreError::Unreadable(error.to_string());
    let measured = serde_json::to_string(&outcome.measured).map_err(unreadable)?;
    let cause = serde_json::to_value(outcome.cause).map_err(unreadable)?;
    query(
        "INSERT INTO checks (of_whom, code, at, site, address, cause, measured) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (of_whom) DO UPDATE SET \
         code = excluded.code, at = excluded.at, site = excluded.site, \
         address = excluded.address, cause = excluded.cause, measured = excluded.measured",
    )
    .bind(outcome.of_whom())
    .bind(outcome.code.to_string())
    .bind(outcome.at.as_millisecond())
    .bind(outcome.site.as_ref().map(ToString::to_string))
    .bind(&outcome.address)
    .bind(cause.as_str().unwrap_or_default())
    .bind(measured)
    .execute(&mut *connection)
    .await?;
    if outcome.site.is_some() {
        return Ok(());
    }
    query(
        "DELETE FROM checks WHERE site IS NULL AND at <= \
         (SELECT at FROM checks WHERE site IS NULL ORDER BY at DESC LIMIT 1 OFFSET $1)",
    )
    .bind(i64::from(most))
    .execute(connection)
    .await?;
    Ok(())
}

fn outcome(row: &Row) -> Result<Outcome, StoreError> {
    let Checked { code, at, cause } = checked(row)?;
    let site: Option<&str> = row.try_get("site")?;
    Ok(Outcome {
        code,
        at,
        site: site.map(parse).transpose()?,
        address: row.try_get("address")?,
        cause,
        measured: serde_json::from_str(row.try_get("measured")?)
            .map_err(|error| StoreError::Unreadable(error.to_string()))?,
    })
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;
    use crate::check::{Cause, CheckCode, Measured};
    use crate::testing::location;

    fn of(site: Option<&str>, address: &str, number: u32) -> Outcome {
        Outcome {
            code: CheckCode::new(number),
            at: Timestamp::from_second(i64::from(number)).unwrap(),
            site: site.map(|code| code.parse().unwrap()),
            address: address.to_owned(),
            cause: Cause::UdpBlocked,
            measured: Measured {
                udp: Some(false),
                ..Measured::default()
            },
        }
    }

    fn again_site() -> SiteCode {
        "00004".parse().unwrap()
    }

    #[tokio::test]
    async fn the_last_check_of_a_site_or_of_an_address_is_found_by_code_and_by_site() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&location(directory.path())).await.unwrap();
        let [first, again] = [1, 2].map(|number| of(Some("00004"), "192.0.2.1", number));
        let stranger = of(None, "192.0.2.1", 3);
        for outcome in [&first, &again, &stranger] {
            store.keep_check(outcome.clone()).await.unwrap();
        }
        let found = async |filter: OutcomeFilter| store.checks(&filter, 10).await.unwrap();
        let all = found(OutcomeFilter::default()).await;
        assert_eq!(all, [stranger.clone(), again.clone()]);
        let by_site = OutcomeFilter {
            site: again.site.clone(),
            ..OutcomeFilter::default()
        };
        assert_eq!(found(by_site).await, [again]);
        let by_code = |outcome: &Outcome| OutcomeFilter {
            code: Some(outcome.code),
            ..OutcomeFilter::default()
        };
        assert_eq!(found(by_code(&stranger)).await, from_ref(&stranger));
        assert_eq!(found(by_code(&first)).await, [], "there is a newer one");
        let newer = OutcomeFilter {
            since: Some(all[1].at),
            ..OutcomeFilter::default()
        };
        assert_eq!(found(newer).await, from_ref(&stranger));
        let fewer = store.checks(&OutcomeFilter::default(), 1).await.unwrap();
        assert_eq!(fewer, [stranger]);
        let (site, at) = (again_site(), Timestamp::from_second(2).unwrap());
        let found = store.found_since(at).await.unwrap();
        let sites: Vec<_> = found.iter().map(|(_, sites)| sites.as_str()).collect();
        assert_eq!(sites, [site.as_str()], "a stranger is no site");
        let sites = [site.clone(), "99999".parse().unwrap()];
        let known = store.checks_of(&sites, at).await.unwrap();
        assert_eq!(known.keys().collect::<Vec<_>>(), [&site]);
        assert_eq!((known[&site].at, known[&site].cause), (at, found[0].0));
        let later = Timestamp::from_second(3).unwrap();
        assert!(store.found_since(later).await.unwrap().is_empty());
        assert!(store.checks_of(&sites, later).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn no_crowd_has_the_check_of_a_site_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&location(directory.path())).await.unwrap();
        for number in 1..=9 {
            let site = format!("0000{number}");
            let of_whom = (number <= 4).then_some(site.as_str());
            let outcome = of(of_whom, &format!("192.0.2.{number}"), number);
            let kept = store
                .writer
                .write(move |connection| Box::pin(keep(connection, outcome, 3)));
            kept.await.unwrap();
        }
        let all = store.checks(&OutcomeFilter::default(), 10).await.unwrap();
        let sites = all.iter().filter(|it| it.site.is_some()).count();
        assert_eq!((sites, all.len() - sites), (4, 3));
    }

    #[tokio::test]
    async fn however_many_come_the_oldest_make_room() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&location(directory.path())).await.unwrap();
        for number in 1..=5 {
            let outcome = of(None, &format!("192.0.2.{number}"), number);
            let kept = store
                .writer
                .write(move |connection| Box::pin(keep(connection, outcome, 3)));
            kept.await.unwrap();
        }
        let all = store.checks(&OutcomeFilter::default(), 10).await.unwrap();
        let addresses: Vec<_> = all.iter().map(|it| it.address.as_str()).collect();
        assert_eq!(addresses, ["192.0.2.5", "192.0.2.4", "192.0.2.3"]);
    }
}
