//! The standing warnings while something that is for migrations only is switched on. While none is, nothing says that there are any.

use maud::{Markup, html};

use super::visit::Visit;
use crate::{
    oauth::client::GrantType,
    ui::{badge::Tone, notice::note},
};

/// What an operator is told for as long as it lasts.
pub(super) fn standing(visit: &Visit) -> Markup {
    let grants = visit.app.registry.grants();
    let legacy = grants.into_iter().filter(|grant| grant.is_legacy());
    let operator = visit.visitor.user.operator;
    let any_api = visit.app.registry.userinfo_any_api;
    html! {
        @for grant in legacy.filter(|_| operator) { (note(Tone::Warn, &warning(visit, grant))) }
        @if any_api && operator {
            (note(Tone::Warn, &html! { p #legacy-userinfo {
                "UserInfo takes tokens that are for any API (" code { "legacy.userinfo_any_api" } "). Whoever runs such an API can \
                 use the tokens that it is sent to read who the person is. It is for a migration only (RFC 9068): let apps ask for \
                 OpenID scopes alone, then set it to " code { "false" } "."
            } }))
        }
    }
}

fn warning(visit: &Visit, grant: GrantType) -> Markup {
    let word = grant.word();
    let clients = visit.path(&format!("/clients?grant={word}"));
    html! { p id={ "legacy-" (word) } {
        "The " (word) " grant is switched on in the configuration (" code { "legacy." (word) "_grant" } "). "
        @if grant == GrantType::Password { "Apps see the passwords of people." }
        @else { "Tokens show in addresses." }
        " It is for a migration only (RFC 9700): move " a href=(clients) { "the clients that use it" }
        " to authorization code, then switch it off."
    } }
}
