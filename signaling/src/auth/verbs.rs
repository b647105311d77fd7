//! Sets of verbs, as the scope of a token names them.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, Error as _};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::rights::Verb;

/// A set of verbs. In JSON a list of their names in the order of the table; as text the names with
/// spaces between them (RFC 8693 §4.2).
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub struct Verbs(u64);

const _: () = assert!(Verb::ALL.len() <= 64, "each verb has a bit");

const fn bit(verb: Verb) -> u64 {
    1 << verb as u32
}

/// A text that names no verb.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownVerb(String);

impl fmt::Display for UnknownVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a verb: there are", self.0)?;
        for (index, verb) in Verb::ALL.iter().enumerate() {
            let before = if index == 0 { " " } else { ", " };
            write!(f, "{before}{}", verb.as_str())?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownVerb {}

impl FromStr for Verb {
    type Err = UnknownVerb;

    fn from_str(text: &str) -> Result<Self, UnknownVerb> {
        let named = Self::ALL.iter().find(|verb| verb.as_str() == text);
        named
            .copied()
            .ok_or_else(|| UnknownVerb(text.chars().take(64).collect()))
    }
}

impl Verbs {
    /// Whether this one is among them.
    pub const fn contains(self, verb: Verb) -> bool {
        self.0 & bit(verb) != 0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Verb> {
        let all = Verb::ALL.iter().copied();
        all.filter(move |verb| self.contains(*verb))
    }
}

impl FromIterator<Verb> for Verbs {
    fn from_iter<I: IntoIterator<Item = Verb>>(verbs: I) -> Self {
        Self(verbs.into_iter().fold(0, |bits, verb| bits | bit(verb)))
    }
}

impl fmt::Debug for Verbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl fmt::Display for Verbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, verb) in self.iter().enumerate() {
            let before = if index == 0 { "" } else { " " };
            write!(f, "{before}{}", verb.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Verbs {
    type Err = UnknownVerb;

    fn from_str(text: &str) -> Result<Self, UnknownVerb> {
        text.split_ascii_whitespace().map(str::parse).collect()
    }
}

impl Serialize for Verbs {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Verbs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        let verbs = names.iter().map(|name| name.parse());
        verbs
            .collect::<Result<_, UnknownVerb>>()
            .map_err(D::Error::custom)
    }
}

/// As a token's claim: one text.
pub(super) mod text {
    use super::{Deserialize as _, Deserializer, Serializer, Verbs};
    use serde::de::Error as _;

    pub(in crate::auth) fn serialize<S: Serializer>(
        verbs: &Option<Verbs>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match verbs {
            Some(verbs) => to.collect_str(verbs),
            None => to.serialize_none(),
        }
    }

    /// A scope that is there and names nothing allows nothing.
    pub(in crate::auth) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Verbs>, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(Some).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_one_name_in_json_in_texts_and_in_sets() {
        for verb in Verb::ALL {
            assert_eq!(verb.as_str().parse(), Ok(*verb));
            assert_eq!(serde_json::to_value(verb).unwrap(), verb.as_str());
            let set = Verbs::from_iter([*verb]);
            let others = Verb::ALL.iter().filter(|other| set.contains(**other));
            assert_eq!(others.collect::<Vec<_>>(), [verb]);
        }
    }

    #[test]
    fn a_set_is_written_in_the_order_of_the_table_and_read_in_any() {
        let set: Verbs = "readBookings  joinx".parse().unwrap_or_default();
        assert!(set.is_empty());
        let set: Verbs = "readBookings readConference readBookings".parse().unwrap();
        assert_eq!(set.to_string(), "readConference readBookings");
        let json = serde_json::to_value(set).unwrap();
        assert_eq!(json, serde_json::json!(["readConference", "readBookings"]));
        assert_eq!(serde_json::from_value::<Verbs>(json).unwrap(), set);
    }

    #[test]
    fn whoever_names_no_verb_is_told_those_that_exist() {
        let told = "readBooking".parse::<Verbs>().unwrap_err().to_string();
        assert!(told.starts_with("\"readBooking\" is not a verb: there are readConference, "));
        for verb in Verb::ALL {
            assert!(told.contains(verb.as_str()), "{told}");
        }
    }
}
