//! Signing in with a browser anywhere: the person types a code there, while we ask whether he did.
//! [RFC 8628](https://www.rfc-editor.org/rfc/rfc8628)

use serde_json::Value as Json;

use super::{Wish, discovery::Server};
use crate::{
    cli::{
        connection::Connection,
        exit::{Exit, Failure, Result},
    },
    time::Lifetime,
};

/// RFC 8628 §3.2: if the server does not say.
const INTERVAL: i64 = 5;

/// Gets tokens for whoever types the code.
///
/// # Errors
/// When he refuses, or nobody does in time; as the server says.
pub async fn tokens(connection: &mut Connection<'_>, server: &Server, wish: &Wish<'_>) -> Result<Json> {
    let endpoint = server.device_authorization.clone().ok_or_else(|| {
        Failure::usage("this server does not sign people in by a code: use `oauthority login --web`")
    })?;
    let form = [("client_id", wish.client_id), ("scope", wish.scope)];
    let asked = connection.public_form(endpoint, &form).await?.body;
    let text = |name: &str| asked.get(name).and_then(Json::as_str);
    let whole = (text("device_code"), text("user_code"), text("verification_uri"));
    let (Some(device_code), Some(user_code), Some(page)) = whole else {
        return Err(Failure::new(Exit::Unexpected, "the server gave no code"));
    };
    show(connection, user_code, page, text("verification_uri_complete"));
    let number = |name: &str, usual: i64| asked.get(name).and_then(Json::as_i64).unwrap_or(usual);
    let interval = number("interval", INTERVAL).clamp(1, 60);
    let ends = connection
        .terminal
        .clock
        .now()
        .after(Lifetime::seconds(number("expires_in", 600)));
    poll(connection, server, wish.client_id, device_code, interval, ends).await
}

/// The code, large and in groups, and where to type it.
fn show(connection: &mut Connection<'_>, user_code: &str, page: &str, complete: Option<&str>) {
    let spaced: Vec<String> = user_code.chars().map(String::from).collect();
    let mut lines = format!(
        "Open this page on any device:\n\n    {page}\n\nand type this code:\n\n    {}\n",
        spaced.join(" ")
    );
    if let Some(complete) = complete {
        lines.push_str(&format!(
            "\nOr open it with the code filled in, and compare:\n\n    {complete}\n"
        ));
    }
    lines.push_str("\nNobody but you should ask you for this code. Waiting ...");
    connection.terminal.say(&lines);
}

async fn poll(
    connection: &mut Connection<'_>,
    server: &Server,
    client_id: &str,
    device_code: &str,
    mut interval: i64,
    ends: crate::time::Timestamp,
) -> Result<Json> {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", device_code),
        ("client_id", client_id),
    ];
    let clock = connection.terminal.clock.clone();
    let expired = || {
        let words = "the code has expired: run `oauthority login` again for a new one";
        Failure::new(Exit::SignInNeeded, words)
    };
    loop {
        clock.wait(Lifetime::seconds(interval)).await;
        if clock.now() >= ends {
            return Err(expired());
        }
        let failure = match connection.public_form(server.token.clone(), &form).await {
            Ok(answer) => return Ok(answer.body),
            Err(failure) => failure,
        };
        match failure.error() {
            Some("authorization_pending") => {}
            // RFC 8628 §3.5: for this and all that follow.
            Some("slow_down") => interval += 5,
            Some("access_denied") => {
                let words = "not signed in: it was refused on the page";
                return Err(Failure::new(Exit::Forbidden, words));
            }
            Some("expired_token") => return Err(expired()),
            // RFC 8628 §3.5: back off when the server cannot be reached.
            _ if matches!(failure.exit, Exit::Network | Exit::TryLater) => interval = (interval * 2).min(60),
            _ => return Err(failure),
        }
    }
}
