//! Pages for what went wrong: what failed, whether anything changed, what to do, the request id.

use axum::http::StatusCode;
use maud::{Markup, Render, html};

use super::{code::copy_button, icon::Icon};

/// Whether the failed action left a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Changed {
    /// Nothing was asked to change.
    #[default]
    Unasked,
    /// Nothing was changed.
    Nothing,
    /// We cannot tell.
    Unknown,
}

/// A problem, as the content of a [`super::page::Page`] or [`super::page::Card`] with the title [`Problem::title`].
#[derive(Clone, Debug)]
pub struct Problem {
    /// The status of the answer.
    pub status: StatusCode,
    /// What failed, as heading.
    pub title: String,
    /// Why, and how to go on.
    pub text: Markup,
    /// Whether anything changed.
    pub changed: Changed,
    /// Links and forms to go on with.
    pub actions: Option<Markup>,
    /// The id that the log knows.
    pub request_id: String,
}

impl Problem {
    fn new(status: StatusCode, title: &str, text: Markup, request_id: &str) -> Self {
        let (title, request_id) = (title.to_owned(), request_id.to_owned());
        Self {
            status,
            title,
            text,
            changed: Changed::Unasked,
            actions: None,
            request_id,
        }
    }

    /// A role is missing: which, for what, and who could give it.
    pub fn forbidden(role: &str, what: &str, admins: &[String], request_id: &str) -> Self {
        let text = html! {
            p { "You need " b { (role) } " to " (what) "." }
            @if !admins.is_empty() { p { "Admins: " (admins.join(", ")) } }
        };
        Self::new(StatusCode::FORBIDDEN, "You may not do this", text, request_id)
    }

    /// Nothing is here, or nothing that this person may see: the page is the same.
    pub fn not_found(actions: Option<Markup>, request_id: &str) -> Self {
        let text = html! { p { "There is nothing at this address, or it is not yours to see." } };
        Self {
            actions,
            ..Self::new(StatusCode::NOT_FOUND, "Page not found", text, request_id)
        }
    }

    /// The action does not fit the state of the thing.
    pub fn conflict(title: &str, text: Markup, request_id: &str) -> Self {
        Self {
            changed: Changed::Nothing,
            ..Self::new(StatusCode::CONFLICT, title, text, request_id)
        }
    }

    /// What was sent cannot be used as it is, and there is no form to show it in.
    pub fn unusable(text: Markup, request_id: &str) -> Self {
        let title = "This form could not be read";
        Self {
            changed: Changed::Nothing,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, title, text, request_id)
        }
    }

    /// Too many tries; `until` is the local time at which it ends, rendered.
    pub fn too_many(until: &Markup, request_id: &str) -> Self {
        let text = html! { p { "There were too many tries. Wait until " (until) ", then try again." } };
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many tries", text, request_id);
        Self {
            changed: Changed::Nothing,
            ..problem
        }
    }

    /// Our fault.
    pub fn failed(status: StatusCode, changed: Changed, retry: &str, request_id: &str) -> Self {
        let text = html! { p { "The fault is ours. Try again; if it stays, send the request id to your operator." } };
        let actions = Some(html! { a.btn.primary href=(retry) { "Try again" } });
        Self {
            changed,
            actions,
            ..Self::new(status, "Something broke", text, request_id)
        }
    }
}

impl Render for Problem {
    fn render(&self) -> Markup {
        html! {
            section.card {
                div.row { (Icon::Alert) span.hint { (self.status.as_u16()) } }
                div.stack { (self.text) }
                @match self.changed {
                    Changed::Unasked => {},
                    Changed::Nothing => p { b { "Nothing was changed." } },
                    Changed::Unknown => p { b { "We do not know whether anything was changed – check Activity." } },
                }
                @if let Some(actions) = &self.actions { div.actions { (actions) } }
                @if !self.request_id.is_empty() {
                    p.hint { "Request " span.copy { code #request-id translate="no" { (self.request_id) } (copy_button("request-id", "request id", None)) } }
                }
            }
        }
    }
}
