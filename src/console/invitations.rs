//! Invitations into an organisation: send, send again, revoke. Whoever has an account is never attached otherwise.

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use maud::{Markup, html};

use super::{
    labels, people,
    visit::{self, Answer, OrTrouble, Section, Visit, done},
};
use crate::{
    app::State,
    error::Error,
    registry::{access::Permission, invitations},
    store::{invitations::Invitation, users::Role},
    ui::{
        form::{self, ErrorSummary, Field, Kind, Select, csrf, hidden},
        page::{Link, Page},
        table::{Column, Row, Table},
    },
};

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/orgs/{org}/people/invite", get(show).post(invite))
        .route("/orgs/{org}/people/invitations/{invitation}", post(act))
}

async fn show(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    visit
        .access()
        .require(Permission::MembersWrite)
        .or_trouble(&visit)?;
    Ok(page(&visit, &ErrorSummary::default()))
}

fn page(visit: &Visit, errors: &ErrorSummary) -> Response {
    let form = &visit.form;
    let wrong = !errors.errors.is_empty();
    let content = html! {
        (errors)
        form.form method="post" action=(visit.path("/people/invite")) novalidate {
            (csrf(&visit.visitor.csrf))
            (Field { name: "email", label: "E-mail", kind: Kind::Email, value: form.one("email"), error: errors.of("email"),
                hint: "A link is sent there. It works once, for seven days; nobody else sees it.",
                autofocus: !wrong, max: 254, ..Field::default() })
            (Select { name: "role", label: "Role", options: people::roles(visit), value: form.given("role").unwrap_or("member"),
                error: errors.of("role"), ..Select::default() })
            div.actions { (form::primary("Send invitation")) (form::link_button("Cancel", &visit.path("/people"))) }
            p.hint { "Without mail, " a href=(visit.path("/people/new")) { "make an account" } " and hand its link over yourself." }
        }
    };
    let page = Page {
        title: "Invite member".to_owned(),
        error: wrong,
        crumbs: vec![Link {
            label: "Members".to_owned(),
            href: visit.path("/people"),
            current: false,
        }],
        narrow: true,
        ..Page::default()
    };
    let status = if wrong {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    visit.page(Section::Members, status, &page, &content)
}

async fn invite(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_post(&app, &parts, body, &org).await?;
    let Some(role) = Role::parse(visit.form.one("role")) else {
        return Ok(page(&visit, &ErrorSummary::of_one("role", "Choose a role.")));
    };
    let address = visit.form.one("email");
    match invitations::invite(&app.registry, visit.access(), address, role).await {
        Ok(invitation) => {
            let words = format!("An invitation to {} is on its way.", invitation.email);
            Ok(visit.go(&visit.path("/people"), Some(&done(words))))
        }
        Err(Error::Refused(refusal)) if !refusal.fields.is_empty() => {
            Ok(page(&visit, &ErrorSummary::of_fields(&refusal.fields)))
        }
        Err(error) => Err(visit.trouble(error)),
    }
}

async fn act(Given(app): Given<State>, Path((org, id)): Path<(String, String)>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_post(&app, &parts, body, &org).await?;
    let (registry, access) = (&app.registry, visit.access());
    let words = match visit.form.one("do") {
        "resend" => {
            let sent = invitations::resend(registry, access, &id)
                .await
                .or_trouble(&visit)?;
            format!("An invitation to {} is on its way once more.", sent.email)
        }
        "revoke" => {
            invitations::revoke(registry, access, &id)
                .await
                .or_trouble(&visit)?;
            "The invitation is revoked; its link is dead.".to_owned()
        }
        _ => return Ok(visit.go(&visit.path("/people"), None)),
    };
    Ok(visit.go(&visit.path("/people"), Some(&done(words))))
}

/// The open invitations, for the page of members; nothing when there are none.
pub(super) fn table(visit: &Visit, all: &[Invitation]) -> Markup {
    if all.is_empty() {
        return html! {};
    }
    let table = Table {
        id: "invitations",
        caption: &format!(
            "Open invitations to {}",
            crate::oauth::name::isolated(&visit.org().name)
        ),
        columns: ["E-mail", "Role", "Sent", "Works until", "Actions"]
            .map(Column::new)
            .to_vec(),
        rows: all.iter().map(|invitation| row(visit, invitation)).collect(),
        bulk: None,
    };
    html! { h2 #invited { "Invitations" } (table) }
}

fn row(visit: &Visit, invitation: &Invitation) -> Row {
    let expired = invitation.expires_at <= visit.now;
    Row {
        id: invitation.id.clone(),
        name: invitation.email.clone(),
        href: String::new(),
        badges: expired.then(|| crate::ui::badge::tag("Expired")),
        cells: vec![
            html! { (labels::role(invitation.role)) },
            visit.reader().moment(invitation.created_at),
            visit.reader().moment(invitation.expires_at),
            buttons(visit, invitation),
        ],
        ..Row::default()
    }
}

fn buttons(visit: &Visit, invitation: &Invitation) -> Markup {
    let action = visit.path(&format!("/people/invitations/{}", invitation.id));
    let button = |what: &str, words: &str| {
        html! {
            form method="post" action=(action) {
                (csrf(&visit.visitor.csrf)) (hidden("do", what))
                button.small-btn type="submit" aria-label={ (words) " the invitation to " (invitation.email) } { (words) }
            }
        }
    };
    html! {
        @if visit.may(Permission::MembersWrite) {
            div.actions { (button("resend", "Send again")) (button("revoke", "Revoke")) }
        }
    }
}
