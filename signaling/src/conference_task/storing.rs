//! Storing what was decided, and what follows when that fails.
//!
//! Decided events are already in the state in memory when they go to the store. If they do not
//! arrive there, the state is read back from it and compared with the world around: whoever is gone
//! is lost, whoever is not in it is sent away. Until the store works again nothing is decided.

use std::sync::Arc;

use jiff::Timestamp;
use sfu::command::Event as MediaEvent;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{error, info};

use super::batch::Batch;
use super::links::Class;
use super::request::{Answer, Inbound, Request, not_stored, unknown_outcome};
use super::{BATCH, ConferenceTask, news};
use crate::access::AccessLog;
use crate::conference::{Actor, Command, PeopleCommand, Record, SourcesCommand, State};
use crate::outbox::encode;
use crate::refusal::Refusal;
use crate::store::StoreError;

impl ConferenceTask {
    /// Stores what was decided and lets it be known; if it cannot be stored it has not happened.
    pub(super) async fn commit(
        &mut self,
        batch: Batch,
        inbox: &mut mpsc::Receiver<Inbound>,
        waiting: &mut Vec<Inbound>,
    ) {
        if batch.records.is_empty() {
            self.release(batch);
            return;
        }
        match self.store(&batch.records, inbox, waiting).await {
            Ok(()) => {
                self.is_interrupted = false;
                if self.outage.stored() {
                    info!(conference = %self.id(), "events are stored again");
                }
                self.announce(batch);
            }
            Err(cause) => self.fail(batch, &cause).await,
        }
    }

    /// It is stored: it has happened.
    fn announce(&mut self, batch: Batch) {
        AccessLog::happened(self.id(), &batch.records);
        self.release(batch);
    }

    /// Stores events. Meanwhile whatever needs no store is answered, and the rest gathers in
    /// `waiting`.
    async fn store(
        &mut self,
        records: &[Record],
        inbox: &mut mpsc::Receiver<Inbound>,
        waiting: &mut Vec<Inbound>,
    ) -> Result<(), StoreError> {
        let started = Instant::now();
        let (store, id) = (self.around.store.clone(), self.state.id().clone());
        let mut storing = std::pin::pin!(store.append(&id, records));
        let stored = loop {
            tokio::select! {
                biased;
                stored = &mut storing => break stored,
                // Cancel safe.
                Some(inbound) = inbox.recv(), if waiting.len() < BATCH => {
                    self.set_aside(inbound, waiting);
                }
            }
        };
        if stored.is_ok() {
            self.around.metrics.stored(records.len(), started.elapsed());
        }
        stored
    }

    /// Answers what needs no store, unless something of the same participant waits before it.
    fn set_aside(&mut self, inbound: Inbound, waiting: &mut Vec<Inbound>) {
        let Inbound { request, queued_at } = inbound;
        let participant = request.participant();
        let is_behind = waiting
            .iter()
            .any(|earlier| earlier.request.participant() == participant);
        let request = if is_behind {
            Some(request)
        } else {
            self.meanwhile(request)
        };
        if let Some(request) = request {
            waiting.push(Inbound { request, queued_at });
        } else {
            self.around.metrics.queue_wait(queued_at.elapsed());
        }
    }

    /// The events could not be stored. Whoever waits is refused, unless they may be stored
    /// nevertheless: then the store is asked first.
    async fn fail(&mut self, batch: Batch, cause: &StoreError) {
        self.outage.failed(Instant::now());
        if self.outage.is_first() {
            error!(conference = %self.id(), %cause, "events could not be stored");
        }
        let doubtful = if cause.is_outcome_unknown() {
            Some(batch)
        } else {
            self.refuse(batch, &not_stored());
            None
        };
        let read = if self.outage.lasts(Instant::now()) {
            // Enough was tried for now.
            self.read_back().await;
            None
        } else {
            self.ask_store().await
        };
        match (read, doubtful) {
            (Some(state), Some(batch)) if batch.is_in(&state) => {
                self.outage.recovered();
                self.announce(batch);
            }
            (Some(state), doubtful) => {
                if let Some(batch) = doubtful {
                    self.refuse(batch, &not_stored());
                }
                self.go_on_from(state);
            }
            (None, Some(batch)) => {
                self.refuse(batch, &unknown_outcome());
                self.outage.left_open();
            }
            (None, None) => {}
        }
    }

    /// Tries whether the store works again. Says whether it does.
    pub(super) async fn recover(&mut self) -> bool {
        match self.ask_store().await {
            Some(state) => {
                self.go_on_from(state);
                true
            }
            None => false,
        }
    }

    /// What is stored, beyond doubt, if anything can be stored at this moment.
    async fn ask_store(&mut self) -> Option<State> {
        if let Err(cause) = self.around.store.fence().await {
            self.outage.failed(Instant::now());
            if self.outage.is_first() {
                error!(conference = %self.id(), %cause, "nothing can be stored");
            }
            self.read_back().await;
            return None;
        }
        let state = self.load().await;
        if state.is_none() {
            self.outage.failed(Instant::now());
            self.outage.read_back(false);
        }
        state
    }

    /// Goes back to what is stored as far as can be seen, so that nothing else is told meanwhile.
    async fn read_back(&mut self) {
        let state = self.load().await;
        self.outage.read_back(state.is_some());
        if let Some(state) = state {
            self.state = state;
        }
    }

    async fn load(&self) -> Option<State> {
        let (id, settings) = (self.state.id(), self.around.settings.now());
        match self.around.store.load_state(id, settings).await {
            Ok(state) => Some(state.unwrap_or_else(|| State::new(id.clone(), settings))),
            Err(cause) => {
                if self.outage.is_first() {
                    error!(conference = %id, %cause, "events could not be read back");
                }
                None
            }
        }
    }

    /// The store works again: from here on the conference is what is stored.
    fn go_on_from(&mut self, state: State) {
        self.state = state;
        self.outage.recovered();
        self.is_behind = true;
        self.reconnect_to_state();
        if self.outage.take_unannounced() {
            self.tell_everything();
        }
    }

    /// Tells everybody all that they may know: nobody knows what they have missed.
    fn tell_everything(&self) {
        for (participant, rights) in self.links.welcomed_ones() {
            for message in news::all(&self.state, Class::of(rights), &self.peers) {
                self.links.tell(participant, encode(&message));
            }
            if let Some(own) = self.state.self_message(participant) {
                self.links.tell(participant, encode(&own));
            }
        }
    }

    /// Decides what the world around has become while nothing could be stored.
    pub(super) fn catch_up(&mut self, batch: &mut Batch, now: Timestamp) {
        if !std::mem::take(&mut self.is_behind) {
            return;
        }
        let mut commands: Vec<(Actor, Command)> = Vec::new();
        if self.is_interrupted {
            let up_until = self.around.up_until;
            commands.push((Actor::SYSTEM, PeopleCommand::Interrupt { up_until }.into()));
        }
        for (participant, person) in self.state.participants() {
            let has_peer = self.peers.get(participant).is_some();
            if !self.links.has_link(participant) {
                commands.push((Actor::SYSTEM, PeopleCommand::Lost { participant }.into()));
            } else if !has_peer && self.links.is_resource(participant) {
                // A resource is nothing but its peer.
                let owner = Actor::SYSTEM.on_behalf_of(participant);
                commands.push((owner, PeopleCommand::Leave.into()));
            }
            if !has_peer && !person.sources.is_empty() {
                commands.push((
                    Actor::SYSTEM,
                    SourcesCommand::Unpublish { participant }.into(),
                ));
            }
        }
        for (actor, command) in commands {
            self.carry_out(batch, now, &actor, command);
        }
        // Taken back meanwhile.
        self.expel_revoked(batch, now);
    }

    /// Takes what needs no store, and refuses the rest at once.
    pub(super) fn without_store(&mut self, waiting: &mut Vec<Inbound>) {
        let metrics = Arc::clone(&self.around.metrics);
        let mut batch = Batch::default();
        for entry in self.doubts.give_up() {
            drop(entry.answer.send(Err(not_stored())));
        }
        for Inbound { request, queued_at } in waiting.drain(..) {
            metrics.queue_wait(queued_at.elapsed());
            self.take_without_store(&mut batch, request);
        }
        if self.outage.is_state_known() {
            self.release(batch);
        }
    }

    fn take_without_store(&mut self, batch: &mut Batch, request: Request) {
        let Some(request) = self.meanwhile(request) else {
            return;
        };
        match request {
            Request::Change { answer, .. } => self.answer_refused(answer, not_stored()),
            Request::Enter(entry) => drop(entry.answer.send(Err(not_stored()))),
            Request::NewPeer(new) => self.answer_refused(new.answer, not_stored()),
            Request::Gone {
                participant,
                outbox,
            } => {
                if self.links.is_current(participant, &outbox) {
                    self.links.remove(participant);
                    self.peers.conditions.forget(participant);
                }
            }
            Request::Media(MediaEvent::PeerClosed { peer, reason }) => {
                self.forget_peer(peer, reason);
            }
            // Nobody waits for a sign of life, and what was revoked is caught up with.
            Request::Alive { .. } | Request::TokensRevoked => {}
            // Whoever asks is told to ask again: what is in memory may be wrong.
            Request::Query(query) if !self.outage.is_state_known() => drop(query),
            Request::OwnPeer { .. }
            | Request::Watch { .. }
            | Request::Quality { .. }
            | Request::Condition { .. }
            | Request::Limit { .. }
            | Request::Refused(_)
            | Request::Media(_)
            | Request::Query(_)
            | Request::Drain { .. } => self.take(batch, self.around.clock.now().wall, request),
        }
    }

    /// Refuses whoever waits for this batch, and forgets the connections that came with it.
    fn refuse(&mut self, batch: Batch, refusal: &Refusal) {
        for (participant, outbox) in batch.entering() {
            if self.links.is_current(participant, outbox) {
                self.links.remove(participant);
            }
        }
        batch.refuse(refusal, &self.around.metrics);
    }

    /// Refuses a request that the task itself has judged.
    pub(super) fn answer_refused(&self, answer: Answer, refusal: Refusal) {
        self.around.metrics.error(refusal.code);
        answer.refused(refusal);
    }
}
