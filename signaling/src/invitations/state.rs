//! How it stands with an invitation, and to whom invitations are sent.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::SiteCode;

/// How it stands with an invitation.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
    ToSchema,
)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "snake_case")]
pub enum InvitationState {
    /// Nobody was written to.
    NotSent,
    /// The mail waits for its turn, or is being sent.
    Queued,
    /// The mail server has taken it.
    Sent,
    /// The page behind the link was opened since then.
    Opened,
    /// The mail was not taken, or tried in vain for too long.
    Refused,
}

/// To whom of those who are invited a mail is sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Whom {
    /// To these sites.
    Sites(BTreeSet<SiteCode>),
    /// To those whose invitation stands so.
    States(BTreeSet<InvitationState>),
    /// To those who were told of something that has changed since.
    MustBeToldAgain,
}
