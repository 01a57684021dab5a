//! What goes into a statement and what comes out of a row, alike on both databases.
//!
//! Invariant: a value has one of the five kinds that both databases store; nothing is converted silently, except
//! that SQLite keeps booleans as 0 and 1.

use std::{fmt, vec};

use super::DbError;
use crate::time::Timestamp;

/// A parameter of a statement, or a cell of a row.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Text(String),
    Int(i64),
    Bool(bool),
    Bytes(Vec<u8>),
}

impl Value {
    /// What kind of value this is, for messages.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text(_) => "text",
            Self::Int(_) => "an integer",
            Self::Bool(_) => "a boolean",
            Self::Bytes(_) => "bytes",
        }
    }
}

/// Says the kind only: a value may be a secret's digest or a person's name, and neither belongs in a log.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Int(time.millis())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A type that a cell can be read as.
pub trait FromValue: Sized {
    /// The value as `Self`.
    ///
    /// # Errors
    /// The value itself, when it is of another kind.
    fn from_value(value: Value) -> Result<Self, Value>;
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(other),
        }
    }
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Int(number) => Ok(number),
            other => Err(other),
        }
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Bool(truth) => Ok(truth),
            Value::Int(0) => Ok(false),
            Value::Int(1) => Ok(true),
            other => Err(other),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Bytes(bytes) => Ok(bytes),
            other => Err(other),
        }
    }
}

impl FromValue for Timestamp {
    fn from_value(value: Value) -> Result<Self, Value> {
        i64::from_value(value).map(Self::from_millis)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Null => Ok(None),
            some => T::from_value(some).map(Some),
        }
    }
}

/// A row of an answer. Its cells are taken from left to right, so a reader names the columns in the order in which
/// the statement does.
#[derive(Clone, Debug)]
pub struct Row {
    cells: vec::IntoIter<Value>,
    taken: usize,
}

impl Row {
    pub(super) fn new(cells: Vec<Value>) -> Self {
        Self {
            cells: cells.into_iter(),
            taken: 0,
        }
    }

    /// The next cell.
    ///
    /// # Errors
    /// [`DbError::Failed`] if the row has no cell left, or the cell is of another kind, or is null and `T` is not
    /// an `Option`.
    #[expect(
        clippy::should_implement_trait,
        reason = "each cell has a type of its own, which an Iterator cannot say"
    )]
    pub fn next<T: FromValue>(&mut self) -> Result<T, DbError> {
        self.taken += 1;
        let column = self.taken;
        let cell = self
            .cells
            .next()
            .ok_or_else(|| DbError::Failed(format!("the row has no column {column}")))?;
        T::from_value(cell).map_err(|found| {
            let wanted = std::any::type_name::<T>();
            DbError::Failed(format!("column {column} is {}, not {wanted}", found.kind()))
        })
    }

    /// The next cell as a word of a closed vocabulary. A word that this version does not know is refused: whatever stands
    /// in its place would be a guess.
    ///
    /// # Errors
    /// As [`next`](Self::next), and when `parse` does not know the word.
    pub fn word<T>(&mut self, parse: fn(&str) -> Option<T>) -> Result<T, DbError> {
        let text: String = self.next()?;
        parse(&text).ok_or_else(|| self.unknown_word::<T>())
    }

    /// The next cell as a word, if there is one.
    ///
    /// # Errors
    /// As [`word`](Self::word).
    pub fn optional_word<T>(&mut self, parse: fn(&str) -> Option<T>) -> Result<Option<T>, DbError> {
        let text: Option<String> = self.next()?;
        text.map(|text| parse(&text).ok_or_else(|| self.unknown_word::<T>()))
            .transpose()
    }

    /// The next cell as words with white space between, of which each must be known.
    ///
    /// # Errors
    /// As [`word`](Self::word).
    pub fn words<T>(&mut self, parse: fn(&str) -> Option<T>) -> Result<Vec<T>, DbError> {
        let text: String = self.next()?;
        text.split_whitespace()
            .map(|word| parse(word).ok_or_else(|| self.unknown_word::<T>()))
            .collect()
    }

    fn unknown_word<T>(&self) -> DbError {
        DbError::Failed(format!(
            "column {} holds a word that this version does not know, where it expects {}",
            self.taken,
            std::any::type_name::<T>()
        ))
    }
}
