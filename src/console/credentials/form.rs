//! The form of a personal credential: audiences, each with the scopes of its API. It works without script: what a button
//! inside it asks for comes back as the form again.

use axum::response::Response;
use maud::{Markup, html};

use crate::{
    console::{
        client_form::{self, Refused},
        once,
        visit::{OrTrouble, Visit},
    },
    registry::{
        access::Access,
        client_input::ScopeRef,
        credentials::{self as own, CredentialEdit, Grantable, NewCredential},
    },
    store::{
        apis::{Api, Risk},
        clients::Client,
    },
    ui::{
        form::{Field, Select, csrf, hidden, section},
        scopes::Risk as Shown,
    },
};

/// What the form offers.
pub(super) struct Ground {
    /// What may be done where the credential will belong.
    pub access: Access,
    /// Whose it will be.
    pub user_id: String,
    /// The APIs there and their scopes.
    pub apis: Vec<(Api, Vec<Grantable>)>,
}

/// One audience and the scopes chosen of it.
#[derive(Clone, Debug, Default)]
struct Pair {
    /// Id of the API.
    api: String,
    scopes: Vec<String>,
}

/// What was typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Typed {
    pub name: String,
    pub description: String,
    pub expires: String,
    pairs: Vec<Pair>,
}

impl Ground {
    /// Reads it.
    ///
    /// # Errors
    /// The page that says why not.
    pub async fn read(visit: &Visit, access: Access, user_id: &str) -> Result<Self, Response> {
        let all = own::grantable(&visit.app.registry, &access, user_id)
            .await
            .or_trouble(visit)?;
        // The organisation's own APIs first; the management API is for scripts that manage this server.
        let (mut own, built_in): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(api, _)| api.org_id.is_some());
        own.extend(built_in);
        Ok(Self {
            access,
            user_id: user_id.to_owned(),
            apis: own,
        })
    }

    fn scopes_of(&self, api: &str) -> Option<&(Api, Vec<Grantable>)> {
        self.apis.iter().find(|(known, _)| known.id == api)
    }

    /// The APIs of which at least one scope can be given.
    fn usable(&self) -> impl Iterator<Item = &Api> {
        let can = |scopes: &[Grantable]| scopes.iter().any(|one| one.refused.is_none());
        self.apis
            .iter()
            .filter(move |(_, scopes)| can(scopes))
            .map(|(api, _)| api)
    }
}

impl Typed {
    /// An empty form.
    pub fn blank(ground: &Ground) -> Self {
        Self {
            pairs: vec![Pair {
                api: ground
                    .usable()
                    .next()
                    .map(|api| api.id.clone())
                    .unwrap_or_default(),
                scopes: Vec::new(),
            }],
            ..Self::default()
        }
    }

    /// A form that begins as this credential is.
    pub fn like(client: &Client) -> Self {
        let mut pairs: Vec<Pair> = Vec::new();
        for (api, value) in &client.scopes {
            match pairs.iter_mut().find(|pair| pair.api == *api) {
                Some(pair) => pair.scopes.push(value.clone()),
                None => pairs.push(Pair {
                    api: api.clone(),
                    scopes: vec![value.clone()],
                }),
            }
        }
        Self {
            name: client.name.clone(),
            description: client.description.clone(),
            expires: String::new(),
            pairs,
        }
    }

    /// What the form posted, and whether it is to be shown again because a button inside it asks for that, or because of
    /// another audience whose scopes nobody has seen yet.
    pub fn read(visit: &Visit, ground: &Ground) -> (Self, bool) {
        let form = &visit.form;
        let deed = form.one("do");
        let mut again = !deed.is_empty();
        let mut pairs = Vec::new();
        for at in 0..form.all("pair").count().min(50) {
            let api = form.one(&format!("audience-{at}")).to_owned();
            let shown = form.one(&format!("shown-{at}"));
            if deed == format!("remove:{at}") {
                continue;
            }
            let scopes = if shown == api {
                form.all(&format!("scope-{at}")).map(str::to_owned).collect()
            } else {
                again = true;
                Vec::new()
            };
            pairs.push(Pair { api, scopes });
        }
        if deed == "add" {
            let free = ground
                .usable()
                .find(|api| pairs.iter().all(|pair| pair.api != api.id));
            let api = free.or_else(|| ground.usable().next());
            pairs.extend(api.map(|api| Pair {
                api: api.id.clone(),
                scopes: Vec::new(),
            }));
        }
        if pairs.is_empty() {
            pairs = Self::blank(ground).pairs;
        }
        let typed = Self {
            name: form.one("name").to_owned(),
            description: form.one("description").to_owned(),
            expires: form.one("secret_expires").to_owned(),
            pairs,
        };
        (typed, again)
    }

    fn scopes(&self, ground: &Ground) -> Vec<ScopeRef> {
        let mut all: Vec<ScopeRef> = Vec::new();
        for pair in &self.pairs {
            let audience = ground.scopes_of(&pair.api).map(|(api, _)| api.audience.clone());
            for value in &pair.scopes {
                let one = ScopeRef {
                    audience: audience.clone(),
                    value: value.clone(),
                };
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        all
    }

    /// As the registry takes it.
    pub fn new_credential(&self, ground: &Ground) -> NewCredential {
        NewCredential {
            name: self.name.clone(),
            description: self.description.clone(),
            scopes: self.scopes(ground),
            term: client_form::term(&self.expires),
            term_at: "/secret_expires",
        }
    }

    /// As a change of a credential.
    pub fn edit(&self, ground: &Ground) -> CredentialEdit {
        CredentialEdit {
            name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            scopes: Some(self.scopes(ground)),
        }
    }
}

/// What is special about one use of the form.
pub(super) struct Look<'a> {
    pub action: &'a str,
    /// What the button says.
    pub button: &'a str,
    pub cancel: &'a str,
    /// Whether a secret is about to be made.
    pub makes_secret: bool,
    /// Above and below the audiences.
    pub before: Markup,
    pub after: Markup,
}

/// The form.
pub(super) fn markup(
    visit: &Visit,
    ground: &Ground,
    typed: &Typed,
    refused: &Refused,
    look: &Look<'_>,
) -> Markup {
    let org = &ground.access.org;
    html! {
        (refused.summary())
        form.form method="post" action=(look.action) novalidate {
            (csrf(&visit.visitor.csrf)) (hidden("once", &once::text(visit)))
            (look.before)
            (section("What it is for", "", &html! {
                (Field { name: "name", label: "Name", value: &typed.name, max: 120, error: refused.of("name"), ..Field::default() })
                (Field { name: "description", label: "Title", value: &typed.description, optional: true, max: 1000,
                    hint: "What the script does, and where it runs.", error: refused.of("description"), ..Field::default() })
                @if look.makes_secret { (client_form::expiry(org, &typed.expires, refused.of("secret_expires"))) }
            }))
            section.section #scopes tabindex="-1" {
                header { h2 { "What it may do" } p { "One audience and its scopes at a time: a token is for one audience." } }
                @if !refused.of("scopes").is_empty() { (crate::ui::form::remarks("scopes", "", refused.of("scopes"))) }
                @for (at, pair) in typed.pairs.iter().enumerate() { (pair_markup(ground, at, pair, typed.pairs.len())) }
                div { button.small-btn type="submit" name="do" value="add" formnovalidate { "+ Another audience" } }
                (refusals(ground))
            }
            (look.after)
            div.actions {
                button.btn.primary type="submit" { (look.button) }
                a.btn href=(look.cancel) { "Cancel" }
            }
        }
    }
}

fn pair_markup(ground: &Ground, at: usize, pair: &Pair, count: usize) -> Markup {
    let options = ground.usable().map(|api| {
        (
            api.id.clone(),
            format!("{} – {}", crate::oauth::name::visible(&api.name), api.audience),
        )
    });
    let (name, number) = (format!("audience-{at}"), at + 1);
    html! {
        fieldset.stack {
            legend.label { "Pair " (number) }
            (hidden("pair", &number.to_string())) (hidden(&format!("shown-{at}"), &pair.api))
            (Select { name: &name, label: "Audience", options: options.collect(), value: &pair.api, ..Select::default() })
            div.row {
                button.small-btn type="submit" name="do" value={ "show:" (at) } formnovalidate { "Show its scopes" span.sr { " for pair " (number) } }
                @if count > 1 {
                    button.small-btn type="submit" name="do" value={ "remove:" (at) } formnovalidate { "Remove" span.sr { " pair " (number) } }
                }
            }
            @if let Some((api, scopes)) = ground.scopes_of(&pair.api) {
                div {
                    @for one in scopes.iter().filter(|one| one.refused.is_none()) { (scope(at, api, one, &pair.scopes)) }
                }
            }
        }
    }
}

const fn shown(risk: Risk) -> Shown {
    match risk {
        Risk::Reads => Shown::Reads,
        Risk::Changes => Shown::Changes,
        Risk::Destructive => Shown::Destructive,
    }
}

fn scope(at: usize, api: &Api, one: &Grantable, ticked: &[String]) -> Markup {
    let value = &one.scope.value;
    html! {
        label.scope data-risk=(one.scope.risk.word()) {
            input type="checkbox" name={ "scope-" (at) } value=(value) checked[ticked.contains(value)];
            span {
                @if one.scope.description.is_empty() { span.hint { "No description" } } @else { (crate::ui::name(&one.scope.description)) }
                code translate="no" { (own::qualify(&api.audience, value)) }
            }
            span.end { (shown(one.scope.risk).badge()) }
        }
    }
}

/// What cannot be given, with why.
fn refusals(ground: &Ground) -> Markup {
    let all = ground
        .apis
        .iter()
        .flat_map(|(api, scopes)| scopes.iter().map(move |one| (api, one)));
    let refused: Vec<_> = all
        .filter_map(|(api, one)| Some((api, one, one.refused.as_deref()?)))
        .collect();
    html! { @if !refused.is_empty() {
        details {
            summary { "What you cannot give, and why (" (refused.len()) ")" }
            ul { @for (api, one, why) in refused { li { (crate::ui::name(&api.name)) ": " code { (one.scope.value) } " – " (why) } } }
        }
    } }
}

/// What is wrong, at the fields of this form: the scopes are one.
pub(super) fn placed(refused: Refused) -> Refused {
    let place = |mut field: crate::oauth::refusal::Field| {
        if field.pointer.starts_with("/scopes/") {
            "/scopes".clone_into(&mut field.pointer);
        }
        field
    };
    Refused(refused.0.into_iter().map(place).collect())
}
