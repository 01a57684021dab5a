//! Every page of the console that changes something has decided what it demands.

use std::{collections::BTreeMap, fs, path::Path};

use super::{grow_old, olivia, signed_in};
use crate::{
    registry::assurance::Demand::{self, Depends, Fresh, Present},
    tests::harness::on_both,
};

/// (file, handler of a POST, what it demands). Who adds a route decides here.
const DEMANDS: &[(&str, &str, Demand)] = &[
    ("apis", "form::create", Present),
    ("apis", "form::edit", Present),
    ("apis", "remove::api", Fresh),
    ("apis", "remove::scope", Fresh),
    // What comes with a scope, and whether anybody is asked for it.
    ("apis", "scopes::create", Depends),
    ("apis", "scopes::edit", Depends),
    ("apps", "remove", Present),
    ("client", "grants::revoke", Depends),
    ("client", "least_privilege::act", Depends),
    ("client", "secrets::act", Fresh),
    // Several at once: disabled, perhaps to be deleted on a day.
    ("clients", "act", Depends),
    ("create", "submit", Fresh),
    ("credentials", "change::delete", Fresh),
    ("credentials", "change::rotate", Fresh),
    ("credentials", "claim::submit", Fresh),
    ("credentials", "members::submit_new", Fresh),
    ("credentials", "members::withdraw", Fresh),
    ("credentials", "new::submit", Fresh),
    ("credentials", "new::submit_edit", Fresh),
    // What was shown a moment ago.
    ("credentials", "one::download", Present),
    ("cut", "delete", Fresh),
    ("cut", "disable", Depends),
    ("cut", "enable", Fresh),
    ("edit", "submit", Depends),
    ("hand_over", "download", Present),
    ("inspector", "ask", Present),
    ("invitations", "act", Fresh),
    ("invitations", "invite", Fresh),
    ("people", "act", Fresh),
    ("people", "add", Fresh),
    ("preferences", "act", Present),
    ("profile", "change_email", Fresh),
    // By a link that was sent for a fresh sign-in.
    ("profile", "confirm", Present),
    ("profile", "save", Present),
    ("rotate", "submit", Fresh),
    // A new name of a passkey needs none, what changes how one signs in does.
    ("security", "act", Depends),
    ("security", "app::submit", Fresh),
    ("sessions", "act", Present),
    ("settings", "submit", Depends),
    ("transfers", "answer", Depends),
    ("transfers", "offer", Fresh),
    ("try_it", "mint", Fresh),
    ("try_it", "revoke", Present),
    ("webhooks", "act::delete", Fresh),
    ("webhooks", "act::redeliver", Present),
    ("webhooks", "act::rotate", Fresh),
    ("webhooks", "act::test", Fresh),
    ("webhooks", "form::create", Fresh),
    ("webhooks", "form::save", Fresh),
];

/// The handlers of POSTs in the routes of a file.
fn posts(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for route in source.split(".route(").skip(1) {
        let mut depth = 1;
        let end = route.find(|c| {
            depth += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth == 0
        });
        let route = &route[..end.unwrap_or(route.len())];
        for handler in route.split("post(").skip(1) {
            found.push(handler.split(')').next().unwrap_or_default().to_owned());
        }
    }
    found
}

#[test]
fn fx_03_every_page_that_changes_something_has_a_demand() {
    let mut served: Vec<(String, String)> = Vec::new();
    let mut rooms = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console")];
    while let Some(room) = rooms.pop() {
        for entry in fs::read_dir(room)
            .expect("a directory")
            .map(|e| e.expect("an entry").path())
        {
            if entry.is_dir() {
                rooms.push(entry);
                continue;
            }
            let name = entry.file_stem().expect("a name").to_string_lossy().into_owned();
            let source = fs::read_to_string(&entry).expect("a source");
            served.extend(posts(&source).into_iter().map(|handler| (name.clone(), handler)));
        }
    }
    served.sort();
    let known: Vec<(String, String)> = DEMANDS
        .iter()
        .map(|(file, handler, _)| ((*file).to_owned(), (*handler).to_owned()))
        .collect();
    assert_eq!(served, known, "decide what a new page demands in DEMANDS");
}

#[tokio::test]
async fn fx_03_pages_ask_what_they_say() {
    on_both(async |app| {
        olivia(&app).await;
        let client = app.service(&["workspace:read"]).await;
        let browser = signed_in(&app, "olivia").await;
        let (org, id) = (&app.org.handle, &client.id);
        browser.get(&format!("/orgs/{org}/clients/{id}/disable")).await;
        let disabled = browser
            .submit(&format!("/orgs/{org}/clients/{id}/disable"), &[])
            .await;
        assert_eq!(disabled.status, 303, "{}", disabled.text());
        grow_old(&app);
        let handler: BTreeMap<_, _> = DEMANDS.iter().map(|(f, h, d)| ((*f, *h), *d)).collect();
        for (file, act, path) in [
            ("cut", "enable", format!("/orgs/{org}/clients/{id}/enable")),
            ("cut", "delete", format!("/orgs/{org}/clients/{id}/delete")),
            ("profile", "save", "/me/profile".to_owned()),
        ] {
            browser.get(&path).await;
            let form = [
                ("confirm", id.as_str()),
                ("confirmed", "yes"),
                ("display_name", "Olivia"),
            ];
            let answer = browser.submit(&path, &form).await;
            let asked = answer.text().contains("name=\"confirm_password\"");
            assert_eq!(asked, handler[&(file, act)] == Fresh, "{path}: {}", answer.text());
        }
    })
    .await;
}
