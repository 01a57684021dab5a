//! What has to be done so that the clients of an organisation are as the file has them. Reads and compares; changes
//! nothing. Every step is rehearsed by the server, so that what it would refuse stands in the plan.

use reqwest::{Method, Url};
use serde_json::{Map, Value as Json, json};

use super::{
    super::{
        super::{
            connection::{Connection, with},
            exit::{Exit, Failure, Result},
            impact::in_words,
            page,
        },
        remove::read_impact,
    },
    document::{COMPARED, Document, Entry, entry_of},
};

/// What is to be done with one client.
pub struct Step {
    pub key: String,
    pub name: String,
    /// As it is on the server, if it is there.
    pub actual: Option<Json>,
    /// As the file has it, if it is there.
    pub entry: Option<Entry>,
    pub kind: Kind,
    /// What somebody should know.
    pub note: Option<String>,
    /// Why the server would refuse it.
    pub refusal: Option<Failure>,
}

/// What kind of step it is.
pub enum Kind {
    Create,
    Change(Change),
    Remove,
    Same,
}

/// How a client differs from the file.
#[derive(Default)]
pub struct Change {
    pub fields: Vec<Difference>,
    pub body: Map<String, Json>,
    /// Whether to disable or to enable it.
    pub disable: Option<bool>,
    /// Who changed it last, if no file did.
    pub drift: Option<String>,
}

/// One setting that differs.
pub struct Difference {
    pub field: &'static str,
    pub before: Json,
    pub after: Json,
}

/// What the caller wants beyond the file itself.
pub struct Wishes {
    pub prune: bool,
    pub enable: bool,
}

impl Step {
    /// Its id on the server.
    pub fn client_id(&self) -> Option<&str> {
        self.actual.as_ref()?["client_id"].as_str()
    }

    /// The entity tag of the version that the plan has seen.
    pub fn etag(&self) -> Option<String> {
        let version = self.actual.as_ref()?["version"].as_u64()?;
        Some(format!("\"v{version}\""))
    }

    /// Whether it makes a client that gets a secret.
    pub fn makes_secret(&self) -> bool {
        let holds = |entry: &Entry| {
            entry.template.is_some() || matches!(entry.r#type.as_deref(), Some("web" | "service"))
        };
        matches!(self.kind, Kind::Create) && self.entry.as_ref().is_some_and(holds)
    }

    /// The word for it in JSON.
    pub const fn action(&self) -> &'static str {
        match &self.kind {
            Kind::Create => "create",
            Kind::Change(Change { drift: Some(_), .. }) => "drift",
            Kind::Change(_) => "change",
            Kind::Remove => "remove",
            Kind::Same => "unchanged",
        }
    }
}

/// Compares the file with the organisation.
///
/// # Errors
/// As the server says; a file that names clients which cannot be meant.
pub async fn make(connection: &mut Connection<'_>, document: Document, wishes: &Wishes) -> Result<Vec<Step>> {
    let url = connection.of_org(&["clients"]).await?;
    let url = with(url, "key", Some("*"));
    let mut known = page::read(connection, url, &page::Part::EVERYTHING).await?.rows;
    let mut steps = Vec::new();
    for entry in document.clients {
        let actual = find(connection, &mut known, &entry).await?;
        steps.push(compare(entry, actual, wishes));
    }
    for gone in known {
        steps.push(left_out(connection, gone, wishes).await?);
    }
    for step in &mut steps {
        rehearse(connection, step).await?;
    }
    Ok(steps)
}

/// The client that an entry means: the one with its key, or the one it adopts.
async fn find(connection: &mut Connection<'_>, known: &mut Vec<Json>, entry: &Entry) -> Result<Option<Json>> {
    let is = |name: &'static str, text: &str| {
        let text = text.to_owned();
        move |client: &Json| client[name] == text.as_str()
    };
    if let Some(at) = known.iter().position(is("file_key", &entry.key)) {
        let found = known.swap_remove(at);
        return match &entry.client_id {
            Some(id) if found["client_id"] != id.as_str() => Err(Failure::new(
                Exit::Conflict,
                format!(
                    "{}: the file says {id}, but the key belongs to {}; nothing was changed",
                    entry.key,
                    found["client_id"].as_str().unwrap_or_default()
                ),
            )),
            _ => Ok(Some(found)),
        };
    }
    let Some(id) = &entry.client_id else {
        return Ok(None);
    };
    if let Some(at) = known.iter().position(is("client_id", id)) {
        return Ok(Some(known.swap_remove(at)));
    }
    let url = connection.of_org(&["clients", id]).await?;
    let found = connection.get(url).await.map_err(|mut failure| {
        failure.message = format!("{} ({id}): {}; nothing was changed", entry.key, failure.message);
        failure
    })?;
    let refuse = |why: &str| {
        Err(Failure::new(
            Exit::Conflict,
            format!("{} ({id}): {why}; nothing was changed", entry.key),
        ))
    };
    match (found.body["kind"].as_str(), found.body["status"].as_str()) {
        (_, Some("deleted")) => refuse("this client was deleted and cannot be brought back"),
        (Some("custom" | "sync_connector"), _) => Ok(Some(found.body)),
        _ => refuse("a file manages custom clients and sync connectors only"),
    }
}

fn compare(entry: Entry, actual: Option<Json>, wishes: &Wishes) -> Step {
    let mut step = Step {
        key: entry.key.clone(),
        name: entry.name.clone(),
        kind: Kind::Create,
        note: None,
        refusal: None,
        actual,
        entry: None,
    };
    if let Some(actual) = &step.actual {
        (step.kind, step.note) = differences(&entry, actual, wishes);
    }
    step.entry = Some(entry);
    step
}

fn differences(entry: &Entry, actual: &Json, wishes: &Wishes) -> (Kind, Option<String>) {
    let (wanted, there) = (entry.wanted(), entry_of(actual, String::new()).wanted());
    let mut change = Change::default();
    for field in COMPARED {
        let (Some(after), before) = (wanted.get(field), there.get(field)) else {
            continue;
        };
        let before = before.cloned().unwrap_or_default();
        if before != *after {
            change.fields.push(Difference {
                field,
                before,
                after: after.clone(),
            });
        }
    }
    let names: Vec<&str> = change.fields.iter().map(|one| one.field).collect();
    change.body = entry.patch(&names);
    // What cannot be changed has to be refused, not passed over.
    if names.contains(&"type") {
        change.body.insert("type".to_owned(), json!(entry.r#type));
    }
    let door = actual["changed_through"].as_str();
    let note = status(entry, actual, door, wishes, &mut change);
    if !change.fields.is_empty() {
        change.drift = door
            .filter(|door| *door != "file")
            .map(|door| drift(door, actual));
    }
    if actual["file_key"] != entry.key.as_str() {
        change.fields.insert(
            0,
            Difference {
                field: "file_key",
                before: actual["file_key"].clone(),
                after: json!(entry.key),
            },
        );
        change.body.insert("file_key".to_owned(), json!(entry.key));
        // It was nobody's to drift from.
        change.drift = None;
    }
    match change.fields.is_empty() {
        true => (Kind::Same, note),
        false => (Kind::Change(change), note),
    }
}

/// Disabling follows the file. Enabling what somebody cut off otherwise needs a word more: it may have been for a leak.
fn status(
    entry: &Entry,
    actual: &Json,
    door: Option<&str>,
    wishes: &Wishes,
    change: &mut Change,
) -> Option<String> {
    let disabled = actual["status"] == "disabled";
    if disabled == entry.disabled {
        return None;
    }
    if disabled && door != Some("file") && !wishes.enable {
        let by = actual["status_by"].as_str().unwrap_or("somebody");
        return Some(format!(
            "stays disabled: {by} cut it off; add --enable to bring it back, or say `disabled: true`"
        ));
    }
    change.disable = Some(entry.disabled);
    change.fields.push(Difference {
        field: "disabled",
        before: json!(disabled),
        after: json!(entry.disabled),
    });
    None
}

fn drift(door: &str, actual: &Json) -> String {
    let door = match door {
        "console" => "in the console",
        "api" => "through the API",
        "cli" => "from the command line",
        _ => "by no file",
    };
    let at = actual["updated_at"].as_str().unwrap_or_default();
    format!("drift: last changed {door}, {at}")
}

/// A client with a key that is not in the file. Only what a file made goes with it.
async fn left_out(connection: &mut Connection<'_>, actual: Json, wishes: &Wishes) -> Result<Step> {
    let text = |name: &str| actual[name].as_str().unwrap_or_default().to_owned();
    let made_by_file = actual["origin"] == "file";
    let managed = matches!(actual["kind"].as_str(), Some("custom" | "sync_connector"));
    let (kind, note) = if !(made_by_file && managed) {
        let why = "not in the file; left alone, since no file made it";
        (Kind::Same, why.to_owned())
    } else if wishes.prune {
        let impact = read_impact(connection, &text("client_id"), "delete", &[]).await?;
        (Kind::Remove, in_words(&impact))
    } else {
        let why = "not in the file; left alone without --prune";
        (Kind::Same, why.to_owned())
    };
    Ok(Step {
        key: text("file_key"),
        name: text("name"),
        kind,
        note: Some(note),
        refusal: None,
        entry: None,
        actual: Some(actual),
    })
}

/// Lets the server say what would come of a step.
async fn rehearse(connection: &mut Connection<'_>, step: &mut Step) -> Result<()> {
    let tried = match &step.kind {
        Kind::Create => {
            let url = dry(connection.of_org(&["clients"]).await?);
            let body = step.entry.as_ref().map(Entry::creation).unwrap_or_default();
            connection
                .send(Method::POST, url, Some(&Json::Object(body)), None)
                .await
        }
        Kind::Change(change) if !change.body.is_empty() => {
            let url = connection
                .of_org(&["clients", step.client_id().unwrap_or_default()])
                .await?;
            let body = Json::Object(change.body.clone());
            let etag = step.etag();
            connection
                .send(Method::PATCH, dry(url), Some(&body), etag.as_deref())
                .await
        }
        Kind::Remove => {
            let url = connection
                .of_org(&["clients", step.client_id().unwrap_or_default()])
                .await?;
            let etag = step.etag();
            connection
                .send(Method::DELETE, dry(url), None, etag.as_deref())
                .await
        }
        Kind::Change(_) | Kind::Same => return Ok(()),
    };
    match tried {
        Ok(_) => Ok(()),
        // What is wrong with this client alone; anything else concerns all of them.
        Err(failure)
            if matches!(
                failure.exit,
                Exit::Invalid | Exit::Conflict | Exit::Forbidden | Exit::NotFound
            ) =>
        {
            step.refusal = Some(failure);
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

fn dry(url: Url) -> Url {
    with(url, "dry_run", Some("true"))
}
