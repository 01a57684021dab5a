//! Accounts coming and going: mail, lost passwords, addresses, invitations, removal, status, profiles.

mod email; // addresses and profiles
mod invitations; // into an organisation
mod mail; // to a server, and into files
mod notices; // sign-ins from new browsers
mod recovery; // a forgotten password
mod removal; // what ends with a membership
mod status; // who may sign in

use crate::{
    db::Batch,
    oauth::scope::ScopeKey,
    registry::recovery::answer_all,
    store::{self, grants::Grant, users::User},
    tests::harness::TestApp,
    time::Lifetime,
};

/// Gives a person an address that he has proven.
pub async fn reachable(app: &TestApp, user: &User, email: &str) {
    let now = app.clock.now();
    let proven = Batch::from_iter([
        store::users::set_pending_email(&user.id, Some(email), now),
        store::users::set_proven_email(&user.id, email, now),
    ]);
    app.db().write(proven).await.unwrap();
}

/// Lets the jobs run that send mail, and takes out of the box what came, oldest first.
pub async fn post(app: &TestApp) -> Vec<String> {
    let registry = &app.app.registry;
    answer_all(registry).await.unwrap();
    registry.deliver_mail().await.unwrap();
    let directory = registry.post.directory().expect("no server");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort_unstable();
    let take = |file: std::path::PathBuf| {
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        text
    };
    files.into_iter().map(take).collect()
}

/// The path of the link in a mail, which stands on a line of its own.
#[track_caller]
pub fn link(mail: &str) -> String {
    let line = mail.lines().find(|line| line.starts_with("http"));
    let line = line.unwrap_or_else(|| panic!("no link in {mail}"));
    let (_, path) = line
        .split_once("://localhost:8080")
        .unwrap_or_else(|| panic!("{line} is not ours"));
    path.to_owned()
}

/// What a person gave a client of an organisation, with tokens that live for an hour.
pub fn grant(app: &TestApp, id: &str, user_id: &str, client_id: &str, org_id: &str) -> Grant {
    let now = app.clock.now();
    Grant {
        id: id.to_owned(),
        client_id: client_id.to_owned(),
        client_epoch: 0,
        user_id: user_id.to_owned(),
        org_id: org_id.to_owned(),
        scopes: ScopeKey::parse_list("openid"),
        claims: None,
        session_id: None,
        authenticated_at: now,
        methods: "pwd".to_owned(),
        offline: true,
        refresh_counter: 0,
        rotated_at: None,
        idle_expires_at: now.after(Lifetime::hours(24)),
        expires_at: now.after(Lifetime::hours(48)),
        tokens_until: now.after(Lifetime::hours(1)),
        created_at: now,
        last_used_at: None,
        revoked_at: None,
        revoked_why: None,
    }
}
