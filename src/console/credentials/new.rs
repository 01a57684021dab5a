//! A new credential of one's own, and a change of one.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};

use super::{
    Closed, Found, HERE, closed, crumbs, find,
    form::{self, Ground, Look, Typed, placed},
    places,
};
use crate::{
    app::State,
    console::{
        client_form::Refused,
        create::fields,
        hand_over::{self, Around, Home},
        once,
        visit::{self, Answer, OrTrouble, Section, Visit, done},
    },
    oauth::refusal::Code,
    registry::{access::Access, credentials as own},
    store,
    ui::{form::hidden, page::Page, problem::Problem},
};

/// What a new one needs: the organisation it will belong to, and what can be given there.
async fn ground(visit: &Visit) -> Result<(Ground, Vec<Access>), Response> {
    own::check_available(&visit.app.registry).or_trouble(visit)?;
    let places = places(visit).await?;
    if let Some(Closed(title, text)) = closed(visit, &places) {
        let problem = Problem {
            status: StatusCode::FORBIDDEN,
            ..Problem::conflict(title, html! { p { (text) } }, &visit.request_id)
        };
        let page = Page {
            title: title.to_owned(),
            narrow: true,
            ..Page::default()
        };
        return Err(visit.page(
            Section::Personal,
            StatusCode::FORBIDDEN,
            &page,
            &html! { (problem) },
        ));
    }
    let asked = visit.form.one("org");
    let access = places.iter().find(|access| access.org.handle == asked);
    let allowed = |access: &&Access| access.org.settings.credentials_per_member > 0;
    let access = access
        .or_else(|| places.iter().find(allowed))
        .or_else(|| places.first());
    let access = access
        .ok_or_else(|| visit.trouble(Code::NotFound.because("you belong to no organisation").into()))?;
    visit.prove_enough(&access.org)?;
    let ground = Ground::read(visit, access.clone(), &visit.visitor.user.id).await?;
    Ok((ground, places))
}

pub(super) async fn show(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let mut visit = visit::enter_person(&app, &parts).await?;
    let like = visit.form.one("like").to_owned();
    let found = if like.is_empty() {
        None
    } else {
        Some(find(&visit, &like).await?)
    };
    if let Some(found) = &found {
        let query = format!("org={}", found.access.org.handle);
        visit.form = crate::browser::Form::parse(query.as_bytes()).or_trouble(&visit)?;
    }
    let (ground, places) = ground(&visit).await?;
    let typed = found.map_or_else(
        || Typed::blank(&ground),
        |found| Typed::like(&found.credential.client),
    );
    Ok(page(
        &visit,
        &ground,
        &places,
        StatusCode::OK,
        &typed,
        &Refused::default(),
    ))
}

/// In which organisation, for whoever belongs to several.
fn organization(ground: &Ground, places: &[Access]) -> Markup {
    html! {
        (hidden("org", &ground.access.org.handle))
        @if places.len() > 1 {
            p { "It will belong to " b { (crate::ui::name(&ground.access.org.name)) } ". Instead: "
                @for (at, other) in places.iter().filter(|other| other.org.id != ground.access.org.id).enumerate() {
                    @if at > 0 { ", " }
                    a href={ (HERE) "/new?org=" (other.org.handle) } { (crate::ui::name(&other.org.name)) }
                }
            }
        }
    }
}

fn page(
    visit: &Visit,
    ground: &Ground,
    places: &[Access],
    status: StatusCode,
    typed: &Typed,
    refused: &Refused,
) -> Response {
    let page = Page {
        title: "New credential".to_owned(),
        error: !refused.is_empty(),
        lead: Some(html! { "Its secret is made now and shown once. It can do no more than you can." }),
        narrow: true,
        crumbs: crumbs(None),
        ..Page::default()
    };
    let look = Look {
        action: "/me/credentials/new",
        button: "Generate",
        cancel: HERE,
        makes_secret: true,
        before: organization(ground, places),
        after: html! {},
    };
    let content = form::markup(visit, ground, typed, refused, &look);
    visit.page(Section::Personal, status, &page, &content)
}

pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let (ground, places) = ground(&visit).await?;
    let (typed, again) = Typed::read(&visit, &ground);
    if again {
        return Ok(page(
            &visit,
            &ground,
            &places,
            StatusCode::OK,
            &typed,
            &Refused::default(),
        ));
    }
    let (registry, user) = (&app.registry, &ground.user_id);
    let new = typed.new_credential(&ground);
    // First without effect, so that a form that has to be mended keeps its one chance.
    let trying = Access {
        dry_run: true,
        ..ground.access.clone()
    };
    if let Err(error) = own::create(registry, &trying, user, &new).await {
        let refused = placed(fields(&visit, error)?);
        return Ok(page(
            &visit,
            &ground,
            &places,
            StatusCode::UNPROCESSABLE_ENTITY,
            &typed,
            &refused,
        ));
    }
    if !once::spend(&visit).await? {
        let text = html! { p { "This form was sent before: the credential exists, and its secret was shown already. It is never \
        shown again. If you did not keep it, rotate it." } };
        return Ok(once::already(&visit, &text, HERE, "My credentials"));
    }
    let created = own::create(registry, &ground.access, user, &new)
        .await
        .or_trouble(&visit)?;
    let around = Around {
        title: format!("{} is ready", crate::oauth::name::isolated(&created.client.name)),
        lead: html! { "A token request needs exactly this: the id, the secret, and a scope." },
    };
    let apis = store::apis::of_organization(registry.db(), &ground.access.org.id)
        .await
        .or_trouble(&visit)?;
    let home = Home {
        at: format!("{HERE}/{}", created.client.client_id),
        section: Section::Personal,
        apis: &apis,
    };
    Ok(hand_over::show_at(&visit, &created, around, &home).await)
}

pub(super) async fn show_edit(Given(app): Given<State>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let found = find(&visit, &id).await?;
    let ground = Ground::read(&visit, found.access.clone(), &visit.visitor.user.id).await?;
    let typed = Typed::like(&found.credential.client);
    Ok(edit_page(
        &visit,
        &found,
        &ground,
        StatusCode::OK,
        &typed,
        &Refused::default(),
    ))
}

fn edit_page(
    visit: &Visit,
    found: &Found,
    ground: &Ground,
    status: StatusCode,
    typed: &Typed,
    refused: &Refused,
) -> Response {
    let client = &found.credential.client;
    let page = Page {
        title: format!("Edit {}", crate::oauth::name::isolated(&client.name)),
        error: !refused.is_empty(),
        lead: Some(
            html! { "A scope that you take away stops working at once, in tokens already issued, too." },
        ),
        narrow: true,
        crumbs: crumbs(Some(found)),
        ..Page::default()
    };
    let version = if visit.form.one("version").is_empty() {
        client.version.to_string()
    } else {
        visit.form.one("version").to_owned()
    };
    let look = Look {
        action: &format!("{}/edit", found.at),
        button: "Save changes",
        cancel: &found.at,
        makes_secret: false,
        before: hidden("version", &version),
        after: html! {},
    };
    let content = form::markup(visit, ground, typed, refused, &look);
    visit.page(Section::Personal, status, &page, &content)
}

pub(super) async fn submit_edit(
    Given(app): Given<State>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let found = find(&visit, &id).await?;
    let ground = Ground::read(&visit, found.access.clone(), &visit.visitor.user.id).await?;
    let (typed, again) = Typed::read(&visit, &ground);
    if again {
        return Ok(edit_page(
            &visit,
            &found,
            &ground,
            StatusCode::OK,
            &typed,
            &Refused::default(),
        ));
    }
    let version = visit.form.one("version").parse().ok();
    let edit = typed.edit(&ground);
    match own::edit(&app.registry, &found.access, &ground.user_id, &id, version, edit).await {
        Ok(client) => Ok(visit.go(
            &found.at,
            Some(&done(format!(
                "{} is changed.",
                crate::oauth::name::isolated(&client.name)
            ))),
        )),
        Err(error) => {
            let refused = placed(fields(&visit, error)?);
            Ok(edit_page(
                &visit,
                &found,
                &ground,
                StatusCode::UNPROCESSABLE_ENTITY,
                &typed,
                &refused,
            ))
        }
    }
}
