//! What a sign-in is for: where it leads, and how well somebody must prove who he is.
//! [OIDC Core §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)
//!
//! All of it comes from the address and goes along in forms. It can ask for more than an account needs, never for less.

use maud::{Markup, html};
use url::form_urlencoded;

use super::app_name::app_name;
use crate::{
    app::App,
    browser::{Form, local_path},
    oauth::authentication::{self, SINGLE_FACTOR},
    ui::{form::hidden, headers::Place},
};

/// Where a sign-in leads, and what it must reach.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub return_to: String,
    pub class: &'static str,
}

/// Paths that go on with the request of a client.
const TRANSACTIONS: [&str; 3] = ["/oauth2/authorize", "/consent", "/device"];

impl Asked {
    /// Reads a query or a form.
    pub fn of(form: &Form) -> Self {
        Self {
            return_to: local_path(form.one("return_to")).to_owned(),
            class: authentication::class(form.one("factor")).unwrap_or(SINGLE_FACTOR),
        }
    }

    /// Leading somewhere, without demands.
    pub fn leading_to(return_to: &str) -> Self {
        Self {
            return_to: local_path(return_to).to_owned(),
            class: SINGLE_FACTOR,
        }
    }

    /// A step of the sign-in, with everything that was asked.
    pub fn step(&self, path: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("return_to", &self.return_to);
        if self.class != SINGLE_FACTOR {
            query.append_pair("factor", self.class);
        }
        format!("{path}?{}", query.finish())
    }

    /// As fields of a form.
    pub fn fields(&self) -> Markup {
        html! {
            (hidden("return_to", &self.return_to))
            @if self.class != SINGLE_FACTOR { (hidden("factor", self.class)) }
        }
    }

    /// Where the pages of this sign-in stand: what leads back to a client must not restrict where forms lead.
    pub fn place(&self) -> Place {
        let inside = |start: &str| {
            self.return_to
                .strip_prefix(start)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['?', '/']))
        };
        if TRANSACTIONS.into_iter().any(inside) {
            Place::Transaction
        } else {
            Place::Console
        }
    }

    /// The line under the heading that names the app.
    pub fn lead(&self, app: &App) -> Option<Markup> {
        app_name(app, &self.return_to)
            .map(|name| html! { "Sign in to continue to " b { (crate::ui::name(&name)) } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t49_what_leads_back_to_a_client_is_a_transaction() {
        for (path, place) in [
            ("/oauth2/authorize?client_id=a", Place::Transaction),
            ("/consent", Place::Transaction),
            ("/device/confirm", Place::Transaction),
            ("/oauth2/authorized", Place::Console),
            ("/devices", Place::Console),
            ("/", Place::Console),
        ] {
            assert_eq!(Asked::leading_to(path).place(), place, "{path}");
        }
    }
}
