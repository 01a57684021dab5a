//! What a client got on behalf of a person, and what of it must hold after any crash.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::{StatusCode, header};
use serde_json::{Value as Json, json};
use url::Url;

use crate::server::{ALICE, Credentials, Outcome, PASSWORD, Server};

const CALLBACK: &str = "https://app.example/callback";
/// RFC 7636 Appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What came with one code.
#[derive(Clone, Debug)]
pub struct Family {
    code: String,
    tokens: Option<Tokens>,
    pub state: State,
}

#[derive(Clone, Debug)]
struct Tokens {
    access: String,
    refresh: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The code was received and not used.
    Issued,
    /// The code was sent and not answered.
    Redeeming,
    /// The tokens were received, and work.
    Lives,
    /// The refresh token was sent and not answered.
    Refreshing,
    /// A replay was sent and not answered.
    Replaying,
    /// A replay was answered: nothing works any more.
    Ended,
}

pub type Families = Arc<Mutex<Vec<Family>>>;

/// An app where the person is signed in.
#[derive(Clone, Debug)]
pub struct App {
    client: Credentials,
    cookie: String,
}

impl App {
    /// Registers it, and signs the person in.
    pub async fn of(server: &Server, bearer: &str) -> Outcome<Self> {
        let new = json!({ "name": "Billing", "type": "web", "scopes": ["workspace:read"],
            "require_consent": false, "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"] });
        let form = [("username", ALICE), ("password", PASSWORD)];
        let url = format!("{}/login", server.base);
        let answer = server.http.post(url).form(&form).send().await?;
        let cookie = answer
            .headers()
            .get(header::SET_COOKIE)
            .ok_or("a session")?
            .to_str()?;
        Ok(Self {
            client: server.register(bearer, &new).await?,
            cookie: cookie.split(';').next().unwrap_or_default().to_owned(),
        })
    }

    async fn code(&self, server: &Server) -> Outcome<String> {
        let mut url = Url::parse(&format!("{}/oauth2/authorize", server.base))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client.id)
            .append_pair("redirect_uri", CALLBACK)
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256");
        let call = server.http.get(url).header(header::COOKIE, &self.cookie);
        let answer = call.send().await?;
        let location = answer
            .headers()
            .get(header::LOCATION)
            .ok_or("a redirect")?
            .to_str()?;
        let location = Url::parse(location).map_err(|_| format!("led to {location}"))?;
        let code = location.query_pairs().find(|(name, _)| name == "code");
        Ok(code.ok_or_else(|| format!("no code: {location}"))?.1.into_owned())
    }

    /// `None` when it is refused.
    async fn redeem(&self, server: &Server, code: &str) -> Outcome<Option<Tokens>> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.ask(server, &form).await
    }

    /// `None` when it is refused.
    async fn refresh(&self, server: &Server, token: &str) -> Outcome<Option<Tokens>> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.ask(server, &form).await
    }

    async fn ask(&self, server: &Server, form: &[(&str, &str)]) -> Outcome<Option<Tokens>> {
        let (status, body) = server.post_form("/oauth2/token", &self.client, form).await?;
        let text =
            |name: &str| Ok::<_, String>(body[name].as_str().ok_or(format!("{status}: {body}"))?.to_owned());
        match (status, &body["error"]) {
            (StatusCode::OK, _) => Ok(Some(Tokens {
                access: text("access_token")?,
                refresh: text("refresh_token")?,
            })),
            (StatusCode::BAD_REQUEST, Json::String(error)) if error == "invalid_grant" => Ok(None),
            _ => Err(format!("{status}: {body}").into()),
        }
    }
}

fn change(families: &Families, at: usize, state: State, tokens: Option<Tokens>) {
    let family = &mut families.lock().unwrap_or_else(PoisonError::into_inner)[at];
    family.state = state;
    family.tokens = tokens.or(family.tokens.take());
}

/// Gets codes and tokens, refreshes and replays, until the server is gone.
pub async fn work(server: Arc<Server>, app: App, families: Families) -> Outcome<()> {
    for round in 0.. {
        let code = app.code(&server).await?;
        let at = {
            let mut families = families.lock().unwrap_or_else(PoisonError::into_inner);
            families.push(Family {
                code: code.clone(),
                tokens: None,
                state: State::Issued,
            });
            families.len() - 1
        };
        if round % 5 == 4 {
            continue;
        }
        change(&families, at, State::Redeeming, None);
        let mut tokens = app.redeem(&server, &code).await?.ok_or("a fresh code works")?;
        change(&families, at, State::Lives, Some(tokens.clone()));
        for _ in 0..round % 3 {
            change(&families, at, State::Refreshing, None);
            tokens = app
                .refresh(&server, &tokens.refresh)
                .await?
                .ok_or("the newest works")?;
            change(&families, at, State::Lives, Some(tokens.clone()));
        }
        if round % 4 == 1 {
            change(&families, at, State::Replaying, None);
            let again = app.redeem(&server, &code).await?;
            assert!(again.is_none(), "redeemed twice: {code}");
            change(&families, at, State::Ended, None);
        }
    }
    Ok(())
}

/// Asserts that all of it is as it was acknowledged. What is used up thereby is written down.
pub async fn check(
    server: &Server,
    app: &App,
    watcher: &Credentials,
    families: &mut [Family],
) -> Outcome<()> {
    for family in families {
        let tokens = family.tokens.clone();
        let active = match &tokens {
            Some(tokens) => server.is_active(watcher, &tokens.access).await?,
            None => false,
        };
        match (family.state, tokens) {
            (State::Lives, Some(tokens)) => {
                assert!(active, "{family:?}");
                let next = app.refresh(server, &tokens.refresh).await?;
                assert!(next.is_some(), "{family:?}");
                family.tokens = next;
                continue;
            }
            (State::Refreshing | State::Replaying, Some(tokens)) => {
                // Whether it was written before the crash is open; that it is whole is not.
                let works = app.refresh(server, &tokens.refresh).await?.is_some();
                assert!(active || !works, "{family:?}");
            }
            (State::Ended, Some(tokens)) => {
                let works = app.refresh(server, &tokens.refresh).await?.is_some();
                assert!(!active && !works, "{family:?}");
                continue;
            }
            (State::Issued, _) => {
                // A minute may have passed, and then it is over.
                app.redeem(server, &family.code).await?;
            }
            _ => drop(app.redeem(server, &family.code).await?),
        }
        let again = app.redeem(server, &family.code).await?;
        assert!(again.is_none(), "redeemed twice: {family:?}");
        // It was used, or is over: either way nothing that came of it works.
        if let Some(tokens) = family.tokens.as_ref().filter(|_| family.state != State::Issued) {
            assert!(!server.is_active(watcher, &tokens.access).await?, "{family:?}");
            family.state = State::Ended;
        }
    }
    Ok(())
}
