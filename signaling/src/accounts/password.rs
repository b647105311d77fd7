//! Passwords: what is asked of one, and none of what only makes people write them down.

use std::fmt;

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

use super::account::LoginName;
use super::common_passwords::is_common;

/// Fewest characters.
pub(super) const MIN_CHARS: usize = 12;

/// Most characters. Higher: hashing one costs more than its memory.
const MAX_CHARS: usize = 256;

/// A password as somebody has written it. It is shown nowhere.
#[derive(Clone, Deserialize, Eq, PartialEq, utoipa::ToSchema)]
#[serde(from = "String")]
#[schema(value_type = String, format = Password, max_length = 256)]
pub struct Password(String);

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WeakPassword {
    /// Too short.
    #[error("the password has fewer than {MIN_CHARS} characters: four words make a good one")]
    Short,
    /// Too long.
    #[error("the password has more than {MAX_CHARS} characters")]
    Long,
    /// Others have had it.
    #[error("this is one of the passwords that are tried first: take another one")]
    Common,
    /// It says who has it.
    #[error("the password is, or repeats, the name to log in with: take another one")]
    Login,
}

impl Password {
    /// What is hashed.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether it may be one of this login.
    ///
    /// # Errors
    /// When it could be guessed.
    pub fn check(&self, login: &LoginName) -> Result<(), WeakPassword> {
        let chars = self.0.chars().count();
        if chars < MIN_CHARS {
            return Err(WeakPassword::Short);
        }
        if chars > MAX_CHARS {
            return Err(WeakPassword::Long);
        }
        let small = self.0.to_lowercase();
        if small.replace(&login.key(), "").is_empty() {
            return Err(WeakPassword::Login);
        }
        if is_common(&small) {
            return Err(WeakPassword::Common);
        }
        Ok(())
    }

    /// Whether it is so long that it cannot be anybody's.
    pub(super) fn is_beyond(&self) -> bool {
        self.0.len() > MAX_CHARS * char::MAX.len_utf8()
    }
}

impl From<String> for Password {
    /// Keyboards write one letter in several ways (NFC, NFD).
    fn from(text: String) -> Self {
        // What is refused for its length is not gone through.
        if text.len() > MAX_CHARS * char::MAX.len_utf8() {
            return Self(text);
        }
        Self(text.nfc().collect())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(password: &str) -> Result<(), WeakPassword> {
        let login = "an.nguyen".parse().unwrap();
        Password::from(password.to_owned()).check(&login)
    }

    #[test]
    fn a_password_is_long_and_not_one_that_everybody_tries_and_nothing_else_is_asked() {
        assert_eq!(judge("mười một c"), Err(WeakPassword::Short));
        assert_eq!(judge(&"x y".repeat(100)), Err(WeakPassword::Long));
        for common in [
            "Password1234",
            "123456789012",
            "matkhau123456",
            "aaaaaaaaaaaa",
        ] {
            assert_eq!(judge(common), Err(WeakPassword::Common), "{common}");
        }
        assert_eq!(judge("An.NguyenAn.Nguyen"), Err(WeakPassword::Login));
        for good in ["con trâu đi trước", "all small letters", "dinhlang2026x"] {
            assert_eq!(judge(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_letter_is_the_same_however_a_keyboard_writes_it() {
        let [one, other] = ["ma\u{302}\u{323}t kha\u{302}\u{309}u", "mật khẩu"];
        assert_eq!(
            Password::from(one.to_owned()),
            Password::from(other.to_owned())
        );
    }

    #[test]
    fn a_password_does_not_show_in_debug_output() {
        let password = Password::from("con trâu đi trước".to_owned());
        assert_eq!(format!("{password:?}"), "Password(…)");
    }
}
