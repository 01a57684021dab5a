//! Proving who one is: lock-out, second factors, several accounts in one browser, sessions.

mod accounts; // several in one browser
mod guessing; // what is guessed is capped, and nobody is shut out by it
mod lockout; // who guesses shuts out himself
mod passkeys; // with an authenticator in software
mod reset; // operators help
mod second_factor; // codes, recovery codes, set-up on the spot
mod security; // the pages of the person

use axum::http::StatusCode;
use totp_rs::Builder;

use super::{
    browser::{Browser, PASSWORD},
    harness::{Answer, TestApp},
};
use crate::{
    registry::{
        Registry, sessions,
        sessions::SignedIn,
        sign_in::{self, Progress},
    },
    secret::Secret,
    store::users::User,
    time::Timestamp,
};

/// A browser that nobody has used.
pub fn browser_at(ip: &str) -> sessions::Browser {
    sessions::Browser {
        ip: ip.parse().expect("an address"),
        user_agent: String::new(),
        request_id: String::new(),
        known: String::new(),
        sessions: Vec::new(),
    }
}

/// Signs in with a password that is enough.
pub async fn signs_in(registry: &Registry, username: &str, password: Secret<String>) -> SignedIn {
    let from = browser_at("127.0.0.1");
    let proof = sign_in::password(registry, username, password, &from)
        .await
        .expect("the right password");
    let asked = crate::oauth::authentication::SINGLE_FACTOR;
    match sign_in::go_on(registry, proof, asked, &from)
        .await
        .expect("goes on")
    {
        Progress::Done(signed_in) => *signed_in,
        _ => panic!("this account needs more than a password"),
    }
}

/// An authenticator app.
pub struct App {
    secret: String,
}

impl App {
    /// The code it shows now.
    pub fn code(&self, app: &TestApp) -> String {
        self.code_at(app.clock.now())
    }

    /// The code it shows at another time.
    fn code_at(&self, at: Timestamp) -> String {
        let secret = totp_rs::Secret::try_from_base32(&self.secret).expect("base32");
        let totp = Builder::new().with_secret(secret).build().expect("a secret");
        let at = u64::try_from(at.seconds()).expect("after 1970");
        totp.generate(at).to_string()
    }
}

/// What stands between two texts of a page.
fn between(page: &Answer, before: &str, after: &str) -> String {
    let text = page.text();
    let (_, rest) = text
        .split_once(before)
        .unwrap_or_else(|| panic!("no {before:?} in {text}"));
    rest.split(after).next().unwrap_or_default().to_owned()
}

fn hidden(page: &Answer, name: &str) -> String {
    between(page, &format!("name=\"{name}\" value=\""), "\"")
}

/// The secret that a page offers.
fn offered(page: &Answer) -> App {
    let text = between(page, "id=\"totp-secret\" translate=\"no\">", "<");
    App {
        secret: text.replace(' ', ""),
    }
}

/// The recovery codes that a page shows.
fn codes(page: &Answer) -> Vec<String> {
    let text = between(page, "id=\"codes\"", "</pre>");
    let (_, text) = text.split_once('>').expect("the end of the tag");
    text.split_whitespace().map(str::to_owned).collect()
}

/// Sets up an app on the security page; the recovery codes that come with it.
pub async fn set_up_app(app: &TestApp, browser: &Browser<'_>) -> (App, Vec<String>) {
    let page = browser.get("/me/security/app").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let (device, sealed) = (offered(&page), hidden(&page, "sealed"));
    let code = device.code(app);
    let done = browser
        .submit("/me/security/app", &[("sealed", &sealed), ("code", &code)])
        .await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    (device, codes(&done))
}

/// Enters the password.
async fn password(browser: &Browser<'_>, username: &str) -> Answer {
    browser
        .submit("/login", &[("username", username), ("password", PASSWORD)])
        .await
}

/// Whether the browser is signed in.
async fn is_signed_in(browser: &Browser<'_>) -> bool {
    browser.get("/me/preferences").await.status == StatusCode::OK
}

/// The events of a kind in the first organisation.
async fn events(app: &TestApp, action: &str) -> Vec<crate::store::audit::Event> {
    let filter = crate::store::audit::Filter::default();
    let all = crate::store::audit::list(app.db(), &app.org.id, &filter, 500).await;
    all.expect("read")
        .into_iter()
        .filter(|event| event.action == action)
        .collect()
}

async fn user(app: &TestApp, username: &str) -> User {
    crate::store::users::find_by_username(app.db(), username)
        .await
        .expect("read")
        .expect("there")
}
