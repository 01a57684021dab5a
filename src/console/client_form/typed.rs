//! What was typed into the form of a client, as texts: it can be shown again whatever it is.

use crate::{
    browser::Form,
    console::client_form::people::People,
    oauth::{
        client::{ApplicationType, AuthMethod, GrantType, Kind},
        scope::OIDC,
    },
    registry::{
        client_input::{Draft, ScopeRef},
        secrets::Term,
    },
    store::{apis::Api, clients::Client},
    time::Lifetime,
};

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::console) struct Typed {
    pub kind: Kind,
    pub application_type: ApplicationType,
    pub name: String,
    pub description: String,
    /// Id of the member who looks after it; empty for nobody.
    pub owner: String,
    pub grant_types: Vec<GrantType>,
    pub redirect_uris: Vec<String>,
    /// As [`super::scope_id`] writes them.
    pub scopes: Vec<String>,
    pub require_consent: bool,
    pub access_token_lifetime: String,
    pub auth_method: String,
    pub people: People,
    pub secret_expires: String,
    pub label: String,
    pub note: String,
}

impl Typed {
    /// An empty form.
    pub fn blank(kind: Kind, application_type: ApplicationType, grant_types: Vec<GrantType>) -> Self {
        Self {
            kind,
            application_type,
            name: String::new(),
            description: String::new(),
            owner: String::new(),
            grant_types,
            redirect_uris: Vec::new(),
            scopes: Vec::new(),
            require_consent: true,
            access_token_lifetime: String::new(),
            auth_method: String::new(),
            people: People::default(),
            secret_expires: String::new(),
            label: String::new(),
            note: String::new(),
        }
    }

    /// The settings of a client.
    pub fn of_client(client: &Client) -> Self {
        let pairs = client
            .scopes
            .iter()
            .map(|(api, value)| super::scope_id(api, value));
        Self {
            kind: client.kind,
            application_type: client.application_type,
            name: client.name.clone(),
            description: client.description.clone(),
            owner: client.user_id.clone().unwrap_or_default(),
            grant_types: client.grant_types.clone(),
            redirect_uris: client.redirect_uris.clone(),
            scopes: pairs.chain(client.oidc_scopes.iter().cloned()).collect(),
            require_consent: client.require_consent,
            access_token_lifetime: client
                .access_token_lifetime
                .map(|l| l.as_seconds().to_string())
                .unwrap_or_default(),
            auth_method: client
                .auth_method
                .map(|m| m.word().to_owned())
                .unwrap_or_default(),
            people: People::of_client(client),
            secret_expires: String::new(),
            label: String::new(),
            note: String::new(),
        }
    }

    /// Reads a form. `before` says what the form cannot: the kind, and the type unless it may be chosen. A grant that
    /// is neither offered nor held is none.
    pub fn read(form: &Form, before: &Self, may_choose_type: bool, offered: &[GrantType]) -> Self {
        let chosen = ApplicationType::parse(form.one("type")).filter(|_| may_choose_type);
        Self {
            kind: before.kind,
            application_type: chosen.unwrap_or(before.application_type),
            name: form.one("name").to_owned(),
            description: form.one("description").replace("\r\n", "\n"),
            owner: form.one("owner").to_owned(),
            grant_types: form
                .all("grant_types")
                .filter_map(GrantType::parse)
                .filter(|grant| offered.contains(grant) || before.grant_types.contains(grant))
                .collect(),
            // Several lines pasted into one row are several URIs; a URI holds no space.
            redirect_uris: form
                .all("redirect_uris")
                .flat_map(str::split_whitespace)
                .map(str::to_owned)
                .collect(),
            scopes: form.all("scopes").map(str::to_owned).collect(),
            require_consent: form.ticked("require_consent"),
            access_token_lifetime: form.one("access_token_lifetime").to_owned(),
            auth_method: form.one("auth_method").to_owned(),
            people: People::read(form, &before.people),
            secret_expires: form.one("secret_expires").to_owned(),
            label: form.one("label").to_owned(),
            note: form.one("note").to_owned(),
        }
    }

    /// As [`read`](Self::read) reads them.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("type", self.application_type.word().to_owned()),
            ("name", self.name.clone()),
            ("description", self.description.clone()),
            ("owner", self.owner.clone()),
            ("access_token_lifetime", self.access_token_lifetime.clone()),
            ("auth_method", self.auth_method.clone()),
            ("secret_expires", self.secret_expires.clone()),
            ("label", self.label.clone()),
            ("note", self.note.clone()),
        ];
        fields.extend(
            self.grant_types
                .iter()
                .map(|g| ("grant_types", g.word().to_owned())),
        );
        fields.extend(self.redirect_uris.iter().map(|u| ("redirect_uris", u.clone())));
        fields.extend(self.scopes.iter().map(|s| ("scopes", s.clone())));
        fields.extend(self.people.fields());
        if self.require_consent {
            fields.push(("require_consent", "yes".to_owned()));
        }
        fields
    }

    /// Whether a person stands behind its tokens.
    pub fn needs_person(&self) -> bool {
        self.grant_types.iter().any(|grant| grant.needs_person())
    }

    /// Whether people return to it by a redirect.
    pub fn redirects(&self) -> bool {
        self.grant_types.iter().any(|grant| grant.redirects())
    }

    /// The same without what its grants have no use for.
    pub fn useful(mut self) -> Self {
        if !self.redirects() {
            self.redirect_uris.clear();
        }
        if !self.needs_person() {
            self.scopes.retain(|id| !OIDC.contains(&id.as_str()));
            self.require_consent = false;
            self.people = People::default();
        }
        if !self.application_type.holds_secret() {
            self.auth_method.clear();
        }
        self
    }

    /// The scopes as the registry reads them.
    pub fn scope_refs(&self, apis: &[Api]) -> Vec<ScopeRef> {
        let one = |id: &String| match id.split_once(' ') {
            Some((api, value)) => ScopeRef {
                audience: Some(
                    apis.iter()
                        .find(|a| a.id == api)
                        .map_or_else(|| api.to_owned(), |a| a.audience.clone()),
                ),
                value: value.to_owned(),
            },
            None => ScopeRef::text(id.as_str()),
        };
        self.scopes.iter().map(one).collect()
    }

    /// What is not a number is out of every range.
    pub fn lifetime(&self) -> Option<Lifetime> {
        match self.access_token_lifetime.as_str() {
            "" => None,
            text => Some(Lifetime::seconds(text.parse().unwrap_or(-1))),
        }
    }

    /// The method it is pinned to.
    pub fn pinned(&self) -> Option<AuthMethod> {
        AuthMethod::parse(&self.auth_method)
    }

    /// Who looks after it.
    pub fn user_id(&self) -> Option<String> {
        Some(self.owner.clone()).filter(|id| !id.is_empty())
    }

    /// The client to be made.
    pub fn draft(&self, apis: &[Api]) -> Draft {
        let this = self.clone().useful();
        Draft {
            scopes: this.scope_refs(apis),
            auth_method: this.pinned(),
            access_token_lifetime: this.lifetime(),
            optional_scopes: Some(this.people.optional_scopes(&this.scopes, apis)),
            people: this.people.settings(),
            user_id: this.user_id(),
            kind: this.kind,
            application_type: this.application_type,
            name: this.name,
            description: this.description,
            grant_types: this.grant_types,
            redirect_uris: this.redirect_uris,
            require_consent: this.require_consent,
        }
    }

    /// When the new secret expires.
    pub fn term(&self) -> Term {
        term(&self.secret_expires)
    }
}

/// Reads a choice of [`super::sections::expiries`].
pub(in crate::console) fn term(text: &str) -> Term {
    match text {
        "" => Term::Default,
        "never" => Term::Never,
        days => Term::After(Lifetime::days(days.parse().unwrap_or(0))),
    }
}
