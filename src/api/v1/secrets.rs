//! The secrets of a client: rotated without an outage, ended, renamed.

use axum::http::Method;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    client_changes::{MadeClient, body, made, seen, term},
    client_list::{TAG, written_moment, written_span},
    clients::Secret,
    sent,
};
use crate::{
    api::{
        call::{Call, Reply},
        etag,
        operation::{Answer, Operation, Precondition, Shape, dry_run, flag, operation, paging},
        page,
    },
    error::Result,
    oauth::refusal::{Code, Field, Refusal},
    registry::{
        access::{Access, Permission},
        secrets::{self, OldSecret, Rotation},
    },
    time::Lifetime,
};

/// How to rotate. Nothing about the old secret: it ends now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RotateInput {
    /// Seconds, or a span such as `24h`, for which the old secret still works
    old_ends_in: Option<SpanInput>,
    /// Until when the old secret still works
    #[schema(max_length = 40)]
    old_ends_at: Option<String>,
    /// The old secret works until somebody ends it.
    manual: Option<bool>,
    /// Id or hint of the one of two usable secrets to end first
    end_first: Option<String>,
    /// End it although it is in use.
    force: Option<bool>,
    /// Kill every token issued so far, too.
    revoke_tokens: Option<bool>,
    #[schema(max_length = 100)]
    label: Option<String>,
    /// Where it is kept
    #[schema(max_length = 300)]
    note: Option<String>,
    /// `never`, a span such as `90d`, or a moment
    #[schema(max_length = 40)]
    expires: Option<String>,
}

/// Seconds, or a span such as `24h`.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum SpanInput {
    Seconds(i64),
    Text(String),
}

/// A secret beside the one there is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSecret {
    #[schema(max_length = 100)]
    label: Option<String>,
    /// Where it is kept
    #[schema(max_length = 300)]
    note: Option<String>,
    /// `never`, a span such as `90d`, or a moment
    #[schema(max_length = 40)]
    expires: Option<String>,
}

/// What to change of a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecretPatch {
    #[schema(nullable = false, max_length = 100, min_length = 1)]
    label: Option<String>,
    /// Where it is kept
    #[schema(nullable = false, max_length = 300)]
    note: Option<String>,
    /// A moment within 30 days, or `null`: it does not end
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 40)]
    ends_at: Option<Option<String>>,
}

const SECRETS: &str = "/api/v1/orgs/{org}/clients/{client}/secrets";
const SECRET: &str = "/api/v1/orgs/{org}/clients/{client}/secrets/{secret}";
const ROTATE: &str = "/api/v1/orgs/{org}/clients/{client}/rotate";

pub fn operations() -> Vec<Operation> {
    let write = Some(Permission::ClientsWrite);
    let list = operation(
        Method::GET,
        SECRETS,
        "listSecrets",
        "List the secrets of a client",
        Some(Permission::ClientsRead),
        Answer::Ok(Shape::list_of::<Secret>()),
        |call| Box::pin(list(call)),
    );
    let made = || Shape::of::<MadeClient>();
    let add = operation(
        Method::POST,
        SECRETS,
        "addSecret",
        "Add a secret beside the one there is",
        write,
        Answer::Created(made()),
        |call| Box::pin(add(call)),
    );
    let rotate = operation(
        Method::POST,
        ROTATE,
        "rotateSecret",
        "Give a client a new secret and decide about the old one",
        write,
        Answer::Ok(made()),
        |call| Box::pin(rotate(call)),
    );
    let edit = operation(
        Method::PATCH,
        SECRET,
        "editSecret",
        "Rename a secret, say where it is kept, or move its end",
        write,
        Answer::Ok(Shape::of::<Secret>()),
        |call| Box::pin(edit(call)),
    );
    let end = operation(
        Method::DELETE,
        SECRET,
        "endSecret",
        "End a secret now",
        write,
        Answer::Nothing,
        |call| Box::pin(end(call)),
    );
    vec![
        Operation {
            tag: TAG,
            query: paging().to_vec(),
            cli: Some("oauthority secret list CLIENT_ID"),
            ..list
        },
        Operation {
            body: Some(body::<NewSecret>(
                false,
                false,
                json!({ "label": "From December" }),
            )),
            cli: Some("oauthority secret rotate CLIENT_ID --old-ends manual"),
            ..changing(add)
        },
        Operation {
            body: Some(body::<RotateInput>(false, false, json!({ "old_ends_in": "24h" }))),
            cli: Some("oauthority secret rotate CLIENT_ID --old-ends 24h"),
            ..changing(rotate)
        },
        Operation {
            body: Some(body::<SecretPatch>(true, true, json!({ "label": "Old" }))),
            ..changing(edit)
        },
        Operation {
            query: vec![dry_run(), flag("force", "End it although it is in use.")],
            cli: Some("oauthority secret end CLIENT_ID SECRET_ID"),
            ..changing(end)
        },
    ]
}

fn changing(operation: Operation) -> Operation {
    Operation {
        tag: TAG,
        conflicts: true,
        precondition: Precondition::Optional,
        ..operation
    }
}

async fn list(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let rows = secrets::list(&call.app.registry, &access, call.path("client")).await?;
    let all = Secret::all_of(&rows, call.now);
    let path = format!(
        "/api/v1/orgs/{}/clients/{}/secrets",
        access.org.handle,
        call.path("client")
    );
    let part = page::cut(all, |secret| &secret.id, &call.query)?;
    page::reply(&part, &path, &call.query, &["limit"])
}

impl RotateInput {
    /// What becomes of the old secret.
    fn old(&self, call: &Call) -> Result<OldSecret, Refusal> {
        let manual = self.manual.unwrap_or_default();
        let said = [self.old_ends_in.is_some(), self.old_ends_at.is_some(), manual];
        if said.iter().filter(|said| **said).count() > 1 {
            let detail = "Say one thing about the old secret: old_ends_in, old_ends_at or manual.";
            return Err(Refusal::fields(vec![Field::new(
                "/old_ends_in",
                "contradiction",
                detail,
            )]));
        }
        let span = match &self.old_ends_in {
            Some(SpanInput::Seconds(seconds)) => Some(Lifetime::seconds(*seconds)),
            Some(SpanInput::Text(text)) => Some(written_span(text, "/old_ends_in")?),
            None => None,
        };
        Ok(match (span, &self.old_ends_at) {
            (Some(span), _) if span.as_seconds() == 0 => OldSecret::EndsNow,
            (Some(span), _) => OldSecret::EndsAt(call.now.after(span)),
            (_, Some(text)) => OldSecret::EndsAt(written_moment(text, "/old_ends_at")?),
            _ if manual => OldSecret::Stays,
            _ => OldSecret::EndsNow,
        })
    }
}

async fn rotate(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let input: RotateInput = call.input()?;
    let rotation = Rotation {
        old: input.old(&call)?,
        end_first: input.end_first,
        revoke_tokens: input.revoke_tokens.unwrap_or_default(),
        label: input.label,
        note: input.note,
        term: term(input.expires.as_deref(), "/expires")?,
        term_at: "/expires",
        force: input.force.unwrap_or_default(),
    };
    perform(&call, &access, rotation).await
}

async fn perform(call: &Call, access: &Access, rotation: Rotation) -> Result<Reply> {
    let client = seen(call, access, false).await?;
    let registry = &call.app.registry;
    let created = secrets::rotate(
        registry,
        access,
        &client.client_id,
        Some(client.version),
        rotation,
    )
    .await?;
    made(call, access, created).await
}

async fn add(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let input: NewSecret = call.input()?;
    let rotation = Rotation {
        old: OldSecret::Stays,
        label: input.label,
        note: input.note,
        term: term(input.expires.as_deref(), "/expires")?,
        term_at: "/expires",
        ..Rotation::default()
    };
    let reply = perform(&call, &access, rotation).await?;
    let (org, client) = (&access.org.handle, call.path("client"));
    let location = format!("/api/v1/orgs/{org}/clients/{client}/secrets");
    Ok(if access.dry_run {
        reply
    } else {
        reply.created(location)
    })
}

async fn edit(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let patch: SecretPatch = call.input()?;
    seen(&call, &access, false).await?;
    let (registry, client, secret) = (&call.app.registry, call.path("client"), call.path("secret"));
    let ends_at = match &patch.ends_at {
        Some(Some(text)) => Some(Some(written_moment(text, "/ends_at")?)),
        Some(None) => Some(None),
        None => None,
    };
    let (label, note) = (patch.label.as_deref(), patch.note.as_deref());
    if label.is_some() || note.is_some() {
        secrets::describe(registry, &access, client, secret, label, note).await?;
    }
    if let Some(ends_at) = ends_at {
        secrets::set_end(registry, &access, client, secret, ends_at).await?;
    }
    let rows = secrets::list(registry, &access, client).await?;
    let wanted = secret.trim_start_matches('…');
    let row = rows.iter().find(|row| row.id == wanted || row.hint == wanted);
    let row = row.ok_or_else(|| Code::NotFound.because("this client has no secret with this id or hint"))?;
    let version = crate::registry::clients::find(registry, &access, client)
        .await?
        .version;
    Ok(Reply::of(&Secret::of(row, &rows, call.now))?.tagged(etag::of_version(version)))
}

async fn end(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    access.require(Permission::ClientsWrite)?;
    let client = seen(&call, &access, false).await?;
    let (registry, force) = (&call.app.registry, call.query.flag("force"));
    secrets::end(registry, &access, &client.client_id, call.path("secret"), force).await?;
    Ok(Reply::nothing())
}
