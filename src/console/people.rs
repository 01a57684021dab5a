//! The members of an organisation: add, change a role, remove. A new account's link is shown once, in the answer to the
//! form that made it.

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use super::{
    labels,
    visit::{self, Answer, OrTrouble, Section, Visit, done},
};
use crate::{
    app::State,
    error::Error,
    registry::{
        access::Permission,
        accounts, invitations,
        members::{self, NewMember},
        people::AccountLink,
        recovery,
    },
    store::users::{Member, Role, UserStatus},
    ui::{
        badge::{Badge, Tone},
        code::Copy,
        form::{self, ErrorSummary, Field, Kind, Select, csrf, hidden},
        menu::Item,
        notice::note,
        page::{Link, Page},
        table::{Column, Row, Table},
    },
};

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/orgs/{org}/people", get(show))
        .route("/orgs/{org}/people/new", get(show_new).post(add))
        .route("/orgs/{org}/people/{user}", get(show_one).post(act))
}

fn page(visit: &Visit, title: &str) -> Page {
    Page {
        title: title.to_owned(),
        crumbs: vec![Link {
            label: "Members".to_owned(),
            href: visit.path("/people"),
            current: false,
        }],
        narrow: true,
        ..Page::default()
    }
}

async fn show(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    let members = members::list(&app.registry, visit.access())
        .await
        .or_trouble(&visit)?;
    let table = Table {
        id: "members",
        caption: &format!("Members of {}", crate::oauth::name::isolated(&visit.org().name)),
        columns: ["Name", "User name", "E-mail", "Role", "Account", "Member since"]
            .map(Column::new)
            .to_vec(),
        rows: members.iter().map(|member| row(&visit, member)).collect(),
        bulk: None,
    };
    let page = Page {
        title: "Members".to_owned(),
        lead: Some(
            html! { "Who may see and manage the clients of " (crate::ui::name(&visit.org().name)) "." },
        ),
        actions: visit
            .may(Permission::MembersWrite)
            .then(|| form::primary_link("Invite member", &visit.path("/people/invite"), Some("c"))),
        ..Page::default()
    };
    let count = labels::count(
        i64::try_from(members.len()).unwrap_or(i64::MAX),
        "member",
        "members",
    );
    let invited = invitations::list(&app.registry, visit.access())
        .await
        .or_trouble(&visit)?;
    let content = html! { (table) p.hint { (count)
    @if visit.may(Permission::ClientsRead) { " · " a href=(visit.path("/credentials")) { "Personal credentials" } } } (super::invitations::table(&visit, &invited)) };
    Ok(visit.ok(Section::Members, &page, &content))
}

fn row(visit: &Visit, member: &Member) -> Row {
    let user = &member.user;
    let at = visit.path(&format!("/people/{}", user.id));
    let menu = if visit.may(Permission::MembersWrite) {
        vec![Item::link("Change role or remove", at.clone())]
    } else {
        Vec::new()
    };
    Row {
        id: user.id.clone(),
        name: user.display_name.clone(),
        href: at,
        badges: (user.id == visit.visitor.user.id).then(|| crate::ui::badge::tag("You")),
        cells: vec![
            html! { (user.username) },
            html! { @match &user.email { Some(email) => (email), None => span.hint { "–" } } },
            html! { (labels::role(member.role)) },
            html! { (account(member)) },
            visit.reader().moment(member.since),
        ],
        menu,
        ..Row::default()
    }
}

fn account(member: &Member) -> Badge<'static> {
    match member.user.status {
        UserStatus::Active if member.user.password_hash.is_none() => Badge {
            tone: Tone::Info,
            word: "Invited",
        },
        UserStatus::Active => Badge::ACTIVE,
        UserStatus::Locked => Badge {
            tone: Tone::Warn,
            word: "Locked",
        },
        UserStatus::Inactive => Badge {
            tone: Tone::Mute,
            word: "Inactive",
        },
    }
}

/// The roles that this person may give.
pub(super) fn roles(visit: &Visit) -> Vec<(String, String)> {
    let owner = visit.role == Some(Role::Owner) || visit.may(Permission::InstanceWrite);
    let about = |role: Role| match role {
        Role::Owner => "Owner – everything, and makes other owners",
        Role::Admin => "Admin – manages clients, APIs and members",
        Role::Auditor => "Auditor – sees everything, changes nothing",
        Role::Member => "Member – belongs, manages nothing",
    };
    [Role::Member, Role::Auditor, Role::Admin, Role::Owner]
        .into_iter()
        .filter(|role| owner || *role != Role::Owner)
        .map(|role| (role.word().to_owned(), about(role).to_owned()))
        .collect()
}

async fn show_new(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    visit
        .access()
        .require(Permission::MembersWrite)
        .or_trouble(&visit)?;
    Ok(form_page(&visit, StatusCode::OK, &ErrorSummary::default()))
}

fn form_page(visit: &Visit, status: StatusCode, errors: &ErrorSummary) -> Response {
    let form = &visit.form;
    let content = html! {
        (errors)
        form.form method="post" action=(visit.path("/people/new")) novalidate {
            (csrf(&visit.visitor.csrf))
            (Field { name: "username", label: "User name", value: form.one("username"), error: errors.of("username"),
                hint: "An account is made. Whoever has one already is invited by e-mail instead.",
                autofocus: errors.errors.is_empty(), max: 100, ..Field::default() })
            (Field { name: "display_name", label: "Name", value: form.one("display_name"), error: errors.of("display_name"),
                optional: true, max: 120, ..Field::default() })
            (Field { name: "email", label: "E-mail", value: form.one("email"), error: errors.of("email"), kind: Kind::Email,
                optional: true, ..Field::default() })
            (Select { name: "role", label: "Role", options: roles(visit), value: form.given("role").unwrap_or("member"),
                error: errors.of("role"), ..Select::default() })
            div.actions { (form::primary("Add member")) (form::link_button("Cancel", &visit.path("/people"))) }
        }
    };
    let page = Page {
        error: !errors.errors.is_empty(),
        ..page(visit, "Add member")
    };
    visit.page(Section::Members, status, &page, &content)
}

async fn add(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_post(&app, &parts, body, &org).await?;
    let Some(role) = Role::parse(visit.form.one("role")) else {
        let errors = ErrorSummary::of_one("role", "Choose a role.");
        return Ok(form_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, &errors));
    };
    let text = |name: &str| visit.form.given(name).map(str::to_owned);
    let new = NewMember {
        username: visit.form.one("username").to_owned(),
        display_name: text("display_name"),
        email: text("email"),
        role,
    };
    match members::add(&app.registry, visit.access(), new).await {
        Ok(added) => {
            let name = &added.member.user.display_name;
            Ok(hand_over(&visit, &format!("{name} is added"), name, &added.link))
        }
        Err(Error::Refused(refusal)) if !refusal.fields.is_empty() => {
            let errors = ErrorSummary::of_fields(&refusal.fields);
            Ok(form_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, &errors))
        }
        Err(error) => Err(visit.trouble(error)),
    }
}

/// The link goes into this answer and nowhere else.
fn hand_over(visit: &Visit, title: &str, name: &str, link: &AccountLink) -> Response {
    let url = visit.app.registry.config.issuer.join(&link.path);
    let content = html! {
        section.card {
            (note(Tone::Warn, &html! {
                h2 { "Hand this link over now" }
                p { "With it " (crate::ui::name(name)) " picks a password. It works once, until " (visit.reader().full(link.expires_at)) ", and is not shown again." }
            }))
            (Copy { id: "link", name: "link", value: &url, boxed: true })
            div.actions { (form::link_button("Back to members", &visit.path("/people"))) }
        }
    };
    visit.ok(Section::Members, &page(visit, title), &content)
}

async fn show_one(
    Given(app): Given<State>,
    Path((org, user)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    let member = members::find(&app.registry, visit.access(), &user)
        .await
        .or_trouble(&visit)?;
    let at = visit.path(&format!("/people/{}", member.user.id));
    let content = html! {
        section.card { dl.facts {
            dt { "User name" } dd { (member.user.username) }
            dt { "E-mail" } dd { (member.user.email.as_deref().unwrap_or("–")) }
            dt { "Role" } dd { (labels::role(member.role)) }
            dt { "Account" } dd { (account(&member)) }
            dt { "Member since" } dd { (visit.reader().moment(member.since)) }
            dt { "Personal credentials" } dd { @if member.user.may_hold_credentials { "Allowed" } @else { "Not allowed by an operator" } }
            dt { "Looks after" } dd { a href=(visit.path(&format!("/clients?owner={}", member.user.id))) { "Clients owned" } }
        } }
        @if visit.may(Permission::MembersWrite) { (give(&visit, &member, &at)) (change(&visit, &member, &at)) }
        @if visit.may(Permission::InstanceWrite) && member.user.id != visit.visitor.user.id { (status(&visit, &member, &at)) }
    };
    let page = page(&visit, &crate::oauth::name::isolated(&member.user.display_name));
    Ok(visit.ok(Section::Members, &page, &content))
}

/// A credential for the member, who alone gets its secret.
fn give(visit: &Visit, member: &Member, at: &str) -> Markup {
    html! {
        @if visit.may(Permission::ClientsWrite) && member.user.may_hold_credentials {
            section.card {
                h2 { "Personal credential" }
                p.dim { "Prepare one for " (crate::ui::name(&member.user.display_name)) ", who fetches the secret with a link that works once. "
                    a href=(visit.path("/credentials")) { "Personal credentials of all members" } }
                div.actions { (form::link_button("Prepare a credential", &format!("{at}/credentials/new"))) }
            }
        }
    }
}

fn change(visit: &Visit, member: &Member, at: &str) -> Markup {
    let lock = visit.role != Some(Role::Owner) && !visit.may(Permission::InstanceWrite);
    if member.role == Role::Owner && lock {
        return note(
            Tone::Info,
            &html! { p { "Only an owner changes or removes an owner." } },
        );
    }
    html! {
        section.card {
            h2 { "Role" }
            form.stack method="post" action=(at) {
                (csrf(&visit.visitor.csrf)) (hidden("do", "role"))
                (Select { name: "role", label: "Role", options: roles(visit), value: member.role.word(), ..Select::default() })
                div.actions { (form::primary("Change role")) }
            }
        }
        @if visit.may(Permission::MembersDelete) {
            section.card {
                h2 { "Remove from " (crate::ui::name(&visit.org().name)) }
                p.dim { "The account stays; this organisation is closed to it at once. Clients that " (crate::ui::name(&member.user.display_name)) " looks after keep working." }
                form method="post" action=(at) {
                    (csrf(&visit.visitor.csrf)) (hidden("do", "remove"))
                    (form::danger("Remove member"))
                }
            }
        }
    }
}

/// For operators: the account, in every organisation.
fn status(visit: &Visit, member: &Member, at: &str) -> Markup {
    let name = &member.user.display_name;
    html! {
        section.card #account {
            h2 { "Account" }
            form.stack method="post" action=(at) {
                (csrf(&visit.visitor.csrf))
                @if member.user.status == UserStatus::Inactive {
                    (hidden("do", "reactivate"))
                    p.dim { (crate::ui::name(name)) " may sign in again. What " (crate::ui::name(name)) " gave apps before stays dead." }
                    div.actions { button.btn type="submit" { "Reactivate account" } }
                } @else {
                    p { button.btn type="submit" form="recover" { "Make a link to a new password" } }
                    (hidden("do", "deactivate"))
                    p.dim { "In every organisation: " (crate::ui::name(name)) " is signed out everywhere and cannot sign in any more, and every app loses what " (crate::ui::name(name)) " gave it, at once." }
                    div.actions { (form::danger("Deactivate account")) }
                }
            }
            form #recover method="post" action=(at) { (csrf(&visit.visitor.csrf)) (hidden("do", "recover")) }
            (capability(visit, member, at))
        }
    }
}

/// Whether the person may hold credentials, in any organisation.
fn capability(visit: &Visit, member: &Member, at: &str) -> Markup {
    let (word, words, about) = if member.user.may_hold_credentials {
        (
            "forbid-credentials",
            "Forbid personal credentials",
            "Those there are stop at once, in every organisation.",
        )
    } else {
        (
            "allow-credentials",
            "Allow personal credentials",
            "Those there are work again, with new tokens.",
        )
    };
    html! {
        form.stack method="post" action=(at) {
            (csrf(&visit.visitor.csrf)) (hidden("do", word))
            p.dim { (about) }
            div.actions { button.btn type="submit" { (words) } }
        }
    }
}

async fn act(
    Given(app): Given<State>,
    Path((org, user)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_post(&app, &parts, body, &org).await?;
    let (registry, access) = (&app.registry, visit.access());
    match (visit.form.one("do"), Role::parse(visit.form.one("role"))) {
        ("role", Some(role)) => {
            let member = members::set_role(registry, access, &user, role)
                .await
                .or_trouble(&visit)?;
            let article = members::with_article(role);
            let words = format!(
                "{} is {article} now.",
                crate::oauth::name::isolated(&member.user.display_name)
            );
            Ok(visit.go(&visit.path(&format!("/people/{user}")), Some(&done(words))))
        }
        ("recover", _) => {
            members::find(registry, access, &user).await.or_trouble(&visit)?;
            let (user, link) = recovery::link_by_hand(registry, access, &user)
                .await
                .or_trouble(&visit)?;
            let title = format!("A link for {}", crate::oauth::name::isolated(&user.display_name));
            Ok(hand_over(&visit, &title, &user.display_name, &link))
        }
        (word @ ("allow-credentials" | "forbid-credentials"), _) => {
            members::find(registry, access, &user).await.or_trouble(&visit)?;
            let may = word == "allow-credentials";
            accounts::set_may_hold(registry, access, &user, may)
                .await
                .or_trouble(&visit)?;
            let words = if may {
                "Personal credentials are allowed."
            } else {
                "Personal credentials are not allowed any more."
            };
            Ok(visit.go(&visit.path(&format!("/people/{user}")), Some(&done(words))))
        }
        (word @ ("deactivate" | "reactivate"), _) => {
            // A member of this organisation, at its address.
            members::find(registry, access, &user).await.or_trouble(&visit)?;
            let status = if word == "reactivate" {
                UserStatus::Active
            } else {
                UserStatus::Inactive
            };
            accounts::set_status(registry, access, &user, status)
                .await
                .or_trouble(&visit)?;
            let flash = done(format!("The account is {}.", status.word()));
            Ok(visit.go(&visit.path(&format!("/people/{user}")), Some(&flash)))
        }
        ("remove", _) => {
            members::remove(registry, access, &user)
                .await
                .or_trouble(&visit)?;
            Ok(visit.go(&visit.path("/people"), Some(&done("The member is removed."))))
        }
        _ => Ok(visit.go(&visit.path(&format!("/people/{user}")), None)),
    }
}
