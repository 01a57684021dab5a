//! A client moves to another organisation: offered here, looked at and accepted there.

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use super::{
    asked, client_form, create, cut,
    hand_over::{self, Around},
    labels, once,
    visit::{Answer, OrTrouble, Section, Visit, done},
};
use crate::{
    app::State,
    error::Error,
    oauth::scope::{OIDC, openid_words},
    registry::{
        access::Permission,
        client_input::ScopeRef,
        clients::Created,
        transfers::{self, Acceptance, Seen, Side},
    },
    store::{
        self,
        apis::{Api, Scope},
        clients::Client,
        transfers::State as Stage,
    },
    ui::{
        badge::{Badge, Tone, code_tags, tags},
        form::{self, ErrorSummary, Field, Kind, csrf, hidden, section},
        icon::Icon,
        impact::Confirm,
        notice::{Empty, note},
        page::{Link, Page},
        table::{Column, Row, Table},
    },
};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route(
            "/orgs/{org}/clients/{client}/transfer",
            get(show_offer).post(offer),
        )
        .route("/orgs/{org}/clients/transfers", get(list))
        .route(
            "/orgs/{org}/clients/transfers/{transfer}",
            get(show_one).post(answer),
        )
}

type Names = Path<(String, String)>;

async fn show_offer(Given(app): Given<State>, Path((org, id)): Names, request: Request) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let client = cut::changeable(visit, &id, Permission::ClientsDelete).await?;
        Ok(offer_page(
            visit,
            &client,
            StatusCode::OK,
            &ErrorSummary::default(),
        ))
    })
    .await
}

fn offer_page(visit: &Visit, client: &Client, status: StatusCode, errors: &ErrorSummary) -> Response {
    let at = visit.path(&format!("/clients/{}", client.client_id));
    let page = Page {
        title: format!("Transfer {}?", crate::oauth::name::isolated(&client.name)),
        lead: Some(html! { "To another organisation on this server. Somebody there has to accept it." }),
        error: !errors.errors.is_empty(),
        narrow: true,
        crumbs: cut::crumbs(visit, client),
        ..Page::default()
    };
    // The form of `Confirm` closes it; these two fields stand in it as well.
    let confirm = Confirm {
        action: &format!("{at}/transfer"),
        csrf: &visit.visitor.csrf,
        name: &client.name,
        or: &client.client_id,
        typed: visit.form.one("confirm"),
        errors: errors.clone(),
        verb: "Offer client",
        keep: "Keep it",
        back: &at,
        fields: vec![
            ("to", visit.form.one("to").to_owned()),
            ("note", visit.form.one("note").to_owned()),
        ],
    };
    let asked =
        !visit.form.one("to").is_empty() && errors.of("to").is_empty() && errors.of("note").is_empty();
    let content = html! {
        (errors)
        section.card { ul #impact {
            li { "The client id and the settings go along, redirect URIs included." }
            li { "At the moment it is accepted, every token it has, its secrets and what people allowed it end. The other side gets a new secret." }
            li { "The scopes it holds at your APIs do not go along: the other side gives it scopes of its own." }
            li { "From then on it is not found here any more. What happened to it before stays in your activity." }
            li { "The offer holds for seven days. Until it is accepted you can withdraw it, and everything works as before." }
        } }
        @if asked {
            p { "To " code { (visit.form.one("to")) } " · " a href={ (at) "/transfer" } { "Change" } }
            (confirm)
        } @else {
            form.form method="get" action={ (at) "/transfer" } novalidate {
                (Field { name: "to", label: "Handle of the other organisation", value: visit.form.one("to"), max: 40, kind: Kind::Code,
                    placeholder: "acme-energy", error: errors.of("to"),
                    hint: "As it stands in its addresses, /orgs/…. Whether there is such an organisation is not told.",
                    autofocus: errors.errors.is_empty(), ..Field::default() })
                (Field { name: "note", label: "A word to them", kind: Kind::Lines, value: visit.form.one("note"), optional: true, max: 500,
                    error: errors.of("note"), ..Field::default() })
                div.actions { (form::link_button("Keep it", &at)) (form::primary("Continue")) }
            }
        }
    };
    visit.page(Section::Clients, status, &page, &content)
}

async fn offer(Given(app): Given<State>, Path((org, id)): Names, request: Request) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let client = cut::changeable(visit, &id, Permission::ClientsDelete).await?;
        let typed = visit.form.one("confirm");
        let again =
            |errors: &ErrorSummary| offer_page(visit, &client, StatusCode::UNPROCESSABLE_ENTITY, errors);
        if typed != client.name.trim() && typed != client.client_id {
            let wrong = "This is neither the name nor the client ID. Nothing was offered.";
            return Ok(again(&ErrorSummary::of_one("confirm", wrong)));
        }
        let (to, note) = (visit.form.one("to"), visit.form.one("note"));
        match transfers::offer(&visit.app.registry, visit.access(), &id, to, note).await {
            Ok(seen) => {
                let said = format!(
                    "{} is offered to {}.",
                    crate::oauth::name::isolated(&client.name),
                    seen.transfer.to_handle
                );
                Ok(visit.go(&visit.path("/clients/transfers"), Some(&done(said))))
            }
            Err(Error::Refused(refusal)) if !refusal.fields.is_empty() => {
                Ok(again(&ErrorSummary::of_fields(&refusal.fields)))
            }
            Err(error) => Err(visit.trouble(error)),
        }
    })
    .await
}

async fn list(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let all = transfers::list(&visit.app.registry, visit.access())
            .await
            .or_trouble(visit)?;
        let page = Page {
            title: "Transfers".to_owned(),
            lead: Some(html! { "Clients that move between organisations. One side offers, the other accepts." }),
            crumbs: create::crumbs(visit),
            ..Page::default()
        };
        let content = html! { @if all.is_empty() { (Empty {
            icon: Icon::Key,
            title: "No client was offered",
            text: html! { "A client that another organisation offers to this one stands here, and so do your own offers." },
            actions: html! {},
        }) } @else { (table(visit, &all)) } };
        Ok(visit.ok(Section::Clients, &page, &content))
    })
    .await
}

const fn badge(state: Stage) -> Badge<'static> {
    let (tone, word) = match state {
        Stage::Offered => (Tone::Warn, "Offered"),
        Stage::Accepted => (Tone::Ok, "Accepted"),
        Stage::Declined => (Tone::Mute, "Declined"),
        Stage::Withdrawn => (Tone::Mute, "Withdrawn"),
        Stage::Expired => (Tone::Mute, "Expired"),
    };
    Badge { tone, word }
}

fn table<'a>(visit: &Visit, all: &[Seen]) -> Table<'a> {
    let reader = visit.reader();
    let rows = all.iter().map(|seen| Row {
        id: seen.transfer.id.clone(),
        name: seen.transfer.client_name.clone(),
        href: visit.path(&format!("/clients/transfers/{}", seen.transfer.id)),
        note: seen.transfer.client_id.clone(),
        cells: vec![
            html! { @match seen.side {
                Side::Taker => { "From " (crate::ui::name(&seen.transfer.from_name)) " (" code { (seen.transfer.from_handle) } ")" },
                Side::Giver => { "To " code { (seen.transfer.to_handle) } },
            } },
            html! { (badge(seen.state)) },
            html! { (reader.moment(seen.transfer.created_at)) },
            html! { @if seen.state == Stage::Offered { (reader.moment(seen.transfer.expires_at)) } @else { "–" } },
        ],
        ..Row::default()
    });
    Table {
        id: "transfers",
        caption: "Clients that were offered",
        columns: ["Client", "Direction", "State", "Offered", "Holds until"]
            .map(Column::new)
            .to_vec(),
        rows: rows.collect(),
        bulk: None,
    }
}

async fn show_one(Given(app): Given<State>, Path((org, id)): Names, request: Request) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let seen = transfers::find(&visit.app.registry, visit.access(), &id)
            .await
            .or_trouble(visit)?;
        one_page(visit, &seen, StatusCode::OK, &ErrorSummary::default()).await
    })
    .await
}

fn heading(visit: &Visit, seen: &Seen, error: bool) -> Page {
    let mut crumbs = create::crumbs(visit);
    crumbs.push(Link {
        label: "Transfers".to_owned(),
        href: visit.path("/clients/transfers"),
        current: false,
    });
    Page {
        title: crate::oauth::name::isolated(&seen.transfer.client_name).into_owned(),
        badges: Some(html! { (badge(seen.state)) }),
        error,
        narrow: true,
        crumbs,
        ..Page::default()
    }
}

async fn one_page(visit: &Visit, seen: &Seen, status: StatusCode, errors: &ErrorSummary) -> Answer {
    let reader = visit.reader();
    let open = seen.state == Stage::Offered;
    let coming = match seen.side {
        Side::Taker if open => Some(
            transfers::client_of(&visit.app.registry, seen)
                .await
                .or_trouble(visit)?,
        ),
        _ => None,
    };
    let transfer = &seen.transfer;
    let content = html! {
        (errors)
        section.card { dl.facts {
            dt { "Client ID" } dd { code { (transfer.client_id) } }
            @match seen.side {
                Side::Taker => { dt { "From" } dd { (crate::ui::name(&transfer.from_name)) " (" code { (transfer.from_handle) } ")" } },
                Side::Giver => { dt { "To" } dd { code { (transfer.to_handle) } } },
            }
            @if !transfer.note.is_empty() { dt { "Note" } dd { "“" (crate::ui::name(&transfer.note)) "”" } }
            dt { "Offered" } dd { (reader.moment(transfer.created_at)) }
            @if open { dt { "Holds until" } dd { (reader.moment(transfer.expires_at)) } }
            @if let Some(at) = transfer.settled_at { dt { "Settled" } dd { (reader.moment(at)) } }
        } }
        @match (&coming, seen.side) {
            (Some(client), _) => (self::coming(visit, seen, client, errors).await?),
            (None, Side::Giver) if open && visit.may(Permission::ClientsDelete) => (button(visit, seen, "withdraw", "Withdraw the offer")),
            (None, Side::Taker) if seen.state == Stage::Accepted => {
                div.actions { (form::link_button("Go to the client", &visit.path(&format!("/clients/{}", transfer.client_id)))) }
            },
            _ => {},
        }
    };
    let page = heading(visit, seen, !errors.errors.is_empty());
    Ok(visit.page(Section::Clients, status, &page, &content))
}

fn button(visit: &Visit, seen: &Seen, what: &str, words: &str) -> Markup {
    let action = visit.path(&format!("/clients/transfers/{}", seen.transfer.id));
    html! {
        form method="post" action=(action) {
            (csrf(&visit.visitor.csrf)) (hidden("do", what))
            button.btn type="submit" { (words) }
        }
    }
}

/// What comes, and the form that takes it.
async fn coming(
    visit: &Visit,
    seen: &Seen,
    client: &Client,
    errors: &ErrorSummary,
) -> Result<Markup, Response> {
    let registry = &visit.app.registry;
    let values = transfers::values_of(registry, client).await.or_trouble(visit)?;
    let apis = store::apis::of_organization(registry.db(), &visit.org().id)
        .await
        .or_trouble(visit)?;
    let action = visit.path(&format!("/clients/transfers/{}", seen.transfer.id));
    let grants: Vec<&str> = client.grant_types.iter().map(|grant| grant.label()).collect();
    let uris =
        |all: &[String]| html! { @if all.is_empty() { "–" } @for uri in all { div { code { (uri) } } } };
    let ticked: Vec<String> = if visit.form.one("do") == "accept" {
        visit.form.all("scopes").map(str::to_owned).collect()
    } else {
        ids(&transfers::proposed(client, &values, &apis), &apis)
    };
    Ok(html! {
        section.card aria-labelledby="coming" {
            h2 #coming { "What comes" }
            dl.facts {
                @if !client.description.is_empty() { dt { "Description" } dd { (crate::ui::name(&client.description)) } }
                dt { "Type" } dd { (labels::application_type(client.application_type)) }
                dt { "Grant Types" } dd { (tags(&grants)) }
                dt { "Redirect URIs" } dd { (uris(&client.redirect_uris)) }
                @if !client.people.post_logout_redirect_uris.is_empty() {
                    dt { "Post-logout redirect URIs" } dd { (uris(&client.people.post_logout_redirect_uris)) }
                }
                @if let Some(uri) = &client.people.backchannel_logout_uri { dt { "Back-channel logout" } dd { code { (uri) } } }
                dt { "Scopes there" } dd { @if values.is_empty() { "–" } @else { (code_tags(&values)) } " They do not come along." }
            }
        }
        (note(Tone::Warn, &html! { p {
            "Whoever controls these addresses gets codes and tokens of your people. Accept only what you expect, and look at each address."
        } }))
        @if visit.may(Permission::ClientsWrite) {
            form.form method="post" action=(action) novalidate {
                (csrf(&visit.visitor.csrf)) (hidden("do", "accept")) (hidden("once", &once::text(visit)))
                (hidden("version", &client.version.to_string()))
                (section("Access", "What it may do here. Ticked is what your own APIs call the same.", &scopes(client, &apis, &ticked, errors)))
                @if client.application_type.holds_secret() {
                    (section("Secret", "A new one is made, and shown once on the next page.",
                        &client_form::expiry(visit.org(), visit.form.one("secret_expires"), errors.of("secret_expires"))))
                }
                div.actions { (form::primary("Accept client")) (form::link_button("Not now", &visit.path("/clients/transfers"))) }
            }
            (button(visit, seen, "decline", "Decline the offer"))
        }
    })
}

fn scopes(client: &Client, apis: &[Api], ticked: &[String], errors: &ErrorSummary) -> Markup {
    let person = client.grant_types.iter().any(|grant| grant.needs_person());
    let tick = |id: String, words: &str, value: &str| {
        html! {
            label.check {
                input type="checkbox" name="scopes" value=(id) checked[ticked.contains(&id)];
                span { (crate::ui::name(words)) " " code { (value) } }
            }
        }
    };
    let words = |scope: &Scope| match scope.description.as_str() {
        "" => "No description".to_owned(),
        words => words.to_owned(),
    };
    html! {
        @if !errors.of("scopes").is_empty() { p.error #scopes { (errors.of("scopes")) } }
        @for api in apis.iter().filter(|api| api.org_id.is_some()) {
            fieldset.stack {
                legend.label { (crate::ui::name(&api.name)) }
                @for scope in &api.scopes {
                    (tick(client_form::scope_id(&api.id, &scope.value), &words(scope), &scope.value))
                }
            }
        }
        @if person { fieldset.stack {
            legend.label { "The person who signs in" }
            @for value in OIDC { (tick((*value).to_owned(), openid_words(value).unwrap_or_default(), value)) }
        } }
    }
}

/// What the form posts for scopes.
fn ids(scopes: &[ScopeRef], apis: &[Api]) -> Vec<String> {
    let id = |scope: &ScopeRef| match &scope.audience {
        None => Some(scope.value.clone()),
        Some(audience) => {
            let api = apis.iter().find(|api| api.audience == *audience)?;
            Some(client_form::scope_id(&api.id, &scope.value))
        }
    };
    scopes.iter().filter_map(id).collect()
}

/// The scopes that a form posts. One of an API that is not here is named as it came, and refused.
fn refs(visit: &Visit, apis: &[Api]) -> Vec<ScopeRef> {
    let one = |id: &str| match id.split_once(' ') {
        None => ScopeRef::text(id),
        Some((api, value)) => ScopeRef {
            audience: Some(
                apis.iter()
                    .find(|known| known.id == api && known.org_id.is_some())
                    .map_or_else(|| api.to_owned(), |known| known.audience.clone()),
            ),
            value: value.to_owned(),
        },
    };
    visit.form.all("scopes").map(one).collect()
}

async fn answer(Given(app): Given<State>, Path((org, id)): Names, request: Request) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let (registry, access) = (&visit.app.registry, visit.access());
        let all = visit.path("/clients/transfers");
        let said = match visit.form.one("do") {
            "accept" => return accept(visit, &id).await,
            "decline" => {
                let seen = transfers::decline(registry, access, &id)
                    .await
                    .or_trouble(visit)?;
                format!(
                    "You declined {}.",
                    crate::oauth::name::isolated(&seen.transfer.client_name)
                )
            }
            "withdraw" => {
                let seen = transfers::withdraw(registry, access, &id)
                    .await
                    .or_trouble(visit)?;
                format!(
                    "The offer of {} is withdrawn.",
                    crate::oauth::name::isolated(&seen.transfer.client_name)
                )
            }
            _ => return Ok(visit.go(&all, None)),
        };
        Ok(visit.go(&all, Some(&done(said))))
    })
    .await
}

async fn accept(visit: &Visit, id: &str) -> Answer {
    let registry = &visit.app.registry;
    let apis = store::apis::of_organization(registry.db(), &visit.org().id)
        .await
        .or_trouble(visit)?;
    let acceptance = || Acceptance {
        scopes: Some(refs(visit, &apis)),
        // A form without a version has looked at none.
        version: Some(visit.form.one("version").parse().unwrap_or_default()),
        secret_label: None,
        secret_term: client_form::term(visit.form.one("secret_expires")),
    };
    // First without effect, so that a form that has to be mended keeps its one chance.
    let mut rehearsal = visit.access().clone();
    rehearsal.dry_run = true;
    match transfers::accept(registry, &rehearsal, id, acceptance()).await {
        Ok(_) => {}
        Err(Error::Refused(refusal)) if !refusal.fields.is_empty() => {
            let seen = transfers::find(registry, visit.access(), id)
                .await
                .or_trouble(visit)?;
            let errors = ErrorSummary::of_fields(&refusal.fields);
            return one_page(visit, &seen, StatusCode::UNPROCESSABLE_ENTITY, &errors).await;
        }
        Err(error) => return Err(visit.trouble(error)),
    }
    if !once::spend(visit).await? {
        let text = html! { p { "This form was sent before." } };
        return Ok(once::already(
            visit,
            &text,
            &visit.path("/clients"),
            "Go to the clients",
        ));
    }
    let created = transfers::accept(registry, visit.access(), id, acceptance())
        .await
        .or_trouble(visit)?;
    Ok(taken(visit, &created).await)
}

async fn taken(visit: &Visit, created: &Created) -> Response {
    let around = Around {
        title: format!("{} is yours", crate::oauth::name::isolated(&created.client.name)),
        lead: html! { @if created.secret.is_some() { "Its old secrets are dead. Store the new one before you go on." } @else { "Its ID is all that the app needs." } },
    };
    hand_over::show(visit, created, around).await
}
