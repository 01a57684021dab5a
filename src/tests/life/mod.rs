//! The life of a client on a turned clock: its secrets are rotated and run out, nobody uses it, it is retired.

mod least_privilege; // scopes that nobody asks for
mod secrets; // who is told that a secret stops
mod unused; // clients that nobody uses

use super::{
    browser::person,
    harness::TestApp,
    people::{post, reachable},
};
use crate::store::{
    audit::{self, Event},
    users::{Role, User},
};

/// Somebody who runs the organisation and reads his mail.
async fn reader(app: &TestApp, name: &str, role: Role) -> User {
    let user = person(app, name, Some(role)).await;
    reachable(app, &user, &format!("{name}@example.com")).await;
    user
}

/// Another node of the fleet, where the database has room for one.
async fn another(app: &TestApp) -> Option<TestApp> {
    if app.database == "sqlite" {
        return None;
    }
    Some(app.another_node().await)
}

/// What happened, by the word of it, oldest first.
async fn events(app: &TestApp, action: &str) -> Vec<Event> {
    let filter = audit::Filter {
        action: Some(action.to_owned()),
        ..audit::Filter::default()
    };
    let mut events = audit::list(app.db(), &app.org.id, &filter, 100).await.unwrap();
    events.reverse();
    events
}

/// The subjects of the mails that came, with whom they are for.
async fn subjects(app: &TestApp) -> Vec<(String, String)> {
    let head = |mail: &str, name: &str| {
        let line = mail.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    let mut all: Vec<_> = post(app)
        .await
        .iter()
        .map(|mail| (head(mail, "To:"), head(mail, "Subject:")))
        .collect();
    all.sort();
    all
}
