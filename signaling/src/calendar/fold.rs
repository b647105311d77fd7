//! Lines of 75 octets at most (RFC 5545 §3.1), cut between letters. The crate that writes calendars cuts
//! where the space that begins the next part is not counted.

/// Longest line without its end, in octets.
const MAX_OCTETS: usize = 75;

/// The same with every line as long as it may be.
pub(super) fn fold(written: &str) -> String {
    let mut folded = String::with_capacity(written.len());
    for line in written.replace("\r\n ", "").split_inclusive("\r\n") {
        let content = line.strip_suffix("\r\n").unwrap_or(line);
        let mut octets = 0;
        for letter in content.chars() {
            if octets + letter.len_utf8() > MAX_OCTETS {
                folded.push_str("\r\n ");
                octets = 1;
            }
            folded.push(letter);
            octets += letter.len_utf8();
        }
        folded.push_str("\r\n");
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_long_as_it_may_be_and_its_parts_as_well() {
        let folded = fold(&format!("{}\r\nEND\r\n", "x".repeat(160)));
        let lengths: Vec<_> = folded.lines().map(str::len).collect();
        assert_eq!(lengths, [75, 75, 12, 3]);
        assert_eq!(fold(&folded), folded);
    }

    #[test]
    fn no_letter_is_cut() {
        let folded = fold(&format!("{}\r\n", "ộ".repeat(60)));
        assert!(folded.lines().all(|line| line.len() <= MAX_OCTETS));
        assert_eq!(
            folded.replace("\r\n ", ""),
            format!("{}\r\n", "ộ".repeat(60))
        );
    }
}
