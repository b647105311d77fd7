//! In what browsers differ while they connect.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;
use sfu::peer::srtp::Profile;

/// Whose habits an endpoint has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Habits {
    /// Nobody's: nominates with every check, checks every 2.5 to 5 s, and offers GCM first, which
    /// lets it open any packet by itself.
    #[default]
    Plain,
    /// Nominates with every check but the first, every 2.5 s; offers CM80 before GCM.
    Chromium,
    /// Nominates with its first checks only, and checks every 5 s; offers GCM first.
    Firefox,
    /// As Chromium, and has no GCM at all.
    Old,
    /// As `Old`, waits for the server to begin the handshake (`a=setup:passive`) and answers no check
    /// of the server's, as FFmpeg's muxer does.
    Called,
}

impl Habits {
    /// What it offers for SRTP, in its order.
    pub const fn profiles(self) -> &'static [Profile] {
        match self {
            Self::Chromium => &[Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm],
            Self::Plain | Self::Firefox => &[Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80],
            Self::Old | Self::Called => &[Profile::Aes128CmSha1_80],
        }
    }

    /// Which end of the handshake it offers to be (RFC 8842 §5).
    pub(super) const fn setup(self) -> &'static str {
        match self {
            Self::Plain | Self::Chromium | Self::Firefox | Self::Old => "actpass",
            Self::Called => "passive",
        }
    }

    /// Whether it takes redundant sound, and asks for sound that is lost.
    pub(super) const fn keeps_sound_whole(self) -> bool {
        match self {
            Self::Plain | Self::Chromium | Self::Old => true,
            Self::Firefox | Self::Called => false,
        }
    }

    /// Whether it answers the checks of the server.
    pub(super) const fn answers_checks(self) -> bool {
        !matches!(self, Self::Called)
    }

    /// Whether a check nominates: the first of a session or not, before or after an answer.
    pub(super) const fn nominates(self, first: bool, answered: bool) -> bool {
        match self {
            Self::Plain => true,
            Self::Chromium | Self::Old | Self::Called => !first,
            Self::Firefox => !answered,
        }
    }

    /// From one check that was answered to the next.
    pub(super) fn pause(self, rng: &mut SmallRng) -> Duration {
        Duration::from_millis(match self {
            // RFC 7675 asks for 5 s spread by 20 %; browsers check about twice as often.
            Self::Plain => rng.random_range(2_500..5_000),
            Self::Chromium | Self::Old | Self::Called => 2_500,
            Self::Firefox => 5_000,
        })
    }
}
