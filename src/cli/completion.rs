//! `oauthority completion SHELL`

use clap::Args;
use clap_complete::Shell;

use super::{Terminal, exit::Result};

pub const EXAMPLES: &str = "\
Examples:
  oauthority completion bash > /etc/bash_completion.d/oauthority
  oauthority completion zsh > \"${fpath[1]}/_oauthority\"
  oauthority completion fish > ~/.config/fish/completions/oauthority.fish";

#[derive(Args)]
pub struct Arguments {
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the completions of the commands for a shell.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(arguments: &Arguments, command: &mut clap::Command, terminal: &mut Terminal) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, command, "oauthority", &mut script);
    terminal.print(&String::from_utf8_lossy(&script))
}
