//! Which peer belongs to which participant, and what the media plane has been told to do with it.
//!
//! The conference keeps intent ("the stage shows this participant's camera"); here it becomes
//! wiring. What should be is compared with what was commanded last, so it can be said again and
//! again.

mod limits;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sfu::Media;
use sfu::command::{AcceptedSlot, Command, Joined};
use sfu::id::{ConferenceId, Feed, PeerId, PublicationId, SlotId};
use sfu::kind::{Codec, MediaKind};

use super::conditions::Conditions;
use super::lines::Line;
use crate::conference::{Participant, State};
use crate::ids::ParticipantId;
use crate::metrics::{LineFigures, PeerFigures};
use crate::protocol::line::Rung;
use crate::protocol::server::Kind;
use crate::protocol::server::{
    FeedName, MediaState, ParticipantEntry, PublicationEntry, SlotEntry,
};
use crate::protocol::{Place, Source};

/// One participant's peer connection.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) id: PeerId,
    pub(super) media: MediaState,
    /// It is told what somebody looks at; encoders and players that came by HTTP are not.
    is_page: bool,
    publications: Vec<Publication>,
    slots: Vec<AcceptedSlot>,
    /// Whom the slots beyond the stage show.
    watching: BTreeMap<SlotId, ParticipantId>,
    /// Places of the stage that it has a slot for and cannot decode.
    undecodable: Vec<Place>,
    line: Line,
    /// How many layers a slot shows at most, where that is limited.
    limits: BTreeMap<SlotId, u8>,
}

#[derive(Debug)]
struct Publication {
    id: PublicationId,
    mid: String,
    source: Source,
    codec: Codec,
    /// Whether its media arrives; `None` until it has begun to.
    arrives: Option<bool>,
    /// Its encoder makes no keyframe when asked.
    is_deaf: bool,
    /// How many of its layers somebody looks at, as was told.
    wanted: Option<u8>,
}

impl Publication {
    /// It is to be sent as soon as its participant says that it sends: a page sends a picture only
    /// while somebody looks at it.
    fn is_due(&self, is_page: bool) -> bool {
        let is_wanted = self.wanted.is_some_and(|layers| layers > 0);
        !is_page || self.source == Source::Microphone || is_wanted
    }
}

/// Why an offer's `sources` do not fit its m-lines.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum SourceError {
    #[error("`sources` does not say what the sending MID {0} is")]
    Missing(String),
    #[error("`sources` says that MID {0} is a {1:?}, but its media is of the other kind")]
    OtherKind(String, Source),
    #[error("`sources` names {0:?} twice")]
    Twice(Source),
}

/// Why a slot cannot be pointed elsewhere.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum SlotError {
    #[error("there is no video slot with MID {0}")]
    Unknown(String),
    #[error("the slot with MID {0} shows the stage")]
    Stage(String),
}

impl Peer {
    /// A peer that has just been answered.
    pub(super) fn new(
        joined: &Joined,
        sources: &BTreeMap<String, Source>,
        is_page: bool,
    ) -> Result<Self, SourceError> {
        let mut publications: Vec<Publication> = Vec::new();
        for accepted in &joined.publications {
            let mid = accepted.mid.to_string();
            let Some(&source) = sources.get(&mid) else {
                return Err(SourceError::Missing(mid));
            };
            let kind = match source {
                Source::Microphone => MediaKind::Audio,
                Source::Camera | Source::Screen => MediaKind::Video,
            };
            if kind != accepted.kind {
                return Err(SourceError::OtherKind(mid, source));
            }
            if publications
                .iter()
                .any(|publication| publication.source == source)
            {
                return Err(SourceError::Twice(source));
            }
            publications.push(Publication {
                id: accepted.id,
                mid,
                source,
                codec: accepted.codec,
                arrives: None,
                is_deaf: false,
                wanted: None,
            });
        }
        let (id, slots) = (joined.peer, joined.slots.clone());
        Ok(Self {
            id,
            media: MediaState::None,
            is_page,
            publications,
            slots,
            watching: BTreeMap::new(),
            undecodable: Vec::new(),
            line: Line::new(),
            limits: BTreeMap::new(),
        })
    }

    /// What the client is told of its publications.
    pub(super) fn publication_entries(&self) -> Vec<PublicationEntry> {
        self.publications
            .iter()
            .map(|publication| PublicationEntry {
                mid: publication.mid.clone(),
                source: publication.source,
            })
            .collect()
    }

    /// What the client is told of its slots.
    pub(super) fn slot_entries(&self) -> Vec<SlotEntry> {
        let mut places = Place::ALL.into_iter();
        self.slots
            .iter()
            .map(|slot| {
                let (kind, feed) = match slot.kind {
                    MediaKind::Audio => (Kind::Audio, Some(FeedName::Audio)),
                    MediaKind::Video => (Kind::Video, places.next().map(FeedName::from)),
                };
                SlotEntry {
                    mid: slot.mid.to_string(),
                    kind,
                    feed,
                }
            })
            .collect()
    }

    /// Of what the stage shows, the places whose codec it has not agreed to.
    fn cannot_decode(&self, shown: &Codecs) -> Vec<Place> {
        let pictures = self.slots.iter().filter(|it| it.kind == MediaKind::Video);
        pictures
            .zip(Place::ALL.into_iter().zip(shown))
            .filter(|(slot, (_, codec))| codec.is_some_and(|codec| !slot.codecs.contains(&codec)))
            .map(|(_, (place, _))| place)
            .collect()
    }

    /// What its line leaves of the picture and its score, if anything is sent to it.
    fn shown_line(&self) -> Option<(Rung, u8)> {
        let receives = self.media != MediaState::None && !self.slots.is_empty();
        receives.then(|| (self.line.rung(), self.line.score()))
    }

    fn publication(&self, source: Source) -> Option<PublicationId> {
        self.publications
            .iter()
            .find(|publication| publication.source == source)
            .map(|publication| publication.id)
    }

    /// Something that is said to be sent has ceased to arrive, and nothing else does.
    fn is_silent(&self, person: &Participant) -> bool {
        let said = self
            .publications
            .iter()
            .filter(|publication| person.is_active(publication.source));
        let is_page = self.is_page;
        let mut has_ceased = false;
        for publication in said {
            match publication.arrives {
                Some(true) => return false,
                Some(false) => has_ceased |= publication.is_due(is_page),
                None => {}
            }
        }
        has_ceased
    }

    fn free_slot(&self, mid: &str) -> Result<SlotId, SlotError> {
        let (index, slot) = self
            .slots
            .iter()
            .filter(|slot| slot.kind == MediaKind::Video)
            .enumerate()
            .find(|(_, slot)| slot.mid.as_str() == mid)
            .ok_or_else(|| SlotError::Unknown(mid.to_owned()))?;
        if index < Place::ALL.len() {
            Err(SlotError::Stage(mid.to_owned()))
        } else {
            Ok(slot.id)
        }
    }
}

/// All peers of one conference, and what was commanded about the stage.
#[derive(Debug, Default)]
pub(super) struct Peers {
    of: HashMap<ParticipantId, Peer>,
    owners: HashMap<PeerId, ParticipantId>,
    /// Those whose peer watches somebody.
    watchers: BTreeSet<ParticipantId>,
    stage: [Option<PublicationId>; Place::ALL.len()],
    programme: Option<PublicationId>,
    sounds: Sounds,
    shown: Codecs,
    /// Peers of which it was not yet looked at what they can decode.
    fresh: Vec<ParticipantId>,
    /// Those who cannot decode something of what is shown.
    blind: BTreeSet<ParticipantId>,
    /// Those whose media has begun, at some time.
    senders: BTreeSet<ParticipantId>,
    lines: LineFigures,
    /// What participants say of themselves; also of those who have no peer.
    pub(super) conditions: Conditions,
}

/// In which codec each place of the stage is shown.
type Codecs = [Option<Codec>; Place::ALL.len()];

/// Whose sound may be heard, and as what.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Sounds {
    speakers: Vec<PublicationId>,
    main: Option<PublicationId>,
    floor: Option<PublicationId>,
}

impl Peers {
    /// The peer of a participant.
    pub(super) fn get(&self, participant: ParticipantId) -> Option<&Peer> {
        self.of.get(&participant)
    }

    /// Everybody who has a peer.
    pub(super) fn owners(&self) -> impl Iterator<Item = ParticipantId> {
        self.of.keys().copied()
    }

    /// Whose peer this is; `None` for one that was replaced.
    pub(super) fn owner(&self, peer: PeerId) -> Option<ParticipantId> {
        self.owners.get(&peer).copied()
    }

    /// The state of a participant's media. Whoever says that it sends is silent when nothing of it
    /// arrives, whatever its connection does; what the server refuses does not count.
    pub(super) fn media_state(&self, state: &State, participant: ParticipantId) -> MediaState {
        let Some(peer) = self.of.get(&participant) else {
            return MediaState::None;
        };
        let is_silent = state
            .participant(participant)
            .is_some_and(|person| peer.is_silent(person) && !state.is_silenced(participant));
        if is_silent && peer.media == MediaState::Connected {
            MediaState::Silent
        } else {
            peer.media
        }
    }

    /// Of what a participant says it sends, and may, what does not arrive any more. A screen may stand
    /// still.
    pub(super) fn ceased(&self, state: &State, participant: ParticipantId) -> Vec<Source> {
        let (Some(peer), Some(person)) = (self.get(participant), state.participant(participant))
        else {
            return Vec::new();
        };
        if state.is_silenced(participant) {
            return Vec::new();
        }
        [Source::Microphone, Source::Camera]
            .into_iter()
            .filter(|source| person.is_active(*source))
            .filter(|source| {
                let mut publications = peer.publications.iter();
                publications.any(|it| {
                    it.source == *source && it.arrives == Some(false) && it.is_due(peer.is_page)
                })
            })
            .collect()
    }

    /// Whether a participant may send anything.
    pub(super) fn publishes(&self, participant: ParticipantId) -> bool {
        let peer = self.of.get(&participant);
        peer.is_some_and(|peer| !peer.publications.is_empty())
    }

    /// What a participant that is connected says it sends, and may, and of which nothing has come yet.
    pub(super) fn owing(&self, state: &State, participant: ParticipantId) -> Vec<PublicationId> {
        let (Some(peer), Some(person)) = (self.get(participant), state.participant(participant))
        else {
            return Vec::new();
        };
        if peer.media != MediaState::Connected || state.is_silenced(participant) {
            return Vec::new();
        }
        let publications = peer.publications.iter();
        publications
            .filter(|it| it.arrives.is_none() && person.is_active(it.source))
            .filter(|it| it.is_due(peer.is_page))
            .map(|it| it.id)
            .collect()
    }

    /// Notes that the media of a publication arrives, or has ceased to. Says whose it is, unless it
    /// belongs to a peer that was replaced.
    pub(super) fn set_arrival(
        &mut self,
        publication: PublicationId,
        arrives: bool,
    ) -> Option<ParticipantId> {
        let owner = self.owner(publication.peer)?;
        let peer = self.of.get_mut(&owner)?;
        let known = peer
            .publications
            .iter_mut()
            .find(|known| known.id == publication)?;
        known.arrives = Some(arrives);
        self.senders.insert(owner);
        Some(owner)
    }

    /// Notes that the encoder of a publication ignores keyframe requests, or answers them. Says
    /// whose it is.
    pub(super) fn set_deaf(
        &mut self,
        publication: PublicationId,
        is_deaf: bool,
    ) -> Option<ParticipantId> {
        let owner = self.owner(publication.peer)?;
        let publications = &mut self.of.get_mut(&owner)?.publications;
        publications
            .iter_mut()
            .find(|it| it.id == publication)?
            .is_deaf = is_deaf;
        Some(owner)
    }

    /// Notes how many layers of a publication somebody looks at. Says whose it is.
    pub(super) fn set_wanted(
        &mut self,
        publication: PublicationId,
        layers: u8,
    ) -> Option<ParticipantId> {
        let owner = self.owner(publication.peer)?;
        let publications = &mut self.of.get_mut(&owner)?.publications;
        publications
            .iter_mut()
            .find(|it| it.id == publication)?
            .wanted = Some(layers);
        Some(owner)
    }

    /// How many layers of each source of a participant somebody looks at, as far as that is known.
    pub(super) fn wanted(&self, participant: ParticipantId) -> BTreeMap<Source, u8> {
        let peer = self.of.get(&participant).into_iter();
        peer.flat_map(|peer| &peer.publications)
            .filter_map(|publication| Some((publication.source, publication.wanted?)))
            .collect()
    }

    /// Whether the media of a participant's source arrives; `None` if it has not begun to.
    pub(super) fn arrives(&self, participant: ParticipantId, source: Source) -> Option<bool> {
        let peer = self.of.get(&participant)?;
        let mut publications = peer.publications.iter();
        publications.find(|it| it.source == source)?.arrives
    }

    /// Notes a change of a peer connection; says whether it is one.
    pub(super) fn set_media_state(&mut self, participant: ParticipantId, to: MediaState) -> bool {
        let Some(peer) = self.of.get_mut(&participant) else {
            return false;
        };
        self.lines.remove(peer.shown_line());
        let before = std::mem::replace(&mut peer.media, to);
        self.lines.add(peer.shown_line());
        before != to
    }

    /// Changes what is known of the line to a participant. Returns what was and what is.
    pub(super) fn change_line(
        &mut self,
        participant: ParticipantId,
        change: impl FnOnce(&mut Line),
    ) -> Option<(Line, Line)> {
        let peer = self.of.get_mut(&participant)?;
        let before = peer.line;
        self.lines.remove(peer.shown_line());
        change(&mut peer.line);
        self.lines.add(peer.shown_line());
        Some((before, peer.line))
    }

    /// What the line to a participant leaves of the picture.
    pub(super) fn rung(&self, participant: ParticipantId) -> Rung {
        let peer = self.of.get(&participant);
        peer.map(|peer| peer.line.rung()).unwrap_or_default()
    }

    /// Gives a participant its peer, refusing its media if need be, and points whoever watches it
    /// there. The former peer closes.
    pub(super) fn insert(
        &mut self,
        participant: ParticipantId,
        peer: Peer,
        silenced: bool,
        media: &dyn Media,
    ) {
        self.close(participant, media);
        self.owners.insert(peer.id, participant);
        self.of.insert(participant, peer);
        self.fresh.push(participant);
        if silenced {
            self.block(participant, true, media);
        }
        self.point_watchers(participant, media);
    }

    /// Closes a participant's peer, if there is one.
    pub(super) fn close(&mut self, participant: ParticipantId, media: &dyn Media) {
        if let Some(peer) = self.forget(participant, media) {
            media.command(Command::RemovePeer { peer });
        }
    }

    /// Forgets a participant's peer, which has closed.
    pub(super) fn forget(
        &mut self,
        participant: ParticipantId,
        media: &dyn Media,
    ) -> Option<PeerId> {
        let peer = self.of.remove(&participant)?;
        self.lines.remove(peer.shown_line());
        self.owners.remove(&peer.id);
        self.watchers.remove(&participant);
        self.senders.remove(&participant);
        self.blind.remove(&participant);
        self.point_watchers(participant, media);
        Some(peer.id)
    }

    /// Refuses or accepts again everything that a participant sends.
    pub(super) fn block(&self, participant: ParticipantId, blocked: bool, media: &dyn Media) {
        for publication in self
            .of
            .get(&participant)
            .into_iter()
            .flat_map(|peer| &peer.publications)
        {
            media.command(Command::Block {
                publication: publication.id,
                blocked,
            });
        }
    }

    /// Points a slot of `watcher` at the camera of `target`, or at nothing. A target without a
    /// camera is shown once it has one.
    pub(super) fn watch(
        &mut self,
        watcher: ParticipantId,
        mid: &str,
        target: Option<ParticipantId>,
        media: &dyn Media,
    ) -> Result<(), SlotError> {
        let feed = target.and_then(|target| self.camera(target));
        let Some(peer) = self.of.get_mut(&watcher) else {
            return Err(SlotError::Unknown(mid.to_owned()));
        };
        let slot = peer.free_slot(mid)?;
        match target {
            Some(target) => peer.watching.insert(slot, target),
            None => peer.watching.remove(&slot),
        };
        if peer.watching.is_empty() {
            self.watchers.remove(&watcher);
        } else {
            self.watchers.insert(watcher);
        }
        let feed = feed.filter(|_| peer.shows(slot));
        media.command(Command::Watch { slot, feed });
        Ok(())
    }

    /// Of what the stage shows, what a participant cannot decode.
    pub(super) fn undecodable(&self, participant: ParticipantId) -> &[Place] {
        self.of
            .get(&participant)
            .map_or(&[], |peer| &peer.undecodable)
    }

    /// A participant as moderators see it; `None` when it is gone.
    pub(super) fn entry(
        &self,
        state: &State,
        participant: ParticipantId,
    ) -> Option<ParticipantEntry> {
        let media = self.media_state(state, participant);
        let line = self.of.get(&participant).and_then(Peer::shown_line);
        Some(ParticipantEntry {
            rung: line.map(|(rung, _)| rung),
            score: line.map(|(_, score)| score),
            undecodable: self.undecodable(participant).to_vec(),
            ignores_keyframe_requests: self
                .of
                .get(&participant)
                .is_some_and(|peer| peer.publications.iter().any(|it| it.is_deaf)),
            ceased: self.ceased(state, participant),
            condition: self.conditions.of(participant),
            ..state.participant_entry(participant, media)?
        })
    }

    /// What is counted of them.
    pub(super) fn figures(&self, state: &State) -> PeerFigures {
        let is_silent = |id: &&ParticipantId| self.media_state(state, **id) == MediaState::Silent;
        PeerFigures {
            silent: self.senders.iter().filter(is_silent).count(),
            cannot_decode: self.blind.len(),
            lines: self.lines,
        }
    }

    /// Looks who cannot decode what the stage shows. Returns those of whom that is news.
    pub(super) fn look_who_decodes(&mut self, state: &State) -> Vec<ParticipantId> {
        let shown = Place::ALL.map(|place| {
            let peer = self.of.get(&state.scene().at(place)?)?;
            let mut publications = peer.publications.iter();
            let shown = publications.find(|it| it.source == place.source())?;
            Some(shown.codec)
        });
        let fresh = std::mem::take(&mut self.fresh);
        let at_stake = if shown == self.shown {
            fresh
        } else {
            self.of.keys().copied().collect()
        };
        self.shown = shown;
        let mut news = Vec::new();
        for participant in at_stake {
            let Some(peer) = self.of.get_mut(&participant) else {
                continue;
            };
            let undecodable = peer.cannot_decode(&shown);
            if undecodable == peer.undecodable {
                continue;
            }
            self.blind.remove(&participant);
            self.blind
                .extend((!undecodable.is_empty()).then_some(participant));
            peer.undecodable = undecodable;
            news.push(participant);
        }
        news
    }

    /// Makes the media plane show and play what the conference says.
    pub(super) fn reconcile(&mut self, state: &State, conference: ConferenceId, media: &dyn Media) {
        let scene = state.scene();
        for (index, place) in Place::ALL.into_iter().enumerate() {
            let what = scene
                .at(place)
                .and_then(|id| self.publication(id, place.source()));
            if let Some(commanded) = self.stage.get_mut(index)
                && *commanded != what
            {
                *commanded = what;
                media.command(Command::Show {
                    conference,
                    stage: stage_number(place),
                    publication: what,
                });
            }
        }
        let programme = state
            .programme()
            .and_then(|id| self.publication(id, Source::Camera));
        if self.programme != programme {
            self.programme = programme;
            media.command(Command::Show {
                conference,
                stage: PROGRAMME,
                publication: programme,
            });
        }
        let sounds = self.sounds(state);
        if self.sounds != sounds {
            media.command(Command::SetSpeakers {
                conference,
                publications: sounds.speakers.clone(),
                main: sounds.main,
                floor: sounds.floor,
            });
            self.sounds = sounds;
        }
    }

    fn sounds(&self, state: &State) -> Sounds {
        let scene = state.scene();
        let sound = |id: ParticipantId| self.publication(id, Source::Microphone);
        let heard =
            |id: Option<ParticipantId>| id.filter(|id| scene.speakers.contains(id)).and_then(sound);
        let main = heard(scene.main);
        Sounds {
            speakers: scene.speakers.iter().copied().filter_map(sound).collect(),
            main,
            floor: heard(state.floor_holder()).filter(|floor| Some(*floor) != main),
        }
    }

    /// Forgets everything: the conference has ended.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn publication(&self, participant: ParticipantId, source: Source) -> Option<PublicationId> {
        self.of.get(&participant)?.publication(source)
    }

    fn camera(&self, participant: ParticipantId) -> Option<Feed> {
        self.publication(participant, Source::Camera)
            .map(Feed::Publication)
    }

    fn point_watchers(&self, target: ParticipantId, media: &dyn Media) {
        let feed = self.camera(target);
        let watchers = self
            .watchers
            .iter()
            .filter_map(|watcher| self.of.get(watcher));
        for peer in watchers {
            for (slot, _) in peer.watching.iter().filter(|(_, it)| **it == target) {
                let feed = feed.filter(|_| peer.shows(*slot));
                media.command(Command::Watch { slot: *slot, feed });
            }
        }
    }
}

/// The number under which the media plane knows what a single picture shows, who speaks or else the
/// main picture: a place of the stage beside those that have a name.
pub(crate) const PROGRAMME: u8 = 3;

/// The number under which the media plane knows a place.
pub(crate) const fn stage_number(place: Place) -> u8 {
    match place {
        Place::Main => 0,
        Place::Second => 1,
        Place::Screen => 2,
    }
}
