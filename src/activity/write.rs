//! What was gathered as statements: for each table, few insertions of many rows, in one order on every node.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use super::gathered::{Gathered, Kind, Secret, Tokens};
use crate::{
    db::{Batch, Statement},
    oauth::scope::OIDC,
    store::{
        self,
        tokens_out::{self, Alike},
        usage::{self, Refused, Span, Times},
    },
    time::Timestamp,
};

/// Everything that some clients did.
pub(super) fn batch(part: &[(Arc<str>, Gathered)]) -> Batch {
    let mut batch = Batch::default();
    let of_clients = part.iter().filter_map(|(client, did)| {
        did.last
            .map(|(at, ip)| store::clients::note_use(client, at, &text(ip)))
    });
    of_clients.for_each(|statement| batch.push(statement));
    let mut secrets: Vec<&Secret> = part.iter().flat_map(|(_, did)| &did.secrets).collect();
    secrets.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    for secret in &secrets {
        let uses = secret.parts.iter().map(|(_, uses)| uses).sum();
        let (at, ip) = secret.last;
        batch.push(store::secrets::note_use(&secret.id, uses, at, &text(ip)));
    }
    let joined = [
        counts(part),
        secret_counts(&secrets),
        addresses(&secrets),
        tokens(part),
        scopes(part),
        redirects(part),
        refused(part),
        attempts(part),
    ];
    for statement in joined.into_iter().flat_map(Statement::join) {
        batch.push(statement);
    }
    batch
}

/// As it is kept.
fn text(ip: IpAddr) -> String {
    ip.to_string()
}

/// By the hour and the day, of clients and of their organisations.
fn counts(part: &[(Arc<str>, Gathered)]) -> Vec<Statement> {
    let mut all: BTreeMap<(&str, Span, Timestamp), (i64, i64)> = BTreeMap::new();
    for (client, did) in part {
        for hour in &did.hours {
            for subject in [client, &did.org] {
                for span in [Span::Hour, Span::Day] {
                    let began_at = hour.began_at.start_of(span.length());
                    let (tokens, failures) = all.entry((subject, span, began_at)).or_default();
                    *tokens += hour.tokens;
                    *failures += hour.failures;
                }
            }
        }
    }
    all.into_iter()
        .map(|((subject, span, began_at), (tokens, failures))| {
            usage::count(subject, span, began_at, tokens, failures)
        })
        .collect()
}

fn secret_counts(secrets: &[&Secret]) -> Vec<Statement> {
    let mut all: BTreeMap<(&str, Span, Timestamp), i64> = BTreeMap::new();
    for secret in secrets {
        for (began_at, uses) in &secret.parts {
            for span in [Span::Part, Span::Day] {
                *all.entry((&secret.id, span, began_at.start_of(span.length())))
                    .or_default() += uses;
            }
        }
    }
    all.into_iter()
        .map(|((id, span, began_at), uses)| usage::count_secret(id, span, began_at, uses))
        .collect()
}

fn addresses(secrets: &[&Secret]) -> Vec<Statement> {
    let mut all: BTreeMap<(&str, String), Times> = BTreeMap::new();
    for secret in secrets {
        for (ip, on) in &secret.addresses {
            all.insert((&secret.id, ip.map(text).unwrap_or_default()), *on);
        }
    }
    all.into_iter()
        .map(|((id, ip), on)| usage::count_address(id, &ip, on))
        .collect()
}

/// Tokens that are out, as they live and die.
fn tokens(part: &[(Arc<str>, Gathered)]) -> Vec<Statement> {
    type Key<'a> = (&'a str, i64, Timestamp, &'static str, &'a str, &'a str, &'a str);
    let mut all: BTreeMap<Key<'_>, i64> = BTreeMap::new();
    for (client, did) in part {
        let own = did.own.iter().map(|tokens| ("", tokens));
        let for_people = did.for_people.iter().map(|(grant, tokens)| (&**grant, tokens));
        for (grant, tokens) in own.chain(for_people) {
            let Tokens {
                format,
                expires_at,
                epoch,
                count,
                ..
            } = *tokens;
            let Kind { api, scopes, .. } = &did.kinds[tokens.kind];
            *all.entry((client, epoch, expires_at, format.word(), api, scopes, grant))
                .or_default() += count;
        }
    }
    all.into_iter()
        .map(
            |((client_id, epoch, expires_at, format, api_id, scopes, grant_id), count)| {
                let alike = Alike {
                    client_id,
                    epoch,
                    expires_at,
                    format,
                    api_id,
                    scopes,
                    grant_id,
                };
                tokens_out::add(alike, count)
            },
        )
        .collect()
}

/// Scopes that were asked for, each by itself.
fn scopes(part: &[(Arc<str>, Gathered)]) -> Vec<Statement> {
    let mut all: BTreeMap<(&str, &str, &str), Times> = BTreeMap::new();
    for (client, did) in part {
        for kind in &did.kinds {
            let Some(on) = kind.asked else { continue };
            for value in kind.scopes.split(' ').filter(|value| !value.is_empty()) {
                let api = if OIDC.contains(&value) { "" } else { &*kind.api };
                all.entry((client, api, value))
                    .and_modify(|known| known.add(on))
                    .or_insert(on);
            }
        }
    }
    all.into_iter()
        .map(|((client, api, value), on)| usage::count_scope(client, api, value, on))
        .collect()
}

fn redirects(part: &[(Arc<str>, Gathered)]) -> Vec<Statement> {
    let mut all: BTreeMap<(&str, &str), Times> = BTreeMap::new();
    for (client, did) in part {
        all.extend(did.redirects.iter().map(|(uri, on)| ((&**client, &**uri), *on)));
    }
    all.into_iter()
        .map(|((client, uri), on)| usage::count_redirect(client, uri, on))
        .collect()
}

fn refused(part: &[(Arc<str>, Gathered)]) -> Vec<Statement> {
    let mut all = BTreeMap::new();
    for (client, did) in part {
        for one in &did.refused {
            let what = Refused {
                client_id: client,
                org_id: &did.org,
                endpoint: one.endpoint,
                error: one.error,
                began_at: one.began_at,
            };
            let key = (what.client_id, one.endpoint, one.error, one.began_at);
            all.insert(key, usage::count_refused(what, one.times, one.last_at));
        }
    }
    all.into_values().collect()
}

fn attempts(part: &[(Arc<str>, Gathered)]) -> Vec<Statement> {
    part.iter()
        .filter_map(|(client, did)| {
            let (on, ip) = did.attempts?;
            Some(usage::count_attempts(client, on, &text(ip)))
        })
        .collect()
}
