//! Trying a client out: programs ready to run, what a token would say, a token for a test, and what became of the last
//! request.

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use super::{
    asked,
    client::{self, Record, Tab},
    failures, inspector, once,
    visit::{Answer, OrTrouble, Section, Visit, done, sentence},
};
use crate::{
    app::State,
    error::Error,
    failures::read::Explained,
    inspect,
    issue::{
        take_back,
        trial::{self, Asked, Shown, TestToken},
    },
    oauth::client::{GrantType, Status},
    registry::access::Permission,
    snippets::{self, Endpoints, Language, Snippet},
    store::apis::TokenFormat,
    ui::{
        badge::Tone,
        code::{CodeBlock, copy_button},
        form::{self, ErrorSummary, Field, Kind, csrf, hidden},
        headers::Part,
        notice::note,
        page::{Link, Page},
        secret::waiting,
    },
};

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/orgs/{org}/clients/{client}/try", get(show))
        .route("/orgs/{org}/clients/{client}/try/live", get(live))
        .route("/orgs/{org}/clients/{client}/try/token", get(back).post(mint))
        .route("/orgs/{org}/clients/{client}/try/revoke", get(back).post(revoke))
}

async fn show(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let record = client::load(visit, &id).await?;
        tab(visit, &record, StatusCode::OK, "").await
    })
    .await
}

/// Where a form was posted to, when somebody comes back to it after signing in.
async fn back(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        Ok(visit.go(&visit.path(&format!("/clients/{id}/try")), None))
    })
    .await
}

/// What a form of this page asks for.
fn wishes(visit: &Visit) -> Asked {
    let text = |name: &str| visit.form.given(name).map(str::to_owned);
    Asked {
        scope: text("scope"),
        resource: text("resource"),
        user: text("user"),
    }
}

/// The tab; `wrong` says why a token for a test was refused.
async fn tab(visit: &Visit, record: &Record, status: StatusCode, wrong: &str) -> Answer {
    let line = live_line(visit, record).await?;
    let content = html! {
        (ErrorSummary::of_one("test-scope", wrong))
        @if record.client.status == Status::Deleted {
            p.dim { "A deleted client gets no tokens." }
        } @else {
            section.card {
                h2 { "What happens" }
                (line)
                p { a href={ (record.at) "/failures" } { "All failures of this client" } }
            }
            (programs(visit, record))
            (preview(visit, record).await)
            (test(visit, record, wrong))
            p { a href=(visit.path("/tools/token")) { "Look into a token" } }
        }
    };
    Ok(client::page(visit, record, Tab::Try, status, &content))
}

/// The newest failure of a client.
async fn latest(visit: &Visit, record: &Record) -> Result<Option<Explained>, Response> {
    let reader = visit.reader();
    let (failures, registry) = (&visit.app.failures, &visit.app.registry);
    let id = &record.client.client_id;
    let found = failures
        .of_client(registry, visit.access(), id, None, 1, &|at| reader.full(at))
        .await
        .or_trouble(visit)?;
    Ok(found.into_iter().next())
}

/// What became of the last request; asks again by itself where scripts run.
async fn live_line(visit: &Visit, record: &Record) -> Result<Markup, Response> {
    let poll = format!("{}/try/live", record.at);
    let check = format!("{}/try", record.at);
    let failed = latest(visit, record).await?;
    let used = record.client.last_used_at;
    let reader = visit.reader();
    let failed = failed.filter(|failed| used.is_none_or(|used| failed.failure.at >= used));
    Ok(match (failed, used) {
        (Some(failed), _) => html! {
            p.row {
                span aria-live="polite" data-poll=(poll) {
                    "Last request " (reader.clock(failed.failure.at)) ": " (failures::line(visit, &failed))
                    " " a href=(visit.path(&format!("/failures/{}", failed.failure.reference))) { "Why it failed" }
                }
                a href=(check) { "Check now" }
            }
        },
        (None, Some(used)) => html! {
            p.row {
                span aria-live="polite" data-poll=(poll) {
                    "Last request " (reader.clock(used)) ": went well"
                    @if let Some(ip) = &record.client.last_used_ip { ", from " (ip) }
                    "."
                }
                a href=(check) { "Check now" }
            }
        },
        (None, None) => waiting("Waiting for the first token…", &poll, &check),
    })
}

async fn live(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let record = client::load(visit, &id).await?;
        if visit.part == Part::Waiting {
            return Ok(visit.fragment(&live_line(visit, &record).await?));
        }
        Ok(visit.go(&format!("{}/try", record.at), None))
    })
    .await
}

fn programs(visit: &Visit, record: &Record) -> Markup {
    let issuer = &visit.app.registry.config.issuer;
    let (token, authorize) = (issuer.join("/oauth2/token"), issuer.join("/oauth2/authorize"));
    let endpoints = Endpoints {
        token: &token,
        authorize: &authorize,
    };
    let all = snippets::of(&record.client, &record.apis, endpoints);
    let (sign_in, own): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.file == "sign-in.sh");
    let asked = Language::parse(visit.form.one("lang")).unwrap_or(Language::Curl);
    let chosen = own.iter().find(|one| one.language == asked);
    html! {
        @if record.client.status == Status::Disabled {
            (note(Tone::Warn, &html! { p { "This client is disabled: whoever runs these programs gets " code { "invalid_client" } "." } }))
        }
        @if let Some(chosen) = chosen { (program(record, chosen, &own)) }
        @for one in &sign_in { (program(record, one, &[])) }
        @if chosen.is_none() && sign_in.is_empty() {
            p.dim { "There is no program for the grants of this client." }
        }
    }
}

fn program(record: &Record, chosen: &Snippet, all: &[Snippet]) -> Markup {
    let languages = all.iter().map(|one| Link {
        label: one.language.label().to_owned(),
        href: format!("{}/try?lang={}", record.at, one.language),
        current: one.language == chosen.language,
    });
    let id = if chosen.file == "sign-in.sh" {
        "sign-in"
    } else {
        "program"
    };
    let holds = record.client.application_type.holds_secret();
    html! {
        (CodeBlock { id, title: chosen.title, languages: languages.collect(), code: &chosen.code, top: true })
        p.hint {
            "Save it as " code translate="no" { (chosen.file) } " and run " code translate="no" { (chosen.run) } "."
            @if holds { " The secret comes from the environment variable " code translate="no" { "OAUTHORITY_CLIENT_SECRET" } "; it belongs neither into the file nor on a command line." }
        }
    }
}

/// The fields in which somebody says what to try; `wrong` is what is wrong with them. What was typed into one of the two
/// forms does not come back in the other.
fn fields(visit: &Visit, record: &Record, prefix: &str, wrong: &str) -> Markup {
    let several = {
        let mut apis: Vec<&str> = record.client.scopes.iter().map(|(api, _)| api.as_str()).collect();
        apis.dedup();
        apis.len() > 1
    };
    let own = visit.form.given("preview").is_some() == (prefix == "preview");
    let value = |name: &str| {
        visit
            .form
            .given(name)
            .filter(|_| own)
            .unwrap_or_default()
            .to_owned()
    };
    let (scope, resource) = (value("scope"), value("resource"));
    let id = format!("{prefix}-scope");
    html! {
        div.field {
            label for=(id) { "Scopes " span.hint { "(optional)" } }
            p.hint { "With a space between. Nothing: all of the default audience." }
            (form::remarks(&id, "", wrong))
            input.input.mono id=(id) name="scope" value=(scope) autocomplete="off" spellcheck="false" maxlength="2000"
                aria-invalid=[(!wrong.is_empty()).then_some("true")] aria-describedby=[(!wrong.is_empty()).then(|| format!("{id}-error"))];
        }
        @if several {
            div.field {
                label for={ (prefix) "-resource" } { "Audience " span.hint { "(optional)" } }
                input.input.mono id={ (prefix) "-resource" } name="resource" value=(resource) autocomplete="off" spellcheck="false" maxlength="300";
            }
        }
    }
}

/// What a token would say.
async fn preview(visit: &Visit, record: &Record) -> Markup {
    let people = record.client.grant_types.iter().any(|grant| grant.needs_person());
    let itself = acts_for_itself(record);
    let wanted = visit.form.given("preview").is_some();
    let shown = if wanted {
        let registry = &visit.app.registry;
        Some(trial::preview(registry, visit.access(), &record.client.client_id, &wishes(visit)).await)
    } else {
        None
    };
    let own = visit.visitor.user.username.as_str();
    let user = visit.form.given("user").unwrap_or(if itself { "" } else { own });
    html! {
        section.card #preview {
            h2 { "What a token would say" }
            p { "Nothing is issued." }
            @match &shown {
                Some(Ok(shown)) => (said(shown)),
                Some(Err(error)) => (note(Tone::Bad, &html! { p { (refused(error)) } })),
                None => {},
            }
            form.stack method="get" action={ (record.at) "/try#preview" } novalidate {
                (hidden("preview", "1"))
                (fields(visit, record, "preview", ""))
                @if people {
                    (Field {
                        name: "user",
                        label: "Person who signs in",
                        value: user,
                        hint: "A user name of this organisation",
                        optional: itself,
                        kind: Kind::Code,
                        max: 120,
                        ..Field::default()
                    })
                }
                div.actions { button.btn type="submit" { "Show claims" } }
            }
        }
    }
}

/// An error as a sentence; what failed on our side is told nobody.
fn refused(error: &Error) -> String {
    error.refusal().map_or_else(
        || "The server could not do this. Try again.".to_owned(),
        |refusal| sentence(&refusal.description),
    )
}

fn said(shown: &Shown) -> Markup {
    let header = inspector::pretty(&shown.preview.header);
    let claims = inspector::pretty(&shown.preview.claims);
    html! {
        @if shown.format == TokenFormat::Opaque {
            p.hint { "Tokens for this API are opaque: a service learns this by introspection." }
        } @else {
            (CodeBlock { id: "preview-header", title: "Header", code: &header, ..CodeBlock::default() })
        }
        (CodeBlock { id: "preview-claims", title: "Claims", code: &claims, ..CodeBlock::default() })
    }
}

fn acts_for_itself(record: &Record) -> bool {
    record.client.application_type.holds_secret()
        && record.client.grant_types.contains(&GrantType::ClientCredentials)
}

/// The form that makes a token for a test; `wrong` says why one was refused.
fn test(visit: &Visit, record: &Record, wrong: &str) -> Markup {
    let may = visit.may(Permission::ClientsWrite)
        && record.client.status == Status::Active
        && acts_for_itself(record);
    if !may {
        return html! {};
    }
    html! {
        section.card #test {
            h2 { "Get a token for a test" }
            @if record.secrets_are_yours(visit) {
                p { "It works like a token of this client, for five minutes at most, and carries the claim " code { "test" } ". It is written down that you got it." }
                form.stack method="post" action={ (record.at) "/try/token" } novalidate {
                    (csrf(&visit.visitor.csrf))
                    (hidden("once", &once::text(visit)))
                    (fields(visit, record, "test", wrong))
                    div.actions { button.btn type="submit" { "Get a test token" } }
                }
            } @else {
                p { "This client may do more than you: its tokens are for somebody who holds all its management scopes." }
            }
        }
    }
}

async fn mint(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| make(visit, &id).await).await
}

async fn make(visit: &Visit, id: &str) -> Answer {
    let (registry, access) = (&visit.app.registry, visit.access());
    // Looked at first, so that a form which is refused can be sent again.
    let rehearsal = crate::registry::access::Access {
        dry_run: true,
        ..access.clone()
    };
    if let Err(error) = trial::issue(registry, &rehearsal, id, &wishes(visit)).await {
        let fields = error.refusal().is_some_and(|refusal| !refusal.fields.is_empty());
        if !fields {
            return Err(visit.trouble(error));
        }
        let record = client::load(visit, id).await?;
        return tab(visit, &record, StatusCode::UNPROCESSABLE_ENTITY, &refused(&error)).await;
    }
    if !once::spend(visit).await? {
        let text = html! { p { "This form was sent before: the token was shown already, and is never shown again." } };
        return Ok(once::already(
            visit,
            &text,
            &visit.path(&format!("/clients/{id}/try")),
            "Try it",
        ));
    }
    let made = trial::issue(registry, access, id, &wishes(visit))
        .await
        .or_trouble(visit)?;
    handed(visit, id, &made).await
}

/// The one page that shows the token.
async fn handed(visit: &Visit, id: &str, made: &TestToken) -> Answer {
    let record = client::load(visit, id).await?;
    let text = made.text.as_deref().unwrap_or_default();
    let reader = visit.reader();
    let found = inspect::inspect(&visit.app.registry, visit.access(), text, &|at| reader.full(at))
        .await
        .or_trouble(visit)?;
    let page = Page {
        title: format!(
            "Test token for {}",
            crate::oauth::name::isolated(&record.client.name)
        ),
        lead: Some(html! { "It is shown this once, and works until " (reader.full(made.expires_at)) "." }),
        narrow: true,
        ..Page::default()
    };
    let content = html! {
        form.card.stack method="post" action={ (record.at) "/try/revoke" } autocomplete="off" {
            (csrf(&visit.visitor.csrf))
            div.field {
                label for="token" { "Access token " (copy_button("token", "access token", None)) }
                // It stands here once, and this is what Revoke sends.
                textarea.input.mono #token name="token" rows="7" readonly spellcheck="false" translate="no" { (text) }
            }
            p.hint { "Send it as “Authorization: Bearer …”. Do not keep it." }
            div.actions {
                (form::danger("Revoke now"))
                a.btn href={ (record.at) "/try" } { "Done" }
            }
        }
        (inspector::result(visit, &found))
    };
    Ok(visit.ok(Section::Clients, &page, &content))
}

async fn revoke(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let token = visit.form.exact("token");
        take_back::one(&visit.app.registry, visit.access(), &id, token)
            .await
            .or_trouble(visit)?;
        let to = visit.path(&format!("/clients/{id}/try"));
        Ok(visit.go(&to, Some(&done("The test token is revoked: it no longer works."))))
    })
    .await
}
