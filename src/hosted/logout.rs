//! An app asks that the person be signed out.
//! [RP-Initiated Logout §2](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout)
//!
//! Who shows an ID token of the person who is signed in need not ask him again; everybody else has to. Nobody is sent on
//! but to an address that the app registered for this, and without an ID token only after the person said that he wants
//! to sign out. A request that names anything else is answered by a page.

use std::sync::Arc;

use axum::{
    extract::{Request, State as Given},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use url::form_urlencoded;

use super::{context, posted, trouble, with_cookies};
use crate::{
    app::{App, State},
    authorize::answer::host_of,
    browser::{
        Form,
        accounts::{self, Account},
    },
    error::Result,
    live,
    oauth::{client::Status, params::Params, redirect::with_query, refusal::Code},
    openid::{
        self, END_SESSION,
        id_token::{Hint, read_hint},
    },
    registry::sessions,
    ui::{
        form,
        headers::{self, Place},
        page::{Card, Theme},
    },
};

/// What a request may say; languages and hints about the account change nothing here.
const KNOWN: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// A request in the query.
pub(super) async fn show(Given(app): Given<State>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    proceed(&app, &parts, query)
        .await
        .unwrap_or_else(|error| trouble(&error, &parts))
}

/// A request in the body: sent on as a query, because the session cookie does not come along with what another site
/// posts.
pub(super) async fn repeat(Given(app): Given<State>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let limit = usize::try_from(app.registry.config.limits.body_bytes).unwrap_or(usize::MAX);
    match Form::read(&parts, body, limit).await {
        Ok(form) => {
            let known = form.fields().filter(|(name, _)| KNOWN.contains(name));
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(known)
                .finish();
            let mut response = Redirect::to(&format!(
                "{}{END_SESSION}?{query}",
                app.registry.config.issuer.path()
            ))
            .into_response();
            headers::protect(&mut response, Place::Transaction);
            response
        }
        Err(error) => trouble(&error, &parts),
    }
}

/// What the person says.
pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Response {
    let (parts, form) = posted(&app, request).await;
    let said: Result<Response> = async {
        let form = form?;
        app.registry.live.fresh().await?;
        let asked = Asked::read(&app, form.exact("request"));
        let accounts = accounts::all(&app, &parts.headers).await?;
        let keyring = &app.registry.keyring;
        // The form is that of one account of this browser.
        let of_form = |account: &&Account| keyring.verify_csrf(&account.session.digest, form.one("csrf"));
        let Some(account) = accounts.iter().find(of_form) else {
            return if accounts.is_empty() {
                Ok(asked.gone(false))
            } else {
                let why =
                    "this form is not from your present session: load the page again and repeat what you did";
                Err(Code::Forbidden.because(why).reason("csrf").into())
            };
        };
        if form.one("answer") != "sign_out" {
            return Ok(asked.stayed(account));
        }
        let id = account.session.id.clone();
        end(&app, &asked, accounts, &id).await
    }
    .await;
    said.unwrap_or_else(|error| trouble(&error, &parts))
}

async fn proceed(app: &App, parts: &Parts, query: &str) -> Result<Response> {
    app.registry.live.fresh().await?;
    let asked = Asked::read(app, query);
    let accounts = accounts::all(app, &parts.headers).await?;
    if let Some(why) = asked.wrong {
        return Ok(asked.refused(why, app, accounts.first(), &context(parts).0));
    }
    if let Some(account) = accounts.iter().find(|account| asked.is_about(app, account)) {
        let id = account.session.id.clone();
        return end(app, &asked, accounts, &id).await;
    }
    // The current account comes first.
    Ok(match accounts.first() {
        Some(account) => asked.question(app, account),
        None => asked.gone(false),
    })
}

/// Ends one of the sessions of this browser.
async fn end(app: &App, asked: &Asked, accounts: Vec<Account>, id: &str) -> Result<Response> {
    let (gone, rest): (Vec<Account>, Vec<Account>) =
        accounts.into_iter().partition(|account| account.session.id == id);
    let gone: Vec<_> = gone.into_iter().map(|account| account.session).collect();
    sessions::end(&app.registry, &gone, "signed_out").await?;
    Ok(with_cookies(asked.gone(true), accounts::left(app, &rest)))
}

/// What an app asks for, as far as it is proven.
struct Asked {
    /// The app, if it is known.
    client: Option<Arc<live::Client>>,
    hint: Option<Hint>,
    /// Where the person goes from here, with the state of the app.
    back: Option<String>,
    /// What is wrong with the request, for the developer of the app.
    wrong: Option<&'static str>,
    /// The request as it came.
    text: String,
}

impl Asked {
    fn read(app: &App, text: &str) -> Self {
        let mut asked = Self {
            client: None,
            hint: None,
            back: None,
            wrong: None,
            text: text.to_owned(),
        };
        asked.wrong = asked.prove(app).err();
        asked
    }

    /// Believes of the request what it proves, and nothing behind the first thing that is wrong.
    fn prove(&mut self, app: &App) -> std::result::Result<(), &'static str> {
        let text = self.text.clone();
        let params = Params::form(text.as_bytes()).map_err(|_| "the request is not readable")?;
        params
            .once(&["ui_locales"])
            .map_err(|_| "a parameter is repeated")?;
        let one = |name| params.one(name).ok().flatten();
        let named = one("client_id");
        let hint = match one("id_token_hint") {
            // Expired ones count as well: people sign out late.
            Some(text) => {
                Some(read_hint(&app.registry, text).ok_or("id_token_hint is no ID token of this server")?)
            }
            None => None,
        };
        if let (Some(hint), Some(named)) = (&hint, named)
            && hint.client_id != named
        {
            return Err("id_token_hint was issued to another client than client_id names");
        }
        let client_id = hint.as_ref().map(|hint| hint.client_id.as_str()).or(named);
        let client = client_id
            .map(|id| {
                let client = app.registry.live.client(id);
                client
                    .filter(|client| client.status == Status::Active)
                    .ok_or("client_id names no client that is active here")
            })
            .transpose()?;
        let back = match one("post_logout_redirect_uri") {
            Some(uri) => Some(back(client.as_deref(), uri, one("state"))?),
            None => None,
        };
        (self.client, self.hint, self.back) = (client, hint, back);
        Ok(())
    }

    /// Whether the app has shown that it means this account.
    fn is_about(&self, app: &App, account: &Account) -> bool {
        let (Some(hint), Some(client)) = (&self.hint, &self.client) else {
            return false;
        };
        hint.session_id.as_ref() == Some(&account.session.id)
            || hint.subject == openid::subject(&app.registry, client, &account.user.id)
    }

    fn app_name(&self) -> Option<&str> {
        let people = self.client.as_ref()?.for_people.as_ref()?;
        Some(&people.name)
    }

    /// The session has ended. Only who has shown an ID token, or asked the person, has him back unasked.
    fn gone(&self, ended: bool) -> Response {
        match &self.back {
            Some(back) if ended || self.hint.is_some() => to(back),
            _ => self.signed_out(),
        }
    }

    fn signed_out(&self) -> Response {
        let content = html! {
            p { "Apps that you used may still know you: sign out there, too." }
            div.actions {
                @if let Some(back) = &self.back { (form::link_button(&format!("Back to {}", host_of(back)), back)) }
                (form::link_button("Sign in", "/login"))
            }
        };
        answer(StatusCode::OK, "You are signed out", None, &content)
    }

    fn stayed(&self, account: &Account) -> Response {
        let home = self.client.as_ref().and_then(|client| client.for_people.as_ref());
        let home = home.and_then(|people| people.home_page.as_deref());
        let content = html! {
            p { "Nothing was changed." }
            div.actions {
                @if let (Some(home), Some(name)) = (home, self.app_name()) { (form::link_button(&format!("Back to {}", crate::oauth::name::isolated(name)), home)) }
                (form::link_button("Go to Oauthority", "/"))
            }
        };
        answer(StatusCode::OK, "You are still signed in", Some(account), &content)
    }

    fn question(&self, app: &App, account: &Account) -> Response {
        let content = html! {
            p #account { "Signed in as " b { (crate::ui::name(&account.user.display_name)) } " (" (account.user.username) ")." }
            @if let Some(name) = self.app_name() { p { b #app { (crate::ui::name(name)) } " asks for this. Other apps that you signed in to from here are signed out with it." } }
            @if let Some(back) = &self.back { p #destination { "Then you go back to " b { (host_of(back)) } "." } }
            (self.buttons(app, account))
        };
        answer(StatusCode::OK, "Sign out?", Some(account), &content)
    }

    /// The page for a request that is not followed; whoever is signed in can still sign out.
    fn refused(&self, why: &str, app: &App, account: Option<&Account>, request_id: &str) -> Response {
        let content = html! {
            p {
                "We do not send you on, because we cannot tell where that would lead. "
                @if account.is_some() { "You can still sign out here." } @else { "You are signed out here." }
            }
            @if let Some(account) = account { (self.buttons(app, account)) }
            details #technical {
                summary { "For the developer of the app" }
                dl.facts {
                    dt { "Error" } dd { code #error translate="no" { "invalid_request" } }
                    dt { "Why" } dd #error-description { (why) }
                    dt { "Request" } dd { code #request-id translate="no" { (request_id) } }
                }
            }
        };
        answer(
            StatusCode::BAD_REQUEST,
            "The app sent a request we cannot trust",
            account,
            &content,
        )
    }

    fn buttons(&self, app: &App, account: &Account) -> Markup {
        html! {
            form #sign-out .stack.lg method="post" action="/logout/confirm" {
                (form::csrf(&accounts::csrf(app, account)))
                (form::hidden("request", &self.text))
                div.actions {
                    button #confirm .btn.primary type="submit" name="answer" value="sign_out" { "Sign out" }
                    button #stay .btn type="submit" name="answer" value="stay" { "Stay signed in" }
                }
            }
        }
    }
}

/// RP-Initiated Logout §3: exactly as it was registered.
fn back(
    client: Option<&live::Client>,
    uri: &str,
    state: Option<&str>,
) -> std::result::Result<String, &'static str> {
    let client = client.ok_or("post_logout_redirect_uri needs an id_token_hint or a client_id")?;
    let registered = client
        .for_people
        .as_ref()
        .map_or(&[][..], |people| &people.post_logout_redirect_uris);
    if !registered.iter().any(|known| known == uri) {
        return Err("post_logout_redirect_uri is not one of those registered for this client");
    }
    Ok(match state {
        Some(state) => with_query(uri, &[("state", state)]),
        None => uri.to_owned(),
    })
}

fn to(uri: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(uri) else {
        // A registered URI is plain ASCII and the rest is encoded.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    headers::protect(&mut response, Place::Transaction);
    response.headers_mut().insert(header::LOCATION, location);
    response
}

fn answer(status: StatusCode, title: &str, account: Option<&Account>, content: &Markup) -> Response {
    let theme = account.and_then(|account| account.user.preferences.theme.as_deref());
    let card = Card {
        title: title.to_owned(),
        error: !status.is_success(),
        theme: theme.and_then(Theme::parse),
        wide: !status.is_success(),
        ..Card::default()
    };
    headers::answer(Place::Transaction, status, card.page(content))
}
