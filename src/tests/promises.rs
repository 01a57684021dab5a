//! Each promise of SECURITY.md names the tests that hold it, and each of those exists.

use std::{fs, path::Path};

use super::docs::read;

/// The rows below the heading of the promises: what is promised, and the names in the other cell.
fn promises(text: &str) -> Vec<(&str, Vec<&str>)> {
    let (_, rest) = text.split_once("\n## Promises").expect("the heading");
    let section = rest.split("\n## ").next().unwrap_or_default();
    let rows = section
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = rows.filter_map(|row| row.rsplit_once(" | "));
    cells
        .filter(|(promise, _)| *promise != "what holds")
        .map(|(promise, tests)| (promise, tests.split('`').skip(1).step_by(2).collect()))
        .collect()
}

/// Whether a test of this name stands where the name says: `tests::endpoints::revoke::name` in this crate,
/// `sockets::crash::name` among the tests that start the program.
pub(super) fn exists(name: &str) -> bool {
    let Some((place, function)) = name.rsplit_once("::") else {
        return false;
    };
    let place = place.strip_suffix("::tests").unwrap_or(place).replace("::", "/");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let base = if place.starts_with("sockets") {
        root.join("tests")
    } else {
        root.join("src")
    };
    let files = [
        format!("{place}.rs"),
        format!("{place}/mod.rs"),
        format!("{place}/main.rs"),
        format!("{place}/tests.rs"),
    ];
    files.iter().any(|file| {
        let text = fs::read_to_string(base.join(file)).unwrap_or_default();
        text.contains(&format!("fn {function}("))
            && (text.contains("#[test]") || text.contains("#[tokio::test"))
    })
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let text = read("SECURITY.md");
    let promises = promises(&text);
    assert!(promises.len() > 25, "only {} promises", promises.len());
    let mut wrong = Vec::new();
    for (promise, tests) in promises {
        if tests.is_empty() {
            wrong.push(format!("no test: {promise}"));
        }
        wrong.extend(
            tests
                .into_iter()
                .filter(|name| !exists(name))
                .map(|name| format!("no such test: {name}")),
        );
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
