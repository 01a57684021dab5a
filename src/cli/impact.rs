//! What would stop, in words, before it does.

use serde_json::Value as Json;

fn number(found: &Json, name: &str) -> u64 {
    found.get(name).and_then(Json::as_u64).unwrap_or_default()
}

fn text<'j>(found: &'j Json, name: &str) -> &'j str {
    found.get(name).and_then(Json::as_str).unwrap_or("–")
}

fn items<'j>(found: &'j Json, name: &str) -> impl Iterator<Item = &'j Json> {
    found.get(name).and_then(Json::as_array).into_iter().flatten()
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// "2 refresh tokens · 1 person · 3 access tokens (jwt, until 2026-11-22T10:44:00Z) · 1 secret · last used 2026-07-03T…"
pub fn in_words(found: &Json) -> String {
    let mut parts = vec![
        counted(number(found, "refresh_tokens"), "refresh token", "refresh tokens"),
        counted(number(found, "people"), "person", "people"),
    ];
    let before = parts.len();
    for tokens in items(found, "access_tokens") {
        let until = text(tokens, "last_expires_at");
        let count = counted(number(tokens, "count"), "access token", "access tokens");
        parts.push(format!("{count} ({}, until {until})", text(tokens, "format")));
    }
    if parts.len() == before {
        parts.push("no access tokens".to_owned());
    }
    for (name, one, many) in [
        ("consents", "consent", "consents"),
        ("device_sign_ins", "device that waits", "devices that wait"),
        (
            "refresh_tokens_narrowed",
            "refresh token with fewer scopes",
            "refresh tokens with fewer scopes",
        ),
    ] {
        if number(found, name) > 0 {
            parts.push(counted(number(found, name), one, many));
        }
    }
    if found.get("secrets").is_some() {
        parts.push(counted(number(found, "secrets"), "secret", "secrets"));
    }
    if let Some(until) = found.get("offline_until").and_then(Json::as_str) {
        parts.push(format!("offline checks of JWTs until {until}"));
    }
    match found.get("last_used_at") {
        Some(Json::String(at)) => parts.push(format!("last used {at}")),
        Some(_) => parts.push("no use on record".to_owned()),
        None => {}
    }
    parts.join(" · ")
}

/// A line for each scope and redirect URI that goes: whether anybody uses it.
pub fn going(found: &Json) -> Vec<String> {
    let scopes = items(found, "scopes").map(|scope| {
        let times = number(scope, "times_asked");
        evidence(
            text(scope, "value"),
            "asked for",
            times,
            scope.get("last_asked_at"),
        )
    });
    let redirects = items(found, "redirect_uris").map(|uri| {
        let times = number(uri, "times_used");
        evidence(text(uri, "redirect_uri"), "used", times, uri.get("last_used_at"))
    });
    scopes.chain(redirects).collect()
}

fn evidence(what: &str, verb: &str, times: u64, last: Option<&Json>) -> String {
    match last.and_then(Json::as_str) {
        Some(at) => format!(
            "{what} goes: {verb} {}, last {at}",
            counted(times, "time", "times")
        ),
        None => format!("{what} goes: not {verb} on record"),
    }
}

/// Whether anybody would notice.
pub fn is_felt(found: &Json) -> bool {
    items(found, "access_tokens").next().is_some()
        || ["refresh_tokens", "refresh_tokens_narrowed", "people"]
            .iter()
            .any(|name| number(found, name) > 0)
        || items(found, "scopes").any(|scope| number(scope, "times_asked") > 0)
        || items(found, "redirect_uris").any(|uri| number(uri, "times_used") > 0)
}
