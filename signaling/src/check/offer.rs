//! By which means media is tried, and which way: what of an answer is told then.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use sfu::command::PeerPolicy;
use sfu::id::Feed;
use utoipa::ToSchema;

use crate::tls::is_private;

/// Most that is taken of what somebody sends here, in kilobits per second: as much as a good camera, so
/// that a line that carries it carries a conference.
pub(crate) const MOST_KBPS: u32 = 2_500;

/// The place on the stage of a check that shows what is sent.
pub(super) const STAGE: u8 = 0;

/// By which means media is to come.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Means {
    /// UDP.
    Udp,
    /// ICE-TCP.
    Tcp,
    /// TURN.
    Turn,
}

/// Which way it goes, for whoever measures.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// To the server.
    Send,
    /// From the server.
    Receive,
}

impl Means {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Turn];

    /// Its place among [`ALL`](Self::ALL).
    pub(super) const fn place(self) -> usize {
        self as usize
    }

    /// An answer with the candidates of these means alone: by which others a client could come it is
    /// not told.
    pub(crate) fn narrow(self, answer: &str) -> String {
        let is_told = |line: &&str| match line.strip_prefix("a=candidate:") {
            None => true,
            Some(candidate) => self.allows(candidate),
        };
        let lines = answer.split_inclusive('\n').filter(is_told);
        lines.collect()
    }

    /// Foundation, component, transport: RFC 8839 §5.1.
    fn allows(self, candidate: &str) -> bool {
        let transport = candidate.split_whitespace().nth(2).unwrap_or_default();
        match self {
            Self::Udp => transport.eq_ignore_ascii_case("udp"),
            Self::Tcp => transport.eq_ignore_ascii_case("tcp"),
            // What the client's TURN server is to reach.
            Self::Turn => true,
        }
    }
}

/// An answer with our ports of UDP at this address, and nowhere else: is the server to be found where its
/// pages are, and only what clients are told leads nowhere?
pub(crate) fn beside(answer: &str, at: IpAddr) -> String {
    let at = at.to_canonical().to_string();
    let mut ports = Vec::new();
    let mut told = String::new();
    for line in Means::Udp.narrow(answer).split_inclusive('\n') {
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            [head @ .., _, port, "typ", kind] if line.starts_with("a=candidate:") => {
                if !ports.contains(&(*port).to_owned()) {
                    ports.push((*port).to_owned());
                    told.push_str(&format!("{} {at} {port} typ {kind}", head.join(" ")));
                }
            }
            _ => told.push_str(line),
        }
    }
    told
}

/// Whether there is nothing to be learned about us by an address of ours: whoever reached it knows it,
/// unless a router in between stands for it.
pub(crate) fn may_tell(client: IpAddr, at: IpAddr) -> bool {
    is_private(client.to_canonical()) == is_private(at.to_canonical())
}

/// Whether an answer has us begin the DTLS handshake. Strangers' peers begin it themselves: else somebody
/// could have us send handshakes to an address that is not its own.
pub(crate) fn begins_handshake(answer: &str) -> bool {
    answer
        .lines()
        .any(|line| line.trim_end() == "a=setup:active")
}

impl Direction {
    /// What a peer of a check may do.
    pub(crate) fn policy(self) -> PeerPolicy {
        let sends = self == Self::Send;
        PeerPolicy {
            may_send_audio: sends,
            may_send_video: sends,
            video_slots: if sends {
                Vec::new()
            } else {
                vec![Some(Feed::Stage(STAGE))]
            },
            ptime_ms: None,
            reserved: false,
            most_kbps: Some(MOST_KBPS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\na=candidate:1 1 UDP 2130706431 192.0.2.1 7910 typ host\r\n\
        a=candidate:2 1 tcp 1671430143 192.0.2.1 7910 typ host tcptype passive\r\na=end-of-candidates\r\n";

    #[test]
    fn only_the_candidates_of_the_means_are_told() {
        let told = |means: Means| {
            let answer = means.narrow(ANSWER);
            (answer.contains("UDP"), answer.contains("tcptype"))
        };
        assert_eq!(told(Means::Udp), (true, false));
        assert_eq!(told(Means::Tcp), (false, true));
        assert_eq!(told(Means::Turn), (true, true));
        assert!(
            Means::Tcp
                .narrow(ANSWER)
                .ends_with("a=end-of-candidates\r\n")
        );
    }

    #[test]
    fn our_ports_are_told_at_the_address_that_was_reached() {
        let at = "10.0.0.7".parse().unwrap();
        let told = beside(ANSWER, at);
        assert!(
            told.contains("a=candidate:1 1 UDP 2130706431 10.0.0.7 7910 typ host\r\n"),
            "{told}"
        );
        assert!(
            !told.contains("192.0.2.1") && told.ends_with("a=end-of-candidates\r\n"),
            "{told}"
        );
        let (near, far) = ("10.3.2.1".parse().unwrap(), "203.0.113.9".parse().unwrap());
        assert!(may_tell(near, at) && !may_tell(far, at));
    }

    #[test]
    fn an_answer_that_has_us_begin_is_known() {
        assert!(begins_handshake("v=0\r\na=setup:active\r\n"));
        assert!(!begins_handshake("v=0\r\na=setup:passive\r\n"));
    }

    #[test]
    fn who_sends_receives_nothing_and_the_other_way_round() {
        let [send, receive] = [Direction::Send, Direction::Receive].map(Direction::policy);
        assert!(send.may_send_video && send.video_slots.is_empty());
        assert!(!receive.may_send_audio && receive.video_slots.len() == 1);
        assert_eq!(send.most_kbps, Some(MOST_KBPS));
    }
}
