//! `oauthority client …`

mod change; // create and update
mod file; // export and apply
mod list; // list
mod people; // flags about the people who sign in
mod remove; // disable, enable, delete, impact
mod transfer; // to another organisation
mod trial;
mod trim; // scopes that nobody asks for
mod usage; // how it is used // try

use clap::Subcommand;

use super::{
    Terminal,
    connection::Connection,
    exit::Result,
    options::Noun,
    render::{Column, Kind, columns},
};

pub const EXAMPLES: &str = "\
Examples:
  oauthority client list --unused 90d --sort -last_used_at
  oauthority client create --template service --name 'Invoice exporter' --scope invoices:read --env-file .env
  oauthority client update oac_… --add-scope invoices:write
  oauthority client try oac_… --lang python > token.py
  oauthority client delete oac_…
  oauthority client export > clients.yaml
  oauthority client apply -f clients.yaml --dry-run";

#[derive(Subcommand)]
pub enum Verb {
    /// List clients
    #[command(alias = "ls", after_help = "Filters: `oauthority help filters`.")]
    List(Box<list::Filters>),
    /// Show one client
    #[command(alias = "show")]
    Get {
        /// Its client id
        id: String,
    },
    /// Register a client; its secret is handed over once
    Create(Box<change::New>),
    /// Change the settings of a client
    Update(Box<change::Update>),
    /// Cut a client off; its tokens stop working at once, and `enable` brings it back
    Disable(remove::Disable),
    /// Bring a disabled client back; tokens from before stay dead
    Enable {
        /// Its client id
        id: String,
    },
    /// Delete a client for good; its id is never used again
    #[command(alias = "rm")]
    Delete(remove::Delete),
    /// Take scopes away that the client did not ask for in 90 days, or give them back
    Trim(trim::Trim),
    /// Write clients down as a file for `apply`; never a secret
    #[command(after_help = "Filters: `oauthority help filters`.")]
    Export(Box<list::Filters>),
    /// Make the clients of the organisation as a file has them: plan, ask, do
    Apply(Box<file::Apply>),
    /// Move a client to another organisation, which has to accept it
    Transfer {
        #[command(subcommand)]
        verb: transfer::Verb,
    },
    /// Count what disabling, deleting, rotating or taking a scope away would cut off
    Impact(remove::Impact),
    /// Show how a client is used: tokens, secrets, scopes, failures
    Usage(usage::Usage),
    /// Try a client out: a program that gets a token, or a token for a test
    Try(trial::Try),
}

/// Carries a verb out.
///
/// # Errors
/// As the server says.
pub async fn run(noun: Noun<Verb>, terminal: &mut Terminal) -> Result<()> {
    let mut connection = Connection::open(&noun.options, terminal)?;
    let connection = &mut connection;
    match noun.verb {
        Verb::List(filters) => list::list(connection, *filters).await,
        Verb::Get { id } => {
            let url = connection.of_org(&["clients", &id]).await?;
            let client = connection.get(url).await?.body;
            connection
                .view
                .one(connection.terminal, &client, &shown(), "client_id")
        }
        Verb::Create(new) => change::create(connection, *new).await,
        Verb::Update(update) => change::update(connection, *update).await,
        Verb::Disable(disable) => remove::disable(connection, disable).await,
        Verb::Enable { id } => remove::enable(connection, &id).await,
        Verb::Delete(delete) => remove::delete(connection, delete).await,
        Verb::Trim(trim) => trim::trim(connection, trim).await,
        Verb::Export(filters) => file::export(connection, *filters).await,
        Verb::Apply(apply) => file::apply(connection, *apply).await,
        Verb::Transfer { verb } => transfer::run(connection, verb).await,
        Verb::Impact(impact) => remove::impact(connection, impact).await,
        Verb::Usage(usage) => usage::usage(connection, &usage).await,
        Verb::Try(attempt) => trial::attempt(connection, attempt).await,
    }
}

/// The columns of a list of clients.
fn shown() -> Vec<Column> {
    columns(&[
        ("name", "NAME", Kind::Text),
        ("client_id", "CLIENT ID", Kind::Id),
        ("grant_types", "GRANTS", Kind::Text),
        ("status", "STATUS", Kind::Status),
        ("last_used_at", "LAST USED", Kind::Ago),
        ("created_at", "CREATED", Kind::Day),
    ])
}
