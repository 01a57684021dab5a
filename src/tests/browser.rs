//! A browser as an actor: it keeps cookies, follows its person's wishes, and reads the form token from the page.

use std::cell::RefCell;

use axum::http::{Method, StatusCode};

use super::harness::{Answer, Call, TestApp};
use crate::{
    registry::people::{self, NewAccount},
    secret::Secret,
    store::users::{Role, User},
};

/// The password of everybody in tests.
pub const PASSWORD: &str = "correct horse battery staple 7";

/// One person's browser.
pub struct Browser<'a> {
    app: &'a TestApp,
    cookies: RefCell<Vec<(String, String)>>,
    csrf: RefCell<String>,
}

/// Makes a person with a role in the first organisation.
pub async fn person(app: &TestApp, username: &str, role: Option<Role>) -> User {
    let new = NewAccount {
        username: username.to_owned(),
        display_name: None,
        password: Secret::new(PASSWORD.to_owned()),
    };
    let memberships: Vec<(&str, Role)> = role.map(|role| (app.org.id.as_str(), role)).into_iter().collect();
    people::create(&app.app.registry, new, false, &memberships)
        .await
        .expect("created")
}

impl<'a> Browser<'a> {
    /// A fresh browser.
    pub fn new(app: &'a TestApp) -> Self {
        Self {
            app,
            cookies: RefCell::default(),
            csrf: RefCell::default(),
        }
    }

    /// A browser in which a new person of this role has signed in.
    pub async fn of(app: &'a TestApp, username: &str, role: Role) -> Self {
        person(app, username, Some(role)).await;
        let browser = Self::new(app);
        browser.sign_in(username).await;
        browser
    }

    /// Signs in with the password of everybody.
    pub async fn sign_in(&self, username: &str) {
        let answer = self
            .submit("/login", &[("username", username), ("password", PASSWORD)])
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        // Any page tells the form token of the new session.
        self.get("/me/preferences").await;
    }

    /// The value of the session cookie.
    pub fn session(&self) -> Option<String> {
        let cookies = self.cookies.borrow();
        cookies
            .iter()
            .find(|(name, _)| name == "oauthority")
            .map(|(_, v)| v.clone())
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.cookies.borrow();
        cookies
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, v)| v.clone())
    }

    /// Replaces a cookie.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.keep(name, value);
    }

    /// Replaces the session cookie.
    pub fn set_session(&self, value: &str) {
        self.keep("oauthority", value);
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], &[]).await
    }

    /// Opens a page with a header.
    pub async fn get_with(&self, path: &str, headers: &[(&'static str, &str)]) -> Answer {
        self.send(Method::GET, path, &[], headers).await
    }

    /// Posts a form with the form token of the last page.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.borrow().clone();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.send(Method::POST, path, &all, &[]).await
    }

    /// Posts a form as it is.
    pub async fn post_with(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&'static str, &str)],
    ) -> Answer {
        self.send(Method::POST, path, fields, headers).await
    }

    /// The form token of the last page.
    pub fn csrf(&self) -> String {
        self.csrf.borrow().clone()
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&'static str, &str)],
    ) -> Answer {
        let posts = method == Method::POST;
        let call = self.call(method, path, headers);
        let answer = if posts {
            call.form(fields).await
        } else {
            call.send().await
        };
        self.read(&answer);
        answer
    }

    /// Posts JSON as the script does.
    pub async fn json(&self, path: &str, body: &serde_json::Value) -> Answer {
        let answer = self.call(Method::POST, path, &[]).json(body).await;
        self.read(&answer);
        answer
    }

    /// A request with all cookies.
    fn call(&self, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Call<'a> {
        let mut call = self.app.call(method, path);
        let cookies: Vec<String> = self
            .cookies
            .borrow()
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        if !cookies.is_empty() {
            call = call.header("cookie", &cookies.join("; "));
        }
        for (name, value) in headers {
            call = call.header(name, value);
        }
        call
    }

    /// Keeps the cookies and the form token of an answer.
    fn read(&self, answer: &Answer) {
        for line in answer.headers.get_all("set-cookie") {
            let text = line.to_str().expect("ASCII");
            let (name, value) = text
                .split(';')
                .next()
                .and_then(|p| p.split_once('='))
                .expect("a cookie");
            self.keep(name, value);
        }
        if let Some((_, rest)) = answer.text().split_once("name=\"csrf\" value=\"") {
            *self.csrf.borrow_mut() = rest.split('"').next().unwrap_or_default().to_owned();
        }
    }

    fn keep(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.borrow_mut();
        cookies.retain(|(known, _)| known != name);
        if !value.is_empty() {
            cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}
