//! What a cut would cut, in numbers: the same for console, API and command line, and equal to what then really stops.
//!
//! Tokens are judged by what introspection judges them by, of the client as it is and as it would be.

use crate::{
    error::Result,
    live,
    oauth::{
        client::words,
        refusal::{Field, Refusal},
        scope::ScopeKey,
    },
    registry::{
        Registry,
        access::Access,
        apis,
        client_input::{self, ScopeRef},
        clients,
    },
    store::{
        self,
        apis::{Api, TokenFormat},
        clients::Client,
        tokens_out::Group,
        usage::Times,
    },
    time::Timestamp,
};

words! {
    /// What somebody is about to do to a client.
    Cut {
        Delete = "delete",
        Disable = "disable",
        Rotate = "rotate",
        RemoveScope = "remove_scope",
        RemoveRedirect = "remove_redirect",
        Edit = "edit",
    }
}

/// What somebody is about to do, in full.
#[derive(Clone, Debug)]
pub enum Plan {
    Delete,
    Disable,
    Rotate { revoke_tokens: bool },
    RemoveScopes(Vec<ScopeRef>),
    RemoveRedirects(Vec<String>),
}

/// Access tokens of one format that stop working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveTokens {
    pub format: TokenFormat,
    pub count: i64,
    /// When the last of them expires.
    pub last_expires_at: Timestamp,
}

/// What stops, whatever it is that goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stops {
    pub access_tokens: Vec<LiveTokens>,
    /// Refresh tokens that stop working.
    pub refresh_tokens: i64,
    /// Refresh tokens that go on with fewer scopes.
    pub refresh_tokens_narrowed: i64,
    /// People who are signed in at the client, or gave it what goes.
    pub people: i64,
    /// Devices whose person has not answered yet, or that have not heard of the answer.
    pub device_sign_ins: i64,
    /// Until when a service that verifies JWTs offline, without asking us, still accepts one.
    pub offline_until: Option<Timestamp>,
}

/// A scope that goes, and whether anybody asks for it.
#[derive(Clone, Debug)]
pub struct ScopeUse {
    /// `None`: of OpenID Connect.
    pub audience: Option<String>,
    pub value: String,
    pub on: Option<Times>,
}

/// A redirect URI that goes, and whether anybody is sent there.
#[derive(Clone, Debug)]
pub struct RedirectUse {
    pub redirect_uri: String,
    pub on: Option<Times>,
}

/// What a cut would cut.
#[derive(Clone, Debug)]
pub struct Impact {
    pub action: Cut,
    pub as_of: Timestamp,
    pub stops: Stops,
    /// Secrets that work now and would not any more.
    pub secrets: usize,
    /// What people allowed it, which is erased.
    pub consents: i64,
    pub scopes: Vec<ScopeUse>,
    pub redirect_uris: Vec<RedirectUse>,
    pub last_used_at: Option<Timestamp>,
    pub last_used_ip: Option<String>,
    /// Whether it can be undone.
    pub reversible: bool,
}

impl Impact {
    /// Whether anybody would notice: something stops that is alive, or that goes was in use.
    pub fn is_felt(&self) -> bool {
        let stops = &self.stops;
        !stops.access_tokens.is_empty()
            || stops.refresh_tokens + stops.refresh_tokens_narrowed + stops.people > 0
            || self.scopes.iter().any(|scope| scope.on.is_some())
            || self.redirect_uris.iter().any(|uri| uri.on.is_some())
    }
}

/// Counts what a cut would cut.
///
/// # Errors
/// `not_found`; bad input for a scope or redirect URI that the client does not have; missing permission.
pub async fn of(registry: &Registry, access: &Access, client_id: &str, plan: &Plan) -> Result<Impact> {
    registry.flush_activity().await?;
    let client = clients::find(registry, access, client_id).await?;
    let now = registry.now();
    match plan {
        Plan::Delete => whole(registry, &client, Cut::Delete, now).await,
        Plan::Disable => whole(registry, &client, Cut::Disable, now).await,
        Plan::Rotate { revoke_tokens: true } => whole(registry, &client, Cut::Rotate, now).await,
        Plan::Rotate { revoke_tokens: false } => {
            let secrets = usable_secrets(registry, &client, now).await?;
            Ok(Impact {
                secrets,
                ..nothing(&client, Cut::Rotate, now)
            })
        }
        Plan::RemoveScopes(scopes) => {
            let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
            let after = without_scopes(&client, scopes, &apis)?;
            part(registry, &client, &after, Cut::RemoveScope, now).await
        }
        Plan::RemoveRedirects(uris) => {
            let after = without_redirects(&client, uris)?;
            part(registry, &client, &after, Cut::RemoveRedirect, now).await
        }
    }
}

/// Counts what a change of settings would cut: scopes and redirect URIs that go.
///
/// # Errors
/// When the storage fails.
pub async fn of_change(registry: &Registry, before: &Client, after: &Client) -> Result<Impact> {
    registry.flush_activity().await?;
    part(registry, before, after, Cut::Edit, registry.now()).await
}

fn nothing(client: &Client, action: Cut, now: Timestamp) -> Impact {
    Impact {
        action,
        as_of: now,
        stops: Stops::default(),
        secrets: 0,
        consents: 0,
        scopes: Vec::new(),
        redirect_uris: Vec::new(),
        last_used_at: client.last_used_at,
        last_used_ip: client.last_used_ip.clone(),
        reversible: !matches!(action, Cut::Delete | Cut::Rotate),
    }
}

async fn usable_secrets(registry: &Registry, client: &Client, now: Timestamp) -> Result<usize> {
    let secrets = store::secrets::of_client(registry.db(), &client.client_id).await?;
    Ok(secrets.iter().filter(|secret| secret.usable(now)).count())
}

/// Everything that was issued to a client stops.
async fn whole(registry: &Registry, client: &Client, action: Cut, now: Timestamp) -> Result<Impact> {
    let (db, id) = (registry.db(), &client.client_id);
    let consents = match action {
        Cut::Delete => store::consents::count_of_client(db, id).await?,
        _ => 0,
    };
    Ok(Impact {
        stops: stops(registry, client, None, now).await?,
        secrets: usable_secrets(registry, client, now).await?,
        consents,
        ..nothing(client, action, now)
    })
}

/// What a client has before and not after stops.
async fn part(
    registry: &Registry,
    before: &Client,
    after: &Client,
    action: Cut,
    now: Timestamp,
) -> Result<Impact> {
    Ok(Impact {
        stops: stops(registry, before, Some(after), now).await?,
        scopes: scopes_lost(registry, before, after).await?,
        redirect_uris: redirects_lost(registry, before, after).await?,
        ..nothing(before, action, now)
    })
}

/// Counts what stops when a client becomes `after`, or nothing at all.
async fn stops(
    registry: &Registry,
    client: &Client,
    after: Option<&Client>,
    now: Timestamp,
) -> Result<Stops> {
    let (db, id, epoch) = (registry.db(), &client.client_id, client.epoch);
    let is = registry.live.as_granted(client);
    let becomes = after.map(|after| registry.live.as_granted(after));
    let goes = |group: &Group| {
        let known = !group.scopes.is_empty();
        let counts = |client: &live::Client| counts(registry, client, group);
        // Of tokens from before an upgrade the scopes are not known: they go with any.
        (!known || counts(&is)) && becomes.as_ref().is_none_or(|after| !known || !counts(after))
    };
    let changes = after.is_none_or(|after| has_less(client, after));
    if !changes {
        return Ok(Stops::default());
    }
    let alive = store::tokens_out::of_client(db, id, epoch, now).await?;
    let jwts = store::tokens_out::jwts(db, id, now).await?;
    let mut found = Stops {
        access_tokens: by_format(alive.iter().filter(|group| goes(group))),
        offline_until: jwts
            .iter()
            .filter(|group| goes(group))
            .map(|group| group.last_expires_at)
            .max(),
        ..Stops::default()
    };
    let mut lost: Vec<(ScopeKey, i64)> = Vec::new();
    for given in store::grants::alive_by_scopes(db, id, epoch, now).await? {
        let at = given.client_epoch;
        let held: Vec<&ScopeKey> = given.scopes.iter().filter(|key| is.holds(key, at)).collect();
        let goes = |key: &&&ScopeKey| becomes.as_ref().is_none_or(|after| !after.holds(key, at));
        let going: Vec<&&ScopeKey> = held.iter().filter(goes).collect();
        if held.is_empty() || going.is_empty() {
            continue;
        }
        if going.len() == held.len() {
            found.refresh_tokens += given.refresh_tokens;
        } else {
            found.refresh_tokens_narrowed += given.refresh_tokens;
        }
        lost.extend(going.into_iter().map(|key| ((*key).clone(), at)));
    }
    // Of grants for the same scope all are met that are as old as the oldest which holds it.
    lost.sort_unstable();
    lost.dedup_by(|later, first| later.0 == first.0);
    found.people = match after {
        None => store::grants::people_of_client(db, id, epoch, now).await?,
        Some(_) => store::grants::people_with(db, id, epoch, &lost, now).await?,
    };
    if after.is_none() {
        found.device_sign_ins = store::device_codes::in_progress(db, id, epoch, now).await?;
    }
    Ok(found)
}

/// Whether everything in tokens of a group is granted to a client: as `access_token` has it.
fn counts(registry: &Registry, client: &live::Client, group: &Group) -> bool {
    let granted = client
        .granted
        .iter()
        .find(|granted| *granted.api == *group.api_id);
    (granted.is_some() || *group.api_id == *registry.userinfo.id)
        && client.allows_all(granted, &group.scopes, group.for_person, group.epoch)
}

fn by_format<'a>(groups: impl Iterator<Item = &'a Group>) -> Vec<LiveTokens> {
    let mut all: Vec<LiveTokens> = Vec::new();
    for group in groups {
        let Some(format) = TokenFormat::parse(&group.format) else {
            continue;
        };
        add(
            &mut all,
            LiveTokens {
                format,
                count: group.tokens,
                last_expires_at: group.last_expires_at,
            },
        );
    }
    all
}

fn add(all: &mut Vec<LiveTokens>, more: LiveTokens) {
    match all.iter_mut().find(|known| known.format == more.format) {
        Some(known) => {
            known.count += more.count;
            known.last_expires_at = known.last_expires_at.max(more.last_expires_at);
        }
        None => all.push(more),
    }
}

fn has_less(before: &Client, after: &Client) -> bool {
    before.scopes.iter().any(|scope| !after.scopes.contains(scope))
        || before
            .oidc_scopes
            .iter()
            .any(|scope| !after.oidc_scopes.contains(scope))
}

async fn scopes_lost(registry: &Registry, before: &Client, after: &Client) -> Result<Vec<ScopeUse>> {
    if !has_less(before, after) {
        return Ok(Vec::new());
    }
    let db = registry.db();
    let asked = store::usage::scopes_asked(db, &before.client_id).await?;
    let on = |api: &str, value: &str| {
        let found = asked
            .iter()
            .find(|scope| scope.api_id == api && scope.value == value);
        found.and_then(|scope| scope.on)
    };
    let mut lost = Vec::new();
    for (api, value) in before.scopes.iter().filter(|scope| !after.scopes.contains(scope)) {
        lost.push(ScopeUse {
            audience: registry.live.api(api).map(|api| api.audience.to_string()),
            value: value.clone(),
            on: on(api, value),
        });
    }
    for value in before
        .oidc_scopes
        .iter()
        .filter(|scope| !after.oidc_scopes.contains(scope))
    {
        lost.push(ScopeUse {
            audience: None,
            value: value.clone(),
            on: on("", value),
        });
    }
    Ok(lost)
}

async fn redirects_lost(registry: &Registry, before: &Client, after: &Client) -> Result<Vec<RedirectUse>> {
    let going = before
        .redirect_uris
        .iter()
        .filter(|uri| !after.redirect_uris.contains(uri));
    let going: Vec<&String> = going.collect();
    if going.is_empty() {
        return Ok(Vec::new());
    }
    let used = store::usage::redirects_used(registry.db(), &before.client_id).await?;
    Ok(going
        .into_iter()
        .map(|uri| RedirectUse {
            redirect_uri: uri.clone(),
            on: used.iter().find(|(known, _)| known == uri).map(|(_, on)| *on),
        })
        .collect())
}

/// The client with fewer scopes; they are named as in a request: by value, or with the audience.
fn without_scopes(client: &Client, scopes: &[ScopeRef], apis: &[Api]) -> Result<Client> {
    let mut after = client.clone();
    for (at, scope) in scopes.iter().enumerate() {
        let found = if scope.audience.is_none() && client.oidc_scopes.contains(&scope.value) {
            after.oidc_scopes.retain(|value| *value != scope.value);
            true
        } else {
            match client_input::resolve(scope, apis) {
                Ok((api, value)) => {
                    after.scopes.retain(|(id, known)| *id != api.id || known != value);
                    client
                        .scopes
                        .iter()
                        .any(|(id, known)| *id == api.id && known == value)
                }
                Err((code, detail)) => return Err(wrong("scope", at, code, detail).into()),
            }
        };
        if !found {
            let detail = format!("The client does not have the scope {}.", scope.value);
            return Err(wrong("scope", at, "scope.not_granted", detail).into());
        }
    }
    Ok(after)
}

fn without_redirects(client: &Client, uris: &[String]) -> Result<Client> {
    let mut after = client.clone();
    for (at, uri) in uris.iter().enumerate() {
        if !client.redirect_uris.contains(uri) {
            let detail = "This redirect URI is not registered for the client.".to_owned();
            return Err(wrong("redirect_uri", at, "redirect.unknown", detail).into());
        }
        after.redirect_uris.retain(|known| known != uri);
    }
    Ok(after)
}

fn wrong(name: &str, at: usize, code: &'static str, detail: String) -> Refusal {
    Refusal::fields(vec![Field::new(format!("/{name}/{at}"), code, detail)])
}

/// What stops at all clients together when a scope of an API goes, or the whole API.
#[derive(Clone, Debug)]
pub struct ScopeImpact {
    pub as_of: Timestamp,
    /// (client id, name)
    pub clients: Vec<(String, String)>,
    pub stops: Stops,
}

/// Counts what would stop if a scope of an API went, or the whole API (`None`).
///
/// # Errors
/// `not_found`; missing permission.
pub async fn of_scope(
    registry: &Registry,
    access: &Access,
    api_id: &str,
    value: Option<&str>,
) -> Result<ScopeImpact> {
    let loss = apis::loss(registry, access, api_id, value).await?;
    registry.flush_activity().await?;
    let (db, now) = (registry.db(), registry.now());
    let mut sum = Stops::default();
    for (client_id, _) in &loss.clients {
        let Some(before) = store::clients::find(db, client_id).await? else {
            continue;
        };
        let mut after = before.clone();
        let goes = |api: &str, held: &str| api == api_id && value.is_none_or(|value| value == held);
        after.scopes.retain(|(api, held)| !goes(api, held));
        let one = stops(registry, &before, Some(&after), now).await?;
        one.access_tokens
            .into_iter()
            .for_each(|tokens| add(&mut sum.access_tokens, tokens));
        sum.refresh_tokens += one.refresh_tokens;
        sum.refresh_tokens_narrowed += one.refresh_tokens_narrowed;
        sum.offline_until = sum.offline_until.max(one.offline_until);
    }
    // Somebody who uses two of the clients is one person.
    sum.people = store::grants::people_with_scope_of(db, api_id, value, now).await?;
    Ok(ScopeImpact {
        as_of: now,
        clients: loss.clients,
        stops: sum,
    })
}
