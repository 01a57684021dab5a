//! Requests to a server: who calls, where to, and what its answers mean.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Url, redirect};
use serde_json::Value as Json;

use super::{
    Terminal,
    exit::{Exit, Failure, Result},
    kept::Place,
    login,
    options::Options,
    profile::{self, Profile, Profiles},
    render::View,
    renew,
};
use crate::registry::bootstrap::MANAGEMENT_AUDIENCE;

/// What the API says when the sign-in is too old or too weak (RFC 9470 §3).
const STEP_UP: &str = "insufficient_user_authentication";

/// A server to talk to, with the surroundings of the command.
pub struct Connection<'t> {
    pub terminal: &'t mut Terminal,
    pub view: View,
    /// The name of the profile in use, and what it says.
    pub profile_name: String,
    pub profile: Profile,
    /// The base of every URL.
    pub host: Url,
    org: Option<String>,
    http: reqwest::Client,
    bearer: Option<String>,
    /// Whether a person signed in with `login`, who can do so again.
    signed_in: bool,
    /// Whether a file of clients is carried out; the server keeps that in mind.
    pub by_file: bool,
}

/// An answer that is a success.
pub struct Answer {
    pub body: Json,
    /// The entity tag, for a later change of the same thing.
    pub etag: Option<String>,
}

/// The id and the secret of a client.
pub struct Credentials {
    pub client_id: String,
    pub client_secret: String,
}

impl<'t> Connection<'t> {
    /// Finds out where the server is; sends nothing yet.
    ///
    /// # Errors
    /// A URL that cannot be used; a profile that cannot be read.
    pub fn open(options: &Options, terminal: &'t mut Terminal) -> Result<Self> {
        let profiles = Profiles::read(&profile::path(terminal)?)?;
        let profile_name = profiles.name(options, terminal);
        let profile = profiles.profiles.get(&profile_name).cloned();
        let named = options.profile.is_some() || terminal.variable("OAUTHORITY_PROFILE").is_some();
        let profile = match profile {
            None if named && !profiles.profiles.is_empty() => return Err(profiles.unknown(&profile_name)),
            other => other.unwrap_or_default(),
        };
        let first = |flag: &Option<String>, variable: &str, kept: &Option<String>| {
            let variable = || terminal.variable(variable).map(str::to_owned);
            flag.clone().or_else(variable).or_else(|| kept.clone())
        };
        let host = first(&options.host, "OAUTHORITY_HOST", &profile.host);
        let host = parse_host(host.as_deref().unwrap_or("http://localhost:8080"))?;
        let org = first(&options.org, "OAUTHORITY_ORG", &profile.org);
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .user_agent(concat!("oauthority/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| unreachable(&host, &error))?;
        Ok(Self {
            view: View::new(options, terminal)?,
            terminal,
            profile_name,
            profile,
            host,
            org,
            http,
            bearer: None,
            signed_in: false,
            by_file: false,
        })
    }

    /// The URL of a path; each part is escaped.
    pub fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.host.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    /// The URL of something of the organisation, which the token tells if nobody named it.
    ///
    /// # Errors
    /// As the server says.
    pub async fn of_org(&mut self, parts: &[&str]) -> Result<Url> {
        let org = match &self.org {
            Some(org) => org.clone(),
            None => {
                let me = self.get(self.url(&["api", "v1", "me"])).await?.body;
                let handle = me.pointer("/org/handle").and_then(Json::as_str);
                let handle = handle.ok_or_else(|| Failure::usage("name the organisation: --org HANDLE"))?;
                self.org.insert(handle.to_owned()).clone()
            }
        };
        let mut all = vec!["api", "v1", "orgs", &org];
        all.extend(parts);
        Ok(self.url(&all))
    }

    /// Reads something.
    ///
    /// # Errors
    /// As the server says.
    pub async fn get(&mut self, url: Url) -> Result<Answer> {
        self.send(Method::GET, url, None, None).await
    }

    /// Sends a request with the caller's token. Where the server wants a fresher or stronger sign-in for it, somebody who
    /// signed in and can be asked does so, and it is sent once more.
    ///
    /// # Errors
    /// As the server says.
    pub async fn send(
        &mut self,
        method: Method,
        url: Url,
        body: Option<&Json>,
        etag: Option<&str>,
    ) -> Result<Answer> {
        let refused = match self.send_once(method.clone(), url.clone(), body, etag).await {
            Err(failure) if failure.error() == Some(STEP_UP) => failure,
            other => return other,
        };
        if !self.signed_in || !self.terminal.can_ask {
            return Err(refused);
        }
        login::step_up(self, &refused).await?;
        self.send_once(method, url, body, etag).await
    }

    async fn send_once(
        &mut self,
        method: Method,
        url: Url,
        body: Option<&Json>,
        etag: Option<&str>,
    ) -> Result<Answer> {
        let bearer = self.bearer().await?;
        let mut request = self.http.request(method, url).bearer_auth(bearer);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(etag) = etag {
            request = request.header(reqwest::header::IF_MATCH, etag);
        }
        if self.by_file {
            let agent = concat!("oauthority-file/", env!("CARGO_PKG_VERSION"));
            request = request.header(reqwest::header::USER_AGENT, agent);
        }
        self.exchange(request).await
    }

    /// Sends a form as a client that names itself, as the OAuth endpoints want it.
    ///
    /// # Errors
    /// As the server says.
    pub async fn form(&mut self, url: Url, who: &Credentials, form: &[(&str, &str)]) -> Result<Answer> {
        let request = self
            .http
            .post(url)
            .basic_auth(&who.client_id, Some(&who.client_secret))
            .form(form);
        self.exchange(request).await
    }

    /// Sends a form as a client without a secret, or as nobody.
    ///
    /// # Errors
    /// As the server says.
    pub async fn public_form(&mut self, url: Url, form: &[(&str, &str)]) -> Result<Answer> {
        let request = self.http.post(url).form(form);
        self.exchange(request).await
    }

    /// For whom the token in use acts: the id and the name of the person. Nobody is asked to sign in for it.
    ///
    /// # Errors
    /// As the server says; when the token acts for no person.
    pub async fn person(&mut self) -> Result<(String, String)> {
        let url = self.url(&["api", "v1", "me"]);
        let me = self.send_once(Method::GET, url, None, None).await?.body;
        let text = |path: &str| me.pointer(path).and_then(Json::as_str).map(str::to_owned);
        text("/user/id")
            .zip(text("/user/username"))
            .ok_or_else(|| Failure::new(Exit::Unexpected, "the sign-in acts for no person"))
    }

    /// Reads something that is everybody's.
    ///
    /// # Errors
    /// As the server says.
    pub async fn look(&mut self, url: Url) -> Result<Answer> {
        let request = self.http.get(url);
        self.exchange(request).await
    }

    async fn exchange(&mut self, request: RequestBuilder) -> Result<Answer> {
        let request = request.build().map_err(|error| unreachable(&self.host, &error))?;
        refuse_plain_text(request.url())?;
        let line = format!("{} {}", request.method(), request.url());
        let response = self
            .http
            .execute(request)
            .await
            .map_err(|error| unreachable(&self.host, &error))?;
        let status = response.status();
        if self.terminal.variable("OAUTHORITY_DEBUG") == Some("http") {
            self.terminal.say(&format!("{line} -> {}", status.as_u16()));
        }
        let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let etag = header("etag");
        let challenge = header("www-authenticate");
        let bytes = response
            .bytes()
            .await
            .map_err(|error| unreachable(&self.host, &error))?;
        let body = serde_json::from_slice(&bytes);
        if !status.is_success() {
            let mut failure = Failure::of_problem(status.as_u16(), body.unwrap_or_default());
            if let Some(hint) = self.hint(&failure, challenge.as_deref()) {
                failure.message.push_str(&hint);
            }
            return Err(failure);
        }
        let body = if bytes.is_empty() { Ok(Json::Null) } else { body };
        let body = body.map_err(|_| {
            Failure::new(
                Exit::Unexpected,
                format!("{} did not answer with JSON: is it Oauthority?", self.host),
            )
        })?;
        Ok(Answer { body, etag })
    }

    /// What somebody who signed in can do about a refusal.
    fn hint(&self, failure: &Failure, challenge: Option<&str>) -> Option<String> {
        match (self.signed_in, failure.error()?) {
            (true, STEP_UP) => Some(
                "\n  to do it: run `oauthority login`, then this again; in scripts, call as a service client with \
                 OAUTHORITY_CLIENT_ID and OAUTHORITY_CLIENT_SECRET_FILE"
                    .to_owned(),
            ),
            (false, STEP_UP) => Some(
                "\n  the token acts for a person: run `oauthority login` instead, or in scripts call as a service client \
                 with OAUTHORITY_CLIENT_ID and OAUTHORITY_CLIENT_SECRET_FILE"
                    .to_owned(),
            ),
            (true, "insufficient_scope") => {
                let (_, rest) = challenge?.split_once("scope=\"")?;
                let scope = rest.split('"').next()?;
                Some(format!("\n  to get it: oauthority login --scope {scope}"))
            }
            (true, "invalid_token") => Some("\n  to sign in again: oauthority login".to_owned()),
            _ => None,
        }
    }

    /// The token to call with: from the environment, fetched with the client of the environment, or kept by `login`.
    async fn bearer(&mut self) -> Result<String> {
        if let Some(bearer) = &self.bearer {
            return Ok(bearer.clone());
        }
        let bearer = if let Some(token) = self.terminal.variable("OAUTHORITY_TOKEN") {
            token.to_owned()
        } else if let Some(who) = credentials(self.terminal)? {
            self.fetch_token(&who).await?
        } else if let Some(keeper) = self.profile.sign_in {
            let place = Place::of(&self.profile_name, keeper, self.terminal)?;
            let token = renew::usable(self, &place).await?;
            self.signed_in = true;
            token
        } else {
            self.profile.token.clone().ok_or_else(|| {
                Failure::new(
                    Exit::SignInNeeded,
                    "you are not signed in: run `oauthority login`, or set OAUTHORITY_TOKEN, or OAUTHORITY_CLIENT_ID \
                     and OAUTHORITY_CLIENT_SECRET_FILE",
                )
            })?
        };
        Ok(self.bearer.insert(bearer).clone())
    }

    /// Calls with this token from now on.
    pub fn use_token(&mut self, token: String) {
        self.bearer = Some(token);
    }

    /// A token for the management API.
    ///
    /// # Errors
    /// As the server says.
    pub async fn fetch_token(&mut self, who: &Credentials) -> Result<String> {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", MANAGEMENT_AUDIENCE),
        ];
        let answer = self.form(self.url(&["oauth2", "token"]), who, &form).await?;
        let token = answer.body.get("access_token").and_then(Json::as_str);
        token
            .map(str::to_owned)
            .ok_or_else(|| Failure::new(Exit::Unexpected, "the server gave no token"))
    }
}

/// The client that the environment names, if it names one.
///
/// # Errors
/// A secret file that cannot be read; an id without a secret.
pub fn credentials(terminal: &Terminal) -> Result<Option<Credentials>> {
    let Some(client_id) = terminal.variable("OAUTHORITY_CLIENT_ID") else {
        return Ok(None);
    };
    let client_secret = match terminal.variable("OAUTHORITY_CLIENT_SECRET_FILE") {
        Some(path) => read_secret(path)?,
        None => terminal.variable("OAUTHORITY_CLIENT_SECRET").map(str::to_owned).ok_or_else(|| {
            Failure::usage(
                "OAUTHORITY_CLIENT_ID is set, but neither OAUTHORITY_CLIENT_SECRET_FILE nor OAUTHORITY_CLIENT_SECRET",
            )
        })?,
    };
    Ok(Some(Credentials {
        client_id: client_id.to_owned(),
        client_secret,
    }))
}

/// The secret in a file.
///
/// # Errors
/// When it cannot be read.
pub fn read_secret(path: &str) -> Result<String> {
    let text = std::fs::read_to_string(path);
    let text =
        text.map_err(|error| Failure::usage(format!("cannot read the secret from {path}: {error}")))?;
    Ok(text.trim().to_owned())
}

/// A URL that a server names.
///
/// # Errors
/// When it is none.
pub fn parse_url(text: &str) -> Result<Url> {
    Url::parse(text).map_err(|_| {
        Failure::new(
            Exit::Unexpected,
            format!("the server names `{text}`, which is no URL"),
        )
    })
}

fn parse_host(text: &str) -> Result<Url> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    url.filter(Url::has_host)
        .ok_or_else(|| Failure::usage(format!("`{text}` is not a URL such as https://login.example.com")))
}

/// A token in plain text on the network is everybody's.
fn refuse_plain_text(url: &Url) -> Result<()> {
    let host = url.host_str().unwrap_or_default();
    let local = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    if url.scheme() == "https" || local {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{host} is reached without TLS, so nothing secret is sent there: use https"
    )))
}

fn unreachable(host: &Url, error: &reqwest::Error) -> Failure {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Failure::new(Exit::Network, format!("cannot reach {host}: {cause}"))
}

/// The URL with a query member, if there is a value.
pub fn with(mut url: Url, name: &str, value: Option<&str>) -> Url {
    if let Some(value) = value {
        url.query_pairs_mut().append_pair(name, value);
    }
    url
}
