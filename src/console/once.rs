//! A text that a form carries and that works once, so that a repeated POST does nothing.

use axum::response::Response;
use maud::{Markup, html};

use super::visit::{Section, Visit};
use crate::{
    db::WriteError,
    oauth::refusal::Code,
    store,
    ui::{page::Page, problem::Problem},
};

const PURPOSE: &str = "form";

/// The text for a new form.
pub(super) fn text(visit: &Visit) -> String {
    visit.app.registry.entropy.token(16)
}

/// Spends the text of the form at hand; `false` if it was spent before.
///
/// # Errors
/// The page that says why not: the form holds no such text, or the storage fails.
pub(super) async fn spend(visit: &Visit) -> Result<bool, Response> {
    let registry = &visit.app.registry;
    let text = visit.form.one("once");
    if text.len() != 22 {
        let why = "this form is not whole: load the page again and repeat what you did";
        return Err(visit.trouble(Code::Invalid.because(why).into()));
    }
    // A form of an older session is refused anyway, so nothing has to be remembered for longer.
    let until = visit.now.after(registry.config.lifetimes.session);
    let digest = registry.keyring.digest(PURPOSE, text.as_bytes());
    let statement = store::once::spend_new(digest.as_bytes(), PURPOSE, visit.now, until);
    match registry.db().write(statement.into()).await {
        Ok(_) => Ok(true),
        Err(WriteError::Unmet("spent")) => Ok(false),
        Err(error) => Err(visit.trouble(error.into())),
    }
}

/// The answer to a form that was sent before.
pub(super) fn already(visit: &Visit, text: &Markup, next: &str, words: &str) -> Response {
    let problem = Problem {
        actions: Some(html! { a.btn.primary href=(next) { (words) } }),
        ..Problem::conflict("This was done already", text.clone(), &visit.request_id)
    };
    let page = Page {
        title: problem.title.clone(),
        narrow: true,
        ..Page::default()
    };
    visit.page(Section::Clients, problem.status, &page, &html! { (problem) })
}
