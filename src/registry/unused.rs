//! Clients that nobody uses: told of after 60, 90 and 120 days, disabled after as many as the organisation says, and deleted
//! on the day that somebody set when they disabled one, once it is past for sure. Only what was recorded counts: a use before uses were recorded is
//! not known, so time before then is no time without a use.

use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    mail::{Action, Mail},
    oauth::{
        client::{Kind, Status},
        name,
    },
    registry::{
        Registry, Resource,
        access::{Access, Actor},
        bootstrap::system_access,
        clients, recipients,
    },
    store::{self, clients::Client, organizations::Organization, users::User},
    time::{Lifetime, Timestamp},
};

/// After how many days somebody is told; the longest first, because it overtakes the others.
const TELL: [i64; 3] = [120, 90, 60];
/// How many clients are looked at in one turn.
const AT_ONCE: i64 = 200;
/// How many are named in a mail.
const NAMED: usize = 20;

/// Deletes what is due by every clock reading of the last day (it does not come back), and does what the organisations want done about clients that nobody uses.
///
/// # Errors
/// When the storage fails.
pub async fn retire(registry: &Registry) -> Result<()> {
    registry.flush_activity().await?;
    delete_due(registry).await?;
    let since = store::instance::moment(registry.db(), store::instance::TRACKED_SINCE).await?;
    let Some(since) = since else {
        return Ok(());
    };
    for (id, org) in store::organizations::each(registry.db()).await? {
        let org = match org {
            Ok(org) => org,
            Err(error) => {
                tracing::error!(%error, organization = id, "an organisation cannot be read, so that nothing of it is retired");
                continue;
            }
        };
        if let Some(days) = org.settings.unused_disable_days {
            disable(registry, &org, days, since).await?;
        }
        if org.settings.unused_notices {
            for days in TELL {
                tell(registry, &org, days, since).await?;
            }
        }
    }
    Ok(())
}

async fn delete_due(registry: &Registry) -> Result<()> {
    let past = registry.live.past();
    for (client_id, org_id) in store::clients::to_delete(registry.db(), past, AT_ONCE).await? {
        let Some(org) = store::organizations::find(registry.db(), &org_id).await? else {
            continue;
        };
        let access = system_access(org);
        let client = clients::find(registry, &access, &client_id).await?;
        let due = client.status == Status::Disabled && client.delete_at.is_some_and(|at| at <= past.at());
        if due {
            passed_over(clients::delete(registry, &access, &client_id, Some(client.version)).await)?;
        }
    }
    Ok(())
}

/// Whoever changed the client meanwhile had the last word; the next turn looks again.
fn passed_over(done: Result<Client>) -> Result<()> {
    match done {
        Ok(_) | Err(Error::Refused(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The moment since when a client must not have been used at `now`; `None` while uses are not recorded for so long.
fn cutoff(now: Timestamp, days: i64, recorded_since: Timestamp) -> Option<Timestamp> {
    let at = now.before(Lifetime::days(days));
    (at >= recorded_since).then_some(at)
}

/// By what is past for sure: a clock that is ahead would stop every client at once.
async fn disable(registry: &Registry, org: &Organization, days: i64, recorded: Timestamp) -> Result<()> {
    let Some(since) = cutoff(registry.live.past().at(), days, recorded) else {
        return Ok(());
    };
    let access = system_access(org.clone());
    let reason = format!("Not used for {days} days");
    for client in store::clients::unused(registry.db(), &org.id, since, None, AT_ONCE).await? {
        let (id, version) = (&client.client_id, Some(client.version));
        passed_over(clients::disable(registry, &access, id, version, Some(&reason)).await)?;
    }
    Ok(())
}

async fn tell(registry: &Registry, org: &Organization, days: i64, recorded: Timestamp) -> Result<()> {
    let Some(since) = cutoff(registry.now(), days, recorded) else {
        return Ok(());
    };
    let unused = store::clients::unused(registry.db(), &org.id, since, Some(days), AT_ONCE).await?;
    let mut batch = Batch::default();
    for client in &unused {
        batch.push(store::clients::told_unused(client, days));
        let details = json!({ "days": days, "last_used_at": client.last_used_at });
        let event = registry.event(
            &Actor::system(),
            &org.id,
            "client.unused",
            resource(client),
            details,
        );
        batch.push(store::audit::append(&event));
    }
    let letters = recipients::group(
        registry,
        org,
        unused.iter(),
        |client| client.user_id.as_deref(),
        |client| client.kind == Kind::Personal,
    );
    for (user, to, about) in letters.await? {
        batch.push(registry.mail(&unused_mail(registry, org, &user, to, &about, days)));
    }
    if batch.is_empty() {
        return Ok(());
    }
    match registry.db().write(batch).await {
        Ok(_) | Err(WriteError::Unmet("told")) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn resource(client: &Client) -> Resource<'_> {
    Resource {
        kind: "client",
        id: &client.client_id,
        name: &client.name,
    }
}

fn unused_mail(
    registry: &Registry,
    org: &Organization,
    user: &User,
    to: String,
    about: &[&Client],
    days: i64,
) -> Mail {
    let subject = match about {
        [one] => format!("{} was not used for {days} days", name::isolated(&one.name)),
        many => format!(
            "{} clients of {} were not used for {days} days",
            many.len(),
            org.name
        ),
    };
    let mut before: Vec<String> = about
        .iter()
        .take(NAMED)
        .map(|client| match client.last_used_at {
            Some(at) => format!(
                "{}: last used on {}.",
                name::isolated(&client.name),
                day(user, at)
            ),
            None => format!(
                "{}: never used, made on {}.",
                client.name,
                day(user, client.created_at)
            ),
        })
        .collect();
    if about.len() > NAMED {
        before.push(format!("And {} more.", about.len() - NAMED));
    }
    let path = match about {
        [one] if one.kind == Kind::Personal => format!("/me/credentials/{}", one.client_id),
        [one] => format!("/orgs/{}/clients/{}", org.handle, one.client_id),
        _ => format!("/orgs/{}/clients?used=60d&sort=last_used_at", org.handle),
    };
    let after = match org.settings.unused_disable_days {
        Some(limit) => format!("After {limit} days without a use it is disabled. Disabling can be undone."),
        None => "Disable what nobody needs; that can be undone. Delete it later.".to_owned(),
    };
    Mail {
        to,
        subject,
        before,
        action: Some(Action {
            label: "Look at it".to_owned(),
            url: registry.config.issuer.join(&path),
        }),
        after: vec![after],
        until: registry.now().after(Lifetime::days(3)),
    }
}

/// A day in the time zone of a reader.
fn day(user: &User, at: Timestamp) -> String {
    let zone = user.preferences.zone.as_deref().unwrap_or("UTC");
    at.in_zone(zone).strftime("%-d %B %Y").to_string()
}

/// Adds the mail to whoever looks after a client that somebody else disabled for good.
///
/// # Errors
/// When the storage fails.
pub(super) async fn tell_owner(
    registry: &Registry,
    access: &Access,
    client: &Client,
    delete_at: Timestamp,
    batch: &mut Batch,
) -> Result<()> {
    let owner = client
        .user_id
        .as_deref()
        .filter(|owner| *owner != access.actor.id);
    if owner.is_none() {
        return Ok(());
    }
    let one = std::iter::once(client);
    let letters = recipients::group(registry, &access.org, one, |c| c.user_id.as_deref(), |_| true);
    for (user, to, _) in letters.await? {
        let path = match client.kind {
            Kind::Personal => format!("/me/credentials/{}", client.client_id),
            _ => format!("/orgs/{}/clients/{}/enable", access.org.handle, client.client_id),
        };
        batch.push(registry.mail(&Mail {
            to,
            subject: format!("{} is disabled and will be deleted", name::isolated(&client.name)),
            before: vec![format!(
                "{} disabled the client {}, which you look after. It is deleted on {}, for good.",
                access.actor.name,
                client.name,
                day(&user, delete_at)
            )],
            action: Some(Action {
                label: "Keep it".to_owned(),
                url: registry.config.issuer.join(&path),
            }),
            after: vec!["If nobody needs it, there is nothing to do.".to_owned()],
            until: registry.now().after(Lifetime::days(3)),
        }));
    }
    Ok(())
}
