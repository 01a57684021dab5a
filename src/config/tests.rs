//! One rule of the configuration a test.

use super::*;

fn sources(variables: &[(&str, &str)]) -> Sources {
    let home = [("HOME", "/home/alice")];
    let pairs = home
        .iter()
        .chain(variables)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Sources::new(pairs).directory("/nonexistent")
}

fn load(variables: &[(&str, &str)]) -> Config {
    Config::load(&sources(variables)).expect("these settings are valid")
}

fn problems(variables: &[(&str, &str)]) -> Vec<String> {
    lines(Config::load(&sources(variables)))
}

fn lines(loaded: Result<Config, Vec<Problem>>) -> Vec<String> {
    loaded
        .err()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// What is wrong with a file of this text.
fn problems_of_file(text: &str) -> Vec<String> {
    lines(load_file(text))
}

fn load_file(text: &str) -> Result<Config, Vec<Problem>> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("oauthority.toml");
    std::fs::write(&path, text).expect("a file in it");
    let mut loaded = Config::load(&sources(&[]).file(&path));
    if let Err(problems) = &mut loaded {
        let prefix = format!("{}/", directory.path().display());
        for problem in problems {
            problem.0 = problem.0.replace(&prefix, "");
        }
    }
    loaded
}

#[test]
fn nothing_at_all_is_a_valid_configuration() {
    let config = load(&[]);
    assert_eq!(config.issuer.as_str(), "http://localhost:8080");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.data_dir, Path::new("/home/alice/.local/share/oauthority"));
    assert_eq!(config.key_file, config.data_dir.join("master.key"));
    assert_eq!(
        config.database,
        Database::Sqlite(config.data_dir.join("oauthority.db"))
    );
    assert_eq!(config.lifetimes.access_token, Lifetime::hours(1));
    assert_eq!(config.lifetimes.refresh_absolute, Lifetime::days(90));
    assert_eq!(config.signing.algorithm, SigningAlgorithm::Es256);
    assert_eq!(config.system_clients.admin_id, "oa_admin_client");
    assert!(config.tls.pair().is_none());
    assert!(config.features.personal_credentials);
    assert!(!config.legacy.password_grant && !config.legacy.implicit_grant);
}

#[test]
fn data_directory_follows_xdg_and_falls_back_without_a_home() {
    assert_eq!(
        load(&[("XDG_DATA_HOME", "/srv/data")]).data_dir,
        Path::new("/srv/data/oauthority")
    );
    assert_eq!(load(&[("HOME", "")]).data_dir, Path::new("data"));
}

#[test]
fn weight_rises_from_file_to_environment_to_flag() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("oauthority.toml");
    std::fs::write(
        &path,
        "listen = '127.0.0.1:1'\n[lifetimes]\naccess_token = 61\nsession = '3h'\nsession_idle = '1h'\n",
    )
    .expect("a file in it");
    let sources = sources(&[
        ("OAUTHORITY_LIFETIMES__ACCESS_TOKEN", "62"),
        ("OAUTHORITY_LISTEN", "127.0.0.1:2"),
    ]);
    let config =
        Config::load(&sources.file(&path).flag("listen", "localhost:3")).expect("a valid configuration");
    assert_eq!(config.lifetimes.session, Lifetime::hours(3));
    assert_eq!(config.lifetimes.access_token, Lifetime::seconds(62));
    assert_eq!(config.listen.port(), 3);
    let shown = show(&config);
    let source = |key: &str| {
        shown
            .iter()
            .find(|s| s.key == key)
            .map(|s| s.source.clone())
            .unwrap_or_default()
    };
    assert_eq!(source("listen"), "command line");
    assert_eq!(
        source("lifetimes.access_token"),
        "environment OAUTHORITY_LIFETIMES__ACCESS_TOKEN"
    );
    assert_eq!(source("lifetimes.session"), format!("{} line 4", path.display()));
    assert_eq!(source("issuer"), "default");
}

#[test]
fn file_is_found_by_variable_in_working_directory_and_in_data_directory() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("oauthority.toml");
    std::fs::write(&path, "listen = '127.0.0.1:4'").expect("a file in it");
    let here = directory.path().to_string_lossy().into_owned();
    let by_variable = load(&[("OAUTHORITY_CONFIG", &path.to_string_lossy())]);
    let in_data = load(&[("OAUTHORITY_DATA_DIR", &here)]);
    let in_working = Config::load(&sources(&[]).directory(&here)).expect("a valid configuration");
    assert_eq!(
        [&by_variable, &in_data, &in_working].map(|c| c.listen.port()),
        [4, 4, 4]
    );
}

#[test]
fn named_file_must_exist() {
    let found = lines(Config::load(&sources(&[]).file("/nonexistent/x.toml")));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("cannot read /nonexistent/x.toml: "),
        "{found:?}"
    );
}

#[test]
fn fd_28_unknown_key_is_refused_with_the_nearest_known_one() {
    assert_eq!(
        problems_of_file("\n\nlisen = '127.0.0.1:1'"),
        ["unknown key `lisen` in oauthority.toml line 3: did you mean `listen`?"]
    );
    assert_eq!(
        problems_of_file("[lifetimes]\nacces_token = 3"),
        [
            "unknown key `lifetimes.acces_token` in oauthority.toml line 2: did you mean `lifetimes.access_token`?"
        ]
    );
    assert_eq!(
        problems_of_file("[lifetime]\naccess_token = 3"),
        ["unknown key `lifetime` in oauthority.toml line 1: did you mean `lifetimes`?"]
    );
    assert!(problems_of_file("qqq = 1")[0].contains("lists the known ones"));
    assert_eq!(
        problems_of_file("lifetimes = 3"),
        ["`lifetimes` in oauthority.toml line 1 must be a table: [lifetimes]"]
    );
}

#[test]
fn fd_28_text_that_is_not_toml_is_refused_with_its_line() {
    let found = problems_of_file("listen = '127.0.0.1:1'\nissuer = \n");
    assert!(
        found[0].starts_with("oauthority.toml line 2 is not TOML"),
        "{found:?}"
    );
}

#[test]
fn unknown_variable_is_refused_unless_the_command_line_owns_it() {
    assert_eq!(
        problems(&[
            ("OAUTHORITY_LISEN", "x"),
            ("OAUTHORITY_TOKEN", "x"),
            ("OAUTHORITY_TEST_NOW", "1")
        ]),
        ["unknown variable `OAUTHORITY_LISEN` in the environment: did you mean `OAUTHORITY_LISTEN`?"]
    );
}

#[test]
fn unknown_flag_is_refused() {
    let found = lines(Config::load(&sources(&[]).flag("isuer", "x")));
    assert_eq!(
        found,
        ["unknown setting `isuer` on the command line: did you mean `issuer`?"]
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let found = problems(&[
        ("OAUTHORITY_LISEN", "x"),
        ("OAUTHORITY_ISSUER", "http://example.com"),
        ("OAUTHORITY_LIFETIMES__ACCESS_TOKEN", "59"),
        ("OAUTHORITY_TLS__KEY", "k.pem"),
    ]);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.iter().all(|line| !line.contains('\n')));
}

#[test]
fn lifetimes_are_seconds_or_have_a_unit_and_have_bounds() {
    let of = |text: &str| {
        load(&[("OAUTHORITY_LIFETIMES__REFRESH_IDLE", text)])
            .lifetimes
            .refresh_idle
    };
    assert_eq!(of("7200"), Lifetime::hours(2));
    assert_eq!(of("90d"), Lifetime::days(90));
    assert_eq!(of("12h"), Lifetime::hours(12));
    assert_eq!(of("600m"), Lifetime::hours(10));
    let wrong = |text: &str| problems(&[("OAUTHORITY_LIFETIMES__AUTHORIZATION_CODE", text)]).join("\n");
    assert!(
        wrong("601").ends_with("must be between 10s and 10m, not 601s"),
        "{}",
        wrong("601")
    );
    assert!(wrong("soon").contains("must be a number of seconds"));
    assert!(wrong("9999999999999999d").contains("must be a number of seconds"));
    assert!(wrong("-5").contains("must be between"));
}

#[test]
fn idle_lifetimes_do_not_exceed_absolute_ones() {
    let found = problems(&[
        ("OAUTHORITY_LIFETIMES__REFRESH_IDLE", "91d"),
        ("OAUTHORITY_LIFETIMES__SESSION", "1h"),
    ]);
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn rfc8414_s2_issuer_is_https_without_query_or_fragment() {
    for good in [
        "https://login.example.com",
        "https://example.com/tenant",
        "http://127.0.0.1:9",
        "http://[::1]:9",
    ] {
        assert_eq!(load(&[("OAUTHORITY_ISSUER", good)]).issuer.as_str(), good);
    }
    for bad in [
        "http://example.com",
        "https://example.com/",
        "https://example.com?x",
        "https://example.com#x",
        "ftp://example.com",
        "https://a@example.com",
        "HTTPS://example.com",
        "https://Example.com",
        "https://example.com:443",
        "example.com",
        "",
    ] {
        let sources = sources(&[]).flag("issuer", bad);
        assert_eq!(lines(Config::load(&sources)).len(), 1, "{bad}");
    }
}

#[test]
fn issuer_may_have_a_path() {
    let issuer = load(&[("OAUTHORITY_ISSUER", "https://example.com/id")]).issuer;
    assert_eq!(issuer.path(), "/id");
    assert_eq!(
        issuer.join("/oauth2/token"),
        "https://example.com/id/oauth2/token"
    );
    assert!(issuer.is_https());
    assert_eq!(load(&[]).issuer.path(), "");
}

#[test]
fn issuer_follows_listen_on_loopback_and_must_be_said_elsewhere() {
    assert_eq!(
        load(&[("OAUTHORITY_LISTEN", "127.0.0.1:80")]).issuer.as_str(),
        "http://localhost"
    );
    let tls = [
        ("OAUTHORITY_TLS__KEY", "k"),
        ("OAUTHORITY_TLS__CERTIFICATE", "c"),
        ("OAUTHORITY_LISTEN", "[::1]:8443"),
    ];
    assert_eq!(load(&tls).issuer.as_str(), "https://localhost:8443");
    let found = problems(&[
        ("OAUTHORITY_LISTEN", "0.0.0.0:8080"),
        ("OAUTHORITY_BEHIND_PROXY", "true"),
    ]);
    assert!(found[0].starts_with("`issuer` must be set"), "{found:?}");
}

#[test]
fn plain_http_needs_loopback_or_a_proxy() {
    let base = [
        ("OAUTHORITY_ISSUER", "https://example.com"),
        ("OAUTHORITY_LISTEN", "0.0.0.0:80"),
    ];
    let found = problems(&base);
    assert!(
        found[0].contains("`behind_proxy = true`") && found[0].contains("tls.certificate"),
        "{found:?}"
    );
    assert!(load(&[base[0], base[1], ("OAUTHORITY_BEHIND_PROXY", "1")]).behind_proxy);
    let tls = [
        base[0],
        base[1],
        ("OAUTHORITY_TLS__KEY", "k"),
        ("OAUTHORITY_TLS__CERTIFICATE", "c"),
    ];
    assert_eq!(load(&tls).tls.pair(), Some((Path::new("c"), Path::new("k"))));
}

#[test]
fn certificate_and_key_come_together() {
    assert_eq!(
        problems(&[("OAUTHORITY_TLS__KEY", "k")]),
        ["`tls.key` needs `tls.certificate` beside it"]
    );
    assert_eq!(
        problems(&[("OAUTHORITY_TLS__CERTIFICATE", "c")]),
        ["`tls.certificate` needs `tls.key` beside it"]
    );
}

#[test]
fn passwords_of_the_database_are_never_shown() {
    for url in [
        "postgres://oa:hunter2@db/oa",
        "postgresql://oa:hun@ter2:hunter2@db:5432/oa?sslmode=require",
        "postgres://db/oa?user=oa&password=hunter2",
        "postgres://oa:a?hunter2@db/oa",
    ] {
        let config = load(&[("OAUTHORITY_DATABASE", url)]);
        assert_eq!(config.database, Database::Postgres(url.into()));
        let shown = format!("{:?} {config:?}", show(&config));
        assert!(!shown.contains("hunter2") && shown.contains("****"), "{shown}");
    }
    let mistyped = problems(&[("OAUTHORITY_DATABASE", "postgre://oa:hunter2@db/oa")]);
    assert!(
        mistyped.len() == 1 && !mistyped[0].contains("hunter2"),
        "{mistyped:?}"
    );
}

#[test]
fn database_names_a_file_or_a_server() {
    let of = |text: &str| load(&[("OAUTHORITY_DATABASE", text), ("OAUTHORITY_DATA_DIR", "/d")]).database;
    assert_eq!(of("sqlite"), Database::Sqlite("/d/oauthority.db".into()));
    assert_eq!(of("sqlite:x.db"), Database::Sqlite("x.db".into()));
    assert_eq!(of("sqlite:///var/x.db"), Database::Sqlite("/var/x.db".into()));
    assert_eq!(problems(&[("OAUTHORITY_DATABASE", "sqlite:")]).len(), 1);
    assert_eq!(problems(&[("OAUTHORITY_DATABASE", "postgres://")]).len(), 1);
}

#[test]
fn database_may_stand_in_a_file_of_its_own() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("database");
    std::fs::write(&path, "postgres://oa:hunter2@db/oa\n").expect("a file in it");
    let path = path.to_string_lossy().into_owned();
    let config = load(&[("OAUTHORITY_DATABASE_FILE", &path)]);
    assert_eq!(
        config.database,
        Database::Postgres("postgres://oa:hunter2@db/oa".into())
    );
    let both = problems(&[
        ("OAUTHORITY_DATABASE_FILE", &path),
        ("OAUTHORITY_DATABASE", "sqlite"),
    ]);
    assert_eq!(both, ["give `database` or `database_file`, not both"]);
    let missing = problems(&[("OAUTHORITY_DATABASE_FILE", "/nonexistent/x")]);
    assert!(
        missing[0].starts_with("`database_file` /nonexistent/x: cannot read it"),
        "{missing:?}"
    );
}

#[test]
fn proxies_are_addresses_or_ranges() {
    let config = load(&[(
        "OAUTHORITY_TRUSTED_PROXIES",
        "10.0.0.0/8, 192.0.2.1,2001:db8::/32",
    )]);
    let trusts = |ip: &str| {
        config
            .trusted_proxies
            .iter()
            .any(|n| n.contains(ip.parse().expect("an address")))
    };
    for inside in ["10.255.0.1", "::ffff:10.1.2.3", "192.0.2.1", "2001:db8::5"] {
        assert!(trusts(inside), "{inside}");
    }
    for outside in ["11.0.0.1", "192.0.2.2", "2001:db9::1", "::1"] {
        assert!(!trusts(outside), "{outside}");
    }
    let everybody: Network = "0.0.0.0/0".parse().expect("a range");
    assert!(everybody.contains("203.0.113.9".parse().expect("an address")));
    for bad in ["10.0.0.0/33", "10.0.0", "proxy.example.com", "::/129"] {
        assert_eq!(problems(&[("OAUTHORITY_TRUSTED_PROXIES", bad)]).len(), 1, "{bad}");
    }
    let config = load_file("trusted_proxies = ['10.0.0.0/8']").expect("a valid configuration");
    assert_eq!(config.trusted_proxies.len(), 1);
}

#[test]
fn values_of_the_wrong_type_are_refused() {
    for text in [
        "listen = 8080",
        "behind_proxy = 'maybe'",
        "limits.body_bytes = 1",
        "limits.body_bytes = 'x'",
        "log.level = 'loud'",
        "signing.algorithm = 'none'",
        "trusted_proxies = [1]",
        "issuer = 1979-05-27",
        "data_dir = ''",
        "bootstrap.handle = 'A b'",
        "bootstrap.organization = ''",
        "system_clients.admin_id = 'a b'",
        "system_clients.admin_id = 'oa_sync_client'",
    ] {
        assert_eq!(
            problems_of_file(text).len(),
            1,
            "{text}: {:?}",
            problems_of_file(text)
        );
    }
}

#[test]
fn every_default_reads_back_as_it_shows() {
    let config = load(&[]);
    for shown in show(&config).iter().filter(|s| !s.value.is_empty()) {
        let again = Config::load(&sources(&[]).flag(shown.key, shown.value.clone()));
        assert_eq!(lines(again), [""; 0], "{}", shown.key);
    }
}

#[test]
fn reference_names_every_setting_and_its_variable() {
    let page = reference();
    for setting in SETTINGS {
        assert!(
            page.contains(&format!("| `{}`<br>`{}` |", setting.key, setting.variable())),
            "{}",
            setting.key
        );
    }
}

#[test]
fn settings_of_a_section_stand_together() {
    let page = reference();
    let mut titles: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
    let count = titles.len();
    titles.sort_unstable();
    titles.dedup();
    assert_eq!(titles.len(), count);
}

#[test]
fn the_mail_server_may_stand_in_a_file_and_without_one_mails_are_files() {
    let directory = tempfile::tempdir().expect("the system has a temporary directory");
    let file = directory.path().join("smtp-url");
    std::fs::write(&file, "smtps://user:hunter2@mail.example\n").expect("written");
    let path = file.to_string_lossy().into_owned();
    let config = load(&[("OAUTHORITY_MAIL__SMTP_URL_FILE", &path)]);
    let url = config.mail.smtp_url.clone().expect("a server");
    assert_eq!(url.expose(), "smtps://user:hunter2@mail.example");
    let shown = show(&config);
    let value = |key: &str| shown.iter().find(|s| s.key == key).map(|s| s.value.clone());
    assert_eq!(
        value("mail.smtp_url").as_deref(),
        Some("smtps://user:****@mail.example")
    );
    let config = load(&[("OAUTHORITY_DATA_DIR", "/srv/oauthority")]);
    assert!(config.mail.smtp_url.is_none());
    assert_eq!(config.mail.directory, Path::new("/srv/oauthority/mail"));
    assert_eq!(config.mail.from, "Oauthority <oauthority@localhost>");
    let both = problems(&[
        ("OAUTHORITY_MAIL__SMTP_URL_FILE", &path),
        ("OAUTHORITY_MAIL__SMTP_URL", "smtps://mail.example"),
    ]);
    assert_eq!(both, ["give `mail.smtp_url` or `mail.smtp_url_file`, not both"]);
}

#[test]
fn fx_12_names_in_settings_show_something_and_hide_nothing() {
    for name in ["a\u{202e}b", "\u{200b}", "\u{3164}"] {
        let problems = problems(&[("OAUTHORITY_BOOTSTRAP__ORGANIZATION", name)]);
        assert_eq!(problems.len(), 1, "{name:?}: {problems:?}");
    }
    load(&[("OAUTHORITY_BOOTSTRAP__ORGANIZATION", "\u{5d0}cme")]);
}
