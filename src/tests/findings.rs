//! `docs/cases/findings.md` and the tests that are named for findings say the same.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{docs::read, promises::exists};

/// Every file of Rust below a directory.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory of the project");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    paths
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The functions that are named for a finding, without where they stand.
fn named() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts = ["src", "tests"]
        .into_iter()
        .flat_map(|place| sources(&root.join(place)));
    let texts = texts.map(|path| fs::read_to_string(path).expect("it can be read"));
    let functions = texts.flat_map(|text| {
        let parts: Vec<String> = text.split("fn fx_").skip(1).map(str::to_owned).collect();
        parts
    });
    let number = |name: &str| name.len() > 2 && name.as_bytes()[..2].iter().all(u8::is_ascii_digit);
    functions
        .filter(|rest| number(rest))
        .filter_map(|rest| Some(format!("fx_{}", rest.split_once('(')?.0)))
        .collect()
}

#[test]
fn every_test_of_a_finding_is_listed_and_every_one_listed_exists() {
    let text = read("docs/cases/findings.md");
    let listed: Vec<&str> = text.split('`').filter(|span| span.contains("::fx_")).collect();
    let gone: Vec<&&str> = listed.iter().filter(|name| !exists(name)).collect();
    assert!(gone.is_empty(), "listed, but not there: {gone:#?}");
    let listed: BTreeSet<String> = listed
        .iter()
        .filter_map(|name| Some(name.rsplit_once("::")?.1.to_owned()))
        .collect();
    let missing: Vec<String> = named().difference(&listed).cloned().collect();
    assert!(missing.is_empty(), "there, but not listed: {missing:#?}");
}

#[test]
fn every_row_has_a_test_that_carries_its_number() {
    let text = read("docs/cases/findings.md");
    for row in text.lines().filter_map(|line| line.strip_prefix("| FX-")) {
        let number = &row[..2];
        assert!(row.contains(&format!("::fx_{number}_")), "FX-{number}");
    }
}
