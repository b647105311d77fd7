//! The bytes of a list as text, whatever a spreadsheet has written.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A text that is in no encoding that is read here.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EncodingError {
    /// Neither UTF-8 nor marked as UTF-16.
    #[error(
        "line {line}: the text is not UTF-8: in the spreadsheet save the list as \"CSV UTF-8\" or as a \
         workbook (xlsx), or say that it is windows-1258 or windows-1252"
    )]
    NotUtf8 {
        /// The line with the first wrong byte, from 1.
        line: u64,
    },
    /// Marked as UTF-16, and damaged.
    #[error(
        "the list begins as UTF-16 and is damaged: in the spreadsheet save it as \"CSV UTF-8\""
    )]
    DamagedUtf16,
    /// Not the name of an encoding that is read here.
    #[error("{0:?} is no encoding that is read here: use windows-1258 or windows-1252")]
    Unknown(String),
}

/// Spreadsheets like to begin a file with a byte order mark.
const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF_16_LITTLE_ENDIAN_MARK: &[u8] = b"\xff\xfe";
const UTF_16_BIG_ENDIAN_MARK: &[u8] = b"\xfe\xff";

/// How many bytes are looked at to see whether every other one is nothing.
const SAMPLE: usize = 256;

/// An encoding that cannot be told from others by looking: somebody must say so.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub enum Encoding {
    /// Vietnamese, as old Windows programs write it.
    #[serde(rename = "windows-1258")]
    Windows1258,
    /// Western European.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

impl std::str::FromStr for Encoding {
    type Err = EncodingError;

    fn from_str(text: &str) -> Result<Self, EncodingError> {
        match text {
            "windows-1258" => Ok(Self::Windows1258),
            "windows-1252" => Ok(Self::Windows1252),
            other => Err(EncodingError::Unknown(other.chars().take(64).collect())),
        }
    }
}

/// Reads what somebody has said it is; else UTF-8 and UTF-16, with or without a mark.
pub(super) fn decode(
    bytes: &[u8],
    encoding: Option<Encoding>,
) -> Result<Cow<'_, str>, EncodingError> {
    let legacy = match encoding {
        None => return unicode(bytes),
        Some(Encoding::Windows1258) => encoding_rs::WINDOWS_1258,
        Some(Encoding::Windows1252) => encoding_rs::WINDOWS_1252,
    };
    Ok(legacy.decode_without_bom_handling(bytes).0)
}

fn unicode(bytes: &[u8]) -> Result<Cow<'_, str>, EncodingError> {
    if let Some(text) = bytes.strip_prefix(UTF_16_LITTLE_ENDIAN_MARK) {
        return utf_16(text, u16::from_le_bytes);
    }
    if let Some(text) = bytes.strip_prefix(UTF_16_BIG_ENDIAN_MARK) {
        return utf_16(text, u16::from_be_bytes);
    }
    match empty_halves(bytes) {
        [true, false] => return utf_16(bytes, u16::from_be_bytes),
        [false, true] => return utf_16(bytes, u16::from_le_bytes),
        [true, true] | [false, false] => {}
    }
    let text = bytes.strip_prefix(UTF_8_MARK).unwrap_or(bytes);
    std::str::from_utf8(text)
        .map(Cow::Borrowed)
        .map_err(|error| {
            let good = text.get(..error.valid_up_to()).unwrap_or_default();
            let breaks = good.iter().filter(|byte| **byte == b'\n').count();
            EncodingError::NotUtf8 {
                line: 1 + breaks as u64,
            }
        })
}

/// Whether there are bytes of nothing among the first and among the second of each two: a text in
/// UTF-16 has them in one half, since what separates its columns is ASCII.
fn empty_halves(bytes: &[u8]) -> [bool; 2] {
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    let (pairs, _) = sample.as_chunks::<2>();
    [
        pairs.iter().any(|[first, _]| *first == 0),
        pairs.iter().any(|[_, second]| *second == 0),
    ]
}

fn utf_16(text: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, EncodingError> {
    let (units, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(EncodingError::DamagedUtf16);
    }
    char::decode_utf16(units.iter().map(|pair| unit(*pair)))
        .collect::<Result<String, _>>()
        .map(Cow::Owned)
        .map_err(|_| EncodingError::DamagedUtf16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Phường Ba Đình\n";

    #[test]
    fn what_spreadsheets_write_is_read() {
        let little: Vec<u8> = "\u{feff}"
            .encode_utf16()
            .chain(TEXT.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = "\u{feff}"
            .encode_utf16()
            .chain(TEXT.encode_utf16())
            .flat_map(u16::to_be_bytes)
            .collect();
        let marked = format!("\u{feff}{TEXT}");
        for bytes in [
            TEXT.as_bytes(),
            marked.as_bytes(),
            &little,
            &big,
            &little[2..],
            &big[2..],
        ] {
            assert_eq!(decode(bytes, None).unwrap(), TEXT);
        }
    }

    #[test]
    fn an_old_encoding_is_read_when_somebody_says_so() {
        use unicode_normalization::UnicodeNormalization as _;
        // Its letters stand apart from their tone marks.
        let bytes = b"Th\xfd\xcca \xd0i\xccnh";
        let text = decode(bytes, Some(Encoding::Windows1258)).unwrap();
        assert_eq!(text.nfc().collect::<String>(), "Thừa Đình");
        assert_eq!(
            decode(b"Caf\xe9", Some(Encoding::Windows1252)).unwrap(),
            "Café"
        );
        let error = "tcvn3".parse::<Encoding>().unwrap_err().to_string();
        assert!(error.contains("\"tcvn3\""), "{error}");
    }

    #[test]
    fn any_other_encoding_is_told_what_to_do() {
        let error = decode(b"code\nCentr\xe9\n", None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: the text is not UTF-8: in the spreadsheet save the list as \"CSV UTF-8\" or as a \
             workbook (xlsx), or say that it is windows-1258 or windows-1252"
        );
        for damaged in [&b"\xff\xfea"[..], b"\xff\xfe\x00\xd8", b"\xfe\xff\xd8\x00"] {
            assert_eq!(decode(damaged, None), Err(EncodingError::DamagedUtf16));
        }
    }
}
