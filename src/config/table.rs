//! The table of settings. Parsing, `config show`, the reference and the detection of unknown keys follow from it.

use super::{Config, mail::sender, slot::Slot};
use crate::time::Lifetime;

/// One setting.
pub(super) struct Setting {
    /// Where it stands in the file, with dots between table and key.
    pub key: &'static str,
    pub default: Default,
    /// One line for the reference.
    pub doc: &'static str,
    pub slot: for<'a> fn(&'a mut Config) -> Slot<'a>,
}

/// What holds when nobody says anything.
pub(super) enum Default {
    /// This text, read as if somebody had given it.
    Text(&'static str),
    /// Nothing.
    Unset,
    /// Something that depends on other settings, in words.
    Derived(&'static str),
}

impl Setting {
    /// The environment variable that sets it.
    pub(super) fn variable(&self) -> String {
        format!("OAUTHORITY_{}", self.key.replace('.', "__").to_ascii_uppercase())
    }
}

/// The row of a key.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

use Default::{Derived, Text, Unset};

macro_rules! settings {
    ($($key:literal, $default:expr, $slot:expr, $doc:literal;)+) => {
        &[$(Setting { key: $key, default: $default, doc: $doc, slot: $slot }),+]
    };
}

#[rustfmt::skip]
pub(super) static SETTINGS: &[Setting] = settings![
    "issuer", Derived("`http://localhost:PORT`, from `listen`"), |c| Slot::Issuer(&mut c.issuer),
        "The URL of this server as clients and browsers see it: https, or http on a loopback host; no query, no trailing slash.";
    "listen", Text("127.0.0.1:8080"), |c| Slot::Address(&mut c.listen),
        "The address and port to listen on.";
    "behind_proxy", Text("false"), |c| Slot::Bool(&mut c.behind_proxy),
        "A reverse proxy ends TLS in front of this server, so plain HTTP is allowed on an address other than loopback.";
    "trusted_proxies", Text(""), |c| Slot::Networks(&mut c.trusted_proxies),
        "The proxies whose word about the client's address counts. Forwarded headers of anybody else are ignored.";
    "forwarded_header", Text("x-forwarded-for"), |c| Slot::word(&mut c.forwarded_header),
        "The header in which the trusted proxies name the client; they must set or extend it on every request.";
    "metrics_public", Text("false"), |c| Slot::Bool(&mut c.metrics_public),
        "Show `/metrics` to everybody, not only to this machine. With `behind_proxy` or `trusted_proxies` nobody counts as this machine, since a proxy may be there: set `metrics.listen`.";

    "data_dir", Derived("`$XDG_DATA_HOME/oauthority`, else `~/.local/share/oauthority`, else `./data`"), |c| Slot::Path(&mut c.data_dir),
        "Where the embedded database and the key file live; made with mode 0700 when missing.";
    "database", Text("sqlite"), |c| Slot::Database(&mut c.database),
        "`sqlite` is the file `oauthority.db` in the data directory.";
    "database_file", Unset, |c| Slot::OptionalPath(&mut c.database_file),
        "A file that holds the value of `database`, for a URL with a password in it.";
    "key_file", Derived("`master.key` in the data directory"), |c| Slot::Path(&mut c.key_file),
        "The key under which signing keys are stored; made with mode 0600 at the first start.";

    "metrics.listen", Unset, |c| Slot::OptionalAddress(&mut c.metrics.listen),
        "An address and port for `/metrics` alone, shown to whoever reaches it and no longer at `listen`: keep it in a network of your own. It speaks TLS where `tls.certificate` is set.";

    "tls.certificate", Unset, |c| Slot::OptionalPath(&mut c.tls.certificate),
        "PEM file with the certificate chain, the server's own first. Needs `tls.key`.";
    "tls.key", Unset, |c| Slot::OptionalPath(&mut c.tls.key),
        "PEM file with the private key of the certificate. Needs `tls.certificate`.";

    "signing.algorithm", Text("ES256"), |c| Slot::word(&mut c.signing.algorithm),
        "How new signing keys sign tokens.";

    "lifetimes.authorization_code", Text("60s"), |c| lifetime(&mut c.lifetimes.authorization_code, 10, 600),
        "An authorization code, which is used once.";
    "lifetimes.request_uri", Text("60s"), |c| lifetime(&mut c.lifetimes.request_uri, 10, 600),
        "A pushed authorization request.";
    "lifetimes.device_code", Text("10m"), |c| lifetime(&mut c.lifetimes.device_code, 60, 1800),
        "A device code and its user code.";
    "lifetimes.access_token", Text("1h"), |c| lifetime(&mut c.lifetimes.access_token, 60, 86_400),
        "An access token, where neither its API nor its client nor its organisation says anything; otherwise the smallest of what they say.";
    "lifetimes.refresh_idle", Text("30d"), |c| lifetime(&mut c.lifetimes.refresh_idle, 3600, 365 * DAY),
        "A refresh token that nobody uses.";
    "lifetimes.refresh_absolute", Text("90d"), |c| lifetime(&mut c.lifetimes.refresh_absolute, 3600, 730 * DAY),
        "A grant with all its refresh tokens, used or not.";
    "lifetimes.session", Text("12h"), |c| lifetime(&mut c.lifetimes.session, 300, 30 * DAY),
        "A sign-in, used or not.";
    "lifetimes.session_idle", Text("2h"), |c| lifetime(&mut c.lifetimes.session_idle, 300, 30 * DAY),
        "A sign-in that nobody uses.";
    "lifetimes.setup_link", Text("24h"), |c| lifetime(&mut c.lifetimes.setup_link, 300, 7 * DAY),
        "The link of the first start, where the first administrator picks a password.";

    "limits.body_bytes", Text("65536"), |c| Slot::Integer(&mut c.limits.body_bytes, 1024, 16 * 1024 * 1024),
        "The largest request body; a larger one gets 413.";
    "limits.connections", Text("10000"), |c| Slot::Integer(&mut c.limits.connections, 16, 1_000_000),
        "Open connections; further ones wait until one closes.";
    "limits.connections_per_address", Derived("a quarter of `limits.connections`"), |c| Slot::Integer(&mut c.limits.connections_per_address, 1, 1_000_000),
        "Open connections of one address (IPv6: of one /64); further ones are closed at once. Connections of `trusted_proxies` are not counted; behind them it is requests at work for one forwarded address, and further ones get 429.";
    "limits.deliveries", Text("64"), |c| Slot::Integer(&mut c.limits.deliveries, 1, 10_000),
        "Webhook messages on their way at once, and as many messages about sign-outs.";
    "limits.deliveries_per_organization", Text("4"), |c| Slot::Integer(&mut c.limits.deliveries_per_organization, 1, 1000),
        "How many of them are for one organisation, or go to one host; further ones wait for their turn.";
    "limits.token_requests_per_client", Text("0"), |c| Slot::Integer(&mut c.limits.token_requests_per_client, 0, u64::MAX),
        "Token requests of one client in a minute; 0 is no limit.";
    "limits.failed_authentications_per_client", Text("10"), |c| Slot::Integer(&mut c.limits.failed_authentications_per_client, 1, 10_000),
        "Wrong secrets for one client from one address in a minute; then 429.";
    "limits.sign_in_attempts_per_account", Text("10"), |c| Slot::Integer(&mut c.limits.sign_in_attempts_per_account, 3, 1000),
        "Wrong passwords and codes for one account from one network, or from one browser that it knows, in fifteen minutes; then sign-in from there pauses. What an account takes from everywhere together is fixed: see sign-in.md.";
    "limits.sign_in_attempts_per_address", Text("30"), |c| Slot::Integer(&mut c.limits.sign_in_attempts_per_address, 3, 100_000),
        "Sign-in attempts from one address in a minute; then 429.";
    "limits.requests_per_minute", Text("600"), |c| Slot::Integer(&mut c.limits.requests_per_minute, 0, u64::MAX),
        "Management API requests of one caller in a minute; 0 is no limit.";
    "limits.clients_per_organization", Text("0"), |c| Slot::Integer(&mut c.limits.clients_per_organization, 0, u64::MAX),
        "Clients of one organisation; 0 is no limit.";

    "mail.smtp_url", Unset, |c| Slot::Smtp(&mut c.mail.smtp_url),
        "The server that takes mail: `smtps://user:password@host:465`, or `smtp://host:587?tls=required`; plain `smtp://` for a loopback host only. Without one, mails are files.";
    "mail.smtp_url_file", Unset, |c| Slot::OptionalPath(&mut c.mail.smtp_url_file),
        "A file that holds the value of `mail.smtp_url`, for a URL with a password in it.";
    "mail.from", Derived("`Oauthority <oauthority@HOST>`, from `issuer`"), |c| Slot::Text(&mut c.mail.from, sender),
        "Who mails say they are from: an address, or a name and the address in angle brackets.";
    "mail.directory", Derived("`mail` in the data directory"), |c| Slot::Path(&mut c.mail.directory),
        "Where mails are written as files, mode 0600, while `mail.smtp_url` is not set.";

    "legacy.password_grant", Text("false"), |c| Slot::Bool(&mut c.legacy.password_grant),
        "Allow `grant_type=password`, for a migration only (RFC 9700 forbids it).";
    "legacy.implicit_grant", Text("false"), |c| Slot::Bool(&mut c.legacy.implicit_grant),
        "Allow `response_type=token`, for a migration only (RFC 9700 advises against it).";
    "legacy.userinfo_any_api", Derived("`true` where 0.1.0 made the installation, else `false`"), |c| Slot::OptionalBool(&mut c.legacy.userinfo_any_api),
        "Let a token that is for an API open UserInfo as well, as 0.1.0 did, for a migration only (RFC 9068 §4 forbids it).";
    "features.personal_credentials", Text("true"), |c| Slot::Bool(&mut c.features.personal_credentials),
        "Let members hold client credentials of their own.";
    "features.development_redirects", Derived("`true` where `issuer` is http, else `false`"), |c| Slot::Bool(&mut c.features.development_redirects),
        "Let web and single-page clients redirect to plain http on loopback. An organisation can forbid it to itself.";

    "outward.allow", Text(""), |c| Slot::Networks(&mut c.outward.allow),
        "Networks that webhooks and back-channel logout reach beside the public internet, such as `10.0.0.0/8`, and without TLS. This machine (`127.0.0.0/8, ::1`) is reached unlisted only where `issuer` is http. Every organisation may name addresses in them.";

    "log.format", Text("text"), |c| Slot::word(&mut c.log.format),
        "What log lines look like; they go to standard error.";
    "log.level", Text("info"), |c| Slot::word(&mut c.log.level),
        "The least severe line that is written.";

    "system_clients.admin_id", Text("oa_admin_client"), |c| Slot::Text(&mut c.system_clients.admin_id, client_id),
        "Client id of \"Admin Client\"; read at the first start only.";
    "system_clients.sync_id", Text("oa_sync_client"), |c| Slot::Text(&mut c.system_clients.sync_id, client_id),
        "Client id of \"Sync Service Client\"; read at the first start only.";
    "system_clients.mobile_id", Text("oauthority-mobile-app"), |c| Slot::Text(&mut c.system_clients.mobile_id, client_id),
        "Client id of \"Mobile App\"; read at the first start only.";
    "system_clients.desktop_id", Text("oauthority-desktop-agent"), |c| Slot::Text(&mut c.system_clients.desktop_id, client_id),
        "Client id of \"Desktop Agent\"; read at the first start only.";
    "system_clients.cli_id", Text("oauthority-cli"), |c| Slot::Text(&mut c.system_clients.cli_id, client_id),
        "Client id of \"Command Line\"; read at the first start only.";
    "bootstrap.organization", Text("My organisation"), |c| Slot::Text(&mut c.bootstrap.organization, name),
        "Name of the first organisation; read at the first start only.";
    "bootstrap.handle", Text("main"), |c| Slot::Text(&mut c.bootstrap.handle, handle),
        "Handle of the first organisation; read at the first start only.";
];

const DAY: i64 = 86_400;

fn lifetime(place: &mut Lifetime, least: i64, most: i64) -> Slot<'_> {
    Slot::Lifetime(place, Lifetime::seconds(least), Lifetime::seconds(most))
}

fn client_id(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if (3..=64).contains(&text.len()) && text.chars().all(fits) {
        return Ok(());
    }
    Err("must be 3 to 64 letters, digits, `_`, `-` or `.`".into())
}

fn name(text: &str) -> Result<(), String> {
    if text.trim() != text || !(1..=100).contains(&text.chars().count()) {
        return Err("must be 1 to 100 characters, without spaces at the ends".into());
    }
    crate::oauth::name::check(text, 100).map_err(|why| format!("is no name: {why}"))
}

fn handle(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (2..=40).contains(&text.len())
        && text.chars().all(fits)
        && !text.starts_with('-')
        && !text.ends_with('-')
    {
        return Ok(());
    }
    Err("must be 2 to 40 lower-case letters, digits or `-`".into())
}
