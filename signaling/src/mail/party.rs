//! Whom mail is from and to.

use std::str::FromStr;

use lettre::Address;
use lettre::message::Mailbox;

use crate::text;

/// Most characters of a name. Names of sites have fewer.
const MAX_NAME_CHARS: usize = 200;

/// Whom a mail is to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Party(Mailbox);

/// Whom mail is from, as it stands in the configuration: `Văn phòng <hop@example.vn>`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sender(Mailbox);

/// A text that is no address of mail.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is `{0}`, must be an address of mail such as `Văn phòng <hop@example.vn>`")]
pub struct PartyError(String);

impl Party {
    /// Somebody at an address.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(name: &str, address: &str) -> Result<Self, PartyError> {
        let address = parse(address)?;
        let name = Some(one_line(name)).filter(|name| !name.is_empty());
        Ok(Self(Mailbox::new(name, address)))
    }

    /// The address alone.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.0.email
    }

    pub(super) const fn mailbox(&self) -> &Mailbox {
        &self.0
    }
}

impl Sender {
    /// The address alone.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.0.email
    }

    /// The name beside it, or the address where there is none.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.0.name.clone();
        name.unwrap_or_else(|| self.address().to_string())
    }

    pub(super) const fn mailbox(&self) -> &Mailbox {
        &self.0
    }
}

impl FromStr for Sender {
    type Err = PartyError;

    fn from_str(written: &str) -> Result<Self, PartyError> {
        let (name, address) = match written.trim().strip_suffix('>') {
            Some(both) => both.rsplit_once('<').unwrap_or_default(),
            None => ("", written),
        };
        let name = name.trim().trim_matches('"');
        Party::new(name, address)
            .map(|party| Self(party.0))
            .map_err(|_| refused(written))
    }
}

fn parse(address: &str) -> Result<Address, PartyError> {
    let address = address.trim_matches(' ');
    // What would end a line is in no address; the parser is not relied on for that.
    if address.contains(text::misleads) || address.contains(char::is_whitespace) {
        return Err(refused(address));
    }
    address.parse().map_err(|_| refused(address))
}

fn refused(written: &str) -> PartyError {
    PartyError(written.chars().take(100).collect())
}

/// A text as one line: what ends lines, turns the direction of writing or cannot be seen becomes a space.
pub(super) fn one_line(text: &str) -> String {
    text::one_line(text, MAX_NAME_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_has_a_name_or_is_an_address_alone() {
        let named: Sender = "Văn phòng UBND <hop@example.vn>".parse().unwrap();
        assert_eq!(named.name(), "Văn phòng UBND");
        assert_eq!(named.address().to_string(), "hop@example.vn");
        let alone: Sender = "hop@example.vn".parse().unwrap();
        assert_eq!(alone.name(), "hop@example.vn");
        for wrong in [
            "",
            "hop",
            "<hop@example.vn",
            "a <b> c",
            "hop@example.vn, x@y.vn",
        ] {
            let refused = wrong.parse::<Sender>().unwrap_err().to_string();
            assert!(refused.contains(wrong), "{refused}");
        }
    }

    #[test]
    fn an_address_with_an_end_of_line_is_none() {
        for wrong in [
            "a@example.vn\r\nBcc: b@example.vn",
            "a@example.vn\nRCPT TO:<b@example.vn>",
            "a b@example.vn",
            "a@example.vn\u{2028}",
        ] {
            assert!(Party::new("x", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_name_is_one_line_whatever_it_holds() {
        assert_eq!(one_line("Xã\r\nBcc: x@y.vn"), "Xã Bcc: x@y.vn");
        assert_eq!(one_line("\u{202e} Xã  Ea\tKpam "), "Xã Ea Kpam");
        assert_eq!(one_line(&"x".repeat(500)).len(), MAX_NAME_CHARS);
    }
}
