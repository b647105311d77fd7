//! One time that the hostile participant is there.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use signaling::auth::Role;
use tokio::net::UdpSocket;

use super::super::site::{Member, Part};
use super::{Deeds, sdp};
use crate::endpoint::{Decrypt, Effects, Endpoint, EndpointConfig, Forgery, Milestone, Sends};
use crate::scenario::{HostileKind, Target};
use crate::sdp::Answer;
use crate::websocket::{Opening, Session, SessionError};

/// Length of a turn.
const TURN: Duration = Duration::from_millis(2);

/// What is sent in each turn, by kind: 1,000 NACK lists a second, and so on.
const NACKS: usize = 2;
const PLIS: usize = 2;
const CHECKS: usize = 2;
const GAPS: usize = 10;
const FRAGMENTS: u16 = 2;
const PINGS: usize = 10;
/// Of these, one in so many turns.
const VERB_EVERY: u32 = 5;
const OFFER_EVERY: u32 = 50;

/// How far numbers jump with each packet.
const JUMP: u64 = 32_000;

/// Longest datagram that the server looks at.
const DATAGRAM: usize = 2_048;

/// A session and a peer connection of its own.
pub(super) struct Visit {
    kinds: BTreeSet<HostileKind>,
    session: Session,
    endpoint: Endpoint,
    socket: UdpSocket,
    effects: Effects,
    epoch: Instant,
    turn: u32,
    /// Next number of the sound that jumps.
    number: u64,
    wants_floor: bool,
    /// Fragments before the handshake: it fails then, so not in every visit.
    before_handshake: bool,
}

impl Visit {
    /// Comes in as the site behind all others.
    pub(super) async fn begin(part: &Part, life: u32) -> Result<Self, String> {
        let Some(hostile) = &part.scenario.hostile else {
            return Err("nothing hostile is to happen".to_owned());
        };
        let Target::Conference {
            server,
            conference,
            tokens,
            roster,
            ..
        } = &part.scenario.target
        else {
            return Err("there is no conference".to_owned());
        };
        let number = part.scenario.sites;
        let site = roster.get(number as usize % roster.len().max(1));
        let token = tokens
            .token(conference, Role::Site, site.map(String::as_str), number)
            .await
            .map_err(|error| error.to_string())?;
        let opening = Opening::Join(token);
        let opened = Session::open(server, opening, &part.scenario.tls).await;
        let (mut session, ..) = opened.map_err(|error| error.to_string())?;
        let config = EndpointConfig {
            seed: part.scenario.seed ^ 0x686f_7374 ^ (u64::from(life) << 32),
            sender: Member::Site(number).sender(),
            sends: Sends::Site,
            audio_slots: 3,
            video_slots: 3,
            decrypt: Decrypt::Start,
            ..EndpointConfig::default()
        };
        let mut endpoint = Endpoint::new(Instant::now(), Arc::clone(&part.shared), config);
        let (offer, sources) = (endpoint.offer(), endpoint.sources());
        let answered = session.offer(offer, &sources).await;
        let answer = answered.map_err(|error| error.to_string())?;
        let answer = Answer::parse(&answer).map_err(|error| error.to_string())?;
        let remote = Endpoint::choose_candidate(&answer, false)
            .ok_or_else(|| "the answer has no UDP candidate".to_owned())?;
        endpoint
            .handle_answer(Instant::now(), &answer, remote.address)
            .map_err(|error| error.to_string())?;
        let socket = connect(remote.address)
            .await
            .map_err(|error| error.to_string())?;
        let kinds = kinds_of(&hostile.kinds, life);
        Ok(Self {
            before_handshake: kinds.contains(&HostileKind::Fragments) && life % 4 < 2,
            kinds,
            session,
            endpoint,
            socket,
            effects: Effects::default(),
            epoch: part.shared.epoch,
            turn: 0,
            number: 0,
            wants_floor: false,
        })
    }

    /// Does its worst until it is thrown out.
    pub(super) async fn misbehave(&mut self, deeds: &mut Deeds) -> Result<(), String> {
        let mut ticks = tokio::time::interval(TURN);
        loop {
            tokio::select! {
                biased;
                _ = ticks.tick() => self.take_turn(deeds).await?,
                message = self.session.next() => {
                    message.map_err(|error| error.to_string())?;
                }
            }
        }
    }

    async fn take_turn(&mut self, deeds: &mut Deeds) -> Result<(), String> {
        self.turn = self.turn.wrapping_add(1);
        self.receive();
        let now = Instant::now();
        if self.endpoint.wake() <= now {
            self.endpoint.handle_timeout(now, &mut self.effects);
        }
        self.obstruct_handshake(deeds);
        if self.endpoint.is_connected() {
            self.send_media(deeds);
        }
        for datagram in self.effects.datagrams.iter() {
            // What the system does not take is lost, as on a network.
            let _ = self.socket.try_send(datagram);
        }
        self.effects.datagrams.clear();
        let words = self.send_words(deeds).await;
        words.map_err(|error| error.to_string())
    }

    fn receive(&mut self) {
        let mut buffer = [0; DATAGRAM];
        while let Ok(length) = self.socket.try_recv(&mut buffer) {
            let now = Instant::now();
            let arrival = now.saturating_duration_since(self.epoch);
            let datagram = buffer.get_mut(..length).unwrap_or_default();
            self.endpoint
                .handle_datagram(now, arrival, datagram, &mut self.effects);
        }
    }

    /// Empty fragments of a handshake message, once its first check was answered.
    fn obstruct_handshake(&mut self, deeds: &mut Deeds) {
        let milestones = std::mem::take(&mut self.effects.milestones);
        if !self.before_handshake || !milestones.contains(&Milestone::IceConnected) {
            return;
        }
        for number in 0..127 {
            let datagram = Endpoint::empty_fragments(number);
            self.effects.datagrams.push(&datagram);
        }
        deeds.count(HostileKind::Fragments, 127);
    }

    fn send_media(&mut self, deeds: &mut Deeds) {
        let forged = [
            (HostileKind::Nacks, NACKS, Some(Forgery::Nack)),
            (HostileKind::Plis, PLIS, Some(Forgery::Pli)),
            (HostileKind::Checks, CHECKS, Some(Forgery::Check)),
            (HostileKind::Gaps, GAPS, None),
        ];
        for (kind, times, what) in forged {
            if !self.kinds.contains(&kind) {
                continue;
            }
            for _ in 0..times {
                self.number += JUMP;
                let what = what.unwrap_or(Forgery::Sound(self.number));
                self.endpoint.forge(what, &mut self.effects);
            }
            deeds.count(kind, times as u64);
        }
        if self.kinds.contains(&HostileKind::Fragments) {
            for number in 0..FRAGMENTS {
                let datagram = Endpoint::empty_fragments(number);
                self.effects.datagrams.push(&datagram);
            }
            deeds.count(HostileKind::Fragments, FRAGMENTS.into());
        }
    }

    async fn send_words(&mut self, deeds: &mut Deeds) -> Result<(), SessionError> {
        if self.kinds.contains(&HostileKind::Pings) {
            for _ in 0..PINGS {
                self.session.ping().await?;
            }
            deeds.count(HostileKind::Pings, PINGS as u64);
        }
        if self.kinds.contains(&HostileKind::Verbs) && self.turn.is_multiple_of(VERB_EVERY) {
            self.wants_floor = !self.wants_floor;
            self.session.want_floor(self.wants_floor).await?;
            deeds.count(HostileKind::Verbs, 1);
        }
        if self.kinds.contains(&HostileKind::Offers) && self.turn.is_multiple_of(OFFER_EVERY) {
            self.session.offer_unanswered(sdp::long_offer()).await?;
            deeds.count(HostileKind::Offers, 1);
        }
        Ok(())
    }
}

/// What is done in a visit: words and media by turns, since words soon end in being thrown out.
fn kinds_of(all: &[HostileKind], life: u32) -> BTreeSet<HostileKind> {
    let kinds = all.iter().copied();
    let turn: BTreeSet<_> = kinds
        .clone()
        .filter(|kind| kind.is_words() == (life % 2 == 1))
        .collect();
    let has_deeds = turn.iter().any(|kind| *kind != HostileKind::Rejoining);
    if has_deeds { turn } else { kinds.collect() }
}

/// A socket that speaks with the server's media port only.
async fn connect(server: SocketAddr) -> std::io::Result<UdpSocket> {
    let any = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_media_take_turns_unless_there_is_only_one_of_them() {
        let all = HostileKind::ALL;
        assert!(kinds_of(&all, 0).iter().all(|kind| !kind.is_words()));
        assert!(kinds_of(&all, 1).iter().all(|kind| kind.is_words()));
        let words = [HostileKind::Pings, HostileKind::Rejoining];
        for life in 0..3 {
            assert!(kinds_of(&words, life).contains(&HostileKind::Pings));
        }
        let media = [HostileKind::Nacks];
        for life in 0..3 {
            assert!(kinds_of(&media, life).contains(&HostileKind::Nacks));
        }
    }
}
