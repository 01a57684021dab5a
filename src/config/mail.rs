//! Where mail goes: an SMTP server, by its URL, or files.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr};

use lettre::message::Mailbox;
use url::Url;

use super::values::mask_password;

/// Where mail goes, and who it says it is from.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// The server that takes mail; without one, mails are files.
    pub smtp_url: Option<SmtpUrl>,
    pub(super) smtp_url_file: Option<PathBuf>,
    /// The sender, such as `Acme sign-in <no-reply@acme.example>`.
    pub from: String,
    /// Where mails are written as files.
    pub directory: PathBuf,
}

/// The URL of an SMTP server. It may hold a password, so it is never shown whole.
///
/// Mails hold links that sign people in, so they leave this machine over TLS only.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl(String);

impl SmtpUrl {
    /// The URL with whatever password is in it; for the one who connects.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for SmtpUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The text may hold a password, so it is not repeated.
        let wrong =
            || "must be `smtps://user:password@host:465` or `smtp://host:587?tls=required`".to_owned();
        let url = Url::parse(text).map_err(|_| wrong())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, v)| v);
        match (url.scheme(), tls.as_deref()) {
            ("smtps", None) | ("smtp", Some("required")) => {}
            ("smtp", None) if is_this_machine(host) => {}
            ("smtp", None | Some("opportunistic")) => {
                return Err(
                    "must ask for TLS (`smtps://…`, or `?tls=required`): mails hold links that sign \
                            people in; plain `smtp://` is for a server on this machine"
                        .to_owned(),
                );
            }
            _ => return Err(wrong()),
        }
        Ok(Self(text.to_owned()))
    }
}

fn is_this_machine(host: &str) -> bool {
    let ip = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Display for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_password(&self.0))
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpUrl({self})")
    }
}

/// Whether a text names a sender.
pub(super) fn sender(text: &str) -> Result<(), String> {
    match text.parse::<Mailbox>() {
        Ok(_) => Ok(()),
        Err(_) => Err("must be an address such as `Acme sign-in <no-reply@acme.example>`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{SmtpUrl, sender};

    #[test]
    fn mail_leaves_this_machine_over_tls_only() {
        for good in [
            "smtps://user:pass@mail.example:465",
            "smtps://mail.example",
            "smtp://mail.example:587?tls=required",
            "smtp://localhost:1025",
            "smtp://127.0.0.1:1025",
            "smtp://[::1]:1025",
        ] {
            assert!(good.parse::<SmtpUrl>().is_ok(), "{good}");
        }
        for evil in [
            "smtp://mail.example:587",
            "smtp://mail.example:587?tls=opportunistic",
            "smtp://localhost.evil.example",
            "smtp://127.0.0.1.evil.example",
            "https://mail.example",
            "mail.example",
            "smtps://",
        ] {
            assert!(evil.parse::<SmtpUrl>().is_err(), "{evil}");
        }
    }

    #[test]
    fn a_password_is_neither_shown_nor_repeated() {
        let url: SmtpUrl = "smtps://user:hunter2@mail.example".parse().expect("a URL");
        assert_eq!(url.to_string(), "smtps://user:****@mail.example");
        assert!(!format!("{url:?}").contains("hunter2"));
        let error = "smtp://user:hunter2@mail.example".parse::<SmtpUrl>();
        assert!(!error.expect_err("without TLS").contains("hunter2"));
    }

    #[test]
    fn a_sender_is_an_address() {
        assert!(sender("Acme <no-reply@acme.example>").is_ok() && sender("no-reply@acme.example").is_ok());
        assert!(sender("Acme").is_err() && sender("Acme <a@b.example>\r\nBcc: eve@evil.example").is_err());
    }
}
