//! Who is told that a secret stops: 30, 7 and 1 days before it expires; a day and an hour before one that was rotated away
//! ends, if it is still used; and when it has stopped. Each once, whatever the number of nodes, and in one transaction
//! with the audit event, from which webhooks follow.

use serde_json::{Value as Json, json};

use crate::{
    db::{Batch, WriteError},
    error::Result,
    mail::{Action, Mail},
    oauth::{client::Kind, name::isolated},
    registry::{Registry, Resource, access::Actor, recipients},
    store::{
        self,
        organizations::Organization,
        secrets::{Due, Notice},
        users::User,
    },
    time::{Lifetime, Timestamp},
};

/// How many secrets are looked at in one turn.
const AT_ONCE: i64 = 200;
/// A secret that was used within this is used.
const USED: Lifetime = Lifetime::hours(24);
/// How many are named in a mail.
const NAMED: usize = 20;

/// What is to be told about one secret.
struct Told {
    due: Due,
    notice: Notice,
}

impl Told {
    fn action(&self) -> &'static str {
        match self.notice {
            Notice::Expires(_) => "secret.expiring",
            Notice::Ends(_) => "secret.ending_in_use",
            Notice::Stopped => "secret.stopped",
        }
    }

    fn details(&self) -> Json {
        let secret = &self.due.secret;
        let mut details = json!({
            "id": secret.id,
            "label": secret.label,
            "stops_at": secret.stops_at(),
            "last_used_at": secret.last_used_at,
        });
        if let Notice::Expires(days) = self.notice {
            details["days"] = json!(days);
        }
        details
    }

    /// Of what has stopped nobody needs to read; whoever still used it hears it from his client.
    const fn is_mailed(&self) -> bool {
        !matches!(self.notice, Notice::Stopped)
    }
}

/// Tells what is due.
///
/// # Errors
/// When the storage fails.
pub async fn tell(registry: &Registry) -> Result<()> {
    registry.flush_activity().await?;
    loop {
        let due = store::secrets::due(registry.db(), registry.now(), AT_ONCE).await?;
        let more = i64::try_from(due.len()).is_ok_and(|found| found == AT_ONCE);
        let mut rest = due.into_iter().peekable();
        while let Some(first) = rest.next() {
            let mut of_one = vec![first];
            while let Some(next) = rest.next_if(|next| next.org_id == of_one[0].org_id) {
                of_one.push(next);
            }
            tell_organization(registry, of_one).await?;
        }
        if !more {
            return Ok(());
        }
    }
}

async fn tell_organization(registry: &Registry, due: Vec<Due>) -> Result<()> {
    let now = registry.now();
    let Some(org) = store::organizations::find(registry.db(), &due[0].org_id).await? else {
        return Ok(());
    };
    let mut batch = Batch::default();
    let mut told = Vec::new();
    for due in due {
        batch.push(store::secrets::noticed(&due.secret, now));
        let used = due.secret.last_used_at.is_some_and(|at| at > now.before(USED));
        match due.secret.due_notice(now) {
            Some(Notice::Ends(_)) if !used => {}
            Some(notice) => told.push(Told { due, notice }),
            None => {}
        }
    }
    for told in &told {
        let resource = Resource {
            kind: "client",
            id: &told.due.secret.client_id,
            name: &told.due.client_name,
        };
        let event = registry.event(&Actor::system(), &org.id, told.action(), resource, told.details());
        batch.push(store::audit::append(&event));
    }
    for (user, to, about) in recipients::group(
        registry,
        &org,
        told.iter().filter(|told| told.is_mailed()),
        |told| told.due.user_id.as_deref(),
        |told| told.due.kind == Kind::Personal,
    )
    .await?
    {
        batch.push(registry.mail(&mail(registry, &org, &user, to, &about)));
    }
    match registry.db().write(batch).await {
        // Another node tells it.
        Ok(_) | Err(WriteError::Unmet("noticed")) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn mail(registry: &Registry, org: &Organization, user: &User, to: String, about: &[&Told]) -> Mail {
    let zone = user.preferences.zone.as_deref().unwrap_or("UTC");
    let lines = about.iter().take(NAMED).map(|told| line(told, zone));
    let mut before: Vec<String> = lines.collect();
    if about.len() > NAMED {
        before.push(format!("And {} more.", about.len() - NAMED));
    }
    let (subject, label, path) = match about {
        [one] => (
            subject_of(one),
            "Rotate the secret",
            match one.due.kind {
                Kind::Personal => format!("/me/credentials/{}/rotate", one.due.secret.client_id),
                _ => format!("/orgs/{}/clients/{}/rotate", org.handle, one.due.secret.client_id),
            },
        ),
        many => (
            format!("{} secrets of {} stop soon", many.len(), isolated(&org.name)),
            "See them",
            format!("/orgs/{}/clients?attention=expiring", org.handle),
        ),
    };
    Mail {
        to,
        subject,
        before,
        action: Some(Action {
            label: label.to_owned(),
            url: registry.config.issuer.join(&path),
        }),
        after: vec![
            "A new secret and the old one can work side by side until everybody has moved to the new one."
                .to_owned(),
        ],
        until: registry.now().after(Lifetime::days(3)),
    }
}

fn subject_of(told: &Told) -> String {
    let name = isolated(&told.due.client_name);
    match told.notice {
        Notice::Expires(1) => format!("The secret of {name} expires tomorrow"),
        Notice::Expires(days) => format!("The secret of {name} expires in {days} days"),
        _ => format!("The old secret of {name} is still used and ends soon"),
    }
}

/// What the reader has to know about one secret, in his time zone.
fn line(told: &Told, zone: &str) -> String {
    let secret = &told.due.secret;
    let moment = |at: Timestamp| at.in_zone(zone).strftime("%-d %B %Y, %H:%M %Z").to_string();
    let stop = secret.stops_at().map(moment).unwrap_or_default();
    let verb = match told.notice {
        Notice::Ends(_) => "was rotated away and ends",
        _ => "expires",
    };
    let used = match secret.last_used_at {
        Some(at) => format!("last used {}", moment(at)),
        None => "never used".to_owned(),
    };
    format!(
        "{}: the secret \"{}\", which ends in {}, {verb} on {stop}; {used}.",
        isolated(&told.due.client_name),
        isolated(&secret.label),
        secret.hint
    )
}
