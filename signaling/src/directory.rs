//! Which conferences are at hand: one task each, started when somebody asks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use tokio_util::task::TaskTracker;

use crate::auth::{Grant, Role};
use crate::booking::{Door, Occurrence, OccurrenceState};
use crate::conference::{Actor, Command, PhaseCommand, Roster, RosterCommand, Settings, State};
use crate::conference_task::{AskError, AtHand, ConferenceHandle, Endings, Surroundings, spawn};
use crate::ids::{ConferenceId, SessionId, SiteCode};
use crate::refusal::{ErrorCode, Refusal};
use crate::sites::{Level, SiteFilter};
use crate::store::{Followed, StoreError};

/// The conferences of a server.
#[derive(Debug)]
pub struct Directory {
    around: Surroundings,
    tasks: TaskTracker,
    at_hand: Arc<AtHand>,
    next_media_id: AtomicU64,
}

/// A conference to be made.
#[derive(Clone, Debug)]
pub struct NewConference {
    /// Its id.
    pub id: ConferenceId,
    /// What people call it.
    pub title: String,
    /// When it should begin.
    pub starts_at: Option<Timestamp>,
    /// The sites that should be here; all that are known if `None`.
    pub sites: Option<BTreeSet<SiteCode>>,
}

impl Directory {
    /// Without any conference at hand yet.
    #[must_use]
    pub fn new(around: Surroundings) -> Self {
        Self {
            around,
            tasks: TaskTracker::new(),
            at_hand: Arc::default(),
            next_media_id: AtomicU64::new(1),
        }
    }

    /// From now on at most so many run. Those that run go on.
    pub(crate) fn set_max_open(&self, most: usize) {
        self.around.running.set_most(most);
    }

    /// From now on conferences are decided about with these.
    pub(crate) fn set_settings(&self, settings: Settings) {
        self.around.settings.set(settings);
    }

    /// Starts every conference that runs or in which somebody is, so that lost participants are
    /// counted and may come back. One whose record is damaged is left out: the store says so, and
    /// remembers.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open_all(&self) -> Result<(), StoreError> {
        for id in self.around.store.conferences_in_use().await? {
            match self.load(&id).await {
                Ok(_) | Err(StoreError::Broken(_)) => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }

    /// The conference of this id.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn find(&self, id: &ConferenceId) -> Result<ConferenceHandle, Refusal> {
        if let Some(handle) = self.at_hand.get(id) {
            return Ok(handle);
        }
        match self.load(id).await.map_err(|cause| internal(&cause))? {
            Some(conference) => Ok(conference),
            None => Err(self.missing(id).await),
        }
    }

    /// The conference of this id, for somebody who wants to come in: before a booked one has begun, its
    /// doors open one after the other.
    ///
    /// # Errors
    /// When there is none, it is cancelled, the door is not open, the grant is of a site that was taken off the
    /// list, or the store fails.
    pub async fn admit(
        &self,
        id: &ConferenceId,
        grant: &Grant,
    ) -> Result<ConferenceHandle, Refusal> {
        self.require_listed(grant).await?;
        let booked = self.around.store.booked(id).await;
        if let Some(booked) = booked.map_err(|cause| internal(&cause))? {
            booked.let_in(self.door(grant).await?, self.now())?;
        }
        self.find(id).await
    }

    /// Refuses a grant of a site that was taken off the list: its token may be one that a portal has signed.
    ///
    /// # Errors
    /// When it was, or the store fails.
    pub(crate) async fn require_listed(&self, grant: &Grant) -> Result<(), Refusal> {
        let Some(site) = grant.site() else {
            return Ok(());
        };
        let removed = self.around.store.is_removed(site).await;
        if !removed.map_err(|cause| internal(&cause))? {
            return Ok(());
        }
        let why =
            format!("the site {site} is on the list no more: ask those who have given this link");
        Err(Refusal::new(ErrorCode::NotInvited, why))
    }

    /// Why there is no such conference.
    async fn missing(&self, id: &ConferenceId) -> Refusal {
        let booked = match self.around.store.booked(id).await {
            Ok(booked) => booked,
            Err(cause) => return internal(&cause),
        };
        let refused = booked.and_then(|booked| booked.let_in(Door::Operator, self.now()).err());
        refused.unwrap_or_else(|| unknown(id))
    }

    /// By which door somebody comes.
    pub(crate) async fn door(&self, grant: &Grant) -> Result<Door, Refusal> {
        Ok(match (grant.role(), grant.site()) {
            (Role::Chair, _) => Door::Chair,
            (Role::Hall, _) => Door::Hall,
            (Role::Site, Some(code)) => {
                let site = self.around.store.site(code).await;
                let site = site.map_err(|cause| internal(&cause))?;
                match site.map(|site| site.level) {
                    Some(Level::Province) => Door::Province,
                    _ => Door::Site,
                }
            }
            (Role::Site | Role::Observer, _) => Door::Site,
            (
                Role::Operator
                | Role::Admin
                | Role::National
                | Role::Provincial
                | Role::Auditor
                | Role::Technician,
                _,
            ) => Door::Operator,
        })
    }

    fn now(&self) -> Timestamp {
        self.around.clock.now().wall
    }

    /// The conference in which this session can be resumed.
    ///
    /// Open conferences are few, so each is asked; that needs no index beside their states.
    pub async fn find_session(&self, session: SessionId) -> Option<ConferenceHandle> {
        for handle in self.at_hand.all() {
            if handle.has_session(session).await {
                return Some(handle);
            }
        }
        None
    }

    /// Lets every conference at hand know that tokens were taken back.
    pub(crate) async fn tokens_revoked(&self) {
        for handle in self.at_hand.all() {
            handle.tokens_revoked().await;
        }
    }

    /// Makes a conference.
    ///
    /// # Errors
    /// When the actor may not, the id is taken, or a site is unknown.
    pub async fn create(
        &self,
        actor: Actor,
        new: NewConference,
    ) -> Result<ConferenceHandle, Refusal> {
        let NewConference {
            id,
            title,
            starts_at,
            sites,
        } = new;
        let booked = self.around.store.occurrence(&id).await;
        if booked.map_err(|cause| internal(&cause))?.is_some() {
            return Err(exists(&id));
        }
        let roster = self.roster(sites).await?;
        self.make(actor, id, (title, starts_at), roster).await
    }

    /// Makes the conference that a published day of a booking becomes.
    ///
    /// # Errors
    /// When there is no such day, it is cancelled, its conference was made already, or the store fails.
    pub async fn open(&self, actor: Actor, id: &ConferenceId) -> Result<ConferenceHandle, Refusal> {
        let day = self.around.store.occurrence(id).await;
        let day = day.map_err(|cause| internal(&cause))?;
        let day = day.ok_or_else(|| unknown(id))?;
        match day.state {
            OccurrenceState::Published => {}
            OccurrenceState::Cancelled => return Err(day.cancelled()),
            OccurrenceState::Draft => return Err(unknown(id)),
        }
        let followed = Followed::of(&day);
        let roster = self.among(&self.invited(&followed).await?).await?;
        let titled = (day.title, Some(day.starts_at));
        let made = self.make(actor, id.clone(), titled, roster).await?;
        self.note_followed(id, followed).await?;
        Ok(made)
    }

    /// Has a conference expect whom its day invites by now: whoever was added or left out since it was
    /// made, or followed last. Whom an operator has added or left out by hand stays so.
    pub(crate) async fn follow(
        &self,
        day: &Occurrence,
        before: Option<&Followed>,
    ) -> Result<(), Refusal> {
        let (id, now) = (&day.conference, Followed::of(day));
        // Where it was not noted, it expects what it was made with.
        if let Some(before) = before {
            let (former, invited) = (self.invited(before).await?, self.invited(&now).await?);
            let added = invited.difference(&former).cloned().collect();
            let command = RosterCommand::Follow {
                added: self.among(&added).await?,
                removed: former.difference(&invited).cloned().collect(),
            };
            let conference = self.find(id).await?;
            conference.change(Actor::SYSTEM, command).await?;
        }
        self.note_followed(id, now).await
    }

    /// The sites that are expected for that.
    async fn invited(&self, followed: &Followed) -> Result<BTreeSet<SiteCode>, Refusal> {
        let audience = self.around.store.audience(&followed.audience).await;
        let audience = audience.map_err(|cause| internal(&cause))?;
        let codes = audience.codes().iter().chain(&followed.hall);
        Ok(codes.cloned().collect())
    }

    /// A roster of those of these sites that are on the list: whoever is not any more is not expected.
    async fn among(&self, expected: &BTreeSet<SiteCode>) -> Result<Roster, Refusal> {
        let all = self.around.store.sites(&SiteFilter::default()).await;
        let all = all.map_err(|cause| internal(&cause))?;
        Ok(Roster::among(&all, expected))
    }

    async fn note_followed(&self, id: &ConferenceId, followed: Followed) -> Result<(), Refusal> {
        let noted = self.around.store.note_followed(id, followed).await;
        noted.map_err(|cause| internal(&cause))
    }

    async fn make(
        &self,
        actor: Actor,
        id: ConferenceId,
        (title, starts_at): (String, Option<Timestamp>),
        roster: Roster,
    ) -> Result<ConferenceHandle, Refusal> {
        let known = self.around.store.conference(&id).await;
        let is_known = known.map_err(|cause| internal(&cause))?.is_some();
        if is_known || self.around.store.damage(&id).is_some() {
            return Err(exists(&id));
        }
        let handle = self.start(State::new(id, self.around.settings.now()));
        handle
            .change(
                actor,
                Command::Phase(PhaseCommand::Create {
                    title,
                    starts_at,
                    roster,
                }),
            )
            .await?;
        Ok(handle)
    }

    /// A roster of these sites, or of all that are known.
    ///
    /// # Errors
    /// When a site is unknown, or the store fails.
    pub async fn roster(&self, sites: Option<BTreeSet<SiteCode>>) -> Result<Roster, Refusal> {
        let all = self.around.store.sites(&SiteFilter::default()).await;
        let all = all.map_err(|cause| internal(&cause))?;
        match sites {
            None => Ok(Roster::all(&all)),
            Some(chosen) => Roster::chosen(&all, &chosen)
                .map_err(|error| Refusal::new(ErrorCode::NotFound, error.to_string())),
        }
    }

    /// Takes back a conference that has not begun; nobody finds it from now on.
    ///
    /// # Errors
    /// When there is none, it has begun, or the actor may not.
    pub async fn delete(&self, actor: Actor, id: &ConferenceId) -> Result<(), Refusal> {
        let handle = self.find(id).await?;
        handle.change(actor, PhaseCommand::Delete).await?;
        self.at_hand.remove(id);
        Ok(())
    }

    /// A conference that has not ended and expects this site, if there is one.
    ///
    /// # Errors
    /// When a conference takes nothing at this moment, or the store fails.
    pub async fn expecting(&self, site: &SiteCode) -> Result<Option<ConferenceId>, Refusal> {
        if let Some(id) = self.at_hand_expecting(site).await? {
            return Ok(Some(id));
        }
        // Those that are booked or scheduled are known to the store alone.
        let store = &self.around.store;
        let booked = store.booked_inviting(site, self.now()).await;
        if let Some(id) = booked.map_err(|cause| internal(&cause))? {
            return Ok(Some(id));
        }
        let named = store.scheduled_naming(site).await;
        for id in named.map_err(|cause| internal(&cause))? {
            let state = store.load_state(&id, self.around.settings.now()).await;
            let Ok(Some(state)) = state else { continue };
            if !state.is_deleted() && state.roster().site(site).is_some() {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    async fn at_hand_expecting(&self, site: &SiteCode) -> Result<Option<ConferenceId>, Refusal> {
        for handle in self.at_hand.all() {
            match handle.expects(site.clone()).await {
                Ok(true) => return Ok(Some(handle.id().clone())),
                // It has ended, or the server stops.
                Ok(false) | Err(AskError::Closed) => {}
                Err(error @ AskError::Overloaded) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Closes every connection and waits until every conference is put away.
    pub(crate) async fn drain(&self, endings: impl Fn() -> Box<dyn Endings>) {
        for handle in self.at_hand.all() {
            handle.drain(endings()).await;
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn load(&self, id: &ConferenceId) -> Result<Option<ConferenceHandle>, StoreError> {
        let state = self
            .around
            .store
            .load_state(id, self.around.settings.now())
            .await?;
        let found = state.filter(|state| !state.is_deleted());
        Ok(found.map(|state| self.start(state)))
    }

    /// Starts the task, unless somebody else has done so meanwhile.
    fn start(&self, state: State) -> ConferenceHandle {
        let id = state.id().clone();
        self.at_hand.get_or_start(&id, || {
            let media_id = self.next_media_id.fetch_add(1, Ordering::Relaxed);
            let media_id = sfu::id::ConferenceId(media_id);
            let at_hand = Arc::clone(&self.at_hand);
            spawn(state, media_id, self.around.clone(), at_hand, &self.tasks)
        })
    }
}

/// There is no such conference.
fn unknown(id: &ConferenceId) -> Refusal {
    let message = format!("there is no conference {id}");
    Refusal::new(ErrorCode::ConferenceUnknown, message)
}

/// There is one.
fn exists(id: &ConferenceId) -> Refusal {
    let message = format!("there is already a conference {id}");
    Refusal::new(ErrorCode::ConferenceExists, message)
}

/// The store's fault: the cause is for the log only, unless it is about one record.
pub(crate) fn internal(cause: &StoreError) -> Refusal {
    if let StoreError::Broken(fault) = cause {
        return Refusal::new(ErrorCode::RecordDamaged, fault.to_string());
    }
    tracing::error!(%cause, "the store failed");
    if cause.is_outcome_unknown() {
        return Refusal::new(
            ErrorCode::OutcomeUnknown,
            "the server cannot tell whether it was stored: look whether it has happened before you \
             ask again",
        );
    }
    Refusal::new(
        ErrorCode::Internal,
        "the server's store failed; it is in its log",
    )
}
