//! An offer, read into what the answer depends on.

use std::collections::{HashMap, HashSet};
use std::io::Cursor;

use rtc_sdp::description::common::Attribute;
use rtc_sdp::description::media::MediaDescription;
use rtc_sdp::description::session::SessionDescription;

use super::{
    MAX_ATTRIBUTES, MAX_FORMATS, MAX_LINES, MAX_MEDIA, MAX_OFFER_BYTES, MAX_RIDS, OfferError,
    Place, lines,
};
use crate::command::{DeclaredSsrc, DtlsRole, Fingerprint, IceCredentials, Token};
use crate::id::{Pt, Ssrc};
use crate::kind::MediaKind;

/// Most SSRCs of one m-line that are taken from `a=ssrc`: three layers, twice as many in reserve.
const MAX_DECLARED: usize = 6;

/// Longest ICE ufrag and password (RFC 8839 §5.4).
const MAX_CREDENTIAL: usize = 256;

/// Direction attribute (RFC 8866 §6.7), as the offerer sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Direction {
    /// The offerer sends and receives.
    SendRecv,
    /// It only sends.
    SendOnly,
    /// It only receives.
    RecvOnly,
    /// Neither.
    Inactive,
}

/// A session description that passed the checks which concern the offer as a whole.
pub(super) struct Offer {
    attributes: Vec<Attribute>,
    /// The m-lines, all of them, in order.
    pub(super) media: Vec<Media>,
    /// MIDs of the BUNDLE group; `None` if there is no group.
    bundle: Option<HashSet<String>>,
}

/// One m-line.
pub(super) struct Media {
    /// Its index.
    pub(super) index: u8,
    /// `None` for anything but audio and video.
    pub(super) kind: Option<MediaKind>,
    /// Its MID; empty only if it was refused by its offerer.
    pub(super) mid: Token,
    /// Whether the offer gave it that MID. One that we made up is told nobody (RFC 9429 §5.10).
    pub(super) is_named: bool,
    /// Whether packets may have header extensions in either form (RFC 8285 §6).
    pub(super) mixes_headers: bool,
    /// Its direction, perhaps inherited from the session.
    pub(super) direction: Direction,
    /// As parsed.
    pub(super) description: MediaDescription,
    /// Refused by its offerer.
    pub(super) disabled: bool,
}

/// What the session says for every m-line that does not say otherwise.
#[derive(Clone, Copy)]
struct Inherited {
    direction: Direction,
    mixes_headers: bool,
}

/// RFC 8285 §6.
const MIXED: &str = "extmap-allow-mixed";

impl Offer {
    /// Reads an offer.
    pub(super) fn parse(text: &str) -> Result<Self, OfferError> {
        if text.len() > MAX_OFFER_BYTES {
            return Err(OfferError::TooLong(text.len()));
        }
        let text = lines::tidy(text)?;
        let session = SessionDescription::unmarshal(&mut Cursor::new(&text))
            .map_err(|error| OfferError::Malformed(error.to_string()))?;
        let count = session.media_descriptions.len();
        if count == 0 {
            return Err(OfferError::NoMedia);
        }
        if count > MAX_MEDIA {
            return Err(OfferError::TooManyMedia(count));
        }
        let attributes = session.attributes;
        check_lines(Place::Session, &attributes)?;
        let inherited = Inherited {
            direction: direction(&attributes).unwrap_or(Direction::SendRecv),
            mixes_headers: has(&attributes, MIXED),
        };
        let mut media: Vec<Media> = Vec::with_capacity(count);
        for (index, description) in session.media_descriptions.into_iter().enumerate() {
            let read = Media::read(index, description, inherited)?;
            if media
                .iter()
                .any(|other| other.mid == read.mid && !read.mid.is_empty())
            {
                return Err(OfferError::DuplicateMid(read.mid.to_string()));
            }
            media.push(read);
        }
        name_nameless(&mut media);
        let bundle = values(&attributes, "group")
            .find_map(|group| group.strip_prefix("BUNDLE"))
            .map(|mids| mids.split_whitespace().map(str::to_owned).collect());
        Ok(Self {
            attributes,
            media,
            bundle,
        })
    }

    /// Whether there is a BUNDLE group.
    pub(super) const fn is_bundled(&self) -> bool {
        self.bundle.is_some()
    }

    /// Whether a session attribute is there.
    pub(super) fn has(&self, key: &str) -> bool {
        has(&self.attributes, key)
    }

    /// Whether an m-line can be accepted as far as its transport goes.
    pub(super) fn is_acceptable(&self, media: &Media) -> bool {
        let bundled = self
            .bundle
            .as_ref()
            .is_none_or(|mids| media.is_named && mids.contains(media.mid.as_str()));
        !media.disabled && bundled && media.is_secure()
    }

    /// Who begins the DTLS handshake (RFC 8842 §5): the offerer, unless it leaves it to us.
    /// `established` is what was agreed on with it before, which an offer of either role keeps.
    pub(super) fn dtls_role(
        &self,
        used: &[&Media],
        established: Option<DtlsRole>,
    ) -> Result<DtlsRole, OfferError> {
        let first = used.first().and_then(|media| self.value(media, "setup"));
        match first {
            None | Some("actpass") => Ok(established.unwrap_or(DtlsRole::Server)),
            Some("active") => Ok(DtlsRole::Server),
            Some("passive") => Ok(DtlsRole::Client),
            Some(other) => Err(OfferError::BadSetup(other.to_owned())),
        }
    }

    /// Checks what the one transport of the accepted m-lines needs and returns the fingerprint and
    /// the offerer's ICE credentials.
    pub(super) fn transport(
        &self,
        used: &[&Media],
    ) -> Result<(Fingerprint, IceCredentials), OfferError> {
        for media in used {
            if !media.has("rtcp-mux") && !media.has("rtcp-mux-only") {
                return Err(OfferError::NoRtcpMux {
                    mid: media.mid.to_string(),
                });
            }
        }
        let first = used.first().ok_or(OfferError::NoMedia)?;
        if self.has("ice-lite") {
            return Err(OfferError::IceLite);
        }
        let credential = |key| {
            self.value(first, key)
                .filter(|value| value.len() <= MAX_CREDENTIAL)
                .map(str::to_owned)
                .ok_or(OfferError::NoIce)
        };
        let ice = IceCredentials {
            ufrag: credential("ice-ufrag")?,
            pwd: credential("ice-pwd")?,
        };
        let fingerprint = values(&first.description.attributes, "fingerprint")
            .chain(values(&self.attributes, "fingerprint"))
            .find_map(parse_fingerprint)
            .ok_or(OfferError::NoFingerprint)?;
        Ok((fingerprint, ice))
    }

    /// An attribute of an m-line, or else of the session: browsers put those of the transport at
    /// either level.
    fn value<'a>(&'a self, media: &'a Media, key: &'a str) -> Option<&'a str> {
        values(&media.description.attributes, key)
            .chain(values(&self.attributes, key))
            .next()
    }
}

impl Media {
    fn read(
        index: usize,
        description: MediaDescription,
        inherited: Inherited,
    ) -> Result<Self, OfferError> {
        check_formats(index, &description.media_name.formats)?;
        check_lines(Place::Mline(index), &description.attributes)?;
        let bundle_only = has(&description.attributes, "bundle-only");
        let disabled = description.media_name.port.value == 0 && !bundle_only;
        let mid = values(&description.attributes, "mid")
            .next()
            .unwrap_or_default();
        let mid = Token::from(mid).map_err(|_| OfferError::BadMid { mline: index })?;
        Ok(Self {
            index: u8::try_from(index).map_err(|_| OfferError::TooManyMedia(index + 1))?,
            kind: match description.media_name.media.as_str() {
                "audio" => Some(MediaKind::Audio),
                "video" => Some(MediaKind::Video),
                _ => None,
            },
            mid,
            is_named: !mid.is_empty(),
            mixes_headers: inherited.mixes_headers || has(&description.attributes, MIXED),
            direction: direction(&description.attributes).unwrap_or(inherited.direction),
            disabled,
            description,
        })
    }

    /// Whether it has an attribute.
    pub(super) fn has(&self, key: &str) -> bool {
        has(&self.description.attributes, key)
    }

    /// The values of an attribute, in order.
    pub(super) fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        values(&self.description.attributes, key)
    }

    /// All attributes that have a value.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.description.attributes.iter();
        all.filter_map(|one| Some((one.key.as_str(), one.value.as_deref()?.trim())))
    }

    /// The payload types of the m-line, the offerer's favourite first.
    pub(super) fn payload_types(&self) -> impl Iterator<Item = Pt> {
        self.description
            .media_name
            .formats
            .iter()
            .filter_map(|format| format.parse().ok())
            // 64 to 95 would be taken for RTCP (RFC 5761 §4).
            .filter(|pt| (0..64).contains(pt) || (96..128).contains(pt))
            .map(Pt)
    }

    /// RIDs that the offerer would send in simulcast (RFC 8853 §5.1), in its order. Empty without
    /// simulcast.
    pub(super) fn simulcast_rids(&self, pt: Pt) -> Vec<Token> {
        let Some(list) = self.values("simulcast").find_map(sending_list) else {
            return Vec::new();
        };
        list.split(';')
            .take(MAX_RIDS)
            // Of alternatives the first; `~` marks a layer that starts paused.
            .filter_map(|alternatives| alternatives.split(',').next())
            .map(|rid| rid.trim_start_matches('~'))
            .filter(|rid| !rid.is_empty() && self.sends_rid(rid, pt))
            .filter_map(|rid| Token::from(rid).ok())
            .collect()
    }

    fn sends_rid(&self, rid: &str, pt: Pt) -> bool {
        self.values("rid").any(|value| {
            let mut words = value.splitn(3, ' ');
            let known = words.next() == Some(rid) && words.next() == Some("send");
            let restricted = words
                .next()
                .and_then(|rest| rest.split(';').find_map(|part| part.strip_prefix("pt=")));
            known
                && restricted
                    .is_none_or(|pts| pts.split(',').any(|number| number.parse() == Ok(pt.0)))
        })
    }

    /// The media SSRCs that the offer declares, each with its RTX (RFC 5576).
    pub(super) fn declared_ssrcs(&self) -> Vec<DeclaredSsrc> {
        let mut repair_of = HashMap::new();
        let mut repairs = HashSet::new();
        for group in self.values("ssrc-group") {
            let mut words = group.split_whitespace();
            let semantics = words.next();
            let Ok(ssrcs) = words.map(str::parse).collect::<Result<Vec<u32>, _>>() else {
                continue;
            };
            if let (Some("FID"), [media, repair]) = (semantics, ssrcs.as_slice()) {
                repair_of.entry(*media).or_insert(Ssrc(*repair));
            }
            if matches!(semantics, Some("FID" | "FEC-FR")) {
                repairs.extend(ssrcs.into_iter().skip(1));
            }
        }
        let mut declared: Vec<DeclaredSsrc> = Vec::new();
        let ssrcs = self
            .values("ssrc")
            .filter_map(|value| value.split_whitespace().next()?.parse::<u32>().ok());
        for ssrc in ssrcs {
            let known = declared.iter().any(|other| other.media.0 == ssrc);
            if !known && !repairs.contains(&ssrc) && declared.len() < MAX_DECLARED {
                declared.push(DeclaredSsrc {
                    media: Ssrc(ssrc),
                    rtx: repair_of.get(&ssrc).copied(),
                });
            }
        }
        declared
    }

    /// Why an m-line that its offerer wants to send on cannot be accepted as it is.
    pub(super) fn obstacle(&self) -> OfferError {
        if self.is_secure() {
            return OfferError::NotBundled;
        }
        let protocol = self.description.media_name.protos.join("/");
        OfferError::NotSecure {
            mline: self.index.into(),
            protocol: protocol.chars().take(32).collect(),
        }
    }

    /// Whether its protocol is RTP over DTLS-SRTP. The transport named before it does not matter
    /// (RFC 9429 §5.1.2).
    fn is_secure(&self) -> bool {
        matches!(
            self.description
                .media_name
                .protos
                .last()
                .map(String::as_str),
            Some("SAVPF" | "SAVP")
        )
    }
}

/// Makes up MIDs for m-lines without one (RFC 9429 §5.10). What its own offerer has switched off
/// needs no name.
fn name_nameless(media: &mut [Media]) {
    let mut numbers = 0_u8..;
    for at in 0..media.len() {
        let nameless = |one: &&Media| one.mid.is_empty() && !one.disabled;
        if media.get(at).filter(nameless).is_none() {
            continue;
        }
        let free = numbers.find_map(|number| {
            let name = Token::from(&number.to_string()).ok()?;
            media.iter().all(|one| one.mid != name).then_some(name)
        });
        if let (Some(one), Some(name)) = (media.get_mut(at), free) {
            one.mid = name;
        }
    }
}

/// Refuses more formats than there are numbers, and one that is named twice.
fn check_formats(mline: usize, formats: &[String]) -> Result<(), OfferError> {
    let count = formats.len();
    if count > MAX_FORMATS {
        return Err(OfferError::TooManyFormats { mline, count });
    }
    let mut seen = HashSet::with_capacity(count);
    match formats.iter().find(|format| !seen.insert(format.as_str())) {
        Some(twice) => Err(OfferError::FormatTwice {
            mline,
            format: twice.clone(),
        }),
        None => Ok(()),
    }
}

/// Refuses more attributes than anybody needs: each is looked at a bounded number of times.
fn check_lines(place: Place, attributes: &[Attribute]) -> Result<(), OfferError> {
    let count = attributes.len();
    if count > MAX_ATTRIBUTES {
        return Err(OfferError::TooManyAttributes { place, count });
    }
    for (kind, most) in MAX_LINES {
        let count = attributes.iter().filter(|one| one.key == kind).count();
        if count > most {
            return Err(OfferError::TooManyLines {
                place,
                kind,
                count,
                most,
            });
        }
    }
    Ok(())
}

/// The list behind `send` in `a=simulcast:send l;m;h` or `a=simulcast:recv x send l;m;h`.
fn sending_list(value: &str) -> Option<&str> {
    let mut words = value.split_whitespace();
    words.find(|word| *word == "send")?;
    words.next()
}

fn direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes
        .iter()
        .find_map(|attribute| match attribute.key.as_str() {
            "sendrecv" => Some(Direction::SendRecv),
            "sendonly" => Some(Direction::SendOnly),
            "recvonly" => Some(Direction::RecvOnly),
            "inactive" => Some(Direction::Inactive),
            _ => None,
        })
}

fn has(attributes: &[Attribute], key: &str) -> bool {
    attributes.iter().any(|attribute| attribute.key == key)
}

fn values<'a>(attributes: &'a [Attribute], key: &'a str) -> impl Iterator<Item = &'a str> {
    attributes
        .iter()
        .filter(move |attribute| attribute.key == key)
        .filter_map(|attribute| attribute.value.as_deref())
        .map(str::trim)
}

/// Reads `sha-256 AB:CD:…` (RFC 8122 §5); `None` for other hashes.
fn parse_fingerprint(value: &str) -> Option<Fingerprint> {
    let (hash, digits) = value.split_once(' ')?;
    if !hash.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut bytes = [0; 32];
    let mut parts = digits.trim().split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(Fingerprint(bytes))
}
