//! Typed settings: defaults, one TOML file, the environment and the command line, in that order of weight.
//!
//! Nothing else in the crate reads the environment or a configuration file, and a [`Config`] that exists is valid:
//! all problems are found when it is loaded, and all are reported at once.

mod check;
mod mail;
mod reference;
mod slot;
mod sources;
mod table;
#[cfg(test)]
mod tests;
mod values;

use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use slot::Given;
use sources::Origin;
use table::SETTINGS;

pub use mail::{Mail, SmtpUrl};
pub use reference::{ShownSetting, reference, show};
pub use sources::Sources;
pub use values::{Database, ForwardedHeader, Issuer, LogFormat, LogLevel, SigningAlgorithm, Word};

pub use crate::network::Network;
use crate::time::Lifetime;

/// All settings, checked. The table in `config/table.rs` says what each means.
#[derive(Clone, Debug)]
pub struct Config {
    /// What `iss` says and every URL starts with.
    pub issuer: Issuer,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Certificate and key of the listener.
    pub tls: Tls,
    /// Whether a reverse proxy ends TLS in front.
    pub behind_proxy: bool,
    /// Whose forwarded headers count.
    pub trusted_proxies: Vec<Network>,
    /// Which forwarded header counts.
    pub forwarded_header: ForwardedHeader,
    /// Whether everybody may read `/metrics`.
    pub metrics_public: bool,
    /// Where metrics are read.
    pub metrics: Metrics,
    /// The directory of the embedded database and the key file.
    pub data_dir: PathBuf,
    /// Where everything is kept; never an empty path once loaded.
    pub database: Database,
    database_file: Option<PathBuf>,
    /// The key under which signing keys are stored.
    pub key_file: PathBuf,
    /// Signing of tokens.
    pub signing: Signing,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How much of something is allowed.
    pub limits: Limits,
    /// Where mail goes.
    pub mail: Mail,
    /// Grants for migrations only.
    pub legacy: Legacy,
    /// Features that can be switched off.
    pub features: Features,
    /// Requests of the server's own.
    pub outward: Outward,
    /// Logging.
    pub log: Log,
    /// Ids of the built-in clients, for the first start.
    pub system_clients: SystemClients,
    /// The first organisation.
    pub bootstrap: Bootstrap,
    origins: BTreeMap<&'static str, Origin>,
}

/// Certificate and key of the listener: both or none.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Tls {
    /// Certificate file and key file, if the listener speaks TLS.
    pub fn pair(&self) -> Option<(&Path, &Path)> {
        self.certificate.as_deref().zip(self.key.as_deref())
    }
}

/// Signing of tokens.
#[derive(Clone, Debug, Default)]
pub struct Signing {
    /// How new keys sign.
    pub algorithm: SigningAlgorithm,
}

/// How long things live; the table of settings says what each is.
#[derive(Clone, Debug, Default)]
pub struct Lifetimes {
    pub authorization_code: Lifetime,
    pub request_uri: Lifetime,
    pub device_code: Lifetime,
    pub access_token: Lifetime,
    pub refresh_idle: Lifetime,
    pub refresh_absolute: Lifetime,
    pub session: Lifetime,
    pub session_idle: Lifetime,
    pub setup_link: Lifetime,
}

/// How much of something is allowed; the table of settings says what each is and where zero means no limit.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    pub body_bytes: u64,
    pub connections: u64,
    pub connections_per_address: u64,
    pub deliveries: u64,
    pub deliveries_per_organization: u64,
    pub token_requests_per_client: u64,
    pub failed_authentications_per_client: u64,
    pub sign_in_attempts_per_account: u64,
    pub sign_in_attempts_per_address: u64,
    pub requests_per_minute: u64,
    pub clients_per_organization: u64,
}

/// Grants for migrations only.
#[derive(Clone, Debug, Default)]
pub struct Legacy {
    /// `grant_type=password`.
    pub password_grant: bool,
    /// `response_type=token`.
    pub implicit_grant: bool,
    /// UserInfo takes tokens for any API. `None`: as it was when the installation was made.
    pub userinfo_any_api: Option<bool>,
}

/// Features that can be switched off.
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// Client credentials of members.
    pub personal_credentials: bool,
    /// Plain http on loopback as a redirect URI of web and single-page clients.
    pub development_redirects: bool,
}

/// Where metrics are read.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// A listener for `/metrics` alone.
    pub listen: Option<SocketAddr>,
}

/// Requests of the server's own.
#[derive(Clone, Debug, Default)]
pub struct Outward {
    /// Networks that they reach beside the public internet.
    pub allow: Vec<Network>,
}

/// Logging.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// What a line looks like.
    pub format: LogFormat,
    /// The least severe line that is written.
    pub level: LogLevel,
}

/// Ids of the built-in clients; the table of settings says which is whose.
#[derive(Clone, Debug, Default)]
pub struct SystemClients {
    pub admin_id: String,
    pub sync_id: String,
    pub mobile_id: String,
    pub desktop_id: String,
    pub cli_id: String,
}

/// The first organisation.
#[derive(Clone, Debug, Default)]
pub struct Bootstrap {
    /// Its name.
    pub organization: String,
    /// Its handle.
    pub handle: String,
}

/// One thing that is wrong with the configuration, in one line, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Config {
    /// The settings that the sources give.
    ///
    /// # Errors
    /// Every problem there is: unknown keys and variables, values that do not fit, settings that contradict.
    pub fn load(sources: &Sources) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut config = Self::blank();
        for setting in SETTINGS {
            if let table::Default::Text(text) = setting.default {
                let put = (setting.slot)(&mut config).put(&Given::Text(text.into()));
                put.map_err(|why| vec![Problem(format!("default of `{}` {why}", setting.key))])?;
            }
        }
        for gift in sources.collect(&mut problems) {
            let Some(setting) = table::find(gift.key) else {
                continue;
            };
            if let Err(why) = (setting.slot)(&mut config).put(&gift.given) {
                problems.push(Problem(format!("`{}` ({}) {why}", gift.key, gift.origin)));
            }
            config.origins.insert(gift.key, gift.origin);
        }
        let set = config.origins.clone();
        check::derive(&mut config, sources, |key| set.contains_key(key), &mut problems);
        check::check(&config, &mut problems);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(problems)
        }
    }

    /// Nothing set yet, not even the defaults.
    fn blank() -> Self {
        Self {
            issuer: "http://localhost".parse().expect("it is a loopback URL"),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: Tls::default(),
            behind_proxy: false,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            metrics_public: false,
            metrics: Metrics::default(),
            data_dir: PathBuf::new(),
            database: Database::Sqlite(PathBuf::new()),
            database_file: None,
            key_file: PathBuf::new(),
            signing: Signing::default(),
            lifetimes: Lifetimes::default(),
            limits: Limits::default(),
            mail: Mail::default(),
            legacy: Legacy::default(),
            features: Features::default(),
            outward: Outward::default(),
            log: Log::default(),
            system_clients: SystemClients::default(),
            bootstrap: Bootstrap::default(),
            origins: BTreeMap::new(),
        }
    }

    fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }
}
