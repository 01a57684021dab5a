//! The accounts signed in within one browser: the current session in its cookie, the others beside it in a second one.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::{HeaderMap, HeaderValue, header, request::Parts};

use super::{cookie, host_cookie, session_cookie, set_cookie, set_session};
use crate::{
    app::App,
    error::Result,
    observe::RequestContext,
    registry::{
        sessions::{self, Browser, SignedIn},
        sign_in,
    },
    store::{sessions::Session, users::User},
    time::Lifetime,
};

/// How many accounts beside the current one are kept.
const MOST: usize = 5;
/// For how long an account knows a browser that nobody uses.
const KNOWN: Lifetime = Lifetime::days(365);

/// An account that is signed in.
#[derive(Clone, Debug)]
pub struct Account {
    /// The text of its cookie.
    text: String,
    pub session: Session,
    pub user: User,
    /// Whether it is the one that pages are shown to.
    pub current: bool,
}

fn others_name(app: &App) -> &'static str {
    host_cookie!(app, "oauthority-others")
}

fn known_name(app: &App) -> &'static str {
    host_cookie!(app, "oauthority-known")
}

/// The accounts that are signed in, the current one first.
///
/// # Errors
/// When the storage fails.
pub async fn all(app: &App, headers: &HeaderMap) -> Result<Vec<Account>> {
    let current = session_cookie(app, headers);
    let others = cookie(headers, others_name(app)).unwrap_or_default();
    let texts = current.iter().map(String::as_str).chain(others.split('.'));
    let mut found: Vec<Account> = Vec::new();
    for text in texts.filter(|text| text.len() == 43).take(MOST + 1) {
        if let Some((session, user)) = sessions::find(&app.registry, text).await?
            && !found.iter().any(|known| known.user.id == user.id)
        {
            found.push(Account {
                current: current.as_deref() == Some(text),
                text: text.to_owned(),
                session,
                user,
            });
        }
    }
    Ok(found)
}

/// Where a request of somebody who signs in comes from.
pub fn browser(app: &App, parts: &Parts, accounts: &[Account]) -> Browser {
    let context = parts.extensions.get::<RequestContext>();
    let agent = parts
        .headers
        .get(header::USER_AGENT)
        .and_then(|v| v.to_str().ok());
    Browser {
        ip: context.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |c| c.ip),
        user_agent: agent.unwrap_or_default().to_owned(),
        request_id: context.map(|c| c.request_id.clone()).unwrap_or_default(),
        known: cookie(&parts.headers, known_name(app)).unwrap_or_default(),
        sessions: accounts.iter().map(|account| account.session.clone()).collect(),
    }
}

/// The cookie of a browser that an account knows from now on; see [`sign_in::remember_browser`].
pub fn known(app: &App, headers: &HeaderMap, user: &User) -> HeaderValue {
    let name = known_name(app);
    let known = cookie(headers, name).unwrap_or_default();
    let text = sign_in::remember_browser(&app.registry, &known, user);
    set_cookie(app, name, &text, KNOWN.as_seconds())
}

fn set_others<'a>(app: &App, others: impl Iterator<Item = &'a Account>) -> HeaderValue {
    let texts: Vec<&str> = others.take(MOST).map(|account| account.text.as_str()).collect();
    let age = if texts.is_empty() {
        0
    } else {
        app.registry.config.lifetimes.session.as_seconds()
    };
    set_cookie(app, others_name(app), &texts.join("."), age)
}

/// The cookies of a browser in which somebody has just proven who he is: he is the current account, the rest is kept.
pub fn signed_in(app: &App, accounts: &[Account], signed_in: &SignedIn) -> Vec<HeaderValue> {
    let others: Vec<&Account> = accounts
        .iter()
        .filter(|account| account.user.id != signed_in.user.id)
        .collect();
    let mut cookies = vec![
        set_session(app, Some(&signed_in.cookie)),
        set_cookie(app, known_name(app), &signed_in.known, KNOWN.as_seconds()),
    ];
    // Most browsers hold one account, and nothing is said about others.
    if accounts.len() > 1 || !others.is_empty() {
        cookies.push(set_others(app, others.into_iter()));
    }
    cookies
}

/// The cookies that make one of the accounts the current one.
pub fn chosen(app: &App, accounts: &[Account], chosen: &Account) -> Vec<HeaderValue> {
    let others = accounts
        .iter()
        .filter(|account| account.session.id != chosen.session.id);
    vec![set_session(app, Some(&chosen.text)), set_others(app, others)]
}

/// The cookies after some of the accounts signed out. None of the rest becomes the current one by itself.
pub fn left(app: &App, rest: &[Account]) -> Vec<HeaderValue> {
    let current = rest.iter().find(|account| account.current);
    let mut cookies = vec![set_others(app, rest.iter().filter(|account| !account.current))];
    if current.is_none() {
        cookies.insert(0, set_session(app, None));
    }
    cookies
}

/// What a form about this account carries.
pub fn csrf(app: &App, account: &Account) -> String {
    app.registry.keyring.csrf(&account.session.digest)
}
