//! A plan as people read it, and as programs do.

use serde_json::{Value as Json, json};

use super::plan::{Difference, Kind, Step};

/// The lines of a step; nothing for a client that stays as it is without anything to say.
pub fn lines(step: &Step) -> Vec<String> {
    let sign = match step.action() {
        "create" => "+",
        "change" => "~",
        "drift" => "!",
        "remove" => "-",
        _ => "=",
    };
    let id = step.client_id().map(|id| format!("  {id}")).unwrap_or_default();
    let mut lines = vec![format!("{sign} {}  {}{id}", step.key, step.name)];
    if let Kind::Change(change) = &step.kind {
        lines.extend(change.drift.iter().map(|drift| format!("    {drift}")));
        lines.extend(change.fields.iter().flat_map(difference));
    }
    lines.extend(step.note.iter().map(|note| format!("    {note}")));
    if let Some(refusal) = &step.refusal {
        let why = refusal.message.replace('\n', "\n    ");
        lines.push(format!("    refused: {why}"));
    }
    if sign == "=" && step.note.is_none() {
        lines.clear();
    }
    lines
}

fn difference(one: &Difference) -> Vec<String> {
    let field = one.field;
    if let (Json::Array(before), Json::Array(after)) = (&one.before, &one.after) {
        let gone = before.iter().filter(|text| !after.contains(text));
        let new = after.iter().filter(|text| !before.contains(text));
        let mut lines: Vec<String> = gone
            .map(|text| format!("    {field}: - {}", plain(text)))
            .collect();
        lines.extend(new.map(|text| format!("    {field}: + {}", plain(text))));
        if lines.is_empty() {
            lines.push(format!("    {field}: in another order"));
        }
        return lines;
    }
    vec![format!(
        "    {field}: {} → {}",
        shown(&one.before),
        shown(&one.after)
    )]
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn shown(value: &Json) -> String {
    match value {
        Json::Null => "–".to_owned(),
        other => other.to_string(),
    }
}

/// "1 to create, 2 to change, 1 drifted, 0 to remove, 3 unchanged".
pub fn summary(steps: &[Step]) -> String {
    let count = |word: &str| steps.iter().filter(|step| step.action() == word).count();
    let refused = steps.iter().filter(|step| step.refusal.is_some()).count();
    let mut text = format!(
        "{} to create, {} to change, {} drifted, {} to remove, {} unchanged",
        count("create"),
        count("change"),
        count("drift"),
        count("remove"),
        count("unchanged")
    );
    if refused > 0 {
        text.push_str(&format!("; {refused} would be refused"));
    }
    text
}

/// A step as a program reads it, with what became of it.
pub fn json(step: &Step, client_id: Option<&str>, outcome: &str) -> Json {
    let fields: Vec<Json> = match &step.kind {
        Kind::Change(change) => change
            .fields
            .iter()
            .map(|one| json!({ "field": one.field, "before": one.before, "after": one.after }))
            .collect(),
        _ => Vec::new(),
    };
    json!({
        "key": step.key,
        "client_id": client_id.or(step.client_id()),
        "name": step.name,
        "action": step.action(),
        "fields": fields,
        "note": step.note,
        "outcome": outcome,
        "problem": step.refusal.as_ref().map(|refusal| &refusal.problem),
    })
}
