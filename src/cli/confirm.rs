//! Asking before something is lost.

use clap::Args;

use super::{
    connection::Connection,
    exit::{Exit, Failure, Result},
};

/// How a person or a script confirms beforehand.
#[derive(Args, Clone, Debug, Default)]
pub struct Confirmation {
    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Confirm with the name, as one would type it when asked
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

impl Confirmation {
    /// Makes sure that somebody means it. `question` and `facts` tell what is lost; `name` is what has to be typed.
    ///
    /// # Errors
    /// `NotConfirmed` for a wrong name, or for `--yes` alone in a production profile; `Usage` when nobody can be asked.
    pub fn ask(
        &self,
        connection: &mut Connection<'_>,
        question: &str,
        facts: &[String],
        name: &str,
    ) -> Result<()> {
        let refused = |why: String| Err(Failure::new(Exit::NotConfirmed, why));
        let production = connection.profile.production;
        if let Some(typed) = &self.confirm {
            return match typed == name {
                true => Ok(()),
                false => refused(format!(
                    "--confirm says `{typed}`, but the name is `{name}`: nothing was changed"
                )),
            };
        }
        if self.yes && !production {
            return Ok(());
        }
        let terminal = &mut connection.terminal;
        if !terminal.can_ask || terminal.variable("OAUTHORITY_NO_PROMPT").is_some() {
            if self.yes {
                let profile = &connection.profile_name;
                return refused(format!(
                    "the profile `{profile}` is production: add --confirm '{name}'"
                ));
            }
            let add = if production { "" } else { "--yes, or " };
            return Err(Failure::usage(format!(
                "nobody can be asked here: add {add}--confirm '{name}'"
            )));
        }
        terminal.say(question);
        for fact in facts {
            terminal.say(&format!("  {fact}"));
        }
        if !connection.profile_name.is_empty() && production {
            let line = format!(
                "  Profile {} at {}, production",
                connection.profile_name, connection.host
            );
            connection.terminal.say(&line);
        }
        match connection.terminal.ask("Type the name to confirm: ")? == name {
            true => Ok(()),
            false => refused("that is not the name: nothing was changed".to_owned()),
        }
    }
}
