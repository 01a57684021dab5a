//! Create and edit an API.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};

use super::{crumbs, find, path};
use crate::{
    app::State,
    console::{
        asked,
        client_form::Refused,
        create::fields,
        visit::{Answer, OrTrouble, Section, Visit, done},
    },
    registry::{
        access::Permission,
        apis::{self, ApiEdit, NewApi},
        keys,
    },
    store::apis::{Api, TokenFormat},
    time::Lifetime,
    ui::{
        choice::Radios,
        form::{self, Field, Kind, Select, csrf, hidden, section},
        page::Page,
    },
};

/// What was typed.
#[derive(Default)]
struct Typed {
    name: String,
    audience: String,
    token_format: String,
    lifetime: String,
    signing_algorithm: String,
}

impl Typed {
    fn read(visit: &Visit) -> Self {
        let one = |name| visit.form.one(name).to_owned();
        Self {
            name: one("name"),
            audience: one("audience"),
            token_format: one("token_format"),
            lifetime: one("lifetime"),
            signing_algorithm: one("signing_algorithm"),
        }
    }

    fn of(api: &Api) -> Self {
        Self {
            name: api.name.clone(),
            audience: api.audience.clone(),
            token_format: api.token_format.word().to_owned(),
            lifetime: api
                .lifetime
                .map(|l| l.as_seconds().to_string())
                .unwrap_or_default(),
            signing_algorithm: api.signing_algorithm.clone().unwrap_or_default(),
        }
    }

    fn token_format(&self) -> TokenFormat {
        TokenFormat::parse(&self.token_format).unwrap_or(TokenFormat::Jwt)
    }

    /// What is not a number is out of every range.
    fn lifetime(&self) -> Option<Lifetime> {
        match self.lifetime.as_str() {
            "" => None,
            text => Some(Lifetime::seconds(text.parse().unwrap_or(-1))),
        }
    }

    fn signing_algorithm(&self) -> Option<String> {
        Some(self.signing_algorithm.clone()).filter(|name| !name.is_empty())
    }

    fn fields(&self, refused: &Refused, fixed: bool) -> Markup {
        let formats = [
            (
                "jwt",
                "JWT",
                "Services can check it offline; a revocation reaches them when it expires.",
            ),
            (
                "opaque",
                "Opaque",
                "Services ask us about it; a revocation counts at once.",
            ),
        ];
        let usual = std::iter::once((String::new(), "As usual".to_owned()));
        let algorithms = keys::ALGORITHMS
            .iter()
            .map(|alg| (alg.name().to_owned(), alg.name().to_owned()));
        let audience_hint = if fixed {
            "It never changes: clients and services know it."
        } else {
            "The URI by which tokens name this API. It never changes."
        };
        html! {
            (section("API", "", &html! {
                (Field { name: "name", label: "Name", value: &self.name, placeholder: "Billing", max: 120, error: refused.of("name"),
                    autofocus: refused.is_empty() && !fixed, ..Field::default() })
                (Field { name: "audience", label: "Audience", kind: Kind::Code, value: &self.audience, hint: audience_hint, readonly: fixed,
                    placeholder: "https://api.acme.example", error: refused.of("audience"), ..Field::default() })
            }))
            (section("Tokens", "", &html! {
                (Radios { name: "token_format", legend: "Format", value: self.token_format().word(), error: refused.of("token_format"),
                    options: formats.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())).to_vec(), ..Radios::default() })
                (Field { name: "lifetime", label: "Lifetime in seconds", kind: Kind::Digits, value: &self.lifetime, optional: true,
                    hint: "60 to 86,400. The smallest of API, client and organisation counts.", error: refused.of("lifetime"), ..Field::default() })
                (Select { name: "signing_algorithm", label: "Signing algorithm", options: usual.chain(algorithms).collect(),
                    value: &self.signing_algorithm, hint: "For JWTs, if a service understands only one.", error: refused.of("signing_algorithm") })
            }))
        }
    }
}

pub(super) async fn show_new(
    Given(app): Given<State>,
    Path(org): Path<String>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        visit.access().require(Permission::ApisWrite).or_trouble(visit)?;
        Ok(new_page(
            visit,
            StatusCode::OK,
            &Typed::default(),
            &Refused::default(),
        ))
    })
    .await
}

pub(super) async fn create(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Response {
    asked::post(&app, &org, request, async |visit| {
        let typed = Typed::read(visit);
        let new = NewApi {
            name: typed.name.clone(),
            audience: typed.audience.clone(),
            token_format: typed.token_format(),
            lifetime: typed.lifetime(),
            signing_algorithm: typed.signing_algorithm(),
            scopes: Vec::new(),
        };
        match apis::create(&visit.app.registry, visit.access(), new).await {
            Ok(api) => {
                let flash = done(format!(
                    "{} is created. Add its scopes next.",
                    crate::oauth::name::isolated(&api.name)
                ));
                Ok(visit.go(&path(visit, &api, ""), Some(&flash)))
            }
            Err(error) => {
                let refused = fields(visit, error)?;
                Ok(new_page(
                    visit,
                    StatusCode::UNPROCESSABLE_ENTITY,
                    &typed,
                    &refused,
                ))
            }
        }
    })
    .await
}

fn new_page(visit: &Visit, status: StatusCode, typed: &Typed, refused: &Refused) -> Response {
    let page = Page {
        title: "Create an API".to_owned(),
        error: !refused.is_empty(),
        narrow: true,
        crumbs: crumbs(visit, None),
        ..Page::default()
    };
    let content = html! {
        (refused.summary())
        form.form method="post" novalidate {
            (csrf(&visit.visitor.csrf))
            (typed.fields(refused, false))
            div.actions { (form::primary("Create API")) (form::link_button("Cancel", &visit.path("/apis"))) }
        }
    };
    visit.page(Section::Apis, status, &page, &content)
}

pub(super) async fn show_edit(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let api = own(visit, &id).await?;
        Ok(edit_page(
            visit,
            StatusCode::OK,
            &api,
            &Typed::of(&api),
            &Refused::default(),
        ))
    })
    .await
}

/// An API that can be changed. Editing nothing tells, as it does for every other way in.
pub(super) async fn own(visit: &Visit, id: &str) -> Result<Api, Response> {
    let api = find(visit, id, Permission::ApisWrite).await?;
    apis::edit(&visit.app.registry, visit.access(), id, None, ApiEdit::default())
        .await
        .or_trouble(visit)?;
    Ok(api)
}

pub(super) async fn edit(
    Given(app): Given<State>,
    Path((org, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| save(visit, &id).await).await
}

async fn save(visit: &Visit, id: &str) -> Answer {
    let api = own(visit, id).await?;
    let typed = Typed::read(visit);
    let edit = ApiEdit {
        name: Some(typed.name.clone()),
        token_format: Some(typed.token_format()),
        lifetime: Some(typed.lifetime()),
        signing_algorithm: Some(typed.signing_algorithm()),
    };
    let version = visit.form.one("version").parse().ok();
    match apis::edit(&visit.app.registry, visit.access(), id, version, edit).await {
        Ok(api) => {
            let flash = done(format!(
                "{} is saved. New tokens follow it.",
                crate::oauth::name::isolated(&api.name)
            ));
            Ok(visit.go(&path(visit, &api, ""), Some(&flash)))
        }
        Err(error) => {
            let refused = fields(visit, error)?;
            Ok(edit_page(
                visit,
                StatusCode::UNPROCESSABLE_ENTITY,
                &api,
                &typed,
                &refused,
            ))
        }
    }
}

fn edit_page(visit: &Visit, status: StatusCode, api: &Api, typed: &Typed, refused: &Refused) -> Response {
    let page = Page {
        title: format!("Edit {}", crate::oauth::name::isolated(&api.name)),
        error: !refused.is_empty(),
        narrow: true,
        crumbs: crumbs(visit, Some(api)),
        ..Page::default()
    };
    let shown = Typed {
        name: typed.name.clone(),
        audience: api.audience.clone(),
        token_format: typed.token_format.clone(),
        lifetime: typed.lifetime.clone(),
        signing_algorithm: typed.signing_algorithm.clone(),
    };
    let version = visit
        .form
        .given("version")
        .map_or_else(|| api.version.to_string(), str::to_owned);
    let content = html! {
        (refused.summary())
        form.form method="post" novalidate {
            (csrf(&visit.visitor.csrf)) (hidden("version", &version))
            (shown.fields(refused, true))
            div.actions { (form::primary("Save changes")) (form::link_button("Cancel", &path(visit, api, ""))) }
        }
    };
    visit.page(Section::Apis, status, &page, &content)
}
