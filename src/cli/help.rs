//! `oauthority help`: topics, and the help of each command.

use std::fmt::Write;

use clap::Command;

use super::{
    Terminal,
    exit::{Exit, Failure, Result},
};

/// Prints a topic or the help of a command.
///
/// # Errors
/// When there is neither; names the nearest ones.
pub fn print(words: &[String], mut command: Command, terminal: &mut Terminal) -> Result<()> {
    let topic = match words {
        [topic] => topic.as_str(),
        _ => "",
    };
    let text = match topic {
        "environment" => ENVIRONMENT.to_owned(),
        "formatting" => FORMATTING.to_owned(),
        "exit-codes" => exit_codes(),
        "filters" => FILTERS.to_owned(),
        "examples" => EXAMPLES.to_owned(),
        _ => {
            command.build();
            let mut found = &mut command;
            for word in words {
                let known: Vec<String> = found.get_subcommands().map(|c| c.get_name().to_owned()).collect();
                found = found
                    .find_subcommand_mut(word)
                    .ok_or_else(|| unknown(word, &known))?;
            }
            found.render_long_help().to_string()
        }
    };
    terminal.print(&format!("{}\n", text.trim_end()))
}

fn unknown(word: &str, known: &[String]) -> Failure {
    let topics = ["environment", "formatting", "exit-codes", "filters", "examples"];
    let mut near: Vec<&str> = known.iter().map(String::as_str).chain(topics).collect();
    near.sort_by(|a, b| strsim::jaro_winkler(b, word).total_cmp(&strsim::jaro_winkler(a, word)));
    near.truncate(3);
    Failure::usage(format!(
        "there is no command or topic `{word}`: did you mean {}?",
        near.join(", ")
    ))
}

fn exit_codes() -> String {
    let mut text = String::from("Exit codes:\n");
    for (exit, meaning) in Exit::TABLE {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:>3}  {meaning}", exit as u8);
    }
    text + "  130  interrupted"
}

const ENVIRONMENT: &str = "\
Variables of the command line. A flag outweighs a variable, a variable outweighs a profile.

  OAUTHORITY_HOST                the server; http://localhost:8080 if nobody says anything
  OAUTHORITY_ORG                 handle or id of the organisation
  OAUTHORITY_PROFILE             which kept sign-in to use
  OAUTHORITY_TOKEN               the access token to call with
  OAUTHORITY_CLIENT_ID           the client to get a token as, when there is no OAUTHORITY_TOKEN
  OAUTHORITY_CLIENT_SECRET_FILE  the file with its secret
  OAUTHORITY_CLIENT_SECRET       its secret, if there can be no file
  OAUTHORITY_CONFIG_DIR          where config.toml with the profiles is, else ~/.config/oauthority
  OAUTHORITY_NO_KEYRING          keep sign-ins in a file, not in the key ring of the system
  OAUTHORITY_OUTPUT              table, tsv, json, yaml, ndjson or csv
  OAUTHORITY_NO_PROMPT           never ask; fail instead
  OAUTHORITY_DEBUG=http          say which requests are made
  NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM=dumb

Variables of the server are in `oauthority config reference`. With `serve --dev` there are two more:
OAUTHORITY_DEV_PASSWORD, the password of the demonstration's people, and OAUTHORITY_TEST_NOW, a time (RFC 3339) at which
the clock starts, for tests.

A profile is a table in config.toml:

  default = \"work\"

  [profiles.work]
  host = \"https://login.example.com\"
  org = \"acme\"
  production = true    # deleting asks for the name, even with --yes
";

const FORMATTING: &str = "\
On a terminal a list is a table: ids are shortened in the middle (--no-trunc shows them whole), times are in your zone
(--utc, --tz ZONE). Elsewhere the same columns come tab-separated, with full values, times in RFC 3339 and no header
(--header adds one).

  -o json|yaml|ndjson|csv  everything, with the names of the API; a list is an array, even of one
  --fields a,b             only these members; `actor.name` reaches into one
  --columns a,b            only these columns of a table
  -q, --quiet              only ids

Data goes to standard output, everything else to standard error. With -o json a refusal is the problem document
(RFC 9457) on standard error.

A new secret is printed once: as two NAME=value lines, or in the JSON. --secret-file PATH and --env-file PATH write it to
a file that only you can read; --secret-file - prints it alone, for a pipe into a vault.
";

const FILTERS: &str = "\
Filters of `oauthority client list`. They are those of GET /api/v1/orgs/{org}/clients and of the console's address bar.

  --search TEXT        q              part of name, id, description, owner or redirect host
  --status active      status         active, disabled, deleted; without it all but deleted
  --kind custom        kind           custom, sync_connector, system, personal
  --type service       type           web, native, user-agent-based, public, service
  --grant GRANT        grant          such as client_credentials
  --scope VALUE        scope          granted this scope
  --owner USER         owner          looked after by this member
  --never-used         used=never     no use on record
  --unused 90d         used=90d       neither used nor made since
  --expiring 14d       expiring=14d   with a secret that ends within
  --unasked 90d        unasked=90d    holding a scope it did not ask for in so long
  --created-after TIME created_after  made after
  --sort -last_used_at sort           name, status, last_used_at, created_at; `-` turns the order
  --limit N, --all     limit, cursor  50 at a time without them
";

const EXAMPLES: &str = "\
Look around in a demonstration:
  oauthority serve --dev

Sign in, and see what there is:
  oauthority login --host https://login.example.com
  oauthority status
  oauthority client list --unused 90d

A service with its secret in a file, and a token for it:
  oauthority client create --template service --name 'Invoice exporter' --scope invoices:read \\
      --secret-file exporter.secret
  oauthority token get oac_… --secret-file exporter.secret | oauthority token inspect -

A new secret while the old one works for another day:
  oauthority secret rotate oac_… --old-ends 24h --secret-file - | vault kv put secret/exporter value=-

Every client that nobody ever used, cut off:
  oauthority client list --never-used --kind custom --all -q | xargs -n1 oauthority client disable --reason unused

Without a sign-in, in a pipeline:
  OAUTHORITY_CLIENT_ID=… OAUTHORITY_CLIENT_SECRET_FILE=… oauthority client list -o json
";
