//! An event as a sentence that can be read without opening it.

use maud::{Markup, html};
use serde_json::Value as Json;

use super::super::visit::Visit;
use crate::{registry::access::Permission, store::audit::Event, time::Timestamp};

/// What is done, in the form that follows "tried to", and in the past.
const VERBS: &[(&str, &str, &str)] = &[
    ("client.created", "create", "created"),
    ("client.updated", "change", "changed"),
    ("client.disabled", "disable", "disabled"),
    ("client.enabled", "enable", "enabled"),
    ("client.deleted", "delete", "deleted"),
    ("client.transfer_offered", "offer", "offered"),
    (
        "client.transfer_accepted",
        "accept the transfer of",
        "accepted the transfer of",
    ),
    (
        "client.transfer_declined",
        "decline the transfer of",
        "declined the transfer of",
    ),
    (
        "client.transfer_withdrawn",
        "withdraw the offer of",
        "withdrew the offer of",
    ),
    (
        "client.transfer_expired",
        "let an offer run out of",
        "let an offer run out of",
    ),
    ("client.transferred", "move", "moved"),
    ("client.foreign_access", "reach", "reached"),
    (
        "credential.created",
        "make the personal credential",
        "made the personal credential",
    ),
    (
        "credential.updated",
        "change the personal credential",
        "changed the personal credential",
    ),
    (
        "credential.rotated",
        "rotate the secret of the personal credential",
        "rotated the secret of the personal credential",
    ),
    (
        "credential.disabled",
        "disable the personal credential",
        "disabled the personal credential",
    ),
    (
        "credential.enabled",
        "enable the personal credential",
        "enabled the personal credential",
    ),
    (
        "credential.deleted",
        "delete the personal credential",
        "deleted the personal credential",
    ),
    (
        "credential.shown_to_maker",
        "see the secret of somebody else's credential",
        "was shown the secret of somebody else's credential",
    ),
    (
        "credential.offered",
        "offer a member the credential",
        "offered a member the credential",
    ),
    (
        "credential.claimed",
        "fetch the offered credential",
        "fetched the offered credential",
    ),
    (
        "credential.withdrawn",
        "withdraw the offered credential",
        "withdrew the offered credential",
    ),
    (
        "credential.expired",
        "destroy the offered credential",
        "destroyed, because nobody fetched it in time, the offered credential",
    ),
    (
        "user.credentials_allowed",
        "allow personal credentials to",
        "allowed personal credentials to",
    ),
    (
        "user.credentials_withdrawn",
        "forbid personal credentials to",
        "forbade personal credentials to",
    ),
    ("secret.rotated", "rotate the secret of", "rotated the secret of"),
    ("secret.ended", "end a secret of", "ended a secret of"),
    (
        "secret.end_moved",
        "move the end of a secret of",
        "moved the end of a secret of",
    ),
    ("secret.renamed", "describe a secret of", "described a secret of"),
    (
        "secret.expiring",
        "tell of a secret that expires, of",
        "told of a secret that expires, of",
    ),
    (
        "secret.ending_in_use",
        "tell of a secret that ends although it is used, of",
        "told of a secret that ends although it is used, of",
    ),
    ("secret.stopped", "stop a secret of", "stopped a secret of"),
    ("client.unused", "tell that nobody uses", "told that nobody uses"),
    (
        "client.scopes_trimmed",
        "take scopes away from",
        "took scopes that nobody asks for away from",
    ),
    (
        "client.scopes_restored",
        "give scopes back to",
        "gave scopes back to",
    ),
    ("api.created", "create the API", "created the API"),
    ("api.updated", "change the API", "changed the API"),
    ("api.deleted", "delete the API", "deleted the API"),
    ("scope.created", "add a scope to", "added a scope to"),
    ("scope.updated", "change a scope of", "changed a scope of"),
    ("scope.deleted", "delete a scope of", "deleted a scope of"),
    ("member.added", "add", "added"),
    ("member.role_changed", "change the role of", "changed the role of"),
    ("member.removed", "remove", "removed"),
    (
        "organization.created",
        "create the organisation",
        "created the organisation",
    ),
    (
        "organization.updated",
        "change the organisation",
        "changed the organisation",
    ),
    (
        "key.created",
        "publish a new signing key",
        "published a new signing key",
    ),
    ("key.retired", "retire the signing key", "retired the signing key"),
    (
        "instance.set_up",
        "set up this instance as",
        "set up this instance as",
    ),
    ("consent.given", "allow", "allowed"),
    ("consent.denied", "deny", "denied"),
    (
        "consent.withdrawn",
        "take back what was allowed to",
        "took back what was allowed to",
    ),
    (
        "consent.revoked",
        "end what a person allowed",
        "ended what a person allowed",
    ),
    (
        "consent.revoked_all",
        "end what everybody allowed",
        "ended what everybody allowed",
    ),
    ("grant.revoked", "end the sign-in", "ended the sign-in"),
    ("user.locked", "lock the account of", "locked the account of"),
    (
        "user.sign_in_slowed",
        "slow down who guesses at the account of",
        "slowed down who guesses at the account of",
    ),
    (
        "user.sign_in_closed",
        "close a way into the account of",
        "closed a way into the account of",
    ),
    ("member.joined", "join as", "accepted an invitation as"),
    ("invitation.sent", "invite", "invited"),
    ("invitation.resent", "invite again", "invited again"),
    (
        "invitation.revoked",
        "revoke the invitation to",
        "revoked the invitation to",
    ),
    (
        "user.recovery_sent",
        "send a link for a new password to",
        "sent a link for a new password to",
    ),
    (
        "user.recovery_made",
        "make a link to a new password for",
        "made a link to a new password for",
    ),
    (
        "user.password_reset",
        "set a new password of",
        "set a new password of",
    ),
    ("user.email_asked", "give an address to", "gave an address to"),
    (
        "user.email_confirmed",
        "confirm the address of",
        "confirmed the address of",
    ),
    (
        "user.email_removed",
        "remove the address of",
        "removed the address of",
    ),
    (
        "user.profile_changed",
        "change the profile of",
        "changed the profile of",
    ),
    (
        "user.deactivated",
        "deactivate the account of",
        "deactivated the account of",
    ),
    (
        "user.reactivated",
        "reactivate the account of",
        "reactivated the account of",
    ),
    (
        "user.password_changed",
        "change the password of",
        "changed the password of",
    ),
    (
        "user.factor_added",
        "add a second factor to",
        "added a second factor to",
    ),
    (
        "user.factor_removed",
        "remove a second factor of",
        "removed a second factor of",
    ),
    (
        "user.factors_reset",
        "remove every second factor of",
        "removed every second factor of",
    ),
    (
        "user.recovery_codes_made",
        "make recovery codes for",
        "made recovery codes for",
    ),
    (
        "user.recovery_code_used",
        "use a recovery code of",
        "used a recovery code of",
    ),
    ("user.sessions_ended", "end sessions of", "ended sessions of"),
    ("token.revoked", "revoke the token", "revoked the token"),
    ("token.test_issued", "get a test token of", "got a test token of"),
    (
        "token.test_issued",
        "make a test token of",
        "made a test token of",
    ),
    (
        "webhook.created",
        "create the webhook to",
        "created the webhook to",
    ),
    (
        "webhook.updated",
        "change the webhook to",
        "changed the webhook to",
    ),
    (
        "webhook.deleted",
        "delete the webhook to",
        "deleted the webhook to",
    ),
    (
        "webhook.secret_rotated",
        "rotate the signing secret of the webhook to",
        "rotated the signing secret of the webhook to",
    ),
    (
        "webhook.disabled",
        "switch off the webhook to",
        "switched off the webhook to",
    ),
    ("webhook.tested", "test the webhook to", "tested the webhook to"),
    (
        "webhook.redelivered",
        "send a message again to",
        "sent a message again to",
    ),
    (
        "audit.pruned",
        "remove old activity of",
        "removed old activity of",
    ),
];

/// Groups of actions to filter by: the start of their names, and the words.
pub(super) const GROUPS: &[(&str, &str)] = &[
    ("client", "Clients"),
    ("secret", "Secrets"),
    ("credential", "Personal credentials"),
    ("api", "APIs"),
    ("scope", "Scopes"),
    ("member", "Members"),
    ("invitation", "Invitations"),
    ("organization", "Organisation"),
    ("key", "Signing keys"),
    ("user", "Accounts"),
    ("consent", "Consents"),
    ("grant", "Sign-ins of apps"),
    ("token", "Tokens"),
    ("webhook", "Webhooks"),
    ("audit", "The activity itself"),
];

/// The sentence.
pub(super) fn sentence(visit: &Visit, event: &Event) -> Markup {
    let verb = VERBS.iter().find(|(action, ..)| *action == event.action);
    let refused = event.outcome == "refused";
    html! {
        b { (crate::ui::name(&event.actor_name)) } " "
        @match verb {
            Some((_, attempt, _)) if refused => { "tried to " (attempt) " " },
            Some((.., past)) => { (past) " " },
            None => { code { (event.action) } " " },
        }
        (thing(visit, event))
        @if refused { " and was refused" @if let Some(why) = event.details["reason"].as_str() { ": " (why) } "." }
        @else { (more(visit, event)) "." }
    }
}

/// What it happened to, as a link where it has a page.
fn thing(visit: &Visit, event: &Event) -> Markup {
    let name = if event.resource_name.is_empty() {
        &event.resource_id
    } else {
        &event.resource_name
    };
    let gone = matches!(
        event.action.as_str(),
        "api.deleted" | "member.removed" | "client.foreign_access" | "webhook.deleted"
    );
    let href = match event.resource_kind.as_str() {
        "client" => visit.path_for(
            Permission::ClientsRead,
            &format!("/clients/{}", event.resource_id),
        ),
        "api" => visit.path_for(Permission::ApisRead, &format!("/apis/{}", event.resource_id)),
        "member" => visit.path_for(Permission::MembersRead, &format!("/people/{}", event.resource_id)),
        "webhook" => visit.path_for(
            Permission::AuditRead,
            &format!("/settings/webhooks/{}", event.resource_id),
        ),
        _ => None,
    };
    html! {
        @match href.filter(|_| !gone) {
            Some(href) => a href=(href) { (crate::ui::name(name)) },
            None => b { (crate::ui::name(name)) },
        }
    }
}

/// What the verb leaves open.
fn more(visit: &Visit, event: &Event) -> Markup {
    let details = &event.details;
    let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
    let words = match event.action.as_str() {
        "client.updated" | "credential.updated" | "api.updated" | "organization.updated" => {
            let fields = fields(&details["after"]);
            if fields.is_empty() {
                String::new()
            } else {
                format!(": {fields}")
            }
        }
        "client.disabled" | "credential.disabled" => {
            let why = details["reason"].as_str();
            let why = why.map_or_else(String::new, |why| format!(": “{why}”"));
            match moment(&details["delete_at"]) {
                Some(at) => format!("{why}; it is deleted {}", visit.reader().full(at)),
                None => why,
            }
        }
        "client.deleted" | "credential.deleted" => " for good".to_owned(),
        "secret.expiring" => format!(
            ": “{}”, in {}",
            text(&details["label"]),
            super::super::labels::count(details["days"].as_i64().unwrap_or_default(), "day", "days")
        ),
        "secret.ending_in_use" | "secret.stopped" => format!(": “{}”", text(&details["label"])),
        "client.unused" => format!(", for {} days", details["days"]),
        "secret.rotated" | "credential.rotated" => rotated(visit, event),
        "secret.ended" if details["forced"] == true => {
            format!(": “{}”, although it was in use", text(&details["label"]))
        }
        "secret.ended" => format!(": “{}”", text(&details["label"])),
        "secret.end_moved" => match moment(&details["after"]["ends_at"]) {
            Some(at) => format!(": “{}” ends {}", text(&details["label"]), visit.reader().full(at)),
            None => format!(": “{}” no longer ends", text(&details["label"])),
        },
        "secret.renamed" => format!(
            ": “{}” is now “{}”",
            text(&details["before"]["label"]),
            text(&details["after"]["label"])
        ),
        "scope.created" => format!(": {}", text(&details["after"]["value"])),
        "scope.updated" => format!(": {} ({})", text(&details["scope"]), fields(&details["after"])),
        "scope.deleted" => format!(": {}{}", text(&details["scope"]), lost(details)),
        "api.deleted" => lost(details),
        "member.added" => {
            let account = if details["after"]["new_account"] == true {
                ", with a new account"
            } else {
                ""
            };
            format!(" as {}{account}", text(&details["after"]["role"]))
        }
        "member.role_changed" => format!(
            " from {} to {}",
            text(&details["before"]["role"]),
            text(&details["after"]["role"])
        ),
        "key.created" | "key.retired" => format!(" {}", event.resource_id),
        "webhook.updated" => match fields(&details["after"]) {
            fields if details["url_changed"] == true && fields.is_empty() => ": URL".to_owned(),
            fields if details["url_changed"] == true => format!(": URL, {fields}"),
            fields => format!(": {fields}"),
        },
        "webhook.secret_rotated" => match moment(&details["old_ends_at"]) {
            Some(at) => format!("; the old one signs until {}", visit.reader().full(at)),
            None => "; the old one ended at once".to_owned(),
        },
        "webhook.disabled" => format!(": {}", text(&details["reason"])),
        "webhook.redelivered" => format!(": {}", text(&details["type"])),
        "audit.pruned" => {
            let entries = details["entries"].as_i64().unwrap_or_default();
            format!(
                ": {} because of their age",
                super::super::labels::count(entries, "entry", "entries")
            )
        }
        "user.locked" => match moment(&details["until"]) {
            Some(at) => format!(
                " to {} after too many wrong tries, until {}",
                text(&details["origin"]),
                visit.reader().full(at)
            ),
            None => String::new(),
        },
        "user.sign_in_slowed" => format!(
            " after {} wrong {}s in a row; browsers that it knows and passkeys go on",
            details["guesses"],
            text(&details["way"])
        ),
        "user.sign_in_closed" => format!(
            " to browsers that it does not know, after {} wrong {}s in a row",
            details["guesses"],
            text(&details["way"])
        ),
        _ => String::new(),
    };
    html! { (words) }
}

/// What became of the old secrets.
fn rotated(visit: &Visit, event: &Event) -> String {
    let old = event.details["old"].as_array().map_or(&[][..], Vec::as_slice);
    let mut parts: Vec<String> = old
        .iter()
        .map(|secret| match moment(&secret["ends_at"]) {
            Some(at) if at > event.at => format!("; the old one ends {}", visit.reader().full(at)),
            _ => "; the old one ended at once".to_owned(),
        })
        .collect();
    if event.details["tokens_revoked"] == true {
        parts.push("; every token issued before is revoked".to_owned());
    }
    parts.concat()
}

fn lost(details: &Json) -> String {
    match details["lost_by"].as_array().map_or(0, Vec::len) {
        0 => String::new(),
        1 => "; 1 client lost access".to_owned(),
        n => format!("; {n} clients lost access"),
    }
}

fn moment(json: &Json) -> Option<Timestamp> {
    json.as_str().and_then(|text| Timestamp::parse(text).ok())
}

/// The names of changed members: `name, redirect URIs and scopes`.
fn fields(after: &Json) -> String {
    let mut names: Vec<String> = after
        .as_object()
        .map(|members| {
            members
                .keys()
                .map(|key| key.replace('_', " ").replace(" uris", " URIs"))
                .collect()
        })
        .unwrap_or_default();
    match names.pop() {
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} and {last}", names.join(", ")),
        None => String::new(),
    }
}
