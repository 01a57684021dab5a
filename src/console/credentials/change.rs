//! A new secret for one's own credential, and its end.

use axum::{
    extract::{Path, Request, State as Given},
    http::StatusCode,
    response::Response,
};
use maud::html;

use super::{Found, HERE, crumbs, find};
use crate::{
    app::State,
    console::{
        client_form::{self, Refused},
        create::fields,
        hand_over::{self, Around, Home},
        once,
        visit::{self, Answer, OrTrouble, Section, Visit, done},
    },
    registry::{
        access::Access,
        assurance::Assurance,
        credentials as own,
        secrets::{OldSecret, Rotation},
    },
    time::Lifetime,
    ui::{
        choice::{Checkbox, Radios},
        form::{csrf, danger, hidden, link_button, primary, section},
        page::Page,
    },
};

pub(super) async fn show_rotate(
    Given(app): Given<State>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let found = find(&visit, &id).await?;
    // Whether it can be rotated at all; only looking needs no fresh sign-in.
    let looking = Access {
        assurance: Assurance::Unasked,
        ..rehearsal(&found)
    };
    own::rotate(
        &app.registry,
        &looking,
        &visit.visitor.user.id,
        &id,
        None,
        Rotation::default(),
    )
    .await
    .or_trouble(&visit)?;
    Ok(rotate_page(&visit, &found, StatusCode::OK, &Refused::default()))
}

fn rehearsal(found: &Found) -> Access {
    Access {
        dry_run: true,
        ..found.access.clone()
    }
}

fn rotate_page(visit: &Visit, found: &Found, status: StatusCode, refused: &Refused) -> Response {
    let client = &found.credential.client;
    let asked = visit.form.one("old_ends");
    let options = [
        ("now", "Now", "Choose this if it leaked."),
        ("1h", "In 1 hour", ""),
        ("24h", "In 24 hours", "Until then both work."),
        ("7d", "In 7 days", ""),
    ]
    .map(|(value, words, help)| (value.to_owned(), words.to_owned(), help.to_owned()));
    let page = Page {
        title: format!(
            "Rotate the secret of {}",
            crate::oauth::name::isolated(&client.name)
        ),
        error: !refused.is_empty(),
        lead: Some(html! { "A new secret is made now and shown once." }),
        narrow: true,
        crumbs: crumbs(Some(found)),
        ..Page::default()
    };
    let content = html! {
        (refused.summary())
        form.form method="post" novalidate {
            (csrf(&visit.visitor.csrf)) (hidden("once", &once::text(visit)))
            (section("The old secret", "", &html! {
                (Radios { name: "old_ends", legend: "When does the old secret stop?", error: refused.of("old_ends"),
                    options: options.to_vec(), value: if asked.is_empty() { "24h" } else { asked }, ..Radios::default() })
                (Checkbox { name: "revoke_tokens", value: "yes", label: "Revoke every token issued so far, too",
                    checked: visit.form.ticked("revoke_tokens"), hint: "If it leaked.", ..Checkbox::default() })
            }))
            (section("The new secret", "",
                &client_form::expiry(&found.access.org, visit.form.one("secret_expires"), refused.of("secret_expires"))))
            div.actions { (primary("Create new secret")) (link_button("Cancel", &found.at)) }
        }
    };
    visit.page(Section::Personal, status, &page, &content)
}

pub(super) async fn rotate(Given(app): Given<State>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let found = find(&visit, &id).await?;
    let old = match visit.form.one("old_ends") {
        "1h" => OldSecret::EndsAt(visit.now.after(Lifetime::hours(1))),
        "24h" => OldSecret::EndsAt(visit.now.after(Lifetime::hours(24))),
        "7d" => OldSecret::EndsAt(visit.now.after(Lifetime::days(7))),
        _ => OldSecret::EndsNow,
    };
    let rotation = Rotation {
        old,
        revoke_tokens: visit.form.ticked("revoke_tokens"),
        term: client_form::term(visit.form.one("secret_expires")),
        term_at: "/secret_expires",
        ..Rotation::default()
    };
    let user = &visit.visitor.user.id;
    let tried = own::rotate(
        &app.registry,
        &rehearsal(&found),
        user,
        &id,
        None,
        rotation.clone(),
    )
    .await;
    if let Err(error) = tried {
        let limit = error
            .refusal()
            .is_some_and(|refusal| refusal.reason == "secret.limit");
        if limit {
            let detail = "Two secrets work already: end the old one now, or wait until it has ended.";
            let wrong = crate::oauth::refusal::Field::new("/old_ends", "secret.limit", detail);
            return Ok(rotate_page(
                &visit,
                &found,
                StatusCode::CONFLICT,
                &Refused(vec![wrong]),
            ));
        }
        let refused = fields(&visit, error)?;
        return Ok(rotate_page(
            &visit,
            &found,
            StatusCode::UNPROCESSABLE_ENTITY,
            &refused,
        ));
    }
    if !once::spend(&visit).await? {
        let text = html! { p { "This form was sent before: the secret was rotated, and the new one was shown already. It is never \
        shown again. If you did not keep it, rotate once more." } };
        return Ok(once::already(
            &visit,
            &text,
            &format!("{}/rotate", found.at),
            "Rotate secret",
        ));
    }
    let created = own::rotate(&app.registry, &found.access, user, &id, None, rotation)
        .await
        .or_trouble(&visit)?;
    let around = Around {
        title: format!(
            "New secret for {}",
            crate::oauth::name::isolated(&created.client.name)
        ),
        lead: html! { @if matches!(old, OldSecret::EndsNow) { "No older secret works any more." } @else { "The old secret works until its end." } },
    };
    let home = Home {
        at: found.at.clone(),
        section: Section::Personal,
        apis: &found.apis,
    };
    Ok(hand_over::show_at(&visit, &created, around, &home).await)
}

pub(super) async fn show_delete(
    Given(app): Given<State>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    let found = find(&visit, &id).await?;
    let client = &found.credential.client;
    let page = Page {
        title: format!("Delete {}?", crate::oauth::name::isolated(&client.name)),
        narrow: true,
        crumbs: crumbs(Some(&found)),
        ..Page::default()
    };
    let content = html! {
        form.card.stack.lg method="post" action={ (found.at) "/delete" } {
            (csrf(&visit.visitor.csrf))
            ul #impact {
                li { "It gets no tokens any more, and every token it ever got is refused at once by services that ask us." }
                li { "JWTs that a service checks by itself are accepted until they expire." }
                li { "Last used: " (visit.reader().moment_or(client.last_used_at, "never")) }
                li { "This cannot be undone. Its id is never used again." }
            }
            div.actions { (link_button("Keep it", &found.at)) (danger("Delete credential")) }
        }
    };
    Ok(visit.page(Section::Personal, StatusCode::OK, &page, &content))
}

pub(super) async fn delete(Given(app): Given<State>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let found = find(&visit, &id).await?;
    let gone = own::delete(&app.registry, &found.access, &visit.visitor.user.id, &id, None)
        .await
        .or_trouble(&visit)?;
    Ok(visit.go(
        HERE,
        Some(&done(format!(
            "{} is deleted.",
            crate::oauth::name::isolated(&gone.name)
        ))),
    ))
}
