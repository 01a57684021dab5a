//! Name and settings of an organisation.

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
    client_form::Refused,
    create::fields,
    legacy,
    visit::{Answer, OrTrouble, Section, Visit, done},
    webhooks,
};
use crate::{
    app::State,
    registry::{
        access::Permission,
        organizations::{self, OrganizationEdit},
    },
    store::organizations::Settings,
    ui::{
        badge::Tone,
        choice::Checkbox,
        code::Copy,
        form::{self, Field, Kind, csrf, hidden, section},
        notice::note,
        page::Page,
    },
};

pub(super) fn routes() -> Router<State> {
    Router::new().route("/orgs/{org}/settings", get(show).post(submit))
}

/// What was typed.
struct Typed {
    name: String,
    access_token_lifetime: String,
    secret_lifetime_days: String,
    secrets_may_never_expire: bool,
    secret_overlap_hours: String,
    unused_notices: bool,
    unused_disable_days: String,
    development_redirects: bool,
    require_second_factor: bool,
    credentials_per_member: String,
    scopes_per_credential: String,
    audit_retention_days: String,
    version: String,
}

impl Typed {
    fn now(visit: &Visit) -> Self {
        let org = visit.org();
        Self {
            name: org.name.clone(),
            access_token_lifetime: written(org.settings.access_token_lifetime),
            secret_lifetime_days: org.settings.secret_lifetime_days.to_string(),
            secrets_may_never_expire: org.settings.secrets_may_never_expire,
            secret_overlap_hours: org.settings.secret_overlap_hours.to_string(),
            unused_notices: org.settings.unused_notices,
            unused_disable_days: written(org.settings.unused_disable_days),
            development_redirects: org.settings.development_redirects,
            require_second_factor: org.settings.require_second_factor,
            credentials_per_member: org.settings.credentials_per_member.to_string(),
            scopes_per_credential: org.settings.scopes_per_credential.to_string(),
            audit_retention_days: written(org.settings.audit_retention_days),
            version: org.version.to_string(),
        }
    }

    fn read(visit: &Visit) -> Self {
        let one = |name| visit.form.one(name).to_owned();
        // A form from before these fields leaves them as they are.
        let or = |name, kept: fn(&Settings) -> i64| match visit.form.ticked(name) {
            true => one(name),
            false => kept(&visit.org().settings).to_string(),
        };
        Self {
            name: one("name"),
            access_token_lifetime: one("access_token_lifetime"),
            secret_lifetime_days: one("secret_lifetime_days"),
            secrets_may_never_expire: visit.form.ticked("secrets_may_never_expire"),
            secret_overlap_hours: one("secret_overlap_hours"),
            unused_notices: visit.form.ticked("unused_notices"),
            unused_disable_days: one("unused_disable_days"),
            development_redirects: visit.form.ticked("development_redirects"),
            require_second_factor: visit.form.ticked("require_second_factor"),
            credentials_per_member: or("credentials_per_member", |s| s.credentials_per_member),
            scopes_per_credential: or("scopes_per_credential", |s| s.scopes_per_credential),
            audit_retention_days: one("audit_retention_days"),
            version: one("version"),
        }
    }

    /// What is not a number is out of every range.
    fn edit(&self) -> OrganizationEdit {
        OrganizationEdit {
            name: Some(self.name.clone()),
            settings: Some(Settings {
                access_token_lifetime: number(&self.access_token_lifetime),
                development_redirects: self.development_redirects,
                secret_lifetime_days: number(&self.secret_lifetime_days).unwrap_or(-1),
                secrets_may_never_expire: self.secrets_may_never_expire,
                secret_overlap_hours: number(&self.secret_overlap_hours).unwrap_or(-1),
                unused_notices: self.unused_notices,
                unused_disable_days: number(&self.unused_disable_days),
                require_second_factor: self.require_second_factor,
                credentials_per_member: self.credentials_per_member.parse().unwrap_or(-1),
                scopes_per_credential: self.scopes_per_credential.parse().unwrap_or(-1),
                audit_retention_days: number(&self.audit_retention_days),
            }),
        }
    }
}

fn written(number: Option<i64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn number(text: &str) -> Option<i64> {
    (!text.is_empty()).then(|| text.parse().unwrap_or(-1))
}

async fn show(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Response {
    asked::read(&app, &org, request, async |visit| {
        visit
            .access()
            .require(Permission::OrganizationsWrite)
            .or_trouble(visit)?;
        Ok(page(
            visit,
            StatusCode::OK,
            &Typed::now(visit),
            &Refused::default(),
        ))
    })
    .await
}

async fn submit(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Response {
    asked::post(&app, &org, request, save).await
}

async fn save(visit: &Visit) -> Answer {
    let typed = Typed::read(visit);
    let version = typed.version.parse().ok();
    let saved = organizations::edit(&visit.app.registry, visit.access(), version, typed.edit()).await;
    match saved {
        Ok(org) => {
            let flash = done(format!(
                "The settings of {} are saved.",
                crate::oauth::name::isolated(&org.name)
            ));
            Ok(visit.go(&visit.path("/settings"), Some(&flash)))
        }
        Err(error) => {
            let mut refused = fields(visit, error)?;
            for field in &mut refused.0 {
                field.pointer = field.pointer.replace("/settings/", "/");
            }
            Ok(page(visit, StatusCode::UNPROCESSABLE_ENTITY, &typed, &refused))
        }
    }
}

fn page(visit: &Visit, status: StatusCode, typed: &Typed, refused: &Refused) -> Response {
    let page = Page {
        title: "Settings".to_owned(),
        error: !refused.is_empty(),
        lead: Some(html! { "What holds for every client of " (crate::ui::name(&visit.org().name)) "." }),
        narrow: true,
        ..Page::default()
    };
    let content = html! {
        (refused.summary())
        (legacy::standing(visit))
        form.form method="post" novalidate {
            (csrf(&visit.visitor.csrf)) (hidden("version", &typed.version))
            (section("Organisation", "", &identity(visit, typed, refused)))
            (section("Sign-in", "", &sign_in(typed)))
            (section("Secrets", "", &secrets(typed, refused)))
            (section("Clients that nobody uses", "", &unused(typed, refused)))
            (section("Personal credentials", "", &credentials(typed, refused)))
            (section("Tokens and redirects", "", &tokens(visit, typed, refused)))
            (section("Activity", "", &activity(typed, refused)))
            div.actions { (form::primary("Save changes")) }
        }
        (webhooks::link(visit))
        (mail(visit))
    };
    visit.page(Section::Settings, status, &page, &content)
}

/// For operators: where mail goes while there is no server for it.
fn mail(visit: &Visit) -> Markup {
    let directory = visit.app.registry.post.directory();
    html! {
        @if let Some(directory) = directory.filter(|_| visit.may(Permission::InstanceRead)) {
            (note(Tone::Info, &html! {
                h2 { "Mail is written to files" }
                p { "No mail server is set (" code { "mail.smtp_url" } "). Invitations and links to new passwords lie in "
                    code { (directory.display()) } " on the server; hand them on from there." }
            }))
        }
    }
}

fn sign_in(typed: &Typed) -> Markup {
    html! {
        (Checkbox { name: "require_second_factor", value: "yes", label: "Require a second factor", checked: typed.require_second_factor,
            hint: "Members sign in with an authenticator app or a passkey. Who has none sets one up at the next sign-in; operators, too.",
            ..Checkbox::default() })
    }
}

fn identity(visit: &Visit, typed: &Typed, refused: &Refused) -> Markup {
    html! {
        (Field { name: "name", label: "Name", value: &typed.name, max: 120, error: refused.of("name"), ..Field::default() })
        dl.facts {
            dt { "Handle" } dd { (Copy { id: "handle", name: "handle", value: &visit.org().handle, boxed: true }) }
            dt { "ID" } dd { (Copy { id: "org-id", name: "organisation id", value: &visit.org().id, boxed: true }) }
            dt { "Created" } dd { (visit.reader().moment(visit.org().created_at)) }
        }
    }
}

fn secrets(typed: &Typed, refused: &Refused) -> Markup {
    html! {
        (Field { name: "secret_lifetime_days", label: "A new secret expires after so many days", kind: Kind::Digits, value: &typed.secret_lifetime_days,
            hint: "1 to 731. Whoever makes a secret may choose another span.", error: refused.of("secret_lifetime_days"), ..Field::default() })
        (Checkbox { name: "secrets_may_never_expire", value: "yes", label: "Secrets without an end are allowed",
            checked: typed.secrets_may_never_expire, ..Checkbox::default() })
        (Field { name: "secret_overlap_hours", label: "After a rotation the old secret works for so many hours", kind: Kind::Digits,
            value: &typed.secret_overlap_hours, hint: "1 to 720. Whoever rotates may choose another span.",
            error: refused.of("secret_overlap_hours"), ..Field::default() })
    }
}

fn unused(typed: &Typed, refused: &Refused) -> Markup {
    html! {
        (Checkbox { name: "unused_notices", value: "yes", label: "Tell by mail after 60, 90 and 120 days without a use",
            checked: typed.unused_notices, hint: "Whoever looks after the client, else the administrators.", ..Checkbox::default() })
        (Field { name: "unused_disable_days", label: "Disable after so many days without a use", kind: Kind::Digits, optional: true,
            value: &typed.unused_disable_days, hint: "30 to 1,100; empty: never. Disabling can be undone; system clients are left alone.",
            error: refused.of("unused_disable_days"), ..Field::default() })
    }
}

fn credentials(typed: &Typed, refused: &Refused) -> Markup {
    html! {
        (Field { name: "credentials_per_member", label: "Personal credentials a member may have", kind: Kind::Digits,
            value: &typed.credentials_per_member, hint: "0 to 100. With 0 nobody makes new ones; those that exist keep working.",
            error: refused.of("credentials_per_member"), ..Field::default() })
        (Field { name: "scopes_per_credential", label: "Scopes a personal credential may have", kind: Kind::Digits,
            value: &typed.scopes_per_credential, hint: "1 to 100.", error: refused.of("scopes_per_credential"), ..Field::default() })
    }
}

fn activity(typed: &Typed, refused: &Refused) -> Markup {
    html! {
        (Field { name: "audit_retention_days", label: "Keep entries for so many days", kind: Kind::Digits, optional: true,
            value: &typed.audit_retention_days, hint: "30 or more; empty keeps them for ever. What is older is removed every night (UTC).",
            error: refused.of("audit_retention_days"), ..Field::default() })
    }
}

fn tokens(visit: &Visit, typed: &Typed, refused: &Refused) -> Markup {
    html! {
        (Field { name: "access_token_lifetime", label: "Access token lifetime in seconds", kind: Kind::Digits, optional: true,
            value: &typed.access_token_lifetime, hint: "60 to 86,400. The smallest of API, client and organisation counts.",
            error: refused.of("access_token_lifetime"), ..Field::default() })
        @if visit.app.registry.boundary.allows_development() {
            (Checkbox { name: "development_redirects", value: "yes", label: "Allow development redirects", checked: typed.development_redirects,
                hint: "Web and single-page apps may register plain http on localhost.", ..Checkbox::default() })
        } @else {
            @if typed.development_redirects { (hidden("development_redirects", "yes")) }
            p.hint { b { "Development redirects are forbidden on this server" } ": web and single-page apps register https only. Whoever runs the server                 can allow them (" code { "features.development_redirects" } ")." }
        }
    }
}
