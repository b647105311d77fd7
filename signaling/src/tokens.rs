//! Making tokens: judged, signed, written down, and only then handed out.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::auth::{Grant, Issued, Keys, Narrowing, NewToken, Rights, Role, TokenError, Verb};
use crate::booking::{Occurrence, OccurrenceState};
use crate::conference::Settings;
use crate::fresh;
use crate::ids::{ConferenceId, SiteCode};
use crate::sites::{Site, SiteFilter};
use crate::store::{Store, StoreError, TokenRow};

/// Most tokens that are made at once. The whole country has about 3,400 sites.
pub const MAX_AT_ONCE: usize = 10_000;

/// So many are signed before others get a turn.
const SIGNED_AT_ONCE: usize = 64;

/// Most wrong values that an error repeats.
const NAMED: usize = 10;

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// There is no such conference.
    #[error("there is no conference {0}")]
    UnknownConference(ConferenceId),
    /// There are no such sites.
    #[error("there is no site {}: import it first", list(.0))]
    UnknownSites(Vec<SiteCode>),
    /// Too many, or none.
    #[error("{0} tokens were asked for, and 1 to {MAX_AT_ONCE} are made at once")]
    Number(usize),
    /// The claims make no sense together.
    #[error(transparent)]
    Claims(#[from] TokenError),
    /// Whoever has it made may not do that itself.
    #[error("a token cannot be made by one that is narrower: it may not {} (`{}`)", .0.name(), .0.as_str())]
    Wider(Verb),
    /// They cannot be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn list(codes: &[SiteCode]) -> String {
    let shown: Vec<_> = codes.iter().take(NAMED).map(SiteCode::as_str).collect();
    let more = codes.len().saturating_sub(NAMED);
    let shown = shown.join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
}

/// One token for each of many sites.
#[derive(Clone, Debug)]
pub struct ForSites {
    /// For which conference.
    pub conference: ConferenceId,
    /// What their bearers are.
    pub role: Role,
    /// For which sites; all that the conference expects if `None`.
    pub sites: Option<BTreeSet<SiteCode>>,
    /// How long they are good for.
    pub valid_for: SignedDuration,
}

/// Where tokens are made: with these keys, and written down here.
#[derive(Clone, Copy, Debug)]
pub struct Mint<'a> {
    /// Who signs.
    pub keys: &'a Keys,
    /// Where it is written down.
    pub store: &'a Store,
    /// Who has them made.
    pub by: &'a str,
    /// By which grant, if by one: nobody gives away by a token what they may not do themselves.
    pub within: Option<&'a Grant>,
    /// When.
    pub now: Timestamp,
}

impl Mint<'_> {
    /// Makes one token.
    ///
    /// # Errors
    /// When it would be for a place or conference that is not known, or cannot be written down.
    pub async fn one(&self, new: NewToken) -> Result<Issued, IssueError> {
        if let Some(id) = &new.conference {
            self.require_conference(id).await?;
        }
        if let Some(code) = &new.site
            && self.store.site(code).await?.is_none()
        {
            return Err(IssueError::UnknownSites(vec![code.clone()]));
        }
        let (issued, row) = self.sign(new)?;
        self.store.record_tokens(&[row]).await?;
        Ok(issued)
    }

    /// Makes one token for each site, in the order of their codes: all of them or none.
    ///
    /// # Errors
    /// When the conference or a site is not known, or they cannot be written down.
    pub async fn for_sites(&self, wanted: ForSites) -> Result<Vec<(Site, Issued)>, IssueError> {
        self.require_conference(&wanted.conference).await?;
        let sites = self.sites(&wanted).await?;
        if !(1..=MAX_AT_ONCE).contains(&sites.len()) {
            return Err(IssueError::Number(sites.len()));
        }
        let mut made = Vec::with_capacity(sites.len());
        let mut rows = Vec::with_capacity(sites.len());
        for (index, site) in sites.into_iter().enumerate() {
            let new = NewToken {
                subject: None,
                conference: Some(wanted.conference.clone()),
                site: Some(site.code.clone()),
                role: wanted.role,
                name: None,
                valid_for: wanted.valid_for,
                narrowing: Narrowing::default(),
            };
            let (issued, row) = self.sign(new)?;
            made.push((site, issued));
            rows.push(row);
            if index % SIGNED_AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
        }
        self.store.record_tokens(&rows).await?;
        Ok(made)
    }

    async fn require_conference(&self, id: &ConferenceId) -> Result<(), IssueError> {
        if self.store.conference(id).await?.is_some() || self.booked(id).await?.is_some() {
            return Ok(());
        }
        Err(IssueError::UnknownConference(id.clone()))
    }

    /// The published day that becomes this conference.
    async fn booked(&self, id: &ConferenceId) -> Result<Option<Occurrence>, StoreError> {
        let day = self.store.occurrence(id).await?;
        Ok(day.filter(|day| day.state == OccurrenceState::Published))
    }

    async fn sites(&self, wanted: &ForSites) -> Result<Vec<Site>, IssueError> {
        let chosen = match &wanted.sites {
            Some(chosen) => chosen.clone(),
            None => self.expected(&wanted.conference).await?,
        };
        let mut known = self.store.sites(&SiteFilter::default()).await?;
        known.retain(|site| chosen.contains(&site.code));
        let found: BTreeSet<_> = known.iter().map(|site| &site.code).collect();
        let unknown: Vec<_> = chosen
            .iter()
            .filter(|code| !found.contains(code))
            .cloned()
            .collect();
        if unknown.is_empty() {
            Ok(known)
        } else {
            Err(IssueError::UnknownSites(unknown))
        }
    }

    async fn expected(&self, id: &ConferenceId) -> Result<BTreeSet<SiteCode>, IssueError> {
        let Some(state) = self.store.load_state(id, Settings::default()).await? else {
            let booked = self.booked(id).await?;
            let day = booked.ok_or_else(|| IssueError::UnknownConference(id.clone()))?;
            let codes = self.store.audience_codes(&day.audience).await?;
            return Ok(codes.into_iter().collect());
        };
        Ok(state
            .roster()
            .sites()
            .map(|(code, _)| code.clone())
            .collect())
    }

    /// Of what its maker's role may, a token may no more than its maker. That of a narrowed token is: what
    /// is a site's own to do is no administrator's.
    fn require_no_wider(&self, new: &NewToken) -> Result<(), IssueError> {
        let Some(own) = self.within else {
            return Ok(());
        };
        let made = Rights {
            role: new.role,
            scope: new.narrowing.scope,
        };
        let mut both = Verb::ALL.iter().copied();
        let wider =
            both.find(|verb| made.may(*verb) && own.role().may(*verb) && !own.rights().may(*verb));
        if let Some(verb) = wider {
            return Err(IssueError::Wider(verb));
        }
        Ok(())
    }

    fn sign(&self, new: NewToken) -> Result<(Issued, TokenRow), IssueError> {
        self.require_no_wider(&new)?;
        let (role, site, conference) = (new.role, new.site.clone(), new.conference.clone());
        let narrowing = new.narrowing.clone();
        let issued = self.keys.issue(new, fresh::token_id(), self.now)?;
        let row = TokenRow {
            id: issued.id.clone(),
            subject: issued.subject.clone(),
            role,
            site,
            conference,
            scope: narrowing.scope,
            province: narrowing.province,
            issued_by: self.by.to_owned(),
            issued_at: self.now,
            expires_at: issued.expires_at,
            revoked_at: None,
        };
        Ok((issued, row))
    }
}
