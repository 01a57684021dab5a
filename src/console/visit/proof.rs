//! A password that proves anew who acts, without losing what was typed: the form comes back as hidden fields beside one
//! for the password, and goes to where it was going.

use axum::{http::StatusCode, response::Response};
use maud::html;

use super::{Section, Visit};
use crate::{
    browser,
    oauth::refusal::Code,
    registry::people,
    secret::Secret,
    ui::{form, page::Page},
};

impl Visit {
    /// A password that a form carries along proves anew who acts; see [`Visit::trouble`].
    pub(super) async fn confirm_password(&mut self) -> Result<(), Response> {
        let password = self.form.exact("confirm_password").to_owned();
        if password.is_empty() {
            return Ok(());
        }
        let proven = people::confirm(
            &self.app.registry,
            &self.visitor.session,
            &self.visitor.user,
            Secret::new(password),
        )
        .await;
        match proven {
            Ok(signed_in) => {
                self.cookies
                    .push(browser::set_session(&self.app, Some(&signed_in.cookie)));
                self.visitor.csrf = self.app.registry.keyring.csrf(&signed_in.session.digest);
                self.visitor.session = signed_in.session;
                Ok(())
            }
            Err(error) if error.refusal().is_some_and(|r| r.code == Code::Unauthenticated) => {
                Err(self.ask_password(true))
            }
            Err(error) => Err(self.trouble(error)),
        }
    }

    pub(super) fn ask_password(&self, wrong: bool) -> Response {
        let page = Page {
            title: "Enter your password to go on".to_owned(),
            error: wrong,
            narrow: true,
            ..Page::default()
        };
        let content = html! {
            form.card.stack.lg method="post" action=(self.here) novalidate {
                (form::csrf(&self.visitor.csrf))
                @for (name, value) in self.form.fields() {
                    @if !matches!(name, "csrf" | "confirm_password") { (form::hidden(name, value)) }
                }
                p { "This needs a sign-in not older than 15 minutes. What you entered is kept; nothing has been changed yet." }
                (form::Field {
                    label: "Password",
                    name: "confirm_password",
                    kind: form::Kind::Password,
                    autocomplete: "current-password",
                    error: if wrong { "This is not your password." } else { "" },
                    autofocus: true,
                    ..form::Field::default()
                })
                div.actions { (form::primary("Go on")) }
            }
        };
        self.page(Section::Personal, StatusCode::FORBIDDEN, &page, &content)
    }
}
