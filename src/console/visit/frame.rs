//! The frame around a page: who looks, where he can go.

use super::{Section, Visit};
use crate::{
    registry::access::Permission,
    store::users::Role,
    ui::{
        icon::Icon,
        page::{Account, Link, NavItem, Shell, Theme},
    },
};

/// The pages that belong to a person.
const PERSONAL: [(Icon, &str, &str); 7] = [
    (Icon::People, "Profile", "/me/profile"),
    (Icon::Shield, "Security", "/me/security"),
    (Icon::Client, "Sessions", "/me/sessions"),
    (Icon::Key, "My credentials", "/me/credentials"),
    (Icon::Api, "Connected apps", "/me/apps"),
    (Icon::Activity, "My activity", "/me/activity"),
    (Icon::Settings, "Preferences", "/me/preferences"),
];

impl Visit {
    /// The frame around a page.
    pub fn shell(&self, section: Section) -> Shell {
        let preferences = self.preferences();
        let user = &self.visitor.user;
        let org = self.access.as_ref().map(|a| &a.org);
        let at = |tail: &str| org.map_or_else(String::new, |o| format!("/orgs/{}{tail}", o.handle));
        let role = match (self.role, user.operator) {
            (Some(role), _) => role.word(),
            (None, true) => "operator",
            (None, false) => "",
        };
        let mut chars = role.chars();
        let role = chars
            .next()
            .map(|c| c.to_uppercase().collect::<String>() + chars.as_str());
        Shell {
            theme: preferences.theme.as_deref().and_then(Theme::parse),
            shortcuts: preferences.shortcuts,
            compact: preferences.compact,
            csrf: self.visitor.csrf.clone(),
            zone: self.reader().zone_words(),
            org: org.map(|o| o.name.clone()).unwrap_or_default(),
            home: "/".to_owned(),
            orgs: self
                .orgs
                .iter()
                .map(|(id, handle, name, _)| Link {
                    label: name.clone(),
                    href: format!("/orgs/{handle}/clients"),
                    current: org.is_some_and(|o| o.id == *id),
                })
                .collect(),
            nav: self.nav(section),
            search: (org.is_some() && self.may(Permission::ClientsRead)).then(|| at("/clients")),
            account: Account {
                name: user.display_name.clone(),
                login: user.username.clone(),
                role: role.unwrap_or_default(),
                links: PERSONAL
                    .iter()
                    .map(|(_, label, href)| self.personal_link(label, href))
                    .chain(std::iter::once(
                        self.personal_link("Switch account", "/login/choose"),
                    ))
                    .collect(),
                sign_out: "/logout".to_owned(),
            },
            operator: self.role.is_none() && org.is_some() && user.operator,
            read_only: (self.role == Some(Role::Auditor) && !user.operator).then(|| {
                "You are an auditor here: you see everything and change nothing. An organisation admin can change \
                 your role."
                    .to_owned()
            }),
        }
    }

    fn personal_link(&self, label: &str, href: &str) -> Link {
        Link {
            label: label.to_owned(),
            href: href.to_owned(),
            current: self.here.split('?').next() == Some(href),
        }
    }

    fn nav(&self, section: Section) -> Vec<NavItem> {
        let Some(access) = &self.access else {
            return self.personal_nav();
        };
        let item = |icon, label: &str, tail: &str, is, keys, permission| {
            self.may(permission).then(|| NavItem {
                icon,
                label: label.to_owned(),
                href: format!("/orgs/{}{tail}", access.org.handle),
                current: section == is,
                keys,
            })
        };
        [
            item(
                Icon::Home,
                "Overview",
                "",
                Section::Overview,
                None,
                Permission::ClientsRead,
            ),
            item(
                Icon::Key,
                "OAuth Clients",
                "/clients",
                Section::Clients,
                Some("g c"),
                Permission::ClientsRead,
            ),
            item(
                Icon::Api,
                "APIs & scopes",
                "/apis",
                Section::Apis,
                Some("g a"),
                Permission::ApisRead,
            ),
            item(
                Icon::People,
                "Members",
                "/people",
                Section::Members,
                None,
                Permission::MembersRead,
            ),
            item(
                Icon::Activity,
                "Activity",
                "/activity",
                Section::Activity,
                Some("g l"),
                Permission::AuditRead,
            ),
            item(
                Icon::Search,
                "Token inspector",
                "/tools/token",
                Section::Tools,
                None,
                Permission::ClientsRead,
            ),
            item(
                Icon::Settings,
                "Settings",
                "/settings",
                Section::Settings,
                None,
                Permission::OrganizationsWrite,
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Whether this page is that one, or below it.
    fn is_within(&self, href: &str) -> bool {
        let here = self.here.split('?').next().unwrap_or_default();
        here.strip_prefix(href)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') && href != "/")
    }

    /// Where one goes from a page that belongs to no organisation.
    fn personal_nav(&self) -> Vec<NavItem> {
        let item = |icon, label: &str, href: &str| NavItem {
            icon,
            label: label.to_owned(),
            href: href.to_owned(),
            current: self.is_within(href),
            keys: None,
        };
        std::iter::once((Icon::Home, "Start", "/"))
            .chain(PERSONAL)
            .map(|(icon, label, href)| item(icon, label, href))
            .collect()
    }
}
