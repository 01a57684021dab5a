//! A write as data: statements in a list, sent in one go and executed in one transaction.
//!
//! Invariant: a batch holds everything the transaction needs. It waits for nobody while it runs, so it can be
//! grouped with others (SQLite) or tried again (PostgreSQL).

use std::borrow::Cow;

use super::{Row, Value};

/// One statement with its parameters, `params[0]` for `$1`.
#[derive(Clone, Debug)]
pub struct Statement {
    pub(super) sql: Cow<'static, str>,
    pub(super) params: Vec<Value>,
    pub(super) expected: Option<&'static str>,
}

impl Statement {
    /// A statement that may touch any number of rows.
    pub fn new(sql: impl Into<Cow<'static, str>>, params: Vec<Value>) -> Self {
        Self {
            sql: sql.into(),
            params,
            expected: None,
        }
    }

    /// The same, but at least one row must be affected or returned. If none is, the whole transaction rolls back
    /// with [`WriteError::Unmet`](super::WriteError::Unmet) and `name`.
    #[must_use]
    pub fn expecting(mut self, name: &'static str) -> Self {
        self.expected = Some(name);
        self
    }

    /// The expectation that `done` disappoints, if any.
    pub(super) fn unmet(&self, done: &Done) -> Option<&'static str> {
        self.expected.filter(|_| done.rows == 0)
    }
}

/// The statements of one transaction, in order.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(super) statements: Vec<Statement>,
}

impl Batch {
    /// Adds a statement at the end.
    pub fn push(&mut self, statement: Statement) {
        self.statements.push(statement);
    }

    /// Adds all statements of another batch at the end.
    pub fn append(&mut self, mut other: Self) {
        self.statements.append(&mut other.statements);
    }

    /// How many statements there are.
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// The SQL of each statement.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().map(|statement| statement.sql.as_ref())
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }
}

impl FromIterator<Statement> for Batch {
    fn from_iter<I: IntoIterator<Item = Statement>>(statements: I) -> Self {
        Self {
            statements: statements.into_iter().collect(),
        }
    }
}

impl From<Statement> for Batch {
    fn from(statement: Statement) -> Self {
        Self {
            statements: vec![statement],
        }
    }
}

/// What one statement did.
#[derive(Clone, Debug)]
pub struct Done {
    /// Rows affected, or returned if the statement returns rows.
    pub rows: u64,
    /// The rows of `RETURNING` or `SELECT`, in the order of the database.
    pub returned: Vec<Row>,
}
