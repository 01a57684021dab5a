//! Invitations: nobody becomes a member without having said yes.

use axum::http::StatusCode;
use serde_json::json;

use super::{link, post, reachable};
use crate::{
    registry::{access::Permissions, invitations},
    store::{
        self,
        users::{Role, User},
    },
    tests::{
        browser::{Browser, PASSWORD, person},
        harness::{Answer, TestApp, on_both},
    },
    time::Lifetime,
};

async fn invite(app: &TestApp, email: &str, role: Role) -> String {
    invitations::invite(&app.app.registry, &app.owner(), email, role)
        .await
        .expect("invited");
    link(post(app).await.last().expect("a mail"))
}

async fn role(app: &TestApp, user: &User) -> Option<Role> {
    store::users::role(app.db(), &app.org.id, &user.id).await.unwrap()
}

fn at(app: &TestApp, tail: &str) -> String {
    format!("/orgs/{}{tail}", app.org.handle)
}

async fn named(app: &TestApp, username: &str) -> Option<User> {
    store::users::find_by_username(app.db(), username).await.unwrap()
}

async fn accept_as_new(app: &TestApp, path: &str, username: &str) -> Answer {
    app.post(path)
        .form(&[("username", username), ("password", PASSWORD)])
        .await
}

#[tokio::test]
async fn w_25_somebody_new_makes_an_account_once_with_the_address_proven() {
    on_both(async |app| {
        let owner = Browser::of(&app, "olga", Role::Owner).await;
        let form = [("email", "Ben@example.com"), ("role", "auditor")];
        let sent = owner.submit(&at(&app, "/people/invite"), &form).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
        let mails = post(&app).await;
        assert!(
            mails[0].contains("olga invites you to") && mails[0].contains("an auditor"),
            "{}",
            mails[0]
        );
        let path = link(&mails[0]);
        let token = path.rsplit('/').next().unwrap();
        let list = owner.get(&at(&app, "/people")).await.text();
        assert!(
            list.contains("Ben@example.com") && !list.contains(token),
            "the link is in the mail alone: {list}"
        );

        let page = app.get(&path).send().await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(
            page.text().contains("Create account and accept"),
            "{}",
            page.text()
        );
        let weak = [("username", "ben"), ("password", "short")];
        let refused = app.post(&path).form(&weak).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let taken = accept_as_new(&app, &path, "OLGA").await;
        assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
        let altered = [
            format!("{path}A"),
            path.to_uppercase(),
            path[..path.len() - 1].to_owned(),
        ];
        for altered in altered {
            let answer = accept_as_new(&app, &altered, "ben").await;
            assert!(answer.status.is_client_error(), "{altered}: {}", answer.status);
        }
        // What a form says about role, address or organisation is not listened to.
        let form = [
            ("username", "ben"),
            ("password", PASSWORD),
            ("role", "owner"),
            ("email", "eve@evil.example"),
            ("org", "other"),
        ];
        let joined = app.post(&path).form(&form).await;
        assert_eq!(joined.status, StatusCode::SEE_OTHER, "{}", joined.text());
        let ben = named(&app, "ben").await.expect("made");
        assert_eq!(ben.email.as_deref(), Some("Ben@example.com"));
        assert!(ben.email_verified_at.is_some());
        assert_eq!(role(&app, &ben).await, Some(Role::Auditor));
        let again = accept_as_new(&app, &path, "eve").await;
        assert_eq!(again.status, StatusCode::GONE);
        assert!(named(&app, "eve").await.is_none());
    })
    .await;
}

#[tokio::test]
async fn w_25_an_account_accepts_only_with_the_invited_address_proven() {
    on_both(async |app| {
        let ada = person(&app, "ada", None).await;
        let eve = person(&app, "eve", None).await;
        reachable(&app, &eve, "eve@example.com").await;
        // Ada has typed the address but proven nothing yet.
        let typed = store::users::set_pending_email(&ada.id, Some("ada@example.com"), app.clock.now());
        app.db().write(typed.into()).await.unwrap();
        let path = invite(&app, "ada@example.com", Role::Admin).await;
        for username in ["eve", "ada"] {
            let browser = Browser::new(&app);
            browser.sign_in(username).await;
            let page = browser.get(&path).await;
            assert!(page.text().contains("Nothing was changed"), "{}", page.text());
            let refused = browser.submit(&path, &[]).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
        }
        assert_eq!((role(&app, &ada).await, role(&app, &eve).await), (None, None));

        reachable(&app, &ada, "ADA@example.com").await;
        let browser = Browser::new(&app);
        browser.sign_in("ada").await;
        let page = browser.get(&path).await;
        assert!(page.text().contains("Accept invitation"), "{}", page.text());
        let forged = browser.post_with(&path, &[("csrf", "wrong")], &[]).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        let cross = browser
            .post_with(&path, &[], &[("sec-fetch-site", "cross-site")])
            .await;
        assert_eq!(cross.status, StatusCode::FORBIDDEN);
        browser.get(&path).await;
        let joined = browser.submit(&path, &[]).await;
        assert_eq!(joined.status, StatusCode::SEE_OTHER, "{}", joined.text());
        assert_eq!(role(&app, &ada).await, Some(Role::Admin));
        assert_eq!(browser.submit(&path, &[]).await.status, StatusCode::GONE);
    })
    .await;
}

#[tokio::test]
async fn an_invitation_ends_by_time_by_revocation_and_by_a_newer_one() {
    on_both(async |app| {
        let owner = Browser::of(&app, "olga", Role::Owner).await;
        let first = invite(&app, "ben@example.com", Role::Member).await;
        let second = invite(&app, "BEN@example.com", Role::Member).await;
        assert_eq!(app.get(&first).send().await.status, StatusCode::GONE);
        assert_eq!(app.get(&second).send().await.status, StatusCode::OK);
        let open = store::invitations::of_org(app.db(), &app.org.id).await.unwrap();
        assert_eq!(open.len(), 1);
        let at_one = at(&app, &format!("/people/invitations/{}", open[0].id));
        let resent = owner.submit(&at_one, &[("do", "resend")]).await;
        assert_eq!(resent.status, StatusCode::SEE_OTHER, "{}", resent.text());
        let third = link(&post(&app).await[0]);
        assert_eq!(app.get(&second).send().await.status, StatusCode::GONE);
        assert_eq!(app.get(&third).send().await.status, StatusCode::OK);
        let open = store::invitations::of_org(app.db(), &app.org.id).await.unwrap();
        let at_one = at(&app, &format!("/people/invitations/{}", open[0].id));
        let revoked = owner.submit(&at_one, &[("do", "revoke")]).await;
        assert_eq!(revoked.status, StatusCode::SEE_OTHER);
        assert_eq!(accept_as_new(&app, &third, "ben").await.status, StatusCode::GONE);
        let late = invite(&app, "ben@example.com", Role::Member).await;
        app.clock.advance(Lifetime::days(7));
        assert_eq!(accept_as_new(&app, &late, "ben").await.status, StatusCode::GONE);
        assert!(named(&app, "ben").await.is_none());
    })
    .await;
}

#[tokio::test]
async fn nobody_invites_beyond_himself_and_what_he_invited_goes_with_him() {
    on_both(async |app| {
        let registry = &app.app.registry;
        let mut admin = app.owner();
        admin.permissions = Permissions::of_role(Role::Admin);
        admin.actor.id = person(&app, "ada", Some(Role::Admin)).await.id;
        let refused = invitations::invite(registry, &admin, "x@example.com", Role::Owner).await;
        assert!(refused.is_err(), "only an owner makes owners");
        let mut auditor = admin.clone();
        auditor.permissions = Permissions::of_role(Role::Auditor);
        let refused = invitations::invite(registry, &auditor, "x@example.com", Role::Member).await;
        assert!(refused.is_err(), "an auditor changes nothing");

        invitations::invite(registry, &admin, "back@example.com", Role::Admin)
            .await
            .expect("an admin invites admins");
        let path = link(&post(&app).await[0]);
        let owner = Browser::of(&app, "olga", Role::Owner).await;
        let his = at(&app, &format!("/people/{}", admin.actor.id));
        let removed = owner.submit(&his, &[("do", "remove")]).await;
        assert_eq!(removed.status, StatusCode::SEE_OTHER, "{}", removed.text());
        assert_eq!(accept_as_new(&app, &path, "back").await.status, StatusCode::GONE);
    })
    .await;
}

#[tokio::test]
async fn an_existing_account_is_never_attached_without_its_consent() {
    on_both(async |app| {
        let ada = person(&app, "ada", None).await;
        let owner = Browser::of(&app, "olga", Role::Owner).await;
        let form = [("username", "ADA"), ("role", "admin")];
        let refused = owner.submit(&at(&app, "/people/new"), &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains("invited by e-mail"), "{}", refused.text());
        assert_eq!(role(&app, &ada).await, None);
    })
    .await;
}

#[tokio::test]
async fn b_083_inviting_tells_nothing_about_accounts() {
    on_both(async |app| {
        let ada = person(&app, "ada", None).await;
        reachable(&app, &ada, "ada@example.com").await;
        let client = app.service(&["members:write"]).await;
        let token = client.token(&app).await;
        let path = format!("/api/v1/orgs/{}/invitations", app.org.handle);
        let mut answers = Vec::new();
        for email in ["ada@example.com", "bob@example.com"] {
            let before = app.db().statements();
            let body = json!({ "email": email, "role": "member" });
            let answer = app.post(&path).bearer(&token).json(&body).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
            let mut told = answer.json();
            for own in ["id", "email"] {
                told[own].take();
            }
            answers.push((told, app.db().statements() - before));
        }
        assert_eq!(answers[0], answers[1]);
        let mails = post(&app).await;
        assert_eq!(mails.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn b_011_a_foreign_invitation_is_like_an_unknown_one() {
    on_both(async |app| {
        let other = app.organization("other").await;
        let registry = &app.app.registry;
        let theirs = invitations::invite(registry, &app.owner_of(&other), "x@example.com", Role::Member)
            .await
            .expect("invited");
        let client = app.service(&["members:write"]).await;
        let token = client.token(&app).await;
        let asked = async |id: &str, tail: &str, method: axum::http::Method| {
            let path = format!("/api/v1/orgs/{}/invitations/{id}{tail}", app.org.handle);
            let call = app.call(method, &path).bearer(&token).header("if-match", "*");
            let answer = call.send().await;
            let mut problem = answer.json();
            for own in ["instance", "request_id"] {
                problem[own].take();
            }
            (answer.status, problem)
        };
        for (tail, method) in [
            ("", axum::http::Method::GET),
            ("", axum::http::Method::DELETE),
            ("/resend", axum::http::Method::POST),
        ] {
            let there = asked(&theirs.id, tail, method.clone()).await;
            assert_eq!(there, asked("inv_nothing", tail, method).await);
            assert_eq!(there.0, StatusCode::NOT_FOUND);
        }
        let owner = Browser::of(&app, "olga", Role::Owner).await;
        let path = at(&app, &format!("/people/invitations/{}", theirs.id));
        let revoked = owner.submit(&path, &[("do", "revoke")]).await;
        assert_eq!(revoked.status, StatusCode::NOT_FOUND);
        let left = store::invitations::of_org(app.db(), &other.id).await.unwrap();
        assert_eq!(left.len(), 1);
        let path = at(&app, "/people/invitations/%00");
        let nul = owner.submit(&path, &[("do", "revoke")]).await;
        assert_eq!(nul.status, StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn an_invitation_is_listed_shown_and_revoked_by_rest() {
    on_both(async |app| {
        let client = app.service(&["members:write"]).await;
        let token = client.token(&app).await;
        let path = format!("/api/v1/orgs/{}/invitations", app.org.handle);
        let body = json!({ "email": "ada@example.com", "role": "member" });
        let tried = app
            .post(&format!("{path}?dry_run=true"))
            .bearer(&token)
            .json(&body)
            .await;
        assert_eq!(tried.status, StatusCode::OK, "{}", tried.text());
        assert!(post(&app).await.is_empty(), "only tried");
        let made = app.post(&path).bearer(&token).json(&body).await;
        let one = made.header("location").to_owned();
        assert!(!made.text().contains("/invitations/ey"), "{}", made.text());
        let (_, one) = one.split_once("://localhost:8080").unwrap_or(("", &one));
        let shown = app.get(one).bearer(&token).send().await;
        assert_eq!(shown.json()["email"], "ada@example.com");
        let mail = post(&app).await.remove(0);
        assert!(!shown.text().contains(link(&mail).rsplit('/').next().unwrap()));
        let list = app.get(&path).bearer(&token).send().await.json();
        assert_eq!(list["total"], 1);
        let revoked = app
            .call(axum::http::Method::DELETE, one)
            .bearer(&token)
            .header("if-match", shown.header("etag"))
            .send()
            .await;
        assert_eq!(revoked.status, StatusCode::NO_CONTENT, "{}", revoked.text());
        let list = app.get(&path).bearer(&token).send().await.json();
        assert_eq!(list["total"], 0);
        let bad = json!({ "email": "ada@example.com, eve@evil.example", "role": "member" });
        let bad = app.post(&path).bearer(&token).json(&bad).await;
        assert_eq!(bad.status, StatusCode::BAD_REQUEST);
        assert_eq!(bad.json()["errors"][0]["pointer"], "/email");
    })
    .await;
}

#[tokio::test]
async fn a_link_accepted_side_by_side_makes_one_member() {
    on_both(async |app| {
        let path = invite(&app, "ben@example.com", Role::Member).await;
        let (one, other) = tokio::join!(
            accept_as_new(&app, &path, "ben"),
            accept_as_new(&app, &path, "bella")
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [StatusCode::SEE_OTHER, StatusCode::GONE]);
    })
    .await;
}
