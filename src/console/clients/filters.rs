//! Search, drop-downs and chips of the client list.

use maud::{Markup, html};

use super::{Found, here, query};
use crate::{
    console::{labels, visit::Visit},
    oauth::client::{ApplicationType, GrantType, Kind},
    ui::{
        form::Select,
        page::Link,
        tools::{Chips, Tools},
    },
};

/// A drop-down of filters: the values in addresses, and their words.
fn choices(any: &str, options: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    std::iter::once((String::new(), any.to_owned()))
        .chain(options)
        .collect()
}

fn options(offered: &[GrantType], found: &Found, key: &str) -> Vec<(String, String)> {
    let pair = |(value, words): (&str, &str)| (value.to_owned(), words.to_owned());
    match key {
        "status" => choices(
            "Not archived",
            [
                ("active", "Active"),
                ("disabled", "Disabled"),
                ("deleted", "Archived"),
            ]
            .map(pair),
        ),
        "kind" => choices(
            "Any",
            [Kind::Custom, Kind::SyncConnector, Kind::System].map(|k| pair((k.word(), labels::kind(k)))),
        ),
        "grant" => choices(
            "Any",
            offered.iter().map(|grant| pair((grant.word(), grant.label()))),
        ),
        "used" => choices(
            "Any",
            [
                ("never", "Never"),
                ("30d", "Not in 30 days"),
                ("90d", "Not in 90 days"),
                ("180d", "Not in 180 days"),
            ]
            .map(pair),
        ),
        "owner" => choices(
            "Any",
            std::iter::once(pair(("me", "Me"))).chain(
                found
                    .members
                    .iter()
                    .take(200)
                    .map(|m| pair((&m.user.id, &m.user.display_name))),
            ),
        ),
        _ => Vec::new(),
    }
}

/// What stands above the list.
pub(super) fn tools(visit: &Visit, found: &Found) -> Markup {
    let query = &found.query;
    let offered = visit.app.registry.grants();
    let filters = [
        ("status", "Status"),
        ("kind", "Kind"),
        ("grant", "Grant"),
        ("used", "Used"),
        ("owner", "Owner"),
    ];
    let keep = ["type", "scope", "expiring", "attention", "sort", "limit"];
    let tools = Tools {
        action: &here(visit, ""),
        q: query.one("q").unwrap_or_default(),
        placeholder: "Search clients",
        filters: filters
            .iter()
            .map(|(name, label)| Select {
                name,
                label,
                options: options(&offered, found, name),
                value: query.one(name).unwrap_or_default(),
                ..Select::default()
            })
            .collect(),
        keep: keep
            .iter()
            .filter_map(|key| Some((*key, query.one(key)?.to_owned())))
            .collect(),
    };
    html! { (tools) }
}

/// The filters in force.
pub(super) fn chips(visit: &Visit, found: &Found) -> Chips {
    let offered = visit.app.registry.grants();
    let words = |key: &'static str, value: &str| {
        let known = options(&offered, found, key);
        let shown = known.iter().find(|(known, _)| known == value);
        let shown = shown.map_or(value, |(_, words)| words);
        match key {
            "type" => {
                let kind = ApplicationType::parse(value).map(labels::application_type);
                format!("Type: {}", kind.unwrap_or_default())
            }
            "scope" => format!("Scope: {value}"),
            "attention" => query::Attention::parse(value).map_or_else(String::new, |a| a.why().to_owned()),
            "expiring" => format!("A secret stops within {} days", value.trim_end_matches('d')),
            "used" if value != "never" => format!("Not used in {} days", value.trim_end_matches('d')),
            key => {
                let mut chars = key.chars();
                let first = chars.next().map(|c| c.to_ascii_uppercase()).unwrap_or_default();
                format!("{first}{}: {shown}", chars.as_str())
            }
        }
    };
    Chips {
        chips: found
            .query
            .filters()
            .map(|(key, value)| Link {
                label: words(key, value),
                href: here(visit, &found.query.with(key, None)),
                current: false,
            })
            .collect(),
        clear: here(visit, &found.query.cleared()),
    }
}
