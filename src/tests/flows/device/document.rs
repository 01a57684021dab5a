//! The commands of the documents, as a developer would send them.

use super::*;
use crate::tests::{
    browser::{PASSWORD, person},
    docs,
};

/// Carries out the curl commands of a document, one after the other.
async fn carry_out(app: &TestApp, command: &str, variables: &[(&str, &str)]) -> Answer {
    let filled = variables.iter().fold(command.to_owned(), |text, (name, value)| {
        text.replace(&format!("${name}"), value)
    });
    let words = docs::words(&filled).concat();
    assert_eq!(words[0], "curl", "{filled}");
    let (mut form, mut user, mut path) = (Vec::new(), None, "");
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-d" => form.extend(rest.next().expect("a value").split_once('=')),
            "-u" => user = rest.next().and_then(|pair| pair.split_once(':')),
            url => path = url.strip_prefix("http://localhost:8080").expect("this server"),
        }
    }
    let call = app.post(path);
    let call = match user {
        Some((id, secret)) => call.basic(&TestClient {
            id: id.to_owned(),
            secret: secret.to_owned(),
        }),
        None => call,
    };
    call.form(&form).await
}

fn commands(path: &str) -> Vec<String> {
    let text = docs::read(path);
    let blocks = docs::blocks(&text, &["sh"]);
    blocks.iter().flat_map(|block| docs::commands(block)).collect()
}

#[tokio::test]
async fn a_device_that_does_what_the_document_says_gets_tokens() {
    on_both(async |app| {
        let device = Draft {
            scopes: ["openid", "workspace:read"].map(ScopeRef::text).to_vec(),
            ..draft(ApplicationType::Public)
        };
        let (rp, browser) = (Rp::of(&app, device).await, alice(&app).await);
        let commands = commands("docs/device.md");
        let [begin, poll] = commands.as_slice() else {
            panic!("two commands: {commands:?}");
        };
        // The scope of the demonstration is not there.
        let begin = begin.replace("telemetry:read", "workspace:read");
        let id = ("CLIENT_ID", rp.client.id.as_str());
        let begun = carry_out(&app, &begin, &[id]).await.json();
        let example = docs::read("docs/device.md");
        for name in begun.as_object().expect("an object").keys() {
            assert!(example.contains(&format!("\"{name}\": ")), "{name}");
        }
        let code = text(&begun, "device_code");
        let variables = [id, ("DEVICE_CODE", code.as_str())];
        carry_out(&app, poll, &variables)
            .await
            .refused(400, "authorization_pending");
        allow(&browser, &text(&begun, "user_code")).await;
        let tokens = carry_out(&app, poll, &variables).await;
        assert_eq!(tokens.status, 200, "{}", tokens.text());
    })
    .await;
}

#[tokio::test]
async fn a_password_that_is_brought_as_the_document_says_becomes_tokens() {
    on_both_with(&[("legacy.password_grant", "true")], async |app| {
        let portal = Draft {
            grant_types: vec![GrantType::Password],
            redirect_uris: Vec::new(),
            ..web_app(&["workspace:read"])
        };
        let rp = Rp::of(&app, portal).await;
        person(&app, "alice", Some(Role::Member)).await;
        let variables = [
            ("CLIENT_ID", rp.client.id.as_str()),
            ("CLIENT_SECRET", &rp.client.secret),
            ("USERNAME", "alice"),
            ("PASSWORD", PASSWORD),
        ];
        for command in commands("docs/migration.md") {
            let answer = carry_out(&app, &command, &variables).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    })
    .await;
}
