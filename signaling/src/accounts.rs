//! People who log in: their accounts, passwords and logins, and what they have done.

mod account;
mod act;
mod common_passwords;
mod cookie;
mod hasher;
mod login;
mod own_origin;
mod password;
mod welcome;

pub(crate) use account::subject;
pub use account::{Account, AccountError, AccountRole, Details, LoginName};
pub use act::Act;
pub(crate) use cookie::{LoginCookie, cookies};
pub use hasher::Hasher;
pub use login::{KeptLogin, LoginTimes, NewLogin};
pub(crate) use own_origin::is_own_origin;
pub use password::{Password, WeakPassword};
pub(crate) use welcome::{FIRST_WELCOME, WELCOME, welcome_url};
