//! Offers that are long to judge.

/// Formats in the offer: as many as a message may hold.
const FORMATS: usize = 14_000;

/// An offer of one m-line that names the same format again and again.
pub(super) fn long_offer() -> String {
    let formats = vec!["96"; FORMATS].join(" ");
    let fingerprint = vec!["AA"; 32].join(":");
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:hostile\r\n\
         a=ice-pwd:hostile-hostile-hostile-hostile\r\na=fingerprint:sha-256 {fingerprint}\r\n\
         a=setup:actpass\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
    )
}
