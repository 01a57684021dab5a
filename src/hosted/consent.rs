//! The person is asked. [OIDC Core §3.1.2.4](https://openid.net/specs/openid-connect-core-1_0.html#Consent)
//!
//! Everything shown is read anew from what is kept; the request itself travels sealed, together with what was shown, so
//! that nothing that a browser posts can widen it and nobody allows what he did not see. What a person says counts only
//! with the token of his own session.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use axum::{
    extract::{Request, State as Given},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};

use super::{
    acting, context, posted,
    scopes::{self, Wanted, Wish},
    trouble,
};
use crate::{
    app::{App, State},
    authorize::{
        Transaction,
        answer::{Back, host_of},
        approve::{self, Approval, Word},
        decide::{self, Next, Question},
        page as untrusted,
        request::{self, Opened, Trouble},
    },
    browser::{self, Form, Visitor},
    error::{Error, Result},
    failures::Reference,
    grant_types::Source,
    oauth::{refusal::Code, scope::ScopeKey},
    registry::{
        Registry,
        grants::{self, ANSWERED},
    },
    store,
    time::{Lifetime, Timestamp},
    ui::{
        form,
        headers::{self, Place},
        page::{Card, Theme},
    },
};

/// The page.
pub(super) async fn show(Given(app): Given<State>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    match stand(&app, &parts, query.one("tx")).await {
        Ok(Stand::Asked(asked)) => asked
            .page(&app)
            .await
            .unwrap_or_else(|error| trouble(&error, &parts)),
        Ok(Stand::Elsewhere(response)) => response,
        Err(error) => trouble(&error, &parts),
    }
}

/// What the person says.
pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Response {
    let (parts, form) = posted(&app, request).await;
    let said: Result<Response> = async {
        let form = form?;
        match stand(&app, &parts, form.one("tx")).await? {
            Stand::Asked(asked) => {
                browser::check_csrf(&app, &asked.visitor, &form)?;
                // What the client may ask for has changed since: the person has not seen that.
                if !asked.transaction.has_shown(&asked.shown()) {
                    return asked.page(&app).await;
                }
                Ok(asked.settle(&app, &parts, &form).await)
            }
            Stand::Elsewhere(response) => Ok(response),
        }
    }
    .await;
    said.unwrap_or_else(|error| trouble(&error, &parts))
}

/// How a request stands.
enum Stand {
    Asked(Box<Asked>),
    /// There is nothing to ask (any more).
    Elsewhere(Response),
}

/// A request that waits for the person's word.
struct Asked {
    opened: Opened,
    visitor: Visitor,
    question: Question,
    transaction: Transaction,
    /// When something that the person had allowed this app was last taken back.
    ended: Option<Timestamp>,
}

async fn stand(app: &App, parts: &Parts, tx: &str) -> Result<Stand> {
    let registry = &app.registry;
    registry.live.fresh().await?;
    let Some(transaction) = Transaction::open(registry, tx) else {
        let why = "the request waited for more than half an hour, or was changed on its way";
        let error = Code::InvalidRequest.because(why).reason("request.expired").into();
        let reference = refer(app, parts, "", &error);
        return Ok(Stand::Elsewhere(untrusted::expired(
            reference.as_ref().map(Reference::as_str),
        )));
    };
    let opened = match request::open(registry, &transaction.params) {
        Ok(opened) => opened,
        Err(Trouble::Untrusted(untrusted)) => {
            let error = untrusted.refusal().clone().into();
            let reference = refer(app, parts, &transaction.params, &error);
            let reference = reference.as_ref().map(Reference::as_str);
            return Ok(Stand::Elsewhere(untrusted.answer(&context(parts).0, reference)));
        }
        Err(Trouble::Refused(back, error)) => {
            return Ok(Stand::Elsewhere(fail(app, parts, &transaction, &back, &error)));
        }
    };
    let visitor = browser::visitor(app, &parts.headers).await?;
    if visitor
        .as_ref()
        .is_some_and(|visitor| !transaction.is_asked_of(visitor))
    {
        return Ok(Stand::Elsewhere(untrusted::of_another()));
    }
    let next = decide::next(registry, &transaction, &opened, visitor.as_ref(), registry.now()).await;
    // Looked at last: an answer that came at the same moment has changed what was read above.
    if transaction.is_answered(registry).await? {
        return Ok(Stand::Elsewhere(untrusted::answered()));
    }
    Ok(match (next, visitor) {
        (Ok(Next::Ask(question)), Some(visitor)) => {
            let (user, client) = (&visitor.user.id, &opened.client.id);
            let ended = store::grants::ended_at(registry.db(), user, client).await?;
            Stand::Asked(Box::new(Asked {
                opened,
                transaction: transaction.asked_of(&visitor),
                visitor,
                question,
                ended,
            }))
        }
        // Signed out meanwhile, or asked in another window: the endpoint knows the way.
        (Ok(_), _) => Stand::Elsewhere(Redirect::to(&transaction.path(registry)).into_response()),
        (Err(error), _) => Stand::Elsewhere(fail(app, parts, &transaction, &opened.back, &error)),
    })
}

/// What is told of a refusal; what failed on our side has no reference.
fn refer(app: &App, parts: &Parts, params: &str, error: &Error) -> Option<Reference> {
    let (request_id, ip) = context(parts);
    let source = Source {
        ip: ip.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        request_id: &request_id,
    };
    app.failures
        .note_authorization(&app.registry, params, source, error)
}

/// Tells the client of a refusal.
fn fail(app: &App, parts: &Parts, transaction: &Transaction, back: &Back, error: &Error) -> Response {
    let reference = refer(app, parts, &transaction.params, error);
    let uri = reference.map(|reference| reference.uri(&app.registry.config.issuer));
    back.fail(error, uri.as_deref())
}

impl Asked {
    async fn settle(&self, app: &App, parts: &Parts, form: &Form) -> Response {
        self.answer(app, parts, form).await.unwrap_or_else(|error| {
            match error.refusal() {
                // The client heard of the first answer.
                Some(refusal) if refusal.reason == ANSWERED => untrusted::answered(),
                _ => fail(app, parts, &self.transaction, &self.opened.back, &error),
            }
        })
    }

    async fn answer(&self, app: &App, parts: &Parts, form: &Form) -> Result<Response> {
        let (registry, actor) = (&app.registry, acting(parts, &self.visitor));
        let allowed = form.one("answer") == "allow";
        let scopes = self.wanted().taken(form);
        if !allowed || scopes.is_empty() {
            approve::denied(registry, &actor, &self.opened.client, &self.transaction).await?;
            let why = if allowed {
                "the person left everything out"
            } else {
                "the person did not allow it"
            };
            return Err(Code::AccessDenied.because(why).reason("person.denied").into());
        }
        let approval = Approval {
            opened: &self.opened,
            visitor: &self.visitor,
            scopes,
            word: Word::Given(self.question.known.as_ref()),
            transaction: &self.transaction,
        };
        approve::answer(registry, &actor, &approval, registry.now()).await
    }

    /// What the page shows: which incarnation of a scope, with a mark at what may be left out, and what was allowed and
    /// taken back by then.
    fn shown(&self) -> String {
        let optional = self.wanted().optional;
        let client = &self.opened.client;
        let wish = |key: &ScopeKey| {
            let since = client.since(key).unwrap_or_default();
            format!("{}{key}#{since}", if optional.contains(key) { "?" } else { "" })
        };
        let mut parts: Vec<String> = self.question.asked.iter().map(wish).collect();
        let known = self.question.known.as_ref().map(|known| known.updated_at);
        for (mark, at) in [('+', known), ('-', self.ended)] {
            if let Some(at) = at {
                parts.push(format!("{mark}{}", at.millis()));
            }
        }
        parts.join(" ")
    }

    async fn page(&self, app: &App) -> Result<Response> {
        let (db, client) = (app.registry.db(), &self.opened.client);
        let org = store::organizations::find(db, &client.org_id).await?;
        let org = org.map(|org| org.name).unwrap_or_default();
        let wishes = self.wanted().wishes(db).await?;
        let name = self
            .opened
            .settings()
            .map_or_else(|| client.id.clone(), |settings| Arc::clone(&settings.name));
        let card = Card {
            title: format!("Allow {}?", crate::oauth::name::isolated(&name)),
            theme: self
                .visitor
                .user
                .preferences
                .theme
                .as_deref()
                .and_then(Theme::parse),
            lead: Some(
                html! { "by " b #publisher { (crate::ui::name(&org)) } @if let Some(home) = self.home_page() { " · " (home) } },
            ),
            footer: Some(
                html! { "You can remove this any time in " a href="/me/apps" { "Connected apps" } "." },
            ),
            ..Card::default()
        };
        let shown = self.transaction.clone().showing(self.shown());
        let tx = shown.seal(&app.registry);
        let lasting = lasting(app, grants::lasts(client, &self.question.asked));
        let content = self.content(&app.registry, &tx, (&name, &lasting), &wishes);
        Ok(headers::answer(
            Place::Transaction,
            StatusCode::OK,
            card.page(&content),
        ))
    }

    fn home_page(&self) -> Option<String> {
        let home = self.opened.settings()?.home_page.as_deref()?;
        Some(url::Url::parse(home).ok()?.host_str()?.to_owned())
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            keys: &self.question.asked,
            known: self.question.known.as_ref(),
            optional: self
                .opened
                .settings()
                .map_or(&[], |settings| &settings.optional_scopes),
        }
    }

    fn content(
        &self,
        registry: &Registry,
        tx: &str,
        (name, lasting): (&str, &str),
        wishes: &[Wish],
    ) -> Markup {
        let uri = self.opened.back.redirect_uri();
        let user = &self.visitor.user;
        let own_name = self.opened.client.pairwise_sector().is_some();
        html! {
            p #account {
                "Signed in as " b { (crate::ui::name(&user.display_name)) } " (" (user.username) "). "
                a href={ "/login/choose?return_to=" (self.chooser(registry)) } { "Not you?" }
            }
            form #consent .stack.lg method="post" action="/consent" {
                (form::csrf(&self.visitor.csrf))
                (form::hidden("tx", tx))
                (scopes::list(wishes))
                @if own_name { p.hint { "This app does not learn the name that other apps know you by." } }
                p #duration { (lasting) }
                p #destination { "Then you go back to " (destination(uri)) "." }
                @if !uri.starts_with("https://") {
                    p #started { "Allow this only if you have just started it yourself: any program on this computer can open this page." }
                }
                details { summary { "Details" } dl.facts { dt { "App" } dd { (crate::ui::name(name)) " " code translate="no" { (self.opened.client.id) } } dt { "Returns to" } dd { code translate="no" { (uri) } } } }
                div.actions.even {
                    button #deny .btn type="submit" name="answer" value="deny" { "Deny" }
                    button #allow .btn type="submit" name="answer" value="allow" { "Allow" }
                }
            }
        }
    }

    fn chooser(&self, registry: &Registry) -> String {
        // Whoever comes back from there was led to choose.
        let onward = self.transaction.clone().for_anybody().chosen();
        url::form_urlencoded::byte_serialize(onward.path(registry).as_bytes()).collect()
    }
}

/// For how long the app may do it.
fn lasting(app: &App, offline: bool) -> String {
    if !offline {
        return "It may do this until you sign out here.".to_owned();
    }
    let days = |lifetime: Lifetime| match lifetime.as_seconds() / 86_400 {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        n => format!("{n} days"),
    };
    let lifetimes = &app.registry.config.lifetimes;
    format!(
        "It may do this for up to {}, also while you are not there, unless it is not used for {}.",
        days(lifetimes.refresh_absolute),
        days(lifetimes.refresh_idle)
    )
}

/// Where the person goes from here: the registrable part in bold.
fn destination(uri: &str) -> Markup {
    let host = host_of(uri);
    if !uri.starts_with("https://") {
        return html! { b { (host) } };
    }
    let cut = registrable(&host);
    html! { (host[..cut]) b { (host[cut..]) } }
}

/// Where the registrable part of a host begins: the last two labels, or three where the last two are a public suffix of
/// the common kind (`co.uk`).
fn registrable(host: &str) -> usize {
    if host.parse::<IpAddr>().is_ok() || host.starts_with('[') {
        return 0;
    }
    let labels: Vec<&str> = host.split('.').collect();
    let second_level = ["co", "com", "org", "net", "gov", "ac", "edu", "or", "ne", "go"];
    let three = labels.len() > 2
        && labels[labels.len() - 1].len() == 2
        && second_level.contains(&labels[labels.len() - 2]);
    let kept = if three { 3 } else { 2 };
    let skipped = labels.len().saturating_sub(kept);
    labels[..skipped].iter().map(|label| label.len() + 1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t37_the_registrable_part_of_a_long_host_stands_out() {
        let cut = |host: &'static str| &host[registrable(host)..];
        assert_eq!(cut("login.accounts.example.com.evil.test"), "evil.test");
        assert_eq!(cut("app.shop.example.co.uk"), "example.co.uk");
        assert_eq!(cut("example.com"), "example.com");
        assert_eq!(cut("203.0.113.9"), "203.0.113.9");
    }
}
