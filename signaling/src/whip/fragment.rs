//! Parts of an SDP as `PATCH` carries them (RFC 8840 §9): ICE credentials and candidates.

use sfu::command::IceCredentials;

/// Longest line that is looked at.
const MAX_LINE_BYTES: usize = 1_024;

/// Most ufrags of a client that are kept; candidates for further ones need their ETag.
const MAX_UFRAGS: usize = 8;

/// What a fragment says that matters to a server that needs no candidates.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Fragment {
    ufrag: Option<String>,
    pwd: Option<String>,
    /// MIDs in order, with the media lines before them.
    media: Vec<(String, String)>,
}

impl Fragment {
    /// Reads a fragment; `None` if a line is no line of an SDP.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut fragment = Self::default();
        let mut media_line = String::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (kind, value) = line.split_once('=')?;
            if kind.len() != 1 || line.len() > MAX_LINE_BYTES {
                return None;
            }
            match (kind, value.split_once(':')) {
                ("m", _) => media_line = line.to_owned(),
                ("a", Some(("ice-ufrag", ufrag))) => fragment.ufrag = Some(ufrag.to_owned()),
                ("a", Some(("ice-pwd", pwd))) => fragment.pwd = Some(pwd.to_owned()),
                ("a", Some(("mid", mid))) => {
                    fragment
                        .media
                        .push((std::mem::take(&mut media_line), mid.to_owned()));
                }
                _ => {}
            }
        }
        Some(fragment)
    }

    /// The client's new credentials, if it begins another ICE session.
    pub(super) fn credentials(&self) -> Option<IceCredentials> {
        Some(IceCredentials {
            ufrag: self.ufrag.clone()?,
            pwd: self.pwd.clone()?,
        })
    }

    /// Whether it is about the ICE session of a client with one of these ufrags: it names one of them,
    /// or none.
    pub(super) fn is_of(&self, ufrags: &[String]) -> bool {
        self.ufrag.as_ref().is_none_or(|own| ufrags.contains(own))
    }

    /// The answer: our new credentials, for the same media.
    pub(super) fn answer(&self, ice: &IceCredentials, candidates: &str) -> String {
        let mut text = format!(
            "a=ice-lite\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n",
            ice.ufrag, ice.pwd
        );
        // All media is bundled: the first m-line stands for it.
        if let Some((line, mid)) = self.media.first() {
            if !line.is_empty() {
                text.extend([line, "\r\n"]);
            }
            text.extend(["a=mid:", mid, "\r\n", candidates, "a=end-of-candidates\r\n"]);
        }
        text
    }
}

/// The ufrags of an offer, each once. There is one, but for clients that bundle only what is answered
/// so.
pub(super) fn ufrags(offer: &str) -> Vec<String> {
    let mut ufrags: Vec<String> = Vec::new();
    for line in offer.lines() {
        if let Some(ufrag) = line.trim_end().strip_prefix("a=ice-ufrag:")
            && ufrags.len() < MAX_UFRAGS
            && !ufrags.iter().any(|known| known == ufrag)
        {
            ufrags.push(ufrag.to_owned());
        }
    }
    ufrags
}

/// The candidates of an answer, each once: all media is bundled.
pub(super) fn candidates(sdp: &str) -> String {
    let mut lines: Vec<_> = Vec::new();
    for line in sdp.lines().filter(|line| line.starts_with("a=candidate:")) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.into_iter().flat_map(|line| [line, "\r\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESTART: &str = "a=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
        a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\n";

    #[test]
    fn credentials_make_a_restart() {
        let fragment = Fragment::parse(RESTART).unwrap();
        assert!(fragment.credentials().is_some());
        let ice = IceCredentials {
            ufrag: "0abc".to_owned(),
            pwd: "p".repeat(24),
        };
        assert_eq!(
            fragment.answer(&ice, "a=candidate:1 1 udp 1 192.0.2.9 7910 typ host\r\n"),
            format!(
                "a=ice-lite\r\na=ice-ufrag:0abc\r\na=ice-pwd:{}\r\n\
                 m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
                 a=candidate:1 1 udp 1 192.0.2.9 7910 typ host\r\na=end-of-candidates\r\n",
                "p".repeat(24)
            )
        );
    }

    #[test]
    fn a_candidate_alone_makes_none() {
        let fragment = Fragment::parse("m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1\r\n");
        assert_eq!(fragment.unwrap().credentials(), None);
    }

    #[test]
    fn a_fragment_belongs_to_the_session_whose_ufrag_it_names() {
        let offer = "v=0\r\na=ice-ufrag:ab\r\nm=\r\na=ice-ufrag:ab\r\nm=\r\na=ice-ufrag:cd\r\n";
        let known = ufrags(offer);
        assert_eq!(known, ["ab", "cd"]);
        let is_known = |text: &str| Fragment::parse(text).unwrap().is_of(&known);
        assert!(is_known("a=ice-ufrag:cd\r\na=ice-pwd:x\r\n"));
        assert!(is_known(
            "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1\r\n"
        ));
        assert!(!is_known("a=ice-ufrag:ef\r\na=ice-pwd:x\r\n"));
    }

    #[test]
    fn candidates_of_an_answer_are_named_once() {
        let sdp = "v=0\r\na=candidate:1 x\r\nm=\r\na=candidate:1 x\r\na=candidate:2 y\r\n";
        assert_eq!(candidates(sdp), "a=candidate:1 x\r\na=candidate:2 y\r\n");
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(Fragment::parse("{\"candidate\":1}"), None);
        assert_eq!(Fragment::parse(&format!("a={}", "x".repeat(2_000))), None);
    }
}
