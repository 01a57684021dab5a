//! The life of a secret: made once, rotated without an outage, ended.

use serde_json::json;

use crate::{
    db::Batch,
    error::Result,
    oauth::{
        client::{Kind, Status},
        name,
        refusal::{Code, Field, Refusal},
    },
    registry::{
        Registry, Resource, access::Access, access::Permission, announce, client_input, clients,
        clients::Created, control,
    },
    secret::ClientSecretText,
    store::{self, apis::Api, changes, clients::Client, organizations::Organization, secrets::ClientSecret},
    time::{Lifetime, Timestamp},
};

/// A secret that was just made. Its text exists only here and in the one response.
pub struct NewSecret {
    pub text: ClientSecretText,
    pub row: ClientSecret,
}

/// When a new secret expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Term {
    /// As the organisation has it for services; never for web apps.
    #[default]
    Default,
    Never,
    After(Lifetime),
    At(Timestamp),
}

impl Term {
    /// The moment of expiry; `pointer` is where the input has the term.
    ///
    /// # Errors
    /// When the moment has passed, is more than two years off, or the organisation insists on an end.
    pub fn expiry(
        self,
        client: &Client,
        org: &Organization,
        now: Timestamp,
        pointer: &str,
    ) -> Result<Option<Timestamp>> {
        let wrong = |detail: &str| Refusal::fields(vec![Field::new(pointer, "secret.expiry", detail)]);
        let at = match self {
            Self::Never if org.settings.secrets_may_never_expire => return Ok(None),
            Self::Never => {
                return Err(wrong("This organisation wants every secret to expire: set an end.").into());
            }
            Self::Default => {
                let service = client.application_type == crate::oauth::client::ApplicationType::Service;
                if !service && org.settings.secrets_may_never_expire {
                    return Ok(None);
                }
                now.after(Lifetime::days(org.settings.secret_lifetime_days))
            }
            Self::After(span) => now.after(span),
            Self::At(at) => at,
        };
        if at <= now || at > now.after(Lifetime::days(731)) {
            return Err(wrong("A secret expires in the future, within two years.").into());
        }
        Ok(Some(at))
    }
}

/// What happens to the secret that is rotated away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldSecret {
    EndsNow,
    /// It works until then, 30 days at most.
    EndsAt(Timestamp),
    /// It works until somebody ends it.
    Stays,
}

/// How to rotate.
#[derive(Clone, Debug)]
pub struct Rotation {
    pub old: OldSecret,
    /// Which of two usable secrets to end first: its id or hint.
    pub end_first: Option<String>,
    /// Kill every token issued so far, too.
    pub revoke_tokens: bool,
    pub label: Option<String>,
    /// Where the new secret is kept.
    pub note: Option<String>,
    pub term: Term,
    /// Where the input has the term, as a JSON pointer.
    pub term_at: &'static str,
    /// End `end_first` although it is in use.
    pub force: bool,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            old: OldSecret::EndsNow,
            end_first: None,
            revoke_tokens: false,
            label: None,
            note: None,
            term: Term::Default,
            term_at: "/expires",
            force: false,
        }
    }
}

/// A secret used more recently than this is in use.
const IN_USE: Lifetime = Lifetime::hours(1);

/// How many of those who use a secret are named.
const CALLERS: usize = 5;

/// The longest overlap.
const LONGEST_GRACE: Lifetime = Lifetime::days(30);

/// What people say about a secret.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub label: Option<String>,
    pub note: Option<String>,
}

/// Makes a secret for a client beside those it has; the caller stores the row.
///
/// # Errors
/// When the label is too long.
pub(super) fn make(
    registry: &Registry,
    access: &Access,
    client: &Client,
    others: &[ClientSecret],
    words: Words,
    expires_at: Option<Timestamp>,
) -> Result<NewSecret> {
    let text = ClientSecretText::generate(&registry.entropy);
    let label = words.label.map(|l| name::normal(&l)).filter(|l| !l.is_empty());
    check_words(label.as_deref().unwrap_or_default(), "/label", 100)?;
    let note = words.note.unwrap_or_default().trim().to_owned();
    check_words(&note, "/note", 300)?;
    let now = registry.now();
    let digest = registry.keyring.digest("client-secret", text.expose().as_bytes());
    let row = ClientSecret {
        id: format!("sec_{}", registry.id()),
        client_id: client.client_id.clone(),
        label: label.unwrap_or_else(|| default_label(others, now)),
        hint: text.hint(),
        note,
        digest: digest.as_bytes().to_vec(),
        created_by: access.actor.name.clone(),
        created_at: now,
        expires_at,
        ends_at: None,
        revoked_at: None,
        last_used_at: None,
        last_used_ip: None,
        uses: 0,
        next_notice_at: None,
    };
    Ok(NewSecret { text, row })
}

/// The day it was made, and a number where the client has one of that day already.
fn default_label(others: &[ClientSecret], now: Timestamp) -> String {
    let day = format!("Secret of {}", now.in_zone("UTC").strftime("%-d %b %Y"));
    let mut label = day.clone();
    let mut number = 1;
    while others.iter().any(|other| other.label == label) {
        number += 1;
        label = format!("{day} ({number})");
    }
    label
}

fn check_words(text: &str, pointer: &'static str, most: usize) -> Result<()> {
    if let Err(detail) = name::check_optional(text, most) {
        return Err(
            Refusal::fields(vec![Field::new(pointer, pointer.trim_start_matches('/'), detail)]).into(),
        );
    }
    Ok(())
}

/// The secrets of a client, newest first.
///
/// # Errors
/// `not_found`; missing permission.
pub async fn list(registry: &Registry, access: &Access, client_id: &str) -> Result<Vec<ClientSecret>> {
    clients::find(registry, access, client_id).await?;
    registry.flush_activity().await?;
    Ok(store::secrets::of_client(registry.db(), client_id).await?)
}

/// The client, if a secret of it may be changed by this access.
async fn find(registry: &Registry, access: &Access, client_id: &str, version: Option<i64>) -> Result<Client> {
    access.require_fresh(Permission::ClientsWrite, registry.now())?;
    let client = clients::find(registry, access, client_id).await?;
    let conflict = |why: &'static str, reason| Err(Code::Conflict.because(why).reason(reason).into());
    if client.status == Status::Deleted {
        return conflict(
            "this client was deleted; create a new one like it instead",
            "client.deleted",
        );
    }
    if version.is_some_and(|seen| seen != client.version) {
        return Err(crate::db::WriteError::Unmet("version").into());
    }
    if !client.application_type.holds_secret() {
        return Err(Code::Invalid
            .because("this type of client cannot keep a secret, so it has none")
            .reason("client.no_secret")
            .into());
    }
    // They serve every organisation, also where their scopes could be anybody's.
    if client.kind == Kind::System && !access.permissions.allow(Permission::InstanceWrite) {
        let why = "only an operator gives a system client new secrets or ends old ones";
        registry
            .note_refusal(access, "secret.rotated", resource(&client), why)
            .await;
        return Err(Code::Forbidden.because(why).reason("client.system").into());
    }
    clients::refuse_personal(registry, access, &client, "secret.rotated").await?;
    control::check(registry, access, &client, "secret.rotated").await?;
    Ok(client)
}

/// Whether this access may touch the secrets of a client: not of one that may do more than itself, nor of one that belongs
/// to a person, and of system clients only whoever runs the instance. `apis` are those of the organisation.
pub fn are_yours(access: &Access, apis: &[Api], client: &Client) -> bool {
    access.permissions.allow(Permission::ClientsWrite)
        && client.kind != Kind::Personal
        && (client.kind != Kind::System || access.permissions.allow(Permission::InstanceWrite))
        && client_input::covers(access.permissions, apis, &client.scopes)
}

fn resource(client: &Client) -> Resource<'_> {
    Resource {
        kind: "client",
        id: &client.client_id,
        name: &client.name,
    }
}

/// Gives a client a new secret and decides about the old one.
///
/// # Errors
/// 400 for a client without secrets; `conflict` for a disabled client, for a third usable secret (naming which one to
/// end), and for ending one that is in use.
pub async fn rotate(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    version: Option<i64>,
    rotation: Rotation,
) -> Result<Created> {
    let client = find(registry, access, client_id, version).await?;
    rotate_client(registry, access, client, rotation).await
}

/// As [`rotate`], of a client whose secrets this access may touch.
pub(super) async fn rotate_client(
    registry: &Registry,
    access: &Access,
    client: Client,
    rotation: Rotation,
) -> Result<Created> {
    let client_id = client.client_id.as_str();
    if client.status == Status::Disabled {
        return Err(Code::Conflict
            .because("this client is disabled: enable it before you rotate its secret")
            .reason("client.disabled")
            .into());
    }
    let now = registry.now();
    let expires_at = rotation
        .term
        .expiry(&client, &access.org, now, rotation.term_at)?;
    registry.flush_activity().await?;
    let secrets = store::secrets::of_client(registry.db(), client_id).await?;
    let usable: Vec<&ClientSecret> = secrets.iter().filter(|s| s.usable(now)).collect();
    let mut batch = Batch::default();
    if rotation.revoke_tokens {
        for statement in store::clients::cut_off(&client, now) {
            batch.push(statement);
        }
    } else {
        batch.push(store::clients::bump(&client, now));
    }
    let ended = settle_old(registry, &rotation, &usable, now, &mut batch).await?;
    let secret = make(
        registry,
        access,
        &client,
        &secrets,
        Words {
            label: rotation.label.clone(),
            note: rotation.note.clone(),
        },
        expires_at,
    )?;
    batch.push(store::secrets::add(&secret.row));
    announce(&mut batch, changes::Kind::Client, client_id, now);
    let details = json!({
        "new": { "id": secret.row.id, "label": secret.row.label, "expires_at": expires_at },
        "old": ended,
        "tokens_revoked": rotation.revoke_tokens,
    });
    let action = match client.kind {
        Kind::Personal => "credential.rotated",
        _ => "secret.rotated",
    };
    let event = registry.event(&access.actor, &client.org_id, action, resource(&client), details);
    batch.push(store::audit::append(&event));
    registry.commit(access, batch).await?;
    let client = Client {
        updated_at: now,
        version: client.version + 1,
        ..client
    };
    Ok(Created {
        client,
        secret: Some(secret),
    })
}

/// Decides about the secrets that are usable now; says what becomes of each.
async fn settle_old(
    registry: &Registry,
    rotation: &Rotation,
    usable: &[&ClientSecret],
    now: Timestamp,
    batch: &mut Batch,
) -> Result<Vec<serde_json::Value>> {
    let mut told = Vec::new();
    let mut tell = |secret: &ClientSecret, ends_at: Option<Timestamp>| {
        told.push(json!({ "id": secret.id, "label": secret.label, "ends_at": ends_at }));
    };
    if rotation.old == OldSecret::EndsNow {
        for secret in usable {
            batch.push(store::secrets::revoke(&secret.id, now));
            tell(secret, Some(now));
        }
        return Ok(told);
    }
    let mut staying: Vec<&ClientSecret> = usable.to_vec();
    if let Some(first) = &rotation.end_first {
        let at = staying
            .iter()
            .position(|s| s.id == *first || s.hint == *first)
            .ok_or_else(|| {
                let detail = "No usable secret has this id or hint.";
                Refusal::fields(vec![Field::new("/end_first", "secret.unknown", detail)])
            })?;
        let secret = staying.remove(at);
        refuse_in_use(registry, secret, now, rotation.force).await?;
        batch.push(store::secrets::revoke(&secret.id, now));
        tell(secret, Some(now));
    }
    if staying.len() > 1 {
        let names: Vec<String> = staying
            .iter()
            .map(|s| format!("“{}” (…{})", s.label, s.hint))
            .collect();
        return Err(Code::Conflict
            .because(format!(
                "two secrets are usable already, {}: say which one to end first",
                names.join(" and ")
            ))
            .reason("secret.limit")
            .into());
    }
    if let OldSecret::EndsAt(at) = rotation.old {
        if at <= now || at > now.after(LONGEST_GRACE) {
            let detail = "The old secret ends in the future, within 30 days.";
            return Err(Refusal::fields(vec![Field::new("/old_ends_at", "range", detail)]).into());
        }
        for secret in staying {
            let ends_at = secret.ends_at.map_or(at, |before| before.min(at));
            batch.push(store::secrets::set_end(secret, Some(ends_at), now));
            tell(secret, Some(ends_at));
        }
    }
    Ok(told)
}

/// Refuses to end a secret that was used within the last hour, and says by whom.
async fn refuse_in_use(
    registry: &Registry,
    secret: &ClientSecret,
    now: Timestamp,
    force: bool,
) -> Result<()> {
    let Some(at) = secret
        .last_used_at
        .filter(|at| !force && *at > now.before(IN_USE))
    else {
        return Ok(());
    };
    let all = store::usage::of_secrets(registry.db(), &secret.client_id, now).await?;
    let used = all
        .into_iter()
        .find(|used| used.secret_id == secret.id)
        .unwrap_or_default();
    let lately = used
        .addresses
        .iter()
        .filter(|address| address.on.last_at > now.before(IN_USE));
    let from: Vec<&str> = lately
        .map(|address| address.ip.as_deref().unwrap_or("other addresses"))
        .take(CALLERS)
        .collect();
    let from = if from.is_empty() {
        vec!["an unknown address"]
    } else {
        from
    };
    Err(Code::Conflict
        .because(format!(
            "the secret …{} is in use: {} times in the last hour, last at {at}, from {}; end it anyway only if you must",
            secret.hint,
            used.last_hour,
            from.join(", "),
        ))
        .reason("secret.in_use")
        .into())
}

/// Ends a secret now; it is named by id or hint.
///
/// # Errors
/// `not_found`; `conflict` when it was used within the last hour and `force` is not set.
pub async fn end(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    secret: &str,
    force: bool,
) -> Result<()> {
    let (client, secret) = find_one(registry, access, client_id, secret).await?;
    let now = registry.now();
    if !secret.usable(now) {
        return Ok(());
    }
    refuse_in_use(registry, &secret, now, force).await?;
    let details = json!({ "id": secret.id, "label": secret.label, "forced": force });
    change(
        registry,
        access,
        &client,
        store::secrets::revoke(&secret.id, now),
        "secret.ended",
        details,
    )
    .await
}

/// Moves the end of a secret, or takes it back with `None`.
///
/// # Errors
/// `not_found`; bad input when the moment is past or more than 30 days off; `conflict` when it has ended.
pub async fn set_end(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    secret: &str,
    ends_at: Option<Timestamp>,
) -> Result<()> {
    let (client, secret) = find_one(registry, access, client_id, secret).await?;
    let now = registry.now();
    if !secret.usable(now) {
        return Err(Code::Conflict
            .because("this secret has ended; what has ended does not come back")
            .reason("secret.ended")
            .into());
    }
    if ends_at.is_some_and(|at| at <= now || at > now.after(LONGEST_GRACE)) {
        let detail = "The end lies in the future, within 30 days.";
        return Err(Refusal::fields(vec![Field::new("/ends_at", "range", detail)]).into());
    }
    let details = json!({
        "id": secret.id,
        "label": secret.label,
        "before": { "ends_at": secret.ends_at },
        "after": { "ends_at": ends_at },
    });
    change(
        registry,
        access,
        &client,
        store::secrets::set_end(&secret, ends_at, now),
        "secret.end_moved",
        details,
    )
    .await
}

/// Renames a secret, and says where it is kept; `None` leaves either as it is.
///
/// # Errors
/// `not_found`; bad input when a text is too long.
pub async fn describe(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    secret: &str,
    label: Option<&str>,
    note: Option<&str>,
) -> Result<()> {
    let (client, secret) = find_one(registry, access, client_id, secret).await?;
    let label = label.map_or(secret.label.as_str(), str::trim);
    let note = note.map_or(secret.note.as_str(), str::trim);
    check_words(label, "/label", 100)?;
    check_words(note, "/note", 300)?;
    let details = json!({
        "id": secret.id,
        "before": { "label": secret.label, "note": secret.note },
        "after": { "label": label, "note": note },
    });
    change(
        registry,
        access,
        &client,
        store::secrets::describe(&secret.id, label, note),
        "secret.renamed",
        details,
    )
    .await
}

/// Whether the older of two usable secrets may go: the newer one is used, and the older one has been silent for an hour.
/// Computed from what was counted, not guessed.
pub fn safe_to_end(secret: &ClientSecret, all: &[ClientSecret], now: Timestamp) -> bool {
    let newer_is_used = all.iter().any(|other| {
        other.usable(now) && other.uses > 0 && (other.created_at, &other.id) > (secret.created_at, &secret.id)
    });
    secret.usable(now) && newer_is_used && secret.last_used_at.is_none_or(|at| at <= now.before(IN_USE))
}

async fn find_one(
    registry: &Registry,
    access: &Access,
    client_id: &str,
    secret: &str,
) -> Result<(Client, ClientSecret)> {
    let client = find(registry, access, client_id, None).await?;
    registry.flush_activity().await?;
    let secrets = store::secrets::of_client(registry.db(), client_id).await?;
    let wanted = secret.trim_start_matches('…');
    secrets
        .into_iter()
        .find(|s| s.id == wanted || s.hint == wanted)
        .map(|secret| (client, secret))
        .ok_or_else(|| {
            Code::NotFound
                .because("this client has no secret with this id or hint")
                .into()
        })
}

async fn change(
    registry: &Registry,
    access: &Access,
    client: &Client,
    statement: crate::db::Statement,
    action: &str,
    details: serde_json::Value,
) -> Result<()> {
    let now = registry.now();
    let mut batch = Batch::default();
    batch.push(store::clients::bump(client, now));
    batch.push(statement);
    announce(&mut batch, changes::Kind::Client, &client.client_id, now);
    let event = registry.event(&access.actor, &client.org_id, action, resource(client), details);
    batch.push(store::audit::append(&event));
    registry.commit(access, batch).await?;
    Ok(())
}
