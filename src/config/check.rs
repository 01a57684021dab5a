//! What settings must be together: defaults that follow from others, and rules across settings.

use super::{Config, Problem, Sources, values::Database};

/// Fills in what follows from other settings. `is_set` tells whether somebody set a key.
pub(super) fn derive(
    config: &mut Config,
    sources: &Sources,
    is_set: impl Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
) {
    if !is_set("data_dir") {
        config.data_dir = sources.default_data_dir();
    }
    if !is_set("key_file") {
        config.key_file = config.data_dir.join("master.key");
    }
    read_database_file(config, is_set("database"), problems);
    if config.database == Database::Sqlite("".into()) {
        config.database = Database::Sqlite(config.data_dir.join("oauthority.db"));
    }
    if !is_set("issuer") {
        derive_issuer(config, problems);
    }
    if !is_set("limits.connections_per_address") {
        config.limits.connections_per_address = config.limits.connections.div_ceil(4);
    }
    if !is_set("features.development_redirects") {
        config.features.development_redirects = !config.issuer.is_https();
    }
    derive_mail(config, &is_set, problems);
}

fn derive_mail(config: &mut Config, is_set: impl Fn(&str) -> bool, problems: &mut Vec<Problem>) {
    if !is_set("mail.directory") {
        config.mail.directory = config.data_dir.join("mail");
    }
    if !is_set("mail.from") {
        let host = match config.issuer.url().host() {
            Some(url::Host::Domain(name)) => name,
            _ => "localhost",
        };
        config.mail.from = format!("Oauthority <oauthority@{host}>");
    }
    let Some(path) = &config.mail.smtp_url_file else {
        return;
    };
    if is_set("mail.smtp_url") {
        problems.push(Problem(
            "give `mail.smtp_url` or `mail.smtp_url_file`, not both".into(),
        ));
        return;
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read it: {e}"));
    match text.and_then(|text| text.trim().parse()) {
        Ok(url) => config.mail.smtp_url = Some(url),
        Err(why) => problems.push(Problem(format!("`mail.smtp_url_file` {}: {why}", path.display()))),
    }
}

fn read_database_file(config: &mut Config, database_is_set: bool, problems: &mut Vec<Problem>) {
    let Some(path) = &config.database_file else { return };
    if database_is_set {
        problems.push(Problem("give `database` or `database_file`, not both".into()));
        return;
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read it: {e}"));
    match text.and_then(|text| text.trim().parse()) {
        Ok(database) => config.database = database,
        Err(why) => problems.push(Problem(format!("`database_file` {}: {why}", path.display()))),
    }
}

fn derive_issuer(config: &mut Config, problems: &mut Vec<Problem>) {
    let listen = config.listen;
    if !listen.ip().is_loopback() {
        problems.push(Problem(format!(
            "`issuer` must be set, because `listen` ({listen}) does not say how clients reach this server: \
             issuer = \"https://login.example.com\""
        )));
        return;
    }
    let (scheme, default_port) = if config.tls.pair().is_some() {
        ("https", 443)
    } else {
        ("http", 80)
    };
    let port = if listen.port() == default_port {
        String::new()
    } else {
        format!(":{}", listen.port())
    };
    match format!("{scheme}://localhost{port}").parse() {
        Ok(issuer) => config.issuer = issuer,
        Err(why) => problems.push(Problem(format!("`issuer` {why}"))),
    }
}

/// The rules that need more than one setting.
pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    let tls = &config.tls;
    if tls.certificate.is_some() != tls.key.is_some() {
        let (given, missing) = if tls.key.is_some() {
            ("tls.key", "tls.certificate")
        } else {
            ("tls.certificate", "tls.key")
        };
        problems.push(Problem(format!("`{given}` needs `{missing}` beside it")));
    }
    if tls.certificate.is_none() && !config.listen.ip().is_loopback() && !config.behind_proxy {
        problems.push(Problem(format!(
            "`listen` ({}) would serve plain HTTP to the network: set `tls.certificate` and `tls.key`, or \
             `behind_proxy = true` if a reverse proxy ends TLS, or listen on 127.0.0.1",
            config.listen
        )));
    }
    let lifetimes = &config.lifetimes;
    if lifetimes.refresh_idle > lifetimes.refresh_absolute {
        problems.push(Problem(
            "`lifetimes.refresh_idle` must not exceed `lifetimes.refresh_absolute`".into(),
        ));
    }
    if lifetimes.session_idle > lifetimes.session {
        problems.push(Problem(
            "`lifetimes.session_idle` must not exceed `lifetimes.session`".into(),
        ));
    }
    let ids = &config.system_clients;
    let mut ids = [
        &ids.admin_id,
        &ids.sync_id,
        &ids.mobile_id,
        &ids.desktop_id,
        &ids.cli_id,
    ];
    ids.sort();
    if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]) {
        problems.push(Problem(format!("`system_clients` has the id `{twice}` twice")));
    }
}
