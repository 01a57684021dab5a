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

    /// Joins insertions of one row each, all of the same text, into few of several rows. The parameters are exactly the
    /// values of the row, and no two rows have the same key. Only a handful of texts come of it, so that they stay
    /// prepared.
    pub fn join(single: Vec<Self>) -> Vec<Self> {
        const SIZES: [usize; 3] = [32, 8, 1];
        let Some(first) = single.first() else {
            return Vec::new();
        };
        let (sql, columns) = (first.sql.clone(), first.params.len());
        let parts = sql
            .split_once(" VALUES (")
            .and_then(|(head, rest)| Some((head, rest.split_once(')')?.1)));
        let Some((head, tail)) = parts else {
            return single;
        };
        let mut rows = single.into_iter();
        let mut joined = Vec::new();
        for size in SIZES {
            let text = of_rows(head, tail, size, columns);
            while rows.len() >= size {
                let params = rows.by_ref().take(size).flat_map(|row| row.params).collect();
                joined.push(Self::new(text.clone(), params));
            }
        }
        joined
    }

    /// The expectation that `done` disappoints, if any.
    pub(super) fn unmet(&self, done: &Done) -> Option<&'static str> {
        self.expected.filter(|_| done.rows == 0)
    }
}

fn of_rows(head: &str, tail: &str, rows: usize, columns: usize) -> String {
    let row = |at: usize| {
        let numbers: Vec<String> = (1..=columns).map(|n| format!("${}", at * columns + n)).collect();
        format!("({})", numbers.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!("{head} VALUES {}{tail}", rows.join(", "))
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
