//! A whole shard: a hall speaks to a site, and beside them a participant sends whatever the input
//! says, sealed with its own valid keys. Whatever that is, the site goes on hearing and seeing the
//! hall, and nothing is left behind.
//!
//! An input is a list of acts, each a byte and its arguments; see [`Act`].

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use sfu::command::{Command, PeerPolicy};
use sfu::demux::{Class, classify};
use sfu::id::{Feed, PublicationId, ShardId, SlotId};
use sfu::kind::MediaKind;
use sfu::peer::ice::client::{Check, Role};
use sfu::peer::srtp::{Opener, Sealer};
use sfu::rtp::Header;

use super::Target;
use crate::world::{CONFERENCE, ClientId, Light, Link, Wishes, World};

/// A shard with a hall, a site and a hostile participant.
pub(super) const SHARD: Target = Target {
    name: "shard",
    seeds: scripts,
    run,
    short: 1_500,
};

/// Inputs that one shard is given before the next is made. Higher: faults that need many inputs are
/// found. Lower: an input that fails alone is found sooner.
const INPUTS_PER_STAGE: u32 = 256;

/// Most acts of one input.
const MAX_ACTS: usize = 64;

/// Packets that the hostile participant's own numbering is ahead of its browser's, so that what is
/// forged is never a repetition.
const AHEAD: u64 = 2_000;

thread_local! {
    static STAGE: RefCell<Option<Stage>> = const { RefCell::new(None) };
}

fn run(input: &[u8]) {
    STAGE.with_borrow_mut(|stage| {
        let mut current = stage.take().unwrap_or_else(Stage::new);
        current.play(input);
        if current.inputs < INPUTS_PER_STAGE {
            *stage = Some(current);
        } else {
            current.finish();
        }
    });
}

/// One byte of an input: what the hostile participant does next.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
enum Act {
    /// Sends an RTP packet like one of its own, with bytes changed, sealed.
    Rtp,
    /// Sends a compound of the input's bytes, sealed.
    Rtcp,
    /// Sends a well-formed request about its slots, sealed.
    Feedback,
    /// Sends raw bytes from its own address.
    Raw,
    /// Sends an authentic check, from its own or another address.
    Check,
    /// Sends one of its own datagrams again, changed.
    Replay,
    /// Points one of its slots somewhere else.
    Watch,
    /// Waits.
    Wait,
    /// Reports of its line what it likes: arrivals, an estimate, loss; sealed.
    Report,
}

impl Act {
    const fn of(byte: u8) -> Self {
        match byte % 9 {
            0 => Self::Rtp,
            1 => Self::Rtcp,
            2 => Self::Feedback,
            3 => Self::Raw,
            4 => Self::Check,
            5 => Self::Replay,
            6 => Self::Watch,
            7 => Self::Wait,
            _ => Self::Report,
        }
    }
}

/// Inputs with every act in it.
fn scripts() -> Vec<Vec<u8>> {
    let rtcp = [1, 12, 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
    let every = [
        [
            0, 0, 1, 12, 0xff, 2, 0, 0x10, 0, 5, 2, 1, 0, 3, 4, 22, 0xfe, 0xff, 0,
        ]
        .as_slice(),
        rtcp.as_slice(),
        &[4, 0, 1, 4, 1, 1, 5, 3, 1, 9, 1, 6, 0, 0, 7, 20],
    ];
    let packets: Vec<u8> = (0..20u8).flat_map(|number| [0, number, 0]).collect();
    let requests: Vec<u8> = (0..20u8)
        .flat_map(|number| [2, number, number, 0xff, 0xff])
        .collect();
    let reports: Vec<u8> = (0..20u8)
        .flat_map(|number| [8, number, number, 6, 6, 4, 4, 4, 4, 4, 4, 7, 20])
        .collect();
    vec![every.concat(), packets, requests, reports]
}

/// Reads the arguments of acts.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next byte, or 0 at the end.
    fn argument(&mut self) -> u8 {
        self.byte().unwrap_or_default()
    }

    /// A run of bytes behind its length.
    fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.argument()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    /// Changes some bytes of `packet`, as many as the next byte says: place and new value each.
    fn change(&mut self, packet: &mut [u8]) {
        for _ in 0..self.argument() % 8 {
            let (at, value) = (usize::from(self.argument()), self.argument());
            if let Some(byte) = packet.get_mut(at) {
                *byte ^= value;
            }
        }
    }
}

struct Stage {
    world: World,
    hall: ClientId,
    site: ClientId,
    hostile: ClientId,
    sealer: Sealer,
    opener: Opener,
    /// Plain packets with the headers of those that the hostile participant sends.
    templates: Vec<Vec<u8>>,
    /// Its datagrams as they went over the network.
    genuine: Vec<Vec<u8>>,
    index: u64,
    inputs: u32,
}

const SPEAKER: fn() -> PeerPolicy = || PeerPolicy {
    may_send_audio: true,
    may_send_video: true,
    video_slots: vec![Some(Feed::Stage(0))],
    ..PeerPolicy::default()
};

impl Stage {
    fn new() -> Self {
        let mut world = World::new(1, 1);
        let hall = world.join(Light::new(Wishes::publish(10)), SPEAKER(), Link::CLEAN);
        let audience = PeerPolicy {
            video_slots: vec![Some(Feed::Stage(0))],
            ..PeerPolicy::default()
        };
        let site = world.join(Light::new(Wishes::watch()), audience, Link::CLEAN);
        let both = Wishes {
            audio: 1,
            video: 1,
            ..Wishes::publish(20)
        };
        let hostile = world.join(Light::new(both), SPEAKER(), Link::CLEAN);
        let [sound, picture] = [0, 1].map(|mline| PublicationId {
            peer: world.peer(hall),
            mline,
        });
        world.command(&Command::Show {
            conference: CONFERENCE,
            stage: 0,
            publication: Some(picture),
        });
        world.command(&Command::SetSpeakers {
            conference: CONFERENCE,
            publications: vec![sound],
            main: None,
            floor: None,
        });
        // From its first packets on, which name their streams.
        world.tap(hostile);
        world.run_for(Duration::from_millis(3_500));
        let genuine = world.tapped(hostile);
        let templates = genuine.iter().filter_map(|datagram| template(datagram));
        let templates: Vec<_> = templates.take(32).collect();
        assert!(!templates.is_empty(), "it publishes");
        let keys = world.client::<Light>(hostile).keys();
        let sealer = Sealer::new(&keys).expect("keys of the right length");
        let mut opener = Opener::new(&keys).expect("keys of the right length");
        let receiver_report = [0x80, 201, 0, 1, 0, 0, 0, 1];
        for _ in 0..AHEAD {
            let _ = opener.seal_rtcp(&receiver_report);
        }
        Self {
            world,
            hall,
            site,
            hostile,
            sealer,
            opener,
            templates,
            genuine,
            index: AHEAD,
            inputs: 0,
        }
    }

    fn play(&mut self, input: &[u8]) {
        self.inputs += 1;
        let mut script = Script(input);
        for _ in 0..MAX_ACTS {
            let Some(act) = script.byte() else { break };
            self.act(Act::of(act), &mut script);
        }
        self.world.run_for(Duration::from_millis(5));
    }

    fn act(&mut self, act: Act, script: &mut Script<'_>) {
        match act {
            Act::Rtp => self.send_rtp(script),
            Act::Rtcp => {
                let compound = script.bytes();
                self.send_rtcp(compound);
            }
            Act::Feedback => self.send_feedback(script),
            Act::Raw => {
                let datagram = script.bytes();
                self.send(datagram);
            }
            Act::Check => self.send_check(script),
            Act::Replay => {
                let which = usize::from(script.argument()) % self.genuine.len();
                let mut datagram = self.genuine[which].clone();
                script.change(&mut datagram);
                self.send(&datagram);
            }
            Act::Watch => {
                let slot = SlotId {
                    peer: self.world.peer(self.hostile),
                    mline: script.argument() % 5,
                };
                let feed = self.feed(script.argument());
                self.world.command(&Command::Watch { slot, feed });
            }
            Act::Report => self.send_report(script),
            Act::Wait => {
                let span = Duration::from_millis(u64::from(script.argument()));
                self.world.run_for(span);
            }
        }
    }

    fn feed(&self, number: u8) -> Option<Feed> {
        let peers = [self.hall, self.hostile, self.site].map(|client| self.world.peer(client));
        match number % 5 {
            0 => None,
            1 => Some(Feed::Stage(number / 5)),
            which => Some(Feed::Publication(PublicationId {
                peer: peers[usize::from(which) - 2],
                mline: number / 5,
            })),
        }
    }

    fn send(&mut self, datagram: &[u8]) {
        let from = self.world.address(self.hostile);
        self.world.inject(ShardId(0), from, datagram);
    }

    fn send_rtp(&mut self, script: &mut Script<'_>) {
        let which = usize::from(script.argument()) % self.templates.len();
        let mut packet = self.templates[which].clone();
        self.index += 1;
        packet[2..4].copy_from_slice(&(self.index as u16).to_be_bytes());
        script.change(&mut packet);
        let length = packet.len();
        let header = Header::parse(&packet).map_or(12, |header| header.payload);
        let ssrc = u32::from_be_bytes(packet[8..12].try_into().expect("four bytes"));
        let sequence = u64::from(u16::from_be_bytes([packet[2], packet[3]]));
        let index = self.index & !0xffff | sequence;
        packet.resize(length + self.sealer.overhead(), 0);
        let sealed = self.sealer.seal(&mut packet, header, length, ssrc, index);
        if let Ok(length) = sealed {
            packet.truncate(length);
            self.send(&packet);
        }
    }

    fn send_rtcp(&mut self, compound: &[u8]) {
        if let Ok(sealed) = self.opener.seal_rtcp(compound) {
            self.send(&sealed);
        }
    }

    /// A NACK, PLI or FIR that names one of its slots, or the hall's stream.
    fn send_feedback(&mut self, script: &mut Script<'_>) {
        let slots = &self.world.spec(self.hostile).slots;
        let which = usize::from(script.argument());
        let media = slots.get(which % (slots.len() + 1));
        let media = media.map_or(which as u32, |slot| slot.ssrc.0);
        let kind = script.argument();
        let mut compound = match kind % 3 {
            0 => vec![0x81, 205, 0, 3],
            1 => vec![0x81, 206, 0, 2],
            _ => vec![0x84, 206, 0, 4],
        };
        compound.extend(1u32.to_be_bytes());
        compound.extend(media.to_be_bytes());
        match kind % 3 {
            0 => {
                let first = u16::from(script.argument()) << 8 | u16::from(kind);
                compound.extend(first.to_be_bytes());
                compound.extend([script.argument(), script.argument()]);
            }
            1 => {}
            _ => {
                compound.extend(media.to_be_bytes());
                compound.extend([kind, 0, 0, 0]);
            }
        }
        self.send_rtcp(&compound);
    }

    /// Transport-wide feedback, REMB or a receiver report about what was sent to it.
    fn send_report(&mut self, script: &mut Script<'_>) {
        let slots = &self.world.spec(self.hostile).slots;
        let media = slots.first().map_or(0, |slot| slot.ssrc.0).to_be_bytes();
        let (kind, first, count) = (script.argument(), script.argument(), script.argument());
        let more = script.bytes();
        let mut packet = match kind % 3 {
            0 => vec![0x8f, 205, 0, 0, 0, 0, 0, 1],
            1 => vec![0x8f, 206, 0, 0, 0, 0, 0, 1],
            _ => vec![0x81, 201, 0, 0, 0, 0, 0, 1],
        };
        packet.extend(media);
        match kind % 3 {
            0 => {
                packet.extend([kind, first, 0, count, 0, 0, kind, first]);
                // A run of packets that came a small step after one another.
                packet.extend([0x20, count]);
                packet.extend(more);
            }
            1 => packet.extend([b'R', b'E', b'M', b'B', 1, first, count, kind]),
            _ => {
                packet.extend([first, 0, 0, count]);
                packet.extend([0; 16]);
            }
        }
        packet.resize(packet.len().next_multiple_of(4), 0);
        let words = (packet.len() / 4 - 1) as u16;
        packet[2..4].copy_from_slice(&words.to_be_bytes());
        self.send_rtcp(&packet);
    }

    fn send_check(&mut self, script: &mut Script<'_>) {
        let (from, number) = (script.argument(), script.argument());
        let server = self.world.credentials(self.hostile).clone();
        let check = Check {
            server: &server,
            ufrag: "x",
            role: Role::Controlling,
            tie_breaker: 1,
            priority: 1,
            use_candidate: number % 2 == 1,
            transaction: [number; 12],
        };
        let mut datagram = Vec::new();
        check.encode(&mut datagram).expect("a check can be built");
        let from = match from % 4 {
            0 => self.world.address(self.hostile),
            1 => self.world.address(self.hall),
            2 => self.world.address(self.site),
            _ => SocketAddr::from(([11, 0, 0, from], 1_000 + u16::from(number))),
        };
        self.world.inject(ShardId(0), from, &datagram);
    }

    /// The others have not noticed anything, and nothing has gathered.
    fn finish(mut self) {
        self.world.run_for(Duration::from_secs(3));
        for kind in [MediaKind::Audio, MediaKind::Video] {
            let slot = self.world.client::<Light>(self.site).slot(kind, 0);
            let (gaps, last) = (slot.gaps(), slot.arrived.len());
            assert_eq!(gaps, 0, "{kind:?} of the hall");
            self.world.run_for(Duration::from_secs(1));
            let slot = self.world.client::<Light>(self.site).slot(kind, 0);
            assert!(
                slot.arrived.len() > last + 10,
                "{kind:?} of the hall goes on"
            );
        }
        let stats = self.world.stats();
        let (paths, ufrags) = self.world.known();
        assert!(stats.peers <= 3, "{} peers", stats.peers);
        assert!(paths <= 64 && ufrags <= 8, "{paths} paths, {ufrags} ufrags");
    }
}

/// The packet as it was before it was sealed, but for its payload, which is like that of VP8.
fn template(datagram: &[u8]) -> Option<Vec<u8>> {
    if classify(datagram) != Some(Class::Rtp) {
        return None;
    }
    let header = Header::parse(datagram)?;
    let mut plain = datagram.get(..header.payload)?.to_vec();
    plain.extend([0x90, 0xe0, 0x92, 0x34, 9, 0x00]);
    plain.extend([0x55; 60]);
    Some(plain)
}
