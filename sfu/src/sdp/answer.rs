//! Writes the answer: the same m-lines in the same order, and nothing left to trickle.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rtc_sdp::description::common::{Address, ConnectionInformation};
use rtc_sdp::description::media::{MediaDescription, MediaName, RangedPort};
use rtc_sdp::description::session::{Origin, SessionDescription, TimeDescription};

use super::codec::{Chosen, Feedback};
use super::extension::{Extension, ONE_BYTE};
use super::formats::RED;
use super::offer::{Media, Offer};
use super::{CNAME, LocalDescription, Role};
use crate::command::{
    DtlsRole, ExtensionIds, Fingerprint, HostCandidate, PeerPolicy, PublicationSpec, SlotSpec,
};
use crate::kind::MediaKind;

/// Everything that one m-line of the answer is written from.
struct Section<'a> {
    offer: &'a Offer,
    media: &'a Media,
    extensions: &'a ExtensionIds,
    dtls: DtlsRole,
    local: &'a LocalDescription<'a>,
    policy: &'a PeerPolicy,
}

/// The answer as text.
pub(super) fn write(
    offer: &Offer,
    roles: &[Role],
    extensions: &ExtensionIds,
    dtls: DtlsRole,
    local: &LocalDescription<'_>,
    policy: &PeerPolicy,
) -> String {
    let mut session = SessionDescription {
        origin: Origin {
            username: "-".to_owned(),
            session_id: local.session_id,
            session_version: local.version,
            network_type: "IN".to_owned(),
            address_type: "IP4".to_owned(),
            unicast_address: "127.0.0.1".to_owned(),
        },
        session_name: "-".to_owned(),
        time_descriptions: vec![TimeDescription::default()],
        ..SessionDescription::default()
    };
    let mids: Vec<&str> = offer
        .media
        .iter()
        .zip(roles)
        .filter(|(media, role)| {
            media.is_named && (!matches!(role, Role::Refused) || has_gathered_alone(offer, media))
        })
        .map(|(media, _)| media.mid.as_str())
        .collect();
    if offer.is_bundled() {
        session =
            session.with_value_attribute("group".to_owned(), format!("BUNDLE {}", mids.join(" ")));
    }
    if offer.has("extmap-allow-mixed") {
        session = session.with_property_attribute("extmap-allow-mixed".to_owned());
    }
    session = session
        .with_property_attribute("ice-lite".to_owned())
        .with_value_attribute("msid-semantic".to_owned(), " WMS *".to_owned());

    let mut candidates = local.candidates;
    for (media, role) in offer.media.iter().zip(roles) {
        let section = Section {
            offer,
            media,
            extensions,
            dtls,
            local,
            policy,
        };
        let made = match role {
            Role::Refused => section.refused(),
            Role::Publication(chosen, spec) => {
                let base = section.transport(std::mem::take(&mut candidates));
                section.publication(base, chosen, spec)
            }
            Role::Slot {
                codecs,
                spec,
                stream,
            } => {
                let base = section.transport(std::mem::take(&mut candidates));
                section.slot(base, codecs, spec, *stream)
            }
            Role::Inactive(codecs) => {
                let base = section.transport(std::mem::take(&mut candidates));
                section.inactive(base, codecs)
            }
        };
        session = session.with_media(made);
    }
    session.marshal()
}

impl Section<'_> {
    /// An m-line that is turned down: port 0 (RFC 3264 §6). The lines of the transport mean nothing
    /// there, but some clients (aiortc) read them before they look at the port.
    fn refused(&self) -> MediaDescription {
        let offered = &self.media.description.media_name;
        let made = MediaDescription {
            media_name: MediaName {
                port: RangedPort {
                    value: 0,
                    range: None,
                },
                ..offered.clone()
            },
            connection_information: Some(connection(unspecified())),
            ..MediaDescription::default()
        };
        flag(self.described(made), "inactive")
    }

    /// The name of an m-line, and whom it would be sent to.
    fn described(&self, made: MediaDescription) -> MediaDescription {
        let mut made = made;
        if self.media.is_named {
            made = value(made, "mid", self.media.mid.to_string());
        }
        made = made
            .with_ice_credentials(self.local.ice.ufrag.clone(), self.local.ice.pwd.clone())
            .with_fingerprint(
                "sha-256".to_owned(),
                fingerprint_text(self.local.fingerprint),
            );
        let setup = match self.dtls {
            DtlsRole::Server => "passive",
            DtlsRole::Client => "active",
        };
        value(made, "setup", setup.to_owned())
    }

    /// What every accepted m-line says about the transport they share. `candidates` is empty for
    /// all but the first.
    fn transport(&self, candidates: &[HostCandidate]) -> MediaDescription {
        let address = self
            .local
            .candidates
            .first()
            .map_or(unspecified(), |candidate| candidate.address);
        let offered = &self.media.description.media_name;
        let mut made = MediaDescription {
            media_name: MediaName {
                media: offered.media.clone(),
                port: RangedPort {
                    value: isize::try_from(address.port()).unwrap_or(9),
                    range: None,
                },
                protos: offered.protos.clone(),
                formats: Vec::new(),
            },
            connection_information: Some(connection(address)),
            ..MediaDescription::default()
        };
        for (index, candidate) in candidates.iter().enumerate() {
            made = made.with_candidate(candidate_line(index, *candidate));
        }
        if !candidates.is_empty() {
            made = flag(made, "end-of-candidates");
        }
        made = self.described(made);
        made = flag(made, "rtcp-mux");
        if self.media.has("rtcp-rsize") {
            made = flag(made, "rtcp-rsize");
        }
        // Firefox says this per m-line, Chromium once for the session.
        if self.media.has("extmap-allow-mixed") && !self.offer.has("extmap-allow-mixed") {
            made = flag(made, "extmap-allow-mixed");
        }
        made
    }

    fn publication(
        &self,
        made: MediaDescription,
        chosen: &Chosen,
        spec: &PublicationSpec,
    ) -> MediaDescription {
        let feedback: &[Feedback] = match spec.kind {
            MediaKind::Audio => &[Feedback::Nack, Feedback::TransportCc],
            MediaKind::Video => &[
                Feedback::Nack,
                Feedback::NackPli,
                Feedback::CcmFir,
                Feedback::TransportCc,
            ],
        };
        let extensions: &[Extension] = match spec.kind {
            MediaKind::Audio => &[Extension::AudioLevel, Extension::Twcc, Extension::Mid],
            MediaKind::Video => &[
                Extension::Twcc,
                Extension::Mid,
                Extension::Rid,
                Extension::Rrid,
            ],
        };
        let mut made = flag(self.extmaps(made, extensions), "recvonly");
        let fmtp = format!("{}{}", chosen.fmtp, chosen.mirrored);
        let chosen = Chosen {
            fmtp,
            ..chosen.clone()
        };
        made = codec(made, &chosen, feedback);
        if let (MediaKind::Audio, Some(ptime)) = (spec.kind, self.policy.ptime_ms) {
            made = value(made, "ptime", ptime.to_string());
        }
        for rid in &spec.rids {
            made = value(made, "rid", format!("{rid} recv"));
        }
        if !spec.rids.is_empty() {
            made = value(made, "simulcast", format!("recv {}", spec.rids.join(";")));
        }
        made
    }

    fn slot(
        &self,
        made: MediaDescription,
        codecs: &[Chosen],
        spec: &SlotSpec,
        stream: usize,
    ) -> MediaDescription {
        // What is sent has headers of the one-byte form.
        let writes_mid = self.extensions.mid.is_some_and(|id| id <= ONE_BYTE);
        let is_stamped = spec.kind == MediaKind::Video && self.extensions.stamp.is_some();
        let mid = writes_mid.then_some(Extension::Mid);
        let number = is_stamped.then_some(Extension::Twcc);
        let extensions: Vec<_> = number.into_iter().chain(mid).collect();
        let mut made = flag(self.extmaps(made, &extensions), "sendonly");
        let track = match spec.kind {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
        };
        made = value(made, "msid", format!("stream{stream} {track}{stream}"));
        let repairs = [Feedback::Nack, Feedback::NackPli, Feedback::CcmFir];
        let arrivals = is_stamped.then_some(Feedback::TransportCc);
        let feedback: Vec<_> = repairs.into_iter().chain(arrivals).collect();
        for chosen in codecs {
            made = codec(made, chosen, &feedback);
        }
        let (media, rtx) = (spec.ssrc.0, spec.rtx_ssrc.0);
        let repairs = spec.codecs.iter().any(|codec| codec.rtx_pt.is_some());
        if repairs {
            made = value(made, "ssrc-group", format!("FID {media} {rtx}"));
        }
        // The media SSRC comes first: Chromium takes the first line for the primary stream,
        // whatever the group says.
        made = value(made, "ssrc", format!("{media} cname:{CNAME}"));
        if repairs {
            made = value(made, "ssrc", format!("{rtx} cname:{CNAME}"));
        }
        made
    }

    fn inactive(&self, made: MediaDescription, codecs: &[Chosen]) -> MediaDescription {
        let mut made = flag(self.extmaps(made, &[Extension::Mid]), "inactive");
        for chosen in codecs {
            made = codec(made, chosen, &[]);
        }
        made
    }

    /// Accepts those of `wanted` that this m-line offers under the id of the bundle's table.
    fn extmaps(&self, mut made: MediaDescription, wanted: &[Extension]) -> MediaDescription {
        for extension in Extension::ALL
            .into_iter()
            .filter(|one| wanted.contains(one))
        {
            let Some(offered) = extension.offered(self.media) else {
                continue;
            };
            if extension.id_in(self.extensions) != Some(offered.id) {
                continue;
            }
            let direction = match offered.direction {
                "sendonly" => "/recvonly",
                "recvonly" => "/sendonly",
                "inactive" => continue,
                _ => "",
            };
            let id = offered.id;
            made = value(
                made,
                "extmap",
                format!("{id}{direction} {}", extension.uri()),
            );
        }
        made
    }
}

/// Whether the offerer has a transport for an m-line of data that is its own until the answer bundles
/// it. aiortc lets go of that, and counts itself connected, only where the group names the refused
/// m-line as well; others take a refused m-line out of the group again.
fn has_gathered_alone(offer: &Offer, media: &Media) -> bool {
    let port = |media: &Media| media.description.media_name.port.value;
    let first = offer.media.first().map_or(0, port);
    media.kind.is_none() && !matches!(port(media), 0 | 9) && port(media) != first
}

/// One payload type and, if it has one, its RTX.
fn codec(made: MediaDescription, chosen: &Chosen, feedback: &[Feedback]) -> MediaDescription {
    let pt = chosen.spec.pt.0;
    let mut made = made;
    made.media_name.formats.push(pt.to_string());
    made = value(made, "rtpmap", format!("{pt} {}", chosen.rtpmap));
    if !chosen.fmtp.is_empty() {
        made = value(made, "fmtp", format!("{pt} {}", chosen.fmtp));
    }
    for kind in chosen
        .feedback
        .iter()
        .filter(|kind| feedback.contains(kind))
    {
        made = value(made, "rtcp-fb", format!("{pt} {}", kind.text()));
    }
    if let Some(red) = chosen.spec.red_pt {
        made.media_name.formats.push(red.0.to_string());
        made = value(made, "rtpmap", format!("{} {RED}", red.0));
        made = value(made, "fmtp", format!("{} {pt}/{pt}", red.0));
    }
    if let Some(rtx) = chosen.spec.rtx_pt {
        made.media_name.formats.push(rtx.0.to_string());
        let clock = chosen.spec.codec.clock_rate();
        made = value(made, "rtpmap", format!("{} rtx/{clock}", rtx.0));
        made = value(made, "fmtp", format!("{} apt={pt}", rtx.0));
    }
    made
}

/// A host candidate (RFC 8839 §5.1, RFC 6544 §4.5). UDP is preferred to TCP, and earlier addresses
/// to later ones.
fn candidate_line(index: usize, candidate: HostCandidate) -> String {
    let local = 65_535_u32.saturating_sub(u32::try_from(index).unwrap_or(u32::MAX));
    let (protocol, kind, suffix) = if candidate.tcp {
        ("tcp", 90, " tcptype passive")
    } else {
        ("udp", 126, "")
    };
    let priority = (kind << 24) + (local << 8) + 255;
    let (ip, port) = (candidate.address.ip(), candidate.address.port());
    format!(
        "{} 1 {protocol} {priority} {ip} {port} typ host{suffix}",
        index + 1
    )
}

fn fingerprint_text(fingerprint: Fingerprint) -> String {
    let bytes: Vec<String> = fingerprint
        .0
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    bytes.join(":")
}

fn connection(address: SocketAddr) -> ConnectionInformation {
    ConnectionInformation {
        network_type: "IN".to_owned(),
        address_type: if address.is_ipv4() { "IP4" } else { "IP6" }.to_owned(),
        address: Some(Address {
            address: address.ip().to_string(),
            ttl: None,
            range: None,
        }),
    }
}

/// The discard port, for when there is nothing to say (RFC 8840 §4.1.1).
const fn unspecified() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9)
}

fn value(made: MediaDescription, key: &str, text: String) -> MediaDescription {
    made.with_value_attribute(key.to_owned(), text)
}

fn flag(made: MediaDescription, key: &str) -> MediaDescription {
    made.with_property_attribute(key.to_owned())
}
