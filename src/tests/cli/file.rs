//! Clients as a file: what is planned, what is done, and where secrets go.

use std::{
    io::{self, BufRead, Read},
    os::unix::fs::PermissionsExt,
};

use serde_json::{Value as Json, json};

use super::shell::{Captured, Listening, MANAGE, Ran, Shell};
use crate::{
    cli::{self, Exit},
    registry::clients::{self, Edit},
    store,
    tests::harness::{TestApp, service},
};

/// Two clients: one with a secret, one without.
const TWO: &str = r#"
version: 1
clients:
  - key: invoice-exporter
    name: Invoice exporter
    type: service
    scopes:
      SCOPES: [workspace:read]
  - key: portal
    name: Portal
    description: For customers
    type: user-agent-based
    redirect_uris: [https://app.example/callback]
    scopes:
      SCOPES: [workspace:read]
    oidc_scopes: [openid, profile]
    require_second_factor: true
"#;

/// The audience of the first organisation's own API.
async fn audience(app: &TestApp) -> String {
    let apis = store::apis::of_organization(app.db(), &app.org.id).await.unwrap();
    let own = apis.into_iter().find(|api| api.org_id.is_some()).unwrap();
    own.audience
}

struct Desk {
    server: Listening,
    shell: Shell,
}

impl Desk {
    async fn new() -> Self {
        let server = Listening::start(&[]).await;
        let shell = server.shell(&MANAGE).await;
        Self { server, shell }
    }

    /// Writes a file of clients; `SCOPES` stands for the audience.
    async fn write(&self, text: &str) -> String {
        let text = text.replace("SCOPES", &audience(&self.server.app).await);
        let path = self.shell.path("clients.yaml");
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    async fn apply(&self, more: &[&str]) -> Ran {
        let path = self.shell.path("clients.yaml").to_string_lossy().into_owned();
        let mut words = vec!["client", "apply", "-f", &path];
        words.extend(more);
        self.shell.run(&words).await
    }

    fn secrets(&self) -> String {
        self.shell.path("secrets").to_string_lossy().into_owned()
    }

    /// Applies a file whose new clients get their secrets into a directory.
    async fn made(&self, text: &str) -> Ran {
        self.write(text).await;
        let directory = self.secrets();
        self.apply(&["--yes", "--secrets-dir", &directory]).await.done()
    }

    /// The client with this key, as the API shows it.
    async fn client(&self, key: &str) -> Json {
        let listed = self
            .shell
            .run(&["client", "list", "--key", key, "-o", "json"])
            .await
            .done();
        listed.json()[0].clone()
    }

    /// How many things ever happened.
    async fn events(&self) -> i64 {
        let rows = self
            .server
            .app
            .db()
            .read("SELECT COUNT(*) FROM audit_events", vec![]);
        rows.await.unwrap().pop().unwrap().next().unwrap()
    }

    async fn edit(&self, id: &str, edit: Edit) {
        let app = &self.server.app;
        clients::edit(&app.app.registry, &app.owner(), id, None, edit)
            .await
            .unwrap();
    }
}

fn renamed(name: &str) -> Edit {
    Edit {
        name: Some(name.to_owned()),
        ..Edit::default()
    }
}

fn word(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let desk = Desk::new().await;
    let first = desk.made(TWO).await;
    assert!(
        first.out.contains("+ invoice-exporter  Invoice exporter"),
        "{first:?}"
    );
    assert!(first.out.contains("2 to create"), "{first:?}");
    let client = desk.client("portal").await;
    assert_eq!(client["origin"], "file");
    assert_eq!(client["changed_through"], "file");
    assert_eq!(client["oidc_scopes"], json!(["openid", "profile"]));
    assert_eq!(client["require_second_factor"], true);
    assert_eq!(client["require_consent"], true);
    let (etags, events) = (
        (
            desk.client("portal").await["version"].clone(),
            desk.client("invoice-exporter").await["version"].clone(),
        ),
        desk.events().await,
    );
    let again = desk.apply(&["--yes"]).await.done();
    assert!(
        again
            .out
            .contains("0 to create, 0 to change, 0 drifted, 0 to remove, 2 unchanged"),
        "{again:?}"
    );
    let after = (
        desk.client("portal").await["version"].clone(),
        desk.client("invoice-exporter").await["version"].clone(),
    );
    assert_eq!((etags, events), (after, desk.events().await));
}

#[tokio::test]
async fn a_dry_run_tells_the_plan_and_what_the_server_would_refuse() {
    let desk = Desk::new().await;
    desk.write(TWO).await;
    let events = desk.events().await;
    let planned = desk.apply(&["--dry-run"]).await.done();
    assert!(planned.out.contains("+ portal"), "{planned:?}");
    desk.write(&TWO.replace("https://app.example/callback", "http://app.example/callback#x"))
        .await;
    let refused = desk.apply(&["--dry-run"]).await;
    assert_eq!(refused.exit, Exit::Invalid);
    assert!(
        refused.out.contains("refused:") && refused.out.contains("/redirect_uris/0"),
        "{refused:?}"
    );
    // Without --dry-run it stops there, too: the good one is not made either.
    let stopped = desk.apply(&["--yes", "--secrets-dir", &desk.secrets()]).await;
    assert_eq!(stopped.exit, Exit::Invalid);
    assert_eq!(desk.events().await, events);
    assert!(desk.client("invoice-exporter").await.is_null());
}

#[tokio::test]
async fn a_change_elsewhere_is_drift_and_is_put_back() {
    let desk = Desk::new().await;
    desk.made(TWO).await;
    let id = word(&desk.client("portal").await["client_id"]);
    desk.edit(&id, renamed("Portal by hand")).await;
    let planned = desk.apply(&["--dry-run"]).await.done();
    assert!(planned.out.contains("! portal"), "{planned:?}");
    assert!(planned.out.contains("last changed in the console"), "{planned:?}");
    assert!(
        planned.out.contains("name: \"Portal by hand\" → \"Portal\""),
        "{planned:?}"
    );
    desk.apply(&["--yes"]).await.done();
    assert_eq!(desk.client("portal").await["name"], "Portal");
    // A change of the file itself is none.
    desk.write(&TWO.replace("name: Portal", "name: Customers")).await;
    let planned = desk.apply(&["--dry-run", "-o", "json"]).await.done().json();
    assert_eq!(planned["clients"][1]["action"], "change", "{planned}");
    assert_eq!(
        planned["clients"][1]["fields"][0],
        json!({ "field": "name", "before": "Portal", "after": "Customers" })
    );
}

#[tokio::test]
async fn what_is_left_out_is_as_at_creation() {
    let desk = Desk::new().await;
    desk.made(TWO).await;
    desk.write(
        &TWO.replace("    require_second_factor: true\n", "")
            .replace("    description: For customers\n", ""),
    )
    .await;
    let changed = desk.apply(&["--yes"]).await.done();
    assert!(
        changed.out.contains("require_second_factor: true → false"),
        "{changed:?}"
    );
    let client = desk.client("portal").await;
    assert_eq!(
        (&client["require_second_factor"], &client["description"]),
        (&json!(false), &json!(""))
    );
}

#[tokio::test]
async fn pruning_deletes_by_number_and_only_what_a_file_made() {
    let desk = Desk::new().await;
    desk.made(TWO).await;
    let adopted = desk.server.app.service(&["workspace:read"]).await;
    let edit = Edit {
        file_key: Some(Some("by-hand".to_owned())),
        ..Edit::default()
    };
    desk.edit(&adopted.id, edit).await;
    let others = desk
        .shell
        .run(&["client", "list", "-q", "--all"])
        .await
        .done()
        .out
        .lines()
        .count();
    let one = TWO.split("  - key: portal").next().unwrap().to_owned();
    desk.write(&one).await;
    let kept = desk.apply(&["--yes"]).await.done();
    assert!(kept.out.contains("left alone without --prune"), "{kept:?}");
    assert_eq!(desk.apply(&["--prune"]).await.exit, Exit::Usage);
    assert_eq!(desk.apply(&["--prune", "--yes"]).await.exit, Exit::NotConfirmed);
    assert_eq!(
        desk.apply(&["--prune", "--confirm", "2"]).await.exit,
        Exit::NotConfirmed
    );
    assert_eq!(desk.client("portal").await["status"], "active");
    let pruned = desk.apply(&["--prune", "--confirm", "1"]).await.done();
    assert!(
        pruned.out.contains("- portal") && pruned.out.contains("0 secrets"),
        "{pruned:?}"
    );
    assert!(
        pruned.out.contains("= by-hand") && pruned.out.contains("no file made it"),
        "{pruned:?}"
    );
    assert!(desk.client("portal").await.is_null());
    assert_eq!(desk.client("by-hand").await["status"], "active");
    let left = desk
        .shell
        .run(&["client", "list", "-q", "--all"])
        .await
        .done()
        .out
        .lines()
        .count();
    assert_eq!(left, others - 1, "system clients and those of others stay");
    // The key is free again.
    desk.write(TWO).await;
    desk.apply(&["--yes", "--prune"]).await.done();
    assert_eq!(desk.client("portal").await["status"], "active");
}

#[tokio::test]
async fn a_production_profile_wants_the_number_typed() {
    let desk = Desk::new().await;
    desk.made(TWO).await;
    let config = desk.shell.path(".config/oauthority");
    std::fs::create_dir_all(&config).unwrap();
    let text = format!(
        "default = \"prod\"\n[profiles.prod]\nhost = \"http://{}\"\nproduction = true\n",
        desk.server.address
    );
    std::fs::write(config.join("config.toml"), text).unwrap();
    desk.write(&TWO.replace("name: Portal", "name: Customers")).await;
    assert_eq!(desk.apply(&["--yes"]).await.exit, Exit::NotConfirmed);
    assert_eq!(desk.client("portal").await["name"], "Portal");
    let path = desk.shell.path("clients.yaml").to_string_lossy().into_owned();
    let typed = desk
        .shell
        .type_in(&["client", "apply", "-f", &path], "yes\n")
        .await
        .done();
    assert!(typed.err.contains("production"), "{typed:?}");
    assert_eq!(desk.client("portal").await["name"], "Customers");
    desk.write(TWO).await;
    desk.apply(&["--yes", "--confirm", "0"]).await.done();
    assert_eq!(desk.client("portal").await["name"], "Portal");
}

#[tokio::test]
async fn what_export_writes_apply_adopts() {
    let desk = Desk::new().await;
    let app = &desk.server.app;
    let existing = app.service(&["workspace:read", "workspace:write"]).await;
    let twin = app.service(&["workspace:read"]).await;
    desk.edit(&twin.id, renamed("Nightly Export")).await;
    let connector = desk
        .shell
        .run(&[
            "client",
            "create",
            "--template",
            "sync-connector",
            "--name",
            "Nightly sync",
            "--env-file",
            &desk.shell.path(".env").to_string_lossy(),
        ])
        .await
        .done();
    let exported = desk
        .shell
        .run(&["client", "export", "-s", "nightly"])
        .await
        .done();
    assert!(
        exported.out.contains("key: nightly-export\n") && exported.out.contains("key: nightly-export-2\n")
    );
    assert!(
        !exported.out.contains("oas_") && !exported.out.contains("secret") && !exported.out.contains("hint")
    );
    desk.write(&exported.out).await;
    let adopted = desk.apply(&["--yes"]).await.done();
    assert!(
        adopted.out.contains("file_key: – → \"nightly-export\""),
        "{adopted:?}"
    );
    assert!(
        adopted.out.contains("0 to create, 4 to change, 0 drifted"),
        "{adopted:?}"
    );
    let listed = desk
        .shell
        .run(&["client", "list", "--key", "*", "-q"])
        .await
        .done()
        .out;
    assert!(
        [&existing.id, &twin.id, connector.out.trim()]
            .iter()
            .all(|id| listed.contains(*id)),
        "{listed}"
    );
    let events = desk.events().await;
    desk.apply(&["--yes"]).await.done();
    assert_eq!(desk.events().await, events);
}

#[tokio::test]
async fn somebody_who_cut_a_client_off_is_not_overruled_by_a_script() {
    let desk = Desk::new().await;
    desk.made(TWO).await;
    let app = &desk.server.app;
    let id = word(&desk.client("portal").await["client_id"]);
    clients::disable(&app.app.registry, &app.owner(), &id, None, Some("leaked"))
        .await
        .unwrap();
    let left = desk.apply(&["--yes"]).await.done();
    assert!(left.out.contains("stays disabled"), "{left:?}");
    assert_eq!(desk.client("portal").await["status"], "disabled");
    desk.apply(&["--yes", "--enable"]).await.done();
    assert_eq!(desk.client("portal").await["status"], "active");
    desk.write(&format!("{TWO}    disabled: true\n")).await;
    desk.apply(&["--yes"]).await.done();
    assert_eq!(desk.client("portal").await["status"], "disabled");
    // What a file disabled, a file enables.
    desk.write(TWO).await;
    desk.apply(&["--yes"]).await.done();
    assert_eq!(desk.client("portal").await["status"], "active");
}

#[tokio::test]
async fn a_client_that_gets_a_secret_is_not_made_without_a_place_for_it() {
    let desk = Desk::new().await;
    desk.write(TWO).await;
    let events = desk.events().await;
    let refused = desk.apply(&["--yes"]).await;
    assert_eq!(refused.exit, Exit::Usage);
    assert!(
        refused.err.contains("invoice-exporter") && refused.err.contains("--secrets-dir"),
        "{refused:?}"
    );
    let both = desk
        .apply(&["--yes", "--secrets-dir", "x", "--env-file", "y"])
        .await;
    assert_eq!(both.exit, Exit::Usage);
    // A file that is there is never overwritten.
    let directory = desk.secrets();
    std::fs::create_dir(&directory).unwrap();
    let file = desk.shell.path("secrets/invoice-exporter.env");
    std::fs::write(&file, "mine").unwrap();
    let taken = desk.apply(&["--yes", "--secrets-dir", &directory]).await;
    assert_eq!(taken.exit, Exit::Usage, "{taken:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(desk.events().await, events, "nothing was changed");
}

/// Everything that the database holds, as text.
fn dump(app: &TestApp) -> String {
    let crate::db::DbSettings::Sqlite { path } = app.settings() else {
        panic!("these tests run on a file");
    };
    let mut all = Vec::new();
    for tail in ["", "-wal"] {
        let mut name = path.clone().into_os_string();
        name.push(tail);
        all.extend(std::fs::read(&name).unwrap_or_default());
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn secrets_are_in_their_files_and_nowhere_else() {
    let log = Captured::default();
    let subscriber = || {
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || writer.clone())
            .finish()
    };
    let _guard = tracing::subscriber::set_default(subscriber());
    // With a single subscriber, a thread of another test that has none could switch lines off for everybody.
    let _second = tracing::Dispatch::new(subscriber());
    let desk = Desk::new().await;
    let ran = desk.made(TWO).await;
    let file = desk.shell.path("secrets/invoice-exporter.env");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = std::fs::read_to_string(&file).unwrap();
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
            .to_owned()
    };
    let (id, secret) = (value("OAUTHORITY_CLIENT_ID="), value("OAUTHORITY_CLIENT_SECRET="));
    let token = desk
        .shell
        .pipe(&["token", "get", &id, "--secret-file", "-"], &secret)
        .await;
    token.done();
    assert!(
        !desk.shell.path("secrets/portal.env").exists(),
        "it has no secret"
    );
    assert!(log.text().contains("/clients"), "{}", log.text());
    let activity = desk
        .shell
        .run(&["activity", "list", "--all", "-o", "json"])
        .await
        .done();
    let exported = desk.shell.run(&["client", "export"]).await.done();
    for (place, text) in [
        ("the output", &ran.out),
        ("the messages", &ran.err),
        ("the audit log", &activity.out),
        ("the export", &exported.out),
        ("the database", &dump(&desk.server.app)),
        ("the log", &log.text()),
    ] {
        assert!(!text.contains(&secret), "the secret is in {place}");
        assert!(!text.contains("oas_"), "a secret is in {place}");
    }
}

#[tokio::test]
async fn a_command_gets_the_secret_in_its_environment_and_nothing_shows_it() {
    let desk = Desk::new().await;
    desk.write(TWO).await;
    let kept = desk.shell.path("kept").to_string_lossy().into_owned();
    let script = format!(
        "echo storing $OAUTHORITY_CLIENT_KEY $OAUTHORITY_CLIENT_SECRET; \
         printf '%s %s' \"$OAUTHORITY_CLIENT_ID\" \"$OAUTHORITY_CLIENT_SECRET\" > {kept}; cat /proc/$$/cmdline"
    );
    let ran = desk.apply(&["--yes", "--exec", "sh", "-c", &script]).await.done();
    let text = std::fs::read_to_string(&kept).unwrap();
    let (id, secret) = text.split_once(' ').unwrap();
    assert!(secret.starts_with("oas_"), "{ran:?}");
    desk.shell
        .pipe(&["token", "get", id, "--secret-file", "-"], secret)
        .await
        .done();
    assert!(ran.out.contains("storing invoice-exporter [secret]"), "{ran:?}");
    assert!(!ran.out.contains("oas_") && !ran.err.contains("oas_"), "{ran:?}");
    assert_eq!(
        ran.out.matches("storing").count(),
        2,
        "once for the one client with a secret, once in its own command line"
    );
}

#[tokio::test]
async fn a_secret_that_could_not_be_handed_over_is_told() {
    let desk = Desk::new().await;
    desk.write(TWO).await;
    let ran = desk.apply(&["--yes", "--exec", "false"]).await;
    assert_eq!(ran.exit, Exit::SomeFailed, "{ran:?}");
    let id = word(&desk.client("invoice-exporter").await["client_id"]);
    assert!(
        ran.err.contains(&format!("oauthority secret rotate {id}")),
        "{ran:?}"
    );
    assert_eq!(
        desk.client("portal").await["status"],
        "active",
        "the rest is done"
    );
}

#[tokio::test]
async fn variables_of_several_clients_share_a_file() {
    let desk = Desk::new().await;
    desk.write(TWO).await;
    let path = desk.shell.path(".env");
    desk.apply(&["--yes", "--env-file", &path.to_string_lossy()])
        .await
        .done();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("OAUTHORITY_INVOICE_EXPORTER_CLIENT_ID=oac_"),
        "{text}"
    );
    assert!(
        text.contains("OAUTHORITY_INVOICE_EXPORTER_CLIENT_SECRET=oas_"),
        "{text}"
    );
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

/// Somebody who does something else before he answers a question.
struct Slow<F: FnMut() + Send>(F, io::Cursor<&'static [u8]>);

impl<F: FnMut() + Send> Read for Slow<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1.read(buffer)
    }
}

impl<F: FnMut() + Send> BufRead for Slow<F> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0();
        self.1.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.1.consume(amount);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_between_plan_and_deed_is_a_conflict_for_that_client_alone() {
    let desk = Desk::new().await;
    desk.made(TWO).await;
    let path = desk
        .write(
            &TWO.replace("name: Portal", "name: Customers")
                .replace("name: Invoice exporter", "name: Exporter"),
        )
        .await;
    let id = word(&desk.client("portal").await["client_id"]);
    let (registry, access) = (
        std::sync::Arc::clone(&desk.server.app.app),
        desk.server.app.owner(),
    );
    let runtime = tokio::runtime::Handle::current();
    let meanwhile = move || {
        tokio::task::block_in_place(|| {
            runtime.block_on(async {
                clients::edit(&registry.registry, &access, &id, None, renamed("Somebody else's"))
                    .await
                    .unwrap();
            });
        });
    };
    let (out, err) = (Captured::default(), Captured::default());
    let mut terminal = desk.shell.terminal(&out, &err);
    terminal.can_ask = true;
    terminal.input = Box::new(Slow(meanwhile, io::Cursor::new(b"yes\n")));
    let words = ["oauthority", "client", "apply", "-f", &path].map(Into::into);
    let exit = cli::run(words, &mut terminal).await;
    assert_eq!(exit, Exit::SomeFailed, "{}{}", out.text(), err.text());
    assert!(err.text().contains("portal: conflict"), "{}", err.text());
    assert_eq!(desk.client("portal").await["name"], "Somebody else's");
    assert_eq!(desk.client("invoice-exporter").await["name"], "Exporter");
}

#[tokio::test]
async fn a_file_that_is_wrong_is_refused_with_its_position_before_anything_is_asked() {
    let desk = Desk::new().await;
    desk.write(&TWO.replace("    description: For customers", "    client_secret: oas_x"))
        .await;
    let refused = desk.apply(&["--yes"]).await;
    assert_eq!(refused.exit, Exit::Invalid);
    assert!(
        refused.err.contains("unknown field `client_secret`") && refused.err.contains("line 11"),
        "{refused:?}"
    );
    let draft = service(&["workspace:read"]);
    let foreign = desk.server.app.organization("other").await;
    let draft = crate::registry::client_input::Draft {
        scopes: vec![crate::registry::client_input::ScopeRef::text("workspace:read")],
        ..draft
    };
    let theirs = desk.server.app.client(&foreign, draft).await;
    desk.write(&TWO.replace(
        "  - key: portal",
        &format!("  - key: portal\n    client_id: {}", theirs.id),
    ))
    .await;
    let unknown = desk.apply(&["--yes"]).await;
    assert_eq!(unknown.exit, Exit::NotFound, "{unknown:?}");
}

#[tokio::test]
async fn a_client_is_made_like_another_and_flags_add_to_it() {
    let desk = Desk::new().await;
    desk.made(TWO).await;
    let id = word(&desk.client("portal").await["client_id"]);
    let create = ["client", "create", "--like", &id];
    let made = desk
        .shell
        .run(&[&create[..], &["--name", "Portal", "--description", "Another"]].concat())
        .await
        .done();
    assert!(
        made.err.contains("note: Another client has this name"),
        "{made:?}"
    );
    let new = desk
        .shell
        .run(&["client", "get", made.out.trim(), "-o", "json"])
        .await
        .done()
        .json();
    assert_eq!(
        (&new["description"], &new["file_key"]),
        (&json!("Another"), &Json::Null)
    );
    assert_eq!(new["redirect_uris"], json!(["https://app.example/callback"]));
    desk.shell.run(&["client", "delete", &id, "--yes"]).await.done();
    let again = desk
        .shell
        .run(&[&create[..], &["--name", "Third"]].concat())
        .await
        .done();
    let third = desk
        .shell
        .run(&["client", "get", again.out.trim(), "-o", "json"])
        .await
        .done()
        .json();
    assert_eq!(
        (&third["scopes"], &third["oidc_scopes"]),
        (&new["scopes"], &new["oidc_scopes"])
    );
}

#[tokio::test]
async fn a_client_is_offered_and_taken_over_by_command() {
    let desk = Desk::new().await;
    let app = &desk.server.app;
    let other = app.organization("acme-energy").await;
    let there = desk
        .server
        .shell_of(&app.client(&other, service(&["clients:write"])).await);
    let client = app.service(&["workspace:read"]).await;
    let name = "Nightly export";
    let offer = ["client", "transfer", "offer", &client.id, "--to", "acme-energy"];
    assert_eq!(desk.shell.run(&offer).await.exit, Exit::Usage);
    let offered = desk
        .shell
        .run(&[&offer[..], &["--confirm", name, "-q"]].concat())
        .await
        .done();
    let id = offered.out.trim();
    assert_eq!(
        there
            .run(&["client", "transfer", "list", "-q"])
            .await
            .done()
            .out
            .trim(),
        id
    );
    let shown = there
        .run(&["client", "transfer", "get", id, "-o", "json"])
        .await
        .done()
        .json();
    assert_eq!(shown["client"]["scopes_there"], json!(["workspace:read"]));
    let path = there.path("secret");
    let accept = ["client", "transfer", "accept", id, "--scope", "workspace:write"];
    there.run(&[&accept[..], &["--dry-run"]].concat()).await.done();
    let taken = there
        .run(&[&accept[..], &["--secret-file", &path.to_string_lossy()]].concat())
        .await
        .done();
    assert!(
        taken.err.contains("is yours") && !taken.err.contains("oas_"),
        "{taken:?}"
    );
    let secret = std::fs::read_to_string(&path).unwrap();
    there
        .pipe(&["token", "get", &client.id, "--secret-file", "-"], &secret)
        .await
        .done();
    assert_eq!(
        desk.shell.run(&["client", "get", &client.id]).await.exit,
        Exit::NotFound
    );
    let second = app.service(&["workspace:read"]).await;
    let offer = [
        "client",
        "transfer",
        "offer",
        &second.id,
        "--to",
        "acme-energy",
        "--yes",
        "-q",
    ];
    let id = desk.shell.run(&offer).await.done().out.trim().to_owned();
    there.run(&["client", "transfer", "decline", &id]).await.done();
    assert_eq!(
        desk.shell
            .run(&["client", "transfer", "withdraw", &id])
            .await
            .exit,
        Exit::Conflict
    );
    let id = desk.shell.run(&offer).await.done().out.trim().to_owned();
    desk.shell
        .run(&["client", "transfer", "withdraw", &id])
        .await
        .done();
}
