//! What is kept as JSON, in one place: members that this version does not know are kept and written back, and what it
//! cannot read is refused. There is no default for stored text: a setting that is read as something else than was stored
//! opens what somebody closed.
//!
//! This file is the only one of `store/` that parses JSON; a test reads the others.

use std::ops::{Deref, DerefMut};

use serde::{Serialize, Serializer, de::DeserializeOwned};
use serde_json::{Map, Value as Json};

use crate::db::DbError;

/// An object at rest: what this version knows of it, and the members that a newer version put there. It serializes
/// without these; only [`text`](Self::text) has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document<T> {
    known: T,
    rest: Map<String, Json>,
}

impl<T: Serialize + DeserializeOwned> Document<T> {
    /// Reads stored text. A member that is not there, one that is `null` and one with a value are three things; what they
    /// mean is for `T` to say.
    ///
    /// # Errors
    /// When it is no object, or a member that this version knows holds what it cannot read.
    pub fn read(text: &str) -> Result<Self, DbError> {
        let Json::Object(stored) = value(text)? else {
            return Err(unreadable::<T>("it is no object"));
        };
        let known = T::deserialize(&Json::Object(stored.clone())).map_err(|_| {
            // The error of the parser may hold what was stored.
            unreadable::<T>("a member holds what this version does not know")
        })?;
        let rest = match serde_json::to_value(&known) {
            Ok(Json::Object(read)) => remainder(stored, &read),
            _ => return Err(unreadable::<T>("it is no object")),
        };
        Ok(Self { known, rest })
    }

    /// Reads stored text that decides nothing but how things look: what cannot be read is as if it was never set, and
    /// is logged.
    pub fn read_or_default(text: &str) -> Self
    where
        T: Default,
    {
        Self::read(text).unwrap_or_else(|error| {
            tracing::error!(%error, "a stored document is replaced by its defaults");
            T::default().into()
        })
    }

    /// The text to store.
    pub fn text(&self) -> String {
        let mut out = match serde_json::to_value(&self.known) {
            Ok(Json::Object(members)) => members,
            _ => Map::new(),
        };
        merge(&mut out, &self.rest);
        Json::Object(out).to_string()
    }

    /// The same document with other content: what this version does not know stays.
    pub fn with(&self, known: T) -> Self {
        Self {
            known,
            rest: self.rest.clone(),
        }
    }
}

impl<T> From<T> for Document<T> {
    fn from(known: T) -> Self {
        Self {
            known,
            rest: Map::new(),
        }
    }
}

impl<T> Deref for Document<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.known
    }
}

impl<T> DerefMut for Document<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.known
    }
}

/// What this version knows, alone: nobody is told what nobody here understands.
impl<T: Serialize> Serialize for Document<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.known.serialize(serializer)
    }
}

/// Any JSON at rest.
///
/// # Errors
/// When it is none.
pub fn value(text: &str) -> Result<Json, DbError> {
    serde_json::from_str(text).map_err(|_| unreadable::<Json>("it is not JSON"))
}

/// A list at rest, of which every member must be known.
///
/// # Errors
/// When it is something else.
pub fn list<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, DbError> {
    serde_json::from_str(text).map_err(|_| unreadable::<T>("it is no such list"))
}

/// The text of a list.
pub fn list_text<T: Serialize>(items: &[T]) -> String {
    serde_json::to_string(items).unwrap_or_else(|_| "[]".to_owned())
}

/// Says the type only: what is stored may be somebody's address.
fn unreadable<T>(why: &str) -> DbError {
    DbError::Failed(format!(
        "what is stored as {} cannot be read: {why}",
        std::any::type_name::<T>()
    ))
}

/// The members of `stored` that are not in `known`, at every depth.
fn remainder(stored: Map<String, Json>, known: &Map<String, Json>) -> Map<String, Json> {
    let mut rest = Map::new();
    for (name, value) in stored {
        match (value, known.get(&name)) {
            (value, None) => {
                rest.insert(name, value);
            }
            (Json::Object(inner), Some(Json::Object(known))) => {
                let inner = remainder(inner, known);
                if !inner.is_empty() {
                    rest.insert(name, Json::Object(inner));
                }
            }
            _ => {}
        }
    }
    rest
}

/// Adds what is not there yet, at every depth.
fn merge(out: &mut Map<String, Json>, rest: &Map<String, Json>) {
    for (name, value) in rest {
        match (out.get_mut(name), value) {
            (None, value) => {
                out.insert(name.clone(), value.clone());
            }
            (Some(Json::Object(inner)), Json::Object(rest)) => merge(inner, rest),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct Known {
        demanded: bool,
        days: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        inner: Option<Inner>,
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct Inner {
        a: i64,
    }

    #[test]
    fn fx_07_members_from_the_future_are_kept_at_every_depth_and_written_back() {
        let stored = r#"{"future":{"x":[1]},"demanded":true,"inner":{"a":1,"b":2}}"#;
        let document: Document<Known> = Document::read(stored).expect("read");
        assert!(document.demanded);
        assert_eq!(document.days, None);
        let after = document.with(Known {
            days: Some(3),
            ..(*document).clone()
        });
        assert_eq!(
            value(&after.text()).expect("JSON"),
            serde_json::json!({
                "future": { "x": [1] }, "demanded": true, "days": 3, "inner": { "a": 1, "b": 2 },
            })
        );
        assert_eq!(
            serde_json::to_value(&after).expect("JSON"),
            serde_json::json!({ "demanded": true, "days": 3, "inner": { "a": 1 } }),
            "nobody is told of them"
        );
    }

    #[test]
    fn fx_07_what_cannot_be_read_is_refused_without_saying_what_it_was() {
        for stored in [
            "",
            "{",
            "[]",
            "null",
            "7",
            r#"{"demanded":"always"}"#,
            r#"{"days":"x"}"#,
        ] {
            let refused = Document::<Known>::read(stored).expect_err(stored);
            assert!(!refused.to_string().contains("always"), "{refused}");
        }
        assert_eq!(*Document::<Known>::read_or_default("{"), Known::default());
        assert!(list::<i64>("[1,").is_err());
        assert!(list::<i64>(r#"[1,"x"]"#).is_err());
    }
}
