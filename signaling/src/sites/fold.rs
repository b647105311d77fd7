//! Folding names so that `ba dinh` finds `Phường Ba Đình`.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The text in lower case and without diacritics.
pub fn fold(text: &str) -> String {
    text.nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'đ' { 'd' } else { c })
        .collect()
}

/// What two spellings of the same word have in common: their letters and digits, folded.
pub(super) fn key(text: &str) -> String {
    let mut key = fold(text);
    key.retain(char::is_alphanumeric);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vietnamese_names_lose_their_diacritics() {
        assert_eq!(fold("Phường Ba Đình"), "phuong ba dinh");
        assert_eq!(fold("Đặc khu Trường Sa"), "dac khu truong sa");
    }

    #[test]
    fn a_key_has_letters_and_digits_alone() {
        assert_eq!(key(" Mã điểm cầu (2025)"), "madiemcau2025");
        assert_eq!(key("E-mail"), "email");
    }

    #[test]
    fn composed_and_decomposed_spellings_fold_alike() {
        let composed = "Phường Ngọc Hà";
        let decomposed: String = composed.nfd().collect();
        assert_ne!(composed, decomposed);
        assert_eq!(fold(composed), fold(&decomposed));
    }
}
