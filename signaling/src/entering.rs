//! Coming in by the link of an invitation: one code for all days of a series, exchanged for the token of the
//! day that runs, or of the next one.

use jiff::{SignedDuration, Timestamp};

use crate::app::Inner;
use crate::auth::{Issued, LinkCode, Narrowing, NewToken, Role, SessionSecret, TokenError};
use crate::fresh;
use crate::invitations::{self, Stands};
use crate::links::{LinkError, usual_devices};
use crate::sites::Site;
use crate::store::{Entered, EnteredBy, Invited, StoreError, TokenRow};

/// How long after its end somebody may still be in a conference. Higher: a link that was passed on lets
/// somebody in for longer. Lower: whoever is in one that takes longer than planned has to go.
const AFTER_THE_END: SignedDuration = SignedDuration::from_hours(12);

/// The longest that a token is good which is made for a conference that is far away, and by how much less
/// it is still given out.
const LONGEST: SignedDuration = SignedDuration::from_hours(360 * 24);
const STILL_LONG: SignedDuration = SignedDuration::from_hours(300 * 24);

/// How often it begins again because somebody has changed meanwhile whom the booking invites.
const ATTEMPTS: usize = 5;

/// Who is invited by a code.
///
/// # Errors
/// [`LinkError::Unknown`] if nobody is, [`TokenError::NotInvited`] if the site is no more.
pub(crate) async fn invited(app: &Inner, code: &LinkCode) -> Result<(Invited, Site), LinkError> {
    let invited = app.store.invited_by(&code.hash()).await?;
    let invited = invited.ok_or(LinkError::Unknown)?;
    if !invited.is_invited {
        return Err(TokenError::NotInvited.into());
    }
    let site = app.store.site(&invited.site).await?;
    let site = site.filter(|site| !site.hidden);
    Ok((invited, site.ok_or(TokenError::NotInvited)?))
}

/// Notes that somebody has seen it, unless that is known. Failing that, it is noted the next time.
pub(crate) async fn note_opened(app: &Inner, code: &LinkCode, invited: &Invited) {
    if invited.is_news {
        let (code, now) = (code.hash(), app.clock.now().wall);
        if let Err(cause) = app.store.note_opened(&code, now).await {
            tracing::warn!(%cause, "it cannot be noted that an invitation was opened");
        }
    }
}

/// Exchanges a code for the token of the conference to which it leads at this moment: the same one each
/// time, as long as it is the same conference.
///
/// # Errors
/// When the code is not good, or not in this browser, or the last conference is over.
pub(crate) async fn exchange(
    app: &Inner,
    code: &LinkCode,
    device: &SessionSecret,
) -> Result<Issued, LinkError> {
    for _ in 0..ATTEMPTS {
        if let Some(issued) = attempt(app, code, device).await? {
            return Ok(issued);
        }
    }
    let busy = "whom the booking invites is being changed by somebody: open the link again";
    Err(StoreError::Unreadable(busy.to_owned()).into())
}

/// `None` if somebody has changed meanwhile whom the booking invites.
async fn attempt(
    app: &Inner,
    code: &LinkCode,
    device: &SessionSecret,
) -> Result<Option<Issued>, LinkError> {
    let (invited, site) = invited(app, code).await?;
    let now = app.clock.now().wall;
    let days = app.store.booked_days(&invited.booking).await?;
    let (at, stands) = invitations::current(&days, now).ok_or(LinkError::Unknown)?;
    let day = days.get(at).ok_or(LinkError::Unknown)?;
    let end = match stands {
        // One that takes longer than planned is not over.
        Stands::Ahead => day.day.ends_at.max(now),
        Stands::Over | Stands::Cancelled => day.day.ends_at,
    };
    let until = end.saturating_add(AFTER_THE_END).unwrap_or(end);
    if until <= now {
        return Err(TokenError::Expired.into());
    }
    let by = format!("invitation:{}", invited.booking);
    let (needed, valid) = (
        until.min(later(now, STILL_LONG)),
        until.min(later(now, LONGEST)),
    );
    let new = NewToken {
        subject: None,
        conference: Some(day.day.conference.clone()),
        site: Some(site.code),
        role: Role::Site,
        name: None,
        valid_for: valid.duration_since(now),
        narrowing: Narrowing::default(),
    };
    let issued = app.keys.issue(new.clone(), fresh::token_id(), now)?;
    let token = TokenRow {
        id: issued.id,
        subject: issued.subject,
        role: new.role,
        site: new.site,
        conference: new.conference,
        scope: None,
        province: None,
        issued_by: by,
        issued_at: now,
        expires_at: issued.expires_at,
        revoked_at: None,
    };
    let entering = EnteredBy {
        code: code.hash(),
        device: device.hash(),
        devices: usual_devices(),
        audience: invited.audience.clone(),
        conference: day.day.conference.clone(),
        token,
        until: needed,
    };
    let token = match app.store.enter_by(entering).await? {
        Entered::Unknown => return Err(LinkError::Unknown),
        Entered::Elsewhere => return Err(LinkError::Elsewhere),
        Entered::Changed => return Ok(None),
        Entered::Token(token) => token,
    };
    note_opened(app, code, &invited).await;
    give(app, token).map(Some)
}

/// The token that is written down so.
fn give(app: &Inner, token: TokenRow) -> Result<Issued, LinkError> {
    if token.revoked_at.is_some() {
        return Err(TokenError::Revoked.into());
    }
    let narrowing = token.narrowing();
    let new = NewToken {
        subject: Some(token.subject),
        conference: token.conference,
        site: token.site,
        role: token.role,
        name: None,
        valid_for: token.expires_at.duration_since(token.issued_at),
        narrowing,
    };
    Ok(app.keys.issue(new, token.id, token.issued_at)?)
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(now)
}
