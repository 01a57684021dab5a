//! The way of a request through the management API, the same for every operation:
//!
//! 1. who calls, and how often he did;
//! 2. path, query and body, held against what the operation documents;
//! 3. the key of a request that may come again;
//! 4. the operation;
//! 5. the answer, or the problem.

use std::{future::Future, pin::Pin, sync::Arc};

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};

use super::{
    caller::{self, Caller},
    etag::Tags,
    idempotency::{self, Taken},
    input,
    operation::Operation,
    problem::{self, About},
    query::Query,
    rate_limit::{Left, RateLimit},
    schema,
};
use crate::{
    app::State,
    config::Config,
    error::{Error, Result},
    oauth::refusal::{Code, Field, Refusal},
    observe::RequestContext,
    registry::{access::Access, assurance::Demand, clients},
    secret,
    time::Timestamp,
};

/// A request as an operation sees it.
pub struct Call {
    pub app: State,
    pub caller: Caller,
    pub query: Query,
    pub if_match: Tags,
    pub now: Timestamp,
    /// Set by an operation that refuses a stale version: the tag that would have matched.
    pub etag: Arc<std::sync::OnceLock<String>>,
    path: Vec<(String, String)>,
    body: Json,
}

/// What an operation is: it takes a call and answers it.
pub type Act = fn(Call) -> Pin<Box<dyn Future<Output = Result<Reply>> + Send>>;

/// A text of an answer that is told once.
pub struct Secret {
    /// The member of the body that holds it.
    pub member: &'static str,
    pub text: secret::Secret<String>,
}

/// An answer.
pub struct Reply {
    pub status: StatusCode,
    /// With `null` where the secret belongs.
    pub body: Option<Json>,
    pub etag: Option<String>,
    pub location: Option<String>,
    /// Where the rest of a list is.
    pub next: Option<String>,
    pub secret: Option<Secret>,
    /// Whether it was given before.
    pub replayed: bool,
    /// A file in place of a body.
    pub file: Option<File>,
}

/// A file that is written while it is sent.
pub struct File {
    pub media_type: &'static str,
    pub name: String,
    pub content: axum::body::Body,
}

impl Reply {
    /// 200 with a body.
    pub fn ok(body: Json) -> Self {
        Self {
            status: StatusCode::OK,
            body: Some(body),
            etag: None,
            location: None,
            next: None,
            secret: None,
            replayed: false,
            file: None,
        }
    }

    /// 200 with a file.
    pub fn file(file: File) -> Self {
        Self {
            file: Some(file),
            ..Self::nothing()
        }
    }

    /// 200 with a document.
    ///
    /// # Errors
    /// When the document cannot be written, which is a defect.
    pub fn of(document: &impl Serialize) -> Result<Self> {
        Ok(Self::ok(serde_json::to_value(document).map_err(Error::internal)?))
    }

    /// 204.
    pub fn nothing() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            body: None,
            ..Self::ok(Json::Null)
        }
    }

    /// 201 at this path.
    #[must_use]
    pub fn created(self, location: String) -> Self {
        Self {
            status: StatusCode::CREATED,
            location: Some(location),
            ..self
        }
    }

    /// With an entity tag.
    #[must_use]
    pub fn tagged(self, etag: String) -> Self {
        Self {
            etag: Some(etag),
            ..self
        }
    }

    /// With a text that is told once.
    #[must_use]
    pub fn telling(self, member: &'static str, text: Option<secret::Secret<String>>) -> Self {
        Self {
            secret: text.map(|text| Secret { member, text }),
            ..self
        }
    }
}

impl Call {
    /// A part of the path.
    pub fn path(&self, name: &str) -> &str {
        let found = self.path.iter().find(|(n, _)| n == name);
        found.map_or("", |(_, value)| value)
    }

    /// Whether nothing is to be changed.
    pub fn dry_run(&self) -> bool {
        self.query.flag("dry_run")
    }

    /// What the caller may do in the organisation of the path.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn access(&self) -> Result<Access> {
        self.caller
            .reach(&self.app, self.path("org"), self.dry_run())
            .await
    }

    /// What the caller may do where this call acts: in the organisation of the path, of the client in it, or of the
    /// body; else in his own.
    async fn place(&self) -> Result<Access> {
        let owner = self.body.get("ownerOrgId").and_then(Json::as_str);
        let org = match (self.path("org"), self.path("client"), owner) {
            ("", "", Some(owner)) => owner.to_owned(),
            ("", "", None) => return self.caller.own(false),
            ("", client, _) => {
                let client = self.caller.client(&self.app, client).await?;
                client.ok_or_else(clients::unknown)?.org_id
            }
            (org, ..) => org.to_owned(),
        };
        self.caller.reach(&self.app, &org, false).await
    }

    /// Asks whether the caller could do now what he did before.
    async fn may_still(&self, operation: &Operation) -> Result<()> {
        let Some(permission) = operation.permission else {
            return Ok(());
        };
        if permission.is_personal() {
            let myself = self.caller.myself(permission);
            if operation.instead.is_empty() || myself.is_ok() {
                return myself.map(drop);
            }
        }
        let place = self.place().await?;
        match operation.instead {
            [] => place.require(permission),
            all => all.iter().try_for_each(|permission| place.require(*permission)),
        }
    }

    /// Asks the person who acts for the sign-in that the operation demands in any case; the functions of the registry ask
    /// again, and for what depends on the input.
    async fn meets(&self, operation: &Operation) -> Result<()> {
        if operation.demand() != Demand::Fresh || self.dry_run() {
            return Ok(());
        }
        match self.caller.assurance.check(self.now) {
            Ok(()) => Ok(()),
            Err(challenge) => {
                // A new sign-in is no help to whoever may not do it at all.
                self.may_still(operation).await?;
                Err(challenge)
            }
        }
    }

    /// The body, which was held against its schema.
    ///
    /// # Errors
    /// Bad input that the schema lets through.
    pub fn input<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.body.clone()).map_err(|error| {
            Code::Invalid
                .because(format!("the body does not fit: {error}"))
                .into()
        })
    }

    /// Asks for an `If-Match` that names the tag of what is to be changed.
    ///
    /// # Errors
    /// `precondition_failed`; `precondition_required`, if it is needed.
    pub fn demand(&self, etag: &str, needed: bool) -> Result<()> {
        let result = self.if_match.demand(etag, needed);
        if result.is_err() {
            // Only the first refusal is answered.
            drop(self.etag.set(etag.to_owned()));
        }
        Ok(result?)
    }
}

/// What every operation stands on.
#[derive(Clone)]
pub struct Ground {
    pub app: State,
    pub limit: Arc<RateLimit>,
}

/// Answers a request to an operation.
pub async fn serve(ground: Ground, operation: &'static Operation, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let context = context(&parts);
    let etag = Arc::new(std::sync::OnceLock::new());
    let mut left = None;
    let result = run(
        &ground,
        operation,
        parts.clone(),
        body,
        &context,
        &etag,
        &mut left,
    )
    .await;
    let mut response = match result {
        Ok(reply) => answer(reply, &parts, &ground.app),
        Err(error) => problem::render(
            &error,
            About {
                issuer: &ground.app.registry.config.issuer,
                path: parts.uri.path(),
                request_id: &context.request_id,
                scope: operation
                    .permission
                    .map(crate::registry::access::Permission::word),
                etag: etag.get().map(String::as_str),
            },
        ),
    };
    if let Some(left) = left {
        left.announce(response.headers_mut());
    }
    response
}

/// What is known of the request; a test that skips the watch gets a blank one.
pub fn context(parts: &Parts) -> RequestContext {
    let blank = || RequestContext {
        request_id: String::new(),
        ip: std::net::Ipv4Addr::UNSPECIFIED.into(),
        https: false,
    };
    parts.extensions.get().cloned().unwrap_or_else(blank)
}

async fn run(
    ground: &Ground,
    operation: &'static Operation,
    mut parts: Parts,
    body: axum::body::Body,
    context: &RequestContext,
    etag: &Arc<std::sync::OnceLock<String>>,
    left: &mut Option<Left>,
) -> Result<Reply> {
    let app = &ground.app;
    let now = app.registry.now();
    let caller = caller::authenticate(app, &parts.headers, parts.uri.query(), context, now).await?;
    let (counted, granted) = ground.limit.spend(&caller.key(), app.registry.clock.monotonic());
    *left = counted;
    granted?;
    let path = path(&mut parts).await?;
    let query = Query::parse(parts.uri.query().unwrap_or_default(), &operation.query)?;
    let most = usize::try_from(app.registry.config.limits.body_bytes).unwrap_or(usize::MAX);
    let bytes = to_bytes(body, most)
        .await
        .map_err(|_| Code::TooLarge.because("the request body is too large or broke off"))?;
    let call = Call {
        app: Arc::clone(app),
        caller,
        query,
        if_match: Tags::if_match(&parts.headers),
        now,
        etag: Arc::clone(etag),
        path,
        body: read_body(app.registry.config.as_ref(), operation, &parts.headers, &bytes)?,
    };
    perform(operation, call, &parts, &bytes).await
}

/// Runs the operation to its end, even if the caller goes away.
async fn perform(operation: &'static Operation, call: Call, parts: &Parts, bytes: &Bytes) -> Result<Reply> {
    let key = parts.headers.get(operation.key).filter(|_| operation.makes());
    let key = key.map(|key| key.to_str().unwrap_or_default().to_owned());
    if let Some(key) = &key {
        idempotency::check_key(operation.key, key)?;
    }
    // What is only tried may be tried again.
    let key = key.filter(|_| !call.dry_run());
    let mut content = format!("{} {}\n", parts.method, parts.uri).into_bytes();
    content.extend_from_slice(bytes);
    let task = tokio::spawn(async move {
        call.meets(operation).await?;
        let (app, caller) = (Arc::clone(&call.app), call.caller.key());
        let Some(key) = key else {
            return (operation.act)(call).await;
        };
        match idempotency::take(&app.registry, &caller, &key, &content).await? {
            Taken::Before(reply) => {
                // The operation itself is not asked, and the token may be another one than before.
                call.may_still(operation).await?;
                Ok(reply)
            }
            Taken::Now(held) => {
                let result = (operation.act)(call).await;
                idempotency::finish(&app.registry, &held, result).await
            }
        }
    });
    task.await.unwrap_or_else(|broken| Err(Error::internal(broken)))
}

async fn path(parts: &mut Parts) -> Result<Vec<(String, String)>, Refusal> {
    let wrong = || {
        Code::Invalid
            .because("the path is not percent-encoded UTF-8 without NUL characters")
            .reason("malformed_path")
    };
    let params = RawPathParams::from_request_parts(parts, &())
        .await
        .map_err(|_| wrong())?;
    let params: Vec<_> = params.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    if params.iter().any(|(_, value)| value.contains('\0')) {
        return Err(wrong());
    }
    Ok(params)
}

fn read_body(
    config: &Config,
    operation: &Operation,
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Result<Json, Refusal> {
    let Some(wanted) = &operation.body else {
        return Ok(json!({}));
    };
    if bytes.is_empty() && !wanted.required {
        return Ok(json!({}));
    }
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = media_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if !wanted
        .media_types()
        .iter()
        .any(|one| media_type.eq_ignore_ascii_case(one))
    {
        return Err(Code::UnsupportedMediaType
            .because(format!("send the body as {}", wanted.media_types().join(" or "))));
    }
    let body = input::parse(bytes)?;
    let components = schema::components(&config.legacy);
    let name = (wanted.shape.name)();
    let mut fields: Vec<Field> = Vec::new();
    if let Some(schema) = components.get(name.as_ref()) {
        input::check(&body, schema, components, "", &mut fields);
    }
    if fields.is_empty() {
        Ok(body)
    } else {
        Err(Refusal::fields(fields))
    }
}

fn answer(reply: Reply, parts: &Parts, app: &State) -> Response {
    let unchanged = parts.method.is_safe()
        && reply
            .etag
            .as_deref()
            .is_some_and(|etag| Tags::if_none_match(&parts.headers).name(etag));
    let mut disposition = None;
    let mut response = match reply.body {
        _ if unchanged => StatusCode::NOT_MODIFIED.into_response(),
        None => match reply.file {
            Some(file) => {
                disposition = Some(format!("attachment; filename=\"{}\"", file.name));
                ([(header::CONTENT_TYPE, file.media_type)], file.content).into_response()
            }
            None => reply.status.into_response(),
        },
        Some(mut body) => {
            if let Some(secret) = &reply.secret {
                body[secret.member] = Json::from(secret.text.expose().as_str());
            }
            let content_type = [(header::CONTENT_TYPE, "application/json")];
            (reply.status, content_type, body.to_string()).into_response()
        }
    };
    let issuer = &app.registry.config.issuer;
    let headers = response.headers_mut();
    problem::protect(headers);
    let mut set = |name: HeaderName, text: Option<String>| {
        if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_DISPOSITION, disposition);
    set(header::ETAG, reply.etag);
    set(header::LOCATION, reply.location.map(|path| issuer.join(&path)));
    set(
        header::LINK,
        reply
            .next
            .map(|path| format!("<{}>; rel=\"next\"", issuer.join(&path))),
    );
    let replayed = HeaderName::from_static("idempotent-replayed");
    set(replayed, reply.replayed.then(|| "true".to_owned()));
    response
}
