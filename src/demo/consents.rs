//! What the people of the demonstration let apps do, and when the apps last did.

use std::collections::HashMap;

use serde_json::json;

use super::{Demo, HANDLE};
use crate::{
    db::Batch,
    error::{Error, Result},
    oauth::{client::GrantType, scope::ScopeKey},
    registry::{
        Resource,
        access::{Actor, ActorKind},
    },
    store::{
        self,
        clients::Client,
        grants::{Grant, Use},
        users::User,
    },
    time::{Lifetime, Timestamp},
};

/// Who lets which app act, how many days ago he said so, and how many hours ago the app last did.
type Sample = (&'static str, &'static str, i64, i64);

/// ope belongs to no organisation, so no app may ask him. ada has yet to meet the travel planner.
const ALLOWED: [Sample; 8] = [
    ("ada", "Customer portal", 80, 1),
    ("ada", "Mobile app 31", 19, 155),
    ("ada", "Status page", 44, 4),
    ("aud", "Customer portal", 71, 30),
    ("aud", "Travel planner", 9, 20),
    ("mel", "Customer portal", 66, 3),
    ("mel", "Travel planner", 31, 9),
    ("mel", "Mobile app 7", 12, 35),
];

/// Writes down what is missing.
pub(super) async fn provision(demo: &Demo) -> Result<()> {
    if demo.access.org.handle != HANDLE {
        return Ok(());
    }
    let db = demo.registry.db();
    let clients: HashMap<String, Client> = store::clients::all(db)
        .await?
        .into_iter()
        .filter(|client| client.org_id == demo.access.org.id)
        .map(|client| (client.name.clone(), client))
        .collect();
    for (person, app, days, hours) in ALLOWED {
        let user = store::users::find_by_username(db, person).await?;
        let (Some(user), Some(client)) = (user, clients.get(app)) else {
            return Err(Error::internal(format!(
                "the demonstration lacks {person} or {app}"
            )));
        };
        if store::consents::find(db, &user.id, &client.client_id)
            .await?
            .is_none()
        {
            let times = (demo.hours_ago(days * 24), demo.hours_ago(hours));
            allow(demo, &user, client, times).await?;
        }
    }
    Ok(())
}

/// As the person does when he is asked: the grant, his consent and the event together.
async fn allow(demo: &Demo, user: &User, client: &Client, (at, used): (Timestamp, Timestamp)) -> Result<()> {
    let registry = demo.then(at);
    let scopes = given(client);
    let actor = Actor {
        kind: ActorKind::User,
        id: user.id.clone(),
        name: user.username.clone(),
        ..demo.access.actor.clone()
    };
    let resource = Resource {
        kind: "client",
        id: &client.client_id,
        name: &client.name,
    };
    let values: Vec<&str> = scopes.iter().map(|key| key.value.as_ref()).collect();
    let details = json!({ "scopes": values, "new": true });
    let event = registry.event(&actor, &client.org_id, "consent.given", resource, details);
    let mut batch = Batch::from(store::grants::hold_person(&user.id, at));
    batch.push(store::grants::hold_member(&client.org_id, &user.id, at));
    let incarnation = client.incarnation();
    let allowed: Vec<_> = scopes.iter().map(|key| (key.clone(), incarnation)).collect();
    batch.push(store::consents::set(&user.id, &client.client_id, &allowed, at));
    batch.push(store::audit::append(&event));
    // What an app without refresh tokens was given has ended long ago.
    if client.grant_types.contains(&GrantType::RefreshToken) {
        let grant = grant(demo, user, client, (at, used), scopes);
        let on = Use {
            now: used,
            idle_expires_at: grant.idle_expires_at,
            tokens_until: grant.tokens_until,
        };
        batch.push(store::grants::add(&grant));
        batch.push(store::grants::note_use(&grant.id, on));
    }
    demo.write(batch).await
}

/// Everything that the app may ask for, but what people may leave out.
fn given(client: &Client) -> Vec<ScopeKey> {
    let of_openid = client.oidc_scopes.iter().map(|value| ScopeKey::openid(value));
    let of_apis = client.scopes.iter().map(|(api, value)| ScopeKey {
        api: Some(api.as_str().into()),
        value: value.as_str().into(),
    });
    of_openid
        .chain(of_apis)
        .filter(|key| !client.optional_scopes.contains(key))
        .collect()
}

fn grant(
    demo: &Demo,
    user: &User,
    client: &Client,
    (at, used): (Timestamp, Timestamp),
    scopes: Vec<ScopeKey>,
) -> Grant {
    let lifetimes = &demo.registry.config.lifetimes;
    Grant {
        id: format!("grt_{}", demo.registry.id()),
        client_id: client.client_id.clone(),
        client_epoch: client.incarnation(),
        user_id: user.id.clone(),
        org_id: client.org_id.clone(),
        scopes,
        claims: None,
        session_id: None,
        authenticated_at: at,
        methods: "pwd".to_owned(),
        offline: true,
        refresh_counter: 0,
        rotated_at: None,
        idle_expires_at: used.after(lifetimes.refresh_idle),
        expires_at: at.after(lifetimes.refresh_absolute),
        tokens_until: used.after(Lifetime::minutes(10)),
        created_at: at,
        last_used_at: None,
        revoked_at: None,
        revoked_why: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_act_after_they_were_allowed_to() {
        for (person, app, days, hours) in ALLOWED {
            assert!(hours < days * 24, "{person}, {app}");
        }
    }
}
