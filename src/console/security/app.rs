//! An authenticator app is set up: its secret is shown until a code proves that the app has it.

use axum::{
    extract::{Request, State as Given},
    http::StatusCode,
    response::Response,
};
use maud::html;

use super::{HERE, crumbs};
use crate::{
    app::State,
    console::visit::{self, Answer, OrTrouble, Section, Visit, done},
    registry::{
        assurance::{self, Prover},
        authenticator_app::{self, Offer},
        recovery_codes,
    },
    ui::{
        factor::{self, AppOffer},
        form::{self, ErrorSummary, csrf},
        page::Page,
    },
};

/// The offer.
pub(super) async fn show(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    offer(&visit)
}

fn offer(visit: &Visit) -> Answer {
    visit.require_fresh()?;
    if visit.factors.authenticator_apps > 0 {
        return Ok(visit.go(HERE, None));
    }
    let offer = authenticator_app::offer(&visit.app.registry, &visit.visitor.user);
    Ok(page(visit, &offer, ""))
}

/// Adds the app. Who has no recovery codes yet gets some in the answer.
pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let sealed = visit.form.one("sealed");
    if sealed.is_empty() {
        return offer(&visit);
    }
    let (registry, user, session) = (&app.registry, &visit.visitor.user, &visit.visitor.session);
    let (code, prover) = (visit.form.one("code"), Prover::Session(session));
    let added = authenticator_app::set_up(registry, &visit.actor(), user, prover, (sealed, code)).await;
    if let Err(error) = added {
        return match error.refusal().and_then(|r| r.fields.first()) {
            Some(wrong) => {
                let offer = authenticator_app::again(registry, user, sealed);
                Ok(page(&visit, &offer, &wrong.detail))
            }
            None => Err(visit.trouble(error)),
        };
    }
    if visit.factors.recovery_codes > 0 {
        let words = "Your authenticator app is set up.";
        return Ok(visit.go(HERE, Some(&done(words))));
    }
    // The code has proven the app to this session.
    let session = assurance::proving(session, "otp");
    let codes = recovery_codes::make(registry, &visit.actor(), user, Prover::Session(&session))
        .await
        .or_trouble(&visit)?;
    let page = Page {
        title: "Your authenticator app is set up".to_owned(),
        crumbs: crumbs(),
        narrow: true,
        ..Page::default()
    };
    let content = factor::recovery_codes(codes.iter().map(|code| code.expose().as_str()), HERE);
    Ok(visit.ok(Section::Personal, &page, &content))
}

fn page(visit: &Visit, offer: &Offer, wrong: &str) -> Response {
    let errors = ErrorSummary::of_one("code", wrong);
    let content = html! {
        @if !wrong.is_empty() { (errors) }
        form.card.stack.lg #set-up-app method="post" action="/me/security/app" novalidate {
            (csrf(&visit.visitor.csrf))
            (AppOffer { secret: &offer.secret, uri: &offer.uri, sealed: &offer.sealed, error: wrong })
            div.actions { (form::primary("Add app")) (form::link_button("Cancel", HERE)) }
        }
    };
    let page = Page {
        title: "Set up an authenticator app".to_owned(),
        error: !wrong.is_empty(),
        crumbs: crumbs(),
        narrow: true,
        ..Page::default()
    };
    let status = if wrong.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    visit.page(Section::Personal, status, &page, &content)
}
