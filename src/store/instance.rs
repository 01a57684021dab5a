//! Facts about this installation, by name.

use crate::{
    db::{Db, DbError, Statement},
    time::Timestamp,
};

/// The value that tells whether the key file belongs to this database.
pub const KEY_CHECK: &str = "key_check";
/// When the first start finished.
pub const INITIALIZED: &str = "initialized_at";
/// Since when uses of clients are recorded.
pub const TRACKED_SINCE: &str = "tracked_since";
/// Since when it is recorded how clients are used: by the hour and day, from where, for which scopes. Later than
/// [`TRACKED_SINCE`] where an older version ran before.
pub const USAGE_SINCE: &str = "usage_since";

/// Whether UserInfo takes tokens for any API unless the configuration says otherwise: where 0.1.0 made the installation.
pub const USERINFO_ANY_API: &str = "userinfo_any_api";

/// When the demonstration was begun, and when it was complete.
pub const DEMO_BEGUN: &str = "demo_begun_at";
pub const DEMO_COMPLETE: &str = "demo_complete_at";

/// A fact, if it is known.
pub async fn find(db: &Db, name: &str) -> Result<Option<String>, DbError> {
    let row = db
        .read_one("SELECT value FROM instance WHERE name = $1", vec![name.into()])
        .await?;
    row.map(|mut row| row.next()).transpose()
}

/// A fact that is a moment, if it is known.
pub async fn moment(db: &Db, name: &str) -> Result<Option<Timestamp>, DbError> {
    let text = find(db, name).await?;
    let read = |text: String| {
        Timestamp::parse(&text)
            .map_err(|_| DbError::Failed(format!("{name} of this installation is no moment")))
    };
    text.map(read).transpose()
}

/// Writes a fact down once; `expecting` fails the batch if it was known already.
pub fn add(name: &str, value: &str) -> Statement {
    Statement::new(
        "INSERT INTO instance (name, value) VALUES ($1, $2)",
        vec![name.into(), value.into()],
    )
}

/// Lets changes of who runs the instance wait for one another.
pub fn touch() -> Statement {
    Statement::new(
        "UPDATE instance SET value = value WHERE name = $1",
        vec![KEY_CHECK.into()],
    )
}

/// Corrects a fact that is known.
pub fn set(name: &str, value: &str) -> Statement {
    Statement::new(
        "UPDATE instance SET value = $1 WHERE name = $2",
        vec![value.into(), name.into()],
    )
}
