//! What somebody has done: one line of the log of acts.

use jiff::Timestamp;
use serde::Serialize;

use crate::auth::Role;
use crate::ids::{AccountId, ActId, TokenId};

/// A change that somebody asked for over REST, and what came of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Act {
    /// Sorts by time.
    pub id: ActId,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who: the subject of a token, or `account:` and the id of an account.
    #[schema(example = "account:01JD8Y6Q0B9FJ3V2K7T5C4X1HE")]
    pub subject: String,
    /// The person's name, or what the token gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The account, if it was a person who had logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// As what.
    pub role: Role,
    /// The id of the token, or of the login.
    pub token: TokenId,
    /// How.
    #[schema(example = "POST")]
    pub method: String,
    /// Of which kind.
    #[schema(example = "/api/v1/conferences/{conference}/start")]
    pub route: String,
    /// About what.
    #[schema(example = "/api/v1/conferences/weekly/start")]
    pub about: String,
    /// What came of it: the status of the answer; 0 if nobody waited for one.
    #[schema(example = 200)]
    pub status: u16,
    /// Why it was refused, by its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// From which address.
    #[schema(example = "192.0.2.7")]
    pub address: String,
}
