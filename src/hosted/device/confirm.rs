//! Who asks, from where and for what; and the person's answer. Nobody gets past this page, however he came to the code
//! ([RFC 8628 §5.4](https://www.rfc-editor.org/rfc/rfc8628#section-5.4): somebody else may have sent it to him).

use std::sync::Arc;

use axum::{
    extract::{Request, State as Given},
    http::{StatusCode, request::Parts},
    response::Response,
};
use maud::{Markup, html};

use super::{
    super::{
        acting, posted,
        scopes::{self, Wanted, Wish},
        trouble,
    },
    Ticket, account, dead_end, entry, lead, over, query_of, reader, sign_in, theme,
};
use crate::{
    app::{App, State},
    authorize::device::{self, Found, Waiting, Word},
    browser::{self, Form, Visitor},
    error::{Error, Result},
    oauth::{refusal::Code, user_code::UserCode},
    registry::grants,
    store::{self, consents::Consent},
    ui::{
        badge::Tone,
        choice::Checkbox,
        form::{self, ErrorSummary},
        headers::{self, Place},
        notice::note,
        page::Card,
        time::Reader,
    },
};

/// The page.
pub(super) async fn show(Given(app): Given<State>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let shown: Result<Response> = async {
        match stand(&app, &parts, query_of(&parts).one("t")).await? {
            Stand::Asked(asked) => asked.page(&app, "").await,
            Stand::Elsewhere(response) => Ok(response),
        }
    }
    .await;
    shown.unwrap_or_else(|error| trouble(&error, &parts))
}

/// What the person says.
pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Response {
    let (parts, form) = posted(&app, request).await;
    let said: Result<Response> = async {
        let form = form?;
        match stand(&app, &parts, form.one("t")).await? {
            Stand::Asked(asked) => {
                browser::check_csrf(&app, &asked.visitor, &form)?;
                asked.settle(&app, &parts, &form).await
            }
            Stand::Elsewhere(response) => Ok(response),
        }
    }
    .await;
    said.unwrap_or_else(|error| trouble(&error, &parts))
}

/// How the request of a device stands.
enum Stand {
    Asked(Box<Asked>),
    /// There is nothing to ask (any more), or not here.
    Elsewhere(Response),
}

/// A device that waits for this person's word.
struct Asked {
    waiting: Waiting,
    visitor: Visitor,
    known: Option<Consent>,
    code: UserCode,
    /// The ticket, as it came.
    ticket: String,
}

async fn stand(app: &App, parts: &Parts, text: &str) -> Result<Stand> {
    let registry = &app.registry;
    registry.live.fresh().await?;
    let Some(Ticket::Typed { code, user }) = Ticket::open(registry, text) else {
        return Ok(Stand::Elsewhere(lead("/device")));
    };
    let here = format!("/device/confirm?t={text}");
    let Some(visitor) = browser::visitor(app, &parts.headers).await? else {
        return Ok(Stand::Elsewhere(sign_in(&here, &[])));
    };
    // Another account has to type the code as well.
    let Some(code) = UserCode::read(&code).filter(|_| visitor.user.id == user) else {
        return Ok(Stand::Elsewhere(lead(&entry(&code))));
    };
    let found = device::find(registry, code, &[&user], registry.now()).await?;
    let waiting = match (over(&found), found) {
        (None, Found::Waiting(waiting)) => *waiting,
        (Some((title, why)), _) => return Ok(Stand::Elsewhere(dead_end(&visitor, title, why))),
        (None, _) => return Err(Error::internal("a code that is neither over nor waited for")),
    };
    if let Err(error) = grants::check_member(registry, &waiting.client, &visitor.user.id).await {
        return Ok(Stand::Elsewhere(stranger(&visitor, code, error)?));
    }
    // Typed when it could not become theirs.
    if waiting.code.user_id.is_none() {
        return Ok(Stand::Elsewhere(lead(&entry(&code.to_string()))));
    }
    if let Some(proof) = waiting.sign_in(registry, &visitor, registry.now()).await? {
        let again = proof.again.then_some(("again", "1"));
        let factor = proof.factor.map(|class| ("factor", class));
        let more: Vec<_> = again.into_iter().chain(factor).collect();
        return Ok(Stand::Elsewhere(sign_in(&here, &more)));
    }
    let known = grants::consent(registry, &waiting.client, &visitor.user.id).await?;
    Ok(Stand::Asked(Box::new(Asked {
        waiting,
        visitor,
        known,
        code,
        ticket: text.to_owned(),
    })))
}

/// The page for somebody who does not belong to the app's organisation.
///
/// # Errors
/// Everything but `access_denied`.
fn stranger(visitor: &Visitor, code: UserCode, error: Error) -> Result<Response> {
    if error
        .refusal()
        .is_none_or(|refusal| refusal.code != Code::AccessDenied)
    {
        return Err(error);
    }
    let content = html! {
        p #denied { "This account does not belong to the organisation of the app. Use another account, or ask whoever runs the app." }
        (account(visitor, &code.to_string()))
    };
    let card = Card {
        title: "This account cannot use the app".to_owned(),
        error: true,
        theme: theme(visitor),
        ..Card::default()
    };
    Ok(headers::answer(
        Place::Console,
        StatusCode::FORBIDDEN,
        card.page(&content),
    ))
}

impl Asked {
    async fn settle(&self, app: &App, parts: &Parts, form: &Form) -> Result<Response> {
        let (registry, now) = (&app.registry, app.registry.now());
        let actor = acting(parts, &self.visitor);
        let allowed = form.one("answer") == "allow";
        let first = if allowed {
            if !form.ticked("sure") {
                return self
                    .page(
                        app,
                        "Tick the box to say that you started this. If you did not, deny it.",
                    )
                    .await;
            }
            let scopes = self.wanted().taken(form);
            if scopes.is_empty() {
                return self
                    .page(app, "Tick at least one thing that the app may do, or deny it.")
                    .await;
            }
            let word = Word {
                waiting: &self.waiting,
                visitor: &self.visitor,
                scopes: &scopes,
                before: self.known.as_ref(),
            };
            match device::allow(registry, &actor, word, now).await {
                Err(error) => return stranger(&self.visitor, self.code, error),
                Ok(first) => first,
            }
        } else {
            device::deny(registry, &actor, &self.waiting, &self.visitor.user.id, now).await?
        };
        if !first {
            let found = device::find(registry, self.code, &[&self.visitor.user.id], now).await?;
            let (title, why) =
                over(&found).unwrap_or(("Try again", "This did not work: enter the code again."));
            return Ok(dead_end(&self.visitor, title, why));
        }
        let said = Ticket::Said {
            app: self.name().to_string(),
            allowed,
        };
        Ok(lead(&said.path(registry, "/device/done")))
    }

    fn wanted(&self) -> Wanted<'_> {
        let settings = self.waiting.client.for_people.as_deref();
        Wanted {
            keys: &self.waiting.scopes,
            known: self.known.as_ref(),
            optional: settings.map_or(&[], |settings| &settings.optional_scopes),
        }
    }

    fn name(&self) -> Arc<str> {
        let client = &self.waiting.client;
        let settings = client.for_people.as_deref();
        settings.map_or_else(|| Arc::clone(&client.id), |settings| Arc::clone(&settings.name))
    }

    fn home_page(&self) -> Option<String> {
        let home = self.waiting.client.for_people.as_deref()?.home_page.as_deref()?;
        Some(url::Url::parse(home).ok()?.host_str()?.to_owned())
    }

    async fn page(&self, app: &App, wrong: &str) -> Result<Response> {
        let db = app.registry.db();
        let org = store::organizations::find(db, &self.waiting.client.org_id).await?;
        let org = org.map(|org| org.name).unwrap_or_default();
        let wishes = self.wanted().wishes(db).await?;
        let card = Card {
            title: format!(
                "Allow {} on your device?",
                crate::oauth::name::isolated(&self.name())
            ),
            error: !wrong.is_empty(),
            theme: theme(&self.visitor),
            lead: Some(
                html! { "by " b #publisher { (crate::ui::name(&org)) } @if let Some(home) = self.home_page() { " · " (home) } },
            ),
            footer: Some(
                html! { "You can remove this any time in " a href="/me/apps" { "Connected apps" } "." },
            ),
            ..Card::default()
        };
        let status = if wrong.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        let content = self.content(&reader(&app.registry, &self.visitor), &wishes, wrong);
        Ok(headers::answer(Place::Console, status, card.page(&content)))
    }

    fn content(&self, reader: &Reader, wishes: &[Wish], wrong: &str) -> Markup {
        html! {
            @if !wrong.is_empty() { (ErrorSummary::of_one("sure", wrong)) }
            (account(&self.visitor, &self.code.to_string()))
            (note(Tone::Warn, &html! { p { "Only continue if you started this yourself. If somebody sent you the code or a link, deny it: he would get into your account." } }))
            (self.request(reader))
            form #confirm .stack.lg method="post" action="/device/confirm" novalidate {
                (form::csrf(&self.visitor.csrf))
                (form::hidden("t", &self.ticket))
                (scopes::list(wishes))
                (Checkbox { name: "sure", value: "yes", label: "I started this on my device", error: wrong, ..Checkbox::default() })
                div.actions.even {
                    button #deny .btn type="submit" name="answer" value="deny" { "Deny" }
                    button #allow .btn type="submit" name="answer" value="allow" { "Allow" }
                }
            }
        }
    }

    /// What the device shows, and what is known of it.
    fn request(&self, reader: &Reader) -> Markup {
        let code = &self.waiting.code;
        html! {
            section {
                h2 { "Does your device show " span #user-code .mono translate="no" { (self.code) } "?" }
                dl.facts {
                    dt { "Requested" } dd #requested { (reader.deadline(code.created_at)) }
                    dt { "From" } dd #address translate="no" { (code.ip) }
                    dt { "Device" } dd #agent translate="no" { @if code.user_agent.is_empty() { "It does not say" } @else { (crate::ui::name(&code.user_agent)) } }
                }
            }
        }
    }
}
