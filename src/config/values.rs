//! Settings that are more than a number or a word; each is parsed once and cannot hold a wrong value.

use std::{fmt, path::PathBuf, str::FromStr};

use url::{Host, Url};

/// The issuer identifier: what `iss` says and what every URL of the server starts with.
///
/// It is kept byte for byte as clients compare it (RFC 8414 §2), so only the canonical spelling is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    url: Url,
}

impl Issuer {
    /// The identifier, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The identifier as a URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The path under which the server lives: empty, or `/` and something.
    pub fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    /// The address of `path`, which starts with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// Whether browsers reach the server over TLS, so that cookies are `Secure` whatever a request claims.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }
}

impl FromStr for Issuer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|e| format!("`{text}` is not a URL ({e})"))?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => {
                return Err(format!(
                    "`{text}` must be https; http is for a loopback host such as localhost"
                ));
            }
            _ => return Err(format!("`{text}` must be an https URL")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not hold a user name or password".into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("`{text}` must have neither query nor fragment")); // RFC 8414 §2
        }
        if text.ends_with('/') {
            return Err(format!("`{text}` must not end in a slash"));
        }
        let canonical = url.as_str().trim_end_matches('/');
        if canonical != text {
            return Err(format!("`{text}` must be written `{canonical}`"));
        }
        Ok(Self {
            text: text.into(),
            url,
        })
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Where everything is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// One file.
    Sqlite(PathBuf),
    /// A server, by its connection URL; the URL may hold a password, so it is never shown whole.
    Postgres(String),
}

impl FromStr for Database {
    type Err = String;

    /// An empty path stands for the file in the data directory; loading fills it in.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "sqlite" {
            return Ok(Self::Sqlite(PathBuf::new()));
        }
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err("`sqlite:` needs a path, as in sqlite:/var/lib/oauthority/oauthority.db".into())
            } else {
                Ok(Self::Sqlite(path.into()))
            };
        }
        if text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .is_some_and(|rest| !rest.is_empty())
        {
            return Ok(Self::Postgres(text.into()));
        }
        // The text may be a mistyped URL with a password in it, so it is not repeated.
        Err("must be `sqlite`, `sqlite:PATH` or `postgres://user:password@host/name`".into())
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) if path.as_os_str().is_empty() => f.write_str("sqlite"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => f.write_str(&mask_password(url)),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({self})")
    }
}

/// Replaces the password of a connection URL, in its authority or its query, by stars. It looks for the last `@`
/// because a password may itself hold one unescaped: rather too much hidden than too little.
pub(super) fn mask_password(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (authority, rest) = match url.rfind('@') {
        Some(at) if at >= start => (&url[start..at], &url[at..]),
        _ => ("", &url[start..]),
    };
    let authority = match authority.split_once(':') {
        Some((user, _)) => format!("{user}:****"),
        None => authority.to_owned(),
    };
    let rest = match rest.split_once('?') {
        Some((before, query)) => {
            let pairs = query.split('&').map(|pair| match pair.split_once('=') {
                Some((name, _)) if name.to_ascii_lowercase().contains("password") => format!("{name}=****"),
                _ => pair.to_owned(),
            });
            format!("{before}?{}", pairs.collect::<Vec<_>>().join("&"))
        }
        None => rest.to_owned(),
    };
    format!("{}{authority}{rest}", &url[..start])
}

/// A setting whose value is one of a few words.
pub trait Word: Copy + PartialEq + 'static {
    /// Every word and what it means.
    const WORDS: &'static [(&'static str, Self)];

    /// The word for this value.
    fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, value)| *value == self)
            .map_or("", |(word, _)| word)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        pub enum $name { $($(#[$item])* $variant),+ }

        impl Word for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
        }
    };
}

words! {
    /// How new signing keys sign.
    SigningAlgorithm {
        /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
        #[default] Es256 = "ES256",
        /// Ed25519 (RFC 8037).
        EdDsa = "EdDSA",
        /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3).
        Rs256 = "RS256",
    }
}

words! {
    /// What a log line looks like.
    LogFormat {
        /// For people.
        #[default] Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

words! {
    /// The least severe line that is written.
    LogLevel {
        /// Failures of ours only.
        Error = "error",
        /// And what will become one.
        Warn = "warn",
        /// And one line for each request.
        #[default] Info = "info",
        /// And how decisions were reached.
        Debug = "debug",
        /// And everything else.
        Trace = "trace",
    }
}

words! {
    /// The header in which trusted proxies name the client; the other one is ignored, since a proxy that does not
    /// write it passes on whatever the client wrote.
    ForwardedHeader {
        /// `X-Forwarded-For` and `X-Forwarded-Proto`.
        #[default] XForwardedFor = "x-forwarded-for",
        /// `Forwarded` (RFC 7239).
        Forwarded = "forwarded",
    }
}
