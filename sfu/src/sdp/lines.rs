//! The lines of an offer that matter, in the one order that the parser takes.
//!
//! Clients write `c=` behind `t=`, attributes before it, session ids beyond 64 bits, and more of the
//! kind. None of it is used: what is read is `m=` and `a=`.

use super::OfferError;

/// What stands before the attributes of the session.
const HEAD: &str = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

/// Most characters of a line that are told.
const TOLD: usize = 40;

/// The offer with its head replaced and every line that means nothing here left out.
pub(super) fn tidy(text: &str) -> Result<String, OfferError> {
    let mut kept = String::with_capacity(text.len() + HEAD.len());
    kept.push_str(HEAD);
    let mut is_first = true;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        let kind = line.split_once('=').map(|(kind, _)| kind);
        let is_line = kind.is_some_and(|kind| {
            kind.len() == 1 && kind.bytes().all(|letter| letter.is_ascii_lowercase())
        });
        if !is_line || (is_first && kind != Some("v")) {
            let told: String = line.chars().take(TOLD).collect();
            return Err(OfferError::Malformed(format!(
                "its line {number} is {told:?}, where {} was expected",
                if is_first { "`v=0`" } else { "`x=…`" }
            )));
        }
        is_first = false;
        if matches!(kind, Some("m" | "a")) {
            kept.extend([line, "\r\n"]);
        }
    }
    if is_first {
        Err(OfferError::Empty)
    } else {
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_and_the_head_of_the_session_do_not_matter() {
        let odd = "v=0\no=x -7 99999999999999999999999 IN IP6 ::\ns= \na=ice-lite\nt=0 0\n\
                   c=IN IP4 0.0.0.0\nb=AS:1\n\nm=audio 9 UDP/TLS/RTP/SAVPF 111\nb=TIAS:5\na=mid:0 \n";
        assert_eq!(
            tidy(odd).unwrap(),
            format!("{HEAD}a=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n")
        );
    }

    #[test]
    fn what_is_no_line_is_told() {
        let told = |text| tidy(text).unwrap_err().to_string();
        assert!(told("{\"sdp\":\"v=0\"}").contains("`v=0` was expected"));
        assert!(told("v=0\r\nhello").contains("line 2 is \"hello\""));
        for nothing in ["", "\r\n \r\n"] {
            assert_eq!(tidy(nothing), Err(OfferError::Empty));
        }
    }
}
