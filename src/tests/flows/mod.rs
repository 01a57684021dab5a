//! From the first redirect to the last token, through the pages that a person meets.

mod attacks; // what others fell for
mod authorize; // the authorization endpoint
mod backchannel; // clients hear that somebody signed out
mod code; // authorization codes at the token endpoint
mod conformance; // as the OpenID certification asks
pub mod consent; // the page that asks
mod consent_changes; // what changes while somebody looks at it
mod device; // device codes, from the device to the page and back
mod granted; // as an organisation sees it
mod interaction; // one answer, to one person
mod legacy; // the password and the implicit grant
mod logout; // an app asks to sign out
mod native; // apps on people's own machines
mod openid; // ID tokens and what a request may ask for
mod races; // many at once
mod refresh; // refresh tokens
mod relying_party; // a client library that is not ours
mod resources; // resource indicators
mod taken_back; // refresh tokens, revoked and introspected
mod userinfo; // claims about a person

use serde_json::Value as Json;
use url::{Url, form_urlencoded};

use super::{
    browser::Browser,
    harness::{Answer, TestApp, TestClient, on_both, on_both_with, signing_in},
};
use crate::{
    db::{Batch, Statement},
    oauth::client::{ApplicationType, GrantType},
    registry::{
        announce,
        client_input::{Draft, ScopeRef},
    },
    store::{
        self, changes,
        grants::Which,
        users::{Role, User},
    },
};

/// RFC 7636 Appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const CALLBACK: &str = "https://app.example/callback";
/// What the client wants to hear back.
pub const STATE: &str = "s t&a=t%e+\"é";

/// An app where people sign in, as its developer sees it.
#[derive(Clone)]
pub struct Rp {
    pub client: TestClient,
    pub redirect_uri: String,
}

/// The draft of a web app with everything that a person's flow can use; nobody is asked.
pub fn web_app(scopes: &[&str]) -> Draft {
    Draft {
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: scopes.iter().map(|scope| ScopeRef::text(*scope)).collect(),
        ..signing_in(ApplicationType::Web)
    }
}

/// The same, of which people are asked.
pub fn asking(scopes: &[&str]) -> Draft {
    Draft {
        require_consent: true,
        ..web_app(scopes)
    }
}

/// The same without a secret, in the browser.
pub fn public_app(scopes: &[&str]) -> Draft {
    Draft {
        application_type: ApplicationType::UserAgentBased,
        ..web_app(scopes)
    }
}

/// What a web app of the tests may ask for.
pub const SCOPES: [&str; 7] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
    "workspace:read",
];

impl Rp {
    /// A web app of the first organisation.
    pub async fn web(app: &TestApp) -> Self {
        Self::of(app, web_app(&SCOPES)).await
    }

    /// A client of the first organisation.
    pub async fn of(app: &TestApp, draft: Draft) -> Self {
        let redirect_uri = draft.redirect_uris.first().cloned().unwrap_or_default();
        Self {
            client: app.client(&app.org, draft).await,
            redirect_uri,
        }
    }

    /// The URL of an authorization request; `more` replaces and adds parameters, an empty value takes one away.
    pub fn url(&self, more: &[(&str, &str)]) -> String {
        let mut params = vec![
            ("response_type", "code"),
            ("client_id", &self.client.id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", "openid workspace:read"),
            ("state", STATE),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        params.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        params.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(params)
            .finish();
        format!("/oauth2/authorize?{query}")
    }

    /// Sends a browser there and follows our own redirects: ends at a page of ours or at the client.
    pub async fn authorize(&self, browser: &Browser<'_>, more: &[(&str, &str)]) -> Answer {
        follow(browser, &self.url(more)).await
    }

    /// A code, when nothing stands in the way but the page that everybody sees who comes back to their own machine.
    pub async fn code(&self, browser: &Browser<'_>, more: &[(&str, &str)]) -> String {
        let answer = self.authorize(browser, more).await;
        let answer = allowed_here(browser, answer, &self.redirect_uri).await;
        param(&answer, "code")
            .unwrap_or_else(|| panic!("no code: {} {}", answer.header("location"), answer.text()))
    }

    /// Redeems a code; `more` replaces and adds parameters, an empty value takes one away.
    pub async fn redeem(&self, app: &TestApp, code: &str, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        form.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        form.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        self.ask(app, &form).await
    }

    /// Uses a refresh token.
    pub async fn refresh(&self, app: &TestApp, token: &str, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        form.extend(more);
        self.ask(app, &form).await
    }

    /// Asks the token endpoint, as this client.
    pub async fn ask(&self, app: &TestApp, form: &[(&str, &str)]) -> Answer {
        if self.client.secret.is_empty() {
            let mut form = form.to_vec();
            form.push(("client_id", &self.client.id));
            return app.post("/oauth2/token").form(&form).await;
        }
        app.post("/oauth2/token").basic(&self.client).form(form).await
    }

    /// Tokens of a person, when nothing stands in the way.
    pub async fn tokens(&self, app: &TestApp, browser: &Browser<'_>, more: &[(&str, &str)]) -> Json {
        let code = self.code(browser, more).await;
        let answer = self.redeem(app, &code, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

/// The answer after the page that an app on one's own machine shows each time; any other as it is.
pub async fn allowed_here(browser: &Browser<'_>, answer: Answer, redirect_uri: &str) -> Answer {
    if redirect_uri.starts_with("https://") || !answer.text().contains("id=\"consent\"") {
        return answer;
    }
    say(browser, &answer, "allow", &[]).await
}

/// Opens a page and follows redirects within this server.
pub async fn follow(browser: &Browser<'_>, path: &str) -> Answer {
    let mut answer = browser.get(path).await;
    for _ in 0..8 {
        let location = answer.header("location").to_owned();
        if !answer.status.is_redirection() || !location.starts_with('/') {
            return answer;
        }
        answer = browser.get(&location).await;
    }
    panic!("too many redirects from {path}");
}

/// A parameter of the redirect to a client.
pub fn param(answer: &Answer, name: &str) -> Option<String> {
    let url = Url::parse(answer.header("location")).ok()?;
    let found = url.query_pairs().find(|(known, _)| known == name)?;
    Some(found.1.into_owned())
}

/// The names of the parameters of a redirect to a client.
pub fn params(answer: &Answer) -> Vec<String> {
    let url = Url::parse(answer.header("location")).expect("a redirect to a client");
    url.query_pairs().map(|(name, _)| name.into_owned()).collect()
}

/// A text of an answer.
pub fn text(json: &Json, name: &str) -> String {
    json[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {json}"))
        .to_owned()
}

/// The payload of a JWT, unverified.
pub fn payload(token: &str) -> Json {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    let part = token.split('.').nth(1).expect("a JWT");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

/// A browser in which Alice, a member of the first organisation, is signed in.
pub async fn alice(app: &TestApp) -> Browser<'_> {
    Browser::of(app, "alice", Role::Member).await
}

/// Asserts that the client is told this, with its state and the issuer, and gets no code.
#[track_caller]
pub fn told(app: &TestApp, answer: &Answer, error: &str) {
    let location = answer.header("location");
    assert!(location.starts_with(CALLBACK), "{location}{}", answer.text());
    assert_eq!(param(answer, "error").as_deref(), Some(error), "{location}");
    // What fails on our side has no reference.
    let ours = matches!(error, "server_error" | "temporarily_unavailable");
    let mut names = vec!["error", "error_description", "error_uri", "state", "iss"];
    names.retain(|name| !ours || *name != "error_uri");
    assert_eq!(params(answer), names, "{location}");
    assert_eq!(param(answer, "state").as_deref(), Some(STATE));
    assert_eq!(param(answer, "iss").as_deref(), Some(issuer(app)));
}

/// Asserts that the person sees a page and is sent nowhere.
#[track_caller]
pub fn shown(answer: &Answer) {
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.header("location"), "");
    assert!(answer.text().contains("The app sent a request we cannot trust"));
}

/// What this server calls itself.
pub fn issuer(app: &TestApp) -> &str {
    app.app.registry.config.issuer.as_str()
}

/// The value of a hidden field of a page.
#[track_caller]
pub fn field(page: &Answer, name: &str) -> String {
    let text = page.text();
    let (_, rest) = text
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("no {name} in {} {text}", page.header("location")));
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// Answers the consent page, with these optional scopes ticked.
pub async fn say(browser: &Browser<'_>, page: &Answer, word: &str, ticked: &[&str]) -> Answer {
    let tx = field(page, "tx");
    let mut form = vec![("tx", tx.as_str()), ("answer", word)];
    form.extend(ticked.iter().map(|scope| ("scope", *scope)));
    browser.submit("/consent", &form).await
}

/// How many codes were ever issued.
pub async fn codes(app: &TestApp) -> i64 {
    let rows = app.db().read("SELECT COUNT(*) FROM authorization_codes", vec![]);
    let mut row = rows.await.expect("read").pop().expect("a row");
    row.next().expect("a number")
}

/// The person with this name.
pub async fn user(app: &TestApp, username: &str) -> User {
    let found = store::users::find_by_username(app.db(), username).await;
    found.expect("read").expect("there")
}

/// Ends what a person gave: all of it, or what he gave one client.
pub async fn end(app: &TestApp, which: Which<'_>, user_id: &str, more: Batch) {
    let now = app.clock.now();
    let mut batch = more;
    batch.push(store::grants::revoke(which, "test", now));
    announce(&mut batch, changes::Kind::Person, user_id, now);
    app.app.registry.live.commit(batch).await.expect("committed");
}

/// Whether a token counts, as its client is told.
pub async fn is_active(app: &TestApp, rp: &Rp, token: &str) -> bool {
    app.introspect(&rp.client, token).await["active"] == true
}

/// Makes somebody inactive, and ends what he gave with it.
pub async fn deactivate(app: &TestApp, user_id: &str) {
    let sql = "UPDATE users SET status = 'inactive' WHERE id = $1";
    let inactive = Statement::new(sql, vec![user_id.into()]);
    end(app, Which::User(user_id), user_id, inactive.into()).await;
}
