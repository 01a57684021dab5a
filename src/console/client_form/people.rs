//! What a client settles about the people who sign in to it: what was typed, and its sections of the form.
//!
//! Everything typed here is one text, a tick being `yes`: so it is compared, shown and taken over by name alone.

use maud::{Markup, html};

use super::sections::Look;
use crate::{
    browser::Form,
    oauth::{
        people_settings::{PeopleSettings, ResponseAlg, SubjectType},
        scope::ScopeKey,
    },
    registry::client_input::ScopeRef,
    store::{apis::Api, clients::Client},
    time::Lifetime,
    ui::{
        choice::Checkbox,
        form::{Field, Kind, Select, section},
    },
};

/// Every field and what it is called where it is compared.
pub(in crate::console) const FIELDS: [(&str, &str); 12] = [
    ("optional_scopes", "Optional scopes"),
    ("home_page", "Home page"),
    ("post_logout_redirect_uris", "Post-logout redirect URIs"),
    ("backchannel_logout_uri", "Back-channel logout URI"),
    ("backchannel_logout_session_required", "Needs the session"),
    ("id_token_signed_response_alg", "ID tokens"),
    ("userinfo_signed_response_alg", "User info"),
    ("subject_type", "Ids of people"),
    ("sector_identifier", "Sector"),
    ("default_max_age", "Oldest sign-in in seconds"),
    ("require_auth_time", "Time of the sign-in"),
    ("require_second_factor", "Second factor"),
];

/// What was typed, in the order of [`FIELDS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::console) struct People([String; 12]);

impl People {
    /// The settings of a client.
    pub fn of_client(client: &Client) -> Self {
        let settings = &client.people;
        let tick = |set: bool| if set { "yes" } else { "" }.to_owned();
        let alg = |alg: Option<ResponseAlg>| alg.map_or_else(String::new, |alg| alg.word().to_owned());
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let optional: Vec<String> = client
            .optional_scopes
            .iter()
            .map(|key| optional_text(key, client))
            .collect();
        Self([
            optional.join(" "),
            text(&settings.home_page),
            settings.post_logout_redirect_uris.join("\n"),
            text(&settings.backchannel_logout_uri),
            tick(settings.backchannel_logout_session_required),
            alg(settings.id_token_signed_response_alg),
            alg(settings.userinfo_signed_response_alg),
            settings.subject_type.word().to_owned(),
            text(&settings.sector_identifier),
            settings
                .default_max_age
                .map_or_else(String::new, |age| age.as_seconds().to_string()),
            tick(settings.require_auth_time),
            tick(settings.require_second_factor),
        ])
    }

    /// Reads a form. What it does not ask for, such as what was settled for good, is as `before`.
    pub fn read(form: &Form, before: &Self) -> Self {
        let settled = |name: &str| {
            matches!(name, "subject_type" | "sector_identifier") && form.all(name).next().is_none()
        };
        Self(FIELDS.map(|(name, _)| {
            if settled(name) {
                before.of(name).to_owned()
            } else {
                form.one(name).replace("\r\n", "\n").trim().to_owned()
            }
        }))
    }

    /// What stands in a field.
    pub fn of(&self, name: &str) -> &str {
        let at = FIELDS.iter().position(|(known, _)| *known == name);
        at.map_or("", |at| &self.0[at])
    }

    fn ticked(&self, name: &str) -> bool {
        self.of(name) == "yes"
    }

    /// Takes a field over; says whether it is one of these.
    pub fn take(&mut self, from: &Self, name: &str) {
        if let Some(at) = FIELDS.iter().position(|(known, _)| *known == name) {
            self.0[at].clone_from(&from.0[at]);
        }
    }

    /// As [`read`](Self::read) reads them.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        let all = FIELDS.iter().zip(&self.0);
        all.filter(|(_, value)| !value.is_empty())
            .map(|((name, _), value)| (*name, value.clone()))
    }

    /// The settings as the registry reads them. What is not a number is out of every range.
    pub fn settings(&self) -> PeopleSettings {
        let text = |name| Some(self.of(name).to_owned()).filter(|text| !text.is_empty());
        let uris = self.of("post_logout_redirect_uris").split_whitespace();
        PeopleSettings {
            home_page: text("home_page"),
            post_logout_redirect_uris: uris.map(str::to_owned).collect(),
            backchannel_logout_uri: text("backchannel_logout_uri"),
            backchannel_logout_session_required: self.ticked("backchannel_logout_session_required"),
            id_token_signed_response_alg: ResponseAlg::parse(self.of("id_token_signed_response_alg")),
            userinfo_signed_response_alg: ResponseAlg::parse(self.of("userinfo_signed_response_alg")),
            subject_type: SubjectType::parse(self.of("subject_type")).unwrap_or(SubjectType::Public),
            sector_identifier: text("sector_identifier"),
            default_max_age: text("default_max_age")
                .map(|text| Lifetime::seconds(text.parse().unwrap_or(-1))),
            require_auth_time: self.ticked("require_auth_time"),
            require_second_factor: self.ticked("require_second_factor"),
        }
    }

    /// The optional scopes as the registry reads them: a value means the one that is ticked, so `scopes` is asked first.
    pub fn optional_scopes(&self, scopes: &[String], apis: &[Api]) -> Vec<ScopeRef> {
        let qualified = |api: &str, value: &str| {
            let api = apis.iter().find(|known| known.id == api)?;
            Some(ScopeRef {
                audience: Some(api.audience.clone()),
                value: value.to_owned(),
            })
        };
        let one = |text: &str| {
            if let Some(exact) = text
                .split_once('/')
                .and_then(|(api, value)| qualified(api, value))
            {
                return exact;
            }
            let ticked = scopes.iter().filter_map(|id| id.split_once(' '));
            let mut named = ticked.filter(|(_, value)| *value == text);
            match (named.next(), named.next()) {
                (Some((api, value)), None) => qualified(api, value),
                _ => None,
            }
            .unwrap_or_else(|| ScopeRef::text(text))
        };
        let texts = self.of("optional_scopes").split([' ', '\n', ',']);
        texts.filter(|text| !text.is_empty()).map(one).collect()
    }
}

/// The value alone, unless the client holds it at several APIs.
fn optional_text(key: &ScopeKey, client: &Client) -> String {
    let namesakes = client.scopes.iter().filter(|(_, value)| **value == *key.value);
    if namesakes.count() > 1 {
        key.to_string()
    } else {
        key.value.to_string()
    }
}

impl Look<'_> {
    /// Signing in and signing out.
    pub(super) fn people(&self) -> Markup {
        html! {
            (section("Signing in", "What people see, and what is asked of them.", &self.signing_in()))
            (section("Signing out", "", &self.signing_out()))
        }
    }

    fn line<'f>(&'f self, name: &'f str, label: &'f str, kind: Kind, hint: &'f str) -> Field<'f> {
        Field {
            name,
            label,
            kind,
            hint,
            value: self.typed.people.of(name),
            error: self.refused.of(name),
            optional: true,
            ..Field::default()
        }
    }

    fn tick(&self, name: &str, label: &str, hint: &str) -> Markup {
        html! { (Checkbox { name, value: "yes", label, hint, checked: self.typed.people.ticked(name), ..Checkbox::default() }) }
    }

    fn choice(&self, name: &str, label: &str, hint: &str, options: &[(&str, &str)]) -> Markup {
        let options = options
            .iter()
            .map(|(value, words)| ((*value).to_owned(), (*words).to_owned()));
        html! { (Select { name, label, hint, options: options.collect(), value: self.typed.people.of(name), error: self.refused.of(name) }) }
    }

    fn signing_in(&self) -> Markup {
        html! {
            (self.line("optional_scopes", "Optional scopes", Kind::Code,
                "Values of scopes ticked above, with spaces between. People may leave these out when they are asked for consent."))
            (self.line("home_page", "Home page", Kind::Url, "Shown where people are asked for consent."))
            (self.tick("require_second_factor", "Require a second factor", "A password alone is not enough for this client."))
            (self.line("default_max_age", "Oldest sign-in in seconds", Kind::Digits,
                "Whoever signed in longer ago signs in again, unless the request says otherwise."))
            details open[self.hidden_trouble()] { summary { "ID tokens and user info" } div.stack { (self.identity_tokens()) } }
        }
    }

    /// What was refused must not stay folded away.
    fn hidden_trouble(&self) -> bool {
        [
            "subject_type",
            "sector_identifier",
            "id_token_signed_response_alg",
            "userinfo_signed_response_alg",
        ]
        .iter()
        .any(|name| !self.refused.of(name).is_empty())
    }

    fn identity_tokens(&self) -> Markup {
        let people = &self.typed.people;
        html! {
            (self.choice("id_token_signed_response_alg", "How ID tokens are signed", "",
                &[("", "RS256 (usual)"), ("ES256", "ES256"), ("EdDSA", "EdDSA")]))
            (self.choice("userinfo_signed_response_alg", "How user info is answered", "",
                &[("", "Plain JSON"), ("RS256", "JWT signed with RS256"), ("ES256", "JWT signed with ES256"), ("EdDSA", "JWT signed with EdDSA")]))
            (self.tick("require_auth_time", "ID tokens always say when the person signed in", ""))
            @if self.shape.settled {
                dl.facts { dt { "Ids of people" } dd { (subjects(people.of("subject_type"), people.of("sector_identifier"))) } }
            } @else {
                (self.choice("subject_type", "Ids of people", "It cannot be changed later: everybody would be somebody else.",
                    &[("public", "The same as other clients get"), ("pairwise", "Of this client alone (pairwise)")]))
                (self.line("sector_identifier", "Sector", Kind::Code,
                    "For pairwise ids: the host under which the client knows people. Needed unless its redirect URIs have exactly one."))
            }
        }
    }

    fn signing_out(&self) -> Markup {
        html! {
            (self.line("post_logout_redirect_uris", "Post-logout redirect URIs", Kind::Lines,
                "Where people may be sent after they sign out, one a line. Matched exactly."))
            (self.line("backchannel_logout_uri", "Back-channel logout URI", Kind::Url,
                "This server tells the client here that somebody signed out: https, on a public host."))
            (self.tick("backchannel_logout_session_required", "It needs to hear which session ended", ""))
        }
    }
}

/// By which ids a client knows people.
pub(in crate::console) fn subjects(subject_type: &str, sector: &str) -> Markup {
    html! {
        @if subject_type == SubjectType::Pairwise.word() { "Of clients of the sector " code { (sector) } " alone (pairwise)" }
        @else { "The same as other clients get" }
    }
}
