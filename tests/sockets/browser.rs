//! A person's browser, without scripts: cookies, forms, and no redirect that nobody asked for.

use std::collections::BTreeMap;

use reqwest::{Client as Http, RequestBuilder, Response, StatusCode, header};

use crate::server::{Outcome, PASSWORD, Server};

/// A browser at one server.
pub struct Browser {
    http: Http,
    base: String,
    cookies: BTreeMap<String, String>,
    /// The address that a trusted proxy tells; empty for none.
    address: String,
}

/// What a page answered.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    /// Where it leads, if it redirects; empty otherwise.
    pub location: String,
    pub html: String,
}

impl Page {
    /// The value of the first field with this name; empty if there is none.
    pub fn field(&self, name: &str) -> &str {
        let marker = format!("name=\"{name}\"");
        let Some(at) = self.html.find(&marker) else {
            return "";
        };
        let tag = self.html[at..].split('>').next().unwrap_or_default();
        tag.split_once("value=\"")
            .and_then(|(_, rest)| rest.split('"').next())
            .unwrap_or_default()
    }
}

impl Browser {
    /// A browser that was never there before.
    pub fn new(server: &Server) -> Self {
        Self {
            http: server.http.clone(),
            base: server.base.clone(),
            cookies: BTreeMap::new(),
            address: String::new(),
        }
    }

    /// The same, seen from this address through a trusted proxy.
    pub fn seen_at(self, address: &str) -> Self {
        Self {
            address: address.to_owned(),
            ..self
        }
    }

    /// A browser in which somebody signed in with the password.
    ///
    /// # Errors
    /// When that did not lead to a session.
    pub async fn signed_in(server: &Server, username: &str) -> Outcome<Self> {
        let mut browser = Self::new(server);
        let page = browser
            .post("/login", &[("username", username), ("password", PASSWORD)])
            .await?;
        if page.status != StatusCode::SEE_OTHER || browser.cookies.is_empty() {
            return Err(format!("{username} is not signed in: {page:?}").into());
        }
        Ok(browser)
    }

    /// Opens a path, or a URL of the server.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn get(&mut self, path: &str) -> Outcome<Page> {
        let call = self.http.get(self.url(path));
        self.send(call).await
    }

    /// Sends a form to a path.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Outcome<Page> {
        let call = self
            .http
            .post(self.url(path))
            .header("sec-fetch-site", "same-origin")
            .form(form);
        self.send(call).await
    }

    /// Opens a path and sends a form back to it with the token that its page carries.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn submit(&mut self, path: &str, form: &[(&str, &str)]) -> Outcome<Page> {
        let page = self.get(path).await?;
        let mut all = vec![("csrf", page.field("csrf"))];
        all.extend_from_slice(form);
        self.post(path, &all).await
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            path.to_owned()
        }
    }

    async fn send(&mut self, call: RequestBuilder) -> Outcome<Page> {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut call = call.header(header::COOKIE, cookies.join("; "));
        if !self.address.is_empty() {
            call = call.header("x-forwarded-for", &self.address);
        }
        let answer = call.send().await?;
        self.keep(&answer);
        let location = answer
            .headers()
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok());
        Ok(Page {
            status: answer.status(),
            location: location.unwrap_or_default().to_owned(),
            html: answer.text().await?,
        })
    }

    fn keep(&mut self, answer: &Response) {
        for line in answer.headers().get_all(header::SET_COOKIE) {
            let pair = line
                .to_str()
                .unwrap_or_default()
                .split(';')
                .next()
                .unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
