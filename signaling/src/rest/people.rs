//! `/people`: who may be named in a plan, for whoever plans. No more is told of them than that takes.

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::checked;
use super::{ApiError, ErrorBody, Json, Path, Query};
use crate::accounts::{Account, AccountRole};
use crate::app::App;
use crate::auth::{Grant, Verb};
use crate::ids::AccountId;
use crate::refusal::ErrorCode;
use crate::store::AccountFilter;

/// Most people of one answer: whoever looks for somebody among more writes another word.
const MAX_LIMIT: u32 = 50;

/// So many accounts are looked at in turn, some of which are disabled.
const LOOKED_AT: u32 = 100;

/// How often more of them are looked at. Higher: who searches among thousands that are disabled finds more.
const LOOKS: u32 = 5;

/// Somebody who may lead a conference or run it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PersonInPlans)]
pub(super) struct Person {
    /// The account.
    id: AccountId,
    /// The person's name.
    #[schema(example = "Nguyễn Thị An")]
    name: String,
    /// What the person may do.
    role: AccountRole,
    /// Whether nobody logs in with the account for now.
    is_disabled: bool,
}

impl From<Account> for Person {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            name: account.name,
            role: account.role,
            is_disabled: account.is_disabled,
        }
    }
}

/// Whom to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PeopleQuery {
    /// Whose name, login or mail address contains each of these words, whatever their case and diacritics.
    search: Option<String>,
    /// Most people of the answer.
    #[param(default = 50, minimum = 1, maximum = 50)]
    limit: Option<u32>,
}

/// People who may be named as chair or operator of a booking, by login. Nobody whose account is disabled.
#[utoipa::path(
    get,
    path = "/people",
    tag = "bookings",
    params(PeopleQuery),
    responses((status = OK, body = Vec<Person>))
)]
pub(super) async fn list(
    State(app): State<App>,
    grant: Grant,
    Query(PeopleQuery { search, limit }): Query<PeopleQuery>,
) -> Result<Json<Vec<Person>>, ApiError> {
    grant.permit(Verb::Book)?;
    let most = checked(limit, MAX_LIMIT)? as usize;
    let mut filter = AccountFilter {
        query: search,
        limit: LOOKED_AT,
        ..AccountFilter::default()
    };
    let mut people = Vec::new();
    for _ in 0..LOOKS {
        let found = app.store.accounts(&filter).await?;
        let is_last = found.len() < LOOKED_AT as usize;
        filter.after = found.last().map(|account| account.login.clone());
        let found = found.into_iter().filter(|account| !account.is_disabled);
        people.extend(found.map(Person::from));
        if is_last || people.len() >= most {
            break;
        }
    }
    people.truncate(most);
    Ok(Json(people))
}

/// Somebody who is named in a plan.
#[utoipa::path(
    get,
    path = "/people/{account}",
    tag = "bookings",
    params(("account" = AccountId, Path)),
    responses(
        (status = OK, body = Person),
        (status = NOT_FOUND, body = ErrorBody, description = "there is no such account"),
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    grant: Grant,
    Path(id): Path<AccountId>,
) -> Result<Json<Person>, ApiError> {
    grant.permit(Verb::Book)?;
    let account = app.store.account(id).await?;
    let person = account.map(Person::from).ok_or_else(|| {
        let message = format!("there is no account {id}");
        ApiError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
    })?;
    Ok(Json(person))
}
