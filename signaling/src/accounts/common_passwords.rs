//! Passwords of twelve and more characters that are tried first, in small letters.
//!
//! A list that guesses everything would be long and never enough. This one takes the few that whole
//! offices share; what else is guessed is slowed down (see `Admission`).

/// What people write when they are asked for something long.
const COMMON: [&str; 46] = [
    "123456789abc",
    "123456789qwe",
    "1q2w3e4r5t6y",
    "1q2w3e4r5t6y7u",
    "1qaz2wsx3edc",
    "1qaz2wsx3edc4rfv",
    "abcdefghijkl",
    "abcdefghijklm",
    "abcdef123456",
    "admin1234567",
    "adminadminadmin",
    "administrator",
    "administrator1",
    "anhyeuem1234",
    "changeme1234",
    "changemechangeme",
    "congnghethongtin",
    "correcthorsebatterystaple",
    "iloveyou1234",
    "letmein12345",
    "letmeinletmein",
    "matkhau12345",
    "matkhau123456",
    "matkhaumatkhau",
    "nguyenvana123",
    "passw0rd1234",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "p@ssw0rd1234",
    "p@ssword1234",
    "qazwsxedcrfv",
    "qwerty123456",
    "qwertyqwerty",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiop[]",
    "qwertyuiopas",
    "thisisapassword",
    "trustno1trustno1",
    "uybannhandan",
    "vietnam123456",
    "vietnamvietnam",
    "welcome12345",
    "zaq12wsxcde3",
];

/// Whether a password in small letters is one of them, one character over and over, or digits that
/// count up or down.
pub(super) fn is_common(small: &str) -> bool {
    let letters: Vec<char> = small.chars().collect();
    let steps = |by: u32, modulus: u32| {
        letters.windows(2).all(|pair| match pair {
            [one, next] => match (one.to_digit(10), next.to_digit(10)) {
                (Some(one), Some(next)) => (one + by) % modulus == next,
                _ => false,
            },
            _ => true,
        })
    };
    let is_one = letters
        .first()
        .is_some_and(|first| letters.iter().all(|one| one == first));
    is_one || steps(1, 10) || steps(9, 10) || COMMON.contains(&small)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_that_count_and_one_letter_over_and_over_are_common() {
        for common in [
            "123456789012",
            "987654321098",
            "000000000000",
            "zzzzzzzzzzzzzz",
        ] {
            assert!(is_common(common), "{common}");
        }
        for other in ["192837465564", "con trâu đi trước"] {
            assert!(!is_common(other), "{other}");
        }
    }

    #[test]
    fn the_list_has_what_the_rule_of_length_would_pass() {
        let min = super::super::password::MIN_CHARS;
        for common in COMMON {
            assert!(common.len() >= min, "{common}");
            assert_eq!(common, common.to_lowercase());
        }
    }
}
