//! Carrying out requests: what is decided at once, and what waits until it is stored.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use sfu::command::{
    CloseReason as PeerCloseReason, Command as MediaCommand, Event as MediaEvent, Step,
};
use sfu::id::{PeerId, ShardId};
use sfu::priority::Priority;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::doubts::Look;
use super::handle::AskError;
use super::links::{Class, LinkKind};
use super::news;
use super::peers::Peer;
use super::request::{
    Admission, Answer, Arrival, Entry, Negotiated, NewPeer, OwnPeer, Query, Request,
    refusal_message,
};
use super::{ConferenceTask, ENDED_IDLE};
use crate::auth::{TokenError, Verb};
use crate::conference::{
    Actor, Audience, Command, Effect, Event, MediaIntent, PeopleCommand, PeopleEvent, Phase,
    PhaseEvent, Record, SourcesCommand, State, advance, decide,
};
use crate::ids::{ParticipantId, RequestId};
use crate::metrics::Metrics;
use crate::outbox::{Ending, Outbox, encode};
use crate::protocol::line::Rung;
use crate::protocol::server::{IceServer, MediaState, ParticipantEntry, SiteEntry, Welcome};
use crate::protocol::{CloseReason, ServerMessage, departed_entry};
use crate::refusal::{ErrorCode, Refusal};

/// What was decided in one turn and waits to be stored.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    effects: Vec<Effect>,
    answers: Vec<Pending>,
}

/// An answer that waits until what it reports is stored.
#[derive(Debug)]
enum Pending {
    Done(Answer),
    Refused(Answer, Refusal),
    Negotiated(Answer, Box<Negotiated>),
    Entered {
        entered: Box<Entered>,
        answer: oneshot::Sender<Result<Admission, Refusal>>,
    },
    NotEntered {
        refusal: Refusal,
        answer: oneshot::Sender<Result<Admission, Refusal>>,
    },
}

/// Somebody who is in and not yet welcomed.
#[derive(Debug)]
struct Entered {
    participant: ParticipantId,
    outbox: Outbox,
    /// A resource is told nothing.
    told: Option<Told>,
    resumed: bool,
    /// Another device of its place had to go.
    took_over: bool,
}

/// What only whoever came in is told, by `welcome`.
#[derive(Debug)]
struct Told {
    secret: String,
    address: IpAddr,
    ice_servers: Vec<IceServer>,
}

impl Batch {
    /// Everybody who waits is refused.
    pub(super) fn refuse(self, because: &Refusal, metrics: &Metrics) {
        for pending in self.answers {
            let (answer, refusal) = match pending {
                Pending::Done(answer) | Pending::Negotiated(answer, _) => (answer, because.clone()),
                Pending::Refused(answer, refusal) => (answer, refusal),
                // Whoever let them come counts these.
                Pending::Entered { answer, .. } => {
                    drop(answer.send(Err(because.clone())));
                    continue;
                }
                Pending::NotEntered { refusal, answer } => {
                    drop(answer.send(Err(refusal)));
                    continue;
                }
            };
            metrics.error(refusal.code);
            answer.refused(refusal);
        }
    }

    /// Something to be done once it is stored.
    pub(super) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Those of whom something has changed.
    pub(super) fn changed(&self) -> impl Iterator<Item = ParticipantId> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::ParticipantChanged(participant) => Some(*participant),
            _ => None,
        })
    }

    /// Whether a state has all of it.
    pub(super) fn is_in(&self, state: &State) -> bool {
        self.records
            .last()
            .is_none_or(|record| record.seq <= state.version())
    }

    /// The connections that it would let in.
    pub(super) fn entering(&self) -> impl Iterator<Item = (ParticipantId, &Outbox)> {
        self.answers.iter().filter_map(|pending| match pending {
            Pending::Entered { entered, .. } => Some((entered.participant, &entered.outbox)),
            Pending::Done(_)
            | Pending::Refused(..)
            | Pending::Negotiated(..)
            | Pending::NotEntered { .. } => None,
        })
    }
}

impl ConferenceTask {
    /// Takes one request as far as it goes before the store has it.
    pub(super) fn take(&mut self, batch: &mut Batch, now: Timestamp, request: Request) {
        match request {
            Request::Change {
                actor,
                command,
                answer,
            } => self.change(batch, now, &actor, *command, answer),
            Request::Enter(entry) => self.enter(batch, now, *entry),
            Request::Gone {
                participant,
                outbox,
            } => self.gone(batch, now, participant, &outbox),
            Request::Alive {
                participant,
                outbox,
            } => {
                if self.links.is_current(participant, &outbox) {
                    self.alive(batch, now, participant);
                }
            }
            Request::TokensRevoked => self.expel_revoked(batch, now),
            Request::NewPeer(peer) => self.new_peer(batch, now, *peer),
            Request::OwnPeer {
                participant,
                answer,
            } => drop(answer.send(self.own_peer(participant))),
            Request::Watch {
                participant,
                mid,
                target,
                outbox,
                id,
            } => {
                let done = self.watch(participant, &mid, target);
                self.reply(&outbox, id, done);
            }
            Request::Quality {
                participant,
                outbox,
                heard,
            } => self.quality(participant, &outbox, heard),
            Request::Condition {
                participant,
                condition,
                outbox,
                id,
            } => {
                let done = self.note_condition(batch, participant, &outbox, condition);
                self.reply(&outbox, id, done);
            }
            Request::Limit {
                participant,
                layers,
                outbox,
                id,
            } => {
                let done = self.limit(participant, &layers);
                self.reply(&outbox, id, done);
            }
            Request::Refused(code) => self.troubles.refused(Instant::now(), code),
            Request::Media(event) => self.media_event(batch, now, event),
            Request::Query(query) => self.answer(query),
            Request::Drain { mut endings } => {
                self.draining = true;
                self.links.end_all(|role| endings.next(role));
            }
        }
    }

    fn change(
        &mut self,
        batch: &mut Batch,
        now: Timestamp,
        actor: &Actor,
        command: Command,
        answer: Answer,
    ) {
        let decided = self
            .check_media(actor, &command)
            .and_then(|()| self.decide(batch, now, actor, command));
        let pending = match decided {
            Ok(_) => Pending::Done(answer),
            Err(refusal) => Pending::Refused(answer, refusal),
        };
        batch.answers.push(pending);
    }

    /// Says what came of a request of a session's.
    fn reply(&self, outbox: &Outbox, id: RequestId, done: Result<(), Refusal>) {
        let message = match done {
            Ok(()) => ServerMessage::Ok { id },
            Err(refusal) => self.refusal_message(id, &refusal),
        };
        outbox.send(&message);
    }

    /// Decides, and lets what was decided have happened in memory.
    fn decide(
        &mut self,
        batch: &mut Batch,
        now: Timestamp,
        actor: &Actor,
        command: Command,
    ) -> Result<Vec<Event>, Refusal> {
        let budgeted = actor
            .session_of()
            .filter(|_| command.is_budgeted())
            .and_then(|id| Some((id, self.state.participant(id)?.rights())));
        let events = decide(&self.state, now, actor, command)?;
        if events
            .iter()
            .any(|event| matches!(event, Event::Phase(PhaseEvent::Started { .. })))
        {
            self.place = Some(self.around.running.enter()?);
        }
        // What changes nothing costs nobody else anything.
        if let Some((id, rights)) = budgeted.filter(|_| !events.is_empty()) {
            self.budgets.pay(Instant::now(), id, Class::of(rights))?;
        }
        let records = self.state.stamp(now, events.clone());
        batch.effects.extend(advance(&mut self.state, &records));
        batch.records.extend(records);
        Ok(events)
    }

    /// Decides something that nobody waits for; that it makes no sense any more is no fault.
    /// Whoever has no peer connection has nothing to show: the stage would be dark.
    fn check_media(&self, actor: &Actor, command: &Command) -> Result<(), Refusal> {
        let Command::Sources(SourcesCommand::Publish { active: true, .. }) = command else {
            return Ok(());
        };
        let participant = actor.whose()?;
        // Who may not publish is told that first, by the decision.
        let person = self.state.participant(participant);
        let may = person.is_some_and(|person| person.rights().may(Verb::Publish));
        if may && self.peers.get(participant).is_none() {
            return Err(no_media());
        }
        Ok(())
    }

    pub(super) fn carry_out(
        &mut self,
        batch: &mut Batch,
        now: Timestamp,
        actor: &Actor,
        command: impl Into<Command>,
    ) {
        if let Err(refusal) = self.decide(batch, now, actor, command.into()) {
            debug!(conference = %self.id(), %refusal, "nothing to do");
        }
    }

    /// Somebody wants to come in. A join waits while it is not known whether the devices of its
    /// place are still there.
    fn enter(&mut self, batch: &mut Batch, now: Timestamp, entry: Entry) {
        match self.look(now, &entry.command) {
            Look::Alive => self.admit(batch, now, entry, None),
            Look::Gone(device) => self.admit(batch, now, entry, Some(device)),
            Look::Asked(devices) => {
                if let Err(entry) = self.doubts.wait(Instant::now(), entry, devices) {
                    let refusal = AskError::Overloaded.into();
                    batch.answers.push(Pending::NotEntered {
                        refusal,
                        answer: entry.answer,
                    });
                }
            }
        }
    }

    /// Goes on with the joins that have waited for signs of life.
    pub(super) fn end_doubts(&mut self, batch: &mut Batch, now: Timestamp) {
        for (entry, silent) in self.doubts.overdue(Instant::now()) {
            self.admit(batch, now, entry, silent);
        }
    }

    /// This participant is there: nobody takes its place.
    fn alive(&mut self, batch: &mut Batch, now: Timestamp, participant: ParticipantId) {
        for entry in self.doubts.alive(participant) {
            self.admit(batch, now, entry, None);
        }
    }

    /// Lets somebody in, or back; in the place of a device that gave no sign of life, if there is
    /// one.
    fn admit(
        &mut self,
        batch: &mut Batch,
        now: Timestamp,
        entry: Entry,
        over: Option<ParticipantId>,
    ) {
        let Entry {
            mut command,
            arrival,
            answer,
        } = entry;
        if answer.is_closed() {
            return;
        }
        let mut resuming = None;
        match &mut command {
            Command::People(PeopleCommand::Join(join)) => join.over = over,
            Command::People(PeopleCommand::Resume { session, secret }) => {
                resuming = self.state.resumable(*session, *secret).ok();
            }
            _ => {}
        }
        let decided = self
            .require_not_revoked(&command)
            .and_then(|()| self.decide(batch, now, &Actor::SYSTEM, command));
        let events = match decided {
            Ok(events) => events,
            Err(refusal) => {
                batch.answers.push(Pending::NotEntered { refusal, answer });
                return;
            }
        };
        let came_in = resuming.or_else(|| of_people(&events).rev().find_map(PeopleEvent::entered));
        let Some((participant, rights)) =
            came_in.and_then(|id| Some((id, self.state.participant(id)?.rights())))
        else {
            let refusal = Refusal::new(ErrorCode::Internal, "nobody came in");
            batch.answers.push(Pending::NotEntered { refusal, answer });
            return;
        };
        let instead = match resuming {
            Some(_) => CloseReason::Replaced,
            None => CloseReason::TakenOver,
        };
        let (outbox, kind, told) = match arrival {
            Arrival::Session {
                outbox,
                secret,
                address,
                ice_servers,
            } => {
                let told = Told {
                    secret,
                    address,
                    ice_servers,
                };
                (outbox, LinkKind::Entering, Some(told))
            }
            Arrival::Resource { outbox } => (outbox, LinkKind::Resource, None),
        };
        self.links
            .insert(participant, rights, outbox.clone(), kind, instead);
        let entered = Box::new(Entered {
            participant,
            outbox,
            told,
            resumed: resuming.is_some(),
            took_over: of_people(&events).any(PeopleEvent::makes_room),
        });
        batch.answers.push(Pending::Entered { entered, answer });
        if resuming.is_some() {
            self.alive(batch, now, participant);
        }
    }

    /// A token may have been taken back after it was looked at and before its turn came.
    fn require_not_revoked(&self, command: &Command) -> Result<(), Refusal> {
        let Command::People(PeopleCommand::Join(join)) = command else {
            return Ok(());
        };
        match self.around.revoked.why(join.grant.token()) {
            Some(why) => {
                let error = TokenError::from(why);
                Err(Refusal::new(error.code(), error.to_string()))
            }
            None => Ok(()),
        }
    }

    /// Whoever came with a token that was taken back has to go, whether present or lost.
    pub(super) fn expel_revoked(&mut self, batch: &mut Batch, now: Timestamp) {
        let revoked: Vec<_> = self
            .state
            .participants()
            .filter_map(|(id, person)| {
                let why = self.around.revoked.why(person.token.as_ref()?)?;
                Some((id, why))
            })
            .collect();
        for (participant, why) in revoked {
            let command = PeopleCommand::Expel { participant, why };
            self.carry_out(batch, now, &Actor::SYSTEM, command);
        }
    }

    fn gone(
        &mut self,
        batch: &mut Batch,
        now: Timestamp,
        participant: ParticipantId,
        outbox: &Outbox,
    ) {
        // The end of a connection that was replaced, or that we ended, means nothing.
        if !self.links.is_current(participant, outbox) {
            return;
        }
        self.links.remove(participant);
        self.peers.conditions.forget(participant);
        self.carry_out(
            batch,
            now,
            &Actor::SYSTEM,
            PeopleCommand::Lost { participant },
        );
    }

    /// A peer that was answered gets its owner. Its client waits for the answer to begin with ICE, so
    /// it goes out at once unless something of it is to be stored.
    fn new_peer(&mut self, batch: &mut Batch, now: Timestamp, new: NewPeer) {
        let (participant, active) = (new.participant, new.active);
        let (answer, negotiated) = match self.adopt(new) {
            Ok(adopted) => adopted,
            Err((answer, refusal)) => {
                batch.answers.push(Pending::Refused(answer, refusal));
                return;
            }
        };
        batch.effects.push(Effect::ParticipantChanged(participant));
        let stored = batch.records.len();
        self.carry_out(
            batch,
            now,
            &Actor::SYSTEM,
            SourcesCommand::Unpublish { participant },
        );
        let owner = Actor::SYSTEM.on_behalf_of(participant);
        for source in negotiated
            .publications
            .iter()
            .map(|entry| entry.source)
            .filter(|_| active)
        {
            let command = SourcesCommand::Publish { source, active };
            self.carry_out(batch, now, &owner, command);
        }
        if batch.records.len() == stored {
            answer.negotiated(negotiated);
        } else {
            batch
                .answers
                .push(Pending::Negotiated(answer, Box::new(negotiated)));
        }
    }

    /// Takes what can be done while events are being stored; anything else is given back.
    pub(super) fn meanwhile(&mut self, request: Request) -> Option<Request> {
        match request {
            Request::NewPeer(new) if self.needs_no_store(&new) => {
                let participant = new.participant;
                match self.adopt(*new) {
                    Ok((answer, negotiated)) => {
                        self.news.changed(participant, Instant::now());
                        answer.negotiated(negotiated);
                    }
                    Err((answer, refusal)) => answer.refused(refusal),
                }
                None
            }
            other => Some(other),
        }
    }

    fn needs_no_store(&self, new: &NewPeer) -> bool {
        !new.active
            && self
                .state
                .participant(new.participant)
                .is_none_or(|person| person.sources.is_empty())
    }

    /// Gives a peer its owner, or closes it and says why.
    fn adopt(&mut self, new: NewPeer) -> Result<(Answer, Negotiated), (Answer, Refusal)> {
        let NewPeer {
            participant,
            outbox,
            peer: unclaimed,
            sources,
            active: _,
            answer,
        } = new;
        let media = &self.around.media;
        let peer = if !media.knows(unclaimed.joined().peer) {
            // Its owner was so long in coming in that it gave up; nothing more is heard of it.
            Err(Refusal::new(
                ErrorCode::NoMedia,
                "the peer connection was closed before it could be used: send another offer",
            ))
        } else if self.links.is_current(participant, &outbox) {
            let is_page = !self.links.is_resource(participant);
            Peer::new(unclaimed.joined(), &sources, is_page)
                .map_err(|error| Refusal::new(ErrorCode::BadOffer, error.to_string()))
        } else {
            // The connection that asked was replaced or has ended while the offer was answered.
            Err(Refusal::new(
                ErrorCode::ParticipantUnknown,
                "this connection has ended",
            ))
        };
        let silenced = self.is_refused(participant);
        let peer = match (peer, self.state.participant(participant)) {
            (Ok(peer), Some(_)) => peer,
            (refused, _) => {
                let refusal = refused.err().unwrap_or_else(|| {
                    Refusal::new(ErrorCode::ParticipantUnknown, "this participant has left")
                });
                return Err((answer, refusal));
            }
        };
        let negotiated = Negotiated {
            sdp: unclaimed.joined().answer.clone(),
            ice: unclaimed.joined().ice.clone(),
            peer: peer.id,
            publications: peer.publication_entries(),
            slots: peer.slot_entries(),
        };
        let rung = self.peers.rung(participant);
        self.peers.insert(participant, peer, silenced, &**media);
        unclaimed.claim();
        self.renew_line(participant, rung);
        Ok((answer, negotiated))
    }

    fn own_peer(&self, participant: ParticipantId) -> Result<OwnPeer, Refusal> {
        let peer = self.peers.get(participant).ok_or_else(no_media)?;
        Ok(OwnPeer {
            peer: peer.id,
            publications: peer.publication_entries(),
            slots: peer.slot_entries(),
        })
    }

    fn refusal_message(&self, id: RequestId, refusal: &Refusal) -> ServerMessage {
        self.around.metrics.error(refusal.code);
        refusal_message(Some(id), refusal)
    }

    fn watch(
        &mut self,
        participant: ParticipantId,
        mid: &str,
        target: Option<ParticipantId>,
    ) -> Result<(), Refusal> {
        self.state.permit_watch(participant, target)?;
        if self.peers.get(participant).is_none() {
            return Err(no_media());
        }
        if let Some(target) = target.filter(|target| self.state.participant(*target).is_none()) {
            return Err(Refusal::new(
                ErrorCode::ParticipantUnknown,
                format!("no participant {target} is present in this conference"),
            ));
        }
        let media = Arc::clone(&self.around.media);
        self.peers
            .watch(participant, mid, target, &*media)
            .map_err(|error| Refusal::new(ErrorCode::BadMessage, error.to_string()))
    }

    fn media_event(&mut self, batch: &mut Batch, now: Timestamp, event: MediaEvent) {
        match event {
            MediaEvent::PeerReached { peer, step } => self.reached(peer, Some(step)),
            MediaEvent::PeerConnected { peer } => {
                self.reached(peer, None);
                self.media_state(batch, peer, MediaState::Connected);
            }
            MediaEvent::PeerBack { peer } => {
                self.media_state(batch, peer, MediaState::Connected);
            }
            MediaEvent::PeerSilent { peer } => self.media_state(batch, peer, MediaState::Silent),
            MediaEvent::PeerClosed { peer, reason } => {
                let Some(participant) = self.forget_peer(peer, reason) else {
                    return;
                };
                let command = if self.links.is_resource(participant) {
                    // A resource is nothing but its peer.
                    Command::People(PeopleCommand::Leave)
                } else {
                    batch.effects.push(Effect::ParticipantChanged(participant));
                    Command::Sources(SourcesCommand::Unpublish { participant })
                };
                let owner = Actor::SYSTEM.on_behalf_of(participant);
                self.carry_out(batch, now, &owner, command);
            }
            MediaEvent::PublicationStarted { publication } => {
                self.arrival(batch, now, publication, true);
            }
            MediaEvent::PublicationStopped { publication } => {
                self.arrival(batch, now, publication, false);
            }
            MediaEvent::KeyframeRequestsIgnored {
                publication,
                ignored,
            } => {
                self.keyframe_requests(batch, publication, ignored);
            }
            MediaEvent::LineChanged { peer, line } => self.line_changed(peer, &line),
            MediaEvent::LayersWanted {
                publication,
                layers,
            } => self.layers_wanted(publication, layers),
            MediaEvent::Overload { shard, shed, .. } => self.overload(now, shard, shed),
        }
    }

    /// A new peer has come so far, or is connected: for whoever traces joins.
    fn reached(&self, peer: PeerId, step: Option<Step>) {
        if let Some(telemetry) = &self.around.telemetry
            && let Some(participant) = self.peers.owner(peer)
        {
            telemetry.reached(Instant::now(), participant, step);
        }
    }

    /// A peer is closed; says whose it was.
    pub(super) fn forget_peer(
        &mut self,
        peer: PeerId,
        reason: PeerCloseReason,
    ) -> Option<ParticipantId> {
        let participant = self.peers.owner(peer)?;
        info!(conference = %self.id(), %participant, ?reason, "peer closed");
        let media = Arc::clone(&self.around.media);
        self.peers.forget(participant, &*media);
        Some(participant)
    }

    fn overload(&mut self, now: Timestamp, shard: ShardId, left_out: Option<Priority>) {
        warn!(conference = %self.id(), %shard, ?left_out, "overload");
        let counted = self.around.media.stats().shed_frames;
        self.troubles
            .overload(Instant::now(), now, shard, left_out, counted);
    }

    fn media_state(&mut self, batch: &mut Batch, peer: PeerId, to: MediaState) {
        let Some(participant) = self.peers.owner(peer) else {
            return;
        };
        if self.peers.set_media_state(participant, to) {
            batch.effects.push(Effect::ParticipantChanged(participant));
        }
    }

    fn answer(&self, query: Query) {
        // Whoever no longer waits needs no answer.
        match query {
            Query::Snapshot(waiting) => drop(waiting.send(self.state.snapshot())),
            Query::Participants(waiting) => {
                let everybody = self
                    .state
                    .participants()
                    .filter_map(|(id, person)| {
                        let entry = self.peers.entry(&self.state, id)?;
                        Some(ParticipantEntry {
                            token: person.token.clone(),
                            ..entry
                        })
                    })
                    .collect();
                drop(waiting.send(everybody));
            }
            Query::Roster(waiting) => drop(waiting.send(self.state.roster_view())),
            Query::Expects(code, waiting) => {
                let expects =
                    self.state.phase() != Phase::Ended && self.state.roster().site(&code).is_some();
                let _ = waiting.send(expects);
            }
            Query::HasSession(session, waiting) => {
                let _ = waiting.send(self.state.knows_session(session));
            }
            Query::Barred(waiting) => drop(waiting.send(self.state.barred_entries())),
        }
    }

    /// It is stored: now everybody may know.
    pub(super) fn release(&mut self, batch: Batch) {
        let now = Instant::now();
        self.measure();
        let media = Arc::clone(&self.around.media);
        let mut left = Vec::new();
        for effect in batch.effects {
            self.follow(effect, now, &mut left);
        }
        for participant in left {
            self.links.end(participant, Ending::Goodbye);
        }
        self.peers.reconcile(&self.state, self.media_id, &*media);
        self.tell_who_cannot_decode(now);
        self.news.tell(now, &self.state, &self.links, &self.peers);
        let trouble = self.troubles.take(now, || media.stats().shed_frames);
        if let Some(trouble) = trouble {
            let frame = encode(&ServerMessage::Trouble(trouble));
            self.links.tell_all(Class::Moderators, &frame);
        }
        for pending in batch.answers {
            self.settle(pending);
        }
        let figures = self.peers.figures(&self.state);
        let metrics = &self.around.metrics;
        metrics.connected(self.id(), self.links.len(), figures);
    }

    /// Who cannot decode what is shown now, or can again, is told so, and so are the moderators.
    fn tell_who_cannot_decode(&mut self, now: Instant) {
        for participant in self.peers.look_who_decodes(&self.state) {
            let message = self.undecodable_message(participant);
            self.links.tell(participant, encode(&message));
            self.news.changed(participant, now);
        }
    }

    fn undecodable_message(&self, participant: ParticipantId) -> ServerMessage {
        ServerMessage::Undecodable {
            version: self.state.version(),
            places: self.peers.undecodable(participant).to_vec(),
        }
    }

    fn follow(&mut self, effect: Effect, now: Instant, left: &mut Vec<ParticipantId>) {
        match effect {
            Effect::ConferenceChanged => self.news.conference(now),
            Effect::RosterChanged => self.news.roster(now),
            Effect::PresenceChanged => self.news.presence(now),
            Effect::FloorChanged => self.news.floor(now),
            Effect::FloorBegan => self.news.floor_began(now),
            Effect::StageChanged => self.news.stage(now),
            Effect::BarredChanged => self.news.barred(now),
            Effect::SelfChanged(Audience::Waiting) => self.news.waiting(now),
            Effect::SelfChanged(Audience::One(participant)) => {
                if let Some(message) = self.state.self_message(participant) {
                    self.links.tell(participant, encode(&message));
                }
            }
            Effect::ParticipantChanged(participant) => self.news.changed(participant, now),
            Effect::ParticipantLeft(departed) => {
                let participant = departed.participant;
                left.push(participant);
                self.budgets.forget(participant);
                self.reports.forget(participant);
                self.peers.conditions.forget(participant);
                self.news.left(departed_entry(*departed), now);
            }
            Effect::Media(intent) => self.command_media(&intent),
            Effect::Close(participant, reason) => {
                if let Some(why) = CloseReason::of(reason) {
                    self.links.end(participant, Ending::because(why));
                }
            }
            Effect::CloseAll => {
                self.asked_at = now;
                self.budgets.clear();
                self.unrecorded.clear();
                self.reports.clear();
                self.links
                    .end_all(|_| Ending::because(CloseReason::ConferenceEnded));
            }
        }
    }

    fn command_media(&mut self, intent: &MediaIntent) {
        let media = Arc::clone(&self.around.media);
        match intent {
            MediaIntent::Block {
                participant,
                blocked,
            } => {
                self.peers.block(*participant, *blocked, &*media);
            }
            MediaIntent::Drop(participant) => {
                self.peers.close(*participant, &*media);
            }
            MediaIntent::End => {
                let conference = self.media_id;
                media.command(MediaCommand::EndConference { conference });
                self.peers.clear();
            }
        }
    }

    fn settle(&mut self, pending: Pending) {
        match pending {
            Pending::Done(answer) => answer.done(),
            Pending::Refused(answer, refusal) => self.answer_refused(answer, refusal),
            Pending::Negotiated(answer, negotiated) => answer.negotiated(*negotiated),
            Pending::NotEntered { refusal, answer } => drop(answer.send(Err(refusal))),
            Pending::Entered { entered, answer } => self.welcome(*entered, answer),
        }
    }

    fn welcome(&mut self, entered: Entered, answer: oneshot::Sender<Result<Admission, Refusal>>) {
        let Entered {
            participant,
            outbox,
            told,
            resumed,
            took_over,
        } = entered;
        let Some(person) = self.state.participant(participant) else {
            // It left again, or was sent away, in the same turn.
            let refusal = Refusal::new(ErrorCode::ParticipantUnknown, "this participant has left");
            drop(answer.send(Err(refusal)));
            return;
        };
        let (rights, role) = (person.rights(), person.role);
        info!(conference = %self.id(), %participant, %role, resumed, "participant entered");
        if let Some(told) = told {
            let welcome = Welcome {
                protocol: crate::protocol::VERSION,
                session: person.session,
                secret: told.secret,
                participant,
                role,
                site: person.site.clone().map(|code| SiteEntry {
                    code,
                    name: person.name.clone(),
                }),
                conference: self.state.conference_entry(),
                resumed,
                took_over,
                media: self.peers.get(participant).is_some(),
                address: Some(told.address),
                resume_seconds: self.around.welcome.resume_seconds,
                ping_seconds: self.around.welcome.ping_seconds,
                ice_servers: told.ice_servers,
            };
            outbox.send(&ServerMessage::Welcome(Box::new(welcome)));
            for message in news::all(&self.state, Class::of(rights), &self.peers) {
                outbox.send(&message);
            }
            if let Some(trouble) = self.troubles.told()
                && Class::of(rights) == Class::Moderators
            {
                outbox.send(&ServerMessage::Trouble(trouble));
            }
            if let Some(own) = self.state.self_message(participant) {
                outbox.send(&own);
            }
            if resumed || !self.peers.undecodable(participant).is_empty() {
                outbox.send(&self.undecodable_message(participant));
            }
            if resumed || self.peers.rung(participant) != Rung::default() {
                outbox.send(&self.line_message(participant));
            }
            if resumed {
                outbox.send(&self.wanted_message(participant));
            }
            if self.links.is_current(participant, &outbox) {
                self.links.welcomed(participant);
            }
        }
        drop(answer.send(Ok(Admission {
            participant,
            rights,
        })));
    }

    /// After the state went back to what is stored: nobody stays connected who is not in it, and
    /// the media plane does what it says.
    pub(super) fn reconnect_to_state(&mut self) {
        let media = Arc::clone(&self.around.media);
        if self.state.phase() == Phase::Ended {
            self.links
                .end_all(|_| Ending::because(CloseReason::ConferenceEnded));
            self.command_media(&MediaIntent::End);
        }
        let state = &self.state;
        let ending = Ending::Closing {
            reason: CloseReason::Restarting,
            retry_after_seconds: Some(crate::protocol::endings::RETRY_SECONDS),
        };
        self.links.retain(
            |id| {
                state
                    .participant(id)
                    .is_some_and(|person| person.is_present())
            },
            ending,
        );
        let gone: Vec<_> = self
            .peers
            .owners()
            .filter(|id| state.participant(*id).is_none())
            .collect();
        for participant in gone {
            self.peers.close(participant, &*media);
        }
        for participant in self.peers.owners() {
            let silenced = state.is_silenced(participant);
            self.peers.block(participant, silenced, &*media);
        }
        self.peers.reconcile(&self.state, self.media_id, &*media);
        self.asked_at = Instant::now()
            .checked_sub(ENDED_IDLE)
            .unwrap_or_else(Instant::now);
    }
}

/// What happened to people.
fn of_people(events: &[Event]) -> impl DoubleEndedIterator<Item = &PeopleEvent> {
    events.iter().filter_map(|event| {
        if let Event::People(event) = event {
            Some(event)
        } else {
            None
        }
    })
}

pub(super) fn no_media() -> Refusal {
    Refusal::new(
        ErrorCode::NoMedia,
        "this participant has no peer connection: send an offer first",
    )
}
