//! Codes that are good once: for whoever comes for the first time, or has forgotten the password.

use jiff::SignedDuration;

use super::LoginName;
use crate::auth::LinkCode;

/// How long the code for an account is good. Higher: one that got lost is good for longer.
pub(crate) const WELCOME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long the code for the first administrator is good: each start of the server makes another one.
pub(crate) const FIRST_WELCOME: SignedDuration = SignedDuration::from_hours(24);

/// Where a code is good, and for whom: nobody remembers a login that they have never read. Both stand in the
/// fragment, which browsers send to no server.
pub(crate) fn welcome_url(base_url: &str, code: &LinkCode, login: Option<&LoginName>) -> String {
    let code = code.reveal();
    match login {
        Some(login) => format!("{base_url}/office#welcome={code}&login={login}"),
        None => format!("{base_url}/office#welcome={code}"),
    }
}
