//! Kinds of clients to begin with: each sets the type and ticks the grants.

use maud::{Markup, html};

use crate::{
    console::client_form::{Shape, Typed, grants_of},
    oauth::client::{
        ApplicationType,
        GrantType::{self, AuthorizationCode, ClientCredentials, DeviceCode, RefreshToken},
        Kind, words,
    },
    registry::client_input::SYNC_CONNECTOR_SCOPES,
    store::apis::Api,
    ui::badge::tags,
};

words! {
    /// A kind of client to begin with; the words stand in addresses.
    Template {
        SyncConnector = "sync-connector",
        Custom = "custom",
        Service = "service",
        Web = "web",
        SinglePage = "single-page",
        Native = "native",
        Device = "device",
    }
}

impl Template {
    /// Its name and one line.
    pub const fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::SyncConnector => (
                "Sync connector",
                "Copies people and groups from LDAP or Active Directory.",
            ),
            Self::Custom => ("Custom client", "Every setting is yours to choose."),
            Self::Service => (
                "Service or job",
                "A backend, a script or a CI job that acts for itself.",
            ),
            Self::Web => ("Web app", "Runs on a server and signs people in."),
            Self::SinglePage => ("Single-page app", "Runs in the browser and signs people in."),
            Self::Native => (
                "Mobile or desktop app",
                "Runs on people's own devices and signs them in.",
            ),
            Self::Device => (
                "CLI or device",
                "A terminal, a TV or the like, without a browser of its own.",
            ),
        }
    }

    /// The heading of its form.
    pub fn heading(self) -> String {
        match self {
            Self::Service => "Create a service or job".to_owned(),
            Self::Device => "Create a CLI or device client".to_owned(),
            other => format!("Create a {}", other.about().0.to_lowercase()),
        }
    }

    const fn application_type(self) -> ApplicationType {
        match self {
            Self::SyncConnector | Self::Service => ApplicationType::Service,
            Self::Custom | Self::Web => ApplicationType::Web,
            Self::SinglePage => ApplicationType::UserAgentBased,
            Self::Native => ApplicationType::Native,
            Self::Device => ApplicationType::Public,
        }
    }

    const fn grants(self) -> &'static [GrantType] {
        match self {
            Self::SyncConnector | Self::Service => &[ClientCredentials],
            Self::Custom => &[],
            Self::Web | Self::SinglePage | Self::Native => &[AuthorizationCode, RefreshToken],
            Self::Device => &[DeviceCode, RefreshToken],
        }
    }

    /// The form as it begins.
    pub fn blank(self, apis: &[Api]) -> Typed {
        let kind = match self {
            Self::SyncConnector => Kind::SyncConnector,
            _ => Kind::Custom,
        };
        let mut typed = Typed::blank(kind, self.application_type(), self.grants().to_vec());
        if self == Self::SyncConnector {
            typed.scopes = scope_ids(apis, &SYNC_CONNECTOR_SCOPES);
        }
        typed
    }

    /// What its form lets be chosen; grants for migrations only in the open form.
    pub fn shape(self, customise: &str, offered: &[GrantType]) -> Shape {
        let locked = (self == Self::SyncConnector).then(|| {
            html! { p { "A sync connector has this grant and the five scopes below, no more and no less. "
            a href=(customise) { "Customise" } " makes it a custom client with everything open." } }
        });
        let application_type = self.application_type();
        Shape {
            types: match self {
                Self::Custom => &[
                    ApplicationType::Web,
                    ApplicationType::Service,
                    ApplicationType::UserAgentBased,
                    ApplicationType::Native,
                    ApplicationType::Public,
                ],
                Self::Web => &[ApplicationType::Web],
                Self::SyncConnector | Self::Service => &[ApplicationType::Service],
                Self::SinglePage => &[ApplicationType::UserAgentBased],
                Self::Native => &[ApplicationType::Native],
                Self::Device => &[ApplicationType::Public],
            },
            grants: if self == Self::Custom {
                grants_of(application_type, offered, &[])
            } else {
                grants_of(application_type, &[], &[])
            },
            locked,
            settled: false,
            makes_secret: application_type.holds_secret(),
        }
    }

    /// What its card says below the line.
    pub fn facts(self) -> Markup {
        let mut words: Vec<&str> = self.grants().iter().map(|grant| grant.label()).collect();
        if self == Self::Custom {
            words.push("Any grants");
        }
        html! { (tags(&words)) span.hint { "Gets a secret: " (self.secret()) } }
    }

    const fn secret(self) -> &'static str {
        match self {
            Self::Custom => "if it can keep one",
            Self::SyncConnector | Self::Service | Self::Web => "yes",
            Self::SinglePage | Self::Native | Self::Device => "no",
        }
    }
}

/// What the form posts for scopes that are named by value, alone or with their audience; unknown ones are left out.
pub(super) fn scope_ids(apis: &[Api], values: &[&str]) -> Vec<String> {
    let id = |text: &&str| {
        if crate::oauth::scope::OIDC.contains(text) {
            return Some((*text).to_owned());
        }
        apis.iter().find_map(|api| {
            let bare = text.strip_prefix(api.audience.as_str()).unwrap_or(text);
            let bare = bare.strip_prefix('-').unwrap_or(bare);
            let known = api.scopes.iter().find(|scope| scope.value == bare)?;
            Some(crate::console::client_form::scope_id(&api.id, &known.value))
        })
    };
    values.iter().filter_map(id).collect()
}
