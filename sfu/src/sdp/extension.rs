//! Header extensions (RFC 8285): one table of ids for the whole bundle.

use super::offer::Media;
use crate::command::ExtensionIds;

/// The highest id in a header of the one-byte form (RFC 8285 §4.2). Those above need the two-byte
/// form, which is read where the offerer may mix both, and never written.
pub(super) const ONE_BYTE: u8 = 14;

/// The extensions we know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Extension {
    /// RFC 9143.
    Mid,
    /// RFC 8852.
    Rid,
    /// RFC 8852.
    Rrid,
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01.
    Twcc,
    /// RFC 6464.
    AudioLevel,
}

/// An `a=extmap` line of the offer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Offered<'a> {
    /// Its id.
    pub(super) id: u8,
    /// The direction after the id, empty if none was given.
    pub(super) direction: &'a str,
}

impl Extension {
    /// All, in the order in which answers list them.
    pub(super) const ALL: [Self; 5] = [
        Self::AudioLevel,
        Self::Twcc,
        Self::Mid,
        Self::Rid,
        Self::Rrid,
    ];

    /// Its URI.
    pub(super) const fn uri(self) -> &'static str {
        match self {
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::Rrid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::Twcc => {
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            }
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        }
    }

    /// Its id in the bundle's table.
    pub(super) fn id_in(self, table: &ExtensionIds) -> Option<u8> {
        match self {
            Self::Mid => table.mid,
            Self::Rid => table.rid,
            Self::Rrid => table.rrid,
            Self::Twcc => table.twcc.or(table.stamp),
            Self::AudioLevel => table.audio_level,
        }
    }

    /// How an m-line offers it.
    pub(super) fn offered(self, media: &Media) -> Option<Offered<'_>> {
        media.values("extmap").find_map(|value| {
            let mut words = value.split_whitespace();
            let number = words.next()?;
            (words.next()? == self.uri()).then_some(())?;
            let (id, direction) = number.split_once('/').unwrap_or((number, ""));
            let highest = if media.mixes_headers { 255 } else { ONE_BYTE };
            let id = id.parse().ok().filter(|id| (1..=highest).contains(id))?;
            Some(Offered { id, direction })
        })
    }
}

/// The id of each extension: that of the first accepted m-line that offers it.
///
/// Without publications only two are of use: the MID, and the number by which the peer reports the
/// arrival of pictures, `watched` being where it receives them.
pub(super) fn table(used: &[&Media], watched: &[&Media], publishing: bool) -> ExtensionIds {
    let first = |extension: Extension| {
        used.iter()
            .find_map(|media| extension.offered(media))
            .map(|offered| offered.id)
    };
    let stamp = first(Extension::Twcc).filter(|id| {
        let takes = |media: &&Media| {
            let offered = Extension::Twcc.offered(media);
            let is_it = |offered: Offered<'_>| offered.id == *id && offered.direction != "sendonly";
            offered.is_some_and(is_it)
        };
        *id <= ONE_BYTE && !watched.is_empty() && watched.iter().all(takes)
    });
    let from_peer = |extension| first(extension).filter(|_| publishing);
    ExtensionIds {
        mid: first(Extension::Mid).filter(|id| publishing || *id <= ONE_BYTE),
        rid: from_peer(Extension::Rid),
        rrid: from_peer(Extension::Rrid),
        twcc: from_peer(Extension::Twcc),
        stamp,
        audio_level: from_peer(Extension::AudioLevel),
    }
}
