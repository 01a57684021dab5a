//! What a person tells about himself, and his e-mail address.

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use maud::{Markup, html};

use super::visit::{self, Answer, OrTrouble, Section, Visit, done};
use crate::{
    app::State,
    error::{Error, Result},
    oauth::refusal::Code,
    registry::{email, profile},
    store::users::{Address, Profile},
    ui::{
        badge::{Badge, Tone},
        form::{self, ErrorSummary, Field, Kind, csrf, hidden, section},
        page::Page,
    },
};

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/me/profile", get(show).post(save))
        .route("/me/email", post(change_email))
        .route("/me/email/{token}", get(show_link).post(confirm))
}

/// What stands in the form: what is kept, or what was typed.
struct Typed {
    display_name: String,
    profile: Profile,
}

impl Typed {
    fn kept(visit: &Visit) -> Self {
        let user = &visit.visitor.user;
        Self {
            display_name: user.display_name.clone(),
            profile: (*user.profile).clone(),
        }
    }

    fn posted(visit: &Visit) -> Self {
        let text = |name: &str| visit.form.given(name).map(str::to_owned);
        Self {
            display_name: visit.form.one("display_name").to_owned(),
            profile: Profile {
                given_name: text("given_name"),
                family_name: text("family_name"),
                middle_name: text("middle_name"),
                nickname: text("nickname"),
                profile: text("profile"),
                picture: text("picture"),
                website: text("website"),
                gender: text("gender"),
                birthdate: text("birthdate"),
                zoneinfo: text("zoneinfo"),
                locale: text("locale"),
                phone_number: text("phone_number"),
                phone_number_verified: false,
                address: Some(Address {
                    street_address: text("street_address"),
                    locality: text("locality"),
                    region: text("region"),
                    postal_code: text("postal_code"),
                    country: text("country"),
                }),
            },
        }
    }
}

async fn show(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let typed = Typed::kept(&visit);
    Ok(page(&visit, &typed, &ErrorSummary::default()))
}

async fn save(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let typed = Typed::posted(&visit);
    let user = &visit.visitor.user;
    let told = typed.profile.clone();
    let saved = profile::set(&app.registry, &visit.actor(), user, &typed.display_name, told).await;
    match refused(saved, &visit)? {
        Some(errors) => Ok(page(&visit, &typed, &errors)),
        None => Ok(visit.go("/me/profile", Some(&done("Your profile is saved.")))),
    }
}

/// What the form shows itself; anything else is a page of its own.
fn refused<T>(result: Result<T>, visit: &Visit) -> std::result::Result<Option<ErrorSummary>, Response> {
    match result {
        Ok(_) => Ok(None),
        Err(Error::Refused(refusal)) if !refusal.fields.is_empty() => {
            Ok(Some(ErrorSummary::of_fields(&refusal.fields)))
        }
        Err(error) => Err(visit.trouble(error)),
    }
}

async fn change_email(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let (registry, actor) = (&app.registry, visit.actor());
    let (user, session) = (&visit.visitor.user, &visit.visitor.session);
    if visit.form.one("do") == "remove" {
        email::remove(registry, &actor, session, user)
            .await
            .or_trouble(&visit)?;
        return Ok(visit.go("/me/profile", Some(&done("Your e-mail address is removed."))));
    }
    let address = visit.form.one("email");
    let asked = email::ask(registry, &actor, session, user, address).await;
    match refused(asked, &visit)? {
        Some(errors) => Ok(page(&visit, &Typed::kept(&visit), &errors)),
        None => {
            let words = format!("A link to confirm {address} is on its way. It works once, for 24 hours.");
            Ok(visit.go("/me/profile", Some(&done(words))))
        }
    }
}

fn page(visit: &Visit, typed: &Typed, errors: &ErrorSummary) -> Response {
    let content = html! {
        (errors)
        section.card #email-address { h2 { "E-mail" } (address(visit, errors)) }
        form.form method="post" action="/me/profile" novalidate {
            (csrf(&visit.visitor.csrf))
            (section("Name", "What others read. Apps that you allow see what you tell here.", &names(typed, errors)))
            (section("About you", "", &about(typed, errors)))
            (section("Where and how to reach you", "", &places(typed, errors)))
            div.actions { (form::primary("Save profile")) }
        }
    };
    let wrong = !errors.errors.is_empty();
    let page = Page {
        title: "Profile".to_owned(),
        error: wrong,
        narrow: true,
        ..Page::default()
    };
    let status = if wrong {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    visit.page(Section::Personal, status, &page, &content)
}

fn address(visit: &Visit, errors: &ErrorSummary) -> Markup {
    let user = &visit.visitor.user;
    let token = &visit.visitor.csrf;
    let badge = match user.email_verified_at {
        Some(_) => Badge {
            tone: Tone::Ok,
            word: "Confirmed",
        },
        None => Badge {
            tone: Tone::Warn,
            word: "Not confirmed",
        },
    };
    html! {
        dl.facts {
            dt { "Address" }
            dd { @match &user.email { Some(email) => { (email) " " (badge) } None => "–" } }
            @if let Some(pending) = &user.email_pending { dt { "Waits for you to confirm it" } dd { (pending) } }
        }
        @if let Some(again) = user.email_pending.as_ref().or(user.email.as_ref().filter(|_| user.email_verified_at.is_none())) {
            form method="post" action="/me/email" {
                (csrf(token)) (hidden("do", "change")) (hidden("email", again))
                button.btn type="submit" { "Send the link again" }
            }
        }
        form.stack method="post" action="/me/email" novalidate {
            (csrf(token)) (hidden("do", "change"))
            (Field { name: "email", label: "New address", kind: Kind::Email, value: visit.form.one("email"), error: errors.of("email"),
                hint: "A link is sent there. Until you open it, nothing changes.", autocomplete: "email", max: 254, ..Field::default() })
            div.actions { button.btn type="submit" { "Send link" } }
        }
        @if user.email.is_some() || user.email_pending.is_some() {
            form method="post" action="/me/email" {
                (csrf(token)) (hidden("do", "remove")) (form::danger("Remove address"))
            }
        }
    }
}

fn line<'a>(
    name: &'a str,
    label: &'a str,
    value: &'a Option<String>,
    complete: &'a str,
    errors: &'a ErrorSummary,
) -> Field<'a> {
    Field {
        name,
        label,
        value: value.as_deref().unwrap_or_default(),
        error: errors.of(name),
        autocomplete: complete,
        optional: true,
        max: 200,
        ..Field::default()
    }
}

fn names(typed: &Typed, errors: &ErrorSummary) -> Markup {
    let told = &typed.profile;
    html! {
        (Field { name: "display_name", label: "Name", value: &typed.display_name, error: errors.of("display_name"),
            autocomplete: "name", max: 120, ..Field::default() })
        (line("given_name", "Given name", &told.given_name, "given-name", errors))
        (line("middle_name", "Middle name", &told.middle_name, "additional-name", errors))
        (line("family_name", "Family name", &told.family_name, "family-name", errors))
        (line("nickname", "Nickname", &told.nickname, "nickname", errors))
    }
}

fn about(typed: &Typed, errors: &ErrorSummary) -> Markup {
    let told = &typed.profile;
    html! {
        (Field { kind: Kind::Url, max: 2000, ..line("profile", "Page about you", &told.profile, "", errors) })
        (Field { kind: Kind::Url, max: 2000, ..line("picture", "Picture", &told.picture, "photo", errors) })
        (Field { kind: Kind::Url, max: 2000, ..line("website", "Website", &told.website, "url", errors) })
        (line("gender", "Gender", &told.gender, "sex", errors))
        (Field { hint: "As in 1990-12-31; 0000-12-31 leaves the year out.", ..line("birthdate", "Birth date", &told.birthdate, "bday", errors) })
        (Field { hint: "As in Europe/Berlin.", ..line("zoneinfo", "Time zone that apps are told", &told.zoneinfo, "", errors) })
        (Field { hint: "As in en-GB.", ..line("locale", "Language", &told.locale, "language", errors) })
    }
}

fn places(typed: &Typed, errors: &ErrorSummary) -> Markup {
    let told = &typed.profile;
    let none = Address::default();
    let address = told.address.as_ref().unwrap_or(&none);
    html! {
        (Field { hint: "With the country, as in +49 30 123456.", ..line("phone_number", "Telephone", &told.phone_number, "tel", errors) })
        (Field { kind: Kind::Lines, ..line("street_address", "Street and number", &address.street_address, "street-address", errors) })
        (line("postal_code", "Postal code", &address.postal_code, "postal-code", errors))
        (line("locality", "City", &address.locality, "address-level2", errors))
        (line("region", "Region", &address.region, "address-level1", errors))
        (line("country", "Country", &address.country, "country-name", errors))
    }
}

async fn show_link(Given(app): Given<State>, Path(token): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let user = &visit.visitor.user;
    let address = email::open(&app.registry, user, &token)
        .await
        .or_trouble(&visit)?;
    let address = address.ok_or_else(|| visit.trouble(dead(&visit)))?;
    let content = html! {
        form.card.stack method="post" action={ "/me/email/" (token) } {
            (csrf(&visit.visitor.csrf))
            p { "From now on " strong { (address) } " is the address of your account " (user.username) "." }
            div.actions { (form::primary("Confirm address")) (form::link_button("Cancel", "/me/profile")) }
        }
    };
    let page = Page {
        title: "Confirm your e-mail address".to_owned(),
        narrow: true,
        ..Page::default()
    };
    Ok(visit.ok(Section::Personal, &page, &content))
}

fn dead(visit: &Visit) -> Error {
    let words = format!(
        "this link was used already, or its time is over, or it belongs to another account than {}: ask for a new one \
         on your profile",
        visit.visitor.user.username
    );
    Code::Gone.because(words).into()
}

async fn confirm(Given(app): Given<State>, Path(token): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let confirmed = email::confirm(&app.registry, &visit.actor(), &visit.visitor.user, &token)
        .await
        .or_trouble(&visit)?;
    let words = format!("{confirmed} is your address now.");
    Ok(visit.go("/me/profile", Some(&done(words))))
}
