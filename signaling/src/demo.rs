//! `dinh serve --demo`: the country's sites, a conference that runs, and three links into it.

use std::fmt;
use std::sync::atomic::Ordering;

use jiff::SignedDuration;

use crate::auth::{Narrowing, NewToken, Role};
use crate::conference::Actor;
use crate::conference::{Phase, PhaseCommand};
use crate::directory::NewConference;
use crate::ids::{ConferenceId, SiteCode};
use crate::links::{self, NewLink};
use crate::refusal::Refusal;
use crate::server::Server;
use crate::sites::{Level, SiteFilter, Wish};
use crate::store::{Consent, ImportFailure, StoreError};
use crate::tokens::IssueError;

/// The sites of Viet Nam since July 2025: 1 centre, 34 provinces, 3,321 communes.
pub const SITES: &str = include_str!("../data/sites-vn-2025.csv");

/// Id of the first demo conference; a further one, once that has ended, has a number after it.
const ID: &str = "demo";

/// What people call it.
const TITLE: &str = "Giao ban thử nghiệm";

/// How long the links are good for.
const VALID_FOR: SignedDuration = SignedDuration::from_hours(12);

/// In how many browsers each may be opened: a demo is for trying things.
const DEVICES: u32 = 16;

/// Three ways into the demo conference.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Links {
    /// For whoever runs it.
    pub operator: String,
    /// For the central hall.
    pub hall: String,
    /// For one commune.
    pub site: String,
    /// Which commune.
    pub site_name: String,
}

impl fmt::Display for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Operator  {}", self.operator)?;
        writeln!(f, "Hall      {}", self.hall)?;
        write!(f, "Commune   {}  ({})", self.site, self.site_name)
    }
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The sites were not imported.
    #[error(transparent)]
    Sites(#[from] ImportFailure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The conference was refused.
    #[error(transparent)]
    Conference(#[from] Refusal),
    /// A token was refused.
    #[error(transparent)]
    Token(#[from] IssueError),
    /// The data directory has other sites.
    #[error("there is no {0} among the imported sites: use a fresh data directory")]
    NoSite(&'static str),
}

/// Makes sure that the demo runs, and links to it.
///
/// # Errors
/// When the sites or the conference cannot be made.
pub async fn prepare(server: &Server) -> Result<Links, DemoError> {
    server.app().is_demo.store(true, Ordering::Relaxed);
    let store = &server.app().store;
    if store.sites(&SiteFilter::default()).await?.is_empty() {
        let (wish, consent) = (Wish::default(), Consent::default());
        store
            .import_sites(SITES.as_bytes(), &wish, &consent)
            .await?;
    }
    let conference = running(server).await?;
    let first = |level: Level| async move {
        let filter = SiteFilter {
            level: Some(level),
            ..SiteFilter::default()
        };
        store
            .sites(&filter)
            .await
            .map(|sites| sites.into_iter().next())
    };
    let centre = first(Level::Central)
        .await?
        .ok_or(DemoError::NoSite("centre"))?;
    let commune = first(Level::Commune)
        .await?
        .ok_or(DemoError::NoSite("commune"))?;
    let link = async |role: Role, site: Option<SiteCode>| -> Result<String, IssueError> {
        let new = NewToken {
            subject: None,
            conference: Some(conference.clone()),
            site,
            role,
            name: None,
            valid_for: VALID_FOR,
            narrowing: Narrowing::default(),
        };
        let issued = server.issue(new).await?;
        let link = NewLink::to(&issued, role, None);
        let made = links::create(store, &server.base_url(), [link], DEVICES).await?;
        Ok(made.into_iter().next().unwrap_or_default())
    };
    Ok(Links {
        operator: link(Role::Operator, None).await?,
        hall: link(Role::Hall, Some(centre.code)).await?,
        site: link(Role::Site, Some(commune.code)).await?,
        site_name: commune.name,
    })
}

/// The demo conference that has not ended; a new one if there is none.
async fn running(server: &Server) -> Result<ConferenceId, DemoError> {
    let app = server.app();
    let rows = app.store.conferences().await?;
    let demos: Vec<_> = rows
        .iter()
        .filter(|row| row.id.as_str().starts_with(ID))
        .collect();
    if let Some(row) = demos.iter().find(|row| row.state != Phase::Ended) {
        let conference = app.directory.find(&row.id).await?;
        conference
            .change(Actor::SYSTEM, PhaseCommand::Start)
            .await?;
        return Ok(row.id.clone());
    }
    let id = if demos.is_empty() {
        ID.to_owned()
    } else {
        format!("{ID}-{}", demos.len() + 1)
    };
    let id: ConferenceId = id.parse().expect("letters, a dash and digits make an id");
    let new = NewConference {
        id,
        title: TITLE.to_owned(),
        starts_at: None,
        sites: None,
    };
    let conference = app.directory.create(Actor::SYSTEM, new).await?;
    conference
        .change(Actor::SYSTEM, PhaseCommand::Start)
        .await?;
    Ok(conference.id().clone())
}
