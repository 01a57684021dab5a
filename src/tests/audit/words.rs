//! Every action that the code writes down has its words.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn files(below: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).expect("a directory") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") {
            files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

fn is_action(text: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    text.split_once('.')
        .is_some_and(|(kind, what)| word(kind) && word(what))
}

/// The literals that stand where an action stands: among the arguments of a function that writes an event down, alone as
/// the value of a `match` arm or a constant, or as an action to look for.
fn actions(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut found = BTreeSet::new();
    let parts: Vec<&str> = code.split('"').collect();
    for at in (1..parts.len().saturating_sub(1)).step_by(2) {
        let (literal, before, after) = (parts[at], parts[at - 1].trim_end(), parts[at + 1].trim_start());
        // Refusals, fields of forms and codes of objections have dots as well.
        let other =
            before.ends_with("reason(") || before.ends_with("reason ==") || before.ends_with("reason !=");
        let argument = before.ends_with(',') && after.starts_with(',');
        let event = [
            "resource", "seen", "details", "&details", "&json!", "json!", "who", "now", "&key", "Resource",
            "why", "&mut",
        ];
        let next = after.trim_start_matches(',').trim_start();
        let written = argument && event.iter().any(|word| next.starts_with(word));
        let last = before.ends_with(',') && after.starts_with(").await");
        let chosen = last
            || before.ends_with([';', '{']) && after.starts_with('}')
            || before.ends_with("=>")
            || before.ends_with("const PRUNED: &str =");
        if is_action(literal) && !other && (written || chosen) {
            found.insert(literal.to_owned());
        }
    }
    found
}

#[test]
fn no_action_is_without_a_sentence() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let words = fs::read_to_string(source.join("console/activity/words.rs")).expect("it can be read");
    let mut all = Vec::new();
    files(&source, &mut all);
    let writes = [
        "audit::append",
        "people::tell(",
        "note_refusal(",
        "accounts::events(",
        "note(",
    ];
    let mut found = BTreeSet::new();
    for path in all {
        let below = path
            .strip_prefix(&source)
            .expect("below")
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&path).expect("it can be read");
        if ["cli/", "console/", "api/", "ui/", "store/"]
            .iter()
            .any(|front| below.starts_with(front))
            || !writes.iter().any(|function| text.contains(function))
        {
            continue;
        }
        found.extend(actions(&text));
    }
    assert!(
        found.len() >= 57,
        "only {} actions were found: {found:?}",
        found.len()
    );
    for known in [
        "client.created",
        "secret.rotated",
        "token.revoked",
        "webhook.disabled",
        "audit.pruned",
        "user.locked",
    ] {
        assert!(found.contains(known), "{known} was not found");
    }
    let silent: Vec<&String> = found
        .iter()
        .filter(|action| !words.contains(&format!("\"{action}\"")))
        .collect();
    assert!(silent.is_empty(), "without words: {silent:?}");
}
