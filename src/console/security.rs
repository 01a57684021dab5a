//! How a person proves who he is: password, authenticator app, recovery codes, passkeys. Whatever changes it needs a sign-in
//! not older than 15 minutes, with what the account has now; the password needs the old one.

mod app; // an authenticator app is set up

use axum::{
    Router,
    extract::{Request, State as Given},
    http::{StatusCode, request::Parts},
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use super::visit::{self, Answer, OrTrouble, Section, Visit, done};
use crate::{
    app::State,
    browser::accounts,
    error::{Error, Result},
    oauth::refusal::Code,
    registry::{
        assurance::Prover,
        authenticator_app, guessing, passkeys, people, recovery_codes,
        sessions::{self, Browser},
    },
    secret::Secret,
    store::passkeys::Passkey,
    ui::{
        factor::{self, PasskeyAction, passkey_button, passkey_trouble},
        form::{self, ErrorSummary, Field, Kind, csrf, hidden},
        notice::Flash,
        page::{Link, Page},
    },
};

const HERE: &str = "/me/security";

/// The routes of these pages.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route(HERE, get(show).post(act))
        .route("/me/security/app", get(app::show).post(app::submit))
}

/// Where the request at hand comes from.
async fn browser(visit: &Visit, parts: &Parts) -> std::result::Result<Browser, Response> {
    let accounts = accounts::all(&visit.app, &parts.headers)
        .await
        .or_trouble(visit)?;
    Ok(accounts::browser(&visit.app, parts, &accounts))
}

fn crumbs() -> Vec<Link> {
    vec![Link {
        label: "Security".to_owned(),
        href: HERE.to_owned(),
        current: false,
    }]
}

async fn show(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter_person(&app, &parts).await?;
    page(&visit, StatusCode::OK, &ErrorSummary::default()).await
}

async fn act(Given(app): Given<State>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let visit = visit::enter_person_post(&app, &parts, body).await?;
    let browser = browser(&visit, &parts).await?;
    match visit.form.one("do") {
        "password" => change_password(&visit, &browser).await,
        "codes" => make_codes(&visit).await,
        "end_the_rest" => end_the_rest(&visit, &browser).await,
        "app.remove" => remove_app(&visit).await,
        "passkey.rename" => rename_passkey(&visit).await,
        "passkey.remove" => remove_passkey(&visit).await,
        // What the script does needs a fresh sign-in, too.
        "confirm" => {
            visit.require_fresh()?;
            Ok(visit.go(HERE, None))
        }
        _ => Ok(visit.go(HERE, None)),
    }
}

async fn change_password(visit: &Visit, browser: &Browser) -> Answer {
    let text = |name: &str| Secret::new(visit.form.exact(name).to_owned());
    let (user, session) = (&visit.visitor.user, &visit.visitor.session);
    let passwords = (text("old_password"), text("password"));
    let end_apps = visit.form.ticked("end_apps");
    let changed =
        people::change_password(&visit.app.registry, user, session, passwords, end_apps, browser).await;
    match changed {
        Ok(()) => Ok(visit.go(
            HERE,
            Some(&done(
                "Your password is changed. You are signed out everywhere else.",
            )),
        )),
        Err(error) => {
            let errors = wrong_password(error).map_err(|error| visit.trouble(error))?;
            page(visit, StatusCode::UNPROCESSABLE_ENTITY, &errors).await
        }
    }
}

fn wrong_password(error: Error) -> Result<ErrorSummary> {
    match error.refusal() {
        Some(refusal) if guessing::is_shut(refusal) => {
            Ok(ErrorSummary::of_one("old_password", &refusal.description))
        }
        Some(refusal) if refusal.code == Code::Unauthenticated => Ok(ErrorSummary::of_one(
            "old_password",
            "This is not your present password.",
        )),
        Some(refusal) if !refusal.fields.is_empty() => Ok(ErrorSummary::of_fields(&refusal.fields)),
        _ => Err(error),
    }
}

/// The codes go into this answer and nowhere else.
async fn make_codes(visit: &Visit) -> Answer {
    let prover = Prover::Session(&visit.visitor.session);
    let codes = recovery_codes::make(&visit.app.registry, &visit.actor(), &visit.visitor.user, prover)
        .await
        .or_trouble(visit)?;
    let page = Page {
        title: "Recovery codes".to_owned(),
        crumbs: crumbs(),
        narrow: true,
        ..Page::default()
    };
    let content = factor::recovery_codes(codes.iter().map(|code| code.expose().as_str()), HERE);
    Ok(visit.ok(Section::Personal, &page, &content))
}

async fn remove_app(visit: &Visit) -> Answer {
    let (user, session) = (&visit.visitor.user, &visit.visitor.session);
    authenticator_app::remove(&visit.app.registry, &visit.actor(), user, session)
        .await
        .or_trouble(visit)?;
    Ok(visit.go(HERE, Some(&changed("Your authenticator app is removed."))))
}

/// What happened, and what ended with it.
fn changed(what: &str) -> Flash {
    done(format!(
        "{what} Apps that manage this server for you, such as the command line, have to sign in again."
    ))
}

/// Ends whatever else goes on in the person's name.
async fn end_the_rest(visit: &Visit, browser: &Browser) -> Answer {
    visit.require_fresh()?;
    let (user, session) = (&visit.visitor.user, &visit.visitor.session);
    sessions::end_everything_else(&visit.app.registry, user, session, browser)
        .await
        .or_trouble(visit)?;
    let words = "You are signed out everywhere else, and every app has to ask you again. Your personal credentials go on.";
    Ok(visit.go(HERE, Some(&done(words))))
}

async fn rename_passkey(visit: &Visit) -> Answer {
    let (id, name) = (visit.form.one("passkey"), visit.form.one("name"));
    passkeys::rename(&visit.app.registry, &visit.visitor.user, id, name)
        .await
        .or_trouble(visit)?;
    Ok(visit.go(HERE, Some(&done("The passkey has another name."))))
}

async fn remove_passkey(visit: &Visit) -> Answer {
    let id = visit.form.one("passkey");
    let (user, session) = (&visit.visitor.user, &visit.visitor.session);
    passkeys::remove(&visit.app.registry, &visit.actor(), user, session, id)
        .await
        .or_trouble(visit)?;
    Ok(visit.go(HERE, Some(&changed("The passkey is removed."))))
}

async fn page(visit: &Visit, status: StatusCode, errors: &ErrorSummary) -> Answer {
    let keys = passkeys::of_user(&visit.app.registry, &visit.visitor.user)
        .await
        .or_trouble(visit)?;
    let page = Page {
        title: "Security".to_owned(),
        lead: Some(html! { "How you prove that it is you." }),
        error: !errors.errors.is_empty(),
        narrow: true,
        ..Page::default()
    };
    let content = html! {
        (errors)
        div.stack.lg {
            (password(visit, errors))
            (passkeys_card(visit, &keys))
            (app_card(visit))
            @if visit.factors.authenticator_apps > 0 || !keys.is_empty() { (codes_card(visit)) }
            section.card {
                h2 { "Sessions" }
                p { "See where you are signed in, and sign out there." }
                p { "When you have changed how you sign in because somebody else may know it, end other sessions and what you allowed apps. Personal credentials go on until you delete them." }
                (button(visit, "end_the_rest", "", "End everything else"))
                div.actions { (form::link_button("See sessions", "/me/sessions")) (form::link_button("See apps", "/me/apps")) }
            }
        }
    };
    Ok(visit.page(Section::Personal, status, &page, &content))
}

fn password(visit: &Visit, errors: &ErrorSummary) -> Markup {
    html! {
        section.card {
            h2 { "Password" }
            form.stack method="post" action=(HERE) novalidate {
                (csrf(&visit.visitor.csrf)) (hidden("do", "password"))
                input.sr type="text" name="username" autocomplete="username" value=(visit.visitor.user.username) readonly tabindex="-1" aria-label="User name";
                (Field { name: "old_password", label: "Present password", kind: Kind::Password, error: errors.of("old_password"),
                    autocomplete: "current-password", ..Field::default() })
                (Field { name: "password", label: "New password", kind: Kind::Password, error: errors.of("password"),
                    hint: "At least 12 characters. A few unrelated words are stronger than one with symbols.",
                    autocomplete: "new-password", ..Field::default() })
                (form::end_apps())
                p.hint { "You are signed out everywhere else, and apps that manage this server for you have to sign in again." }
                div.actions { button.btn type="submit" { "Change password" } }
            }
        }
    }
}

fn app_card(visit: &Visit) -> Markup {
    html! {
        section.card {
            h2 #app { "Authenticator app" }
            @if visit.factors.authenticator_apps > 0 {
                p { "You are asked for a code of your app whenever you sign in with your password." }
                (button(visit, "app.remove", "", "Remove app"))
            } @else {
                p { "An app on your phone shows a code that you enter after your password." }
                div.actions { (form::link_button("Set up app", "/me/security/app")) }
            }
        }
    }
}

fn codes_card(visit: &Visit) -> Markup {
    let left = visit.factors.recovery_codes;
    html! {
        section.card {
            h2 #codes-left { "Recovery codes" }
            p {
                @match left {
                    0 => "You have no recovery codes. Without one, somebody else has to help you when you lose your device.",
                    1 => "You have 1 recovery code left.",
                    n => { "You have " (n) " recovery codes left." }
                }
            }
            @if left > 0 { p.hint { "New codes replace the ones you have." } }
            (button(visit, "codes", "", "Make recovery codes"))
        }
    }
}

fn passkeys_card(visit: &Visit, keys: &[Passkey]) -> Markup {
    let available = passkeys::available(&visit.app.registry);
    let fresh = visit.assurance().missing(visit.now).is_none();
    html! {
        section.card {
            h2 #passkeys { "Passkeys" }
            p { "A passkey signs you in with your fingerprint, face or the PIN of your device, without a password. No other site can ask for it." }
            @for key in keys { (passkey_row(visit, key)) }
            @if !available {
                p.hint { "Passkeys need a server that is reached by name: the operator sets the issuer to one." }
            } @else if fresh {
                form.stack #new-passkey method="post" action=(HERE) {
                    (csrf(&visit.visitor.csrf)) (hidden("do", "confirm")) (hidden("return_to", HERE))
                    div.stack.needs-js {
                        (Field { name: "name", label: "Name of the passkey", hint: "Such as the device it is kept on.", optional: true, max: 60, ..Field::default() })
                        (passkey_trouble())
                        div.actions { (passkey_button(PasskeyAction::Create, "Add passkey", false)) }
                    }
                    noscript { p.hint { "Adding a passkey needs JavaScript." } }
                }
            } @else {
                (button(visit, "confirm", "", "Add passkey"))
            }
        }
    }
}

fn passkey_row(visit: &Visit, key: &Passkey) -> Markup {
    html! {
        div.stack {
            p {
                b { (crate::ui::name(&key.name)) } br;
                span.hint {
                    "Added " (visit.reader().moment(key.created_at)) " · last used " (visit.reader().moment_or(key.last_used_at, "never"))
                }
            }
            details {
                summary { "Rename or remove " (crate::ui::name(&key.name)) }
                form.stack method="post" action=(HERE) {
                    (csrf(&visit.visitor.csrf)) (hidden("do", "passkey.rename")) (hidden("passkey", &key.id))
                    label.field { "Name" input.input name="name" value=(key.name) maxlength="60" autocomplete="off"; }
                    div.actions { button.btn type="submit" { "Rename passkey" } }
                }
                (button(visit, "passkey.remove", &key.id, "Remove passkey"))
            }
        }
    }
}

fn button(visit: &Visit, act: &str, passkey: &str, words: &str) -> Markup {
    html! {
        form method="post" action=(HERE) {
            (csrf(&visit.visitor.csrf)) (hidden("do", act))
            @if !passkey.is_empty() { (hidden("passkey", passkey)) }
            button.btn type="submit" { (words) }
        }
    }
}
