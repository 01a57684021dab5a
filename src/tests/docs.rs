//! What the documents say is so: links lead somewhere, commands are understood, settings and paths exist.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value as Json;

use crate::{cli, config, tests::harness::on_both};

/// A document: where it lies, and its text.
type Document = (PathBuf, String);

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn read(path: &str) -> String {
    fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every document of the project.
fn documents() -> Vec<Document> {
    let mut found = Vec::new();
    let directories = [
        "",
        "docs",
        "docs/cases",
        "docs/decisions",
        "benches",
        "examples/spa",
        "examples/native",
    ];
    for directory in directories {
        for entry in fs::read_dir(project().join(directory)).expect("a directory of the project") {
            let path = entry.expect("it can be read").path();
            if path.extension().is_some_and(|e| e == "md") {
                let text = fs::read_to_string(&path).expect("it can be read");
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 15, "only {} documents", found.len());
    found
}

/// The code blocks in these languages, each a list of lines.
pub(super) fn blocks<'a>(text: &'a str, languages: &[&str]) -> Vec<Vec<&'a str>> {
    let mut found: Vec<Vec<&str>> = Vec::new();
    let (mut inside, mut wanted) = (false, false);
    for line in text.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            inside = !inside;
            wanted = inside && languages.contains(&language.trim());
            if wanted {
                found.push(Vec::new());
            }
        } else if wanted && let Some(block) = found.last_mut() {
            block.push(line);
        }
    }
    found
}

/// The code spans outside of code blocks.
fn spans(text: &str) -> Vec<String> {
    let mut inside = false;
    let prose = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !fence && !inside
    });
    let prose = prose.collect::<Vec<_>>().join(" ");
    prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The name by which a heading is linked to.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in documents() {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, part) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                file => path.parent().expect("it lies in a directory").join(file),
            };
            let there = match part {
                "" => file.exists(),
                part => fs::read_to_string(&file).is_ok_and(|text| {
                    let mut headings = text.lines().filter(|line| line.starts_with('#'));
                    headings.any(|heading| anchor(heading) == part)
                }),
            };
            if !there {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// The commands of a script: lines that go on are put together; in a transcript only what follows the prompt.
pub(super) fn commands(block: &[&str]) -> Vec<String> {
    let script = block.join("\n").replace("\\\n", " ");
    let transcript = script.lines().any(|line| line.starts_with("$ "));
    let lines = script.lines().filter_map(|line| match line.strip_prefix("$ ") {
        Some(command) => Some(command),
        None if transcript => None,
        None => Some(line.split(" # ").next().unwrap_or_default()),
    });
    lines.map(str::to_owned).collect()
}

/// The words of a command line as a shell would split it; a list for each command of a pipeline.
pub(super) fn words(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word, mut quote) = (Vec::new(), Vec::new(), String::new(), None);
    for ch in format!("{line} ;").chars() {
        match (quote, ch) {
            (Some(open), ch) if ch == open => quote = None,
            (None, '\'' | '"') => quote = Some(ch),
            (None, ' ' | '|' | ';' | '&' | '>' | '<' | '(' | ')') => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                if ch != ' ' && !words.is_empty() {
                    all.push(std::mem::take(&mut words));
                }
            }
            (_, ch) => word.push(ch),
        }
    }
    all
}

/// The arguments of a call of our program, if this is one.
fn ours(words: &[String]) -> Option<Vec<String>> {
    let mut words = words.iter().skip_while(|word| {
        word.split_once('=')
            .is_some_and(|(name, _)| name.starts_with("OAUTHORITY_"))
    });
    let program = words.next()?;
    let rest: Vec<String> = words.cloned().collect();
    match program.rsplit('/').next()? {
        "oauthority" => Some(rest),
        "xargs" => rest
            .iter()
            .position(|w| w == "oauthority")
            .map(|at| rest[at + 1..].to_vec()),
        "cargo" if rest.first().is_some_and(|w| w == "run") => {
            let at = rest.iter().position(|w| w == "--")?;
            Some(rest[at + 1..].to_vec())
        }
        _ => None,
    }
}

/// Why a command is not understood.
fn misunderstood(line: &str) -> Option<String> {
    words(line)
        .iter()
        .filter_map(|words| ours(words))
        .find_map(|arguments| {
            let program = std::iter::once("oauthority".to_owned());
            cli::understand(program.chain(arguments))
                .err()
                .map(|why| format!("{line}\n{why}"))
        })
}

#[test]
fn every_command_in_a_document_is_understood() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for (path, text) in documents() {
        let mut lines: Vec<String> = blocks(&text, &["sh", "console"])
            .iter()
            .flat_map(|b| commands(b))
            .collect();
        // A span with a word in capitals, or that breaks off, shows a form and no command.
        let form = |word: &str| word.contains('…') || word.chars().all(|c| c.is_ascii_uppercase());
        let spans = spans(&text)
            .into_iter()
            .filter(|span| span.starts_with("oauthority "));
        lines.extend(spans.filter(|span| !span.split(' ').any(form)));
        for line in lines {
            seen += words(&line).iter().filter(|words| ours(words).is_some()).count();
            wrong.extend(misunderstood(&line).map(|why| format!("{}: {why}", path.display())));
        }
    }
    assert!(seen > 15, "only {seen} commands");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_command_is_found_in_a_pipeline() {
    let line = "oauthority client list -q | xargs -n1 oauthority client disable --reason 'not used' && curl -d 'a b' x";
    let found: Vec<_> = words(line).iter().filter_map(|words| ours(words)).collect();
    assert_eq!(found[0], ["client", "list", "-q"]);
    assert_eq!(found[1], ["client", "disable", "--reason", "not used"]);
    assert_eq!(found.len(), 2);
    assert!(misunderstood("OAUTHORITY_TOKEN=x oauthority client list --nonsense").is_some());
    assert!(misunderstood("oauthority client delete oac_… --yes").is_none());
}

#[test]
fn every_setting_that_operating_names_exists() {
    let reference = config::reference();
    let known: Vec<&str> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let is_word = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let mut named = 0;
    for span in spans(&read("docs/operating.md")) {
        let (before, key) = span
            .split_once("--set ")
            .map_or((span.as_str(), ""), |(_, set)| (set, set));
        let key = if key.is_empty() { before } else { key };
        let key = key.split('=').next().unwrap_or_default().trim();
        let setting = match key.split_once('.') {
            Some((section, name)) => {
                let section = format!("{section}.");
                is_word(name) && known.iter().any(|key| key.starts_with(&section))
            }
            None => is_word(key) && (key.contains('_') || span.contains(" = ")),
        };
        if setting {
            named += 1;
            assert!(known.contains(&key), "`{span}` names no setting");
        }
    }
    assert!(named > 4, "only {named} settings were found");
}

/// The paths below `/api` in a text, without their queries.
fn paths(text: &str) -> Vec<&str> {
    let begins = text.match_indices("/api/").map(|(at, _)| at);
    // `api.example/api/` and the like are somebody else's.
    let ours = begins.filter(|at| {
        let before = &text[..*at];
        !before.ends_with(|c: char| c.is_ascii_alphanumeric())
            || before.ends_with(|c: char| c.is_ascii_digit())
    });
    ours.filter_map(|at| {
        let rest = &text[at..];
        rest.split(|c: char| c.is_whitespace() || "`\"'?#)>|,;:".contains(c))
            .next()
    })
    .map(|path| path.trim_end_matches(['.', '*', '…', '/']))
    .collect()
}

/// Whether a path, written out or as a template, is the one of the document.
fn fits(path: &str, template: &str) -> bool {
    let (mut path, mut template) = (path.split('/'), template.split('/'));
    loop {
        match (path.next(), template.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b || (b.starts_with('{') && !a.is_empty()) => {}
            _ => return false,
        }
    }
}

/// Pages beside the operations, and the beginning that all of them share.
const BESIDE: [&str; 4] = [
    "/api/v1",
    "/api/v1/openapi.json",
    "/api/v1/docs",
    "/api/oauth/token",
];

#[tokio::test]
async fn every_path_in_the_rest_documents_exists_and_none_is_left_out() {
    on_both(async |app| {
        let document: Json = app.get("/api/v1/openapi.json").send().await.json();
        let known: Vec<&String> = document["paths"].as_object().expect("paths").keys().collect();
        let documents = [
            ("docs/rest.md", "/api/v1"),
            ("docs/oauth-applications.md", "/api/oauth-applications"),
        ];
        for (name, base) in documents {
            let text = read(name);
            let paths = paths(&text);
            for path in &paths {
                let exists = known.iter().any(|template| fits(path, template)) || BESIDE.contains(path);
                assert!(exists, "{name}: {path}");
            }
            for template in known.iter().filter(|template| template.starts_with(base)) {
                assert!(
                    paths.iter().any(|path| fits(path, template)),
                    "{name} lacks {template}"
                );
            }
        }
    })
    .await;
}

#[test]
fn a_path_fits_the_template_of_its_operation() {
    let found =
        paths("`GET /api/v1/orgs/{org}/clients?limit=2` at http://localhost:8080/api/v1/me, x/api/v1");
    assert_eq!(found, ["/api/v1/orgs/{org}/clients", "/api/v1/me"]);
    assert!(fits("/api/v1/orgs/acme/clients", "/api/v1/orgs/{org}/clients"));
    assert!(!fits("/api/v1/orgs/acme", "/api/v1/orgs/{org}/clients"));
}

/// Every file below a directory of the project whose name ends so, put together.
fn sources(directory: &str, ending: &str) -> String {
    let mut found = String::new();
    let mut left = vec![project().join(directory)];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).expect("a directory of the project") {
            let path = entry.expect("it can be read").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && name != "node_modules" {
                left.push(path);
            } else if name.ends_with(ending) {
                found.push_str(&fs::read_to_string(&path).expect("it can be read"));
            }
        }
    }
    found
}

#[test]
fn every_test_that_the_conformance_page_names_exists() {
    let (code, scripts) = (sources("src", ".rs"), sources("tests/browser", ".test.js"));
    let text = read("docs/conformance.md");
    let (mut modules, mut missing) = (0, Vec::new());
    for row in text
        .lines()
        .filter(|line| line.starts_with("| `oidcc-") || line.starts_with("| *"))
    {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), 4, "{row}");
        modules += 1;
        let named = spans(cells[3]);
        assert!(!named.is_empty(), "{row}");
        let exists = |name: &String| {
            code.contains(&format!("fn {name}()")) || scripts.contains(&format!("scene('{name}'"))
        };
        missing.extend(named.into_iter().filter(|name| !exists(name)));
    }
    assert_eq!(modules, 48, "modules of the plans");
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}
