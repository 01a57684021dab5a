//! The parts of the form of a client.

use maud::{Markup, html};

use super::{Ground, Refused, Shape, Typed, scopes};
use crate::{
    console::visit::Visit,
    oauth::client::{ApplicationType, GrantType},
    store::organizations::Organization,
    ui::{
        badge::{Tone, code_tags, tags},
        choice::{Card, Cards, Checkbox, Pick},
        form::{self, Field, Kind, Select, section},
        notice::note,
        uris::{Uri, Uris, Verdict},
    },
};

/// Everything the form is drawn from.
pub(in crate::console) struct Look<'a> {
    pub visit: &'a Visit,
    pub typed: &'a Typed,
    pub ground: &'a Ground,
    pub shape: &'a Shape,
    pub refused: &'a Refused,
    /// The row of a redirect URI that takes the focus, counted from the end of what was typed.
    pub new_row: bool,
}

impl Look<'_> {
    /// All sections.
    pub fn sections(&self) -> Markup {
        html! {
            (section("Identity", "How people recognise it.", &self.identity()))
            (section("How it gets tokens", "", &self.grants()))
            @if self.shape.grants.contains(&GrantType::AuthorizationCode) {
                div.when-redirect { (section("Where people return", "After they have signed in.", &self.redirects())) }
            }
            (section("Access", "", &self.access()))
            @if self.shape.grants.iter().any(|grant| grant.needs_person()) { div.when-person { (self.people()) } }
            @if self.shape.makes_secret { div.when-secret[self.shape.types.len() > 1] {
                (section("Secret", "It is shown once, on the next page. Decide first where it will be stored.", &self.secret()))
            } }
            (section("More", "", &self.more()))
        }
    }

    fn identity(&self) -> Markup {
        let typed = self.typed;
        html! {
            (Field { name: "name", label: "Name", value: &typed.name, placeholder: "CI Pipeline", max: 120,
                error: self.refused.of("name"), autofocus: self.refused.is_empty() && typed.name.is_empty() && !self.new_row,
                ..Field::default() })
            (Field { name: "description", label: "Description", kind: Kind::Lines, value: &typed.description, optional: true,
                hint: "What it does, and for whom.", error: self.refused.of("description"), ..Field::default() })
            @if !self.ground.owners.is_empty() { (self.owner()) }
        }
    }

    fn owner(&self) -> Markup {
        let nobody = (String::new(), "Nobody in particular".to_owned());
        let options = std::iter::once(nobody).chain(self.ground.owners.iter().cloned());
        html! { (Select { name: "owner", label: "Owner", value: &self.typed.owner, options: options.collect(),
        hint: "The member who looks after it.", error: self.refused.of("owner") }) }
    }

    /// How it gets tokens.
    pub fn grants(&self) -> Markup {
        if let Some(why) = &self.shape.locked {
            return self.locked_grants(why);
        }
        let cards = self
            .shape
            .grants
            .iter()
            .map(|grant| grant_card(*grant, self.typed))
            .collect();
        html! {
            @if self.shape.types.len() > 1 { (self.types()) }
            (Cards { name: "grant_types", legend: "Grant types", pick: Pick::Many, cards,
                hint: "How the client gets tokens. Refresh tokens come beside a grant in which a person signs in.",
                error: self.refused.of("grant_types"), ..Cards::default() })
            @if self.shape.grants.iter().any(|grant| grant.is_legacy()) { (note(Tone::Warn, &html! { p {
                "Password and implicit are for a migration only: they give passwords and tokens away (RFC 9700). Move the client to \
                 authorization code, then switch them off in the configuration."
            } })) }
        }
    }

    fn locked_grants(&self, why: &Markup) -> Markup {
        html! {
            @for grant in &self.typed.grant_types { (form::hidden("grant_types", grant.word())) }
            div.row { (tags(&self.typed.grant_types.iter().map(|g| g.label()).collect::<Vec<_>>())) }
            (note(Tone::Info, why))
        }
    }

    fn types(&self) -> Markup {
        let card = |kind: &ApplicationType| {
            let (title, text) = place(*kind);
            Card {
                value: kind.word().to_owned(),
                title: title.to_owned(),
                text: text.to_owned(),
                checked: *kind == self.typed.application_type,
                reveals: if kind.holds_secret() { "secret" } else { "" },
                ..Card::default()
            }
        };
        let cards = self.shape.types.iter().map(card).collect();
        html! { (Cards { name: "type", legend: "Where does the code run?", error: self.refused.of("type"), cards,
        hint: "It decides whether the client can keep a secret, and cannot be changed later.", ..Cards::default() }) }
    }

    fn redirects(&self) -> Markup {
        let typed = self.typed;
        let native = matches!(
            typed.application_type,
            ApplicationType::Native | ApplicationType::Public
        );
        let mut uris: Vec<Uri> = (0..typed.redirect_uris.len()).map(|at| self.uri(at)).collect();
        if self.new_row {
            uris.push(Uri {
                focus: true,
                ..Uri::default()
            });
        }
        html! { (Uris { name: "redirect_uris", legend: "Redirect URIs", row: "Redirect URI", native, uris,
        hint: "Matched exactly, character by character. Paste several lines to add several.",
        error: self.refused.of("redirect_uris"), optional: false }) }
    }

    fn uri(&self, at: usize) -> Uri {
        let all = &self.typed.redirect_uris;
        let value = &all[at];
        let boundary = self.visit.app.registry.boundary_of(self.visit.org());
        let bad = |text: String| Verdict {
            tone: Tone::Bad,
            text,
        };
        let objection = || boundary.check_redirect(value, self.typed.application_type).err();
        let twin = match value.strip_suffix('/') {
            Some(bare) => bare.to_owned(),
            None => format!("{value}/"),
        };
        let verdict = if let Some(detail) = self.refused.of_row("redirect_uris", at) {
            Some(bad(detail.to_owned()))
        } else if all[..at].contains(value) {
            Some(bad("This URI is in the list already.".to_owned()))
        } else if let Some(objection) = objection() {
            Some(bad(objection.detail))
        } else {
            all.contains(&twin).then(|| Verdict {
                tone: Tone::Warn,
                text: "Differs from another row only by the last “/”; both are matched exactly.".to_owned(),
            })
        };
        Uri {
            value: value.clone(),
            verdict,
            focus: false,
        }
    }

    /// What it may do.
    pub fn access(&self) -> Markup {
        let people = self.shape.grants.iter().any(|grant| grant.needs_person());
        if self.shape.locked.is_some() {
            return self.locked_scopes();
        }
        html! {
            (scopes::picker(self.typed, self.ground, self.refused, people))
            @if people { div.when-person {
                (Checkbox { name: "require_consent", value: "yes", label: "Require user consent", checked: self.typed.require_consent,
                    hint: "People are asked before the client acts for them.", ..Checkbox::default() })
            } }
        }
    }

    fn locked_scopes(&self) -> Markup {
        let values: Vec<&str> = scopes::chosen(self.typed, &self.ground.apis)
            .into_iter()
            .map(|(_, scope)| scope.value.as_str())
            .collect();
        html! {
            @for id in &self.typed.scopes { (form::hidden("scopes", id)) }
            (code_tags(&values))
            details { summary { "Why these?" }
                ul.stack { @for (_, scope) in scopes::chosen(self.typed, &self.ground.apis) {
                    li { code { (scope.value) } ": " (crate::ui::name(&scope.description)) }
                } }
            }
        }
    }

    /// When the secret expires.
    pub fn expiry(&self) -> Markup {
        expiry(
            self.visit.org(),
            &self.typed.secret_expires,
            self.refused.of("secret_expires"),
        )
    }

    fn secret(&self) -> Markup {
        html! {
            (self.expiry())
            (Field { name: "label", label: "Label of the secret", value: &self.typed.label, optional: true, max: 100,
                hint: "So that you know it among others.", error: self.refused.of("label"), ..Field::default() })
            (Field { name: "note", label: "Where it is kept", value: &self.typed.note, optional: true, max: 300,
                hint: "Such as “vault, path billing/sync”. Never the secret itself.",
                error: self.refused.of("note"), ..Field::default() })
        }
    }

    fn more(&self) -> Markup {
        let typed = self.typed;
        let holds = self.shape.types.iter().any(|kind| kind.holds_secret());
        html! {
            (Field { name: "access_token_lifetime", label: "Access token lifetime in seconds", kind: Kind::Digits, optional: true,
                value: &typed.access_token_lifetime, hint: "60 to 86,400. The smallest of API, client and organisation counts.",
                error: self.refused.of("access_token_lifetime"), ..Field::default() })
            @if holds { div.when-secret[self.shape.types.len() > 1] {
                (Select { name: "auth_method", label: "How it sends its secret", value: &typed.auth_method,
                    hint: "Pin it to one way if the client's library only knows one.", error: self.refused.of("auth_method"),
                    options: [("", "Either way"), ("client_secret_basic", "HTTP Basic only"), ("client_secret_post", "In the request body only")]
                        .map(|(value, words)| (value.to_owned(), words.to_owned())).to_vec() })
            } }
        }
    }
}

fn grant_card(grant: GrantType, typed: &Typed) -> Card {
    let (text, reveals) = match grant {
        GrantType::AuthorizationCode => (
            "A person signs in in the browser and returns to the client. PKCE is always on.",
            "redirect person",
        ),
        GrantType::ClientCredentials => ("The client acts for itself, with its secret.", ""),
        GrantType::RefreshToken => ("Stays signed in; every use gives a new refresh token.", "person"),
        GrantType::DeviceCode => ("A person confirms on another device.", "person"),
        GrantType::Password => (
            "Migration only: the client itself asks people for their password.",
            "person",
        ),
        GrantType::Implicit => (
            "Migration only: the token comes back in the address of the browser.",
            "redirect person",
        ),
    };
    Card {
        value: grant.word().to_owned(),
        title: grant.label().to_owned(),
        text: text.to_owned(),
        checked: typed.grant_types.contains(&grant),
        reveals,
        ..Card::default()
    }
}

/// Where the code of a type of client runs: a title and a line.
pub(in crate::console) const fn place(kind: ApplicationType) -> (&'static str, &'static str) {
    match kind {
        ApplicationType::Web => (
            "Web app",
            "On a server that people reach with a browser. Keeps a secret.",
        ),
        ApplicationType::Service => ("Service or job", "On a server, without people. Keeps a secret."),
        ApplicationType::UserAgentBased => (
            "Single-page app",
            "In the browser. Anybody can read its code, so it has no secret.",
        ),
        ApplicationType::Native => (
            "Mobile or desktop app",
            "On people's own devices, so it has no secret.",
        ),
        ApplicationType::Public => (
            "CLI or device",
            "In a terminal, a TV or the like, so it has no secret.",
        ),
    }
}

/// When a new secret expires: as the organisation has it, or another span.
pub(in crate::console) fn expiry(org: &Organization, value: &str, error: &str) -> Markup {
    let usual = org.settings.secret_lifetime_days;
    let mut days = vec![30, 90, 180, 365];
    if !days.contains(&usual) {
        days.push(usual);
        days.sort_unstable();
    }
    let mut options: Vec<(String, String)> = days
        .into_iter()
        .map(|n| {
            let usual = if n == usual { " (usual here)" } else { "" };
            (n.to_string(), format!("In {n} days{usual}"))
        })
        .collect();
    if org.settings.secrets_may_never_expire {
        options.push(("never".to_owned(), "Never".to_owned()));
    }
    let usual = usual.to_string();
    let value = if value.is_empty() { &usual } else { value };
    html! { (Select { name: "secret_expires", label: "Secret expires", options, value, error,
    hint: "Rotate it before then; both secrets work while you change over." }) }
}
