//! Both databases, fresh for each test.

use std::path::Path;

use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{harness::provision, postgres};
use crate::db::{Db, DbSettings};

/// A database of a test's own; it goes when this is dropped.
pub struct Database {
    /// For messages.
    pub name: &'static str,
    pub settings: DbSettings,
    _guard: Guard,
}

enum Guard {
    Directory { _held: TempDir },
    Server { _held: postgres::Database },
}

impl Database {
    /// The SQLite file.
    fn file(&self) -> &Path {
        match &self.settings {
            DbSettings::Sqlite { path } => path,
            DbSettings::Postgres { .. } => Path::new("/nowhere"),
        }
    }
}

/// A fresh, migrated database of each kind.
pub async fn databases() -> [Database; 2] {
    [sqlite(), on_server(postgres::migrated().await)]
}

/// A database of each kind on which the application has started once.
pub async fn provisioned() -> [Database; 2] {
    static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();
    let template = TEMPLATE
        .get_or_init(async || {
            let database = sqlite();
            provision(&database.settings).await;
            std::fs::read(database.file()).expect("it was made")
        })
        .await;
    let copy = sqlite();
    std::fs::write(copy.file(), template).expect("the directory is ours");
    [copy, on_server(postgres::provisioned().await)]
}

/// A fresh database of each kind with nothing in it.
pub async fn empty_databases() -> [Database; 2] {
    [sqlite(), on_server(postgres::empty().await)]
}

/// A SQLite file that does not exist yet.
pub fn sqlite() -> Database {
    let directory = TempDir::new().expect("the system has a temporary directory");
    let settings = DbSettings::Sqlite {
        path: directory.path().join("data.sqlite"),
    };
    Database {
        name: "sqlite",
        settings,
        _guard: Guard::Directory { _held: directory },
    }
}

fn on_server(database: postgres::Database) -> Database {
    let settings = DbSettings::Postgres {
        url: database.url(),
        pool_size: 4,
    };
    Database {
        name: "postgresql",
        settings,
        _guard: Guard::Server { _held: database },
    }
}

/// Runs a test on SQLite, then on PostgreSQL.
pub async fn on_both(test: impl AsyncFn(Db)) {
    for database in databases().await {
        let db = Db::open(&database.settings).await.expect(database.name);
        test(db).await;
    }
}
