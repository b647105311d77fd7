//! Opus parameters (RFC 7587 §6.1): what an m-line says of it, and what is answered.

use super::formats::parameter;

/// The parameters of every answer.
pub(super) const FMTP: &str = "minptime=10;useinbandfec=1";

/// Whether an `a=rtpmap` is Opus. Its clock is always 48 kHz and its channels are always 2
/// (RFC 7587 §7), but encoders write how many they have, or nothing.
pub(super) fn is_opus(rtpmap: &str) -> bool {
    let mut parts = rtpmap.split('/');
    let name = parts.next().unwrap_or_default();
    let rest = (parts.next(), parts.next(), parts.next());
    name.eq_ignore_ascii_case("opus")
        && matches!(rest, (Some("48000"), None | Some("1" | "2"), None))
}

/// What a publisher is given back because it asked: that it may send two channels, where it says
/// that it has them, and nothing while nobody speaks. Without these, browsers send one channel all
/// the time.
pub(super) fn mirrored(offered: &str) -> String {
    let asks = |name| parameter(offered, name) == Some("1");
    // `stereo` alone is what the offerer would like to receive: Firefox always says so.
    let stereo = asks("sprop-stereo").then_some(";stereo=1;sprop-stereo=1");
    let silence = asks("usedtx").then_some(";usedtx=1");
    [stereo, silence].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stereo_and_silence_are_given_back_to_whoever_asked() {
        assert_eq!(
            mirrored("usedtx=1; stereo=1;sprop-stereo=1;maxaveragebitrate=96000"),
            ";stereo=1;sprop-stereo=1;usedtx=1"
        );
        assert_eq!(mirrored("sprop-stereo=1"), ";stereo=1;sprop-stereo=1");
        for nothing in [
            "minptime=10",
            "stereo=1",
            "stereo=1;sprop-stereo=0;usedtx=0",
        ] {
            assert_eq!(mirrored(nothing), "");
        }
    }

    #[test]
    fn opus_is_known_however_its_channels_are_written() {
        for rtpmap in ["opus/48000/2", "OPUS/48000/2", "opus/48000", "opus/48000/1"] {
            assert!(is_opus(rtpmap), "{rtpmap}");
        }
        for rtpmap in ["multiopus/48000/6", "opus/48000/6", "opus/16000", "opus"] {
            assert!(!is_opus(rtpmap), "{rtpmap}");
        }
    }
}
