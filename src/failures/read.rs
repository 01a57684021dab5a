//! Who may read a failure: whoever sees the clients of its organisation. One that belongs to no client is for those who run
//! the instance. To everybody else there is none, whatever the reason.

use super::{
    Explanation, Failures, PAGE,
    explain::{Say, Settings, explain},
};
use crate::{
    error::Result,
    oauth::refusal::{Code, Refusal},
    registry::{
        Registry,
        access::{Access, Permission},
        clients,
    },
    store::{self, failures::Failure},
};

/// A failure with its explanation.
pub struct Explained {
    pub failure: Failure,
    /// What its client is called.
    pub client_name: Option<String>,
    pub explanation: Explanation,
}

/// What everybody hears who may not see it, and of a reference that leads nowhere.
pub fn unknown() -> Refusal {
    Code::NotFound.because("there is no failure with this reference")
}

/// The reference in what somebody pasted: the reference itself, or the address that holds it.
pub fn reference(text: &str) -> &str {
    let text = text.trim();
    let tail = text
        .rsplit_once(&format!("{PAGE}/"))
        .map_or(text, |(_, tail)| tail);
    tail.split(['?', '#', '/']).next().unwrap_or_default()
}

impl Failures {
    /// The failure with this reference, whoever it belongs to; the caller asks who may see it.
    ///
    /// # Errors
    /// `not_found`. When the storage fails.
    pub async fn find(&self, registry: &Registry, reference: &str) -> Result<Failure> {
        // What was refused a moment ago is still in memory.
        self.settle(registry).await?;
        let plausible = reference.len() == 20 && reference.starts_with("err_");
        let found = match plausible {
            true => store::failures::find(registry.db(), reference).await?,
            false => None,
        };
        found.ok_or_else(|| unknown().into())
    }

    /// A failure of the organisation at hand, explained. `say` writes moments.
    ///
    /// # Errors
    /// `not_found`, also for whoever may not see the clients of the organisation.
    pub async fn explain(
        &self,
        registry: &Registry,
        access: &Access,
        reference: &str,
        say: Say<'_>,
    ) -> Result<Explained> {
        let failure = self.find(registry, reference).await?;
        if failure.org_id.as_deref() != Some(&access.org.id)
            || !access.permissions.allow(Permission::ClientsRead)
        {
            return Err(unknown().into());
        }
        let settings = settings(registry, access, &failure).await?;
        Ok(explained(failure, Some(access), &settings, say))
    }

    /// A failure that belongs to no client, for somebody who may see the whole instance; the caller has asked that.
    ///
    /// # Errors
    /// `not_found` for one that belongs to an organisation.
    pub async fn explain_unowned(
        &self,
        registry: &Registry,
        reference: &str,
        say: Say<'_>,
    ) -> Result<Explained> {
        let failure = self.find(registry, reference).await?;
        if failure.org_id.is_some() {
            return Err(unknown().into());
        }
        Ok(explained(failure, None, &Settings::default(), say))
    }

    /// The failures of a client, newest first, each explained; those behind `before`, if it is given. One more than
    /// `limit` is read, so that the caller knows whether there are more.
    ///
    /// # Errors
    /// `not_found`; missing permission.
    pub async fn of_client(
        &self,
        registry: &Registry,
        access: &Access,
        client_id: &str,
        before: Option<&str>,
        limit: i64,
        say: Say<'_>,
    ) -> Result<Vec<Explained>> {
        let client = clients::find(registry, access, client_id).await?;
        self.settle(registry).await?;
        let db = registry.db();
        let anchor = match before {
            Some(reference) => store::failures::find(db, reference)
                .await?
                .filter(|anchor| anchor.client_id.as_deref() == Some(&*client.client_id)),
            None => None,
        };
        if before.is_some() && anchor.is_none() {
            return Err(unknown().into());
        }
        let found = store::failures::of_client(db, &client.client_id, anchor.as_ref(), limit + 1).await?;
        let settings = Settings::load(registry, &access.org, &client.client_id).await?;
        let explained = |failure| explained(failure, Some(access), &settings, say);
        Ok(found.into_iter().map(explained).collect())
    }
}

/// The settings that the explanation of a failure needs.
async fn settings(registry: &Registry, access: &Access, failure: &Failure) -> Result<Settings> {
    match &failure.client_id {
        Some(id) => Settings::load(registry, &access.org, id).await,
        None => Ok(Settings::default()),
    }
}

fn explained(failure: Failure, access: Option<&Access>, settings: &Settings, say: Say<'_>) -> Explained {
    let org = access.map(|access| &access.org);
    Explained {
        explanation: explain(&failure, org, settings, say),
        client_name: settings.client.as_ref().map(|client| client.name.clone()),
        failure,
    }
}

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn a_reference_is_found_in_what_is_pasted() {
        for text in [
            "err_abcdefghijklmnop",
            " err_abcdefghijklmnop\n",
            "https://login.example/failures/err_abcdefghijklmnop",
            "https://login.example/base/failures/err_abcdefghijklmnop?x=1#y",
        ] {
            assert_eq!(reference(text), "err_abcdefghijklmnop", "{text:?}");
        }
    }
}
