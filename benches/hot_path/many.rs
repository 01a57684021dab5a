//! Lists and searches with very many clients, beside a thousand: how long the management API takes to answer, and what a
//! token costs. The clients are rows written past the server while it does not run.

use std::{
    fmt::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use oauthority::oauth::client::name_sort;
use rusqlite::{Connection, types::Value};

use crate::{
    Outcome,
    cases::{Credentials, ask, get, post, token},
    load::{self, Load, Pace},
    roles::Child,
};

const FEW: usize = 1_000;
const TIMES: usize = 20;

/// What is asked of the list.
const QUERIES: [(&str, &str); 13] = [
    ("first page", ""),
    ("by name", "sort=name"),
    ("by last use", "sort=-last_used_at"),
    ("active", "status=active"),
    ("search: one", "q=service+123456"),
    ("search: many", "q=service"),
    ("search: none", "q=zebra"),
    ("search: client id", "q=oac_many0000123456"),
    ("never used", "used=never"),
    ("unused for 90 days", "used=90d"),
    ("secret ends soon", "expiring=14d"),
    ("scope never asked for", "unasked=90d"),
    ("kind and grant", "kind=custom&grant=client_credentials"),
];

pub fn measure(count: usize) -> Outcome<String> {
    let (few, many) = (Scene::new(FEW)?, Scene::new(count)?);
    let mut text = format!(
        "{FEW} → {count} clients: start {:.1} → {:.1} s, memory {} → {} MiB\n",
        few.start.as_secs_f64(),
        many.start.as_secs_f64(),
        few.server.memory()?,
        many.server.memory()?,
    );
    for (name, query) in QUERIES {
        let (small, large) = (few.list(query)?, many.list(query)?);
        writeln!(
            text,
            "{name:<24} p50 {:>7.1} → {:>7.1} ms, p95 {:>7.1} → {:>7.1} ms",
            small.0, large.0, small.1, large.1
        )?;
    }
    for round in 1..=3 {
        let (small, large) = (few.tokens()?, many.tokens()?);
        writeln!(
            text,
            "tokens, round {round}: {:.2} → {:.2} µs CPU each, {:.3} ×",
            small * 1e6,
            large * 1e6,
            small / large
        )?;
    }
    Ok(text)
}

/// A server with so many clients.
struct Scene {
    server: Child,
    /// Credentials of a client that may list clients.
    bearer: String,
    clients: Vec<(String, String)>,
    start: Duration,
    _directory: tempfile::TempDir,
}

impl Scene {
    fn new(count: usize) -> Outcome<Self> {
        let directory = tempfile::tempdir()?;
        let mut first = Child::server(directory.path())?;
        let clients = std::mem::take(&mut first.clients);
        let (manager, secret) = first.manager.clone();
        drop(first);
        multiply(directory.path(), count)?;
        let began = Instant::now();
        let server = Child::again(directory.path())?;
        let start = began.elapsed();
        let bearer = token(&server, &Credentials::basic(&manager, &secret), "clients:read")?;
        Ok(Self {
            server,
            bearer,
            clients,
            start,
            _directory: directory,
        })
    }

    /// Median and 95th percentile, in milliseconds.
    fn list(&self, query: &str) -> Outcome<(f64, f64)> {
        let more = format!("authorization: Bearer {}\r\n", self.bearer);
        let request = get(&format!("/api/v1/orgs/main/clients?limit=25&{query}"), &more);
        let mut times = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let began = Instant::now();
            let answer = ask(self.server.address, &request)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
            if !answer.starts_with("HTTP/1.1 200") {
                return Err(answer.into());
            }
        }
        times.sort_unstable_by(f64::total_cmp);
        Ok((times[TIMES / 2], times[TIMES * 95 / 100]))
    }

    /// CPU seconds of an opaque token.
    fn tokens(&self) -> Outcome<f64> {
        let requests = self.clients.iter().map(|(id, secret)| {
            let body = "grant_type=client_credentials&scope=opaque:read";
            post("/oauth2/token", &Credentials::basic(id, secret), body)
        });
        let load = Load::new(self.server.address, (requests.collect(), false));
        let seen = load::run(&self.server, &load, Pace::Closed, Duration::from_secs(2))?;
        Ok(seen.cpu_per_answer())
    }
}

/// Copies the first service until there are so many clients: each with a name, an age and a last use of its own, a scope
/// and a secret.
fn multiply(directory: &Path, count: usize) -> Outcome<()> {
    let mut database = Connection::open(directory.join("oauthority.db"))?;
    let transaction = database.transaction()?;
    let (mut clients, template) = copier(&transaction, "clients", "name = 'Service 0'")?;
    let id = &template[0].1;
    let of_client = format!("client_id = '{}'", text(id));
    let (mut scopes, scope) = copier(&transaction, "client_scopes", &of_client)?;
    let (mut secrets, secret) = copier(&transaction, "client_secrets", &of_client)?;
    let now = whole(&template, "created_at");
    const DAY: i64 = 86_400_000;
    for number in 0..i64::try_from(count)? {
        let name = format!("Service {number} of team {}", number % 997);
        let client_id = format!("oac_many{number:010}");
        let age = number % 700 * DAY;
        let used = (number % 3 > 0).then(|| now - age.min(number % 211 * DAY));
        clients.execute(rusqlite::params_from_iter(replaced(
            &template,
            &[
                ("client_id", client_id.clone().into()),
                ("name", name.clone().into()),
                ("name_folded", name.to_lowercase().into()),
                ("name_sort", name_sort(&name).into()),
                (
                    "search_text",
                    format!("{name}\n{client_id}\n\noauthority").to_lowercase().into(),
                ),
                ("created_at", (now - age).into()),
                ("updated_at", (now - age).into()),
                ("last_used_at", used.map_or(Value::Null, Value::from)),
            ],
        )))?;
        let own: &[(&str, Value)] = &[("client_id", client_id.clone().into())];
        scopes.execute(rusqlite::params_from_iter(replaced(&scope, own)))?;
        secrets.execute(rusqlite::params_from_iter(replaced(
            &secret,
            &[
                ("client_id", client_id.into()),
                ("id", format!("sec_many{number:010}").into()),
                ("expires_at", (now + number % 90 * DAY).into()),
                ("next_notice_at", Value::Null),
            ],
        )))?;
    }
    drop((clients, scopes, secrets));
    transaction.commit()?;
    Ok(database.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?)
}

type Columns = Vec<(String, Value)>;

/// A statement that adds a row to a table, and the first row that fits the condition.
fn copier<'c>(
    database: &'c Connection,
    table: &str,
    condition: &str,
) -> Outcome<(rusqlite::Statement<'c>, Columns)> {
    let mut select = database.prepare(&format!("SELECT * FROM {table} WHERE {condition} LIMIT 1"))?;
    let names: Vec<String> = select.column_names().map(str::to_owned).collect();
    let row = select.query_row([], |row| {
        let value = |(at, name): (usize, &String)| Ok((name.clone(), row.get::<_, Value>(at)?));
        names
            .iter()
            .enumerate()
            .map(value)
            .collect::<rusqlite::Result<Columns>>()
    })?;
    let marks = vec!["?"; names.len()].join(", ");
    let insert = format!("INSERT INTO {table} ({}) VALUES ({marks})", names.join(", "));
    Ok((database.prepare(&insert)?, row))
}

fn replaced(row: &Columns, by: &[(&str, Value)]) -> Vec<Value> {
    let value = |(name, old): &(String, Value)| {
        let new = by.iter().find(|(other, _)| other == name);
        new.map_or_else(|| old.clone(), |(_, new)| new.clone())
    };
    row.iter().map(value).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        _ => String::new(),
    }
}

fn whole(row: &Columns, name: &str) -> i64 {
    match row.iter().find(|(other, _)| other == name) {
        Some((_, Value::Integer(number))) => *number,
        _ => 0,
    }
}
