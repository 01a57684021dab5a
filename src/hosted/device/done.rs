//! What the person said, and that there is nothing left to do here.

use axum::{
    extract::{Request, State as Given},
    http::StatusCode,
    response::Response,
};
use maud::html;

use super::{super::trouble, Ticket, lead, query_of, theme};
use crate::{
    app::State,
    browser,
    error::Result,
    ui::{
        headers::{self, Place},
        page::Card,
    },
};

/// The page.
pub(super) async fn show(Given(app): Given<State>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(Ticket::Said { app: name, allowed }) = Ticket::open(&app.registry, query_of(&parts).one("t"))
    else {
        return lead("/device");
    };
    let shown: Result<Response> = async {
        let visitor = browser::visitor(&app, &parts.headers).await?;
        let content = html! {
            @if allowed {
                p #allowed { b { (crate::ui::name(&name)) } " goes on by itself on your device. You can close this page." }
                p { "You can remove this any time in " a href="/me/apps" { "Connected apps" } "." }
            } @else {
                p #denied { b { (crate::ui::name(&name)) } " gets nothing. You can close this page." }
            }
        };
        let card = Card {
            title: if allowed {
                "Device allowed"
            } else {
                "Device denied"
            }
            .to_owned(),
            theme: visitor.as_ref().and_then(theme),
            ..Card::default()
        };
        Ok(headers::answer(
            Place::Console,
            StatusCode::OK,
            card.page(&content),
        ))
    }
    .await;
    shown.unwrap_or_else(|error| trouble(&error, &parts))
}
