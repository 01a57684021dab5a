//! Which cases of the protocol have a test.
//!
//! The cases stand in `protocol.tsv`, which lies beside the project as `../shared/protocol.tsv` where the project is
//! built and tested by its makers. Without that file there is nothing to compare, and the comparison passes. A test says
//! which cases it proves by their ids in its name, as in `c_02_…`.

use std::{collections::BTreeSet, fs, path::Path};

/// Areas whose every case has a test, or a reason; a case of an attack that is known has an area of its own.
const AREAS: [&str; 15] = [
    "global",
    "metadata",
    "authorize",
    "client authentication",
    "token / authorization_code",
    "client_credentials",
    "refresh",
    "JWT access tokens",
    "introspection",
    "revocation",
    "resource indicators",
    "device",
    "native apps",
    "OpenID Connect",
    "console and REST",
];

/// How the area of a known attack begins.
const ATTACK: &str = "known attack:";

const ASSERTION: &str = "there is no private_key_jwt yet";
const MTLS: &str = "there are no client certificates yet";
const DPOP: &str = "there is no DPoP yet";
const EXCHANGE: &str = "there is no token exchange yet";

/// Cases whose subject does not exist yet, with what is missing.
const NOT_YET: &[(&str, &str)] = &[
    ("M-13", "there are no pushed authorization requests yet"),
    ("M-14", "there is no DPoP yet"),
    ("M-16", MTLS),
    ("C-21", ASSERTION),
    ("C-22", ASSERTION),
    ("C-23", ASSERTION),
    ("C-24", ASSERTION),
    ("C-25", ASSERTION),
    ("C-26", ASSERTION),
    ("C-27", ASSERTION),
    ("C-28", ASSERTION),
    ("C-30", ASSERTION),
    ("C-31", ASSERTION),
    ("C-32", ASSERTION),
    ("C-33", ASSERTION),
    ("C-36", ASSERTION),
    ("C-40", ASSERTION),
    ("C-50", MTLS),
    ("C-51", MTLS),
    ("C-52", MTLS),
    ("C-56", MTLS),
    ("I-12", "there is no DPoP yet"),
    ("I-13", MTLS),
    ("RF-13", DPOP),
    ("B-006", EXCHANGE),
    ("B-014", ASSERTION),
    ("B-015", EXCHANGE),
    ("B-034", ASSERTION),
    ("B-042", MTLS),
    ("B-052", DPOP),
    ("B-055", "there are no custom claims yet"),
    ("B-073", DPOP),
    ("B-074", DPOP),
    (
        "B-103",
        "nothing about TLS can be configured but certificate and key",
    ),
    ("B-109", "crates are checked by cargo deny, which is no test"),
];

/// The names of all functions, each between underscores.
fn names(below: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(below).expect("a directory of the project") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            names(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let source = fs::read_to_string(&path).expect("it can be read");
            let functions = source
                .lines()
                .filter_map(|line| line.trim_start().split_once("fn "));
            found.extend(functions.map(|(_, rest)| {
                let name = rest.split(['(', '<']).next().unwrap_or_default();
                format!("_{name}_")
            }));
        }
    }
}

/// The ids of the cases that concern us.
fn cases(table: &str) -> impl Iterator<Item = &str> {
    let rows = table.lines().skip(1).filter_map(|line| {
        let mut cells = line.split('\t');
        Some((cells.next()?, cells.next()?))
    });
    rows.filter(|(_, area)| AREAS.contains(area) || area.starts_with(ATTACK))
        .map(|(id, _)| id)
}

fn missing<'a>(table: &'a str, names: &[String]) -> Vec<&'a str> {
    let named = |id: &str| {
        let id = format!("_{}_", id.to_ascii_lowercase().replace('-', "_"));
        names.iter().any(|name| name.contains(&id))
    };
    let excused: BTreeSet<&str> = NOT_YET.iter().map(|(id, _)| *id).collect();
    // A case that is excused although it has a test is as wrong as one that has neither.
    cases(table)
        .filter(|id| named(id) == excused.contains(id))
        .collect()
}

#[test]
fn every_case_has_a_test_or_a_reason() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Ok(table) = fs::read_to_string(project.join("../shared/protocol.tsv")) else {
        return;
    };
    let known: BTreeSet<&str> = cases(&table).collect();
    let strangers: Vec<_> = NOT_YET.iter().filter(|(id, _)| !known.contains(id)).collect();
    assert!(strangers.is_empty(), "no such case: {strangers:?}");
    let mut found = Vec::new();
    names(&project.join("src"), &mut found);
    let missing = missing(&table, &found);
    assert!(
        missing.is_empty(),
        "neither tested nor excused, or both: {missing:?}"
    );
}

#[test]
fn a_case_is_found_by_the_whole_of_its_id() {
    let table =
        "id\tarea\nG-01\tglobal\nM-16\tmetadata\nU-04\tunheard of\nT-01\ttoken / authorization_code\n";
    let named = |name: &str| vec![format!("_{name}_")];
    assert_eq!(missing(table, &named("g_01_t_01_tls")), Vec::<&str>::new());
    assert_eq!(missing(table, &named("g_011_t_01_tls")), ["G-01"]);
    assert_eq!(missing(table, &named("g_01_t_01_m_16_tls")), ["M-16"]);
}
