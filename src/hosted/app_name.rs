//! Which app somebody signs in for.

use crate::app::App;

/// The name of the app whose authorization request `return_to` goes on with; none outside of one.
pub(super) const fn app_name(_app: &App, _return_to: &str) -> Option<String> {
    None
}
