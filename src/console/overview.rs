//! What needs attention in an organisation, what happened last, and the first steps of a new one.

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    response::Response,
    routing::get,
};
use maud::{Markup, html};

use super::{
    activity,
    clients::query::Attention,
    labels, legacy, tokens,
    visit::{self, Answer, OrTrouble, Section, Visit, sentence},
    webhooks,
};
use crate::{
    app::State,
    error::Error,
    oauth::client::Kind,
    registry::{access::Permission, addresses, audit::verify, least_privilege, usage, webhooks::blocked},
    store::{
        self, audit,
        clients::{Filter, From, SortKey},
        usage::Counted,
    },
    time::Lifetime,
    ui::{
        badge::Tone,
        icon::Icon,
        notice::note,
        page::Page,
        table::{Column, Row, Table},
    },
};

/// The routes of this page.
pub(super) fn routes() -> Router<State> {
    Router::new().route("/orgs/{org}", get(show))
}

/// Something to look at: what, why, and where to do something about it.
struct Matter {
    what: String,
    why: String,
    action: &'static str,
    href: String,
}

async fn show(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let visit = visit::enter(&app, &parts, &org).await?;
    visit
        .access()
        .require(Permission::ClientsRead)
        .or_trouble(&visit)?;
    app.registry.flush_activity().await.or_trouble(&visit)?;
    let matters = matters(&visit).await?;
    let steps = steps(&visit).await?;
    let days = days(&visit).await;
    let latest = if visit.may(Permission::AuditRead) {
        activity::latest(&visit, &audit::Filter::default(), 10).await?.0
    } else {
        Vec::new()
    };
    let page = Page {
        title: "Overview".to_owned(),
        ..Page::default()
    };
    let content = html! {
        (legacy::standing(&visit))
        @if steps.iter().any(|step| !step.done) && visit.may(Permission::ClientsWrite) { (start(&steps)) }
        (attention(&visit, &matters))
        section.stack {
            h2 { "Tokens issued" }
            @match &days {
                Some(days) => (tokens::bars(days)),
                None => (note(Tone::Warn, &html! { p { "They cannot be counted right now. " a href=(visit.here) { "Try again" } } })),
            }
        }
        section.stack {
            h2 { "Latest activity" }
            @if latest.is_empty() { p.dim { "Nothing has happened yet." } }
            @else {
                (activity::timeline(&visit, &latest, None))
                p { a href=(visit.path("/activity")) { "All activity" } }
            }
        }
    };
    Ok(visit.ok(Section::Overview, &page, &content))
}

/// Tokens by the day. A failure costs this part of the page only.
async fn days(visit: &Visit) -> Option<Vec<Counted>> {
    match usage::daily(&visit.app.registry, &visit.org().id, 30).await {
        Ok(days) => Some(days),
        Err(error) => {
            if let Error::Failed(failure) = error {
                failure.log();
            }
            None
        }
    }
}

fn attention(visit: &Visit, matters: &[Matter]) -> Markup {
    if matters.is_empty() {
        let at = visit.reader().full(visit.now);
        return note(
            Tone::Ok,
            &html! { p { b { "Nothing needs attention" } " Checked " (at) } },
        );
    }
    let rows = matters.iter().map(|matter| Row {
        id: matter.href.clone(),
        name: matter.what.clone(),
        cells: vec![
            html! { (matter.why) },
            html! { a.small-btn href=(matter.href) { (matter.action) span.sr { ": " (matter.what) } } },
        ],
        ..Row::default()
    });
    let table = Table {
        id: "attention",
        caption: "Needs attention",
        columns: ["What", "Why", "Do"].map(Column::new).to_vec(),
        rows: rows.collect(),
        bulk: None,
    };
    html! { section.stack { h2 { "Needs attention" } (table) } }
}

async fn matters(visit: &Visit) -> Result<Vec<Matter>, Response> {
    let mut matters = told(visit).await?;
    matters.extend(ending(visit).await?);
    matters.extend(failing(visit).await?);
    matters.extend(fallen(visit).await?);
    matters.extend(addressed(visit));
    for attention in Attention::ALL {
        matters.extend(group(visit, *attention).await?);
    }
    Ok(matters)
}

/// A log that was tampered with, and webhooks where nothing arrives.
async fn told(visit: &Visit) -> Result<Vec<Matter>, Response> {
    let mut matters = Vec::new();
    if !visit.may(Permission::AuditRead) {
        return Ok(matters);
    }
    let (registry, org) = (&visit.app.registry, visit.org());
    let head = verify::head(registry, &org.id).await.or_trouble(visit)?;
    let why = match head {
        Some(head) if !head.ours => {
            Some("Where it ends was not written by this server; nothing is sealed behind it".to_owned())
        }
        Some(head) if head.foreign > 0 => Some(format!(
            "{} not written by this server and got no place",
            labels::count(head.foreign, "entry was", "entries were")
        )),
        _ => None,
    };
    if let Some(why) = why {
        matters.push(Matter {
            what: "The activity was tampered with".to_owned(),
            why,
            action: "Verify it",
            href: visit.path("/activity/verify"),
        });
    }
    let hooks = store::webhooks::of_organization(registry.db(), &org.id)
        .await
        .or_trouble(visit)?;
    for hook in hooks {
        let host = webhooks::host(&hook.url);
        let blocked = blocked(registry, org, &hook).filter(|_| hook.active);
        let (what, why) = match (blocked, hook.disabled_why, hook.failing_since) {
            (Some(why), ..) => (format!("The webhook to {host} is not called"), why),
            (None, Some(why), _) => (format!("The webhook to {host} was switched off"), sentence(&why)),
            (None, None, Some(at)) if hook.active => (
                format!("The webhook to {host} fails"),
                format!("Nothing has arrived there since {}", visit.reader().full(at)),
            ),
            _ => continue,
        };
        matters.push(Matter {
            what,
            why,
            action: "Show it",
            href: visit.path(&format!("/settings/webhooks/{}", hook.id)),
        });
    }
    Ok(matters)
}

/// How many clients with an address that is refused today have a line of their own.
const ADDRESSED: usize = 10;

/// Clients with addresses that today's rule refuses: of redirects, which go on, and of sign-outs, which do not.
fn addressed(visit: &Visit) -> Vec<Matter> {
    let mut found = addresses::of_organization(&visit.app.registry, visit.org());
    let more = found.len().saturating_sub(ADDRESSED);
    found.truncate(ADDRESSED);
    let last = found.len();
    let matters = (1..).zip(found).map(|(at, (name, id, notes))| {
        let quiet = notes.iter().any(|note| note.code == addresses::NOT_CALLED);
        let what = if quiet {
            format!("{name} is not told of sign-outs")
        } else {
            format!("{name} has an address that is refused today")
        };
        let mut why = notes.first().map(|note| note.detail.clone()).unwrap_or_default();
        if quiet && let Some(note) = notes.iter().find(|note| note.code == addresses::NOT_CALLED) {
            why.clone_from(&note.detail);
        }
        if at == last && more > 0 {
            why = format!("{why} {more} more clients have such addresses.");
        }
        Matter {
            what,
            why,
            action: "Show it",
            href: visit.path(&format!("/clients/{id}")),
        }
    });
    matters.collect()
}

/// Secrets that were rotated away, end within three days, and were used within the last day.
async fn ending(visit: &Visit) -> Result<Vec<Matter>, Response> {
    let (now, reader) = (visit.now, visit.reader());
    let found = store::secrets::ending_in_use(
        visit.app.registry.db(),
        &visit.org().id,
        now,
        now.after(Lifetime::days(3)),
        now.before(Lifetime::days(1)),
    )
    .await
    .or_trouble(visit)?;
    Ok(found
        .into_iter()
        .map(|secret| Matter {
            what: format!(
                "{} still uses its old secret",
                crate::oauth::name::isolated(&secret.name)
            ),
            why: format!(
                "It ends {}; last used {}",
                reader.full(secret.ends_at),
                reader
                    .relative(secret.last_used_at)
                    .unwrap_or_else(|| reader.date(secret.last_used_at))
            ),
            action: "Show it",
            href: visit.path(&format!("/clients/{}/secrets", secret.client_id)),
        })
        .collect())
}

/// Whether uses are on record for so long that a scope nobody asked for is worth a word.
async fn recorded_long_enough(visit: &Visit) -> Result<bool, Response> {
    let db = visit.app.registry.db();
    let since = store::instance::moment(db, store::instance::USAGE_SINCE)
        .await
        .or_trouble(visit)?;
    Ok(since.is_some_and(|at| at <= visit.now.before(least_privilege::IDLE)))
}

/// Personal credentials of people who are inactive or may not hold any.
async fn fallen(visit: &Visit) -> Result<Option<Matter>, Response> {
    let count = store::credentials::fallen(visit.app.registry.db(), &visit.org().id)
        .await
        .or_trouble(visit)?;
    Ok((count > 0).then(|| Matter {
        what: format!(
            "{} of people who may not use them",
            labels::count(count, "personal credential", "personal credentials")
        ),
        why: "Their accounts are inactive, or may not hold credentials; tokens are refused".to_owned(),
        action: "Show them",
        href: visit.path("/credentials"),
    }))
}

/// Clients of whose token requests more than one in twenty was refused within a day.
async fn failing(visit: &Visit) -> Result<Vec<Matter>, Response> {
    let since = visit.now.before(Lifetime::days(1));
    let found = store::usage::failing(visit.app.registry.db(), &visit.org().id, since, 5)
        .await
        .or_trouble(visit)?;
    Ok(found
        .into_iter()
        .map(|client| Matter {
            what: format!("{} fails often", crate::oauth::name::isolated(&client.name)),
            why: format!(
                "{} of {} token requests refused in 24 hours",
                client.failures,
                client.failures + client.tokens
            ),
            action: "Show it",
            href: visit.path(&format!("/clients/{}", client.client_id)),
        })
        .collect())
}

/// Clients that share a matter, as one line.
async fn group(visit: &Visit, attention: Attention) -> Result<Option<Matter>, Response> {
    if attention == Attention::Unasked && !recorded_long_enough(visit).await? {
        return Ok(None);
    }
    let filter = attention.narrow(Filter::default(), visit.now);
    let page = store::clients::Page {
        sort: SortKey::LastUsed,
        descending: false,
        from: From::Offset(0),
        limit: 3,
    };
    let orgs = [visit.org().id.clone()];
    let listed = store::clients::list(visit.app.registry.db(), &orgs, &filter, &page)
        .await
        .or_trouble(visit)?;
    let Some(listed) = listed.filter(|listed| listed.total > 0) else {
        return Ok(None);
    };
    let clients = labels::count(listed.total, "client", "clients");
    let what = match attention {
        Attention::Expiring => format!("{clients} with a secret that stops within 14 days"),
        Attention::NeverUsed => format!("{clients} never used"),
        Attention::Unused => format!("{clients} not used in 90 days"),
        Attention::Unasked => format!("{clients} with scopes that nobody asks for"),
    };
    let names: Vec<&str> = listed.clients.iter().map(|client| client.name.as_str()).collect();
    let more = listed.total - i64::try_from(names.len()).unwrap_or_default();
    let names = match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    };
    let reason = match attention {
        Attention::Expiring => "Rotate before they fail",
        Attention::NeverUsed => "Older than 30 days",
        Attention::Unused => "Disable first, delete later",
        Attention::Unasked => "Remove what is not needed; it can be given back",
    };
    Ok(Some(Matter {
        what,
        why: format!("{reason}: {names}"),
        action: "Show them",
        href: visit.path(&format!("/clients?attention={attention}&sort=last_used_at")),
    }))
}

/// A first step, and whether it is done.
struct Step {
    done: bool,
    words: &'static str,
    why: &'static str,
    href: String,
}

async fn steps(visit: &Visit) -> Result<[Step; 3], Response> {
    let db = visit.app.registry.db();
    let org = &visit.org().id;
    let apis = store::apis::of_organization(db, org).await.or_trouble(visit)?;
    let own = apis.iter().filter(|api| api.org_id.is_some()).count();
    let page = store::clients::Page {
        sort: SortKey::LastUsed,
        descending: true,
        from: From::Offset(0),
        limit: 1,
    };
    let filter = Filter {
        except_kind: Some(Kind::System),
        ..Filter::default()
    };
    let listed = store::clients::list(db, std::slice::from_ref(org), &filter, &page)
        .await
        .or_trouble(visit)?;
    let first = listed.and_then(|listed| listed.clients.into_iter().next());
    Ok([
        Step {
            // Every organisation begins with one, "Workspace".
            done: own > 1,
            words: "Define an API",
            why: "An API has scopes; a client is granted some of them.",
            href: visit.path("/apis/new"),
        },
        Step {
            done: first.is_some(),
            words: "Create a client",
            why: "A client is how an app or service gets tokens.",
            href: visit.path("/clients/new"),
        },
        Step {
            done: first.as_ref().is_some_and(|client| client.last_used_at.is_some()),
            words: "Get a first token",
            why: "Use the client ID and its secret at the token endpoint.",
            href: visit.path(&match &first {
                Some(client) => format!("/clients/{}", client.client_id),
                None => "/clients".to_owned(),
            }),
        },
    ])
}

fn start(steps: &[Step]) -> Markup {
    html! {
        section.card aria-labelledby="start" {
            h2 #start { "First steps" }
            ul.impact { @for (index, step) in steps.iter().enumerate() { li {
                b { @if step.done { (Icon::Check) span.sr { "Done" } } @else { (index + 1) } }
                span {
                    @if step.done { (step.words) } @else { a href=(step.href) { (step.words) } }
                    " " span.hint { (step.why) }
                }
            } } }
        }
    }
}
