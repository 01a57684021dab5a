//! What would a client get? Shown without making anything, or as a token that lives for five minutes and says that it is
//! for a test.
//!
//! Whoever makes such a token holds what the client may do, so he must be one who could rotate its secret; it is written
//! down who did. The client has not used anything: it counts among the tokens that are alive, not among the uses.

use std::sync::Arc;

use serde_json::json;

use crate::{
    access_token::{self, Claims, Person, Preview},
    db::Batch,
    error::{Error, Result},
    live,
    oauth::{
        client::{GrantType, Status},
        refusal::{Code, Field, Refusal},
        scope,
    },
    openid,
    registry::{
        Registry, Resource,
        access::{Access, Permission},
        clients, secrets,
    },
    store::{self, clients::Client, users::User},
    time::Timestamp,
};

/// What is tried out.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// As a token request has it; `None`: all of the default audience.
    pub scope: Option<String>,
    pub resource: Option<String>,
    /// User name or id of the person that the token would act for; `None`: the client itself.
    pub user: Option<String>,
}

/// What a token would say.
pub struct Shown {
    pub preview: Preview,
    pub audience: Arc<str>,
    pub format: store::apis::TokenFormat,
    pub scope: String,
}

/// A token for a test. Its text exists only here and in the one response.
pub struct TestToken {
    /// `None` if nothing was to be changed.
    pub text: Option<String>,
    pub shown: Shown,
    pub expires_at: Timestamp,
}

/// At which API, with which scopes.
struct Chosen {
    api: Arc<live::Api>,
    scope: String,
}

fn gone() -> Error {
    Code::Conflict
        .because("this client was deleted, so it gets no tokens")
        .reason("client.deleted")
        .into()
}

/// The snapshot of a client that this access may see.
async fn find(registry: &Registry, access: &Access, client_id: &str) -> Result<(Client, Arc<live::Client>)> {
    let client = clients::find(registry, access, client_id).await?;
    let live = registry.live.client(client_id).ok_or_else(gone)?;
    Ok((client, live))
}

/// The same judgement as at the token endpoint, told of the fields of this request.
fn refused(refusal: &Refusal) -> Error {
    let at = if refusal.code == Code::InvalidTarget {
        "/resource"
    } else {
        "/scope"
    };
    let reason = if refusal.code == Code::InvalidTarget {
        "target"
    } else {
        "scope"
    };
    Refusal::fields(vec![Field::new(at, reason, refusal.description.to_string())]).into()
}

fn choose(registry: &Registry, client: &live::Client, asked: &Asked, person: bool) -> Result<Chosen> {
    let resources: Vec<&str> = asked.resource.as_deref().into_iter().collect();
    let wanted = asked.scope.as_deref();
    let (at, values) = if person {
        let chosen = scope::choose(&client.granted, client.oidc(), wanted, &resources)
            .map_err(|refusal| refused(&refusal))?;
        (chosen.at, chosen.values)
    } else {
        let narrowed =
            scope::narrow(&client.granted, wanted, &resources).map_err(|refusal| refused(&refusal))?;
        (Some(narrowed.at), narrowed.values)
    };
    let api = match at {
        Some(at) => registry.live.api(&client.granted[at].api),
        None => Some(Arc::clone(&registry.userinfo)),
    };
    let api = api.ok_or_else(|| Code::Conflict.because("the API of these scopes is gone"))?;
    Ok(Chosen {
        api,
        scope: values.join(" "),
    })
}

fn acts_for_itself(client: &live::Client) -> bool {
    client.application_type.holds_secret() && client.grant_types.contains(&GrantType::ClientCredentials)
}

/// The person that a preview is about.
async fn person(registry: &Registry, access: &Access, word: &str) -> Result<User> {
    let db = registry.db();
    let found = match store::users::find(db, word).await? {
        Some(user) => Some(user),
        None => store::users::find_by_username(db, word).await?,
    };
    let unknown = || {
        let detail = "There is no member of this organisation with this user name or id.";
        Refusal::fields(vec![Field::new("/user", "user.unknown", detail)])
    };
    let user = found.ok_or_else(unknown)?;
    let own = user.id == access.actor.id;
    if !own {
        access.require(Permission::MembersRead)?;
    }
    match store::users::role(db, &access.org.id, &user.id).await? {
        Some(_) => Ok(user),
        None => Err(unknown().into()),
    }
}

/// What a token would say, for the client itself or for a person; nothing is made.
///
/// # Errors
/// `not_found`; missing permission; what the token endpoint would refuse, as bad input.
pub async fn preview(registry: &Registry, access: &Access, client_id: &str, asked: &Asked) -> Result<Shown> {
    let (_, client) = find(registry, access, client_id).await?;
    let user = match &asked.user {
        Some(word) => Some(person(registry, access, word).await?),
        None if acts_for_itself(&client) => None,
        None => {
            let detail = "This client acts for people: name the one who would sign in.";
            return Err(Refusal::fields(vec![Field::new("/user", "user.missing", detail)]).into());
        }
    };
    let people = client.grant_types.iter().any(|grant| grant.needs_person());
    if user.is_some() && !people {
        let detail = "This client acts for itself only.";
        return Err(Refusal::fields(vec![Field::new("/user", "user.none", detail)]).into());
    }
    let chosen = choose(registry, &client, asked, user.is_some())?;
    show(registry, &client, &chosen, user.as_ref(), false)
}

fn show(
    registry: &Registry,
    client: &live::Client,
    chosen: &Chosen,
    user: Option<&User>,
    test: bool,
) -> Result<Shown> {
    let now = registry.now();
    let subject = user.map_or_else(
        || client.id.to_string(),
        |user| openid::subject(registry, client, &user.id).into_owned(),
    );
    let claims = Claims {
        client,
        api: &chosen.api,
        subject: &subject,
        scope: &chosen.scope,
        person: user.map(|_| Person {
            grant_id: "new for each sign-in",
            authenticated_at: now,
            methods: "pwd",
        }),
        test,
    };
    Ok(Shown {
        preview: access_token::preview(registry, claims, now)?,
        audience: Arc::clone(&chosen.api.audience),
        format: chosen.api.format,
        scope: chosen.scope.clone(),
    })
}

/// Whether this access may make tokens for a test of this client now.
///
/// # Errors
/// Why not.
async fn check(registry: &Registry, access: &Access, client: &Client, live: &live::Client) -> Result<()> {
    if client.status != Status::Active {
        return Err(Code::Conflict
            .because("this client is disabled: enable it before you try it")
            .reason("client.disabled")
            .into());
    }
    if !acts_for_itself(live) {
        return Err(Code::Conflict
            .because("this client acts for people only: such a token comes from signing in")
            .reason("client.no_client_credentials")
            .into());
    }
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    if !secrets::are_yours(access, &apis, client) {
        let why = "this client may do more than you: its tokens are for somebody who holds all its management scopes";
        registry
            .note_refusal(access, "token.test_issued", resource(client), why)
            .await;
        return Err(Code::Forbidden.because(why).reason("client.beyond_yours").into());
    }
    Ok(())
}

fn resource(client: &Client) -> Resource<'_> {
    Resource {
        kind: "client",
        id: &client.client_id,
        name: &client.name,
    }
}

/// Makes a token for a test: as the client would get it, but for five minutes at most and with a claim that says so.
///
/// # Errors
/// `not_found`; missing permission; `insufficient_user_authentication`; `conflict` for a client that is disabled or acts for people
/// only; what the token endpoint would refuse, as bad input.
pub async fn issue(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    asked: &Asked,
) -> Result<TestToken> {
    let now = registry.now();
    access.require_fresh(Permission::ClientsWrite, now)?;
    let (client, live) = find(registry, access, client_id).await?;
    check(registry, access, &client, &live).await?;
    let chosen = choose(registry, &live, asked, false)?;
    let shown = show(registry, &live, &chosen, None, true)?;
    if access.dry_run {
        return Ok(TestToken {
            text: None,
            expires_at: now.after(shown.preview.lifetime),
            shown,
        });
    }
    let claims = Claims {
        client: &live,
        api: &chosen.api,
        subject: &live.id,
        scope: &chosen.scope,
        person: None,
        test: true,
    };
    let minted = access_token::mint(registry, claims, now)?;
    let details = json!({
        "audience": chosen.api.audience.as_ref(),
        "scope": chosen.scope,
        "format": minted.format,
        "expires_at": minted.expires_at,
    });
    let event = registry.event(
        &access.actor,
        &client.org_id,
        "token.test_issued",
        resource(&client),
        details,
    );
    // It is out like every other, but no evidence that the client asks for anything.
    let mut scopes: Vec<&str> = chosen.scope.split(' ').collect();
    scopes.sort_unstable();
    let alike = store::tokens_out::Alike {
        client_id: &client.client_id,
        epoch: live.incarnation,
        expires_at: minted.expires_at,
        format: minted.format.word(),
        api_id: &chosen.api.id,
        scopes: &scopes.join(" "),
        grant_id: "",
    };
    let mut batch = Batch::from(store::tokens_out::add(alike, 1));
    batch.push(store::audit::append(&event));
    registry.commit(access, batch).await?;
    Ok(TestToken {
        text: Some(minted.text),
        expires_at: minted.expires_at,
        shown,
    })
}
