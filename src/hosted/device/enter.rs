//! The code that the device shows is typed. Wrong ones are counted for the person, their address and the instance; a right
//! one belongs to whoever typed it.

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    extract::{Request, State as Given},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use maud::{Markup, html};

use super::{
    super::{posted, trouble},
    Ticket, account, entry, lead, over, query_of, reader, sign_in, theme,
};
use crate::{
    app::{App, State},
    authorize::device::{self, Found},
    browser::{self, Form, Visitor, accounts},
    error::Result,
    oauth::user_code::UserCode,
    observe::RequestContext,
    registry::user_codes,
    time::Timestamp,
    ui::{
        form::{self, ErrorSummary, Field, Kind},
        headers::{self, Place},
        page::Card,
    },
};

/// More than anybody types for eight letters.
const LONGEST: usize = 32;

/// The form; a link may bring the code along.
pub(super) async fn show(Given(app): Given<State>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let shown: Result<Response> = async {
        let typed = tidy(query_of(&parts).one("user_code"));
        let Some(visitor) = browser::visitor(&app, &parts.headers).await? else {
            return Ok(sign_in(&entry(&typed), &[]));
        };
        Ok(match pause(&app, &parts, &visitor).await? {
            Some(until) => wait(&app, &visitor, until),
            None => page(&visitor, &typed, ""),
        })
    }
    .await;
    shown.unwrap_or_else(|error| trouble(&error, &parts))
}

/// Looks for the device that shows this code.
pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Response {
    let (parts, form) = posted(&app, request).await;
    let done = match form {
        Ok(form) => look(&app, &parts, &form).await,
        Err(error) => Err(error),
    };
    done.unwrap_or_else(|error| trouble(&error, &parts))
}

async fn look(app: &App, parts: &Parts, form: &Form) -> Result<Response> {
    let registry = &app.registry;
    let typed = tidy(form.one("user_code"));
    let Some(visitor) = browser::visitor(app, &parts.headers).await? else {
        return Ok(sign_in(&entry(&typed), &[]));
    };
    browser::check_csrf(app, &visitor, form)?;
    if let Some(until) = pause(app, parts, &visitor).await? {
        return Ok(wait(app, &visitor, until));
    }
    let Some(code) = UserCode::read(&typed) else {
        let why = "A code has 8 letters, such as WDJB-MJHT. It has no vowels and no digits.";
        return Ok(page(&visitor, &typed, why));
    };
    registry.live.fresh().await?;
    let now = registry.now();
    if !user_codes::count(registry, &visitor.user.id).await? {
        let until = pause(app, parts, &visitor).await?;
        return Ok(wait(app, &visitor, until.unwrap_or(now)));
    }
    // Whoever takes another account of the same browser types the code once more.
    let accounts = accounts::all(app, &parts.headers).await?;
    let people: Vec<&str> = accounts.iter().map(|account| account.user.id.as_str()).collect();
    let mut found = device::find(registry, code, &people, now).await?;
    let none = user_codes::uncount(&visitor.user.id);
    if let Found::Waiting(waiting) = &found {
        if device::bind(registry, waiting, &visitor, none, now).await? {
            let ticket = Ticket::Typed {
                code: code.to_string(),
                user: visitor.user.id.clone(),
            };
            return Ok(lead(&ticket.path(registry, "/device/confirm")));
        }
        found = device::find(registry, code, &people, now).await?;
    } else if !matches!(found, Found::Unknown) {
        registry.db().write(none.into()).await?;
    }
    let (_, why) = over(&found).unwrap_or(("", "This did not work: enter the code again."));
    if matches!(found, Found::Unknown) {
        app.throttle
            .note_guess(address(parts), registry.clock.monotonic());
        user_codes::note_wrong(registry).await?;
    }
    Ok(match pause(app, parts, &visitor).await? {
        Some(until) => wait(app, &visitor, until),
        None => page(&visitor, &typed, why),
    })
}

/// What was typed, as it is shown again.
fn tidy(typed: &str) -> String {
    match UserCode::read(typed) {
        Some(code) => code.to_string(),
        None => typed.chars().take(LONGEST).collect(),
    }
}

fn address(parts: &Parts) -> IpAddr {
    let context = parts.extensions.get::<RequestContext>();
    context.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |context| context.ip)
}

/// Until when this person, or everybody at this address, has to wait.
async fn pause(app: &App, parts: &Parts, visitor: &Visitor) -> Result<Option<Timestamp>> {
    let clock = &app.registry.clock;
    let here = app
        .throttle
        .guessing_pauses_for(address(parts), clock.monotonic())
        .map(|pause| clock.now().after(pause));
    Ok(here.max(user_codes::pauses_until(&app.registry, &visitor.user.id).await?))
}

fn page(visitor: &Visitor, typed: &str, wrong: &str) -> Response {
    let refused = !wrong.is_empty();
    let card = Card {
        title: "Connect a device".to_owned(),
        error: refused,
        theme: theme(visitor),
        lead: Some(html! { "Type the code that your device shows." }),
        ..Card::default()
    };
    let status = if refused {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    headers::answer(Place::Console, status, card.page(&content(visitor, typed, wrong)))
}

fn content(visitor: &Visitor, typed: &str, wrong: &str) -> Markup {
    html! {
        @if !wrong.is_empty() { (ErrorSummary::of_one("user_code", wrong)) }
        (account(visitor, typed))
        form #device .stack.lg method="post" action="/device" novalidate {
            (form::csrf(&visitor.csrf))
            (Field {
                name: "user_code",
                label: "Code",
                value: typed,
                kind: Kind::Code,
                hint: "8 letters. Case, spaces and dashes do not matter.",
                error: wrong,
                autofocus: wrong.is_empty(),
                max: LONGEST,
                ..Field::default()
            })
            div.actions { (form::primary("Continue")) }
        }
    }
}

/// The page for somebody who typed too many wrong codes.
fn wait(app: &App, visitor: &Visitor, until: Timestamp) -> Response {
    let reader = reader(&app.registry, visitor);
    let content = html! {
        p #wait { "Too many codes were wrong. You can try again at " (reader.deadline(until)) ". Nothing on your device was lost: start again there if its code has expired by then." }
        div.actions { (form::link_button("Try again", "/device")) }
    };
    let card = Card {
        title: "Wait before you try again".to_owned(),
        error: true,
        theme: theme(visitor),
        ..Card::default()
    };
    let mut response = headers::answer(Place::Console, StatusCode::TOO_MANY_REQUESTS, card.page(&content));
    let seconds = until.seconds_since(reader.now) + 1;
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}
