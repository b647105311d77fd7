//! What is done with invitations: each site of a booking has its row, mails are queued, links issued anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::app::App;
use crate::booking::{Booking, BookingState};
use crate::directory::internal;
use crate::fresh;
use crate::ids::{BookingId, SiteCode};
use crate::invitations::Whom;
use crate::mail::{Content, Party};
use crate::refusal::{ErrorCode, Refusal};
use crate::store::{
    AT_ONCE, Addressee, InvitationFilter, NewMail, Newest, Reissued, Sending, Sent, StoreError,
};

/// Most sites that a refusal names.
const NAMED: usize = 10;

/// What came of sending.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Outcome {
    /// So many mails wait now.
    pub(crate) queued: u32,
    /// So many sites have no address.
    pub(crate) without_address: u32,
}

/// A booking whose invitations are looked at, or sent.
#[derive(Clone, Debug)]
pub(crate) struct Inviting {
    pub(crate) app: App,
    pub(crate) booking: Booking,
    /// Nothing if it is over.
    pub(crate) newest: Option<Newest>,
    pub(crate) now: Timestamp,
}

impl Inviting {
    /// Sees to it that each site which a booking invites has its row. Nobody is invited by a draft.
    pub(crate) async fn to(app: &App, booking: Booking) -> Result<Self, StoreError> {
        let now = app.clock.now().wall;
        if booking.state != BookingState::Draft {
            let codes = app.keys.invitation_codes();
            app.store.enrol(&booking.id, codes).await?;
        }
        let newest = app.store.newest_notice(&booking.id, now).await?;
        Ok(Self {
            app: Arc::clone(app),
            booking,
            newest,
            now,
        })
    }

    /// All of them, as far as somebody may see.
    pub(crate) fn all(&self, within: Option<SiteCode>) -> InvitationFilter {
        InvitationFilter {
            booking: self.booking.id.clone(),
            audience: self.booking.audience.clone(),
            newest: self.newest.map(|newest| newest.notice),
            within,
            below: None,
            state: None,
            after: None,
        }
    }

    /// Sends mails, to its end also where whoever has asked does not wait for it: what is queued when the
    /// server ends stays queued, and of the others nobody has been told that they are.
    pub(crate) async fn send(self, whom: Whom, by: &str) -> Result<Outcome, Refusal> {
        let newest = self.require_open()?;
        self.require_invited(&whom).await?;
        let tasks = self.app.tasks.clone();
        let by = by.to_owned();
        let sending = tasks.spawn(async move { self.send_all(whom, newest, by).await });
        sending.await.unwrap_or_else(|_| {
            let message = "the server has stopped meanwhile: see who was invited";
            Err(Refusal::new(ErrorCode::Internal, message))
        })
    }

    fn require_open(&self) -> Result<Newest, Refusal> {
        let closed = |message: &'static str| Refusal::new(ErrorCode::BookingClosed, message);
        if self.booking.state == BookingState::Draft {
            return Err(closed("nobody is told of a draft: publish it first"));
        }
        self.newest
            .ok_or_else(|| closed("it is over: nobody is invited to it any more"))
    }

    async fn require_invited(&self, whom: &Whom) -> Result<(), Refusal> {
        let Whom::Sites(sites) = whom else {
            return Ok(());
        };
        let audience = self.app.store.audience(&self.booking.audience).await;
        let audience = audience.map_err(|cause| internal(&cause))?;
        let is_stranger = |site: &&SiteCode| audience.codes().binary_search(site).is_err();
        let strangers: Vec<_> = sites.iter().filter(is_stranger).take(NAMED).collect();
        if strangers.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = strangers.into_iter().map(SiteCode::as_str).collect();
        let message = format!("the booking does not invite {}", named.join(", "));
        Err(Refusal::new(ErrorCode::NotFound, message))
    }

    async fn send_all(self, whom: Whom, newest: Newest, by: String) -> Result<Outcome, Refusal> {
        let mut outcome = Outcome::default();
        for whom in parts(whom) {
            let mut after = None;
            loop {
                let sending = Sending {
                    booking: self.booking.id.clone(),
                    audience: self.booking.audience.clone(),
                    notice: newest.notice,
                    only_told: self.booking.state == BookingState::Cancelled,
                    whom: whom.clone(),
                    after,
                    by: by.clone(),
                    now: self.now,
                };
                let sent = self.app.store.send_invitations(sending, self.mail(newest));
                let sent = sent.await.map_err(|cause| internal(&cause))?;
                if sent.queued > 0 {
                    self.app.post.wake();
                }
                refuse(&sent, outcome.queued)?;
                outcome.queued = outcome.queued.saturating_add(sent.queued);
                outcome.without_address =
                    outcome.without_address.saturating_add(sent.without_address);
                after = sent.last;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(outcome)
    }

    fn mail(
        &self,
        newest: Newest,
    ) -> impl Fn(&Addressee) -> Option<NewMail> + Send + Sync + 'static {
        let booking = self.booking.id.clone();
        move |to| mail(&booking, newest, to)
    }

    /// Issues the link of a site anew, and sends away whoever is in by the one before.
    pub(crate) async fn reissue(&self, site: &SiteCode, by: &str) -> Result<String, Refusal> {
        self.require_open()?;
        let app = &self.app;
        let codes = app.keys.invitation_codes();
        let reissued = app
            .store
            .reissue(&self.booking.id, site, codes, (by, self.now));
        let reissued = reissued.await.map_err(|cause| internal(&cause))?;
        let Some(Reissued { code, revoked }) = reissued else {
            let message = format!("the booking does not invite {site}");
            return Err(Refusal::new(ErrorCode::NotFound, message));
        };
        if app.keys.revoked().extend(revoked) {
            app.directory.tokens_revoked().await;
        }
        let config = app.config();
        Ok(short_link(&config.base_url(app.http), &code.reveal()))
    }
}

/// Sees meanwhile to it that each site which a booking invites has its row, so that whoever looks at them
/// first does not wait for 50,000. Where that fails it is done when somebody looks.
pub(crate) fn enrol_soon(app: &App, booking: &Booking) {
    if booking.state == BookingState::Draft {
        return;
    }
    let (app, booking) = (Arc::clone(app), booking.id.clone());
    let tasks = app.tasks.clone();
    tasks.spawn(async move {
        let codes = app.keys.invitation_codes();
        let enrolling = app.store.enrol(&booking, codes);
        if let Some(Err(cause)) = app.draining.run_until_cancelled(enrolling).await {
            tracing::warn!(%booking, %cause, "not every site that is invited has its row");
        }
    });
}

/// Tells those who were told of a booking that it is cancelled. Whom it does not reach is told when the server
/// starts the next time.
pub(crate) async fn tell_cancelled(app: &App, booking: Booking, by: &str) {
    if !app.config().mail.is_on() {
        return;
    }
    let id = booking.id.clone();
    let told = async {
        let inviting = Inviting::to(app, booking).await;
        let inviting = inviting.map_err(|cause| internal(&cause))?;
        inviting.send(Whom::MustBeToldAgain, by).await
    };
    match told.await {
        Ok(_) => {}
        // It is over by now.
        Err(refusal) if refusal.code == ErrorCode::BookingClosed => {}
        Err(why) => tracing::warn!(booking = %id, %why, "not all are told that it is cancelled"),
    }
}

/// Goes on with telling of what was cancelled where the server has ended in the middle of that.
pub(crate) async fn resume(app: &App) {
    let now = app.clock.now().wall;
    let untold = match app.store.cancelled_untold(now).await {
        Ok(untold) => untold,
        Err(cause) => return tracing::warn!(%cause, "cannot see who is to be told of what"),
    };
    for id in untold {
        if let Ok(Some(booking)) = app.store.booking(&id).await
            && booking.state == BookingState::Cancelled
        {
            let by = booking.changed_by.clone();
            tell_cancelled(app, booking, &by).await;
        }
    }
}

/// What is sent by mail, and printed on paper.
pub(crate) fn short_link(base_url: &str, code: &str) -> String {
    format!("{base_url}/m/{code}")
}

/// Sites that are named, some at a time.
fn parts(whom: Whom) -> Vec<Whom> {
    match whom {
        Whom::Sites(sites) => {
            let sites: Vec<_> = sites.into_iter().collect();
            let parts = sites.chunks(AT_ONCE);
            parts
                .map(|part| Whom::Sites(part.iter().cloned().collect::<BTreeSet<_>>()))
                .collect()
        }
        Whom::States(_) | Whom::MustBeToldAgain => vec![whom],
    }
}

fn refuse(sent: &Sent, queued: u32) -> Result<(), Refusal> {
    if sent.is_full {
        let message = format!(
            "too many mails wait, {queued} of these among them: look at `/mail/summary` for why they do \
             not leave"
        );
        return Err(Refusal::new(ErrorCode::LimitReached, message));
    }
    if sent.is_stale {
        let message = "somebody has changed meanwhile whom it invites: look at it again";
        return Err(Refusal::new(ErrorCode::BookingStale, message));
    }
    Ok(())
}

fn mail(booking: &BookingId, newest: Newest, to: &Addressee) -> Option<NewMail> {
    let party = Party::new(&to.name, &to.address).ok()?;
    let Newest { notice, ends_at } = newest;
    let content = Content::Invitation {
        booking: booking.clone(),
        site: to.site.clone(),
        notice,
    };
    Some(NewMail {
        id: fresh::mail(),
        about: format!("invitation:{booking}:{}:{notice}:{}", to.site, to.sends),
        recipient: party.address().to_string(),
        content: content.to_json(),
        useless_at: ends_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_that_are_named_are_looked_at_some_at_a_time() {
        let sites = (0..AT_ONCE * 2 + 1).map(|number| format!("{number:05}").parse().unwrap());
        let parts = parts(Whom::Sites(sites.collect()));
        let sizes: Vec<_> = parts
            .iter()
            .map(|part| match part {
                Whom::Sites(sites) => sites.len(),
                Whom::States(_) | Whom::MustBeToldAgain => 0,
            })
            .collect();
        assert_eq!(sizes, [AT_ONCE, AT_ONCE, 1]);
    }

    #[test]
    fn a_site_whose_address_is_none_gets_no_mail() {
        let to = |address: &str| Addressee {
            site: "00004".parse().unwrap(),
            name: "Ba Đình".to_owned(),
            address: address.to_owned(),
            sends: 2,
        };
        let newest = Newest {
            notice: 3,
            ends_at: Timestamp::UNIX_EPOCH,
        };
        let booking: BookingId = "b".parse().unwrap();
        let about = mail(&booking, newest, &to("xa@example.vn")).unwrap().about;
        assert_eq!(about, "invitation:b:00004:3:2");
        assert_eq!(mail(&booking, newest, &to("xa@")), None);
    }
}
