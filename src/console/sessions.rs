//! Where a person is signed in, and the end of it.

use axum::{
    Router,
    extract::{Request, State as Given},
    routing::get,
};
use maud::{Markup, html};

use super::visit::{self, Answer, OrTrouble, Section, Visit, done};
use crate::{
    app::State,
    registry::sessions,
    store::sessions::Session,
    ui::{
        badge::tag,
        form::{csrf, hidden},
        page::Page,
        table::{Column, Row, Table},
    },
};

const HERE: &str = "/me/sessions";

/// The routes of this page.
pub(super) fn routes() -> Router<State> {
    Router::new().route(HERE, get(show).post(act))
}

async fn show(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let all = sessions::of_user(&app.registry, &visit.visitor.user.id)
        .await
        .or_trouble(&visit)?;
    let table = Table {
        id: "sessions",
        caption: "Your sessions",
        columns: ["Device", "Address", "Started", "Last active", "End"]
            .map(Column::new)
            .to_vec(),
        rows: all.iter().map(|session| row(&visit, session)).collect(),
        bulk: None,
    };
    let content = html! {
        (table)
        @if all.len() > 1 {
            form method="post" action=(HERE) {
                (csrf(&visit.visitor.csrf)) (hidden("do", "others"))
                button.btn type="submit" { "End all others" }
            }
        }
    };
    let page = Page {
        title: "Sessions".to_owned(),
        lead: Some(
            html! { "Where you are signed in. Ending a session also ends what apps got from it, unless you let them stay connected." },
        ),
        ..Page::default()
    };
    Ok(visit.ok(Section::Personal, &page, &content))
}

fn row(visit: &Visit, session: &Session) -> Row {
    let own = session.id == visit.visitor.session.id;
    Row {
        id: session.id.clone(),
        name: device(&session.user_agent),
        badges: own.then(|| tag("This device")),
        cells: vec![
            html! { (session.ip) },
            visit.reader().moment(session.created_at),
            visit.reader().moment(session.last_seen_at),
            if own {
                html! { span.hint { "–" } }
            } else {
                end(visit, session)
            },
        ],
        ..Row::default()
    }
}

fn end(visit: &Visit, session: &Session) -> Markup {
    html! {
        form method="post" action=(HERE) {
            (csrf(&visit.visitor.csrf)) (hidden("do", "one")) (hidden("session", &session.id))
            button.small-btn type="submit" { "End" span.sr { " the session of " (crate::ui::name(&device(&session.user_agent))) " from " (session.ip) } }
        }
    }
}

async fn act(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let (registry, user) = (&app.registry, &visit.visitor.user);
    let mut gone = sessions::of_user(registry, &user.id).await.or_trouble(&visit)?;
    let others = visit.form.one("do") == "others";
    let named = visit.form.one("session");
    gone.retain(|session| session.id != visit.visitor.session.id && (others || session.id == named));
    sessions::end_own(registry, &visit.actor(), user, &gone)
        .await
        .or_trouble(&visit)?;
    let words = match gone.len() {
        // What has ended meanwhile is ended.
        0 | 1 => "The session is ended.".to_owned(),
        n => format!("{n} sessions are ended."),
    };
    Ok(visit.go(HERE, Some(&done(words))))
}

/// What a browser says it is, in words. It may say anything.
fn device(agent: &str) -> String {
    let find = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(mark, _)| agent.contains(mark))
            .map(|(_, word)| *word)
    };
    // Each of them also says the names of those after it.
    let browser = find(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS", "Firefox"),
        ("Chrome/", "Chrome"),
        ("CriOS", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = find(&[
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::device;

    #[test]
    fn a_device_is_called_by_name() {
        for (agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Windows",
            ),
            ("curl/8.0", "curl"),
            ("", "Unknown device"),
        ] {
            assert_eq!(device(agent), expected);
        }
    }
}
