//! How clients are used: what is counted, and what is shown and decided by it.

mod counting; // hours, days, nodes, failures to write
mod cuts; // the counts equal what is cut
mod evidence; // scopes, redirect URIs, refusals, attempts
mod shown; // pages and documents

use super::harness::{TestApp, TestClient, on_both};
use crate::{
    store::usage::{self, Counted, SecretUse, Span},
    time::Timestamp,
};

/// Writes down what was gathered.
async fn flush(app: &TestApp) {
    app.app.registry.flush_activity().await.expect("written");
}

/// Hours, or days, of a client or an organisation.
async fn counts(app: &TestApp, subject: &str, span: Span) -> Vec<Counted> {
    let all = usage::counts(app.db(), subject, span, Timestamp::from_millis(0));
    all.await.expect("read")
}

/// (tokens, failures) of each hour or day.
async fn numbers(app: &TestApp, subject: &str, span: Span) -> Vec<(i64, i64)> {
    let all = counts(app, subject, span).await;
    all.iter().map(|one| (one.tokens, one.failures)).collect()
}

/// How the one secret of a client was used.
async fn secret_use(app: &TestApp, client: &TestClient) -> SecretUse {
    let used = usage::of_secrets(app.db(), &client.id, app.clock.now()).await;
    let mut used = used.expect("read");
    assert_eq!(used.len(), 1);
    used.remove(0)
}

/// The only number of the only row.
async fn number(app: &TestApp, sql: &'static str) -> i64 {
    let row = app.db().read_one(sql, vec![]).await.expect("read");
    row.expect("a row").next().expect("a number")
}
