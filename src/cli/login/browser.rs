//! Signing in with a browser on this machine: the answer comes to a port that we listen at for as long as it takes.
//! [RFC 8252 §7.3](https://www.rfc-editor.org/rfc/rfc8252#section-7.3)

use std::{
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use maud::{DOCTYPE, html};
use reqwest::Url;
use serde_json::Value as Json;
use tokio::{net::TcpListener, sync::oneshot, time};

use super::{Wish, discovery::Server};
use crate::{
    cli::{
        Terminal,
        connection::Connection,
        exit::{Exit, Failure, Result},
    },
    oauth::pkce::Challenge,
    secret::Entropy,
};

/// How long a browser may take to read our last page.
const GOODBYE: Duration = Duration::from_secs(2);

/// The program that opens a browser here, if there can be one. Over SSH it would open elsewhere, if at all.
pub fn opener(terminal: &Terminal) -> Option<&'static str> {
    let is_set = |name: &str| terminal.variable(name).is_some();
    if is_set("SSH_CONNECTION") || is_set("SSH_TTY") {
        None
    } else if cfg!(target_os = "macos") {
        Some("open")
    } else {
        (is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")).then_some("xdg-open")
    }
}

/// Gets tokens for whoever signs in.
///
/// # Errors
/// When he refuses, or nobody does in time; as the server says.
pub async fn tokens(connection: &mut Connection<'_>, server: &Server, wish: &Wish<'_>) -> Result<Json> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let redirect_uri = format!("http://127.0.0.1:{}/callback", listener.local_addr()?.port());
    let entropy = Entropy::system();
    let (state, verifier) = (entropy.token(24), entropy.token(32));
    let mut url = server.authorization.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", wish.client_id)
        .append_pair("redirect_uri", &redirect_uri)
        .append_pair("scope", wish.scope)
        .append_pair("state", &state)
        .append_pair("code_challenge", Challenge::of(&verifier).as_str())
        .append_pair("code_challenge_method", "S256");
    if let Some(class) = wish.proof.acr_values {
        url.query_pairs_mut().append_pair("acr_values", class);
    }
    if let Some(age) = wish.proof.max_age {
        url.query_pairs_mut().append_pair("max_age", &age.to_string());
    }
    show(connection, &url);
    let expected = Expected {
        state,
        issuer: server.issuer.clone(),
    };
    let code = wait(listener, expected, wish.patience).await?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", &verifier),
        ("client_id", wish.client_id),
    ];
    Ok(connection.public_form(server.token.clone(), &form).await?.body)
}

/// Opens the page, if that can be done, and says where it is in any case.
fn show(connection: &mut Connection<'_>, url: &Url) {
    let opened = opener(connection.terminal).is_some_and(|program| {
        std::process::Command::new(program)
            .arg(url.as_str())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .is_ok()
    });
    connection.terminal.say(if opened {
        "Sign in on the page that opens in your browser. If none does, open this one on this machine:"
    } else {
        "Open this page in a browser on this machine, and sign in:"
    });
    connection.terminal.say(&format!("\n  {url}\n"));
}

/// What an answer must say to be the one to our request.
struct Expected {
    state: String,
    issuer: String,
}

type Told = Result<String>;

struct Desk {
    expected: Expected,
    tell: Mutex<Option<oneshot::Sender<Told>>>,
}

/// The code that the browser brings.
async fn wait(listener: TcpListener, expected: Expected, patience: Duration) -> Told {
    let (tell, told) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let desk = Desk {
        expected,
        tell: Mutex::new(Some(tell)),
    };
    let router = Router::new()
        .route("/callback", get(callback))
        .with_state(Arc::new(desk));
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move { drop(stopped.await) });
    let serving = tokio::spawn(serving.into_future());
    let answer = time::timeout(patience, told).await;
    drop(stop);
    let end = serving.abort_handle();
    if time::timeout(GOODBYE, serving).await.is_err() {
        end.abort();
    }
    match answer {
        Ok(Ok(answer)) => answer,
        _ => Err(Failure::new(
            Exit::SignInNeeded,
            format!(
                "nobody signed in within {} seconds: run `oauthority login` again, or with --device",
                patience.as_secs()
            ),
        )),
    }
}

async fn callback(State(desk): State<Arc<Desk>>, RawQuery(query): RawQuery) -> Response {
    let Some(answer) = read(query.as_deref().unwrap_or_default(), &desk.expected) else {
        let words = "This answer does not belong to the sign-in that the terminal waits for.";
        return page(StatusCode::BAD_REQUEST, "Nothing was done", words);
    };
    let (title, words) = match &answer {
        Ok(_) => (
            "You are signed in",
            "You can close this page and go back to the terminal.",
        ),
        Err(_) => (
            "You are not signed in",
            "The terminal says why. You can close this page.",
        ),
    };
    let tell = desk.tell.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(tell) = tell {
        // The command may have given up meanwhile.
        drop(tell.send(answer));
    }
    page(StatusCode::OK, title, words)
}

/// The code of an answer, or why there is none; `None` for an answer to somebody else's request, which must not end
/// ours.
fn read(query: &str, expected: &Expected) -> Option<Told> {
    let one = |name: &str| {
        let mut found = url::form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known == name);
        let first = found.next().map(|(_, value)| value.into_owned());
        first.filter(|_| found.next().is_none())
    };
    // RFC 6749 §10.12
    if one("state")? != expected.state {
        return None;
    }
    // RFC 9207 §2.4
    if one("iss").as_deref() != Some(&expected.issuer) {
        return Some(Err(Failure::new(
            Exit::Unexpected,
            format!("the answer is not from {}: it was not used", expected.issuer),
        )));
    }
    let code = match (one("code"), one("error")) {
        (Some(code), None) => Ok(code),
        (_, error) => {
            let error = error.unwrap_or_else(|| "there is no code in it".to_owned());
            let why = one("error_description").unwrap_or(error);
            let plain: String = why.chars().filter(|c| !c.is_control()).take(300).collect();
            Err(Failure::new(Exit::Forbidden, format!("not signed in: {plain}")))
        }
    };
    Some(code)
}

/// A page that needs nothing but itself.
fn page(status: StatusCode, title: &str, words: &str) -> Response {
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light dark";
                title { (title) " - Oauthority" }
            }
            body { main { h1 { (title) } p { (words) } } }
        }
    };
    let headers: [(HeaderName, &str); 6] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONNECTION, "close"),
        // The code is in the address of this page.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ];
    (status, headers, body.into_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(query: &str) -> Option<Told> {
        let expected = Expected {
            state: "s1".to_owned(),
            issuer: "https://login.example".to_owned(),
        };
        read(query, &expected)
    }

    #[test]
    fn only_the_answer_to_our_request_counts() {
        let iss = "iss=https%3A%2F%2Flogin.example";
        let good = answer(&format!("code=c1&state=s1&{iss}"));
        assert!(matches!(good, Some(Ok(code)) if code == "c1"));
        for other in ["", "code=c1", "code=c1&state=s2", "code=c1&state=s1&state=s1"] {
            assert!(answer(&format!("{other}&{iss}")).is_none(), "{other}");
        }
        for wrong in [
            "code=c1&state=s1",
            "code=c1&state=s1&iss=https%3A%2F%2Fevil.example",
        ] {
            assert!(matches!(answer(wrong), Some(Err(_))), "{wrong}");
        }
        let denied = answer(&format!("error=access_denied&state=s1&{iss}"));
        assert!(matches!(denied, Some(Err(failure)) if failure.exit == Exit::Forbidden));
        let both = answer(&format!("code=c1&error=access_denied&state=s1&{iss}"));
        assert!(matches!(both, Some(Err(_))));
    }
}
