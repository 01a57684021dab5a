//! What a webhook may look like.

use crate::{
    error::Result,
    oauth::{
        boundary::Boundary,
        name,
        refusal::{Field, Refusal},
    },
    registry::webhooks::LONGEST_OVERLAP,
    store::webhooks::Webhook,
    time::Lifetime,
};

/// What people usually want to hear of: the word, and what it means. Any other action may be named as well.
pub const WORDS: [(&str, &str); 11] = [
    (
        "client.*",
        "Clients: created, changed, disabled, enabled, deleted",
    ),
    ("secret.*", "Secrets: rotated, ended, renamed"),
    ("consent.*", "People allow an app, refuse it, or take it back"),
    ("grant.*", "Sign-ins of apps that are ended"),
    ("token.*", "Single tokens that are revoked"),
    ("credential.*", "Personal credentials"),
    ("api.*", "APIs"),
    ("scope.*", "Scopes"),
    ("member.*", "Members and their roles"),
    ("organization.*", "Settings of the organisation"),
    ("webhook.*", "Webhooks, this one as well"),
];

const MOST_EVENTS: usize = 50;

/// A webhook to be made.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    pub url: String,
    pub description: String,
    pub events: Vec<String>,
    pub active: bool,
}

/// What to change of a webhook; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    pub url: Option<String>,
    pub description: Option<String>,
    pub events: Option<Vec<String>>,
    pub active: Option<bool>,
}

impl NewWebhook {
    /// The parts as they are kept.
    pub(super) fn checked(&self, boundary: &Boundary) -> Result<(String, String, Vec<String>)> {
        let (url, description) = (self.url.trim().to_owned(), self.description.trim().to_owned());
        let events = in_order(&self.events);
        check(boundary, None, &url, &description, &events)?;
        Ok((url, description, events))
    }
}

impl Edit {
    /// The webhook as it will be.
    pub(super) fn applied(&self, before: &Webhook, boundary: &Boundary) -> Result<Webhook> {
        let text = |new: &Option<String>, old: &str| new.as_deref().unwrap_or(old).trim().to_owned();
        let after = Webhook {
            url: text(&self.url, &before.url),
            description: text(&self.description, &before.description),
            events: self
                .events
                .as_deref()
                .map_or_else(|| before.events.clone(), in_order),
            active: self.active.unwrap_or(before.active),
            ..before.clone()
        };
        check(
            boundary,
            Some(before),
            &after.url,
            // What is stored already stays until it is changed.
            Some(after.description.as_str())
                .filter(|text| *text != before.description)
                .unwrap_or_default(),
            &after.events,
        )?;
        Ok(after)
    }
}

fn in_order(events: &[String]) -> Vec<String> {
    let mut events: Vec<String> = events.iter().map(|event| event.trim().to_owned()).collect();
    events.sort();
    events.dedup();
    events
}

fn check(
    boundary: &Boundary,
    before: Option<&Webhook>,
    url: &str,
    description: &str,
    events: &[String],
) -> Result<(), Refusal> {
    let mut fields = Vec::new();
    // An address that was saved under another rule may stay while something else is changed; nothing is sent there.
    let stays = before.is_some_and(|before| before.url == url);
    if !stays && let Err(objection) = boundary.destination(url) {
        fields.push(Field::new("/url", objection.code, objection.detail));
    }
    if let Err(detail) = name::check_optional(description, 200) {
        fields.push(Field::new("/description", "description", detail));
    }
    if events.is_empty() || events.len() > MOST_EVENTS {
        let detail = format!("Choose 1 to {MOST_EVENTS} events.");
        fields.push(Field::new("/events", "required", detail));
    }
    for (at, event) in events.iter().enumerate().filter(|(_, event)| !is_word(event)) {
        let detail = format!("“{event}” is no event: write client.created, client.* or *.");
        fields.push(Field::new(format!("/events/{at}"), "event", detail));
    }
    if fields.is_empty() {
        Ok(())
    } else {
        Err(Refusal::fields(fields))
    }
}

/// Whether a text may be an action, or the beginning of some: actions that nobody thought of yet may be named, too.
fn is_word(text: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if text == "*" {
        return true;
    }
    let whole = text.strip_suffix(".*").unwrap_or(text);
    let dotted = text.ends_with(".*") || text.contains('.');
    text.len() <= 100 && dotted && whole.split('.').all(word)
}

/// Whether one of these words stands for an action.
pub fn wants(events: &[String], action: &str) -> bool {
    events.iter().any(|event| match event.strip_suffix('*') {
        // `client.` begins `client.created`, and nothing else that begins with `client`.
        Some(beginning) => action.starts_with(beginning),
        None => event == action,
    })
}

pub(super) fn check_overlap(overlap: Lifetime) -> Result<(), Refusal> {
    if (0..=LONGEST_OVERLAP.as_seconds()).contains(&overlap.as_seconds()) {
        return Ok(());
    }
    let detail = "The old secret signs for at most 30 days more.";
    Err(Refusal::fields(vec![Field::new("/overlap", "range", detail)]))
}

/// The host of a URL with its port, which is what may be told about it.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_actions_and_their_beginnings() {
        let wanted = |words: &[&str], action: &str| {
            let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
            wants(&words, action)
        };
        assert!(wanted(&["client.*"], "client.created") && wanted(&["*"], "x.y"));
        assert!(wanted(&["x.y", "client.created"], "client.created"));
        assert!(!wanted(&["client.*"], "clients.created") && !wanted(&["client.created"], "client.deleted"));
        assert!(!wanted(&[], "client.created"));
    }

    #[test]
    fn what_could_be_an_event_may_be_named() {
        for good in [
            "*",
            "client.*",
            "secret.expiring",
            "a.b.c",
            "credential.owner_gone",
        ] {
            assert!(is_word(good), "{good}");
        }
        for bad in [
            "",
            "client",
            "client.",
            ".created",
            "cli*",
            "client.**",
            "Client.created",
            "a b.c",
            "*.*",
        ] {
            assert!(!is_word(bad), "{bad}");
        }
    }

    #[test]
    fn only_the_host_of_a_url_is_told() {
        assert_eq!(
            host("https://hooks.example.com:8443/T0/secret?x=y"),
            "hooks.example.com:8443"
        );
        assert_eq!(host("https://hooks.example.com?x=y"), "hooks.example.com");
    }
}
