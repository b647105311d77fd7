//! Asks a media port whether it is there, as a client of a check does: connectivity checks (RFC 8445 §7)
//! with the credentials of an answer, made as long as is to be tried. No sockets.

use std::fmt::Write as _;
use std::net::SocketAddr;

use sfu::command::{HostCandidate, IceCredentials};
use sfu::peer::ice::client::{Check, Filling, Role, check_answer, peek_transaction};

/// What the server answered to an offer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Told {
    /// Its credentials.
    pub(super) ice: IceCredentials,
    /// Where it says that it is.
    pub(super) candidates: Vec<HostCandidate>,
}

/// Chance, as it is needed here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance {
    /// For credentials, and to begin transactions with.
    pub(super) credentials: [u8; 24],
    /// What a certificate would hash to: no handshake is made.
    pub(super) fingerprint: [u8; 32],
}

/// The client's end.
#[derive(Debug)]
pub(super) struct Echo {
    ufrag: String,
    prefix: [u8; 4],
    asked: u64,
    server: IceCredentials,
}

/// Room beside a filling: the header of the attribute that it stands in.
const ATTRIBUTE_HEADER: usize = 4;

impl Chance {
    fn ufrag(&self) -> String {
        hex::encode(self.credentials.first_chunk::<4>().unwrap_or(&[0; 4]))
    }

    /// An offer of somebody who wants to see something, and whose ICE credentials these are.
    pub(super) fn offer(&self) -> String {
        let mut fingerprint = String::new();
        for byte in self.fingerprint {
            let colon = if fingerprint.is_empty() { "" } else { ":" };
            // Writing into a text cannot fail.
            let _ = write!(fingerprint, "{colon}{byte:02X}");
        }
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:{}\r\n\
             a=ice-pwd:{}\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=recvonly\r\n\
             a=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n",
            self.ufrag(),
            hex::encode(self.credentials),
        )
    }

    /// The client's end, once the offer was answered.
    pub(super) fn echo(&self, server: IceCredentials) -> Echo {
        let [.., a, b, c, d] = self.credentials;
        Echo {
            ufrag: self.ufrag(),
            prefix: [a, b, c, d],
            asked: 0,
            server,
        }
    }
}

impl Told {
    /// Reads an answer; `None` if it lacks what is needed.
    pub(super) fn read(answer: &str) -> Option<Self> {
        let value = |key: &str| {
            let mut lines = answer.lines();
            lines.find_map(|line| line.strip_prefix(key)).map(str::trim)
        };
        let ice = IceCredentials {
            ufrag: value("a=ice-ufrag:")?.to_owned(),
            pwd: value("a=ice-pwd:")?.to_owned(),
        };
        let mut candidates = Vec::new();
        for line in answer.lines() {
            let candidate = line.strip_prefix("a=candidate:").and_then(candidate);
            candidates.extend(candidate.filter(|found| !candidates.contains(found)));
        }
        Some(Self { ice, candidates })
    }
}

/// Foundation, component, transport, priority, address, port: RFC 8839 §5.1.
fn candidate(text: &str) -> Option<HostCandidate> {
    let mut words = text.split_whitespace().skip(2);
    let transport = words.next()?;
    let address = words.nth(1)?.parse().ok()?;
    let port = words.next()?.parse().ok()?;
    Some(HostCandidate {
        address: SocketAddr::new(address, port),
        tcp: transport.eq_ignore_ascii_case("tcp"),
    })
}

impl Echo {
    /// The next request, and its number.
    pub(super) fn request(&mut self, filling: Option<Filling>) -> (u64, Vec<u8>) {
        let number = self.asked;
        self.asked += 1;
        let check = Check {
            server: &self.server,
            ufrag: &self.ufrag,
            role: Role::Controlling,
            tie_breaker: 1,
            priority: 1,
            use_candidate: false,
            transaction: self.transaction(number),
        };
        let mut request = Vec::new();
        let written = match filling {
            None => check.encode(&mut request),
            Some(filling) => check.encode_filled(filling, &mut request),
        };
        debug_assert!(
            written.is_ok(),
            "credentials that were taken from an answer fit"
        );
        (number, request)
    }

    /// How much fills a request up to this length.
    pub(super) fn filling(&mut self, length: usize) -> u16 {
        let (_, bare) = self.request(None);
        let room = length.saturating_sub(bare.len() + ATTRIBUTE_HEADER);
        u16::try_from(room / 4 * 4).unwrap_or(u16::MAX)
    }

    /// The number of the request that a datagram answers, if it is an authentic answer.
    pub(super) fn answered(&self, datagram: &[u8]) -> Option<u64> {
        let transaction = peek_transaction(datagram)?;
        let (prefix, number) = transaction.split_first_chunk::<4>()?;
        let number = u64::from_be_bytes(*number.first_chunk()?);
        let is_ours = *prefix == self.prefix && number < self.asked;
        let answer = check_answer(datagram, &transaction, &self.server);
        (is_ours && answer.is_ok()).then_some(number)
    }

    fn transaction(&self, number: u64) -> [u8; 12] {
        let [a, b, c, d] = self.prefix;
        let [e, f, g, h, i, j, k, l] = number.to_be_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANCE: Chance = Chance {
        credentials: [7; 24],
        fingerprint: [9; 32],
    };

    #[test]
    fn an_answer_says_where_the_server_is_and_how_it_is_asked() {
        let answer = "v=0\r\na=ice-lite\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:0abc\r\n\
            a=ice-pwd:secretsecretsecretsecret\r\n\
            a=candidate:1 1 udp 2130706431 192.0.2.1 7910 typ host\r\n\
            a=candidate:2 1 tcp 1671430143 2001:db8::1 7910 typ host tcptype passive\r\n";
        let told = Told::read(answer).unwrap();
        assert_eq!(told.ice.ufrag, "0abc");
        let places: Vec<_> = told
            .candidates
            .iter()
            .map(|it| (it.address.to_string(), it.tcp))
            .collect();
        assert_eq!(
            places,
            [
                ("192.0.2.1:7910".to_owned(), false),
                ("[2001:db8::1]:7910".to_owned(), true)
            ]
        );
        assert_eq!(Told::read("v=0\r\n"), None);
    }

    #[test]
    fn a_request_is_as_long_as_it_is_to_be() {
        let mut echo = CHANCE.echo(IceCredentials {
            ufrag: "0abc".to_owned(),
            pwd: "secretsecretsecretsecret".to_owned(),
        });
        for length in [1_200, 1_252, 1_472] {
            let filling = echo.filling(length);
            let (_, request) = echo.request(Some(Filling::ThereAndBack(filling)));
            assert_eq!(request.len(), length);
        }
    }

    #[test]
    fn only_an_authentic_answer_to_a_request_of_ours_is_one() {
        let echo = CHANCE.echo(IceCredentials {
            ufrag: "0abc".to_owned(),
            pwd: "secretsecretsecretsecret".to_owned(),
        });
        assert_eq!(echo.answered(b"nothing"), None);
        assert_eq!(
            echo.answered(&[
                1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
            ]),
            None
        );
    }
}
