//! What a mail that waits is to say. It is written when its turn comes: of what it tells only the latest is
//! of use, and no link stands in the store.

use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::invitation;
use super::letter::Letter;
use super::party::{Party, PartyError};
use crate::app::Inner;
use crate::ids::{BookingId, SiteCode};
use crate::store::{QueuedMail, StoreError};

/// What a mail is to say, as it is kept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Content {
    /// That mail arrives.
    Trial,
    /// To what a site is invited, what of it has changed, or that it does not take place: whichever is so
    /// when its turn comes.
    Invitation {
        /// To what.
        booking: BookingId,
        /// Which site.
        site: SiteCode,
        /// The notice of the booking when it was asked for.
        notice: u32,
    },
}

impl Content {
    /// As it is kept.
    #[must_use]
    pub fn to_json(&self) -> String {
        // It has string keys only, which is all that could go wrong.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Why a mail is not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwritten {
    /// It is not to be sent any more.
    #[error("{0}")]
    NotNeeded(String),
    /// It has no address.
    #[error("the address {0}")]
    Address(#[from] PartyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes a mail that has its turn.
pub(super) async fn compose(
    app: &Inner,
    desk: &mut Desk,
    mail: &QueuedMail,
) -> Result<Letter, Unwritten> {
    let unreadable = |error: serde_json::Error| Unwritten::NotNeeded(error.to_string());
    match serde_json::from_str(&mail.content).map_err(unreadable)? {
        Content::Trial => trial(app, mail),
        Content::Invitation { booking, site, .. } => {
            invitation::compose(app, desk, mail, (booking, site)).await
        }
    }
}

fn trial(app: &Inner, mail: &QueuedMail) -> Result<Letter, Unwritten> {
    let url = app.config().base_url(app.http);
    let text = format!(
        "Thư này cho biết máy chủ họp trực tuyến {url} gửi được thư.\r\n\r\n\
         This mail says that the conference server {url} can send mail.\r\n"
    );
    Ok(Letter {
        to: Party::new("", &mail.recipient)?,
        subject: "Thư thử – Test mail".to_owned(),
        html: paragraphs(&text),
        text,
        calendar: None,
    })
}

/// A text as HTML.
fn paragraphs(text: &str) -> String {
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let paragraphs = escaped.split("\r\n\r\n");
    paragraphs
        .map(|text| format!("<p>{text}</p>\r\n"))
        .collect()
}
