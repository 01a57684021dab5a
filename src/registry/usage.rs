//! How a client is used: for its pages, the API and the command line.

use crate::{
    error::Result,
    registry::{Registry, access::Access, clients},
    store::{
        self,
        clients::Client,
        secrets::ClientSecret,
        usage::{AskedScope, Attempts, Counted, Failures, SecretUse, Span, Times},
    },
    time::{Lifetime, Timestamp},
};

/// For how long a scope must not have been asked for to be called unused.
pub const UNUSED: Lifetime = Lifetime::days(90);

/// A scope that a client may ask for, or asked for.
#[derive(Clone, Debug)]
pub struct ScopeUse {
    /// `None`: of OpenID Connect.
    pub audience: Option<String>,
    /// Empty for a scope of OpenID Connect.
    pub api_id: String,
    pub value: String,
    /// Whether it was granted as such, and not only comes with another one.
    pub granted: bool,
    /// Since when it would have been written down.
    pub since: Timestamp,
    pub on: Option<Times>,
}

impl ScopeUse {
    /// Since when nobody has asked for it.
    pub fn quiet_since(&self) -> Timestamp {
        self.on.map_or(self.since, |on| on.last_at)
    }

    /// Whether nobody asked for it in 90 days, all of which were watched.
    pub fn is_unused(&self, now: Timestamp) -> bool {
        self.quiet_since() <= now.before(UNUSED)
    }
}

/// A secret and how it was used.
#[derive(Clone, Debug)]
pub struct UsedSecret {
    pub secret: ClientSecret,
    pub used: SecretUse,
}

/// A redirect URI and how often an answer went there.
#[derive(Clone, Debug)]
pub struct RedirectUse {
    pub redirect_uri: String,
    pub registered: bool,
    pub on: Option<Times>,
}

/// How a client is used.
#[derive(Clone, Debug)]
pub struct Usage {
    pub client: Client,
    pub as_of: Timestamp,
    /// Since when the last use is written down.
    pub tracked_since: Option<Timestamp>,
    /// Since when everything else is.
    pub usage_since: Option<Timestamp>,
    /// Hours of the last three days in which something happened.
    pub hours: Vec<Counted>,
    /// Each of the days asked for, today last.
    pub days: Vec<Counted>,
    /// Newest first.
    pub secrets: Vec<UsedSecret>,
    pub scopes: Vec<ScopeUse>,
    pub redirect_uris: Vec<RedirectUse>,
    /// What was refused within a week.
    pub failures: Vec<Failures>,
    /// Attempts since it was disabled.
    pub attempts: Option<Attempts>,
}

impl Usage {
    /// Tokens and failures of the days together.
    pub fn total(&self) -> (i64, i64) {
        let days = self.days.iter();
        days.fold((0, 0), |(tokens, failures), day| {
            (tokens + day.tokens, failures + day.failures)
        })
    }

    /// The day with the most tokens, if there were any.
    pub fn busiest(&self) -> Option<Counted> {
        busiest(&self.days)
    }
}

/// The day with the most tokens, if there were any; of several, the last.
pub fn busiest(days: &[Counted]) -> Option<Counted> {
    days.iter()
        .filter(|day| day.tokens > 0)
        .max_by_key(|day| day.tokens)
        .copied()
}

/// How a client was used in so many days, today among them.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn of_client(registry: &Registry, access: &Access, client_id: &str, days: i64) -> Result<Usage> {
    registry.flush_activity().await?;
    let client = clients::find(registry, access, client_id).await?;
    let (db, now) = (registry.db(), registry.now());
    let used = store::usage::of_secrets(db, client_id, now).await?;
    let secrets = store::secrets::of_client(db, client_id).await?;
    let secrets = secrets.into_iter().map(|secret| UsedSecret {
        used: used
            .iter()
            .find(|used| used.secret_id == secret.id)
            .cloned()
            .unwrap_or_default(),
        secret,
    });
    let week = now.before(store::usage::FAILURES_KEPT);
    let attempts = store::usage::attempts_on(db, client_id).await?;
    let usage_since = store::instance::moment(registry.db(), store::instance::USAGE_SINCE).await?;
    Ok(Usage {
        as_of: now,
        tracked_since: store::instance::moment(registry.db(), store::instance::TRACKED_SINCE).await?,
        usage_since,
        hours: store::usage::counts(db, client_id, Span::Hour, now.before(Span::Hour.kept())).await?,
        days: daily(registry, client_id, days).await?,
        secrets: secrets.collect(),
        scopes: scopes(registry, &client, usage_since).await?,
        redirect_uris: redirects(registry, &client).await?,
        failures: store::usage::failures_of(db, client_id, week).await?,
        attempts,
        client,
    })
}

/// The last days (UTC) of a client or an organisation, today last, each of them.
///
/// # Errors
/// When the storage fails.
pub async fn daily(registry: &Registry, subject: &str, days: i64) -> Result<Vec<Counted>> {
    let today = registry.now().start_of(Span::Day.length());
    let first = today.before(Lifetime::days(days - 1));
    let known = store::usage::counts(registry.db(), subject, Span::Day, first).await?;
    let all = (0..days).map(|n| first.after(Lifetime::days(n)));
    Ok(all
        .map(|began_at| {
            let found = known.iter().find(|day| day.began_at == began_at).copied();
            found.unwrap_or(Counted {
                began_at,
                tokens: 0,
                failures: 0,
            })
        })
        .collect())
}

/// What is known about each scope that a client may ask for, and about those that it asked for.
///
/// # Errors
/// When the storage fails.
pub async fn scopes(
    registry: &Registry,
    client: &Client,
    usage_since: Option<Timestamp>,
) -> Result<Vec<ScopeUse>> {
    let mut asked = store::usage::scopes_asked(registry.db(), &client.client_id).await?;
    let of_apis = client.scopes.iter().map(|(api, value)| (api.as_str(), value));
    let granted = of_apis.chain(client.oidc_scopes.iter().map(|value| ("", value)));
    let mut all = Vec::new();
    for (api_id, value) in granted {
        let at = asked
            .iter()
            .position(|one| one.api_id == api_id && one.value == *value);
        let known = at.map_or_else(
            || AskedScope {
                api_id: api_id.to_owned(),
                value: value.clone(),
                granted_at: None,
                on: None,
            },
            |at| asked.remove(at),
        );
        all.push(shown(registry, client, known, true, usage_since));
    }
    // Values that come with another one can be asked for by themselves.
    let others = asked.into_iter().filter(|one| one.on.is_some());
    all.extend(others.map(|one| shown(registry, client, one, false, usage_since)));
    Ok(all)
}

fn shown(
    registry: &Registry,
    client: &Client,
    known: AskedScope,
    granted: bool,
    usage_since: Option<Timestamp>,
) -> ScopeUse {
    let could = known.granted_at.unwrap_or(client.created_at);
    ScopeUse {
        audience: registry
            .live
            .api(&known.api_id)
            .map(|api| api.audience.to_string()),
        since: usage_since.map_or(could, |since| since.max(could)),
        api_id: known.api_id,
        value: known.value,
        granted,
        on: known.on,
    }
}

/// Where answers went: the registered URIs in their order, then those that were registered once.
async fn redirects(registry: &Registry, client: &Client) -> Result<Vec<RedirectUse>> {
    let mut used = store::usage::redirects_used(registry.db(), &client.client_id).await?;
    let mut all = Vec::new();
    for uri in &client.redirect_uris {
        let at = used.iter().position(|(known, _)| known == uri);
        all.push(RedirectUse {
            redirect_uri: uri.clone(),
            registered: true,
            on: at.map(|at| used.remove(at).1),
        });
    }
    all.extend(used.into_iter().map(|(redirect_uri, on)| RedirectUse {
        redirect_uri,
        registered: false,
        on: Some(on),
    }));
    Ok(all)
}
