//! What a name that was stored before names were checked does to the pages, mails and lists that show it.

use crate::{
    oauth::client::GrantType,
    registry::{
        client_input::{Draft, ScopeRef},
        clients, credential_offers,
        credentials::NewCredential,
        invitations,
        secrets::Term,
        transfers,
        webhooks::{self, NewWebhook},
    },
    store::{apis::TokenFormat, users::Role},
    tests::{
        audit::meddle,
        browser::{Browser, person},
        console::inert::crawl,
        flows::{Rp, SCOPES, asking},
        harness::{Answer, TestApp, on_both, service},
        people::{link, post, reachable},
    },
};

/// What every stored name begins with.
const MARK: &str = "zqz";
/// What nobody may see as it is.
const HIDDEN: [char; 6] = [
    '\u{202e}', '\u{200b}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
];

fn hostile(kind: &str) -> String {
    format!("{MARK}{kind}\u{202e}\u{5d0}\u{200b}")
}

/// A tag without what a form edits, which is what is stored.
fn without_values(tag: &str) -> String {
    let mut parts = tag.split(" value=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, rest| {
        kept + rest.split_once('"').map_or("", |(_, after)| after)
    })
}

/// What is wrong with a page: names that are not isolated, and hidden characters.
fn wrongs(page: &str) -> Vec<String> {
    let (mut wrong, mut isolated) = (Vec::new(), 0);
    for part in page.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or((part, ""));
        match tag.split(' ').next().unwrap_or_default() {
            "bdi" => isolated += 1,
            "/bdi" => isolated -= 1,
            "textarea" => continue,
            // A record as programs read it.
            "code" => continue,
            _ => {}
        }
        // A title and an option hold no elements.
        let bare = isolated == 0 && !tag.starts_with("title") && !tag.starts_with("option");
        if without_values(tag).contains(HIDDEN) || text.contains(HIDDEN) || bare && text.contains(MARK) {
            wrong.push(format!("<{part}"));
        }
    }
    wrong
}

/// Everything that people name, in the first organisation, by those who have such names themselves.
async fn fill(app: &TestApp) -> Rp {
    let (registry, owner) = (&app.app.registry, app.owner());
    app.api(
        &app.org,
        "https://names.example",
        TokenFormat::Jwt,
        &["names:read"],
    )
    .await;
    let mut scopes: Vec<ScopeRef> = SCOPES.into_iter().map(ScopeRef::text).collect();
    scopes.push(ScopeRef::text("names:read"));
    let draft = Draft {
        grant_types: vec![
            GrantType::AuthorizationCode,
            GrantType::RefreshToken,
            GrantType::DeviceCode,
        ],
        scopes,
        ..asking(&[])
    };
    let rp = Rp::of(app, draft).await;
    let off = app.client(&app.org, service(&["names:read"])).await;
    let other = app.organization("elsewhere").await;
    let giver = app.owner_of(&other);
    let given = app.client(&other, service(&["workspace:read"])).await;
    let going = app.client(&app.org, service(&["workspace:read"])).await;
    transfers::offer(registry, &owner, &going.id, &other.handle, "a note")
        .await
        .expect("offered");
    transfers::offer(registry, &giver, &given.id, &app.org.handle, "a note")
        .await
        .expect("offered");
    let hook = NewWebhook {
        url: "https://hooks.example/a".to_owned(),
        description: "a hook".to_owned(),
        events: vec!["*".to_owned()],
        active: true,
    };
    webhooks::create(registry, &owner, hook).await.expect("made");
    let ben = person(app, "ben", Some(Role::Member)).await;
    let new = NewCredential {
        name: "Report".to_owned(),
        description: String::new(),
        scopes: vec![ScopeRef::text("names:read")],
        term: Term::Default,
        term_at: "/expires",
    };
    credential_offers::offer(registry, &owner, &ben.id, &new)
        .await
        .expect("offered");
    for (sql, kind) in [
        ("UPDATE organizations SET name = $1", "org"),
        ("UPDATE users SET display_name = $1", "person"),
        ("UPDATE apis SET name = $1", "api"),
        ("UPDATE scopes SET description = $1", "scope"),
        ("UPDATE clients SET name = $1", "client"),
        ("UPDATE clients SET description = $1", "about"),
        ("UPDATE client_secrets SET label = $1", "label"),
        ("UPDATE client_secrets SET note = $1", "kept"),
        ("UPDATE webhooks SET description = $1", "hook"),
        ("UPDATE client_transfers SET client_name = $1", "offered"),
        ("UPDATE client_transfers SET note = $1", "note"),
        ("UPDATE credential_offers SET name = $1", "credential"),
        ("UPDATE credential_offers SET offered_by_name = $1", "giver"),
    ] {
        meddle(app, sql, vec![hostile(kind).into()]).await;
    }
    registry.live.reload().await.expect("read anew");
    let mut actor = app.owner();
    actor.actor.name = hostile("actor");
    clients::disable(registry, &actor, &off.id, None, Some("a reason"))
        .await
        .expect("disabled");
    rp
}

#[tokio::test]
async fn fx_12_the_console_isolates_every_stored_name() {
    on_both(async |app| {
        let ada = Browser::of(&app, "ada", Role::Owner).await;
        fill(&app).await;
        meddle(
            &app,
            "UPDATE sessions SET user_agent = $1",
            vec![hostile("agent").into()],
        )
        .await;
        let (mut wrong, mut kinds) = (Vec::new(), String::new());
        for start in [format!("/orgs/{}", app.org.handle), "/me/profile".to_owned()] {
            crawl(&ada, start, |path, page| {
                let text = page.text();
                wrong.extend(wrongs(&text).into_iter().map(|what| format!("{path}: {what}")));
                for kind in text.split("<bdi>zqz").skip(1) {
                    kinds.push_str(kind.split('[').next().unwrap_or_default());
                    kinds.push(' ');
                }
            })
            .await;
        }
        wrong.sort();
        wrong.dedup();
        assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
        for kind in [
            "org",
            "person",
            "api",
            "scope",
            "client",
            "about",
            "label",
            "offered",
            "note",
            "credential",
            "actor",
        ] {
            assert!(kinds.split(' ').any(|shown| shown == kind), "no {kind}");
        }
    })
    .await;
}

/// The page that an answer is or leads to.
async fn arrive(browser: &Browser<'_>, answer: Answer) -> Answer {
    match answer.status.is_redirection() {
        true => browser.get(answer.header("location")).await,
        false => answer,
    }
}

#[tokio::test]
async fn fx_12_hosted_pages_isolate_every_stored_name() {
    on_both(async |app| {
        let alice = Browser::of(&app, "alice", Role::Member).await;
        let rp = fill(&app).await;
        let sound = |what: &str, page: &Answer| {
            assert_eq!(page.status, 200, "{what}: {}", page.text());
            assert!(page.text().contains("<bdi>zqz"), "{what}: {}", page.text());
            let wrong = wrongs(&page.text());
            assert!(wrong.is_empty(), "{what}: {}", wrong.join("\n"));
        };
        let scope = ("scope", "openid profile names:read");
        sound("consent", &rp.authorize(&alice, &[scope]).await);
        let stranger = Browser::new(&app);
        let away = rp.authorize(&stranger, &[scope]).await;
        sound("sign-in", &arrive(&stranger, away).await);
        let choose = rp.authorize(&alice, &[scope, ("prompt", "select_account")]).await;
        sound("choose", &arrive(&alice, choose).await);
        let logout = format!("/oauth2/logout?client_id={}", rp.client.id);
        sound("logout", &alice.get(&logout).await);
        let asked = app
            .post("/oauth2/device_authorization")
            .basic(&rp.client)
            .form(&[("client_id", &rp.client.id), ("scope", "names:read")])
            .await;
        let code = asked.json()["user_code"].as_str().expect("a code").to_owned();
        meddle(
            &app,
            "UPDATE device_codes SET user_agent = $1",
            vec![hostile("agent").into()],
        )
        .await;
        sound("device", &alice.get("/device").await);
        let there = alice.submit("/device", &[("user_code", &code)]).await;
        sound("device code", &arrive(&alice, there).await);
    })
    .await;
}

#[tokio::test]
async fn fx_12_mails_and_invitations_isolate_every_stored_name() {
    on_both(async |app| {
        // Spelled out it is ASCII, so that the mail is not encoded.
        let plain = format!("{MARK}\u{202e}\u{200b}");
        let ben = person(&app, "carl", Some(Role::Member)).await;
        reachable(&app, &ben, "carl@example.com").await;
        meddle(
            &app,
            "UPDATE organizations SET name = $1",
            vec![plain.as_str().into()],
        )
        .await;
        let mut owner = app.owner();
        owner.org.name.clone_from(&plain);
        owner.actor.name.clone_from(&plain);
        invitations::invite(&app.app.registry, &owner, "dora@example.com", Role::Member)
            .await
            .expect("invited");
        let mails = post(&app).await;
        let mail = mails.last().expect("a mail");
        for hidden in ['\u{202e}', '\u{200b}'] {
            assert!(!mail.contains(hidden), "{mail}");
        }
        let page = app.get(&link(mail)).send().await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(page.text().contains("<bdi>zqz[U+202E]"), "{}", page.text());
        assert!(!page.text().contains(HIDDEN), "{}", page.text());
    })
    .await;
}

#[test]
fn fx_12_what_the_crawl_looks_for_is_found() {
    for bad in [
        "<p>zqzorg",
        "<p>a\u{202e}",
        "<a aria-label=\"\u{202e}\">x",
        "<bdi>a</bdi>zqz",
        "<title>\u{2068}</title>",
    ] {
        assert_eq!(wrongs(bad).len(), 1, "{bad}");
    }
    for good in [
        "<bdi>zqzorg[U+202E]</bdi>",
        "<title>zqz</title>",
        "<input value=\"\u{202e}\">",
    ] {
        assert!(wrongs(good).is_empty(), "{good}");
    }
}
