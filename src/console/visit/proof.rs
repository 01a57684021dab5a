//! A proof of who acts, without losing what was typed: the form comes back as hidden fields beside one for the password
//! and, where there is a second factor, one for a code; then it goes to where it was going. A passkey proves both: the
//! script asks for it and sends the form on.

use axum::{
    http::{StatusCode, request::Parts},
    response::Response,
};
use maud::html;

use super::{Section, Visit};
use crate::{
    browser::accounts,
    error::Result as Outcome,
    oauth::refusal::Code,
    registry::{assurance::Missing, factors, guessing, passkeys, sign_in},
    secret::Secret,
    ui::{
        factor::{PasskeyAction, code_field, passkey_button, passkey_trouble},
        form::{self, ErrorSummary},
        page::Page,
    },
};

impl Visit {
    /// A password that a form carries along proves anew who acts; see [`Visit::trouble`].
    pub(super) async fn confirm_password(&mut self, parts: &Parts) -> Result<(), Response> {
        let password = self.form.exact("confirm_password").to_owned();
        if password.is_empty() {
            return Ok(());
        }
        match self.confirm(parts, password).await {
            Ok(()) => Ok(()),
            Err(error) => match error.refusal() {
                Some(refusal) if refusal.code == Code::Unauthenticated || guessing::is_shut(refusal) => {
                    let wrong = refusal.description.to_string();
                    Err(self.ask_password(&wrong))
                }
                _ => Err(self.trouble(error)),
            },
        }
    }

    async fn confirm(&mut self, parts: &Parts, password: String) -> Outcome<()> {
        let accounts = accounts::all(&self.app, &parts.headers).await?;
        let browser = accounts::browser(&self.app, parts, &accounts);
        let signed_in = sign_in::confirm(
            &self.app.registry,
            &self.visitor.user,
            Secret::new(password),
            self.form.one("confirm_code"),
            &browser,
        )
        .await?;
        self.cookies
            .extend(accounts::signed_in(&self.app, &accounts, &signed_in));
        self.visitor.csrf = self.app.registry.keyring.csrf(&signed_in.session.digest);
        self.visitor.session = signed_in.session;
        Ok(())
    }

    /// `wrong` says why the last proof was none; empty at first.
    pub(super) fn ask_password(&self, wrong: &str) -> Response {
        let page = Page {
            title: "Enter your password to go on".to_owned(),
            error: !wrong.is_empty(),
            narrow: true,
            ..Page::default()
        };
        let errors = ErrorSummary::of_one("confirm_password", wrong);
        let why = match self.assurance().missing(self.now) {
            Some(Missing::Strength) => "This needs a sign-in with your second factor.",
            _ => "This needs a sign-in not older than 15 minutes.",
        };
        let passkey = self.factors.passkeys > 0 && passkeys::available(&self.app.registry);
        let content = html! {
            @if !wrong.is_empty() { (errors) }
            form.card.stack.lg method="post" action=(self.here) novalidate data-resume {
                (form::csrf(&self.visitor.csrf))
                @for (name, value) in self.form.fields() {
                    @if !matches!(name, "csrf" | "confirm_password" | "confirm_code") { (form::hidden(name, value)) }
                }
                p { (why) " What you entered is kept; nothing has been changed yet." }
                (form::Field {
                    label: "Password",
                    name: "confirm_password",
                    kind: form::Kind::Password,
                    autocomplete: "current-password",
                    error: wrong,
                    autofocus: true,
                    ..form::Field::default()
                })
                @if factors::any(self.factors) { (code_field("confirm_code", "Code", "", true)) }
                (passkey_trouble())
                div.actions {
                    (form::primary("Go on"))
                    @if passkey { (passkey_button(PasskeyAction::ProveOwn, "Use a passkey", false)) }
                }
            }
        };
        self.page(Section::Personal, StatusCode::FORBIDDEN, &page, &content)
    }
}
