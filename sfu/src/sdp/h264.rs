//! H.264 parameters (RFC 6184 §8.1): which streams are forwarded, and what they are called.
//!
//! Any profile that browsers decode is taken, in single NAL units or not interleaved: whoever reads
//! the second reads the first as well.

use super::formats::parameter;

/// Bits of `profile-iop`: the stream also obeys the rules of Baseline, and of Main.
const OBEYS_BASELINE: u8 = 0x80;
const OBEYS_MAIN: u8 = 0x40;

/// What `a=fmtp` says of a payload type.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a> {
    /// `profile-level-id` as text, if it is there.
    text: Option<&'a str>,
    /// Its `profile_idc` and `profile-iop`.
    profile: Option<(u8, u8)>,
    mode: Option<&'a str>,
}

impl<'a> Parameters<'a> {
    pub(super) fn read(fmtp: &'a str) -> Self {
        let text = parameter(fmtp, "profile-level-id");
        Self {
            text,
            profile: text.map_or(Some((0x42, 0)), parse_profile),
            mode: parameter(fmtp, "packetization-mode"),
        }
    }

    /// Whether such a stream is forwarded.
    pub(super) fn are_taken(self) -> bool {
        let profile = match self.profile {
            Some((0x42 | 0x4d | 0x64, _)) => true,
            Some((0x58, flags)) => flags & OBEYS_BASELINE != 0,
            _ => false,
        };
        profile && matches!(self.mode, None | Some("0" | "1"))
    }

    /// The answer's parameters: those of the offer, and that levels need not agree.
    pub(super) fn answer(self) -> String {
        let mode = self.mode.map(|mode| format!("packetization-mode={mode}"));
        let profile = self.text.map(|text| format!("profile-level-id={text}"));
        if mode.is_none() && profile.is_none() {
            return String::new();
        }
        let parts = [Some("level-asymmetry-allowed=1".to_owned()), mode, profile];
        parts.into_iter().flatten().collect::<Vec<_>>().join(";")
    }

    /// Which of several payload types is chosen, the highest first: Chromium lists plain before
    /// constrained baseline, and the latter is what every decoder has.
    pub(super) fn rank(self) -> u8 {
        let constrained = match self.profile {
            Some((0x42, flags)) => flags & OBEYS_MAIN != 0,
            Some((0x4d, flags)) => flags & OBEYS_BASELINE != 0,
            Some((0x58, flags)) => flags & 0xc0 == 0xc0,
            _ => false,
        };
        2 * u8::from(self.mode == Some("1")) + u8::from(constrained)
    }

    /// What it is called in a sentence.
    pub(super) fn describe(self) -> String {
        if let Some(mode) = self.mode.filter(|mode| !matches!(*mode, "0" | "1")) {
            let mode: String = mode.chars().take(4).collect();
            return format!("H.264 in packetization-mode {mode}");
        }
        let name = match self.profile {
            Some((0x42, _)) => "Baseline",
            Some((0x4d, _)) => "Main",
            Some((0x58, _)) => "Extended",
            Some((0x64, _)) => "High",
            Some((0x6e, _)) => "High 10",
            Some((0x7a, _)) => "High 4:2:2",
            Some((0xf4 | 0x90, _)) => "High 4:4:4",
            Some((0x2c, _)) => "CAVLC 4:4:4",
            Some(_) | None => "of an unknown profile",
        };
        let text = self.text.unwrap_or_default();
        let text: String = text.chars().take(12).collect();
        format!("H.264 {name} (profile-level-id={text})")
    }
}

/// The first two bytes of a `profile-level-id`.
fn parse_profile(text: &str) -> Option<(u8, u8)> {
    let digits = text.len() == 6 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    digits.then(|| Some((byte(0)?, byte(2)?))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_that_browsers_decode_is_taken_in_either_packetization() {
        for profile in ["42e01f", "42001f", "4d0028", "640028", "640c1f", "58801f"] {
            for mode in ["", ";packetization-mode=0", ";packetization-mode=1"] {
                let fmtp = format!("profile-level-id={profile}{mode}");
                assert!(Parameters::read(&fmtp).are_taken(), "{fmtp}");
            }
        }
        assert!(Parameters::read("").are_taken(), "it is Baseline then");
    }

    #[test]
    fn what_is_not_taken_is_called_by_its_name() {
        let cases = [
            (
                "profile-level-id=6e0028",
                "H.264 High 10 (profile-level-id=6e0028)",
            ),
            (
                "profile-level-id=7a0028",
                "H.264 High 4:2:2 (profile-level-id=7a0028)",
            ),
            (
                "profile-level-id=f4001f",
                "H.264 High 4:4:4 (profile-level-id=f4001f)",
            ),
            (
                "profile-level-id=58001f",
                "H.264 Extended (profile-level-id=58001f)",
            ),
            (
                "profile-level-id=high",
                "H.264 of an unknown profile (profile-level-id=high)",
            ),
            (
                "packetization-mode=2;profile-level-id=42e01f",
                "H.264 in packetization-mode 2",
            ),
        ];
        for (fmtp, name) in cases {
            let read = Parameters::read(fmtp);
            assert!(!read.are_taken(), "{fmtp}");
            assert_eq!(read.describe(), name);
        }
    }

    #[test]
    fn the_answer_says_what_the_offer_said() {
        let answer = |fmtp| Parameters::read(fmtp).answer();
        assert_eq!(answer(""), "");
        assert_eq!(
            answer("packetization-mode=1"),
            "level-asymmetry-allowed=1;packetization-mode=1"
        );
        assert_eq!(
            answer("sprop-parameter-sets=x;profile-level-id=640028"),
            "level-asymmetry-allowed=1;profile-level-id=640028"
        );
    }

    #[test]
    fn what_every_decoder_has_comes_first() {
        let rank = |fmtp| Parameters::read(fmtp).rank();
        let best = rank("packetization-mode=1;profile-level-id=42e01f");
        assert!(best > rank("packetization-mode=1;profile-level-id=42001f"));
        assert!(
            rank("packetization-mode=1;profile-level-id=640028") > rank("profile-level-id=42e01f")
        );
        assert_eq!(best, rank("packetization-mode=1;profile-level-id=4d801f"));
    }
}
