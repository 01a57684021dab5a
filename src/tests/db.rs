//! What the façade promises, on both databases.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use super::{
    databases::{Database, empty_databases, on_both, sqlite},
    postgres,
};
use crate::{
    db::{
        Batch, Db, DbError, DbSettings, Statement, Value, WriteError,
        migrate::{MIGRATIONS, Migration},
    },
    time::Timestamp,
};

const PEOPLE: &str = "CREATE TABLE people (id BIGINT PRIMARY KEY, handle TEXT NOT NULL, handle_folded TEXT NOT NULL, \
     team BIGINT NOT NULL, UNIQUE (team, handle_folded))";
const PETS: &str =
    "CREATE TABLE pets (id BIGINT PRIMARY KEY, person BIGINT REFERENCES people (id) ON DELETE RESTRICT)";
const ADD_PERSON: &str = "INSERT INTO people (id, handle, handle_folded, team) VALUES ($1, $2, $3, 1)";
const ADD_PET: &str = "INSERT INTO pets (id, person) VALUES ($1, $2)";
const COUNT_PEOPLE: &str = "SELECT count(*) FROM people";

fn one(sql: &'static str, params: Vec<Value>) -> Batch {
    Statement::new(sql, params).into()
}

fn person(id: i64, handle: &str) -> Statement {
    Statement::new(
        ADD_PERSON,
        vec![id.into(), handle.into(), handle.to_lowercase().into()],
    )
}

async fn with_tables(db: &Db) {
    let tables = [PEOPLE, PETS].map(|sql| Statement::new(sql, Vec::new()));
    db.write(tables.into_iter().collect())
        .await
        .expect("the tables are made");
}

async fn number(db: &Db, sql: &'static str) -> i64 {
    let row = db.read_one(sql, Vec::new()).await.expect(sql);
    row.expect("an aggregate gives a row")
        .next()
        .expect("it is a number")
}

#[tokio::test]
async fn parameters_are_bound_by_the_number_they_say() {
    on_both(async |db| {
        with_tables(&db).await;
        let swapped =
            "INSERT INTO people (handle_folded, handle, id, team) VALUES ($3, $2, $1, $1) RETURNING handle";
        let params = vec![1.into(), "Ada".into(), "ada".into()];
        let done = db.write(one(swapped, params)).await.expect("it is inserted");
        assert_eq!(done[0].returned[0].clone().next::<String>(), Ok("Ada".to_owned()));
        let by_both = "SELECT id FROM people WHERE handle_folded = $2 AND team = $1 AND id = $1";
        let row = db
            .read_one(by_both, vec![1.into(), "ada".into()])
            .await
            .expect("it is read");
        assert_eq!(row.expect("she is there").next(), Ok(1_i64));
        for wrong in [Vec::new(), vec![1.into(), "ada".into(), "more".into()]] {
            let error = db.read(by_both, wrong).await.expect_err("the count differs");
            assert!(matches!(error, DbError::Failed(_)), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_type_comes_back_as_it_went() {
    on_both(async |db| {
        db.write(one(
            "CREATE TABLE kinds (t TEXT, i BIGINT, b BOOLEAN, y BYTEA, at BIGINT)",
            Vec::new(),
        ))
        .await
        .expect("the table is made");
        let sql = "INSERT INTO kinds (t, i, b, y, at) VALUES ($1, $2, $3, $4, $5)";
        let at = Timestamp::from_millis(1_795_000_000_123);
        let full = vec![
            "Zoë ✓".into(),
            i64::MIN.into(),
            true.into(),
            [0_u8, 255].into(),
            at.into(),
        ];
        let null = vec![
            None::<String>.into(),
            Value::Null,
            None::<bool>.into(),
            Value::Null,
            Value::Null,
        ];
        db.write(
            [full, null]
                .map(|params| Statement::new(sql, params))
                .into_iter()
                .collect(),
        )
        .await
        .expect("both rows go in");
        let rows = db
            .read(
                "SELECT t, i, b, y, at FROM kinds ORDER BY i NULLS LAST",
                Vec::new(),
            )
            .await;
        let [mut full, mut null]: [_; 2] = rows.expect("they are read").try_into().expect("there are two");
        assert_eq!(full.next(), Ok("Zoë ✓".to_owned()));
        assert_eq!(full.next(), Ok(i64::MIN));
        assert_eq!(full.next(), Ok(true));
        assert_eq!(full.next(), Ok(vec![0_u8, 255]));
        assert_eq!(full.next(), Ok(Some(at)));
        assert!(
            matches!(full.next::<i64>(), Err(DbError::Failed(_))),
            "no column is left"
        );
        assert_eq!(null.next::<Option<String>>(), Ok(None));
        assert_eq!(null.next::<Option<i64>>(), Ok(None));
        assert_eq!(null.next::<Option<bool>>(), Ok(None));
        assert_eq!(null.next::<Option<Vec<u8>>>(), Ok(None));
        assert!(
            matches!(null.next::<Timestamp>(), Err(DbError::Failed(_))),
            "null is not a time"
        );
    })
    .await;
}

#[tokio::test]
async fn a_text_with_nul_is_refused_and_like_tells_cases_apart() {
    on_both(async |db| {
        let error = db
            .read("SELECT name FROM instance WHERE name = $1", vec!["a\0".into()])
            .await;
        assert!(matches!(error, Err(DbError::Failed(_))));
        let like = "SELECT CAST('Ada' LIKE 'a%' AS BIGINT), CAST('Ada' LIKE 'A%' AS BIGINT)";
        let like = if db.kind() == "sqlite" {
            like
        } else {
            "SELECT 'Ada' LIKE 'a%', 'Ada' LIKE 'A%'"
        };
        let mut row = db
            .read_one(like, Vec::new())
            .await
            .expect("it is read")
            .expect("a row");
        assert_eq!((row.next(), row.next()), (Ok(false), Ok(true)));
    })
    .await;
}

#[tokio::test]
async fn returning_and_rows_say_what_was_done() {
    on_both(async |db| {
        with_tables(&db).await;
        let mut batch: Batch = (1..=3).map(|id| person(id, &format!("p{id}"))).collect();
        let mut rest = Batch::default();
        rest.push(Statement::new(
            "UPDATE people SET team = $1 WHERE id > $2",
            vec![2.into(), 1.into()],
        ));
        rest.push(Statement::new(
            "DELETE FROM people WHERE team = $1 RETURNING id, handle",
            vec![2.into()],
        ));
        rest.push(Statement::new("SELECT id FROM people", Vec::new()));
        batch.append(rest);
        assert_eq!((batch.len(), batch.is_empty()), (6, false));
        let done = db.write(batch).await.expect("all of it is done");
        assert_eq!(
            done.iter().map(|d| d.rows).collect::<Vec<_>>(),
            [1, 1, 1, 2, 2, 1]
        );
        assert_eq!(
            done.iter().map(|d| d.returned.len()).collect::<Vec<_>>(),
            [0, 0, 0, 0, 2, 1]
        );
    })
    .await;
}

#[tokio::test]
async fn an_unmet_expectation_takes_the_whole_batch_back() {
    on_both(async |db| {
        with_tables(&db).await;
        let nobody = || Statement::new("UPDATE people SET team = 9 WHERE id = $1", vec![77.into()]);
        let batch = [person(1, "a"), nobody().expecting("nobody"), person(1, "twice")];
        let error = db
            .write(batch.into_iter().collect())
            .await
            .expect_err("nobody is there");
        assert_eq!(error, WriteError::Unmet("nobody"));
        assert_eq!(number(&db, COUNT_PEOPLE).await, 0);
        let alone = db
            .write(nobody().expecting("alone").into())
            .await
            .expect_err("nobody is there");
        assert_eq!(alone, WriteError::Unmet("alone"));
        let met = [person(1, "a").expecting("one"), nobody()];
        db.write(met.into_iter().collect())
            .await
            .expect("one is inserted");
    })
    .await;
}

#[tokio::test]
async fn constraints_are_named_alike() {
    on_both(async |db| {
        with_tables(&db).await;
        db.write(person(1, "Ada)=(x").into()).await.expect("she is first");
        let same = db
            .write(person(2, "ADA)=(X").into())
            .await
            .expect_err("the handle is taken");
        assert!(
            same.is_unique("people", "handle_folded") && same.is_unique("people", "team"),
            "{same}"
        );
        assert!(!same.is_unique("people", "id") && !same.is_unique("pets", "team"));
        let same = db
            .write([person(3, "b"), person(1, "c")].into_iter().collect())
            .await
            .expect_err("the id");
        assert_eq!(
            same,
            WriteError::Unique {
                table: "people".to_owned(),
                columns: "id".to_owned()
            }
        );
        let orphan = Statement::new(ADD_PET, vec![1.into(), 99.into()]);
        assert_eq!(
            db.write(orphan.into()).await.expect_err("no such person"),
            WriteError::ForeignKey
        );
        db.write(one(ADD_PET, vec![1.into(), 1.into()]))
            .await
            .expect("she has a pet");
        let owner = db
            .write(one("DELETE FROM people WHERE id = $1", vec![1.into()]))
            .await;
        assert_eq!(owner.expect_err("she is referred to"), WriteError::ForeignKey);
        let null = db
            .write(one(ADD_PERSON, vec![4.into(), Value::Null, "d".into()]))
            .await;
        assert!(matches!(null, Err(WriteError::Db(DbError::Failed(_)))));
        assert_eq!(number(&db, COUNT_PEOPLE).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_batches_do_not_disturb_those_committed_with_them() {
    on_both(async |db| {
        with_tables(&db).await;
        let tasks: Vec<_> = (0..50_i64)
            .map(|task| tokio::spawn(ten_writes(db.clone(), task)))
            .collect();
        for task in tasks {
            task.await.expect("no task panics");
        }
        // Every fifth batch fails at its second statement.
        assert_eq!(number(&db, COUNT_PEOPLE).await, 800);
        assert_eq!(
            number(&db, "SELECT count(*) FROM people WHERE id % 10 = 5").await,
            0
        );
    })
    .await;
}

async fn ten_writes(db: Db, task: i64) {
    for turn in 0..10 {
        let id = (task * 10 + turn) * 2 + 1;
        let failing = turn % 5 == 2; // id % 10 == 5
        let second = if failing {
            person(id, "again")
        } else {
            person(id + 1, &format!("second {id}"))
        };
        let outcome = db
            .write([person(id, &format!("first {id}")), second].into_iter().collect())
            .await;
        assert_eq!(outcome.is_err(), failing);
        let seen = db
            .read_one("SELECT id FROM people WHERE id = $1", vec![id.into()])
            .await
            .expect("it is read");
        assert_eq!(seen.is_none(), failing, "a read sees what was acknowledged");
    }
}

#[tokio::test]
async fn statements_are_counted() {
    on_both(async |db| {
        let before = db.statements();
        let add = "INSERT INTO instance (name, value) VALUES ($1, $2)";
        let batch = ["a", "b"].map(|name| Statement::new(add, vec![name.into(), "x".into()]));
        db.write(batch.into_iter().collect()).await.expect("both go in");
        db.read("SELECT name FROM instance", Vec::new())
            .await
            .expect("they are read");
        db.clone()
            .read_one("SELECT name FROM instance", Vec::new())
            .await
            .expect("one is read");
        db.write(Batch::default()).await.expect("nothing is to be done");
        assert_eq!(db.statements() - before, 4);
        db.ping().await.expect("it answers");
        db.prepare(add).await.expect("it is understood");
        assert!(matches!(
            db.prepare("SELECT nothing FROM nowhere").await,
            Err(DbError::Failed(_))
        ));
    })
    .await;
}

#[tokio::test]
async fn a_write_whose_caller_goes_away_is_whole_or_nothing() {
    on_both(async |db| {
        with_tables(&db).await;
        for id in 0..40 {
            let batch = [
                person(id * 2, &format!("a{id}")),
                person(id * 2 + 1, &format!("b{id}")),
            ];
            let patience = Duration::from_micros(u64::try_from(id).expect("it is positive") * 100);
            drop(tokio::time::timeout(patience, db.write(batch.into_iter().collect())).await);
            drop(tokio::time::timeout(Duration::ZERO, db.read(COUNT_PEOPLE, Vec::new())).await);
            assert_eq!(number(&db, COUNT_PEOPLE).await % 2, 0);
        }
        // All connections of the pool are outside a transaction: each sees a new write.
        db.write(person(1000, "last").into()).await.expect("it goes in");
        let reads: Vec<_> = (0..8)
            .map(|_| (db.clone(), "SELECT id FROM people WHERE id = 1000"))
            .map(|(db, sql)| tokio::spawn(async move { db.read(sql, Vec::new()).await }))
            .collect();
        for read in reads {
            assert_eq!(read.await.expect("no panic").expect("it is read").len(), 1);
        }
    })
    .await;
}

const FIRST: Migration = (
    "0001_first",
    "CREATE TABLE a (x BIGINT); CREATE TABLE b (y TEXT);",
);
const SECOND: Migration = (
    "0002_second",
    "ALTER TABLE a ADD COLUMN z TEXT; INSERT INTO a (x) VALUES (1);",
);
const BROKEN: Migration = (
    "0002_broken",
    "INSERT INTO a (x) VALUES (1); INSERT INTO nowhere VALUES (1);",
);

#[test]
fn every_migration_file_is_listed_in_order() {
    let directory = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).expect("it exists");
    let mut files: Vec<_> = directory
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    files.sort();
    let listed: Vec<_> = MIGRATIONS
        .iter()
        .map(|(version, _)| format!("{version}.sql"))
        .collect();
    assert_eq!(files, listed);
}

#[tokio::test]
async fn migrations_apply_once_and_whole() {
    for Database { settings, name, .. } in &empty_databases().await {
        let open = async |list| Db::open_with(settings, list).await;
        drop(open(&[FIRST]).await.expect(name));
        let broken = open(&[FIRST, BROKEN]).await.err().expect("it is broken");
        assert!(broken.to_string().contains("0002_broken"), "{broken}");
        for _ in 0..2 {
            let db = open(&[FIRST, SECOND]).await.expect(name);
            assert_eq!(number(&db, "SELECT count(*) FROM a").await, 1);
            assert_eq!(number(&db, "SELECT count(*) FROM schema_migrations").await, 2);
        }
        let newer = open(&[FIRST]).await.err().expect("the database is newer");
        assert!(newer.to_string().contains("newer version"), "{newer}");
    }
}

#[tokio::test]
async fn nodes_that_start_together_migrate_once() {
    let database = postgres::empty().await;
    let settings = DbSettings::Postgres {
        url: database.url(),
        pool_size: 1,
    };
    let open = |settings: DbSettings| async move { Db::open_with(&settings, &[FIRST, SECOND]).await };
    let nodes: Vec<_> = (0..8).map(|_| tokio::spawn(open(settings.clone()))).collect();
    for node in nodes {
        let db = node.await.expect("no panic").expect("it starts");
        assert_eq!(number(&db, "SELECT count(*) FROM a").await, 1);
    }
}

#[tokio::test]
async fn a_file_belongs_to_one_server() {
    let Database { settings, .. } = &sqlite();
    let db = Db::open(settings).await.expect("it is free");
    let refused = Db::open(settings).await.err().expect("it is taken");
    assert!(
        refused
            .to_string()
            .ends_with("data.sqlite is in use by another server"),
        "{refused}"
    );
    let DbSettings::Sqlite { path } = settings else {
        return;
    };
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let file = format!("{}{suffix}", path.display());
        let mode = std::fs::metadata(&file).expect(&file).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    drop(db);
    Db::open(settings).await.expect("it is free again");
}

#[tokio::test]
async fn a_full_disk_is_unavailable_until_there_is_space() {
    let database = sqlite();
    let db = Db::open(&database.settings).await.expect("it opens");
    let limit = |pages: &'static str| db.write(one(pages, Vec::new()));
    limit("PRAGMA max_page_count = 1").await.expect("a limit is set");
    let big = || {
        one(
            "INSERT INTO instance (name, value) VALUES ('big', $1)",
            vec!["x".repeat(100_000).into()],
        )
    };
    for _ in 0..2 {
        let full = db.write(big()).await.expect_err("there is no space");
        assert!(matches!(full, WriteError::Db(DbError::Unavailable(_))), "{full}");
    }
    limit("PRAGMA max_page_count = 100000")
        .await
        .expect("the limit is lifted");
    db.write(big()).await.expect("there is space again");
    assert_eq!(number(&db, "SELECT count(*) FROM instance").await, 1);
}

#[tokio::test]
async fn lost_connections_are_replaced() {
    let database = postgres::migrated().await;
    let db = Db::open(&DbSettings::Postgres {
        url: database.url(),
        pool_size: 2,
    })
    .await
    .expect("it opens");
    db.ping().await.expect("it answers");
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.administer(others).await;
    // A connection may be lost unnoticed; its first user hears of it, and it does not come back.
    for _ in 0..2 {
        if let Err(error) = db.ping().await {
            assert!(matches!(error, DbError::Unavailable(_)), "{error}");
        }
    }
    db.ping().await.expect("it answers again");
}

#[tokio::test]
async fn a_deadlock_is_tried_again() {
    let database = postgres::migrated().await;
    let db = Db::open(&DbSettings::Postgres {
        url: database.url(),
        pool_size: 2,
    })
    .await
    .expect("it opens");
    let add = |name: &str| {
        let sql = "INSERT INTO instance (name, value) VALUES ($1, '')";
        Statement::new(sql, vec![name.into()])
    };
    db.write([add("a"), add("b")].into_iter().collect())
        .await
        .expect("both go in");
    let crosswise = |names: [&'static str; 2], mark: &'static str| {
        let touch = |name: &str| {
            let sql = "UPDATE instance SET value = value || $2 WHERE name = $1";
            Statement::new(sql, vec![name.into(), mark.into()]).expecting("touch")
        };
        let pause = Statement::new("SELECT 1 FROM pg_sleep(0.2)", Vec::new());
        db.write([touch(names[0]), pause, touch(names[1])].into_iter().collect())
    };
    let (first, second) = tokio::join!(crosswise(["a", "b"], "1"), crosswise(["b", "a"], "2"));
    first
        .and(second)
        .expect("the one that loses the deadlock comes second");
    let mut rows = db
        .read("SELECT value FROM instance", Vec::new())
        .await
        .expect("they are read");
    let values: Vec<String> = rows.iter_mut().map(|row| row.next().expect("a text")).collect();
    assert!(values == ["12", "12"] || values == ["21", "21"], "{values:?}");
}

#[tokio::test]
async fn plans_survive_a_change_of_the_schema() {
    let database = postgres::migrated().await;
    let db = Db::open(&DbSettings::Postgres {
        url: database.url(),
        pool_size: 1,
    })
    .await
    .expect("it opens");
    for column in ["one", "two", "three"] {
        db.read("SELECT * FROM instance", Vec::new())
            .await
            .expect("it is read");
        let write = "INSERT INTO instance (name, value) VALUES ($1, 'x') RETURNING *";
        db.write(one(write, vec![column.into()]))
            .await
            .expect("it is written");
        database
            .administer(&format!("ALTER TABLE instance ADD COLUMN {column} TEXT"))
            .await;
    }
}

#[tokio::test]
async fn tls_is_spoken_as_the_url_asks() {
    let database = postgres::migrated().await;
    let connect = async |parameters: &str| {
        let settings = DbSettings::Postgres {
            url: database.url_with(parameters),
            pool_size: 1,
        };
        let db = Db::open(&settings).await?;
        let tls = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        db.read_one(tls, Vec::new())
            .await?
            .expect("it is listed")
            .next::<bool>()
    };
    assert_eq!(connect("sslmode=disable").await, Ok(false));
    assert_eq!(connect("sslmode=prefer").await, Ok(true));
    assert_eq!(connect("sslmode=require").await, Ok(true));
    let root = format!(
        "sslmode=verify-full&sslrootcert={}",
        postgres::certificate().display()
    );
    assert_eq!(connect(&root).await, Ok(true));
    assert!(
        matches!(connect("sslmode=verify-full").await, Err(DbError::Unavailable(_))),
        "not a public authority"
    );
    assert!(matches!(
        connect("sslmode=sometimes").await,
        Err(DbError::Failed(_))
    ));
}
