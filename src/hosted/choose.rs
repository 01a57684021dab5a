//! The accounts signed in within this browser: go on as one of them, or sign in to another.

use axum::{
    extract::{Request, State as Given},
    http::{StatusCode, request::Parts},
    response::Response,
};
use maud::{Markup, html};

use super::{Asked, posted, redirect, trouble, with_cookies};
use crate::{
    app::{App, State},
    browser::{
        Form,
        accounts::{self, Account},
    },
    error::Result,
    oauth::refusal::Code,
    ui::{
        badge::tag,
        form::{csrf, hidden},
        headers,
        icon::Icon,
        page::Card,
    },
};

/// The list.
pub(super) async fn show(Given(app): Given<State>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let asked = Asked::of(&query);
    match accounts::all(&app, &parts.headers).await {
        Ok(accounts) if accounts.is_empty() => redirect(&asked.step("/login"), asked.place()),
        Ok(accounts) => page(&app, &asked, &accounts),
        Err(error) => trouble(&error, &parts),
    }
}

/// Makes an account the current one and goes on.
pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Response {
    let (parts, form) = posted(&app, request).await;
    let chosen = match form {
        Ok(form) => choose(&app, &parts, &form).await,
        Err(error) => Err(error),
    };
    chosen.unwrap_or_else(|error| trouble(&error, &parts))
}

async fn choose(app: &App, parts: &Parts, form: &Form) -> Result<Response> {
    let asked = Asked::of(form);
    let accounts = accounts::all(app, &parts.headers).await?;
    let chosen = accounts.iter().find(|account| {
        account.session.id == form.one("session")
            && app
                .registry
                .keyring
                .verify_csrf(&account.session.digest, form.one("csrf"))
    });
    let Some(chosen) = chosen else {
        let why = "this account is not signed in here any more: load the page again";
        return Err(Code::Forbidden.because(why).reason("csrf").into());
    };
    Ok(with_cookies(
        redirect(&asked.return_to, asked.place()),
        accounts::chosen(app, &accounts, chosen),
    ))
}

fn page(app: &App, asked: &Asked, accounts: &[Account]) -> Response {
    let content = html! {
        div.stack {
            @for account in accounts { (choice(app, asked, account)) }
            a.btn href=(asked.step("/login") + "&other=1") { (Icon::Plus) "Use another account" }
            @if let Some(first) = accounts.first() {
                form.stack method="post" action="/logout" {
                    (csrf(&accounts::csrf(app, first)))
                    (hidden("all", "1"))
                    button.btn.quiet { "Sign out of all accounts" }
                }
            }
        }
    };
    let card = Card {
        title: "Choose an account".to_owned(),
        lead: asked.lead(app),
        ..Card::default()
    };
    headers::answer(asked.place(), StatusCode::OK, card.page(&content))
}

fn choice(app: &App, asked: &Asked, account: &Account) -> Markup {
    html! {
        form.stack method="post" action="/login/choose" {
            (asked.fields())
            (csrf(&accounts::csrf(app, account)))
            (hidden("session", &account.session.id))
            button.btn {
                (Icon::User)
                span { (crate::ui::name(&account.user.display_name)) " (" (account.user.username) ")" }
                @if account.current { (tag("Current")) }
            }
        }
    }
}
