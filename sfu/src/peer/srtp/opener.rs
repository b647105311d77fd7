//! Opens the RTP and RTCP packets we receive, and seals the RTCP packets we send, by rtc-srtp.

use bytes::BytesMut;
use rtc_shared::error::Error;
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use super::keys::{Keys, Master, Profile};
use crate::drop_reason::DropReason;
use crate::peer::crypto;

/// The crypto back-end refused a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the crypto back-end refused the SRTP key")]
pub struct KeyError;

/// How far behind the newest packet of its SSRC an RTP packet may come, in packets.
///
/// Higher: more reordering is survived, 1 bit per packet and SSRC. Lost packets come back on RTX
/// with numbers of their own, so only the network's own reordering needs this.
const RTP_REPLAY_WINDOW: usize = 1_024;

/// The same for RTCP, of which a peer sends a few packets a second.
const RTCP_REPLAY_WINDOW: usize = 128;

/// Most RTP SSRCs one peer may use over its life: three m-lines of three layers and their RTX need
/// 18. More are refused, so that state stays bounded whatever the peer sends.
const MAX_RTP_SSRCS: usize = 64;

/// Most SSRCs whose RTCP is accepted: browsers report under one per transceiver and direction.
const MAX_RTCP_SSRCS: usize = 128;

/// Sequence numbers from 0 on that may be the first of a stream to arrive although its numbers began
/// before 0: a sender's first packets, lost around a roll-over. Higher: more may be lost. Lower: fewer
/// forged packets are tried twice.
const MAX_LOST_AT_START: u16 = 1 << 12;

/// Packets of strangers after which the throw-away context is made anew.
const MAX_STRANGERS: u32 = 256;

/// Opens what one peer sends and seals the RTCP we send to it.
///
/// rtc-srtp keeps state for every SSRC it has ever seen, also when authentication fails. So packets
/// of an SSRC that has not yet sent an authentic packet are tried on a context that is thrown away
/// from time to time; only the second context, which judges replays, lives as long as the peer, and
/// it sees authenticated SSRCs alone. Memory is bounded whatever strangers send.
pub struct Opener {
    receive: Context,
    send: Context,
    /// For SSRCs not yet authenticated; made when needed.
    stranger: Option<Box<Stranger>>,
    rtp_ssrcs: Vec<u32>,
    rtcp_ssrcs: Vec<u32>,
    profile: Profile,
    remote: Master,
}

/// Where packets of SSRCs are tried that have not yet sent an authentic one.
struct Stranger {
    fresh: Context,
    /// Takes every SSRC for one whose numbers have begun anew once.
    rolled_over: Context,
    /// Packets tried.
    tried: u32,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener")
            .field("profile", &self.profile)
            .field("rtp_ssrcs", &self.rtp_ssrcs)
            .field("rtcp_ssrcs", &self.rtcp_ssrcs)
            .finish_non_exhaustive()
    }
}

impl Opener {
    /// The opener for `keys`.
    ///
    /// # Errors
    /// When the crypto back-end refuses a key; it never does for keys of the right length.
    pub fn new(keys: &Keys) -> Result<Self, KeyError> {
        Ok(Self {
            receive: receiving(keys.profile, &keys.remote)?,
            send: context(keys.profile, &keys.local, false)?,
            stranger: None,
            rtp_ssrcs: Vec::new(),
            rtcp_ssrcs: Vec::new(),
            profile: keys.profile,
            remote: keys.remote,
        })
    }

    /// Authenticates and decrypts one RTP packet. Allocates the returned buffer.
    ///
    /// The caller should have checked that the SSRC, or the MID of a new one, was negotiated: a
    /// packet of an unknown SSRC costs twice.
    ///
    /// # Errors
    /// When the packet is malformed, not authentic, or seen before.
    pub fn open_rtp(&mut self, packet: &[u8]) -> Result<BytesMut, DropReason> {
        let ssrc = ssrc_at(packet, 8)?;
        if !self.rtp_ssrcs.contains(&ssrc) {
            if self.rtp_ssrcs.len() >= MAX_RTP_SSRCS {
                return Err(DropReason::UnknownSsrc);
            }
            if self.stranger()?.has_rolled_over(ssrc, packet)? {
                wind(&mut self.receive, ssrc)?;
            }
            self.rtp_ssrcs.push(ssrc);
            self.stranger = None;
        }
        self.receive
            .decrypt_rtp(packet)
            .map_err(|error| reason(&error))
    }

    /// Authenticates and decrypts one RTCP packet, compound or reduced-size. Allocates the returned
    /// buffer.
    ///
    /// # Errors
    /// When the packet is malformed, not authentic, or seen before.
    pub fn open_rtcp(&mut self, packet: &[u8]) -> Result<BytesMut, DropReason> {
        let ssrc = ssrc_at(packet, 4)?;
        if !is_encrypted(packet, self.profile) {
            return Err(DropReason::NotAuthenticated);
        }
        if !self.rtcp_ssrcs.contains(&ssrc) {
            if self.rtcp_ssrcs.len() >= MAX_RTCP_SSRCS {
                return Err(DropReason::UnknownSsrc);
            }
            self.stranger()?
                .fresh
                .decrypt_rtcp(packet)
                .map_err(|error| reason(&error))?;
            self.rtcp_ssrcs.push(ssrc);
            self.stranger = None;
        }
        self.receive
            .decrypt_rtcp(packet)
            .map_err(|error| reason(&error))
    }

    /// Seals one RTCP packet of ours, compound or reduced-size. Allocates the returned buffer.
    ///
    /// # Errors
    /// When `packet` is not RTCP.
    pub fn seal_rtcp(&mut self, packet: &[u8]) -> Result<BytesMut, DropReason> {
        self.send
            .encrypt_rtcp(packet)
            .map_err(|_| DropReason::SealFailed)
    }

    /// Number of SSRCs for which state is kept.
    #[cfg(test)]
    pub(super) const fn known_ssrcs(&self) -> usize {
        self.rtp_ssrcs.len() + self.rtcp_ssrcs.len()
    }

    /// Number of packets that the throw-away context has seen.
    #[cfg(test)]
    pub(super) fn stranger_load(&self) -> u32 {
        self.stranger.as_ref().map_or(0, |stranger| stranger.tried)
    }

    fn stranger(&mut self) -> Result<&mut Stranger, DropReason> {
        if self
            .stranger
            .as_ref()
            .is_none_or(|stranger| stranger.tried >= MAX_STRANGERS)
        {
            let make = || {
                context(self.profile, &self.remote, false)
                    .map_err(|KeyError| DropReason::NotAuthenticated)
            };
            self.stranger = Some(Box::new(Stranger {
                fresh: make()?,
                rolled_over: make()?,
                tried: 0,
            }));
        }
        let stranger = self
            .stranger
            .as_deref_mut()
            .ok_or(DropReason::NotAuthenticated)?;
        stranger.tried += 1;
        Ok(stranger)
    }
}

impl Stranger {
    /// Authenticates the first packet of an SSRC. Returns whether its numbers have begun anew since
    /// the sender's first, which came to nothing: the receiver cannot know, and has to guess
    /// (RFC 3711 §3.3.1).
    fn has_rolled_over(&mut self, ssrc: u32, packet: &[u8]) -> Result<bool, DropReason> {
        let Err(error) = self.fresh.decrypt_rtp(packet) else {
            return Ok(false);
        };
        let first = reason(&error);
        let sequence = packet.get(2..4).and_then(|bytes| bytes.try_into().ok());
        let is_early = sequence.is_some_and(|at| u16::from_be_bytes(at) < MAX_LOST_AT_START);
        if first != DropReason::NotAuthenticated || !is_early {
            return Err(first);
        }
        wind(&mut self.rolled_over, ssrc)?;
        let again = self.rolled_over.decrypt_rtp(packet);
        again.map(|_| true).map_err(|_| first)
    }
}

/// Makes a context take the next packets of an SSRC for those behind its first roll-over: as if it had
/// had the last one before. rtc-srtp has no other way to be told.
fn wind(context: &mut Context, ssrc: u32) -> Result<(), DropReason> {
    let mut last = [0x80, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
    if let Some(place) = last.last_chunk_mut() {
        *place = ssrc.to_be_bytes();
    }
    // What comes out is dropped: nothing is sent under these keys.
    let sealed = context.encrypt_rtp(&last);
    sealed.map(|_| ()).map_err(|_| DropReason::NotAuthenticated)
}

fn receiving(profile: Profile, master: &Master) -> Result<Context, KeyError> {
    context(profile, master, true)
}

fn context(profile: Profile, master: &Master, replay: bool) -> Result<Context, KeyError> {
    let protection = match profile {
        Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Profile::Aes128CmSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
    };
    Context::new(
        master.key(),
        master.salt(profile),
        protection,
        replay.then(|| srtp_replay_protection(RTP_REPLAY_WINDOW)),
        replay.then(|| srtcp_replay_protection(RTCP_REPLAY_WINDOW)),
        crypto::algorithms(),
    )
    .map_err(|_| KeyError)
}

fn ssrc_at(packet: &[u8], at: usize) -> Result<u32, DropReason> {
    packet
        .get(at..at + 4)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u32::from_be_bytes)
        .ok_or(DropReason::BadRtp)
}

/// Whether an SRTCP packet has its E flag set (RFC 3711 §3.4), which every WebRTC peer must do.
///
/// rtc-srtp hands out packets without it as they are, under the CM profile even without looking at
/// their tag, so that anybody could forge them.
fn is_encrypted(packet: &[u8], profile: Profile) -> bool {
    // The word with the flag and the index comes last with GCM, before the tag with CM.
    let behind = match profile {
        Profile::AeadAes128Gcm => 4,
        Profile::Aes128CmSha1_80 => 4 + profile.overhead(),
    };
    packet
        .len()
        .checked_sub(behind)
        .and_then(|at| packet.get(at))
        .is_some_and(|byte| byte & 0x80 != 0)
}

fn reason(error: &Error) -> DropReason {
    match error {
        Error::SrtpSsrcDuplicated(..) | Error::SrtcpSsrcDuplicated(..) => DropReason::Replayed,
        Error::ErrFailedToVerifyAuthTag
        | Error::RtpFailedToVerifyAuthTag
        | Error::RtcpFailedToVerifyAuthTag => DropReason::NotAuthenticated,
        // Whatever else stops it stops before authentication: the header does not parse.
        _ => DropReason::BadRtp,
    }
}
