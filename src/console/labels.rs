//! What a person reads where the wire has a word.

use maud::Markup;

use super::visit::Visit;
use crate::{
    oauth::client::{ApplicationType, Kind, Origin, SecretState, Status},
    registry::{access::Permission, secrets},
    store::{apis::Api, clients::Client, users::Role},
    time::Lifetime,
    ui::{
        badge::{Badge, tag},
        menu::Item,
    },
};

/// A kind of client.
pub(super) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Custom => "Custom",
        Kind::SyncConnector => "Sync connector",
        Kind::System => "System",
        Kind::Personal => "Personal",
    }
}

/// A type of client.
pub(super) const fn application_type(kind: ApplicationType) -> &'static str {
    match kind {
        ApplicationType::Web => "Web app",
        ApplicationType::Native => "Mobile or desktop app",
        ApplicationType::UserAgentBased => "Single-page app",
        ApplicationType::Public => "Public client",
        ApplicationType::Service => "Service",
    }
}

/// A status.
pub(super) const fn status(status: Status) -> Badge<'static> {
    match status {
        Status::Active => Badge::ACTIVE,
        Status::Disabled => Badge::DISABLED,
        Status::Deleted => Badge::ARCHIVED,
    }
}

/// The state of a secret.
pub(super) const fn secret(state: SecretState) -> Badge<'static> {
    match state {
        SecretState::Active => Badge::ACTIVE,
        SecretState::Ending => Badge::ENDING,
        SecretState::Expired => Badge::EXPIRED,
        SecretState::Revoked => Badge::REVOKED,
    }
}

/// By which door somebody came.
pub(super) const fn door(origin: Origin) -> &'static str {
    match origin {
        Origin::Console => "in the console",
        Origin::Api => "through the API",
        Origin::Cli => "from the command line",
        Origin::File => "by a file of clients",
        Origin::Registration => "by its own registration",
        Origin::System => "by the server",
    }
}

/// A role.
pub(super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Auditor => "Auditor",
        Role::Member => "Member",
    }
}

/// What stands beside the name of a client that is not an ordinary one.
pub(super) fn mark(client: &Client) -> Option<Markup> {
    match client.kind {
        Kind::System => Some(maud::html! { (Badge::SYSTEM) }),
        Kind::Custom => None,
        other => Some(tag(kind(other))),
    }
}

/// What may be done to a client now, below its address, by somebody who may change clients; `apis` are those of the
/// organisation. `view` is left out on its own page.
pub(super) fn actions(visit: &Visit, client: &Client, apis: &[Api], at: &str) -> Vec<Item> {
    let mut items = Vec::new();
    if client.status == Status::Deleted {
        return items;
    }
    let own = client.kind != Kind::System;
    if own && client.kind != Kind::Personal {
        items.push(Item::link("Edit", format!("{at}/edit")));
    }
    if client.application_type.holds_secret()
        && client.status == Status::Active
        && secrets::are_yours(visit.access(), apis, client)
    {
        items.push(Item::link("Rotate secret", format!("{at}/rotate")));
    }
    match client.status {
        Status::Active if own => items.push(Item::link("Disable", format!("{at}/disable"))),
        Status::Disabled => items.push(Item::link("Enable", format!("{at}/enable"))),
        _ => {}
    }
    if matches!(client.kind, Kind::Custom | Kind::SyncConnector) {
        items.push(Item::link("Create one like this", format!("{at}/copy")));
    }
    if client.kind == Kind::Custom && client.status == Status::Active && visit.may(Permission::ClientsDelete)
    {
        items.push(Item::link("Transfer…", format!("{at}/transfer")));
    }
    if own && visit.may(Permission::ClientsDelete) {
        items.push(Item::danger("Delete…", format!("{at}/delete")));
    }
    items
}

/// `2 hours`, `90 minutes`: in the largest unit that is exact.
pub(super) fn span(span: Lifetime) -> String {
    match span.as_seconds() {
        s if s != 0 && s % 3600 == 0 => count(s / 3600, "hour", "hours"),
        s if s != 0 && s % 60 == 0 => count(s / 60, "minute", "minutes"),
        s => count(s, "second", "seconds"),
    }
}

/// `1 client`, `57 clients`.
pub(super) fn count(number: i64, one: &str, many: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        let shown = crate::ui::impact::grouped(number.unsigned_abs());
        format!("{shown} {many}")
    }
}
