//! The standing warning while a grant for migrations is switched on. While none is, nothing says that there are any.

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
    html! { @for grant in legacy.filter(|_| operator) { (note(Tone::Warn, &warning(visit, grant))) } }
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
