//! The personal credentials of an organisation's members, and one for a member: offered, so that only he sees the secret,
//! or shown once to whoever makes it.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
};
use maud::{Markup, html};

use super::{
    badge, expires,
    form::{self, Ground, Look, Typed, placed},
    pair_list, table,
};
use crate::{
    app::State,
    console::{
        asked,
        client_form::Refused,
        create::fields,
        hand_over::{self, Around, Home},
        once,
        visit::{Answer, OrTrouble, Section, Visit, done},
    },
    registry::{
        access::{Access, Permission},
        apis,
        credential_offers::{self as offers, Made},
        credentials::{self as own, Credential},
        members,
    },
    store::{
        self,
        credential_offers::{Offer, OfferState},
        users::Member,
    },
    ui::{
        badge::{Badge, Tone},
        choice::Radios,
        code::Copy,
        form::{csrf, hidden, link_button, section},
        icon::Icon,
        notice::{Empty, note},
        page::{Link, Page},
        table::Row,
    },
};

pub(super) async fn show(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Response {
    asked::read(&app, &org, request, list).await
}

async fn list(visit: &Visit) -> Answer {
    let registry = &visit.app.registry;
    let all = own::of_organization(registry, visit.access())
        .await
        .or_trouble(visit)?;
    let offered = offers::list(registry, visit.access()).await.or_trouble(visit)?;
    let members = store::users::members(registry.db(), &visit.org().id)
        .await
        .or_trouble(visit)?;
    let apis = apis::list(registry, visit.access()).await.or_trouble(visit)?;
    let rows: Vec<Row> = all.iter().map(|one| row(visit, one, &members, &apis)).collect();
    let page = Page {
        title: "Personal credentials".to_owned(),
        lead: Some(
            html! { "What members of " (crate::ui::name(&visit.org().name)) " made for scripts that act in their place. Only its person ever sees a secret." },
        ),
        crumbs: vec![people(visit)],
        ..Page::default()
    };
    let first = Empty {
        icon: Icon::Key,
        title: "No member has a credential",
        text: html! { p { "Members make their own under “My credentials”. You can prepare one for a member on his page." } },
        actions: link_button("Members", &visit.path("/people")),
    };
    let columns = ["Name", "Member", "Access", "Last used", "Expires", "State"];
    let content = html! {
        @if rows.is_empty() { (first) }
        @else { (table("credentials", "Personal credentials", &columns, rows)) }
        @if !offered.is_empty() {
            h2 { "Offered" }
            (table("offers", "Credentials offered to members", &["Name", "Member", "Offered by", "State", "Until", "Take back"],
                offered.iter().map(|offer| offer_row(visit, offer, &members)).collect()))
        }
    };
    Ok(visit.ok(Section::Members, &page, &content))
}

fn people(visit: &Visit) -> Link {
    Link {
        label: "Members".to_owned(),
        href: visit.path("/people"),
        current: false,
    }
}

fn name_of(members: &[Member], id: &str) -> String {
    let member = members.iter().find(|member| member.user.id == id);
    member.map_or_else(|| "–".to_owned(), |member| member.user.display_name.clone())
}

fn row(visit: &Visit, one: &Credential, members: &[Member], apis: &[store::apis::Api]) -> Row {
    let client = &one.client;
    Row {
        id: client.client_id.clone(),
        name: client.name.clone(),
        href: visit.path(&format!("/clients/{}", client.client_id)),
        cells: vec![
            html! { (crate::ui::name(&name_of(members, client.user_id.as_deref().unwrap_or_default()))) },
            pair_list(one, apis),
            visit.reader().moment_or(client.last_used_at, "Never"),
            expires(visit, one),
            html! { (badge(one.state(visit.now))) },
        ],
        ..Row::default()
    }
}

fn offer_row(visit: &Visit, offer: &Offer, members: &[Member]) -> Row {
    let state = offer.state_at(visit.now);
    let word = match state {
        OfferState::Open => Badge {
            tone: Tone::Info,
            word: "Waiting",
        },
        OfferState::Claimed => Badge {
            tone: Tone::Ok,
            word: "Fetched",
        },
        OfferState::Withdrawn => Badge {
            tone: Tone::Mute,
            word: "Withdrawn",
        },
        OfferState::Expired => Badge {
            tone: Tone::Mute,
            word: "Destroyed",
        },
    };
    let back = state == OfferState::Open && visit.may(Permission::MembersWrite);
    Row {
        id: offer.id.clone(),
        name: offer.name.clone(),
        cells: vec![
            html! { (crate::ui::name(&name_of(members, &offer.user_id))) },
            html! { (crate::ui::name(&offer.offered_by_name)) },
            html! { (word) },
            visit.reader().moment(offer.ended_at.unwrap_or(offer.expires_at)),
            html! { @if back {
                form method="post" action=(visit.path("/credentials")) {
                    (csrf(&visit.visitor.csrf)) (hidden("offer", &offer.id))
                    button.small-btn type="submit" { "Withdraw" span.sr { " " (crate::ui::name(&offer.name)) } }
                }
            } @else { span.hint { "–" } } },
        ],
        muted: state != OfferState::Open,
        ..Row::default()
    }
}

pub(super) async fn withdraw(
    Given(app): Given<State>,
    Path(org): Path<String>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| {
        offers::withdraw(&app.registry, visit.access(), visit.form.one("offer"))
            .await
            .or_trouble(visit)?;
        let said = done("The offer is withdrawn: its link is dead.");
        Ok(visit.go(&visit.path("/credentials"), Some(&said)))
    })
    .await
}

/// The member, and what can be given.
async fn ground(visit: &Visit, user: &str) -> Result<(Member, Ground), Response> {
    let registry = &visit.app.registry;
    own::check_available(registry).or_trouble(visit)?;
    for permission in [Permission::MembersWrite, Permission::ClientsWrite] {
        visit.access().require(permission).or_trouble(visit)?;
    }
    let member = members::find(registry, visit.access(), user)
        .await
        .or_trouble(visit)?;
    let ground = Ground::read(visit, visit.access().clone(), &member.user.id).await?;
    Ok((member, ground))
}

pub(super) async fn show_new(
    Given(app): Given<State>,
    Path((org, user)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| {
        let (member, ground) = ground(visit, &user).await?;
        let typed = Typed::blank(&ground);
        Ok(form_page(
            visit,
            &member,
            &ground,
            StatusCode::OK,
            &typed,
            &Refused::default(),
        ))
    })
    .await
}

fn delivery(visit: &Visit, member: &Member) -> Markup {
    let name = &member.user.display_name;
    let asked = visit.form.one("delivery");
    let options = vec![
        (
            "link".to_owned(),
            "One-time pick-up link".to_owned(),
            format!(
                "Best: {} signs in and fetches it within 24 hours. You never see the secret.",
                crate::oauth::name::isolated(name)
            ),
        ),
        (
            "slip".to_owned(),
            "Print slip".to_owned(),
            "The secret is shown to you once, to be printed and handed over. This is written down."
                .to_owned(),
        ),
        (
            "show".to_owned(),
            "Show once to me".to_owned(),
            "The secret is shown to you once. This is written down.".to_owned(),
        ),
    ];
    section(
        "How it gets there",
        "",
        &html! { (Radios { name: "delivery", legend: "How does the secret get to its person?", options,
        value: if asked.is_empty() { "link" } else { asked }, ..Radios::default() }) },
    )
}

fn form_page(
    visit: &Visit,
    member: &Member,
    ground: &Ground,
    status: StatusCode,
    typed: &Typed,
    refused: &Refused,
) -> Response {
    let at = visit.path(&format!("/people/{}", member.user.id));
    let page = Page {
        title: format!(
            "Credential for {}",
            crate::oauth::name::isolated(&member.user.display_name)
        ),
        error: !refused.is_empty(),
        lead: Some(
            html! { "For a script that acts in the place of " (crate::ui::name(&member.user.display_name)) ". It can do no more than both of you." },
        ),
        narrow: true,
        crumbs: vec![
            people(visit),
            Link {
                label: member.user.display_name.clone(),
                href: at.clone(),
                current: false,
            },
        ],
        ..Page::default()
    };
    let look = Look {
        action: &format!("{at}/credentials/new"),
        button: "Prepare credential",
        cancel: &at,
        makes_secret: true,
        before: html! {},
        after: delivery(visit, member),
    };
    let content = form::markup(visit, ground, typed, refused, &look);
    visit.page(Section::Members, status, &page, &content)
}

pub(super) async fn submit_new(
    Given(app): Given<State>,
    Path((org, user)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| prepare(visit, &user).await).await
}

async fn prepare(visit: &Visit, user: &str) -> Answer {
    let (member, ground) = ground(visit, user).await?;
    let (typed, again) = Typed::read(visit, &ground);
    if again {
        return Ok(form_page(
            visit,
            &member,
            &ground,
            StatusCode::OK,
            &typed,
            &Refused::default(),
        ));
    }
    let registry = &visit.app.registry;
    let new = typed.new_credential(&ground);
    let link = !matches!(visit.form.one("delivery"), "slip" | "show");
    let trying = Access {
        dry_run: true,
        ..visit.access().clone()
    };
    let tried = if link {
        offers::offer(registry, &trying, user, &new).await.map(drop)
    } else {
        own::create(registry, &trying, user, &new).await.map(drop)
    };
    if let Err(error) = tried {
        let refused = placed(fields(visit, error)?);
        return Ok(form_page(
            visit,
            &member,
            &ground,
            StatusCode::UNPROCESSABLE_ENTITY,
            &typed,
            &refused,
        ));
    }
    if !once::spend(visit).await? {
        let text = html! { p { "This form was sent before, and what it asked for was done. Nothing is shown twice." } };
        return Ok(once::already(
            visit,
            &text,
            &visit.path("/credentials"),
            "Personal credentials",
        ));
    }
    if link {
        let made = offers::offer(registry, visit.access(), user, &new)
            .await
            .or_trouble(visit)?;
        return Ok(offered(visit, &member, &made));
    }
    let created = own::create(registry, visit.access(), user, &new)
        .await
        .or_trouble(visit)?;
    let apis = apis::list(registry, visit.access()).await.or_trouble(visit)?;
    let home = Home {
        at: visit.path(&format!("/clients/{}", created.client.client_id)),
        section: Section::Members,
        apis: &apis,
    };
    let around = Around {
        title: format!("{} is ready", crate::oauth::name::isolated(&created.client.name)),
        lead: html! { "It belongs to " (crate::ui::name(&member.user.display_name)) ". Hand the secret over now and keep no copy; that you saw it is written down." },
    };
    Ok(hand_over::show_at(visit, &created, around, &home).await)
}

/// The link goes into this answer and nowhere else, unless it went by mail.
fn offered(visit: &Visit, member: &Member, made: &Made) -> Response {
    let name = &member.user.display_name;
    let until = visit.reader().full(made.offer.expires_at);
    let content = html! {
        section.card {
            @match &made.path {
                Some(path) => {
                    (note(Tone::Warn, &html! {
                        h2 { "Hand this link over now" }
                        p { "With it " (crate::ui::name(name)) " fetches the credential, signed in. It works once, until " (until) ", for nobody else, and is not shown again." }
                    }))
                    (Copy { id: "link", name: "link", value: &visit.app.registry.config.issuer.join(path), boxed: true })
                },
                None => (note(Tone::Ok, &html! {
                    h2 { "A link is on its way" }
                    p { "It went to " (crate::ui::name(name)) " by mail, and works once, until " (until) "." }
                })),
            }
            div.actions { (link_button("Personal credentials", &visit.path("/credentials"))) }
        }
    };
    let page = Page {
        title: format!(
            "{} waits for {name}",
            crate::oauth::name::isolated(&made.offer.name)
        ),
        narrow: true,
        crumbs: vec![people(visit)],
        ..Page::default()
    };
    visit.ok(Section::Members, &page, &content)
}
