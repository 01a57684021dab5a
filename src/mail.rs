//! Mail to people: a queue in the database, and how what is in it leaves. [RFC 5321](https://www.rfc-editor.org/rfc/rfc5321)
//!
//! A mail is queued in the transaction of what it tells about, so neither happens without the other. It holds a link
//! that works once, so it is sealed while it waits. Each mail is claimed by one conditional statement, so several nodes
//! do not send it twice; after a crash between sending and forgetting it goes out once more, under the same message id.

mod files; // without a server
mod message; // from words to RFC 5322
mod smtp; // to a server

use serde::{Deserialize, Serialize};

use crate::{
    config::Config,
    db::{Db, Statement, WriteError},
    error::{Error, Result},
    secret::{Entropy, Keyring},
    store::mails,
    time::{Lifetime, Timestamp},
};

/// A mail: a few sentences and one thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The address of one person.
    pub to: String,
    pub subject: String,
    /// What is said before the link, a paragraph each.
    pub before: Vec<String>,
    pub action: Option<Action>,
    /// What is said after the link.
    pub after: Vec<String>,
    /// When it is of no use any more.
    pub until: Timestamp,
}

/// The one thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Verb and object, as on a button.
    pub label: String,
    /// The whole address, built from the configured issuer and from nothing that a request says.
    pub url: String,
}

/// For how long a mail that nobody uses up earlier is tried.
const GIVEN_UP: Lifetime = Lifetime::days(3);
/// For how long one node has a mail to itself.
const CLAIMED: Lifetime = Lifetime::minutes(5);
/// How many mails are sent in one turn.
const AT_ONCE: i64 = 20;

/// How mail leaves: to a server, or into files.
#[derive(Clone)]
pub struct Post {
    way: Way,
    from: lettre::message::Mailbox,
}

#[derive(Clone)]
enum Way {
    Smtp(smtp::Server),
    Files(std::path::PathBuf),
}

impl Post {
    /// As the configuration has it. Connects to nothing yet.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub fn new(config: &Config) -> Result<Self> {
        let from = config.mail.from.parse();
        let from = from.map_err(|_| Error::internal("`mail.from` is no address: see docs/mail.md"))?;
        let way = match &config.mail.smtp_url {
            Some(url) => Way::Smtp(smtp::Server::new(url)?),
            None => Way::Files(config.mail.directory.clone()),
        };
        Ok(Self { way, from })
    }

    /// The directory in which mails become files; `None` when there is a server.
    pub fn directory(&self) -> Option<&std::path::Path> {
        match &self.way {
            Way::Files(directory) => Some(directory),
            Way::Smtp(_) => None,
        }
    }

    /// Sends what is due. When the server itself cannot be used the others wait for the next turn; a mail that it does not
    /// take holds up nobody else's.
    ///
    /// # Errors
    /// When the storage fails. That a mail cannot be sent is said in the log.
    pub async fn deliver(&self, db: &Db, keyring: &Keyring, now: Timestamp) -> Result<()> {
        for queued in mails::due(db, now, AT_ONCE).await? {
            match db.write(mails::claim(&queued, now.after(CLAIMED)).into()).await {
                Ok(_) => {}
                Err(WriteError::Unmet(_)) => continue,
                Err(error) => return Err(error.into()),
            }
            let Err(why) = self.send(keyring, &queued, now).await else {
                db.write(mails::remove(&queued.id).into()).await?;
                continue;
            };
            if why.for_good || queued.created_at < now.before(GIVEN_UP) {
                tracing::error!(mail = queued.id, why = why.text, "a mail is given up");
                db.write(mails::remove(&queued.id).into()).await?;
                continue;
            }
            tracing::warn!(mail = queued.id, why = why.text, "a mail could not be sent yet");
            let later = mails::put_off(&queued.id, now.after(pause(queued.tries)));
            db.write(later.into()).await?;
            if !why.of_this_one {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn send(&self, keyring: &Keyring, queued: &mails::Queued, now: Timestamp) -> Result<(), Unsent> {
        let mail = open(keyring, queued).ok_or_else(|| Unsent::for_good("the key file does not open it"))?;
        if mail.until <= now {
            return Err(Unsent::for_good("the link in it has expired"));
        }
        let message = message::build(&mail, &self.from, &queued.id, queued.created_at)?;
        match &self.way {
            Way::Smtp(server) => server.send(message).await,
            Way::Files(directory) => {
                let (directory, id) = (directory.clone(), queued.id.clone());
                let written =
                    tokio::task::spawn_blocking(move || files::write(&directory, &id, &message.formatted()));
                written
                    .await
                    .unwrap_or_else(|_| Err(Unsent::now("writing was interrupted")))
            }
        }
    }
}

/// Why a mail did not leave; the text names neither recipient nor content.
struct Unsent {
    text: String,
    /// Trying again does not help.
    for_good: bool,
    /// Others may leave all the same.
    of_this_one: bool,
}

impl Unsent {
    fn now(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            for_good: false,
            of_this_one: false,
        }
    }

    fn for_good(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            for_good: true,
            of_this_one: true,
        }
    }
}

/// How long to wait after so many tries: one minute, then twice as long each time, at most two hours.
fn pause(tries: i64) -> Lifetime {
    Lifetime::minutes((1_i64 << tries.clamp(0, 7)).min(120))
}

/// Queues a mail.
pub fn queue(keyring: &Keyring, entropy: &Entropy, id: &str, mail: &Mail, now: Timestamp) -> Statement {
    let text = zeroize::Zeroizing::new(serde_json::to_vec(mail).unwrap_or_default());
    mails::add(id, keyring.seal(entropy, &purpose(id), &text), now)
}

fn open(keyring: &Keyring, queued: &mails::Queued) -> Option<Mail> {
    let mut sealed = zeroize::Zeroizing::new(queued.sealed.clone());
    serde_json::from_slice(keyring.open(&purpose(&queued.id), &mut sealed)?).ok()
}

/// A mail opens only in its own row.
fn purpose(id: &str) -> Vec<u8> {
    format!("mail {id}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::pause;
    use crate::time::Lifetime;

    #[test]
    fn the_pauses_grow_and_stay_bounded() {
        let pauses: Vec<_> = [0, 1, 2, 6, 7, 60].map(pause).to_vec();
        assert_eq!(pauses, [1, 2, 4, 64, 120, 120].map(Lifetime::minutes));
    }
}
