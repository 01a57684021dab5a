//! The snippets of `docs/webhooks.md` run, on messages that really came.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::json;

use super::*;
use crate::tests::{
    docs::{blocks, read},
    harness::on_both,
};

/// The one code block in this language.
fn snippet(language: &str) -> String {
    let text = read("docs/webhooks.md");
    let found = blocks(&text, &[language]);
    let [block] = found.as_slice() else {
        panic!("{} blocks in {language}", found.len())
    };
    block.join("\n")
}

/// Runs a program with these arguments, and gives what it says.
fn say(program: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(input.as_bytes())
        .expect("written");
    let output = child.wait_with_output().expect("it ends");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program}: {error}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What the snippet of a language says to each case, a letter each.
fn verdicts(language: &str, cases: &Json) -> String {
    let snippet = snippet(language);
    match language {
        "python" => {
            let script = format!(
                "{snippet}\nimport json, sys\nfor c in json.load(sys.stdin):\n    print('y' if verify(c['secret'], \
                 c['headers'], c['body'].encode(), c['now']) else 'n', end='')\n"
            );
            say("python3", &["-c", &script], &cases.to_string())
        }
        _ => {
            let script = format!(
                "{snippet}\nlet text = '';\nfor await (const part of process.stdin) text += part;\nfor (const c of JSON.parse(text)) \
                 process.stdout.write(verify(c.secret, c.headers, c.body, c.now) ? 'y' : 'n');\n"
            );
            say(
                "node",
                &["--input-type=module", "-e", &script],
                &cases.to_string(),
            )
        }
    }
}

#[tokio::test]
async fn both_snippets_tell_our_messages_from_others() {
    on_both(async |app| {
        let receiver = Receiver::start().await;
        let made = hook(&app, &receiver.url, &["client.created"]).await;
        let registry = &app.app.registry;
        let rotated =
            registry_webhooks::rotate(registry, &app.owner(), &made.webhook.id, Lifetime::hours(1)).await;
        let (old, new) = (secret(&made), secret(&rotated.expect("rotated")));
        app.service(&["workspace:read"]).await;
        told(&app).await;
        let message = receiver.heard().remove(0);
        let now = app.clock.now().seconds();
        let case = |secret: &str, id: &str, body: &str, now: i64| {
            json!({
                "secret": secret,
                "headers": {
                    "webhook-id": id,
                    "webhook-timestamp": message.header("webhook-timestamp"),
                    "webhook-signature": message.header("webhook-signature"),
                },
                "body": body,
                "now": now,
            })
        };
        let id = message.header("webhook-id");
        let wrong = format!("whsec_{}", BASE64_STANDARD.encode([1_u8; 32]));
        let cases = json!([
            case(&new, id, &message.body, now),
            case(&old, id, &message.body, now + 299),
            case(&wrong, id, &message.body, now),
            case(&new, "msg_other", &message.body, now),
            case(&new, id, &format!("{} ", message.body), now),
            case(&new, id, &message.body, now + 301),
        ]);
        for language in ["python", "js"] {
            assert_eq!(verdicts(language, &cases), "yynnnn", "{language}");
        }
    })
    .await;
}
