//! How errors look that no handler saw, such as a body that is too large, or a panic: the path decides who asks.
//!
//! OAuth endpoints answer as RFC 6749 has it, the management API with a problem
//! ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)), everything else is a page.

use std::sync::Arc;

use axum::response::Response;
use maud::html;

use super::State;
use crate::{
    api, endpoints,
    observe::{Asked, Face, Unhandled},
    openid,
    ui::{
        headers::{self, Place},
        page::Card,
        problem::{Changed, Problem},
    },
};

/// Who reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Client,
    ApiUser,
    Person,
}

pub(super) fn face(app: &State) -> Face {
    let app = Arc::clone(app);
    Face::new(move |what, asked| {
        let issuer = &app.registry.config.issuer;
        match reader(issuer.path(), asked.uri.path()) {
            Reader::Client => endpoints::unhandled(&app, what, asked),
            Reader::ApiUser => api::unhandled(issuer, what, asked),
            Reader::Person => page(what, asked),
        }
    })
}

/// `base` is the path of the issuer.
fn reader(base: &str, path: &str) -> Reader {
    let below = path.strip_prefix(base).unwrap_or(path);
    if below == openid::END_SESSION {
        return Reader::Person;
    }
    let machines = ["/oauth2/", "/.well-known/", "/health/", "/assets/"];
    if machines.iter().any(|start| below.starts_with(start))
        || endpoints::path::TOKEN_ALIASES.contains(&below)
        || below == "/metrics"
    {
        Reader::Client
    } else if [api::BASE, api::DATED].iter().any(|base| {
        let rest = below.strip_prefix(base);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }) {
        Reader::ApiUser
    } else {
        Reader::Person
    }
}

fn page(what: &Unhandled, asked: &Asked) -> Response {
    let (path, id) = (asked.uri.path(), &asked.request_id);
    let problem = if what.status.is_server_error() {
        // Nobody knows how far it came.
        let changed = if asked.method.is_safe() {
            Changed::Unasked
        } else {
            Changed::Unknown
        };
        Problem::failed(what.status, changed, path, id)
    } else {
        Problem {
            status: what.status,
            ..Problem::unusable(html! { p { (what.description) "." } }, id)
        }
    };
    let card = Card {
        title: problem.title.clone(),
        ..Card::default()
    };
    headers::answer(Place::Console, problem.status, card.page(&html! { (problem) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_decides() {
        for (base, path, expected) in [
            ("", "/oauth2/token", Reader::Client),
            ("", "/api/oauth/token", Reader::Client),
            ("", "/api", Reader::ApiUser),
            ("", "/api/v1/orgs", Reader::ApiUser),
            ("", "/apish", Reader::Person),
            (
                "",
                "/20160918/users/usr_1/oauth2ClientCredentials",
                Reader::ApiUser,
            ),
            ("", "/201609180", Reader::Person),
            ("", "/orgs/acme/apis", Reader::Person),
            ("/id", "/id/oauth2/revoke", Reader::Client),
            ("/id", "/.well-known/openid-configuration/id", Reader::Client),
            ("/id", "/id/api/oauth-applications", Reader::ApiUser),
            ("/id", "/login", Reader::Person),
            ("/id", "/id/oauth2/logout", Reader::Person),
        ] {
            assert_eq!(reader(base, path), expected, "{base} {path}");
        }
    }
}
