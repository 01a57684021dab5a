//! `oauthority client export` and `apply`: the clients of an organisation as a file.
//!
//! `apply` reads what is wanted and what is there, tells the difference, asks, and does it. A second time it finds
//! nothing to do. See `docs/clients-as-a-file.md`.

mod carry_out; // what the plan says
mod document; // the format
mod plan; // what is to be done
mod secrets; // of new clients
mod told; // the plan in words

use std::collections::BTreeSet;

use clap::Args;
use serde_json::{Map, Value as Json, json};

use self::{
    document::{Document, VERSION, entry_of},
    plan::{Kind, Step, Wishes},
    secrets::SecretsTo,
};
use super::{
    super::{
        connection::{Connection, with},
        exit::{Exit, Failure, Result},
        options::Format,
        page,
    },
    list,
};
use crate::oauth::client::fold;

/// Writes the clients that match down as a file. Never a secret.
///
/// # Errors
/// As the server says.
pub async fn export(connection: &mut Connection<'_>, filters: list::Filters) -> Result<()> {
    let url = connection.of_org(&["clients"]).await?;
    let keyed = page::read(connection, with(url, "key", Some("*")), &page::Part::EVERYTHING).await?;
    let text = |client: &Json, name: &str| client[name].as_str().unwrap_or_default().to_owned();
    let mut keys: BTreeSet<String> = keyed.rows.iter().map(|client| text(client, "file_key")).collect();
    let mut rows = list::matching(connection, filters).await?;
    rows.retain(|client| {
        matches!(client["kind"].as_str(), Some("custom" | "sync_connector")) && client["status"] != "deleted"
    });
    let clients = rows
        .iter()
        .map(|client| {
            let key = match client["file_key"].as_str() {
                Some(key) => key.to_owned(),
                None => propose(&text(client, "name"), &mut keys),
            };
            entry_of(client, key)
        })
        .collect();
    let document = Document {
        version: VERSION,
        clients,
    };
    let text = match connection.view.format {
        Format::Json | Format::Ndjson => serde_json::to_string_pretty(&document)
            .map(|text| text + "\n")
            .map_err(|error| error.to_string()),
        _ => serde_yaml_ng::to_string(&document).map_err(|error| error.to_string()),
    };
    let text = text.map_err(|why| Failure::new(Exit::Unexpected, why))?;
    connection.terminal.print(&text)
}

/// The settings of a client as the body that makes another one.
pub fn settings_of(client: &Json) -> Map<String, Json> {
    let mut body = entry_of(client, String::new()).creation();
    body.remove("file_key");
    body
}

/// A key made of the name that is not taken yet.
fn propose(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut key = String::new();
    for ch in fold(name).chars() {
        if ch.is_ascii_alphanumeric() {
            key.push(ch);
        } else if !key.is_empty() && !key.ends_with('-') {
            key.push('-');
        }
    }
    key.truncate(56);
    let key = match key.trim_end_matches('-') {
        "" => "client",
        key => key,
    };
    let numbered = |n: u32| {
        if n == 1 {
            key.to_owned()
        } else {
            format!("{key}-{n}")
        }
    };
    let free = (1..).map(numbered).find(|key| !taken.contains(key));
    let free = free.unwrap_or_else(|| key.to_owned());
    taken.insert(free.clone());
    free
}

/// Flags of `apply`.
#[derive(Args)]
pub struct Apply {
    /// The file, YAML or JSON; `-` for standard input
    #[arg(long, short, value_name = "FILE")]
    file: String,
    /// Delete clients that a file made and this one does not have; needs --confirm with their number
    #[arg(long)]
    prune: bool,
    /// Enable clients that somebody disabled, too
    #[arg(long)]
    enable: bool,
    /// How many clients are deleted, as one would type it when asked
    #[arg(long, value_name = "COUNT")]
    confirm: Option<usize>,
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    secrets: SecretsTo,
}

/// Makes the clients as the file has them.
///
/// # Errors
/// A file that is wrong; a plan that the server would refuse; what failed.
pub async fn apply(connection: &mut Connection<'_>, apply: Apply) -> Result<()> {
    let text = match apply.file.as_str() {
        "-" => connection.terminal.read_all("the file of clients")?,
        path => std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("cannot read {path}: {error}")))?,
    };
    let document = document::read(&text, &apply.file)?;
    connection.by_file = true;
    let wishes = Wishes {
        prune: apply.prune,
        enable: apply.enable,
    };
    let steps = plan::make(connection, document, &wishes).await?;
    tell(connection, &steps, apply.dry_run)?;
    if steps.iter().any(|step| step.refusal.is_some()) {
        return Err(Failure::new(
            Exit::Invalid,
            "the server would refuse this; nothing was changed",
        ));
    }
    let work = |step: &&Step| !matches!(step.kind, Kind::Same);
    if apply.dry_run || !steps.iter().any(|step| work(&step)) {
        return report(connection, &steps, &[], apply.dry_run);
    }
    let keys: Vec<&str> = steps
        .iter()
        .filter(|step| step.makes_secret())
        .map(|step| step.key.as_str())
        .collect();
    apply.secrets.check(&keys)?;
    confirm(connection, &apply, &steps)?;
    let mut outcomes = Vec::new();
    for step in &steps {
        outcomes.push(carry_out::carry_out(connection, step, &apply.secrets).await);
    }
    report(connection, &steps, &outcomes, false)?;
    verdict(&outcomes)
}

fn is_document(connection: &Connection<'_>) -> bool {
    matches!(
        connection.view.format,
        Format::Json | Format::Yaml | Format::Ndjson
    )
}

/// Prints the plan. Where a program reads, it stands in the document at the end, and people read it beside that.
fn tell(connection: &mut Connection<'_>, steps: &[Step], dry_run: bool) -> Result<()> {
    let mut text: String = steps
        .iter()
        .flat_map(told::lines)
        .map(|line| format!("{line}\n"))
        .collect();
    let head = if dry_run {
        "Plan (nothing is changed)"
    } else {
        "Plan"
    };
    text.push_str(&format!("{head}: {}\n", told::summary(steps)));
    if is_document(connection) || connection.view.quiet() {
        connection.terminal.say(text.trim_end());
        return Ok(());
    }
    connection.terminal.print(&text)
}

/// Makes sure that somebody means it: a deletion by its number, anything else by a word.
fn confirm(connection: &mut Connection<'_>, apply: &Apply, steps: &[Step]) -> Result<()> {
    let removals = steps
        .iter()
        .filter(|step| matches!(step.kind, Kind::Remove))
        .count();
    let refused = |why: String| Err(Failure::new(Exit::NotConfirmed, why));
    let production = connection.profile.production;
    if let Some(count) = apply.confirm
        && (removals > 0 || production)
    {
        return match count == removals {
            true => Ok(()),
            false => refused(format!(
                "--confirm says {count}, but {removals} clients would be deleted: nothing was changed"
            )),
        };
    }
    if removals == 0 && apply.yes && !production {
        return Ok(());
    }
    let terminal = &connection.terminal;
    if !terminal.can_ask || terminal.variable("OAUTHORITY_NO_PROMPT").is_some() {
        let add = match removals {
            0 if production => "the profile is production: add --confirm 0".to_owned(),
            0 => "nobody can be asked here: add --yes".to_owned(),
            n => format!("{n} clients would be deleted for good: add --confirm {n}"),
        };
        return if apply.yes {
            refused(add)
        } else {
            Err(Failure::usage(add))
        };
    }
    if production {
        let line = format!(
            "Profile {} at {}, production",
            connection.profile_name, connection.host
        );
        connection.terminal.say(&line);
    }
    let (question, word) = match removals {
        0 => ("Type yes to apply: ".to_owned(), "yes".to_owned()),
        n => {
            let line = "What is deleted cannot be brought back; its client ids are never used again.";
            connection.terminal.say(line);
            ("Type the number of clients to delete: ".to_owned(), n.to_string())
        }
    };
    match connection.terminal.ask(&question)? == word {
        true => Ok(()),
        false => refused("that is not what was asked for: nothing was changed".to_owned()),
    }
}

/// Tells a program what became of it all; people have read it already.
fn report(
    connection: &mut Connection<'_>,
    steps: &[Step],
    outcomes: &[carry_out::Outcome],
    dry_run: bool,
) -> Result<()> {
    if connection.view.quiet() {
        let ids: String = outcomes
            .iter()
            .filter(|outcome| outcome.word != "unchanged")
            .filter_map(|outcome| outcome.client_id.as_ref())
            .map(|id| format!("{id}\n"))
            .collect();
        return connection.terminal.print(&ids);
    }
    if !is_document(connection) {
        return Ok(());
    }
    let clients: Vec<Json> = steps
        .iter()
        .enumerate()
        .map(|(at, step)| match outcomes.get(at) {
            Some(outcome) => told::json(step, outcome.client_id.as_deref(), outcome.word),
            None if matches!(step.kind, Kind::Same) => told::json(step, None, "unchanged"),
            None => told::json(step, None, "planned"),
        })
        .collect();
    let document = json!({ "dry_run": dry_run, "clients": clients });
    connection
        .view
        .one(connection.terminal, &document, &[], "clients")
}

/// How it ended: the failure that all share, or that some failed.
fn verdict(outcomes: &[carry_out::Outcome]) -> Result<()> {
    let worked: Vec<&carry_out::Outcome> = outcomes.iter().filter(|one| one.word != "unchanged").collect();
    let failed: Vec<Exit> = worked
        .iter()
        .map(|one| one.exit)
        .filter(|exit| *exit != Exit::Done)
        .collect();
    let Some(first) = failed.first() else {
        return Ok(());
    };
    let all_alike = failed.len() == worked.len() && failed.iter().all(|exit| exit == first);
    let exit = if all_alike { *first } else { Exit::SomeFailed };
    Err(Failure::new(
        exit,
        format!("{} of {} clients failed; see above", failed.len(), worked.len()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposed_keys_are_plain_and_no_two_alike() {
        let mut taken = BTreeSet::from(["ci".to_owned()]);
        let mut keys = |name: &str| propose(name, &mut taken);
        assert_eq!(keys("Invoice  Exporter (prod)"), "invoice-exporter-prod");
        assert_eq!(keys("invoice exporter prod"), "invoice-exporter-prod-2");
        assert_eq!(
            [keys("CI"), keys("中文"), keys("–")],
            ["ci-2", "client", "client-2"]
        );
    }
}
