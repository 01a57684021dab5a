//! Mail to an SMTP server. A connection a mail: there are few.

use std::{error::Error as _, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, transport::smtp::Error as SmtpError,
};

use super::Unsent;
use crate::{
    config::SmtpUrl,
    error::{Error, Result},
};

/// How long the server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The server.
#[derive(Clone)]
pub(super) struct Server(AsyncSmtpTransport<Tokio1Executor>);

impl Server {
    /// The server of this URL; connects to nothing yet.
    ///
    /// # Errors
    /// One sentence for the operator, without the URL: it may hold a password.
    pub(super) fn new(url: &SmtpUrl) -> Result<Self> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())
            .map_err(|_| Error::internal("`mail.smtp_url` cannot be used: see docs/mail.md"))?;
        Ok(Self(builder.timeout(Some(PATIENCE)).build()))
    }

    /// Hands a message over.
    ///
    /// # Errors
    /// Why not, without a word that the server said: it may name the recipient.
    pub(super) async fn send(&self, message: Message) -> Result<(), Unsent> {
        let sent = self.0.send(message).await;
        sent.map(drop).map_err(|error| Unsent {
            // A server that answers is there: what it does not take is this mail.
            of_this_one: error.status().is_some(),
            ..Unsent::now(why(&error))
        })
    }
}

fn why(error: &SmtpError) -> String {
    if let Some(code) = error.status() {
        return format!("the mail server answered {code}");
    }
    if error.is_timeout() {
        return "the mail server does not answer".to_owned();
    }
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    if error.is_tls() {
        return format!("TLS with the mail server failed: {cause}");
    }
    format!("the mail server cannot be used: {cause}")
}
