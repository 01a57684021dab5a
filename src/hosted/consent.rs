//! The person is asked. [OIDC Core §3.1.2.4](https://openid.net/specs/openid-connect-core-1_0.html#Consent)
//!
//! Everything shown is read anew from what is kept; the request itself travels sealed, together with what was shown, so
//! that nothing that a browser posts can widen it and nobody allows what he did not see. What a person says counts only
//! with the token of his own session.

use std::sync::Arc;

use axum::{
    extract::{Request, State as Given},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};

use super::{context, posted, trouble};
use crate::{
    app::{App, State},
    authorize::{
        Transaction,
        answer::host_of,
        approve::{self, Approval, Word},
        decide::{self, Next, Question},
        page as untrusted,
        request::{self, Opened, Trouble},
    },
    browser::{self, Form, Visitor},
    error::Result,
    oauth::{client::Origin, refusal::Code, scope::ScopeKey},
    registry::access::{Actor, ActorKind},
    store::{self, apis::Risk},
    ui::{
        badge::Badge,
        form,
        headers::{self, Place},
        page::{Card, Theme},
        scopes,
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
    /// The same, sealed, as it came.
    tx: String,
}

async fn stand(app: &App, parts: &Parts, tx: &str) -> Result<Stand> {
    let registry = &app.registry;
    registry.live.fresh().await?;
    let Some(transaction) = Transaction::open(registry, tx) else {
        return Ok(Stand::Elsewhere(untrusted::expired()));
    };
    let opened = match request::open(registry, &transaction.params) {
        Ok(opened) => opened,
        Err(Trouble::Untrusted(untrusted)) => {
            return Ok(Stand::Elsewhere(untrusted.answer(&context(parts).0)));
        }
        Err(Trouble::Refused(back, error)) => return Ok(Stand::Elsewhere(back.fail(&error))),
    };
    let visitor = browser::visitor(app, &parts.headers).await?;
    let next = decide::next(registry, &transaction, &opened, visitor.as_ref(), registry.now()).await;
    Ok(match (next, visitor) {
        (Ok(Next::Ask(question)), Some(visitor)) => Stand::Asked(Box::new(Asked {
            opened,
            visitor,
            question,
            transaction,
            tx: tx.to_owned(),
        })),
        // Signed out meanwhile, or asked in another window: the endpoint knows the way.
        (Ok(_), _) => Stand::Elsewhere(Redirect::to(&transaction.path(registry)).into_response()),
        (Err(error), _) => Stand::Elsewhere(opened.back.fail(&error)),
    })
}

/// A scope in words.
struct Wish {
    key: ScopeKey,
    words: String,
    /// Where it counts.
    place: String,
    risk: Risk,
    new: bool,
    optional: bool,
}

impl Asked {
    async fn settle(&self, app: &App, parts: &Parts, form: &Form) -> Response {
        let back = &self.opened.back;
        if form.one("answer") != "allow" {
            return back.refuse(&Code::AccessDenied.because("the person did not allow it"));
        }
        let (request_id, ip) = context(parts);
        let actor = Actor {
            kind: ActorKind::User,
            id: self.visitor.user.id.clone(),
            name: self.visitor.user.username.clone(),
            ip: Some(ip),
            request_id,
            origin: Origin::Console,
        };
        let ticked: Vec<&str> = form.all("scope").collect();
        let taken = |key: &&ScopeKey| !self.is_optional(key) || ticked.contains(&key.to_string().as_str());
        let scopes: Vec<ScopeKey> = self.question.asked.iter().filter(taken).cloned().collect();
        if scopes.is_empty() {
            return back.refuse(&Code::AccessDenied.because("the person left everything out"));
        }
        let approval = Approval {
            opened: &self.opened,
            visitor: &self.visitor,
            scopes,
            word: Word::Given(self.question.known.as_ref()),
        };
        match approve::code(&app.registry, &actor, &approval, app.registry.now()).await {
            Ok(code) => back.answer(&[("code", &code)]),
            Err(error) => back.fail(&error),
        }
    }

    /// What the page shows, with a mark at what may be left out.
    fn shown(&self) -> String {
        let wish = |key: &ScopeKey| format!("{}{key}", if self.is_optional(key) { "?" } else { "" });
        let wishes: Vec<String> = self.question.asked.iter().map(wish).collect();
        wishes.join(" ")
    }

    fn is_optional(&self, key: &ScopeKey) -> bool {
        self.opened
            .settings()
            .is_some_and(|settings| settings.optional_scopes.contains(key))
    }

    async fn page(&self, app: &App) -> Result<Response> {
        let (db, client) = (app.registry.db(), &self.opened.client);
        let org = store::organizations::find(db, &client.org_id).await?;
        let org = org.map(|org| org.name).unwrap_or_default();
        let wishes = self.wishes(app).await?;
        let name = self
            .opened
            .settings()
            .map_or_else(|| client.id.clone(), |settings| Arc::clone(&settings.name));
        let card = Card {
            title: format!("Allow {name}?"),
            theme: self
                .visitor
                .user
                .preferences
                .theme
                .as_deref()
                .and_then(Theme::parse),
            lead: Some(
                html! { "by " b #publisher { (org) } @if let Some(home) = self.home_page() { " · " (home) } },
            ),
            footer: Some(
                html! { "You can remove this any time in " a href="/me/apps" { "Connected apps" } "." },
            ),
            ..Card::default()
        };
        let shown = self.transaction.clone().showing(self.shown());
        let tx = shown.seal(&app.registry);
        let content = self.content(&tx, &name, &wishes, client.pairwise_sector().is_some());
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

    async fn wishes(&self, app: &App) -> Result<Vec<Wish>> {
        let mut apis: Vec<store::apis::Api> = Vec::new();
        for key in &self.question.asked {
            let Some(id) = &key.api else { continue };
            if apis.iter().all(|api| *api.id != **id)
                && let Some(api) = store::apis::find(app.registry.db(), id).await?
            {
                apis.push(api);
            }
        }
        let wish = |key: &ScopeKey| {
            let api = apis
                .iter()
                .find(|api| key.api.as_deref() == Some(api.id.as_str()));
            let scope = api.and_then(|api| api.scopes.iter().find(|scope| *scope.value == *key.value));
            let words = match (scope, of_openid(&key.value)) {
                (Some(scope), _) if !scope.description.is_empty() => scope.description.clone(),
                (None, Some(words)) if key.api.is_none() => words.to_owned(),
                _ => format!("{} – no description by the publisher", key.value),
            };
            Wish {
                words,
                place: api.map(|api| api.name.clone()).unwrap_or_default(),
                risk: scope.map_or(Risk::Reads, |scope| scope.risk),
                new: self.question.known.is_some() && self.question.new.contains(key),
                optional: self.is_optional(key),
                key: key.clone(),
            }
        };
        Ok(self.question.asked.iter().map(wish).collect())
    }

    fn content(&self, tx: &str, name: &str, wishes: &[Wish], own_name: bool) -> Markup {
        let uri = self.opened.back.redirect_uri();
        let user = &self.visitor.user;
        html! {
            p #account {
                "Signed in as " b { (user.display_name) } " (" (user.username) "). "
                a href={ "/login/choose?return_to=" (self.chooser()) } { "Not you?" }
            }
            form #consent .stack.lg method="post" action="/consent" {
                (form::csrf(&self.visitor.csrf))
                (form::hidden("tx", tx))
                @for (title, list) in groups(wishes) {
                    section { h2 { (title) } ul.plain.stack { @for wish in list { (row(wish)) } } }
                }
                @if own_name { p.hint { "This app does not learn the name that other apps know you by." } }
                p #destination { "Then you go back to " (destination(uri)) "." }
                details { summary { "Details" } dl.facts { dt { "App" } dd { (name) " " code translate="no" { (self.opened.client.id) } } dt { "Returns to" } dd { code translate="no" { (uri) } } } }
                div.actions.even {
                    button #deny .btn type="submit" name="answer" value="deny" { "Deny" }
                    button #allow .btn type="submit" name="answer" value="allow" { "Allow" }
                }
            }
        }
    }

    fn chooser(&self) -> String {
        url::form_urlencoded::byte_serialize(format!("/consent?tx={}", self.tx).as_bytes()).collect()
    }
}

/// Read, change, act while away: in this order, without the empty ones.
fn groups(wishes: &[Wish]) -> Vec<(&'static str, Vec<&Wish>)> {
    let away = |wish: &Wish| wish.key.api.is_none() && wish.key.value.as_ref() == "offline_access";
    let of = |keep: &dyn Fn(&Wish) -> bool| wishes.iter().filter(|wish| keep(wish)).collect::<Vec<_>>();
    [
        ("It can read", of(&|wish| !away(wish) && wish.risk == Risk::Reads)),
        (
            "It can change",
            of(&|wish| !away(wish) && wish.risk != Risk::Reads),
        ),
        ("It can act while you are away", of(&away)),
    ]
    .into_iter()
    .filter(|(_, list)| !list.is_empty())
    .collect()
}

fn row(wish: &Wish) -> Markup {
    let id = wish.key.to_string();
    html! {
        li.wish {
            @if wish.optional {
                label.check { input type="checkbox" name="scope" value=(id); span { (wish.words) span.opt { " (optional)" } } }
            } @else { span { (wish.words) } }
            " "
            @if wish.new { (Badge::NEW) }
            @match wish.risk {
                Risk::Reads => {}
                Risk::Changes => (scopes::Risk::Changes.badge()),
                Risk::Destructive => (scopes::Risk::Destructive.badge()),
            }
            details { summary { span.sr { "Name of this scope" } span aria-hidden="true" { "…" } } code translate="no" { (wish.key.value) } @if !wish.place.is_empty() { " at " (wish.place) } }
        }
    }
}

/// What a scope of OpenID Connect lets an app see, in words.
fn of_openid(scope: &str) -> Option<&'static str> {
    Some(match scope {
        "openid" => "Know that it is you",
        "profile" => "See your name and profile",
        "email" => "See your e-mail address",
        "address" => "See your postal address",
        "phone" => "See your telephone number",
        "offline_access" => "Keep this access until you remove it, also when you are signed out",
        _ => return None,
    })
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
    if host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[') {
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
