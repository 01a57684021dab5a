//! A client moves to another organisation: one side offers, the other accepts. The one change of a client's owner there is,
//! and the one act that takes two ([decision 16](../../docs/decisions/0016-transfer.md)).
//!
//! What goes along: the client id and the settings. What does not: secrets, tokens, what people allowed, how it was
//! used, who looked after it, and every scope of the giver's APIs. The giver never learns whether the other
//! organisation exists; the taker sees the giver's name, handle and the settings, and nobody's name.

use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    oauth::{
        client::{Kind, Status, fold},
        name,
        refusal::{Code, Field, Refusal},
        scope::OIDC,
    },
    registry::{
        Registry, Resource,
        access::{Access, Actor, Permission},
        announce,
        client_input::{self, Draft, ScopeRef, Surroundings},
        clients::{self, Created},
        control,
        secrets::{self, Term},
    },
    store::{
        self,
        apis::Api,
        changes,
        clients::Client,
        transfers::{State, Transfer},
    },
    time::{Lifetime, Timestamp},
};

/// How long an offer holds.
pub const HOLDS: Lifetime = Lifetime::days(7);

/// The most offers that a list shows, in each direction.
const MOST: i64 = 200;

/// On which side of an offer an organisation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Giver,
    Taker,
}

/// An offer as one of the two sides sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub transfer: Transfer,
    pub side: Side,
    /// What it is now: an offer that has run out is expired before anybody wrote that down.
    pub state: State,
}

fn unknown() -> Refusal {
    Code::NotFound.because("there is no offer with this id")
}

/// How an organisation sees an offer, if it is one of the two sides. An organisation that was made after the offer is not
/// the one that was meant.
fn seen(access: &Access, transfer: Transfer, now: Timestamp) -> Option<Seen> {
    let org = &access.org;
    let meant = transfer.to_handle == fold(&org.handle) && org.created_at <= transfer.created_at;
    let side = match () {
        () if transfer.from_org_id == org.id => Side::Giver,
        () if meant => Side::Taker,
        () => return None,
    };
    let state = match transfer.state {
        State::Offered if transfer.expires_at <= now => State::Expired,
        other => other,
    };
    Some(Seen {
        transfer,
        side,
        state,
    })
}

/// The offers that an organisation made or got, newest first.
///
/// # Errors
/// Missing permission.
pub async fn list(registry: &Registry, access: &Access) -> Result<Vec<Seen>> {
    access.require(Permission::ClientsRead)?;
    let (db, org, now) = (registry.db(), &access.org, registry.now());
    let mut all = store::transfers::to(db, &org.handle, org.created_at, MOST).await?;
    all.extend(store::transfers::from(db, &org.id, MOST).await?);
    all.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    Ok(all.into_iter().filter_map(|one| seen(access, one, now)).collect())
}

/// One offer.
///
/// # Errors
/// `not_found`, the same for an offer between others as for none; missing permission.
pub async fn find(registry: &Registry, access: &Access, id: &str) -> Result<Seen> {
    access.require(Permission::ClientsRead)?;
    let found = store::transfers::find(registry.db(), id).await?;
    let found = found.and_then(|transfer| seen(access, transfer, registry.now()));
    found.ok_or_else(|| unknown().into())
}

/// The client of an open offer, as it is now.
///
/// # Errors
/// `conflict` for an offer that is not open, and for a client that cannot travel any more.
pub async fn client_of(registry: &Registry, seen: &Seen) -> Result<Client> {
    if seen.state != State::Offered {
        return Err(settled(seen.state).into());
    }
    let found = store::clients::find(registry.db(), &seen.transfer.client_id).await?;
    let client = found.filter(|client| client.org_id == seen.transfer.from_org_id);
    let client = client.ok_or_else(unknown)?;
    check_travels(&client)?;
    Ok(client)
}

fn settled(state: State) -> Refusal {
    let why = match state {
        State::Offered => "this offer is open",
        State::Accepted => "this offer was accepted already",
        State::Declined => "this offer was declined",
        State::Withdrawn => "this offer was withdrawn",
        State::Expired => "this offer has expired: it held for seven days",
    };
    Code::Conflict.because(why).reason("transfer.settled")
}

fn check_travels(client: &Client) -> Result<(), Refusal> {
    let refuse = |why: &'static str, reason| Err(Code::Conflict.because(why).reason(reason));
    match (client.kind, client.status) {
        (Kind::System, _) => refuse(
            "system clients keep the product running: they stay",
            "client.system",
        ),
        (Kind::Personal, _) => refuse(
            "a personal credential belongs to its person: it stays",
            "client.personal",
        ),
        (Kind::SyncConnector, _) => refuse(
            "a sync connector belongs to the directory of its organisation: make it a custom client first",
            "client.sync_connector",
        ),
        (Kind::Custom, Status::Active) => Ok(()),
        (Kind::Custom, Status::Disabled) => refuse(
            "a disabled client stays where it was disabled: enable it first",
            "client.disabled",
        ),
        (Kind::Custom, Status::Deleted) => refuse("this client was deleted", "client.deleted"),
    }
}

fn resource<'a>(client_id: &'a str, name: &'a str) -> Resource<'a> {
    Resource {
        kind: "client",
        id: client_id,
        name,
    }
}

/// Offers a client to the organisation with this handle. The answer is the same whether there is one or not.
///
/// # Errors
/// Bad input; `conflict` for a client that does not travel or has an open offer; `forbidden` for one that may do more than
/// whoever offers it; missing permission; for people, an old sign-in.
pub async fn offer(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    to: &str,
    note: &str,
) -> Result<Seen> {
    access.require_fresh(Permission::ClientsDelete, registry.now())?;
    let client = clients::find(registry, access, client_id).await?;
    check_travels(&client)?;
    control::check(registry, access, &client, "client.transfer_offered").await?;
    let (to, note) = (to.trim(), note.trim());
    check_offer(access, to, note)?;
    let now = registry.now();
    let transfer = Transfer {
        id: format!("trf_{}", registry.id()),
        client_id: client.client_id.clone(),
        client_name: client.name.clone(),
        from_org_id: access.org.id.clone(),
        from_handle: access.org.handle.clone(),
        from_name: access.org.name.clone(),
        to_handle: fold(to),
        note: note.to_owned(),
        offered_by: access.actor.name.clone(),
        created_at: now,
        expires_at: now.after(HOLDS),
        state: State::Offered,
        settled_at: None,
    };
    let mut batch = Batch::default();
    // An offer that ran out is in nobody's way.
    let old = store::transfers::open_of(registry.db(), client_id).await?;
    if let Some(old) = old.filter(|old| old.expires_at <= now) {
        expire_into(registry, &mut batch, &old);
    }
    batch.push(store::transfers::add(&transfer));
    let details =
        json!({ "transfer": transfer.id, "to": transfer.to_handle, "expires_at": transfer.expires_at });
    let event = registry.event(
        &access.actor,
        &access.org.id,
        "client.transfer_offered",
        resource(&client.client_id, &client.name),
        details,
    );
    batch.push(store::audit::append(&event));
    let committed = registry.commit(access, batch).await;
    committed.map_err(|error| match error {
        error if error.is_unique("client_transfers", "client_id") => Code::Conflict
            .because("this client is offered already: withdraw that offer first")
            .reason("transfer.open")
            .into(),
        other => Error::from(other),
    })?;
    Ok(Seen {
        transfer,
        side: Side::Giver,
        state: State::Offered,
    })
}

fn check_offer(access: &Access, to: &str, note: &str) -> Result<(), Refusal> {
    let mut fields = Vec::new();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if to.is_empty() || to.len() > 40 || !to.bytes().all(plain) {
        let detail = "Write the handle of the organisation, as in acme-energy.";
        fields.push(Field::new("/to", "handle", detail));
    } else if fold(to) == fold(&access.org.handle) {
        fields.push(Field::new("/to", "transfer.own", "The client is here already."));
    }
    if note.chars().count() > 500 {
        fields.push(Field::new("/note", "note", "Write at most 500 characters."));
    } else if let Err(detail) = name::check_lines(note) {
        fields.push(Field::new("/note", "note", detail));
    }
    if fields.is_empty() {
        Ok(())
    } else {
        Err(Refusal::fields(fields))
    }
}

/// The scopes that the taker is proposed: those of OpenID Connect as they are, and the values that exactly one of his own
/// APIs has as well.
pub fn proposed(client: &Client, values: &[String], apis: &[Api]) -> Vec<ScopeRef> {
    let own = |value: &&String| {
        let mut holders = apis
            .iter()
            .filter(|api| api.org_id.is_some())
            .filter(|api| api.scopes.iter().any(|scope| scope.value == **value));
        let first = holders.next()?;
        holders.next().is_none().then(|| ScopeRef {
            audience: Some(first.audience.clone()),
            value: (*value).clone(),
        })
    };
    let own = values.iter().filter_map(|value| own(&value));
    own.chain(client.oidc_scopes.iter().map(ScopeRef::text)).collect()
}

/// The values that a client held at the giver's APIs, each once. Those of the management API are left out: what they allow
/// is for the taker to give.
///
/// # Errors
/// When the storage fails.
pub async fn values_of(registry: &Registry, client: &Client) -> Result<Vec<String>> {
    let apis = store::apis::of_organization(registry.db(), &client.org_id).await?;
    let mut values: Vec<String> = Vec::new();
    for (api, value) in &client.scopes {
        let own = apis
            .iter()
            .any(|known| known.id == *api && known.org_id.is_some());
        if own && !values.contains(value) {
            values.push(value.clone());
        }
    }
    Ok(values)
}

/// What the taker decides.
#[derive(Clone, Debug, Default)]
pub struct Acceptance {
    /// Of his own APIs and of OpenID Connect; `None`: as proposed.
    pub scopes: Option<Vec<ScopeRef>>,
    /// The version of the client that he has looked at.
    pub version: Option<i64>,
    pub secret_label: Option<String>,
    pub secret_term: Term,
}

/// Accepts an offer: the client moves, all it had is gone, and it gets a new secret if it holds one.
///
/// # Errors
/// `not_found`; `conflict` for an offer that is not open, at the limit of clients, and for a client that does not travel
/// any more; `precondition_failed` when it was changed meanwhile; bad input field by field; missing permission; for
/// people, an old sign-in.
pub async fn accept(
    registry: &Registry,
    access: &Access,
    id: &str,
    acceptance: Acceptance,
) -> Result<Created> {
    access.require_fresh(Permission::ClientsWrite, registry.now())?;
    let seen = find_as(registry, access, id, Side::Taker).await?;
    let before = client_of(registry, &seen).await?;
    if acceptance
        .version
        .is_some_and(|version| version != before.version)
    {
        return Err(WriteError::Unmet("version").into());
    }
    clients::check_quota(registry, access).await?;
    registry.flush_activity().await?;
    let now = registry.now();
    let apis = store::apis::of_organization(registry.db(), &access.org.id).await?;
    let after = settings_here(registry, access, &before, &apis, acceptance.scopes).await?;
    let secret = match after.application_type.holds_secret() {
        true => {
            let expires_at = acceptance
                .secret_term
                .expiry(&after, &access.org, now, "/secret_expires")?;
            let words = secrets::Words {
                label: acceptance.secret_label,
                note: None,
            };
            Some(secrets::make(registry, access, &after, &[], words, expires_at)?)
        }
        false => None,
    };
    let id = &after.client_id;
    let mut batch = Batch::from_iter(store::incarnations::draw_for_transfer(
        &before.org_id,
        &access.org.id,
    ));
    batch.push(store::transfers::settle(
        &seen.transfer.id,
        State::Accepted,
        &access.actor.name,
        now,
    ));
    batch.push(store::transfers::move_client(
        &before,
        &access.org.id,
        &after.created_by,
        now,
    ));
    // What stays behind goes before what comes.
    for statement in store::usage::erase(id) {
        batch.push(statement);
    }
    batch.push(store::secrets::erase(id));
    batch.push(store::clients::ungrant_all(id));
    batch.push(store::grants::remove_client(id));
    batch.push(store::consents::remove_client(id));
    for statement in store::transfers::erase_evidence(id) {
        batch.push(statement);
    }
    batch.push(store::clients::set(
        &Client {
            version: before.version + 1,
            ..after.clone()
        },
        now,
    ));
    batch.push(store::clients::note_change(id, None, access.actor.origin));
    clients::push_grants(&mut batch, None, &after, now);
    if let Some(secret) = &secret {
        batch.push(store::secrets::add(&secret.row));
    }
    announce(&mut batch, changes::Kind::Client, id, now);
    tell_both(registry, access, &seen.transfer, &after, &apis, &mut batch);
    registry.commit(access, batch).await.map_err(lost)?;
    Ok(Created {
        client: Client {
            version: before.version + 2,
            updated_at: now,
            ..after
        },
        secret,
    })
}

/// The client as it will be here.
async fn settings_here(
    registry: &Registry,
    access: &Access,
    before: &Client,
    apis: &[Api],
    scopes: Option<Vec<ScopeRef>>,
) -> Result<Client> {
    let scopes = match scopes {
        Some(scopes) => scopes,
        None => proposed(before, &values_of(registry, before).await?, apis),
    };
    let draft = Draft {
        kind: Kind::Custom,
        application_type: before.application_type,
        name: before.name.clone(),
        description: before.description.clone(),
        grant_types: before.grant_types.clone(),
        redirect_uris: before.redirect_uris.clone(),
        scopes,
        optional_scopes: None,
        auth_method: before.auth_method,
        require_consent: before.require_consent,
        access_token_lifetime: before.access_token_lifetime,
        people: before.people.clone(),
        user_id: None,
    };
    // It holds nothing here: what the taker gives, they have to have, and where it redirects is judged by what is allowed here.
    let bare = Client {
        redirect_uris: Vec::new(),
        scopes: Vec::new(),
        oidc_scopes: Vec::new(),
        ..before.clone()
    };
    let grants = registry.grants();
    let around = Surroundings {
        apis,
        grants: &grants,
        permissions: access.permissions,
        before: Some(&bare),
        boundary: registry.boundary_of(&access.org),
    };
    let mut resolved = client_input::check(&draft, &around).map_err(Refusal::fields)?;
    // What a person may leave out stays so where it means the same here.
    let optional = before.optional_scopes.iter().filter(|key| {
        key.api.is_none()
            && OIDC.contains(&&*key.value)
            && resolved.oidc_scopes.contains(&key.value.to_string())
    });
    resolved.optional_scopes = optional.cloned().collect();
    Ok(Client {
        org_id: access.org.id.clone(),
        user_id: None,
        scopes: resolved.scopes,
        oidc_scopes: resolved.oidc_scopes,
        optional_scopes: resolved.optional_scopes,
        created_by: format!("transfer from {}", from_handle(registry, before).await?),
        status_at: None,
        status_by: None,
        status_reason: None,
        last_used_at: None,
        last_used_ip: None,
        file_key: None,
        changed_through: Some(access.actor.origin),
        ..before.clone()
    })
}

async fn from_handle(registry: &Registry, client: &Client) -> Result<String> {
    let org = store::organizations::find(registry.db(), &client.org_id).await?;
    Ok(org.map(|org| org.handle).unwrap_or_default())
}

/// Of many who settle an offer, one does.
fn lost(error: WriteError) -> Error {
    match error {
        WriteError::Unmet("offer") => Code::Conflict
            .because("somebody else has settled this offer meanwhile, or it has expired")
            .reason("transfer.settled")
            .into(),
        other => other.into(),
    }
}

/// The other organisation, as the audit log of this one names it: nobody's name crosses.
fn other_side(handle: &str) -> Actor {
    Actor {
        id: "organization".to_owned(),
        name: handle.to_owned(),
        ..Actor::system()
    }
}

fn tell_both(
    registry: &Registry,
    access: &Access,
    transfer: &Transfer,
    after: &Client,
    apis: &[Api],
    batch: &mut Batch,
) {
    let named = || resource(&after.client_id, &after.name);
    let from = json!({ "transfer": transfer.id, "from": transfer.from_handle, "after": clients::describe(after, apis) });
    let to = json!({ "transfer": transfer.id, "to": access.org.handle });
    let accepted = json!({ "transfer": transfer.id, "from": transfer.from_handle });
    let there = other_side(&access.org.handle);
    let events = [
        registry.event(
            &access.actor,
            &access.org.id,
            "client.transfer_accepted",
            named(),
            accepted,
        ),
        registry.event(&access.actor, &access.org.id, "client.transferred", named(), from),
        registry.event(
            &there,
            &transfer.from_org_id,
            "client.transfer_accepted",
            named(),
            to.clone(),
        ),
        registry.event(&there, &transfer.from_org_id, "client.transferred", named(), to),
    ];
    for event in &events {
        batch.push(store::audit::append(event));
    }
}

async fn find_as(registry: &Registry, access: &Access, id: &str, side: Side) -> Result<Seen> {
    let seen = find(registry, access, id).await?;
    if seen.side != side {
        let why = match side {
            Side::Giver => "this offer was made to you: decline it instead",
            Side::Taker => "this offer is your own: only the other side answers it",
        };
        return Err(Code::Conflict.because(why).reason("transfer.side").into());
    }
    Ok(seen)
}

/// Declines an offer.
///
/// # Errors
/// `not_found`; `conflict` for an offer that is not open; missing permission.
pub async fn decline(registry: &Registry, access: &Access, id: &str) -> Result<Seen> {
    access.require(Permission::ClientsWrite)?;
    let seen = find_as(registry, access, id, Side::Taker).await?;
    settle(registry, access, seen, State::Declined).await
}

/// Withdraws an offer.
///
/// # Errors
/// `not_found`; `conflict` for an offer that is not open; missing permission.
pub async fn withdraw(registry: &Registry, access: &Access, id: &str) -> Result<Seen> {
    access.require(Permission::ClientsDelete)?;
    let seen = find_as(registry, access, id, Side::Giver).await?;
    settle(registry, access, seen, State::Withdrawn).await
}

async fn settle(registry: &Registry, access: &Access, seen: Seen, state: State) -> Result<Seen> {
    if seen.state != State::Offered {
        return Err(settled(seen.state).into());
    }
    let now = registry.now();
    let transfer = &seen.transfer;
    let action = match state {
        State::Declined => "client.transfer_declined",
        _ => "client.transfer_withdrawn",
    };
    let named = || resource(&transfer.client_id, &transfer.client_name);
    let mut batch = Batch::default();
    batch.push(store::transfers::settle(
        &transfer.id,
        state,
        &access.actor.name,
        now,
    ));
    let details =
        || json!({ "transfer": transfer.id, "from": transfer.from_handle, "to": transfer.to_handle });
    let here = registry.event(&access.actor, &access.org.id, action, named(), details());
    batch.push(store::audit::append(&here));
    if seen.side == Side::Taker {
        let there = other_side(&access.org.handle);
        let event = registry.event(&there, &transfer.from_org_id, action, named(), details());
        batch.push(store::audit::append(&event));
    }
    registry.commit(access, batch).await.map_err(lost)?;
    Ok(Seen {
        state,
        transfer: Transfer {
            state,
            settled_at: Some(now),
            ..seen.transfer.clone()
        },
        side: seen.side,
    })
}

/// Withdraws the open offer of a client that is cut off.
///
/// # Errors
/// When the storage fails.
pub(super) async fn end_with(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    batch: &mut Batch,
) -> Result<()> {
    let Some(transfer) = store::transfers::open_of(registry.db(), client_id).await? else {
        return Ok(());
    };
    batch.push(store::transfers::withdraw(
        &transfer.id,
        &access.actor.name,
        registry.now(),
    ));
    let event = registry.event(
        &access.actor,
        &transfer.from_org_id,
        "client.transfer_withdrawn",
        resource(&transfer.client_id, &transfer.client_name),
        json!({ "transfer": transfer.id, "to": transfer.to_handle }),
    );
    batch.push(store::audit::append(&event));
    Ok(())
}

fn expire_into(registry: &Registry, batch: &mut Batch, transfer: &Transfer) {
    batch.push(store::transfers::expire(&transfer.id, registry.now()));
    let event = registry.event(
        &Actor::system(),
        &transfer.from_org_id,
        "client.transfer_expired",
        resource(&transfer.client_id, &transfer.client_name),
        json!({ "transfer": transfer.id, "to": transfer.to_handle }),
    );
    batch.push(store::audit::append(&event));
}

/// Notes what has expired.
///
/// # Errors
/// When the storage fails.
pub async fn expire(registry: &Registry) -> Result<()> {
    loop {
        let overdue = store::transfers::overdue(registry.db(), registry.now()).await?;
        for transfer in &overdue {
            let mut batch = Batch::default();
            expire_into(registry, &mut batch, transfer);
            match registry.db().write(batch).await {
                // Another node was first, or somebody settled it.
                Ok(_) | Err(WriteError::Unmet("offer")) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if overdue.is_empty() {
            return Ok(());
        }
    }
}
