//! A person's own activity: what he did, and what was done to his account, in every organisation.

use axum::{
    Router,
    extract::{Request, State as Given},
    routing::get,
};
use maud::html;

use super::{
    activity,
    visit::{self, Answer, OrTrouble, Section},
};
use crate::{app::State, store, ui::page::Page};

/// Entries a page.
const PAGE: i64 = 50;

/// The routes of this page.
pub(super) fn routes() -> Router<State> {
    Router::new().route("/me/activity", get(show))
}

async fn show(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let before = visit.form.given("before");
    let user = &visit.visitor.user.id;
    let mut events = store::audit::of_person(app.registry.db(), user, before, PAGE + 1)
        .await
        .or_trouble(&visit)?;
    let most = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = events.len() > most;
    events.truncate(most);
    let older = events
        .last()
        .filter(|_| more)
        .map(|event| format!("/me/activity?before={}", event.id));
    let page = Page {
        title: "My activity".to_owned(),
        lead: Some(
            html! { "What you did, and what was done to your account. Something you do not know? Change your password." },
        ),
        ..Page::default()
    };
    let content = html! {
        @if events.is_empty() {
            p.dim { "Nothing has happened yet." }
        } @else { (activity::timeline(&visit, &events, older)) }
    };
    Ok(visit.ok(Section::Personal, &page, &content))
}
