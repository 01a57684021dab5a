//! The one page that shows a secret: the answer to the POST that made it.
//! [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)
//!
//! A file to take away is fetched by a second POST, once, within five minutes. For that the secret is split into two
//! shares: the page holds one, the database the other, and neither tells anything without its twin.

mod connector; // how a sync connector is configured

use axum::{
    Router,
    extract::{Path, Request, State as Given},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use maud::{Markup, html};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    asked,
    visit::{Answer, OrTrouble, Section, Visit},
};
use crate::{
    app::State,
    db::{Batch, WriteError},
    error::Error,
    oauth::{
        client::{AuthMethod, GrantType, Kind},
        refusal::Code,
    },
    registry::{
        access::Permission,
        apis,
        clients::{self, Created},
        credentials,
        secrets::{self, NewSecret},
    },
    store::{self, apis::Api, clients::Client, secrets::ClientSecret},
    time::Lifetime,
    ui::{
        badge::Tone,
        code::{CodeBlock, Copy},
        form,
        headers::{self, Part, Place},
        notice::note,
        page::{Link, Page},
        secret::{Download, HandOver, Personal, waiting},
    },
};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/orgs/{org}/clients/{client}/download", post(download))
        .route("/orgs/{org}/clients/{client}/waiting", get(wait))
}

/// What the page says around the secret.
pub(super) struct Around {
    pub title: String,
    pub lead: Markup,
}

/// Where the pages of the client are that was just made.
pub(super) struct Home<'a> {
    /// The address of its own page; files and the waiting line are below.
    pub at: String,
    pub section: Section,
    /// The APIs that its scopes belong to.
    pub apis: &'a [Api],
}

/// Shows what was just made.
pub(super) async fn show(visit: &Visit, created: &Created, around: Around) -> Response {
    let apis = apis::list(&visit.app.registry, visit.access())
        .await
        .unwrap_or_default();
    let home = Home {
        at: client_path(visit, &created.client, ""),
        section: Section::Clients,
        apis: &apis,
    };
    show_at(visit, created, around, &home).await
}

/// As [`show`], for a client whose pages are elsewhere.
pub(super) async fn show_at(visit: &Visit, created: &Created, around: Around, home: &Home<'_>) -> Response {
    let client = &created.client;
    let page = Page {
        title: around.title,
        lead: Some(around.lead),
        narrow: true,
        ..Page::default()
    };
    let content = match &created.secret {
        Some(secret) => {
            let downloads = downloads(visit, client, secret, home).await;
            with_secret(visit, client, secret, home, downloads)
        }
        None => without_secret(visit, client),
    };
    visit.ok(home.section, &page, &content)
}

fn client_path(visit: &Visit, client: &Client, tail: &str) -> String {
    visit.path(&format!("/clients/{}{tail}", client.client_id))
}

fn with_secret(
    visit: &Visit,
    client: &Client,
    secret: &NewSecret,
    home: &Home<'_>,
    downloads: Vec<Download>,
) -> Markup {
    let reader = visit.reader();
    let expires = secret
        .row
        .expires_at
        .map_or_else(|| "Never".to_owned(), |at| reader.full(at));
    let issuer = &visit.app.registry.config.issuer;
    let endpoint = issuer.join("/oauth2/token");
    let request = request(client, home.apis, &endpoint);
    let wait = format!("{}/waiting?secret={}", home.at, secret.row.id);
    let personal = (client.kind == Kind::Personal).then(|| Personal {
        endpoint: endpoint.clone(),
        scopes: credentials::qualified(client, home.apis),
    });
    html! {
        (HandOver {
            name: &client.name,
            client_id: &client.client_id,
            secret: secret.text.expose(),
            issuer: issuer.as_str(),
            expires: &expires,
            scope: &scope_line(client),
            personal,
            downloads,
            done: &home.at,
            csrf: &visit.visitor.csrf,
        })
        @if let Some(request) = request {
            (CodeBlock { id: "request", title: "Get a token", code: &request, ..CodeBlock::default() })
            p.hint { "Put the secret into the environment variable OAUTHORITY_CLIENT_SECRET first; it does not belong on a command line." }
            @if client.kind == Kind::SyncConnector { (connector::snippets(visit, client, home.apis)) }
            (waiting(waits(client), &wait, &wait))
        }
    }
}

/// What the page waits for.
const fn waits(client: &Client) -> &'static str {
    match client.kind {
        Kind::SyncConnector => "Waiting for the connector to report in…",
        _ => "Waiting for the first token…",
    }
}

fn without_secret(visit: &Visit, client: &Client) -> Markup {
    let issuer = visit.app.registry.config.issuer.as_str();
    html! {
        section.card {
            dl.facts {
                dt { "Client ID" } dd { (Copy { id: "client-id", name: "client ID", value: &client.client_id, boxed: true }) }
                dt { "Issuer" } dd { (Copy { id: "issuer", name: "issuer", value: issuer, boxed: true }) }
                dt { "Scopes" } dd { code { (scope_line(client)) } }
            }
            (note(Tone::Info, &html! { p { b { "There is no secret." } " This client runs where anybody can read its code, so it could not \
                keep one. PKCE takes its place: its library makes a fresh proof for every sign-in." } }))
            div.actions { a.btn.primary href=(client_path(visit, client, "")) { "Go to the client" } }
        }
    }
}

fn scope_line(client: &Client) -> String {
    let own = client.scopes.iter().map(|(_, value)| value.as_str());
    let all: Vec<&str> = own.chain(client.oidc_scopes.iter().map(String::as_str)).collect();
    all.join(" ")
}

/// A request that gets a token for the default audience; the secret comes from the environment.
pub(super) fn request(client: &Client, apis: &[Api], endpoint: &str) -> Option<String> {
    use std::fmt::Write as _;
    let default = &client.scopes.first()?.0;
    if !client.grant_types.contains(&GrantType::ClientCredentials) {
        return None;
    }
    let id = &client.client_id;
    let mut text = format!("curl {endpoint} \\\n");
    if client.auth_method == Some(AuthMethod::ClientSecretPost) {
        let _ = write!(
            text,
            "  -d client_id={id} \\\n  -d client_secret=\"$OAUTHORITY_CLIENT_SECRET\" \\\n"
        );
    } else {
        let _ = writeln!(text, "  -u \"{id}:$OAUTHORITY_CLIENT_SECRET\" \\");
    }
    text.push_str("  -d grant_type=client_credentials");
    let of_default = client.scopes.iter().filter(|(api, _)| api == default);
    if client.kind == Kind::Personal {
        // In full, and each by itself: nothing else has to be known about the API.
        let api = apis.iter().find(|api| api.id == *default)?;
        for (_, value) in of_default {
            let full = credentials::qualify(&api.audience, value);
            let _ = write!(text, " \\\n  --data-urlencode \"scope={full}\"");
        }
        return Some(text);
    }
    let values: Vec<&str> = of_default.map(|(_, value)| value.as_str()).collect();
    let several = client.scopes.iter().any(|(api, _)| api != default);
    if let Some(api) = apis.iter().find(|api| api.id == *default).filter(|_| several) {
        let _ = write!(text, " \\\n  --data-urlencode \"resource={}\"", api.audience);
    }
    let _ = write!(text, " \\\n  --data-urlencode \"scope={}\"", values.join(" "));
    Some(text)
}

const PURPOSE: &str = "secret-download";
const FORMATS: [(&str, &str); 2] = [("env", "Download .env"), ("json", "Download JSON")];

/// The files to take away; each works once. Without a place to keep the other share there are none.
async fn downloads(visit: &Visit, client: &Client, secret: &NewSecret, home: &Home<'_>) -> Vec<Download> {
    let registry = &visit.app.registry;
    let action = format!("{}/download", home.at);
    let mut batch = Batch::default();
    let mut files = Vec::new();
    for (format, label) in FORMATS {
        let (ours, theirs) = split(visit, secret.text.expose().as_bytes());
        let digest = registry.keyring.digest(PURPOSE, &theirs);
        let sealed = registry
            .keyring
            .seal(&registry.entropy, client.client_id.as_bytes(), &ours);
        let ends = visit.now.after(Lifetime::minutes(5));
        batch.push(store::once::add(
            digest.as_bytes(),
            PURPOSE,
            Some(sealed),
            visit.now,
            ends,
        ));
        let share = BASE64_URL_SAFE_NO_PAD.encode(&*theirs);
        files.push(Download {
            label: label.to_owned(),
            action: action.clone(),
            fields: vec![
                ("format".to_owned(), format.to_owned()),
                ("share".to_owned(), share),
            ],
        });
    }
    match registry.db().write(batch).await {
        Ok(_) => files,
        Err(error) => {
            tracing::warn!(%error, "a secret is shown without files to take away");
            Vec::new()
        }
    }
}

type Share = Zeroizing<Vec<u8>>;

/// Two shares of a secret: random bytes, and the secret with them.
fn split(visit: &Visit, secret: &[u8]) -> (Share, Share) {
    let mut pad = Zeroizing::new(vec![0; secret.len()]);
    visit.app.registry.entropy.fill(&mut pad);
    (join(secret, &pad), pad)
}

fn join(one: &[u8], other: &[u8]) -> Share {
    Zeroizing::new(one.iter().zip(other).map(|(a, b)| a ^ b).collect())
}

async fn download(
    Given(app): Given<State>,
    Path((org, client)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::post(&app, &org, request, async |visit| take_away(visit, &client).await).await
}

fn gone() -> Error {
    Code::Gone
        .because(
            "each file can be downloaded once, within five minutes after the secret was made: rotate the secret if you \
             did not keep it",
        )
        .into()
}

async fn take_away(visit: &Visit, client_id: &str) -> Answer {
    let registry = &visit.app.registry;
    visit
        .access()
        .require(Permission::ClientsWrite)
        .or_trouble(visit)?;
    let client = clients::find(registry, visit.access(), client_id)
        .await
        .or_trouble(visit)?;
    give(visit, &client).await
}

/// The file that the form asks for, once; of a client that this person may see.
pub(super) async fn give(visit: &Visit, client: &Client) -> Answer {
    let registry = &visit.app.registry;
    let share = BASE64_URL_SAFE_NO_PAD.decode(visit.form.one("share"));
    let theirs = Zeroizing::new(share.map_err(|_| visit.trouble(gone()))?);
    let digest = registry.keyring.digest(PURPOSE, &theirs);
    let spent = registry
        .db()
        .write(store::once::spend(digest.as_bytes(), PURPOSE, visit.now).into())
        .await;
    let mut done = spent.map_err(|error| {
        visit.trouble(match error {
            WriteError::Unmet("spent") => gone(),
            other => other.into(),
        })
    })?;
    let row = done.first_mut().and_then(|one| one.returned.pop());
    let sealed = row
        .map(|mut row| row.next::<Option<Vec<u8>>>())
        .transpose()
        .or_trouble(visit)?;
    let mut sealed = Zeroizing::new(sealed.flatten().ok_or_else(|| visit.trouble(gone()))?);
    let ours = registry.keyring.open(client.client_id.as_bytes(), &mut sealed);
    let secret = join(ours.ok_or_else(|| visit.trouble(gone()))?, &theirs);
    let secret = std::str::from_utf8(&secret).map_err(|_| visit.trouble(gone()))?;
    Ok(file(visit, client, secret))
}

fn file(visit: &Visit, client: &Client, secret: &str) -> Response {
    let issuer = visit.app.registry.config.issuer.as_str();
    let id = &client.client_id;
    let name = file_name(client);
    let (name, media, text) = if visit.form.one("format") == "json" {
        let json = json!({ "issuer": issuer, "client_id": id, "client_secret": secret });
        (format!("{name}.json"), "application/json", format!("{json:#}\n"))
    } else {
        let text = format!(
            "OAUTHORITY_ISSUER={issuer}\nOAUTHORITY_CLIENT_ID={id}\nOAUTHORITY_CLIENT_SECRET={secret}\n"
        );
        (format!("{name}.env"), "text/plain; charset=utf-8", text)
    };
    let mut response = (StatusCode::OK, text).into_response();
    headers::protect(&mut response, Place::Console);
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(
        header::CONTENT_DISPOSITION,
        disposition.unwrap_or(HeaderValue::from_static("attachment")),
    );
    visit.finish(response)
}

/// The name of the client in letters, digits and hyphens, which no file system and no shell minds; its id if nothing
/// is left of it.
fn file_name(client: &Client) -> String {
    let mut name = String::new();
    for ch in crate::oauth::client::fold(&client.name).chars() {
        if ch.is_ascii_alphanumeric() {
            name.push(ch);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(60);
    match name.trim_end_matches('-') {
        "" => client.client_id.clone(),
        name => name.to_owned(),
    }
}

async fn wait(
    Given(app): Given<State>,
    Path((org, client)): Path<(String, String)>,
    request: Request,
) -> Response {
    asked::read(&app, &org, request, async |visit| look(visit, &client).await).await
}

/// Whether the client, or the secret in question, was used by now.
async fn look(visit: &Visit, client_id: &str) -> Answer {
    let registry = &visit.app.registry;
    let all = secrets::list(registry, visit.access(), client_id)
        .await
        .or_trouble(visit)?;
    let client = clients::find(registry, visit.access(), client_id)
        .await
        .or_trouble(visit)?;
    let back = Link {
        label: "OAuth Clients".to_owned(),
        href: visit.path("/clients"),
        current: false,
    };
    let at = client_path(visit, &client, "");
    Ok(tell(visit, &client, &all, back, &at, Section::Clients))
}

/// Says whether the client, or the secret in question, was used by now. `back` leads to the list, `at` to the client.
pub(super) fn tell(
    visit: &Visit,
    client: &Client,
    all: &[ClientSecret],
    back: Link,
    at: &str,
    section: Section,
) -> Response {
    let asked = visit.form.one("secret");
    let used = match all.iter().find(|secret| secret.id == asked) {
        Some(ClientSecret {
            last_used_at: Some(at),
            last_used_ip,
            ..
        }) => Some((*at, last_used_ip.clone())),
        Some(_) => None,
        None => client.last_used_at.map(|at| (at, client.last_used_ip.clone())),
    };
    let line = match &used {
        Some((at, ip)) => html! {
            span { @if client.kind == Kind::SyncConnector { "The connector reported in " } @else { "First token issued " } (visit.reader().clock(*at)) " from " (ip.as_deref().unwrap_or("an unknown address")) "." }
        },
        None => waiting(waits(client), &visit.here, &visit.here),
    };
    if visit.part == Part::Waiting {
        return visit.fragment(&line);
    }
    let page = Page {
        title: "First token".to_owned(),
        crumbs: vec![
            back,
            Link {
                label: client.name.clone(),
                href: at.to_owned(),
                current: false,
            },
        ],
        narrow: true,
        ..Page::default()
    };
    let content = html! { section.card {
        p { (line) }
        div.actions {
            (form::link_button("Go to the client", at))
            @if client.kind != Kind::Personal { (form::link_button("Try it", &format!("{at}/try"))) }
        }
    } };
    visit.ok(section, &page, &content)
}
