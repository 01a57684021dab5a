//! What somebody prepared for this person: he looks at it, takes it, and alone sees its secret. Anybody else finds nothing
//! here, and takes nothing away.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
};
use maud::{Markup, html};

use super::{HERE, access_of, crumbs};
use crate::{
    app::State,
    console::{
        hand_over::{self, Around, Home},
        visit::{self, Answer, OrTrouble, Section, Visit},
    },
    registry::{
        credential_offers::{self as offers, Opened},
        credentials as own,
    },
    store::{self, apis::Api},
    ui::{
        badge::Tone,
        form::{csrf, link_button, primary},
        notice::note,
        page::Page,
    },
};

pub(super) async fn show(Given(app): Given<State>, Path(token): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let opened = offers::open(&app.registry, &visit.visitor.user, &token)
        .await
        .or_trouble(&visit)?;
    visit.prove_enough(&opened.org)?;
    let apis = store::apis::of_organization(app.registry.db(), &opened.org.id)
        .await
        .or_trouble(&visit)?;
    let page = Page {
        title: format!(
            "A credential for you: {}",
            crate::oauth::name::isolated(&opened.new.name)
        ),
        lead: Some(
            html! { b { (crate::ui::name(&opened.offer.offered_by_name)) } " of " b { (crate::ui::name(&opened.org.name)) } " prepared it for you." },
        ),
        narrow: true,
        crumbs: crumbs(None),
        ..Page::default()
    };
    Ok(visit.page(
        Section::Personal,
        StatusCode::OK,
        &page,
        &question(&visit, &opened, &apis, &token),
    ))
}

fn question(visit: &Visit, opened: &Opened, apis: &[Api], token: &str) -> Markup {
    html! {
        form.card.stack.lg method="post" action={ "/credentials/claim/" (token) } {
            (csrf(&visit.visitor.csrf))
            @if !opened.new.description.is_empty() { p { (crate::ui::name(&opened.new.description)) } }
            p { "Scripts that use it act in your place. It may:" }
            ul { @for scope in &opened.new.scopes { li { (words(scope, apis)) } } }
            (note(Tone::Info, &html! { p { "The secret is made when you take it, and shown to you alone, once. Have a place for it ready. \
                You can take it until " (visit.reader().full(opened.offer.expires_at)) "." } }))
            p.hint { "You do not know what this is for? Ask before you take it: it counts as yours." }
            div.actions { (link_button("Not now", HERE)) (primary("Take the credential")) }
        }
    }
}

fn words(scope: &crate::registry::client_input::ScopeRef, apis: &[Api]) -> Markup {
    let audience = scope.audience.as_deref().unwrap_or_default();
    let known = apis
        .iter()
        .filter(|api| audience.is_empty() || api.audience == audience);
    let known = known.flat_map(|api| api.scopes.iter().map(move |one| (api, one)));
    let found = known.into_iter().find(|(_, one)| one.value == scope.value);
    html! { @match found {
        Some((api, one)) => {
            @if !one.description.is_empty() { (crate::ui::name(&one.description)) " " }
            code { (own::qualify(&api.audience, &one.value)) }
        },
        None => code { (audience) " " (scope.value) },
    } }
}

pub(super) async fn submit(Given(app): Given<State>, Path(token): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let user = &visit.visitor.user;
    let opened = offers::open(&app.registry, user, &token)
        .await
        .or_trouble(&visit)?;
    visit.prove_enough(&opened.org)?;
    let role = store::users::role(app.registry.db(), &opened.org.id, &user.id)
        .await
        .or_trouble(&visit)?;
    let role = role.ok_or_else(|| visit.trouble(offers::unknown().into()))?;
    let access = access_of(&visit, opened.org, role);
    let created = offers::claim(&app.registry, &access, user, &token)
        .await
        .or_trouble(&visit)?;
    let apis = store::apis::of_organization(app.registry.db(), &access.org.id)
        .await
        .or_trouble(&visit)?;
    let around = Around {
        title: format!("{} is yours", crate::oauth::name::isolated(&created.client.name)),
        lead: html! { "A token request needs exactly this: the id, the secret, and a scope. Nobody else has seen the secret." },
    };
    let home = Home {
        at: format!("{HERE}/{}", created.client.client_id),
        section: Section::Personal,
        apis: &apis,
    };
    Ok(hand_over::show_at(&visit, &created, around, &home).await)
}
