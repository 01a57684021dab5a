//! Every statement of the store is understood by both databases.

use std::{fs, path::Path};

use super::databases::on_both;

/// The SQL texts in a Rust source: string literals that begin with a verb of SQL.
fn statements(source: &str) -> Vec<String> {
    let source = source.replace("\\\n", "\u{1}");
    let mut found = Vec::new();
    let mut rest = source.as_str();
    while let Some(start) = rest.find('"') {
        let body = &rest[start + 1..];
        let end = body.find('"').unwrap_or(body.len());
        // A continued literal loses the break and the indentation of the next line.
        let text: String = body[..end]
            .split('\u{1}')
            .enumerate()
            .map(|(at, part)| if at == 0 { part } else { part.trim_start() })
            .collect();
        let verb = text.split(' ').next().unwrap_or_default();
        if matches!(verb, "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "WITH") {
            found.push(text);
        }
        rest = body.get(end + 1..).unwrap_or_default();
    }
    found
}

#[tokio::test]
async fn every_statement_prepares_on_both_databases() {
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut texts = Vec::new();
    for entry in fs::read_dir(store).unwrap() {
        texts.extend(statements(&fs::read_to_string(entry.unwrap().path()).unwrap()));
    }
    // Parts that are put together at run time are exercised by the tests of the lists.
    let whole: Vec<_> = texts
        .into_iter()
        .filter(|sql| !sql.contains('{') && !sql.ends_with(' '))
        .collect();
    assert!(whole.len() > 40, "only {} statements were found", whole.len());
    on_both(async |db| {
        for sql in &whole {
            if let Err(error) = db.prepare(sql).await {
                panic!("{}: {sql}\n{error}", db.kind());
            }
        }
    })
    .await;
}
