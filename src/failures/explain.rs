//! A failure in words: the exact cause in one sentence, what is set, what mends it, and whether the same request would
//! still fail. Made when it is read, from what was written down and the settings as they are by then.

use std::{ops::Deref, sync::Arc};

use super::words;
use crate::{
    error::Result,
    live,
    registry::Registry,
    store::{
        self,
        apis::Api,
        audit::{Event, Filter},
        clients::Client,
        failures::Failure,
        organizations::Organization,
    },
    time::Timestamp,
};

/// Whether the same request would be refused again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Still {
    Yes,
    /// What stood in the way is gone.
    No,
    /// It depends on more than what is kept.
    Unknown,
}

/// What mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Such as `Add scim:write`.
    pub words: String,
    /// A page of the console.
    pub path: String,
}

/// A failure in words.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The exact cause, in one sentence.
    pub because: String,
    /// What to do, where no setting of ours mends it.
    pub advice: Option<String>,
    /// Settings of now that matter: (what, value).
    pub set: Vec<(&'static str, String)>,
    pub fix: Option<Fix>,
    pub still: Still,
}

impl Explanation {
    pub(super) fn new(because: impl Into<String>) -> Self {
        Self {
            because: because.into(),
            advice: None,
            set: Vec::new(),
            fix: None,
            still: Still::Yes,
        }
    }

    pub(super) fn advice(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }

    pub(super) fn set(mut self, what: &'static str, value: impl Into<String>) -> Self {
        self.set.push((what, value.into()));
        self
    }

    pub(super) fn fix(self, words: impl Into<String>, path: String) -> Self {
        let fix = Fix {
            words: words.into(),
            path,
        };
        Self {
            fix: Some(fix),
            ..self
        }
    }

    /// Whether it still fails, if that can be told.
    pub(super) fn fails(self, fails: bool) -> Self {
        let still = if fails { Still::Yes } else { Still::No };
        Self { still, ..self }
    }

    pub(super) fn unsure(self) -> Self {
        Self {
            still: Still::Unknown,
            ..self
        }
    }
}

/// The settings of a client as they are now.
#[derive(Default)]
pub(super) struct Settings {
    /// As it is kept, in whatever state.
    pub client: Option<Client>,
    /// As requests meet it; `None` once it is deleted.
    pub live: Option<Arc<live::Client>>,
    pub apis: Vec<Api>,
    /// What happened to its secrets, newest first.
    pub events: Vec<Event>,
}

impl Settings {
    /// Those of a client of an organisation.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn load(registry: &Registry, org: &Organization, client_id: &str) -> Result<Self> {
        let db = registry.db();
        let client = store::clients::find_in(db, &[&org.id], client_id).await?;
        let filter = Filter {
            resource: Some(client_id.to_owned()),
            action: Some("secret".to_owned()),
            outcome: Some("done".to_owned()),
            ..Filter::default()
        };
        Ok(Self {
            client,
            live: registry.live.client(client_id),
            apis: store::apis::of_organization(db, &org.id).await?,
            events: store::audit::list(db, &org.id, &filter, 100).await?,
        })
    }
}

/// How a moment is written.
pub type Say<'a> = &'a (dyn Fn(Timestamp) -> String + Sync);

/// What an explanation is made of.
pub(super) struct Around<'a> {
    pub failure: &'a Failure,
    pub org: Option<&'a Organization>,
    pub settings: &'a Settings,
    pub say: Say<'a>,
}

impl Deref for Around<'_> {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        self.settings
    }
}

impl Around<'_> {
    /// A page of the client.
    pub fn path(&self, tail: &str) -> String {
        let handle = self.org.map_or("", |org| org.handle.as_str());
        let client = self.failure.client_id.as_deref().unwrap_or_default();
        format!("/orgs/{handle}/clients/{client}{tail}")
    }

    /// A fact of the cause that is a text.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.failure.facts.get(name)?.as_str()
    }

    /// A fact of the cause that is a moment, in words.
    pub fn moment(&self, name: &str) -> Option<String> {
        let at = Timestamp::parse(self.fact(name)?).ok()?;
        Some((self.say)(at))
    }

    /// The first value that was sent by this name, if it was kept.
    pub fn sent(&self, name: &str) -> Option<&str> {
        let params = self.failure.sent.get("params")?.as_array()?;
        let found = params.iter().find(|pair| pair[0] == name)?;
        found[1].as_str()
    }
}

/// Explains a failure.
pub(super) fn explain(
    failure: &Failure,
    org: Option<&Organization>,
    settings: &Settings,
    say: Say<'_>,
) -> Explanation {
    words::of(&Around {
        failure,
        org,
        settings,
        say,
    })
}
