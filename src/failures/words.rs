//! Each cause in a sentence, with the setting that mends it.

use super::explain::{Around, Explanation};
use crate::{
    oauth::{
        client::{AuthMethod, GrantType, Status},
        redirect, scope,
    },
    store::audit::Event,
};

/// A failure in words.
pub(super) fn of(x: &Around<'_>) -> Explanation {
    let (family, _) = x.failure.cause.split_once('.').unwrap_or_default();
    let told = match family {
        "client" => client(x),
        "secret" => secret(x),
        "grant_type" | "response_type" => grant_type(x),
        "code" | "refresh" | "device" | "grant" => presented(x),
        "scope" | "target" => asked(x),
        "redirect_uri" | "pkce" | "person" => person(x),
        _ => None,
    };
    told.unwrap_or_else(|| plain(x))
}

/// What the caller was told says it all.
fn plain(x: &Around<'_>) -> Explanation {
    let mut words = x.failure.description.clone();
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let told = Explanation::new(format!("{}.", words.trim_end_matches('.')));
    match x.failure.error.as_str() {
        "invalid_request" => {
            told.advice("The request itself has to change; no setting of the client makes it good.")
        }
        "login_required" | "consent_required" | "interaction_required" => told
            .advice("A request with prompt=none never shows a page. Send it again without prompt=none.")
            .unsure(),
        _ => told.unsure(),
    }
}

fn client(x: &Around<'_>) -> Option<Explanation> {
    let name = x
        .client
        .as_ref()
        .map_or("The client", |client| client.name.as_str());
    Some(match x.failure.cause.as_str() {
        "client.unnamed" => Explanation::new("The request does not say which client sends it.")
            .advice("Send the client ID and secret by HTTP Basic, or as client_id and client_secret in the body."),
        "client.unknown" => {
            let named = x.fact("named").unwrap_or("what was sent as client_id");
            Explanation::new(format!("There is no client with the ID {named}, and there never was."))
                .advice("Look for a typing error, or for the ID of another installation of Oauthority.")
        }
        "client.deleted" => stopped(x, format!("{name} was deleted")).advice(
            "A deleted client never works again: create a new one like it and give its ID and secret to the caller.",
        ),
        "client.disabled" => {
            let active = x.client.as_ref().is_some_and(|client| client.status == Status::Active);
            if active {
                Explanation::new(format!("{name} was disabled at that moment; it is enabled now.")).fails(false)
            } else {
                stopped(x, format!("{name} is disabled")).fix("Enable the client", x.path("/enable"))
            }
        }
        "client.public" => Explanation::new(format!(
            "{name} has no secret, and this endpoint answers only clients that prove themselves with one."
        )),
        "client.header" => Explanation::new("The Authorization header cannot be read as HTTP Basic.").advice(
            "Form-encode client ID and secret each, put a colon between them, encode the whole in base64, and send it \
             as “Authorization: Basic …”.",
        ),
        "client.two_methods" | "client.two_ids" => {
            plain(x).advice("Send client ID and secret once: in the Authorization header or in the body.")
        }
        "client.secret_in_url" => plain(x).advice(
            "Whatever stands in a URL is kept by logs and proxies. Rotate this secret, and send the new one in the \
             Authorization header.",
        )
        .fix("Rotate the secret", x.path("/rotate")),
        "client.throttled" => Explanation::new(format!(
            "{} sent too many wrong secrets for this client; its next tries are refused unread for a while.",
            x.failure.ip
        ))
        .advice("The failures before this one say what was wrong with the secret. Other addresses are not affected.")
        .unsure(),
        _ => return None,
    })
}

/// Who stopped a client, when and why.
fn stopped(x: &Around<'_>, what: String) -> Explanation {
    let mut because = what;
    if let Some(client) = &x.client {
        if let Some(at) = client.status_at {
            because += &format!(" ({})", (x.say)(at));
        }
        if let Some(by) = &client.status_by {
            because += &format!(", by {by}");
        }
        if let Some(reason) = &client.status_reason {
            because += &format!(": “{reason}”");
        }
    }
    Explanation::new(because + ".")
}

/// Who ended a secret.
fn ended_by<'e>(events: &'e [Event], secret: &str) -> Option<&'e Event> {
    events.iter().find(|event| match event.action.as_str() {
        "secret.ended" => event.details["id"] == secret,
        "secret.rotated" => event.details["old"]
            .as_array()
            .is_some_and(|old| old.iter().any(|one| one["id"] == secret)),
        _ => false,
    })
}

fn secret(x: &Around<'_>) -> Option<Explanation> {
    let label = x.fact("label").unwrap_or_default();
    let hint = x.fact("hint").unwrap_or_default();
    let called = format!("“{label}” (…{hint})");
    let at = x.moment("stopped_at").unwrap_or_default();
    let by = x.fact("secret").and_then(|id| ended_by(&x.events, id));
    let by_whom = by
        .map(|event| format!(" by {}", event.actor_name))
        .unwrap_or_default();
    let secrets = || x.path("/secrets");
    let give = "The caller needs the newer secret of this client.";
    Some(match x.failure.cause.as_str() {
        "secret.missing" => Explanation::new("No secret was sent, and this client must prove itself with one.")
            .advice("Often an environment variable is empty where the caller runs.")
            .fix("Look at its secrets", secrets()),
        "secret.of_public" => Explanation::new(
            "A secret was sent, but a client of this type has none: it says its ID only and proves itself with PKCE.",
        )
        .advice("Configure the caller as a public client, without a secret."),
        "secret.revoked" => Explanation::new(format!("The secret {called} was ended {at}{by_whom}."))
            .advice(give)
            .fix("Look at its secrets", secrets()),
        "secret.ended" => Explanation::new(format!(
            "The secret {called} was rotated away{by_whom}; it worked on until {at}."
        ))
        .advice(give)
        .fix("Look at its secrets", secrets()),
        "secret.expired" => Explanation::new(format!("The secret {called} expired {at}."))
            .fix("Rotate the secret", x.path("/rotate")),
        "secret.padded" => Explanation::new(format!(
            "The secret {called} was sent with a space or a line break around it."
        ))
        .advice("Files that hold a secret often end in a line break: trim what is read from them."),
        "secret.method" => method(x),
        "secret.works_by_now" => {
            Explanation::new(format!("The secret {called} was not known at that moment; it works now.")).fails(false)
        }
        "secret.other_client" => other_client(x),
        "secret.broken" => Explanation::new(
            "What was sent begins like a client secret, but its checksum is wrong: a part is missing, or it was mistyped.",
        )
        .advice("Look for a value that is cut off, or a character that a shell took away.")
        .fix("Look at its secrets", secrets()),
        "secret.other_shape" => {
            Explanation::new("What was sent as the secret is no secret of Oauthority: they begin with oas_.")
                .advice("Often it is the secret of another system, or a variable that was not filled in.")
                .fix("Look at its secrets", secrets())
        }
        "secret.unknown" => Explanation::new(
            "What was sent is a whole client secret, but none that this client has or had.",
        )
        .advice("It may belong to another installation of Oauthority. If nobody has the right one, rotate.")
        .fix("Rotate the secret", x.path("/rotate")),
        _ => return None,
    })
}

fn method_words(word: Option<&str>) -> &'static str {
    match word.and_then(AuthMethod::parse) {
        Some(AuthMethod::ClientSecretBasic) => "HTTP Basic",
        Some(AuthMethod::ClientSecretPost) => "the body",
        None => "any way",
    }
}

fn method(x: &Around<'_>) -> Explanation {
    let (sent, demanded) = (x.fact("sent_by"), x.fact("demanded"));
    let now = x.client.as_ref().and_then(|client| client.auth_method);
    let fits = now.is_none_or(|now| Some(now.word()) == sent);
    Explanation::new(format!(
        "The secret was right, but it came in {}, and this client is pinned to {}.",
        method_words(sent),
        method_words(demanded)
    ))
    .set(
        "How it sends its secret",
        now.map_or("Either way", |now| method_words(Some(now.word()))),
    )
    .fix("Change how it sends its secret", x.path("/edit#auth_method"))
    .fails(!fits)
}

fn other_client(x: &Around<'_>) -> Explanation {
    let other = x.fact("client_id").unwrap_or_default();
    let name = x.fact("name").unwrap_or_default();
    let handle = x.org.map_or("", |org| org.handle.as_str());
    Explanation::new(format!(
        "The secret belongs to another client: “{name}” ({other})."
    ))
    .advice("Client ID and secret were mixed up, or copied from two places.")
    .fix(
        format!("Look at “{name}”"),
        format!("/orgs/{handle}/clients/{other}/secrets"),
    )
}

fn grant_labels(grants: &[GrantType]) -> String {
    let labels: Vec<&str> = grants.iter().map(|grant| grant.label()).collect();
    labels.join(", ")
}

fn grant_type(x: &Around<'_>) -> Option<Explanation> {
    let grants = x.client.as_ref().map_or(&[][..], |client| &client.grant_types);
    let wanted = match x.failure.cause.as_str() {
        "grant_type.unregistered" if x.failure.endpoint == "device_authorization" => {
            Some(GrantType::DeviceCode)
        }
        "grant_type.unregistered" => x.sent("grant_type").and_then(GrantType::parse),
        "response_type.unregistered" => Some(match x.sent("response_type") {
            Some("token") => GrantType::Implicit,
            _ => GrantType::AuthorizationCode,
        }),
        _ => None,
    };
    Some(match x.failure.cause.as_str() {
        "grant_type.unregistered" | "response_type.unregistered" => {
            let label = wanted.map_or("that grant", GrantType::label);
            Explanation::new(format!("This client may not use the grant “{label}”."))
                .set("Grant types", grant_labels(grants))
                .fix(format!("Allow “{label}”"), x.path("/edit#grant_types"))
                .fails(wanted.is_none_or(|wanted| !grants.contains(&wanted)))
        }
        "grant_type.public" => {
            Explanation::new("A client without a secret cannot act for itself: anybody could say its ID.")
                .advice("Create a service for what acts by itself.")
        }
        "grant_type.unserved" => Explanation::new(format!(
            "This server does not serve the grant type {}.",
            x.sent("grant_type").unwrap_or("that was sent")
        ))
        .set("Grant types of this client", grant_labels(grants))
        .unsure(),
        "response_type.unserved" => Explanation::new(format!(
            "This server does not answer response_type={}; it answers response_type=code.",
            x.sent("response_type").unwrap_or("…")
        ))
        .unsure(),
        _ => return None,
    })
}

/// Why somebody's grant ended, as the audit trail has it.
fn why_ended(word: Option<&str>) -> &'static str {
    match word {
        Some("replay") => "because a code or refresh token was used a second time",
        Some("client_revoked") => "because the client took it back itself",
        Some("consent_removed" | "consent") => "because the person removed the app",
        Some("signed_out" | "session" | "logout") => "because the person signed out",
        Some("user_deactivated" | "deactivated" | "inactive") => "because the account was deactivated",
        Some("member_removed" | "membership") => "because the person left the organisation",
        _ => "by somebody who may",
    }
}

fn presented(x: &Around<'_>) -> Option<Explanation> {
    let at = |name: &str| x.moment(name).unwrap_or_else(|| "some time before".to_owned());
    let again = "The person has to sign in at the app again.";
    Some(match x.failure.cause.as_str() {
        "code.unknown" => Explanation::new("This server knows no such authorization code.")
            .advice("It was cut off or changed on the way, comes from another server, or is more than a day old."),
        "code.other_client" => Explanation::new("The authorization code was issued to another client.")
            .advice("The client ID of the authorization request and that of the token request must be the same."),
        "code.used" => Explanation::new(format!(
            "The authorization code was used already, {}; using it again ended everything issued for it.",
            at("used_at")
        ))
        .advice(format!("A code works once. Look for a request that is repeated. {again}")),
        "code.expired" => Explanation::new(format!(
            "The authorization code expired {}; it was issued {}.",
            at("expires_at"),
            at("issued_at")
        ))
        .advice("Redeem a code at once, and check the clock of the caller."),
        "code.tried_out" => {
            Explanation::new("Too many wrong code verifiers were tried with this code, so it works no more.")
        }
        "code.verifier_missing" => Explanation::new("The token request brings no code_verifier.")
            .advice("Send the verifier whose S256 challenge went into the authorization request."),
        "code.verifier_wrong" => {
            Explanation::new("The code_verifier is not the one whose challenge went into the authorization request.")
                .advice("Keep the verifier with the request it was made for, such as in the session of the browser.")
        }
        "code.redirect_uri" => code_redirect(x),
        "refresh.unknown" => Explanation::new("What was sent is no refresh token of this server.").advice(again),
        "refresh.forgotten" => {
            Explanation::new("The refresh token belongs to a grant that ended more than a month ago.").advice(again)
        }
        "refresh.other_client" => Explanation::new("The refresh token was issued to another client."),
        "refresh.replayed" => Explanation::new(format!(
            "An older refresh token was used after a newer one had been issued {}; that ended the grant and every token \
             of it.",
            at("newest_at")
        ))
        .advice(format!(
            "Keep only the newest refresh token, and let one process alone refresh. If nobody did this, a token was \
             stolen. {again}"
        )),
        "grant.ended" => Explanation::new(format!(
            "What the person had allowed ended {} {}.",
            at("ended_at"),
            why_ended(x.fact("why"))
        ))
        .advice(again),
        "grant.cut_off" => Explanation::new(
            "The client was disabled or cut off since this was issued; what was issued before stays dead.",
        )
        .advice(again),
        "grant.expired" => Explanation::new(format!("What the person had allowed was over {}.", at("ended_at"))).advice(again),
        "grant.idle" => Explanation::new(format!(
            "The refresh token was not used for too long; it ended {}.",
            at("ended_at")
        ))
        .advice(again),
        "device.unknown" => Explanation::new("This server knows no such device code."),
        "device.other_client" => Explanation::new("The device code was issued to another client."),
        "device.used" => Explanation::new("The device code was used already: its tokens were fetched."),
        "device.expired" => Explanation::new("Nobody answered for the device in time.")
            .advice("Start again at the device authorization endpoint."),
        _ => return None,
    })
}

/// A redirect URI with the place where it differs from the one that was meant.
fn difference(sent: &str, meant: &str) -> String {
    let same: String = sent
        .chars()
        .zip(meant.chars())
        .take_while(|(one, other)| one == other)
        .map(|(one, _)| one)
        .collect();
    format!(
        "they differ after “{same}”: “{}” was sent, “{}” is expected",
        &sent[same.len()..],
        &meant[same.len()..]
    )
}

fn code_redirect(x: &Around<'_>) -> Explanation {
    let sent = x.sent("redirect_uri");
    let because = match (sent, x.fact("asked_for")) {
        (Some(sent), Some(asked)) => format!(
            "The redirect_uri is not the one of the authorization request: {}.",
            difference(sent, asked)
        ),
        (None, Some(asked)) => {
            format!("The authorization request named the redirect_uri {asked}; the token request names none.")
        }
        _ => "The redirect_uri is not the one of the authorization request.".to_owned(),
    };
    Explanation::new(because).advice("Send the same text in both requests.")
}

fn asked(x: &Around<'_>) -> Option<Explanation> {
    let granted = x.live.as_ref().map_or(&[][..], |client| &client.granted);
    let oidc = x.live.as_ref().map_or(&[][..], |client| client.oidc());
    let all: Vec<&str> = granted
        .iter()
        .flat_map(|grant| &grant.values)
        .chain(oidc)
        .map(AsRef::as_ref)
        .collect();
    let audiences: Vec<&str> = granted.iter().map(|grant| grant.audience.as_ref()).collect();
    let edit = || x.path("/edit#scopes");
    Some(match x.failure.cause.as_str() {
        "scope.ungranted" => {
            let missing = x.failure.facts["missing"].as_array();
            let missing: Vec<&str> = missing.into_iter().flatten().filter_map(|one| one.as_str()).collect();
            let absent = |text: &&&str| !scope::is_granted(granted, oidc, text);
            let fails = missing.iter().filter(absent).count() > 0;
            ungranted(x, &missing).set("Granted scopes", all.join(" ")).fails(fails)
        }
        "scope.not_here" => Explanation::new(
            "This client has every scope it asked for, but not for this token: the person did not allow it, or it belongs \
             to another resource.",
        )
        .set("Granted scopes", all.join(" ")),
        "scope.none" => Explanation::new("This client has not been granted any scope, so no token could hold one.")
            .fix("Give it scopes", edit())
            .fails(all.is_empty()),
        "scope.ambiguous" => Explanation::new(format!(
            "A scope of “{}” stands in two audiences, and the request does not say which is meant.",
            x.sent("scope").unwrap_or_default()
        ))
        .advice("Add a resource parameter with the audience, or write the scope with its audience in front.")
        .set("Audiences", audiences.join(" ")),
        "target.ungranted" => {
            let resource = x.sent("resource").unwrap_or("that was sent");
            Explanation::new(format!("This client has no scope at the resource {resource}."))
                .set("Audiences", audiences.join(" "))
                .fix("Change its scopes", edit())
                .fails(!audiences.contains(&resource))
        }
        _ => return None,
    })
}

/// Scopes that a client does not have: granted to nobody, or only not to it.
fn ungranted(x: &Around<'_>, missing: &[&str]) -> Explanation {
    let known = |text: &str| {
        let own = |api: &crate::store::apis::Api| api.scopes.iter().any(|scope| scope.value == text);
        scope::OIDC.contains(&text) || x.apis.iter().any(own)
    };
    let list = missing.join(", ");
    let (exist, unknown): (Vec<&str>, Vec<&str>) = missing.iter().copied().partition(|text| known(text));
    if exist.is_empty() {
        return Explanation::new(format!("No API here has a scope {list}."))
            .advice("Look for a typing error, or add the scope to its API first.")
            .fix("Look at what it may do", x.path("/access"));
    }
    let told = Explanation::new(format!("This client has no {list}."))
        .fix(format!("Add {}", exist.join(", ")), x.path("/edit#scopes"));
    if unknown.is_empty() {
        return told;
    }
    told.advice(format!("No API here has a scope {}.", unknown.join(", ")))
}

fn person(x: &Around<'_>) -> Option<Explanation> {
    let registered = x.client.as_ref().map_or(&[][..], |client| &client.redirect_uris);
    let edit = || x.path("/edit#redirect_uris");
    Some(match x.failure.cause.as_str() {
        "redirect_uri.unregistered" => {
            let sent = x.sent("redirect_uri").unwrap_or_default();
            let matches = |uri: &String| {
                let kind = x.client.as_ref().map(|client| client.application_type);
                kind.is_some_and(|kind| redirect::matches(uri, sent, kind))
            };
            let common = |uri: &&String| uri.bytes().zip(sent.bytes()).take_while(|(a, b)| a == b).count();
            let because = match registered.iter().max_by_key(common) {
                Some(nearest) if !sent.is_empty() => format!(
                    "The redirect URI is not registered. Of the nearest one: {}.",
                    difference(sent, nearest)
                ),
                _ => "The redirect URI is not registered.".to_owned(),
            };
            Explanation::new(because)
                .set("Redirect URIs", registered.join(" "))
                .fix("Change the redirect URIs", edit())
                .fails(!registered.iter().any(matches))
        }
        "redirect_uri.missing" => {
            Explanation::new("The request names no redirect_uri, and it is not clear which is meant.")
                .set("Redirect URIs", registered.join(" "))
        }
        "pkce.missing" => Explanation::new("The request brings no code_challenge: it does not use PKCE.")
            .advice("Every client uses PKCE here. Most libraries have a switch for it."),
        "pkce.method" => Explanation::new(match x.sent("code_challenge_method") {
            Some(method) => format!("The request uses code_challenge_method={method}; only S256 is taken."),
            None => "The request names no code_challenge_method, which means plain; only S256 is taken."
                .to_owned(),
        })
        .advice("Set the method to S256 in the library of the app."),
        "person.denied" => Explanation::new("The person was asked and did not allow it.")
            .advice("Nothing is wrong with the client. The person may be asked again.")
            .unsure(),
        "person.foreign" => {
            Explanation::new("The person who signed in does not belong to the organisation of this client.")
                .advice("Add the person to the organisation, or let somebody of it sign in.")
                .unsure()
        }
        _ => return None,
    })
}
