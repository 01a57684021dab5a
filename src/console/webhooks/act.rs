//! What is done with a webhook: a new signing secret, a test, a message once more, removal.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
};
use maud::html;

use super::{at, crumbs, home, name};
use crate::{
    app::State,
    console::{
        asked,
        client_form::Refused,
        once,
        visit::{Answer, OrTrouble, Section, Visit, done, sentence},
    },
    oauth::refusal::Field as Wrong,
    registry::{
        access::{Access, Permission},
        webhooks::{self, Made},
    },
    store::{webhook_deliveries::State as Progress, webhooks::Webhook},
    time::Lifetime,
    ui::{
        badge::Tone,
        choice::Radios,
        form::{csrf, danger, hidden, link_button, primary, section},
        notice::Flash,
        page::Page,
        secret::Once,
    },
    webhooks as sending,
};

async fn found(visit: &Visit, id: &str) -> Result<Webhook, Response> {
    visit
        .access()
        .require(Permission::OrganizationsWrite)
        .or_trouble(visit)?;
    webhooks::find(&visit.app.registry, visit.access(), id)
        .await
        .or_trouble(visit)
}

/// The one page that shows a signing secret.
pub(super) fn hand_over(visit: &Visit, made: &Made, what: &str) -> Response {
    let hook = &made.webhook;
    let page = Page {
        title: format!("The webhook {} {what}", name(hook)),
        narrow: true,
        ..Page::default()
    };
    let secret = made.secret.as_ref().map(|secret| secret.expose().as_str());
    let content = html! {
        (Once {
            title: "Save the signing secret",
            text: "This is the only time it is shown. The receiver proves with it that a message came from here and is whole.",
            label: "Show signing secret",
            secret: secret.unwrap_or_default(),
            done: &at(visit, hook, ""),
        })
    };
    visit.ok(Section::Settings, &page, &content)
}

pub(super) async fn show_rotate(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let hook = found(visit, &id).await?;
        Ok(rotate_page(visit, &hook, StatusCode::OK, &Refused::default()))
    })
    .await
}

pub(super) async fn rotate(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| renew(visit, &id).await).await
}

const OVERLAPS: [(&str, &str, Lifetime); 4] = [
    ("0s", "Now, because it leaked", Lifetime::seconds(0)),
    ("1h", "In 1 hour", Lifetime::hours(1)),
    ("24h", "In 24 hours", Lifetime::hours(24)),
    ("7d", "In 7 days", Lifetime::days(7)),
];

async fn renew(visit: &Visit, id: &str) -> Answer {
    let hook = found(visit, id).await?;
    let registry = &visit.app.registry;
    let asked = visit.form.one("overlap");
    let Some((.., overlap)) = OVERLAPS.iter().find(|(word, ..)| *word == asked) else {
        let wrong = Wrong::new("/overlap", "required", "Say when the old secret stops.");
        let refused = Refused(vec![wrong]);
        return Ok(rotate_page(
            visit,
            &hook,
            StatusCode::UNPROCESSABLE_ENTITY,
            &refused,
        ));
    };
    let rehearsal = Access {
        dry_run: true,
        ..visit.access().clone()
    };
    if let Err(error) = webhooks::rotate(registry, &rehearsal, id, *overlap).await {
        let limit = error
            .refusal()
            .filter(|refusal| refusal.reason == "webhook.two_secrets")
            .map(|refusal| sentence(&refusal.description));
        let Some(why) = limit else {
            return Err(visit.trouble(error));
        };
        // A repetition runs into the limit, because there are two secrets since the first time.
        if !once::spend(visit).await? {
            return Ok(repeated(visit, &hook));
        }
        let refused = Refused(vec![Wrong::new("/overlap", "conflict", why)]);
        return Ok(rotate_page(visit, &hook, StatusCode::CONFLICT, &refused));
    }
    if !once::spend(visit).await? {
        return Ok(repeated(visit, &hook));
    }
    let made = webhooks::rotate(registry, visit.access(), id, *overlap)
        .await
        .or_trouble(visit)?;
    Ok(hand_over(visit, &made, "has a new signing secret"))
}

fn repeated(visit: &Visit, hook: &Webhook) -> Response {
    let text = html! { p { "This form was sent before: the secret was rotated, and the new one was shown already. It is never shown \
    again. If you did not keep it, rotate once more." } };
    once::already(visit, &text, &at(visit, hook, ""), "Go to the webhook")
}

fn rotate_page(visit: &Visit, hook: &Webhook, status: StatusCode, refused: &Refused) -> Response {
    let page = Page {
        title: format!(
            "Rotate the signing secret of {}",
            crate::oauth::name::isolated(name(hook))
        ),
        error: !refused.is_empty(),
        lead: Some(
            html! { "A new secret is made now and shown once. Until the old one stops, every message carries a signature of both." },
        ),
        crumbs: crumbs(visit, Some(hook)),
        narrow: true,
        ..Page::default()
    };
    let options = OVERLAPS.map(|(word, words, _)| (word.to_owned(), words.to_owned(), String::new()));
    let asked = visit.form.one("overlap");
    let content = html! {
        (refused.summary())
        form.form method="post" novalidate {
            (csrf(&visit.visitor.csrf)) (hidden("once", &once::text(visit)))
            (section("The old secret", "", &html! {
                (Radios { name: "overlap", legend: "When does the old secret stop?", error: refused.of("overlap"), options: options.to_vec(),
                    value: if asked.is_empty() { "24h" } else { asked }, ..Radios::default() })
            }))
            div.actions { (primary("Create new secret")) (link_button("Cancel", &at(visit, hook, ""))) }
        }
    };
    visit.page(Section::Settings, status, &page, &content)
}

pub(super) async fn show_delete(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let hook = found(visit, &id).await?;
        let page = Page {
            title: format!("Delete {}?", crate::oauth::name::isolated(name(&hook))),
            crumbs: crumbs(visit, Some(&hook)),
            narrow: true,
            ..Page::default()
        };
        let content = html! {
            form.card.stack.lg method="post" {
                (csrf(&visit.visitor.csrf)) (hidden("version", &hook.version.to_string()))
                p { "Nothing more is sent to " code translate="no" { (hook.url) } ". Its messages go as well, those that wait too." }
                div.actions { (danger("Delete webhook")) (link_button("Cancel", &at(visit, &hook, ""))) }
            }
        };
        Ok(visit.ok(Section::Settings, &page, &content))
    })
    .await
}

pub(super) async fn delete(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let hook = found(visit, &id).await?;
        let version = visit.form.one("version").parse().ok();
        webhooks::remove(&visit.app.registry, visit.access(), &id, version)
            .await
            .or_trouble(visit)?;
        let flash = done(format!("The webhook {} is deleted.", name(&hook)));
        Ok(visit.go(&home(visit), Some(&flash)))
    })
    .await
}

pub(super) async fn test(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let hook = found(visit, &id).await?;
        let sent = sending::test(&visit.app.registry, visit.access(), &id)
            .await
            .or_trouble(visit)?;
        let flash = match sent {
            Some(message) if message.state == Progress::Delivered => {
                done("The test message arrived.".to_owned())
            }
            sent => Flash {
                tone: Tone::Warn,
                text: format!(
                    "The test message did not arrive: {}.",
                    sent.and_then(|message| message.last_error).unwrap_or_default()
                ),
                next: None,
            },
        };
        Ok(visit.go(&at(visit, &hook, ""), Some(&flash)))
    })
    .await
}

pub(super) async fn redeliver(
    Given(app): Given<State>,
    Path((org, id, message)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let hook = found(visit, &id).await?;
        webhooks::redeliver(&visit.app.registry, visit.access(), &id, &message)
            .await
            .or_trouble(visit)?;
        let flash = done("The message is sent again in a moment.".to_owned());
        let to = at(visit, &hook, &format!("/deliveries/{message}"));
        Ok(visit.go(&to, Some(&flash)))
    })
    .await
}
