//! The walls of the house: which room may import which. `ARCHITECTURE.md` draws the same picture.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What a room may import, besides `error`, `time` and `secret`, which everybody may.
const WALLS: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("secret", &[]),
    ("password", &[]),
    ("network", &[]),
    ("oauth", &["network"]),
    ("config", &["network", "oauth"]),
    ("jose", &[]),
    ("db", &[]),
    ("error", &["db", "oauth"]),
    ("store", &["db", "oauth"]),
    ("live", &["db", "store", "oauth", "jose"]),
    ("activity", &["db", "live", "oauth", "store"]),
    ("mail", &["config", "db", "store"]),
    ("download", &[]),
    ("outward", &["oauth"]),
    (
        "registry",
        &[
            "activity", "config", "db", "download", "jose", "live", "mail", "oauth", "password", "store",
        ],
    ),
    // These take the registry as their bag of clock, keys and snapshot; they call none of its functions.
    (
        "access_token",
        &["config", "jose", "live", "oauth", "registry", "store"],
    ),
    (
        "client_auth",
        &["config", "jose", "live", "oauth", "registry", "store"],
    ),
    ("openid", &["jose", "live", "oauth", "registry", "store"]),
    (
        "grant_types",
        &[
            "client_auth",
            "db",
            "live",
            "oauth",
            "openid",
            "registry",
            "store",
        ],
    ),
    (
        "issue",
        &[
            "access_token",
            "activity",
            "client_auth",
            "config",
            "db",
            "grant_types",
            "jose",
            "live",
            "oauth",
            "openid",
            "registry",
            "store",
        ],
    ),
    (
        "authorize",
        &[
            "browser",
            "client_auth",
            "db",
            "grant_types",
            "issue",
            "live",
            "oauth",
            "openid",
            "registry",
            "store",
            "ui",
        ],
    ),
    (
        "backchannel",
        &[
            "app", "db", "delivery", "live", "oauth", "openid", "outward", "registry", "store",
        ],
    ),
    ("delivery", &["app", "db", "registry"]),
    (
        "failures",
        &[
            "client_auth",
            "config",
            "db",
            "grant_types",
            "live",
            "oauth",
            "registry",
            "store",
        ],
    ),
    (
        "webhooks",
        &["app", "db", "delivery", "outward", "registry", "store"],
    ),
    (
        "inspect",
        &[
            "access_token",
            "config",
            "grant_types",
            "jose",
            "live",
            "oauth",
            "openid",
            "registry",
            "store",
        ],
    ),
    ("observe", &["config"]),
    ("server", &["config", "observe"]),
    ("snippets", &["oauth", "store"]),
    ("ui", &["oauth"]),
];

/// Rooms that stand on everything below them but never on one another.
const FRONTS: &[&str] = &["endpoints", "api", "hosted", "console", "scim"];

/// What the fronts stand on.
const BELOW_FRONTS: &[&str] = &[
    "access_token",
    "activity",
    "app",
    "authorize",
    "bearer",
    "browser",
    "client_auth",
    "config",
    "db",
    "failures",
    "download",
    "grant_types",
    "inspect",
    "issue",
    "jose",
    "live",
    "oauth",
    "observe",
    "openid",
    "password",
    "registry",
    "snippets",
    "store",
    "ui",
    "webhooks",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(below: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// The room a file belongs to; tests belong to none.
fn room(path: &Path) -> Option<String> {
    let below = path.strip_prefix(source()).unwrap();
    if path.file_stem().is_some_and(|s| s == "tests") || below.components().any(|c| c.as_os_str() == "tests")
    {
        return None;
    }
    let first = below
        .components()
        .next()?
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    Some(first.trim_end_matches(".rs").to_owned())
}

/// The rooms that a text imports, `#[cfg(test)]` parts aside.
fn imports(text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(group_heads(group));
        } else {
            found.insert(word(rest));
        }
    }
    found.remove("");
    found
}

/// The first words of the members of a `{…}` group.
fn group_heads(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut at_head) = (0, Vec::new(), true);
    for (at, ch) in group.char_indices() {
        match ch {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            c if at_head && c.is_alphanumeric() => {
                heads.push(word(&group[at..]));
                at_head = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn allowed(room: &str, import: &str) -> bool {
    const EVERYBODY: &[&str] = &["error", "time", "secret", "Error", "Result"];
    if room == import || EVERYBODY.contains(&import) {
        return true;
    }
    if FRONTS.contains(&room) {
        return BELOW_FRONTS.contains(&import);
    }
    match WALLS.iter().find(|(known, _)| *known == room) {
        Some((_, may)) => may.contains(&import),
        // The rooms that put the house together see all of it.
        None => true,
    }
}

#[test]
fn no_wall_is_broken() {
    let mut all = Vec::new();
    files(&source(), &mut all);
    let mut broken = Vec::new();
    for path in all {
        let Some(room) = room(&path) else { continue };
        for import in imports(&fs::read_to_string(&path).unwrap()) {
            if !allowed(&room, &import) {
                broken.push(format!("{} imports {import}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn imports_are_read_from_groups_and_paths() {
    let text = "use crate::{\n    db::{Batch, Db},\n    store,\n};\nfn f() { crate::live::x(); } // crate::api\n\
                #[cfg(test)]\nmod tests { use crate::console; }";
    let found: Vec<_> = imports(text).into_iter().collect();
    assert_eq!(found, ["db", "live", "store"]);
}

/// The files of the server whose code, its tests aside, says one of these. The command line is a client of its own, and
/// the programs in `snippets/` run elsewhere.
fn saying(words: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    files(&source(), &mut all);
    let mut found = Vec::new();
    for path in all {
        let Some(room) = room(&path) else { continue };
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        if !["cli", "snippets"].contains(&room.as_str()) && words.iter().any(|word| code.contains(word)) {
            let below = path.strip_prefix(source()).unwrap();
            found.push(below.to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}

#[test]
fn fx_01_the_server_sends_requests_from_one_file_only() {
    let clients = ["reqwest", "hyper_util::client", "TcpStream::connect", "UdpSocket"];
    assert_eq!(saying(&clients), ["outward.rs"]);
}

#[test]
fn fx_01_the_boundary_is_set_in_one_place() {
    assert_eq!(saying(&["Boundary::new("]), ["registry/mod.rs"]);
    assert_eq!(saying(&["Destination {"]), ["oauth/boundary.rs"]);
}

#[test]
fn fx_16_no_door_of_ours_believes_a_token_without_asking_for_whom_it_is() {
    // Introspection and revocation are asked about tokens for others; the inspector and its trials show them.
    let others = [
        "access_token.rs",
        "bearer.rs",
        "endpoints/introspect.rs",
        "endpoints/revoke.rs",
        "inspect.rs",
        "issue/take_back.rs",
    ];
    assert_eq!(saying(&["access_token::read(", "check_active("]), others);
}
