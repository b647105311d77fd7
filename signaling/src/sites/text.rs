//! The bytes of a list as text, whatever a spreadsheet has written.

use std::borrow::Cow;

/// A text that is in no encoding that is read here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EncodingError {
    /// Neither UTF-8 nor marked as UTF-16.
    #[error(
        "line {line}: the text is not UTF-8: in the spreadsheet save the list as \"CSV UTF-8\""
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
}

/// Spreadsheets like to begin a file with a byte order mark.
const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF_16_LITTLE_ENDIAN_MARK: &[u8] = b"\xff\xfe";
const UTF_16_BIG_ENDIAN_MARK: &[u8] = b"\xfe\xff";

/// Reads UTF-8, with or without a mark, and UTF-16 with one ("Unicode text").
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, EncodingError> {
    if let Some(text) = bytes.strip_prefix(UTF_16_LITTLE_ENDIAN_MARK) {
        return utf_16(text, u16::from_le_bytes);
    }
    if let Some(text) = bytes.strip_prefix(UTF_16_BIG_ENDIAN_MARK) {
        return utf_16(text, u16::from_be_bytes);
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
        for bytes in [TEXT.as_bytes(), marked.as_bytes(), &little, &big] {
            assert_eq!(decode(bytes).unwrap(), TEXT);
        }
    }

    #[test]
    fn any_other_encoding_is_told_what_to_do() {
        let error = decode(b"code\nCentr\xe9\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: the text is not UTF-8: in the spreadsheet save the list as \"CSV UTF-8\""
        );
        for damaged in [&b"\xff\xfea"[..], b"\xff\xfe\x00\xd8", b"\xfe\xff\xd8\x00"] {
            assert_eq!(decode(damaged), Err(EncodingError::DamagedUtf16));
        }
    }
}
