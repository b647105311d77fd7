//! Judging the way to a server as it was met from here. Pure.

use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Finding;
use super::judge;
use crate::check::Cause;

/// How it is said that the certificate of an authority was shown.
const OF_AUTHORITY: &str = "CaUsedAsEndEntity";

/// What the name of a server stands for.
#[must_use]
pub fn name(host: &str, found: &Result<Vec<IpAddr>, String>) -> Finding {
    match found {
        Ok(addresses) if !addresses.is_empty() => {
            let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            Finding::good("name", format!("{host} is {}", texts.join(", ")))
        }
        Ok(_) => Finding::new(
            "name",
            Cause::NameUnknown,
            format!("{host} has no address"),
            name_advice(host),
        ),
        Err(cause) => Finding::new(
            "name",
            Cause::NameUnknown,
            format!("{host}: {cause}"),
            name_advice(host),
        ),
    }
}

fn name_advice(host: &str) -> String {
    format!(
        "is the name right, and does the resolver of this network know it? `getent hosts {host}`"
    )
}

/// Whether the port of the pages could be reached by TCP, and how far away it is. One of several
/// addresses that leads nowhere is a matter of the name, where another one does.
#[must_use]
pub fn connect(at: &str, took: &Result<Duration, String>) -> Finding {
    match took {
        Ok(took) => Finding::good("tcp", format!("{at} in {} ms", took.as_millis())),
        Err(cause) => {
            let advice = "a firewall on the way, a wrong port, or no server there: `dinh ports` on the \
                server says what must be let through";
            Finding::new("tcp", Cause::PortBlocked, format!("{at}: {cause}"), advice)
        }
    }
}

/// How the handshake of TLS went.
#[must_use]
pub fn tls(failure: Option<&str>) -> Finding {
    let Some(cause) = failure else {
        return Finding::good(
            "tls",
            "the certificate is trusted here, and is for this name",
        );
    };
    let fault = untrusted(cause).unwrap_or(Cause::NoTls);
    let advice = match fault {
        Cause::CertificateExpired => {
            "the certificate has ended: renew it on the server. If that says it has not, this machine's clock is wrong"
        }
        Cause::CertificateNotYetValid => {
            "this machine's clock is behind: set it (timedatectl set-ntp true)"
        }
        Cause::CertificateNotTrusted if cause.contains(OF_AUTHORITY) => {
            "tls.certificate is that of an authority: have it make one for the server"
        }
        Cause::CertificateNotTrusted => {
            "nobody here trusts who made the certificate: the chain in tls.certificate is not whole, a \
             firewall looks into TLS, or the authority is the operator's own (`--ca FILE`)"
        }
        Cause::CertificateWrongName => {
            "the certificate is for another name: use that one, or have one made for this"
        }
        _ => "something on the way does not speak TLS: a proxy, or a server without [tls]",
    };
    Finding::new("tls", fault, cause, advice)
}

/// Why a handshake of TLS has failed, by its words; `None` if they say nothing of TLS.
pub(super) fn untrusted(said: &str) -> Option<Cause> {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["expired", "Expired"]) {
        Some(Cause::CertificateExpired)
    } else if has(&["not valid yet", "NotValidYet"]) {
        Some(Cause::CertificateNotYetValid)
    } else if has(&["UnknownIssuer", "self-signed", OF_AUTHORITY]) {
        Some(Cause::CertificateNotTrusted)
    } else if has(&["NotValidForName", "not valid for name"]) {
        Some(Cause::CertificateWrongName)
    } else if has(&["invalid peer certificate"]) {
        Some(Cause::CertificateNotTrusted)
    } else if has(&["corrupt message", "InvalidContentType"]) {
        Some(Cause::NoTls)
    } else {
        None
    }
}

/// What `/readyz` answered: a status, and the body of a refusal.
#[must_use]
pub fn ready(answer: &Result<(u16, String), String>) -> Finding {
    match answer {
        Ok((200, _)) => Finding::good("ready", "the server takes new work"),
        Ok((503, body)) => {
            let advice = "`systemctl status dinh` on the server, and its log, say more";
            Finding::new(
                "ready",
                Cause::ServerNotReady,
                format!("the server is not ready: {}", body.trim()),
                advice,
            )
        }
        Ok((status, _)) => {
            let advice = "this is no Dinh, or a proxy answers for it";
            Finding::new(
                "ready",
                Cause::NotDinh,
                format!("/readyz answers {status}"),
                advice,
            )
        }
        Err(cause) => {
            let advice =
                "something takes connections and does not answer: a proxy whose server is gone?";
            Finding::new("ready", Cause::NoAnswer, cause.as_str(), advice)
        }
    }
}

/// What came of asking for a WebSocket: a status.
#[must_use]
pub fn websocket(answer: &Result<u16, String>) -> Finding {
    let advice = "a proxy on the way does not pass WebSockets (Upgrade, Connection): pages stay at Connecting";
    match answer {
        Ok(101) => Finding::good("websocket", "opened"),
        Ok(status) => Finding::new(
            "websocket",
            Cause::WebSocketBlocked,
            format!("/ws answers {status}"),
            advice,
        ),
        Err(cause) => Finding::new("websocket", Cause::WebSocketBlocked, cause.as_str(), advice),
    }
}

/// The clock of this machine beside the server's, as its answer said it within a second.
#[must_use]
pub fn clock(here: Timestamp, server: Option<Timestamp>, trip: Duration) -> Finding {
    let Some(server) = server else {
        return Finding::skipped("clock", "the server does not say its time");
    };
    let trip = SignedDuration::try_from(trip).unwrap_or_default();
    let doubt = SignedDuration::from_secs(1) + trip;
    judge::clock(server.duration_until(here), doubt)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict::{self, Bad, Good};
    use super::*;

    fn verdict(finding: &Finding) -> Verdict {
        assert_eq!(
            finding.verdict == Good,
            finding.advice.is_empty(),
            "{finding}"
        );
        finding.verdict
    }

    #[test]
    fn a_way_without_a_fault_has_nothing_to_be_told() {
        let address = "192.0.2.1".parse().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        for finding in [
            name("hop.example", &Ok(vec![address])),
            connect("192.0.2.1:443", &Ok(Duration::from_millis(30))),
            tls(None),
            ready(&Ok((200, String::new()))),
            websocket(&Ok(101)),
            clock(now, Some(now), Duration::ZERO),
        ] {
            assert_eq!(verdict(&finding), Good, "{finding}");
        }
    }

    #[test]
    fn each_culprit_on_the_way_is_named() {
        let now = Timestamp::UNIX_EPOCH;
        let broken = |text: &str| Err::<Duration, _>(text.to_owned());
        for (finding, word) in [
            (
                name("hop.example", &Err("no such name".to_owned())),
                "resolver",
            ),
            (name("hop.example", &Ok(Vec::new())), "resolver"),
            (connect("192.0.2.1:443", &broken("timed out")), "firewall"),
            (
                tls(Some("invalid peer certificate: certificate expired: …")),
                "renew",
            ),
            (
                tls(Some("invalid peer certificate: certificate not valid yet")),
                "clock is behind",
            ),
            (
                tls(Some("invalid peer certificate: UnknownIssuer")),
                "chain",
            ),
            (
                tls(Some("invalid peer certificate: Other(CaUsedAsEndEntity)")),
                "of an authority",
            ),
            (
                tls(Some("invalid peer certificate: NotValidForName")),
                "another name",
            ),
            (tls(Some("received corrupt message")), "does not speak TLS"),
            (
                ready(&Ok((503, "{\"reasons\":[\"store\"]}".to_owned()))),
                "log",
            ),
            (ready(&Ok((404, String::new()))), "no Dinh"),
            (websocket(&Ok(400)), "Upgrade"),
            (
                clock(
                    now,
                    Some(now + SignedDuration::from_hours(1)),
                    Duration::ZERO,
                ),
                "set this clock",
            ),
        ] {
            assert_eq!(verdict(&finding), Bad, "{finding}");
            assert!(finding.advice.contains(word), "{finding}");
        }
    }
}
