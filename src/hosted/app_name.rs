//! Which app somebody signs in for.

use std::sync::Arc;

use crate::{app::App, authorize::Transaction, oauth::params::Params};

/// The name of the app whose authorization request `return_to` goes on with; none outside of one.
pub(super) fn app_name(app: &App, return_to: &str) -> Option<Arc<str>> {
    let transaction = Transaction::of_path(&app.registry, return_to)?;
    let params = Params::form(transaction.params.as_bytes()).ok()?;
    let client = app.registry.live.client(params.one("client_id").ok()??)?;
    Some(Arc::clone(&client.for_people.as_ref()?.name))
}
