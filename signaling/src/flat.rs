//! Enums of enums whose JSON is flat: one field says which variant of which subject it is, and
//! nothing in it says that there are subjects. It is read once.
//!
//! What follows that field goes straight to the subject; what stands before it is kept until then,
//! which is little: it stands first on the wire, and in the store the fields are in the order of
//! their names.

use std::marker::PhantomData;
use std::vec;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Makes the enums of all subjects one, which is written and read as they are by themselves.
macro_rules! by_subject {
    (
        $(#[$about:meta])*
        $visible:vis enum $name:ident by $tag:literal {
            $($(#[$of:meta])* $subject:ident($one:ty),)*
        }
    ) => {
        $(#[$about])*
        #[derive(serde::Serialize)]
        #[serde(untagged)]
        $visible enum $name {
            $($(#[$of])* $subject($one),)*
        }

        impl $name {
            #[doc = concat!("The `", $tag, "` in its JSON.")]
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$subject(one) => one.into(),)*
                }
            }

            #[doc = concat!("Every `", $tag, "` there is.")]
            pub fn kinds() -> impl Iterator<Item = &'static str> {
                let kinds = [$(<$one as strum::VariantNames>::VARIANTS,)*];
                kinds.into_iter().flatten().copied()
            }
        }

        impl<'de> $crate::flat::Flat<'de> for $name {
            const TAG: &'static str = $tag;

            fn kinds() -> impl Iterator<Item = &'static str> {
                Self::kinds()
            }

            fn of_kind<A>(kind: &str, fields: $crate::flat::Fields<A>) -> Result<Self, A::Error>
            where
                A: serde::de::MapAccess<'de>,
            {
                $(if <$one as strum::VariantNames>::VARIANTS.contains(&kind) {
                    return fields.read_all::<$one>().map(Self::$subject);
                })*
                Err($crate::flat::unknown::<Self, A::Error>(kind))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D>(from: D) -> Result<Self, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                $crate::flat::deserialize(from)
            }
        }

        $(impl From<$one> for $name {
            fn from(one: $one) -> Self {
                Self::$subject(one)
            }
        })*
    };
}
pub(crate) use by_subject;

/// What [`by_subject`] makes.
pub(crate) trait Flat<'de>: Sized {
    /// The field that says which it is.
    const TAG: &'static str;

    /// Every kind there is.
    fn kinds() -> impl Iterator<Item = &'static str>;

    /// The one of this kind with these fields.
    fn of_kind<A: MapAccess<'de>>(kind: &str, fields: Fields<A>) -> Result<Self, A::Error>;
}

/// Reads an object into what its kind says that it is.
pub(crate) fn deserialize<'de, T: Flat<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    from.deserialize_map(Whole(PhantomData))
}

/// There is none of this kind.
pub(crate) fn unknown<'de, T: Flat<'de>, E: Error>(kind: &str) -> E {
    let known: Vec<_> = T::kinds().map(|known| format!("`{known}`")).collect();
    let known = known.join(", ");
    E::custom(format_args!(
        "there is no {} {kind:?}, expected one of {known}",
        T::TAG
    ))
}

/// The fields of an object as they were written, but what says its kind first.
pub(crate) struct Fields<A> {
    tag: &'static str,
    /// Until it was given away.
    kind: Option<&'static str>,
    /// What stood before it.
    before: vec::IntoIter<(String, Value)>,
    /// Of the name that was given away last, if it stood before the kind.
    value: Option<Value>,
    after: A,
}

impl<'de, A: MapAccess<'de>> Fields<A> {
    /// Reads as far as the kind.
    fn of<T: Flat<'de>>(mut fields: A) -> Result<(&'static str, Self), A::Error> {
        let mut before = Vec::new();
        while let Some(name) = fields.next_key::<String>()? {
            if name != T::TAG {
                before.push((name, fields.next_value()?));
                continue;
            }
            let kind = fields.next_value_seed(Kind(PhantomData::<T>))?;
            let whole = Self {
                tag: T::TAG,
                kind: Some(kind),
                before: before.into_iter(),
                value: None,
                after: fields,
            };
            return Ok((kind, whole));
        }
        Err(A::Error::missing_field(T::TAG))
    }

    /// What these are the fields of.
    pub(crate) fn read_all<T: Deserialize<'de>>(self) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(self))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<A> {
    type Error = A::Error;

    fn next_key_seed<K>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error>
    where
        K: DeserializeSeed<'de>,
    {
        if self.kind.is_some() {
            return seed.deserialize(self.tag.into_deserializer()).map(Some);
        }
        if let Some((name, value)) = self.before.next() {
            self.value = Some(value);
            return seed.deserialize(name.into_deserializer()).map(Some);
        }
        self.after.next_key_seed(seed)
    }

    fn next_value_seed<V>(&mut self, seed: V) -> Result<V::Value, A::Error>
    where
        V: DeserializeSeed<'de>,
    {
        if let Some(kind) = self.kind.take() {
            return seed.deserialize(kind.into_deserializer());
        }
        if let Some(value) = self.value.take() {
            return seed.deserialize(value).map_err(A::Error::custom);
        }
        self.after.next_value_seed(seed)
    }
}

/// One of the kinds that there are.
struct Kind<T>(PhantomData<T>);

impl<'de, T: Flat<'de>> DeserializeSeed<'de> for Kind<T> {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de, T: Flat<'de>> Visitor<'de> for Kind<T> {
    type Value = &'static str;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a text for `{}`", T::TAG)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let known = T::kinds().find(|known| *known == text);
        known.ok_or_else(|| unknown::<T, E>(text))
    }
}

struct Whole<T>(PhantomData<T>);

impl<'de, T: Flat<'de>> Visitor<'de> for Whole<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "an object with `{}`", T::TAG)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        let (kind, fields) = Fields::of::<T>(fields)?;
        T::of_kind(kind, fields)
    }
}

#[cfg(test)]
mod tests {
    use crate::conference::{By, Event, PhaseEvent};

    fn read(json: &str) -> Result<Event, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn the_kind_may_stand_anywhere() {
        let created = Event::Phase(PhaseEvent::Created {
            title: "Giao ban".to_owned(),
            starts_at: None,
            by: By::Subject("portal".to_owned()),
        });
        for json in [
            r#"{"kind":"created","title":"Giao ban","startsAt":null,"by":{"subject":"portal"}}"#,
            r#"{"by":{"subject":"portal"},"kind":"created","startsAt":null,"title":"Giao ban"}"#,
            r#"{"by":{"subject":"portal"},"startsAt":null,"title":"Giao ban","kind":"created"}"#,
        ] {
            assert_eq!(read(json), Ok(created.clone()), "{json}");
        }
    }

    #[test]
    fn what_is_none_of_them_is_refused_by_what_is_wrong_with_it() {
        for (json, wrong) in [
            (r#"{"by":"system"}"#, "missing field `kind`"),
            (r#"{"kind":"begun","by":"system"}"#, r#"no kind "begun""#),
            (r#"{"kind":1,"by":"system"}"#, "expected a text for `kind`"),
            (r#"{"kind":"started"}"#, "missing field `by`"),
            (
                r#"{"kind":"started","by":"system","kind":"ended"}"#,
                "duplicate field `kind`",
            ),
            (r#"{"by":1,"kind":"started"}"#, "integer `1`"),
            ("[]", "expected an object with `kind`"),
        ] {
            let refused = read(json).unwrap_err();
            assert!(refused.contains(wrong), "{json}: {refused}");
        }
    }
}
