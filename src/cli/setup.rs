//! `oauthority setup-link`: the link of the first administrator, from its file.

use super::{
    Terminal,
    exit::{Exit, Failure, Result},
    serve::Settings,
};
use crate::setup_link;

/// Prints the link.
///
/// # Errors
/// When there is none: somebody has signed up already, or the server never ran.
pub fn print(settings: &Settings, terminal: &mut Terminal) -> Result<()> {
    let path = setup_link::path(&settings.load(terminal)?);
    match std::fs::read_to_string(&path) {
        Ok(url) => terminal.print(&url),
        Err(error) => Err(Failure::new(
            Exit::NotFound,
            format!(
                "there is no set-up link in {} ({error}): somebody has signed up already, or the server never ran with \
                 this data directory",
                path.display()
            ),
        )),
    }
}
