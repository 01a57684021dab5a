//! Why a statement was not carried out: whose fault it is decides what the caller hears.
//!
//! Invariant: no message holds the value of a parameter.

use std::{error, fmt};

/// A statement that could not be carried out. The text is for the log only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbError {
    /// The database cannot serve now: connection lost, pool exhausted, disk full, read-only, busy. Trying later helps.
    Unavailable(String),
    /// Our fault: wrong SQL, wrong type, a broken invariant. Trying later does not help.
    Failed(String),
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "the database is not available: {why}"),
            Self::Failed(why) => write!(f, "the database refused: {why}"),
        }
    }
}

impl error::Error for DbError {}

/// A batch that was not carried out; nothing of it remains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// A statement touched no row although it was [expecting](super::Statement::expecting) to: somebody was first.
    Unmet(&'static str),
    /// The row exists already. `columns` are the columns of the constraint, separated by a comma and a space.
    Unique { table: String, columns: String },
    /// A row refers to another that does not exist, or is still referred to.
    ForeignKey,
    /// Everything else.
    Db(DbError),
}

impl WriteError {
    /// Whether a unique constraint of `table` that covers `column` was violated.
    pub fn is_unique(&self, table: &str, column: &str) -> bool {
        match self {
            Self::Unique {
                table: violated,
                columns,
            } => violated == table && columns.split(", ").any(|one| one == column),
            _ => false,
        }
    }
}

impl From<DbError> for WriteError {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmet(name) => write!(f, "expectation not met: {name}"),
            Self::Unique { table, columns } => write!(f, "exists already in {table}: {columns}"),
            Self::ForeignKey => f.write_str("a row refers to another that does not exist, or is referred to"),
            Self::Db(error) => error.fmt(f),
        }
    }
}

impl error::Error for WriteError {}
