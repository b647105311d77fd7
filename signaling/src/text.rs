//! Text that people are shown and others have written.

/// What would make a line more than one, or make it look like another: control characters, and those
/// that turn the direction of writing or take no room.
pub(crate) fn misleads(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{061c}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}'
        )
}

/// A text as one line of at most so many characters: what ends lines, turns the direction of writing or
/// cannot be seen becomes a space.
pub(crate) fn one_line(text: &str, most_chars: usize) -> String {
    let spaced = text.replace(misleads, " ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    words.join(" ").chars().take(most_chars).collect()
}

/// Ends a sentence that refuses such a text.
pub(crate) const NO_CONTROLS: &str =
    "without control characters or ones that turn the direction of writing";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_a_name_look_like_another_misleads_and_names_do_not() {
        for bad in [
            "a\nb",
            "\u{202e}gnad",
            "x\u{2066}",
            "a\u{200f}",
            "a\u{200b}b",
            "\u{feff}a",
        ] {
            assert!(bad.contains(misleads), "{bad:?}");
        }
        for good in [
            "Phường Ba Đình",
            "Xã Ea Kpam – 2",
            "שלום",
            "مرحبا",
            "नमस्ते\u{200d}",
        ] {
            assert!(!good.contains(misleads), "{good:?}");
        }
    }
}
