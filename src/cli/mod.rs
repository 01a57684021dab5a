//! Every command: the server itself, its configuration, and a client of the management API.
//!
//! `oauthority NOUN VERB`. Data goes to standard output, words to standard error, and the exit code tells how it ended.

mod activity; // what happened
mod api; // resource servers
mod app; // apps that act for a person
mod audit; // whether what happened is whole
mod browser_session; // browsers that are signed in
mod client; // the main noun
mod completion; // for shells
mod configuration; // `config check|show|reference`
mod confirm; // before something is lost
mod connection; // requests to the server
mod credential; // personal credentials
mod exit; // exit codes and failures
mod failure; // why requests were refused
mod grant; // what people allowed clients
mod hand_over; // secrets, once
mod help; // topics
mod impact; // what would stop, in words
mod invitation; // people on their way in
mod kept; // where a sign-in is
mod keys; // signing keys
mod login; // a person signs in
mod member; // people of an organisation
mod options; // what every command of the client takes
mod page; // lists that come in pages
mod profile; // the file of the command line
mod render; // tables, JSON, YAML, CSV
mod renew; // access tokens of a sign-in
mod scope; // scopes of an API
mod secret; // secrets of a client
mod serve; // the server
mod session; // logout, whoami, switch, status
mod setup; // `setup-link`
mod terminal; // streams and environment
mod token; // get, inspect, introspect, revoke
mod user; // accounts of the instance
mod webhook; // who is told what happens

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};

pub use exit::{Exit, Failure};
pub use terminal::Terminal;

use exit::Result;
use options::{Noun, Options};

/// An OAuth 2.0 and OpenID Connect authorization server built around the client
///
/// `oauthority serve` runs the server. The other commands talk to a running one.
#[derive(Parser)]
#[command(
    name = "oauthority",
    version,
    disable_help_subcommand = true,
    infer_subcommands = false
)]
#[command(after_help = "Start with `oauthority serve --dev`, or read `oauthority help examples`.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Arguments),
    /// Print the link of the first administrator, while it works
    SetupLink(serve::Settings),
    /// Check and show the configuration of the server
    Config {
        #[command(subcommand)]
        verb: configuration::Verb,
    },
    /// Sign in for the commands that follow
    Login(login::Login),
    /// Sign out: the server takes the tokens back, and this machine forgets them
    Logout(session::Logout),
    /// Say who the token belongs to
    Whoami(Options),
    /// Use another kept sign-in from now on, or list them
    Switch(session::Switch),
    /// Say whether the server answers, which version it is, and whether the clocks agree
    Status(Options),
    /// OAuth clients
    #[command(alias = "clients", after_help = client::EXAMPLES)]
    Client(Noun<client::Verb>),
    /// Secrets of a client
    #[command(alias = "secrets", after_help = secret::EXAMPLES)]
    Secret(Noun<secret::Verb>),
    /// What people allowed clients
    #[command(alias = "grants", after_help = grant::EXAMPLES)]
    Grant(Noun<grant::Verb>),
    /// APIs that clients get tokens for
    #[command(alias = "apis", after_help = api::EXAMPLES)]
    Api(Noun<api::Verb>),
    /// Scopes of an API
    #[command(alias = "scopes", after_help = scope::EXAMPLES)]
    Scope(Noun<scope::Verb>),
    /// Members of an organisation
    #[command(alias = "members", after_help = member::EXAMPLES)]
    Member(Noun<member::Verb>),
    /// Accounts of the whole instance, for operators
    #[command(
        alias = "users",
        after_help = "A deactivated account ends at once: sessions, links, and everything its person gave apps."
    )]
    User(Noun<user::Verb>),
    /// Apps that act for you
    #[command(alias = "apps")]
    App(Noun<app::Verb>),
    /// Personal credentials: yours, and those of members
    #[command(alias = "credentials", after_help = credential::EXAMPLES)]
    Credential(Noun<credential::Verb>),
    /// Browsers in which you are signed in
    #[command(alias = "sessions")]
    Session(Noun<browser_session::Verb>),
    /// What happened in an organisation
    #[command(after_help = activity::EXAMPLES)]
    Activity(Noun<activity::Verb>),
    /// Why requests of clients were refused
    #[command(alias = "failures", after_help = failure::EXAMPLES)]
    Failure(Noun<failure::Verb>),
    /// Whether what happened is whole
    #[command(after_help = audit::EXAMPLES)]
    Audit(Noun<audit::Verb>),
    /// Addresses that are told what happens
    #[command(alias = "webhooks", after_help = webhook::EXAMPLES)]
    Webhook(Noun<webhook::Verb>),
    /// Access tokens
    #[command(alias = "tokens", after_help = token::EXAMPLES)]
    Token(Noun<token::Verb>),
    /// Signing keys of the server, for operators
    #[command(
        alias = "key",
        after_help = "A key is published for ten minutes before it signs, so that verifiers know it."
    )]
    Keys(Noun<keys::Verb>),
    /// Print the completions for a shell
    #[command(after_help = completion::EXAMPLES)]
    Completion(completion::Arguments),
    /// Explain a command or a topic: environment, formatting, exit-codes, filters, examples
    Help { topic: Vec<String> },
    /// Print the version
    Version,
}

/// Carries a command line out.
pub async fn run(arguments: impl IntoIterator<Item = OsString>, terminal: &mut Terminal) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error, terminal),
    };
    let as_json = cli
        .command
        .options()
        .is_some_and(|options| options.wants_json(terminal));
    match cli.command.carry_out(terminal).await {
        Ok(()) => Exit::Done,
        Err(failure) => {
            match &failure.problem {
                Some(problem) if as_json => terminal.say(&problem.to_string()),
                _ => terminal.say(&format!("oauthority: {failure}")),
            }
            failure.exit
        }
    }
}

fn not_understood(error: &clap::Error, terminal: &mut Terminal) -> Exit {
    let text = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match terminal.print(&text.to_string()) {
            Ok(()) => Exit::Done,
            Err(failure) => failure.exit,
        },
        _ => {
            terminal.say(text.to_string().trim_end());
            Exit::Usage
        }
    }
}

impl Command {
    /// The options of a command that talks to a server.
    const fn options(&self) -> Option<&Options> {
        Some(match self {
            Self::Login(login) => &login.options,
            Self::Logout(logout) => &logout.options,
            Self::Switch(switch) => &switch.options,
            Self::Whoami(options) | Self::Status(options) => options,
            Self::Client(noun) => &noun.options,
            Self::Secret(noun) => &noun.options,
            Self::Grant(noun) => &noun.options,
            Self::Api(noun) => &noun.options,
            Self::Scope(noun) => &noun.options,
            Self::Member(noun) => &noun.options,
            Self::User(noun) => &noun.options,
            Self::App(noun) => &noun.options,
            Self::Credential(noun) => &noun.options,
            Self::Session(noun) => &noun.options,
            Self::Activity(noun) => &noun.options,
            Self::Failure(noun) => &noun.options,
            Self::Audit(noun) => &noun.options,
            Self::Webhook(noun) => &noun.options,
            Self::Token(noun) => &noun.options,
            Self::Keys(noun) => &noun.options,
            Self::Serve(_)
            | Self::SetupLink(_)
            | Self::Config { .. }
            | Self::Completion(_)
            | Self::Help { .. }
            | Self::Version => return None,
        })
    }

    async fn carry_out(self, terminal: &mut Terminal) -> Result<()> {
        match self {
            Self::Serve(arguments) => serve::run(arguments, terminal).await,
            Self::SetupLink(settings) => setup::print(&settings, terminal),
            Self::Config { verb } => configuration::run(verb, terminal),
            Self::Login(login) => login::login(login, terminal).await,
            Self::Logout(logout) => session::logout(logout, terminal).await,
            Self::Switch(switch) => session::switch(&switch, terminal),
            Self::Whoami(options) => session::whoami(options, terminal).await,
            Self::Status(options) => session::status(options, terminal).await,
            Self::Client(noun) => client::run(noun, terminal).await,
            Self::Secret(noun) => secret::run(noun, terminal).await,
            Self::Grant(noun) => grant::run(noun, terminal).await,
            Self::Api(noun) => api::run(noun, terminal).await,
            Self::Scope(noun) => scope::run(noun, terminal).await,
            Self::Member(noun) => member::run(noun, terminal).await,
            Self::User(noun) => user::run(noun, terminal).await,
            Self::App(noun) => app::run(noun, terminal).await,
            Self::Credential(noun) => credential::run(noun, terminal).await,
            Self::Session(noun) => browser_session::run(noun, terminal).await,
            Self::Activity(noun) => activity::run(noun, terminal).await,
            Self::Failure(noun) => failure::run(noun, terminal).await,
            Self::Audit(noun) => audit::run(noun, terminal).await,
            Self::Webhook(noun) => webhook::run(noun, terminal).await,
            Self::Token(noun) => token::run(noun, terminal).await,
            Self::Keys(noun) => keys::run(noun, terminal).await,
            Self::Completion(arguments) => completion::print(&arguments, &mut Cli::command(), terminal),
            Self::Help { topic } => help::print(&topic, Cli::command(), terminal),
            Self::Version => terminal.print(&format!("oauthority {}\n", env!("CARGO_PKG_VERSION"))),
        }
    }
}

/// Whether a command line is understood; a request for help is.
///
/// # Errors
/// Why not.
#[cfg(test)]
pub(crate) fn understand(arguments: impl IntoIterator<Item = String>) -> Result<(), String> {
    match Cli::try_parse_from(arguments) {
        Err(error) if error.use_stderr() => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// Runs `serve` until it listens, then stops it.
#[cfg(test)]
pub(crate) async fn serve_once(
    arguments: impl IntoIterator<Item = OsString>,
    terminal: &mut Terminal,
) -> Exit {
    let Ok(Cli {
        command: Command::Serve(arguments),
    }) = Cli::try_parse_from(arguments)
    else {
        return Exit::Usage;
    };
    let listening = tokio::sync::Notify::new();
    let ended = serve::until(arguments, terminal, listening.notified(), |_| {
        listening.notify_one();
    })
    .await;
    ended.map_or_else(
        |failure| {
            terminal.say(&failure.to_string());
            failure.exit
        },
        |()| Exit::Done,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }
}
